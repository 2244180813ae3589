"""`antiphon ledger serve` and `antiphon node ...`: the embedded network's objects as processes over HTTP."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import run
from antiphon.cli.groups import Verbs
from antiphon.cli.process_host import BindAddress, read_rules, run_ledger, run_node
from antiphon.door.settings import Settings
from antiphon.economy.types import NANO
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.network.prompts import PromptSource
    from antiphon.nodes.engine_runner import EngineRunner
    from antiphon.nodes.node import Node
    from antiphon.parties.actor import Context

LEDGER_PORT = 7411
PURSE_NANO = 2 * NANO
"""What a validator is given for probes where the operator's key is at hand. Most of each probe's escrow comes back."""

engine_option = click.option(
    "--engine-option",
    "engine_options",
    multiple=True,
    metavar="KEY=VALUE",
    help="For an engine that is opened, such as openai:URL; repeatable. See docs/engines.md.",
)

NODE_EPILOG = """\b
Examples:
  antiphon node processor --engine hibari
  antiphon node trainer --engine mimic
  antiphon node validator
"""

F = TypeVar("F", bound=Callable[..., Any])


def bind_options(port: int) -> Callable[[F], F]:
    """Options of everything that listens; the command gets them as one `address`."""

    def add(command: F) -> F:
        @wraps(command)
        def bound(*args: Any, host: str, port: int, endpoint: str | None, **given: Any) -> None:
            command(*args, address=BindAddress(host, port, endpoint or ""), **given)

        listening: Any = bound
        for option in (
            click.option("--endpoint", metavar="URL", help="What others are told; by default http://HOST:PORT."),
            click.option(
                "--port", default=port, show_default=bool(port), type=click.IntRange(0, 65535), help="0: any."
            ),
            click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: all."),
        ):
            listening = option(listening)
        return cast("F", listening)

    return add


def database_url(ctx: click.Context, param: click.Parameter, value: str | None) -> str:  # noqa: ARG001 - click's shape
    """Raises `InputError`, without the value: it may hold a password."""
    from antiphon.ledger.sql.ledger import URL_PREFIXES

    if value and not value.startswith(URL_PREFIXES):
        raise InputError("--db takes the URL of a PostgreSQL database", "Write postgresql://USER@HOST:PORT/DATABASE.")
    return value or ""


db_option = click.option(
    "--db",
    metavar="URL",
    envvar="ANTIPHON_DB",
    callback=database_url,
    help="Keep it in PostgreSQL: postgresql://USER@HOST:PORT/DATABASE (password: PGPASSWORD). Default: a file.",
)


@click.group(cls=Verbs, epilog="\b\nExamples:\n  antiphon ledger serve --port 7411\n")
def ledger() -> None:
    """Run the shared ledger."""


@ledger.command("serve", epilog="\b\nExamples:\n  antiphon ledger serve --port 7411\n")
@bind_options(LEDGER_PORT)
@click.option(
    "--grant",
    type=Amount(minimum_nano=0),
    default="1000",
    show_default=True,
    help="Credited at first to this data folder's client.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="JSON with numbers of the economy that differ from the defaults; for a new ledger only.",
)
@db_option
@click.pass_obj
def serve_ledger(settings: Settings, address: BindAddress, grant: int, rules: Path | None, db: str) -> None:
    """Serve this data folder's ledger over HTTP until Ctrl-C. Commands with the same --home find it by themselves."""
    run(run_ledger(settings.home, address, grant, read_rules(rules), db))


@ledger.command("unserve", epilog="\b\nExamples:\n  antiphon --home ~/antiphon ledger unserve\n")
@click.pass_obj
def unserve_ledger(settings: Settings) -> None:
    """Let commands use this data folder's network without a server again."""
    from antiphon.cli.process_host import stop_serving

    done = stop_serving(settings.home)
    if done:
        click.echo("Commands open this network themselves now. Stop its nodes; within a minute nobody waits for them.")
    else:
        click.echo("This data folder's ledger is not served.")


