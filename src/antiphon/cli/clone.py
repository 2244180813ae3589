"""`antiphon clone`: a text, or the words of a recording, in the voice of a reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import Settings
from antiphon.cli.delivering import Charge, Order, Produce, Wish, checked_format, deliver, options_of
from antiphon.cli.enrolling import consent_options, enrolled, reference_of, regular_file, stored_voice
from antiphon.cli.jobs import Jobs, is_file, resume_option
from antiphon.cli.loudness import SPEECH, loudness_option
from antiphon.cli.manuscript import format_option
from antiphon.cli.say import checked_seed, checked_speed, is_short, mode_of, titled
from antiphon.cli.warming import warm_up
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.audio import Waveform
    from antiphon.cli.manuscript import Extent, Manuscript
    from antiphon.client.cloning import Voice

DEFAULT_OUTPUT = "antiphon-clone.wav"
LEAST_SPEECH_S, MOST_SPEECH_S = 0.5, 600.0

EPILOG = """\b
Examples:
  antiphon clone --reference me.wav --own-voice "This is my voice, and I never said this."
  antiphon clone --reference ann.wav --consent ann.consent --file chapter.txt -o chapter.mp3
  antiphon clone --reference me.wav --own-voice --speech other.wav -o as-me.wav
  antiphon voices add me --reference me.wav --own-voice
  antiphon clone --voice me:0.7+af_heart:0.3 "Part of this is me."
