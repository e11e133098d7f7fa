"""Where a trail ends, by each method, through the store: services, pools, mixes, busy addresses, limits.

Nearly all tables pay 6 tainted units D and 4 clean ones C out as 5, 4 and a fee of 1. What each method finds of these
is worked out once, in `SPLIT`; a test then says where the first of the two outputs stops.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import Case, Found, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import DAY, GENESIS_TIME, Tx
from tracer.flow.methods import METHODS

SPLIT = {
    "fifo": (5, 1, 0),  # DDDDD DCCC C
    "lifo": (1, 4, 1),  # CCCCD DDDD D
    "tiho": (5, 1, 0),  # the larger output first
    "haircut": (3, 2, 1),  # 6/10 of 5, 4, 1: 3.0, 2.4, 0.6
    "poison": (5, 4, 1),
}
"""Method -> tainted units of the first output, of the second, of the fee."""

HOT = [tag("hot", "acme", role="hot")]
SHOP = [tag("shop", "acme")]
ACME = [vasp("acme", "none")]


def paid(first: str, second: str = "ann", times: int = 1, day: float | None = None) -> list[Tx]:
    """5 to `first`, 4 to `second`, a fee of 1."""
    return [
        Tx("dirty", outs=[("eve", 6 * times)], day=day),
        Tx("clean", outs=[("bob", 4 * times)], day=day),
        Tx("pay", ins=["dirty:0", "clean:0"], outs=[(first, 5 * times), (second, 4 * times)], day=day),
    ]


def by_method(case: Case, *seeds: str, **question: Any) -> dict[str, Found]:
    return case.traces(*seeds, methods=METHODS, **question)


def some(**buckets: int) -> dict[str, int]:
    """Only what is not zero, as `Found.totals` shows it."""
    return {name: units for name, units in buckets.items() if units}


def stopped_at(found: Found) -> list[tuple[str, str, str, int]]:
    return sorted(found.stops)


def test_every_method_is_worked_out_here() -> None:
    assert set(SPLIT) == set(METHODS)


def test_a_deposit_that_is_swept_is_an_exit(tmp_path: Path) -> None:
    """The sweep joins it with another customer's: what was traced is what came in, not what was swept."""
    rows = [
        *paid("d1"),
        Tx("other", outs=[("d2", 70)]),
        Tx("sweep", ins=["pay:0", "other:0"], outs=[("hot", 75)]),
        Tx("payout", ins=["sweep:0"], outs=[("carl", 75)]),
    ]
    for method, found in by_method(Case(tmp_path, rows, tags=HOT, vasps=ACME), "dirty:0").items():
        first, second, fee = SPLIT[method]
        assert found.legs == [("deposit", "d1", "pay:0", 5, first)], method
        assert found.totals == some(seed=6, services=first, unspent=second, fees=fee), method
        assert found.unspent == {"pay:1": second}, method


def test_a_tagged_pool_is_the_end(tmp_path: Path) -> None:
    rows = [*paid("pot"), Tx("payout", ins=["pay:0"], outs=[("hot", 5)])]
    tags = [*HOT, tag("pot", "bazaar", category="market", role="pool")]
    for method, found in by_method(Case(tmp_path, rows, tags=tags, vasps=ACME), "dirty:0").items():
        first, second, fee = SPLIT[method]
        assert found.stops == [("custodial_pool", "pot", "pay", first)], method
        assert found.totals == some(seed=6, stopped=first, unspent=second, fees=fee), method
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"]) == ("claim", "bazaar")
        assert found.endpoints == {}


def test_a_pool_that_nobody_tagged_is_the_end_too(tmp_path: Path) -> None:
    case = Case(tmp_path, [*paid("dep2", times=1_000, day=0), *custodian()], tags=[tag("nobody", "acme")])
    for method, found in by_method(case, "dirty:0").items():
        # nothing is to be rounded here
        first, second, fee = (3, 2.4, 0.6) if method == "haircut" else SPLIT[method]
        assert found.stops == [("custodial_pool", "dep2", "pay", 1_000 * first)], method
        assert found.unspent == {"pay:1": 1_000 * second}, method
        assert found.totals.get("fees", 0) == 1_000 * fee
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"], stop["evidence"]["depositors"]) == ("pool_like", None, 61)


