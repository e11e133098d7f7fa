"""The `evm:` source on a real node, and through providers that get in the way. What all sources do: tests/contracts."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.evm.anvil import Node
from adapters.evm.chains import chain_named
from adapters.evm.probe import Receipts, Traces
from adapters.evm.source import FINAL, EvmSource
from adapters.http import Patience
from tests.accounts_store import contents
from tests.conftest import scaled
from tests.nodes.anvil import anvil
from tests.nodes.proxy import (
    Asked,
    Changes,
    Drops,
    Fault,
    Refuses,
    Says,
    Script,
    Shortens,
    Status,
    always,
    proxy,
)
from tests.nodes.town import Town
from tracer.errors import BadBlock, SourceUnavailable
from tracer.ledger.accounts.balances import balances
from tracer.ledger.accounts.batch import schemas
from tracer.ledger.accounts.ingest import AccountLoader
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("evm-31337")
QUICK = Patience(attempts=6, first=0.005, longest=0.02, timeout=10)


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """Sixteen blocks that no test changes."""
    with anvil(no_mining=True) as node:
        made = Town(node)
        made.live(14)
        yield made


@pytest.fixture(scope="module")
def whole(town: Town, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """Every fact of it, read from the node itself."""
    workspace = Workspace(tmp_path_factory.mktemp("whole"))
    sync(workspace, EvmSource(town.node.url, CHAIN))
    return facts(workspace)


def opened(workspace: Workspace, *, read_only: bool = False) -> Ledger:
    return Ledger.open(workspace.ready(), CHAIN, read_only=read_only)


def sync(workspace: Workspace, source: EvmSource) -> Pulled:
    return pull(lambda: opened(workspace), source)


def facts(workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    with opened(workspace) as ledger:
        return contents(ledger)


def through(folder: Path, node: Node, script: Script, **options: Any) -> tuple[Pulled, Workspace]:
    """A store read through a provider."""
    workspace = Workspace(folder)
    with proxy(node.url, script) as provider:
        return sync(workspace, EvmSource(provider.url, CHAIN, patience=QUICK, **options)), workspace


def without(*methods: str) -> Script:
    """A node that does not offer these."""
    gone = Refuses(-32601, "the method does not exist/is not available")
    return lambda asked: gone if any(asked.has(method) for method in methods) else None


FAULTS: list[Fault] = [
    Status(429, retry_after="0.01"), Status(500), Status(502, body="<html>"), Says("<html>"), Says(""),
    Shortens(honest=True), Shortens(honest=False), Drops(), Refuses(-32005, "limit exceeded"),
    Changes(lambda answers: answers[::-1]), Changes(lambda answers: answers[:-1]),
    Changes(lambda answers: [answer | {"result": None} for answer in answers]),
]  # fmt: skip


def test_whatever_a_provider_does_all_data_arrives(
    town: Town, whole: dict[str, list[tuple[Any, ...]]], tmp_path: Path, dice: random.Random
) -> None:
    for drill in range(scaled(3, full=40)):
        with proxy(town.node.url) as provider:
            source = EvmSource(provider.url, CHAIN, patience=QUICK)
            source.plan(_nothing(tmp_path))  # it was met before the trouble began
            provider.script = misbehaving(dice)
            workspace = Workspace(tmp_path / f"drill{drill}")
            sync(workspace, source)
        assert facts(workspace) == whole


def misbehaving(dice: random.Random) -> Script:
    """Something goes wrong with the first tries of many questions: less often than we have patience for."""
    luck: dict[tuple[str, int], int] = {}

    def script(asked: Asked) -> Fault | None:
        question = (asked.calls[0]["method"], min(call["id"] for call in asked.calls))
        left = luck.setdefault(question, dice.randrange(3))
        luck[question] -= 1
        if left <= 0:
            return None
        return Refuses(-32600, "batch limit exceeded") if len(asked.calls) > 3 else dice.choice(FAULTS)

    return script


def _nothing(folder: Path) -> Any:
    from tracer.ledger.loading import Known

    return Known(opened(Workspace(folder / "empty")))


@pytest.mark.parametrize("missing", [[Receipts.BLOCK], [Traces.BLOCK], [Receipts.BLOCK, Traces.BLOCK]])
def test_every_way_to_ask_gives_the_same_facts(
    town: Town, whole: dict[str, list[tuple[Any, ...]]], tmp_path: Path, missing: list[str]
) -> None:
    pulled, workspace = through(tmp_path / "w", town.node, without(*missing))
    assert pulled.notes == ()
    assert facts(workspace) == whole


def test_without_tracing_internal_transfers_are_missing_and_it_is_said(
    town: Town, whole: dict[str, list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    pulled, workspace = through(tmp_path / "w", town.node, without(*Traces))
    (note,) = pulled.notes
    assert "internal transfers were not read (17 blocks)" in note
    found = facts(workspace)
    assert {row[2] for row in whole["transfer"]} - {row[2] for row in found["transfer"]} == {1}  # INTERNAL
    with opened(workspace) as ledger:
        assert ledger.db.value("SELECT count(*) FROM block WHERE traced") == 0


def test_of_a_pruned_node_old_blocks_are_not_traced_and_it_is_said(town: Town, tmp_path: Path) -> None:
    def pruned(asked: Asked) -> Fault | None:
        traced = [int(c["params"][0], 16) for c in asked.calls if c["method"] in (*Traces,)]
        return Refuses(-32000, "missing trie node 5f3c (path )") if traced and min(traced) < 9 else None

    pulled, workspace = through(tmp_path / "w", town.node, pruned)
    assert "(8 blocks)" in pulled.notes[0]
    with opened(workspace) as ledger:
        untraced = ledger.db.rows("SELECT height FROM block WHERE NOT traced ORDER BY height")
    assert [height for (height,) in untraced] == list(range(1, 9))


def _later(height: int) -> Fault:
    """The time of a block is changed: it no longer has the hash it says."""

    def change(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for answer in answers:
            if isinstance(answer["result"], dict) and answer["result"].get("number") == hex(height):
                answer["result"]["timestamp"] = "0x7fffffff"
        return answers

    return Changes(change)


def test_a_block_that_was_garbled_once_is_read_again(
    town: Town, whole: dict[str, list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    garbled: list[Asked] = []

    def once(asked: Asked) -> Fault | None:
        if garbled or not any(call["params"] == [hex(6), True] for call in asked.calls):
            return None
        garbled.append(asked)
        return _later(6)

    _, workspace = through(tmp_path / "w", town.node, once)
    assert garbled
    assert facts(workspace) == whole


def test_what_a_bad_block_looked_like_is_kept(town: Town, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    with proxy(town.node.url, always(_later(6))) as provider:
        url = provider.url.replace("//", "//me:hunter2@")
        with pytest.raises(BadBlock, match=r"Blocks up to height 5 are kept"):
            sync(workspace, EvmSource(url, CHAIN, patience=QUICK))
    with opened(workspace) as ledger:
        ((source, raw),) = ledger.db.rows("SELECT source, raw FROM quarantine")
    assert b"0x7fffffff" in raw
    assert source == provider.url.removeprefix("http://")


def test_a_node_of_another_chain_or_another_beginning_is_refused(town: Town, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    serves = r"serves chain id 31338, but evm-31337 is chain id 31337"
    with anvil(31338, no_mining=True) as other, pytest.raises(SourceUnavailable, match=serves):
        sync(workspace, EvmSource(other.url, CHAIN))
    sync(workspace, EvmSource(town.node.url, CHAIN))
    before = facts(workspace)
    with anvil(no_mining=True, timestamp=5) as stranger:
        stranger.call("anvil_mine", hex(30))
        with pytest.raises(SourceUnavailable, match="has none of the blocks in the store"):
            sync(workspace, EvmSource(stranger.url, CHAIN))
    assert facts(workspace) == before


def test_blocks_that_are_not_deep_enough_are_left_for_later(town: Town, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w")
    assert sync(workspace, EvmSource(town.node.url, CHAIN, confirmations=5)).tip == town.height - 5
    assert sync(workspace, EvmSource(town.node.url, CHAIN, confirmations=2)).tip == town.height - 2
    final = Workspace(tmp_path / "final")
    with anvil(no_mining=True, slots_in_an_epoch=4) as node:
        node.call("anvil_mine", hex(20))
        expected = int(node.call("eth_getBlockByNumber", "finalized", False)["number"], 16)
        assert 0 < expected < 20
        assert sync(final, EvmSource(node.url, CHAIN, confirmations=FINAL)).tip == expected


@pytest.mark.parametrize("method", ["eth_getBlockByNumber", Receipts.BLOCK, Traces.BLOCK, Traces.DEBUG])
@pytest.mark.parametrize("after", [1, 3])
def test_a_branch_that_changes_while_it_is_read_is_never_mixed_with_the_other(
    evm_node: Node, tmp_path: Path, method: str, after: int
) -> None:
    town = Town(evm_node)
    town.live(14, txs=2)
    seen = [0]

    def treacherous(asked: Asked) -> Fault | None:
        if method is Traces.DEBUG and asked.has(Traces.BLOCK):
            return Refuses(-32601, "the method does not exist")
        if asked.has(method) and any(call["id"] > 1 for call in asked.calls):  # not the probing
            seen[0] += 1
            if seen[0] == after:
                town.reorg(8)
                town.live(1)
        return None

    _, workspace = through(tmp_path / "w", evm_node, treacherous)
    assert seen[0] >= after, "it never changed"
    fresh = Workspace(tmp_path / "fresh")
    sync(workspace, EvmSource(evm_node.url, CHAIN))
    sync(fresh, EvmSource(evm_node.url, CHAIN))
    assert facts(workspace) == facts(fresh)


def test_every_balance_after_every_block_is_the_nodes(evm_node: Node, tmp_path: Path) -> None:
    """Native and token, of everybody, and again after a reorg of depth 20."""
    town = Town(evm_node)
    town.live(24)
    workspace = Workspace(tmp_path / "w")
    sync(workspace, EvmSource(evm_node.url, CHAIN))
    _audit(workspace, town)
    town.reorg(20)
    town.live(3)
    assert sync(workspace, EvmSource(evm_node.url, CHAIN)).reorged_from == 26
    _audit(workspace, town)


def _audit(workspace: Workspace, town: Town) -> None:
    import pyarrow as pa

    node = town.node
    with opened(workspace) as ledger:
        people = [
            payload for _, payload in ledger.db.rows("SELECT address_id, payload FROM address ORDER BY 1")
        ]
        names = ["0x" + payload.hex() for payload in people]
        told = node.calls([("eth_getBalance", [name, "0x0"]) for name in names])
        columns = {
            "height": [0] * len(people), "address": people, "standard": [0] * len(people),
            "contract": [None] * len(people), "token_id": [None] * len(people), "amount": [int(t, 16) for t in told],
        }  # fmt: skip
        AccountLoader(ledger).openings(pa.table(columns, schema=schemas()["openings"]))
        for height in range(town.height + 1):
            found = {
                (asset, at): (units, sure)
                for at, asset, units, sure, _ in balances(ledger, height=height).rows()
            }
            native = node.calls([("eth_getBalance", [name, hex(height)]) for name in names])
            tokens = [0] * len(names) if height < 1 else _token_balances(town, names, height)
            for at, name in enumerate(names):
                assert found[0, at] == (str(int(native[at], 16)), True), (height, name)
                assert int(found.get((1, at), ("0", True))[0]) == tokens[at], (height, name)


def _token_balances(town: Town, names: list[str], height: int) -> list[int]:
    call = "0x70a08231" + "00" * 12  # balanceOf(address)
    asked = [("eth_call", [{"to": town.token, "data": call + name[2:]}, hex(height)]) for name in names]
    return [int(answer, 16) for answer in town.node.calls(asked)]
