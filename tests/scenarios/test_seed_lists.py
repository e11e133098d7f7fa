"""Lists of seeds: what arrives in the set from outside, once; what a service holds of it is an end, never a way on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.case import CHAIN, Case, Found, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.flow.seeding.seed_file import Listed, parse

BOTH = pytest.mark.parametrize("method", ["fifo", "haircut"])
ACME = [vasp("acme", "none")]


def listed(case: Case, *rows: str, header: str = "address,role,valid_from,valid_to") -> Listed:
    """A list as the file would hold it; a row is `SEED` or has a cell for each column; names stand for txids."""
    lines = []
    for row in rows:
        seed, *rest = row.split(",")
        cells = [case.seed(seed), *rest]
        lines.append(",".join(cells + [""] * (header.count(",") + 1 - len(cells))))
    return parse("\n".join([header, *lines]).encode(), CHAIN, "list.csv")


def traced(case: Case, *rows: str, method: str, seeds: tuple[str, ...] = (), **question: Any) -> Found:
    return case.trace(*seeds, method=method, listed=(listed(case, *rows),), **question)


def receipts(found: Found) -> tuple[int, int, int]:
    """Gross, internal and external receipts."""
    summary = found.document["seed_summary"]
    parts = ("gross_received", "internal", "external_received")
    gross, internal, external = (int(summary[part]["base_units"]) for part in parts)
    return gross, internal, external


# 10 come to s1, move to s2 and on to s3; then 7 leave to bob
INSIDE = [
    Tx("sale", outs=[("s1", 10)]),
    Tx("move", ins=["sale:0"], outs=[("s2", 10)]),
    Tx("again", ins=["move:0"], outs=[("s3", 10)]),
    Tx("spend", ins=["again:0"], outs=[("bob", 7), ("s3", 3)]),
]


@BOTH
def test_moves_between_listed_addresses_count_once(tmp_path: Path, method: str) -> None:
    found = traced(Case(tmp_path, INSIDE), "s1", "s2", "s3", method=method)
    assert found.totals == {"seed": 10, "unspent": 10}
    assert found.unspent == {"spend:0": 7, "spend:1": 3}
    assert receipts(found) == (33, 23, 10)


@BOTH
def test_mixed_inputs_count_net(tmp_path: Path, method: str) -> None:
    """s1 puts in 6 and a customer 4; s2 receives 9 of them: 3 are new."""
    rows = [
        Tx("sale", outs=[("s1", 6)]),
        Tx("wage", outs=[("ann", 4)]),
        Tx("both", ins=["sale:0", "wage:0"], outs=[("s2", 9), ("ann", 1)]),
    ]
    found = traced(Case(tmp_path, rows), "s1", "s2", method=method)
    assert receipts(found)[0] == 15
    # fifo: all 6 of the sale and 3 of the wage are in s2; haircut: 5.4 of the sale go there, .6 to ann
    assert found.totals == {"seed": 9, "unspent": 9}
    assert found.unspent == ({"both:0": 9} if method == "fifo" else {"both:0": 8, "both:1": 1})


@BOTH
def test_each_row_counts_in_its_own_window(tmp_path: Path, method: str) -> None:
    """Scenario days start on 2020-09-13: s1 counts on the 13th, s2 from the 15th on, s3 always."""
    rows = [
        Tx("a", outs=[("s1", 1)], day=0),
        Tx("b", outs=[("s2", 2)], day=0.1),
        Tx("c", outs=[("s3", 4)], day=0.2),
        Tx("d", outs=[("s1", 8)], day=2),
        Tx("e", outs=[("s2", 16)], day=2.1),
        Tx("f", outs=[("s3", 32)], day=2.2),
    ]
    case = Case(tmp_path, rows)
    found = traced(case, "s1,seller,,2020-09-13", "s2,seller,2020-09-15,", "s3", method=method)
    assert found.unspent == {"a:0": 1, "e:0": 16, "c:0": 4, "f:0": 32}
    assert receipts(found) == (53, 0, 53)
    assert [(seed["value"], seed["role"], seed["lots"]) for seed in found.document["seeds"]] == [
        ("s1", "seller", 1),
        ("s2", "seller", 1),
        ("s3", None, 2),
    ]
    notes = found.document["coverage"]["notes"]
    assert "2 of 3 rows of list.csv count only at the times they give" in notes
    # the window of the question cuts these once more
    inside = traced(case, "s1,,,2020-09-13", "s3", method=method, seed_before=1_600_000_000 + 600)
    assert inside.unspent == {"a:0": 1}


@BOTH
def test_an_address_that_two_rows_name_counts_in_both_windows(tmp_path: Path, method: str) -> None:
    rows = [
        Tx("a", outs=[("s1", 1)], day=0),
        Tx("b", outs=[("s1", 2)], day=1),
        Tx("c", outs=[("s1", 4)], day=2),
    ]
    case = Case(tmp_path, rows)
    windows = ("s1,seller,2020-09-13,2020-09-13", "s1,vendor,2020-09-15,2020-09-15")
    found = traced(case, *windows, method=method)
    assert found.unspent == {"a:0": 1, "c:0": 4}
    assert [seed["role"] for seed in found.document["seeds"]] == ["seller, vendor"]
    typed = traced(case, *windows, seeds=("s1",), method=method)
    assert typed.totals["seed"] == 7  # whoever types it asks for all of it


@BOTH
def test_money_that_leaves_a_window_by_moving_on_is_not_counted_again(tmp_path: Path, method: str) -> None:
    """s1 counts on the first day only; its coin goes to s2 on the third, beside 5 of ann's in front of it."""
    rows = [
        Tx("sale", outs=[("s1", 10)], day=0),
        Tx("wage", outs=[("ann", 5)], day=0.5),
        Tx("join", ins=["wage:0", "sale:0"], outs=[("s2", 10), ("bob", 5)], day=2),
    ]
    found = traced(Case(tmp_path, rows), "s1,,,2020-09-13", "s2", method=method)
    assert found.totals["seed"] == 10


