"""Secure aggregation: the coordinator gets the sum, and nothing else, whoever goes away and whatever it asks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from linear import LinearLearner, pieces_of

pytest.importorskip("flwr", reason="needs antiphon[genki]")

from federations import Federation, Killed
from flwr.app import ConfigRecord, Message, RecordDict

from antiphon.errors import InputError, ProtocolError, UnavailableError
from antiphon.genki import learning
from antiphon.genki.rounds import compression, flower
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.embedded import Local, LocalGrid
from antiphon.genki.rounds.explaining import explained
from antiphon.genki.rounds.history import history
from antiphon.genki.rounds.plan import Plan, read_plan
from antiphon.genki.rounds.secagg import coordinating, messages, primitives
from antiphon.genki.rounds.secagg.contributing import Attempt
from antiphon.genki.rounds.secagg.messages import Confirm, Confirmed, Mask, Masked, Offer, Open, Opened, Share, Shares
from antiphon.genki.rounds.task import Task
from antiphon.protocol import canonical
from antiphon.protocol.identity import Identity

SECURE = {"secure": True, "screen": False, "clip_norm": 4.0, "keep": 4_096, "min_parties": 3}
STEPS = {"share": Share, "mask": Mask, "confirm": Confirm, "open": Open}


def federation(folder: Path, **plan: Any) -> Federation:
    return Federation(folder, **{"rounds": 2} | SECURE | plan)


class Wire:
    """A node as the coordinator sees it: everything it answers is kept, and it may go, or lie, at a step."""

    def __init__(self, node: Local, *, gone_at: str = "", lie: Callable[[Any], Any] | None = None) -> None:
        self.id, self._node, self._gone_at, self._lie = node.id, node, gone_at, lie
        self.answers: list[bytes] = []
        self.grid: LocalGrid | None = None

    def reply(self, message: Message) -> Message:
        raw = message.content.config_records["config"].get("step")
        name = next((name for name, kind in STEPS.items() if raw and isinstance(_step(raw), kind)), "offer")
        if name == self._gone_at:
            self.grid.leave(self.id)  # type: ignore[union-attr]
            return flower.refusal(message, "gone")  # nobody reads it: it is not there
        reply = self._node.reply(message)
        if not reply.has_error():
            self.answers.append(flower.update_in(reply))
        return reply


def _step(raw: bytes) -> Any:
    return canonical.parse(messages.Step, raw)


def run(found: Federation, wires: list[Any], *, attempts: int = 1, held_out: Any = ()) -> None:
    with LocalGrid(wires) as grid:
        for wire in wires:
            wire.grid = grid
        Coordinator(found.learner, found.store(), grid, held_out=held_out).run(attempts=attempts)


def wires_of(found: Federation, **gone: str) -> list[Wire]:
    return [Wire(Local(found.contributor(n)), gone_at=gone.get(f"n{n}", "")) for n in range(len(found.identities))]


def plain_words(found: Federation, n: int, round_: int = 1) -> primitives.Words:
    """What a contributor adds, from its own folder."""
    last = found.contributor(n)._last()
    assert last is not None
    assert last.round == round_
    return np.frombuffer(last.update, "<u4")


def after(found: Federation, parties: list[int]) -> learning.Parameters:
    """The parameters after one round by the plain mean of these parties' updates."""
    base = found.learner.initial()
    total = sum(
        primitives.floats(plain_words(found, n), found.plan.clip_norm).astype(np.float64) for n in parties
    ) / len(parties)
    return learning.added(base, compression.shaped(total.astype(np.float32), base))


def test_the_sum_is_the_plain_sum_within_the_step_of_fixed_point_numbers(tmp_path: Path) -> None:
    found = federation(tmp_path, rounds=1)
    run(found, wires_of(found))
    base, made = found.learner.initial(), found.store().parameters()
    whole = [found.learner.learn(base, found.pieces[n], steps=20, seed=_seed(found, n)) for n in range(4)]
    for name, value in made.items():
        mean = sum((one[name] - base[name]).astype(np.float64) for one in whole) / 4
        assert np.abs(value - base[name] - mean).max() <= primitives.step(found.plan.clip_norm)


