"""`--asset`: an order that only those may make who run this model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from antiphon.door.settings import Settings

C = TypeVar("C", bound=Callable[..., Any])

ID_DIGITS = 64


def asset_option(command: C) -> C:
    """`--asset ID`."""
    option = click.option("--asset", default="", metavar="ID", help="Only nodes that run this model (antiphon dama).")
    return option(command)


def asset_of(settings: Settings, written: str) -> str:
    """The whole id; of the beginning of one, what the ledger or our own models know. Raises `InputError`."""
    if not written or len(written) == ID_DIGITS:
        return written
    from antiphon.cli.app import run
    from antiphon.cli.dama import registry
    from antiphon.dama import asset_id, shipped
    from antiphon.dama.registry import resolve

    known = [asset_id(manifest) for manifest in shipped().values()]
    return resolve(written, [*known, *(record.asset for record in run(registry(settings)))])
