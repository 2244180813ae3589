"""An engine that drips: a chunk of known samples every now and then. Run as a program it is a worker of a pool."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import ClassVar

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.engines.base import Capabilities, Voice
from antiphon.errors import InputError
from antiphon.nodes.pool.worker import work
from antiphon.services import Request

RATE_HZ = 8_000
CHUNKS = 20


class Drip:
    """`text`: "dry" makes it fail, "no" is refused, else as many chunks as its number; each takes `each_s`."""

    name: ClassVar[str] = "drip"

    class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        pass

    capabilities = Capabilities(
        service="speech",
        languages=("en-us",),
        voices=(Voice(name="drip", language="en-us", engine="drip"),),
        rate_hz=RATE_HZ,
        rtf=0.1,
        streams=True,
        seeded=True,
    )

    def __init__(self, each_s: float = 0.1) -> None:
        self.each_s = each_s
        self.dripped = 0

    def check(self, request: Request) -> None:
        if request.text == "nothing":
            raise InputError("It drips nothing")

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        if request.text == "no":
            raise InputError("This is not dripped")
        rng = np.random.default_rng(seed)
        for number in range(int(request.text) if request.text.isdigit() else CHUNKS):
            if request.text == "dry" and number == 2:
                raise RuntimeError("The pipe is dry")
            time.sleep(self.each_s)
            self.dripped += 1
            yield Waveform(rng.uniform(-0.5, 0.5, (1, 40_000)).astype(np.float32), RATE_HZ)


if __name__ == "__main__":
    asyncio.run(work(Drip(), sys.argv[1], name=sys.argv[2], slots=1, stopped=asyncio.Event()))
