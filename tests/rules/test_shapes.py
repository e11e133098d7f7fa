"""The columns detectors see are what the transaction says, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.rules.ledger_of import Coin, Tx, ledger_of
from tracer.chain import ScriptKind
from tracer.clustering.mixing import shapes

SUBJECT = Tx(
    "subject",
    [
        ("a", 40_000),
        ("a", 5_000),
        Coin("t", 30_000, ScriptKind.P2TR),
        ("?", None),
        Coin("odd", 6_000, ScriptKind.NONSTANDARD),
    ],
    [
        ("x", 20_000),
        Coin("data", 0, ScriptKind.OP_RETURN),
        ("y", 20_000),
        ("a", 20_000),
        Coin("z", 9_000, ScriptKind.P2TR),
        ("x", 546),
        ("w", 546),
        ("v", 546),
        ("u", 546),
    ],
)


def shape(folder: Path, *transactions: Tx, name: str = "equal") -> list[dict[str, Any]]:
    with ledger_of(folder, transactions) as ledger:
        return shapes(ledger, name, 0, 1).to_dicts()


def test_a_shape_states_what_is_known_and_counts_the_unknown(tmp_path: Path) -> None:
    assert shape(tmp_path, SUBJECT) == [
        {
            "tx_id": 0, "n_in": 5, "n_out": 8, "op_returns": 1,
            "in_unknown": 1, "in_scripts": 4, "in_same": 2, "in_p2wpkh": 2, "in_p2tr": 1,
            "in_min": 5_000, "in_max": 40_000,
            "out_scripts": 7, "out_p2wpkh": 7, "out_p2tr": 1, "out_min": 546,
            "mode_value": 20_000, "mode_count": 3, "mode_fresh": 2,
            "repeated": [20_000], "repeated_outputs": 3,
            # a, t and the unknown input hold 20,000 each; odd's 6,000 do not
            "fundable": 3,
            "in_values": [40_000, 5_000, 30_000, None, 6_000],
            "out_values": [20_000, 20_000, 20_000, 9_000, 546, 546, 546, 546],
        }
    ]  # fmt: skip


def test_small_coins_can_fund_an_equal_output_together(tmp_path: Path) -> None:
    tx = Tx(
        "small", [("a", 50_000), ("b", 15_000), ("c", 14_000)], [("x", 20_000), ("y", 20_000), ("z", 30_000)]
    )
    assert shape(tmp_path, tx)[0]["fundable"] == 2


def test_of_two_equally_frequent_values_the_greater_is_the_mode(tmp_path: Path) -> None:
    outs = [("w", 10_000), ("x", 10_000), ("y", 12_000), ("z", 12_000)]
    assert shape(tmp_path, Tx("tie", [("a", 50_000), ("b", 1)], outs))[0]["mode_value"] == 12_000


def test_every_repeated_value_above_dust_is_listed_ascending(tmp_path: Path) -> None:
    outs = [("w", 12_000), ("x", 10_000), ("y", 12_000), ("z", 10_000), ("d", 546), ("e", 546), ("f", 9_000)]
    (row,) = shape(tmp_path, Tx("values", [("a", 50_000), ("b", 1)], outs))
    assert (row["repeated"], row["repeated_outputs"]) == ([10_000, 12_000], 4)


def test_only_transactions_that_could_be_a_mix_have_a_shape(tmp_path: Path) -> None:
    many, equal = [("a", 50_000), ("b", 50_000)], [("x", 20_000), ("y", 20_000), ("z", 30_000)]
    found = shape(
        tmp_path,
        Tx("a mix might look like this", many, equal),
        Tx("one input", many[:1], equal),
        Tx("two outputs", many, equal[:2]),
        Tx("no value twice", many, [*equal[1:], ("w", 1_000)]),
        Tx("only dust twice", many, [("x", 546), ("y", 546), ("z", 30_000)]),
        Tx("a third output that cannot be spent", many, [*equal[:2], Coin("data", 0, ScriptKind.OP_RETURN)]),
    )
    assert [row["tx_id"] for row in found] == [0]


NOTE = Coin("data", 0, ScriptKind.OP_RETURN)


def test_a_note_is_one_data_output_beside_others_whatever_the_inputs(tmp_path: Path) -> None:
    paid = [("x", 7_000), ("y", 5_000)]
    found = shape(
        tmp_path,
        Tx("one input, one note", [("a", 50_000)], [*paid, NOTE]),
        Tx("unread input", [("?", None)], [NOTE, ("x", 600)]),
        Tx("two notes", [("a", 50_000)], [*paid, NOTE, NOTE]),
        Tx("no note", [("a", 50_000)], paid),
        Tx("only a note", [("a", 50_000)], [NOTE]),
        Tx("coinbase", [], [*paid, NOTE]),
        name="noted",
    )
    assert found == [
        {"tx_id": 0, "n_out": 2, "out_values": [5_000, 7_000], "in_sums": [50_000]},
        {"tx_id": 1, "n_out": 1, "out_values": [600], "in_sums": [None]},
    ]


def test_a_note_states_what_each_paying_address_holds(tmp_path: Path) -> None:
    inputs = [("a", 5_000), ("b", 7_000), ("a", 6_000), ("?", None)]
    (row,) = shape(tmp_path, Tx("many", inputs, [("x", 600), NOTE]), name="noted")
    assert row["in_sums"] == [7_000, 11_000, None]


def test_a_pair_pays_two_from_inputs_of_several_kinds(tmp_path: Path) -> None:
    new, old = Coin("new", 30_000), Coin("old", 20_000, ScriptKind.P2PKH)
    bare = Coin("key", 25_000, ScriptKind.P2PK)
    paid = [("x", 34_000), ("y", 15_000)]
    found = shape(
        tmp_path,
        Tx("two kinds", [new, old], paid),
        Tx("two kinds and an unread input", [new, ("?", None), old], paid),
        Tx("three kinds", [new, old, Coin("t", 40_000, ScriptKind.P2TR)], paid),
        Tx("one kind", [new, ("new2", 20_000)], paid),
        Tx("a bare key counts as its hash", [bare, old], paid),
        Tx("all but one unread", [new, ("?", None)], paid),
        Tx("three outputs", [new, old], [*paid, ("z", 1_000)]),
        Tx("a data output", [new, old], [paid[0], NOTE]),
        name="pair",
    )
    assert found == [
        {"tx_id": 0, "in_unknown": 0, "in_kinds": 2, "in_min": 20_000, "out_min": 15_000},
        {"tx_id": 1, "in_unknown": 1, "in_kinds": 2, "in_min": 20_000, "out_min": 15_000},
        {"tx_id": 2, "in_unknown": 0, "in_kinds": 3, "in_min": 20_000, "out_min": 15_000},
    ]
