"""Clones of recorded people and of built-in voices through the judges: what their limits were chosen from.

    python scripts/measure_clone_judges.py tune.jsonl FOLDER...          # about 20 minutes on two cores
    python scripts/measure_clone_judges.py test.jsonl --test FOLDER...   # other texts and seeds
    python scripts/measure_clone_judges.py tune.jsonl --table            # the distributions of an earlier run

Each FOLDER holds WAV recordings of one person; about 15 s of it become the reference.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from antiphon import engines
from antiphon.analysis.features import RATE_HZ, mono_16k
from antiphon.audio.waveform import Waveform
from antiphon.bench import clone_cheats
from antiphon.bench.cheats import synthesise
from antiphon.bench.sentences import HELD_OUT
from antiphon.clock import SystemClock
from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import decide
from antiphon.judges.cloning import CloneMeters, clone_expectation, enrolment_expectation, write_profile
from antiphon.judges.cloning.scoring import CLONE, ENROLMENT
from antiphon.judges.speech.meters import SpeechMeters
from antiphon.protocol.consent import ANYBODY, Grant, Use, sign_grant
from antiphon.protocol.identity import Identity
from antiphon.services import Clip
from antiphon.text import normalise

REFERENCE_S = 15.0
TUNE_TEXTS = (
    "The parcel will arrive tomorrow.",
    "My neighbour grows tomatoes and peppers on her sunny balcony.",
    "The captain asked the crew to check every rope before the storm arrived.",
    "Only 40% of the seats were sold, yet the concert was a great success.",
    "He wrote a short letter to his teacher and thanked her for the help.",
    "Most birds leave the valley in autumn; they return when the snow melts.",
    "I've never seen such a bright moon. Shall we walk along the river and watch it for a while?",
    "Good evening.",
)
TUNE_VOICES, TEST_VOICES = ("am_eric", "bf_alice", "jf_nezumi"), ("bm_george", "af_bella", "zm_yunyang")
SPOKEN = (
    "My grandfather kept his letters in a green metal box, and every morning he opened his window to feed the birds."
)


def recorded(folder: Path, seed: int) -> Clip:
    """About 15 s of a person's recordings, drawn by seed."""
    import soundfile

    files = sorted(file for file in folder.glob("*.wav") if soundfile.info(file).duration > 2)
    pieces: list[np.ndarray] = []
    for index in np.random.default_rng(seed).permutation(len(files)):
        samples, rate_hz = soundfile.read(files[index], dtype="float32")
        pieces.append(mono_16k(Waveform(samples.reshape(1, -1), rate_hz)))
        if sum(piece.size for piece in pieces) > REFERENCE_S * RATE_HZ:
            break
    return _clip(Waveform(np.concatenate(pieces)[None], RATE_HZ))


def spoken(voice: str) -> Clip:
    return _clip(synthesise(SPOKEN, voice, 0))


def _clip(audio: Waveform) -> Clip:
    short = Waveform(audio.samples[:, : int(REFERENCE_S * audio.rate_hz)], audio.rate_hz)
    return Clip(pcm=short.to_pcm16(), rate_hz=short.rate_hz)


def consent_to(clip: Clip) -> bytes:
    """The measurer's own word for it: what is made here stays here."""
    clock = SystemClock()
    grant = Grant(
        subject="a voice to be measured",
        references=(clip.sha256,),
        uses=tuple(Use),
        grantee=ANYBODY,
        not_before_ms=clock.now_ms() - 1_000,
        until_ms=clock.now_ms() + 86_400_000,
    )
    return sign_grant(Identity.generate(), grant, clock)


def rows(engine: str, references: dict[str, Clip], texts: Sequence[str], seed: int) -> Iterator[dict[str, object]]:
    studio = clone_cheats.Studio(engines.load(engine))
    judges = CloneMeters(SpeechMeters(normaliser=normalise), studio.render)
    speakers = [studio.enrol(name, clip, consent_to(clip)) for name, clip in references.items()]
    for speaker in speakers:
        heard = judges.measure_enrolment(speaker.order, write_profile(speaker.profile))
        vote = decide(ENROLMENT.expecting(enrolment_expectation(speaker.order)), heard)
        yield _row("enrolment", speaker.name, "", heard, vote.verdict)
    for mine in speakers:
        for theirs in speakers:
            if mine is not theirs:
                forged = write_profile(clone_cheats.relabelled(mine.profile, theirs.profile))
                heard = judges.measure_enrolment(mine.order, forged)
                vote = decide(ENROLMENT.expecting(enrolment_expectation(mine.order)), heard)
                yield _row("enrolment of another", f"{mine.name} < {theirs.name}", "", heard, vote.verdict)
    for number, case in enumerate(clone_cheats.cases(studio, speakers, texts, seed)):
        name = speakers[number % len(speakers)].name
        for kind, cheat in {"honest": clone_cheats.honest, **clone_cheats.CHEATS}.items():
            audio = cheat(case)
            audio = Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)
            heard = judges.measure_clone(
                case.request,
                audio,
                declared_rate_hz=audio.rate_hz,
                declared_samples=audio.samples.shape[1],
                seed=case.seed,
            )
            vote = decide(CLONE.expecting(clone_expectation(case.request)), heard)
            yield _row(kind, name, case.request.text, heard, vote.verdict, case.request.profile.own_mos)


def _row(
    kind: str, speaker: str, text: str, heard: Sequence[Measurement], verdict: str, own_mos: float = 0.0
) -> dict[str, object]:
    values = {f"{m.judge}.{m.name}": m.value for m in heard}
    if own_mos:
        mos = values.get("naturalness.distillmos")
        values["distillmos - own"] = None if mos is None else mos - own_mos
    reasons = {m.name: m.reason for m in heard if m.reason}
    return {"kind": kind, "speaker": speaker, "text": text, "verdict": verdict, "values": values, "reasons": reasons}


def table(path: Path) -> None:
    groups: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    verdicts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in path.read_text().splitlines():
        row = json.loads(line)
        verdicts[row["kind"]][row["verdict"]] += 1
        for name, value in row["values"].items():
            if value is not None:
                groups[name][row["kind"]].append(value)
    for name, kinds in groups.items():
        print(f"\n{name:<28}{'n':>5}{'min':>9}{'2%':>9}{'50%':>9}{'98%':>9}{'max':>9}")
        for kind, values in kinds.items():
            figures = np.percentile(values, [0, 2, 50, 98, 100])
            print(f"{kind:<28}{len(values):>5}" + "".join(f"{figure:9.3f}" for figure in figures))
    print()
    for kind, counts in verdicts.items():
        print(f"{kind:<28}{dict(counts)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--engine", default="mimic")
    parser.add_argument("--test", action="store_true", help="texts, voices and seeds that no limit was chosen from")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if not arguments.table:
        seed = 2 if arguments.test else 1
        references = {folder.name: recorded(folder, seed) for folder in arguments.folders}
        references |= {voice: spoken(voice) for voice in (TEST_VOICES if arguments.test else TUNE_VOICES)}
        texts = HELD_OUT[: len(TUNE_TEXTS)] if arguments.test else TUNE_TEXTS
        with arguments.target.open("w") as target:
            for row in rows(arguments.engine, references, texts, seed):
                target.write(json.dumps(row) + "\n")
                target.flush()
    table(arguments.target)


if __name__ == "__main__":
    main()
