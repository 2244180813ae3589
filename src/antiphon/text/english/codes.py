"""Figures that are told one by one: telephone numbers, codes, flights, rooms; versions by their parts."""

from __future__ import annotations

import re

from antiphon.text.english.rules import Match, Rule, Variety, put, rule
from antiphon.text.numerals import cardinal, digits

_STATES = (
    "AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|"
    "RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|DC"
)
_VERSIONED = (
    "version|Version|release|Release|Python|Java|Ubuntu|Debian|Fedora|macOS|iOS|Android|Windows|Linux|Node|Django|"
    "PHP|Ruby|Rust|Go|HTTP|USB|Bluetooth|Firefox|Chrome|kernel|firmware|update|build|Unicode"
)
_LABELLED = (
    "[Gg]ate|[Uu]nit|[Rr]oom|[Bb]lock|[Bb]uilding|[Ff]lat|[Ll]evel|[Ss]ection|[Ss]eat|[Rr]ow|[Pp]latform|[Tt]erminal|"
    "[Ee]xit|[Aa]partment|[Ss]uite|[Tt]rack|[Ll]ane|[Cc]lass|[Gg]rade|[Ff]igure|[Tt]able|[Aa]ppendix|[Ff]orm|[Tt]ype|"
    "[Pp]art|[Bb]us|[Ll]ine|[Hh]all|[Bb]ay|[Hh]ouse|[Pp]hase|[Ss]tep|[Gg]roup|[Mm]odel"
)
_EMERGENCY = "911|999|112|411|511|711|811|988|311|101|111|000"


def rules(english: Variety) -> tuple[Rule, ...]:
    return (*_telephones(), *_postcodes(), *_numbered(), *_versions(english))


def _telephones() -> tuple[Rule, ...]:
    """Telephone numbers and what follows them."""
    three = r"[0-9]{3}"
    return (
        rule(r"(?<![\w-])(\+[0-9]{1,3}(?:[ .-]?\(?[0-9]{1,5}\)?){2,6}|\+[0-9]{7,15})(?![\w-]|[.,][0-9])", _phone),
        rule(rf"(?<![\w-])((?:1[ .-])?(?:\({three}\)[ -]?|{three}[ ./-]){three}[ .-][0-9]{{4}})(?![\w-])", _phone),
        rule(r"(?<![\w.,:/-])(\(?0[0-9]{2,5}\)?(?:[ /-]?[0-9]{2,8}){1,4})(?![\w-]|[.,:][0-9])", _national),
        rule(
            rf"(?<![\w-])(1-)?({three})-([A-Z]{{4,7}}|[A-Z]{{3}}-[A-Z]{{4}})\b",
            lambda m: f"{'one ' if m[1] else ''}{_area(m[2])} {m[3]}",
        ),
        rule(rf"(?<![\w-])((?:1-)?{three}-[0-9]{{4}})(?![\w-])", _phone),
        rule(r"(?<![\w-])([0-9]{1,18}(?:-[0-9]{1,18}){2,6}(?:-?[Xx])?)(?![\w-])", _phone),
        rule(r"(?<![\w-])([0-9]{4}(?: [0-9]{4}){2,4})(?![\w-]| [0-9])", _phone),
        rule(r"(?<![\w.,:/-])(0[0-9](?:[ .-][0-9]{2}){4})(?![\w-]|[.,:][0-9])", _phone),
        rule(r"(?<![\w.,:/-])(1[38]00 [0-9]{3} [0-9]{3}|13 [0-9]{2} [0-9]{2})(?![\w-]| [0-9]|[.,:][0-9])", _phone),
    )


