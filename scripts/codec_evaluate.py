"""Figures of an exported codec over speakers it never heard.

    python scripts/codec_evaluate.py --audio data/heldout --codec run/exported --clips 12
    python scripts/codec_evaluate.py --audio data/heldout                      (the codec that ships)

Prints, per speaker: DistillMOS of original and decoded, STOI, log-mel distance, PESQ (null without its package), WER
(against the text if there is one beside the clip, else against what is heard in the original), and over all: codebook
use, perplexity, RTF.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from antiphon.analysis.recogniser import Recogniser
from antiphon.audio import read, resample
from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import TokenGrid
from antiphon.codecs.neural import NeuralCodec, load
from antiphon.codecs.neural.measures import codebook_use, mel_distance, pesq, stoi
from antiphon.errors import InputError, ModelError
from antiphon.judges.speech.naturalness import DISTILLMOS_WINDOW, DistillMosMeter, windows
from antiphon.judges.speech.wording import normalise, word_errors

LANGUAGE = {"fr": "fr", "ru": "ru", "es": "es", "it": "it"}


@dataclass
class Row:
    speaker: str
    clips: int
    mos_original: float
    mos: float
    stoi: float
    mel: float
    pesq: float | None
    wer_original: float
    wer: float


def mos(judge: DistillMosMeter, wave: Waveform) -> float:
    signal = wave.samples[0]
    return float(
        np.mean([judge._score(w) for w in windows(signal, DISTILLMOS_WINDOW, 1 + signal.shape[0] // DISTILLMOS_WINDOW)])
    )


def evaluate(codec: NeuralCodec, folder: Path, clips: int, *, words: bool, save: Path | None) -> dict[str, object]:
    judge = DistillMosMeter()
    rows, grids, seconds, spent = [], [], 0.0, [0.0, 0.0]
    for speaker in sorted(p for p in folder.iterdir() if p.is_dir()):
        # The longest clips: a prompt of two words says little about naturalness or words.
        paths = sorted(speaker.glob("*.wav"), key=lambda p: (-p.stat().st_size, p.name))
        picked = sorted(paths[: 3 * clips], key=lambda p: p.name)[:clips]
        originals = [resample(read(path), codec.rate_hz) for path in picked]
        made = []
        for path, wave in zip(picked, originals, strict=True):
            started = time.process_time()
            grid = codec.encode(wave)
            middle = time.process_time()
            out = codec.decode(grid)
            spent[0] += middle - started
            spent[1] += time.process_time() - middle
            seconds += wave.duration_s
            grids.append(grid)
            made.append(Waveform(out.samples[:, : wave.samples.shape[1]], out.rate_hz))
            if save is not None:
                (save / speaker.name).mkdir(parents=True, exist_ok=True)
                soundfile.write(save / speaker.name / path.name, made[-1].samples[0], codec.rate_hz)
        rows.append(_row(judge, speaker.name, picked, originals, made, words=words))
        print(json.dumps(_rounded(asdict(rows[-1]))), flush=True)
    return _summary(rows, grids, codec, seconds, spent)


def _rounded(figures: dict[str, object]) -> dict[str, object]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in figures.items()}


def _row(
    judge: DistillMosMeter,
    speaker: str,
    paths: list[Path],
    originals: list[Waveform],
    made: list[Waveform],
    *,
    words: bool,
) -> Row:
    pairs = list(zip(originals, made, strict=True))
    intelligible = _measured(stoi, pairs)
    rates = _word_error_rates(speaker, paths, originals, made) if words else (float("nan"), float("nan"))
    return Row(
        speaker, len(pairs),
        float(np.mean([mos(judge, a) for a, _ in pairs])), float(np.mean([mos(judge, b) for _, b in pairs])),
        float(np.mean(intelligible)), float(np.mean([mel_distance(a, b) for a, b in pairs])), _pesq(pairs), *rates,
    )  # fmt: skip


def _measured(measure: Callable[[Waveform, Waveform], float], pairs: list[tuple[Waveform, Waveform]]) -> list[float]:
    """Of the clips that hold enough speech."""
    values = []
    for a, b in pairs:
        try:
            values.append(measure(a, b))
        except InputError:
            continue
    return values


def _pesq(pairs: list[tuple[Waveform, Waveform]]) -> float | None:
    try:
        values = _measured(pesq, pairs)
    except ModelError:  # the package is not installed
        return None
    return float(np.mean(values)) if values else None


def _word_error_rates(
    speaker: str, paths: list[Path], originals: list[Waveform], made: list[Waveform]
) -> tuple[float, float]:
    language = LANGUAGE.get(speaker[:2], "en") if speaker[2:3] == "_" else "en"
    recogniser = Recogniser("whisper-base")
    heard = [
        [normalise(h.text, language).split() for h in recogniser.transcribe([w.samples[0] for w in waves], language)]
        for waves in (originals, made)
    ]
    texts = [path.with_suffix(".txt") for path in paths]
    wanted = [
        normalise(text.read_text(), language).split() if text.is_file() else known
        for text, known in zip(texts, heard[0], strict=True)
    ]
    total = max(1, sum(len(text) for text in wanted))
    before, after = (sum(word_errors(a, b) for a, b in zip(wanted, side, strict=True)) / total for side in heard)
    return before, after


def _summary(
    rows: list[Row], grids: list[TokenGrid], codec: NeuralCodec, seconds: float, spent: list[float]
) -> dict[str, object]:
    uses = codebook_use(grids, codec.vocabulary)
    names = ("mos_original", "mos", "stoi", "mel", "pesq", "wer_original", "wer")
    columns = {name: [getattr(row, name) for row in rows] for name in names}
    means = {name: None if None in of else round(float(np.mean(of)), 4) for name, of in columns.items()}
    return {
        "codec": codec.name,
        **means,
        "use": [round(u.share, 3) for u in uses],
        "perplexity": [round(u.perplexity) for u in uses],
        "frames": sum(grid.frames for grid in grids),
        "rtf_encode": round(spent[0] / seconds, 4),
        "rtf_decode": round(spent[1] / seconds, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audio", type=Path, required=True)
    parser.add_argument("--codec", type=Path)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--no-words", action="store_true")
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    summary = evaluate(load(options.codec), options.audio, options.clips, words=not options.no_words, save=options.save)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
