"""A rule that cannot match is not tried, and no rule that can is left out."""

import re
from pathlib import Path

import pytest

from antiphon.text.english import _rules as english_rules
from antiphon.text.languages import _language
from antiphon.text.languages.rules import _rules as other_rules
from antiphon.text.rewriting import Rewriter, needs

FORMS = sorted(Path(__file__).with_name("written_forms").glob("*.tsv"))


@pytest.mark.parametrize(
    ("pattern", "flags", "wanted"),
    [
        (r"[0-9]+ ?%", 0, {frozenset("0123456789"), frozenset("%")}),
        (r"a|b", 0, {frozenset("ab")}),
        (r"(?:a|[0-9])?x*", 0, set()),
        (r"(?<=[0-9]) ?km", re.IGNORECASE, {frozenset("0123456789")}),
        (r"(?i:km)/h", 0, {frozenset("/"), frozenset("h")}),
        (r"(?!%)\w", 0, set()),
        (r"[^%]", 0, set()),
    ],
)
def test_needs_are_what_every_match_holds(pattern: str, flags: int, wanted: set[frozenset[str]]) -> None:
    assert set(needs(re.compile(pattern, flags))) == wanted


def test_rules_see_what_earlier_rules_wrote() -> None:
    rewrite = Rewriter([(re.compile("one"), lambda _: "1"), (re.compile("[0-9]"), lambda m: f"<{m[0]}>")])
    assert rewrite("one") == "<1>"
    assert rewrite("none of it but two") == "n<1> of it but two"


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_no_rule_that_matches_is_passed_over(path: Path) -> None:
    language = _language(path.stem[:2], "")
    rewriter = english_rules(False) if language is None else other_rules(language)
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.split("\t")[1] if "\t" in line else line
        held = set(text)
        for pattern, _, needed in rewriter._rules:
            if any(held.isdisjoint(one) for one in needed):
                assert not pattern.search(text), (pattern.pattern, text)
