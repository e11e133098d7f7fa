"""Each method on tables small enough to be worked out with a pencil: D is a tainted unit, C a clean one.

The expected tables name where tainted units rest, in base units; `fees` is what was paid as fee.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.scenarios.case import Case
from tests.scenarios.ledger import ScenarioSource, Tx, oracle_ledger
from tests.scenarios.turned import turned
from tracer.flow.fates import Fate
from tracer.flow.methods import apart, method
from tracer.flow.movements import Limits

Rests = dict[str, int]

PAY = [
    Tx("clean", outs=[("bob", 4)]),
    Tx("dirty", outs=[("ann", 6)]),
    Tx("pay", ins=["clean:0", "dirty:0"], outs=[("ann", 3), ("shop", 5)]),  # fee 2
]
"""Several inputs, several outputs, a fee: 4 clean units, then 6 tainted ones."""

PAID: dict[str, Rests] = {
    "fifo": {"pay:1": 4, "fees": 2},  # CCC CDDDD DD
    "lifo": {"pay:0": 3, "pay:1": 3},  # DDD DDDCC CC
    "tiho": {"pay:1": 5, "pay:0": 1},  # the largest output takes 5 of the 6
    "haircut": {"pay:0": 2, "pay:1": 3, "fees": 1},  # 6/10 of 3, 5, 2: 1.8, 3.0, 1.2
    "poison": {"pay:0": 3, "pay:1": 5, "fees": 2},
}

BURN = [
    Tx("loot", outs=[("ann", 6)]),
    Tx("savings", outs=[("ann", 4)]),
    Tx("note", ins=["loot:0", "savings:0"], outs=[("OP_RETURN", 2), ("ann", 8)]),
]
"""An OP_RETURN takes its part like any output; nobody can spend it: burned."""

BURNED: dict[str, Rests] = {
    "fifo": {"burned note:0": 2, "note:1": 4},  # DD DDDDCCCC
    "lifo": {"note:1": 6},  # CC CCDDDDDD
    "tiho": {"note:1": 6},
    "haircut": {"burned note:0": 1, "note:1": 5},  # 6/10 of 2, 8: 1.2, 4.8
    "poison": {"burned note:0": 2, "note:1": 8},
}

CHANGE = [
    Tx("prize", outs=[("ann", 6)]),
    Tx("wage", outs=[("ann", 4)]),
    Tx("buy", ins=["prize:0", "wage:0"], outs=[("shop", 3), ("ann", 6)]),  # fee 1
    Tx("again", ins=["buy:1"], outs=[("inn", 2), ("ann", 3)]),  # fee 1
]
"""Change goes back to the address it came from and is spent again."""

CHANGED: dict[str, Rests] = {
    "fifo": {"buy:0": 3, "again:0": 2, "again:1": 1},  # DDD DDDCCC C, then DD DCC C
    "lifo": {"again:0": 2, "again:1": 3, "fees": 1},  # CCC CDDDDD D, then, last first, DD DDD C
    "tiho": {"again:0": 2, "again:1": 3, "fees": 1},  # all 6 in the change of 6; of it 3, 2, and 1 as fee
    # 6/10 of 3, 6, 1: 1.8, 3.6, 0.6, units to 0.8 and to the output before the fee: 2, 4, 0
    # 4/6 of 2, 3, 1: 1.33, 2.00, 0.67: 1, 2, 1
    "haircut": {"buy:0": 2, "again:0": 1, "again:1": 2, "fees": 1},
    "poison": {"buy:0": 3, "again:0": 2, "again:1": 3, "fees": 2},
}

FEES = [
    Tx("heist", outs=[("ann", 6)]),
    Tx("alms", outs=[("bob", 4)]),
    Tx("rush", ins=["heist:0", "alms:0"], outs=[("ann", 3)]),  # fee 7
]
"""A fee larger than any output: it is filled last all the same."""

OVERPAID: dict[str, Rests] = {
    "fifo": {"rush:0": 3, "fees": 3},  # DDD DDDCCCC
    "lifo": {"fees": 6},  # CCC CDDDDDD
    "tiho": {"rush:0": 3, "fees": 3},
    "haircut": {"rush:0": 2, "fees": 4},  # 6/10 of 3, 7: 1.8, 4.2
    "poison": {"rush:0": 3, "fees": 7},
}

TABLES = [
    pytest.param(rows, seed, expected[name], name, id=f"{rows[-1].name}-{name}")
    for rows, seed, expected in (
        (PAY, "dirty:0", PAID),
        (BURN, "loot:0", BURNED),
        (CHANGE, "prize:0", CHANGED),
        (FEES, "heist:0", OVERPAID),
    )
    for name in expected
]


def _point(text: str) -> tuple[str, int]:
    name, _, vout = text.rpartition(":")
    return name, int(vout)


def followed(rows: list[Tx], seed: str, name: str, *, fees: str = "sink") -> Rests:
    """Where the tainted units of an output rest, without any store."""
    source = ScenarioSource(oracle_ledger(rows), fees=fees)
    found = method(name)(source.movements(), source.seeding([_point(seed)], (), "lot"), Limits())
    rests = {
        f"{'burned ' if found.fate[i] == Fate.BURNED else ''}{tx}:{vout}": int(units)
        for i, ((tx, vout), units) in enumerate(zip(source.points, found.rests(), strict=True))
        if units
    }
    paid = sum(found.fees.tolist())
    return {**rests, "fees": paid} if paid else rests


@pytest.mark.parametrize(("rows", "seed", "expected", "name"), TABLES)
def test_where_tainted_units_rest(rows: list[Tx], seed: str, expected: Rests, name: str) -> None:
    assert followed(rows, seed, name) == expected


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    rows = [*PAY, *BURN, *CHANGE, *FEES]
    return Case(tmp_path_factory.mktemp("byhand"), rows, clusters=False)


@pytest.mark.parametrize(("rows", "seed", "expected", "name"), TABLES)
def test_the_same_through_the_store(
    rows: list[Tx], seed: str, expected: Rests, name: str, case: Case
) -> None:
    found = case.trace(seed, method=name)
    burned = sum(units for where, units in expected.items() if where.startswith("burned"))
    unspent = {where: units for where, units in expected.items() if ":" in where and " " not in where}
    assert found.unspent == unspent
    assert found.totals.get("fees", 0) == expected.get("fees", 0)
    assert found.totals.get("burned", 0) == burned


MINED = [
    Tx("till", outs=[("ann", 6)]),
    Tx("tip", ins=["till:0"], outs=[("ann", 4)]),  # fee 2, all of it tainted
    Tx("block", outs=[("pool", 3), ("miner", 4)], collects=["tip"]),  # fees 2, subsidy 5
]
"""A coinbase: it makes clean units anew; where fees go to miners it takes them first, then the subsidy."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fifo", {"block:0": 2}),  # DDC CCCC
        ("lifo", {"block:1": 2}),  # CCC CCDD
        ("tiho", {"block:1": 2}),
        ("haircut", {"block:0": 1, "block:1": 1}),  # 2/7 of 3, 4: 0.86, 1.14
        ("poison", {"block:0": 3, "block:1": 4}),
    ],
)
def test_a_fee_rests_or_goes_on_to_the_miner(name: str, expected: Rests) -> None:
    assert followed(MINED, "till:0", name) == {"tip:0": 4, "fees": 2}
    assert followed(MINED, "till:0", name, fees="miners") == {"tip:0": 4, **expected}


