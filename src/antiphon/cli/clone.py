"""`antiphon clone`: a text, or the words of a recording, in the voice of a reference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.delivering import CommandJob, checked_format, deliver, order_fields
from antiphon.cli.enrolling import consent_options, enrol
from antiphon.cli.jobs import Jobs, is_file
from antiphon.cli.loudness import SPEECH
from antiphon.cli.options import OutputOptions, order_options, text_options
from antiphon.cli.say import is_short, titled
from antiphon.cli.warming import warm_up
from antiphon.door.settings import Settings

if TYPE_CHECKING:
    from antiphon.audio import Waveform
    from antiphon.cli.manuscript import Extent, Manuscript
    from antiphon.client.cloning import ClonedVoice
    from antiphon.door.cloning import Clone

DEFAULT_OUTPUT = "antiphon-clone.wav"

EPILOG = """\b
Examples:
  antiphon clone --reference me.wav --own-voice "This is my voice, and I never said this."
  antiphon clone --reference ann.wav --consent ann.consent --file chapter.txt -o chapter.mp3
  antiphon clone --reference me.wav --own-voice --speech other.wav -o as-me.wav
  antiphon voices add me --reference me.wav --own-voice
  antiphon clone --voice me:0.7+af_heart:0.3 "Part of this is me."
"""


@click.command(epilog=EPILOG)
@text_options
@click.option("--reference", type=click.Path(path_type=Path), help="3 to 60 s of the voice, in any audio format.")
@click.option("--voice", help="A voice from `antiphon voices add`, or a mix such as me:0.7+af_heart:0.3.")
@click.option("--speech", type=click.Path(path_type=Path), help="A recording: same words and timing, other voice.")
@consent_options
@click.option("--language", default="en-us", show_default=True, help="BCP 47, of the text.")
@order_options(DEFAULT_OUTPUT, SPEECH)
@click.pass_obj
def clone(settings: Settings, /, text: tuple[str, ...], file: str | None, output: str, **given: Any) -> None:
    """Say TEXT, or what is said in a recording, in the voice of a reference.

    A cloned voice needs the consent of whoever it belongs to: --own-voice states that it is yours, --consent names the
    file that `antiphon consent grant` made. The statement is signed, and stays in the receipt.
    """
    from antiphon.audio import SPEECH_EXPECTED_LUFS, Waveform
    from antiphon.door.cloning import Clone, recording_of

    wanted = Clone(
        text=" ".join(text) or file or "",
        speech=given["speech"],
        reference=given["reference"],
        voice=given["voice"] or "",
        own_voice=given["own_voice"],
        consent=given["consent"],
        language=given["language"],
        speed=given["speed"],
        **order_fields(given, output),
    )
    wanted.check()
    output_options = OutputOptions(
        output, given["format_name"], given["as_json"], given["quiet"], given["loudness"], SPEECH_EXPECTED_LUFS
    )
    checked_format(output_options)  # before anything is read or bought
    material = recording_of(given["speech"]) if given["speech"] is not None else _manuscript(text, file, given)
    if given["voice"]:
        warm_up(settings, voice=given["voice"])
    short = isinstance(material, Waveform) or is_short(material)
    extent = _extent(material)
    title, source = titled(text, file if given["speech"] is None else str(given["speech"]))
    whose = given["voice"] or str(given["reference"])
    artist = f"the cloned voice {given['voice'] or given['reference'].stem}"
    output_options = replace(output_options, as_one=is_file(output) and short, title=title, artist=artist)
    jobs = Jobs(settings, output, given["resume"], "\0".join(("clone", source, whose)))
    wanted = (
        replace(wanted, speech=material) if isinstance(material, Waveform) else replace(wanted, text=material.blocks)
    )
    voice, left_nano = _voice(settings, wanted, extent, jobs, quiet=output_options.quiet or output_options.as_json)
    store = jobs.open(salt=f"{voice.profile.engine} {wanted.seed}")
    order = wanted.order(voice, units=extent.chars if extent else None, left_nano=left_nano)
    keep_going = not isinstance(material, Waveform)  # a recording's timing has no room for a gap
    deliver(settings, output_options, CommandJob(order, store, jobs, keep_going), extent=extent)


def _voice(
    settings: Settings, wanted: Clone, extent: Extent | None, jobs: Jobs, *, quiet: bool
) -> tuple[ClonedVoice, int | None]:
    """The voice to use, enrolled now from a reference or stored before; and what is left of --max-cost."""
    from antiphon.door.reference import reference_of, stored_voice

    if wanted.reference is None:
        return stored_voice(settings, wanted.voice), wanted.max_cost_nano
    reference = reference_of(settings, wanted.reference, own_voice=wanted.own_voice, consent=wanted.consent)
    enrolling = wanted.enrolling(reference, wanted.charges(extent.chars if extent else None))
    paid_nano = enrol(settings, enrolling, quiet=quiet, jobs=jobs)
    left_nano = None if wanted.max_cost_nano is None else wanted.max_cost_nano - paid_nano
    return enrolling.voice, left_nano


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
