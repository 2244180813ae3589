"""What a receipt says about consents."""

from __future__ import annotations

from antiphon.cli.explain import consents

CLIENT, GRANTOR = "c" * 64, "a" * 64
TOLD = {
    "id": "0" * 32,
    "grantor": GRANTOR,
    "subject": "Ada Lovelace",
    "references": ["ff" * 32],
    "uses": ["enrol", "speak"],
    "grantee": CLIENT,
    "not_before_ms": 1_700_000_000_000,
    "until_ms": 1_800_000_000_000,
    "revoked_ms": 0,
}


def test_it_tells_whose_voice_by_whom_to_whom_for_what_and_until_when():
    assert list(consents([TOLD], CLIENT)) == [
        "Consent   to use the voice of Ada Lovelace, granted by aaaaaaaa to the client",
        "          to enrol, speak; 2023-11-14 22:13 UTC to 2027-01-15 08:00 UTC",
        "          id 00000000000000000000000000000000",
    ]


def test_it_tells_of_a_revocation_and_of_a_consent_for_anybody():
    lines = list(consents([TOLD | {"grantee": "", "revoked_ms": 1_750_000_000_000}], CLIENT))
    assert lines[0].endswith("to anybody")
    assert "revoked while the task ran: 2025-06-15 15:06 UTC" in lines[2]
    assert "by aaaaaaaa to dddddddd" in next(iter(consents([TOLD | {"grantee": "d" * 64}], CLIENT)))