@click.group(cls=Verbs, epilog=NODE_EPILOG)
def node() -> None:
    """Run a node and earn."""


@node.command("processor", epilog="\b\nExamples:\n  antiphon node processor --engine kokoro --price 150\n")
@click.option("--engine", required=True, help="What to run: see `antiphon engines`; or openai:URL, any speech server.")
@engine_option
@click.option("--asset", metavar="ID", help="Run it with this model, which `antiphon dama pull` has fetched.")
@click.option("--workers", metavar="URL", envvar="ANTIPHON_WORKERS", help="Workers make the parts: nats://HOST:4222.")
@click.option("--price", type=Amount("uANT"), help="Per unit (a character, or 1/15 s), in millionths of an ANT.")
@click.option("--slots", default=1, show_default=True, type=click.IntRange(1, 64), help="Parts made at once.")
@click.option("--queue", default=16, show_default=True, type=click.IntRange(0, 1024), help="Parts that may wait.")
@bind_options(0)
@click.option("--name", help="Name of this node's key in the data folder; by default the engine's.")
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def processor(
    settings: Settings,
    engine: str,
    engine_options: tuple[str, ...],
    asset: str | None,
    workers: str | None,
    price: int | None,
    slots: int,
    queue: int,
    address: BindAddress,
    name: str | None,
    bond: int,
) -> None:
    """Run a processor node: it makes audio with one engine, here or by workers (`antiphon node worker`)."""
    from antiphon.cli.delivering import options_of
    from antiphon.network.embedded import pooled, processing
    from antiphon.nodes.producer import Producer

    given = options_of(engine_options, "--engine-option")
    if asset and (workers or given):
        raise InputError("--asset goes with neither --workers nor --engine-option", "Leave them out.")
    if asset:
        runner = _with_asset(settings, engine, asset, price)
    else:
        runner = pooled(engine, workers, price, given) if workers else processing(engine, price, given)

    def build(context: Context) -> Node:
        return Producer(context, runner, slots=slots, queue=queue)

    run(run_node(settings, build, name or runner.offers[0].engine, address, bond))


def _with_asset(settings: Settings, engine: str, asset: str, price: int | None) -> EngineRunner:
    from antiphon.cli.dama import shelf_of
    from antiphon.dama.registry import resolve
    from antiphon.network.embedded import processing_asset

    shelf = shelf_of(settings)
    return processing_asset(engine, resolve(asset, shelf.held()), shelf, price)


@node.command("worker", epilog="\b\nExample:\n  antiphon node worker nats://127.0.0.1:4222 --engine kokoro\n")
@click.argument("url")
@click.option("--engine", required=True, help="What the node runs that puts parts into the queue.")
@engine_option
@click.option("--slots", default=1, show_default=True, type=click.IntRange(1, 64), help="Parts made at once.")
@click.option("--name", help="Called so in the node's log; by default machine and process.")
def worker(url: str, engine: str, engine_options: tuple[str, ...], slots: int, name: str | None) -> None:
    """Make parts for a processor that was started with --workers URL, until Ctrl-C. It holds no key and no money."""
    from antiphon.cli.delivering import options_of
    from antiphon.cli.pool_worker import run_worker

    run(run_worker(engine, options_of(engine_options, "--engine-option"), url, slots, name or ""))


@node.command("trainer", epilog="\b\nExamples:\n  antiphon node trainer --engine mimic\n")
@click.option("--engine", required=True, help="What learns voices: see `antiphon engines`.")
@click.option("--price", type=Amount("uANT"), help="Per unit (1/15 s of the reference), in millionths of an ANT.")
@click.option("--queue", default=8, show_default=True, type=click.IntRange(0, 1024), help="Voices that may wait.")
@bind_options(0)
@click.option("--name", help="Name of this node's key in the data folder; by default the engine's.")
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def trainer(
    settings: Settings,
    engine: str,
    price: int | None,
    queue: int,
    address: BindAddress,
    name: str | None,
    bond: int,
) -> None:
    """Run a trainer node: it learns voices from references."""
    from antiphon.economy.types import Role
    from antiphon.network.embedded import training
    from antiphon.nodes.producer import Producer

    runner = training(engine, price)

    def build(context: Context) -> Node:
        return Producer(context, runner, role=Role.TRAINER, queue=queue)

    run(run_node(settings, build, name or f"{engine}-trainer", address, bond))


