"""Phases, weights, secrets and proofs of epochs: what needs no chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_utils import keccak
from hypothesis import given
from hypothesis import strategies as st

from antiphon.economy.types import PPM
from antiphon.errors import ConflictError, InputError, StateError
from antiphon.ledger.evm.epochs.payments import DEPTH, SEATS_AT, TREASURY_AT, Tree, amounts, leaf
from antiphon.ledger.evm.epochs.posting import Content, packed, unpacked
from antiphon.ledger.evm.epochs.terms import Phase, Terms
from antiphon.ledger.evm.epochs.weights import Secrets, read_weights, row

FIRST_S = 1_700_000_000
CONTRACT, VALIDATOR = "0x" + "Ab" * 20, "0x" + "Cd" * 20


@given(st.tuples(*[st.integers(60, 10_000)] * 4), st.integers(0, 10**6))
def test_each_moment_is_in_one_phase_that_has_begun_and_not_ended(phases: tuple[int, ...], after_s: int) -> None:
    terms = Terms(**dict(zip(("open_s", "reveal_s", "post_s", "challenge_s"), phases, strict=True)))
    now = terms.moment(FIRST_S, FIRST_S + after_s)
    begins_s = terms.begins_s(FIRST_S, now.epoch, now.phase)
    assert begins_s <= FIRST_S + after_s < now.ends_s
    assert now.ends_s - begins_s == phases[list(Phase).index(now.phase)]
    assert now.epoch == after_s // sum(phases)


def test_the_wrong_phase_says_when_the_right_one_begins() -> None:
    terms = Terms()
    assert terms.expect(FIRST_S, FIRST_S + 2_400, Phase.REVEAL, "revealing") == 0
    with pytest.raises(ConflictError, match=r"Epoch 0 is in its phase 'open', revealing .*in 2000 s"):
        terms.expect(FIRST_S, FIRST_S + 400, Phase.REVEAL, "revealing")
    with pytest.raises(ConflictError, match=r"phase 'post', revealing .*in 3720 s"):
        terms.expect(FIRST_S, FIRST_S + 3_000, Phase.REVEAL, "revealing")


@pytest.mark.parametrize(
    "wrong",
    [{"open_s": 59}, {"post_s": 10**7}, {"bond_nano": 1}, {"emission_nano": -1}, {"nodes_ppm": PPM}, {"kappa_ppm": 0}],
)
def test_terms_that_the_contract_refuses_are_refused_before(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        Terms(**wrong)


@given(st.lists(st.integers(0, 65_535), max_size=70))
def test_a_row_comes_back_as_it_was_packed(weights: list[int]) -> None:
    assert unpacked(packed(weights), len(weights)) == weights
    assert unpacked(packed(weights), len(weights) + 40) == weights + [0] * 40


@given(
    st.integers(0, 10**20),
    st.lists(st.integers(0, 2**53), min_size=1, max_size=9),
    st.lists(st.integers(0, 2**62), max_size=5),
    st.integers(0, 10**9),
)
def test_payments_sum_to_the_emission_and_each_is_proven(
    nano: int, ranks: list[int], dividends: list[int], epoch: int
) -> None:
    pairs = [*ranks, *[0] * (len(ranks) % 2)]
    words = tuple(low | high << 128 for low, high in zip(pairs[::2], pairs[1::2], strict=True))
    paid = amounts(Terms(), nano, Content(columns=words, dividends=tuple(dividends)))
    assert sum(paid.values()) == nano
    tree = Tree(epoch, paid)
    for place in (0, len(ranks) - 1, TREASURY_AT, *([SEATS_AT] if dividends else [])):
        node, at = leaf(epoch, place, paid[place]), place
        assert len(tree.proof(place)) == DEPTH
        for other in tree.proof(place):
            node, at = keccak(other + node if at & 1 else node + other), at >> 1
        assert node == tree.root


def test_secrets_are_kept_for_their_owner_and_for_each_commitment(tmp_path: Path) -> None:
    kept = Secrets(tmp_path / "epochs", 1, CONTRACT, VALIDATOR)
    first, second = kept.keep(7, [1, 2]), kept.keep(7, [2, 1])
    assert kept.keep(7, [1, 2]) == first, "given again, it is the same commitment"
    again = Secrets(tmp_path / "epochs", 1, CONTRACT, VALIDATOR)
    assert [again.find(7, one).row() for one in (first, second)] == [packed([1, 2]), packed([2, 1])]
    (file,) = (tmp_path / "epochs").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    for other in (Secrets(tmp_path / "epochs", 2, CONTRACT, VALIDATOR), Secrets(tmp_path, 1, CONTRACT, VALIDATOR)):
        with pytest.raises(StateError, match="are not in"):
            other.find(7, first)
    file.write_text("{")
    with pytest.raises(StateError, match="cannot be read"):
        kept.find(7, first)


def test_weights_go_to_the_first_column_of_a_node_and_to_no_stranger() -> None:
    assert row({"a": 50, "b": 100, "gone": 900}, ["a", "", "b", "a"]) == [32_767, 0, 65_535, 0]
    assert row({}, ["a"]) == [0]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"0x1": -1}', "-1 of 0x1 is no whole number"),
        ('{"0x1": 65536}', "65536 of 0x1 is no whole number"),
        ('{"0x1": 1e400}', "holds no weights|no whole number"),
        ('{"0x1": 0.5}', "no whole number"),
        ('{"0x1": NaN}', "holds no weights"),
        ('{"0x1": "1"}', "holds no weights"),
        ('{"0x1": 0}', "gives nobody"),
        ("{}", "gives nobody"),
        ("[1]", "holds no weights"),
        ("[" * 100_000, "holds no weights"),
        ("", "holds no weights"),
    ],
)
def test_a_file_of_what_is_no_weights_is_refused_in_a_line(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "weights.json"
    file.write_text(content)
    with pytest.raises(InputError, match=words):
        read_weights(file)


def test_a_file_that_is_not_there_is_refused_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_weights(tmp_path / "none.json")
