"""The token: ERC-20 against a model in Python, permits by signature, emission within its cap."""

from __future__ import annotations

import pytest

boa = pytest.importorskip("boa", reason="titanoboa is not installed here: scripts/check runs this in .venv-contracts")

from collections import Counter

from contracts_deployed import ANT, DELAY_S, EPOCH_S, deploy_token
from eth_account import Account
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

PPM = 1_000_000


@pytest.fixture
def token():
    with boa.env.anchor():
        yield deploy_token()


def adopt(token, issuer: str, cap: int, burn_ppm: int) -> None:
    token.propose_emission((issuer, cap, burn_ppm))
    boa.env.time_travel(seconds=DELAY_S)
    token.adopt_emission((issuer, cap, burn_ppm))


def signed_permit(token, owner: Account, spender: str, amount: int, nonce: int, deadline: int, version: str = "1"):
    domain = {
        "name": "Antiphon",
        "version": version,
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": token.address,
    }
    fields = ["owner", "spender", "value", "nonce", "deadline"]
    kinds = ["address", "address", "uint256", "uint256", "uint256"]
    types = {"Permit": [{"name": name, "type": kind} for name, kind in zip(fields, kinds, strict=True)]}
    message = dict(zip(fields, [owner.address, spender, amount, nonce, deadline], strict=True))
    done = Account.sign_typed_data(owner.key, domain, types, message)
    return done.v, done.r.to_bytes(32, "big"), done.s.to_bytes(32, "big")


def test_a_permit_counts_once_and_only_as_signed(token) -> None:
    owner, spender = Account.create(), boa.env.generate_address()
    deadline = boa.env.timestamp + 60
    v, r, s = signed_permit(token, owner, spender, 5 * ANT, 0, deadline)
    with boa.reverts("token: wrong signature"):
        token.permit(owner.address, spender, 6 * ANT, deadline, v, r, s)
    token.permit(owner.address, spender, 5 * ANT, deadline, v, r, s)
    assert token.allowance(owner.address, spender) == 5 * ANT
    with boa.reverts("token: wrong signature"):
        token.permit(owner.address, spender, 5 * ANT, deadline, v, r, s)


def test_a_permit_ends_at_its_deadline_and_has_one_signature(token) -> None:
    owner, spender = Account.create(), boa.env.generate_address()
    deadline = boa.env.timestamp + 60
    v, r, s = signed_permit(token, owner, spender, 1, 0, deadline)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    other = (order - int.from_bytes(s, "big")).to_bytes(32, "big")
    with boa.reverts("token: malleable signature"):
        token.permit(owner.address, spender, 1, deadline, 55 - v, r, other)
    boa.env.time_travel(seconds=61)
    with boa.reverts("token: permit expired"):
        token.permit(owner.address, spender, 1, deadline, v, r, s)


def test_an_invalid_signature_is_not_one_by_nobody(token) -> None:
    nobody, zero = "0x" + "00" * 20, bytes(32)
    with boa.reverts("token: no owner"):
        token.permit(nobody, boa.env.eoa, 1, boa.env.timestamp + 60, 1, zero, zero)


def test_emission_keeps_to_its_cap_and_burns_its_share(token) -> None:
    issuer, node = boa.env.generate_address(), boa.env.generate_address()
    adopt(token, issuer, 100 * ANT, 250_000)
    before = token.totalSupply()
    token.issue(node, 60 * ANT, sender=issuer)
    assert token.balanceOf(node) == 45 * ANT == token.totalSupply() - before
    with boa.reverts("token: above the cap of the epoch"):
        token.issue(node, 40 * ANT + 1, sender=issuer)
    boa.env.time_travel(seconds=EPOCH_S)
    token.issue(node, 100 * ANT, sender=issuer)
    with boa.reverts("token: not the issuer"):
        token.issue(node, 1)


