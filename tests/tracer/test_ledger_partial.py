"""Single transactions beside whole blocks: the same facts, never mistaken for blocks that were read."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.explorer.loose import header_table, loose_batch
from tests.nodes.explorer import Index, proved
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain, write
from tests.stores import facts, opened, sync
from tracer.chain import AddressKey, Family, ScriptKind
from tracer.errors import DataError, ReorgedAway
from tracer.ledger import partial
from tracer.ledger.asof import as_of
from tracer.ledger.coverage import chain_status
from tracer.ledger.store import MIGRATIONS
from tracer.workspace import Workspace

CHAIN = CHAINS["bitcoin-regtest"]
HOST = "explorer.example"
SHOP = AddressKey(ScriptKind.P2PKH, b"shop".ljust(20, b"\0"))


def index_of(chain: RawChain) -> Index:
    index = Index()
    for block in chain.blocks:
        index.add(block)
    return index


def payment(index: Index, height: int) -> str:
    """The one transaction of a block of the shop's chain that is no coinbase."""
    return index.in_block[height][1]


def told(workspace: Workspace, index: Index, txids: Iterable[str], tip: int | None = None) -> None:
    """What an explorer with this chain told: these transactions, as of a tip."""
    height = len(index.blocks) - 1 if tip is None else tip
    batch = loose_batch([proved(index, txid) for txid in txids], CHAIN, HOST)
    with opened(workspace, read_only=False) as ledger, ledger.db.transaction():
        partial.pin(ledger, header_table([(height, index.blocks[height][:80])]), HOST)
        partial.insert(ledger, batch, HOST)


@pytest.fixture
def shop() -> RawChain:
    return shop_chain()


@pytest.fixture
def space(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "w")


def test_a_transaction_is_the_same_fact_alone_and_in_its_block(
    shop: RawChain, space: Workspace, tmp_path: Path
) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, height) for height in range(3, 13)])
    whole = Workspace(tmp_path / "whole")
    sync(whole, write(tmp_path / "all.dat", shop.blocks))
    alone, all_of_it = facts(space), facts(whole)
    ids = {row[0] for row in alone["tx"]}
    assert len(ids) == 10
    for table in ("tx", "txout", "txid_lookup"):
        place = 1 if table == "txid_lookup" else 0
        assert alone[table] == [row for row in all_of_it[table] if row[place] in ids], table
    # the first spends a coinbase that is not here: its amount and owner were told
    first, *rest = alone["txin"]
    assert first[2] is None
    assert [*first[:2], *first[3:]] == [*all_of_it["txin"][0][:2], *all_of_it["txin"][0][3:]]
    assert rest == all_of_it["txin"][1:]


@pytest.mark.parametrize("order", ["one by one, the last first", "at once"])
def test_sparse_and_then_whole_is_as_whole_alone(
    shop: RawChain, space: Workspace, tmp_path: Path, order: str
) -> None:
    index = index_of(shop)
    txids = [payment(index, height) for height in (4, 5, 6, 9, 12)] + [index.in_block[7][0]]
    for part in [txids] if order == "at once" else [[txid] for txid in reversed(txids)]:
        told(space, index, part)
    source = write(tmp_path / "all.dat", shop.blocks)
    for last in (5, 8, None):  # some heights at a time: what stands above stays
        sync(space, source, last=last)
    whole = Workspace(tmp_path / "whole")
    sync(whole, source)
    assert facts(space) == facts(whole)
    with opened(space) as ledger:
        assert chain_status(ledger)["partial"]["blocks"] == 0


def test_what_was_read_is_what_was_read_whole(shop: RawChain, space: Workspace, tmp_path: Path) -> None:
    index = index_of(shop)
    sync(space, write(tmp_path / "part.dat", shop.blocks[:6]))
    told(space, index, [payment(index, 8), payment(index, 9)])
    with opened(space) as ledger:
        assert ledger.runs() == [(0, 5)]
        assert ledger.read_to() == 5
        tip = ledger.tip()
        assert tip is not None
        assert tip.height == 12, "answers are as of the block the explorer called its last"
        status = chain_status(ledger)
    assert status["blocks"] == {"from": 0, "to": 5, "count": 6, "gaps": [[6, 12]]}
    assert (status["txs"], status["unresolved_inputs"]) == (9, 0)
    assert status["partial"] == {"blocks": 3, "txs": 2, "addresses": 0, "to": 12, "hosts": [HOST]}
    again = Workspace(tmp_path / "again")
    sync(again, write(tmp_path / "part.dat", shop.blocks[:6]))
    with opened(again) as ledger:
        bare = chain_status(ledger)
    assert {key: bare[key] for key in ("txs", "outputs", "inputs", "unspent", "fees", "tip_hash")} == {
        key: status[key] for key in ("txs", "outputs", "inputs", "unspent", "fees", "tip_hash")
    }


def test_blocks_that_take_another_turn_drive_out_what_was_told_of_the_lost_one(
    shop: RawChain, space: Workspace, tmp_path: Path
) -> None:
    index = index_of(shop)
    sync(space, write(tmp_path / "base.dat", shop.blocks[:8]))
    told(space, index, [payment(index, 9), payment(index, 10), payment(index, 12)])
    rival = shop.fork(7)
    coin = (bytes.fromhex(payment(index, 7))[::-1], 1)
    rival.add()
    # the same coin as the told transaction of block 8 spends, two blocks before what was told
    rival.add(RawTx([coin], [(p2pkh("somebody else"), 1_000)]))
    for _ in range(4):
        rival.add()
    source = write(tmp_path / "rival.dat", rival.blocks)
    sync(space, source, last=9)
    sync(space, source)
    whole = Workspace(tmp_path / "whole")
    sync(whole, source)
    assert facts(space) == facts(whole)
    with opened(space) as ledger:
        assert partial.hosts(ledger) == []


