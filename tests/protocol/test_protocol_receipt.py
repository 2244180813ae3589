from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mallory import Mallory

from antiphon.clock import ManualClock
from antiphon.errors import ProtocolError
from antiphon.protocol import Identity, Receipt, canonical, envelope, receipt

LEDGER = Identity.from_seed(b"l" * 32)
PARTIES = [Identity.from_seed(bytes([n]) * 32) for n in range(1, 5)]
MALLORY = Mallory()
TASK = "ab" * 16


def evidence(task: str = TASK) -> list[bytes]:
    clock = ManualClock()
    made = []
    for n, party in enumerate(PARTIES):
        made.append(
            envelope.sign(party, kind="ledger", receiver=LEDGER.node_id, task=task, body=bytes([n]), clock=clock)
        )
        clock.advance(3600)
    return made


def closed(made: list[bytes]) -> Receipt:
    closing = receipt.close(LEDGER, TASK, made, ManualClock())
    return Receipt(ledger=LEDGER.node_id, task=TASK, envelopes=(*made, closing), statement={"paid": 7, "to": ["a"]})


def changed(honest: Receipt, envelopes: list[bytes]) -> Receipt:
    return msgspec.structs.replace(honest, envelopes=tuple(envelopes))


def test_an_honest_receipt_verifies_long_after_and_offline() -> None:
    made = evidence()
    again = receipt.load(receipt.dump(closed(made)))
    assert again == closed(made) or again.envelopes[:-1] == tuple(made)
    messages = receipt.verify_signatures(again, ledger=LEDGER.node_id)
    assert [m.sender for m in messages] == [p.node_id for p in PARTIES]
    assert [m.body for m in messages] == [b"\0", b"\1", b"\2", b"\3"]


def test_a_task_on_which_nothing_happened_has_a_receipt_too() -> None:
    assert receipt.verify_signatures(closed([])) == []


def test_the_file_is_json_that_people_read() -> None:
    honest = closed(evidence())
    text = receipt.dump(honest)
    assert text == receipt.dump(receipt.load(text))
    assert receipt.load(text.encode()) == honest
    shown = json.loads(text)
    assert shown["format"] == "antiphon receipt 1"
    assert shown["statement"] == {"paid": 7, "to": ["a"]}
    assert len(text.splitlines()) > 10


@pytest.mark.parametrize("index", range(4))
def test_an_envelope_left_out_shows(index: int) -> None:
    honest = closed(evidence())
    with pytest.raises(ProtocolError, match="not those the ledger closed"):
        receipt.verify_signatures(changed(honest, MALLORY.drop(list(honest.envelopes), index)))


def test_envelopes_moved_show() -> None:
    honest = closed(evidence())
    with pytest.raises(ProtocolError, match="not those the ledger closed"):
        receipt.verify_signatures(changed(honest, MALLORY.reorder(list(honest.envelopes), 0, 2)))


def test_an_envelope_repeated_shows() -> None:
    honest = closed(evidence())
    with pytest.raises(ProtocolError, match="occurs twice"):
        receipt.verify_signatures(changed(honest, MALLORY.replay(list(honest.envelopes), 1)))


def test_an_envelope_added_shows() -> None:
    honest = closed(evidence())
    extra = envelope.sign(
        MALLORY.identity, kind="ledger", receiver=LEDGER.node_id, task=TASK, body=b"", clock=ManualClock()
    )
    with pytest.raises(ProtocolError, match="not those the ledger closed"):
        receipt.verify_signatures(changed(honest, [extra, *honest.envelopes]))


def test_a_missing_or_early_closing_shows() -> None:
    honest = closed(evidence())
    for envelopes in (list(honest.envelopes[:-1]), [honest.envelopes[-1], *honest.envelopes[:-1]]):
        with pytest.raises(ProtocolError, match="no closing envelope"):
            receipt.verify_signatures(changed(honest, envelopes))
    with pytest.raises(ProtocolError, match="empty"):
        receipt.verify_signatures(changed(honest, []))


def test_a_closing_by_anybody_but_the_ledger_shows() -> None:
    made = evidence()[:2]
    body = canonical.encode(receipt.Closing(count=2, sha256=receipt.digest(made)))
    forged = envelope.sign(
        MALLORY.identity, kind=receipt.CLOSE_KIND, receiver=LEDGER.node_id, task=TASK, body=body, clock=ManualClock()
    )
    with pytest.raises(ProtocolError, match="no closing envelope"):
        receipt.verify_signatures(changed(closed(made), [*made, forged]))