"""


@click.command(epilog=EPILOG)
@click.argument("text", nargs=-1)
@click.option("-f", "--file", "file", metavar="FILE", help="Read the text from a file; - is standard input.")
@format_option
@click.option("--reference", type=click.Path(path_type=Path), help="3 to 60 s of the voice, in any audio format.")
@click.option("--voice", help="A voice from `antiphon voices add`, or a mix such as me:0.7+af_heart:0.3.")
@click.option("--speech", type=click.Path(path_type=Path), help="A recording: same words and timing, other voice.")
@consent_options
@click.option("-o", "--output", default=DEFAULT_OUTPUT, show_default=True, help="File to write; - streams to stdout.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg or pcm; by default the output's suffix.")
@click.option("--language", default="en-us", show_default=True, help="BCP 47, of the text.")
@click.option("--engine", help="Only nodes with this engine (see `antiphon engines`).")
@click.option("--speed", type=float, default=1.0, show_default=True, help="0.5 to 2.0.")
@click.option("--seed", type=int, help="The same seed gives the same audio.")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine.")
@loudness_option(SPEECH)
@click.option("--stream/--verified", default=None, help="Release audio as it is made, or only after the vote.")
@resume_option
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if the whole could cost more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def clone(settings: Settings, /, text: tuple[str, ...], file: str | None, output: str, **given: Any) -> None:
    """Say TEXT, or what is said in a recording, in the voice of a reference.

    A cloned voice needs the consent of whoever it belongs to: --own-voice states that it is yours, --consent names the
    file that `antiphon consent grant` made. The statement is signed, and stays in the receipt.
    """
    from antiphon.audio import SPEECH_EXPECTED_LUFS, Waveform

    if (given["reference"] is None) == (given["voice"] is None):
        raise InputError("A clone needs a voice", "Give --reference FILE, or --voice NAME of one that you added.")
    if given["speech"] is not None and (text or file):
        raise InputError("Both a text and --speech are given", "Give one of them.")
    wish = Wish(output, given["format_name"], given["as_json"], given["quiet"], given["loudness"], SPEECH_EXPECTED_LUFS)
    checked_format(wish)  # before anything is read or bought
    if given["speech"] is not None and given["speed"] != 1.0:
        raise InputError("--speed would change the timing that --speech keeps", "Leave --speed out.")
    material = _recording(given["speech"]) if given["speech"] is not None else _manuscript(text, file, given)
    speed = checked_speed(given["speed"], given["engine"] or "")
    seed, options = checked_seed(given["seed"]), options_of(given["options"])
    if given["voice"]:
        warm_up(settings, voice=given["voice"])
    from antiphon.client.cloning import ClonedSpeech, Conversion, convert
    from antiphon.client.speech import OUTPUT_RATE_HZ, speak
    from antiphon.economy.types import Mode

    short = isinstance(material, Waveform) or is_short(material)
    wish = replace(wish, as_one=is_file(output) and short)
    extent = _extent(material)
    title, source = titled(text, file if given["speech"] is None else str(given["speech"]))
    whose = given["voice"] or str(given["reference"])
    wish = replace(wish, title=title, artist=f"the cloned voice {given['voice'] or given['reference'].stem}")
    jobs = Jobs(settings, output, given["resume"], "\0".join(("clone", source, whose)))
    voice, left_nano = _voice(settings, given, extent, jobs, quiet=wish.quiet or wish.as_json)
    checked_speed(speed, voice.profile.engine)  # a kept voice brings its engine
    how: dict[str, Any] = {
        "options": options,
        "mode": mode_of(given["stream"], output),
        "seed": seed,
        "max_total_nano": left_nano,
    }
    store = jobs.open(salt=f"{voice.profile.engine} {seed}")
    produce: Produce
    if isinstance(material, Waveform):
        conversion = Conversion(material, voice, **how)
        produce = lambda session, conduct: convert(session.client, conversion, conduct)  # noqa: E731
    else:
        script = ClonedSpeech(material.blocks, voice, speed, **how)
        produce = lambda session, conduct: speak(session.client, script, conduct)  # noqa: E731
    order = Order(
        produce,
        charges=(Charge(voice.selector, extent.chars),) if extent else (),
        max_total_nano=left_nano,
        store=store,
        jobs=jobs,
        keep_going=not isinstance(material, Waveform),  # a recording's timing has no room for a gap
        engine=voice.profile.engine,
        streams=how["mode"] is Mode.STREAM,
    )
    deliver(settings, wish, order, rate_hz=OUTPUT_RATE_HZ, extent=extent)


def _extent(material: Manuscript | Waveform) -> Extent | None:
    """How much there is to make; None for a pipe."""
    from antiphon.audio.stretches import stretches
    from antiphon.cli.manuscript import Extent, Manuscript
    from antiphon.services import MAX_SPEECH_S, units_of_seconds

    if isinstance(material, Manuscript):
        return material.extent
    pieces = [units_of_seconds(piece.duration_s) for piece in stretches(material, MAX_SPEECH_S)]
    return Extent(len(pieces), sum(pieces), True, noun="stretch", unit="unit")


def _manuscript(text: tuple[str, ...], file: str | None, given: dict[str, Any]) -> Manuscript:
    from antiphon.cli.manuscript import manuscript_of, teller

    return manuscript_of(text, file, given["format_in"], tell=teller(quiet=given["quiet"] or given["as_json"]))


def _recording(path: Path) -> Waveform:
    """The recording whose words are to be said by another voice. Raises `InputError`."""
    from antiphon.audio import read

    recording = read(regular_file(path))
    if not LEAST_SPEECH_S <= recording.duration_s <= MOST_SPEECH_S:
        raise InputError(
            f"{path} lasts {recording.duration_s:.1f} s, not {LEAST_SPEECH_S:g} to {MOST_SPEECH_S:g}",
            "Give a recording of that length.",
        )
    return recording.mono()


def _voice(
    settings: Settings, given: dict[str, Any], extent: Extent | None, jobs: Jobs, *, quiet: bool
) -> tuple[Voice, int | None]:
    """The voice to use, enrolled now from a reference or stored before; and what is left of --max-cost."""
    from antiphon.client.cloning import Voice
    from antiphon.ledger.operations import Selector
    from antiphon.services import Service

    if given["reference"] is None:
        return stored_voice(settings, given["voice"]), given["max_cost"]
    reference = reference_of(settings, given)
    any_voice = Selector(service=str(Service.CLONE), language=given["language"], engine=given["engine"] or "")
    then = (Charge(any_voice, extent.chars),) if extent else ()
    made, paid_nano = enrolled(settings, reference, given, quiet=quiet, then=then, jobs=jobs)
    left_nano = None if given["max_cost"] is None else given["max_cost"] - paid_nano
    return Voice(made.profile, reference.consent, made.origin), left_nano
