"""Sides of crossings: which transfer each speaks of, and which two belong together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.bridges import BRIDGES
from tests.conftest import scaled
from tests.scenarios.accounts import Move, Row, Token, Tx, built
from tests.scenarios.across import (
    CHAINS,
    FAR,
    NEAR,
    PINNED,
    Across,
    Found,
    arrive,
    born,
    deposited,
    filled,
    leave,
    paid_in,
    paid_out,
)  # fmt: skip
from tracer.flow import services
from tracer.flow.bridges.crossings import Told, told
from tracer.flow.bridges.matching import CLOCKS, match
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.asof import last_by
from tracer.workspace import Workspace


def sides_of(folder: Path, rows: Sequence[Row], chain: str = NEAR) -> Told:
    """What the bridges say on a chain."""
    add(Workspace(folder), [])
    ledger = built(folder, rows, chain=CHAINS[chain])
    with ledger:
        known = services.load(ledger, Snapshot.open(Workspace(folder)))
        return told(ledger, known, BRIDGES, PINNED)


def places(found: Told) -> list[tuple[str, str, int | None, int | None]]:
    """(bridge, side, position, units)."""
    return [
        (row["bridge"], row["side"], row["position"], row["units"])
        for row in found.sides.iter_rows(named=True)
    ]


OUT, IN = ("across", "out"), ("across", "in")
PLACES: dict[str, tuple[Tx, list[tuple[Any, ...]]]] = {
    "the transfer into the pinned contract": (
        Tx("t", "ann", moves=[Move("ann", "shop", 5, "USD"), Move("ann", "spoke", 7, "USD")],
           events=[deposited(1, "USD", 7, "bob")]),
        [(*OUT, 1, 7)],
    ),
    "coin that the bridge wraps on its way": (
        Tx("t", "ann", to="spoke", value=7, moves=[Move("spoke", "WETH", 7)], events=[deposited(1, "WETH", 7, "bob")]),
        [(*OUT, 0, 7)],
    ),
    "a burn, where the contract itself gets nothing": (
        Tx("t", "ann", moves=[Move("ann", "minter", 7, "USD"), Move("minter", None, 7, "USD")],
           events=[deposited(1, "USD", 7, "bob")]),
        [(*OUT, 0, 7)],
    ),
    "another amount than was said, where there is one transfer only": (
        Tx("t", "ann", moves=[Move("ann", "spoke", 6, "USD")], events=[deposited(1, "USD", 7, "bob")]),
        [(*OUT, 0, 6)],
    ),
    "none, where two could be meant": (
        Tx("t", "ann", moves=[Move("ann", "spoke", 6, "USD"), Move("ann", "spoke", 5, "USD")],
           events=[deposited(1, "USD", 7, "bob")]),
        [(*OUT, None, None)],
    ),
    "two that say the same are the first and the second": (
        Tx("t", "ann", moves=[Move("ann", "spoke", 7, "USD"), Move("ann", "spoke", 7, "USD")],
           events=[deposited(1, "USD", 7, "bob"), deposited(2, "USD", 7, "bob")]),
        [(*OUT, 0, 7), (*OUT, 1, 7)],
    ),
    "what the recipient got": (
        Tx("t", "relayer", moves=[Move("relayer", "pot", 7, "USD"), Move("pot", "bob", 7, "USD")],
           events=[filled(1, "USD", 7, "bob")]),
        [(*IN, 1, 7)],
    ),
    "coin that the bridge unwraps for him": (
        Tx("t", "relayer", moves=[Move("relayer", "spoke", 7, "WETH"), Move("spoke", "bob", 7)],
           events=[filled(1, "WETH", 7, "bob")]),
        [(*IN, 1, 7)],
    ),
    "nothing came to him": (
        Tx("t", "relayer", moves=[Move("relayer", "eve", 7, "USD")], events=[filled(1, "USD", 7, "bob")]),
        [(*IN, None, None)],
    ),
    "a payment into the router, and one out of it": (
        paid_in("t", "ann", "USD", 9, "=:BTC.BTC:somebody"), [("thorchain", "out", 0, 9)],
    ),
    "a payout that answers no payment says nothing": (paid_out("t", "bob", "USD", 9, "MIGRATE:7"), []),
}  # fmt: skip


@pytest.mark.parametrize("name", PLACES)
def test_a_side_speaks_of(tmp_path: Path, name: str) -> None:
    tx, expected = PLACES[name]
    assert places(sides_of(tmp_path, [born(ann=50, relayer=50, router=50), tx])) == expected


def test_events_of_other_contracts_are_counted_and_not_read(tmp_path: Path) -> None:
    rows = [born(ann=9), Tx("t", "ann", events=[deposited(1, "USD", 7, "bob", emitter="sham")])]
    found = sides_of(tmp_path, rows)
    assert not found.sides.height
    assert found.unpinned is not None
    assert found.unpinned.select("bridge", "events").rows() == [("across", 1)]


def test_another_chain_is_seen_as_it_was_by_a_time(tmp_path: Path) -> None:
    """The last block made by then; of one whose clock ran ahead, what is below it."""
    rows: list[Row] = [
        born(ann=1),
        Tx("late", "ann", day=2),
        Tx("early", "ann", day=1),
        Tx("last", "ann", day=3),
    ]
    with built(tmp_path, rows, chain=CHAINS[NEAR]) as ledger:
        times = [time for (time,) in ledger.db.rows("SELECT time FROM block ORDER BY height")]
        assert [last_by(ledger, time) for time in (times[0] - 1, times[0], times[2], times[1], times[3])] == [
            None, 0, 0, 2, 3,
        ]  # fmt: skip


def sides(*rows: dict[str, Any]) -> pl.DataFrame:
    """Sides as a ledger tells them; what is left out is the same on both."""
    from tracer.flow.bridges.crossings import told_schema

    plain: dict[str, Any] = {
        "bridge": "across", "join": "identifier", "home": "1", "tx_id": 1, "log_index": 0, "side": "out", "key": "1:7",
        "far": "2", "recipient": b"bob", "token": b"usd", "amount": 7, "note": None, "named": None, "position": 0,
        "asset_id": 1, "units": 7, "giver": 1, "getter": 2, "time": 1_000_000,
    }  # fmt: skip
    return pl.DataFrame([{**plain, **row} for row in rows], schema=dict(told_schema()))


IN_ROW = {"side": "in", "home": "2", "far": "1"}
MATCHES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], bool, str]] = {
    "the same key once on both sides": ([{}], [IN_ROW], True, ""),
    "no other side": ([{}], [], False, ""),
    "a fill for somebody else under the same number": (
        [{}], [IN_ROW, {**IN_ROW, "recipient": b"eve", "log_index": 1}], True, "",
    ),
    "a fill for somebody else alone": ([{}], [{**IN_ROW, "recipient": b"eve"}], False, "other recipients"),
    "two fills for the same": ([{}], [IN_ROW, {**IN_ROW, "log_index": 1}], False, "several events"),
    "two deposits of one number": ([{}, {"log_index": 1}], [IN_ROW], False, "several events"),
    "a bridge that does not say who gets it": ([{"recipient": None}], [IN_ROW], True, ""),
    "another chain than was said": ([{"far": "3"}], [IN_ROW], False, "other chains"),
    "the transfer was not found": ([{"position": None}], [IN_ROW], False, "was not found in its transaction"),
    "clocks that differ": ([{"time": 1_000_000 + CLOCKS}], [IN_ROW], True, ""),
    "it came before it left": ([{"time": 1_000_001 + CLOCKS}], [IN_ROW], False, "earlier than what left"),
    "another bridge": ([{}], [{**IN_ROW, "bridge": "celer"}], False, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", MATCHES)
def test_two_sides_are_one_crossing(name: str) -> None:
    near, far, crosses, why = MATCHES[name]
    found = match({"a": sides(*near), "b": sides(*far)})
    assert found.crossings.height == int(crosses)
    left = found.single.filter(pl.col("chain") == "a")
    assert left.height == len(near) - int(crosses)
    assert all(why in said and bool(said) == bool(why) for said in left["why"])


PEOPLE = ("ann", "bob", "cat")
steps = st.lists(
    st.tuples(st.sampled_from(["pay", "cross"]), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.integers(1, 40)),
    min_size=2, max_size=7,
)  # fmt: skip


@given(near=steps, far=steps, kept=st.integers(0, 3), method=st.sampled_from(["fifo", "lifo", "haircut"]))
@settings(
    max_examples=scaled(5, full=300),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_chain_and_asset_adds_up_whatever_crosses(
    tmp_path_factory: pytest.TempPathFactory, near: list[Any], far: list[Any], kept: int, method: str
) -> None:
    """Payments and crossings both ways, in turn: what is seeded and comes is what rests and goes, on each chain."""
    rows: dict[str, list[Row]] = {
        NEAR: [
            born(ann=30, bob=20, relayer=900),
            Tx("steal", "ann", moves=[Move("ann", "thief", 30, "USD")]),
        ],
        FAR: [born(cat=15, relayer=900)],
    }
    held = {NEAR: {"thief": 30, "bob": 20}, FAR: {"cat": 15}}
    rows[NEAR].append(
        Tx("split", "thief", moves=[Move("thief", "cat", 12, "USD"), Move("thief", "bob", 18, "USD")])
    )
    held[NEAR] |= {"thief": 0, "cat": 12, "bob": 38}
    count = 0
    for chain, other, actions in ((NEAR, FAR, near), (FAR, NEAR, far)):
        for kind, who, to, amount in actions:
            if held[chain].get(who, 0) < amount:
                continue
            count += 1
            held[chain][who] -= amount
            if kind == "pay" or amount <= kept:
                rows[chain].append(Tx(f"pay{count}", who, moves=[Move(who, to, amount, "USD")]))
                held[chain][to] = held[chain].get(to, 0) + amount
            else:
                rows[chain].append(leave(f"out{count}", who, count, amount, to, far=other))
                rows[other].append(arrive(f"in{count}", count, amount - kept, to, near=chain))
                held[other][to] = held[other].get(to, 0) + amount - kept
    case = Across(tmp_path_factory.mktemp("drawn"), rows, told=[Token("USD", 6)])
    found: Found = case.trace(NEAR, "steal:0", method=method)
    for row in found.document["totals"]:
        entered = int(row["seed"]) + int(row["converted_in"])
        words = ("seed", "converted_in", "chain", "asset", "asset_id", "decimals")
        assert entered == sum(int(units) for key, units in row.items() if key not in words)
    out = sum(units for _, _, units, _, _ in found.crossings)
    came = sum(units for *_, units in found.crossings)
    totals = found.totals.values()
    assert out == sum(row.get("converted_out", 0) for row in totals)
    assert came == sum(row.get("converted_in", 0) for row in totals)
    assert found.document["coverage"]["status"] == case.trace(NEAR, "steal:0").document["coverage"]["status"]
