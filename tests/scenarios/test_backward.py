"""Source of funds by hand, through the store: where the 5 units of an output came from, by each method.

Nearly all tables join 4 units and 6 units, `a` and `b`, and pay 3, 5 and a fee of 2; the 5 are asked for. What each
method finds of the two inputs is worked out once, in `CAME`; a test then says what is behind the first of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import DAY, GENESIS_TIME, Tx
from tracer.errors import UsageError
from tracer.flow.methods import METHODS

CAME = {
    "fifo": (1, 4),  # AAA [ABBBB] BB
    "lifo": (2, 3),  # BBB [BBBAA] AA
    "haircut": (2, 3),  # 5/10 of 4, 6
    "tiho": (0, 5),  # the larger input first
    "poison": (4, 6),
}
"""Method -> units of the 5 that came by `a`, and by `b`."""

HOT = [tag("hot", "acme", role="hot")]
ACME = [vasp("acme", "none")]
A = Tx("a", outs=[("ann", 4)])
B = Tx("b", outs=[("bob", 6)])
PAY = Tx("pay", ins=["a:0", "b:0"], outs=[("cid", 3), ("dee", 5)])


def back(case: Case, *seeds: str, **question: Any) -> dict[str, Found]:
    return case.traces(*seeds, methods=METHODS, direction="backward", **question)


def minted(found: Found) -> dict[str, int]:
    """Outpoint by name -> base units that were made there."""
    return {found.name(r["outpoint"]): int(r["amount"]["base_units"]) for r in found.document["minted"]}


def some(**buckets: int) -> dict[str, int]:
    """Only what is not zero, as `Found.totals` shows it."""
    return {name: units for name, units in buckets.items() if units}


def named(**parts: int) -> dict[str, int]:
    """Outpoint 0 of each transaction -> base units, where there are any."""
    return {f"{name}:0": units for name, units in parts.items() if units}


def test_every_method_is_worked_out_here() -> None:
    assert set(CAME) == set(METHODS)


def test_money_is_followed_back_to_where_it_was_made(tmp_path: Path) -> None:
    case = Case(tmp_path, [A, B, PAY], tags=HOT, vasps=ACME)
    for method, found in back(case, "pay:1").items():
        first, second = CAME[method]
        assert minted(found) == named(a=first, b=second), method
        assert found.totals == {"seed": 5, "minted": first + second}, method
        assert found.document["direction"] == "backward"
        assert found.document["coverage"]["status"] == "complete"


@pytest.mark.parametrize("method", ["fifo", "lifo"])
def test_what_a_sends_to_x_is_what_x_has_from_a(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, [A, B, PAY], clusters=False)
    for source in ("a:0", "b:0"):
        sent = case.trace(source, method=method).unspent
        for target in ("pay:0", "pay:1"):
            found = case.trace(target, method=method, direction="backward")
            assert minted(found).get(source, 0) == sent.get(target, 0)


def test_whoever_holds_the_seed_is_no_source(tmp_path: Path) -> None:
    case = Case(tmp_path, [A, B, PAY], tags=[tag("dee", "acme")], vasps=ACME)
    for method, found in back(case, "pay:1").items():
        assert found.endpoints == {}
        assert minted(found) == named(a=CAME[method][0], b=CAME[method][1]), method


# acme pays ann her 4
WITHDRAWN = [
    Tx("pool", outs=[("hot", 50)]),
    Tx("a", ins=["pool:0"], outs=[("ann", 4), ("hot", 45)]),  # fee 1
    B,
    PAY,
]


def test_a_service_it_came_from_is_named_by_its_payout(tmp_path: Path) -> None:
    case = Case(tmp_path, WITHDRAWN, tags=HOT, vasps=ACME)
    for method, found in back(case, "pay:1").items():
        first, second = CAME[method]
        traced = (
            50 if method == "poison" else first
        )  # poison marks all that the service put in; a payout is its own
        assert found.legs == ([("withdrawal", "ann", "a:0", 4, first)] if first else []), method
        assert minted(found) == named(b=second), method
        assert found.totals == some(seed=5, services=traced, minted=second), method
        for row in found.document["endpoints"]:
            (leg,) = row["legs"]
            assert (row["vasp_id"], row["kyc_level"], row["account_shape"]) == ("acme", "none", "unknown")
            assert leg["role_basis"] == "from hot (tag)"
            assert [found.name(txid) for txid in leg["path"]] == ["a", "pay"]


def test_several_coins_of_a_hot_wallet_in_one_payout_are_one_leg(tmp_path: Path) -> None:
    rows = [
        *(Tx(f"pool{n}", outs=[("hot", 3)]) for n in range(3)),
        Tx("a", ins=[f"pool{n}:0" for n in range(3)], outs=[("ann", 4), ("eve", 5)]),
    ]
    case = Case(tmp_path, rows, tags=HOT, vasps=ACME)
    for method, found in back(case, "a:0").items():
        assert found.legs == [("withdrawal", "ann", "a:0", 4, 4)], method


def test_two_payouts_of_one_service_are_two_legs(tmp_path: Path) -> None:
    rows = [
        *(Tx(f"pool{n}", outs=[("hot", 9)]) for n in range(2)),
        Tx("a", ins=["pool0:0"], outs=[("ann", 4), ("hot", 5)]),
        Tx("b", ins=["pool1:0"], outs=[("bob", 6), ("hot", 3)]),
        PAY,
    ]
    case = Case(tmp_path, rows, tags=HOT, vasps=ACME)
    for method, found in back(case, "pay:1").items():
        first, second = CAME[method]
        legs = [("withdrawal", "ann", "a:0", 4, first), ("withdrawal", "bob", "b:0", 6, second)]
        assert sorted(found.legs) == [leg for leg in legs if leg[-1]], method


def test_a_tagged_pool_is_the_end(tmp_path: Path) -> None:
    rows = [Tx("order", outs=[("pot", 4)]), Tx("a", ins=["order:0"], outs=[("ann", 4)]), B, PAY]
    tags = [*HOT, tag("pot", "bazaar", category="market", role="pool")]
    for method, found in back(Case(tmp_path, rows, tags=tags, vasps=ACME), "pay:1").items():
        first, second = CAME[method]
        assert found.stops == ([("custodial_pool", "pot", "a", first)] if first else []), method
        assert found.totals == some(seed=5, stopped=first, minted=second), method
        assert {(stop["basis"], stop["entity"]) for stop in found.document["stops"]} <= {("claim", "bazaar")}


def test_a_pool_that_nobody_tagged_is_the_end_too(tmp_path: Path) -> None:
    """A customer of the custodian spends the 10 that were paid out to her."""
    rows = [
        *custodian(),
        Tx("purse", outs=[("bob", 15)], day=20),
        Tx("join", ins=["pay0:0", "purse:0"], outs=[("cid", 12), ("dee", 13)], day=21),
    ]
    came = {
        "fifo": (0, 13),  # AAAAAAAAAABB [BBBBBBBBBBBBB]
        "lifo": (10, 3),
        "tiho": (0, 13),
        "haircut": (5, 8),  # 13/25 of 10, 15: 5.2, 7.8
        "poison": (0, 0),
    }
    case = Case(tmp_path, rows, tags=[tag("nobody", "acme")])
    for method, found in back(case, "join:1").items():
        stops = [stop for stop in found.document["stops"] if stop["reason"] == "custodial_pool"]
        assert {(stop["basis"], stop["entity"]) for stop in stops} <= {("pool_like", None)}
        assert {found.name(stop["txid"]) for stop in stops} <= {"pay0"}
        assert all(stop["evidence"]["batches"] == 5 for stop in stops)
        if method != "poison":  # which marks whole coins of the pool
            assert found.totals == some(seed=13, stopped=came[method][0], minted=came[method][1]), method
        else:
            assert stops


D = 100_000
PEOPLE = ["eve", "cid", "dee", "flo", "gus"]
MIXED = [
    *(Tx(f"fund_{p}", outs=[(p, D + (5_000 if n < 2 else 0))]) for n, p in enumerate(PEOPLE)),
    Tx("mix", ins=[f"fund_{p}:0" for p in PEOPLE], outs=[(f"new_{p}", D) for p in PEOPLE]),
    Tx("b", outs=[("bob", 50_000)]),
    Tx("pay", ins=["mix:0", "b:0"], outs=[("hal", 30_000), ("ida", 120_000)]),
]
FROM_MIX = {
    "fifo": (70_000, 50_000),
    "lifo": (100_000, 20_000),
    "tiho": (100_000, 20_000),
    "haircut": (80_000, 40_000),  # 120/150 of 100,000 and 50,000
    "poison": (100_000, 50_000),
}


def test_what_came_out_of_a_coinjoin_goes_no_further_back(tmp_path: Path) -> None:
    case = Case(tmp_path, MIXED, tags=HOT, vasps=ACME)
    for method, found in back(case, "pay:1").items():
        first, second = FROM_MIX[method]
        assert found.stops == [("mixer", "new_eve", "mix", first)], method
        assert found.totals == {"seed": 120_000, "stopped": first, "minted": second}, method
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"], stop["evidence"]["kind"]) == ("shape", None, "whirlpool_mix")
        assert stop["evidence"]["participants_at_least"] == 5
    for method, found in back(case, "mix:3").items():  # a seed that came out of it: not one hop
        assert found.stops == [("mixer", "new_flo", "mix", D)], method
        assert found.document["graph"]["hops"] == 0


def test_inputs_that_were_not_read_are_unread_not_minted(tmp_path: Path) -> None:
    """The store begins at `b`: `pay` spends something that nobody has read."""
    rows = [A, B, PAY, Tx("on", ins=["pay:1"], outs=[("eve", 5)])]
    for first, seed in ((0, "on:0"), (1, "on:0"), (1, "pay:1"), (2, "on:0"), (3, "on:0")):
        case = Case(tmp_path / f"{first}{seed[:2]}", rows, tags=HOT, vasps=ACME, first=first)
        for method, found in back(case, seed).items():
            if first == 0:
                assert "unread" not in found.totals
                continue
            assert found.totals == {"seed": 5, "unread": 5}, method
            coverage = found.document["coverage"]
            assert coverage["status"] == "partial"
            assert coverage["chains"][0]["missing"] == [[0, first - 1]]
            assert any("inputs that were not read" in note for note in coverage["notes"])
            unread = {found.name(row["outpoint"]) for row in found.document["unread"]}
            assert unread == {"on:0" if first == 3 else "pay:1"}, method


# either input was paid to its spender by another transaction, days before
LONGER = [
    Tx("old_a", outs=[("eve", 4)], day=0),
    Tx("old_b", outs=[("flo", 6)], day=1),
    Tx("a", ins=["old_a:0"], outs=[("ann", 4)], day=2),
    Tx("b", ins=["old_b:0"], outs=[("bob", 6)], day=4),
    Tx("pay", ins=["a:0", "b:0"], outs=[("cid", 3), ("dee", 5)], day=6),
]


@pytest.fixture(scope="module")
def longer(tmp_path_factory: pytest.TempPathFactory) -> Case:
    tags = [*HOT, tag("ann", category="donation")]
    return Case(tmp_path_factory.mktemp("longer"), LONGER, tags=tags, vasps=ACME)


def behind(method: str, reason: str, which: str = "ab") -> list[tuple[str, str, str, int]]:
    """Stops of this reason at the inputs of `pay`, sorted."""
    parts = zip("ab", ("ann", "bob"), CAME[method], strict=True)
    return sorted(
        (reason, address, "pay", units) for name, address, units in parts if units and name in which
    )


def test_limits_cut_on_the_way_back(longer: Case) -> None:
    for method, found in back(longer, "pay:1", hops=1).items():
        assert sorted(found.stops) == behind(method, "hop_limit"), method
    for method, found in back(longer, "pay:1", after=GENESIS_TIME + 3 * DAY).items():
        older = [("time_window", "flo", "b", CAME[method][1])]  # made on day 1, paid on within the window
        assert sorted(found.stops) == sorted([*behind(method, "time_window", "a"), *older]), method
        assert minted(found) == {}
    for method, found in back(longer, "pay:1", max_txs=2).items():  # the latest two: `pay` and `b`
        assert sorted(found.stops) == behind(method, "tx_limit", "a"), method
        assert minted(found) == named(old_b=CAME[method][1]), method
    for method, found in back(longer, "pay:1", min_share="0.6").items():  # 3 of the 5
        small = [stop for stop in behind(method, "value_floor") if stop[-1] < 3]
        assert sorted(found.stops) == small, method


def test_stops_of_the_question_end_the_way_back(longer: Case) -> None:
    for method, found in back(longer, "pay:1", stop=("donation",)).items():
        assert found.stops == behind(method, "category", "a"), method
        assert minted(found) == named(old_b=CAME[method][1]), method
    for method, found in back(longer, "pay:1", degree=1).items():
        assert sorted(found.stops) == behind(method, "high_degree"), method


@pytest.mark.parametrize("more", [{"fees": "miners"}, {"through": ("mixer",)}])
def test_what_only_goes_forward_is_refused(longer: Case, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="this trace goes backward"):
        back(longer, "pay:1", **more)


# s1 took 6; s1 and acme's customer pay together, and s2 has 9 of it: 3 are new
SET = [
    Tx("sale", outs=[("s1", 6)]),
    Tx("pool", outs=[("hot", 20)]),
    Tx("wage", ins=["pool:0"], outs=[("ann", 4), ("hot", 16)]),
    Tx("both", ins=["sale:0", "wage:0"], outs=[("s2", 9), ("ann", 1)]),
    Tx("inside", ins=["both:0"], outs=[("s1", 9)]),
]


def test_what_came_to_a_set_from_outside_with_mixed_inputs(tmp_path: Path) -> None:
    """6 were made at the set itself; the 3 new ones came by ann's coin, whatever the order of the inputs."""
    case = Case(tmp_path, SET, tags=HOT, vasps=ACME)
    for method, found in back(case, "s1", "s2").items():
        assert found.document["seed_summary"]["external_received"]["base_units"] == "9"
        assert minted(found) == {"sale:0": 6}, method
        assert found.legs == [("withdrawal", "ann", "wage:0", 4, 3)], method


