"""Hotkeys, and requests signed with them: `btauth/1`, the protocol of the Bittensor SDK (`bittensor.http_auth`).

Written from its specification, so that a node runs on the SDK's compiled core alone and remembers nonces within bounds;
that the SDK accepts what is signed here, and the reverse, is tested. Keys are those of `btcli`'s wallets.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from antiphon.errors import BusyError, InputError, ModelError, OutputError, ProtocolError, StateError

PROTOCOL, VERSION = "btauth/1", "1"
MAX_AGE_NS = 10_000_000_000
MAX_AHEAD_NS = 2_000_000_000
"""Source of both: `bittensor.http_auth`."""
NONCES = 30_000
"""Most requests of one sender within the window, in about 4 MB."""
UNBOUND = "-"
MAX_KEY_BYTES = 8_192
_SCHEMES = {"ed25519": 0, "sr25519": 1}


def _core() -> Any:
    try:
        import bittensor_core
    except ImportError as error:
        raise ModelError("Hotkeys need Bittensor's SDK", "Run: pip install 'antiphon[bittensor]'") from error
    return bittensor_core


class Hotkey:
    """A key pair that signs for one neuron. Shows its address and nothing else."""

    __slots__ = ("_pair", "scheme", "ss58")

    def __init__(self, pair: Any) -> None:
        self._pair = pair
        self.ss58: str = pair.ss58_address
        self.scheme = next(name for name, number in _SCHEMES.items() if number == int(pair.crypto_type))

    @classmethod
    def generate(cls) -> Hotkey:
        """A new sr25519 key."""
        core = _core()
        return cls(core.Keypair.create_from_mnemonic(core.Keypair.generate_mnemonic()))

    @classmethod
    def of(cls, uri: str) -> Hotkey:
        """A key that everybody knows, such as `//Alice`: for chains on one's own machine."""
        return cls(_core().Keypair.create_from_uri(uri))

    @property
    def pair(self) -> Any:
        """For the SDK's client only."""
        return self._pair

    def sign(self, message: bytes) -> bytes:
        """64 bytes. The caller separates domains."""
        return bytes(self._pair.sign(message))

    def __repr__(self) -> str:
        return f"Hotkey({self.ss58})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a hotkey cannot be pickled or copied")


def verify(ss58: str, signature: bytes, message: bytes, scheme: str = "sr25519") -> None:
    """Return if `signature` is of `ss58` over `message`; raise ProtocolError otherwise."""
    try:
        valid = _core().verify(message, signature, ss58, _SCHEMES[scheme])
    except (ValueError, KeyError) as error:
        raise ProtocolError(f"{ss58[:60]!r} or its signature is none that can be read", "Sign it anew.") from error
    if not valid:
        raise ProtocolError(f"Bad signature: this is not what {ss58[:12]}... signed", "It was forged or changed.")


def load(wallets: Path, wallet: str, hotkey: str) -> Hotkey:
    """A hotkey of a `btcli` wallet. Raises InputError where there is none, StateError for one that does not open."""
    file = key_file(wallets, wallet, hotkey)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_KEY_BYTES)
    except FileNotFoundError as error:
        make = f"antiphon subnet key --wallet {wallet} --hotkey {hotkey}"
        raise InputError(f"There is no hotkey {file}", f"Make one with btcli wallet create, or: {make}") from error
    except OSError as error:
        raise StateError(f"{file} cannot be read: {error.strerror}", "Check its owner and mode.") from error
    core = _core()
    # `from None`: a parser's message could quote the key.
    try:
        if core.keyfile_data_is_encrypted(data):
            password = os.environ.get("ANTIPHON_HOTKEY_PASSWORD")
            if password is None:
                raise StateError(f"{file} is encrypted", "Give its password in ANTIPHON_HOTKEY_PASSWORD.")
            data = core.decrypt_keyfile_data(data, password)
        return Hotkey(core.deserialize_keypair_from_keyfile_data(data))
    except (ValueError, core.KeyfileError, core.WrongPasswordError):
        raise StateError(f"{file} does not open as a hotkey", "Check the password, or restore the file.") from None


def create(wallets: Path, wallet: str, hotkey: str) -> Hotkey:
    """A new hotkey in the place where `btcli` looks for it. Raises InputError if there is one already."""
    file = key_file(wallets, wallet, hotkey)
    made = Hotkey.generate()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(_core().serialized_keypair_to_keyfile_data(made.pair))
    except FileExistsError as error:
        raise InputError(f"{file} is there already", "Name another with --hotkey.") from error
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}", "Choose another --wallets.") from error
    return made


def key_file(wallets: Path, wallet: str, hotkey: str) -> Path:
    """Where `btcli` keeps a hotkey."""
    for name in (wallet, hotkey):
        if not name or "/" in name or name.startswith(".") or not name.isprintable():
            raise InputError(f"{name!r} is no name of a key", "Use letters, digits and dashes.")
    return wallets.expanduser() / wallet / "hotkeys" / hotkey


