"""Weights: quantised as the chain wants them, on cadence, whatever is restarted, refused or lost between."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from chains import LocalChain
from hypothesis import given
from hypothesis import strategies as st

from antiphon.errors import InputError, UnreachableError
from antiphon.subnet.chain import Refusal, RefusedError
from antiphon.subnet.offline import Rules
from antiphon.subnet.offline_service import OfflineClient
from antiphon.subnet.weighing import WeightSetter, quantise

STAKE = 10**12
SHORT = Rules(tempo=20, rate_limit=5, min_stake_rao=10**9)


async def step(setter: WeightSetter, client: OfflineClient, weights: dict[int, float]) -> bool:
    return await setter.step(weights, await client.metagraph(), await client.hyperparameters())


async def test_weights_are_taken_in_100_of_100_epochs_with_restarts_between(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path
) -> None:
    chain = chain_of(msgspec.structs.replace(SHORT, max_weight=40_000))
    client = await chain.joined("//Validator", STAKE)
    for number in range(3):
        await chain.joined(f"//Miner{number}")
    chain.pass_blocks(SHORT.tempo)
    first = (await client.metagraph()).epoch
    rng = random.Random(7)
    taken, file = [], tmp_path / "weights.json"
    setter = WeightSetter(client, file)
    while (await client.metagraph()).epoch < first + 100:
        if rng.random() < 0.4:
            setter = WeightSetter(client, file)  # the validator was killed and began again
        if rng.random() < 0.2:
            chain.restart()
        epoch = (await client.metagraph()).epoch
        if await step(setter, client, {1: rng.random(), 2: 0.5, 3: 0.2}):
            taken.append(epoch)
        chain.pass_blocks(rng.randrange(1, 6))
    assert taken == list(range(first, first + 100))
    assert chain.rules.state.dropped == []
    assert setter.failed == 0
    in_force = await client.weights(0)
    assert in_force == dict(zip(setter.sent[-1].uids, setter.sent[-1].values, strict=True))


@pytest.mark.parametrize("arrived", [True, False], ids=["the chain had them", "they never arrived"])
async def test_who_is_killed_while_sending_neither_sends_twice_nor_forgets(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path, arrived: bool
) -> None:
    class Dying(OfflineClient):
        async def set_weights(self, *given: object) -> None:
            if arrived:
                await super().set_weights(*given)  # type: ignore[arg-type]
            raise KeyboardInterrupt

    chain = chain_of(SHORT)
    client = await chain.joined("//Validator", STAKE)
    await chain.joined("//Miner")
    chain.pass_blocks(SHORT.tempo)
    dying = Dying(chain.url, client._key, client._transport)
    with pytest.raises(KeyboardInterrupt):
        await step(WeightSetter(dying, tmp_path / "w.json"), client, {1: 1.0})
    again = WeightSetter(client, tmp_path / "w.json")
    chain.pass_blocks(SHORT.rate_limit)
    assert await step(again, client, {1: 1.0}) is not arrived
    assert chain.rules.state.taken == 1


async def test_a_reveal_that_failed_is_told_and_followed_by_the_next_commit(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chain = chain_of(SHORT)
    client = await chain.joined("//Validator", STAKE)
    await chain.joined("//Miner")
    chain.pass_blocks(SHORT.tempo)
    setter = WeightSetter(client, tmp_path / "w.json")
    assert await step(setter, client, {1: 1.0})
    assert chain.rules.lose_commits() == 1
    chain.pass_blocks(SHORT.tempo + 5)
    assert await step(setter, client, {1: 0.7})
    assert setter.failed == 1
    assert "were not revealed" in caplog.text
    assert len(setter.sent) == 2
    chain.pass_blocks(SHORT.tempo)
    await step(setter, client, {1: 0.7})
    assert setter.sent[1].outcome == "in force"


async def test_what_the_chain_would_drop_without_a_word_is_said_before_it_is_sent(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path
) -> None:
    rules = Rules(tempo=20, rate_limit=5, version_key=9, min_stake_rao=10**9, permits=1)
    chain = chain_of(rules)
    rich = await chain.joined("//Rich", 2 * STAKE)
    plain = await chain.joined("//Plain", STAKE)
    poor = await chain.joined("//Poor", 10**8)
    stranger = chain.client(type(rich._key).of("//Stranger"))
    chain.pass_blocks(rules.tempo)
    reasons = {
        rich: (Refusal.VERSION_KEY, "version key 9, and this is 1"),
        plain: (Refusal.NO_PERMIT, "no validator permit"),
        poor: (Refusal.STAKE, "stake of 0.1, and weights need 1"),
        stranger: (Refusal.NOT_REGISTERED, "not registered on subnet 1"),
    }
    for number, (client, (refusal, words)) in enumerate(reasons.items()):
        with pytest.raises(RefusedError, match=words) as refused:
            await step(WeightSetter(client, tmp_path / f"{number}.json"), client, {0: 1.0})
        assert refused.value.refusal is refusal
        assert refused.value.hint
    assert chain.rules.state.taken == 0


async def test_the_chain_away_for_an_hour_costs_nothing_but_the_epochs_missed(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path
) -> None:
    chain = chain_of(SHORT)
    client = await chain.joined("//Validator", STAKE)
    await chain.joined("//Miner")
    chain.pass_blocks(SHORT.tempo)
    setter = WeightSetter(client, tmp_path / "w.json")
    assert await step(setter, client, {1: 1.0})
    away = OfflineClient("inproc://nobody", client._key, client._transport)
    with pytest.raises(UnreachableError):
        await away.metagraph()
    chain.pass_blocks(3_600)
    again = WeightSetter(client, tmp_path / "w.json")
    assert await step(again, client, {1: 1.0})
    assert [one.taken for one in again.sent] == [True, True]
    assert again.failed == 0


async def test_a_commit_that_crosses_an_epochs_boundary_is_of_the_later_one(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path
) -> None:
    class Slow(OfflineClient):
        async def set_weights(self, *given: object) -> None:
            chain.pass_blocks(2)
            await super().set_weights(*given)  # type: ignore[arg-type]

    chain = chain_of(SHORT)
    client = await chain.joined("//Validator", STAKE)
    await chain.joined("//Miner")
    chain.pass_blocks(2 * SHORT.tempo - 1)
    setter = WeightSetter(Slow(chain.url, client._key, client._transport), tmp_path / "w.json")
    assert await step(setter, client, {1: 1.0})
    assert [one.epoch for one in setter.sent] == [2]
    chain.pass_blocks(10)
    assert not await step(setter, client, {1: 1.0})
    chain.pass_blocks(SHORT.tempo)
    assert await step(setter, client, {1: 1.0})
    assert (setter.sent[0].outcome, setter.failed) == ("in force", 0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -0.1, 1e30])
def test_weights_that_are_none_are_refused(bad: float) -> None:
    with pytest.raises(InputError, match="weight of uid 4"):
        quantise({3: 0.5, 4: bad})


def test_nobody_judged_and_uids_that_are_none_are_said() -> None:
    with pytest.raises(InputError, match="No weight is above 0"):
        quantise({1: 0.0})
    with pytest.raises(InputError, match="70000 is no uid"):
        quantise({70_000: 1.0})


@given(
    st.dictionaries(st.integers(0, 255), st.floats(1e-6, 1e6), min_size=1, max_size=64),
    st.integers(1_000, 65_535),
)
def test_every_vector_fits_the_chains_own_check(weights: dict[int, float], limit: int) -> None:
    uids, values = quantise(weights, limit=limit)
    assert uids == sorted(set(uids))
    assert set(uids) <= set(weights)
    assert all(type(value) is int and 0 < value <= 65_535 for value in values)
    assert max(values) == 65_535
    if len(uids) * limit > 1.05 * 65_535:
        assert max(values) * 65_535 <= limit * sum(values)