@pytest.mark.parametrize("name", PAID)
def test_a_fee_goes_on_to_the_miner_through_the_store(name: str, tmp_path: Path) -> None:
    case = Case(tmp_path, MINED, clusters=False)
    expected = followed(MINED, "till:0", name, fees="miners")
    assert case.trace("till:0", method=name, fees="miners").unspent == expected


@pytest.mark.parametrize("name", PAID)
def test_a_coinbase_takes_no_taint_where_fees_rest(name: str) -> None:
    assert "block:0" not in followed(MINED, "till:0", name)
    assert followed(MINED, "block:1", name) == {"block:1": 4}


def test_what_no_miner_claimed_stays_a_fee() -> None:
    """The coinbase claims 1 of the 2: nothing is made anew, the last unit is a fee."""
    modest = [*MINED[:2], Tx("block", outs=[("miner", 1)], collects=["tip"])]
    for name in PAID:
        assert followed(modest, "till:0", name, fees="miners") == {"tip:0": 4, "block:0": 1, "fees": 1}


def test_tiho_fills_a_fee_last_where_it_is_an_output() -> None:
    """The fee of 7 would be the largest output: ann's 3 still come first, 3 tainted units go to the miner."""
    mined = [*FEES, Tx("block", outs=[("miner", 7)], collects=["rush"])]
    assert followed(mined, "heist:0", "tiho", fees="miners") == {"rush:0": 3, "block:0": 3}


