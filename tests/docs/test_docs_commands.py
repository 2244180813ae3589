"""Every command that README, docs and --help show is run as it is written, in a home of its own."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest
from docs_shell import Shell, blocks, in_help, warm

from antiphon.cli.app import VERBS, group

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def command(number: int) -> str:
    found = re.search(rf"<!-- command {number} -->\n```bash\n(.*?)\n```", README, re.DOTALL)
    assert found, f"README has no command {number}"
    assert "\n" not in found[1], "one line to paste"
    return found[1]


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHOWN = {page.name: blocks(page) for page in PAGES}
SET_UP = ("python3 -m venv",)
"""How commands begin that have tests of their own: CI runs one word for word, the other's end is run below."""

SERVED = {"nodes", "ledger", "node", "account"}
"""Commands of a network of processes: their helps run with the guide, beside its ledger."""

FEDERATED = {"genki"}
"""Commands of a federation: tests/genki/test_genki_processes.py runs its page, which has all that its helps show."""

CHAINS = {"chain", "relay", "subnet"}
"""Need a chain: tests/docs/test_docs_chain.py, and the guide to a subnet below."""

QUEUED = {"antiphon node worker nats://127.0.0.1:4222 --engine kokoro"}
"""Needs a NATS server: tests/nodes/test_nodes_pool.py runs it beside one."""

APART = {"genki.md", "run-a-network.md", "http-api.md", "network-api.md", "chain.md", "chain-epochs.md", "bittensor.md"}
"""Pages with servers or a chain, which have tests of their own."""

NOT_RUN_HERE = [
    "README.md",
    *2 * ["bittensor.md"],
    "chain-epochs.md",
    *3 * ["chain.md"],
    "mutation-testing.md",
    "reproduce.md",
    "ruby.md",
    *10 * ["run-a-network.md"],
    "soundstorm.md",
    "voice-data.md",
]
LONG_IN_HELP = 22
LONG = (
    *(f"antiphon soundstorm {verb}" for verb in ("train", "prepare", "evaluate", "export", "import", "reproduce")),
    "torchrun",
)
"""They train for hours on recordings that nobody ships: runs/tiny.sh is all of them in a minute, and runs in the suite
(tests/soundstorm/test_cli_soundstorm.py). `reproduce` takes minutes: tests/bench/test_bench_reproducing.py."""


def commands() -> dict[tuple[str, ...], click.Command]:
    """Every command and subcommand by its words."""
    found: dict[tuple[str, ...], click.Command] = {}
    for name in (name for section in VERBS.values() for name in section):
        one = group.get_command(click.Context(group), name)
        assert one is not None
        found[(name,)] = one
        if isinstance(one, click.Group):
            found.update({(name, sub): inner for sub, inner in one.commands.items()})
    return found


TOGETHER = {"clone": "voices"}
"""One enrolled voice, which takes the longest of all, is enough for both."""


def helps() -> dict[str, list[str]]:
    """Every command that --help shows, by verb, once."""
    found: dict[str, list[str]] = {"antiphon": in_help(group.epilog or "")}
    for words, one in sorted(commands().items(), key=lambda pair: TOGETHER.get(pair[0][0], pair[0][0])):
        shown = found.setdefault(TOGETHER.get(words[0], words[0]), [])
        shown += [line for line in in_help(one.epilog or "") if line not in shown]
    return found


HELPS = helps()


def not_run() -> list[str]:
    """The commands that this suite does not run as they are written."""
    pages = [line for page in SHOWN.values() for block in page for line in block.commands if block.reason]
    shown = [line for lines in HELPS.values() for line in lines if line.startswith(LONG)]
    return [line for line in dict.fromkeys([*pages, *shown]) if line.startswith("antiphon ")]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with warm(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


@pytest.fixture
def shell(programs: Path, tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path / "home", tmp_path / "work", programs)
    made.home.mkdir()
    made.work.mkdir()
    try:
        yield made
        made.stop()
    finally:
        made.kill()


def runnable(commands: Iterable[str]) -> list[str]:
    return [line for line in commands if not line.startswith((*SET_UP, *LONG))]


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(name for name in SHOWN if SHOWN[name] and name not in APART))
def test_every_command_of_a_page_runs_as_written(page: str, shell: Shell) -> None:
    (shell.work / "examples").mkdir()
    for block in SHOWN[page]:
        for line in () if block.reason else runnable(block.commands):
            shell.run(line)


@pytest.mark.slow
@pytest.mark.parametrize(
    "verb", sorted(verb for verb in HELPS if verb not in {*SERVED, *CHAINS, *FEDERATED} and runnable(HELPS[verb]))
)
def test_every_command_of_a_help_runs_as_written(verb: str, shell: Shell) -> None:
    for line in runnable(HELPS[verb]):
        shell.run(line)


@pytest.mark.slow
def test_the_example_that_a_list_of_voices_ends_with_runs(shell: Shell) -> None:
    (line,) = in_help(shell.run("antiphon voices"))
    assert line.startswith("antiphon say ")
    shell.run(line)


