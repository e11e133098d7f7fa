"""Each mixer's shape is recognised, and the innocent transaction that looks alike is not.

Amounts in sat. `people("w", 5)` are five owners who each bring a coin.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.mixers import DETECTORS
from rules.mixers.wasabi2 import denominations
from tests.conftest import scaled
from tests.rules.ledger_of import Coin, Tx, append_blocks, coin_of, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.mixing import find_mixes
from tracer.clustering.rules import SHAPES
from tracer.ledger.store import Ledger

BTC = 100_000_000
P2TR, P2PKH, OP_RETURN = ScriptKind.P2TR, ScriptKind.P2PKH, ScriptKind.OP_RETURN


def verdict(folder: Path, *transactions: Tx) -> list[tuple[str, int, list[int], int] | None]:
    """For each transaction what `mix` would say: kind, participants, denominations, confidence; or None."""
    with ledger_of(folder, transactions) as ledger:
        found = find_mixes(ledger, DETECTORS, first=0)
    said = {row[0]: (row[1], row[2], row[3], row[4]) for row in found.rows()}
    return [said.get(index) for index in range(len(transactions))]


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
    assert verdict(tmp_path, mix) == [("whirlpool_mix", size, [pool], 60)]


WHIRLPOOL = Tx("mix", people("in", [1_005_000] * 2 + [1_000_000] * 3), paid("out", [1_000_000] * 5))


def test_whirlpool_mix_whose_inputs_were_not_read_is_kept_out_with_less_confidence(tmp_path: Path) -> None:
    unread = replace(WHIRLPOOL, inputs=[("in", None)] * 5)
    assert verdict(tmp_path, unread) == [("whirlpool_mix", 5, [1_000_000], 40)]


@pytest.mark.parametrize(
    "other",
    [
        replace(WHIRLPOOL, inputs=people("in", [1_200_000] + [1_000_000] * 4)),
        replace(WHIRLPOOL, outputs=paid("out", [1_000_000] * 4 + [1_000_001])),
        replace(WHIRLPOOL, outputs=paid("out", [1_000_000] * 4)),
        replace(WHIRLPOOL, inputs=[*WHIRLPOOL.inputs[:4], Coin("legacy", 1_000_000, P2PKH)]),
        replace(WHIRLPOOL, inputs=people("in", [1_000_000] * 5)),
        replace(WHIRLPOOL, inputs=people("in", [1_005_000] * 5)),
        replace(WHIRLPOOL, outputs=[("in0", 1_000_000), ("in1", 1_000_000), *WHIRLPOOL.outputs[2:]]),
    ],
    ids=[
        "an input brings too much",
        "an output differs",
        "fewer outputs than inputs",
        "an input of another kind",
        "nobody enters",
        "everybody enters",
        "two outputs return",
    ],
)
def test_what_breaks_whirlpools_form_is_no_whirlpool_mix(tmp_path: Path, other: Tx) -> None:
    assert kind(tmp_path, other) != "whirlpool_mix"


def test_one_output_back_to_a_payer_does_not_hide_a_whirlpool_mix(tmp_path: Path) -> None:
    returning = replace(WHIRLPOOL, outputs=[("in0", 1_000_000), *WHIRLPOOL.outputs[1:]])
    assert verdict(tmp_path, returning) == [("whirlpool_mix", 5, [1_000_000], 60)]


# Whirlpool's lineage and Tx0


def spend(ledger: Ledger, tx_id: int, vin: int, spent: int) -> None:
    """Say that an input spends the transaction `spent`, as `sync` would where both were read."""
    ledger.db.run(
        "UPDATE txin SET prev_tx_id = $spent WHERE tx_id = $tx_id AND vin = $vin",
        {"spent": spent, "tx_id": tx_id, "vin": vin},
    )


def tx0(premix: list[int], fee: int = 50_000) -> Tx:
    """One coin cut into premix outputs, with the coordinator's fee and change."""
    note = Coin("data", 0, OP_RETURN)
    outs = [note, *paid("premix", premix), ("coordinator", fee), ("change", 900_000)]
    return Tx("tx0", people("alice", [sum(premix) + fee + 901_000]), outs)


TX0 = tx0([1_004_235] * 5)


def test_tx0_is_named_with_its_pool_and_is_no_mix(tmp_path: Path) -> None:
    assert verdict(tmp_path, TX0) == [("whirlpool_tx0", 1, [1_000_000], 60)]
    assert SHAPES["whirlpool_tx0"].apart is False
    assert SHAPES["whirlpool_tx0"].stops is False


