"""The key that signs transactions: from the environment, or from an encrypted file (Ethereum's keystore, version 3).

It is shown nowhere: not in a log, not in a `repr`, not in an error.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any, NoReturn

from antiphon.errors import InputError, OutputError

MAX_BYTES = 64 * 1024


class Key:
    """A secp256k1 key and its address."""

    __slots__ = ("_account", "address")

    def __init__(self, account: Any) -> None:
        self._account = account
        self.address: str = account.address

    def sign_transaction(self, transaction: dict[str, Any]) -> tuple[bytes, str]:
        """(raw transaction, its hash)."""
        signed = self._account.sign_transaction(transaction)
        return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()

    def sign_hash(self, digest: bytes) -> tuple[int, int, int]:
        """(v, r, s) over 32 bytes that were separated by domain already (EIP-712)."""
        signed = self._account.unsafe_sign_hash(digest)
        return signed.v, signed.r, signed.s

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key cannot be pickled or copied")


def from_hex(text: str) -> Key:
    """Raises InputError, without the text, unless it is 32 bytes in hex."""
    from eth_account import Account

    try:
        return Key(Account.from_key(bytes.fromhex(text.strip().removeprefix("0x"))))
    except Exception:  # noqa: BLE001 - each library's own, and its words may hold the key
        raise InputError("The chain key is not 64 hex digits", "Check ANTIPHON_CHAIN_KEY.") from None


def create(file: Path, password: str, *, iterations: int | None = None) -> Key:
    """A new key, encrypted into `file`, which must not be there yet. `iterations` of scrypt: None = the standard's."""
    key = secrets.token_bytes(32)
    _write(file, key, password, iterations)
    return from_hex(key.hex())


def _write(file: Path, key: bytes, password: str, iterations: int | None) -> None:
    from eth_account import Account

    if not password:
        raise InputError("An empty password encrypts nothing", "Set ANTIPHON_CHAIN_PASSWORD.")
    encrypted = json.dumps(Account.encrypt(key, password, kdf="scrypt", iterations=iterations))
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(encrypted)
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError as e:
        raise InputError(f"{file} holds a key already", "Use it, or choose another place.") from e
    except OSError as e:
        raise OutputError(f"{file} cannot be written: {e.strerror}", "Choose another --home.") from e


def load(file: Path, password: str) -> Key:
    """Open a keystore file. Raises InputError: missing, readable by others, no keystore, or another password."""
    from eth_account import Account

    try:
        if file.stat().st_mode & 0o077:
            raise InputError(f"Others can read {file}", f"chmod 600 {file}")
        with file.open("rb") as stream:
            content = json.loads(stream.read(MAX_BYTES))
    except FileNotFoundError as e:
        raise InputError(
            f"There is no chain key at {file}", "Make one: antiphon chain key. Or set ANTIPHON_CHAIN_KEY."
        ) from e
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Check its owner and mode.") from e
    except ValueError as e:
        raise InputError(f"{file} is no keystore", "Restore it from a backup.") from e
    try:
        return Key(Account.from_key(Account.decrypt(content, password)))
    except Exception:  # noqa: BLE001 - each library's own, and its words may hold the password
        raise InputError(f"{file} does not open", "Check the password: ANTIPHON_CHAIN_PASSWORD.") from None