def _seed(found: Federation, n: int) -> int:
    return (int(found.identities[n].node_id[:12], 16) ^ (found.plan.seed * 1_000_003 + 1)) % 2**31


def test_what_leaves_a_machine_does_not_correlate_with_its_update_and_two_attempts_do_not_with_each_other(
    tmp_path: Path,
) -> None:
    found = federation(tmp_path, rounds=1)
    found.learner = LinearLearner(inputs=2_000)
    found.plan = msgspec.structs.replace(found.plan, model=found.learner.name)
    found.pieces = [pieces_of(n, 60, inputs=2_000) for n in range(4)]
    wires = wires_of(found)
    run(found, wires)
    for n, wire in enumerate(wires):
        (masked,) = _masked(wire)
        plain = primitives.floats(plain_words(found, n), 1.0)
        shown = masked.astype(np.float64) - 2**31
        bound = 5 / np.sqrt(plain.size)
        assert abs(np.corrcoef(plain, shown)[0, 1]) < bound
        assert abs(np.corrcoef(np.sign(plain), shown)[0, 1]) < bound
        assert abs(shown.mean()) < 5 * 2**32 / np.sqrt(12 * plain.size)  # uniform, as random words are
        assert plain_words(found, n).tobytes() not in b"".join(wire.answers)
    other = [_masked(wire)[0].astype(np.float64) for wire in wires]
    assert max(abs(np.corrcoef(other[0], one)[0, 1]) for one in other[1:]) < bound


def _masked(wire: Wire) -> list[primitives.Words]:
    found = []
    for raw in wire.answers:
        try:
            body = canonical.decode(Masked, canonical.parse(messages._Signed, raw).body)
        except ProtocolError:
            continue
        found.append(np.frombuffer(body.words, "<u4"))
    return found


@pytest.mark.parametrize(
    ("gone", "counted"), [("mask", [0, 1, 2, 3]), ("confirm", [0, 1, 2, 3, 4]), ("open", [0, 1, 2, 3, 4])]
)
def test_a_party_that_goes_within_the_round_does_not_stop_it(tmp_path: Path, gone: str, counted: list[int]) -> None:
    """Five of five shared their keys. Who went before its masked update is not in the sum; who went after it is."""
    found = federation(tmp_path, parties=5, rounds=1)
    run(found, wires_of(found, n4=gone))
    (report,) = found.store().reports()
    assert report.attempts == 1
    assert set(report.accepted) == {found.identities[n].node_id for n in counted}
    expected = after(found, counted)
    assert all(np.allclose(value, expected[name], atol=1e-6) for name, value in found.store().parameters().items())


def test_below_the_threshold_nothing_is_opened_and_the_round_is_repeated_without_who_went(tmp_path: Path) -> None:
    found = federation(tmp_path, parties=5, rounds=1)
    run(found, wires_of(found, n3="mask", n4="mask"), attempts=3)  # three of five are left, and four are needed
    (report,) = found.store().reports()
    assert report.attempts == 2
    assert set(report.accepted) == {found.identities[n].node_id for n in range(3)}
    expected = after(found, [0, 1, 2])
    assert all(np.allclose(value, expected[name], atol=1e-6) for name, value in found.store().parameters().items())


def test_of_more_parties_than_a_sum_can_have_some_are_drawn_and_the_others_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinating, "MAX_PARTIES", 3)
    found = federation(tmp_path, parties=5, rounds=2)
    run(found, wires_of(found))
    for report in found.store().reports():
        assert len(report.accepted) == 3
        assert list(report.refused.values()) == ["more than 3 offered, and others were drawn"] * 2


def test_with_too_few_parties_it_says_so_and_goes_on_when_they_come(tmp_path: Path) -> None:
    found = federation(tmp_path, rounds=1, deadline_s=0.5)
    with pytest.raises(UnavailableError, match="2 of at least 3 parties offered"):
        run(found, wires_of(found)[:2], attempts=1)
    assert found.store().state.round == 0
    run(found, wires_of(found))
    assert len(found.store().reports()[0].accepted) == 4