TWO = [
    Tx("red", outs=[("ann", 3)]),
    Tx("clean", outs=[("cid", 4)]),
    Tx("blue", outs=[("bob", 3)]),
    Tx("join", ins=["red:0", "clean:0", "blue:0"], outs=[("eve", 3), ("dee", 4)]),  # fee 3
]


@pytest.mark.parametrize(
    ("name", "red", "blue"),
    [
        ("fifo", {"join:0": 3}, {}),  # RRR CCCC BBB
        ("lifo", {}, {"join:0": 3}),  # BBB CCCC RRR
        ("tiho", {"join:1": 3}, {"join:1": 1, "join:0": 2}),  # RRRB in the largest, then BB
        ("haircut", {"join:0": 1, "join:1": 1}, {"join:0": 1, "join:1": 1}),  # 3/10 of 3, 4, 3: 0.9, 1.2, 0.9
        ("poison", {"join:0": 3, "join:1": 4}, {"join:0": 3, "join:1": 4}),
    ],
)
def test_two_seeds_are_told_apart(name: str, red: Rests, blue: Rests) -> None:
    source = ScenarioSource(oracle_ledger(TWO))
    columns = source.movements()
    found = method(name)(columns, source.seeding([("red", 0), ("blue", 0)], (), "lot"), Limits())
    owner = np.full(len(source.points), -1, np.int64)
    owner[source.index["red", 0]], owner[source.index["blue", 0]] = 0, 1
    parts = apart(name)(columns, found, owner)
    assert [
        {
            f"{tx}:{vout}": int(u)
            for (tx, vout), u in zip(source.points, parts[n], strict=True)
            if u and tx == "join"
        }
        for n in (0, 1)
    ] == [red, blue]


@pytest.mark.parametrize(
    ("name", "came_from"),
    [
        ("fifo", {"clean:0": 1, "dirty:0": 4}),  # CCC [CDDDD] DD
        ("lifo", {"clean:0": 2, "dirty:0": 3}),  # DDD [DDDCC] CC
        ("haircut", {"clean:0": 2, "dirty:0": 3}),  # 5/10 of 4, 6
        ("tiho", {"dirty:0": 5}),  # the largest input first
        ("poison", {"clean:0": 4, "dirty:0": 6}),
    ],
)
def test_backward_the_shops_5_units_came_from(name: str, came_from: Rests) -> None:
    back = turned(ScenarioSource(oracle_ledger(PAY)), [("pay", 1)])
    found = method(name)(back.movements, back.seeding, Limits())
    assert {
        f"{tx}:{vout}": int(units)
        for (tx, vout), units in zip(back.points, found.rests(), strict=True)
        if units
    } == came_from


def test_backward_ties_go_to_the_lower_vin() -> None:
    """One unit came half from either input."""
    rows = [
        Tx("left", outs=[("ann", 1)]),
        Tx("right", outs=[("bob", 1)]),
        Tx("both", ins=["right:0", "left:0"], outs=[("cid", 1), ("dee", 1)]),
    ]
    back = turned(ScenarioSource(oracle_ledger(rows)), [("both", 0)])
    for name in ("haircut", "tiho"):
        found = method(name)(back.movements, back.seeding, Limits())
        rests = {point: int(u) for point, u in zip(back.points, found.rests(), strict=True) if u}
        assert rests == {("right", 0): 1}
