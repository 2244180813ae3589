"""`antiphon subnet`: a miner and a validator on a Bittensor subnet, or on an offline one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from antiphon.cli.app import run
from antiphon.cli.groups import Verbs
from antiphon.cli.process_host import BindAddress
from antiphon.cli.serve import bind_options, by_judge, prompt_source
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.cli.subnet_host import Membership

CHAIN_PORT = 9944
MINER_PORT = 8091
WALLETS = "~/.bittensor/wallets"
NETWORKS = ("offline", "finney", "test", "local", "archive", "devnet")
"""Ours, and those that the SDK knows by name."""

F = TypeVar("F", bound=Callable[..., Any])

_CHAIN = "antiphon subnet chain --tempo 20 --rate-limit 5 --block-seconds 1"
_KEY = "antiphon subnet key --hotkey miner"
_REGISTER = "antiphon subnet register --netuid 1 --network offline --hotkey miner"
_MINER = "antiphon subnet miner --netuid 1 --network offline --hotkey miner --engine hibari"
_VALIDATOR = "antiphon subnet validator --netuid 1 --network offline --hotkey validator"


def _examples(*commands: str) -> str:
    return "\b\nExamples:\n" + "".join(f"  {command}\n" for command in commands)


EPILOG = _examples(
    _CHAIN,
    _KEY,
    "antiphon subnet key --hotkey validator",
    "antiphon subnet register --netuid 1 --network offline --hotkey validator --stake 1000",
    _REGISTER,
    _MINER,
    _VALIDATOR,
)


def _wallet_options(command: F) -> F:
    for option in (
        click.option("--hotkey", default="default", show_default=True, help="The wallet's hotkey."),
        click.option("--wallet", default="default", show_default=True, help="Name of btcli's wallet."),
        click.option(
            "--wallets",
            default=WALLETS,
            show_default=True,
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of btcli's wallets.",
        ),
    ):
        command = option(command)
    return command


def _membership_options(command: F) -> F:
    """The command gets them as one `membership`."""

    @wraps(command)
    def belonging(*args: Any, netuid: int, network: str, wallets: Path, wallet: str, hotkey: str, **given: Any) -> None:
        from antiphon.cli.subnet_host import Membership

        command(*args, membership=Membership(netuid, _address_of(network), wallets, wallet, hotkey), **given)

    made: Any = _wallet_options(cast("F", belonging))
    made = click.option(
        "--network",
        default="finney",
        show_default=True,
        help="finney, test, local, ws://HOST:PORT; offline, or http://HOST:PORT of an offline chain.",
    )(made)
    return cast("F", click.option("--netuid", required=True, type=click.IntRange(0, 65_535), help="The subnet.")(made))


def _address_of(network: str) -> str:
    """What `--network` names. Raises InputError for what is neither a name nor an address."""
    from antiphon.plugins import unknown

    if "://" not in network and network not in NETWORKS:
        raise unknown("network", network, NETWORKS)
    return f"http://127.0.0.1:{CHAIN_PORT}" if network == "offline" else network


@click.group(cls=Verbs, epilog=EPILOG)
def subnet() -> None:
    """Mine or validate on a Bittensor subnet."""


@subnet.command("key", epilog=_examples(_KEY))
@_wallet_options
def key(wallets: Path, wallet: str, hotkey: str) -> None:
    """Make a hotkey where btcli keeps them. It is not encrypted: it signs, and holds no money."""
    from antiphon.subnet import hotkeys

    click.echo(hotkeys.create(wallets, wallet, hotkey).ss58)


@subnet.command("chain", epilog=_examples(_CHAIN))
@bind_options(CHAIN_PORT)
@click.option("--netuid", default=1, show_default=True, type=click.IntRange(0, 65_535), help="The subnet's number.")
@click.option("--tempo", default=360, show_default=True, type=click.IntRange(1), help="Blocks of an epoch.")
@click.option("--rate-limit", default=100, show_default=True, type=click.IntRange(0), help="Blocks between weights.")
@click.option("--min-stake", default=0.0, show_default=True, type=click.FloatRange(0), help="To set weights.")
@click.option("--version-key", default=0, show_default=True, type=click.IntRange(0), help="Least one of weights.")
@click.option(
    "--block-seconds", default=12.0, show_default=True, type=click.FloatRange(0.05, 3600), help="From block to block."
)
@click.pass_obj
def chain(
    settings: Settings,
    address: BindAddress,
    netuid: int,
    tempo: int,
    rate_limit: int,
    min_stake: float,
    version_key: int,
    block_seconds: float,
) -> None:
    """Serve a subnet without Bittensor, by its rules: to try things on one machine. Nothing on it has a value."""
    from antiphon.cli.subnet_host import run_chain
    from antiphon.subnet.chain import RAO
    from antiphon.subnet.offline import Rules

    rules = Rules(
        netuid=netuid,
        tempo=tempo,
        rate_limit=rate_limit,
        min_stake_rao=round(min_stake * RAO),
        version_key=version_key,
    )
    run(run_chain(settings.home, address, rules, block_seconds))


@subnet.command("register", epilog=_examples(_REGISTER))
@_membership_options
@click.option("--stake", default=0.0, show_default=True, type=click.FloatRange(0, 1e9), help="Given with the place.")
def register(membership: Membership, stake: float) -> None:
    """Register a hotkey on an offline chain. On Bittensor's: btcli subnets register."""
    from antiphon.cli.subnet_host import register as registered
    from antiphon.subnet.chain import RAO

    uid = run(registered(membership, round(stake * RAO)))
    click.echo(f"uid {uid}")


