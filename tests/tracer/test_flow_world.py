"""On a simulated world with the owners known, the engine equals the oracle to the base unit."""

from __future__ import annotations

from typing import Any

import pytest

from rules import clustering
from tests.oracle import OracleSeeds, OracleTaint
from tests.oracle import trace as oracle_trace
from tests.scenarios.world import CHAIN, Loaded, claim_owners, load
from tracer.flow.methods import METHODS
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

WALLETS = {"exchange": ("exchange", "none"), "swapper": ("swapper", "none"), "gambling": ("gambling", "")}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    return load(tmp_path_factory.mktemp("world"), seed=3, txs=3000)


@pytest.fixture(scope="module")
def stops(world: Loaded) -> dict[str, tuple[str, str]]:
    """True service owners -> category and KYC level; the market's pool is a pool, its escrow is not."""
    rows = world.world.truth.addresses.select("owner", "actor_kind").unique().iter_rows()
    return {owner: WALLETS[kind] for owner, kind in rows if kind in WALLETS} | {"market-a": ("market", "")}


@pytest.fixture(scope="module")
def snapshot(world: Loaded, stops: dict[str, tuple[str, str]]) -> Snapshot:
    return claim_owners(world, stops)


@pytest.fixture(scope="module")
def ends(
    world: Loaded, stops: dict[str, tuple[str, str]]
) -> tuple[dict[str, str], dict[tuple[str, int], str]]:
    """The same stops for the oracle: by true owner, and at the door of every true mix."""
    addresses = {
        row["address"]: "service" if stops[row["owner"]][1] else "custodial_pool"
        for row in world.world.truth.addresses.iter_rows(named=True)
        if row["owner"] in stops
    }
    mixes = set(world.world.truth.mixes["txid"].to_list())
    doors = {point: "mixer" for tx in world.oracle if tx.name in mixes for point in tx.ins}
    return addresses, doors


def expected(
    world: Loaded, ends: tuple[dict[str, str], dict[tuple[str, int], str]], seeds: OracleSeeds, method: str
) -> OracleTaint:
    addresses, doors = ends
    held = {
        (tx.name, vout) for tx in world.oracle for vout, out in enumerate(tx.outs) if out.address in addresses
    }
    return oracle_trace(
        world.oracle,
        seeds,
        method,
        address_ends=addresses,
        outpoint_ends={point: end for point, end in doors.items() if point not in held},
    )


def answered(world: Loaded, snapshot: Snapshot, seeds: list[str], method: str, **more: Any) -> dict[str, Any]:
    with Ledger.open(world.workspace, CHAIN) as ledger:
        question = Question(tuple(seeds), (method,), hops=10_000, **more)
        return trace(ledger, snapshot, question, rules=clustering(), engine="test")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("case", ["shop", "multisig", "pool", "buyer_deposit"])
def test_engine_equals_oracle_on_true_owners(
    world: Loaded,
    snapshot: Snapshot,
    ends: tuple[dict[str, str], dict[tuple[str, int], str]],
    case: str,
    method: str,
) -> None:
    truth = world.world.truth
    if case == "pool":
        owned = truth.addresses.filter(truth.addresses["owner"] == "market-a")["address"].to_list()
        texts, seeds = ["vasp:market-a"], OracleSeeds(members=frozenset(owned), unit="entity")
    elif case == "buyer_deposit":
        outpoint = truth.cases[case]["outpoint"]
        name, _, vout = outpoint.partition(":")
        texts, seeds = [outpoint], OracleSeeds(lots=frozenset({(name, int(vout))}))
    else:
        addresses = truth.cases[case]["addresses"]
        texts, seeds = list(addresses), OracleSeeds(members=frozenset(addresses))
    found = answered(world, snapshot, texts, method)
    right = expected(world, ends, seeds, method)

    def rests(reason: str) -> dict[str, int]:
        return {
            f"{name}:{vout}": units
            for (name, vout), (why, units) in right.rests.items()
            if why == reason and units
        }

    totals = right.totals()
    said = {k: int(v) for k, v in found["totals"][0].items() if k not in ("chain", "asset")}
    assert said == {
        "seed": right.seed,
        "converted_in": 0,
        "services": totals.get("service", 0),
        "unspent": totals.get("unspent", 0),
        "minted": 0,
        "unread": 0,
        "fees": right.fees,
        "burned": totals.get("burned", 0),
        "stopped": totals.get("custodial_pool", 0) + totals.get("mixer", 0),
        "pruned": 0,
        "converted_out": 0,
    }
    assert right.seed > 0
    assert {r["outpoint"]: int(r["amount"]["base_units"]) for r in found["unspent"]} == rests("unspent")
    assert {
        f"{leg['txid']}:{leg['vout']}": int(leg["amount_traced"]["base_units"])
        for row in found["endpoints"]
        for leg in row["legs"]
    } == rests("service")