def payload(
    scheme: str, *, method: str, path: str, body: bytes, nonce_ns: int, sender: str, receiver: str = UNBOUND
) -> bytes:
    """The bytes that `btauth/1` signs."""
    digest = hashlib.sha256(body).hexdigest()
    return "\n".join((PROTOCOL, scheme, method, path, digest, str(nonce_ns), sender, receiver)).encode()


def sign_request(
    key: Hotkey, *, path: str, body: bytes, receiver: str = "", method: str = "POST", nonce_ns: int = 0
) -> dict[str, str]:
    """The headers that authenticate one request. Each try needs its own."""
    nonce_ns = nonce_ns or time.time_ns()
    signed = payload(
        key.scheme,
        method=method,
        path=path,
        body=body,
        nonce_ns=nonce_ns,
        sender=key.ss58,
        receiver=receiver or UNBOUND,
    )
    headers = {
        "X-Bittensor-Version": VERSION,
        "X-Bittensor-Hotkey": key.ss58,
        "X-Bittensor-Nonce": str(nonce_ns),
        "X-Bittensor-Signature": "0x" + key.sign(signed).hex(),
    }
    if receiver:
        headers["X-Bittensor-Receiver"] = receiver
    if key.scheme != "sr25519":
        headers["X-Bittensor-Crypto"] = key.scheme
    return headers


def sender_of(headers: Mapping[str, str]) -> str:
    """Who a request says it is from: not verified yet. Raises ProtocolError if it does not say."""
    if headers.get("x-bittensor-version") != VERSION:
        raise ProtocolError("The request is not signed in btauth/1", "Send the headers X-Bittensor-*.")
    return _header(headers, "hotkey")


class Requests:
    """Verifies requests to one receiver, and knows the nonces it has seen. `receiver` empty takes unbound ones too."""

    def __init__(self, receiver: str = "", *, not_before_ns: int = 0) -> None:
        self._receiver = receiver
        self._not_before_ns = not_before_ns
        self._seen: dict[str, tuple[set[int], deque[int]]] = {}

    def verify(
        self, headers: Mapping[str, str], body: bytes, *, path: str, method: str = "POST", now_ns: int = 0
    ) -> str:
        """The sender's ss58 address. `headers` have lower-case names.

        Raises ProtocolError naming the first rule that is broken: 1 well-formed headers; 2 for this receiver; 3 neither
        stale nor from the future, nor from before this process began; 4 the signature; 5 not seen before. BusyError for
        a sender with more requests than are remembered. Ask first whether the sender may ask at all: memory is his.
        """
        sender = sender_of(headers)  # 1
        scheme = headers.get("x-bittensor-crypto", "sr25519").strip().lower()
        try:
            nonce_ns = int(_header(headers, "nonce"))
            signature = bytes.fromhex(_header(headers, "signature").removeprefix("0x"))
        except ValueError as error:
            raise ProtocolError("The nonce or the signature of the request cannot be read", "Sign it anew.") from error
        if scheme not in _SCHEMES:
            raise ProtocolError(f"{scheme[:20]!r} is no scheme of signatures", "Use sr25519 or ed25519.")
        receiver = headers.get("x-bittensor-receiver", "")
        if receiver != self._receiver and (self._receiver or receiver):  # 2
            raise ProtocolError("Wrong receiver: the request is for another hotkey, or for none", "Name the receiver.")
        now_ns = now_ns or time.time_ns()
        if nonce_ns < max(now_ns - MAX_AGE_NS, self._not_before_ns):  # 3
            raise ProtocolError("The request is stale", "Sign it anew; check the clock.")
        if nonce_ns > now_ns + MAX_AHEAD_NS:
            raise ProtocolError("The request is from the future", "Check both clocks.")
        signed = payload(
            scheme,
            method=method,
            path=path,
            body=body,
            nonce_ns=nonce_ns,
            sender=sender,
            receiver=receiver or UNBOUND,
        )
        verify(sender, signature, signed, scheme)  # 4
        self._admit(sender, nonce_ns, now_ns)  # 5
        return sender

    def _admit(self, sender: str, nonce_ns: int, now_ns: int) -> None:
        seen, arrived = self._seen.setdefault(sender, (set(), deque()))
        while arrived and arrived[0] < now_ns - MAX_AGE_NS:
            seen.discard(arrived.popleft())
        if nonce_ns in seen:
            raise ProtocolError("The request was replayed: this nonce was seen before", "Sign it anew.")
        if len(seen) >= NONCES:
            raise BusyError(f"More than {NONCES} requests of one hotkey in 10 s", "Ask less often.")
        seen.add(nonce_ns)
        arrived.append(nonce_ns)


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"x-bittensor-{name}", "")
    if not value:
        raise ProtocolError(f"The request lacks X-Bittensor-{name.title()}", "Sign it in btauth/1.")
    return value
