"""Times of day, spans of them, durations."""

from __future__ import annotations

import re

from antiphon.text.english.rules import LEFT, Match, Rule, count, rule
from antiphon.text.numerals import cardinal, digits

_HALF = r"(?:[ap]\.m\.|[ap]m\b|[ap]\.m\b)"
_LASTING = re.compile(r"\b(?:in|took|of|lasts?|lasted|for|after|time|ran|duration|record|finished):? $", re.I)
_POINT = r"[0-9]{1,2}(?:[:.][0-5][0-9])?"


def rules() -> tuple[Rule, ...]:
    half = r"(?P<half>[ap])(?:\.m\.?|m\b)"
    return (
        rule(
            rf"{LEFT}({_POINT}) ?({_HALF})? ?(?:-|to|until) ?(?={_POINT} ?(?:{_HALF}|noon\b|midnight\b))", _span, re.I
        ),
        rule(
            r"(?<![\w:.,])([0-2]?[0-9]:[0-5][0-9])(?: ?- ?| to )(?=[0-2]?[0-9]:[0-5][0-9](?![\w:]))",
            lambda m: f"{m[1]} to ",
        ),
        rule(
            r"\b(GMT|UTC) ?([-+]) ?([0-9]{1,2})(?::?([0-9]{2}))?(?![\w:])",
            lambda m: f"{m[1]} {'plus' if m[2] == '+' else 'minus'} {cardinal(int(m[3]))}{minutes(m[4] or '')}",
        ),
        rule(r"\b(noon|midnight)(?: ?- ?)(?=[0-9])", lambda m: f"{m[1]} to "),
        rule(r"(?<=[0-9ap.])(m\.?) ?- ?(?=noon\b|midnight\b)", lambda m: f"{m[1]} to "),
        rule(r"(?<![\w.,])([0-9]{1,3}) ?d(?= [0-9]{1,2} ?h)", lambda m: count(int(m[1]), "day")),
        rule(
            rf"{LEFT}(?P<hour>[01]?[0-9])[:.](?P<minute>[0-5][0-9])(?::(?P<second>[0-5][0-9]))? ?{half}",
            _half_day,
            re.I,
        ),
        rule(rf"{LEFT}(?P<hour>[01]?[0-9])(?P<minute>)(?P<second>)(?![0-9]) ?{half}", _half_day, re.I),
        rule(
            r"(?<![\w:.,])([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?(?:Z\b| ?h(?:rs)?\b)?(?![\w:]|[.,][0-9])",
            _clock,
        ),
        rule(r"(?<![\w:.,])([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))?\.([0-9]{1,3})(?![\w:])", _measured),
        rule(r"(?<![\w:.,])([01][0-9]|2[0-3])([0-5][0-9])(?: ?h(?:ou)?rs\b| hours\b|h\b)", _military),
        rule(
            r"(?<![\w:.,])([01][0-9]|2[0-3])([0-5][0-9])(?= (?:GMT|UTC|EST|EDT|PST|PDT|CET|CEST|BST|local time)\b)",
            lambda m: _military(m).removesuffix(" hours"),
        ),
        rule(
            r"(?<![\w.,])([0-9]{1,3}) ?h ?([0-5]?[0-9]) ?(?:m(?:in)?\b\.?)?(?: ?([0-5]?[0-9]) ?s(?:ec)?\b)?(?!\w)",
            _duration,
        ),
        rule(
            r"(?<![\w.,])([0-9]{1,3}) ?m(?:in)? ?([0-5]?[0-9]) ?s(?:ec)?\b",
            lambda m: f"{count(int(m[1]), 'minute')} {count(int(m[2]), 'second')}",
        ),
    )


def minutes(written: str) -> str:
    """What follows the hour: nothing, " oh five" or " thirty"."""
    if not written or written == "00":
        return ""
    return f" oh {cardinal(int(written))}" if written[0] == "0" else f" {cardinal(int(written))}"


def _span(found: Match) -> str:
    """The dash of a span becomes "to"; its first point is read here where it has no half of its own."""
    if found[2]:
        return f"{found[1]} {found[2]} to "
    hour, _, minute = found[1].replace(".", ":").partition(":")
    return f"{cardinal(int(hour))}{minutes(minute)} to " if int(hour) <= 24 else found[0]


def _half_day(found: Match) -> str:
    # The last dot of "p.m." may end the sentence too.
    after = found.string[found.end() :]
    stop = "." if found[0].endswith(".") and re.match(r"\s*$|\s+[^\W\d_a-z]", after[:64]) else ""
    seconds = f" and {count(int(found['second']), 'second')}" if found["second"] else ""
    half = found["half"].upper()
    return f"{cardinal(int(found['hour']))}{minutes(found['minute'])}{seconds} {half}M{stop}"


def _clock(found: Match) -> str:
    hour = int(found[1])
    if found[3] and _LASTING.search(found.string[max(0, found.start() - 24) : found.start()]):
        return f"{count(hour, 'hour')} {count(int(found[2]), 'minute')} and {count(int(found[3]), 'second')}"
    spoken = cardinal(hour % 24 or 12) if hour in {0, 24} else cardinal(hour)
    night = " AM" if hour in {0, 24} else ""
    if found[3]:
        seconds = f" and {count(int(found[3]), 'second')}" if int(found[3]) else ""
        return f"{spoken}{minutes(found[2]) or ' zero zero'}{seconds}{night}"
    if found[2] == "00" and not night:
        return f"{spoken} o'clock" if 1 <= hour <= 12 else f"{spoken} hundred hours"
    return f"{spoken}{minutes(found[2])}{night}"


def _measured(found: Match) -> str:
    parts = [found[1], found[2]] + ([found[3]] if found[3] else [])
    names = ("hour", "minute", "second")[-len(parts) :]
    said = [count(int(part), name) for part, name in zip(parts[:-1], names[:-1], strict=True) if int(part)]
    said.append(f"{cardinal(int(parts[-1]))} point {digits(found[4])} seconds")
    return " ".join(said)


def _military(found: Match) -> str:
    hour = f"oh {cardinal(int(found[1]))}" if found[1][0] == "0" and found[1] != "00" else cardinal(int(found[1]))
    return f"{hour} {'hundred' if found[2] == '00' else minutes(found[2]).strip()} hours"


def _duration(found: Match) -> str:
    said = [count(int(found[1]), "hour"), count(int(found[2]), "minute")]
    if found[3]:
        said.append(count(int(found[3]), "second"))
    return " ".join(said)
