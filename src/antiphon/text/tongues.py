"""Languages by whatever people call them: `german`, `deutsch`, `ger` or `deu` for de."""

from __future__ import annotations

from functools import cache

MIN_CHARS = 3
_BIBLIOGRAPHIC = {"jap": "ja", "jp": "ja", "kr": "ko", "cn": "zh", "dk": "da", "cz": "cs", "gr": "el", "ua": "uk"}
"""Countries and short forms that people write in a language's place."""
_ALSO = {"zh": ("cmn", "yue")}
"""What a macrolanguage is spoken as."""


def codes_of(word: str) -> tuple[str, ...]:
    """ISO 639-1 (or longer) codes of the languages whose English or own name begins so, the exact name first.

    The three letters of ISO 639-2 and 639-3 begin one of the two names nearly always (ger: German, deu: Deutsch).
    """
    wanted = word.strip().casefold()
    if wanted in _BIBLIOGRAPHIC:
        return (_BIBLIOGRAPHIC[wanted],)
    if wanted in _ALSO:
        return _ALSO[wanted]
    if len(wanted) < MIN_CHARS:
        return ()
    found = [(name != wanted, len(code), name, code) for name, code in _names() if name.startswith(wanted)]
    codes = (code for *_, code in sorted(found))
    return tuple(dict.fromkeys(one for code in codes for one in (code, *_ALSO.get(code, ()))))


@cache
def _names() -> tuple[tuple[str, str], ...]:
    from babel import Locale
    from babel.core import UnknownLocaleError
    from babel.localedata import locale_identifiers

    pairs = [(str(name).casefold(), code) for code, name in Locale("en").languages.items()]
    for code in locale_identifiers():
        if len(code) > 3:
            continue
        try:
            own = Locale(code).get_language_name(code)
        except (UnknownLocaleError, ValueError):
            continue
        if own:
            pairs.append((own.casefold(), code))
    return tuple(pairs)
