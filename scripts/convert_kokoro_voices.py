"""Kokoro's 54 voices from npm `kokoro-js` 1.2.1 as one float16 safetensors file.

    npm pack kokoro-js@1.2.1
    W=weights/kokoro/antiphon_weights_kokoro
    python scripts/convert_kokoro_voices.py kokoro-js-1.2.1.tgz $W/kokoro-voices.safetensors

Each voice is a table [510, 256]: row n-1 is the style for n tokens. Styles stay below 4 in magnitude, where float16
keeps three decimals; the synthesised audio cannot be told apart (tests/models).
"""

from __future__ import annotations

import argparse
import hashlib
import tarfile
from pathlib import Path

import numpy as np

from antiphon.models import tensors

ROWS, DIMENSIONS = 510, 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()

    voices: dict[str, np.ndarray] = {}
    with tarfile.open(arguments.archive) as archive:
        for member in sorted(archive.getmembers(), key=lambda m: m.name):
            if member.name.startswith("package/voices/"):
                handle = archive.extractfile(member)
                assert handle is not None
                table = np.frombuffer(handle.read(), dtype="<f4").reshape(ROWS, DIMENSIONS)
                voices[Path(member.name).stem] = table.astype(np.float16)
    blob = tensors.dump(voices, {"source": "npm kokoro-js 1.2.1", "licence": "Apache-2.0"})
    arguments.target.write_bytes(blob)
    print(f"{len(voices)} voices, {len(blob):,} bytes, sha256 {hashlib.sha256(blob).hexdigest()}")


if __name__ == "__main__":
    main()