@BOTH
def test_outpoints_of_a_list_outside_their_window_are_dropped_and_counted(
    tmp_path: Path, method: str
) -> None:
    rows = [
        Tx("a", outs=[("s1", 1)], day=0),
        Tx("b", outs=[("s1", 2)], day=2),
        Tx("c", outs=[("s2", 4)], day=2.1),
    ]
    found = traced(Case(tmp_path, rows), "a:0,,2020-09-14,", "b:0,,2020-09-14,", "c@s2", method=method)
    assert found.unspent == {"b:0": 2, "c:0": 4}
    assert "1 seed outputs lie outside the seed window" in found.document["coverage"]["notes"]


@BOTH
def test_an_outpoint_and_its_address_are_one_lot(tmp_path: Path, method: str) -> None:
    rows = [Tx("sale", outs=[("s1", 10)]), Tx("tip", outs=[("s1", 2)])]
    found = traced(Case(tmp_path, rows), "s1", "sale:0", "sale@s1", method=method)
    assert found.totals == {"seed": 12, "unspent": 12}
    assert receipts(found) == (12, 0, 12)


@BOTH
def test_a_typed_seed_and_a_list_are_one_set(tmp_path: Path, method: str) -> None:
    found = traced(Case(tmp_path, INSIDE), "s2", "s3", seeds=("s1",), method=method)
    assert found.totals == {"seed": 10, "unspent": 10}


# the shop's deposit address d1 receives, is emptied into hot, and hot pays out
AT_SERVICE = [
    Tx("sale", outs=[("d1", 10)]),
    Tx("sweep", ins=["sale:0"], outs=[("hot", 10)]),
    Tx("payout", ins=["sweep:0"], outs=[("bob", 10)]),
]
TAGGED = [tag("d1", "acme", role="deposit"), tag("hot", "acme", role="hot")]
SEEDS = pytest.mark.parametrize("seed", ["sale:0", "sale@d1", "d1", "sale"])


@BOTH
@SEEDS
@pytest.mark.parametrize("known", ["tagged", "swept", "cluster"])
def test_a_seed_at_a_service_is_an_endpoint_at_hop_0(
    tmp_path: Path, seed: str, known: str, method: str
) -> None:
    """Its deposit address is tagged, or swept into a tagged wallet, or in a cluster that is claimed whole."""
    rows = AT_SERVICE
    tags = {
        "tagged": TAGGED,
        "swept": TAGGED[1:],
        "cluster": [tag("d0", "acme", role="deposit", definer=True)],
    }
    if known == "cluster":  # d0 and d1 were spent together
        rows = [Tx("other", outs=[("d0", 1)]), Tx("sale", outs=[("d1", 10)])]
        rows += [
            Tx("sweep", ins=["other:0", "sale:0"], outs=[("hot", 11)]),
            Tx("on", ins=["sweep:0"], outs=[("bob", 11)]),
        ]
    case = Case(tmp_path, rows, tags=tags[known], vasps=ACME)
    for found in (case.trace(seed, method=method), traced(case, seed, method=method)):
        assert found.totals == {"seed": 10, "services": 10}
        assert found.endpoints == {"acme": 10}
        # an address that somebody names is a deposit only where it is tagged: its sweep is a payment like others
        hops = 1 if (known, seed) == ("swept", "d1") else 0
        assert [row["min_hops"] for row in found.document["endpoints"]] == [hops]
        assert found.document["graph"]["transactions"] == 1 + hops


@BOTH
@SEEDS
def test_a_seed_at_a_custodial_pool_stops_at_hop_0(tmp_path: Path, seed: str, method: str) -> None:
    tags = [tag("d1", "bazaar", category="market", role="pool")]
    found = Case(tmp_path, AT_SERVICE, tags=tags).trace(seed, method=method)
    assert found.totals == {"seed": 10, "stopped": 10}
    assert found.stops == [("custodial_pool", "d1", "sale", 10)]


# a seller's list: two wallets of his own, and a deposit address at acme that acme pays him from
SELLER = [
    Tx("sale1", outs=[("s1", 10)]),
    Tx("sale2", outs=[("d1", 5)]),
    Tx("wage", outs=[("cust", 7)]),
    Tx("back", ins=["sale2:0", "wage:0"], outs=[("s2", 4), ("hot", 8)]),
    Tx("spend", ins=["sale1:0", "back:0"], outs=[("bob", 14)]),
]


