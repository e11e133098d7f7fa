"""The three cases of the simulated world: exits against the chain itself, and what an investigator is given."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from adapters.simulation.exchanges import VASPS
from tests.adapters.test_simulation import SMALL, world
from tests.adapters.test_simulation_world import LARGE, WORLDS, Outpoint, outputs, spenders, truth

# --- exits: the business truth equals what the chain says


@pytest.mark.parametrize("case", ["pool_withdrawal", "multisig_order", "shop_sweep"])
@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_following_each_coin_from_its_source_finds_exactly_the_unmixed_exits(
    seed: int, txs: int, case: str
) -> None:
    known, spent, made = outputs(seed, txs), spenders(seed, txs), truth(seed, txs)
    mixes = set(made.mixes["txid"])
    vasps = {vasp.vasp_id for vasp in VASPS}
    names = {(r["funding_txid"], r["funding_vout"]): r["order_id"] for r in made.orders.iter_rows(named=True)}
    reached: dict[Outpoint, set[str]] = defaultdict(set)
    todo: list[tuple[Outpoint, str]] = []
    for outpoint, (_, _, owner, role) in known.items():
        tx = spent.get(outpoint)
        if tx is None:
            continue
        inside = {"pool_withdrawal": ("market-a", "pool"), "shop_sweep": ("shop-1", "payment")}.get(case)
        if case == "multisig_order":
            if outpoint not in names or role != "escrow":
                continue
        elif (owner, role) != inside:
            continue
        for i in range(len(tx.outs)):
            source = names[outpoint] if case == "multisig_order" else f"{tx.txid}:{i}"
            if known[tx.txid, i][2] not in ("market-a", "market-b"):
                todo.append(((tx.txid, i), source))
    seen = set(todo)
    while todo:
        outpoint, source = todo.pop()
        _, _, owner, role = known[outpoint]
        if owner in vasps:
            assert role == "deposit"
            reached[outpoint].add(source)
            continue
        tx = spent.get(outpoint)
        if tx is None or tx.txid in mixes:
            continue
        for i in range(len(tx.outs)):
            if ((tx.txid, i), source) not in seen:
                seen.add(((tx.txid, i), source))
                todo.append(((tx.txid, i), source))
    exits = made.exits.filter((pl.col("case") == case) & ~pl.col("mixed"))
    expected = {(r["txid"], r["vout"]): set(r["source_ref"].split(";")) for r in exits.iter_rows(named=True)}
    assert expected
    assert reached == expected


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_exits_go_to_deposit_addresses_of_their_owners(seed: int, txs: int) -> None:
    made = truth(seed, txs)
    customers = dict(made.addresses.select("address", "customer").iter_rows())
    known = outputs(seed, txs)
    for row in made.exits.iter_rows(named=True):
        address, value, owner, role = known[row["txid"], row["vout"]]
        assert (value, owner, role) == (row["value"], row["vasp_id"], "deposit")
        assert customers[address] == row["owner"]
    for case in ("pool_withdrawal", "multisig_order", "shop_sweep"):
        part = made.exits.filter(pl.col("case") == case)
        assert part["mixed"].any() or txs == SMALL
        assert part.filter(~pl.col("mixed"))["vasp_id"].n_unique() >= (4 if txs == LARGE else 3)


# --- cases and claims


def test_cases_hold_what_the_demo_asks_for() -> None:
    cases, known, spent = truth().cases, outputs(1, LARGE), spenders(1, LARGE)
    assert set(cases) == {"pool", "multisig", "shop", "buyer_deposit"}
    owner = truth().owner_of
    assert {owner(address) for address in cases["pool"]["addresses"]} == {"market-a"}
    assert {owner(address) for address in cases["shop"]["addresses"]} == {"shop-1"}
    assert len(cases["multisig"]["addresses"]) == len(set(cases["multisig"]["outpoints"])) > 1_000
    for outpoint, address in zip(cases["multisig"]["outpoints"], cases["multisig"]["addresses"], strict=True):
        txid, vout = outpoint.split(":")
        assert known[txid, int(vout)][0] == address
        assert known[txid, int(vout)][3] == "escrow"
    txid, vout = cases["buyer_deposit"]["outpoint"].split(":")
    sweep = spent[txid, int(vout)]
    assert {known[sweep.txid, i][2:] for i in range(len(sweep.outs))} == {("market-a", "pool")}
    start, end = cases["pool"]["window"]
    assert start < end < cases["shop"]["window"][1]


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_claims_name_services_and_no_customer(tmp_path: Path) -> None:
    world(1, LARGE).write_claims(tmp_path)
    tags, vasps = read_csv(tmp_path / "tags.csv"), read_csv(tmp_path / "vasps.csv")
    assert ",".join(tags[0]) == (
        "chain,address,label,category,actor,role,confidence,source,lastmod,is_cluster_definer"
    )
    assert ",".join(vasps[0]) == (
        "vasp_id,name,type,kyc_level,jurisdiction,xmr_support,valid_from,valid_to,"
        "legal_contact,source,assessed_at,assessor"
    )
    assert {row["vasp_id"]: row["kyc_level"] for row in vasps} == {
        vasp.vasp_id: vasp.kyc_level for vasp in VASPS
    }
    by_address = {row["address"]: row for row in truth().addresses.iter_rows(named=True)}
    for tag in tags:
        row = by_address[tag["address"]]
        assert row["owner"] == tag["actor"]
        assert tag["chain"] == "bitcoin-regtest"
        assert row["role"] != "deposit"
        assert row["owner"] != "shop-1" or row["role"] == "payment", "sweep addresses are not known"
        assert row["actor_kind"] not in ("vendor", "buyer", "mixer_user", "operator")
    assert {(t["actor"], t["role"]) for t in tags if t["category"] == "market"} == {
        ("market-a", "pool"),
        ("market-b", "payment"),
    }
    hot = truth().addresses.filter(
        (pl.col("role") == "hot") & pl.col("actor_kind").is_in(["exchange", "swapper"])
    )
    assert set(hot["address"]) <= {tag["address"] for tag in tags}
    payments = truth().addresses.filter((pl.col("owner") == "shop-1") & (pl.col("role") == "payment")).height
    known = [tag for tag in tags if tag["actor"] == "shop-1"]
    assert len(known) / payments == pytest.approx(0.6, abs=0.02)
    assert {tag["category"] for tag in known} == {"child_sexual_abuse"}
