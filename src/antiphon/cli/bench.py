"""`antiphon bench`: measures every promised figure on this machine, now."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import click
import msgspec

from antiphon.cli.app import Terminated
from antiphon.door.settings import Settings
from antiphon.errors import OutputError

if TYPE_CHECKING:
    from antiphon.bench.figure import Figure, Step

EPILOG = """\b
Examples:
  antiphon bench
  antiphon bench --only network --json figures.json
  antiphon bench --only sound --tries 20
  antiphon bench --only music
  antiphon bench --only soundstorm
  antiphon bench --only emission
  antiphon bench --only chain
  antiphon bench --only doors --tries 1000
"""
AREAS = ("network", "sound", "music", "soundstorm", "emission", "genki", "chain", "doors")
"""As `antiphon.bench.running` has them: --help imports nothing heavy."""
TRIES, MUSIC_TRIES = 100, 10


@click.command(epilog=EPILOG)
@click.option("--only", type=click.Choice(AREAS), help="One area; by default all.")
@click.option(
    "--json",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the list as JSON, anew after each figure; `complete` says whether it is whole.",
)
@click.option(
    "--tries",
    type=click.IntRange(1, 1000),
    help=f"Tries for each cheat, and half the requests of doors; by default {TRIES}, with music {MUSIC_TRIES}.",
)
@click.option("--peer-python", help="An interpreter with bittensor==10.5.0, to measure the peer beside us.")
@click.pass_context
def bench(ctx: click.Context, only: str | None, file: Path | None, tries: int | None, peer_python: str | None) -> None:
    """Measure. Nothing printed here is stored anywhere: every figure is taken now.

    It takes minutes, and says how many. Ctrl-C ends it at once; figures taken so far stay in the file of --json.
    """
    from antiphon.bench import running
    from antiphon.bench.figure import Step

    settings: Settings = ctx.obj
    models = ctx.parent.params["models"] if ctx.parent is not None else None
    found: list[Figure] = []
    areas = (only,) if only else AREAS
    kept = _Kept(file)
    kept.write(found, complete=False)  # a place that cannot be written is known before the minutes pass
    progress = _Progress([step for area in areas for step in running.steps(area, _tries(area, tries))])
    with _ended_by_signals():
        for area in areas:
            request = running.BenchRequest(
                area=area,
                profile=settings.profile,
                tries=_tries(area, tries),
                peer_python=peer_python,
                models=None if models is None else str(models),
            )
            with contextlib.closing(running.measure(request)) as events:
                for event in events:
                    if isinstance(event, Step):
                        progress.begins(event)
                        continue
                    found.append(event)
                    click.echo(_line(event))
                    kept.write(found, complete=False)
    kept.write(found, complete=True)
    missed = [figure for figure in found if figure.reached is False]
    click.echo(f"{sum(figure.reached is True for figure in found)} reached, {len(missed)} missed")


def _tries(area: str, said: int | None) -> int:
    return said or (MUSIC_TRIES if area == "music" else TRIES)


class _Progress:
    """Says on stderr what is being measured, and about how much longer it all takes."""

    def __init__(self, steps: list[Step]) -> None:
        self._steps = steps
        self._begun = 0
        self._since_s = time.monotonic()
        total_s = sum(step.about_s for step in steps)
        click.echo(f"{len(steps)} steps, {_time(total_s)} on two cores of a server CPU; Ctrl-C ends it.", err=True)

    def begins(self, step: Step) -> None:
        self._begun += 1
        left = f"{_time(sum(one.about_s for one in self._steps[self._begun - 1 :]))} left" if self._begun > 1 else ""
        passed = f"{time.monotonic() - self._since_s:.0f} s passed, {left}" if left else _time(step.about_s)
        click.echo(f"[{self._begun}/{len(self._steps)}] {step.name} ({passed})", err=True)


class _Kept:
    """The file of --json: whole and valid at every moment."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def write(self, figures: list[Figure], *, complete: bool) -> None:
        """Raises `OutputError`."""
        if self._file is None:
            return
        text = json.dumps({"complete": complete, "figures": msgspec.to_builtins(figures)}, indent=2) + "\n"
        partial = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            try:
                partial.write_text(text)
                partial.replace(self._file)
            finally:
                partial.unlink(missing_ok=True)
        except OSError as e:
            raise OutputError(f"{self._file} cannot be written: {e.strerror}", "Choose another place.") from e


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the measurement as Ctrl-C does; one that the caller ignores (nohup) stays ignored."""

    def stop(number: int, _frame: FrameType | None) -> NoReturn:
        raise Terminated(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _time(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"


def _line(figure: Figure) -> str:
    mark = {True: "ok    ", False: "MISSED", None: "      "}[figure.reached]
    value = "not measured" if figure.value is None else f"{figure.value:g} {figure.unit}"
    target = f"  (target {figure.target})" if figure.target else ""
    note = f"  {figure.note}" if figure.note else ""
    return f"{mark} {figure.name}: {value}{target}{note}"