def _postcodes() -> tuple[Rule, ...]:
    """Postcodes, numbers of parts and accounts."""
    return (
        rule(r"\b([Tt]ext|SMS)((?: \w+)? to)? ([0-9]{5,6})\b", lambda m: f"{m[1]}{m[2] or ''} {digits(m[3])}"),
        rule(r"(?<![\w.,-])([0-9]{5}-[0-9]{4})(?![\w-]|[.,][0-9])", lambda m: digits(m[1])),
        rule(r"(?<=, )([0-9]{5})(?= [A-Z][a-z]+)|(?<=\bD-)([0-9]{5})\b", lambda m: digits(m[0])),
        rule(
            r"\b([Bb]oeing|[Aa]irbus|[Aa]irbus A) ?([0-9]{3})-([0-9]{3})\b",
            lambda m: f"{m[1]} {spoken_pairs(m[2])} {spoken_pairs(m[3])}",
        ),
        rule(r"(?<![\w-])([0-9]{3}/[0-9]{3}-[0-9]{4})(?![\w-])", _phone),
        rule(r"(?<![\w/])24/7/365(?![\w/])", put("twenty-four seven three sixty-five")),
        rule(r"\b(RTX|GTX|RX|[Ff]orm) ([1-9][0-9]{3})\b(?![.,][0-9])", lambda m: f"{m[1]} {spoken_pairs(m[2])}"),
        rule(r"(?<![\w.])([0-9]{1,2})\.x\b", lambda m: f"{cardinal(int(m[1]))} point x"),
        rule(r"(?<![\w])24[x×]7(?!\w)", put("twenty-four seven")),
        rule(r"(?<=[a-z] )\*(?=[0-9]{2}\b)", put("star ")),
        rule(r"\b(7[0-9]7)-([0-9]{3})\b", lambda m: f"{spoken_pairs(m[1])} {spoken_pairs(m[2])}"),
        rule(
            r"\b(Part|Model|Serial|Ref|Reference|Invoice|Order|Card|Account|Acct|Policy|Case|Licen[cs]e|Reg|Registration|"
            r"Phone|Batch|Item|Catalog(?:ue)?|Permit)(\.?) [Nn]o\.(?=:? ?[A-Z0-9#])",
            lambda m: f"{m[1]}{m[2]} number",
        ),
        rule(r"\b([Ee]xt\.?|[Ee]xtension) ?([0-9]{1,6})\b", lambda m: f"extension {digits(m[2])}"),
        rule(r"(?:(?<=[a-z] )(?=x[0-9]{2})|^(?=x[0-9]{3}))x([0-9]{2,5})\b", lambda m: f" extension {digits(m[1])}"),
        rule(
            rf"\b(?:[Cc]all(?:ing|ed)?|[Dd]ial(?:l?ing|l?ed)?|[Pp]hone|[Rr]ing|[Tt]ext)(?: the)? (?:{_EMERGENCY})\b"
            rf"(?:(?:,? or |,? and |, )(?:{_EMERGENCY})\b)*",
            lambda m: re.sub(r"[0-9]+", lambda number: digits(number[0]), m[0]),
        ),
        rule(r"\b(911)(?= (?:call|operator|dispatch|emergency))", lambda m: digits(m[1])),
        rule(
            rf"\b({_STATES}),? ([0-9]{{5}})(?:-([0-9]{{4}}))?\b(?![.,][0-9])",
            lambda m: f"{m[1]} {digits(m[2])}{' ' + digits(m[3]) if m[3] else ''}",
        ),
    )


def _numbered() -> tuple[Rule, ...]:
    """What is called by its number: flights, rooms, houses, plans."""
    return (
        rule(
            r"\b((?:PIN|pin|code|Code|[Pp]ostcode|[Pp]ostal code|[Aa]rea code|ZIP|zip|ZIP code|password|"
            r"passcode|account|Account|Acct|acct|SKU|ID|[Bb]ooking|[Tt]icket|[Rr]eference|Ref|ref|serial|tracking|"
            r"confirmation|order|Order|case|Case)(?: (?:code|number|no\.|is|was|No\.))?:? "
            r"#?)([0-9]{4,})\b(?![.,:/-][0-9])",
            lambda m: f"{m[1]}{digits(m[2])}",
        ),
        rule(r"\b(50[13])\(([cd])\)\(([0-9]+)\)", lambda m: f"{spoken_pairs(m[1])} {m[2].upper()} {m[3]}"),
        rule(r"\b(40[13]|457|529|501|503)\((k|b|c)\)", lambda m: f"{spoken_pairs(m[1])} {m[2].upper()} "),
        rule(
            r"\b(ending(?: in| with)?|ends in|last four(?: digits)?(?: are| is)?:?) ([0-9]{4})\b",
            lambda m: f"{m[1]} {digits(m[2])}",
        ),
        rule(r"\b(ISBN(?:-1[03])?:?) ([0-9]{9,13}X?)\b", lambda m: f"{m[1]} {_phone_group(m[2])}"),
        rule(
            r"\b([Ff]light|[Tt]rain) ([A-Z]{2}) ?([0-9]{1,4})\b",
            lambda m: f"{m[1]} {m[2][0]} {m[2][1]} {spoken_pairs(m[3])}",
        ),
        rule(
            r"\b([Ff]light|[Rr]oom|[Bb]oeing|[Rr]oute|[Hh]ighway|[Ii]nterstate|[Ss]uite|[Bb]us|[Tt]rain|"
            r"[Pp]orsche|[Pp]eugeot|Highway|US|Airbus A|CS|Levi's|Area)[ "
            r"-]?([1-9][0-9]{2})([A-Z]?)\b(?![.,:/-][0-9])",
            lambda m: f"{m[1]} {spoken_pairs(m[2])} {m[3]}".rstrip(),
        ),
        rule(
            r"(?<![\w.,])([1-9][0-9]{2})([A-Z]?) (?=[A-Z][a-z]+ (?:[A-Z][a-z]+ )?(?:St|Street|Ave|Avenue|Rd|"
            r"Road|Blvd|Boulevard|Dr|Drive|Ln|Lane|Ct|Court|Pl|Place|Way|Hwy|Terrace)\b)",
            lambda m: f"{spoken_pairs(m[1])} {m[2]} ".replace("  ", " "),
        ),
        # What is told apart by a letter, before the letter looks like a unit.
        rule(rf"\b({_LABELLED}) ([0-9]{{1,4}})([A-Z])\b", lambda m: f"{m[1]} {spoken_pairs(m[2])} {m[3]}"),
        rule(r"\b802\.([0-9]{1,2})(?=[a-z]{0,2}\b)", lambda m: f"eight oh two point {cardinal(int(m[1]))} "),
    )


