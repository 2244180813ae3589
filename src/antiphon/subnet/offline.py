"""A subnet without Bittensor: the rules by which the chain takes weights, as a state machine without IO.

For trying a miner and a validator on one machine, and for tests. Rules, as in Bittensor's `pallets/subtensor`:

1. Only a registered hotkey publishes an endpoint, at most once in `serving_rate` blocks.
2. Weights, and commits to them, need registration, `min_stake_rao` and `rate_limit` blocks since the last ones;
   registering counts as the first.
3. With commit-reveal a commit hides uids, values and version key. The chain opens it by itself as the epoch
   `reveal_epochs` later begins, and only then applies rules 4 and 5: a commit that breaks one is dropped, unsaid.
4. Setting weights needs a permit and the version key of the subnet, or a newer one; a weight for oneself alone does not
   need the permit.
5. Uids are of the subnet and each there once, at least `min_weights` of them; values are u16 and not all 0, none more
   than `max_weight` of their sum. A weight for oneself alone is free of these limits.
6. As an epoch begins, permits go to the `permits` hotkeys with most stake, at least `min_stake_rao`.
7. A full subnet gives a newcomer the place of the oldest neuron without permit; its weights are forgotten.

Unlike the chain: nothing costs anything, nobody is paid (`antiphon.economy.yuma` does that sum), a loopback address is
a usable endpoint, and a hotkey is given its stake as it registers.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from antiphon.subnet.chain import U16_MAX, Hyperparameters, Metagraph, Neuron, Refusal, RefusedError

MAX_UNREVEALED = 10
"""Commits of one hotkey that wait for their reveal. Source: the runtime."""


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the subnet. Source of the defaults: those of a new subnet on Bittensor."""

    netuid: int = 1
    tempo: int = 360
    rate_limit: int = 100
    serving_rate: int = 50
    version_key: int = 0
    commit_reveal: bool = True
    reveal_epochs: int = 1
    min_weights: int = 1
    max_weight: int = U16_MAX
    min_stake_rao: int = 0
    places: int = 256
    permits: int = 64


class Commit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Weights that nobody may see yet."""

    epoch: int
    hotkey: str
    uids: tuple[int, ...]
    values: tuple[int, ...]
    version_key: int


class State(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All that the chain knows, to be kept on disk."""

    rules: Rules
    block: int = 0
    epoch: int = 0
    last_epoch: int = 0
    neurons: list[Neuron] = []
    served: dict[str, int] = {}  # hotkey -> block of its endpoint
    commits: list[Commit] = []
    weights: dict[int, dict[int, int]] = {}
    taken: int = 0  # commits and weights that were accepted
    dropped: list[str] = []  # reveals that failed, and why


