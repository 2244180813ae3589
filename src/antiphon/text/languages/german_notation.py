"""How German writes days, names, amounts, centuries and durations: rules before those of dates and numbers."""

from __future__ import annotations

import re
from collections.abc import Callable

from antiphon.text.languages import german_words
from antiphon.text.languages.german_forms import ending_after, strong_ending
from antiphon.text.languages.grammar import Language, word_before
from antiphon.text.numerals import roman

Match = re.Match[str]
Rule = tuple[str, Callable[[Match], str]]


def rules(german: Language) -> tuple[Rule, ...]:
    """Before dates."""
    return (
        *_short_days(german),
        *_lives_and_names(german),
        *_amounts(german),
        *_centuries(german),
        *_durations(german),
    )


def _short_days(german: Language) -> tuple[Rule, ...]:
    """Days of the week by two letters, spans of days in figures."""
    day = "|".join(name.capitalize() for name in german.weekdays)
    return (
        (
            rf"(?<![\w.–-])(?:{day})\b\.?(?:(?:/|, | und | u\. | & |\+)(?:{day})\b\.?(?! ?[-–]))+(?!\w)",
            lambda m: re.sub(
                rf"({day})\b\.?", lambda d: german.weekdays[d[1].lower()], re.sub(r"/|\+| & | u\. ", " und ", m[0])
            ),
        ),
        (
            (
                rf"(?<![\w.–-])({day})\b\.?(?= (?:[0-9]{{1,2}}(?:[-–:.][0-9]|"
                rf" ?Uhr)|geschlossen|Ruhetag|ab [0-9]))"
            ),
            lambda m: german.weekdays[m[1].lower()],
        ),
        (
            rf"\b([Vv]on) ({day})\.? bis ({day})\b\.?",
            lambda m: f"{m[1]} {german.weekdays[m[2].lower()]} bis {german.weekdays[m[3].lower()]}",
        ),
        (
            r"(?<![\w.,:/-])([0-3]?[0-9])\.( ?[-–] ?|/)(?=[0-3]?[0-9]\.[01]?[0-9]\.)",
            lambda m: f"{german.span_day(int(m[1]), word_before(m))}{' ' if m[2] == '/' else ' bis '}",
        ),
    )


def _lives_and_names(german: Language) -> tuple[Rule, ...]:
    """Dates of lives, names with `v.`, files of courts, times of music."""
    return (
        (r"\b((?i:den|die|der) )S\. ?(?=[0-9])", lambda m: f"{m[1]}Seiten "),
        (
            r"\b((?i:den|die|der|zu) )Nr\. ?(?=[0-9]{1,4}[a-z]? ?(?:[-–]|und|bis|,) ?[0-9])",
            lambda m: f"{m[1]}Nummern ",
        ),
        (
            r"\b((?i:den|die|der|zu) )Abb\. ?(?=[0-9]{1,3} ?(?:[-–]|und|bis|,) ?[0-9])",
            lambda m: f"{m[1]}Abbildungen ",
        ),
        (r"(?<=[0-9]) ?Rp\.", lambda _: " Rappen"),
        (r"(?<=[0-9])-Std\.-", lambda _: " Stunden-"),
        (
            r"(?<![\w/])([2-9]|12)/([248]|16)-?(?=[Tt]akt)",
            lambda m: f"{german.cardinal(int(m[1]))} {german_words.NOTES[m[2]]}",
        ),
        (
            r"(?<!\w)([*†]) ?(?=(?:um |ca\. )?(?:[0-3]?[0-9]\. ?(?:[^\W\d_]+|[01]?[0-9]\.) ?)?[0-9]{3,4}\b)",
            _life,
        ),
        (
            (
                r"(?<![\w.–-])(Mo|Di|Mi|Do|Fr|Sa|So)\.(?= [0-9]{1,2}(?:[-–:.][0-9]{1,2}| ?Uhr| bis |h\b)| und "
                r"(?:Mo|Di|Mi|Do|Fr|Sa|So)\.)|"
                r"(?<=\()(Mo|Di|Mi|Do|Fr|Sa|So)\.(?=\))"
            ),
            lambda m: german.weekdays[m[0][:2].lower()],
        ),
        (r"(?<![\w.])v\. (?!Chr)(?=(?:[A-ZÄÖÜ]\. )?[A-ZÄÖÜ][a-zäöüß])", lambda _: "von "),
        (r"(?<![\w.])v\. (?=[0-3]?[0-9]\. ?[0-9A-Z])", lambda _: "vom "),
        (r"\b((?:u\.|und|Hr\.|Herr) )Fr\. (?=[A-ZÄÖÜ][a-zäöüß]+)", lambda m: f"{m[1]}Frau "),
        (r"(?<=[\w.] )u\. (?=[A-ZÄÖÜa-zäöüß0-9])(?!u\. (?:a|ä|Ä|U|v|s|E|A|dgl)\b)", lambda _: "und "),
        (
            r"\b((?:ZR|StR|ZB|AZR|BvR|BvF|BvL|SR|Drs\.|Az\.:?|Nr\.) ?)([0-9]{1,5})/([0-9]{2,5})(?!\w)",
            lambda m: f"{m[1]}{m[2]} Schrägstrich {m[3]}",
        ),
    )


