"""From tasks to contributors: why an asset earned what it did, and who gets which part of it.

1. A task's settlement moves a share of what its producer is paid to the accounts of the model's lineage (`Use`), by the
   lineage that the task's own evidence carries. 2. The sum over all uses is what the asset has earned. 3. Each
   contributor's part is its share of that sum, by `economy.royalty.due`; what it took is taken off.

Receipts prove it without any ledger (`check`): each is audited, and its transfers are compared with what is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from antiphon.dama.registry import check_lineage
from antiphon.economy import accounts, royalty
from antiphon.economy.types import PPM
from antiphon.errors import ProtocolError
from antiphon.ledger.assets import AssetRecord, Earning
from antiphon.ledger.base import Ledger
from antiphon.ledger.receipts import audit
from antiphon.protocol.receipt import Receipt

_HINT = "Do not trust this ledger; keep the receipt."


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of a task brought an asset. `level`, `ppm`: the asset's place in the lineage of what was used."""

    task: str  # empty: it came from a copy
    part: int
    at_ms: int
    used: str
    level: int
    ppm: int
    amount_nano: int


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One contributor's."""

    node: str
    share_ppm: int
    earned_nano: int
    taken_nano: int

    @property
    def open_nano(self) -> int:
        return self.earned_nano - self.taken_nano


class Revenue(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. The uses sum to `earned_nano`, and so do the contributors' parts."""

    asset: str
    earned_nano: int
    uses: tuple[Use, ...]
    parts: tuple[Part, ...]


async def revenue(ledger: Ledger, asset: str, known: Mapping[str, AssetRecord]) -> Revenue:
    """What the ledger tells, added up again. `known`: the registry. Raises `ProtocolError` for sums that do not fit."""
    record = await ledger.asset(asset)
    earnings: list[Earning] = []
    while page := await ledger.earnings(asset, after=earnings[-1].number if earnings else 0):
        earnings += page
    return explained(record, earnings, known)


def explained(record: AssetRecord, earnings: Iterable[Earning], known: Mapping[str, AssetRecord]) -> Revenue:
    """Rules 1 to 3. What came in while it was read is left out. Raises `ProtocolError`."""
    uses, left_nano = [], record.earned_nano
    for earning in earnings:
        if left_nano <= 0:
            break
        left_nano -= earning.amount_nano
        uses.append(_use(record.asset, earning, known))
    if left_nano and not record.copy_of:
        raise ProtocolError(f"The uses of {record.asset[:12]} do not sum to what it earned", _HINT)
    shares = [one.ppm for one in record.contributors]
    parts = tuple(
        Part(
            node=one.node,
            share_ppm=one.ppm,
            earned_nano=royalty.due(record.earned_nano, shares, place),
            taken_nano=record.taken_nano[place],
        )
        for place, one in enumerate(record.contributors)
    )
    assert sum(part.earned_nano for part in parts) == record.earned_nano, "every unit is somebody's"
    return Revenue(asset=record.asset, earned_nano=record.earned_nano, uses=tuple(uses), parts=parts)


def check(found: Revenue, receipts: Iterable[Receipt], known: Mapping[str, AssetRecord], ledger: str) -> list[str]:
    """Check what was told against receipts, offline: the tasks that are proven. Raises `ProtocolError` for a receipt
    that says something else, and for a lineage that its assets' owners have not signed."""
    told: Counter[tuple[str, str]] = Counter()
    for use in found.uses:
        told[use.task, use.used] += use.amount_nano
    proven = []
    for receipt in receipts:
        paid = paid_by(receipt, found.asset, ledger)
        for used, nano in paid.items():
            if told[receipt.task, used] != nano:
                raise ProtocolError(
                    f"Task {receipt.task} brought {found.asset[:12]} {nano} nano, told are {told[receipt.task, used]}",
                    _HINT,
                )
            if used in known:
                check_lineage(known[used], dict(known))
        if not paid and any(task == receipt.task for task, _ in told):
            raise ProtocolError(f"Task {receipt.task} brought {found.asset[:12]} nothing", _HINT)
        proven += [receipt.task] if paid else []
    return proven


def paid_by(receipt: Receipt, asset: str, ledger: str) -> dict[str, int]:
    """What a task brought an asset, by what was used, in nano: out of the audited receipt alone."""
    report = audit(receipt, ledger=ledger)
    account = accounts.royalty(asset)
    paid: Counter[str] = Counter()
    for move in receipt.statement.get("transfers", []):
        if move["target"] == account:
            paid[move["why"].removeprefix(royalty.WHY)] += move["amount_nano"]
    if paid.total() != report.net_nano.get(account, 0):
        raise ProtocolError(
            f"The receipt of task {receipt.task} has no statement", "Ask for it again: antiphon receipt"
        )
    return dict(paid)


def _use(asset: str, earning: Earning, known: Mapping[str, AssetRecord]) -> Use:
    """The asset's place in the lineage of what was used. A copy's uses pay the original's lineage."""
    source = known.get(earning.used)
    if source is not None and source.copy_of:
        source = known.get(source.copy_of)
    places = [(level, ppm) for name, level, ppm in source.lineage if name == asset] if source else []
    return Use(
        task=earning.task,
        part=earning.part,
        at_ms=earning.at_ms,
        used=earning.used,
        level=min((level for level, _ in places), default=0),
        ppm=min(PPM, sum(ppm for _, ppm in places)),
        amount_nano=earning.amount_nano,
    )