class OfflineChain:
    """See the module. Not thread-safe."""

    def __init__(self, state: State) -> None:
        self.state = state

    # --- reading

    def metagraph(self) -> Metagraph:
        state = self.state
        return Metagraph(
            netuid=state.rules.netuid,
            block=state.block,
            tempo=state.rules.tempo,
            epoch=state.epoch,
            last_epoch=state.last_epoch,
            neurons=tuple(state.neurons),
        )

    def hyperparameters(self) -> Hyperparameters:
        rules = self.state.rules
        names = Hyperparameters.__struct_fields__
        return Hyperparameters(**{name: getattr(rules, name) for name in names})

    def weights(self, uid: int) -> dict[int, int]:
        return dict(self.state.weights.get(uid, {}))

    # --- changing

    def advance(self, block: int) -> None:
        """Time goes on to a block; epochs begin on their way (rules 3 and 6)."""
        state = self.state
        while block >= state.last_epoch + state.rules.tempo:
            state.block = state.last_epoch = state.last_epoch + state.rules.tempo
            state.epoch += 1
            self._reveal()
            self._permit()
        state.block = max(state.block, block)

    def register(self, hotkey: str, stake_rao: int, *, uid: int | None = None) -> int:
        """A place for a hotkey, whose uid is returned; `uid` names whose place it takes (rule 7)."""
        state = self.state
        if self._find(hotkey) is not None:
            raise RefusedError(Refusal.REGISTERED, f"{hotkey} is registered already")
        if uid is None:
            uid = len(state.neurons)
            if uid >= state.rules.places:
                uid = min((one for one in state.neurons if not one.permit), key=lambda one: one.registered).uid
        neuron = Neuron(
            uid=uid, hotkey=hotkey, stake_rao=stake_rao, permit=False, registered=state.block, updated=state.block
        )
        if uid < len(state.neurons):
            gone = state.neurons[uid]
            state.served.pop(gone.hotkey, None)
            state.weights.pop(uid, None)
            state.neurons[uid] = neuron
        else:
            state.neurons.append(neuron)
        if len(state.neurons) == 1 or state.epoch == 0:
            self._permit()
        return uid

    def serve(self, hotkey: str, endpoint: str) -> None:
        state, neuron = self.state, self._known(hotkey)
        last = state.served.get(hotkey)
        if last is not None and state.block - last < state.rules.serving_rate:
            raise RefusedError(
                Refusal.RATE, f"The endpoint was published {state.block - last} blocks ago (ServingRateLimitExceeded)"
            )
        state.served[hotkey] = state.block
        self._change(neuron, endpoint=endpoint)

    def set_weights(self, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int) -> None:
        """Rule 2; then a commit (rule 3), or weights at once (rules 4 and 5)."""
        state, neuron = self.state, self._known(hotkey)
        rules = state.rules
        if neuron.stake_rao < rules.min_stake_rao:
            raise RefusedError(
                Refusal.STAKE,
                f"The hotkey has {neuron.stake_rao} of {rules.min_stake_rao} rao (NotEnoughStakeToSetWeights)",
            )
        if neuron.updated and state.block - neuron.updated < rules.rate_limit:
            since = state.block - neuron.updated
            raise RefusedError(
                Refusal.RATE,
                f"Weights were set {since} blocks ago, the limit is {rules.rate_limit} (SettingWeightsTooFast)",
            )
        commit = Commit(
            epoch=state.epoch, hotkey=hotkey, uids=tuple(uids), values=tuple(values), version_key=version_key
        )
        if rules.commit_reveal:
            if sum(one.hotkey == hotkey for one in state.commits) >= MAX_UNREVEALED:
                raise RefusedError(Refusal.RATE, "Too many commits wait for their reveal (TooManyUnrevealedCommits)")
            state.commits.append(commit)
        else:
            self._apply(commit)
        state.taken += 1
        self._change(neuron, updated=state.block)

    def lose_commits(self) -> int:
        """The reveal of all that waits fails, as when the beacon that opens commits is away. How many were lost."""
        lost = len(self.state.commits)
        self.state.dropped += [f"{one.hotkey}: the commit could not be opened" for one in self.state.commits]
        self.state.commits = []
        return lost

    # --- the rules

    def _reveal(self) -> None:
        state = self.state
        due = [one for one in state.commits if one.epoch + state.rules.reveal_epochs <= state.epoch]
        state.commits = [one for one in state.commits if one not in due]
        for commit in due:
            try:
                self._apply(commit)
            except RefusedError as error:
                state.dropped.append(f"{commit.hotkey}: {error.what}")

    def _apply(self, commit: Commit) -> None:
        state, neuron = self.state, self._known(commit.hotkey)
        alone = commit.uids == (neuron.uid,)
        if not (neuron.permit or alone):
            raise RefusedError(Refusal.NO_PERMIT, f"{commit.hotkey} has no permit (NeuronNoValidatorPermit)")
        if commit.version_key < state.rules.version_key:
            raise RefusedError(
                Refusal.VERSION_KEY,
                f"Version key {commit.version_key} is below {state.rules.version_key} (IncorrectWeightVersionKey)",
            )
        if problem := self._problem(commit, alone=alone):
            raise RefusedError(Refusal.WEIGHTS, problem)
        state.weights[neuron.uid] = dict(zip(commit.uids, commit.values, strict=True))

    def _problem(self, commit: Commit, *, alone: bool) -> str:
        rules, uids, values = self.state.rules, commit.uids, commit.values
        usable = any(values) and all(0 <= value <= U16_MAX for value in values)
        over = not alone and max(values, default=0) * U16_MAX > rules.max_weight * sum(values)
        checks = (
            (len(uids) == len(values), "There is not one value for each uid (WeightVecNotEqualSize)"),
            (len(set(uids)) == len(uids), "A uid is there twice (DuplicateUids)"),
            (all(0 <= uid < len(self.state.neurons) for uid in uids), "A uid is of nobody (UidVecContainInvalidOne)"),
            (usable, "Values are whole numbers of 0-65535, and not all 0"),
            (alone or len(uids) >= rules.min_weights, "There are too few weights (WeightVecLengthIsLow)"),
            (not over, "A weight is above its limit (MaxWeightExceeded)"),
        )
        return next((problem for holds, problem in checks if not holds), "")

    def _permit(self) -> None:
        state = self.state
        able = [one for one in state.neurons if one.stake_rao > 0 and one.stake_rao >= state.rules.min_stake_rao]
        best = sorted(able, key=lambda one: (-one.stake_rao, one.uid))[: state.rules.permits]
        chosen = {one.uid for one in best}
        state.neurons = [msgspec.structs.replace(one, permit=one.uid in chosen) for one in state.neurons]

    def _find(self, hotkey: str) -> Neuron | None:
        return next((one for one in self.state.neurons if one.hotkey == hotkey), None)

    def _known(self, hotkey: str) -> Neuron:
        neuron = self._find(hotkey)
        if neuron is None:
            raise RefusedError(
                Refusal.NOT_REGISTERED,
                f"{hotkey} is not registered on subnet {self.state.rules.netuid} (HotKeyNotRegisteredInSubNet)",
            )
        return neuron

    def _change(self, neuron: Neuron, **fields: str | int) -> None:
        self.state.neurons[neuron.uid] = msgspec.structs.replace(neuron, **fields)