def _amounts(german: Language) -> tuple[Rule, ...]:
    """Numbers whose form the next noun or sign decides."""
    return (
        (r"(?<![\w/])08/15\b", lambda _: "null acht fünfzehn"),
        (
            r"(?<![\w/.,])([0-9]{1,2}) 1/2-?(?=fach|stündig|jährig|mal)",
            lambda m: f"{german.cardinal(int(m[1]), 'n')}einhalb",
        ),
        (
            (
                r"(?<![\w.,:/-])(?<!Seite )(?<!Seiten )1 ?[-–] ?([2-9]|"
                r"10)(?= [A-ZÄÖÜ][a-zäöüß]| ?(?:kg|g|l|ml|"
                r"cm|m|km|EL|TL|h|Std|Min|%|€))"
            ),
            lambda m: f"ein bis {m[1]}",
        ),
        (
            (
                rf"\b((?i:am|vom|zum|bis|ab) (?:{'|'.join(german.weekdays.values())}), )([0-3]?[0-9])\. "
                rf"(?={'|'.join(german_words.MONTHS)})"
            ),
            lambda m: f"{m[1]}{german.ordinal(int(m[2]), 'en')} ",
        ),
        (r"(?<!\w)Fr\. ?(?=[0-9]{1,4}(?:\.[0-9]{3})*(?:\.(?:[0-9]{2}(?![0-9])|-)|,-))", lambda _: "CHF "),
        (r"(?<=[0-9]) ?T€", lambda _: " Tsd. €"),
        (r"(?<=[0-9])-?([€$£])-(?=[A-ZÄÖÜ])", lambda m: f" {german.signs[m[1]]} "),
    )


def _centuries(german: Language) -> tuple[Rule, ...]:
    """Centuries, sentences of statutes, two ordinals side by side."""
    before = "|".join(
        sorted(german_words.DATIVE | german_words.NOMINATIVE | german_words.ALONE_DATIVE, key=len, reverse=True)
    )
    owned = "|".join(f"{stem}(?:e[nmrs]?)?" for stem in sorted(german_words.ARTICLES))
    return (
        (
            (
                r"(?<!\w)([IVX]{1,6})\. (?=Weltkrieg|Jahrhundert|Jh|Quartal|"
                r"Kapitel|Reich|Vatikan|Akt\b|Korps|Armee)"
            ),
            lambda m: f"{n}. " if (n := roman(m[1])) else m[0],
        ),
        (r"\b((?:Abs\.|Absatz) ?[0-9]{1,2}[a-z]? )S\. ?(?=[0-9])", lambda m: f"{m[1]}Satz "),
        (r"\b(des [0-9]{1,2}\. )(?:Jh|Jhd|Jhdt)\.", lambda m: f"{m[1]}Jahrhunderts"),
        (r"(?<=[0-9]\. )(?:Jh|Jhd|Jhdt)\.(?= [vn]\.| [a-zäöü(]|[,;:)])", lambda _: "Jahrhundert"),
        (r"(?<=[0-9]\. )(?:Jh|Jhd|Jhdt)\.$", lambda _: "Jahrhundert."),
        (
            (
                rf"\b((?i:{before}|{owned}) )([0-9]{{1,3}})\.(/|, | und "
                rf"| oder | bis | bis zum |[-–])([0-9]{{1,"
                rf"3}})\. (?=[^\W\d])"
            ),
            lambda m: _two_ordinals(german, m),
        ),
        (
            (
                r"(?<![\w.,:/-])([0-9]{1,2})\.(/| und | oder )([0-9]{1,2})\. (?=(Jahrhundert|Jh|Klasse|Stock|"
                r"Etage)\w*)"
            ),
            lambda m: f"{german.ordinal(int(m[1]), strong_ending('', m[4]))} {m[2].strip(' /')} {m[3]}. ",
        ),
    )