# the market puts in 2 of its own and has 7 after it: 5 entered, by carl's coin from acme; 1 of that was the fee
ENTERED = [
    Tx("own", outs=[("pot", 2)], day=0),
    Tx("pool", outs=[("hot", 20)], day=1),
    Tx("wage", ins=["pool:0"], outs=[("carl", 6), ("hot", 14)], day=2),
    Tx("order", ins=["own:0", "wage:0"], outs=[("pot", 7)], day=3),
    Tx("inside", ins=["order:0"], outs=[("pot", 3), ("pot", 4)], day=4),
]


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Case:
    tags = [*HOT, tag("pot", "bazaar", category="market", role="pool")]
    return Case(tmp_path_factory.mktemp("market"), ENTERED, tags=tags, vasps=ACME, clusters=False)


def test_what_entered_an_entity_in_a_window(market: Case) -> None:
    """Moves inside it are no receipt, and its own coin is no source."""
    for method, found in back(market, "vasp:bazaar", unit="entity", seed_after=GENESIS_TIME + DAY).items():
        assert found.document["seed_summary"]["external_received"]["base_units"] == "5"
        assert found.legs == [("withdrawal", "carl", "wage:0", 6, 5)], method
        assert (found.stops, minted(found)) == ([], {})


def test_an_entitys_own_coin_is_no_source_where_it_was_received_in_the_same_window(market: Case) -> None:
    """`own` is asked for itself, as what entered before; the 5 still came by carl's coin alone."""
    for method, found in back(market, "vasp:bazaar", unit="entity").items():
        assert minted(found) == {"own:0": 2}, method
        assert found.legs == [("withdrawal", "carl", "wage:0", 6, 5)], method
        assert found.stops == []


def test_what_entered_a_pool_that_nobody_tagged(tmp_path: Path) -> None:
    """60 customers paid in 1,000 to 1,059; what the pool paid out and moved about is none of it."""
    case = Case(tmp_path, custodian(), tags=[tag("nobody", "acme")])
    entered = sum(1_000 + n for n in range(60))
    for method, found in back(case, "cluster:hot", unit="entity").items():
        # five deposits are the pool's by co-spend; the others came by sweeps: poison marks what paid them whole
        made = sum(1_000 + n for n in range(5)) + 55 * 10_000 if method == "poison" else entered
        assert found.totals == {"seed": entered, "minted": made}, method
        assert set(minted(found)) == {f"fund{n}:0" for n in range(60)}, method
