from itertools import pairwise

import numpy as np
import pytest

from antiphon import engines
from antiphon.engines.hibari import HibariEngine
from antiphon.errors import InputError
from antiphon.services import SpeechRequest


def _say(text: str = "Boats rest by the wall.", seed: int = 1, **fields: object) -> np.ndarray:
    request = SpeechRequest(text=text, voice="hibari", **fields)  # type: ignore[arg-type]
    return np.concatenate([chunk.samples[0] for chunk in engines.load("hibari").generate(request, seed)])


@pytest.mark.slow
@pytest.mark.speaks
def test_the_seed_decides_the_noise_and_nothing_else() -> None:
    one, again, other = _say(seed=1), _say(seed=1), _say(seed=2)
    assert np.array_equal(one, again)
    assert len(one) == pytest.approx(len(other), rel=0.01)
    assert not np.array_equal(one[: len(other)], other[: len(one)])


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize("seed", [0, -5, 2**63, 2**80])
def test_any_integer_is_a_seed(seed: int) -> None:
    assert len(_say("Yes.", seed=seed)) > 0


@pytest.mark.slow
@pytest.mark.speaks
def test_speed_scales_the_length() -> None:
    lengths = [len(_say(speed=speed)) for speed in (0.5, 0.75, 1.0, 1.5, 2.0)]
    assert all(slow > fast for slow, fast in pairwise(lengths))
    assert lengths[0] / lengths[2] == pytest.approx(2.0, rel=0.15)
    assert lengths[2] / lengths[4] == pytest.approx(2.0, rel=0.15)


@pytest.mark.slow
@pytest.mark.speaks
def test_the_longest_text_is_spoken_to_its_end() -> None:
    text = ("A boat and an oar and a net, " * 70)[:1_990] + "."
    assert 8 < len(text) / (len(_say(text)) / 24_000) < 25


def test_wrong_requests_say_what_would_be_right() -> None:
    engine = HibariEngine()
    with pytest.raises(InputError, match="Did you mean hibari"):
        engine.check(SpeechRequest(text="Hi", voice="hibary"))
    with pytest.raises(InputError, match="choose bf_emma"):
        engine.check(SpeechRequest(text="Hi", voice="hibari", language="en-gb"))
    with pytest.raises(InputError, match="language of hibari 'de'"):
        engine.check(SpeechRequest(text="Hi", voice="hibari", language="de"))
    with pytest.raises(InputError, match="cannot read '你好'"):
        engine.check(SpeechRequest(text="Say 你好", voice="hibari"))
