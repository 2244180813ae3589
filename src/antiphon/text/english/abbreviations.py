"""Short words with and without a dot: titles, streets, companies, Latin, months alone, letters for words."""

from __future__ import annotations

import re

from antiphon.text.english import tables
from antiphon.text.english.rules import Match, Rule, alternatives, put, rule, stop
from antiphon.text.numerals import cardinal


def rules() -> tuple[Rule, ...]:
    return (*_titles_and_streets(), *_books_and_compass(), *_slashes())


def _titles_and_streets() -> tuple[Rule, ...]:
    """Doctors and drives, saints and streets."""
    titles = alternatives(tables.TITLES)
    street = alternatives(tables.STREETS)
    return (
        rule(r"\bDr\. ?(?=[^\W\d_a-z])(?!(?:Apt|Suite|Ste)\b)(?<!Drive )", _doctor),
        rule(r"\bDr (?=[A-Z][a-z])", put("Doctor ")),
        rule(r"\bSt\. ?(?=[^\W\d_a-z][a-z])", _saint),
        rule(
            r"\bSt (?=(?:John|Paul|Peter|Mary|James|George|Patrick|Andrew|Louis|Francis|Thomas|Petersburg|"
            r"Nicholas|Helens?|Albans|Ives|Moritz)\b)",
            put("Saint "),
        ),
        rule(
            rf"\b([A-Z][a-z]+|[0-9]+(?:st|nd|rd|th)|[A-Z]) ({street})(?:\.|\b(?=,|$| (?:and|in|at|on|to|is|NW|"
            rf"NE|SW|SE|N|S|E|W)\b))",
            lambda m: f"{m[1]} {tables.STREETS[m[2]]}{stop(m) if m[0].endswith('.') else ''}",
        ),
        rule(r"\bSt (?=[A-Z][a-z]+)", _saint),
        rule(r"\bp\.a\.", lambda m: "per annum" + stop(m)),
        rule(r"(?<=[0-9](?:st|nd|rd|th)) fl\.", lambda m: " floor" + stop(m)),
        rule(rf"\b({titles})\. ?(?=[^\W\d_])", lambda m: tables.TITLES[m[1]] + " "),
    )


def _books_and_compass() -> tuple[Rule, ...]:
    """Places in books, points of the compass, degrees."""
    shorts = alternatives(tables.SHORT_WORDS)
    numbered = alternatives(tables.NUMBERED)
    return (
        rule(r"\b(Mr|Mrs|Ms) (?=[A-Z])", lambda m: tables.TITLES[m[1]] + " "),
        rule(rf"(?<![\w.])({numbered})\. ?(?=[0-9]|[IVX]+\b)", lambda m: tables.NUMBERED[m[1]] + " "),
        rule(r"(?<![\w.])pp (?=[0-9]+)", put("pages ")),
        rule(r"\b(Eqs?|Figs?)\. ?(?=\()", lambda m: tables.NUMBERED.get(m[1], "equations") + " "),
        rule(r"\bPt\. (?=[A-Z][a-z])", put("Point ")),
        rule(
            r"(?<![\w.])([NSEW])\. (?=(?:[A-Z][a-z]+|[0-9]+(?:st|nd|rd|th)) (?:St|Ave|Blvd|Rd|Dr|Street|Avenue|"
            r"Road)\b)",
            _compass,
        ),
        rule(
            r"(?<=[0-9a-z] )([NSEW]) (?=(?:[A-Z][a-z]+|[0-9]+(?:st|nd|rd|th)) (?:St|Ave|Blvd|Rd|Dr|Street|"
            r"Avenue|Road)\b)",
            _compass,
        ),
        rule(r"\bMax\. (?=[a-z])", put("Maximum ")),
        rule(r"\bmin\.(?= [a-z])(?<![0-9] min\.)", put("minimum")),
        rule(rf"(?<![\w.])({shorts})\.(?!\w)", _short_word),
        rule(
            r"\b(Ph\. ?D|M\. ?D|B\. ?A|B\. ?Sc|M\. ?A|M\. ?Sc|D\. ?C)\.", lambda m: re.sub(r"[. ]", "", m[1]) + stop(m)
        ),
        rule(r"(?<![\w.])([A-Z])\. (?=[A-Z][a-z]+\b|[A-Z]\. )", _initial),
    )


