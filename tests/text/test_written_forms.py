"""How much of a collection of written forms is read right. Whoever wrote the collection did not write the rules.

`written_forms/*.tsv` has lines `kind<TAB>written<TAB>spoken|spoken ...`; the file's name begins with its language.
`*_kinds.tsv` come from whoever wrote the rules: all of them must stay right, and they count for no figure.
Letters count: case, punctuation, hyphens, and the English "and" before a number do not.
"""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from antiphon.text import normalise

FOLDER = Path(__file__).with_name("written_forms")
LEAST = {"en": 0.97, "de": 0.90, "fr": 0.90, "es": 0.90, "it": 0.90}
FEWEST = {"en": 300, "de": 100, "fr": 100, "es": 100, "it": 100}
_NUMBERS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|a half|a quarter|zero|oh"
)
_AND = re.compile(rf"\band (?=(?:{_NUMBERS})\b)")

Form = tuple[str, str, tuple[str, ...]]
"""Kind, as written, ways to say it."""


def letters(text: str, language: str) -> str:
    text = unicodedata.normalize("NFC", text).lower()
    text = " ".join(re.sub(r"[^\w\s]|_", " ", text).split())
    if language == "en":
        text = _AND.sub("", text)
    return text.replace(" ", "")


def collected(*, own: bool = False) -> dict[str, list[Form]]:
    forms: dict[str, list[Form]] = {}
    for path in sorted(path for path in FOLDER.glob("*.tsv") if path.stem.endswith("_kinds") == own):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                kind, written, spoken = line.split("\t")
                forms.setdefault(path.stem[:2], []).append((kind, written, tuple(spoken.split("|"))))
    return forms


FORMS = collected()
KINDS = collected(own=True)


def misread(language: str, forms: list[Form]) -> list[tuple[Form, str]]:
    tag = "en-us" if language == "en" else language
    wrong = []
    for form in forms:
        got = normalise(form[1], tag)
        if letters(got, language) not in {letters(one, language) for one in form[2]}:
            wrong.append((form, got))
    return wrong


@pytest.mark.parametrize("language", sorted(FORMS))
def test_enough_written_forms_are_read_right(language: str) -> None:
    forms = FORMS[language]
    wrong = misread(language, forms)
    right = 1 - len(wrong) / len(forms)
    kinds = Counter(form[0] for form, _ in wrong)
    assert right >= LEAST[language], f"{language}: {right:.1%} of {len(forms)} read right; misread by kind: {kinds}"


@pytest.mark.parametrize("language", sorted(KINDS))
def test_every_kind_that_has_a_rule_stays_right(language: str) -> None:
    assert misread(language, KINDS[language]) == []


@pytest.mark.parametrize("language", sorted(FORMS))
def test_a_collection_is_large_enough_to_say_so(language: str) -> None:
    assert len(FORMS[language]) >= FEWEST[language]
    assert all(form[1] and all(form[2]) for form in FORMS[language])


def test_the_comparison_sees_a_wrong_word() -> None:
    assert letters("Twenty-seven euros AND fifty cents.", "en") == letters("twenty seven euros fifty cents", "en")
    assert letters("and or", "en") != letters("or", "en")
    assert letters("deux cents", "fr") != letters("deux cent", "fr")
