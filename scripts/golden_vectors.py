"""Golden vectors of everything random that somebody else must be able to compute again.

    python scripts/golden_vectors.py          # write tests/vectors/*.json
    python scripts/golden_vectors.py --check  # exit status 1 where they differ

Written from docs/randomness.md and the papers and standards it names, with the standard library only and nothing of
`antiphon`: that both come to the same numbers says that the page is true and that neither has changed.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import sys
from itertools import islice
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "tests" / "vectors"
MASK64 = 2**64 - 1
CLEAR = 1e-3
"""Decisions in these vectors are won by at least this much, so that the last bits of a logarithm decide nothing."""


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


# --- Integers from a beacon, chains, seats (docs/randomness.md, first four sections) ---


def integers(beacon: bytes, label: str):
    """A function that draws the next integer below its argument."""
    key = sha(struct.pack(">I", len(beacon)), beacon, label.encode())
    number = 0

    def below(limit: int) -> int:
        nonlocal number
        bits = (limit - 1).bit_length()
        while True:
            found = b""
            for _ in range(max(1, math.ceil(bits / 256))):
                found += sha(key, struct.pack(">Q", number))
                number += 1
            drawn = int.from_bytes(found, "big") % 2**bits
            if drawn < limit:
                return drawn

    return below


def chain(secret: bytes) -> list[bytes]:
    """Tip, then links 0 to 63."""
    links = [secret]
    while len(links) < 65:
        links.insert(0, sha(b"antiphon/1 link\0", links[0]))
    return links


def seats(weights: list[int], count: int, below) -> list[int]:
    lengths = [max(1, weight) for weight in weights]
    left, seated = sorted(range(len(weights)), key=lambda one: (-lengths[one], str(one))), []
    while (
        left and len(seated) < count and lengths[left[0]] * (count - len(seated)) >= sum(lengths[one] for one in left)
    ):
        seated.append(left.pop(0))
    wanted = count - len(seated)
    if not left or not wanted:
        return seated
    for place in range(len(left) - 1, 0, -1):
        other = below(place + 1)
        left[place], left[other] = left[other], left[place]
    whole = sum(lengths[one] for one in left)
    mark = below(whole)
    for _ in range(wanted):
        rest = mark
        for one in left:
            rest -= wanted * lengths[one]
            if rest < 0:
                seated.append(one)
                break
        mark += whole
    return seated


def without_replacement(weights: list[int], count: int, below) -> list[int]:
    left, found = list(range(len(weights))), []
    while left and len(found) < count:
        total, missed = sum(max(1, weights[one]) for one in left), False
        round_ = list(left)
        while not missed and len(found) < count:
            ticket = below(total)
            for one in round_:
                ticket -= max(1, weights[one])
                if ticket < 0:
                    break
            missed = one in found
            if not missed:
                found.append(one)
                left.remove(one)
    return found


def economy() -> dict:
    draws = []
    for beacon, label in ((b"", ""), (b"block 7", "seats"), (bytes(range(32)), "part 0")):
        limits = [1, 2, 3, 6, 1_000_000, 2**32, 2**64 + 1, 10**80, 2**256, 2**256 + 1, 10**100]
        below = integers(beacon, label)
        found = [{"limit": str(limit), "drawn": str(below(limit))} for limit in limits]
        draws.append({"beacon": beacon.hex(), "label": label, "integers": found})
    one, other = chain(sha(b"client")), chain(sha(b"ledger"))
    task = "0123456789abcdef" * 2
    beacons = []
    for number, (index, attempt, round_) in enumerate([(0, 0, 0), (0, 0, 1), (12, 1, 2)]):
        links = one[1 + number], other[1 + number]
        drawn = sha(b"antiphon/1 seats\0", *links, f"{task} {index} {attempt} {round_}".encode())
        beacons.append(
            {"index": index, "attempt": attempt, "round": round_, "client": links[0].hex(), "ledger": links[1].hex(),
             "beacon": drawn.hex()}
        )  # fmt: skip
    drawn_seats = []
    for weights, count in (([5, 1, 3], 3), ([1] * 7, 3), ([0, 0, 10**18, 10**9], 3), ([40, 1, 1, 1, 30], 5), ([7], 3)):
        for number in range(3):
            beacon = sha(b"seats %d" % number)
            found = seats(weights, count, integers(beacon, "seats"))
            drawn_seats.append({"weights": weights, "seats": count, "beacon": beacon.hex(), "seated": found})
    audits = []
    for number in range(8):
        draw = sha(b"draw %d" % number)
        ticket = integers(draw, "audit")(1_000_000)
        audits.append({"draw": draw.hex(), "ticket": ticket, "opens_by": sha(b"antiphon/1 audit\0", draw).hex()})
    free = [(n * 7919 % 1000 + 1) * 10**9 for n in range(60)]
    names = [f"{n * 37 % 60:02d}" for n in range(60)]
    by_name = sorted(range(60), key=names.__getitem__)
    pooled = without_replacement([free[n] for n in by_name], 48, integers(b"pool", "pool"))
    return {
        "draws": draws,
        "chain": {"secret": sha(b"client").hex(), "tip": one[0].hex(),
                  "links": {str(n): one[1 + n].hex() for n in (0, 1, 31, 63)}},
        "beacons": {"task": task, "drawn": beacons},
        "seats": drawn_seats,
        "audits": audits,
        "pool": {"beacon": b"pool".hex(), "nodes": names, "free_stake_nano": free,
                 "pool": [names[by_name[place]] for place in pooled]},
        "lots": [{"beacon": b"block 1".hex(), "part": part, "order": sorted(
            ["ann", "bea", "cleo", "dora", "eve"], key=lambda node: sha(b"block 1|%d|" % part, node.encode()))}
            for part in range(4)],
    }  # fmt: skip


# --- Gumbel numbers (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", Philox4x64-10) ---


def philox(key: int):
    """Words of 64 bits."""
    counter = 0
    while True:
        counter += 1
        words = [(counter >> 64 * place) & MASK64 for place in range(4)]
        low, high = key & MASK64, key >> 64
        for _ in range(10):
            first, second = 0xD2E7470EE14C6C93 * words[0], 0xCA5A826395121157 * words[2]
            words = [(second >> 64) ^ words[1] ^ low, second & MASK64, (first >> 64) ^ words[3] ^ high, first & MASK64]
            low, high = (low + 0x9E3779B97F4A7C15) & MASK64, (high + 0xBB67AE8584CAA73B) & MASK64
        yield from words


def random32(key: bytes, use: int):
    for word in philox(int.from_bytes(sha(key, bytes([use]))[:16], "little")):
        yield word & 0xFFFFFFFF
        yield word >> 32


def uniform(bits: int) -> float:
    return ((bits >> 9) + 0.5) / 2**23


def gumbel(key: bytes, use: int):
    for bits in random32(key, use):
        yield -math.log(-math.log(uniform(bits)))


def task_key(task: str, seed: int, part: int) -> bytes:
    return sha(b"antiphon/soundstorm/task\0", f"{task}\0{seed}\0{part}".encode())


def pass_key(key: bytes, level: int, turn: int) -> bytes:
    return sha(b"antiphon/soundstorm/pass\0", key, struct.pack("<II", level, turn))


# --- Parallel decoding (arXiv:2305.09636, section 3.3; MaskGIT, arXiv:2202.04200) ---


def still_unknown(frames: int, turn: int, turns: int, schedule: str) -> int:
    if turn + 1 == turns:
        return 0
    done = (turn + 1) / turns
    return math.floor(round(frames * (math.cos(math.pi / 2 * done) if schedule == "cosine" else 1 - done), 9))


def logit(level: int, frame: int, token: int, semantic: int, column: list[int]) -> float:
    """What stands for a network here: a hash of all it is shown, in 256ths between -2 and 2, exact in float32."""
    seen = [level, frame, token, semantic, *column]
    mixed = 0
    for value in seen:
        mixed = (mixed ^ mixed >> 15 ^ value + 1) * 2654435761 % 2**32
    return (mixed >> 22) / 256 - 2


def log_softmax(row: list[float]) -> list[float]:
    total = math.log(sum(math.exp(value) for value in row))
    return [value - total for value in row]


def order_of(depth: list[int]) -> list[int]:
    return [level for _, level in sorted((deep, level) for level, deep in enumerate(depth))]


def decode(case: dict) -> list[list[list[int]]]:
    """All grids, the one before the first pass and those after each."""
    vocabulary, frames, prompt = case["vocabulary"], len(case["semantic"]), len(case["prompt"][0])
    grid = [[*given, *[size] * (frames - prompt)] for given, size in zip(case["prompt"], vocabulary, strict=True)]
    grids, key = [grid], bytes.fromhex(case["key"])
    for place, (level, turns) in enumerate(zip(order_of(case["depth"]), case["passes"], strict=True)):
        guided = case["guided_levels"] is None or place < case["guided_levels"]
        for turn in range(turns):
            grid = one_pass(case, grid, key, level, turn, turns, case["guidance"] if guided else 1.0)
            grids.append(grid)
    return grids


def one_pass(case: dict, grid: list, key: bytes, level: int, turn: int, turns: int, guidance: float) -> list:
    size, last = case["vocabulary"][level], turn + 1 == turns
    unknown = [frame for frame, token in enumerate(grid[level]) if token == size]
    of_pass = pass_key(key, level, turn)
    annealed = case["noise"] * (1 - (turn + 1) / turns)
    candidates, confidences = gumbel(of_pass, 0), gumbel(of_pass, 1)
    made = []
    for frame in unknown:
        column = [row[frame] for row in grid]
        given = [logit(level, frame, token, case["semantic"][frame], column) for token in range(size)]
        free = [logit(level, frame, token, case["semantic_vocabulary"], column) for token in range(size)]
        row = [f + guidance * (g - f) for f, g in zip(free, given, strict=True)]
        noisy = row
        if not last and case["temperature"]:
            noisy = [value + case["temperature"] * next(candidates) for value in row]
        best, second = sorted(noisy)[:-3:-1]
        assert best == second or best - second > CLEAR, "choose another key: a candidate hangs on the last bits"
        token = noisy.index(best)
        made.append((log_softmax(row)[token] + annealed * next(confidences), frame, token))
    left = still_unknown(len(grid[0]) - len(case["prompt"][0]), turn, turns, case["schedule"])
    made.sort(key=lambda one: (-one[0], one[1]))
    keep = max(0, len(made) - left)
    if not last and 0 < keep < len(made):
        assert made[keep - 1][0] - made[keep][0] > CLEAR, "choose another key: a choice hangs on the last bits"
    after = [list(row) for row in grid]
    for _, frame, token in made[:keep]:
        after[level][frame] = token
    return after


# --- Step audit (RFC 6962, section 2.1) ---


def packed(rows: list[list[int]]) -> bytes:
    return b"".join(struct.pack("<H", token) for row in rows for token in row)


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def statement(case: dict) -> bytes:
    layout = {
        "codec": "golden", "vocabulary": case["vocabulary"], "frame_rate_hz": 50.0, "semantic": "",
        "semantic_vocabulary": case["semantic_vocabulary"], "depth": case["depth"],
    }  # fmt: skip
    options = {name: case[name] for name in ("passes", "first", "schedule", "temperature", "noise", "guidance")}
    options["guided_levels"] = case["guided_levels"]
    text = b"".join(struct.pack("<f", value) for value in case["text"] or [])
    parts = (
        case["model"].encode(), compact(layout), compact(options), packed([case["semantic"]]), packed(case["prompt"]),
        text, bytes.fromhex(case["key"]),
    )  # fmt: skip
    return sha(b"antiphon/soundstorm/task-statement\0", *(struct.pack("<Q", len(part)) + part for part in parts))


def leaves(case: dict, grids: list) -> list[bytes]:
    key, made = bytes.fromhex(case["key"]), [(0, bytes.fromhex(case["key"]))]
    for level, turns in zip(order_of(case["depth"]), case["passes"], strict=True):
        made += [(level, pass_key(key, level, turn)) for turn in range(turns)]
    found = []
    for number, (grid, (level, bound)) in enumerate(zip(grids, made, strict=True)):
        head = struct.pack("<IHII", number, level, len(grid), len(grid[0]))
        found.append(sha(b"\0", b"antiphon/soundstorm/step\0", head, bound, packed(grid)))
    return found


def tree(hashes: list[bytes]) -> bytes:
    """RFC 6962: k is the largest power of two smaller than n."""
    if len(hashes) == 1:
        return hashes[0]
    k = 2 ** math.ceil(math.log2(len(hashes)) - 1)
    return sha(b"\1", tree(hashes[:k]), tree(hashes[k:]))


def path(hashes: list[bytes], place: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    k = 2 ** math.ceil(math.log2(len(hashes)) - 1)
    if place < k:
        return [*path(hashes[:k], place), tree(hashes[k:])]
    return [*path(hashes[k:], place - k), tree(hashes[:k])]


def chosen(case: dict, root: bytes, beacon: bytes, count: int) -> list[int]:
    seed = sha(b"antiphon/soundstorm/choose\0", root, beacon)
    turns = [turns for turns in case["passes"] for _ in range(turns)]
    ranked = sorted(range(len(turns)), key=lambda n: sha(seed, struct.pack("<I", n)))
    several, single = [n for n in ranked if turns[n] > 1], [n for n in ranked if turns[n] == 1]
    if count == 1:
        return ranked[:1]
    share = math.ceil(count * len(several) / len(turns))
    if share == count and single:
        share = max(0, count - 1)
    return sorted(several[:share] + single[: count - share])


def msgpack(value: object) -> bytes:
    """Maps, lists, strings and binaries in their shortest form."""
    if isinstance(value, dict):
        return bytes([0x80 + len(value)]) + b"".join(msgpack(k) + msgpack(v) for k, v in value.items())
    if isinstance(value, list):
        return bytes([0x90 + len(value)]) + b"".join(map(msgpack, value))
    if isinstance(value, str):
        return bytes([0xA0 + len(value)]) + value.encode()
    assert isinstance(value, bytes)
    return b"\xc4" + bytes([len(value)]) + value


def record(case: dict, grids: list, root: bytes) -> dict:
    tokens = packed([row[len(case["prompt"][0]) :] for row in grids[-1]])
    sizes = [len(tokens), 6, 40]
    windows = [{"root": root, "tokens": tokens}, {"root": sha(b"two"), "tokens": bytes(6)}]
    pieces = [
        {"semantic": packed([case["semantic"]]), "windows": windows},
        {"semantic": b"", "windows": [{"root": sha(b"three"), "tokens": bytes(range(40))}]},
    ]
    encoded = msgpack({"made_with": "text generator codec", "pieces": pieces})
    opened, edges = [], {0, sizes[0] - 1, sizes[0], sizes[0] + 5, sizes[0] + 6, sum(sizes) - 1}
    for number in range(2_000):
        beacon = sha(b"window %d" % number)
        ticket = integers(beacon, "window")(sum(sizes))
        if ticket in edges:
            edges.remove(ticket)
            window = [ticket < sum(sizes[: n + 1]) for n in range(3)].index(True)
            opened.append({"beacon": beacon.hex(), "window": window})
    assert not edges
    return {"encoded": encoded.hex(), "root": sha(b"antiphon/soundstorm/record\0", encoded).hex(), "opened": opened}


CASES = {
    "two groups": {
        "vocabulary": [7, 5, 7, 5], "depth": [0, 1, 0, 1], "passes": [4, 1, 3, 2], "frames": 11, "prompt_frames": 2,
        "schedule": "cosine", "temperature": 0.75, "noise": 2.5, "guidance": 2.0, "guided_levels": 2, "text": None,
    },
    "one stack": {
        "vocabulary": [16, 9, 4, 5], "depth": [0, 1, 2, 3], "passes": [3, 1, 1, 1], "frames": 14, "prompt_frames": 0,
        "schedule": "linear", "temperature": 1.0, "noise": 4.5, "guidance": 1.0, "guided_levels": None,
        "text": [0.5, -1.25],
    },
    "greedy candidates": {
        "vocabulary": [12], "depth": [0], "passes": [6], "frames": 13, "prompt_frames": 3,
        "schedule": "cosine", "temperature": 0.0, "noise": 9.0, "guidance": 3.0, "guided_levels": None, "text": None,
    },
    "hot candidates": {
        "vocabulary": [12], "depth": [0], "passes": [2], "frames": 13, "prompt_frames": 3,
        "schedule": "cosine", "temperature": 3.0, "noise": 0.0, "guidance": 1.0, "guided_levels": None, "text": None,
    },
}  # fmt: skip


def generation(name: str, about: dict) -> dict:
    case = {name: value for name, value in about.items() if name not in ("frames", "prompt_frames")}
    frames, prompt = about["frames"], about["prompt_frames"]
    case |= {
        "model": f"golden-{len(name)}", "semantic_vocabulary": 10, "first": 16,
        "semantic": [(3 * n * n + n) % 10 for n in range(frames)],
        "prompt": [[(5 * n + level) % size for n in range(prompt)] for level, size in enumerate(about["vocabulary"])],
        "key": task_key(f"golden {name}", 7, 1).hex(),
    }  # fmt: skip
    grids = decode(case)
    hashes = leaves(case, grids)
    root, beacon = tree(hashes), sha(b"beacon")
    return {
        "name": name,
        "case": case,
        "grids": grids,
        "statement": statement(case).hex(),
        "leaves": [one.hex() for one in hashes],
        "root": root.hex(),
        "paths": [[one.hex() for one in path(hashes, place)] for place in (0, len(hashes) // 2, len(hashes) - 1)],
        "beacon": beacon.hex(),
        "opened": [chosen(case, root, beacon, count) for count in range(len(hashes) + 1)],
        "record": record(case, grids, root),
    }


# --- The text stage, and masks of training ---


def text_tokens(key: bytes, count: int, size: int) -> dict:
    """With equal logits the largest Gumbel number is the token: one by one, and all at once."""
    label = b"antiphon/soundstorm/text\0"
    each = [islice(gumbel(sha(label, key, struct.pack("<I", place)), 2), size) for place in range(count)]
    whole = gumbel(sha(label, key), 3)
    return {
        "key": key.hex(),
        "vocabulary": size,
        "one_by_one": [largest(list(row)) for row in each],
        "at_once": [largest(list(islice(whole, size))) for _ in range(count)],
    }


def largest(row: list[float]) -> int:
    best, second = sorted(row)[:-3:-1]
    assert best - second > CLEAR, "choose another key: a token hangs on the last bits"
    return row.index(best)


def mask(vocabulary: list[int], depth: list[int], tokens: list[list[int]], prompt: int, level: int, u: float) -> dict:
    chances = [(n * 0.37 + 0.11) % 1 for n in range(len(tokens[0]))]
    hidden = [frame >= prompt and chance < math.cos(u) for frame, chance in enumerate(chances)]
    if not any(hidden):
        hidden[-1] = True
    order = order_of(depth)
    later = order[order.index(level) + 1 :]
    seen = [
        [vocabulary[k] if (k == level and hidden[n]) or (k in later and n >= prompt) else token
         for n, token in enumerate(row)] for k, row in enumerate(tokens)
    ]  # fmt: skip
    return {"vocabulary": vocabulary, "depth": depth, "tokens": tokens, "prompt": prompt, "level": level, "u": u,
            "chances": chances, "hidden": hidden, "seen": seen}  # fmt: skip


def soundstorm() -> dict:
    keys = [(bytes(32), 0), (task_key("soundstorm 0", 2**63 + 5, 0), 0), (task_key("soundstorm 0", 2**63 + 5, 0), 1)]
    numbers = []
    for key, use in keys:
        many = list(islice(random32(key, use), 4096))
        top, bottom = many.index(max(many)), many.index(min(many))
        shown = [0, 1, 2, 3, 4, 5, 6, 7, top, bottom]
        values = [-math.log(-math.log(uniform(many[n]))) for n in shown]
        numbers.append({
            "key": key.hex(), "use": use, "count": 4096, "places": shown, "bits": [many[n] for n in shown],
            "gumbel": [round(value, 9) for value in values],
        })  # fmt: skip
    bits = [0, 1, 511, 512, 2**31, 2**32 - 512, 2**32 - 1]
    grid = [[n * (k + 3) % 4 for n in range(6)] for k in range(4)]
    tasks = [("a task", 0, 0), ("a task", 12, 3), ("soundstorm 4", 2**64 - 1, 2)]
    passes = [(0, 0), (0, 1), (1, 0), (2, 15), (300, 70_000)]
    return {
        "task_keys": [{"task": t, "seed": s, "part": p, "key": task_key(t, s, p).hex()} for t, s, p in tasks],
        "pass_keys": [{"level": k, "turn": n, "key": pass_key(bytes(range(32)), k, n).hex()} for k, n in passes],
        "uniform": [{"bits": one, "value": uniform(one)} for one in bits],
        "gumbel": numbers,
        "unknown_after": [
            {"schedule": schedule, "frames": frames, "turns": turns,
             "left": [still_unknown(frames, turn, turns, schedule) for turn in range(turns)]}
            for schedule in ("cosine", "linear") for frames, turns in ((100, 16), (37, 8), (10, 10), (1, 3), (750, 4))
        ],
        "annealed": [{"noise": 4.5, "turns": turns, "scale": [4.5 * (1 - (n + 1) / turns) for n in range(turns)]}
                     for turns in (2, 5, 16)],
        "generations": [generation(name, about) for name, about in CASES.items()],
        "text": text_tokens(task_key("soundstorm 2", 99, 0), 12, 20),
        "masks": [mask([8, 9, 8, 9], [0, 1, 0, 1], grid, prompt, level, u)
                  for prompt, level, u in ((2, 2, 0.9), (0, 1, 0.3), (5, 0, 1.57), (3, 3, 1.2))],
    }  # fmt: skip


def written(value: object, indent: str = "") -> str:
    """JSON, a line for what fits into 110 characters."""
    flat = json.dumps(value)
    if len(flat) + len(indent) <= 110 or not isinstance(value, dict | list):
        return flat
    deeper = indent + " "
    if isinstance(value, dict):
        lines = [f"{deeper}{json.dumps(name)}: {written(one, deeper)}" for name, one in value.items()]
    else:
        lines = [deeper + written(one, deeper) for one in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    return first + "\n" + ",\n".join(lines) + "\n" + indent + last


def main() -> int:
    wrong = []
    for name, value in (("economy", economy()), ("soundstorm", soundstorm())):
        path_, text = FOLDER / f"{name}.json", written(value) + "\n"
        if "--check" not in sys.argv:
            FOLDER.mkdir(exist_ok=True)
            path_.write_text(text)
        elif not path_.is_file() or path_.read_text() != text:
            wrong.append(str(path_))
    print(*(f"{path_} differs" for path_ in wrong), sep="\n", end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
