"""Places in books: scripture by chapter and verse, statutes by section, cases, pages."""

from __future__ import annotations

import re

from antiphon.text.english import tables
from antiphon.text.english.rules import Match, Rule, alternatives, put, rule
from antiphon.text.numerals import cardinal, ordinal, roman

_BOOK = alternatives((*tables.BOOKS, *tables.SHORT_BOOKS))


def rules() -> tuple[Rule, ...]:
    return (*_scripture(), *_law())


def _scripture() -> tuple[Rule, ...]:
    """Books of scripture by chapter and verse."""

    def verses(found: Match) -> str:
        number = f"{ordinal(int(found['nth'])).capitalize()} " if found["nth"] else ""
        book = tables.SHORT_BOOKS.get(found["book"], found["book"])
        said = f"{number}{book} {cardinal(int(found['chapter']))}, {_list(found['verses'])}"
        if found["chapter2"]:
            said += f" to {cardinal(int(found['chapter2']))}, {cardinal(int(found['verse2']))}"
        return said

    return (
        rule(
            rf"\b(?:(?P<nth>[1-3]) )?(?P<book>{_BOOK})\.? (?P<chapter>[0-9]{{1,3}}):(?P<verses>[0-9]{{1,3}}[a-c]?"
            r"(?:(?: ?- ?|, ?)[0-9]{1,3}(?![0-9:]| [A-Z]))*)(?: ?- ?(?P<chapter2>[0-9]{1,3}):(?P<verse2>[0-9]{1,3}))?",
            verses,
        ),
        rule(
            rf"\b([1-3]) (?=(?:{alternatives(tables.NUMBERED_BOOKS)})\b)",
            lambda m: f"{ordinal(int(m[1])).capitalize()} ",
        ),
        rule(
            r"\b([Cc]hapter|[Vv]erse|[Ss]urah) ([0-9]{1,3}):([0-9]{1,3})",
            lambda m: f"{m[1]} {cardinal(int(m[2]))}, {cardinal(int(m[3]))}",
        ),
    )


def _law() -> tuple[Rule, ...]:
    """Statutes, cases and sections."""
    return (
        rule(r"\bCir\.(?=,? [12][0-9]{3})", put("Circuit")),
        rule(
            r"(?<![\w.,])([0-9]{1,4}) F\. ?(2d|3d|4th) (?=[0-9])",
            lambda m: f"{cardinal(int(m[1]))} F {ordinal(int(m[2][0]))} ",
        ),
        rule(r"\bPs\. ?(?=[0-9])", put("Psalm ")),
        rule(
            r"\b(Gen|Exod|Lev|Deut|Isa|Jer|Rom|Matt|Rev)\. (?=[0-9]{1,3}\b(?!\w| [A-Z]))",
            lambda m: f"{tables.SHORT_BOOKS[m[1]]} ",
        ),
        rule(
            r"(?<![\w/])([2-9]|12)/(2|4|8|16)(?= time\b| meter\b| metre\b| bar\b| signature\b)",
            lambda m: f"{cardinal(int(m[1]))} {cardinal(int(m[2]))}",
        ),
        rule(r"\b([A-Z][\w.]*) v\. (?=[A-Z])", lambda m: f"{m[1]} versus "),
        rule(r"§§ ?", put("sections ")),
        rule(r"§ ?", put("section ")),
        rule(r"¶¶ ?", put("paragraphs ")),
        rule(r"¶ ?(?=[0-9])", put("paragraph ")),
        rule(
            r"\b([0-9]{1,3}) (U\.? ?S\.? ?C\.?|C\.? ?F\.? ?R\.?|U\.S\.)(?= (?:[0-9]|section|§))",
            lambda m: f"{cardinal(int(m[1]))} {' '.join(re.findall('[A-Z]', m[2]))}",
        ),
        rule(
            r"\b((?:[Ss]ections?|[Aa]rticles?|[Rr]ules?|[Pp]aragraphs?|[Cc]lauses?|[Ss]ec\.|[Aa]rt\.|[Pp]ara\.|"
            r"[Cc]l\.) )"
            r"([0-9]{1,4}(?:\.[0-9]{1,3})*)((?:\([0-9a-zA-Z]{1,4}\))+)",
            lambda m: (
                f"{_label(m[1])}{m[2] if '.' in m[2] else cardinal(int(m[2]))} "
                f"{' '.join(_sub(one) for one in re.findall(r'[0-9a-zA-Z]+', m[3]))}"
            ),
        ),
        rule(r"(?<=[0-9])f{1,2}\.(?=[\s,;)]|$)", put(" and following")),
    )


def _label(written: str) -> str:
    return tables.NUMBERED.get(written.rstrip(" ."), written.rstrip()) + " "


def _list(written: str) -> str:
    said = re.sub(r" ?- ?", " to ", written)
    return re.sub(r"[0-9]+", lambda m: cardinal(int(m[0])) + " ", said).replace(" ,", ",").strip()


def _sub(mark: str) -> str:
    value = roman(mark.upper()) if len(mark) > 1 and set(mark) <= set("ivx") else None
    return cardinal(value) if value else mark.upper() if mark.isalpha() else mark
