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


def signed(token, owner: Account, kind: str, fields: dict[str, tuple[str, object]], version: str = "1"):
    """v, r, s over a struct, whose fields are (type, value)."""
    domain = {
        "name": "Antiphon",
        "version": version,
        "chainId": boa.env.evm.patch.chain_id,
        "verifyingContract": token.address,
    }
    types = {kind: [{"name": name, "type": of} for name, (of, _) in fields.items()]}
    message = {name: value for name, (_, value) in fields.items()}
    done = Account.sign_typed_data(owner.key, domain, types, message)
    return done.v, done.r.to_bytes(32, "big"), done.s.to_bytes(32, "big")


def signed_permit(token, owner: Account, spender: str, amount: int, nonce: int, deadline: int, version: str = "1"):
    fields = {"owner": ("address", owner.address), "spender": ("address", spender), "value": ("uint256", amount)}
    fields |= {"nonce": ("uint256", nonce), "deadline": ("uint256", deadline)}
    return signed(token, owner, "Permit", fields, version)


def authorized(token, kind: str, owner: Account, to: str, amount: int, after: int, before: int, nonce: bytes) -> tuple:
    """What EIP-3009 has an owner sign, with its signature, as the contract takes it."""
    fields = {"from": ("address", owner.address), "to": ("address", to), "value": ("uint256", amount)}
    fields |= {"validAfter": ("uint256", after), "validBefore": ("uint256", before), "nonce": ("bytes32", nonce)}
    return (owner.address, to, amount, after, before, nonce, *signed(token, owner, kind, fields))


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


def test_an_authorized_payment_is_made_once_by_anybody_and_only_as_signed(token) -> None:
    owner, to, now = Account.create(), boa.env.generate_address(), boa.env.timestamp
    token.transfer(owner.address, 9 * ANT)
    given = authorized(token, "TransferWithAuthorization", owner, to, 5 * ANT, now - 1, now + 60, b"\1" * 32)
    other = {1: boa.env.eoa, 2: 6 * ANT, 3: now - 2, 4: now + 61, 5: b"\2" * 32}
    for field, value in other.items():
        with boa.reverts("token: wrong signature"):
            token.transferWithAuthorization(*given[:field], value, *given[field + 1 :])
    with boa.reverts("token: wrong signature"):
        token.receiveWithAuthorization(*given, sender=to)
    token.transferWithAuthorization(*given, sender=boa.env.generate_address())
    assert (token.balanceOf(owner.address), token.balanceOf(to)) == (4 * ANT, 5 * ANT)
    assert token.authorizationState(owner.address, b"\1" * 32)
    with boa.reverts("token: authorization used already"):
        token.transferWithAuthorization(*given)


def test_an_authorized_payment_has_its_time_and_needs_its_money(token) -> None:
    owner, to, now = Account.create(), boa.env.generate_address(), boa.env.timestamp
    kind = "TransferWithAuthorization"
    poor = authorized(token, kind, owner, to, 1, 0, now + 60, b"\1" * 32)
    with boa.reverts("token: insufficient balance"):
        token.transferWithAuthorization(*poor)
    token.transfer(owner.address, 1)
    with boa.reverts("token: authorization not valid yet"):
        token.transferWithAuthorization(*authorized(token, kind, owner, to, 1, now, now + 60, b"\2" * 32))
    with boa.reverts("token: authorization expired"):
        token.transferWithAuthorization(*authorized(token, kind, owner, to, 1, 0, now, b"\2" * 32))
    token.transferWithAuthorization(*poor)
    assert token.balanceOf(to) == 1


def test_only_its_receiver_takes_what_was_authorized_for_it(token) -> None:
    owner, to, now = Account.create(), boa.env.generate_address(), boa.env.timestamp
    token.transfer(owner.address, ANT)
    given = authorized(token, "ReceiveWithAuthorization", owner, to, ANT, 0, now + 60, b"\1" * 32)
    with boa.reverts("token: not the receiver"):
        token.receiveWithAuthorization(*given)
    with boa.reverts("token: wrong signature"):
        token.transferWithAuthorization(*given)
    token.receiveWithAuthorization(*given, sender=to)
    assert token.balanceOf(to) == ANT


def test_what_was_cancelled_is_not_paid(token) -> None:
    owner, to, now = Account.create(), boa.env.generate_address(), boa.env.timestamp
    token.transfer(owner.address, ANT)
    given = authorized(token, "TransferWithAuthorization", owner, to, ANT, 0, now + 60, b"\1" * 32)
    fields = {"authorizer": ("address", owner.address), "nonce": ("bytes32", b"\1" * 32)}
    with boa.reverts("token: wrong signature"):
        token.cancelAuthorization(
            owner.address, b"\1" * 32, *signed(token, Account.create(), "CancelAuthorization", fields)
        )
    cancelling = signed(token, owner, "CancelAuthorization", fields)
    token.cancelAuthorization(owner.address, b"\1" * 32, *cancelling)
    for call, what in (
        (token.transferWithAuthorization, given),
        (token.cancelAuthorization, (*given[:1], given[5], *cancelling)),
    ):
        with boa.reverts("token: authorization used already"):
            call(*what)


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
