"""What commands that use a cloned voice share: the consent, the enrolment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.cli.delivering import CommandJob, perform
from antiphon.cli.warming import warm_up
from antiphon.door.settings import Settings

if TYPE_CHECKING:
    from antiphon.cli.jobs import Jobs
    from antiphon.door.cloning import Enrolling

C = TypeVar("C", bound=Callable[..., Any])


def consent_options(command: C) -> C:
    """`--own-voice` and `--consent FILE`: one of them is needed."""
    for option in (
        click.option("--consent", type=click.Path(path_type=Path), metavar="FILE", help="The owner's signed consent."),
        click.option("--own-voice", is_flag=True, help="State, signed with your key, that the voice is yours."),
    ):
        command = option(command)
    return command


def enrol(settings: Settings, enrolling: Enrolling, *, quiet: bool, jobs: Jobs | None = None) -> int:
    """Have a trainer learn the voice, and validators judge it; returns what was paid for it in nano.

    Raises like `antiphon say`.
    """
    from antiphon.cli.manuscript import Extent
    from antiphon.network.embedded import Plan

    if not quiet:
        click.echo(f"Voice    {enrolling.reference.report}", err=True)
    engine = enrolling.order.selector.engine
    store = jobs.open(purpose="voice", salt=engine, noun="voice") if jobs is not None else None
    warm_up(settings, engine=engine or Plan().trainers[0])
    extent = Extent(1, enrolling.units, True, ("the reference",), noun="voice", unit="unit")
    return perform(settings, CommandJob(enrolling.order, store, jobs), quiet=quiet, extent=extent)