def test_what_was_told_of_a_lost_block_goes(shop: RawChain, space: Workspace) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, 5)], tip=6)
    before = facts(space)
    told(space, index, [payment(index, 8)], tip=9)
    with opened(space, read_only=False) as ledger, ledger.db.transaction():
        partial.drop(ledger, 7)
    assert facts(space) == before


def test_what_spends_a_transaction_that_goes_waits_for_it_again(
    shop: RawChain, space: Workspace, tmp_path: Path
) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, 5)], tip=5)
    sync(space, write(tmp_path / "all.dat", shop.blocks), first=6)
    linked = facts(space)
    assert linked["pending_spend"] == [row for row in linked["pending_spend"] if row[2] >> 24 == 5]
    with opened(space, read_only=False) as ledger, ledger.db.transaction():
        partial.drop(ledger, 5)
    waiting = facts(space)
    assert [row[2] >> 24 for row in waiting["pending_spend"]] == [6]
    # its txid names the amount it spends, whatever the branch
    assert waiting["txin"][0][3:] == next(row for row in linked["txin"] if row[0] >> 24 == 6)[3:]
    told(space, index, [payment(index, 5)], tip=5)
    assert facts(space) == linked


def test_unspent_is_the_word_of_who_was_asked_as_of_the_block_he_was_asked_of(
    shop: RawChain, space: Workspace
) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, 5), payment(index, 6)])
    with opened(space, read_only=False) as ledger, ledger.db.transaction():
        tx_id = ledger.find_tx(bytes.fromhex(payment(index, 6))[::-1])[0]
        both = pl.DataFrame(
            {"tx_id": [tx_id] * 2, "vout": [0, 1]}, schema={"tx_id": pl.Int64, "vout": pl.Int32}
        )
        assert partial.unspent(ledger, both, 12).rows() == []
        partial.tell_unspent(ledger, both.head(1), 12, HOST)
        assert partial.unspent(ledger, both, 12).rows() == [(tx_id, 0)]
        assert partial.unspent(ledger, both, 13).rows() == [], "a later block may spend it"
        partial.tell_addresses(ledger, [(SHOP, 10, True)], 13, HOST)
        assert partial.unspent(ledger, both, 13).rows() == [(tx_id, 0)], "the shop's history is known whole"
        assert partial.told_of(ledger, [ledger.find_address(SHOP) or -1]) == {
            ledger.find_address(SHOP): (10, 13, 13)
        }


def test_as_of_a_block_later_ones_are_hidden_and_what_they_spend_was_unspent(
    shop: RawChain, space: Workspace
) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, 5)], tip=5)
    told(space, index, [payment(index, 6)])
    with opened(space) as ledger:
        tx_id = ledger.find_tx(bytes.fromhex(payment(index, 5))[::-1])[0]
        as_of(ledger, 5)
        tip = ledger.tip()
        assert tip is not None
        assert tip.height == 5
        outputs = pl.DataFrame(
            {"tx_id": [tx_id] * 2, "vout": [0, 1]}, schema={"tx_id": pl.Int64, "vout": pl.Int32}
        )
        assert partial.unspent(ledger, outputs, 5).rows() == [(tx_id, 1)]


def test_a_block_of_another_branch_is_refused_by_name(shop: RawChain, space: Workspace) -> None:
    index = index_of(shop)
    told(space, index, [payment(index, 5)])
    rival = shop.fork(4)
    rival.add()
    rival.add(RawTx([(bytes.fromhex(payment(index, 4))[::-1], 1)], [(p2pkh("else"), 1_000)]))
    other = index_of(rival)
    before = facts(space)
    with pytest.raises(ReorgedAway, match=rf"{other.hashes[5]} at height 5"):
        told(space, other, [other.in_block[5][0]], tip=5)
    with pytest.raises(ReorgedAway, match=rf"{other.hashes[6]}.*another branch"):
        told(space, other, [payment(other, 6)])
    assert facts(space) == before


def test_a_transaction_that_a_whole_block_does_not_hold_is_refused_by_name(
    shop: RawChain, space: Workspace, tmp_path: Path
) -> None:
    index = index_of(shop)
    sync(space, write(tmp_path / "all.dat", shop.blocks))
    before = facts(space)
    with pytest.raises(DataError, match=f"{payment(index, 5)}.*no block that was read whole"):
        told(space, index, [payment(index, 5)])
    assert facts(space) == before


def test_a_store_of_an_older_version_is_brought_up_to_date_when_it_is_read(
    shop: RawChain, space: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = MIGRATIONS[Family.UTXO][: MIGRATIONS[Family.UTXO].index("partial_4")]
    monkeypatch.setitem(MIGRATIONS, Family.UTXO, older)
    with opened(space, read_only=False) as ledger:
        rows = ", ".join(f"({height}, 'h', 'p', 'm', 0, 1, 1, 1, 1, 285)" for height in range(3))
        ledger.db.run(f"INSERT INTO block VALUES {rows}")
    monkeypatch.undo()
    with opened(space) as ledger:
        assert ledger.runs() == [(0, 2)]
        assert partial.blocks(ledger) == []
