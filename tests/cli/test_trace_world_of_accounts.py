"""Traces of a simulated economy of accounts, held against what really happened there.

Whoever stole is followed from what they were paid to where it was cashed out: every exit that no mixer and no other
chain lies before is found to the unit, nothing is found that is none, and no innocent is named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import polars as pl
import pytest

from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from adapters.simulation.accounts import AccountWorld
from rules import clustering
from tests.cli.running import tracer
from tests.conftest import scaled
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("evm-31337")
METHODS = ("fifo", "lifo", "haircut")
HOPS = 60
"""More than any way of the world has."""

RESTS = ("services", "unspent", "unread", "fees", "burned", "stopped", "pruned", "converted_out")
"""Where the units of an asset can be."""

Legs = Counter[tuple[str | None, str, str, str | None]]
"""(service, transaction, account, token or None for coin) -> base units."""

Answers = dict[tuple[str, str], dict[str, Any]]
"""(transaction, account) of each payment to a criminal -> the documents of its trace, by method."""


@pytest.fixture(scope="module")
def read(account_world: AccountWorld, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The world's first chain in a workspace, with the world's own partial claims; clusters built."""
    tmp_path = tmp_path_factory.mktemp("followed")
    workspace = Workspace(tmp_path / "workspace").ready()
    pull(
        lambda: Ledger.open(workspace, CHAIN, read_only=False),
        EvmSource(account_world.urls[CHAIN.name], CHAIN),
    )
    claims = tmp_path / "claims"
    claims.mkdir()
    account_world.write_claims(claims)
    for kind in ("tags", "vasps"):
        assert tracer(workspace.root, kind, "import", claims / f"{kind}.csv").code == 0
    assert tracer(workspace.root, "cluster", "build", CHAIN.name).code == 0
    return workspace


@pytest.fixture(scope="module")
def answers(read: Workspace, account_world: AccountWorld) -> Answers:
    """Every payment to a criminal on this chain, followed (of the scaled drill every other one)."""
    snapshot, found = Snapshot.open(read), {}
    with Ledger.open(read, CHAIN, threads=1) as ledger:  # of so small a store one is the fastest
        for seed in seeds(account_world).iter_rows():
            asked = Question(("@".join(seed),), methods=METHODS, hops=HOPS)
            said = trace(ledger, snapshot, asked, rules=clustering(), engine="test")
            found[seed] = {document["method"]: document for document in said["documents"]}
    return found


def seeds(world: AccountWorld) -> pl.DataFrame:
    """txid, address of what was paid to criminals on this chain."""
    own = world.truth.sources.filter(pl.col("chain") == CHAIN.name)
    return own.select("txid", "address").unique().sort("txid", "address").gather_every(scaled(2, full=1))


def reached(document: dict[str, Any]) -> Legs:
    legs: Legs = Counter()
    for endpoint in document["endpoints"]:
        for leg in endpoint["legs"]:
            place = (endpoint["vasp_id"], leg["txid"], leg["address"], token(leg["amount_traced"]))
            legs[place] += int(leg["amount_traced"]["base_units"])
    return legs


def token(amount: dict[str, Any]) -> str | None:
    _, found, contract = amount["asset_id"].partition("/erc20:")
    return contract if found else None


def true_exits(world: AccountWorld) -> dict[tuple[str, str], Legs]:
    """Source -> its exits on this chain that no mixer and no other chain lies before."""
    truth = world.truth.exits
    plain = truth.filter((pl.col("chain") == CHAIN.name) & ~pl.col("mixed"))
    found: dict[tuple[str, str], Legs] = defaultdict(Counter)
    for row in plain.iter_rows(named=True):
        place = (row["vasp_id"], row["txid"], row["address"], row["contract"])
        found[row["source_txid"], row["source_address"]][place] += int(row["amount"])
    return found


def test_every_exit_is_found_to_the_unit_and_none_is_invented(
    account_world: AccountWorld, answers: Answers
) -> None:
    """Path recall and endpoint precision are 1, under the convention of the courts."""
    true = true_exits(account_world)
    ways = set(account_world.truth.exits["way"])
    assert ways >= {"direct", "hop", "peel", "swap", "two_hop_swap", "wrap", "multisig"}
    assert sum(map(len, true.values())) >= 50
    wrong = {
        seed: (dict(true.get(seed, {})), dict(reached(documents["fifo"])))
        for seed, documents in answers.items()
        if reached(documents["fifo"]) != true.get(seed, Counter())
    }
    assert wrong == {}


@pytest.mark.parametrize("method", METHODS)
def test_no_other_customer_is_named_under_any_convention(
    account_world: AccountWorld, answers: Answers, method: str
) -> None:
    """An exchange is asked for the accounts of who was followed, and for nobody else's."""
    true = true_exits(account_world)
    named = {seed: reached(documents[method]).keys() - true.get(seed, Counter()).keys()
             for seed, documents in answers.items()}  # fmt: skip
    assert {seed: places for seed, places in named.items() if places} == {}


@pytest.mark.parametrize("method", METHODS)
def test_nothing_is_lost_in_any_asset(account_world: AccountWorld, answers: Answers, method: str) -> None:
    """What was paid to a criminal is what is seeded; with what it was swapped for, all of it is somewhere."""
    own = account_world.truth.sources
    paid: dict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)
    for row in own.filter(pl.col("chain") == CHAIN.name).iter_rows(named=True):
        paid[row["txid"], row["address"]][row["contract"]] += int(row["amount"])
    for seed, documents in answers.items():
        totals = documents[method]["totals"]
        seeded = {token(row): int(row["seed"]) for row in totals if int(row["seed"])}
        assert seeded == paid[seed]
        for row in totals:
            came = int(row["seed"]) + int(row["converted_in"])
            assert came == sum(int(row[bucket]) for bucket in RESTS), (seed, row)


def test_money_that_meets_a_mixer_or_a_bridge_ends_there_and_is_said_to(
    account_world: AccountWorld, answers: Answers
) -> None:
    """Without the other chain nobody says where it went."""
    for way, reason in (("mixer", "mixer"), ("bridge", "bridge")):
        own = account_world.truth.sources.filter((pl.col("way") == way) & (pl.col("chain") == CHAIN.name))
        followed = set(own.select("txid", "address").iter_rows()) & answers.keys()
        assert followed
        for seed in followed:
            assert reason in {stop["reason"] for stop in answers[seed]["fifo"]["stops"]}, (way, seed)


def test_what_nobody_could_read_elsewhere_makes_no_answer_partial(read: Workspace, answers: Answers) -> None:
    """One token of the world logs more than 38 digits; no trail meets it, and all blocks were read."""
    with Ledger.open(read, CHAIN) as ledger:
        assert ledger.quarantined()
    notes = {note for documents in answers.values() for note in documents["fifo"]["coverage"]["notes"]}
    assert not any("quarantine" in note for note in notes)
    assert {documents["fifo"]["coverage"]["status"] for documents in answers.values()} == {"complete"}
