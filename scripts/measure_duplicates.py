"""Where the bounds of `antiphon data` come from: fingerprints and sketches of copies, and of clips that are none.

    python scripts/measure_duplicates.py --clips 12

Half of the clips are speech of one voice, half are music of one composer: the nearest that different clips come. Copies
are re-encoded, quieter, noisy, and cut by a time that is no multiple of a frame.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import combinations

import click
import numpy as np

from antiphon.audio import Waveform, encoder_for, format_named, read
from antiphon.bench.sentences import HELD_OUT
from antiphon.engines import registry
from antiphon.genki.data.sketch import slots_of
from antiphon.judges.fingerprints import fingerprint, similarity
from antiphon.music.prompts import prompts
from antiphon.services import MusicRequest, SpeechRequest

SECONDS = 12.0


def clips(count: int) -> Iterator[Waveform]:
    for number, text in enumerate(HELD_OUT[: count // 2]):
        request = SpeechRequest(text=text, voice="hibari")
        yield _whole(list(registry.load(registry.engine_for("hibari")).generate(request, number)))
    for number, prompt in enumerate(prompts(1, count - count // 2)):
        piece = MusicRequest(prompt=prompt, seconds=SECONDS, seed=number, start_s=0.0, stop_s=SECONDS)
        yield _whole(list(registry.load("chiptune").generate(piece, number)))


def copies(clip: Waveform) -> dict[str, Waveform]:
    noise = np.random.default_rng(1).standard_normal(clip.samples.shape) * 10 ** (-50 / 20)
    return {
        "mp3": _encoded(clip, "mp3"),
        "opus": _encoded(clip, "opus"),
        "12 dB less": Waveform((clip.samples * 0.25).astype(np.float32), clip.rate_hz),
        "noise at -50 dBFS": Waveform((clip.samples + noise).astype(np.float32), clip.rate_hz),
        ".308 s cut off": Waveform(clip.samples[:, int(0.308 * clip.rate_hz) :], clip.rate_hz),
    }


def _whole(chunks: list[Waveform]) -> Waveform:
    return Waveform(np.concatenate([chunk.samples for chunk in chunks], axis=1), chunks[0].rate_hz)


def _encoded(clip: Waveform, name: str) -> Waveform:
    form = format_named(name)
    encoder = encoder_for(form, clip.rate_hz, clip.channels)
    return read(io.BytesIO(encoder.encode(clip) + encoder.finish()))


@click.command()
@click.option("--clips", "count", default=12, show_default=True)
def main(count: int) -> None:
    made = list(clips(count))
    prints = [fingerprint(clip) for clip in made]
    assert all(prints)
    click.echo("                       similarity    equal slots of 128")
    for name in copies(made[0]):
        others = [fingerprint(copies(clip)[name]) for clip in made]
        _tell(name, list(zip(prints, others, strict=True)))
    _tell("different clips", list(combinations(prints, 2)))


def _tell(name: str, pairs: list[tuple[bytes, bytes]]) -> None:
    alike = sorted(similarity(*pair) for pair in pairs)
    equal = sorted(int((slots_of(a) & 0xFFFF == slots_of(b) & 0xFFFF).sum()) for a, b in pairs)
    click.echo(f"{name:<20}{alike[0]:>7.2f} to {alike[-1]:.2f}{equal[0]:>8} to {equal[-1]}")


if __name__ == "__main__":
    main()
