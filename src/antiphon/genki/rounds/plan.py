"""What all parties of a federation agree on before its first round."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
from blake3 import blake3

from antiphon.errors import InputError
from antiphon.genki.contribution.working import DEALT
from antiphon.genki.rounds.compression import CHUNK, MAX_KEEP
from antiphon.protocol import canonical

MAX_PLAN_BYTES = 16 * 1024
MAX_POOL = 4_096
MIN_SECURE = 3

Aggregator = Literal["mean", "median", "trimmed", "krum", "multikrum", "bulyan"]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Raises `ValueError` for a value outside its limits. Its id is its hash: another plan is another federation."""

    name: str = "federation"
    model: str = "soundstorm-tiny"  # the learner's name
    rank: int = 0  # of LoRA adapters, which alone are learnt; 0: all weights are
    rounds: int = 10
    local_steps: int = 30
    keep: int = (
        MAX_KEEP  # parameters of each 4,096 that an update holds: the largest; if secure, the same of all, drawn
    )
    server_rate: float = 1.0  # share of the aggregated change that is taken
    deadline_s: float = 600.0  # of a round; who comes later is left out of it
    min_parties: int = 2  # updates without which a round is repeated
    aggregate: Aggregator = "mean"
    malicious: int = 0  # parties that krum, multikrum, bulyan and trimmed reckon with
    screen: bool = (
        True  # leave out copies, repeats and updates that do harm to held-out pieces; not together with noise
    )
    pool: int = 0  # pieces that all have, of which some are dealt to each for each round; 0: no work is proven
    secure: bool = False  # the coordinator learns the sum of updates, and none of them
    clip_norm: float = 0.0  # L2 norm above which an update is scaled down; 0: none is
    noise: float = 0.0  # multiplier of differential privacy: standard deviation of the sum over clip_norm
    delta: float = 1e-5  # of (epsilon, delta)
    max_epsilon: float = 0.0  # the federation ends before it spends more; 0: no bound
    seed: int = 20

    def __post_init__(self) -> None:
        if not (1 <= self.rounds <= 100_000 and 1 <= self.local_steps <= 1_000_000 and 0 <= self.rank <= 512):
            raise ValueError("rounds and local_steps must be at least 1, rank not negative")
        most = CHUNK if self.secure else MAX_KEEP
        if not 1 <= self.keep <= most:
            raise ValueError(f"keep must be within 1..{most}")
        if not (0 < self.server_rate <= 10 and 0.1 <= self.deadline_s <= 7 * 86_400 and self.min_parties >= 1):
            raise ValueError("server_rate and min_parties must be positive, deadline_s within 0.1 s and a week")
        if self.pool and not DEALT <= self.pool <= MAX_POOL:
            raise ValueError(f"pool must be 0, or within {DEALT}..{MAX_POOL}")
        if min(self.clip_norm, self.noise, self.max_epsilon, self.malicious) < 0 or not 0 < self.delta < 1:
            raise ValueError("clip_norm, noise, max_epsilon and malicious must not be negative, delta within 0..1")
        if self.min_parties < self.needed:
            raise ValueError(f"{self.aggregate} with malicious = {self.malicious} needs min_parties of {self.needed}")
        if self.max_epsilon and not self.noise:
            raise ValueError("max_epsilon needs noise: without it, the first round spends all")
        if self.noise and (not self.clip_norm or self.aggregate != "mean"):
            raise ValueError("noise needs clip_norm and aggregate = mean: only then is what one party can change known")
        if self.secure:
            self._check_secure()

    def _check_secure(self) -> None:
        """What cannot be had of a sum alone."""
        if self.aggregate != "mean" or self.malicious:
            raise ValueError(
                "secure needs aggregate = mean and malicious = 0: strategies compare updates, and none is seen"
            )
        if self.screen:
            raise ValueError("secure needs screen = false: no update is seen, so none is screened or appraised alone")
        if self.pool:
            raise ValueError("secure needs pool = 0: work is proven by an update that is seen")
        if not self.clip_norm:
            raise ValueError("secure needs clip_norm: it bounds the fixed-point numbers, and each clips its own update")
        if self.min_parties < MIN_SECURE:
            raise ValueError(f"secure needs min_parties of {MIN_SECURE}: of two, each knows the other's from the sum")

    @property
    def needed(self) -> int:
        """Updates without which the strategy proves nothing (Blanchard et al. 2017; El Mhamdi et al. 2018)."""
        bad = self.malicious
        most = {"krum": 2 * bad + 3, "multikrum": 2 * bad + 3, "bulyan": 4 * bad + 3, "trimmed": 2 * bad + 1}
        return most.get(self.aggregate, 1)

    @property
    def id(self) -> str:
        """64 hex digits."""
        return blake3(canonical.encode(self)).hexdigest()


def read_plan(file: Path, *, secure: bool = False) -> Plan:
    """The plan in a TOML or JSON file; `secure`: with secure aggregation, whatever it says of that and of screening.

    Raises `InputError` that names what is wrong.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_PLAN_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "Name the plan's file.") from error
    if len(raw) > MAX_PLAN_BYTES:
        raise InputError(f"{file} has more than {MAX_PLAN_BYTES} bytes", "A plan is a page of settings.")
    try:
        decode = msgspec.toml.decode if file.suffix == ".toml" else msgspec.json.decode
        if not secure:
            return decode(raw, type=Plan)
        told = decode(raw, type=dict[str, Any])
        return msgspec.convert(told | {"secure": True, "screen": False}, Plan)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no plan: {error}", "docs/genki.md lists the settings.") from error
