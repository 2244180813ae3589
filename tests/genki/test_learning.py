"""Parameters, the learner's contract, and updates that are opened only if their contributor signed them for this."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from linear import LinearLearner, pieces_of

from antiphon.errors import InputError, ProtocolError
from antiphon.genki import learning
from antiphon.genki.learning import Learner, Update
from antiphon.protocol.identity import Identity

ONE, OTHER = Identity.from_seed(b"1" * 32), Identity.from_seed(b"2" * 32)
MADE = Update(federation="f" * 64, round=3, base="b" * 64, steps=10, delta=b"sparse", contributor="")


def opened(raw: bytes, **changed: object) -> Update:
    asked = {"federation": "f" * 64, "round_": 3, "base": "b" * 64, "contributor": ONE.node_id, "limit": 10_000}
    return learning.opened(raw, **(asked | changed))  # type: ignore[arg-type]


def test_a_learner_learns_the_same_from_the_same_arguments_and_changes_nothing_that_it_got(tmp_path: Path) -> None:
    learner: Learner = LinearLearner()
    pieces, before = pieces_of(1), learner.initial()
    x, y = np.stack([x for x, _ in pieces]), np.array([y for _, y in pieces])
    np.savez(tmp_path / "one.npz", x=x, y=y)
    read = learner.read(tmp_path)
    after = learner.learn(before, read, steps=50, seed=1)
    assert learning.digest(after) == learning.digest(learner.learn(before, pieces, steps=50, seed=1))
    assert learning.digest(before) == learning.digest(learner.initial())
    assert learner.losses(after, pieces).mean() < 0.7 * learner.losses(before, pieces).mean()


def test_a_digest_depends_on_names_shapes_and_values_and_not_on_order() -> None:
    a, b = np.ones((2, 3), np.float32), np.zeros(4, np.float32)
    one = learning.digest({"a": a, "b": b})
    assert one == learning.digest({"b": b, "a": a})
    others = [{"a": a, "c": b}, {"a": a.reshape(3, 2), "b": b}, {"a": a, "b": b + 1}, {"a": a}]
    assert len({one, *(learning.digest(other) for other in others)}) == 5
    with pytest.raises(InputError, match="float32"):
        learning.digest({"a": a.astype(np.float64)})  # type: ignore[dict-item]


def test_parameters_of_another_architecture_or_not_finite_are_named() -> None:
    like = LinearLearner().initial()
    learning.fits(like, like, "This")
    with pytest.raises(InputError, match="another architecture: 'bias'"):
        learning.fits({"weight": like["weight"]}, like, "This")
    with pytest.raises(InputError, match="another architecture: weight"):
        learning.fits(like | {"weight": np.zeros((2, 2), np.float32)}, like, "This")
    with pytest.raises(InputError, match="not finite, in bias"):
        learning.fits(like | {"bias": np.full(4, np.nan, np.float32)}, like, "This")


def test_an_update_opens_as_it_was_signed() -> None:
    update = opened(learning.signed(MADE, ONE))
    assert msgspec.structs.replace(update, contributor="", signature=b"") == MADE


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"limit": 100}, "too large"),
        ({"contributor": OTHER.node_id}, "who sent it"),
        ({"federation": "e" * 64}, "another federation"),
        ({"round_": 4}, "of round 3, not 4"),
        ({"base": "c" * 64}, "other parameters"),
    ],
)
def test_an_update_for_something_else_is_refused(changed: dict[str, object], why: str) -> None:
    with pytest.raises(ProtocolError, match=why):
        opened(learning.signed(MADE, ONE), **changed)


def test_unsigned_forged_and_changed_updates_are_refused() -> None:
    raw = learning.signed(MADE, ONE)
    update = opened(raw)
    encode = msgspec.msgpack.Encoder(order="deterministic").encode
    with pytest.raises(ProtocolError, match="unsigned"):
        opened(encode(msgspec.structs.replace(update, signature=b"")))
    with pytest.raises(ProtocolError, match="Bad signature"):
        opened(encode(msgspec.structs.replace(update, delta=b"other")))
    with pytest.raises(ProtocolError, match="Bad signature"):
        opened(learning.signed(MADE, OTHER), contributor=OTHER.node_id) and opened(
            encode(msgspec.structs.replace(update, signature=OTHER.sign(b"anything")))
        )
    for cut in (b"", raw[:-1], raw + b"\0", b"\xc1" * 40):
        with pytest.raises(ProtocolError):
            opened(cut)
