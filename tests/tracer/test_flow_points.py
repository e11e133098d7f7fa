"""Outpoints and ids found by name: what numpy and a dictionary find, on any columns."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer.flow.points import Points, in_order, of_points
from tracer.flow.sets import among, distinct, minus, union

ids = st.integers(-3, 12) | st.sampled_from([(1 << 62) + 1, 1 << 40, 770_000 << 24])
outpoints = st.tuples(ids, st.integers(-1, 6))
columns = st.lists(outpoints, max_size=30)


def split(points: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([tx for tx, _ in points], np.int64),
        np.array([vout for _, vout in points], np.int32),
    )


@settings(deadline=None)
@given(known=columns, asked=columns, ordered=st.booleans())
def test_points_are_found_where_they_stand_first(
    known: list[tuple[int, int]], asked: list[tuple[int, int]], *, ordered: bool
) -> None:
    known = sorted(known) if ordered else known
    found = Points(*split(known)).find(*split(asked))
    assert found.tolist() == [known.index(point) if point in known else -1 for point in asked]


@settings(deadline=None)
@given(asked=st.lists(ids, max_size=40), others=st.lists(ids, max_size=40), ascending=st.booleans())
def test_among_is_membership(asked: list[int], others: list[int], *, ascending: bool) -> None:
    asked = sorted(asked) if ascending else asked
    found = among(np.array(asked, np.int64), distinct(np.array(others, np.int64)))
    assert found.tolist() == [one in others for one in asked]


@settings(deadline=None)
@given(left=st.lists(ids, max_size=40), right=st.lists(ids, max_size=40))
def test_sets_are_sets(left: list[int], right: list[int]) -> None:
    a, b = distinct(np.array(left, np.int64)), distinct(np.array(right, np.int64))
    assert a.tolist() == sorted(set(left))
    assert union(a, b).tolist() == sorted({*left, *right})
    assert minus(a, b).tolist() == sorted({*left} - {*right})


def test_keys_that_collide_are_told_apart() -> None:
    """Multiples of a large power of two fall on few slots of a table."""
    txs = np.arange(5_000, dtype=np.int64) << 40
    points = Points(txs, np.zeros(len(txs), np.int32))
    assert points.find(txs[::-1], np.zeros(len(txs), np.int32)).tolist() == list(range(len(txs)))[::-1]
    assert points.find(txs + 1, np.zeros(len(txs), np.int32)).tolist() == [-1] * len(txs)


def test_rows_that_name_no_output_are_left_out() -> None:
    outputs = pl.DataFrame({"tx_id": [7, 7, 9], "vout": [0, 1, 0], "value": [10, 20, 30]})
    spends = pl.DataFrame({"from_tx": [9, 8, 7], "from_vout": [0, 0, 1], "tx_id": [11, 12, 13]})
    found = of_points(spends, outputs, ("value",), ("from_tx", "from_vout"))
    assert found.select("tx_id", "value").rows() == [(11, 30), (13, 20)]


def test_rows_that_do_not_lie_in_chain_order_are_sorted() -> None:
    rows = pl.DataFrame({"tx_id": [2, 1, 1], "vin": [0, 1, 0]})
    assert in_order(rows, "vin").rows() == [(1, 0), (1, 1), (2, 0)]
    assert in_order(in_order(rows, "vin"), "vin").rows() == [(1, 0), (1, 1), (2, 0)]
