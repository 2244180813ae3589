"""A language alone finds a voice, which is then asked for as it speaks."""

import pytest

from antiphon.client.voices import meant, require_pace, resolve
from antiphon.engines import registry
from antiphon.errors import InputError


def test_every_language_that_is_listed_can_be_ordered_by_its_tag_and_by_its_family() -> None:
    tags = {voice.language for voice in registry.all_voices() if voice.language}
    for tag in sorted({*tags, *(tag.partition("-")[0] for tag in tags)}):
        choice = resolve("", tag, "", default="hibari")
        able = registry.load(choice.engine).capabilities
        assert choice.language.casefold() in {one.casefold() for one in able.languages}, (tag, choice)


def test_a_family_means_the_country_it_is_named_after() -> None:
    assert resolve("", "fr", "", default="hibari").language == "fr-fr"
    assert resolve("", "en", "", default="hibari").voice == "hibari"
    assert resolve("espeak-fr-be", "", "", default="hibari").language == "fr-be"


def test_a_macrolanguage_is_told_as_what_it_is_spoken() -> None:
    assert meant("zh", registry.all_voices()) == "Did you mean --language cmn?"
    with pytest.raises(InputError, match="--language cmn"):
        resolve("", "zh", "", default="hibari")


def test_a_pace_that_an_engine_is_not_understood_at_is_refused_with_its_limit() -> None:
    for engine, able in registry.installed().capabilities().items():
        require_pace(able.max_speed, engine)
        require_pace(0.25, engine)
    require_pace(4.0, "hibari")
    require_pace(4.0, "an engine of somebody else's network")
    with pytest.raises(InputError, match=r"espeak are understood up to speed 1\.25, not at 1\.5"):
        require_pace(1.5, "espeak")
    for speed in (0.2, 4.1, float("nan")):
        with pytest.raises(InputError, match=r"outside 0\.25-4"):
            require_pace(speed, "hibari")
