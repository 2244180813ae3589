"""The contracts as they are committed (contracts/artefacts), deployed into an EVM in this process."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import boa
from boa.contracts.abi.abi_contract import ABIContract, ABIContractFactory
from eth_abi import encode

ARTEFACTS = Path(__file__).resolve().parents[2] / "contracts" / "artefacts"
ANT = 10**9
DELAY_S = 86_400
EPOCH_S = 3_600
MIN_STAKE = 10 * ANT
UNBOND_S = 7_200
REPORT_PPM = 100_000
APPEAL_TERMS = (600, 300, 120, 60)
"""Seconds to appeal, to draw, to commit, to reveal."""
ZERO = bytes(32)
PROCESSOR, VALIDATOR, TRAINER, RELAY = 1, 2, 3, 4


@cache
def artefact(name: str) -> dict:
    return json.loads((ARTEFACTS / f"{name}.json").read_text())


def deploy(name: str, types: list[str], args: list[object]) -> ABIContract:
    made = artefact(name)
    address, _ = boa.env.deploy_code(bytecode=bytes.fromhex(made["bytecode"][2:]) + encode(types, args))
    return ABIContractFactory(name, made["abi"]).at(address)


def deploy_token(supply: int = 10**9 * ANT, cap: int = 1_000 * ANT) -> ABIContract:
    return deploy("token", ["uint256"] * 4, [supply, cap, EPOCH_S, DELAY_S])


def deploy_registry(token: str, unit: int = 1_000_000, epoch_s: int = EPOCH_S, unbond_s: int = UNBOND_S) -> ABIContract:
    return deploy(
        "registry",
        ["address", "uint256", "uint256", "uint256", "(uint256,uint256,uint256)"],
        [token, unit, epoch_s, DELAY_S, (MIN_STAKE, unbond_s, REPORT_PPM)],
    )


def deploy_appeal(registry: str) -> ABIContract:
    return deploy("appeal", ["address", "(uint256,uint256,uint256,uint256)"], [registry, APPEAL_TERMS])


def deploy_market(registry: str, appeal: str, rules: tuple[int, ...]) -> ABIContract:
    types = ["address", "address", "uint256", "(" + ",".join(["uint256"] * 11) + ")"]
    return deploy("market", types, [registry, appeal, DELAY_S, rules])


def deploy_quorum(registry: str, appeal: str, rules: tuple[int, ...]) -> ABIContract:
    return deploy("quorum", ["address", "address", "(" + ",".join(["uint256"] * 11) + ")"], [registry, appeal, rules])


def deploy_fee_token() -> ABIContract:
    """A token that keeps a hundredth of what is moved: both doors must refuse it."""
    return boa.loads("""
# pragma version 0.4.3
balanceOf: public(HashMap[address, uint256])
@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**30
@external
def approve(spender: address, amount: uint256) -> bool:
    return True
@external
def transferFrom(owner: address, to: address, amount: uint256) -> bool:
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount - amount // 100
    return True
""")


def deploy_silent_token() -> ABIContract:
    """A token that returns nothing, as some of the largest do."""
    return boa.loads("""
# pragma version 0.4.3
balanceOf: public(HashMap[address, uint256])
@deploy
def __init__():
    self.balanceOf[msg.sender] = 10**30
@external
def approve(spender: address, amount: uint256):
    pass
@external
def transferFrom(owner: address, to: address, amount: uint256):
    self.balanceOf[owner] -= amount
    self.balanceOf[to] += amount
@external
def transfer(to: address, amount: uint256):
    self.balanceOf[msg.sender] -= amount
    self.balanceOf[to] += amount
""")


def pass_time(*, seconds: int, blocks: int) -> None:
    """Time and blocks, apart from each other: chains differ in how long a block takes."""
    boa.env.evm.patch.timestamp += seconds
    boa.env.evm.patch.block_number += blocks


def people(token: ABIContract, count: int, amount: int, *spenders: str) -> list[str]:
    """Accounts with money, which the spenders may collect."""
    made = [boa.env.generate_address() for _ in range(count)]
    for person in made:
        token.transfer(person, amount)
        for spender in spenders:
            token.approve(spender, 2**255, sender=person)
    return made


def register(registry: ABIContract, node: str, role: int, *, stake: int = MIN_STAKE, price: int = 1_000) -> None:
    registry.register(role, ZERO, [ZERO, ZERO], ZERO, price, "https://node.example", stake, sender=node)
