"""`antiphon doctor`: what is installed, missing, slow or wrong here."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from antiphon.cli.app import run
from antiphon.door.settings import Settings

EPILOG = """\b
Examples:
  antiphon doctor
  antiphon doctor --json
"""
MARKS = {"ok": "  ok     ", "missing": "  missing", "slow": "! slow   ", "wrong": "! WRONG  "}


@click.command(epilog=EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def doctor(settings: Settings, as_json: bool) -> int:
    """Say what is installed, missing, slow or wrong here, and the command that mends it.

    A sentence is ordered from this data folder's own network; of one that was joined only the ledger is asked. The exit
    code is 1 if something is wrong, 0 if it is only missing or slow.
    """
    return run(_examine(settings, as_json))


async def _examine(settings: Settings, as_json: bool) -> int:
    from antiphon.door.doctor import State, examine

    found = []
    async for finding in examine(settings):
        found.append(finding)
        if not as_json:
            click.echo(f"{MARKS[finding.state]}  {finding.what:<18} {finding.told}")
            if finding.remedy:
                click.echo(f"{'':31}{finding.remedy}")
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    return 1 if any(finding.state is State.WRONG for finding in found) else 0