@pytest.mark.parametrize(
    ("name", "tx", "pool"),
    [
        ("one premix output", tx0([1_004_235]), 1_000_000),
        ("seventy", tx0([1_004_235] * 70), 1_000_000),
        ("least premix and least fee", tx0([1_000_001] * 2, 25_000), 1_000_000),
        ("greatest premix and greatest fee", tx0([1_110_000] * 2, 150_000), 1_000_000),
        ("many funders", replace(TX0, inputs=people("alice", [900_000] * 7)), 1_000_000),
        (
            "one that could each fund a premix output is too few",
            replace(TX0, inputs=people("alice", [1_100_000] * 4 + [1_000_000] * 3)),
            1_000_000,
        ),
        ("as many coins of one address", replace(TX0, inputs=[("alice", 1_100_000)] * 6), 1_000_000),
        (
            "two premix outputs, two coins",
            replace(tx0([1_004_235] * 2), inputs=people("a", [1_600_000] * 2)),
            1_000_000,
        ),
        ("an unread funder", replace(TX0, inputs=[("?", None), ("alice", 6_000_000)]), 1_000_000),
        ("no change", replace(TX0, outputs=TX0.outputs[:-1]), 1_000_000),
        ("two changes", replace(TX0, outputs=[*TX0.outputs, ("change2", 77_000)]), 1_000_000),
        ("a fee that is a premix amount of another pool", tx0([5_000_400], 175_000), 5_000_000),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tx0_in_all_its_sizes(tmp_path: Path, name: str, tx: Tx, pool: int) -> None:
    assert verdict(tmp_path, tx) == [("whirlpool_tx0", 1, [pool], 60)]


@pytest.mark.parametrize(
    ("name", "tx"),
    [
        ("premix of the bare denomination", tx0([1_000_000] * 2)),
        ("too much above it", tx0([1_110_001] * 2)),
        ("seventy-one", tx0([1_004_235] * 71)),
        ("fee below half", tx0([1_004_235] * 2, 24_999)),
        ("fee above threefold", tx0([1_004_235] * 2, 150_001)),
        ("three others", replace(TX0, outputs=[*TX0.outputs, ("c2", 77_000), ("c3", 78_000)])),
        ("no data output", replace(TX0, outputs=TX0.outputs[1:])),
        ("two data outputs", replace(TX0, outputs=[*TX0.outputs, Coin("more", 0, OP_RETURN)])),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_breaks_a_tx0s_form_is_none(tmp_path: Path, name: str, tx: Tx) -> None:
    assert kind(tmp_path, tx) != "whirlpool_tx0"


@pytest.mark.parametrize(
    ("name", "tx", "said"),
    [
        ("five owners, one premix each", replace(TX0, inputs=people("own", [1_200_000] * 5)), 25),
        ("three, one change each but one",
         replace(tx0([1_004_235] * 3), inputs=people("own", [1_004_235, 1_500_000, 1_500_000])), 25),
        ("unread, each could", replace(TX0, inputs=[("?", None)] * 6), 15),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_mix_dressed_as_a_tx0_is_kept_out_of_co_spend(tmp_path: Path, name: str, tx: Tx, said: int) -> None:
    """A data output and an output in the fee's range are for anybody to add."""
    assert verdict(tmp_path, tx) == [("mix_possible", 1, [1_004_235], said)]


def confidences(ledger: Ledger, first: int = 0, size: int = 1_000_000) -> dict[int, int]:
    found = find_mixes(ledger, DETECTORS, first=first, transactions=size)
    return dict(found.select("tx_id", "confidence").rows())


def test_a_mix_that_descends_from_a_tx0_or_a_mix_of_its_pool_is_trusted_more(tmp_path: Path) -> None:
    other_pool = tx0([5_004_235] * 2, 175_000)
    chain = [TX0, other_pool, *(replace(WHIRLPOOL, name=name) for name in ("first", "second", "third"))]
    with ledger_of(tmp_path, chain) as ledger:
        spend(ledger, 2, 0, 0)  # first spends the Tx0
        spend(ledger, 3, 4, 2)  # second spends first
        spend(ledger, 4, 0, 1)  # third spends a Tx0 of another pool
        assert confidences(ledger) == {0: 60, 1: 60, 2: 90, 3: 90, 4: 60}


def test_lineage_is_the_same_in_increments_and_in_passes_of_any_size(tmp_path: Path) -> None:
    chain = [TX0, *(replace(WHIRLPOOL, name=f"mix {i}") for i in range(3))]
    with ledger_of(tmp_path, chain, per_block=1) as ledger:
        for height in (1, 2, 3):
            spend(ledger, height << 24, 0, (height - 1) << 24)
        whole = find_mixes(ledger, DETECTORS, first=0)
        assert whole["confidence"].to_list() == [60, 90, 90, 90]
        assert find_mixes(ledger, DETECTORS, first=0, transactions=1).equals(whole)
        for height in range(4):
            part = find_mixes(ledger, DETECTORS, first=height).filter(pl.col("tx_id") == height << 24)
            with ledger.db.table("part", part):
                ledger.db.run("INSERT INTO mix BY NAME SELECT * FROM part")
        assert ledger.db.polars("SELECT * FROM mix ORDER BY tx_id").equals(whole)


# Wasabi 1


def wasabi1(participants: int, base: int) -> Tx:
    ins = [base * 3 + 17 * i for i in range(participants)]
    outs = [base] * participants + [sat - base - 5_000 for sat in ins] + [participants * 900]
    return Tx("wasabi1", people("in", ins), paid("out", outs))


@pytest.mark.parametrize("base", [10_000_816, 10_999_000, 5_004_718])
@pytest.mark.parametrize("participants", [10, 60])
def test_wasabi1_round(tmp_path: Path, participants: int, base: int) -> None:
    assert verdict(tmp_path, wasabi1(participants, base)) == [("wasabi1", participants, [base], 60)]


def test_a_round_with_another_script_is_not_named_wasabi_but_still_kept_out(tmp_path: Path) -> None:
    tx = wasabi1(12, 10_000_816)
    with_legacy = replace(tx, outputs=[*tx.outputs[:-1], Coin("legacy", 9_000, P2PKH)])
    assert verdict(tmp_path, with_legacy) == [("mix_possible", 1, [10_000_816], 25)]


@pytest.mark.parametrize(
    ("base", "said"),
    [
        (8_500_000, "wasabi1"), (8_499_999, "mix_possible"), (11_000_000, "wasabi1"),
        (11_000_001, "mix_possible"), (4_250_000, "wasabi1"), (5_500_000, "wasabi1"), (5_500_001, "mix_possible"),
    ],
)  # fmt: skip
def test_the_base_lies_at_most_15_percent_below_and_10_above(tmp_path: Path, base: int, said: str) -> None:
    assert kind(tmp_path, wasabi1(12, base)) == said


def test_above_the_base_a_round_of_one_change_each_is_joinmarkets(tmp_path: Path) -> None:
    makers = people("maker", [30_000_000 + 10_101 * i for i in range(10)])
    outs = paid("mixed", [11_236_358] * 10) + paid("change", [18_763_000 + 10_101 * i for i in range(10)])
    assert verdict(tmp_path, Tx("ten", makers, outs)) == [("joinmarket", 10, [11_236_358], 49)]


@pytest.mark.parametrize(
    ("clients", "of_one_address", "said"),
    [(50, 7, "wasabi1"), (10, 7, "wasabi1"), (32, 8, "wasabi1"), (12, 8, "mix_possible")],
    ids=["seven of many", "seven of few", "a fifth", "eight of few"],
)
def test_a_client_may_register_several_coins_of_one_address(
    tmp_path: Path, clients: int, of_one_address: int, said: str
) -> None:
    tx = wasabi1(clients, 10_000_816)
    same: list[Coin | tuple[str, int | None]] = [("same", 20_000_000)] * of_one_address
    assert kind(tmp_path, replace(tx, inputs=[*tx.inputs, *same])) == said


def test_wasabi_1_1_states_the_base_and_its_doublings_and_no_other_repeated_amount(tmp_path: Path) -> None:
    base = 10_987_417
    levels, near = [2 * base - 1_790] * 3 + [4 * base - 3_580] * 2, [base - 20_000] * 2 + [5 * base] * 2
    outs = [base] * 12 + levels + near + [60_000_000 + 17 * i for i in range(9)] + [40_000]
    tx = Tx("wasabi 1.1", people("in", [base * 8 + 17 * i for i in range(16)]), paid("out", outs))
    assert verdict(tmp_path, tx) == [("wasabi1", 12, [base, 2 * base - 1_790, 4 * base - 3_580], 60)]


def test_exchange_batch_of_equal_withdrawals_from_one_hot_address_is_no_wasabi_round(tmp_path: Path) -> None:
    hot: list[Coin | tuple[str, int | None]] = [("hot", 5 * BTC)] * 12
    assert kind(tmp_path, Tx("batch", hot, paid("customer", [10_000_816] * 12 + [3 * BTC]))) is None


# Wasabi 2


REPEATED = [200_000, 500_000, 3**12, 2**20]


def wabisabi(inputs: int = 50) -> Tx:
    ins = sorted((2**20 + 977 * i for i in range(inputs)), reverse=True)
    outs = sorted(
        [2**20] * 15 + [3**12] * 10 + [500_000] * 8 + [200_000] * 5 + [177_147, 123_456, 77_777], reverse=True
    )
    return Tx("wabisabi", people("in", ins), paid("out", outs))


def test_wasabi2_round(tmp_path: Path) -> None:
    assert verdict(tmp_path, wabisabi()) == [("wasabi2", 5, REPEATED, 90)]


def test_wasabi2_round_with_taproot_and_unread_inputs(tmp_path: Path) -> None:
    tx = wabisabi()
    coins = [Coin(*c) if isinstance(c, tuple) else c for c in tx.inputs]
    mixed = [replace(c, kind=P2TR) if i % 2 else replace(c, sat=None) for i, c in enumerate(coins)]
    assert verdict(tmp_path, replace(tx, inputs=mixed)) == [("wasabi2", 5, REPEATED, 60)]


def test_small_round_with_other_denominations_is_caught_by_structure(tmp_path: Path) -> None:
    ins = sorted((900_000 + 977 * i for i in range(22)), reverse=True)
    outs = sorted([777_000] * 6 + [333_000] * 5 + [111_000] * 4 + [50_123, 61_001], reverse=True)
    assert verdict(tmp_path, Tx("small", people("in", ins), paid("out", outs))) == [
        ("wasabi2", 3, [111_000, 333_000, 777_000], 60)
    ]


def test_a_wasabi2_round_is_sorted_an_unsorted_payout_of_the_same_amounts_is_none(tmp_path: Path) -> None:
    tx = wabisabi()
    assert kind(tmp_path, replace(tx, outputs=tx.outputs[::-1])) != "wasabi2"


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ([Coin("legacy", 77_000, P2PKH)], "wasabi2"),
        ([Coin(f"legacy{i}", 77_000, P2PKH) for i in range(5)], None),
        (paid("small", [4_000]), "wasabi2"),
        (paid("small", [4_000 - i for i in range(5)]), None),
    ],
    ids=["one of another kind", "five of 46", "one below the least", "five of 46 below the least"],
)
def test_one_odd_output_does_not_hide_a_wasabi2_round(
    tmp_path: Path, odd: list[Coin | tuple[str, int]], said: str | None
) -> None:
    tx = wabisabi()
    assert kind(tmp_path, replace(tx, outputs=[*tx.outputs, *odd])) == said


def test_every_input_of_a_wasabi2_round_is_of_its_kinds(tmp_path: Path) -> None:
    tx = wabisabi()
    legacy = Coin("legacy", 2**20, P2PKH)
    assert kind(tmp_path, replace(tx, inputs=[*tx.inputs[:-1], legacy])) != "wasabi2"


@pytest.mark.parametrize(
    "outputs",
    [[BTC] * 5, [2 * BTC, 2 * BTC, BTC, BTC, BTC // 2], [BTC] * 10 + [BTC // 2] * 15],
    ids=["one amount", "few outputs", "two amounts"],
)
def test_one_wallet_of_forty_coins_that_pays_round_amounts_is_no_wasabi2_round(
    tmp_path: Path, outputs: list[int]
) -> None:
    coins = sorted((50_000_000 + 1_313 * i for i in range(40)), reverse=True)
    assert kind(tmp_path, Tx("wallet", people("coin", coins), paid("out", outputs))) in (None, "mix_possible")


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
    assert verdict(tmp_path, JOINMARKET) == [("joinmarket", 4, [20_000_000], 49)]


def test_joinmarket_round_with_unread_inputs_is_kept_out_with_less_confidence(tmp_path: Path) -> None:
    unread = replace(JOINMARKET, inputs=[("?", None), *JOINMARKET.inputs[1:]])
    assert verdict(tmp_path, unread) == [("joinmarket", 4, [20_000_000], 25)]


@pytest.mark.parametrize(
    "other",
    [
        replace(JOINMARKET, inputs=people("in", [70_000_000, 19_000_000, 19_000_000, 11_000_000])),
        replace(JOINMARKET, outputs=[*JOINMARKET.outputs[:-1], ("mixed0", 2_900_000)]),
        replace(
            JOINMARKET, outputs=[("maker0", 20_000_000), ("taker0", 20_000_000), *JOINMARKET.outputs[2:]]
        ),
        replace(JOINMARKET, inputs=people("one", [119_000_000, 1_000])),
        replace(JOINMARKET, outputs=JOINMARKET.outputs[:-2]),
        replace(JOINMARKET, outputs=[*JOINMARKET.outputs, ("fee", 40_000)]),
        replace(JOINMARKET, outputs=[*JOINMARKET.outputs, Coin("data", 0, OP_RETURN)]),
    ],
    ids=[
        "the inputs fund only three",
        "an output address twice",
        "two equal outputs return to inputs",
        "fewer funders than equal outputs",
        "two participants without change",
        "more change than participants",
        "a data output",
    ],
)
def test_what_breaks_a_necessary_condition_is_no_joinmarket_round(tmp_path: Path, other: Tx) -> None:
    assert kind(tmp_path, other) != "joinmarket"


def test_a_taker_who_takes_his_output_on_an_address_that_pays_does_not_hide_the_round(tmp_path: Path) -> None:
    returning = replace(JOINMARKET, outputs=[("taker0", 20_000_000), *JOINMARKET.outputs[1:]])
    assert verdict(tmp_path, returning) == [("joinmarket", 4, [20_000_000], 49)]


@pytest.mark.parametrize("first", ["mixed0", "in2"], ids=["all fresh", "one returns to a payer"])
def test_equal_outputs_in_goldfeders_exact_count_are_a_generic_mix(tmp_path: Path, first: str) -> None:
    """Two of the changes go to one address, which no maker of JoinMarket's signs."""
    outs = [
        (first, 770_000),
        ("mixed1", 770_000),
        ("mixed2", 770_000),
        ("change", 30_000),
        ("change", 40_000),
    ]
    tx = Tx("generic", people("in", [800_500, 810_500, 770_500]), outs)
    assert verdict(tmp_path, tx) == [("other_mix", 3, [770_000], 40)]


@pytest.mark.parametrize(
    ("name", "tx", "said"),
    [
        ("payroll from many coins",
         Tx("payroll", people("coin", [3_000_000 + 1_111 * i for i in range(60)]),
            paid("staff", [2_500_500] * 50 + [20_000_000])), 25),
        ("three equal payments to an exchange from three coins",
         Tx("deposits", people("coin", [1_300_000, 1_200_000, 1_400_000]),
            paid("exchange", [1_000_000] * 3 + [890_000])), 25),
        ("a mix without change", Tx("even", people("in", [770_500] * 3), paid("out", [770_000] * 3)), 25),
        ("three coins, one not read",
         Tx("deposits", [*people("coin", [1_300_000, 1_200_000]), ("?", None)],
            paid("exchange", [1_000_000] * 3 + [890_000])), 15),
        ("half of the outputs and a fee", replace(JOINMARKET, outputs=[*JOINMARKET.outputs, ("fee", 40_000)]), 25),
        ("a round with a data output",
         replace(JOINMARKET, outputs=[*JOINMARKET.outputs, Coin("data", 0, OP_RETURN)]), 25),
        ("two coins for three payments",
         Tx("deposits", people("coin", [1_900_000, 2_200_000]), paid("exchange", [1_000_000] * 3 + [890_000])),
         None),
        ("fewer equal than half", replace(JOINMARKET, outputs=[*JOINMARKET.outputs, *paid("x", [1_000, 2_000])]),
         None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_equal_outputs_that_may_be_a_payout_are_kept_apart_and_no_trace_stops_there(
    tmp_path: Path, name: str, tx: Tx, said: int | None
) -> None:
    value = coin_of(tx.outputs[0]).sat
    assert verdict(tmp_path, tx) == [said and ("mix_possible", 1, [value], said)]
    assert (SHAPES["mix_possible"].apart, SHAPES["mix_possible"].stops) == (True, False)


# Stonewall and PayJoin: possible, kept apart, no end of a trace


STONEWALL = Tx(
    "stonewall", people("in", [700_000, 650_000]), paid("out", [500_000, 500_000, 199_000, 149_500])
)


def test_stonewall_is_kept_apart_and_no_trace_stops_there(tmp_path: Path) -> None:
    assert verdict(tmp_path, STONEWALL) == [("stonewall", 1, [500_000], 25)]
    assert (SHAPES["stonewall"].apart, SHAPES["stonewall"].stops) == (True, False)


@pytest.mark.parametrize(
    ("name", "tx", "said"),
    [
        ("the least amount", replace(STONEWALL, outputs=paid("out", [5_000, 5_000, 90_000])), 25),
        ("below it", replace(STONEWALL, outputs=paid("out", [4_999, 4_999, 90_000])), None),
        ("an unread input", replace(STONEWALL, inputs=[("a", 700_000), ("?", None)]), 15),
        ("five outputs", replace(STONEWALL, outputs=[*STONEWALL.outputs, ("more", 7_000)]), None),
        ("one funder", replace(STONEWALL, inputs=people("in", [1_300_000, 40_000])), None),
        ("one payer's address twice", replace(STONEWALL, inputs=[("a", 700_000)] * 2), None),
        ("back to a payer", replace(STONEWALL, outputs=[("in0", 500_000), *STONEWALL.outputs[1:]]), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_stonewalls_boundaries(tmp_path: Path, name: str, tx: Tx, said: int | None) -> None:
    assert verdict(tmp_path, tx) == [said and ("stonewall", 1, [coin_of(tx.outputs[1]).sat], said)]


PAYJOIN = Tx("payjoin", [("payer", 90_000), Coin("shop", 40_000, P2PKH)], paid("out", [89_000, 40_000]))


def test_a_needless_input_of_another_kind_is_a_possible_payjoin(tmp_path: Path) -> None:
    assert verdict(tmp_path, PAYJOIN) == [("payjoin_possible", 1, [], 15)]
    assert (SHAPES["payjoin_possible"].apart, SHAPES["payjoin_possible"].stops) == (True, False)


@pytest.mark.parametrize(
    ("name", "tx", "said"),
    [
        ("an unread input hides nothing of it", replace(PAYJOIN, inputs=[*PAYJOIN.inputs, ("?", None)]), 10),
        ("the small output is change: every input was needed",
         replace(PAYJOIN, outputs=paid("out", [89_000, 39_999])), None),
        ("ordinary consolidation: one kind",
         replace(PAYJOIN, inputs=people("mine", [90_000, 40_000])), None),
        ("one output", replace(PAYJOIN, outputs=paid("out", [129_000])), None),
        ("nothing was read", replace(PAYJOIN, inputs=[("?", None)] * 2), None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_payjoins_boundaries(tmp_path: Path, name: str, tx: Tx, said: int | None) -> None:
    assert verdict(tmp_path, tx) == [said and ("payjoin_possible", 1, [], said)]


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


# Together


KNOWN = (WHIRLPOOL, TX0, wasabi1(12, 10_000_816), JOINMARKET, STONEWALL, PAYJOIN)
PLAIN = Tx("plain", [("payer", 900_000)], paid("payee", [500_000, 399_000]))


@settings(max_examples=scaled(6, full=15), deadline=None)
@given(
    picked=st.lists(st.sampled_from([*KNOWN, PLAIN]), min_size=1, max_size=12),
    spent=st.lists(st.integers(0, 11), min_size=12, max_size=12),
    size=st.integers(1, 5),
)
def test_later_transactions_never_change_what_was_said_and_passes_may_be_cut_anywhere(
    picked: list[Tx], spent: list[int], size: int
) -> None:
    """Each transaction spends any earlier one; blocks of one transaction arrive one by one."""
    with TemporaryDirectory() as folder:
        txs = [replace(tx, name=f"{tx.name} {i}") for i, tx in enumerate(picked)]
        with ledger_of(Path(folder), txs[:1], per_block=1) as ledger:
            said: list[pl.DataFrame] = []
            for height in range(len(txs)):
                if height:
                    append_blocks(ledger, txs[height : height + 1], start=height)
                    spend(ledger, height << 24, 0, (spent[height] % height) << 24)
                said.append(find_mixes(ledger, DETECTORS, first=0))
            for height, then in enumerate(said):
                assert said[-1].filter(pl.col("tx_id") <= height << 24).equals(then)
            assert find_mixes(ledger, DETECTORS, first=0, transactions=size).equals(said[-1])


# The registry


def test_every_detector_names_a_kind_of_the_contract_and_says_what_it_misses() -> None:
    assert {d.kind for d in DETECTORS} == set(SHAPES)
    assert len({d.id for d in DETECTORS}) == len(DETECTORS)
    assert all(d.title and d.references and d.limitations and d.version >= 1 for d in DETECTORS)
