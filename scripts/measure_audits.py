"""What step audits in the network find, and what they cost: the starter models, sentences nobody trained on.

    OMP_NUM_THREADS=1 python scripts/measure_audits.py --tries 30

Prints, in CPU seconds of one core, what making, opening, auditing and judging take; how often honest work is audited as
such (by our own graph, and by the float32 one, which differs more than machines do) and how far apart its figure is;
and how often each cheat is found. Every try has another text, voice, seed and beacon.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.bench.step_cheats import HalfThePasses, OtherSeed, Unguided
from antiphon.engines.auditing import Claim, Finding, Result
from antiphon.engines.soundstorm import SoundStormEngine
from antiphon.engines.soundstorm.voices import VOICES
from antiphon.nodes.evaluation.base import Submission
from antiphon.nodes.evaluation.evaluator import evaluator_of
from antiphon.parties.messages import Form
from antiphon.services import SpeechRequest
from antiphon.soundstorm import starter

STARTS = (
    "Seven ships",
    "My neighbours",
    "The old doctors",
    "Nobody",
    "Two of the teachers",
    "Our friends in the north",
)
DEEDS = ("left", "found", "painted", "sold", "remembered", "asked for", "carried home")
THINGS = ("a wooden chair", "the last train", "their letters", "a bag of apples", "the garden wall", "every photograph")
ENDS = ("before noon", "last winter", "without a word", "on the way to the river", "in June", "again")

T = TypeVar("T")


class Clock:
    """CPU seconds by name."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def run(self, name: str, work: Callable[[], T]) -> T:
        begun = time.process_time()
        made = work()
        self.spent[name] = self.spent.get(name, 0.0) + time.process_time() - begun
        return made


def orders(tries: int) -> list[tuple[SpeechRequest, int, bytes]]:
    dice = random.Random(22)
    made = []
    for number in range(tries):
        text = " ".join(dice.choice(words) for words in (STARTS, DEEDS, THINGS, ENDS)) + "."
        voice = VOICES[number % len(VOICES)].name
        made.append((SpeechRequest(text=text, voice=voice), number, hashlib.sha256(b"%d" % number).digest()))
    return made


def claim_of(engine: SoundStormEngine, order: tuple[SpeechRequest, int, bytes], clock: Clock) -> Claim:
    request, seed, beacon = order
    chunks, trace = engine.traced(request, seed)
    pcm = clock.run("making", lambda: b"".join(chunk.to_pcm16() for chunk in chunks))
    opening = clock.run("opening", lambda: trace.open(beacon))
    return Claim(request, seed, trace.root, beacon, opening, Waveform.from_pcm16(pcm, 16_000))


def told(name: str, findings: list[Finding]) -> None:
    counts = {kind: sum(found.result is kind for found in findings) for kind in Result}
    print(f"{name:24} " + ", ".join(f"{kind} {count}" for kind, count in counts.items() if count), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=30)
    tries = parser.parse_args().tries
    models = starter.load(threads=1)
    honest, clock = SoundStormEngine(models), Clock()
    float32 = SoundStormEngine(starter.load(threads=1, precision="float32"))
    evaluator = evaluator_of("antiphon")
    claim = claim_of(honest, orders(1)[0], Clock())  # loads everything
    evaluator.vote(_submission(claim))
    claims = [claim_of(honest, order, clock) for order in orders(tries)]
    own = [clock.run("auditing", lambda claim=claim: honest.audit(claim)) for claim in claims]
    for claim in claims:
        clock.run("judging", lambda claim=claim: evaluator.vote(_submission(claim)))
    other = [float32.audit(claim) for claim in claims]
    seconds = sum(claim.audio.duration_s for claim in claims)
    sizes = [len(claim.opening) for claim in claims]
    print(f"{tries} sentences, {seconds:.0f} s; an opening has {np.mean(sizes):.0f} bytes, {max(sizes)} at most")
    for name, spent in clock.spent.items():
        print(f"{name:12} {spent / seconds:.4f} s of a core for each second of sound")
    print(f"auditing = {clock.spent['auditing'] / clock.spent['judging']:.2f} of judging")
    told("honest", own)
    told("honest, by float32", other)
    figures = np.array([[a.figure, b.figure] for a, b in zip(own, other, strict=True)], float)
    apart = np.abs(figures[:, 0] - figures[:, 1]).max()
    guessed = (np.abs(figures[:, 0] - np.median(figures[:, 0])) <= 0.05).mean()
    spread = f"sd {figures[:, 0].std():.2f} nats, int8 and float32 at most {apart:.3f} apart"
    print(f"surprise: {spread}; the usual value fits {guessed:.0%}")
    for kind in (OtherSeed, HalfThePasses, Unguided):
        cheat = kind(models)
        told(kind.__name__, [honest.audit(claim_of(cheat, order, Clock())) for order in orders(tries)])


def _submission(claim: Claim) -> Submission:
    pcm = claim.audio.to_pcm16()
    return Submission(claim.request, pcm, Form(rate_hz=claim.audio.rate_hz, channels=1), len(pcm))


if __name__ == "__main__":
    main()
