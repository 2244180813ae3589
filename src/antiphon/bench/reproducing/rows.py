"""The rows: each measures or trains a few small models, and gives curves like those of the paper."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from antiphon.bench.figure import figure
from antiphon.bench.reproducing.measuring import Cases, Run, own, strangers
from antiphon.bench.reproducing.row import Panel, Row, qualities
from antiphon.codecs.base import TokenGrid
from antiphon.errors import InputError
from antiphon.soundstorm import starter
from antiphon.soundstorm.decoding import DecodingInput, DecodingOptions
from antiphon.soundstorm.layout import Layout
from antiphon.soundstorm.schedules import Schedule, masked_share
from antiphon.soundstorm.serving import Generator
from antiphon.soundstorm.starter import Starter

if TYPE_CHECKING:
    from antiphon.bench.reproducing.learning import Lesson

TEMPERATURE = 0.6
"""Of candidates, also where a token is made at a time."""

Found = dict[str, dict[int, dict[str, float]]]


@dataclass(frozen=True, slots=True)
class Request:
    """How much is made and learnt. `report` is told of each thing that is done, and how far it is."""

    folder: Path
    clips: int
    passes: tuple[int, ...]  # in ascending order
    sentences: int
    steps: int
    long_s: float
    report: Callable[[str, int], None]

    def lesson(self, shipped: Starter) -> Lesson:
        from antiphon.bench.reproducing.learning import lesson
        from antiphon.codecs.neural import NeuralCodec

        assert isinstance(shipped.codec, NeuralCodec)
        return lesson(
            shipped.codec, shipped.tokenizer, self.folder / "learnt", sentences=self.sentences, steps=self.steps,
            report=self.report,
        )  # fmt: skip


def masking(request: Request) -> Row:
    """How many tokens a pass keeps, by either schedule, and what comes of it."""
    shipped = starter.load()
    cases = strangers(shipped.codec, shipped.tokenizer, request.clips)
    found: Found = {}
    schedules: tuple[Schedule, ...] = get_args(Schedule)
    for schedule in schedules:
        found[schedule] = _by_passes(request, schedule, cases, shipped.generator, 2.0, schedule)
    shares = Panel(
        x="passes of 16 done",
        y="tokens of a level not yet known, %",
        curves={
            name: [(float(n), round(100 * masked_share(n / 16, name), 2)) for n in range(17)] for name in schedules
        },
    )
    panels = [shares, *qualities(found, "passes", ("wer", "likeness"))]
    return Row(
        name="masking", title="Masking schedules", models={"all": shipped.generator.name}, panels=panels, figures=[]
    )


def passes(request: Request) -> Row:
    """What more passes bring, with the models that ship."""
    shipped = starter.load()
    cases = strangers(shipped.codec, shipped.tokenizer, request.clips)
    found = {
        name: _by_passes(request, name, cases, shipped.generator, guidance)
        for name, guidance in (("as it ships", 2.0), ("without guidance", 1.0))
    }
    panels = qualities(found, "passes", ("wer", "likeness", "speed"))
    return Row(
        name="passes", title="Passes against quality", models={"all": shipped.generator.name}, panels=panels, figures=[]
    )


def objectives(request: Request) -> Row:
    """MaskGIT against mask-based discrete diffusion, on the same batches."""
    shipped = starter.load()
    lesson, cases = request.lesson(shipped), own(shipped.codec, shipped.tokenizer, request.clips)
    found = {
        name: _by_passes(request, name, cases, lesson.generator(name, objective=name), 1.0)
        for name in ("maskgit", "diffusion")
    }
    panels = qualities(found, "passes", ("wer", "likeness", "mel"))
    return Row(
        name="objectives",
        title="MaskGIT against discrete diffusion",
        models={"both": lesson.told()},
        panels=panels,
        figures=[],
    )


def fusion(request: Request) -> Row:
    """The levels' embeddings added up, as in the paper, against a U-Net over them."""
    shipped = starter.load()
    lesson, cases = request.lesson(shipped), own(shipped.codec, shipped.tokenizer, request.clips)
    found: Found = {}
    curves: dict[str, list[tuple[float, float]]] = {}
    for name in ("sum", "unet"):
        generator = lesson.generator(
            "maskgit" if name == "sum" else name, curve=curves.setdefault(name, []), fusion=name
        )
        found[name] = _by_passes(request, name, cases, generator, 1.0)
    losses = Panel(x="steps", y="held-out loss, nats a token", curves=curves)
    panels = [losses, *qualities(found, "passes", ("wer", "mel"))]
    return Row(
        name="fusion", title="Sum against U-Net fusion", models={"both": lesson.told()}, panels=panels, figures=[]
    )


