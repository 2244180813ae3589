"""How long a command with a kept voice takes to its first sound, and how much processor time by then.

    python benchmarks/first_sound.py --turns 7
    python benchmarks/first_sound.py --turns 7 --other ../before/src   # two checkouts, in turns

From the start of the process (Python, imports, network, models) to the first byte of audio on its stdout, streamed and
verified, for each cloner. The voices are enrolled first, from a reference that ships. Exit status 1 if 2 s were missed
by the median.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

import antiphon
from antiphon.bench.clips import REFERENCES

TEXT = "This is my voice, and I never said this."
SAY = ("say", TEXT, "--seed", "7", "-o", "-", "--format", "pcm")
TARGET_S = 2.0


@dataclass(frozen=True)
class Run:
    """Seconds until the first audio, and processor seconds of the whole process by then and in the end."""

    first_s: float
    cpu_first_s: float
    cpu_s: float


def antiphon_command(source: Path, home: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(source), "ANTIPHON_HOME": str(home)}
    environment.pop("ANTIPHON_LEDGER", None)
    command = [sys.executable, "-m", "antiphon", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def spent_s(pid: int) -> float:
    """Processor time of a running process, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(source: Path, home: Path, voice: str, mode: str) -> Run:
    before = os.times()
    start = time.perf_counter()
    with antiphon_command(source, home, *SAY, "--voice", voice, mode) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        at_s, cpu_s = time.perf_counter() - start, spent_s(process.pid)
        process.stdout.read()
    if process.returncode or not first:
        raise click.ClickException(f"The command failed with {process.returncode}; run it by hand.")
    after = os.times()
    total_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(at_s, cpu_s, total_s)


def enrol(source: Path, home: Path, engine: str) -> str:
    reference = sorted(REFERENCES.glob("*.opus"))[0]
    arguments = ("voices", "add", engine, "--engine", engine, "--reference", str(reference), "--own-voice")
    with antiphon_command(source, home, *arguments) as process:
        process.communicate()
    if process.returncode:
        raise click.ClickException(f"The enrolment with {engine} failed.")
    return engine


@click.command(help=__doc__)
@click.option("--turns", default=7, show_default=True)
@click.option("--other", type=click.Path(path_type=Path, exists=True), help="The src folder of another checkout.")
def main(turns: int, other: Path | None) -> None:
    here = Path(antiphon.__file__).parent.parent
    sources = {"": here} if other is None else {"this ": here, "other ": other}
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        for voice in (enrol(here, home, engine) for engine in ("mimic", "soundstorm")):
            for mode in ("--stream", "--verified"):
                runs: dict[str, list[Run]] = {name: [] for name in sources}
                for _ in range(turns):
                    for name, source in sources.items():
                        runs[name].append(run(source, home, voice, mode))
                for name, made in runs.items():
                    firsts = sorted(one.first_s for one in made)
                    middle = statistics.median(firsts)
                    missed += name != "other " and middle >= TARGET_S
                    cpu = statistics.median(one.cpu_first_s for one in made)
                    total = statistics.median(one.cpu_s for one in made)
                    click.echo(
                        f"{name}{voice} {mode}: {middle:.2f} s ({firsts[0]:.2f} to {firsts[-1]:.2f}), "
                        f"processor {cpu:.2f} s by then, {total:.2f} s in all"
                    )
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
