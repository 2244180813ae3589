"""Languages whose words can be checked here."""

from __future__ import annotations

from functools import cache

from antiphon import models
from antiphon.analysis import recogniser
from antiphon.errors import ModelError
from antiphon.judges.speech.reach import reached
from antiphon.judges.speech.words import SAME_LANGUAGE

MULTILINGUAL = "whisper-base"


def judged_languages() -> tuple[str, ...]:
    """Languages whose words the installed recognisers can check: they know them, and hear them well enough."""
    if not models.installed(MULTILINGUAL):
        return ("en",)
    known = _multilingual() & reached()
    known |= {code for code, same in SAME_LANGUAGE.items() if same in known}
    return ("en", *sorted(known - {"en"}))


def require_judged(language: str) -> None:
    """Raises `ModelError`, with the command that mends it, where nothing installed can check words of `language`."""
    if language.casefold().split("-")[0] in judged_languages():
        return
    try:
        models.require(MULTILINGUAL)
    except ModelError as error:
        what = error.what[0].lower() + error.what[1:]
        raise ModelError(f"Nothing here can check speech in {language!r}: {what}", error.hint) from error
    raise ModelError(
        f"Nothing here can check speech in {language!r}: Whisper base understands too little of it",
        "Choose a language that can be judged (docs/judging.md), or call the engine yourself (docs/engines.md).",
    )


@cache
def _multilingual() -> frozenset[str]:
    """Read once: every validator of a process asks, for each of its services."""
    return recogniser.languages(models.read(MULTILINGUAL, "tokenizer.json"))
