"""What honest validators read in the same work, and what one could guess that did not listen.

    python scripts/measure_guessed_readings.py FOLDER [--out deliveries.json]

FOLDER holds what `measure_honest_readings.py` made and measured. Prints the table of docs/figures.md, "Listening pays";
`--out` writes the deliveries that `antiphon.economy.incentives` plays with.

The guesser knows the order, the length of the delivery (public), and every other delivery's readings (public too): a
ridge regression for each reading, on engine and voice, text and length, left out one at a time. Whoever runs some of
the judges adds their figures to that. A guesser with half of its errors stands for a better one than ours.
"""

from __future__ import annotations

import argparse
import itertools
import json
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from antiphon.economy.incentives import Delivery
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import decide
from antiphon.economy.types import PPM, READING_TOLERANCE, Reading, Verdict, Vote
from antiphon.engines import registry
from antiphon.judges.cloning.scoring import CLONE
from antiphon.judges.metrics import BUILT_IN, CLONE_ORDER
from antiphon.judges.music.scoring import MUSIC
from antiphon.judges.readings import readings_of
from antiphon.judges.speech.cards import card
from antiphon.judges.speech.expectation import Expectation, expectation_of
from antiphon.judges.speech.scoring import ANTIPHON
from antiphon.services import SpeechRequest

Matrix = npt.NDArray[np.float64]

MODELS = {"words": ("words.",), "distillmos": ("naturalness.distillmos",), "dnsmos": ("naturalness.dnsmos",)}
MODELS |= {"voice": ("voice.", "clone.")}
"""Whose readings each model makes."""
RIDGES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)


class Measured:
    """Everything measured of one service's deliveries."""

    def __init__(self, folder: Path, service: str) -> None:
        found = {path.name.removesuffix(".order.json"): path for path in sorted(folder.glob("*.order.json"))}
        orders = {name: json.loads(path.read_text()) for name, path in found.items()}
        kinds = {
            path.stem: json.loads(path.read_text())
            for path in sorted(folder.glob("*.json"))
            if path not in found.values()
        }
        self.orders = {
            name: order for name, order in orders.items() if (order["service"] == "music") == (service == "music")
        }
        self.kinds = sorted(kinds, key=lambda kind: (kind != "usual", kind))
        self.orders = {
            name: order for name, order in self.orders.items() if all(name in one["figures"] for one in kinds.values())
        }
        self.seconds = {name: _seconds(folder / f"{name}.wav") for name in self.orders}
        self.figures = {kind: {name: kinds[kind]["figures"][name] for name in self.orders} for kind in self.kinds}
        self.cpu_s = kinds["usual"]["cpu_s"]
        self.audio_s = kinds["usual"]["audio_s"]["music" if service == "music" else "speech"]

    def vote(self, name: str, kind: str) -> Vote:
        return _vote(self.orders[name], self.figures[kind][name])


def _seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / file.getframerate()


def _vote(order: dict[str, Any], figures: dict[str, float]) -> Vote:
    told = [
        Measurement(judge=key.split(".")[0], name=key.split(".")[1], unit="", value=figures[key]) for key in figures
    ]
    if order["service"] == "music":
        vote = decide(MUSIC, told)
    elif order["service"] == "clone":
        told.append(CLONE_ORDER.measured(1.0))
        vote = decide(CLONE.expecting(Expectation(chars=len(order["text"]))), told)
    else:
        language = registry.find_voice(order["voice"]).language
        request = SpeechRequest(text=order["text"], voice=order["voice"], language=language)
        vote = decide(ANTIPHON.expecting(expectation_of(request, card(order["voice"]))), told)
    return msgspec.structs.replace(vote, measurements=(), readings=readings_of(told, BUILT_IN.values()))