@pytest.mark.parametrize("method", METHODS)
def test_engine_equals_oracle_on_entities_that_mix(
    world: Loaded,
    snapshot: Snapshot,
    ends: tuple[dict[str, str], dict[tuple[str, int], str]],
    method: str,
) -> None:
    """Of owners who mixed and also paid plainly, a few addresses each: only the plain payments are outflow."""
    truth = world.world.truth
    mixes = frozenset(truth.mixes["txid"].to_list())
    made = {(tx.name, vout): out.address for tx in world.oracle for vout, out in enumerate(tx.outs)}
    mixed = {made[point] for tx in world.oracle if tx.name in mixes for point in tx.ins}
    paid = {made[point] for tx in world.oracle if tx.name not in mixes for point in tx.ins}
    held = ends[0]
    wallets: dict[str, list[str]] = {}
    for address, name in truth.addresses.select("address", "owner").iter_rows():
        if address not in held:
            wallets.setdefault(name, []).append(address)
    chosen = [
        [*[a for a in own if a in mixed][:2], *[a for a in own if a in paid - mixed][:2]]
        for _, own in sorted(wallets.items())
        if mixed.intersection(own) and (paid - mixed).intersection(own)
    ][:3]
    assert chosen
    for asked in chosen:
        found = answered(world, snapshot, asked, method, unit="entity")
        members = clusters(world, asked)
        stops = ({**held, **dict.fromkeys(members, "custodial_pool")}, ends[1])
        right = expected(world, stops, OracleSeeds(members=members, unit="entity", mixes=mixes), method)
        said = {k: int(v) for k, v in found["totals"][0].items() if k not in ("chain", "asset")}
        totals = right.totals()
        assert said["seed"] == right.seed > 0
        assert said["services"] == totals.get("service", 0)
        assert said["stopped"] == totals.get("custodial_pool", 0) + totals.get("mixer", 0)
        assert any("mixing transactions of the entity" in note for note in found["coverage"]["notes"])


def clusters(world: Loaded, addresses: list[str]) -> frozenset[str]:
    """All members of the clusters of these addresses."""
    with Ledger.open(world.workspace, CHAIN) as ledger:
        numbers = [ledger.find_address(CHAIN.parse_address(address)) for address in addresses]
        rows = ledger.db.rows(
            "SELECT m.address_id FROM cluster AS c JOIN cluster_member AS m USING (cluster_id) "
            "WHERE list_contains($numbers, c.address_id) ORDER BY m.address_id",
            {"numbers": numbers},
        )
        return frozenset(addresses) | set(ledger.render_addresses(a for (a,) in rows).values())


def test_one_buyers_deposit_ends_at_the_pool(world: Loaded, snapshot: Snapshot) -> None:
    found = answered(world, snapshot, [world.world.truth.cases["buyer_deposit"]["outpoint"]], "haircut")
    assert found["endpoints"] == []
    assert {stop["reason"] for stop in found["stops"]} == {"custodial_pool"}