def test_a_sum_that_breaks_off_while_it_is_opened_changes_nothing_and_loses_nobodys_update(tmp_path: Path) -> None:
    found = federation(tmp_path, parties=3)
    wires = wires_of(found, n2="open")
    with LocalGrid(wires) as grid:
        for wire in wires:
            wire.grid = grid

        def back(report: Any) -> None:
            if report.round == 1:
                grid.join(Local(found.contributor(2)))

        Coordinator(found.learner, found.store(), grid, tell=back).run(attempts=3)
    first, second = found.store().reports()
    assert first.accepted == ()
    assert first.digest == first.base
    assert len(second.accepted) == 3
    assert set(found.store().state.counted.values()) == {2}


@pytest.mark.parametrize("phase", ["masking", "opening"])
def test_a_coordinator_that_is_killed_goes_on_and_no_sum_is_opened_twice(tmp_path: Path, phase: str) -> None:
    found = federation(tmp_path)
    store, wires = found.store(), wires_of(found)

    def killed(*_: Any, **__: Any) -> None:
        raise Killed

    if phase == "masking":
        store.begin_opening = killed  # type: ignore[method-assign]
    else:
        store.commit = killed  # type: ignore[method-assign]
    with LocalGrid(wires) as grid, pytest.raises(Killed):
        Coordinator(found.learner, store, grid).run()
    run(found, wires, attempts=2)
    first, second = found.store().reports()
    assert len(second.accepted) == 4
    assert len(first.accepted) == (4 if phase == "masking" else 0)


def test_a_contributor_that_is_killed_after_it_opened_refuses_that_round_and_takes_part_in_the_next(
    tmp_path: Path,
) -> None:
    found = federation(tmp_path, rounds=1)
    run(found, wires_of(found))
    one, base = found.contributor(0), found.learner.initial()
    again = Task(plan=found.plan, round=1, base=learning.digest(base), attempt="a" * 32)
    with pytest.raises(ProtocolError, match="has opened the sum of round 1 already"):
        one.answer(again, base)
    assert one.answer(msgspec.structs.replace(again, round=2), base)
    with pytest.raises(ProtocolError, match="another attempt"):
        one.step(canonical.pack(Confirm(attempt="b" * 32, summed=())))
    with pytest.raises(ProtocolError, match="started anew"):
        found.contributor(0).step(canonical.pack(Confirm(attempt="b" * 32, summed=())))


class Table:
    """Parties of one attempt, and whoever coordinates them with ill intent."""

    def __init__(self, parties: int = 4, words: int = 64) -> None:
        plan = Plan(model="m", **SECURE)  # type: ignore[arg-type]
        self.task = Task(plan=plan, round=1, base="0" * 64, attempt="a" * 32)
        identities = sorted((Identity.from_seed(bytes([n + 1]) * 32) for n in range(parties)), key=lambda i: i.node_id)
        self.identities = {one.node_id: one for one in identities}
        draw = np.random.default_rng(3)
        self.words = {who: draw.integers(0, 2**20, words).astype(np.uint32) for who in self.identities}
        self.openings: list[str] = []
        self.parties = {
            who: Attempt(one, self.task, self.words[who], lambda who=who: self.openings.append(who))  # type: ignore[misc]
            for who, one in self.identities.items()
        }
        self.about = messages.context(self.task)

    def ask(self, who: str, kind: type, **fields: Any) -> Any:
        answers = {Share: Shares, Mask: Masked, Confirm: Confirmed, Open: Opened}
        raw = self.parties[who].answer(canonical.pack(kind(attempt="a" * 32, **fields)))
        return messages.opened(answers[kind], raw, self.about, who, limit=1 << 24)[1]

    def share(self) -> dict[str, Shares]:
        offers = tuple(one.offer for one in self.parties.values())
        return {who: self.ask(who, Share, offers=offers) for who in self.parties}

    def mask(self, among: list[str] | None = None) -> dict[str, Masked]:
        shares, among = self.share(), among or list(self.parties)
        return {who: self.ask(who, Mask, sealed={s: shares[s].sealed[who] for s in among if s != who}) for who in among}

    def confirm(self, summed: tuple[str, ...]) -> dict[str, bytes]:
        step = canonical.pack(Confirm(attempt="a" * 32, summed=summed))
        return {who: self.parties[who].answer(step) for who in summed}


