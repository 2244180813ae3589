"""Addresses of the net, files, handles and hashtags: every sign named."""

from __future__ import annotations

import re

from antiphon.text.characters import collapse
from antiphon.text.english import signs
from antiphon.text.english.rules import Match, Rule, alternatives, put, rule
from antiphon.text.numerals import digits

_TAIL = r"[^\s<>\"(),;]*[^\s<>\"(),;.!?:']"
_FILE = alternatives((*signs.SPOKEN_ENDINGS, *signs.SPELLED_ENDINGS))
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def rules() -> tuple[Rule, ...]:
    """Before all others: the dots and dashes of an address are no decimals and ranges."""
    byte = r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
    return (
        rule(r"\b[\w.+-]{1,64}@[\w-]+(?:\.[\w-]+)+\b", lambda m: address(m[0])),
        rule(rf"\b(?:https?|ftp)://({_TAIL})", lambda m: address(m[1]), re.I),
        rule(
            rf"(?<![\w@.])((?:[a-z0-9-]{{1,63}}\.){{1,8}}(?:{signs.TOP_DOMAINS})"
            rf"(?::[0-9]{{2,5}}\b)?(?:/(?:{_TAIL})?)?)(?![\w-]|\.\w)",
            lambda m: address(m[1]),
            re.I,
        ),
        rule(
            rf"(?<![\w.])({byte}(?:\.{byte}){{3}}(?:/[0-9]{{1,2}}|:[0-9]{{2,5}})?)(?![\w.]\w|\w)",
            lambda m: address(m[1]),
        ),
        rule(
            r"(?<![\w:])((?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?:[0-9a-fA-F]{1,4}:){0,6}:(?::?[0-9a-fA-F]{1,4}){1,6})(?![\w:])",
            _hexadecimal,
        ),
        rule(r"(?<![\w:\\])([A-Za-z]:\\[\w\\.-]*\w|\\\\\w[\w\\.-]*\w)", lambda m: address(m[1])),
        rule(
            r"(?<![\w/.~])((?:~|\.{1,2})?/(?:[\w.+-]{1,64}/){1,16}(?:[\w.+-]*\w)?|(?:~|\.{1,2})/[\w.+-]*\w)",
            lambda m: address(m[1]),
        ),
        rule(
            rf"(?<![\w.@/-])([\w-]{{1,80}}(?:\.[\w-]{{1,40}}){{0,4}}\.)({_FILE}|{_FILE.upper()})(?![\w-]|\.\w)", _file
        ),
        rule(
            r"(?<![\w.])\.(git[a-z]+|bash\w*|env|htaccess|vimrc|zshrc|profile|zip|docx?|html|xml|mp[34]|py|js|xlsx?|exe|pdf|txt|csv|json|png|jpg)\b",
            lambda m: f"dot {ending(m[1])}",
        ),
        rule(r"(?<![\w@])@(\w+)", lambda m: f"at {_words(m[1])}"),
        rule(r"(?<![\w#])#([0-9]+[A-Za-z][A-Za-z]\w*)", lambda m: f"hashtag {_words(m[1])}"),
        rule(r"(?<![\w#])#(?=[0-9])", put("number ")),
        rule(
            r"(?<![\w#])#([A-Z]{1,6})((?:-[0-9]{1,8}){1,4})\b",
            lambda m: f"number {m[1]} {', '.join(digits(one) for one in re.findall('[0-9]+', m[2]))}",
        ),
        rule(r"(?<!\S)--(?=[a-z])", put("dash dash ")),
        rule(r"(?<!\S)-(?=[a-zA-Z](?:$|[.,;]| or | and | flag| option))(?<![=+*/<>] -)", put("dash ")),
        rule(r"(?<![\w#])#([^\W\d_]\w*)", lambda m: f"hashtag {_words(m[1])}"),
    )


def address(written: str) -> str:
    """An address as it is told to somebody: every sign named, groups of digits one by one."""
    spoken = re.sub(r"^www\.", "w w w.", written.rstrip("/"), flags=re.I)
    spoken = re.sub(r"[0-9]+", lambda m: f" {digits(m[0])} ", spoken)
    return collapse(re.sub(r"[^\w\s]|_", lambda m: f" {signs.ADDRESS_SIGNS.get(m[0], '')} ", spoken))


def ending(written: str) -> str:
    """The end of a file's name: a word, or its letters."""
    return written.lower() if written.lower() in signs.SPOKEN_ENDINGS else written.upper()


def _file(found: Match) -> str:
    stem = re.sub(r"[^\w]|_", lambda m: f" {signs.ADDRESS_SIGNS.get(m[0], '')} ", found[1])
    return collapse(f"{stem} {ending(found[2])}")


def _words(written: str) -> str:
    return collapse(_CAMEL.sub(" ", written).replace("_", " underscore "))


def _hexadecimal(found: Match) -> str:
    if "::" not in found[1] and found[1].count(":") < 7:
        return found[0]
    spaced = re.sub(r"[0-9a-fA-F]", lambda m: f" {digits(m[0]) if m[0].isdigit() else m[0].upper()} ", found[1])
    return collapse(spaced.replace(":", " colon "))
