"""Changes the code of one room in many small ways and says which changes no test notices (docs/mutation-testing.md).

    pip install "mutmut>=3.8"
    python scripts/mutation_test.py protocol                  # every mutant: minutes
    python scripts/mutation_test.py economy --sample 300      # a seeded random sample, with its 95% interval
    python scripts/mutation_test.py economy --again           # only those that were not killed the last time

Works on a copy of the checkout in build/mutants/ROOM, with one process. mutmut runs for each mutant the tests that
reach its function. Mutants that change nothing but the words of a message are counted and not run; those that mypy
refuses are noticed.
"""

from __future__ import annotations

import argparse
import ast
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SRC = "src/antiphon"


@dataclass(frozen=True)
class Room:
    """What is mutated, and the tests that are asked."""

    files: tuple[str, ...]
    tests: tuple[str, ...]


ROOMS = {
    "soundstorm": Room(
        tuple(f"{SRC}/soundstorm/{name}.py" for name in ("decoding", "masking", "audit")),
        tuple(f"tests/soundstorm/test_storm_{name}.py" for name in ("golden", "decoding", "audit", "masking", "order")),
    ),
    "protocol": Room((f"{SRC}/protocol/*",), ("tests/protocol",)),
    "machine": Room(
        (f"{SRC}/ledger/machine/*",),
        tuple(f"tests/ledger/test_ledger_{name}.py" for name in ("machine", "appeals")),
    ),
    # Without the simulations of cheats, and without what runs them: minutes for a mutant.
    "economy": Room(
        tuple(
            f"{SRC}/economy/{path.name}"
            for path in sorted((ROOT / SRC / "economy").glob("*.py"))
            if path.stem not in ("incentives", "newcomers")
        ),
        tuple(
            f"tests/economy/{path.name}"
            for path in sorted((ROOT / "tests" / "economy").glob("test_*.py"))
            if path.stem not in ("test_economy_incentives", "test_economy_docs")
        ),
    ),
}
CONFTEST = """
settings.register_profile("mutants", deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
    max_examples=20)
settings.load_profile("mutants")
"""  # the same examples for each mutant, and a fifth of them; mutmut runs a test several times in one process
KILLED = (1, 3, 24, -24, 36, 152, 255)  # mutmut's exit codes: of a failing test, or out of time
UNREACHED = (5, 33)


@dataclass(frozen=True)
class Mutant:
    name: str
    code: int | None  # None: not run
    before: str
    after: str

    @property
    def only_words(self) -> bool:
        """A literal with a space in it is a message, or a piece of one. Others are names, labels and formats."""
        return self.before != self.after and _wordless(self.before) == _wordless(self.after)


_LITERAL = re.compile(r"""f?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""")


def _wordless(text: str) -> str:
    return _LITERAL.sub(lambda literal: "words" if " " in literal[0] else literal[0], text)