@pytest.mark.slow
def test_the_guide_to_a_network_of_processes_runs_as_written(shell: Shell) -> None:
    for block in SHOWN["run-a-network.md"]:
        for line in () if block.reason else block.commands:
            shell.run(line)
    shell.stop()
    for verb in ("ledger", "nodes", "node", "account"):  # accounts of nodes: they run by then
        for line in HELPS[verb]:
            if not (verb == "ledger" and shell.servers) and line not in QUEUED:
                shell.run(line)


@pytest.mark.slow
def test_the_guide_to_a_subnet_and_its_helps_run_as_written(shell: Shell) -> None:
    lines = [line for block in SHOWN["bittensor.md"] if not block.reason for line in block.commands]
    for line in lines:
        shell.run(line)
    shell.wait()
    shell.until_said("antiphon subnet validator", "weights of 1 nodes are on the chain")
    verbs = [line.split()[2] for line in HELPS["subnet"]]
    assert sorted({*verbs}) == ["chain", "key", "miner", "register", "validator"]
    for line in HELPS["subnet"]:
        assert any(shown.startswith(line) for shown in lines), f"{line} is not in the guide"


@pytest.mark.slow
def test_the_page_of_the_http_api_runs_as_written(shell: Shell) -> None:
    lines = [line for block in SHOWN["http-api.md"] for line in block.commands]
    first_key = next(number for number, line in enumerate(lines) if "up key" in line)
    for line in lines[:first_key]:
        shell.run(line)
    for code in re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "http-api.md").read_text(), re.DOTALL):
        shell.run(f"{sys.executable} -c {shlex.quote(code)}")
    for line in lines[first_key:]:
        shell.run(line)
    for name in ("hello.mp3", "music.mp3", "speech.mp3"):
        assert (shell.work / name).stat().st_size > 8_000


@pytest.mark.slow
def test_the_page_of_the_network_api_runs_as_written(shell: Shell) -> None:
    for block in SHOWN["network-api.md"]:
        for line in block.commands:
            shell.run(line)
    assert (shell.work / "task.mp3").stat().st_size > 4_000
    assert json.loads((shell.work / "receipt.json").read_text())["receipts"][0]["valid"]


def test_blocks_that_cannot_run_here_say_why_and_are_few() -> None:
    told = [(block.page, block.reason) for page in SHOWN.values() for block in page if block.reason]
    assert all(len(reason) > 20 for _, reason in told)
    assert sorted(page for page, _ in told) == NOT_RUN_HERE
    assert sum(line.startswith(LONG) for shown in HELPS.values() for line in shown) == LONG_IN_HELP


@pytest.mark.slow
def test_the_first_command_makes_speech_that_was_judged_and_paid(tmp_path: Path) -> None:
    line = command(1)
    install = "python3 -m venv .venv && .venv/bin/pip install -q '.[weights]' ./weights/*"
    assert line.startswith(f"{install} && .venv/bin/antiphon say ")
    say = shlex.split(line.split(" && ")[-1])[1:]
    ended = subprocess.run(
        [sys.executable, "-m", "antiphon", "--home", str(tmp_path / "home"), *say],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    for word in ("Quote", "Judged", "Paid", "Receipt"):
        assert word in ended.stderr
    assert (tmp_path / "hello.wav").stat().st_size > 100_000


def test_the_second_command_is_what_ci_runs() -> None:
    assert command(2).endswith("scripts/check")
    assert "<!-- command 2 -->" in (ROOT / ".ci" / "run").read_text()


@pytest.mark.parametrize("line", not_run())
def test_what_is_not_run_is_understood(line: str) -> None:
    words, found = shlex.split(line, comments=True)[1:], group
    while words and isinstance(found, click.Group):
        context = found.make_context(found.name, words)
        rest = [*context._protected_args, *context.args]
        if not rest and found.invoke_without_command:
            return
        _, inner, words = found.resolve_command(context, rest)
        assert inner is not None
        found = inner
    found.make_context(found.name, words)


def test_every_document_that_is_linked_exists() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", [
    "docs/music.md",
    *(pytest.param(page, marks=pytest.mark.slow) for page in ("README.md", "docs/python.md", "docs/soundstorm.md")),
])  # fmt: skip
def test_the_python_of_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    assert blocks
    for block in blocks:
        exec(compile(block, page, "exec"), {"__name__": page})


def test_the_sound_files_of_the_examples_are_sound() -> None:
    from antiphon.audio import read

    page = (ROOT / "docs" / "examples.md").read_text()
    named = set(re.findall(r"-o (examples/[a-z-]+\.opus)", page))
    assert named == {f"examples/{file.name}" for file in (ROOT / "docs" / "examples").glob("*.opus")}
    for name in named:
        assert read(ROOT / "docs" / name).duration_s > 1.5
    for line in re.findall(r"^antiphon .*$", page, re.MULTILINE):
        words = shlex.split(line)[1:]
        found = group.get_command(click.Context(group), words.pop(0))
        assert found is not None