def known(measured: Measured, names: Sequence[str], extra: Sequence[str] = ()) -> Matrix:
    """What a guesser knows of each delivery, `[deliveries, features]`, standardised. `extra`: figures it measured."""
    rows = []
    makers = sorted({(one["engine"], one["voice"]) for one in measured.orders.values()})
    engines = sorted({one["engine"] for one in measured.orders.values()})
    for name in names:
        order, seconds = measured.orders[name], measured.seconds[name]
        text = order["text"].lower()
        chars = len(text)
        row = [float((order["engine"], order["voice"]) == one) for one in makers]
        numbers = [
            np.log(chars),
            chars / 100,
            len(text.split()) / 10,
            np.log(seconds),
            seconds / 5,
            chars / seconds / 10,
        ]
        numbers += [
            10 * sum(text.count(c) for c in group) / chars for group in ("aeiou", "sz", "ptk", "mn", "lr", ",.")
        ]
        figures = measured.figures["usual"][name]
        numbers += [figures.get(key, np.nan) for key in extra]
        row += numbers
        for engine in engines:
            row += [number * (order["engine"] == engine) for number in numbers[:6]]
        rows.append(row)
    table = np.array(rows, dtype=np.float64)
    middle = np.nanmean(table, axis=0)
    table = np.where(np.isnan(table), middle, table)
    spread = table.std(axis=0)
    return np.asarray((table - middle) / np.where(spread > 0, spread, 1.0))


def left_out(features: Matrix, values: Matrix) -> Matrix:
    """For each row what a ridge regression on all other rows says, with the ridge that errs least."""
    best: tuple[float, Matrix] | None = None
    design = np.c_[np.ones(len(features)), features]
    for ridge in RIDGES:
        penalty = ridge * np.eye(design.shape[1])
        penalty[0, 0] = 1e-9
        hat = design @ np.linalg.solve(design.T @ design + penalty, design.T)
        errors = (values - hat @ values) / np.maximum(1e-6, 1 - np.diag(hat))
        size = float(np.median(np.abs(errors)))
        if best is None or size < best[0]:
            best = size, values - errors
    assert best is not None
    return best[1]


