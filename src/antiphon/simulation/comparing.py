"""Does a strategy pay? The same network twice, with the same seed: once with it, once with its owner honest."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

import msgspec

from antiphon.simulation.network import Network, Outcome
from antiphon.simulation.profiles import Profile


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Means over seeds, in nano per epoch for all that the owner has. `error_nano`: standard error of the profit."""

    strategy: str
    share: float
    tasks_nano: float  # what it earns of clients' tasks
    honest_tasks_nano: float  # what the same stake earns of them honestly
    issued_nano: float  # its emission, less the cost of synthetic prompts
    honest_issued_nano: float
    error_nano: float
    wronged_ppm: float  # of honest deliveries: their producer was fined
    passed_ppm: float  # of its cheats: they were paid

    @property
    def honest_nano(self) -> float:
        """What the owner's stake earns honestly, per epoch, of tasks and emission together."""
        return self.honest_tasks_nano + self.honest_issued_nano

    @property
    def profit_nano(self) -> float:
        """What it gains by not being honest, per epoch."""
        return self.tasks_nano + self.issued_nano - self.honest_nano

    @property
    def pays(self) -> bool:
        """Whether the gain is more than twice its standard error above nothing."""
        return self.profit_nano > 2 * self.error_nano


def compare(profile: Profile, nodes: int, epochs: int, strategy: str, share: float, seeds: Sequence[int]) -> Comparison:
    """Raises `InputError` for an unknown strategy and impossible sizes or shares."""
    runs = [
        [_run(profile, nodes, epochs, strategy, share, seed, twins=twins) for twins in (False, True)] for seed in seeds
    ]
    gains = [(did.net(strategy) - honest.net(strategy)) / epochs for did, honest in runs]
    return Comparison(
        strategy=strategy,
        share=share,
        tasks_nano=fmean(did.tasks(strategy) / epochs for did, _ in runs),
        honest_tasks_nano=fmean(honest.tasks(strategy) / epochs for _, honest in runs),
        issued_nano=fmean((did.net(strategy) - did.tasks(strategy)) / epochs for did, _ in runs),
        honest_issued_nano=fmean((honest.net(strategy) - honest.tasks(strategy)) / epochs for _, honest in runs),
        error_nano=stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else 0.0,
        wronged_ppm=_share([did.counts.wronged for did, _ in runs], [did.counts.honest for did, _ in runs]),
        passed_ppm=_share([did.counts.passed for did, _ in runs], [did.counts.cheats for did, _ in runs]),
    )


def _run(profile: Profile, nodes: int, epochs: int, name: str, share: float, seed: int, *, twins: bool) -> Outcome:
    return Network(profile, nodes, {name: share}, seed, twins=twins).run(epochs)


def _share(some: Sequence[int], whole: Sequence[int]) -> float:
    return 1e6 * sum(some) / sum(whole) if sum(whole) else 0.0
