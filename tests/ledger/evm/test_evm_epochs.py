"""An epoch on a real chain, through web3.py: a wrong consensus is struck there, the right one is paid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from contracts_epochs import Tree, content, packed_rows
from evm_anvil import Anvil

from antiphon.economy.consensus import Options, reach
from antiphon.economy.types import NANO, PPM
from antiphon.ledger.evm.artefacts import artefact
from antiphon.ledger.evm.deploy import creation

DELAY_S, OPEN_S, REVEAL_S, POST_S, CHALLENGE_S = 3_600, 600, 300, 300, 600
EPOCH_S = OPEN_S + REVEAL_S + POST_S + CHALLENGE_S
EMISSION, BOND = 100 * NANO, NANO
SALT, ZERO = b"s" * 32, bytes(32)
ROWS = [[65_535, 0, 3], [20_000, 65_535, 0]]
STAKES = [60, 40]


class Chain:
    """Anvil's accounts are unlocked and each transaction makes a block, so that time is all there is to wait for."""

    def __init__(self, anvil: Anvil) -> None:
        from web3 import HTTPProvider, Web3

        self.anvil, self.web3 = anvil, Web3(HTTPProvider(anvil.url))
        self.people = self.web3.eth.accounts

    def create(self, name: str, *args: object) -> object:
        sent = self.web3.eth.send_transaction({"from": self.people[0], "data": creation(name, *args)})
        made = self.web3.eth.wait_for_transaction_receipt(sent)
        assert made["status"] == 1
        return self.web3.eth.contract(address=made["contractAddress"], abi=artefact(name).abi)

    def send(self, who: int, call: object) -> None:
        sent = call.transact({"from": self.people[who]})
        assert self.web3.eth.wait_for_transaction_receipt(sent)["status"] == 1

    def now(self) -> int:
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def wait_until(self, time_s: int) -> None:
        self.anvil.ask("evm_setNextBlockTimestamp", time_s)
        self.anvil.mine()


@pytest.fixture
def chain() -> Iterator[Chain]:
    anvil = Anvil().start()
    anvil.ask("evm_setAutomine", True)
    yield Chain(anvil)
    anvil.kill()


def test_an_epoch_on_a_real_chain(chain: Chain) -> None:
    from web3.exceptions import ContractLogicError

    send = chain.send
    token = chain.create("token", 10**6 * NANO, 1_000 * NANO, 3_600, DELAY_S)
    registry = chain.create("registry", token.address, 10**6, 3_600, DELAY_S, (NANO, 3_600, 0))
    terms = (OPEN_S, REVEAL_S, POST_S, CHALLENGE_S, 499_992, EMISSION, 410_000, 410_000, BOND)
    epochs = chain.create("epochs", registry.address, chain.people[9], terms)
    emission = (epochs.address, 1_000 * NANO, 100_000)
    send(0, token.functions.propose_emission(emission))
    chain.wait_until(chain.now() + DELAY_S)
    send(0, token.functions.adopt_emission(emission))
    for who in range(1, 8):
        send(0, token.functions.transfer(chain.people[who], 200 * NANO))
        for door in (registry, epochs):
            send(who, token.functions.approve(door.address, 2**255))
    began = epochs.functions.first_s().call()
    begins = began + -(-(chain.now() + 60 - began) // EPOCH_S) * EPOCH_S
    chain.wait_until(begins)
    for who, role, stake in ((1, 2, 60), (2, 2, 40), (3, 1, 1), (4, 1, 1), (5, 1, 1)):
        send(who, registry.functions.register(role, ZERO, [ZERO, ZERO], ZERO, 1, "https://node.example", stake * NANO))
    for who in (3, 4, 5):
        send(who, epochs.functions.take_column())
    number = epochs.functions.epoch().call()
    for seat, row in enumerate(ROWS):
        send(1 + seat, epochs.functions.take_seat(seat))
        bound = epochs.functions.commitment_of(number, chain.people[1 + seat], packed_rows(row), SALT).call()
        send(1 + seat, epochs.functions.commit(bound))
    chain.wait_until(begins + OPEN_S)
    for seat, row in enumerate(ROWS):
        send(1 + seat, epochs.functions.reveal(packed_rows(row), SALT))
    chain.wait_until(begins + OPEN_S + REVEAL_S)
    found = reach(np.array(ROWS), [stake * 1_000 for stake in STAKES], options=Options(alpha_ppm=PPM))
    words, dividends = content(found)
    wrong = [words[0] + 1, *words[1:]]
    send(6, epochs.functions.post(wrong, dividends))
    send(7, epochs.functions.challenge_column(0, wrong, dividends))
    send(7, epochs.functions.post(words, dividends))
    for column in range(4):
        with pytest.raises(ContractLogicError, match="epochs: the column is right"):
            epochs.functions.challenge_column(column, words, dividends).call()
    chain.wait_until(begins + EPOCH_S)
    send(6, epochs.functions.finish(number, words, dividends))
    paid = EMISSION * 9 // 10
    for_nodes, ranks = paid * 410_000 // PPM, found.rank.tolist()
    amounts = {column: for_nodes * rank // sum(ranks) for column, rank in enumerate([*ranks, 0])}
    shares = found.dividends.tolist()
    amounts |= {1_024 + seat: for_nodes * share // sum(shares) for seat, share in enumerate(shares)}
    amounts[1_088] = paid - sum(amounts.values())
    tree = Tree(number, amounts)
    receivers = {0: 3, 1: 4, 2: 5, 1_024: 1, 1_025: 2, 1_088: 9}
    for place, who in receivers.items():
        before = token.functions.balanceOf(chain.people[who]).call()
        send(8, epochs.functions.claim(number, place, 0, amounts[place], tree.proof(place)))
        assert token.functions.balanceOf(chain.people[who]).call() - before == amounts[place]
    send(7, epochs.functions.withdraw_bond())
    send(8, epochs.functions.sweep())
    assert token.functions.balanceOf(epochs.address).call() == 0, "all money has come out"
