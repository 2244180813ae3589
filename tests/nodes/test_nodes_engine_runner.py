from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from antiphon.audio import Waveform
from antiphon.engines import Capabilities
from antiphon.errors import UnavailableError
from antiphon.nodes.engine_runner import Chunks, GenerationRunner
from antiphon.services import CustomRequest, Request

RATE_HZ = 8_000


class NoOptions(msgspec.Struct, forbid_unknown_fields=True):
    pass


class HumEngine:
    """Hums twice; the words `rate`, `holes` and `leave` say what goes wrong at the second time."""

    name: ClassVar[str] = "hum"
    Options: ClassVar[type[msgspec.Struct]] = NoOptions
    capabilities = Capabilities(
        service="hum", languages=(), voices=(), rate_hz=RATE_HZ, rtf=0.1, streams=True, seeded=True
    )

    def check(self, request: Request) -> None:
        pass

    def generate(self, request: Request, seed: int) -> Iterator[Waveform]:
        assert isinstance(request, CustomRequest)
        samples = np.full((1, 80), 0.25, np.float32)
        yield Waveform(samples, RATE_HZ)
        if request.text == "holes":
            samples = samples.copy()
            samples[0, 7] = np.nan
        if request.text == "leave":
            raise SystemExit(3)
        yield Waveform(samples, RATE_HZ * 2 if request.text == "rate" else RATE_HZ)


async def pulled(text: str) -> list[bytes]:
    runner = GenerationRunner(HumEngine(), 1)
    with ThreadPoolExecutor(1) as pool:
        chunks = Chunks(pool, runner.produce(CustomRequest(service="hum", text=text), 1))
        found: list[bytes] = []
        while (chunk := await chunks.pull()) is not None:
            found.append(chunk)
    return found


async def test_chunks_are_pcm_of_the_declared_form() -> None:
    assert await pulled("hum") == [np.full(80, 8192, "<i2").tobytes()] * 2


@pytest.mark.parametrize(
    ("text", "says"),
    [("holes", "no numbers"), ("rate", "at 16000 Hz, not 1 at 8000"), ("leave", "The engine failed: SystemExit")],
)
async def test_an_engine_that_fails_ends_its_answer_and_nothing_else(text: str, says: str) -> None:
    with pytest.raises(UnavailableError, match=says):
        await pulled(text)
