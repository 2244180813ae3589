"""Semantic tokens: what is said, as one small number a frame, by k-means over features of a model that hears speech."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from antiphon.audio.waveform import Waveform
from antiphon.codecs.base import Tokens
from antiphon.errors import InputError, ModelError, OutputError
from antiphon.models import tensors
from antiphon.soundstorm.inputs import Floats, align
from antiphon.soundstorm.semantic_kmeans import Clusters, fit
from antiphon.soundstorm.semantic_sources import FeatureSource, source

DEFAULT_FEATURES = "whisper-tiny-en"
"""By measurement, over 48 clips of 12 sentences in 4 voices with known phoneme times, 256 clusters from 8 minutes of 78
voices. Share of the phonemes' entropy the tokens tell (chance about .12): tiny.en .52, base .51, a wake-word embedding
.43, mel .36. Agreement of the same sentence by two voices: .63, .66, .42, .13. What they tell of the voice: nothing
(.02, as by chance), nothing, .07, .23. CPU seconds a second of audio: .014, .021, .062, .005. With 512 clusters tiny.en
tells .58."""

MAX_BYTES = 64_000_000

MAX_LEARN_S = 36_000.0
"""Clusters are learnt from at most ten hours: more changes them little, and the features must be held."""


class SemanticConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`stride` rows of features are averaged into one token: 1 gives 50 tokens a second, 2 the paper's 25.

    `centred` takes the mean over a recording away first, where much of a voice and a room may be. A recogniser's
    encoder has neither left to take (measured), and then a short prompt would mean something else than a long one.
    """

    features: str = DEFAULT_FEATURES
    clusters: int = 1024
    stride: int = 1
    centred: bool = False
    seed: int = 20
    passes: int = 3

    def __post_init__(self) -> None:
        if not 2 <= self.clusters <= 65_535 or not 1 <= self.stride <= 8 or self.passes < 1:
            raise ValueError("clusters must be within 2..65535, stride 1..8, passes at least 1")


PROFILES = {
    "tiny": SemanticConfig(clusters=64, passes=2),
    "small": SemanticConfig(clusters=512),
    "paper": SemanticConfig(clusters=1024, stride=2, passes=5),
}
"""`tiny` proves the recipe; `small` is what we ship; `paper` has the paper's rate and number of clusters."""


def profile(name: str) -> SemanticConfig:
    """Raises `InputError` with the names when there is none of that name."""
    if name not in PROFILES:
        raise InputError(f"There is no semantic profile {name}", f"Choose one of {', '.join(PROFILES)}.")
    return PROFILES[name]