# the pool and a partner pay together: 6 of the pool, 4 of the partner
JOINT = [
    Tx("order", outs=[("pot", 10)]),
    Tx("inside", ins=["order:0"], outs=[("pot", 6), ("pot", 4)]),
    Tx("purse", outs=[("carl", 4)]),
    Tx("joint", ins=["inside:0", "purse:0"], outs=[("d1", 5), ("ann", 4)]),  # fee 1
    Tx("sweep", ins=["joint:0"], outs=[("hot", 5)]),
]


def test_of_an_entity_what_left_it_is_followed(tmp_path: Path) -> None:
    """6 left: over 9 that went to others as their values are, 5 and 4; the fee is no outflow.

    Without clusters: who pays with the pool would be taken for the pool.
    """
    tags = [*HOT, tag("pot", "bazaar", category="market", role="pool")]
    case = Case(tmp_path, JOINT, tags=tags, vasps=ACME, clusters=False)
    for method, found in by_method(case, "vasp:bazaar", unit="entity").items():
        assert found.document["seed_summary"]["left"]["base_units"] == "6"
        assert found.totals == {"seed": 6, "services": 3, "unspent": 3}, method  # 3.33 and 2.67
        assert found.legs == [("deposit", "d1", "joint:0", 5, 3)]


def test_of_a_pool_that_nobody_tagged_what_left_it_is_followed(tmp_path: Path) -> None:
    """Five batches pay 10 to 15 units each to six payees; one of them pays hers on to acme, and pays 2 for it."""
    rows = [*custodian(), Tx("spend", ins=["pay0:5"], outs=[("shop", 6), ("ann", 7)], day=9)]
    case = Case(tmp_path, rows, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "cluster:hot", unit="entity").items():
        assert found.totals == {"seed": 375, "services": 6, "unspent": 367, "fees": 2}, method
        assert found.legs == [("unknown", "shop", "spend:0", 6, 6)], method


D = 100_000
PEOPLE = ["bob", "cid", "dee", "flo"]
# ann brings 105,000 to a mix of five; 60,000 of it and of what went to zoe are tainted, 46,000 are not
MIX = [
    Tx("dirty", outs=[("eve", 60_000)]),
    Tx("clean", outs=[("eve2", 46_000)]),
    Tx("join", ins=["dirty:0", "clean:0"], outs=[("ann", D + 5_000), ("zoe", 1_000)]),
    *(Tx(f"fund_{p}", outs=[(p, D + (5_000 if p == "bob" else 0))]) for p in PEOPLE),
    Tx(
        "mix",
        ins=["join:0", *(f"fund_{p}:0" for p in PEOPLE)],
        outs=[(f"new_{p}", D) for p in ["ann", *PEOPLE]],
    ),
    Tx("cash", ins=["mix:1"], outs=[("shop", D)]),
    Tx("buy", ins=["join:1"], outs=[("shop", 1_000)]),
]
MIXED = {
    "fifo": (60_000, 0),
    "lifo": (59_000, 1_000),  # 46,000 clean units first
    "tiho": (60_000, 0),
    "haircut": (59_434, 566),  # 60/106 of 105,000 and 1,000: 59,433.96 and 566.04
    "poison": (105_000, 1_000),
}
"""Method -> tainted units that come to the mix, and to the shop beside it."""


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("mix"), MIX, tags=SHOP, vasps=ACME)


def test_a_coinjoin_is_the_end_and_says_what_it_is(mix: Case) -> None:
    for method, found in by_method(mix, "dirty:0").items():
        inside, beside = MIXED[method]
        assert found.stops == [("mixer", "ann", "mix", inside)], method
        assert found.totals == some(seed=60_000, stopped=inside, services=beside), method
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"]) == ("shape", None)
        assert stop["evidence"]["kind"] == "whirlpool_mix"
        assert stop["evidence"]["participants_at_least"] == 5
        assert stop["evidence"]["denominations"] == [str(D)]
        assert found.document["leads"] == []


