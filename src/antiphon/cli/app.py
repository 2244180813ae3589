"""The `antiphon` command: global options, verbs that load when they are used, and how asynchronous work is run."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon import __version__
from antiphon.door.settings import DEFAULT_RPC, Settings, default_home

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Verb:
    """Where a command lives, and its line in the overview: `--help` imports nothing else."""

    target: str
    summary: str


VERBS: dict[str, dict[str, Verb]] = {
    "Make": {
        "say": Verb("antiphon.cli.say:say", "Turn text into speech."),
        "book": Verb("antiphon.cli.book:book", "Turn a document into an audiobook."),
        "clone": Verb("antiphon.cli.clone:clone", "Say it in the voice of a recording."),
        "compose": Verb("antiphon.cli.compose:compose", "Turn a description into music."),
        "effect": Verb("antiphon.cli.effect:effect", "Have a sound effect made for a game."),
        "render": Verb("antiphon.cli.render:render", "Have a MIDI file played on the sound chip."),
        "transition": Verb("antiphon.cli.linking:transition", "Lead from one piece into another."),
        "stinger": Verb("antiphon.cli.linking:stinger", "A signal in a piece's key: win, lose, danger."),
        "voices": Verb("antiphon.cli.voices:voices", "List voices; add, show, delete your own."),
        "consent": Verb("antiphon.cli.consent:consent", "Allow the use of a voice, or take it back."),
        "engines": Verb("antiphon.cli.catalogue:engines", "List the engines and what they can do."),
    },
    "Look": {
        "inspect": Verb("antiphon.cli.inspect:inspect", "Draw and measure a sound file."),
        "account": Verb("antiphon.cli.network:account", "Show an account; deposit, pay, take stake back."),
        "task": Verb("antiphon.cli.tasks:task", "List tasks, and show one."),
        "receipt": Verb("antiphon.cli.tasks:receipt", "Explain receipts, and verify them offline."),
        "epoch": Verb("antiphon.cli.epoch:epoch", "Weights, consensus, newly issued money."),
        "nodes": Verb("antiphon.cli.network:nodes", "List the nodes: role, price, quality, stake."),
    },
    "Run": {
        "up": Verb("antiphon.cli.up:up", "Serve an audio API that OpenAI's clients speak."),
        "mcp": Verb("antiphon.cli.integrations:mcp", "Give assistants speech and music (MCP)."),
        "wyoming": Verb("antiphon.cli.integrations:wyoming", "Give Home Assistant a voice."),
        "ledger": Verb("antiphon.cli.serve:ledger", "Serve a ledger that nodes can join."),
        "chain": Verb("antiphon.cli.settle:chain", "Contracts on a chain: deploy, deposit, stake."),
        "relay": Verb("antiphon.cli.relay:relay", "Serve a relay: a ledger that holds no money."),
        "node": Verb("antiphon.cli.serve:node", "Run a node of any role, and earn."),
        "subnet": Verb("antiphon.cli.subnet:subnet", "Mine or validate on a Bittensor subnet."),
        "bench": Verb("antiphon.cli.bench:bench", "Measure every promised figure on this machine."),
        "simulate": Verb("antiphon.cli.simulate:simulate", "Play the market's rules with nodes that cheat."),
        "doctor": Verb("antiphon.cli.doctor:doctor", "Say what is missing, slow or wrong here."),
        "completion": Verb("antiphon.cli.completion:completion", "Print a shell's completion script."),
    },
    "Train": {
        "data": Verb("antiphon.cli.data_sharing:data", "Collect recordings to train on; sell some."),
        "dama": Verb("antiphon.cli.dama_money:dama", "Models as assets: publish, fetch, earn."),
        "genki": Verb("antiphon.cli.genki_publishing:genki", "Train a model with others; data stays at home."),
        "soundstorm": Verb("antiphon.cli.soundstorm:soundstorm", "Train our own speech generator, and measure it."),
    },
}

EPILOG = """\b
Examples:
  antiphon say "Hello from a whole network." -o hello.wav
  antiphon voices --language en-gb
  antiphon COMMAND --help
