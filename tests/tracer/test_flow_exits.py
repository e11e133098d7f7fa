"""Where criminal money left for good: every true exit that no mix hides is found, and none is invented.

What is true is worked out here in plain Python, from the blocks and who owns what, without the engine.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from cli.compose import read_claims
from rules import clustering
from tests.conftest import FULL
from tests.oracle import OracleTx
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx
from tests.scenarios.world import CHAIN, Loaded, claim_owners, load
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

Point = tuple[str, int]
Exit = tuple[str, str, int]
"""vasp_id, txid, vout of a deposit."""

WORLDS = [(seed, 20_000 if FULL else 2_000) for seed in (11, 12, 13, 14, 15)]
CASES = ("market-a", "market-b", "shop", "vendors")
RECORDED = {"market-a": "pool_withdrawal", "market-b": "multisig_order", "shop": "shop_sweep"}
METHODS = ("fifo", "haircut")
LEAST = 0.99
"""The share of the true exits that must be found, over all worlds (issue: flows)."""

SERVICES = ("exchange", "swapper")
POOLS = ("market", "payment_processor", "gambling")
TRUE_TAGS = {
    "exchange": ("exchange", "none"), "swapper": ("swapper", "none"), "gambling": ("gambling", ""),
    "payment_processor": ("payment_processor", ""),
}  # fmt: skip


@dataclass
class Truth:
    """A world as nobody but its maker knows it."""

    loaded: Loaded
    claims: dict[str, Snapshot] = field(default_factory=dict)

    @cached_property
    def owner(self) -> dict[Point, str | None]:
        """Whose each output is."""
        rows = self.loaded.world.truth.outputs.select("txid", "vout", "owner").iter_rows()
        return {(txid, vout): owner for txid, vout, owner in rows}

    @cached_property
    def kind(self) -> dict[str, str]:
        """What sort of owner each is."""
        return dict(self.loaded.world.truth.addresses.select("owner", "actor_kind").iter_rows())

    @cached_property
    def spender(self) -> dict[Point, OracleTx]:
        return {point: tx for tx in self.loaded.oracle for point in tx.ins}

    @cached_property
    def maker(self) -> dict[str, OracleTx]:
        return {tx.name: tx for tx in self.loaded.oracle}

    @cached_property
    def mixes(self) -> frozenset[str]:
        return frozenset(self.loaded.world.truth.mixes["txid"].to_list())

    @cached_property
    def payees(self) -> dict[Point, str]:
        """Who each payment of the world was made to."""
        rows = self.loaded.world.truth.payments.select("txid", "vout", "payee").iter_rows()
        return {(txid, vout): payee for txid, vout, payee in rows}

    def sort_of(self, point: Point) -> str:
        owner = self.owner[point]
        return self.kind[owner] if owner else ""

    def exits(self, starts: Iterable[Point]) -> set[Exit]:
        """Deposits at exchanges that these outputs lead to, through no mix and no other pool."""
        found: set[Exit] = set()
        todo, seen = list(starts), set(starts)
        while todo:
            point = todo.pop()
            sort = self.sort_of(point)
            if sort in SERVICES:
                found.add((str(self.owner[point]), *point))
            elif sort not in POOLS and (tx := self.spender.get(point)) and tx.name not in self.mixes:
                fresh = {(tx.name, vout) for vout in range(len(tx.outs))} - seen
                seen |= fresh
                todo += sorted(fresh)
        return found

    def sources(self, points: Iterable[Point]) -> set[tuple[str, str]]:
        """Exchanges whose payouts these outputs came from, through no mix and no other pool: (vasp_id, txid)."""
        found: set[tuple[str, str]] = set()
        todo, seen = list(points), set(points)
        while todo:
            txid, _ = todo.pop()
            for point in () if txid in self.mixes else self.maker[txid].ins:
                sort = self.sort_of(point)
                if sort in SERVICES:
                    found.add((str(self.owner[point]), txid))
                elif sort not in POOLS and point not in seen:
                    seen.add(point)
                    todo.append(point)
        return found

    def starts(self, case: str) -> list[Point]:
        """The outputs in which a case's money left whoever took it from the victims or buyers."""
        truth = self.loaded.world.truth
        if case == "market-a":  # what the pool paid to anybody else
            paid = {tx.name: tx for tx in self.loaded.oracle if any(self.owner[p] == case for p in tx.ins)}
            return [
                (name, vout)
                for name, tx in paid.items()
                for vout in range(len(tx.outs))
                if self.owner[name, vout] != case
            ]
        if case == "market-b":
            return [_point(text) for text in truth.cases["multisig"]["outpoints"]]
        if case == "shop":
            rows = truth.outputs.select("txid", "vout", "owner", "role").iter_rows()
            return [(txid, vout) for txid, vout, *held in rows if held == ["shop-1", "payment"]]
        paid_to = truth.payments.filter(truth.payments["purpose"].is_in(["vendor_withdrawal", "release"]))
        return [p for p in paid_to.select("txid", "vout").iter_rows() if self.sort_of(p) == "vendor"]

    def question(self, case: str) -> Question:
        """The same as an investigator would ask it."""
        if case == "market-a":
            return Question(("vasp:market-a",), METHODS, unit="entity", hops=10_000)
        seeds = tuple(f"{txid}:{vout}" for txid, vout in self.starts(case))
        return Question(seeds, METHODS, hops=10_000)

    def ask(self, question: Question, claims: str) -> dict[str, list[dict[str, Any]]]:
        """Method -> its endpoints that a register knows."""
        with Ledger.open(self.loaded.workspace, CHAIN) as ledger:
            found = trace(ledger, self.claims[claims], question, rules=clustering(), engine="test")
        return {document["method"]: document["endpoints"] for document in found["documents"]}


