"""What the speech codec keeps: words, sound, naturalness; how well it uses its codes, and how fast it is."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from statistics import mean

from antiphon.audio import AudioWriter, read, resample
from antiphon.audio.waveform import Waveform
from antiphon.bench.clips import Clip
from antiphon.bench.figure import Figure, figure
from antiphon.bench.speaking import Naturalness, Transcriber, average
from antiphon.codecs.base import Codec, TokenGrid
from antiphon.codecs.neural.measures import codebook_use, mel_distance, pesq, stoi
from antiphon.errors import AntiphonError
from antiphon.judges.speech.wording import normalise, word_errors

FEWEST_FRAMES = 8
"""Frames for each code of a level, below which codes are unused only because nothing was left to say."""


def codec_figures(codec: Codec, clips: Sequence[Clip]) -> Iterator[Figure]:
    """Every clip through the codec. Words of clips without a text are compared with those heard in the original."""
    originals = [resample(clip.wave.mono(), codec.rate_hz) for clip in clips]
    grids: list[TokenGrid] = []
    made: list[Waveform] = []
    codec.decode(codec.encode(originals[0]))  # loads what is loaded on first use
    began = time.perf_counter()
    for wave in originals:
        grids.append(codec.encode(wave))
        decoded = codec.decode(grids[-1])
        made.append(Waveform(decoded.samples[:, : wave.samples.shape[1]], decoded.rate_hz))
    took_s = time.perf_counter() - began
    seconds = sum(wave.duration_s for wave in originals)
    pairs = list(zip(originals, made, strict=True))
    note = f"{len({clip.speaker for clip in clips})} speakers, {len(clips)} clips, {seconds:.0f} s"
    yield _mean_of("codec: STOI", stoi, pairs, "", ">= 0.92", note)
    yield from _words(clips, originals, made)
    yield _naturalness(pairs)
    yield from _codes(codec, grids)
    yield figure("codec: real-time factor", took_s / seconds, "", "<= 0.03", "encoding and decoding")
    yield _mean_of("codec: log-mel distance", mel_distance, pairs, "nepers")
    yield _mean_of("codec: PESQ, wide band", pesq, pairs, "MOS-LQO")


def _mean_of(
    name: str,
    measure: Callable[[Waveform, Waveform], float],
    pairs: Sequence[tuple[Waveform, Waveform]],
    unit: str,
    target: str = "",
    note: str = "",
) -> Figure:
    """The mean over clips that can be measured; not measured, with the reason, when none can."""
    values, reason = [], ""
    for one, other in pairs:
        try:
            values.append(measure(one, other))
        except AntiphonError as error:
            reason = str(error)
    if not values:
        return figure(name, None, unit, target, reason)
    left_out = f"{len(pairs) - len(values)} clips left out: {reason}" if reason else ""
    return figure(name, mean(values), unit, target, ", ".join(part for part in (note, left_out) if part))


def _words(clips: Sequence[Clip], originals: Sequence[Waveform], made: Sequence[Waveform]) -> Iterator[Figure]:
    """Points of WER that coding adds. Where nobody wrote down what is said, the recogniser's own reading stands for it.

    That reading moves with any change of the sound, most of all in a language the recogniser knows badly. So there
    Opus is read beside us, and only what we add to its errors is ours.
    """
    transcriber = Transcriber()
    for known in (True, False):
        name = f"codec: WER added, {'against texts' if known else 'against the originals as heard, over Opus'}"
        chosen = [
            n for n, c in enumerate(clips) if bool(c.text) is known and (c.language == "en" or transcriber.multilingual)
        ]
        errors = [0, 0]
        words = 0
        for n in chosen:
            yardstick = originals[n] if known else _by_opus(originals[n])
            heard = transcriber.words([yardstick, made[n], originals[n]][: 2 if known else 3], clips[n].language)
            before, after = heard[0].split(), heard[1].split()
            wanted = (normalise(clips[n].text, clips[n].language) if known else heard[2]).split()
            words += len(wanted)
            errors[0], errors[1] = errors[0] + word_errors(wanted, before), errors[1] + word_errors(wanted, after)
        if not words:
            yield figure(name, None, "points", "<= 2", "no clip has words")
            continue
        other = "before" if known else "by Opus"
        note = f"{100 * errors[0] / words:.1f}% {other}, {100 * errors[1] / words:.1f}% after, of {words} words"
        yield figure(name, 100 * (errors[1] - errors[0]) / words, "points", "<= 2", f"{note}, {transcriber.note}")


def _by_opus(wave: Waveform) -> Waveform:
    """The same through Opus at libsndfile's usual rate, to the ear the same."""
    packed = io.BytesIO()
    writer = AudioWriter(packed, "opus", wave.rate_hz)
    writer.write(wave)
    writer.close()
    return read(io.BytesIO(packed.getvalue())).mono()


def _naturalness(pairs: Sequence[tuple[Waveform, Waveform]]) -> Figure:
    quality = Naturalness()
    scores = [(quality.of(one), quality.of(other)) for one, other in pairs]
    told = [(before, after) for before, after in scores if before is not None and after is not None]
    note = f"{mean(b for b, _ in told):.2f} before, {mean(a for _, a in told):.2f} after" if told else ""
    return average("codec: DistillMOS lost", [b - a for b, a in told], "MOS", "<= 0.7", note)


def _codes(codec: Codec, grids: list[TokenGrid]) -> Iterator[Figure]:
    uses = codebook_use(grids, codec.vocabulary)
    frames = sum(grid.frames for grid in grids)
    shares, perplexities = (
        ", ".join(text)
        for text in ([f"{100 * use.share:.0f}%" for use in uses], [f"{use.perplexity:.0f}" for use in uses])
    )
    name = "codec: codes used, worst level"
    if frames < FEWEST_FRAMES * max(codec.vocabulary):
        yield figure(name, None, "%", ">= 90", f"{frames} frames are too few to tell; {shares} so far")
    else:
        yield figure(name, 100 * min(use.share for use in uses), "%", ">= 90", f"{shares}, of {frames} frames")
    yield figure("codec: perplexity, mean of levels", mean(use.perplexity for use in uses), "codes", "", perplexities)