def parallel(request: Request) -> Row:
    """All tokens of a level in a few passes, against one token at a time: equal sizes, tokens and batches."""
    shipped = starter.load()
    lesson, cases = request.lesson(shipped), own(shipped.codec, shipped.tokenizer, request.clips)
    generator, slow = lesson.generator("maskgit"), lesson.one_by_one("one-by-one")

    def one_by_one(job: DecodingInput) -> TokenGrid:
        return slow.generate(job, TEMPERATURE)

    together = _by_passes(request, "parallel", cases, generator, 1.0)
    alone = cases.heard(one_by_one)
    request.report("one token at a time", 0)
    codec = cases.heard(_truth(cases))
    found = {
        "parallel": together,
        "one token at a time": dict.fromkeys(request.passes, alone),
        "the codec alone": {at: {k: v for k, v in codec.items() if k != "speed"} for at in request.passes},
    }
    most = request.passes[-1]
    options = _options(most, generator.layout, 1.0)
    job = cases.long(request.long_s)
    slow_s, fast_s = _took(one_by_one, job), _took(generator.runner(options), job)
    tokens = round(request.long_s * generator.layout.frame_rate_hz) * generator.layout.levels
    figures = [
        figure(f"words wrong in {most} passes, over one token at a time", together[most]["wer"] - alone["wer"],
               "points", "<= 0"),
        figure(f"steps for {request.long_s:g} s, one token at a time over parallel", tokens / most, "x", ">= 100"),
        figure(f"time for {request.long_s:g} s, one token at a time over {most} passes", slow_s / fast_s, "x", ">= 20",
               f"{slow_s:.1f} and {fast_s:.1f} s, both ONNX in float32"),
    ]  # fmt: skip
    panels = qualities(found, "passes", ("wer", "likeness", "mel", "speed"))
    return Row(
        name="parallel",
        title="Parallel against one token at a time",
        models={"both": lesson.told()},
        panels=panels,
        figures=figures,
    )


ROWS: Mapping[str, Callable[[Request], Row]] = {
    "masking": masking,
    "passes": passes,
    "objectives": objectives,
    "fusion": fusion,
    "parallel": parallel,
}


def _by_passes(
    request: Request, name: str, cases: Cases, generator: Generator, guidance: float, schedule: Schedule = "cosine"
) -> dict[int, dict[str, float]]:
    found = {}
    for count in request.passes:
        found[count] = cases.heard(generator.runner(_options(count, generator.layout, guidance, schedule)))
        request.report(name, count)
    return found


def _options(passes: int, layout: Layout, guidance: float, schedule: Schedule = "cosine") -> DecodingOptions:
    """So many passes in all, the coarsest levels sharing what the others leave. Raises `InputError` for too few."""
    if passes < layout.levels:
        raise InputError(f"{passes} passes are not enough for {layout.levels} levels", "Each needs one at least.")
    others = layout.levels - layout.coarse
    each, more = divmod(passes - others, layout.coarse)
    counts = tuple(each + (n < more) for n in range(layout.coarse)) + (1,) * others
    return DecodingOptions(
        passes=counts, schedule=schedule, temperature=TEMPERATURE, guidance=guidance, guided_levels=1
    )


def _truth(cases: Cases) -> Run:
    """The recordings' own tokens: what is lost in the codec, whatever makes them."""
    waves = iter([case.recording for case in cases.cases])
    return lambda _job: cases.codec.encode(next(waves))


def _took(run: Run, job: DecodingInput) -> float:
    began = time.perf_counter()
    run(job)
    return time.perf_counter() - began