"""


class LazyGroup(click.Group):
    """Loads a verb's module only when it is used, so that --help and completion are instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for section in VERBS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        verb = next((section[cmd_name] for section in VERBS.values() if cmd_name in section), None)
        if verb is None:
            return None
        module, _, attribute = verb.target.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        for title, section in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<10}", verb.summary) for name, verb in section.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            raise click.UsageError(f"There is no command {args[0]!r}. {_nearest(args[0], self)}".strip(), ctx) from None


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
    subcommand_metavar="COMMAND ...",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ANTIPHON_HOME",
    metavar="FOLDER",
    help="Where keys, ledger and receipts are kept. By default your system's data folder.",
)
@click.option("--ledger", envvar="ANTIPHON_LEDGER", metavar="URL", help="Join the network of this ledger.")
@click.option(
    "--ledger-id",
    envvar="ANTIPHON_LEDGER_ID",
    metavar="ID",
    help="Which ledger it must be; by default the one that answered there first.",
)
@click.option(
    "--private-nodes/--public-nodes",
    default=None,
    envvar="ANTIPHON_PRIVATE_NODES",
    help="Whether nodes at private addresses may be asked. By default, if the ledger's own is one.",
)
@click.option(
    "--profile",
    default="antiphon",
    envvar="ANTIPHON_PROFILE",
    metavar="NAME",
    show_default=True,
    help="How the validators run here judge.",
)
@click.option(
    "--models",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ANTIPHON_MODELS",
    metavar="FOLDER",
    help="Where model files are looked for first.",
)
@click.option("-v", "--verbose", is_flag=True, help="Tell what the nodes do, and show tracebacks.")
@click.version_option(__version__, prog_name="antiphon")
@click.pass_context
def group(
    ctx: click.Context,
    home: Path | None,
    ledger: str | None,
    ledger_id: str | None,
    private_nodes: bool | None,
    profile: str,
    models: Path | None,
    verbose: bool,
) -> None:
    """Text in, audio out, made by a network of nodes that check and pay each other.

    Nothing needs to be set up: the first command creates a whole network in your data folder.
    """
    from antiphon.cli import logs

    settings = ctx.obj = Settings(
        home or default_home(),
        ledger or None,
        profile,
        ledger_id or None,
        private_nodes,
        os.environ.get("ANTIPHON_RPC", DEFAULT_RPC),
        Path(os.environ["ANTIPHON_CHAIN"]) if os.environ.get("ANTIPHON_CHAIN") else None,
        os.environ.get("ANTIPHON_CHAIN_KEY", ""),
        os.environ.get("ANTIPHON_CHAIN_PASSWORD", ""),
        tell=lambda line: click.echo(line, err=True),
    )
    logs.start(settings.home, verbose=verbose)
    if models is not None:
        from antiphon.models import use_folder

        use_folder(models)
    if os.environ.get("ANTIPHON_MODELS_HUB") in {"1", "yes", "true"}:
        from antiphon.models import Hub, use_hub
        from antiphon.models.hub import HUB

        use_hub(Hub(models or settings.home / "models", os.environ.get("HF_ENDPOINT") or HUB))


class Terminated(Exception):  # noqa: N818 - an end that was asked for, as KeyboardInterrupt is
    """SIGTERM or SIGHUP came while a command was at work; it has cleaned up."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run an async command. Ctrl-C, SIGTERM and SIGHUP cancel it and let it clean up; then the first raises
    KeyboardInterrupt, the others `Terminated`."""
    import asyncio

    try:
        import uvloop

        factory: Any = uvloop.new_event_loop
    except ImportError:
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_stoppable(work))


async def _stoppable(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    received: list[int] = []
    me = asyncio.current_task()
    assert me is not None

    def stop(number: int) -> None:
        received.append(number)
        me.cancel()

    with _handling(asyncio.get_running_loop(), stop):
        try:
            return await work
        except asyncio.CancelledError:
            if received:
                raise Terminated(received[0]) from None
            raise


@contextmanager
def _handling(loop: asyncio.AbstractEventLoop, stop: Any) -> Iterator[None]:
    """Signals that end a process by default end the work in order; one that the caller ignores (nohup) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for number in numbers:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _nearest(word: str, known: LazyGroup) -> str:
    import difflib

    found = difflib.get_close_matches(word, known.list_commands(click.Context(known)), n=1)
    return f"Did you mean {found[0]!r}?" if found else ""