@node.command(
    "seller",
    epilog="\b\nExamples:\n"
    '  antiphon data add recordings --licence CC-BY-4.0 --consent "my own recordings"\n'
    "  antiphon data share recordings --price 2\n  antiphon node seller\n",
)
@bind_options(0)
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def seller(settings: Settings, address: BindAddress, bond: int) -> None:
    """Run a seller node: it sells what `antiphon data share` has offered. Start it again after sharing more."""
    from antiphon.genki.sharing import KEY_NAME, sold_here
    from antiphon.nodes.producer import Producer
    from antiphon.nodes.selling import SaleRunner

    def build(context: Context) -> Node:
        return Producer(context, SaleRunner(sold_here(settings.home), context.identity, context.clock), queue=32)

    run(run_node(settings, build, KEY_NAME, address, bond))


@node.command("appraiser", epilog="\b\nExamples:\n  antiphon node appraiser\n")
@click.option("--store", envvar="ANTIPHON_STORE", metavar="PLACE", help="Where rounds lie; by default your own.")
@click.option("--price", type=Amount("uANT"), help="Per unit (a round has eight), in millionths of an ANT.")
@bind_options(0)
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def appraiser(settings: Settings, store: str | None, price: int | None, address: BindAddress, bond: int) -> None:
    """Run an appraiser node: it computes who brought what to a federation's rounds (docs/contribution.md)."""
    from antiphon.genki.voting.judge import Appraiser
    from antiphon.nodes.appraising import ENGINE, PRICE_NANO, AppraisalRunner
    from antiphon.nodes.evaluation.evaluator import STORE
    from antiphon.nodes.producer import Producer
    from antiphon.objects import opened

    runner = AppraisalRunner(Appraiser(opened(store or settings.home / STORE)), PRICE_NANO if price is None else price)

    def build(context: Context) -> Node:
        return Producer(context, runner, queue=8)

    run(run_node(settings, build, ENGINE, address, bond))


@node.command("learner", epilog="\b\nExamples:\n  antiphon node learner\n  antiphon node learner --model ruby-base\n")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Train this one; repeatable. By default all.")
@click.option("--store", envvar="ANTIPHON_STORE", metavar="PLACE", help="Where jobs lie; by default your own.")
@click.option("--price", type=Amount("uANT"), help="Per unit (a local step), in millionths of an ANT.")
@bind_options(0)
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def learner(
    settings: Settings, models: tuple[str, ...], store: str | None, price: int | None, address: BindAddress, bond: int
) -> None:
    """Run a learner node: it does the local training of contributors to federations who rent it (docs/genki.md)."""
    from antiphon.genki.renting.judge import JobTrainer
    from antiphon.genki.rounds.learners import KNOWN
    from antiphon.nodes.evaluation.evaluator import STORE
    from antiphon.nodes.producer import Producer
    from antiphon.nodes.training import ENGINE, PRICE_NANO, TrainingRunner
    from antiphon.objects import opened
    from antiphon.plugins import unknown

    if strange := sorted({*models} - {*KNOWN}):
        raise unknown("model", strange[0], sorted(KNOWN))
    trainer = JobTrainer(opened(store or settings.home / STORE))
    runner = TrainingRunner(trainer, PRICE_NANO if price is None else price, models)

    def build(context: Context) -> Node:
        return Producer(context, runner, queue=8)

    run(run_node(settings, build, ENGINE, address, bond))


