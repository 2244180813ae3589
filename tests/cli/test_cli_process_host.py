"""What `ledger serve` and `node ...` do before they serve: rules, keys, stake."""

from __future__ import annotations

from pathlib import Path

import pytest
from network_of import ToneRunner, world

from antiphon.cli import process_host
from antiphon.cli.process_host import read_rules
from antiphon.economy.types import DEFAULT_RULES, NANO
from antiphon.errors import FundsError, InputError, UnavailableError
from antiphon.ledger.operations import Deposit
from antiphon.network import homes
from antiphon.nodes.producer import Producer


def test_a_rules_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "rules.json"
    file.write_text('{"seats": 5, "deliver_s": 60}')
    rules = read_rules(file)
    assert rules is not None
    assert (rules.seats, rules.deliver_s, rules.commit_s) == (5, 60, DEFAULT_RULES.commit_s)
    assert read_rules(None) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"seat": 5}', '{"seats": "5"}', '{"seats": 0}', '{"seats": 1.5}', "{}" * 40_000]
)
def test_a_rules_file_with_anything_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "rules.json"
    file.write_text(text)
    with pytest.raises(InputError):
        read_rules(file)
    with pytest.raises(InputError, match="cannot be read"):
        read_rules(tmp_path / "nowhere.json")


def test_each_node_of_one_name_takes_a_key_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with process_host._own_key(tmp_path, "hibari") as first, process_host._own_key(tmp_path, "hibari") as second:
        assert (first.stem, second.stem) == ("hibari", "hibari-2")
        monkeypatch.setattr(process_host, "MAX_NAMES", 2)
        with pytest.raises(UnavailableError), process_host._own_key(tmp_path, "hibari"):
            pass
    with process_host._own_key(tmp_path, "hibari") as again:
        assert again.stem == "hibari"
    for bad in ("../elsewhere", ".hidden", "a\nb"):
        with pytest.raises(InputError), process_host._own_key(tmp_path, bad):
            pass


def test_the_ledgers_note_is_whole_or_not_there(tmp_path: Path) -> None:
    assert homes.served_at(tmp_path) == ""
    homes.note_served(tmp_path, "http://127.0.0.1:1")
    assert homes.served_at(tmp_path) == "http://127.0.0.1:1"
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.url"]
    assert process_host.stop_serving(tmp_path)
    assert homes.served_at(tmp_path) == ""


async def test_a_node_without_money_is_told_what_to_ask_the_operator_for(tmp_path: Path) -> None:
    async with world(tmp_path, processors=0) as net:
        node = Producer(net.context(), ToneRunner())
        with pytest.raises(FundsError, match=f"account deposit 100 --to {node.node_id}"):
            await process_host._hold_stake(tmp_path, node, 100 * NANO, 0)
        await net.bank.submit(Deposit(account=node.node_id, amount_nano=100 * NANO))
        await process_host._hold_stake(tmp_path, node, 100 * NANO, 0)
        account = await net.ledger.account(node.node_id)
        assert (account.stake_nano, account.balance_nano) == (100 * NANO, 0)
        await node.stop()
