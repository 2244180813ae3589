"""Bittensor's SDK over a chain in memory, by the SDK's own offline means (`Client(substrate=...)`): its plans for real.

Needs `antiphon[bittensor]`, which cannot be in one environment with `antiphon[evm]`; without it these are skipped.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

bittensor = pytest.importorskip("bittensor", reason="pip install 'antiphon[bittensor]'", minversion="11")

from antiphon.errors import InputError, UnavailableError, UnreachableError  # noqa: E402
from antiphon.subnet.chain import Refusal, RefusedError  # noqa: E402
from antiphon.subnet.hotkeys import Hotkey, Requests, sign_request  # noqa: E402
from antiphon.subnet.sdk import BittensorChain  # noqa: E402
from antiphon.subnet.weighing import WeightSetter  # noqa: E402

ALICE, BOB = Hotkey.of("//Alice"), Hotkey.of("//Bob")
AXON = {"ip": 0x7F000002, "port": 8091, "ip_type": 4}


class Substrate:
    """What the SDK asks of a chain: storage, one runtime call, and submitted calls."""

    def __init__(self) -> None:
        self.token_symbols: dict[int, str] = {}
        self.number = 1_000
        self.storage: dict[str, Any] = {
            "SubnetEpochIndex": 2, "LastEpochBlock": 720, "Tempo": 360, "WeightsSetRateLimit": 100,
            "WeightsVersionKey": 0, "CommitRevealWeightsEnabled": True, "RevealPeriodEpochs": 1, "MinAllowedWeights": 1,
            "MaxWeightsLimit": 65_535, "StakeThreshold": 5, "LastUpdate": [100, 100], "SubnetEpochConsensus": "Yuma",
            "PendingEpochAt": 0, "BlocksSinceLastStep": 280,
        }  # fmt: skip
        self.graph: Any = {
            "netuid": 1, "block": self.number, "tempo": 360, "last_step": 720, "blocks_since_last_step": 280,
            "owner_hotkey": BOB.ss58, "owner_coldkey": BOB.ss58, "network_registered_at": 1, "num_uids": 2,
            "hotkeys": [ALICE.ss58, BOB.ss58], "coldkeys": [ALICE.ss58, BOB.ss58], "axons": [None, AXON],
            "active": [True, True], "validator_permit": [True, False], "last_update": [100, 100],
            "block_at_registration": [10, 20], "total_stake": [10**12, 0], "alpha_stake": [10**12, 0],
            "tao_stake": [0, 0], "emission": [0, 0],
        }  # fmt: skip
        self.submitted: list[Any] = []
        self.error: Exception | None = None
        self.refusal: str = ""

    def balance(self, rao: int, netuid: int = 0) -> Any:
        return bittensor.Balance.from_rao(rao, netuid)

    async def connect(self) -> None: ...

    async def close(self) -> None: ...

    async def block_number(self) -> int:
        if self.error:
            raise self.error
        return self.number

    async def block_hash(self, block: int | None = None) -> str:
        return "0x00"

    async def block_time(self) -> float:
        return 12.0

    async def query(self, pallet: str, name: str, params: Any = None, **_: Any) -> Any:
        if name == "Uids":
            return {ALICE.ss58: 0, BOB.ss58: 1}.get(params[1])
        if name == "Weights":
            return [(1, 65_535)]
        return self.storage.get(name)

    async def query_map(self, *_: Any, **__: Any) -> list[Any]:
        return []

    async def runtime_call(self, *_: Any, **__: Any) -> Any:
        return self.graph

    async def compose(self, call: Any) -> Any:
        return call

    async def estimate_fee(self, *_: Any) -> Any:
        return self.balance(1)

    async def account_next_index(self, address: str) -> int:
        return 0

    async def submit(self, call: Any, keypair: Any, **_: Any) -> Any:
        self.submitted.append((call, keypair.ss58_address))
        if self.refusal:
            error = bittensor.ChainError(f"{self.refusal} happened", name=self.refusal)
            return bittensor.ExtrinsicResult(success=False, message=str(error), error=error)
        self.storage["LastUpdate"] = [self.number, 100]
        return bittensor.ExtrinsicResult(success=True)


@pytest.fixture
async def chain() -> BittensorChain:
    return await BittensorChain.open("local", 1, ALICE, substrate=Substrate())


def substrate_of(chain: BittensorChain) -> Substrate:
    return chain._client._substrate  # type: ignore[no-any-return]


async def test_the_metagraph_and_hyperparameters_are_read(chain: BittensorChain) -> None:
    graph, terms = await chain.metagraph(), await chain.hyperparameters()
    assert (graph.netuid, graph.block, graph.tempo, graph.epoch, graph.last_epoch) == (1, 1000, 360, 2, 720)
    alice, bob = graph.neurons
    assert (alice.uid, alice.hotkey, alice.stake_rao, alice.permit, alice.endpoint) == (0, ALICE.ss58, 10**12, True, "")
    assert (bob.registered, bob.endpoint, bob.permit) == (20, "127.0.0.2:8091", False)
    assert (terms.rate_limit, terms.commit_reveal, terms.reveal_epochs, terms.min_stake_rao) == (100, True, 1, 5)
    assert await chain.block_s() == 12.0
    assert await chain.weights(0) == {1: 65_535}


async def test_weights_leave_as_a_timelocked_commit_signed_by_the_hotkey(chain: BittensorChain, tmp_path: Any) -> None:
    setter = WeightSetter(chain, tmp_path / "w.json")
    assert await setter.step({1: 0.7}, await chain.metagraph(), await chain.hyperparameters())
    ((call, signer),) = substrate_of(chain).submitted
    assert signer == ALICE.ss58
    words = repr(call)
    assert "commit_timelocked_mechanism_weights" in words
    assert "65535" not in words
    with pytest.raises(RefusedError, match="rate limit") as refused:
        await chain.set_weights([1], [65_535], 1)
    assert refused.value.refusal is Refusal.RATE


async def test_an_endpoint_is_published(chain: BittensorChain) -> None:
    await chain.serve("203.0.113.5", 8091)
    assert "serve_axon" in repr(substrate_of(chain).submitted[0][0])


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("NeuronNoValidatorPermit", Refusal.NO_PERMIT),
        ("NotEnoughStakeToSetWeights", Refusal.STAKE),
        ("IncorrectWeightVersionKey", Refusal.VERSION_KEY),
        ("SettingWeightsTooFast", Refusal.RATE),
        ("CommittingWeightsTooFast", Refusal.RATE),
        ("HotKeyNotRegisteredInSubNet", Refusal.NOT_REGISTERED),
    ],
)
async def test_the_chains_refusals_have_our_reasons(chain: BittensorChain, name: str, refusal: Refusal) -> None:
    substrate_of(chain).refusal = name
    with pytest.raises(RefusedError, match=name) as refused:
        await chain.set_weights([1], [65_535], 1)
    assert refused.value.refusal is refusal


async def test_an_unregistered_hotkey_a_missing_subnet_and_a_wrong_network_are_said() -> None:
    chain = await BittensorChain.open("local", 1, Hotkey.of("//Eve"), substrate=Substrate())
    with pytest.raises(RefusedError) as refused:
        await chain.set_weights([1], [65_535], 1)
    assert refused.value.refusal is Refusal.NOT_REGISTERED
    substrate_of(chain).graph = None
    with pytest.raises(RefusedError, match="no subnet 1"):
        await chain.metagraph()
    with pytest.raises(InputError, match="Unknown network"):
        await BittensorChain.open("nowhere", 1, ALICE)


async def test_a_runtime_that_changed_a_type_and_a_chain_that_is_away_are_told_apart(chain: BittensorChain) -> None:
    held = substrate_of(chain)
    held.graph["tempo"] = {"blocks": 360}
    with pytest.raises(UnavailableError, match="in a form that this version cannot read"):
        await chain.metagraph()
    held.storage["WeightsSetRateLimit"] = {"bits": 1}
    with pytest.raises(UnavailableError, match="in a form that this version cannot read"):
        await chain.hyperparameters()
    held.error = OSError("connection refused")
    with pytest.raises(UnreachableError, match="cannot be asked"):
        await chain.metagraph()


def test_the_sdk_takes_our_requests_and_we_take_its() -> None:
    ours = sign_request(ALICE, path="/v1/message", body=b"body", receiver=BOB.ss58)
    caller = bittensor.http_auth.verify(ours, b"body", method="POST", path="/v1/message", self_hotkey_ss58=BOB.ss58)
    assert caller.hotkey_ss58 == ALICE.ss58
    theirs = bittensor.http_auth.sign(
        ALICE.pair, method="POST", path="/v1/message", body=b"body", receiver_ss58=BOB.ss58, nonce_ns=time.time_ns()
    )
    headers = {name.lower(): value for name, value in theirs.items()}
    assert Requests(BOB.ss58).verify(headers, b"body", path="/v1/message") == ALICE.ss58