@subnet.command("miner", epilog=_examples(_MINER))
@_membership_options
@click.option("--engine", "engines", multiple=True, required=True, help="What to run; repeatable.")
@click.option("--min-stake", default=0.0, show_default=True, type=click.FloatRange(0), help="Of who may ask.")
@click.option("--slots", default=1, show_default=True, type=click.IntRange(1, 64), help="Orders made at once.")
@click.option("--queue", default=8, show_default=True, type=click.IntRange(0, 1024), help="Orders that may wait.")
@bind_options(MINER_PORT)
@click.pass_obj
def miner(
    settings: Settings,
    membership: Membership,
    engines: tuple[str, ...],
    min_stake: float,
    slots: int,
    queue: int,
    address: BindAddress,
) -> None:
    """Serve speech, clones and music to validators with a permit."""
    from antiphon.cli.subnet_host import run_miner
    from antiphon.subnet.chain import RAO

    work = run_miner(
        settings.home, membership, engines, address, min_stake_rao=round(min_stake * RAO), slots=slots, queue=queue
    )
    run(work)


@subnet.command("validator", epilog=_examples(_VALIDATOR))
@_membership_options
@click.option("--share", "shares", multiple=True, metavar="SERVICE=N", help="What a service weighs; repeatable.")
@click.option("--fan-out", default=10, show_default=True, type=click.IntRange(1, 256), help="Miners asked at once.")
@click.option("--pause", default=10.0, show_default=True, type=click.FloatRange(0, 86_400), help="Seconds to a round.")
@click.option("--max-miner-stake", type=click.FloatRange(0), help="A permit and more stake than this: no miner.")
@click.option("--prompt-api", envvar="ANTIPHON_PROMPT_API", help="URL of an OpenAI-compatible API for test prompts.")
@click.option(
    "--prompt-model", default="default", envvar="ANTIPHON_PROMPT_MODEL", show_default=True, help="Model to ask for."
)
@click.option("--judge-option", "judge_options", multiple=True, metavar="JUDGE.KEY=VALUE", help="Option of a judge.")
@click.option("--track", type=click.Choice(["tensorboard", "wandb"]), help="Keep scores, weights and sounds; offline.")
@click.pass_obj
def validator(
    settings: Settings,
    membership: Membership,
    shares: tuple[str, ...],
    fan_out: int,
    pause: float,
    max_miner_stake: float | None,
    prompt_api: str | None,
    prompt_model: str,
    judge_options: tuple[str, ...],
    track: str | None,
) -> None:
    """Try miners with prompts of its own, and set weights once an epoch."""
    from antiphon.cli.subnet_host import run_validator
    from antiphon.nodes.evaluation.evaluator import evaluator_of
    from antiphon.subnet.chain import RAO

    evaluator = evaluator_of(settings.profile, by_judge(judge_options))
    work = run_validator(
        settings.home,
        membership,
        evaluator,
        prompt_source("subnet", prompt_api, prompt_model),
        shares_ppm=_shares(shares),
        fan_out=fan_out,
        pause_s=pause,
        max_miner_stake_rao=None if max_miner_stake is None else round(max_miner_stake * RAO),
        track=track,
    )
    run(work)


def _shares(pairs: tuple[str, ...]) -> dict[str, int]:
    """`speech=2` as {speech: 2,000,000}; all three as `subnet.memory` has them by default."""
    from antiphon.economy.types import PPM
    from antiphon.services import Service
    from antiphon.subnet.memory import SHARES_PPM

    found = {}
    for pair in pairs:
        service, sign, number = pair.partition("=")
        try:
            share = float(number)
        except ValueError:
            share = -1.0
        if not sign or service not in set(Service) or not 0 <= share <= 1e6:
            raise InputError(f"--share {pair!r} is no service and number", f"Services: {', '.join(Service)}.")
        found[service] = round(share * PPM)
    return found or dict(SHARES_PPM)
