"""From the score memory to weights on the chain: quantised, once an epoch, and certain of what became of them.

1. Once an epoch, and not before `rate_limit` blocks have passed since the last ones that the chain knows of.
2. Before a commit it is written down; what a process that was killed had sent is recognised by the chain's own
   `updated`, so that no epoch's weights are sent twice and none are forgotten.
3. What a commit needs when it is revealed (permit, version key) is asked for before it is sent: the chain drops such a
   commit without a word.
4. Once a commit's reveal is due, and some blocks more (the beacon that opens it may lag), what is in force is compared
   with what was sent. A reveal that failed is told, counted and followed by the next commit; nothing is erased.
5. A commit is of the epoch in which the chain took it, not of the one in which it was sent.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from antiphon.errors import InputError, UnavailableError
from antiphon.subnet import files
from antiphon.subnet.chain import RAO, U16_MAX, Chain, Hyperparameters, Metagraph, Neuron, Refusal, RefusedError

log = logging.getLogger("antiphon.subnet")

VERSION_KEY = 1
"""Of this way of weighing. A subnet's owner who raises the subnet's above it shuts older validators out."""
LAG_BLOCKS = 10
"""From the beginning of an epoch; at most a quarter of it."""
KEPT = 64
"""Commits that are remembered."""


class Sent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One vector on its way."""

    epoch: int
    block: int  # when it was about to be sent
    uids: list[int]
    values: list[int]
    taken: bool = False  # the chain has it
    outcome: str = ""  # "in force", "not revealed"; empty: not known yet


def quantise(weights: Mapping[int, float], *, limit: int = U16_MAX) -> tuple[list[int], list[int]]:
    """uids and u16 values, the largest 65535, without zeros. `limit`: the most of the sum that one may have, in
    65535ths; what is above it is spread over the others in proportion, as far as there are others.

    Raises InputError for weights that are negative, not finite or above 2^63, for uids that are none, and if none is
    above 0.
    """
    for uid, weight in weights.items():
        if not (0 <= weight <= 2.0**63):  # a NaN is neither
            raise InputError(f"The weight of uid {uid} is {weight}", "Weights are finite, not negative, at most 2^63.")
        if not 0 <= uid <= U16_MAX:
            raise InputError(f"{uid} is no uid", "Uids are 0-65535.")
    rows = sorted((uid, float(weight)) for uid, weight in weights.items() if weight > 0)
    if not rows:
        raise InputError("No weight is above 0", "Nobody has been judged yet; weights are set once somebody is.")
    shares = _limited([weight for _, weight in rows], limit / U16_MAX)
    top = max(shares)
    values = [round(U16_MAX * (share / top)) for share in shares]
    kept = [(uid, value) for (uid, _), value in zip(rows, values, strict=True) if value]
    return [uid for uid, _ in kept], [value for _, value in kept]


def _limited(weights: list[float], limit: float) -> list[float]:
    """Shares that sum to 1, none above `limit`; equal ones where that cannot be."""
    top = max(weights)
    scaled = [weight / top for weight in weights]  # no overflow in the sum
    whole = sum(scaled)
    shares = [weight / whole for weight in scaled]
    if limit >= 1 or max(shares) <= limit:
        return shares
    if len(shares) * limit <= 1:
        return [1 / len(shares)] * len(shares)
    limit -= limit * len(shares) / U16_MAX  # room for rounding
    capped: set[int] = set()
    while over := {i for i, share in enumerate(shares) if share > limit and i not in capped}:
        capped |= over
        rest = sum(scaled[i] for i in range(len(scaled)) if i not in capped)
        if not rest:
            return [1 / len(shares)] * len(shares)
        free = 1 - limit * len(capped)
        shares = [limit if i in capped else free * scaled[i] / rest for i in range(len(scaled))]
    return shares


