"""A relay that has signed two histories: the proof is kept, and shown to the chain by whoever has a chain key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from antiphon.door import sessions
from antiphon.door.settings import Settings
from antiphon.errors import AntiphonError, InputError, OutputError

if TYPE_CHECKING:
    from antiphon.ledger.relay.watch import Contradiction

MAX_BYTES = 16 * 1024


async def convict(settings: Settings, proof: Contradiction) -> None:
    """Keep it in the data folder; with a chain key at hand, report it, once. Tells what came of it."""
    file = settings.home / "relays" / f"{proof.one.book.hex()}.proof.json"
    if file.exists():
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file.write_bytes(msgspec.json.encode(proof))
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Check the disk.") from e
    by_hand = f"antiphon chain report {file}"
    if await sessions.chain_key(settings) is None:
        settings.tell(
            f"The relay {proof.relay} signed two histories. Whoever reports it gets a share of its bond: {by_hand}"
        )
        return
    try:
        await report(settings, proof)
    except AntiphonError as e:
        settings.tell(f"The relay {proof.relay} could not be reported: {e} Again: {by_hand}")
    else:
        settings.tell(f"The relay {proof.relay} signed two histories, and has lost its bond")


async def report(settings: Settings, proof: Contradiction) -> None:
    """Show the chain both heads. Raises InputError without a chain key, ConflictError when no bond is left."""
    from antiphon.ledger.relay.watch import report as to_chain

    key = await sessions.chain_key(settings)
    if key is None:
        raise InputError("A report is a transaction, and there is no chain key", "Set ANTIPHON_CHAIN_PASSWORD.")
    async with sessions.wallet_of(settings, key) as wallet:
        await to_chain(wallet.contracts, wallet.outbox, proof)


def read(file: Path) -> Contradiction:
    """Raises InputError for what is no proof."""
    from antiphon.ledger.relay.watch import Contradiction

    try:
        with file.open("rb") as stream:
            return msgspec.json.decode(stream.read(MAX_BYTES), type=Contradiction)
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Name the file of a proof.") from e
    except msgspec.MsgspecError as e:
        raise InputError(f"{file} is no proof: {e}", "Name the file that a watcher has written.") from e
