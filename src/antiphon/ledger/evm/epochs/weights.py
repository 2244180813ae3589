"""A validator's weights for one epoch on the chain: made, kept on disk with their salt, and committed to.

They are on disk before their commitment is sent, so whoever was killed after it can still reveal them. The commitment
is computed here: the chain's node would learn the weights if it were asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from antiphon import durable
from antiphon.economy.consensus import MAX_WEIGHT
from antiphon.economy.epochs import upscaled
from antiphon.errors import InputError, OutputError, StateError
from antiphon.ledger.evm.epochs.posting import packed

MAX_BYTES = 1 << 20
KEPT_EPOCHS = 3


class Secret(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a commitment hides."""

    words: tuple[str, ...]  # hex
    salt: bytes

    def row(self) -> tuple[int, ...]:
        """As the contract takes it."""
        return tuple(int(word, 16) for word in self.words)


class Secrets:
    """Of one key in one contract, a file for each epoch: several weights, if it committed several times."""

    def __init__(self, folder: Path, chain_id: int, contract: str, address: str) -> None:
        self._folder, self._chain_id, self._contract, self._address = folder, chain_id, contract, address
        self._name = f"{chain_id}-{contract[2:12]}-{address[2:12]}".lower()

    def keep(self, epoch: int, weights: Sequence[int]) -> bytes:
        """The commitment to these weights (by column); what hides them is on disk then. Raises OutputError."""
        words, known = packed(weights), self._read(epoch)
        hidden = next((one for one in known if one.row() == words), None)
        if hidden is None:
            hidden = Secret(tuple(f"{word:x}" for word in words), secrets.token_bytes(32))
            self._write(epoch, [*known, hidden])
        return self.commitment(epoch, hidden)

    def find(self, epoch: int, commitment: bytes) -> Secret:
        """What this commitment hides. Raises StateError when it is lost."""
        for one in self._read(epoch):
            if self.commitment(epoch, one) == commitment:
                return one
        raise StateError(
            f"The weights that were committed to in epoch {epoch} are not in {self._folder}",
            "Reveal from the data folder that committed; without it they count nothing, and the next epoch is another.",
        )

    def commitment(self, epoch: int, hidden: Secret) -> bytes:
        """As `epochs.commitment_of` gives it: keccak over chain, contract, epoch, validator, weights and salt."""
        from eth_abi.abi import encode
        from eth_utils.crypto import keccak

        kinds = ["uint256", "address", "uint256", "address", "uint256[]", "bytes32"]
        values = (self._chain_id, self._contract, epoch, self._address, hidden.row(), hidden.salt)
        return keccak(encode(kinds, values))

    def _file(self, epoch: int) -> Path:
        return self._folder / f"{self._name}-{epoch}.json"

    def _read(self, epoch: int) -> list[Secret]:
        file = self._file(epoch)
        try:
            return msgspec.json.decode(file.read_bytes(), type=list[Secret])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as e:
            raise StateError(f"{file} cannot be read: {e}", "Restore it, or delete it: its weights are lost.") from e

    def _write(self, epoch: int, kept: list[Secret]) -> None:
        file = self._file(epoch)
        try:
            durable.replace(file, msgspec.json.encode(kept))
            self._file(epoch - KEPT_EPOCHS).unlink(missing_ok=True)
        except OSError as e:
            raise OutputError(f"{file} cannot be written: {e.strerror}", "Free space, then give it again.") from e


def row(values: Mapping[str, int], names: Sequence[str]) -> list[int]:
    """Weights by column: the best gets 65535, others in proportion. `names` are the columns' nodes, "" for one that
    does not count; who holds two gets the first. Raises InputError for a negative value."""
    first = {name: column for column, name in reversed(list(enumerate(names))) if name}
    scaled = upscaled({first[name]: value for name, value in values.items() if name in first})
    found = [0] * len(names)
    for column, value in zip(scaled.uids, scaled.values, strict=True):
        found[column] = value
    return found


def read_weights(file: Path) -> dict[str, int]:
    """A file of weights, JSON: {"address or node": 0..65535}. Raises InputError for anything else."""
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
        found = msgspec.json.decode(raw, type=dict[str, int | float])
    except OSError as e:
        raise InputError(f"{file} cannot be read: {e.strerror}", "Give a file of weights.") from e
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise InputError(f"{file} holds no weights: {e}", 'Write {"0x...": 65535, "0x...": 100}.') from e
    for name, value in found.items():
        if not isinstance(value, int) or not 0 <= value <= MAX_WEIGHT:
            raise InputError(f"The weight {value} of {name[:44]} is no whole number within 0..{MAX_WEIGHT}", "Mend it.")
    if not any(found.values()):
        raise InputError(f"{file} gives nobody a weight", "Leave the epoch out instead.")
    return {name: int(value) for name, value in found.items()}