class Guesser:
    """Votes of those that leave out listening, on one service's good deliveries."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.names = list(measured.orders)
        self.true = {name: measured.vote(name, "usual") for name in self.names}
        keys = sorted({reading.key for vote in self.true.values() for reading in vote.readings})
        self.usual = {key: float(np.median(list(self._values(key).values()))) for key in keys}
        self.keys = keys
        self.score_ppm = round(float(np.median([vote.score_ppm or 0 for vote in self.true.values()])))
        self.unheard = self._regressed(())

    def _values(self, key: str) -> dict[str, float]:
        return {
            name: float(reading.value)
            for name, vote in self.true.items()
            for reading in vote.readings
            if reading.key == key
        }

    def _regressed(self, extra: Sequence[str]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        scores = {name: float(vote.score_ppm or 0) for name, vote in self.true.items()}
        for key in (*self.keys, "score"):
            values = scores if key == "score" else self._values(key)
            names = list(values)
            guess = left_out(known(self.measured, names, extra), np.array([values[name] for name in names]))
            found[key] = dict(zip(names, map(float, guess), strict=True))
        return found

    def votes(self) -> dict[str, dict[str, Vote]]:
        """By way of guessing, by delivery."""
        told: dict[str, dict[str, Vote]] = {"usual": {}, "guesser": {}, "better guesser": {}}
        for name in self.names:
            has = {reading.key: reading.value for reading in self.true[name].readings}
            told["usual"][name] = _valid(self.score_ppm, {key: self.usual[key] for key in has})
            guessed = {key: self.unheard[key][name] for key in has}
            score = self.unheard["score"][name]
            told["guesser"][name] = _valid(score, guessed)
            better = {key: (value + has[key]) / 2 for key, value in guessed.items()}
            told["better guesser"][name] = _valid((score + (self.true[name].score_ppm or 0)) / 2, better)
        if "words.wer" in self.measured.figures["usual"][self.names[0]]:
            told |= {f"without {model}": self._without((model,)) for model in MODELS}
            told["signal only"] = self._without(tuple(MODELS))
        return told

    def _without(self, models: tuple[str, ...]) -> dict[str, Vote]:
        """Runs all the other judges, and guesses from their figures too what these would read."""
        left = tuple(prefix for model in models for prefix in MODELS[model])
        shown = sorted({key for one in self.measured.figures["usual"].values() for key in one})
        extra = [
            key for key in shown if not key.startswith(left) and key.startswith(("words", "natural", "voice", "integ"))
        ]
        guess = self._regressed(extra)
        told = {}
        for name in self.names:
            has = {one.key: float(one.value) for one in self.true[name].readings}
            values = {key: guess[key][name] if key.startswith(left) else value for key, value in has.items()}
            told[name] = _valid(guess["score"][name], values)
        return told


def _valid(score: float, readings: dict[str, float]) -> Vote:
    told = tuple(Reading(key=key, value=round(value)) for key, value in readings.items())
    return Vote(verdict=Verdict.VALID, score_ppm=min(PPM, max(0, round(score))), readings=told)


def deliveries(measured: Measured, guessed: dict[str, dict[str, Vote]]) -> dict[str, Any]:
    """Good ones as measured. Bad ones have the same sound and readings, and another text: all that listen say no, and
    so do those that leave out one model, as if they always noticed."""
    good, bad = [], []
    for name in measured.orders:
        heard = {kind: measured.vote(name, kind) for kind in measured.kinds}
        told = {way: votes[name] for way, votes in guessed.items()}
        good.append(Delivery(heard=heard, guessed=told))
        worse = {kind: _no(vote) for kind, vote in heard.items()}
        noticed = {way: _no(vote) if way.startswith("without") else vote for way, vote in told.items()}
        bad.append(Delivery(heard=worse, guessed=noticed))
    cpu = {key: value for key, value in measured.cpu_s.items() if value > 0}
    return {"good": good, "bad": bad, "cpu_s": cpu, "audio_s": measured.audio_s}


def _no(vote: Vote) -> Vote:
    score_ppm = 0 if vote.score_ppm is None else vote.score_ppm // 2
    return msgspec.structs.replace(vote, verdict=Verdict.INVALID, score_ppm=score_ppm)


def rows(measured: Measured, guesser: Guesser, guessed: dict[str, dict[str, Vote]]) -> list[list[str]]:
    """Of each reading, in its tolerances: how far honest machines and guesses are apart."""
    lines = []
    for key in guesser.keys:
        honest = []
        for one, other in itertools.combinations(measured.kinds, 2):
            for name in measured.orders:
                here = {reading.key: reading.value for reading in measured.vote(name, one).readings}
                there = {reading.key: reading.value for reading in measured.vote(name, other).readings}
                if (key in here) != (key in there):
                    honest.append(np.inf)
                elif key in here:
                    honest.append(abs(here[key] - there[key]) / READING_TOLERANCE)
        values = guesser._values(key)
        cells = [key, f"{np.std(list(values.values())) / READING_TOLERANCE:.1f}"]
        apart = np.array(honest)
        cells += [f"{np.quantile(apart, 0.5):.2f}", f"{np.quantile(apart, 0.99):.2f}", f"{np.mean(apart > 1):.2%}"]
        for way in ("usual", "guesser", "better guesser"):
            off = [
                abs(reading.value - values[name]) / READING_TOLERANCE
                for name, vote in guessed[way].items()
                for reading in vote.readings
                if reading.key == key
            ]
            cells.append(f"{np.mean(np.array(off) <= 1):.0%}")
        lines.append(cells)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    out = {}
    for service in ("speech", "music"):
        measured = Measured(given.folder, service)
        if not measured.orders:
            continue
        guesser = Guesser(measured)
        guessed = guesser.votes()
        print(f"\n{service}: {len(measured.orders)} deliveries, {measured.audio_s:.0f} s, machines {measured.kinds}")
        print("CPU seconds:", {key: round(value, 1) for key, value in measured.cpu_s.items()})
        votes = {kind: [measured.vote(name, kind).verdict for name in measured.orders] for kind in measured.kinds}
        print("not valid:", {kind: sum(v is not Verdict.VALID for v in told) for kind, told in votes.items()})
        scores = np.array([[measured.vote(n, k).score_ppm or 0 for n in measured.orders] for k in measured.kinds]) / PPM
        print(f"score sd {scores[0].std():.4f}; between machines median {np.median(np.ptp(scores, axis=0)):.4f}")
        print(
            "| reading | spread | machines apart: median | 99% | beyond tolerance | guessed usual | guesser | better |"
        )
        for cells in rows(measured, guesser, guessed):
            print("| " + " | ".join(cells) + " |")
        out[service] = deliveries(measured, guessed)
    if given.out:
        given.out.write_bytes(msgspec.json.encode(out))


if __name__ == "__main__":
    main()