def test_no_party_gives_both_secrets_of_another_or_opens_a_sum_that_others_have_not_confirmed() -> None:
    table = Table()
    names = list(table.parties)
    table.mask()
    told = table.confirm(tuple(names[:3]))
    with pytest.raises(ProtocolError, match="2 parties have confirmed"):
        table.ask(names[0], Open, confirmed={who: told[who] for who in names[:2]})
    assert table.openings == []
    opened = table.ask(names[0], Open, confirmed=told)
    assert set(opened.seeds) == set(names[:3])
    assert set(opened.keys) == {names[3]}
    assert table.openings == [names[0]]
    assert table.ask(names[0], Open, confirmed=told) == opened  # the same question, no second opening
    assert table.openings == [names[0]]
    with pytest.raises(ProtocolError, match="another answer at the same step"):
        table.ask(names[0], Open, confirmed={})
    with pytest.raises(ProtocolError, match="another answer at the same step"):
        table.ask(names[1], Confirm, summed=tuple(names))


def test_a_coordinator_cannot_tell_two_parties_of_two_sums() -> None:
    """It names one sum to two parties and another to the others: none of them has enough confirmations."""
    table = Table(parties=6)
    names = list(table.parties)
    table.mask()
    one, other = tuple(names[:5]), tuple(names[1:])
    step = [canonical.pack(Confirm(attempt="a" * 32, summed=sum_)) for sum_ in (one, other)]
    told = {who: table.parties[who].answer(step[n >= 3]) for n, who in enumerate(names)}
    for who in names:
        with pytest.raises(ProtocolError, match="3 parties have confirmed this sum, too few"):
            table.ask(who, Open, confirmed=told)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("forged", "signature"),
        ("swapped", "shows another offer"),
        ("twice", "not one of each"),
        ("without it", "not one of each"),
        ("few", "fewer than the plan's 3"),
        ("other attempt", "signature"),
        ("unsigned", "unsigned"),
    ],
)
def test_a_roster_that_is_not_what_the_parties_signed_is_refused(wrong: str, why: str) -> None:
    table, other = Table(), Table()
    names = list(table.parties)
    offers = [table.parties[who].offer for who in names]
    if wrong == "forged":
        held = canonical.parse(messages._Signed, offers[1])
        body = canonical.pack(Offer(cipher=bytes(32), mask=bytes(32), seed_hash=bytes(32)))
        offers[1] = canonical.pack(msgspec.structs.replace(held, body=body))
    if wrong == "unsigned":
        held = canonical.parse(messages._Signed, offers[1])
        offers[1] = canonical.pack(msgspec.structs.replace(held, signature=b""))
    if wrong == "swapped":
        offers[0] = other.parties[names[0]].offer
    if wrong == "twice":
        offers[2] = offers[1]
    if wrong == "without it":
        offers = offers[1:]
    if wrong == "few":
        offers = offers[:2]
    if wrong == "other attempt":
        task = msgspec.structs.replace(table.task, attempt="c" * 32)
        offers[1] = Attempt(table.identities[names[1]], task, table.words[names[1]], lambda: None).offer
    with pytest.raises(ProtocolError, match=why):
        table.ask(names[0], Share, offers=tuple(offers))


def test_steps_out_of_order_and_shares_that_do_not_open_are_refused() -> None:
    table = Table()
    first, second, *rest = table.parties
    with pytest.raises(ProtocolError, match="leaves out a step"):
        table.ask(first, Mask, sealed={})
    with pytest.raises(ProtocolError, match="leaves out a step"):
        table.ask(first, Confirm, summed=(first,))
    with pytest.raises(ProtocolError, match="leaves out a step"):
        table.ask(first, Open, confirmed={})
    shares = table.share()
    for_other = {who: shares[who].sealed[second] for who in rest}
    with pytest.raises(ProtocolError, match="do not open"):
        table.ask(first, Mask, sealed=for_other)


