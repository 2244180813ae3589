"""The `antiphon` command: global options, lazily loaded verbs, and one-line errors with an exit code by class."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from antiphon import __version__
from antiphon.errors import AntiphonError

T = TypeVar("T")
CANCELLED_EXIT = 130

_VERBS = {
    "say": "antiphon.cli.say:say",
    "voices": "antiphon.cli.catalogue:voices",
    "engines": "antiphon.cli.catalogue:engines",
    "nodes": "antiphon.cli.network:nodes",
    "account": "antiphon.cli.network:account",
    "task": "antiphon.cli.tasks:task",
    "receipt": "antiphon.cli.tasks:receipt",
    "node": "antiphon.cli.serve:node",
    "ledger": "antiphon.cli.serve:ledger",
    "bench": "antiphon.cli.bench:bench",
    "completion": "antiphon.cli.completion:completion",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Global options, read once at the door."""

    home: Path
    ledger: str | None
    profile: str


class LazyGroup(click.Group):
    """Loads a verb's module only when it is used, so that --help and completion are instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        target = _VERBS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            nearest = _nearest(args[0], self.list_commands(ctx))
            raise click.UsageError(f"{error.message} {nearest}".strip(), ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog='Try: antiphon say "Hello from a whole network." -o hello.wav',
)
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), envvar="ANTIPHON_HOME", help="Data folder.")
@click.option("--ledger", envvar="ANTIPHON_LEDGER", help="Join a running network: its ledger's URL.")
@click.option("--profile", default="antiphon", envvar="ANTIPHON_PROFILE", help="How validators here judge.")
@click.option("-v", "--verbose", is_flag=True, help="Log what the nodes do.")
@click.version_option(__version__, prog_name="antiphon")
@click.pass_context
def group(ctx: click.Context, home: Path | None, ledger: str | None, profile: str, verbose: bool) -> None:
    """Text in, audio out, made by a network of nodes that check and pay each other."""
    logging.basicConfig(level=logging.INFO if verbose else logging.ERROR, format="%(name)s: %(message)s")
    ctx.obj = Settings(home or _default_home(), ledger, profile)


def main() -> None:
    """Entry point. Errors made on purpose become one line on stderr and their own exit code."""
    try:
        code = group.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("Cancelled.", CANCELLED_EXIT)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except AntiphonError as error:
        _fail(f"antiphon: {error}", error.exit_code)
    except KeyboardInterrupt:
        _fail("Cancelled.", CANCELLED_EXIT)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run an async command on uvloop where there is one. Ctrl-C cancels the work and lets it clean up."""
    try:
        import uvloop

        factory: Any = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def _fail(message: str, code: int) -> None:
    click.echo(message, err=True)
    sys.exit(code)


def _default_home() -> Path:
    import platformdirs

    return Path(platformdirs.user_data_dir("antiphon", appauthor=False))


def _nearest(word: str, known: list[str]) -> str:
    import difflib

    found = difflib.get_close_matches(word, known, n=1)
    return f"Did you mean {found[0]!r}?" if found else ""