def test_a_ledger_of_mallorys_own_is_not_the_readers() -> None:
    body = canonical.encode(receipt.Closing(count=0, sha256=receipt.digest([])))
    own = envelope.sign(
        MALLORY.identity,
        kind=receipt.CLOSE_KIND,
        receiver=MALLORY.identity.node_id,
        task=TASK,
        body=body,
        clock=ManualClock(),
    )
    forged = Receipt(ledger=MALLORY.identity.node_id, task=TASK, envelopes=(own,))
    assert receipt.verify_signatures(forged) == []
    with pytest.raises(ProtocolError, match="another ledger"):
        receipt.verify_signatures(forged, ledger=LEDGER.node_id)


def test_a_receipt_closed_twice_shows() -> None:
    made = evidence()
    first = receipt.close(LEDGER, TASK, made, ManualClock())
    with pytest.raises(ProtocolError, match="closed more than once"):
        receipt.verify_signatures(closed([*made, first]))


def test_evidence_of_another_task_or_ledger_shows() -> None:
    foreign = evidence("cd" * 16)
    with pytest.raises(ProtocolError, match="another task"):
        receipt.verify_signatures(closed([*evidence(), foreign[0]]))
    elsewhere = envelope.sign(
        PARTIES[0], kind="ledger", receiver=MALLORY.identity.node_id, task=TASK, body=b"", clock=ManualClock()
    )
    with pytest.raises(ProtocolError, match="Wrong receiver"):
        receipt.verify_signatures(closed([*evidence(), elsewhere]))
    with pytest.raises(ProtocolError, match="another task"):
        receipt.verify_signatures(msgspec.structs.replace(closed(evidence()), task="cd" * 16))


@given(st.data())
def test_every_flipped_bit_in_every_envelope_shows(data: st.DataObject) -> None:
    honest = closed(evidence())
    envelopes = list(honest.envelopes)
    index = data.draw(st.integers(0, len(envelopes) - 1))
    byte, bit = data.draw(st.integers(0, len(envelopes[index]) - 1)), data.draw(st.integers(0, 7))
    envelopes[index] = MALLORY.flip(envelopes[index], byte, bit)
    with pytest.raises(ProtocolError):
        receipt.verify_signatures(changed(honest, envelopes))


def test_digest_tells_where_an_envelope_ends() -> None:
    assert len({receipt.digest(parts) for parts in ([], [b""], [b"", b""], [b"ab"], [b"a", b"b"])}) == 5


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1}', "\ud800", "[" * 100_000, '{"ledger":"a","task":"b","envelopes":["*"]}'],
)
def test_what_is_not_a_receipt_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="not a receipt"):
        receipt.load(text.encode("utf-8", "surrogatepass"))


def test_unknown_fields_formats_and_sizes_are_refused() -> None:
    text = receipt.dump(closed(evidence()))
    with pytest.raises(ProtocolError, match="unknown field"):
        receipt.load(text.replace('"format"', '"extra": 1, "format"'))
    with pytest.raises(ProtocolError, match="format 'antiphon receipt 9' is unknown"):
        receipt.load(text.replace("receipt 1", "receipt 9"))
    with pytest.raises(ProtocolError, match="too large"):
        receipt.load(text, limit=100)
    many = '{"ledger":"a","task":"b","envelopes":[' + ",".join(['""'] * (receipt.MAX_ENVELOPES + 1)) + "]}"
    with pytest.raises(ProtocolError, match="more than 10000 envelopes"):
        receipt.load(many)


def test_limits_belong_to_what_is_allowed() -> None:
    honest = closed(evidence())
    text = receipt.dump(honest)
    assert receipt.load(text, limit=len(text)) == honest
    with pytest.raises(ProtocolError, match=f"too large: {len(text)} bytes, the limit is {len(text) - 1}"):
        receipt.load(text, limit=len(text) - 1)
    most = Receipt(ledger="a", task="b", envelopes=(b"",) * receipt.MAX_ENVELOPES)
    assert len(receipt.load(receipt.dump(most)).envelopes) == receipt.MAX_ENVELOPES


def test_the_limit_counts_bytes_not_characters() -> None:
    text = receipt.dump(msgspec.structs.replace(closed([]), statement={"to": "\N{EARTH GLOBE AMERICAS}"}))
    with pytest.raises(ProtocolError, match=f"too large: {len(text.encode())} bytes"):
        receipt.load(text, limit=len(text))


def test_the_same_receipt_is_the_same_text_however_its_statement_was_made() -> None:
    one, other = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    honest = closed(evidence())
    made = {receipt.dump(msgspec.structs.replace(honest, statement=statement)) for statement in (one, other)}
    assert len(made) == 1
    assert '\n  "statement": {\n    "a": 1,' in made.pop()