@pytest.mark.parametrize(
    "kind", ["masked of another length", "another sum", "no signature", "a false share", "a share kept back"]
)
def test_a_party_that_lies_at_a_step_is_left_out_by_name_or_outvoted(tmp_path: Path, kind: str) -> None:
    found = federation(tmp_path, parties=5, rounds=1)
    liar = found.identities[4]

    class Liar(Wire):
        def reply(self, message: Message) -> Message:
            reply = super().reply(message)
            raw = canonical.parse(messages._Signed, self.answers[-1])
            about = messages.context(found_task(message, found))
            for answer, name in (
                (Masked, "masked of another length"),
                (Confirmed, "another sum"),
                (Opened, "a false share"),
                (Shares, "a share kept back"),
            ):
                try:
                    held = canonical.decode(answer, raw.body)
                except ProtocolError:
                    continue
                made: Any = held
                if kind == name == "masked of another length":
                    made = Masked(words=bytes(4))
                if kind == name == "another sum":
                    made = Confirmed(summed=(self.id,))
                if kind == name == "a false share":
                    made = Opened(seeds={who: s[:-1] + bytes([s[-1] ^ 1]) for who, s in held.seeds.items()}, keys={})
                if kind == name == "a share kept back":
                    made = Shares(sealed=dict(list(held.sealed.items())[1:]))
                if kind == "no signature" and answer is Masked:
                    unsigned = canonical.pack(msgspec.structs.replace(raw, signature=b""))
                    return _replied(message, unsigned)
                return _replied(message, messages.signed(made, liar, about))
            return reply

    attempts: dict[str, Task] = {}

    def found_task(message: Message, _: Federation) -> Task:
        raw = message.content.config_records["config"].get("task")
        if raw is not None:
            attempts["last"] = canonical.parse(Task, raw)
        return attempts["last"]

    wires = [*wires_of(found)[:4], Liar(Local(found.contributor(4)))]
    run(found, wires)
    (report,) = found.store().reports()
    there = 4 if kind in {"masked of another length", "no signature", "a share kept back"} else 5
    assert len(report.accepted) == there
    expected = after(found, list(range(there)))
    assert all(np.allclose(value, expected[name], atol=1e-6) for name, value in found.store().parameters().items())
    if kind != "a false share":
        assert liar.node_id in report.refused


def _replied(message: Message, raw: bytes) -> Message:
    return Message(RecordDict({"config": ConfigRecord({"update": raw})}), reply_to=message)


def test_a_sum_that_does_harm_changes_nothing_and_the_next_round_goes_on(tmp_path: Path) -> None:
    found = federation(tmp_path, parties=3, clip_norm=400.0)
    found.pieces = [[(x, (y + 1) % 4) for x, y in own] for own in found.pieces]
    trained = LinearLearner().learn(LinearLearner().initial(), pieces_of(5, 300), steps=60, seed=1)
    found.learner.initial = lambda: {name: one.copy() for name, one in trained.items()}  # type: ignore[method-assign]
    run(found, wires_of(found), held_out=pieces_of(999, 200))
    for report in found.store().reports():
        assert report.accepted == ()
        assert all("makes the held-out loss worse" in why for why in report.refused.values())
        assert len(report.refused) == 3
    assert history(found.store()).shares() == {}


def test_a_federation_learns_under_masks_and_those_in_the_sums_share_alike(tmp_path: Path) -> None:
    hidden, open_ = federation(tmp_path / "hidden", rounds=4), Federation(tmp_path / "open", rounds=4)
    held_out = pieces_of(999, 500)
    run(hidden, wires_of(hidden), held_out=held_out)
    open_.run(held_out=held_out)
    begun = np.mean(hidden.learner.losses(hidden.learner.initial(), held_out))
    losses = [one.store().reports()[-1].loss for one in (hidden, open_)]
    assert begun - losses[0] > 0.8 * (begun - losses[1])  # type: ignore[operator]
    told = history(hidden.store())
    assert set(told.shares().values()) == {250_000}
    assert "summed under masks" in told.explained(1)[0]
    who = hidden.identities[0].node_id
    assert told.explained(1, who[:8])[1] == f"{who[:12]}: 25.00%"
    with pytest.raises(InputError, match="nothing in this round"):
        told.explained(1, "zz")