def _point(text: str) -> Point:
    txid, _, vout = text.partition(":")
    return txid, int(vout)


def legs(endpoints: Sequence[dict[str, Any]]) -> set[Exit]:
    return {
        (row["vasp_id"], leg["txid"], leg["vout"])
        for row in endpoints
        for leg in row["legs"]
        if row["vasp_id"]
    }


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> list[Truth]:
    """Five worlds; of each what an investigator would have been told, and what its maker could tell."""
    made = []
    for seed, txs in WORLDS:
        folder: Path = tmp_path_factory.mktemp(f"exits{seed}")
        loaded = load(folder, seed=seed, txs=txs)
        loaded.world.write_claims(folder)
        tags = read_claims(folder / "tags.csv", ("tags",), lambda _done, _total: None)
        vasps = read_claims(folder / "vasps.csv", ("vasps",), lambda _done, _total: None)
        add(loaded.workspace, [tags, vasps])
        truth = Truth(loaded)
        owners = {owner: TRUE_TAGS[kind] for owner, kind in truth.kind.items() if kind in TRUE_TAGS}
        beside = replace(loaded, workspace=Workspace(folder / "true").ready())
        truth.claims = {
            "public": Snapshot.open(loaded.workspace),
            "true": claim_owners(beside, {**owners, "market-a": ("market", "")}),
        }
        made.append(truth)
    return made


@pytest.mark.parametrize("claims", ["public", "true"])
@pytest.mark.parametrize("case", CASES)
def test_true_exits_are_found_and_none_is_invented(truths: list[Truth], case: str, claims: str) -> None:
    """`public`: some hot wallets, the pool and a register are known; deposits are told by sweep and cluster only."""
    true, found, wrong = 0, dict.fromkeys(METHODS, 0), []
    all_of_them = FULL or (
        claims == "public" and case != "vendors"
    )  # vendors are paid by both markets: a cross-check
    for truth in truths if all_of_them else truths[:2]:
        right = truth.exits(truth.starts(case))
        true += len(right)
        for method, endpoints in truth.ask(truth.question(case), claims).items():
            said = legs(endpoints)
            found[method] += len(right & said)
            paid = {leg for leg in said if truth.payees.get(leg[1:]) == leg[0]}
            wrong += [(method, *leg) for leg in (said - right) | (said - paid)]
    share = {method: f"{count} of {true} = {count / true:.4f}" for method, count in found.items()}
    assert true > 40, "the worlds hold too few exits to prove anything"
    assert wrong == [], f"invented; found: {share}"
    assert all(count >= LEAST * true for count in found.values()), share


def test_what_is_true_is_what_the_world_wrote_down_itself(truths: list[Truth]) -> None:
    """The walk through the blocks finds the exits that its makers' wallets recorded when they paid them in."""
    for truth in truths:
        made = truth.loaded.world.truth.exits.filter(~truth.loaded.world.truth.exits["mixed"])
        for case, name in RECORDED.items():
            rows = made.filter(made["case"] == name).select("vasp_id", "txid", "vout").iter_rows()
            assert truth.exits(truth.starts(case)) == set(rows)


def test_sources_of_exits_are_those_of_the_truth(truths: list[Truth]) -> None:
    """Poison marks all that can have come in: the payouts it names are those of the truth. No method names another."""
    for truth in truths if FULL else truths[:2]:
        exits = sorted((txid, vout) for _, txid, vout in truth.exits(truth.starts("vendors")))
        right = truth.sources(exits)
        asked = Question(
            tuple(f"{txid}:{vout}" for txid, vout in exits), ("fifo", "haircut", "poison"), hops=10_000,
            direction="backward", pools="tagged", degree=0,
        )  # fmt: skip
        said = {method: {leg[:2] for leg in legs(rows)} for method, rows in truth.ask(asked, "true").items()}
        assert len(right) > 20, "the world holds too few sources to prove anything"
        assert said["poison"] == right
        assert said["fifo"] | said["haircut"] <= right


def test_one_buyers_deposit_attributes_nothing_beyond_the_pool(truths: list[Truth]) -> None:
    for truth in truths:
        deposit = truth.loaded.world.truth.cases["buyer_deposit"]["outpoint"]
        with Ledger.open(truth.loaded.workspace, CHAIN) as ledger:
            asked = Question((deposit,), METHODS, hops=10_000, through=("mixer",))
            found = trace(ledger, truth.claims["public"], asked, rules=clustering(), engine="test")
        for document in found["documents"]:
            assert (document["endpoints"], document["leads"]) == ([], [])
            assert {stop["reason"] for stop in document["stops"]} == {"custodial_pool"}
            (totals,) = document["totals"]
            assert totals["stopped"] == totals["seed"] != "0"


