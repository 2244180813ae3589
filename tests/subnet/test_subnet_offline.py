"""The offline chain keeps the rules of Bittensor's, and says no in its words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from chains import LocalChain

from antiphon.errors import ProtocolError, StateError
from antiphon.subnet.chain import Refusal, RefusedError
from antiphon.subnet.hotkeys import Hotkey
from antiphon.subnet.offline import OfflineChain, Rules, State
from antiphon.subnet.offline_service import OfflineClient, OfflineService

PLAIN = Rules(tempo=10, rate_limit=3, commit_reveal=False, max_weight=40_000, min_weights=2, permits=1)


def founded(rules: Rules) -> OfflineChain:
    """A validator (uid 0) with a permit, and three without stake."""
    chain = OfflineChain(State(rules=rules))
    for number, hotkey in enumerate("vabc"):
        chain.register(hotkey, 10**12 if number == 0 else 0)
    chain.advance(rules.tempo)
    return chain


@pytest.mark.parametrize(
    ("hotkey", "uids", "values", "refusal", "words"),
    [
        ("x", [1, 2], [1, 1], Refusal.NOT_REGISTERED, "HotKeyNotRegisteredInSubNet"),
        ("a", [1, 2], [1, 1], Refusal.NO_PERMIT, "NeuronNoValidatorPermit"),
        ("v", [1, 1], [1, 1], Refusal.WEIGHTS, "DuplicateUids"),
        ("v", [1, 9], [1, 1], Refusal.WEIGHTS, "UidVecContainInvalidOne"),
        ("v", [1, 2], [1], Refusal.WEIGHTS, "WeightVecNotEqualSize"),
        ("v", [1], [1], Refusal.WEIGHTS, "WeightVecLengthIsLow"),
        ("v", [1, 2], [9, 1], Refusal.WEIGHTS, "MaxWeightExceeded"),
        ("v", [1, 2], [0, 0], Refusal.WEIGHTS, "not all 0"),
        ("v", [1, 2], [70_000, 70_000], Refusal.WEIGHTS, "0-65535"),
    ],
)
def test_weights_are_refused_as_the_chain_does(
    hotkey: str, uids: list[int], values: list[int], refusal: Refusal, words: str
) -> None:
    chain = founded(PLAIN)
    with pytest.raises(RefusedError, match=words) as refused:
        chain.set_weights(hotkey, uids, values, 0)
    assert refused.value.refusal is refusal
    assert chain.weights(0) == {}
    assert chain.state.taken == 0


def test_pace_version_and_stake_are_limits_too() -> None:
    chain = founded(PLAIN)
    chain.set_weights("v", [1, 2], [5, 5], 0)
    with pytest.raises(RefusedError, match="SettingWeightsTooFast"):
        chain.set_weights("v", [1, 2], [5, 5], 0)
    chain.advance(chain.state.block + PLAIN.rate_limit)
    chain.set_weights("v", [1, 3], [5, 5], 0)
    assert chain.weights(0) == {1: 5, 3: 5}
    with pytest.raises(RefusedError, match="IncorrectWeightVersionKey"):
        founded(Rules(tempo=10, commit_reveal=False, rate_limit=1, version_key=2)).set_weights("v", [1], [1], 1)
    with pytest.raises(RefusedError, match="NotEnoughStakeToSetWeights"):
        founded(Rules(tempo=10, rate_limit=1, min_stake_rao=5)).set_weights("a", [1], [1], 0)


def test_a_commit_is_opened_an_epoch_later_and_dropped_unsaid_where_it_breaks_a_rule() -> None:
    chain = founded(Rules(tempo=10, rate_limit=1, reveal_epochs=2, version_key=1))
    chain.set_weights("v", [1, 2], [7, 8], 1)
    chain.set_weights("a", [1, 2], [7, 8], 1)  # no permit: taken all the same
    chain.advance(20)
    assert chain.weights(0) == {}
    chain.advance(30)
    assert chain.weights(0) == {1: 7, 2: 8}
    assert chain.state.dropped == ["a: a has no permit (NeuronNoValidatorPermit)"]


def test_a_full_subnet_gives_a_newcomer_the_oldest_place() -> None:
    chain = OfflineChain(State(rules=Rules(tempo=10, places=3, permits=1, commit_reveal=False, rate_limit=1)))
    for number, hotkey in enumerate("vab"):
        chain.register(hotkey, 10**12 if hotkey == "v" else 0)
        chain.advance(number + 1)
    chain.advance(10)
    assert chain.register("new", 0) == 1
    assert [one.hotkey for one in chain.metagraph().neurons] == ["v", "new", "b"]
    assert chain.metagraph().by_hotkey["new"].registered == 10
    with pytest.raises(RefusedError, match="registered already"):
        chain.register("b", 0)


def test_endpoints_are_published_within_a_rate() -> None:
    chain = founded(PLAIN)
    chain.serve("a", "127.0.0.1:9")
    with pytest.raises(RefusedError, match="ServingRateLimitExceeded"):
        chain.serve("a", "127.0.0.1:10")
    chain.advance(chain.state.block + PLAIN.serving_rate)
    chain.serve("a", "127.0.0.1:10")
    assert chain.metagraph().by_hotkey["a"].endpoint == "127.0.0.1:10"


async def test_what_was_signed_for_another_chain_or_by_nobody_changes_nothing(
    chain_of: Callable[[Rules], LocalChain],
) -> None:
    chain = chain_of(PLAIN)
    key = Hotkey.of("//Alice")
    client = await chain.joined("//Alice", 5)
    heard: list[bytes] = []

    class Listening(OfflineClient):
        async def _ask(self, message: bytes) -> object:  # type: ignore[override]
            heard.append(message)
            return await super()._ask(message)

    await Listening(chain.url, key, client._transport).serve("127.0.0.1", 5)
    replayed = heard[-1]
    forged = replayed[:-1] + bytes([replayed[-1] ^ 1])
    for message, words in ((replayed, "made before"), (forged, "Bad signature|none that can be read")):
        with pytest.raises(ProtocolError, match=words):
            await client._ask(message)
    assert chain.rules.state.served == {client.hotkey: 0}


async def test_the_chain_goes_on_from_its_file_and_keeps_its_rules(
    chain_of: Callable[[Rules], LocalChain], tmp_path: Path
) -> None:
    chain = chain_of(PLAIN)
    client = await chain.joined("//Alice", 5)
    before = await client.metagraph()
    chain.restart()
    assert await client.metagraph() == before
    chain.clock.advance(25)
    later = await client.metagraph()
    assert (later.block, later.epoch, later.last_epoch) == (25, 2, 20)
    with pytest.raises(StateError, match="has other rules"):
        OfflineService(tmp_path / "chain.json", chain.clock, rules=Rules(tempo=11), block_s=1.0)


async def test_another_subnets_number_is_refused(chain_of: Callable[[Rules], LocalChain]) -> None:
    chain = chain_of(PLAIN)
    client = await chain.joined("//Alice", 5)
    elsewhere = OfflineClient(chain.url, client._key, client._transport, netuid=9)
    with pytest.raises(RefusedError, match="no subnet 9 here, only 1"):
        await elsewhere.metagraph()
    with pytest.raises(RefusedError, match=r"registered already.*Nothing is left to do"):
        await client.register(5)
