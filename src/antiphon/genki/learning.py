"""What rounds, contribution and models agree on: parameters, who learns, and what a contributor hands in.

Rounds and contribution know nothing of music: a `Learner` reads pieces, learns from them and says how well parameters
predict others. Nothing here needs torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt
from blake3 import blake3

from antiphon.errors import InputError, ProtocolError
from antiphon.protocol import canonical
from antiphon.protocol.identity import SIGNATURE_BYTES, Identity, verify

Parameters: TypeAlias = dict[str, npt.NDArray[np.float32]]
"""Arrays by name, float32, as in the model's state dict. A difference of two has the same names and shapes."""

Piece: TypeAlias = Any
"""One training example. Opaque: only the learner that read it knows what it is."""

DOMAIN = b"antiphon/1 genki update\0"


class Learner(Protocol):
    """A model that can be trained in rounds. It holds no state: parameters come in, parameters go out."""

    name: str
    """What every party of a federation must have alike: the architecture and its size."""

    def initial(self) -> Parameters:
        """The parameters of round 0. The same in every process."""

    def read(self, folder: Path) -> list[Piece]:
        """The pieces of a folder or of a private collection, in an order that does not change.

        Raises `InputError` where there is nothing to learn from.
        """

    def learn(self, parameters: Parameters, pieces: Sequence[Piece], *, steps: int, seed: int) -> Parameters:
        """`parameters` after `steps` local steps on `pieces`; the arrays passed in are not changed.

        The same arguments give the same result on one machine.
        """

    def losses(self, parameters: Parameters, pieces: Sequence[Piece]) -> npt.NDArray[np.float64]:
        """One loss for each piece, lower is better. Deterministic: no masks or crops are drawn anew."""


@runtime_checkable
class Publishable(Protocol):
    """A learner whose model an engine of the network runs."""

    engine: str
    made_from: str
    """Name of the model in the catalogue that round 0 begins with; empty: none."""

    def export(self, parameters: Parameters, folder: Path) -> None:
        """Write what the engine needs into `folder`."""


@runtime_checkable
class Portable(Protocol):
    """A learner whose pieces can be learnt from elsewhere, without the files that they were read from."""

    def pack(self, piece: Piece) -> bytes:
        """What the model hears of a piece, without its name."""

    def unpack(self, raw: bytes) -> Piece:
        """The reverse. Raises `InputError` or `ProtocolError` for anything else."""


class Update(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one contributor hands in for one round. Only `opened` makes trustworthy ones."""

    federation: str  # id of the plan it was made for
    round: int
    base: str  # `digest` of the parameters that it changes
    steps: int  # local steps made; nothing is weighed by it
    delta: bytes  # compressed difference of parameters (`compression`)
    contributor: str  # node id: 64 hex digits of the Ed25519 public key
    signature: bytes = b""  # 64 bytes; empty = unsigned = rejected

    def __repr__(self) -> str:
        return f"Update(round {self.round}, {self.contributor[:12]}..., {len(self.delta)} bytes)"


def digest(parameters: Mapping[str, npt.NDArray[np.float32]]) -> str:
    """64 hex digits of BLAKE3 over names, shapes and values. Raises `InputError` for anything but float32."""
    summed = blake3()
    for name in sorted(parameters):
        array = parameters[name]
        if array.dtype != np.float32:
            raise InputError(f"{name} is {array.dtype}", "Parameters are float32.")
        summed.update(canonical.pack((name, array.shape)))
        summed.update(np.ascontiguousarray(array).astype("<f4", copy=False).tobytes())
    return summed.hexdigest()


def added(parameters: Parameters, delta: Parameters, scale: float = 1.0) -> Parameters:
    """`parameters + scale * delta`, as new arrays."""
    return {name: (value + np.float32(scale) * delta[name]).astype(np.float32) for name, value in parameters.items()}


def difference(after: Parameters, before: Parameters) -> Parameters:
    """`after - before`, as new arrays."""
    return {name: after[name] - value for name, value in before.items()}


def fits(parameters: Parameters, like: Parameters, whose: str) -> None:
    """Raise `InputError` unless names, shapes and type are those of `like` and every number is finite."""
    if set(parameters) != set(like):
        odd = sorted(set(parameters) ^ set(like))[0]
        raise InputError(
            f"{whose} is of another architecture: {odd[:80]!r} is not in both", "Join with the same model."
        )
    for name, value in like.items():
        if parameters[name].shape != value.shape:
            raise InputError(
                f"{whose} is of another architecture: {name} is {parameters[name].shape}, not {value.shape}",
                "Join with the same model.",
            )
        if not np.isfinite(parameters[name]).all():
            raise InputError(f"{whose} holds numbers that are not finite, in {name}", "It counts for nothing.")


def signed(update: Update, identity: Identity) -> bytes:
    """The bytes that travel: `update` with its contributor and signature."""
    named = msgspec.structs.replace(update, contributor=identity.node_id, signature=b"")
    return canonical.pack(msgspec.structs.replace(named, signature=identity.sign(_signed_bytes(named))))


def opened(raw: bytes, *, federation: str, round_: int, base: str, contributor: str, limit: int) -> Update:
    """The update in `raw`, or a `ProtocolError` that names the first rule it breaks.

    1 size; 2 readable; 3 canonical; 4 signed at all; 5 of whom it should be; 6 of this federation; 7 of this round;
    8 of this base; 9 signature.
    """
    update = canonical.parse(Update, raw, limit=limit)  # 1, 2
    canonical.require_canonical(update, raw)  # 3
    if len(update.signature) != SIGNATURE_BYTES:  # 4
        raise ProtocolError("The update is unsigned", "A contributor signs what it hands in.")
    if update.contributor != contributor:  # 5
        raise ProtocolError(
            f"The update is of {update.contributor[:12]}, not of {contributor[:12]} who sent it", "Send your own."
        )
    if update.federation != federation:  # 6
        raise ProtocolError("The update is for another federation", "Join this one anew.")
    if update.round != round_:  # 7
        raise ProtocolError(f"The update is of round {update.round}, not {round_}", "It came late, or twice.")
    if update.base != base:  # 8
        raise ProtocolError("The update begins with other parameters than this round's", "Take part in the next round.")
    verify(update.contributor, update.signature, _signed_bytes(msgspec.structs.replace(update, signature=b"")))  # 9
    return update


def _signed_bytes(unsigned: Update) -> bytes:
    return DOMAIN + blake3(canonical.pack(unsigned)).digest()