def test_through_a_mixer_there_are_leads_and_no_flow(mix: Case) -> None:
    """The shop is met behind the mix as well: at most all 60,000 can be in that payment."""
    plain = by_method(mix, "dirty:0")
    for method, found in by_method(mix, "dirty:0", through=("mixer",)).items():
        for part in ("totals", "endpoints", "stops", "unspent", "claims"):
            assert found.document[part] == plain[method].document[part], method
        (lead,) = found.document["leads"]
        assert (lead["through"], lead["vasp_id"], lead["at_most"]["base_units"]) == ("mixer", "acme", "60000")
        (leg,) = lead["legs"]
        assert (leg["address"], found.name(leg["txid"])) == ("shop", "cash")
        assert leg["at_most"]["base_units"] == "60000"
        assert [found.name(step["txid"]) for step in leg["mixes"]] == ["mix"]
        assert [found.name(txid) for txid in leg["path"]] == ["dirty", "join", "mix", "cash"]
        assert "amount_traced" not in leg


BUSY = [
    *paid("busy"),
    *(Tx(f"gift{n}", outs=[("busy", 1)]) for n in range(2)),
    Tx("on", ins=["pay:0"], outs=[("shop", 5)]),
]
"""`busy` stands in four transactions."""


def test_an_address_of_too_many_transactions_is_the_end(tmp_path: Path) -> None:
    case = Case(tmp_path, BUSY, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "dirty:0", degree=3).items():
        first, second, fee = SPLIT[method]
        assert found.stops == [("high_degree", "busy", "pay", first)], method
        assert found.totals == some(seed=6, stopped=first, unspent=second, fees=fee), method
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"]) == ("high_degree", None)
        assert stop["evidence"] == {"transactions": 4}
        assert found.document["parameters"]["high_degree"] == 3


@pytest.mark.parametrize("degree", [4, 0])
def test_an_address_at_the_limit_or_without_one_is_followed(tmp_path: Path, degree: int) -> None:
    case = Case(tmp_path, BUSY, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "dirty:0", degree=degree).items():
        # all of the payment to busy goes on to acme, and nothing else does
        assert found.endpoints == {"acme": SPLIT[method][0]}, method
        assert found.document["stops"] == []


def test_a_seed_of_high_degree_goes_on_and_its_own_moves_do_too(tmp_path: Path) -> None:
    rows = [
        *(Tx(f"sale{n}", outs=[("busy", 2)]) for n in range(5)),
        Tx("on", ins=[f"sale{n}:0" for n in range(5)], outs=[("busy", 4), ("shop", 6)]),
    ]
    case = Case(tmp_path, rows, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "busy", degree=3).items():
        assert found.totals == {"seed": 10, "services": 6, "unspent": 4}, method


def test_a_category_is_the_end_where_the_question_says_so(tmp_path: Path) -> None:
    rows = [*paid("jar"), Tx("on", ins=["pay:0"], outs=[("shop", 5)])]
    tags = [*SHOP, tag("jar", category="donation", label="Jar of Joy")]
    case = Case(tmp_path, rows, tags=tags, vasps=ACME)
    plain = by_method(case, "dirty:0")
    for method, found in by_method(case, "dirty:0", stop=("donation",)).items():
        first, second, fee = SPLIT[method]
        assert plain[method].endpoints == {"acme": first}, method
        assert found.endpoints == {}
        assert found.stops == [("category", "jar", "pay", first)], method
        assert found.totals == some(seed=6, stopped=first, unspent=second, fees=fee), method
        (stop,) = found.document["stops"]
        assert (stop["basis"], stop["entity"]) == ("claim", "Jar of Joy")


# both outputs go on: the first on day 3, the second on day 1; either is paid to acme
ONWARD = [
    *paid("carl", day=0),
    Tx("second", ins=["pay:1"], outs=[("shop", 4)], day=1),
    Tx("first", ins=["pay:0"], outs=[("shop", 5)], day=3),
]


@pytest.fixture(scope="module")
def onward(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("onward"), ONWARD, tags=SHOP, vasps=ACME)


def test_a_window_ends_what_moves_after_it(onward: Case) -> None:
    for method, found in by_method(onward, "dirty:0", before=GENESIS_TIME + 2 * DAY).items():
        first, second, fee = SPLIT[method]
        assert found.stops == [("time_window", "carl", "pay", first)], method
        assert found.totals == some(seed=6, services=second, pruned=first, fees=fee), method


def test_a_window_ends_what_moves_before_it(onward: Case) -> None:
    """The coins moved on day 0 already: of what is seen since, nothing is known to be theirs."""
    for method, found in by_method(onward, "dirty:0", after=GENESIS_TIME + DAY).items():
        assert found.stops == [("time_window", "eve", "dirty", 6)], method


