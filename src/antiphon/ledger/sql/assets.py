"""The registry of assets as rows (`ledger.assets` has the rules), and what royalties have brought."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from antiphon.economy import accounts, royalty
from antiphon.economy.types import Offer, Role, Rules, Transfer
from antiphon.errors import ConflictError, InputError
from antiphon.ledger.assets import AssetRecord, Earning, commitment, lineage
from antiphon.ledger.operations import AssetOperation, ClaimRoyalty, CommitAsset, MarkCopy, PublishAsset
from antiphon.ledger.sql import money, nodes
from antiphon.ledger.sql.database import Connection
from antiphon.protocol import canonical
from antiphon.protocol.envelope import Envelope

MAX_ASSETS = 500
MAX_EARNINGS = 1_000
"""Most of each in one answer."""

_EARNED = (
    "SELECT seq, at_ms, task, part, nano, why FROM transfers WHERE target = ? AND substr(target, 1, 8) = 'royalty:'"
)
_STAKES = """
SELECT n.node, s.nano FROM nodes n JOIN accounts s ON s.name = 'stake:' || n.node
WHERE n.role = 'validator' AND s.nano >= ?
"""


def apply(
    db: Connection, ledger: str, message: Envelope, raw: bytes, operation: AssetOperation, rules: Rules, now_ms: int
) -> None:
    """Carry out one operation. Raises InputError and ConflictError."""
    if not rules.royalty_ppm:
        raise InputError("This ledger keeps no registry of assets", "Publish it on the chain: contracts/assets.vy.")
    match operation:
        case CommitAsset():
            _commit(db, message.sender, operation, rules, now_ms)
        case PublishAsset():
            _publish(db, ledger, message.sender, raw, operation, rules, now_ms)
        case ClaimRoyalty():
            _claim(db, operation, rules, now_ms)
        case MarkCopy():
            _mark(db, message.sender, operation, rules, now_ms)


def find(db: Connection, asset: str) -> AssetRecord | None:
    """One asset, with what it has earned."""
    row = db.execute("SELECT record, copy_of FROM assets WHERE asset = ?", (asset,)).fetchone()
    return _full(db, *row) if row else None


def read(db: Connection, asset: str) -> AssetRecord:
    """Raises InputError for one that nobody has published."""
    if (record := find(db, asset)) is None:
        raise InputError(f"Nobody has published the asset {asset[:12]}", "List them: antiphon dama list")
    return record


def page(db: Connection, after: int, limit: int) -> tuple[AssetRecord, ...]:
    rows = db.execute(
        "SELECT record, copy_of FROM assets WHERE seq > ? ORDER BY seq LIMIT ?",
        (max(0, after), max(1, min(limit, MAX_ASSETS))),
    ).fetchall()
    return tuple(_full(db, *row) for row in rows)


def earnings(db: Connection, asset: str, after: int, limit: int) -> tuple[Earning, ...]:
    """What came to an asset's account, in order."""
    rows = db.execute(
        _EARNED + " AND seq > ? ORDER BY seq LIMIT ?",
        (accounts.royalty(asset), max(0, after), max(1, min(limit, MAX_EARNINGS))),
    ).fetchall()
    return tuple(
        Earning(number=seq, at_ms=at_ms, task=task, part=part, used=why.removeprefix(royalty.WHY), amount_nano=nano)
        for seq, at_ms, task, part, nano, why in rows
    )


