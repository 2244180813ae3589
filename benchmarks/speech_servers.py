"""How soon servers that speak OpenAI's audio API begin to sound, and how fast they go on: ours and others', in turns.

    antiphon up --port 7420 &
    python benchmarks/speech_servers.py --turns 9 antiphon=http://127.0.0.1:7420/v1,antiphon,hibari \\
        antiphon-kokoro=http://127.0.0.1:7420/v1,kokoro,af_heart theirs=http://127.0.0.1:8880/v1,kokoro,af_heart

Each server is asked for the same sentence once to be warm, then once a turn, streamed as 16-bit PCM of 24 kHz. Told:
milliseconds from the request to the first byte that is sound, and the time until the last byte over the sound's length
(RTF), which for ours includes sealing, judging beside it, and paying. On a busy machine compare servers of one run.
"""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import dataclass, field

import click
import openai

SENTENCE = "My grandmother read a long letter from her brother on a cold winter morning."
BYTES_PER_S = 48_000


@dataclass
class Server:
    """`name=base URL,model,voice` of the command line, and what was measured of it."""

    name: str
    url: str
    model: str
    voice: str
    first_ms: list[float] = field(default_factory=list)
    factor: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, spec: str) -> Server:
        name, _, rest = spec.partition("=")
        try:
            return cls(name, *rest.split(","))
        except TypeError:
            raise click.BadParameter(f"{spec!r} is not NAME=URL,MODEL,VOICE") from None

    def ask(self, turn: int) -> tuple[float, float]:
        """Milliseconds to the first byte, and the RTF. The number keeps caches of whole sentences out of it."""
        client = openai.OpenAI(base_url=self.url, api_key="none", max_retries=0, timeout=120)
        begin, first, size = time.perf_counter(), 0.0, 0
        with client.audio.speech.with_streaming_response.create(
            model=self.model, voice=self.voice, input=f"{SENTENCE} That was number {turn}.", response_format="pcm"
        ) as answer:
            for piece in answer.iter_bytes():
                first = first or time.perf_counter()
                size += len(piece)
        return 1000 * (first - begin), (time.perf_counter() - begin) * BYTES_PER_S / size


@click.command(help=__doc__.split("\n")[0])
@click.argument("specs", nargs=-1, required=True, metavar="NAME=URL,MODEL,VOICE...")
@click.option("--turns", default=9, show_default=True, type=click.IntRange(1))
def main(specs: tuple[str, ...], turns: int) -> None:
    servers = [Server.of(spec) for spec in specs]
    for turn, server in itertools.product(range(turns + 1), servers):
        first_ms, factor = server.ask(turn)
        if turn:  # the first makes it warm
            server.first_ms.append(first_ms)
            server.factor.append(factor)
    click.echo("| server | first byte, median (range) | RTF, median |\n|---|---|---|")
    for one in servers:
        spread = f"{statistics.median(one.first_ms):.0f} ms ({min(one.first_ms):.0f}-{max(one.first_ms):.0f})"
        click.echo(f"| {one.name} | {spread} | {statistics.median(one.factor):.2f} |")


if __name__ == "__main__":
    main()