class WeightSetter:
    """Sets one validator's weights on cadence. See the module for its rules."""

    def __init__(self, chain: Chain, file: Path, *, version_key: int = VERSION_KEY) -> None:
        self._chain = chain
        self._file = file
        self._version_key = version_key
        self.sent: list[Sent] = files.read(file, list[Sent]) or []

    async def step(self, weights: Mapping[int, float], metagraph: Metagraph, terms: Hyperparameters) -> bool:
        """Set `weights` (by uid) if their time has come. Whether the chain has taken new ones.

        Raises `RefusedError` when the chain would or does refuse, `InputError` for weights that are none,
        `UnreachableError` when it is away; state is kept in every case.
        """
        me = own_neuron(self._chain.hotkey, metagraph)
        self._settle(me, metagraph)
        await self._look_back(me, metagraph, terms)
        if not self._due(me, metagraph, terms):
            return False
        check_standing(me, terms, self._version_key)
        uids, values = quantise(weights, limit=terms.max_weight)
        least = max(terms.min_weights, -(-U16_MAX // terms.max_weight))
        if len(uids) < least:
            raise RefusedError(Refusal.WEIGHTS, f"{len(uids)} nodes have weight, and the subnet wants {least} at least")
        commit = Sent(epoch=metagraph.epoch, block=metagraph.block, uids=uids, values=values)
        self._keep(commit)
        try:
            await self._chain.set_weights(uids, values, self._version_key)
        except RefusedError:
            self.sent.remove(commit)  # the chain has said that it does not have it
            self._save()
            raise
        commit.taken = True
        self._save()
        with contextlib.suppress(UnavailableError):  # then rule 5 holds but for a commit that crossed a boundary
            commit.epoch = (await self._chain.metagraph()).epoch
            self._save()
        log.info("weights of %d nodes are on the chain (epoch %d)", len(uids), commit.epoch)
        return True

    @property
    def failed(self) -> int:
        """Reveals that did not come to be."""
        return sum(one.outcome == "not revealed" for one in self.sent)

    def _due(self, me: Neuron, metagraph: Metagraph, terms: Hyperparameters) -> bool:
        """Rule 1."""
        if any(one.taken and one.epoch == metagraph.epoch for one in self.sent):
            return False
        return not me.updated or metagraph.block - me.updated >= terms.rate_limit

    def _settle(self, me: Neuron, metagraph: Metagraph) -> None:
        """Rule 2: what was about to be sent when this process, or the connection, ended."""
        for one in [one for one in self.sent if not one.taken]:
            if me.updated >= one.block:
                one.taken = True
                if me.updated >= metagraph.last_epoch:
                    one.epoch = metagraph.epoch
                log.info("the weights of epoch %d had reached the chain", one.epoch)
            else:
                self.sent.remove(one)
            self._save()

    async def _look_back(self, me: Neuron, metagraph: Metagraph, terms: Hyperparameters) -> None:
        """Rule 4. Only the newest commit whose reveal is due is in force: older ones it has replaced."""
        wait = terms.reveal_epochs if terms.commit_reveal else 0
        lag = min(LAG_BLOCKS, metagraph.tempo // 4)
        opened = metagraph.epoch - (metagraph.block - metagraph.last_epoch < lag)  # all of it should be in force
        due = [one for one in self.sent if one.taken and one.epoch + wait <= opened]
        if not due or due[-1].outcome:
            return
        force = await self._chain.weights(me.uid)
        newest = due[-1]
        newest.outcome = "in force" if _same(force, newest) else "not revealed"
        for one in due[:-1]:
            one.outcome = one.outcome or "replaced"
        if newest.outcome == "not revealed":
            log.warning("the weights of epoch %d were not revealed; the next ones are on their way", newest.epoch)
        self._save()

    def _keep(self, commit: Sent) -> None:
        self.sent = [*self.sent[-KEPT + 1 :], commit]
        self._save()

    def _save(self) -> None:
        files.save(self._file, self.sent)


def own_neuron(hotkey: str, metagraph: Metagraph) -> Neuron:
    """The neuron of a hotkey. Raises RefusedError, in clear words, if it is not registered."""
    neuron = metagraph.by_hotkey.get(hotkey)
    if neuron is None:
        raise RefusedError(
            Refusal.NOT_REGISTERED, f"The hotkey {hotkey} is not registered on subnet {metagraph.netuid}"
        )
    return neuron


def check_standing(me: Neuron, terms: Hyperparameters, version_key: int = VERSION_KEY) -> None:
    """Whether weights of this neuron would count. Raises RefusedError (rule 3)."""
    if me.stake_rao < terms.min_stake_rao:
        raise RefusedError(
            Refusal.STAKE,
            f"The hotkey {me.hotkey} has a stake of {me.stake_rao / RAO:g}, "
            f"and weights need {terms.min_stake_rao / RAO:g}",
        )
    if not me.permit:
        raise RefusedError(Refusal.NO_PERMIT, f"The hotkey {me.hotkey} (uid {me.uid}) has no validator permit")
    if version_key < terms.version_key:
        raise RefusedError(
            Refusal.VERSION_KEY, f"The subnet asks for version key {terms.version_key}, and this is {version_key}"
        )


def _same(force: Mapping[int, int], sent: Sent) -> bool:
    """Whether the same proportions are in force: the chain may scale them."""
    if set(force) != set(sent.uids):
        return False
    top, ours = max(force.values()), max(sent.values)
    return all(
        abs(force[uid] / top - value / ours) <= 2 / U16_MAX for uid, value in zip(sent.uids, sent.values, strict=True)
    )