def _durations(german: Language) -> tuple[Rule, ...]:
    """Durations, and one of something after a preposition."""
    small = "jahre?s?|monate?n?|woche|tag|stunde|minute|sekunde|euro|cent"
    return (
        (
            r"(?<![\w.,:])([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9]))? ?(?:Std\.|Stunden\b)",
            lambda m: _lasting(german, int(m[1]), int(m[2]), int(m[3] or 0)),
        ),
        (
            r"(?<![\w.,:])([0-9]{1,3}):([0-5][0-9]) ?(?:Min\.|Minuten\b)",
            lambda m: _lasting(german, 0, int(m[1]), int(m[2])),
        ),
        (
            (
                rf"\b((?i:mit|von|nach|seit|aus|bei|zu|vor|in|ab|unter|binnen|innerhalb von)) 1 (?=({small}|"
                rf"[A-ZÄÖÜ][a-zäöüß]+)\b|€)"
            ),
            lambda m: _one_of(german, m),
        ),
        (
            (
                r"\b((?i:für|ohne|gegen|durch|kostet|kosten|zahlte|zahlt|bezahlte|hat|habe|haben|hatte|nimm|"
                r"brauche|"
                r"braucht|brauchen|gibt|pro|um|je|über|nehmen|nehme|nimmt|"
                r"trinke|trinken|trinkt|benötigen|benötigt|"
                r"kaufe|kaufen|kauft|geben Sie|gib|mische|mischen)) 1 (?=([A-ZÄÖÜ][a-zäöüß]+)\b|€)"
            ),
            lambda m: f"{m[1]} einen " if not m[2] or m[2] in german_words.ACCUSATIVE else m[0],
        ),
    )


def _one_of(german: Language, found: Match) -> str:
    noun = found[2]
    feminine = noun and (german.counted_gender(noun) == "f" or noun in german_words.HOURS)
    return f"{found[1]} {'einer' if feminine else 'einem'} "


def _two_ordinals(german: Language, found: Match) -> str:
    before, joined = found[1].strip().lower(), found[3]
    noun = re.match(r"\w+", found.string[found.end() :])
    ending = (
        ending_after(found)
        if before in german_words.DATIVE | german_words.NOMINATIVE
        else strong_ending(before, noun[0] if noun else "")
    )
    joined = {"/": " ", "-": " bis ", "–": " bis "}.get(joined, joined)
    return f"{found[1]}{german.ordinal(int(found[2]), ending)}{joined}{german.ordinal(int(found[4]), ending)} "


def _lasting(german: Language, hours: int, minutes: int, seconds: int) -> str:
    counted = ((hours, "Stunde"), (minutes, "Minute"), (seconds, "Sekunde"))
    return " ".join(
        f"{german.cardinal(number, 'f')} {name}{'' if number == 1 else 'n'}" for number, name in counted if number
    )


def _life(found: Match) -> str:
    return "geboren " if found[1] == "*" else "gestorben "
