"""The recorded voices that `antiphon.bench.cloning` measures with, from Debian packages, as short Opus files.

    apt-get download asterisk-core-sounds-{en,fr,it,ru}-g722 asterisk-prompt-fr-armelle \\
        asterisk-prompt-it-menardi-wav pocketsphinx-testdata
    for f in *.deb; do dpkg-deb -x $f debian; done
    python scripts/mimic_references.py --debian debian --out src/antiphon/bench/references

Each file is made of a voice's longer prompts, in order of their names, until there are eight seconds. Needs ffmpeg.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 8.0
PAUSE_S = 0.25
RATE_HZ = 16_000
VOICES = {
    "allison": ("asterisk/sounds/en_US_f_Allison", "*.g722"),
    "june": ("asterisk/sounds/fr_CA_f_June", "*.g722"),
    "carlo": ("asterisk/sounds/it_IT_m_Carlo", "*.g722"),
    "ivrvoice": ("asterisk/sounds/ru_RU_f_IvrvoiceRU", "*.g722"),
    "librivox": ("pocketsphinx/test/data/librivox", "*.wav"),
    "other-armelle": ("asterisk/sounds/fr", "*.gsm"),
    "other-menardi": ("asterisk/sounds/it_IT_f_Menardi", "*.wav"),
    "other-cards": ("pocketsphinx/test/data/cards", "*.wav"),
}
LONG_S = (1.5, 8.0)


def decoded(file: Path) -> np.ndarray:
    """Mono float32 at 16 kHz, its outer silence cut."""
    command = ["ffmpeg", "-v", "quiet", "-i", str(file), "-ac", "1", "-ar", str(RATE_HZ), "-f", "f32le", "-"]
    samples = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max(initial=1e-6))
    return samples[max(loud[0] - 800, 0) : loud[-1] + 800] if loud.size else samples[:0]


def reference(files: list[Path]) -> np.ndarray:
    """Eight seconds or a little more."""
    parts: list[np.ndarray] = []
    for part in map(decoded, files):
        if LONG_S[0] <= part.size / RATE_HZ <= LONG_S[1]:
            parts += [part, np.zeros(round(PAUSE_S * RATE_HZ), np.float32)]
        if sum(p.size for p in parts) / RATE_HZ >= SECONDS:
            break
    return np.concatenate(parts[:-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--debian", type=Path, required=True, help="folder the packages were unpacked into")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for voice, (folder, pattern) in VOICES.items():
        samples = reference(sorted((args.debian / "usr/share" / folder).glob(pattern)))
        soundfile.write(args.out / f"{voice}.opus", samples, RATE_HZ, format="OGG", subtype="OPUS")
        print(f"{voice}: {samples.size / RATE_HZ:.1f} s")


if __name__ == "__main__":
    main()
