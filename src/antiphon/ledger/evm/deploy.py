"""Putting the contracts on a chain, from the committed artefacts. Cut off and given again, it goes on.

What the token issues is for `epochs`: its owner proposes that here, and after its delay anybody puts it in force
(`epochs.doing`).
"""

from __future__ import annotations

import hashlib

import msgspec

from antiphon.economy.royalty import FLOOR_PPM
from antiphon.economy.types import NANO, PPM, Rules
from antiphon.errors import InputError
from antiphon.ledger.evm.artefacts import artefact
from antiphon.ledger.evm.config import ChainFile, Deployed
from antiphon.ledger.evm.contracts import Contract, checked_address
from antiphon.ledger.evm.epochs.issuing import emission
from antiphon.ledger.evm.epochs.terms import Terms
from antiphon.ledger.evm.outbox import Outbox, Receipt
from antiphon.ledger.evm.rpc import Rpc

SUPPLY_NANO = 10**9 * NANO
EPOCH_CAP_NANO = 10**6 * NANO
WEIGHT_UNIT_NANO = 10**6
REPORT_PPM = 100_000
RULES = (
    "seats",
    "redraws",
    "penalty_ppm",
    "dissent_ppm",
    "absent_ppm",
    "score_tolerance_ppm",
    "missed_reading_ppm",
    "deliver_s",
    "draw_s",
    "commit_s",
    "reveal_s",
)
"""Those of the economy's that the contracts know, in their order."""


class Appeals(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time for each step of an appeal on the chain: people and programs must notice, and get into a block."""

    appeal_s: int = 3_600  # whoever is fined may ask for a jury so long
    draw_s: int = 3_600  # until anybody has drawn it
    commit_s: int = 3_600
    reveal_s: int = 3_600


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the contracts are created with, beside the rules of `economy`."""

    rules: Rules = Rules(draw_s=60, commit_s=60, reveal_s=60)  # the contracts want a minute at least
    supply_nano: int = SUPPLY_NANO  # all of it the deployer's
    epoch_cap_nano: int = EPOCH_CAP_NANO
    epoch_s: int = 3_600
    delay_s: int = 86_400  # from a proposal of the owner to its adoption
    appeals: Appeals = Appeals()
    epochs: Terms = Terms()
    burn_ppm: int = 0  # of what is issued
    treasury: str = ""  # who gets the owner's share; empty: the deployer

    def __post_init__(self) -> None:
        if not 0 <= self.burn_ppm <= PPM or self.epochs.emission_nano > self.epoch_cap_nano:
            raise InputError(
                f"The token burns 0 to {PPM} ppm, and issues at most {self.epoch_cap_nano} nano an epoch", "Give less."
            )

    def digest(self) -> str:
        """What distinguishes this deployment from another one of the same key."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def packed(rules: Rules) -> tuple[int, ...]:
    """The rules as `contracts/settlement.vy` takes them."""
    return tuple(getattr(rules, name) for name in RULES)


async def deploy(rpc: Rpc, outbox: Outbox, plan: Plan, *, confirmations: int, name: str) -> ChainFile:
    """Create the contracts, each once for this `name`. Raises what `Outbox.send` raises, InputError for bad rules."""
    receipts: dict[str, Receipt] = {}

    async def create(contract: str, *args: object) -> str:
        key = f"deploy:{name}:{plan.digest()}:{contract}:{artefact(contract).sources_sha256[:16]}"
        receipts[contract] = made = await outbox.send(key, "", creation(contract, *args))
        return made.made

    rules = packed(plan.rules)
    terms = (plan.rules.min_stake_nano, plan.rules.unbond_s, REPORT_PPM)
    token = await create("token", plan.supply_nano, plan.epoch_cap_nano, plan.epoch_s, plan.delay_s)
    registry = await create("registry", token, WEIGHT_UNIT_NANO, plan.epoch_s, plan.delay_s, terms)
    appeal = await create("appeal", registry, msgspec.structs.astuple(plan.appeals))
    await create("market", registry, appeal, plan.delay_s, rules)
    await create("quorum", registry, appeal, rules)
    treasury = checked_address(plan.treasury or outbox.key.address)
    epochs = await create("epochs", registry, treasury, plan.epochs.packed())
    await create("assets", token, FLOOR_PPM)
    money = Contract(rpc, "token", token)
    proposal = money.encode("propose_emission", emission(epochs, plan.epochs, plan.burn_ppm))
    await outbox.send(f"deploy:{name}:{plan.digest()}:{epochs}:emission", money.address, proposal)
    return ChainFile(
        chain_id=await rpc.chain_id(),
        first_block=min(one.block for one in receipts.values()),
        confirmations=confirmations,
        burn_ppm=plan.burn_ppm,
        contracts={
            contract: Deployed(one.made, artefact(contract).sources_sha256) for contract, one in receipts.items()
        },
    )


def creation(contract: str, *args: object) -> bytes:
    """Bytecode and arguments of a constructor. Raises InputError for arguments that do not fit."""
    from eth_abi.abi import encode
    from eth_utils.abi import get_abi_input_types

    made = artefact(contract)
    constructor = next(entry for entry in made.abi if entry["type"] == "constructor")
    try:
        return bytes.fromhex(made.bytecode.removeprefix("0x")) + encode(get_abi_input_types(constructor), args)  # type: ignore[arg-type]
    except Exception as e:
        raise InputError(f"The contract {contract!r} cannot be created with {args}: {e}", "Check the plan.") from e
