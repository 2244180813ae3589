"""Speech to train a codec on, from packages only: recorded prompts of Debian, spoken text of our own engines.

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-g722 asterisk-core-sounds-en pocketsphinx-testdata
    for f in *.deb; do dpkg-deb -x $f debian; done
    python scripts/codec_data.py recorded --debian debian --out data
    python scripts/codec_data.py spoken --out data --minutes 65 --workers 2

Layout: `{train,valid,heldout}/SPEAKER/*.wav` (16 kHz, 16 bit, mono), `.txt` beside it where the text is known, and
`manifest.jsonl`. A speaker is in one part only. `valid` is looked at while training, `heldout` only for figures.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import multiprocessing
import random
import subprocess
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ = 16_000
ASTERISK = {
    "en_US_f_Allison": ("train", "en", "CC-BY-SA-3.0"),
    "es_MX_f_Allison": ("train", "es", "CC-BY-SA-3.0"),
    "it_IT_m_Carlo": ("train", "it", "CC-BY-3.0"),
    "ru_RU_f_IvrvoiceRU": ("valid", "ru", "CC-BY-3.0"),
    "fr_CA_f_June": ("heldout", "fr", "CC-BY-SA-3.0"),
}
HELD_OUT_VOICES = ("af_bella", "am_michael", "bf_emma", "bm_george", "ff_siwis", "jm_kumo")
VALID_VOICES = ("af_nova", "bm_daniel", "pm_alex")
KOKORO_LICENCE = "Apache-2.0"
POCKETSPHINX_LICENCE = "BSD-2-Clause (package), public domain (LibriVox)"

SUBJECTS = [
    "the old gardener",
    "my younger sister",
    "a tired courier",
    "the chief engineer",
    "our neighbour Victor",
    "the whole orchestra",
    "a group of students",
    "the night nurse",
    "Captain Hughes",
    "the shy apprentice",
    "your cousin Zoe",
    "a famous chef",
    "the jury",
    "the pilot of the ferry",
    "an honest lawyer",
    "the choir from Dublin",
    "this young judge",
    "the museum guide",
    "her uncle Josh",
    "the weather service",
]
VERBS = [
    "has quietly repaired",
    "refused to sell",
    "will probably measure",
    "never understood",
    "just photographed",
    "is going to borrow",
    "carefully wrapped",
    "should have returned",
    "cheerfully described",
    "would rather keep",
    "almost forgot",
    "usually brings",
    "couldn't find",
    "finally chose",
    "accidentally broke",
    "was asked to judge",
    "has always loved",
    "wants to exchange",
]
OBJECTS = [
    "the silver watch",
    "a pair of heavy boots",
    "thirty-seven letters",
    "the broken gearbox",
    "those purple orchids",
    "a jar of honey",
    "the eastern bridge",
    "an unusual question",
    "the church bell",
    "fresh vegetables",
    "a very long poem",
    "the theory of waves",
    "two young oxen",
    "the usual route",
    "a vision of the future",
    "the oldest violin",
    "six thick towels",
    "a cheap umbrella",
    "the noise in the cellar",
    "half of the treasure",
]
ENDINGS = [
    "before breakfast",
    "in the middle of July",
    "near the power station",
    "without saying a word",
    "because of the strong wind",
    "for about five minutes",
    "on the way to Chicago",
    "while the others were singing",
    "at a quarter past eight",
    "with remarkable patience",
    "under the large oak",
    "as soon as it stopped raining",
    "although nobody asked",
    "in front of the whole village",
    "by half past four, as usual",
    "just for the pleasure of it",
]
QUESTIONS = ("Do you know whether", "Is it true that", "Who told you that", "Are you sure that", "Why do they think")
OPENINGS = ("Yesterday", "However", "As far as I know", "Oh no", "To be fair", "In other words", "Strangely enough")


def sentences(count: int, seed: int) -> list[str]:
    """Different sentences of a small grammar, with all English phonemes many times over."""
    rng = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        core = f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(OBJECTS)}"
        core += f" {rng.choice(ENDINGS)}" if rng.random() < 0.8 else ""
        kind = rng.random()
        if kind < 0.2:
            text = f"{rng.choice(QUESTIONS)} {core}?"
        elif kind < 0.4:
            text = f"{rng.choice(OPENINGS)}, {core}{rng.choice('.!')}"
        else:
            text = f"{core[0].upper()}{core[1:]}."
        made[text] = None
    return list(made)


def _write(out: Path, part: str, speaker: str, name: str, samples: np.ndarray, text: str, **about: str) -> None:
    folder = out / part / speaker
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.wav"
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_16")
    if text:
        path.with_suffix(".txt").write_text(text + "\n")
    entry = {
        "path": str(path.relative_to(out)),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "part": part,
        "speaker": speaker,
        "text": text,
        "seconds": round(samples.shape[0] / RATE_HZ, 3),
        **about,
    }
    with (out / "manifest.jsonl").open("a") as handle:
        handle.write(json.dumps(entry, ensure_ascii=False) + "\n")


def _decoded(path: Path, *form: str) -> np.ndarray:
    pcm = subprocess.run(
        ["ffmpeg", "-v", "error", *form, "-i", str(path), "-ar", str(RATE_HZ), "-ac", "1", "-f", "s16le", "-"],
        check=True,
        capture_output=True,
    ).stdout
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768.0


def _transcripts(root: Path) -> dict[str, str]:
    packed = next(root.rglob("core-sounds-en.txt.gz"))
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8", "replace").splitlines()
    pairs = (line.split(":", 1) for line in lines if ":" in line and not line.startswith(";"))
    return {key.strip(): text.strip() for key, text in pairs if "[" not in text}


def recorded(root: Path, out: Path) -> None:
    """Recorded people: clips of one speaker shorter than 1 s are left out, as are tones and silence."""
    texts = _transcripts(root)
    for speaker, (part, language, licence) in ASTERISK.items():
        folder = next(root.rglob(speaker))
        for path in sorted(folder.rglob("*.g722")):
            key = str(path.relative_to(folder).with_suffix(""))
            samples = _decoded(path, "-f", "g722")
            loud = float(np.sqrt(np.mean(samples**2))) if samples.size else 0.0
            if samples.shape[0] < RATE_HZ or loud < 1e-3 or "silence" in key or "beep" in key or "tone" in key:
                continue
            text = texts.get(key, "") if language == "en" else ""
            about = {"language": language, "licence": licence, "source": "asterisk-core-sounds"}
            _write(out, part, speaker, key.replace("/", "-"), samples, text, **about)
    _pocketsphinx(next(root.rglob("pocketsphinx/test/data")), out)


def _pocketsphinx(root: Path, out: Path) -> None:
    for folder, script in (("librivox", "transcription"), ("cards", "cards.transcription")):
        for line in (root / folder / script).read_text().splitlines():
            text, _, name = line.rpartition("(")
            path = root / folder / f"{name.strip(') ')}.wav"
            if path.is_file():
                spoken = text.replace("<s>", "").replace("</s>", "").strip()
                about = {"language": "en", "licence": POCKETSPHINX_LICENCE, "source": "pocketsphinx-testdata"}
                _write(out, "heldout", f"pocketsphinx-{folder}", path.stem, _decoded(path), spoken, **about)


def _plan(minutes: float, seed: int) -> list[tuple[str, str, str, str, float]]:
    """(part, speaker, voice, text, speed) of each utterance; about 4.4 s each."""
    from antiphon.bench.sentences import HELD_OUT
    from antiphon.engines.kokoro_voices import VOICES

    rng = random.Random(seed)
    free = [v.name for v in VOICES if v.name not in HELD_OUT_VOICES and v.name not in VALID_VOICES]
    plan = []
    for voice in HELD_OUT_VOICES:
        plan += [("heldout", f"kokoro-{voice}", voice, text, 1.0) for text in rng.sample(HELD_OUT, 10)]
    for voice in VALID_VOICES:
        plan += [("valid", f"kokoro-{voice}", voice, text, 1.0) for text in sentences(8, seed + 1)]
    train = []
    for number, text in enumerate(sentences(int(minutes * 60 / 4.4), seed)):
        if number % 3 == 0:
            voice = free[(number // 3) % len(free)]
            speaker = f"kokoro-{voice}"
        else:
            names, weights = rng.sample(free, 3), [rng.random() + 0.05 for _ in range(3)]
            voice = "+".join(f"{name}:{weight:.2f}" for name, weight in zip(names, weights, strict=True))
            speaker = f"kokoro-mix-{number:04d}"
        train.append(("train", speaker, voice, text, round(rng.uniform(0.85, 1.2), 2)))
    return plan + train


def _speak(job: tuple[int, int, float, int, Path]) -> None:
    from antiphon.audio import resample
    from antiphon.audio.waveform import Waveform
    from antiphon.engines.kokoro import KokoroEngine
    from antiphon.services import SpeechRequest

    worker, workers, minutes, seed, out = job
    engine = KokoroEngine(threads=1)
    for number, (part, speaker, voice, text, speed) in enumerate(_plan(minutes, seed)):
        if number % workers != worker or (out / part / speaker / f"{number:04d}.wav").is_file():
            continue
        request = SpeechRequest(text=text, voice=voice, speed=speed)
        chunks = [chunk.samples for chunk in engine.generate(request, seed)]
        wave = resample(Waveform(np.concatenate(chunks, axis=1), 24_000), RATE_HZ)
        about = {"language": "en", "licence": KOKORO_LICENCE, "source": "kokoro-82m", "voice": voice}
        _write(out, part, speaker, f"{number:04d}", wave.samples[0], text, **about)


def spoken(out: Path, minutes: float, workers: int, seed: int) -> None:
    """Kokoro over its voices and convex mixes: every third utterance a voice, the others a new mix of three."""
    jobs = [(worker, workers, minutes, seed, out) for worker in range(workers)]
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        pool.map(_speak, jobs, chunksize=1)


def hibari(out: Path, minutes: float, seed: int) -> None:
    """The fast voice, other sentences than Kokoro's."""
    from antiphon.audio import resample
    from antiphon.audio.waveform import Waveform
    from antiphon.engines.hibari import HibariEngine
    from antiphon.services import SpeechRequest

    engine = HibariEngine()
    for number, text in enumerate(sentences(int(minutes * 60 / 4.4), seed + 2)):
        chunks = [c.samples for c in engine.generate(SpeechRequest(text=text, voice="hibari"), seed + number)]
        wave = resample(Waveform(np.concatenate(chunks, axis=1), 24_000), RATE_HZ)
        about = {"language": "en", "licence": KOKORO_LICENCE, "source": "hibari-tts", "voice": "hibari"}
        _write(out, "train", "hibari", f"{number:04d}", wave.samples[0], text, **about)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=("recorded", "spoken", "hibari"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--debian", type=Path)
    parser.add_argument("--minutes", type=float, default=65.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=20)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.stage == "recorded":
        recorded(options.debian, options.out)
    elif options.stage == "spoken":
        spoken(options.out, options.minutes, options.workers, options.seed)
    else:
        hibari(options.out, options.minutes, options.seed)


if __name__ == "__main__":
    main()
