"""Consents in evidence and in the file: an audit believes only their grantors, and old ledgers learn of them."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from ledger_market import ADA, CLIENT, CLONE, OPERATOR, Market, consent, party, task_id

from antiphon.clock import ManualClock
from antiphon.economy.types import DEFAULT_RULES, Rules
from antiphon.errors import InputError, ProtocolError
from antiphon.ledger.journal import LEDGER_JOURNAL, LEDGER_REVOKED, Journal
from antiphon.ledger.opening import LEDGER_OPEN, Opening
from antiphon.ledger.operations import Cancel, Revoke
from antiphon.ledger.receipts import audit, build
from antiphon.ledger.records import TaskState
from antiphon.ledger.sql import SqlLedger, consents
from antiphon.ledger.sql.schema import APPLICATION_ID, MIGRATIONS, VERSION
from antiphon.protocol import canonical, envelope
from antiphon.protocol import receipt as receipts
from antiphon.protocol.consent import grant_id
from antiphon.protocol.identity import Identity
from antiphon.protocol.receipt import Receipt

replace = msgspec.structs.replace


@pytest.fixture
async def market(tmp_path: Path) -> AsyncIterator[Market]:
    clock = ManualClock()
    ledger = await SqlLedger.open(tmp_path / "ledger.db", operator=OPERATOR, clock=clock)
    market = Market(ledger, clock)
    await market.found()
    yield market
    await ledger.close()


@pytest.fixture
async def receipt(market: Market) -> Receipt:
    """A task of two parts: one was delivered when the consent was revoked, the other was not."""
    raw = consent(market.clock, lasts_s=60)
    await market.open(task_id(1), units=(100, 50), selector=CLONE, grants=(raw,))
    await market.deliver(task_id(1), 0)
    await market.do(ADA, Revoke(grant=grant_id(raw)))
    await market.judge(task_id(1), 0)
    return await build(market.ledger, task_id(1))


def forged(receipt: Receipt, clock: ManualClock, place: int, body: Callable[[bytes], bytes], kind: str = "") -> Receipt:
    """What a cheating ledger could sign: one envelope of its own changed, and everything closed anew."""
    raw = list(receipt.envelopes[:-1])
    old = envelope.verify_at(raw[place])
    raw[place] = envelope.sign(
        OPERATOR,
        kind=kind or old.kind,
        receiver=OPERATOR.node_id,
        task=receipt.task,
        body=body(old.body),
        clock=clock,
    )
    raw.append(receipts.close(OPERATOR, receipt.task, raw, clock))
    return replace(receipt, envelopes=tuple(raw), statement={})


def place_of(receipt: Receipt, kind: str) -> int:
    return [envelope.verify_at(raw).kind for raw in receipt.envelopes].index(kind)


def revoked_by(who: Identity, grant: str, clock: ManualClock, kind: str = "ledger") -> bytes:
    body = canonical.encode(Revoke(grant=grant))
    return envelope.sign(who, kind=kind, receiver=OPERATOR.node_id, task="", body=body, clock=clock)


async def test_a_receipt_of_a_revoked_task_passes_the_audit_and_carries_the_grantors_own_words(
    receipt: Receipt,
) -> None:
    report = audit(receipt, ledger=OPERATOR.node_id)
    assert (report.state, report.rulings) == (TaskState.PARTIAL, 1)
    assert report.net_nano.get(f"escrow:{receipt.task}", 0) == 0
    carried = envelope.verify_at(receipt.envelopes[place_of(receipt, LEDGER_REVOKED)])
    assert envelope.verify_at(carried.body).sender == ADA.node_id


async def test_a_ledger_cannot_invent_a_revocation(receipt: Receipt, market: Market) -> None:
    clock = market.clock
    assert isinstance(clock, ManualClock)
    (named,) = receipt.statement["consents"]
    place = place_of(receipt, LEDGER_REVOKED)
    true = revoked_by(ADA, named["id"], clock)
    audit(forged(receipt, clock, place, lambda _: true))

    def operation(receiver: str, body: object) -> bytes:
        packed = canonical.encode(body)
        return envelope.sign(ADA, kind="ledger", receiver=receiver, task="", body=packed, clock=clock)

    inventions = {
        "by somebody else": revoked_by(CLIENT, named["id"], clock),
        "by the ledger": revoked_by(OPERATOR, named["id"], clock),
        "of another consent": revoked_by(ADA, "0" * 32, clock),
        "of another kind": revoked_by(ADA, named["id"], clock, kind="consent"),
        "that is another operation": operation(OPERATOR.node_id, Cancel(task="")),
        "for another ledger": operation(ADA.node_id, Revoke(grant=named["id"])),
        "changed": true[:-1] + bytes([true[-1] ^ 1]),
        "nothing": b"",
    }
    for body in inventions.values():
        with pytest.raises(ProtocolError):
            audit(forged(receipt, clock, place, lambda _, body=body: body))


@pytest.mark.parametrize("shift_s", [-1, 60, 10_000])
async def test_a_ledger_cannot_open_a_task_outside_its_consents_time(
    receipt: Receipt, market: Market, shift_s: int
) -> None:
    assert isinstance(market.clock, ManualClock)

    def moved(body: bytes) -> bytes:
        opening = canonical.decode(Opening, body)
        return canonical.encode(replace(opening, opened_ms=opening.opened_ms + 1000 * shift_s))

    with pytest.raises(ProtocolError, match="expired|not valid before"):  # noqa: RUF043
        audit(forged(receipt, market.clock, place_of(receipt, LEDGER_OPEN), moved))


async def test_a_revocation_that_the_journal_leaves_out_is_missed(receipt: Receipt, market: Market) -> None:
    assert isinstance(market.clock, ManualClock)

    def silent(body: bytes) -> bytes:
        journal = canonical.decode(Journal, body)
        return canonical.encode(replace(journal, entries=tuple(e for e in journal.entries if e.index != -1)))

    with pytest.raises(ProtocolError, match="does not name each operation"):
        audit(forged(receipt, market.clock, place_of(receipt, LEDGER_JOURNAL), silent))


async def test_a_closed_task_relies_on_nothing_and_its_revocations_stay(market: Market, tmp_path: Path) -> None:
    raw = consent(market.clock)
    await market.open(task_id(1), selector=CLONE, grants=(raw,))
    await market.open(task_id(2), selector=CLONE, grants=(raw,))
    await market.do(CLIENT, Cancel(task=task_id(1)))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        assert db.execute("SELECT task FROM reliances").fetchall() == [(task_id(2),)]
    await market.do(ADA, Revoke(grant=grant_id(raw)))
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as db:
        assert db.execute("SELECT count(*) FROM reliances").fetchone() == (0,)
        assert db.execute("SELECT grantor, consent FROM revocations").fetchall() == [(ADA.node_id, grant_id(raw))]
    audit(await build(market.ledger, task_id(1)))


async def test_revocations_are_bounded_for_each_grantor(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consents, "MAX_REVOCATIONS", 2)
    for number in range(2):
        await market.do(ADA, Revoke(grant=f"{number:032x}"))
    with pytest.raises(InputError, match="no more fit"):
        await market.do(ADA, Revoke(grant=f"{2:032x}"))
    await market.do(ADA, Revoke(grant=f"{1:032x}"))
    await market.do(CLIENT, Revoke(grant=f"{2:032x}"))


async def test_the_rules_say_which_services_need_a_consent(tmp_path: Path) -> None:
    clock = ManualClock()
    rules = replace(DEFAULT_RULES, consent_services=("speech", "clone"))
    ledger = await SqlLedger.open(tmp_path / "strict.db", operator=OPERATOR, clock=clock, rules=rules)
    market = Market(ledger, clock)
    await market.found()
    with pytest.raises(InputError, match="'speech' needs a consent"):
        await market.open(task_id(1))
    await market.open(task_id(1), grants=(consent(clock),))
    assert (await ledger.task(task_id(1))).rules == rules
    await ledger.close()
    for wrong in (("",), ("clone", "clone")):
        with pytest.raises(ValueError, match="consent_services"):
            Rules(consent_services=wrong)


async def test_a_ledger_from_before_consents_is_migrated_and_asks_for_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    rules = msgspec.to_builtins(Rules(seats=5))
    del rules["consent_services"]
    with closing(sqlite3.connect(path)) as db:
        for step in MIGRATIONS[:2]:
            db.executescript(step)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 2")
        meta = {
            "operator": OPERATOR.node_id.encode(),
            "rules": msgspec.msgpack.encode(rules),
            "secret": bytes(32),
        }
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        db.commit()
    ledger = await SqlLedger.open(path, operator=OPERATOR, clock=ManualClock())
    assert (ledger.rules.seats, ledger.rules.consent_services) == (5, ("clone",))
    market = Market(ledger, ManualClock())
    await market.found()
    with pytest.raises(InputError, match="needs a consent"):
        await market.open(task_id(1), selector=CLONE)
    await market.do(party("producer 0"), Revoke(grant="0" * 32))
    await ledger.close()
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == VERSION