def _slashes() -> tuple[Rule, ...]:
    """Letters with a slash, chats, wars, what was made unreadable."""
    return (
        rule(r"\bvs\b\.?(?= [a-zA-Z])|\bvs\b", put("versus")),
        rule(r"(?<![\w/])w/o\b", put("without")),
        rule(rf"(?<![\w/])({alternatives(tables.SLASHED)})(?![\w/])", lambda m: tables.SLASHED[m[1]]),
        rule(r"(?<=[a-z] )pp\b(?! [0-9])", put("per person")),
        rule(rf"(?<![\w.])({alternatives(tables.CHAT)})(?!\w)", lambda m: tables.CHAT[m[1]]),
        rule(r"(?<![\w.])b4(?= (?:i|you|u|we|the|he|she|they|it|my|your|class|work|dinner|lunch)\b)", put("before")),
        rule(r"\bMk\.? ?(?=[IVX0-9]+\b)", put("Mark ")),
        rule(
            r"(?<![\w.])(p|pp|ch|Ch|chap|sc)\. ?(?=[ivxl]{1,7}\b)", lambda m: tables.NUMBERED.get(m[1], "scene") + " "
        ),
        rule(r"(?<![\w/])w/e\b", put("whatever")),
        rule(r"(?<![\w/])w/(?: ?(?=\w)|(?!\w))", put("with ")),
        rule(r"(?<![\w/])b/c\b", put("because")),
        rule(r"(?<![\w/])c/o\b", put("care of")),
        rule(r"(?<![\w/])[nN]/[aA]\b", put("N A")),
        rule(r"(?<![\w/])s/he\b", put("she or he")),
        rule(r"\b([Aa]nd|[Ee]ither)/or\b", lambda m: f"{m[1]} or"),
        rule(rf"\b({alternatives(tables.PAIRED)})\b", lambda m: m[0].replace("/", " or "), re.I),
        rule(r"(?<![\w.,])([0-9]{1,2}) A\*(s?)(?![\w*])", lambda m: f"{cardinal(int(m[1]))} A star{m[2]}"),
        rule(r"(?<![\w*])A\*(s?)(?![\w*])", lambda m: f"A star{m[1]}"),
        rule(r"\bWWII\b|\bWW2\b", put("World War two")),
        rule(r"\bWWI\b|\bWW1\b", put("World War one")),
        rule(r"\bQ&A\b", put("Q and A")),
        rule(r"\bCtrl\b", put("control")),
        rule(
            r"\b([A-Za-z]*[a-zA-Z])\*{2,}[a-zA-Z]*(?<!\*\*\*\*\*\*\*\*)(?![\w*])|\b[a-zA-Z]{1,2}\*[a-zA-Z]{1,4}\b",
            _censored,
        ),
        rule(r"(?<![\w)\]])[:;]-?[)(DP](?![\w(])", put(" ")),
    )


def _compass(found: Match) -> str:
    return {"N": "North ", "S": "South ", "E": "East ", "W": "West "}[found[1]]


def _doctor(found: Match) -> str:
    before = found.string[max(0, found.start() - 40) : found.start()]
    # "1200 Park Dr. Springfield": a street, when a number and a name stand before it.
    return "Drive. " if re.search(r"[0-9]+[A-Z]? (?:[A-Z][a-z]+ )+$", before) else "Doctor "


def _saint(found: Match) -> str:
    before = found.string[max(0, found.start() - 40) : found.start()]
    if found[0].startswith("St "):
        return "Street " if re.search(r"[A-Z0-9]\w* $", before) else "Saint "
    return "Street. " if re.search(r"(?:[0-9]+[A-Z]? (?:[A-Z][a-z]+ )+|[0-9](?:st|nd|rd|th) )$", before) else "Saint "


def _short_word(found: Match) -> str:
    ends = "" if found[1] in tables.NEVER_LAST else stop(found)
    return tables.SHORT_WORDS[found[1]] + ends


def _initial(found: Match) -> str:
    """`J. Smith` without the dot, unless a sentence ends with the letter."""
    following = re.match(r"[A-Za-z]+", found.string[found.end() :])
    if found[1] == "I" or (following and following[0].lower() in tables.STARTERS):
        return found[0]
    return f"{found[1]} "


def _censored(found: Match) -> str:
    return "bleep" if found[0][-1] == "*" or found[0].count("*") else found[0]
