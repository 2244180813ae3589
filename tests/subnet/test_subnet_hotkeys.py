"""btauth/1: what the SDK signs is taken, what is changed, stale, replayed or for another is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from antiphon.errors import BusyError, InputError, ProtocolError, StateError
from antiphon.subnet import hotkeys
from antiphon.subnet.hotkeys import Hotkey, Requests, sign_request

VECTORS = Path(__file__).parents[1] / "vectors" / "btauth.json"
NOW_NS = 1_800_000_000_000_000_000
ME = Hotkey.of("//Bob").ss58
Change = Callable[[dict[str, str]], dict[str, str]]


def lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


@pytest.mark.parametrize("number", range(4))
def test_requests_that_the_sdk_signed_are_taken(number: int) -> None:
    vector = msgspec.json.decode(VECTORS.read_bytes())[number]
    requests = Requests(vector["receiver"])
    sender = requests.verify(
        lower(vector["headers"]),
        bytes.fromhex(vector["body"]),
        method=vector["method"],
        path=vector["path"],
        now_ns=vector["nonce_ns"] + 5,
    )
    assert sender == vector["sender"]
    made = hotkeys.payload(
        vector["scheme"],
        method=vector["method"],
        path=vector["path"],
        body=bytes.fromhex(vector["body"]),
        nonce_ns=vector["nonce_ns"],
        sender=vector["sender"],
        receiver=vector["receiver"] or hotkeys.UNBOUND,
    )
    assert made.decode() == vector["payload"]


@pytest.mark.parametrize(
    ("change", "body", "path", "now_ns", "words"),
    [
        ({}, b"other", "/p", NOW_NS, "Bad signature"),
        ({}, b"body", "/other", NOW_NS, "Bad signature"),
        ({"x-bittensor-hotkey": Hotkey.of("//Eve").ss58}, b"body", "/p", NOW_NS, "Bad signature"),
        ({"x-bittensor-receiver": Hotkey.of("//Eve").ss58}, b"body", "/p", NOW_NS, "Wrong receiver"),
        ({"x-bittensor-receiver": ""}, b"body", "/p", NOW_NS, "Wrong receiver"),
        ({"x-bittensor-version": "2"}, b"body", "/p", NOW_NS, "not signed in btauth/1"),
        ({"x-bittensor-nonce": "soon"}, b"body", "/p", NOW_NS, "cannot be read"),
        ({"x-bittensor-signature": "0xzz"}, b"body", "/p", NOW_NS, "cannot be read"),
        ({"x-bittensor-signature": ""}, b"body", "/p", NOW_NS, "lacks X-Bittensor-Signature"),
        ({"x-bittensor-crypto": "rsa"}, b"body", "/p", NOW_NS, "no scheme"),
        ({}, b"body", "/p", NOW_NS + 11_000_000_000, "stale"),
        ({}, b"body", "/p", NOW_NS - 3_000_000_000, "from the future"),
    ],
)
def test_what_was_changed_is_refused(change: dict[str, str], body: bytes, path: str, now_ns: int, words: str) -> None:
    signed = lower(sign_request(Hotkey.of("//Alice"), path="/p", body=b"body", receiver=ME, nonce_ns=NOW_NS))
    with pytest.raises(ProtocolError, match=words):
        Requests(ME).verify({**signed, **change}, body, path=path, now_ns=now_ns)


def test_a_request_counts_once_and_not_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    signed = lower(sign_request(Hotkey.of("//Alice"), path="/p", body=b"", receiver=ME, nonce_ns=NOW_NS))
    requests = Requests(ME)
    requests.verify(signed, b"", path="/p", now_ns=NOW_NS)
    with pytest.raises(ProtocolError, match="replayed"):
        requests.verify(signed, b"", path="/p", now_ns=NOW_NS + 1)
    with pytest.raises(ProtocolError, match="stale"):
        Requests(ME, not_before_ns=NOW_NS + 1).verify(signed, b"", path="/p", now_ns=NOW_NS + 2)
    monkeypatch.setattr(hotkeys, "NONCES", 1)
    more = lower(sign_request(Hotkey.of("//Alice"), path="/p", body=b"", receiver=ME, nonce_ns=NOW_NS + 1))
    with pytest.raises(BusyError):
        requests.verify(more, b"", path="/p", now_ns=NOW_NS + 1)
    later_ns = NOW_NS + 20_000_000_000
    again = lower(sign_request(Hotkey.of("//Alice"), path="/p", body=b"", receiver=ME, nonce_ns=later_ns))
    assert requests.verify(again, b"", path="/p", now_ns=later_ns) == Hotkey.of("//Alice").ss58


def test_a_hotkey_is_made_found_and_never_overwritten_nor_shown(tmp_path: Path) -> None:
    made = hotkeys.create(tmp_path, "w", "h")
    file = hotkeys.key_file(tmp_path, "w", "h")
    assert file == tmp_path / "w" / "hotkeys" / "h"
    assert file.stat().st_mode & 0o077 == 0
    assert hotkeys.load(tmp_path, "w", "h").ss58 == made.ss58
    with pytest.raises(InputError, match="is there already"):
        hotkeys.create(tmp_path, "w", "h")
    with pytest.raises(InputError, match=r"There is no hotkey .* Make one with"):
        hotkeys.load(tmp_path, "w", "absent")
    with pytest.raises(InputError, match="no name of a key"):
        hotkeys.load(tmp_path, "..", "h")
    file.write_text("{}")
    with pytest.raises(StateError, match="does not open as a hotkey"):
        hotkeys.load(tmp_path, "w", "h")
    assert repr(made) == f"Hotkey({made.ss58})"