@BOTH
def test_one_address_of_a_list_at_a_service_is_an_end_and_the_others_go_on(
    tmp_path: Path, method: str
) -> None:
    """What acme pays to s2 is nobody's to link to what d1 received: it arrives from outside, and is followed."""
    case = Case(tmp_path, SELLER, tags=TAGGED, vasps=ACME)
    found = traced(case, "s1", "s2", "d1", method=method)
    assert found.endpoints == {"acme": 5}
    assert found.legs == [("deposit", "d1", "sale2:0", 5, 5)]
    assert found.totals == {"seed": 19, "services": 5, "unspent": 14}
    assert receipts(found) == (19, 0, 19)


@BOTH
def test_what_a_service_moves_among_its_own_listed_addresses_counts_once(tmp_path: Path, method: str) -> None:
    case = Case(tmp_path, AT_SERVICE, tags=TAGGED, vasps=ACME)
    found = traced(case, "d1", "hot", method=method)
    assert found.totals == {"seed": 10, "services": 10}
    assert receipts(found) == (20, 10, 10)


@BOTH
def test_rows_never_seen_are_named_and_make_the_answer_partial(tmp_path: Path, method: str) -> None:
    found = traced(Case(tmp_path, INSIDE), "s1", "zoe", "yan", "tag:nobody", method=method)
    coverage = found.document["coverage"]
    assert coverage["status"] == "partial"
    unseen = [note for note in coverage["notes"] if "never seen" in note]
    assert unseen == [
        "3 of 4 seeds were never seen in the blocks read up to height 3 of bitcoin-regtest: yan, zoe, tag:nobody"
    ]
    assert found.totals == {"seed": 10, "unspent": 10}


def test_the_order_of_rows_changes_no_byte_and_roles_and_windows_are_in_the_digest(tmp_path: Path) -> None:
    case = Case(tmp_path, INSIDE)
    rows = ["s1,seller,,2020-09-13", "s2,seller", "s3"]
    found = traced(case, *rows, method="fifo").document
    plain = case.trace("s1", "s2", "s3", method="fifo").document["seeds_sha256"]
    assert traced(case, "s1", "s2", "s3", method="fifo").document["seeds_sha256"] == plain
    digests = {
        plain,
        found["seeds_sha256"],
        traced(case, "s1,seller,,2020-09-14", *rows[1:], method="fifo").document["seeds_sha256"],
        traced(case, "s1,vendor,,2020-09-13", *rows[1:], method="fifo").document["seeds_sha256"],
    }
    assert len(digests) == 4
    assert traced(case, *reversed(rows), method="fifo").document == found
    twice = traced(case, *rows, rows[0], method="fifo").document
    assert twice["seeds"] == found["seeds"]
    assert "list.csv has 1 rows that repeat others; they count once" in twice["coverage"]["notes"]


@BOTH
@pytest.mark.parametrize("seed", ["cluster:s1", "tag:seller", "vasp:house"])
def test_clusters_tags_and_vasps_obey_the_seed_window(tmp_path: Path, seed: str, method: str) -> None:
    """s1 and s2 are one cluster, one label and one actor's; three payments in three days, the second is asked for."""
    rows = [
        Tx("a", outs=[("s1", 1)], day=0),
        Tx("b", outs=[("s2", 2)], day=1),
        Tx("c", outs=[("s1", 4)], day=2),
        Tx("join", ins=["a:0", "b:0"], outs=[("s2", 3)], day=3),
    ]
    tags = [tag(name, "house", category="vendor", label="seller") for name in ("s1", "s2")]
    case = Case(tmp_path, rows, tags=tags)
    day = 86_400
    asked: dict[str, Any] = {"seed_after": 1_600_000_000 + day, "seed_before": 1_600_000_000 + 2 * day}
    found = case.trace(seed, method=method, unit="lot", **asked)
    assert (found.totals["seed"], receipts(found)) == (2, (2, 0, 2))
    assert case.trace(seed, method=method, unit="lot").totals["seed"] == 7
    assert traced(case, f"{seed},,2020-09-14,2020-09-14", method=method, unit="lot").totals["seed"] == 2


@BOTH
def test_an_entity_of_a_list_is_what_left_in_the_windows_of_its_rows(tmp_path: Path, method: str) -> None:
    """s1 and s2 are one cluster: on the first day s1's, and s2 with it; all of the third day is left out."""
    rows = [
        Tx("a", outs=[("s1", 10)], day=0),
        Tx("b", outs=[("s2", 10)], day=0.1),
        Tx("out1", ins=["a:0", "b:0"], outs=[("bob", 4), ("s2", 16)], day=0.2),
        Tx("out2", ins=["out1:1"], outs=[("cid", 16)], day=2),
    ]
    case = Case(tmp_path, rows)
    assert traced(case, "s1", method=method, unit="entity").totals["seed"] == 20
    found = traced(case, "s1,,,2020-09-13", method=method, unit="entity")
    assert found.unspent == {"out1:0": 4}
