"""On demand over the chain of a real node: litecoind mines, an explorer shows its blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from cli import ondemand
from cli.app import App
from cli.trace import answer
from tests.nodes.explorer import explorer
from tests.nodes.litecoind import MATURE, litecoind
from tests.rawblocks import write
from tests.stores import facts, synced
from tracer.flow.question import Direction, Question
from tracer.workspace import Workspace

CHAIN = CHAINS["litecoin-regtest"]
PARTS = ("method", "totals", "endpoints", "stops", "unspent", "unread", "minted")


@pytest.fixture(scope="module")
def mined(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[bytes], str]:
    """A node's blocks, and the larger output of a payment whose coins its wallet spends again."""
    with litecoind(tmp_path_factory.mktemp("node")) as node:
        node.mine(MATURE)
        paid = node.pay(150_000_000, 70_000_000)
        node.mine()
        node.pay(5_000_000_000)
        node.mine(2)
        names = node.calls([("getblockhash", [height]) for height in range(node.height + 1)])
        blocks = [bytes.fromhex(raw) for raw in node.calls([("getblock", [name, 0]) for name in names])]
        rows = node.call("getrawtransaction", paid[0], True)["vout"]
    return blocks, f"{paid[0]}:{max(rows, key=lambda row: row['value'])['n']}"


@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_a_nodes_chain_on_demand_is_as_its_blocks_read_whole(
    mined: tuple[list[bytes], str], tmp_path: Path, direction: Direction
) -> None:
    blocks, seed = mined
    question = Question((seed,), ("fifo", "haircut"), direction=direction, hops=2)
    whole = synced(tmp_path / "whole", write(tmp_path / "all.dat", blocks, CHAIN.magic), CHAIN.name)
    space = Workspace(tmp_path / "w").ready()
    with explorer(blocks, CHAIN) as host:
        app = App(space, quiet=True)
        demand = ondemand.Demand(host.url, yes=True, rate=1e4, most=10_000)
        ondemand.fetch(app, CHAIN, question, None, lambda _hop, _txs: True, demand)
    found, right = (answer(App(each, quiet=True), CHAIN.name, question) for each in (space, whole))
    for ours, theirs in zip(found["documents"], right["documents"], strict=True):
        assert {part: ours[part] for part in PARTS} == {part: theirs[part] for part in PARTS}
    alone, all_of_it = facts(space, CHAIN.name), facts(whole, CHAIN.name)
    assert set(alone["tx"]) <= set(all_of_it["tx"])
    assert set(alone["txout"]) <= set(all_of_it["txout"])