def test_with_noise_each_party_clips_its_own_and_the_sum_gets_the_plans_noise() -> None:
    base = {"w": np.zeros((200, 200), np.float32)}
    plan = Plan(model="m", **SECURE | {"clip_norm": 2.0, "noise": 3.0})  # type: ignore[arg-type]
    made = flower.aggregate(plan, base, [{"w": np.full((200, 200), 1e-9, np.float32)}], parties=5)
    assert float((5 * made["w"]).std()) == pytest.approx(6.0, rel=0.02)
    words, left = primitives.taken(np.full(100, 3.0, np.float32), np.arange(100), 2.0)
    assert np.linalg.norm(primitives.floats(words, 2.0)) <= 2.0 * 1.0001
    assert np.allclose(primitives.floats(words, 2.0) + left, 3.0, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"aggregate": "multikrum", "malicious": 1, "min_parties": 5}, "aggregate = mean and malicious = 0"),
        ({"screen": True}, "screen = false"),
        ({"pool": 8}, "pool = 0"),
        ({"clip_norm": 0.0}, "clip_norm"),
        ({"min_parties": 2}, "min_parties of 3"),
        ({"keep": 4_097}, "1..4096"),
    ],
)
def test_what_needs_to_see_an_update_is_refused_with_the_reason(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Plan(**SECURE | wrong)  # type: ignore[arg-type]


def test_a_plan_is_made_secure_by_the_command_and_says_what_it_lacks(tmp_path: Path) -> None:
    file = tmp_path / "plan.toml"
    file.write_text("rounds = 3\nmin_parties = 3\nclip_norm = 1.0\n")
    made = read_plan(file, secure=True)
    assert made.secure
    assert not made.screen
    file.write_text('aggregate = "median"\nclip_norm = 1.0\nmin_parties = 3\n')
    with pytest.raises(InputError, match="secure needs aggregate = mean"):
        read_plan(file, secure=True)


def test_what_leaves_is_told_for_each_mode_and_as_long_as_it_is(tmp_path: Path) -> None:
    found = federation(tmp_path, rounds=1, keep=64)
    wires = wires_of(found)
    run(found, wires)
    size = sum(value.size for value in found.learner.initial().values())
    (masked,) = _masked(wires[0])
    hidden = "\n".join(explained(found.plan, size))
    assert f"a masked update of {4 * masked.size:,} bytes" in hidden
    assert "sum of at least 3 updates" in hidden
    assert "sees each update" not in hidden
    assert "sees each update" in "\n".join(explained(Plan(), size))
    assert all(len(raw) < 4 * masked.size + 1_024 for raw in wires[0].answers)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=20), st.integers(1, primitives.MAX_ADDED))
def test_fixed_point_sums_do_not_overflow_and_are_within_half_a_step_of_each(values: list[float], parties: int) -> None:
    one = np.array(values, np.float32)
    words = primitives.fixed(one, 1.0)
    total = (words.astype(np.uint64) * parties).astype(np.uint32)  # modulo 2^32
    found = primitives.floats(total, 1.0)
    assert np.abs(found - parties * one.astype(np.float64)).max() <= parties * primitives.step(1.0) * 0.51 + 1e-4


def test_places_are_the_same_for_all_differ_by_round_and_are_as_many_as_told() -> None:
    for size in (0, 5, 4_096, 10_000):
        for keep in (1, 128, 4_096):
            found = primitives.places("ab" * 32, size, keep)
            assert len(found) == primitives.words_in(size, keep)
            assert (np.diff(found) > 0).all()
    assert (primitives.places("ab" * 32, 10_000, 64) != primitives.places("cd" * 32, 10_000, 64)).any()


def test_any_threshold_of_shares_gives_a_secret_back_and_fewer_do_not() -> None:
    secret = bytes(range(32))
    shares = primitives.split(secret, 3, 5)
    assert primitives.joined(shares[2:]) == secret
    with pytest.raises(ProtocolError, match="do not fit"):
        primitives.joined([shares[0], shares[0], shares[1]])
    with contextlib.suppress(ProtocolError):
        assert primitives.joined(shares[:2]) != secret
