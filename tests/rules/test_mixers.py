"""Each mixer's shape is recognised, and the innocent transaction that looks alike is not.

Amounts in sat. `people("w", 5)` are five owners who each bring a coin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rules.mixers import DETECTORS
from rules.mixers.wasabi2 import denominations
from tests.rules.ledger_of import Coin, Tx, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.build import shapes
from tracer.clustering.rules import MIX_KINDS, first_match

BTC = 100_000_000
P2TR, P2PKH, OP_RETURN = ScriptKind.P2TR, ScriptKind.P2PKH, ScriptKind.OP_RETURN


def verdict(folder: Path, *transactions: Tx) -> list[tuple[str, int, int | None, int] | None]:
    """For each transaction what `mix` would say: kind, participants, denomination, confidence; or None."""
    with ledger_of(folder, transactions) as ledger:
        found = {row[0]: row[1:] for row in first_match(shapes(ledger, 0, 1), DETECTORS).rows()}
    return [found.get(index) for index in range(len(transactions))]


def kind(folder: Path, transaction: Tx) -> str | None:
    (said,) = verdict(folder, transaction)
    return None if said is None else said[0]


def people(name: str, sats: list[int]) -> list[Coin | tuple[str, int | None]]:
    return [(f"{name}{i}", sat) for i, sat in enumerate(sats)]


def paid(name: str, sats: list[int]) -> list[Coin | tuple[str, int]]:
    return [(f"{name}{i}", sat) for i, sat in enumerate(sats)]


# Whirlpool


@pytest.mark.parametrize("pool", [100_000, 1_000_000, 2_500_000, 5_000_000, 25_000_000, 50_000_000])
@pytest.mark.parametrize("size", [5, 8, 10])
def test_whirlpool_mix_of_every_pool_and_size(tmp_path: Path, pool: int, size: int) -> None:
    mix = Tx("mix", people("in", [pool + 5_000] * 2 + [pool] * (size - 2)), paid("out", [pool] * size))
    assert verdict(tmp_path, mix) == [("whirlpool_mix", size, pool, 60)]


WHIRLPOOL = Tx("mix", people("in", [1_005_000] * 2 + [1_000_000] * 3), paid("out", [1_000_000] * 5))


def test_whirlpool_mix_whose_inputs_were_not_read_is_kept_out_with_less_confidence(tmp_path: Path) -> None:
    unread = replace(WHIRLPOOL, inputs=[("in", None)] * 5)
    assert verdict(tmp_path, unread) == [("whirlpool_mix", 5, 1_000_000, 40)]


@pytest.mark.parametrize(
    "other",
    [
        replace(WHIRLPOOL, inputs=people("in", [1_200_000] + [1_000_000] * 4)),
        replace(WHIRLPOOL, outputs=paid("out", [1_000_000] * 4 + [1_000_001])),
        replace(WHIRLPOOL, outputs=paid("out", [1_000_000] * 4)),
    ],
    ids=["an input brings too much", "an output differs", "fewer outputs than inputs"],
)
def test_what_breaks_whirlpools_form_is_no_whirlpool_mix(tmp_path: Path, other: Tx) -> None:
    assert kind(tmp_path, other) != "whirlpool_mix"


def test_tx0_is_not_a_mix_even_where_every_premix_output_could_have_its_own_funder(tmp_path: Path) -> None:
    premix = [1_004_235] * 5
    tx0 = Tx(
        "tx0",
        people("alice", [1_100_000] * 6),
        [Coin("data", 0, OP_RETURN), *paid("premix", premix), ("coordinator", 50_000), ("change", 900_000)],
    )
    without_data = replace(tx0, name="no data output", outputs=tx0.outputs[1:])
    assert verdict(tmp_path, tx0, without_data)[0] is None
    assert verdict(tmp_path / "again", without_data)[0] is not None


# Wasabi 1


def wasabi1(participants: int, base: int) -> Tx:
    ins = [base * 3 + 17 * i for i in range(participants)]
    outs = [base] * participants + [sat - base - 5_000 for sat in ins] + [participants * 900]
    return Tx("wasabi1", people("in", ins), paid("out", outs))


@pytest.mark.parametrize("base", [10_000_816, 10_999_000, 5_004_718])
@pytest.mark.parametrize("participants", [10, 60])
def test_wasabi1_round(tmp_path: Path, participants: int, base: int) -> None:
    assert verdict(tmp_path, wasabi1(participants, base)) == [("wasabi1", participants, base, 60)]


def test_a_round_with_another_script_is_not_named_wasabi_but_still_kept_out(tmp_path: Path) -> None:
    tx = wasabi1(12, 10_000_816)
    with_legacy = replace(tx, outputs=[*tx.outputs[:-1], Coin("legacy", 9_000, P2PKH)])
    assert verdict(tmp_path, with_legacy) == [("other_mix", 12, 10_000_816, 40)]


def test_exchange_batch_of_equal_withdrawals_from_one_hot_address_is_no_wasabi_round(tmp_path: Path) -> None:
    hot: list[Coin | tuple[str, int | None]] = [("hot", 5 * BTC)] * 12
    assert kind(tmp_path, Tx("batch", hot, paid("customer", [10_000_816] * 12 + [3 * BTC]))) is None


# Wasabi 2


def wabisabi(inputs: int = 50) -> Tx:
    ins = sorted((2**20 + 977 * i for i in range(inputs)), reverse=True)
    outs = sorted(
        [2**20] * 15 + [3**12] * 10 + [500_000] * 8 + [200_000] * 5 + [177_147, 123_456, 77_777], reverse=True
    )
    return Tx("wabisabi", people("in", ins), paid("out", outs))


def test_wasabi2_round(tmp_path: Path) -> None:
    assert verdict(tmp_path, wabisabi()) == [("wasabi2", 15, None, 90)]


def test_wasabi2_round_with_taproot_and_unread_inputs(tmp_path: Path) -> None:
    tx = wabisabi()
    coins = [Coin(*c) if isinstance(c, tuple) else c for c in tx.inputs]
    mixed = [replace(c, kind=P2TR) if i % 2 else replace(c, sat=None) for i, c in enumerate(coins)]
    assert verdict(tmp_path, replace(tx, inputs=mixed)) == [("wasabi2", 15, None, 60)]


def test_small_round_with_other_denominations_is_caught_by_structure(tmp_path: Path) -> None:
    ins = sorted((900_000 + 977 * i for i in range(22)), reverse=True)
    outs = sorted([777_000] * 6 + [333_000] * 5 + [111_000] * 4 + [50_123, 61_001], reverse=True)
    assert verdict(tmp_path, Tx("small", people("in", ins), paid("out", outs))) == [("wasabi2", 6, None, 60)]


def test_a_wasabi2_round_is_sorted_an_unsorted_payout_of_the_same_amounts_is_none(tmp_path: Path) -> None:
    tx = wabisabi()
    assert kind(tmp_path, replace(tx, outputs=tx.outputs[::-1])) != "wasabi2"


def test_standard_denominations_hold_every_series_and_both_limits() -> None:
    values = denominations(5_000, 134_375_000_000)
    assert set(values) >= {2**13, 3**8, 2 * 3**8, 10**4, 2 * 10**4, 5 * 10**3, 5 * 10**10, 2**36}
    assert min(values) == 5_000
    assert max(values) < 134_375_000_000
    assert list(values) == sorted(set(values))


# JoinMarket and generic


JOINMARKET = Tx(
    "joinmarket",
    people("maker", [30_000_000, 25_000_000, 41_000_000]) + people("taker", [15_000_000, 8_000_000]),
    paid("mixed", [20_000_000] * 4) + paid("change", [10_002_000, 5_001_000, 21_003_000, 2_900_000]),
)


def test_joinmarket_round(tmp_path: Path) -> None:
    assert verdict(tmp_path, JOINMARKET) == [("joinmarket", 4, 20_000_000, 49)]


def test_joinmarket_round_with_unread_inputs_is_kept_out_with_less_confidence(tmp_path: Path) -> None:
    unread = replace(JOINMARKET, inputs=[("?", None), *JOINMARKET.inputs[1:]])
    assert verdict(tmp_path, unread) == [("joinmarket", 4, 20_000_000, 25)]


@pytest.mark.parametrize(
    "other",
    [
        replace(JOINMARKET, inputs=people("in", [70_000_000, 19_000_000, 19_000_000, 11_000_000])),
        replace(JOINMARKET, outputs=[*JOINMARKET.outputs[:-1], ("mixed0", 2_900_000)]),
        replace(JOINMARKET, outputs=[("maker0", 20_000_000), *JOINMARKET.outputs[1:]]),
        replace(JOINMARKET, inputs=people("one", [119_000_000, 1_000])),
    ],
    ids=[
        "the inputs fund only three",
        "an output address twice",
        "an equal output returns to an input",
        "fewer funders than equal outputs",
    ],
)
def test_what_breaks_a_necessary_condition_is_no_joinmarket_round(tmp_path: Path, other: Tx) -> None:
    assert kind(tmp_path, other) != "joinmarket"


def test_stonewall_is_possible_and_kept_out_of_co_spend(tmp_path: Path) -> None:
    tx = Tx("stonewall", people("in", [700_000, 650_000]), paid("out", [500_000, 500_000, 199_000, 149_500]))
    assert verdict(tmp_path, tx) == [("other_mix", 2, 500_000, 25)]


def test_equal_outputs_without_change_of_no_known_pool_are_a_generic_mix(tmp_path: Path) -> None:
    tx = Tx("generic", people("in", [770_500] * 3), paid("out", [770_000] * 3))
    assert verdict(tmp_path, tx) == [("other_mix", 3, 770_000, 40)]


# Innocent look-alikes


@pytest.mark.parametrize(
    "innocent",
    [
        Tx("payroll", people("employer", [9 * BTC, 4 * BTC]), paid("staff", [30_000_000] * 40 + [BTC // 2])),
        Tx("consolidation", people("coin", [1_000_000] * 30), paid("savings", [29_990_000])),
        Tx("consolidation in two", people("coin", [1_000_000] * 30), paid("savings", [14_990_000] * 2)),
        Tx("2-of-2 spend", people("shared", [600_000, 300_000]), paid("out", [700_000, 199_000])),
        Tx("dust notes", people("in", [900_000, 900_000, 800]), paid("note", [546, 546, 1_799_000])),
        Tx(
            "payout",
            people("pool", [5 * BTC] * 2),
            paid("miner", [7_000_000, 7_000_000, 1_000, 2_000, 9 * BTC]),
        ),
        Tx("one coin", people("in", [BTC]), paid("out", [20_000_000] * 4)),
    ],
    ids=lambda tx: tx.name,
)
def test_innocent_transactions_are_no_mix(tmp_path: Path, innocent: Tx) -> None:
    assert verdict(tmp_path, innocent) == [None]


# The registry


def test_every_detector_names_a_kind_of_the_contract_and_says_what_it_misses() -> None:
    assert {d.kind for d in DETECTORS} == set(MIX_KINDS)
    assert len({d.id for d in DETECTORS}) == len(DETECTORS)
    assert all(d.title and d.references and d.limitations and d.version >= 1 for d in DETECTORS)
