"""`antiphon say`: text in, audio out, through the whole network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import Settings
from antiphon.cli.delivering import Charge, Order, Wish, checked_format, deliver, options_of
from antiphon.cli.enrolling import names_in, stored_voice
from antiphon.cli.jobs import Jobs, is_file, resume_option
from antiphon.cli.loudness import SPEECH, loudness_option
from antiphon.cli.manuscript import format_option
from antiphon.cli.warming import warm_up
from antiphon.errors import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from antiphon.cli.connect import Session
    from antiphon.cli.manuscript import Manuscript
    from antiphon.client.events import SoundEvent
    from antiphon.client.keeping import Conduct
    from antiphon.client.speech import Script, Speech
    from antiphon.client.voices import Choice
    from antiphon.economy.types import Mode

DEFAULT_OUTPUT = "antiphon.wav"
DEFAULT_VOICE = "hibari"
TITLE_CHARS = 60
MAX_SEED = 2**63 - 1
WHOLE_CHARS = 10_000
"""Up to here (ten minutes, 60 MB) a file's loudness is exact: one gain for the whole. Beyond, it is brought to its
loudness as it comes, in constant memory."""


EPILOG = """\b
Examples:
  antiphon say "Hello from a whole network."
  antiphon say "Good morning." --voice af_heart:0.6+bm_george:0.4 -o morning.mp3
  antiphon say --file book.txt -o book.opus
  antiphon say "Guten Morgen, wie geht es Ihnen?" --voice espeak-de -o - --format mp3 | mpv -
"""


@click.command(epilog=EPILOG)
@click.argument("text", nargs=-1)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the text from a file; - is standard input.")
@format_option
@click.option("-o", "--output", default=DEFAULT_OUTPUT, show_default=True, help="File to write; - streams to stdout.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg or pcm; by default the output's suffix.")
@click.option("--voice", help=f"A name from `antiphon voices`, or a mix a:0.6+b:0.4.  [default: {DEFAULT_VOICE}]")
@click.option("--language", help="BCP 47, as in en-us or de; by default the voice's.")
@click.option("--engine", help="Only nodes with this engine (see `antiphon engines`).")
@click.option("--speed", type=float, default=1.0, show_default=True, help="0.5 to 2.0.")
@click.option("--seed", type=int, help="The same seed gives the same audio.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine.")
@click.option("--stream/--verified", default=None, help="Release audio as it is made, or only after the vote.")
@loudness_option(SPEECH)
@resume_option
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if the whole could cost more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def say(settings: Settings, /, text: tuple[str, ...], file: str | None, output: str, **given: Any) -> None:
    """Turn TEXT into speech: quoted, made, judged, voted on and paid for by a network of nodes.

    Without any set-up this runs a whole network in this process; with --ledger, or while `antiphon ledger serve`
    runs, it joins that one. TEXT may also come through a pipe.
    """
    warm_up(settings, voice=given["voice"] or DEFAULT_VOICE, engine=given["engine"] or "")
    from antiphon.audio import SPEECH_EXPECTED_LUFS
    from antiphon.cli.manuscript import manuscript_of, tell_language, teller

    target = given["loudness"]
    wish = Wish(output, given["format_name"], given["as_json"], given["quiet"], target, SPEECH_EXPECTED_LUFS)
    checked_format(wish)  # before a long text is read
    tell = teller(quiet=wish.quiet or wish.as_json)
    manuscript = manuscript_of(text, file, given["format_in"], tell=tell)
    from antiphon.client.speech import OUTPUT_RATE_HZ, speak
    from antiphon.economy.types import Mode

    title, source = titled(text, file)
    artist = f"the voice {given['voice'] or DEFAULT_VOICE}"
    wish = replace(wish, as_one=is_file(output) and is_short(manuscript), title=title, artist=artist)
    speech = _script(settings, manuscript, output, given)
    tell_language(manuscript, speech.selector.language or "en", tell)
    jobs = Jobs(settings, output, given["resume"], "\0".join(("say", source, given["voice"] or "")))

    def produce(session: Session, conduct: Conduct) -> AsyncGenerator[SoundEvent, None]:
        session.require_judges(speech.selector)
        return speak(session.client, speech, conduct)

    order = Order(
        produce=produce,
        charges=(Charge(speech.selector, manuscript.extent.chars),) if manuscript.extent else (),
        max_total_nano=speech.max_total_nano,
        store=jobs.open(salt=f"{speech.selector.engine} {speech.seed}"),
        jobs=jobs,
        keep_going=True,
        engine=speech.selector.engine,
        streams=speech.mode is Mode.STREAM,
    )
    deliver(settings, wish, order, rate_hz=OUTPUT_RATE_HZ, extent=manuscript.extent)


def titled(text: tuple[str, ...], file: str | None) -> tuple[str, str]:
    """A title for what is made of a text, and what names the text itself."""
    if text:
        words = " ".join(" ".join(text).split())
        return (words if len(words) <= TITLE_CHARS else f"{words[:TITLE_CHARS].rsplit(' ', 1)[0]} ..."), words
    if file in {None, "-"}:
        return "", "-"
    return Path(str(file)).stem, str(Path(str(file)).resolve())


def is_short(manuscript: Manuscript) -> bool:
    return manuscript.extent is not None and manuscript.extent.exact and manuscript.extent.chars <= WHOLE_CHARS


def _script(settings: Settings, manuscript: Manuscript, output: str, given: dict[str, Any]) -> Script:
    """The text in a built-in voice, or in one of the user's own."""
    from antiphon.client.cloning import ClonedSpeech

    if not given["voice"]:
        return _speech(settings, manuscript, output, given)
    from antiphon.client.voice_store import VoiceStore

    own = VoiceStore(settings.home).names()
    if not set(own).intersection(names_in(given["voice"] or "")):
        return _speech(settings, manuscript, output, given)
    voice = stored_voice(settings, given["voice"])
    if given["engine"] not in {None, voice.profile.engine} or given["language"] not in {None, voice.profile.language}:
        raise InputError(
            f"The voice {given['voice']!r} speaks {voice.profile.language} with the engine {voice.profile.engine}",
            "Leave --engine and --language out.",
        )
    return ClonedSpeech(
        text=manuscript.blocks,
        voice=voice,
        speed=checked_speed(given["speed"], voice.profile.engine),
        options=options_of(given["options"]),
        mode=mode_of(given["stream"], output),
        seed=checked_seed(given["seed"]),
        max_total_nano=given["max_cost"],
    )


