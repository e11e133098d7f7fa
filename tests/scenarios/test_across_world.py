"""The simulated economy on two real chains: traces over its bridge find the true exits, to the base unit."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.evm.chains import chain_named
from adapters.evm.source import EvmSource
from adapters.simulation.accounts import AccountWorld
from cli import compose
from cli.sources import kept_events
from rules import clustering
from rules.bridges import BRIDGES
from rules.bridges.emitters import with_lists
from rules.pools import with_lists as with_pools
from tests.cli.running import tracer
from tracer.flow.bridges.rules import Bridges
from tracer.flow.question import Question
from tracer.flow.trace import trace
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

NEAR, FAR = "evm-31337", "evm-31338"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def folder(account_world: AccountWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with both chains and all claims; the lists of bridges and mixer pools stand beside."""
    made = tmp_path_factory.mktemp("across")
    workspace = Workspace(made)
    for name in (NEAR, FAR):
        chain = chain_named(name)
        opener = partial(Ledger.open, workspace.ready(), chain, read_only=False)
        pull(opener, EvmSource(account_world.urls[name], chain, kept_events()))
    account_world.write_claims(made)
    account_world.write_lists(made)
    add(workspace, [compose.read_claims(made / "tags.csv", ("tags",), lambda _done, _all: None)])
    add(workspace, [compose.read_claims(made / "vasps.csv", ("vasps",), lambda _done, _all: None)])
    return made


@pytest.fixture(scope="module")
def ask(folder: Path) -> Ask:
    """Ask the world, with both chains in the workspace or with the first alone."""
    workspace = Workspace(folder)
    emitters, pools = with_lists([folder / "emitters.yml"]), with_pools([folder / "pools.yml"])
    snapshot = Snapshot.open(workspace)

    def asked(seed: str, *, alone: bool = False, **question: Any) -> dict[str, Any]:
        with ExitStack() as opened:
            ledgers = {n: opened.enter_context(Ledger.open(workspace, chain_named(n))) for n in (NEAR, FAR)}
            bridges = Bridges(BRIDGES, emitters, pools, (lambda _name: None) if alone else ledgers.get)
            return trace(
                ledgers[NEAR], snapshot, Question((seed,), methods=("fifo",), **question), rules=clustering(),
                engine="test", bridges=bridges,
            )  # fmt: skip

    return asked


def legs(document: dict[str, Any]) -> set[tuple[str, str, str, int]]:
    """(service, chain, txid, traced)."""
    return {
        (row["vasp_id"], leg["chain"], leg["txid"], int(leg["amount_traced"]["base_units"]))
        for row in document["endpoints"] for leg in row["legs"]
    }  # fmt: skip


def test_every_exit_behind_the_bridge_is_found_and_no_other(account_world: AccountWorld, ask: Ask) -> None:
    exits = account_world.truth.exits.filter(way="bridge")
    assert set(exits["chain"]) == {FAR}
    for (source, address), rows in exits.group_by("source_txid", "source_address"):
        document = ask(f"{source}@{address}")
        told = {(r["vasp_id"], FAR, r["txid"], int(r["amount"])) for r in rows.iter_rows(named=True)}
        assert legs(document) == told
        assert [row["kind"] for row in document["conversions"]][-1] == "bridge"
        for row in document["totals"]:
            entered = int(row["seed"]) + int(row["converted_in"])
            rests = (
                "services",
                "unspent",
                "unread",
                "fees",
                "burned",
                "stopped",
                "pruned",
                "minted",
                "converted_out",
            )
            assert entered == sum(int(row[key]) for key in rests)


def test_with_the_first_chain_alone_the_stop_names_the_true_recipient(
    account_world: AccountWorld, ask: Ask
) -> None:
    source = account_world.truth.exits.filter(way="bridge").row(0, named=True)
    document = ask(f"{source['source_txid']}@{source['source_address']}", alone=True)
    (stop,) = [row for row in document["stops"] if row["reason"] == "bridge"]
    (told,) = account_world.truth.bridges.filter(from_txid=stop["txid"]).to_dicts()
    assert stop["evidence"]["chain"] == FAR
    assert stop["evidence"]["recipient"] == told["recipient"]
    assert stop["evidence"]["amount"] == str(told["amount_in"]) == stop["amount"]["base_units"]


def test_a_bridge_of_a_spammers_own_leads_nowhere(account_world: AccountWorld, ask: Ask) -> None:
    """His events are right and his contract is on no list: it is an account like any other, and that is said."""
    _, txid = account_world.truth.specials["spoofed bridge deposit"]
    (contract,) = account_world.truth.addresses.filter(role="spoofed bridge")["address"]
    token = account_world.truth.transfers.filter(txid=txid)["contract"][0]
    document = ask(f"{txid}@{contract}", asset=token)
    assert not any(row["kind"] == "bridge" for row in document["conversions"])
    assert not any(row["reason"] == "bridge" for row in document["stops"])
    assert any("look like across" in note and "ignored" in note for note in document["coverage"]["notes"])


def test_mixer_deposits_stop_and_say_how_many_use_the_pool(account_world: AccountWorld, ask: Ask) -> None:
    mixes = account_world.truth.mixes
    mine = account_world.truth.sources.filter(way="mixer")
    row = mine.filter(mine["owner"].is_in(mixes["owner"].to_list())).row(0, named=True)
    document = ask(f"{row['txid']}@{row['address']}", through=("mixer",))
    stops = [stop for stop in document["stops"] if stop["reason"] == "mixer"]
    assert stops
    for stop in stops:
        own = mixes.filter(mixer=stop["address"])
        assert stop["evidence"]["denominations"] == [str(own["denomination"][0])]
        assert stop["evidence"]["withdrawals"] == own.height
        assert stop["evidence"]["deposits"] >= own.height
    for lead in document["leads"]:  # habits, never flow
        assert lead["anonymity_set"] >= 1


def test_the_command_goes_on_on_the_other_chain_of_the_workspace(
    account_world: AccountWorld, folder: Path
) -> None:
    """With the world's own list of bridges."""
    row = account_world.truth.exits.filter(way="bridge").row(0, named=True)
    seed = f"{row['source_txid']}@{row['source_address']}"
    ran = tracer(
        folder,
        "trace",
        "--chain",
        NEAR,
        seed,
        "--method",
        "fifo",
        "--json",
        "--emitters",
        folder / "emitters.yml",
    )
    assert ran.code == 0, ran.err
    document = ran.document
    assert (row["vasp_id"], FAR, row["txid"], int(row["amount"])) in legs(document)
    assert [tip["chain"] for tip in document["as_of"]] == [NEAR, FAR]