def _versions(english: Variety) -> tuple[Rule, ...]:
    """Versions by their parts."""
    return (
        # Versions.
        rule(
            r"\bv(?:er(?:sion)?\.?)? ?([0-9]{1,5}(?:\.[0-9]{1,6})+)([a-z]{0,5}[0-9]*)?\b",
            lambda m: f"version {_dotted(english, m[1])} {m[2]}".rstrip(),
        ),
        rule(
            rf"\b({_VERSIONED}) ([0-9]{{1,5}}(?:\.[0-9]{{1,6}}){{1,5}})(?![\w]|\.[0-9])",
            lambda m: f"{m[1]} {_dotted(english, m[2])}",
        ),
        rule(
            r"(?<![0-9.])([0-9]{1,3}(?:\.[0-9]{3}){2,5})(?![\w.])",
            lambda m: english.cardinal(int(m[1].replace(".", ""))),
        ),
        rule(r"(?<![0-9.])([0-9]+(?:\.[0-9]+){2,7})(?![\w])", lambda m: _dotted(english, m[1])),
    )


def spoken_pairs(written: str) -> str:
    """`747` -> seven forty-seven, `101` -> one oh one, `1234` -> twelve thirty-four, `200` -> two hundred."""
    number = int(written)
    first, rest = divmod(number, 100)
    if len(written) < 3 or (rest == 0 and first % 10 == 0):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(first)} hundred"
    return f"{cardinal(first)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _dotted(english: Variety, written: str) -> str:
    def part(figures: str) -> str:
        return digits(figures) if len(figures) > 1 and figures[0] == "0" else english.number(figures)

    return " point ".join(part(figures) for figures in written.split("."))


def _phone_group(written: str) -> str:
    return digits(written.rstrip("Xx")) + (" X" if written[-1] in "Xx" else "")


def _phone(found: Match) -> str:
    plus = "plus " if found[1].startswith("+") else ""
    if len(re.findall(r"[0-9]", found[1])) < 5 and not plus and "-" not in found[1]:
        return found[0]
    written = re.findall(r"[0-9]+", found[1])
    if not plus and all(len(group) < 3 for group in written) and any(len(group) == 1 for group in written):
        return ", ".join(cardinal(int(group)) for group in written)  # a record of wins, a formation
    groups = [digits(group) for group in re.findall(r"[0-9]+", found[1])]
    return plus + ", ".join(groups) + (", X" if found[1][-1] in "Xx" else "")


def _national(found: Match) -> str:
    """A number with its area code: at least eight figures, else something else with a zero in front."""
    figures = re.sub(r"[^0-9]", "", found[1])
    parted = re.search(r"[ /()-]", found[1])
    if not 8 <= len(figures) <= 13 or (len(figures) < 10 and not parted):
        return found[0]
    return _phone(found)


def _area(written: str) -> str:
    return f"{cardinal(int(written[0]))} hundred" if written[1:] == "00" else digits(written)
