import numpy as np
import pytest

from antiphon import engines, models
from antiphon.engines.kokoro import KokoroEngine
from antiphon.engines.kokoro_voices import BY_NAME, VOICES
from antiphon.errors import InputError
from antiphon.models import tensors
from antiphon.services import SpeechRequest


def _say(voice: str, text: str = "Low tide.", **fields: object) -> np.ndarray:
    request = SpeechRequest(text=text, voice=voice, **fields)  # type: ignore[arg-type]
    return np.concatenate([chunk.samples[0] for chunk in engines.load("kokoro").generate(request, 0)])


def test_the_54_voices_declared_are_the_54_in_the_file() -> None:
    styles = tensors.parse(models.read("kokoro-voices"))
    assert set(styles) == set(BY_NAME)
    assert len(VOICES) == 54
    assert {style.shape for style in styles.values()} == {(510, 256)}
    assert all(np.isfinite(style).all() for style in styles.values())


def test_every_voice_declares_the_english_it_really_speaks() -> None:
    assert BY_NAME["bf_emma"].language == "en-gb"
    assert {voice.language for voice in VOICES} == {"en-us", "en-gb"}
    assert BY_NAME["jf_alpha"].description == "English in the timbre of a Japanese speaker"


@pytest.mark.slow
@pytest.mark.parametrize("voice", ["bm_george", "jf_alpha", "zm_yunxi"])
def test_voices_of_every_family_speak(voice: str) -> None:
    samples = _say(voice, language=BY_NAME[voice].language)
    assert 0.4 < len(samples) / 24_000 < 3
    assert 0.05 < np.abs(samples).max() < 1


@pytest.mark.slow
def test_the_weight_moves_a_mix_from_one_voice_to_the_other() -> None:
    style = KokoroEngine()._model().style
    heart, emma, mixed = style({"af_heart": 1.0}), style({"bf_emma": 1.0}), style({"af_heart": 0.25, "bf_emma": 0.75})
    assert np.allclose(mixed, 0.25 * heart + 0.75 * emma, atol=1e-5)
    assert np.isfinite(_say("af_heart:0.3+bm_george:0.3+zf_xiaoni:0.4")).all()


@pytest.mark.slow
def test_the_accent_is_the_voices_own_unless_asked() -> None:
    british = _say("bf_emma", "Go home.")
    assert np.array_equal(british, _say("bf_emma", "Go home.", language="en-gb"))
    assert not np.array_equal(british, _say("bf_emma", "Go home.", options={"accent": "us"}))


@pytest.mark.slow
def test_the_number_of_threads_does_not_change_the_audio() -> None:
    request = SpeechRequest(text="Low tide.", voice="af_heart")
    one = np.concatenate([chunk.samples[0] for chunk in KokoroEngine(threads=1).generate(request, 0)])
    assert np.array_equal(one, _say("af_heart"))


def test_wrong_requests_say_what_would_be_right() -> None:
    engine = KokoroEngine()
    with pytest.raises(InputError, match="Did you mean bf_emma"):
        engine.check(SpeechRequest(text="Hi", voice="af_heart:0.5+bf_ema:0.5"))
    with pytest.raises(InputError, match="language of kokoro 'fr'"):
        engine.check(SpeechRequest(text="Salut", voice="ff_siwis", language="fr"))
    with pytest.raises(InputError, match="accent"):
        engine.check(SpeechRequest(text="Hi", voice="af_heart", options={"accent": "au"}))