def with_lineages(db: Connection, offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """The offers, each with whom the use of its model pays (rule 5 for copies)."""
    found: dict[str, tuple[tuple[str, int, int], ...]] = {"": ()}
    filled = []
    for offer in offers:
        if offer.asset not in found:
            found[offer.asset] = _paid(db, offer.asset)
        lineage_of = found[offer.asset]
        filled.append(msgspec.structs.replace(offer, lineage=lineage_of) if lineage_of else offer)
    return tuple(filled)


def _paid(db: Connection, asset: str) -> tuple[tuple[str, int, int], ...]:
    record = find(db, asset)
    if record is not None and record.copy_of:
        record = find(db, record.copy_of)
    return record.lineage if record is not None else ()


def _full(db: Connection, raw: bytes, copy_of: str) -> AssetRecord:
    record = canonical.parse(AssetRecord, raw)
    taken = dict(db.execute("SELECT place, nano FROM royalties_taken WHERE asset = ?", (record.asset,)).fetchall())
    places = tuple(taken.get(place, 0) for place in range(len(record.contributors)))
    held_nano = money.holds(db, accounts.royalty(record.asset))
    return msgspec.structs.replace(record, copy_of=copy_of, earned_nano=held_nano + sum(places), taken_nano=places)


def _commit(db: Connection, owner: str, operation: CommitAsset, rules: Rules, now_ms: int) -> None:
    """Rule 1."""
    key = (owner, operation.commitment)
    row = db.execute("SELECT at_ms FROM asset_commitments WHERE owner = ? AND commitment = ?", key).fetchone()
    if row and now_ms <= row[0] + rules.asset_s * 1000:
        return
    db.execute("DELETE FROM asset_commitments WHERE owner = ? AND commitment = ?", key)
    db.execute("INSERT INTO asset_commitments (owner, commitment, at_ms) VALUES (?, ?, ?)", (*key, now_ms))


def _publish(
    db: Connection, ledger: str, owner: str, raw: bytes, operation: PublishAsset, rules: Rules, now_ms: int
) -> None:
    """Rules 2 and 3."""
    said = (owner, commitment(ledger, owner, operation.asset, operation.salt))
    row = db.execute("SELECT seq, at_ms FROM asset_commitments WHERE owner = ? AND commitment = ?", said).fetchone()
    if row is None:
        raise ConflictError("Nobody with this key has committed to this asset", "Commit first: antiphon dama push")
    place, committed_ms = row
    if now_ms > committed_ms + rules.asset_s * 1000:
        raise ConflictError("The commitment is too old", "Commit again, and publish sooner.")
    before = db.execute("SELECT seq, committed, record FROM assets WHERE asset = ?", (operation.asset,)).fetchone()
    if before and place >= before[1]:
        holder = canonical.parse(AssetRecord, before[2]).owner
        raise ConflictError(f"{holder[:12]} committed to this asset earlier", "It is theirs; name it as a parent.")
    parents = {parent: read(db, parent) for parent in operation.parents}
    for parent in parents.values():
        if parent.copy_of:
            raise InputError(f"{parent.asset[:12]} is a copy of {parent.copy_of[:12]}", "Name the original.")
    laid_down = lineage(operation, parents)
    if before:
        number = before[0]
    else:
        db.execute(
            "INSERT INTO assets (asset, committed, record, copy_of) VALUES (?, ?, ?, '')",
            (operation.asset, place, b""),
        )
        number = db.execute("SELECT seq FROM assets WHERE asset = ?", (operation.asset,)).fetchone()[0]
    record = AssetRecord(
        number=number,
        asset=operation.asset,
        owner=owner,
        committed_ms=committed_ms,
        published_ms=now_ms,
        asked_ppm=operation.asked_ppm,
        parents=operation.parents,
        contributors=operation.contributors,
        lineage=laid_down,
        publication=raw,
    )
    values = (place, canonical.pack(record), operation.asset)
    db.execute("UPDATE assets SET committed = ?, record = ? WHERE asset = ?", values)
    if before:
        _unmark(db, operation.asset, place)


def _unmark(db: Connection, asset: str, place: int) -> None:
    """Rule 5, of an asset that was taken over: what was committed to before its original is no copy of it."""
    later = "(SELECT asset FROM assets WHERE committed > ?)"
    db.execute(f"DELETE FROM copies_marked WHERE asset = ? AND original IN {later}", (asset, place))  # noqa: S608 - a constant
    db.execute(f"UPDATE assets SET copy_of = '' WHERE asset = ? AND copy_of IN {later}", (asset, place))  # noqa: S608 - a constant


def _claim(db: Connection, operation: ClaimRoyalty, rules: Rules, now_ms: int) -> None:
    """Rule 4, and 5 for a copy."""
    record = read(db, operation.asset)
    source = accounts.royalty(record.asset)
    if record.copy_of:
        _sweep(db, record, now_ms)
        return
    if operation.place >= len(record.contributors):
        raise InputError(f"The asset has {len(record.contributors)} contributors", "They count from 0.")
    if (left_ms := record.published_ms + rules.asset_s * 1000 - now_ms) >= 0:
        hint = f"Claim in {-(-left_ms // 3_600_000) or 1} hours."
        raise ConflictError("The asset is too young: somebody may still take it over", hint)
    due_nano = record.due_nano(operation.place)
    if not due_nano:
        raise ConflictError("There is nothing to claim", "Wait until the asset was used again.")
    target = accounts.balance(record.contributors[operation.place].node)
    move = Transfer(source=source, target=target, amount_nano=due_nano, why=f"share of {record.asset}")
    money.move(db, [move], at_ms=now_ms)
    db.execute(
        "INSERT INTO royalties_taken VALUES (?, ?, ?) "
        "ON CONFLICT (asset, place) DO UPDATE SET nano = royalties_taken.nano + excluded.nano",
        (record.asset, operation.place, due_nano),
    )


def _sweep(db: Connection, record: AssetRecord, now_ms: int) -> None:
    source, target = accounts.royalty(record.asset), accounts.royalty(record.copy_of)
    if not (there_nano := money.holds(db, source)):
        raise ConflictError("The copy has earned nothing", "There is nothing to move.")
    why = royalty.WHY + record.asset
    money.move(db, [Transfer(source=source, target=target, amount_nano=there_nano, why=why)], at_ms=now_ms)


def _mark(db: Connection, judge: str, operation: MarkCopy, rules: Rules, now_ms: int) -> None:
    """Rule 5."""
    if not nodes.is_bonded(db, judge, Role.VALIDATOR, rules):
        raise InputError("Only a registered validator may say what is a copy", "Stake and register first.")
    copy, original = read(db, operation.asset), read(db, operation.original)
    if copy.copy_of or original.copy_of:
        raise ConflictError("One of the two was found to be a copy already", "Name the original.")
    order = "SELECT committed FROM assets WHERE asset = ?"
    places = [db.execute(order, (one.asset,)).fetchone()[0] for one in (copy, original)]
    if places[0] <= places[1]:
        raise ConflictError(f"{copy.asset[:12]} was committed to earlier", "It cannot be the copy.")
    db.execute(
        "INSERT INTO copies_marked VALUES (?, ?, ?) "
        "ON CONFLICT (asset, node) DO UPDATE SET original = excluded.original",
        (copy.asset, judge, original.asset),
    )
    said = {
        node
        for (node,) in db.execute(
            "SELECT node FROM copies_marked WHERE asset = ? AND original = ?", (copy.asset, original.asset)
        )
    }
    stakes = dict(db.execute(_STAKES, (rules.min_stake_nano,)).fetchall())
    if 2 * sum(nano for node, nano in stakes.items() if node in said) <= sum(stakes.values()):
        return
    # What was found to be a copy of the copy is one of the original.
    db.execute("UPDATE assets SET copy_of = ? WHERE asset = ? OR copy_of = ?", (original.asset, copy.asset, copy.asset))
    if money.holds(db, accounts.royalty(copy.asset)):
        _sweep(db, msgspec.structs.replace(copy, copy_of=original.asset), now_ms)