class SemanticTokenizer:
    """Waveforms to tokens `[S]`. `name` carries the fingerprint: tokens of other clusters mean something else."""

    def __init__(self, config: SemanticConfig, clusters: Clusters, features: FeatureSource | None = None) -> None:
        """`features` None opens the source the configuration names. Raises `ModelError` when it does not fit."""
        self.config, self.clusters = config, clusters
        self._features = features or source(config.features)
        if self._features.width != clusters.mean.shape[0]:
            raise ModelError(
                f"The clusters are of {clusters.mean.shape[0]} numbers a frame, {self._features.name} gives "
                f"{self._features.width}",
                "Use the features they were made from.",
            )
        self.vocabulary = clusters.size
        self.frame_rate_hz = self._features.frame_rate_hz / config.stride
        self.fingerprint = hashlib.sha256(self._dump()).hexdigest()[:12]
        self.name = f"{config.features.partition(':')[0]}-{clusters.size}-{self.fingerprint}"

    def encode(self, wave: Waveform) -> Tokens:
        """Tokens `[S]`, `frame_rate_hz` of them a second. Raises `InputError` for audio that is empty or not finite."""
        return np.asarray(self.clusters.nearest(prepared(self._features.features(wave), self.config)), np.uint16)

    def aligned(self, wave: Waveform, frames: int) -> Tokens:
        """One token for each of `frames` frames of a codec, whatever its rate: the nearest in time."""
        return align(self.encode(wave), frames)

    def save(self, path: Path) -> None:
        """One safetensors file: clusters, statistics, configuration. Raises `OutputError`."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self._dump())
        except OSError as error:
            raise OutputError(f"Cannot write {path}: {error.strerror}", "Choose another place.") from error

    def _dump(self) -> bytes:
        clusters = self.clusters
        arrays: dict[str, tensors.Array] = {
            "centres": clusters.centres.astype(np.float32),
            "mean": clusters.mean,
            "std": clusters.std,
            "counts": clusters.counts,
            "inertia": np.array([clusters.inertia], np.float64),
        }
        return tensors.dump(arrays, {"semantic": json.dumps(msgspec.to_builtins(self.config), sort_keys=True)})


def prepared(features: Floats, config: SemanticConfig) -> Floats:
    """Features as they are clustered: averaged by `stride`, and centred."""
    if config.stride > 1:
        rows = -(-features.shape[0] // config.stride)
        padded = np.pad(features, ((0, rows * config.stride - features.shape[0]), (0, 0)), mode="edge")
        features = padded.reshape(rows, config.stride, -1).mean(axis=1)
    if config.centred:
        features = features - features.mean(axis=0)
    return np.asarray(features, np.float32)


def learn(
    waves: Callable[[], Iterable[Waveform]],
    config: SemanticConfig,
    *,
    features: FeatureSource | None = None,
    report: Callable[[dict[str, float]], None] | None = None,
) -> SemanticTokenizer:
    """A tokenizer from recordings. Their features are computed once and kept: 0.14 GB an hour.

    Raises `InputError` for too little audio.
    """
    hears = features or source(config.features)
    kept: list[np.ndarray[tuple[int, ...], np.dtype[np.float16]]] = []
    seconds = 0.0
    for wave in waves():
        seconds += wave.duration_s
        if seconds > MAX_LEARN_S:
            break
        kept.append(prepared(hears.features(wave), config).astype(np.float16))

    def stream() -> Iterable[Floats]:
        return (piece.astype(np.float32) for piece in kept)

    return SemanticTokenizer(
        config, fit(stream, config.clusters, seed=config.seed, passes=config.passes, report=report), hears
    )


def load(path: Path, features: FeatureSource | None = None) -> SemanticTokenizer:
    """A tokenizer that was saved. Raises `ModelError` when it is missing, damaged or something else."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ModelError(f"{path} is larger than {MAX_BYTES:,} bytes", "Give a file of semantic clusters.")
        blob = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"Cannot read {path}: {error.strerror}", "Run `antiphon soundstorm train semantic`."
        ) from error
    found = tensors.parse(blob)
    try:
        header = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])
        config = msgspec.json.decode(header["__metadata__"]["semantic"], type=SemanticConfig)
        clusters = Clusters(
            centres=np.array(found["centres"], np.float32),
            mean=np.array(found["mean"], np.float32),
            std=np.array(found["std"], np.float32),
            counts=np.array(found["counts"], np.int64),
            inertia=float(found["inertia"][0]),
        )
        _check(clusters)
    except (KeyError, IndexError, ValueError, msgspec.MsgspecError) as error:
        raise ModelError(f"{path} holds no semantic clusters: {error}", "Train them again.") from error
    return SemanticTokenizer(config, clusters, features or source(config.features, beside=path.parent))


def _check(clusters: Clusters) -> None:
    size, width = clusters.centres.shape
    shapes = (clusters.mean.shape, clusters.std.shape, clusters.counts.shape)
    if shapes != ((width,), (width,), (size,)) or not 2 <= size <= 65_535:
        raise ValueError(f"shapes {shapes} do not belong to {size} centres of {width} numbers")
    if not all(np.isfinite(part).all() for part in (clusters.centres, clusters.mean, clusters.std)):
        raise ValueError("values that are not numbers")
    if not (clusters.std > 0).all():
        raise ValueError("a standard deviation that is not positive")


def agreement(first: Sequence[int] | Tokens, second: Sequence[int] | Tokens) -> float:
    """How alike two token sequences are: 1 - edit distance of their runs / the longer, within 0..1."""
    one, other = runs(first), runs(second)
    if not one and not other:
        return 1.0
    row = np.arange(len(other) + 1)
    for n, token in enumerate(one, 1):
        change = row[:-1] + np.array([token != also for also in other], np.int64)
        fresh = np.empty_like(row)
        fresh[0] = n
        for column in range(1, row.shape[0]):
            fresh[column] = min(row[column] + 1, fresh[column - 1] + 1, change[column - 1])
        row = fresh
    return 1.0 - float(row[-1]) / max(len(one), len(other))


def runs(tokens: Sequence[int] | Tokens) -> list[int]:
    """Tokens without immediate repetitions."""
    listed = [int(token) for token in tokens]
    return [token for n, token in enumerate(listed) if n == 0 or token != listed[n - 1]]