def prepare(room: Room, folder: Path) -> None:
    """A copy of the checkout that mutmut may work in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("src", "tests", "scripts", "docs"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", folder)
    settings = {
        "source_paths": ["src"],
        "only_mutate": list(room.files),
        "also_copy": ["scripts", "docs", "src", "README.md"],
        "pytest_add_cli_args": ["-p", "no:cacheprovider", "-m", "not slow"],
        "pytest_add_cli_args_test_selection": list(room.tests),
        "use_git_change_detection": False,
        "on_dependency_change": "ignore",
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (folder / "pyproject.toml").write_text(
        (ROOT / "pyproject.toml").read_text() + "\n[tool.mutmut]\n" + "\n".join(lines) + "\n"
    )

    conftest = folder / "tests" / "conftest.py"
    conftest.write_text(conftest.read_text() + CONFTEST)


def mutate(folder: Path, names: list[str]) -> None:
    """Runs these mutants, also those that were run before."""
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    with (folder / "mutmut.log").open("ab") as log:
        done = subprocess.run(
            command, cwd=folder, check=False, stdout=log, stderr=log, env={**os.environ, "PYTHONPATH": ""}
        )
    if done.returncode:
        raise SystemExit(f"mutmut failed: see {log.name}")


def _some(room: Room) -> str:
    """One mutant, whose run makes all of them: mutmut has no other way."""
    for file in sorted(one for pattern in room.files for one in ROOT.glob(pattern.replace("/*", "/*.py"))):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list and "raise" in ast.unparse(node):
                return f"*.x_{node.name}__mutmut_1"
    raise SystemExit("nothing of this room can be mutated")


def mutants(folder: Path) -> list[Mutant]:
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    os.chdir(folder)
    found = []
    for meta in _metas(Path()):
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            diff = get_diff_for_mutant(name, path=Path(*meta.with_suffix("").parts[1:])).splitlines()[2:]
            before, after = ("\n".join(line[1:].strip() for line in diff if line[0] == sign) for sign in "-+")
            found.append(Mutant(name, code, before, after))
    return found


def mistyped(folder: Path) -> set[str]:
    """Names of the mutants that mypy refuses, as it would in `scripts/check`."""
    files = [str(meta.with_suffix("").relative_to(folder / "mutants")) for meta in _metas(folder)]
    command = [sys.executable, "-m", "mypy", "--output", "json", "--follow-imports", "silent", *files]
    done = subprocess.run(command, cwd=folder / "mutants", check=False, capture_output=True, text=True)
    wrong: dict[str, list[int]] = {}
    for line in done.stdout.splitlines():
        error = json.loads(line)
        if error["code"] != "unused-ignore":  # those that mutmut writes into its copies
            wrong.setdefault(error["file"], []).append(error["line"])
    found = set()
    for file, lines in wrong.items():
        module = file.removeprefix("src/").removesuffix(".py").replace("/", ".")
        for node in ast.walk(ast.parse((folder / "mutants" / file).read_text())):
            if not isinstance(node, ast.FunctionDef) or not re.search(r"__mutmut_\d+$", node.name):
                continue
            if any(node.lineno <= line <= (node.end_lineno or 0) for line in lines):
                found.add(f"{module}.{node.name}")
    return found


def _metas(folder: Path) -> list[Path]:
    return sorted((folder / "mutants" / "src").rglob("*.meta"))


def wilson(killed: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """The 95% interval of a share (Wilson 1927)."""
    share, spread = killed / of, z * z / of
    centre, half = share + spread / 2, z * math.sqrt((share * (1 - share) + spread / 4) / of)
    return (centre - half) / (1 + spread), (centre + half) / (1 + spread)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("room", choices=ROOMS)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants")
    given = parser.parse_args()
    room, folder = ROOMS[given.room], given.folder.resolve() / given.room
    before = {one.name for one in mutants(folder) if one.code not in (None, *KILLED)} if given.again else set()
    prepare(room, folder)
    if not given.again:
        shutil.rmtree(folder / "mutants", ignore_errors=True)
    mutate(folder, [_some(room)])
    made, typed = mutants(folder), mistyped(folder)
    real = sorted(one.name for one in made if not one.only_words)
    drawn = random.Random(given.seed).sample(real, given.sample) if 0 < given.sample < len(real) else real
    chosen = {name for name in drawn if name not in typed and (name in before or not given.again)}
    mutate(folder, sorted(chosen))
    return report(mutants(folder), set(drawn), typed, sampled=len(drawn) < len(real))


def report(made: list[Mutant], drawn: set[str], typed: set[str], *, sampled: bool) -> int:
    """Counts what was run in this call and before it."""
    run = [one for one in made if one.name in drawn and (one.code is not None or one.name in typed)]
    left = [one for one in run if one.code not in KILLED and one.name not in typed]
    for one in left:
        how = "reached by no test" if one.code in UNREACHED else f"exit code {one.code}" if one.code else "survived"
        print(f"{one.name}: {how}\n- {one.before}\n+ {one.after}\n")
    words = sum(one.only_words for one in made)
    killed = len(run) - len(left)
    print(f"{len(made)} mutants, of which {words} change only words; {len(run)} asked, {killed} noticed", end="")
    print(f" ({sum(one.name in typed for one in run)} by mypy): {100 * killed / max(1, len(run)):.1f}%")
    if sampled:
        low, high = wilson(killed, len(run))
        print(f"95% interval of the room's share: {100 * low:.1f}% to {100 * high:.1f}%")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