@node.command("validator", epilog="\b\nExamples:\n  antiphon node validator --probe-every 60\n")
@click.option("--price", type=Amount("uANT"), help="Per unit (a character, or 1/15 s), in millionths of an ANT.")
@click.option(
    "--probe-every",
    type=click.FloatRange(0, 86_400),
    default=60.0,
    show_default=True,
    help="Seconds between own test prompts; 0 = none.",
)
@click.option("--prompt-api", envvar="ANTIPHON_PROMPT_API", help="URL of an OpenAI-compatible API for test prompts.")
@click.option(
    "--prompt-model",
    default="default",
    envvar="ANTIPHON_PROMPT_MODEL",
    show_default=True,
    help="Model to ask for at that API.",
)
@click.option(
    "--judge-option",
    "judge_options",
    multiple=True,
    metavar="JUDGE.KEY=VALUE",
    help="Option of a judge; repeatable. See docs/plugins.md.",
)
@click.option("--weights/--no-weights", "weighs", default=True, help="Whether to set weights in each epoch.")
@bind_options(0)
@click.option("--name", default="validator", show_default=True, help="Name of this node's key in the data folder.")
@click.option("--bond", type=Amount(), default="100", show_default=True, help="Stake to hold.")
@click.pass_obj
def validator(
    settings: Settings,
    price: int | None,
    probe_every: float,
    prompt_api: str | None,
    prompt_model: str,
    judge_options: tuple[str, ...],
    weighs: bool,
    address: BindAddress,
    name: str,
    bond: int,
) -> None:
    """Run a validator node: it judges what processors deliver, and tests them with prompts of its own.

    The prompt API's key, if it needs one, is read from ANTIPHON_PROMPT_API_KEY.
    """
    from antiphon.network.embedded import VALIDATOR_PRICE_NANO
    from antiphon.nodes.evaluation.evaluator import evaluator_of
    from antiphon.nodes.memory import ScoreMemory, memory_of
    from antiphon.nodes.validator import Validator

    evaluator = evaluator_of(settings.profile, by_judge(judge_options), home=settings.home)
    evaluator.warm_up()
    price_nano = VALIDATOR_PRICE_NANO if price is None else price
    kept: list[ScoreMemory] = []

    def build(context: Context) -> Node:
        kept.append(memory_of(settings.home, context.identity.node_id))
        return Validator(context, evaluator, price_nano, memory=kept[-1], weighs=weighs)

    async def probing(context: Context) -> None:
        from antiphon.client.client import Client
        from antiphon.network.prober import Prober

        prompts = prompt_source(context.identity.node_id, prompt_api, prompt_model)
        rng = random.Random()  # noqa: S311
        await Prober(Client(context), prompts, every_s=probe_every, rng=rng, memory=kept[-1]).run()

    purse_nano = PURSE_NANO if probe_every > 0 else 0
    beside = probing if probe_every > 0 else None
    run(run_node(settings, build, name, address, bond, purse_nano=purse_nano, beside=beside))


def by_judge(pairs: tuple[str, ...]) -> dict[str, dict[str, str | int | float | bool]]:
    """`speech.profile=bittaudio` as {speech: {profile: bittaudio}}. Raises `InputError`."""
    from antiphon.cli.delivering import options_of

    found: dict[str, dict[str, str | int | float | bool]] = {}
    for path, value in options_of(pairs).items():
        judge, dot, key = path.partition(".")
        if not dot or not key:
            raise InputError(f"--judge-option {path!r} names no option of a judge", "Write JUDGE.KEY=VALUE.")
        found.setdefault(judge, {})[key] = value
    return found


def prompt_source(seed: str, api: str | None, model: str) -> PromptSource:
    import time

    from antiphon.network.prompts import ApiPrompts, GrammarPrompts
    from antiphon.protocol import Secret

    grammar = GrammarPrompts(f"{seed} {time.time_ns()}")
    if not api:
        return grammar
    key = os.environ.get("ANTIPHON_PROMPT_API_KEY")
    return ApiPrompts(api, Secret(key.encode()) if key else None, model, grammar)