def test_a_limit_of_transactions_keeps_the_first(onward: Case) -> None:
    """`pay` and `second` are within it, `first` is not."""
    for method, found in by_method(onward, "dirty:0", max_txs=2).items():
        first, second, fee = SPLIT[method]
        assert found.stops == [("tx_limit", "carl", "pay", first)], method
        assert found.totals == some(seed=6, services=second, pruned=first, fees=fee), method


def test_a_limit_of_hops_ends_both(onward: Case) -> None:
    for method, found in by_method(onward, "dirty:0", hops=1).items():
        first, second, fee = SPLIT[method]
        both = [("hop_limit", "carl", "pay", first), ("hop_limit", "ann", "pay", second)]
        assert stopped_at(found) == sorted(both), method
        assert found.totals == some(seed=6, pruned=first + second, fees=fee), method


LARGE_ENOUGH = {
    "fifo": (True, False),
    "lifo": (False, True),
    "tiho": (True, False),
    "haircut": (True, False),
    "poison": (True, True),
}
"""Whether the first, and the second, output holds at least 3 tainted units."""


@pytest.mark.parametrize("floor", [{"min_share": "0.5"}, {"min_share": "0.34"}, {"min_value": 3}])
def test_a_floor_is_of_what_is_traced_and_a_share_of_what_was_seeded(
    onward: Case, floor: dict[str, Any]
) -> None:
    """Half of 6 is 3; .34 of it is 2.04, and nothing below that is enough: 3."""
    for method, found in by_method(onward, "dirty:0", **floor).items():
        parts = list(zip(("carl", "ann"), SPLIT[method], LARGE_ENOUGH[method], strict=False))
        small = sorted(
            ("value_floor", address, "pay", units) for address, units, enough in parts if not enough
        )
        assert stopped_at(found) == small, method
        services = sum(units for _, units, enough in parts if enough)
        assert found.totals.get("services", 0) == services, method
        assert found.document["parameters"]["floor"] == "3"


def test_a_fee_that_goes_on_to_a_known_miner_is_an_exit(tmp_path: Path) -> None:
    """acme mines: 1 of fee and 5 made anew. Where fees rest, nothing reaches it."""
    rows = [*paid("carl"), Tx("block", outs=[("shop", 6)], collects=["pay"])]
    case = Case(tmp_path, rows, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "dirty:0").items():
        assert found.endpoints == {}
        assert found.totals.get("fees", 0) == SPLIT[method][2], method
    for method, found in by_method(case, "dirty:0", fees="miners").items():
        fee = 6 if method == "poison" else SPLIT[method][2]
        assert found.endpoints == ({"acme": fee} if SPLIT[method][2] else {}), method
        assert "fees" not in found.totals


# s1 takes 6; s1 and a customer pay together, and s2 has 9 of it: 3 are new
LIST = [
    Tx("sale", outs=[("s1", 6)]),
    Tx("wage", outs=[("ann", 4)]),
    Tx("both", ins=["sale:0", "wage:0"], outs=[("s2", 9), ("ann", 1)]),
    Tx("inside", ins=["both:0"], outs=[("s1", 5), ("s2", 4)]),
    Tx("cash", ins=["inside:0"], outs=[("shop", 5)]),
]
LISTED = {
    "fifo": {"inside:1": 4},  # DDDDDDCCC C; CCC are 3 new ones
    "lifo": {"inside:1": 3, "both:1": 1},  # NNNCDDDDD D: 3 of CCCC are new; then, last first, DDDDD CNNN
    "tiho": {"inside:1": 4},
    "haircut": {"inside:1": 4, "both:1": 1},  # 5.4 and 0.6; 8 of 9 are over 5 and 4: 4.44 and 3.56
    "poison": {"inside:1": 4, "both:1": 1},
}


def test_a_list_of_seeds_counts_what_moves_inside_it_once(tmp_path: Path) -> None:
    case = Case(tmp_path, LIST, tags=SHOP, vasps=ACME)
    for method, found in by_method(case, "s1", "s2").items():
        summary = {k: v and int(v["base_units"]) for k, v in found.document["seed_summary"].items()}
        assert summary == {"gross_received": 24, "internal": 15, "external_received": 9, "left": None}, method
        assert found.unspent == LISTED[method], method
