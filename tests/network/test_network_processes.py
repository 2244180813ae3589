"""A network of processes in which each kind is killed at work: jobs end well or are refunded, and no money is stuck."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from processes import PATIENCE_S, Processes, free_port, looking_at, processes, until

from antiphon.economy.types import NANO, Role
from antiphon.ledger import panel
from antiphon.ledger.base import Ledger
from antiphon.ledger.records import NodeRecord, PartRecord, PartState

pytestmark = pytest.mark.slow

RULES = {"deliver_s": 60, "commit_s": 30, "reveal_s": 15, "live_s": 20}
"""Short, so that the dead are soon given up; long enough for the living on a busy machine."""
TEXT = (
    "The morning train left the old station at half past seven, and nobody on the platform waved goodbye. "
    "A patient teacher explained the rules of the ancient game to a dozen curious children. "
)
LONG = TEXT * 5
"""So many parts that a node is seen at work, however fast it is."""
NODES = ("hibari", "hibari-2", "kokoro", "espeak", "validator", "validator-2", "validator-3")


GUIDE = Path(__file__).parents[2] / "docs" / "run-a-network.md"
EXTRA = {"ledger": (), "processor": (), "validator": ("--probe-every", "0")}


def documented() -> list[tuple[str, ...]]:
    """The commands of the guide's first block, without program and data folder."""
    block = GUIDE.read_text().split("```sh\n", 1)[1].split("```", 1)[0]
    lines = [shlex.split(line) for line in block.splitlines()]
    assert all(words[:3] == ["antiphon", "--home", "~/antiphon"] for words in lines)
    return [tuple(words[3:]) for words in lines]


def command_of(name: str) -> tuple[str, ...]:
    kind = name.partition("-")[0]
    engine = () if kind == "validator" else ("--engine", kind)
    role = "validator" if kind == "validator" else "processor"
    return "node", role, *engine, "--name", name, *EXTRA[role]


async def eventually(holds: Callable[[], Awaitable[bool]], what: str, *, within_s: float = PATIENCE_S) -> None:
    try:
        async with asyncio.timeout(within_s):
            while not await holds():  # noqa: ASYNC110 - another process has no event to wait for
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within {within_s} s: {what}")


class Net:
    """What the steps of the test share."""

    def __init__(self, run: Processes, ledger: Ledger, port: int) -> None:
        self.run, self.ledger, self.port = run, ledger, port
        self.url = f"http://127.0.0.1:{port}"
        self.jobs = 0

    def start_ledger(self) -> None:
        self.run.start("ledger", "ledger", "serve", "--port", str(self.port))

    def say(self, voice: str, text: str = TEXT, *, home: Path | None = None) -> str:
        self.jobs += 1
        name = f"say-{self.jobs}"
        output = str(self.run.folder / f"{name}.wav")
        self.run.start(name, "--ledger", self.url, "say", text, "--voice", voice, "-o", output, home=home)
        return name

    async def record(self, name: str) -> NodeRecord:
        node_id = json.loads((self.run.home / "keys" / f"{name}.key").read_text())["node"]
        return next(node for node in await self.ledger.nodes() if node.node == node_id)

    async def parts(self) -> tuple[PartRecord, ...]:
        newest = (await self.ledger.tasks(limit=1))[0].task
        return await self.ledger.parts(newest)

    async def at_work(self, name: str, tasks: int) -> None:
        """Until there are so many tasks, and a part of one is in that node's hands."""
        me = (await self.record(name)).node

        async def holds() -> bool:
            open_tasks = [task.task for task in await self.ledger.tasks()]
            if len(open_tasks) < tasks:
                return False
            parts = [part for task in open_tasks for part in await self.ledger.parts(task)]
            return any(_works_on(me, part) for part in parts)

        await eventually(holds, f"{name} at work")

    async def restart(self, name: str) -> None:
        """Start a killed node again; it is the same node."""
        before = await self.record(name)
        self.run.start(name, *command_of(name))

        async def back() -> bool:
            now = await self.record(name)
            return now.live and now.endpoint != before.endpoint

        await eventually(back, f"{name} is back")
        after = await self.record(name)
        # A seat that it did not fill has cost a little; it stakes that again out of what it earned.
        assert after.node == before.node
        assert before.stake_nano <= after.stake_nano <= 100 * NANO
        assert (after.quality_ppm, after.settled) == (before.quality_ppm, before.settled)


def _works_on(node: str, part: PartRecord) -> bool:
    if part.state is PartState.DELIVERED:
        return any(seat.node == node for seat in panel.seats(part))
    return part.state is PartState.ASSIGNED and part.assignment.producers[part.attempt].node == node