def test_the_owner_is_bounded_and_slow(token) -> None:
    stranger = boa.env.generate_address()
    proposal = (stranger, 1_000 * ANT, 0)
    with boa.reverts("token: cap out of bounds"):
        token.propose_emission((stranger, 1_000 * ANT + 1, 0))
    with boa.reverts("token: burn share out of bounds"):
        token.propose_emission((stranger, 1, PPM + 1))
    with boa.reverts("governed: not the owner"):
        token.propose_emission(proposal, sender=stranger)
    with boa.reverts("governed: not proposed"):
        token.adopt_emission(proposal)
    token.propose_emission(proposal)
    boa.env.time_travel(seconds=DELAY_S - 2)
    with boa.reverts("governed: too early"):
        token.adopt_emission(proposal)
    boa.env.time_travel(seconds=2)
    token.adopt_emission(proposal, sender=stranger)
    with boa.reverts("governed: not proposed"):
        token.adopt_emission(proposal)


def test_a_pause_stops_emission_and_no_transfer(token) -> None:
    adopt(token, boa.env.eoa, ANT, 0)
    token.pause_entry(True)
    with boa.reverts("governed: entry is paused"):
        token.issue(boa.env.eoa, 1)
    with boa.reverts("governed: entry is paused"):
        token.renounce()
    token.transfer(boa.env.generate_address(), 1)
    token.pause_entry(False)
    token.renounce()
    with boa.reverts("governed: not the owner"):
        token.pause_entry(True)


def test_an_heir_takes_over_by_itself(token) -> None:
    heir = boa.env.generate_address()
    token.name_owner(heir)
    with boa.reverts("governed: not the heir"):
        token.accept_owner()
    token.accept_owner(sender=heir)
    assert token.owner() == heir


class TokenMachine(RuleBasedStateMachine):
    """Transfers, approvals, burning: the contract and a model in Python say the same."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.token = deploy_token(supply=1_000)
        self.people = [boa.env.eoa, *(boa.env.generate_address() for _ in range(3))]
        self.balances = Counter({boa.env.eoa: 1_000})
        self.allowed: Counter[tuple[str, str]] = Counter()
        self.supply = 1_000

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    person = st.integers(0, 3)
    amount = st.integers(0, 1_200)

    @rule(a=person, b=person, amount=amount)
    def transfer(self, a, b, amount) -> None:
        owner, to = self.people[a], self.people[b]
        if amount > self.balances[owner]:
            with boa.reverts("token: insufficient balance"):
                self.token.transfer(to, amount, sender=owner)
            return
        self.token.transfer(to, amount, sender=owner)
        self.balances[owner] -= amount
        self.balances[to] += amount

    @rule(a=person, b=person, amount=amount)
    def approve(self, a, b, amount) -> None:
        self.token.approve(self.people[b], amount, sender=self.people[a])
        self.allowed[self.people[a], self.people[b]] = amount

    @rule(a=person, b=person, c=person, amount=amount)
    def transfer_from(self, a, b, c, amount) -> None:
        owner, spender, to = self.people[a], self.people[b], self.people[c]
        if amount > self.allowed[owner, spender]:
            with boa.reverts("token: insufficient allowance"):
                self.token.transferFrom(owner, to, amount, sender=spender)
        elif amount > self.balances[owner]:
            with boa.reverts("token: insufficient balance"):
                self.token.transferFrom(owner, to, amount, sender=spender)
        else:
            self.token.transferFrom(owner, to, amount, sender=spender)
            self.allowed[owner, spender] -= amount
            self.balances[owner] -= amount
            self.balances[to] += amount

    @rule(a=person, amount=amount)
    def burn(self, a, amount) -> None:
        if amount > self.balances[self.people[a]]:
            with boa.reverts("token: insufficient balance"):
                self.token.burn(amount, sender=self.people[a])
            return
        self.token.burn(amount, sender=self.people[a])
        self.balances[self.people[a]] -= amount
        self.supply -= amount

    @invariant()
    def same(self) -> None:
        assert [self.token.balanceOf(p) for p in self.people] == [self.balances[p] for p in self.people]
        assert self.token.totalSupply() == self.supply == sum(self.balances.values())


TestTokenMachine = TokenMachine.TestCase
TestTokenMachine.settings = settings(max_examples=15, stateful_step_count=25)
