"""Pauses, dialogues and SSML: what is a mark, what is text, and where what is wrong lies."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import InputError, MarkupError
from antiphon.text import split
from antiphon.text.documents.ssml import passages
from antiphon.text.markup import asked_pause_s, dialogue, with_pauses


def test_a_pause_is_a_silence_and_nothing_else_is() -> None:
    text = "Wait here. [pause 1.5s] Then go on [pause], [pause 5], [paused 5s] and 3 < 4."
    [one, two] = split("".join(with_pauses([text])))
    assert one.pause_s == 1.5
    assert two.text == "Then go on [pause], [pause 5], [paused 5s] and 3 < 4."


@pytest.mark.parametrize(("text", "told"), [
    ("Wait. [pause 20s] Go.", "line 1, column 7 lasts 20 s, and may last 10. Write"),
    ("One.\nTwo. [pause 1s] [pause\n10001ms]\n x [pause 10001ms]", "line 4, column 4 lasts 10.001 s"),
    ("One. [pause 6s]\n[pause 5s] Two.", "line 2, column 1 lasts 11 s"),
])  # fmt: skip
def test_a_silence_that_is_too_long_is_told_and_not_shortened(text: str, told: str) -> None:
    for blocks in ([text], list(text)):
        with pytest.raises(MarkupError, match=re.escape(told)):
            list(with_pauses(blocks))
    spoken = text.replace("\n", "\n ")
    with pytest.raises(MarkupError, match="The silence at line"):
        dialogue(f"Ann: {spoken}", {"Ann"})
    with pytest.raises(MarkupError, match=r"at line .*, column .*: the text before has a pause longer than 10 s"):
        passages(f"<speak>{text}</speak>")
    assert split("".join(with_pauses(["One. [pause 10s] Two. [pause 10s]"])))[0].pause_s == 10


@given(st.lists(st.integers(0, 60), max_size=6), st.sampled_from(["[pause 500ms]", "[pause 2s]", "[pause x]", "[a"]))
def test_a_pause_is_found_wherever_its_text_breaks(cuts: list[int], mark: str) -> None:
    whole = f"One sentence, {mark} and another; {mark}{mark} the end"
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    blocks = [whole[a:b] for a, b in itertools.pairwise(edges)]
    assert "".join(with_pauses(blocks)) == "".join(with_pauses([whole]))


def test_a_dialogue_has_its_speakers() -> None:
    said = dialogue("Ann: Good morning. [pause 2s]\n\nBen: It is: late.\n  Or not?\n", {"Ann", "Ben"})
    assert [(one.voice, one.text.split()) for one in said] == [
        ("Ann", ["Good", "morning."]),
        ("Ben", ["It", "is:", "late.", "Or", "not?"]),
    ]
    assert asked_pause_s(said[0].text) == 2.0


@pytest.mark.parametrize(("text", "told"), [
    ("Ann: Hi.\nnobody says this", "Line 2 of the dialogue has no speaker: 'nobody says this'"),
    ("Ann: Hi.\n\nBob: Hello.", "Line 3 of the dialogue is spoken by 'Bob', who has no voice"),
    ("Ann:", "Line 1 of the dialogue has no speaker"),
    ("\n", "nothing that can be spoken"),
])  # fmt: skip
def test_what_is_no_dialogue_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        dialogue(text, {"Ann"})


def test_ssml_is_passages_each_in_its_manner() -> None:
    [plain, slow, inner, other] = passages(
        "<speak>Good morning. <prosody rate='50%' pitch='+12st' volume='-6dB'>You are "
        "<prosody rate='+50%'>late</prosody></prosody>.<break time='2s'/>"
        "<voice name='af_sky' xml:lang='de'>A <phoneme ph='laɪv'>live</phoneme> one.</voice></speak>"
    )
    assert (plain.text, plain.rate) == ("Good morning. ", 1.0)
    assert (slow.rate, slow.pitch, slow.gain_db) == (0.5, 2.0, -6.0)
    assert (inner.rate, inner.text, asked_pause_s(inner.text)) == (0.75, "late.\x1e\x1e ", 2.0)
    assert (other.voice, other.language, other.phonemes) == ("af_sky", "de", (("live", "laɪv"),))


@pytest.mark.parametrize(("document", "told"), [
    ("hello", "line 1, column 1"),
    ("<speak>a & b</speak>", "line 1, column 11: not well-formed"),
    ("\n\n<speak>one\ntwo <b>x</b></speak>", "line 4, column 5: <b> is not known"),
    ("<speak>one", "line 1, column 11: no element found"),
    ("<!DOCTYPE speak [<!ENTITY a 'aaa'>]><speak>&a;</speak>", "line 1, column 17: a document type"),
    ("<p>one</p>", "line 1, column 1: the document begins with <p>"),
    ("<speak><break time='11s'/>a</speak>", "a break of 11 s"),
    ("<speak><break time='soon'/>a</speak>", "the time 'soon'"),
    ("<speak><prosody rate='quick'>a</prosody></speak>", "line 1, column 8: the rate 'quick'"),
    ("<speak><prosody rate='20%'>a</prosody></speak>", "a rate of 0.2 times"),
    ("<speak><prosody pitch='200Hz'>a</prosody></speak>", "the pitch '200Hz'"),
    ("<speak><prosody contour='x'>a</prosody></speak>", "prosody has 'contour'"),
    ("<speak><say-as interpret-as='song'>a</say-as></speak>", "interpret-as 'song'"),
    ("<speak><voice>a</voice></speak>", "<voice> has no name"),
    ("<speak><phoneme alphabet='x-sampa' ph='a'>a</phoneme></speak>", "alphabet 'x-sampa'"),
    ("<speak>" + "<s>" * 70 + "a" + "</s>" * 70 + "</speak>", "more than 64 deep"),
    ("<speak> <break/> </speak>", "nothing that can be spoken"),
])  # fmt: skip
def test_ssml_that_is_wrong_is_told_with_its_place(document: str, told: str) -> None:
    with pytest.raises(InputError, match=told.replace("(", r"\(")):
        passages(document)


@given(st.text(st.sampled_from("<>/&;speakbrvoicename='\" []![CDATA-"), max_size=120))
def test_any_text_is_ssml_or_told_to_be_none(text: str) -> None:
    try:
        assert all(passage.spoken for passage in passages(f"<speak>{text}</speak>"))
    except InputError:
        return