async def start(net: Net) -> None:
    """As the guide says, with another port, quicker rules, and no probes between the jobs."""
    rules = net.run.folder / "rules.json"
    rules.write_text(json.dumps(RULES))
    serve, *nodes = documented()
    net.run.start("ledger", *serve, "--port", str(net.port), "--rules", str(rules))
    until((net.run.home / "ledger.url").exists, "the ledger is up")
    assert len(nodes) == len(NODES)
    for number, words in enumerate(nodes):
        net.run.start(f"node-{number}", *words, *EXTRA[words[1]])

    async def all_live() -> bool:
        return sum(node.live for node in await net.ledger.nodes()) == len(NODES)

    await eventually(all_live, "all nodes are live")
    # Which process took which key is told by itself.
    for number in range(len(nodes)):
        until(lambda name=f"node-{number}": " at http" in net.run.said(name), "the node says its name")  # type: ignore[misc]
        net.run.rename(f"node-{number}", net.run.said(f"node-{number}").split("(")[1].split(")")[0])


async def kill_ledger(net: Net) -> None:
    """Two clients at once, and the ledger dies and comes back: neither notices."""
    other = net.run.folder / "other"
    said = net.run.call("--ledger", net.url, "account", "--json", home=other)
    assert "remembered" in said, "a ledger that is met for the first time is shown"
    owner = json.loads(said[said.index("{") :])["owner"]
    net.run.call("account", "deposit", "20", "--to", owner)
    before = len(await net.ledger.tasks())
    jobs = [net.say("hibari"), net.say("af_heart", home=other)]
    await net.at_work("hibari", before + 2)
    net.run.kill("ledger")
    await asyncio.sleep(1)
    net.start_ledger()
    for job in jobs:
        assert await asyncio.to_thread(net.run.wait, job) == 0, net.run.said(job)
    for home in (net.run.home, other):
        receipts = sorted((home / "receipts").iterdir())  # more than one, if a sentence had to be bought again
        assert receipts
        for receipt in receipts:
            assert "Valid" in net.run.call("receipt", "verify", str(receipt), home=home)
    # The clients hold long polls all the time, so they at least have met the gap.
    assert "the ledger is back" in (other / "logs" / "antiphon.log").read_text()


async def kill_client(net: Net) -> None:
    before = len(await net.ledger.tasks())
    job = net.say("espeak-en-us")
    await net.at_work("espeak", before + 1)
    net.run.kill(job)


async def kill_processor(net: Net) -> None:
    before = len(await net.ledger.tasks())
    job = net.say("hibari", LONG)
    await net.at_work("hibari", before + 1)
    net.run.kill("hibari")
    code = await asyncio.to_thread(net.run.wait, job)
    # What it had not delivered, the other one made; what it had, but nobody had seen, was invalid and refunded.
    assert code in {0, 4}, net.run.said(job)
    states = {part.state for part in await net.parts()}
    assert states <= {PartState.VALID, PartState.REFUNDED, PartState.INVALID}
    assert PartState.VALID in states
    await net.restart("hibari")


async def kill_validator(net: Net) -> None:
    before = len(await net.ledger.tasks())
    job = net.say("hibari", LONG)
    await net.at_work("validator", before + 1)
    net.run.kill("validator")
    assert await asyncio.to_thread(net.run.wait, job) == 0, net.run.said(job)
    await net.restart("validator")


async def test_each_kind_of_process_may_be_killed_at_work_and_come_back(tmp_path: Path) -> None:
    with processes(tmp_path) as run:
        port = free_port()
        async with looking_at(f"http://127.0.0.1:{port}") as ledger:
            net = Net(run, ledger, port)
            await start(net)
            await kill_ledger(net)
            await kill_client(net)
            await kill_processor(net)
            await kill_validator(net)

            async def nothing_locked() -> bool:
                clients = {task.client for task in await ledger.tasks()}
                accounts = [await ledger.account(client) for client in clients]
                nodes = await ledger.nodes()
                return not any(a.escrow_nano for a in accounts) and not any(node.locked_nano for node in nodes)

            await eventually(nothing_locked, "all money is free again", within_s=sum(RULES.values()) + PATIENCE_S)
            validators = await ledger.nodes(Role.VALIDATOR)
            assert all(node.stake_nano > 99 * NANO for node in validators)
            for name in NODES:
                if name != "espeak":  # the client that asked it was killed
                    assert "earned" in run.said(name)
                assert "Traceback" not in run.said(name)
            assert {await asyncio.to_thread(run.stop, name) for name in (*NODES, "ledger")} == {0}
            assert (run.home / "ledger.url").exists(), "it stays served: no command opens it by itself"
