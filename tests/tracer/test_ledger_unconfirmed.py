"""What waits in a mempool, what left it and why: transactions by name, a look at the node after each step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from tests import stores
from tests.rawblocks import RawChain, RawTx, p2pkh, write
from tracer.ledger.store import Ledger
from tracer.ledger.unconfirmed import (
    CONFIRMED_BLOCKS,
    Arrived,
    Left,
    arrive,
    known,
    left,
    look,
    settle,
    waiting,
)
from tracer.state import State
from tracer.workspace import Workspace

CHAIN = "bitcoin-regtest"
COIN = 5_000_000_000


class World:
    """Alice and Bob have a coin each from blocks 1 and 2; the node's mempool, and a ledger that is synced on demand."""

    def __init__(self, folder: Path, state: State) -> None:
        self.folder, self.state, self.chain = folder, state, RawChain()
        self.store = Workspace(folder / "w")
        coins = {name: (self.chain.add(miner=p2pkh(name)).txid, 0) for name in ("alice", "bob")}
        self.txs = {
            "alice to shop": RawTx([coins["alice"]], [(p2pkh("shop"), COIN - 1)]),
            "alice to herself": RawTx([coins["alice"]], [(p2pkh("alice"), COIN - 2)]),
            "bob to shop": RawTx([coins["bob"]], [(p2pkh("shop"), COIN - 3)]),
        }
        paid = (self.txs["alice to shop"].txid, 0)
        self.txs["shop to supplier"] = RawTx([paid], [(p2pkh("supplier"), COIN - 4)])
        self.read()

    def read(self) -> None:
        """The ledger reads all blocks."""
        stores.sync(self.store, write(self.folder / "blk.dat", self.chain.blocks))

    def mine(self, *names: str, blocks: int = 1) -> None:
        """Blocks, the first with these transactions."""
        self.chain.add(*(self.txs[name] for name in names))
        for _ in range(blocks - 1):
            self.chain.add()

    def look(self, *names: str) -> None:
        """Ask a node in whose mempool these wait."""
        told, height = {self.txs[name].txid: self.txs[name] for name in names}, len(self.chain.blocks) - 1
        new = [
            Arrived(txid, tx.full, tx.ins)
            for txid, tx in told.items()
            if txid not in known(self.state, CHAIN)
        ]
        arrive(self.state, CHAIN, new, host="node", time=f"at {height}", height=height)
        with Ledger.open(self.store.ready(), CHAINS[CHAIN]) as ledger:
            settle(self.state, ledger, told, host="node", time=f"at {height}", height=height)

    def name(self, txid: bytes | None) -> str | None:
        return next((name for name, tx in self.txs.items() if tx.txid == txid), None)

    @property
    def waits(self) -> set[str | None]:
        return {self.name(each.txid) for each in waiting(self.state, CHAIN)}

    @property
    def fates(self) -> dict[str | None, tuple[str | None, int | str | None]]:
        """Of what left: its fate, and the height or the name of what replaced it."""
        return {
            self.name(each.txid): (
                each.fate,
                each.height if each.by_txid is None else self.name(each.by_txid),
            )
            for each in self.left
        }

    @property
    def left(self) -> list[Left]:
        return left(self.state, CHAIN)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with State.open(Workspace(tmp_path / "w")) as state:
        yield World(tmp_path, state)


def test_what_waits_is_kept_with_when_it_was_seen_and_no_fact_comes_of_it(world: World) -> None:
    before = stores.facts(world.store)
    assert look(world.state, CHAIN) is None, "nobody was asked yet"
    world.look("alice to shop", "bob to shop")
    (first, _) = waiting(world.state, CHAIN)
    assert (first.host, first.seen, first.seen_height) == ("node", "at 2", 2)
    assert {each.raw for each in waiting(world.state, CHAIN)} == {
        world.txs[name].full for name in ("alice to shop", "bob to shop")
    }
    found = look(world.state, CHAIN)
    assert found is not None
    assert (found.count, found.height, found.host) == (2, 2, "node")
    assert stores.facts(world.store) == before


def test_what_a_block_has_is_confirmed_there(world: World) -> None:
    world.look("alice to shop", "bob to shop")
    world.mine("alice to shop")
    world.read()
    world.look("bob to shop")
    assert world.waits == {"bob to shop"}
    assert world.fates == {"alice to shop": ("confirmed", 3)}
    (gone,) = world.left
    assert (gone.raw, gone.seen, gone.gone, gone.gone_height) == (None, "at 2", "at 3", 3)
    with stores.opened(world.store) as ledger:
        assert ledger.db.value("SELECT hash FROM block WHERE height = 3") == gone.block_hash


def test_a_double_spend_that_waits_replaces(world: World) -> None:
    world.look("alice to shop")
    world.look("alice to herself")
    assert world.waits == {"alice to herself"}
    assert world.fates == {"alice to shop": ("replaced", "alice to herself")}
    assert world.left[0].raw == world.txs["alice to shop"].full


def test_a_double_spend_that_only_a_block_shows_replaces_with_all_that_builds_on_it(world: World) -> None:
    world.look("alice to shop", "shop to supplier", "bob to shop")
    world.mine("alice to herself")
    world.read()
    world.look("bob to shop")
    assert world.fates == {
        "alice to shop": ("replaced", "alice to herself"),
        "shop to supplier": ("replaced", "alice to herself"),
    }


def test_why_something_left_is_not_known_before_the_blocks_that_may_have_it_were_read(world: World) -> None:
    world.look("alice to shop", "bob to shop")
    world.mine("alice to shop")
    world.look()
    assert world.fates == {"alice to shop": (None, None), "bob to shop": (None, None)}
    world.read()
    world.look()
    assert world.fates == {"alice to shop": ("confirmed", 3), "bob to shop": ("vanished", None)}


def test_what_vanished_may_be_confirmed_later_and_what_comes_back_waits_again(world: World) -> None:
    world.look("alice to shop", "bob to shop")
    world.look()
    assert world.fates == {"alice to shop": ("vanished", None), "bob to shop": ("vanished", None)}
    world.mine("alice to shop")
    world.read()
    world.look("bob to shop")
    assert world.waits == {"bob to shop"}
    assert world.fates == {"alice to shop": ("confirmed", 3)}


@pytest.mark.parametrize("back", [True, False])
def test_what_a_lost_branch_confirmed_is_open_again(world: World, back: bool) -> None:
    world.look("alice to shop")
    world.mine("alice to shop")
    world.read()
    world.look()
    assert world.fates == {"alice to shop": ("confirmed", 3)}
    world.chain = world.chain.fork(2)
    world.mine(blocks=2)
    world.read()
    world.look(*(["alice to shop"] if back else []))
    assert world.waits == ({"alice to shop"} if back else set())
    assert world.fates == ({} if back else {"alice to shop": ("vanished", None)})


def test_what_was_confirmed_long_ago_is_forgotten(world: World) -> None:
    world.look("alice to shop", "bob to shop")
    world.mine("alice to shop")
    world.read()
    world.look()
    world.mine(blocks=CONFIRMED_BLOCKS + 1)
    world.read()
    world.look()
    assert world.fates == {"bob to shop": ("vanished", None)}
    assert world.state.rows("SELECT count(*) FROM unconfirmed_spend") == [(1,)]
