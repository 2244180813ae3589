"""Gas of each step on the chain, as contracts/artefacts costs it. Gas is exact: there is nothing to repeat.

    PYTHONPATH=src:tests/contracts .venv-contracts/bin/python scripts/measure_contracts.py

Prints a table. What a transaction costs before any code runs (21,000, and 4 or 16 for each byte sent) is included, and
what it gets back for cleared storage is taken off.
"""

from __future__ import annotations

import boa
from contracts_deployed import ANT, EPOCH_S, UNBOND_S, VALIDATOR, ZERO, deploy_registry, deploy_token, people, register
from contracts_epochs import Tree, content
from contracts_gas import Meter
from eth_utils import keccak
from test_contracts_assets import World as Assets
from test_contracts_epochs import PAID
from test_contracts_epochs import World as Epochs
from test_contracts_market import BARE, GOOD, SALT, WORK, World, cast, pass_time
from test_contracts_netting import a_thousand_tasks
from test_contracts_quorum import World as Quorum

_meter = Meter()


def show(name: str, *, only_code: bool = False) -> int:
    gas = _meter.gas
    print(f"{name:58} {gas:>9,}{'  (of which 21,000 is no part of a call)' if only_code else ''}")
    return gas


def task_alone() -> None:
    world = World()
    market, client = world.market, world.clients[0]
    market.deposit(20 * ANT, sender=client)
    show("market.deposit")
    market.open_session(client, 20 * ANT, boa.env.timestamp + 3_600, sender=client)
    show("market.open_session (for any number of tasks)")
    total = 0
    # The second task is what a network pays: balances and stakes are there already.
    for number in (1, 2):
        steps: dict[str, int] = {}
        market.open(1, world.producers[0], 100, 10 * ANT, ANT // 10, ZERO, sender=client)
        steps["open"] = _meter.gas
        market.deliver(number, WORK, sender=world.producers[0])
        steps["deliver"] = _meter.gas
        pass_time(blocks=4, seconds=4)
        market.draw(number)
        steps["draw"] = _meter.gas
        seats = [seat.node for seat in market.seats_of(number, 0)]
        for step in ("commit", "reveal"):
            steps[f"{step}, three times"] = 0
            for seat, node in enumerate(seats):
                bound = market.commitment_of(number, 0, node, cast(GOOD), SALT)
                if step == "commit":
                    market.commit(number, seat, bound, sender=node)
                else:
                    market.reveal(number, seat, cast(GOOD), SALT, sender=node)
                steps[f"{step}, three times"] += _meter.gas
        market.settle(number)
        steps["settle"] = _meter.gas
        if number == 2:
            for step, gas in steps.items():
                print(f"{'market.' + step:58} {gas:>9,}")
            total = sum(steps.values())
    print(f"{'a task alone, opened to settled, 3 validators':58} {total:>9,}")
    market.withdraw(1_000, sender=client)
    show("market.withdraw")


def by_quorum() -> None:
    world = Quorum()
    quorum, session = world.quorum, world.session(5)
    show("quorum.open_session (for any number of parts)")
    cases = [world.case(world.assignment(session, part), [GOOD] * 3) for part in range(3)]
    # The second is what a network pays: balances are there already.
    quorum.settle(cases[0])
    quorum.settle(cases[1])
    show("quorum.settle, a part alone, 3 validators, a reading each")
    quorum.settle(world.case(world.assignment(session, 3), [BARE] * 3))
    show("quorum.settle, without readings")
    client = world.client.address
    world.token.transfer(client, 200 * ANT)
    quorum.deposit(150 * ANT, sender=client)
    for name, vote in (("without readings", BARE), ("a reading each", GOOD)):
        session = quorum.open_session(100, 7 * ANT // 10, boa.env.timestamp + 3_600, sender=client)
        world.settle_batch([(world.assignment(session, part), [vote] * 3) for part in range(100)])
        print(f"{'quorum, batch of 100, a part, ' + name:58} {_meter.gas // 100:>9,}")


def netted() -> None:
    world = Quorum(seats=5)
    for name in ("new accounts", "known accounts"):
        keys, net = a_thousand_tasks(world)
        world.quorum.settle_net(*net.signed(keys, world.domain))
        print(f"{'netted, 1,000 parts of 10 parties, a part, ' + name:58} {_meter.gas / 1_000:>9.1f}")


def stake(validators: int) -> None:
    token = deploy_token()
    registry = deploy_registry(token.address)
    nodes = people(token, validators, 100 * ANT, registry.address)
    for node in nodes:
        register(registry, node, VALIDATOR)
    show(f"registry.register, validator {validators:,}")
    boa.env.time_travel(seconds=EPOCH_S)
    registry.stake(ANT, sender=nodes[0])
    show("registry.stake, first of an epoch")
    registry.stake(ANT, sender=nodes[0])
    show("registry.stake, again")
    for count in (1, 3):
        registry.draw(keccak(b"seed"), count)
        show(f"registry.draw of {count} out of {validators:,}, as a transaction")
    registry.unstake(ANT, sender=nodes[0])
    boa.env.time_travel(seconds=UNBOND_S)
    registry.withdraw(sender=nodes[0])
    show("registry.withdraw")


def epochs(validators: int, nodes: int) -> None:
    world = Epochs(stakes=(20,) * validators, nodes=nodes)
    size = f"{validators} x {nodes:,}"
    rows = [[(7 * row + 3 * column) % 65_536 + 1 for column in range(nodes)] for row in range(validators)]
    # The second epoch is what a network pays: the words of storage are there already.
    for epoch in range(2):
        steps: dict[str, int] = {}
        world.to("open", later=True)
        for seat, row in enumerate(rows):
            world.commit(seat, row)
        steps["commit"] = _meter.gas
        world.to("reveal")
        for seat, row in enumerate(rows):
            world.reveal(seat, row)
        steps["reveal"] = _meter.gas
        world.to("post")
        posted = content(world.expected(rows))
        world.epochs.post(*posted, sender=world.poster)
        steps["post"] = _meter.gas
        for step, call in (("column", world.epochs.challenge_column), ("dividend", world.epochs.challenge_dividend)):
            with boa.reverts():
                call(0, *posted)
            steps[f"challenge of a {step}, which is right"] = _meter.gas
        number = world.epochs.epoch()
        world.to("open", later=True)
        world.epochs.finish(number, *posted)
        steps["finish"] = _meter.gas
        amounts = world.payments(rows, PAID)
        world.epochs.claim(number, 0, 0, amounts[0], Tree(number, amounts).proof(0))
        steps["claim"] = _meter.gas
        if epoch == 1:
            for step, gas in steps.items():
                print(f"{f'epochs.{step}, {size}':58} {gas:>9,}")


def assets() -> None:
    world = Assets()
    numbers = [world.make(world.owner, "asset 0")]
    show("assets.publish, without parents")
    for n in range(1, 5):
        numbers.append(world.make(world.owner, f"asset {n}", parents=[numbers[-1]]))
    show("assets.publish, 4 generations behind it")
    for _ in range(2):
        world.assets.pay(numbers[-1], ANT, sender=world.client)
    show("assets.pay, 4 generations behind it")


def main() -> None:
    token, to = deploy_token(), boa.env.generate_address()
    token.transfer(to, 1)
    show("token.transfer, to a new holder")
    token.transfer(to, 1)
    show("token.transfer, to a holder")
    for validators in (16, 256, 1_024):
        stake(validators)
    task_alone()
    by_quorum()
    netted()
    epochs(16, 250)
    epochs(64, 1_000)
    assets()


if __name__ == "__main__":
    main()
