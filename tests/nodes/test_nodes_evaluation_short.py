"""Short and odd utterances, each judged by a real evaluator: honest ones are valid, cheats of their length are not."""

from __future__ import annotations

import pytest

from antiphon.audio import Waveform
from antiphon.bench import cheats
from antiphon.bench.detection import SHORT_VOICES
from antiphon.bench.sentences import utterances
from antiphon.economy.types import Verdict, Vote
from antiphon.engines import registry
from antiphon.errors import UnavailableError
from antiphon.judges.registry import JudgeSet, installed
from antiphon.nodes.evaluation import Evaluator, Submission
from antiphon.nodes.evaluation.evaluator import JudgingEvaluator, evaluator_of
from antiphon.parties.messages import Form
from antiphon.services import Request, SpeechRequest

ODD = (
    "Hi!",
    "Why?",
    "Go!",
    "Stop!",
    "Who?",
    "Me.",
    "A",
    "Wait... what? Hmm... okay. Shh!",
    "no no no no no no no no no no",
    "Dr. Nguyễn met Łukasz in Zürich.",
    "Cafe\u0301 nai\u0308ve re\u0301sume\u0301.",
)
MIX = "af_heart:0.6+bm_george:0.4"
"""The example that `antiphon voices` prints."""


@pytest.fixture(scope="module")
def evaluator() -> Evaluator:
    return evaluator_of("antiphon")


def vote(evaluator: Evaluator, text: str, voice: str, said: str | None = None, speaker: str | None = None) -> Vote:
    """On `said` by `speaker`, in answer to an order of `text` by `voice`."""
    audio = cheats.synthesise(said or text, speaker or voice, seed=5)
    pcm = audio.to_pcm16()
    request = SpeechRequest(text=text, voice=voice)
    return evaluator.vote(Submission(request, pcm, Form(rate_hz=audio.rate_hz, channels=1), len(pcm)))


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize("voice", ["hibari", "espeak-en-us"])
@pytest.mark.parametrize("text", ODD)
def test_odd_texts_are_valid(evaluator: Evaluator, text: str, voice: str) -> None:
    assert vote(evaluator, text, voice).verdict is Verdict.VALID


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize("voice", [MIX, "bf_emma", "rowan"])
def test_one_word_is_valid_in_every_engine(evaluator: Evaluator, voice: str) -> None:
    assert vote(evaluator, "Hello.", voice).verdict is Verdict.VALID


@pytest.mark.slow
@pytest.mark.speaks
def test_words_that_no_recogniser_gets_right_cost_an_honest_node_nothing(evaluator: Evaluator) -> None:
    found = vote(evaluator, "Psst!", "hibari")
    assert next(m.value for m in found.measurements if m.name == "wer") >= 1
    assert found.score_ppm is not None
    assert found.score_ppm > 600_000  # .4 if the words counted


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize(
    ("text", "said", "speaker"),
    [
        ("Why?", "Who?", None),
        ("Yes.", "No.", None),
        ("Psst!", "Pssst! Now!", None),
        ("no no no no no no no no no no", "yes yes yes yes yes yes yes yes yes yes", None),
        ("Why?", None, "bm_george"),
        ("Stop!", None, "espeak-en-us"),
        ("Anna.", None, "af_bella"),
    ],
)
def test_another_word_or_voice_is_rejected(
    evaluator: Evaluator, text: str, said: str | None, speaker: str | None
) -> None:
    assert vote(evaluator, text, "hibari", said, speaker).verdict is Verdict.INVALID


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(cheats.SHORT_CHEATS))
def test_cheats_of_one_to_three_words_are_rejected(evaluator: Evaluator, name: str) -> None:
    counts = cheats.verdicts(evaluator, cheats.SHORT_CHEATS[name], cheats.short_cases(("hibari",), 3, seed=13))
    assert counts[Verdict.INVALID] == 3


@pytest.mark.slow
def test_a_validator_without_the_engine_judges_by_looser_bounds_and_rejects_no_honest_word() -> None:
    def no_engine(request: Request, seed: int) -> Waveform:
        raise UnavailableError("no engine is installed here")

    judges = JudgeSet(installed(), no_engine)
    alone = JudgingEvaluator(judges.by_service())
    assert vote(alone, "Why?", "hibari").verdict is Verdict.VALID
    assert vote(alone, "Why?", "hibari", said="Good evening, everybody.").verdict is Verdict.INVALID


def test_the_list_has_500_utterances_of_one_to_three_words() -> None:
    assert len(set(utterances())) == len(utterances()) == 500
    assert all(1 <= len(text.split()) <= 3 for text in utterances())
    assert set(SHORT_VOICES) == {"hibari", "espeak", "Kokoro", "mixes", "soundstorm"}
    assert len(SHORT_VOICES["Kokoro"]) >= 8


@pytest.mark.slow
@pytest.mark.speaks
@pytest.mark.parametrize(("text", "voice"), [("Stop!", "espeak-en-gb"), ("Why?", "espeak-en-us")])
def test_a_word_that_is_shorter_than_its_pauses_is_valid_with_any_seed(
    evaluator: Evaluator, text: str, voice: str
) -> None:
    for seed in (1, 99, 301):
        audio = cheats.synthesise(text, voice, seed)
        order = SpeechRequest(text=text, voice=voice, language=registry.find_voice(voice).language)
        pcm = audio.to_pcm16()
        made = Submission(order, pcm, Form(rate_hz=audio.rate_hz, channels=1), len(pcm), seed=seed)
        assert evaluator.vote(made).verdict is Verdict.VALID