def _choice(settings: Settings, voice: str, language: str, engine: str) -> Choice:
    """The ordered voice. A network that was joined by URL may offer voices that are not installed here."""
    from antiphon.client.voices import Choice, resolve

    try:
        return resolve(voice, language, engine, default=DEFAULT_VOICE)
    except InputError:
        if not (settings.ledger and voice):
            raise
        return Choice(voice, language or "en-us", engine)


def _speech(settings: Settings, manuscript: Manuscript, output: str, given: dict[str, Any]) -> Speech:
    from antiphon.client.speech import Speech

    choice = _choice(settings, given["voice"] or "", given["language"] or "", given["engine"] or "")
    options = options_of(given["options"])
    _check(choice, options)
    return Speech(
        text=manuscript.blocks,
        voice=choice.voice,
        language=choice.language,
        engine=choice.engine,
        speed=checked_speed(given["speed"], choice.engine),
        options=options,
        mode=mode_of(given["stream"], output),
        seed=checked_seed(given["seed"]),
        max_total_nano=given["max_cost"],
    )


def mode_of(stream: bool | None, output: str) -> Mode:
    """Released as it is made when that was asked for, or when it goes into a pipe; else after the vote."""
    from antiphon.economy.types import Mode

    return Mode.STREAM if (stream if stream is not None else output == "-") else Mode.VERIFIED


def checked_speed(speed: float, engine: str) -> float:
    """Raises `InputError` for a speed that the engine's voices are not understood at."""
    from antiphon.client.voices import require_pace

    require_pace(speed, engine)
    return speed


def checked_seed(seed: int | None) -> int | None:
    """Raises `InputError` for a seed that does not fit."""
    if seed is not None and not 0 <= seed <= MAX_SEED:
        raise InputError(f"Seed {seed} is outside 0-{MAX_SEED}", "Any smaller number will do.")
    return seed


def _check(choice: Choice, options: dict[str, str | int | float | bool]) -> None:
    """What an engine will say no to is said before anything starts. Raises `InputError`."""
    from antiphon.engines import registry
    from antiphon.engines.checks import read_options

    if choice.engine not in registry.names():
        return  # another's engine: its node will say
    engine = registry.load(choice.engine)
    read_options(engine.Options, options, choice.engine)
    wanted = f"{choice.language.casefold()}-"
    if not any(wanted.startswith(f"{language.casefold()}-") for language in engine.capabilities.languages):
        raise InputError(
            f"The voice {choice.voice!r} does not speak {choice.language!r}",
            f"Find one that does: antiphon voices --language {choice.language}",
        )
