"""What Ruby reaches: `python scripts/measure_ruby.py DATA [--prompts 50]`, on the weights that ship.

Perplexity per event: of tokens that begin something, hidden as in training (masks that stay), beside guessing by how
often each token comes in the training pieces. Tempo and key are heard by the judges' analysis. A copy: eight beats of
the lead that stand in a training piece, in any key. Everything is printed as one JSON line by line. `compare_ruby.py`
measures it beside the composer.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

import numpy as np
import torch

from antiphon.analysis.key import keys_of
from antiphon.analysis.sound import Sound
from antiphon.analysis.tempo import pulse_of
from antiphon.audio import Waveform
from antiphon.engines.ruby import RubyEngine
from antiphon.music import prompts, read
from antiphon.ruby import starter
from antiphon.ruby import steps as grid
from antiphon.ruby.arranging import shares
from antiphon.ruby.scores import piece_of
from antiphon.ruby.training.batches import Example, fixed
from antiphon.ruby.training.data import load
from antiphon.ruby.training.trainer import config
from antiphon.services import MusicRequest
from antiphon.soundstorm.training.export import restored

SEED = 31_000
COPY_STEPS = 32
LEAST_NOTES = 6
MASKS = 3


def perplexities(data: Path, train: list[Example]) -> Iterator[tuple[str, float]]:
    path = Path(starter.models.path(starter.MODEL)) / f"{starter.MODEL}-generator.safetensors"
    settings = config()
    model = restored(path.read_bytes(), settings.generator)
    counts = [np.ones(size) for size in grid.VOCABULARY]
    for one in train:
        for level, size in enumerate(grid.VOCABULARY):
            counts[level] += np.bincount(one.piece.tokens[level], minlength=size)[:size]
    odds = [np.log(count / count.sum()) for count in counts]
    test = load(data, "test")
    for origin in ("people", "composer"):
        group = [one for one in test if one.attributes.origin == origin][:40]
        batch, hidden = fixed([one for one in group for _ in range(MASKS)], settings, seed=2)
        losses, guesses = [], []
        with torch.no_grad():
            body, _ = model.body(batch.semantic, batch.tokens, batch.prompt, batch.valid, batch.text)
            for level, size in enumerate(grid.VOCABULARY[:6]):
                target = batch.target[:, level]
                begins = (target >= grid.FIRST) if level < 3 else (target > 0) & (target < size)
                places = torch.from_numpy(hidden[:, level]) & (batch.level == level)[:, None] & begins
                logits = (body[places] @ model.heads[level, :, :size] + model.biases[level, :size]).log_softmax(-1)
                losses += (-logits.gather(1, target[places][:, None])[:, 0]).tolist()
                guesses += (-odds[level][target[places].numpy()]).tolist()
        yield f"perplexity per event, {origin}", float(np.exp(mean(losses)))
        yield f"perplexity per event, {origin}, by frequency alone", float(np.exp(mean(guesses)))
        yield f"events measured, {origin}", float(len(losses))


def order(prompt: str, seed: int) -> MusicRequest:
    return MusicRequest(prompt=prompt, seconds=30.0, seed=seed, start_s=0.0, stop_s=30.0)


def sound(engine: RubyEngine, request: MusicRequest) -> Waveform:
    chunks = list(engine.generate(request, 0))
    return Waveform(np.concatenate([one.samples for one in chunks], axis=1), chunks[0].rate_hz)


def lead_windows(tokens: np.ndarray) -> Iterator[bytes]:
    row = tokens[grid.LEAD].astype(np.uint8)
    for start in range(len(row) - COPY_STEPS + 1):
        stretch = row[start : start + COPY_STEPS]
        if (stretch >= grid.FIRST).sum() >= LEAST_NOTES:
            yield stretch.tobytes()


def by_ear(engine: RubyEngine, count: int, train: list[Example]) -> Iterator[tuple[str, float]]:
    known = {window for one in train for window in lead_windows(one.piece.tokens)}
    tempi, keys, copied, alike, spent, cpu = [], [], [], [], [], []
    for number, prompt in enumerate(prompts.prompts(SEED, count, exact=True)):
        request = order(prompt, SEED + number)
        began, used = time.perf_counter(), time.process_time()
        audio = sound(engine, request)
        spent.append(time.perf_counter() - began)
        cpu.append(time.process_time() - used)
        asked, heard = read(prompt), Sound(audio)
        found = pulse_of(heard).best_bpm
        assert asked.tempo_bpm is not None
        tempi.append(any(abs(found / (asked.tempo_bpm * times) - 1) <= 0.05 for times in (0.5, 1, 2)))
        fits = keys_of(heard)
        keys.append(fits is not None and fits.best == (asked.tonic or 0) + 12 * (asked.mode == "minor"))
        tokens = piece_of(engine.score_of(request)).tokens
        copied.append(any(window in known for window in lead_windows(tokens)))
        if number < count // 3:
            other = piece_of(engine.score_of(order(prompt, SEED + number + 500))).tokens
            alike.append(shares(tokens, other))
    yield "tempo within 5%, its half or double, %", 100 * mean(tempi)
    yield "key right, %", 100 * mean(keys)
    yield "pieces with 8 beats of lead from a training piece, %", 100 * mean(copied)
    yield "share of columns alike between two seeds, mean %", 100 * mean(alike)
    yield "share of columns alike between two seeds, worst %", 100 * max(alike)
    yield "30 s of music, median s", median(spent)
    yield "30 s of music, median CPU s", median(cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--prompts", type=int, default=50)
    given = parser.parse_args()
    train = load(given.data, "train")
    engine = RubyEngine()
    engine.warm_up()
    for name, value in perplexities(given.data, train):
        print(json.dumps({name: round(value, 3)}), flush=True)
    for name, value in by_ear(engine, given.prompts, train):
        print(json.dumps({name: round(value, 3)}), flush=True)


if __name__ == "__main__":
    main()
