"""How far honest validators on different machines differ, how far deliveries differ, and what judging costs.

    python scripts/measure_honest_readings.py make FOLDER WHAT     honest work: speech (or one engine's), clones, music
    python scripts/measure_honest_readings.py measure FOLDER KIND  judge it all as one kind of machine (KINDS)
    python scripts/measure_guessed_readings.py FOLDER              compare what was measured

One machine plays several: two of its libraries' threads instead of one, their instruction sets held back to AVX2 by
their own switches, models that run in float32 where they ship in int8.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import soundfile

KINDS: dict[str, dict[str, str]] = {
    "usual": {},
    "two-threads": {"HONEST_THREADS": "2"},
    "avx2": {
        "CT2_FORCE_CPU_ISA": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    },
    "float32": {"HONEST_COMPUTE": "float32"},
    "unfused": {"HONEST_UNFUSED": "1"},  # onnxruntime has no such switch: other sums, in another order
}
VOICES = {"hibari": 28, "af_heart": 14, "bf_emma": 10, "am_michael": 10, "espeak-en-us": 24}
CLONES, STORM, MUSIC = 2, 3, 20  # per recorded voice and engine, per voice, in all


def texts(seed: int) -> Iterator[str]:
    """Sentences, pairs and halves of sentences, without end."""
    from antiphon.bench.sentences import HELD_OUT
    from antiphon.network.prompts import GrammarPrompts

    dice = random.Random(seed)
    while True:
        one, two = dice.sample(HELD_OUT, 2)
        yield GrammarPrompts.sentence(dice.randrange(GrammarPrompts.period))
        yield one
        yield f"{one} {two}"
        yield " ".join(two.split()[: dice.randint(3, 6)]).rstrip(",.") + "."


def make(folder: Path, what: str) -> None:
    """Deliveries as 16-bit WAV files, each beside its order."""
    folder.mkdir(parents=True, exist_ok=True)
    work = {"clones": _clones, "music": _music}.get(what, lambda: _speech(what))
    for name, order, audio in work():
        soundfile.write(folder / f"{name}.wav", audio.samples.T, audio.rate_hz, subtype="PCM_16")
        (folder / f"{name}.order.json").write_text(json.dumps(order))
        print(name, order["text"], flush=True)


def _speech(what: str) -> Iterator[tuple[str, dict[str, Any], Any]]:
    from antiphon.bench import cheats
    from antiphon.engines.soundstorm.voices import VOICES as STORM_VOICES

    voices = VOICES | {voice.name: STORM for voice in STORM_VOICES}
    for number, (voice, count) in enumerate(voices.items()):
        if what not in ("speech", voice, _engine(voice)):
            continue
        for index, text in zip(range(count), texts(number), strict=False):
            order = {"service": "speech", "voice": voice, "text": text, "engine": _engine(voice)}
            yield f"{voice}-{index}", order, cheats.synthesise(text, voice, index)


def _clones() -> Iterator[tuple[str, dict[str, Any], Any]]:
    from antiphon.bench.cloning import Cloning
    from antiphon.engines.base import Cloner
    from antiphon.engines.mimic import MimicEngine
    from antiphon.engines.soundstorm import SoundStormEngine
    from antiphon.services import CloneRequest

    # Not from the registry: measurements need no consent, and keep nothing.
    for engine, cloner in (("soundstorm", SoundStormEngine()), ("mimic", MimicEngine())):
        cloning = Cloning(cast(Cloner, cloner))
        for number, one in enumerate(cloning.enrol()):
            for index, text in zip(range(CLONES), texts(100 + number), strict=False):
                audio = cloning._generated(CloneRequest(profile=one.profile, text=text))
                order = {"service": "clone", "voice": one.voice, "text": text, "engine": f"{engine} clone"}
                yield f"{engine}-clone-{one.voice}-{index}", order, audio


def _music() -> Iterator[tuple[str, dict[str, Any], Any]]:
    from antiphon.bench.music_cheats import perform
    from antiphon.music import prompts

    for index, prompt in enumerate(prompts.prompts(9_500, MUSIC)):
        seconds = 12.0 + index % 3 * 6
        order = {"service": "music", "voice": "", "text": prompt, "seconds": seconds, "seed": index, "engine": "music"}
        yield f"music-{index}", order, perform(prompt, index, seconds).audio


def _engine(voice: str) -> str:
    from antiphon.engines import registry

    return registry.engine_for(voice)


def measure(folder: Path, kind: str) -> None:
    """All figures of all clips, in a process of its own whose libraries are told to be that kind of machine."""
    subprocess.run(
        [sys.executable, __file__, "measure-here", str(folder), kind], env={**os.environ, **KINDS[kind]}, check=True
    )


def measure_here(folder: Path, kind: str) -> None:
    import ctranslate2

    from antiphon import text as texts_room
    from antiphon.judges.speech.integrity import IntegrityMeter
    from antiphon.judges.speech.naturalness import DistillMosMeter, DnsmosMeter
    from antiphon.judges.speech.voice import VoiceMeter
    from antiphon.judges.speech.words import WordsMeter

    threads = int(os.environ.get("HONEST_THREADS", "1"))
    compute = os.environ.get("HONEST_COMPUTE")
    if compute:
        whisper = ctranslate2.models.Whisper
        ctranslate2.models.Whisper = lambda *given, **named: whisper(*given, **(named | {"compute_type": compute}))
    if os.environ.get("HONEST_UNFUSED"):
        import onnxruntime

        session = onnxruntime.InferenceSession

        def unfused(source: Any, options: Any, **named: Any) -> Any:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            return session(source, options, **named)

        onnxruntime.InferenceSession = unfused
    judges = {
        "words": WordsMeter(normaliser=texts_room.normalise, threads=threads),
        "distillmos": DistillMosMeter(threads=threads),
        "dnsmos": DnsmosMeter(threads=threads),
        "voice": VoiceMeter(threads=threads),
        "integrity": IntegrityMeter(),
    }
    orders = {p.name.removesuffix(".order.json"): json.loads(p.read_text()) for p in folder.glob("*.order.json")}
    path = folder / f"{kind}.json"
    before = json.loads(path.read_text()) if path.exists() else {"figures": {}}
    found: dict[str, dict[str, float]] = {name: value for name, value in before["figures"].items() if name in orders}
    spent = before.get("cpu_s") or dict.fromkeys([*judges, "other voice", "music"], 0.0)
    seconds = before.get("audio_s") or {"speech": 0.0, "music": 0.0}
    for name, order in sorted(orders.items()):
        if name in found:
            continue
        samples, rate_hz = soundfile.read(folder / f"{name}.wav", dtype="float32", always_2d=True)
        service = "music" if order["service"] == "music" else "speech"
        seconds[service] += samples.shape[0] / rate_hz
        work = _music_figures if service == "music" else _speech_figures
        found[name] = work(order, np.ascontiguousarray(samples.T), rate_hz, judges, spent)
        path.write_text(json.dumps({"kind": kind, "cpu_s": spent, "audio_s": seconds, "figures": found}))


def _speech_figures(order: Any, samples: Any, rate_hz: int, judges: Any, spent: dict[str, float]) -> dict[str, float]:
    from antiphon.analysis import embed_independent
    from antiphon.analysis.speaker import embed
    from antiphon.audio.waveform import Waveform
    from antiphon.engines import registry
    from antiphon.errors import InputError
    from antiphon.judges.speech.cards import card
    from antiphon.judges.speech.evidence import Evidence, VoiceReference, signal_of
    from antiphon.services import SpeechRequest

    audio = Waveform(samples, rate_hz)
    clone = order["service"] == "clone"
    language = "en-us" if clone else registry.find_voice(order["voice"]).language
    reference = card(order["voice"])
    if clone:
        known = _reference(order["voice"])
        reference = VoiceReference(embedding=embed(known))
    request = SpeechRequest(text=order["text"], voice="x" if clone else order["voice"], language=language)
    evidence = Evidence(request, audio, rate_hz, samples.shape[1], reference)
    signal_of(evidence)
    values = {}
    for name, judge in judges.items():
        started = time.process_time()
        for one in judge.measure(evidence):
            if one.value is not None:
                values[f"{one.judge}.{one.name}"] = one.value
        spent[name] += time.process_time() - started
    if clone:
        started = time.process_time()
        with contextlib.suppress(InputError):
            values["clone.voice"] = float(np.dot(embed_independent(audio), embed_independent(known)))
        spent["other voice"] += time.process_time() - started
    return values


def _reference(voice: str) -> Any:
    from antiphon.audio.reference import prepare
    from antiphon.bench.cloning import REFERENCES

    return prepare(REFERENCES / f"{voice}.opus").waveform


def _music_figures(order: Any, samples: Any, rate_hz: int, _judges: Any, spent: dict[str, float]) -> dict[str, float]:
    from antiphon.audio.waveform import Waveform
    from antiphon.judges.music.evidence import MusicEvidence
    from antiphon.judges.music.meters import MusicMeters
    from antiphon.services import MusicRequest

    seconds = order["seconds"]
    request = MusicRequest(prompt=order["text"], seconds=seconds, seed=order["seed"], start_s=0.0, stop_s=seconds)
    evidence = MusicEvidence(
        request=request,
        audio=Waveform(samples, rate_hz),
        declared_rate_hz=rate_hz,
        declared_samples=samples.shape[1],
    )
    started = time.process_time()
    figures = MusicMeters().measure(evidence)
    spent["music"] += time.process_time() - started
    return {f"{one.judge}.{one.name}": one.value for one in figures if one.value is not None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["make", "measure", "measure-here"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("what", nargs="?", default="speech")
    given = parser.parse_args()
    if given.verb == "make":
        make(given.folder, given.what)
    elif given.verb == "measure":
        measure(given.folder, given.what)
    elif given.verb == "measure-here":
        measure_here(given.folder, given.what)


if __name__ == "__main__":
    main()
