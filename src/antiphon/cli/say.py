"""`antiphon say`: text in, audio out, through the whole network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.assets import asset_of, asset_option
from antiphon.cli.delivering import CommandJob, checked_format, deliver, order_fields
from antiphon.cli.jobs import Jobs, is_file
from antiphon.cli.loudness import SPEECH
from antiphon.cli.options import OutputOptions, order_options, text_options
from antiphon.cli.warming import warm_up
from antiphon.door.settings import DEFAULT_VOICE, Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.cli.manuscript import Manuscript

DEFAULT_OUTPUT = "antiphon.wav"
TITLE_CHARS = 60
WHOLE_CHARS = 10_000
"""Up to here (ten minutes, 60 MB) a file's loudness is exact: one gain for the whole. Beyond, it is brought to its
loudness as it comes, in constant memory."""


EPILOG = """\b
Examples:
  antiphon say "Hello from a whole network."
  antiphon say "Good morning." --voice af_heart:0.6+bm_george:0.4 -o morning.mp3
  antiphon say --file book.txt -o book.opus
  antiphon say "One moment. [pause 1s] There it is."
  antiphon say "Guten Morgen, wie geht es Ihnen?" --voice espeak-de -o - --format mp3 | mpv -
"""


@click.command(epilog=EPILOG)
@text_options
@click.option("--voice", help=f"A name from `antiphon voices`, or a mix a:0.6+b:0.4.  [default: {DEFAULT_VOICE}]")
@click.option("--language", help="BCP 47, as in en-us or de; by default the voice's.")
@click.option("--dialogue", metavar="FILE", help="Read FILE as a dialogue: lines of SPEAKER: TEXT.")
@click.option("--speaker", "speakers", multiple=True, metavar="NAME=VOICE", help="The voice of a speaker.")
@click.option("--srt", is_flag=True, help="Write subtitles beside the sound, as .srt.")
@click.option("--vtt", is_flag=True, help="The same as .vtt.")
@click.option("--words", is_flag=True, help="Write when each word is heard beside the sound, as .words.json.")
@click.option("--lexicon", metavar="FILE", help="How words are said: a line `word = said as` each.")
@asset_option
@order_options(DEFAULT_OUTPUT, SPEECH)
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
    output_options = OutputOptions(
        output, given["format_name"], given["as_json"], given["quiet"], target, SPEECH_EXPECTED_LUFS
    )
    checked_format(output_options)  # before a long text is read
    tell = teller(quiet=output_options.quiet or output_options.as_json)
    markup, file = _markup_of(text, file, given)
    manuscript = manuscript_of(text, file, given["format_in"], tell=tell, markup=markup)
    from antiphon.door.speaking import Say
    from antiphon.door.word_times import WordTimes, following, write_beside

    title, source = titled(text, file)
    artist = f"the voice {given['voice'] or DEFAULT_VOICE}"
    output_options = replace(
        output_options, as_one=is_file(output) and is_short(manuscript), title=title, artist=artist
    )
    wanted = Say(
        text=manuscript.blocks,
        voice=given["voice"] or "",
        language=given["language"] or "",
        speed=given["speed"],
        markup=manuscript.markup,
        voices=dict(map(_speaker, given["speakers"])),
        lexicon=_lexicon_in(given["lexicon"]),
        asset=asset_of(settings, given["asset"]),
        **order_fields(given, output),
    )
    order = wanted.order(settings, chars=manuscript.extent.chars if manuscript.extent else None)
    tell_language(manuscript, order.selector.language or "en", tell)
    jobs = Jobs(settings, output, given["resume"], "\0".join(("say", source, given["voice"] or "")))
    store = jobs.open(salt=f"{order.selector.engine} {wanted.seed}")
    extent = manuscript.extent
    if extent is not None and len(order.charges) > 1:
        extent = replace(extent, exact=False)  # voices of several prices: the first quote says little of the whole
    times, suffixes = WordTimes(), [kind for kind in ("srt", "vtt", "words") if given[kind]]
    if suffixes and output == "-":
        raise InputError("Sound that goes into a pipe has nothing beside it", "Give -o FILE.")
    job = CommandJob(
        following(order, times) if suffixes else order,
        store,
        jobs,
        keep_going=True,
        then=lambda _: write_beside(Path(output), times.words, suffixes),
    )
    deliver(settings, output_options, job, extent=extent)


def _markup_of(text: tuple[str, ...], file: str | None, given: dict[str, Any]) -> tuple[str, str | None]:
    """How the text is marked, and the file it is in. Raises `InputError`."""
    script = given["dialogue"]
    if script is None:
        return "", file
    if text or file is not None or given["format_in"]:
        raise InputError("--dialogue is given with another text or format", "Give one of them.")
    return "dialogue", script


def _speaker(given: str) -> tuple[str, str]:
    name, sign, voice = given.partition("=")
    if not sign or not name.strip() or not voice.strip():
        raise InputError(f"--speaker {given!r} is not NAME=VOICE", "Write for example: --speaker Ann=af_heart")
    return name.strip(), voice.strip()


def _lexicon_in(file: str | None) -> dict[str, str]:
    from antiphon.text.lexicon import read_entries

    return {} if file is None else read_entries(file)


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
