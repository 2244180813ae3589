"""Kinds of writing that the second collection found misread, with neighbours that must not change."""

import pytest

from antiphon.text import normalise

SAID = [
    ("en-us", "Wait 20s.", "Wait twenty seconds."),
    ("en-us", "people in their 30s", "people in their thirties"),
    ("en-us", "12% - 15% of all", "twelve percent to fifteen percent of all"),
    ("en-us", "5°-10°", "five degrees to ten degrees"),
    ("en-us", "from 9 p.m.-midnight", "from nine PM to midnight"),
    ("en-us", "20 tokens/s", "twenty tokens per second"),
    ("en-us", "the pros/cons", "the pros slash cons"),
    ("en-us", "~$20", "about twenty dollars"),
    ("en-us", "Gate 5V", "Gate five V"),
    ("en-us", "It draws 12 A.", "It draws twelve amps."),
    ("de", "1/2 Stunde", "eine halbe Stunde"),
    ("de", "1/2 kg Mehl", "ein halbes Kilogramm Mehl"),
    ("de", "1 1/2 kg", "eineinhalb Kilogramm"),
    ("de", "5 Std./Woche", "fünf Stunden pro Woche"),
    ("de", "10 m/s²", "zehn Meter pro Quadratsekunde"),
    ("de", "Vgl. S. 5", "Vergleiche Seite fünf"),
    ("de", "Ich heiße Max.", "Ich heiße Max."),
    ("de", "Fr., 5. Mai", "Freitag, fünfter Mai"),
    ("de", "So, 4 Leute.", "So, vier Leute."),
    ("de", "+49 30 123456", "plus vier neun, drei null, eins zwei drei vier fünf sechs"),
    ("fr", "3/4 h", "trois quarts d'heure"),
    ("fr", "1/2 l", "un demi litre"),
    ("fr", "loi n° 2004-575", "loi numéro deux mille quatre tiret cinq cent soixante-quinze"),
    ("fr", "+3,5 %", "plus trois virgule cinq pour cent"),
    ("fr", "vol. IV", "volume quatre"),
    ("es", "1/2 hora", "media hora"),
    ("es", "3/4 l", "tres cuartos de litro"),
    ("es", "2/3 partes", "dos terceras partes"),
    ("es", "10 mg/kg", "diez miligramos por kilogramo"),
    ("it", "1/2 limone", "mezzo limone"),
    ("it", "nel 2023", "nel duemilaventitré"),
    ("it", "3 mele", "tre mele"),
    ("it", "lun.-ven. 9-18", "lunedì a venerdì nove a diciotto"),
]


@pytest.mark.parametrize(("language", "written", "spoken"), SAID)
def test_a_form_is_read_as_people_say_it(language: str, written: str, spoken: str) -> None:
    assert normalise(written, language) == spoken


@pytest.mark.parametrize("language", ["en-us", "de", "fr", "es", "it"])
def test_a_number_that_ends_a_sentence_joins_with_nothing(language: str) -> None:
    for number in (*range(32), 47, 57, 67, 77, 80, 87, 97, 107, 112, 200, 707, 1547, 1997, 2007, 2024):
        alone = normalise(f"Om {number}", language)
        assert normalise(f"Om {number}.", language) == f"{alone}."


@pytest.mark.parametrize("language", ["en-us", "de", "fr", "es", "it"])
def test_what_was_said_is_said_again(language: str) -> None:
    # The words of one pass must be no abbreviation to the next: French `sept.` is a number and a month.
    for number in range(200):
        said = normalise(f"Om {number}. Om {number}!", language)
        assert normalise(said, language) == said


@pytest.mark.parametrize("language", ["en-us", "de", "fr", "es", "it"])
@pytest.mark.parametrize("sign", ["km/s", "m/s", "km/h", "€/kg"])
def test_a_rate_without_its_number_is_read(language: str, sign: str) -> None:
    assert "/" not in normalise(f"Om {sign} om", language)
