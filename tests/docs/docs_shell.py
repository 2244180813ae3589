"""A user's shell, for the commands that the documents show: a home of its own, the files that they name, `antiphon`."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from antiphon.audio import AudioWriter, Waveform
from antiphon.engines import registry
from antiphon.services import SpeechRequest

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
LIMIT_S = 240.0
START_S = 240.0
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\s*$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A shell block of a page: its commands, and why it is not run, if it is not."""

    page: str
    commands: tuple[str, ...]
    reason: str = ""


def blocks(page: Path) -> list[Block]:
    """Every shell block. A comment `<!-- not run: reason -->` right before one says why it cannot run here."""
    text, found = page.read_text(), []
    for match in re.finditer(r"^```(?:ba)?sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        told = NOT_RUN.search(text[: match.start()])
        lines = match[1].replace("\\\n", " ").splitlines()
        commands = tuple(line for line in lines if line.strip() and not line.startswith("#"))
        found.append(Block(page.name, commands, told[1] if told else ""))
    return found


def in_help(epilog: str) -> list[str]:
    """Every command that a help text shows: a line of its own, or the end of a sentence."""
    lines = [re.search(r"(?:^|: )((?:antiphon|torchrun|eval|mkdir) .*)$", line.strip()) for line in epilog.splitlines()]
    return [match[1] for match in lines if match]


def is_server(command: str) -> bool:
    """Whether it runs until it is ended."""
    words = shlex.split(command, comments=True)
    if words[1:2] == ["--home"]:
        del words[1:3]
    return words[0] == "antiphon" and (
        (words[1:2] == ["up"] and words[2:3] != ["key"])
        or words[1:2] == ["wyoming"]
        or (words[1:2] == ["mcp"] and "--http" in words)
        or any(
            pair
            in {
                ("ledger", "serve"),
                ("node", "processor"),
                ("node", "trainer"),
                ("node", "seller"),
                ("node", "appraiser"),
                ("node", "learner"),
                ("node", "validator"),
                ("subnet", "chain"),
                ("subnet", "miner"),
                ("subnet", "validator"),
            }
            for pair in pairwise(words)
        )
    )


def is_bench(command: str) -> bool:
    return command.startswith("antiphon bench")


SPOKEN = (
    "The old lighthouse stood at the end of the pier, and every evening somebody lit its lamp. "
    "Fishermen could see it from twenty miles away."
)
BOOK = "The tide was out. Two children walked along the wet sand, and neither of them said a word.\n"


def _speech(text: str, voice: str = "hibari") -> Waveform:
    engine = registry.load(registry.engine_for(voice))
    chunks = list(engine.generate(SpeechRequest(text=text, voice=voice), 5))
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def _sound(text: str) -> Callable[[Shell, Path], None]:
    def make(_: Shell, file: Path) -> None:
        wave = _speech(text)
        with AudioWriter(file, "wav", wave.rate_hz) as writer:
            writer.write(wave)

    return make


def _phone(_: Shell, file: Path) -> None:
    """As a phone records it: AAC in an m4a."""
    wave = _speech(SPOKEN)
    with av.open(str(file), "w", format="ipod") as made:
        track = made.add_stream("aac", rate=wave.rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(wave.samples, format="fltp", layout="mono")
        frame.sample_rate = wave.rate_hz
        made.mux(track.encode(frame))
        made.mux(track.encode())


def _text(_: Shell, file: Path) -> None:
    file.write_text(BOOK)


def _consent(shell: Shell, reference: str) -> None:
    """Ann's, who has signed one for each recording that she sent."""
    (shell.work / "ann.consent").unlink(missing_ok=True)
    shell.run(f"antiphon consent grant --reference {reference} --subject 'Ann Example' --to anybody -o ann.consent")


def _tune(shell: Shell, file: Path) -> None:
    shell.run(f"antiphon compose 'slow waltz in C major' --seconds 6 -q -o {file.name}")


def _receipt(shell: Shell, _: Path) -> None:
    shell.work.joinpath("receipts").mkdir(exist_ok=True)
    shell.run("antiphon say 'A receipt comes with every job that is done.' -q -o made.wav")
    newest = max((shell.data / "receipts").glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
    for copy in ("receipt.json", "other.json", f"receipts/{newest.name}"):
        (shell.work / copy).write_bytes(newest.read_bytes())


def _task(shell: Shell) -> str:
    tasks = json.loads(shell.run("antiphon task list --json"))
    if not tasks:
        shell.run("antiphon say 'A task, so that there is one to be shown.' -q -o task.wav")
        tasks = json.loads(shell.run("antiphon task list --json"))
    return str(tasks[0]["task"])[:8]


def _account(shell: Shell) -> str:
    return str(json.loads(shell.run("antiphon account --json"))["owner"])


def _grant(shell: Shell) -> str:
    return str(json.loads(shell.run("antiphon consent show ann.consent --json"))["id"])


def _write(file: Path, text: str) -> None:
    file.write_text(text)


def _recordings(shell: Shell, folder: Path) -> None:
    folder.mkdir()
    _sound(SPOKEN)(shell, folder / "me.wav")
    _sound(BOOK)(shell, folder / "other.wav")


MAKERS: dict[str, Callable[[Shell, Path], None]] = {
    **dict.fromkeys(("me.wav", "ann.wav", "speech.wav"), _sound(SPOKEN)),
    **dict.fromkeys(("me.m4a", "ann.m4a"), _phone),
    **dict.fromkeys(("book.txt", "chapter.txt"), _text),
    **dict.fromkeys(("receipt.json", "other.json", "receipts/*.json"), _receipt),
    "other.wav": _sound("Nobody could explain why the street lamps went out at nine."),
    "ann.consent": lambda shell, _: _consent(shell, "ann.wav"),
    "tune.mp3": _tune,
    "recordings": _recordings,
    "lines.txt": lambda _, file: _write(file, "The tide is in.\nSeven green boxes fell off the truck.\n"),
    "play.txt": lambda _, file: _write(file, "anna: The tide is in.\nben: Good morning.\n"),
}
"""What a user has before a command is pasted. Everything else comes from the commands before."""

IDS: dict[str, Callable[[Shell], str]] = {
    "3f2a": _task,
    "0f6f25ba9d25e8921ac25fa841437800f3f60ff917a91b0ffa70ab6adc8c162c": _account,
    "0f6f25ba9d25e8921ac25fa841437800": _grant,
    "antiphon COMMAND": lambda _: "antiphon say",
}
"""Ids that the documents show as examples, and how one that exists is found."""


@dataclass
class Shell:
    """Runs commands as a user would paste them, in `work`, with `home` as the home folder."""

    home: Path
    work: Path
    programs: Path
    servers: list[tuple[str, subprocess.Popen[bytes], Path]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.home / ".local" / "share" / "antiphon"

    @property
    def variables(self) -> dict[str, str]:
        own = {"HOME": str(self.home), "PATH": f"{self.programs}:{os.environ['PATH']}"}
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANTIPHON_", "XDG_"))}
        return {**kept, **own}

    def give(self, command: str) -> str:
        """Make what the command names and a user would have; the command, with ids that exist for those it shows."""
        words = shlex.split(command, comments=True)
        values = [value for word in words if (value := word.partition("=")[2].removeprefix("@"))]
        for before, word in [*zip(["", *words], words, strict=False), *(("", value) for value in values)]:
            if word in MAKERS and before != "-o" and not any(self.work.glob(word)):
                MAKERS[word](self, self.work / word)
        if "ann.m4a" in words and "--consent" in words:
            _consent(self, "ann.m4a")
        for shown, real in IDS.items():
            if shown in command:
                command = command.replace(shown, real(self))
        return command

    def run(self, command: str) -> str:
        """To its end; what it said. Fails the test unless it ends well; servers are left running, once they are up."""
        command = self.give(command)
        if is_server(command):
            return self._start(command)
        self.wait()
        if is_bench(command):
            return self._begun(command)
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.work,
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        said = ended.stdout + ended.stderr
        assert ended.returncode == 0, f"{command}\nended with {ended.returncode}:\n{said}"
        assert "Traceback" not in said, said
        return said

    def _start(self, command: str) -> str:
        """A server, in a process of its own. Nodes come up side by side; a ledger must be there before them."""
        log = self.work.parent / f"server-{len(self.servers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"],
                cwd=self.work,
                env={**self.variables, "ANTIPHON_COLD": "1"},
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )
        self.servers.append((command, process, log))
        if "ledger serve" in command or "subnet chain" in command:
            self.wait()
        return ""

    def wait(self) -> None:
        """Until every server has said where it is."""
        end_s = time.monotonic() + START_S
        for command, process, log in self.servers:
            while not re.search(" at (http|tcp)", log.read_text()):
                assert process.poll() is None, f"{command}\n{log.read_text()}"
                assert time.monotonic() < end_s, f"{command} did not start: {log.read_text()}"
                time.sleep(0.05)

    def until_said(self, beginning: str, words: str) -> None:
        """Until the server that began so has said the words."""
        (log,) = (log for command, _, log in self.servers if command.startswith(beginning))
        end_s = time.monotonic() + LIMIT_S
        while words not in log.read_text():
            assert time.monotonic() < end_s, f"{beginning} never said {words!r}: {log.read_text()}"
            time.sleep(0.2)

    def _begun(self, command: str) -> str:
        """A measurement: it tells how long it takes, begins, and ends on Ctrl-C."""
        with subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=self.work,
            env={**self.variables, "ANTIPHON_COLD": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        ) as process:
            assert process.stdout is not None
            said = ""
            for line in process.stdout:
                said += line
                if line.startswith("[1/"):
                    process.send_signal(signal.SIGINT)
                    break
            said += process.stdout.read()
        assert process.returncode == 130, said
        assert " min on two cores" in said
        return said

    def stop(self) -> None:
        """Ctrl-C to all servers, nodes before ledgers; each ends well."""
        self.wait()
        for command, process, log in reversed(self.servers):
            process.send_signal(signal.SIGINT)
            assert process.wait(300) in {0, 130}, command
            assert "Traceback" not in log.read_text(), log.read_text()
        self.servers.clear()

    def kill(self) -> None:
        for _, process, _ in self.servers:
            process.kill()
            process.wait()


@contextmanager
def warm(folder: Path) -> Iterator[Path]:
    """A folder of programs: `antiphon` by a warm process, and players that want sound they can play."""
    programs = folder / "programs"
    programs.mkdir()
    path = folder / "socket"
    python = shlex.quote(sys.executable)
    warmed = f'exec {python} -S -E {shlex.quote(str(HERE / "warm_antiphon.py"))} call {path} "$@"'
    cold = f'if [ -n "${{ANTIPHON_COLD:-}}" ]; then exec {python} -m antiphon "$@"; fi'
    _program(programs / "antiphon", f"{cold}\n{warmed}")
    play = "import io, soundfile, sys; assert soundfile.info(io.BytesIO(sys.stdin.buffer.read())).frames > 8_000"
    for player in ("ffplay", "mpv"):
        _program(programs / player, f"exec {python} -c {shlex.quote(play)}")
    server = subprocess.Popen(
        [sys.executable, str(HERE / "warm_antiphon.py"), "serve", str(path)], stdin=subprocess.DEVNULL
    )
    try:
        while not path.exists():
            assert server.poll() is None
            time.sleep(0.02)
        yield programs
    finally:
        server.kill()
        server.wait()


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)