# one coin, fifty times peeled by 10, ends in a deposit address that is swept; every tenth peel goes there too
PEELS = 50
PEELED = [
    Tx("loot", outs=[("thief", 1_000)]),
    *(
        Tx(
            f"peel{n}",
            ins=[f"peel{n - 1}:1" if n > 1 else "loot:0"],
            outs=[("mine" if n % 10 == 0 else f"payee{n}", 10), (f"coin{n}", 1_000 - 10 * n)],
        )
        for n in range(1, PEELS + 1)
    ),
    Tx("last", ins=[f"peel{PEELS}:1"], outs=[("mine", 499)]),  # fee 1
    Tx("sweep", ins=[*(f"peel{n}:0" for n in range(10, PEELS + 1, 10)), "last:0"], outs=[("hot", 549)]),
]
HOT = [tag("hot", "acme", role="hot")]
ACME = [vasp("acme", "none")]
EVERY = ("fifo", "haircut", "lifo", "tiho", "poison")


@pytest.fixture(scope="module")
def peeled(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("peeled"), PEELED, tags=HOT, vasps=ACME)


def test_exits_at_the_end_of_fifty_peels_and_on_the_way(peeled: Case) -> None:
    exits = [("deposit", "mine", f"peel{n}:0", 10, 10) for n in range(10, PEELS + 1, 10)]
    for method, found in peeled.traces("loot:0", methods=EVERY, hops=60).items():
        assert found.totals == {"seed": 1_000, "services": 549, "unspent": 450, "fees": 1}, method
        assert sorted(found.legs) == sorted([("deposit", "mine", "last:0", 499, 499), *exits]), method
        assert found.paths()[0] == ["loot", *(f"peel{n}" for n in range(1, PEELS + 1)), "last"]
        (chain,) = found.document["peel_chains"]
        assert (chain["links"], len(chain["peels"])) == (PEELS, PEELS)
        assert (found.name(chain["first_txid"]), found.name(chain["last_txid"])) == ("peel1", f"peel{PEELS}")
        assert (chain["entered"]["base_units"], chain["left"]["base_units"]) == ("1000", "500")
        assert [peel["fate"] for peel in chain["peels"]].count("service") == 5


def test_with_fewer_hops_the_rest_of_the_chain_is_a_limit_not_the_end(peeled: Case) -> None:
    """Ten hops are the default: one exit is seen, and 900 went on."""
    found = peeled.trace("loot:0", method="fifo")
    assert found.totals == {"seed": 1_000, "services": 10, "unspent": 90, "pruned": 900}
    assert found.stops == [("hop_limit", "coin10", "peel10", 900)]
    (chain,) = found.document["peel_chains"]
    assert (chain["links"], chain["left_in"]["fate"]) == (10, "hop_limit")


# a thousand coins of ten units become one; 4,000 of it are paid in, the rest stays
INPUTS = 1_000
GATHERED = [
    Tx("fund", outs=[(f"s{n}", 10) for n in range(INPUTS)]),
    Tx("gather", ins=[f"fund:{n}" for n in range(INPUTS)], outs=[("big", 10 * INPUTS)]),
    Tx("cash", ins=["gather:0"], outs=[("mine", 4_000), ("keep", 6_000)]),
    Tx("sweep", ins=["cash:0"], outs=[("hot", 4_000)]),
]


@pytest.fixture(scope="module")
def gathered(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("gathered"), GATHERED, tags=HOT, vasps=ACME)


@pytest.mark.parametrize(("seed", "unit"), [("fund:*", "lot"), ("cluster:s0", "lot"), ("s7", "entity")])
def test_exits_behind_a_consolidation_of_a_thousand_inputs(gathered: Case, seed: str, unit: str) -> None:
    for method, found in gathered.traces(seed, methods=EVERY, unit=unit).items():
        assert found.totals == {"seed": 10_000, "services": 4_000, "unspent": 6_000}, method
        assert found.legs == [("deposit", "mine", "cash:0", 4_000, 4_000)], method


ONE = {
    "fifo": (0, 10),  # units 5,000 to 5,009 of the big coin: behind the first 4,000
    "haircut": (4, 6),
    "lifo": (
        0,
        10,
    ),  # the last coin first into the big one, and the last first out of it: 5,000 to 5,009 again
    "tiho": (0, 10),  # the larger output first
    "poison": (4_000, 6_000),
}
"""Method -> what of one coin in the middle is paid in, and what is kept."""


def test_one_coin_of_a_thousand(gathered: Case) -> None:
    for method, found in gathered.traces("fund:500", methods=EVERY).items():
        paid_in, kept = ONE[method]
        assert found.endpoints == ({"acme": paid_in} if paid_in else {}), method
        assert found.unspent == {"cash:1": kept}, method
