"""In a simulated world: exposures are what `tracer trace` finds of the same lots; a subject alone is as in a set."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest

from rules import clustering
from tests.conftest import FULL
from tests.scenarios.world import CHAIN, Loaded, claim_owners, load
from tracer.clustering.lookup import clusters_of
from tracer.clustering.pools import pool_like
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger
from tracer.screening.examine import HARM, Examiner, Settings
from tracer.screening.model import METHODS, Evidence, Side, Subject

HOPS = 3
SAMPLE = 200 if FULL else 25
WALLETS = {
    "exchange": ("exchange", "none"), "swapper": ("swapper", "none"), "gambling": ("gambling", ""),
    "seller": ("child_sexual_abuse", ""), "operator": ("scam", ""),
}  # fmt: skip
UNTAGGED = {
    "pool_like": "custodial_pool",
    "high_degree": "high_degree",
    "coinjoin": "mixer",
    "shielded_pool": "mixer",
}

Sums = dict[str, Counter[str]]


@dataclass(frozen=True)
class World:
    """A world with the claims on its services, and subjects of it."""

    loaded: Loaded
    snapshot: Snapshot
    subjects: list[Subject]
    claimed: frozenset[str]
    """Owners whose wallets are."""


@pytest.fixture(scope="module", params=[3, 5] if FULL else [3])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    loaded = load(tmp_path_factory.mktemp("screened"), seed=request.param, txs=4000 if FULL else 2000)
    truth = loaded.world.truth
    kinds = truth.addresses.select("owner", "actor_kind").unique().iter_rows()
    owners = {owner: WALLETS[kind] for owner, kind in kinds if kind in WALLETS} | {"market-a": ("market", "")}
    dice = random.Random(1)
    addresses = sorted(set(truth.outputs["address"].drop_nulls().to_list()))
    points = truth.outputs.select("txid", "vout").rows()
    subjects = [Subject("address", CHAIN.name, a, a) for a in dice.sample(addresses, SAMPLE)]
    subjects += [Subject("transfer", CHAIN.name, t, txid=t, vout=v) for t, v in dice.sample(points, SAMPLE)]
    return World(loaded, claim_owners(loaded, owners), subjects, frozenset(owners))


def examined(
    world: World, subjects: list[Subject], ledger: Ledger, hops: int = HOPS, **more: Any
) -> list[Evidence]:
    settings = Settings(hops=hops, dust={CHAIN.name: 0}, **more)
    return Examiner(ledger, world.snapshot, settings, rules=clustering()).examine(subjects)


def found(evidence: Evidence, side: Side) -> Sums:
    """Counterparty, or ground of a stop that nobody tagged -> method -> base units."""
    sums: Sums = {}
    for row in evidence.exposures:
        if row.side == side and row.type != "ownership":
            party = row.entity or UNTAGGED[row.category]
            sums.setdefault(party, Counter()).update({m: row.units[m] for m in METHODS if row.units[m]})
    return sums


def traced(world: World, ledger: Ledger, subject: Subject, side: Side) -> tuple[Sums, int]:
    """The same of `tracer trace`, and what was seeded. What leaves a set is at hop 0 there."""
    address = subject.kind == "address"
    seed = f"cluster:{subject.address}" if address else f"{subject.txid}:{subject.vout}"
    question = Question(
        (seed,), METHODS, stop=tuple(sorted(HARM)), max_txs=10**6,
        direction="backward" if side == "source" else "forward",
        hops=HOPS if side == "source" else HOPS - 1,
        unit="entity" if address and side == "destination" else "lot",
    )  # fmt: skip
    sums: Sums = {}
    seeded = 0
    for document in trace(ledger, world.snapshot, question, rules=clustering(), engine="test")["documents"]:
        rows = [(row["entity"], row["amount"]) for row in document["endpoints"]]
        rows += [
            (row["entity"] or row["reason"], row["amount"])
            for row in document["stops"]
            if row["basis"] not in ("limit", "seed")
        ]
        for party, amount in rows:
            sums.setdefault(party, Counter())[document["method"]] += int(amount["base_units"])
        seeded = int(document["totals"][0]["seed"])
    return sums, seeded


def in_pool(world: World, ledger: Ledger, subject: Subject) -> bool:
    """Whether nobody is known to hold an output that lies in what behaves like a pool."""
    assert subject.txid is not None
    made = world.loaded.world.truth.outputs.filter(txid=subject.txid, vout=subject.vout)
    if made["owner"].item() in world.claimed:
        return False
    (address,) = ledger.db.rows(
        "SELECT address_id FROM txout JOIN tx USING (tx_id) WHERE txid = $txid AND vout = $vout",
        {"txid": CHAIN.hash_bytes(subject.txid), "vout": subject.vout},
    )[0]
    if address is None:
        return False
    clusters = clusters_of(ledger, [address])
    return pool_like(ledger, clusters.values()).filter("pool_like").height > 0


def mixed(evidence: Evidence) -> int:
    """What went from the subject into mixes by itself: a trace of an entity leaves it out and says so."""
    rows = [
        e for e in evidence.exposures if (e.category, e.side, e.min_hops) == ("coinjoin", "destination", 1)
    ]
    return sum(e.units["fifo"] for e in rows)


@pytest.mark.parametrize("side", ["source", "destination"])
def test_exposures_are_what_a_trace_finds_of_the_same_lots(world: World, side: Side) -> None:
    compared = 0
    with Ledger.open(world.loaded.workspace, CHAIN) as ledger:
        evidence = examined(world, world.subjects, ledger)
    for subject, told in zip(world.subjects, evidence, strict=True):
        total = told.received if side == "source" else told.sent
        if total is None:  # a service, or a pool: not looked through
            assert told.notes, subject
            continue
        with Ledger.open(
            world.loaded.workspace, CHAIN
        ) as ledger:  # a trace puts its own stops on the connection
            expected, seeded = traced(world, ledger, subject, side)
            if side == "destination" and subject.kind == "transfer" and in_pool(world, ledger, subject):
                # a trace goes on behind the output it is asked about; here who got it is asked
                expected = {"custodial_pool": Counter(dict.fromkeys(METHODS, seeded))}
        own = mixed(told) if side == "destination" and subject.kind == "address" else 0
        mine = found(told, side)
        if own:
            mine["mixer"] -= Counter(dict.fromkeys(METHODS, own))
        assert {k: v for k, v in mine.items() if v} == {k: v for k, v in expected.items() if v}, subject
        assert total == seeded + own, subject
        compared += len(expected)
    assert compared > SAMPLE // 2, "the sample measures nothing"


def test_a_subject_alone_is_as_in_a_set(world: World) -> None:
    with Ledger.open(world.loaded.workspace, CHAIN) as ledger:
        together = examined(world, world.subjects, ledger)
        examiner = Examiner(
            ledger, world.snapshot, Settings(hops=HOPS, dust={CHAIN.name: 0}), rules=clustering()
        )
        alone = [examiner.examine([subject])[0] for subject in world.subjects[:: 1 if FULL else 3]]
    assert alone == together[:: 1 if FULL else 3]


@pytest.mark.parametrize("most", [1, 3])
def test_a_trail_that_is_cut_says_so_and_is_the_same_alone(world: World, most: int) -> None:
    subjects = world.subjects[:20]
    with Ledger.open(world.loaded.workspace, CHAIN) as ledger:
        whole = examined(world, subjects, ledger)
        cut = examined(world, subjects, ledger, max_txs=most)
        examiner = Examiner(
            ledger,
            world.snapshot,
            Settings(hops=HOPS, dust={CHAIN.name: 0}, max_txs=most),
            rules=clustering(),
        )
        alone = [examiner.examine([subject])[0] for subject in subjects]
    assert alone == cut
    assert any(told.truncated for told in cut)
    for told, full in zip(cut, whole, strict=True):
        if not told.truncated:
            assert _amounts(told.exposures) == _amounts(full.exposures)


def test_fewer_hops_find_the_direct_exposures_of_more(world: World) -> None:
    with Ledger.open(world.loaded.workspace, CHAIN) as ledger:
        near = examined(world, world.subjects, ledger, hops=1)
        far = examined(world, world.subjects, ledger)
    for told, more in zip(near, far, strict=True):
        direct = [row for row in more.exposures if row.type == "direct" and row.min_hops == 1]
        assert {(row.entity, row.category, row.side) for row in told.exposures if row.type == "direct"} == {
            (row.entity, row.category, row.side) for row in direct
        }


def _amounts(rows: Iterable[Any]) -> list[tuple[Any, ...]]:
    return [(row.category, row.entity, row.side, row.type, dict(row.units)) for row in rows]
