"""Other chains of the family: raw blocks, bitcoin-etl's rows of them and our own export end in the same facts."""

import random
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.files.bitcoin_etl.facts import LONG, STATED
from adapters.files.bitcoin_etl.writing import export
from adapters.files.folder import Format
from tests.adapters.files.etl import exported, load, source, written
from tests.adapters.files.exported import Nothing
from tests.rawblocks import RawTx, p2pkh, write
from tests.rawfamily import FamilyChain, regtest
from tests.stores import facts, opened, synced
from tracer.errors import BadExport
from tracer.workspace import Workspace

COIN = 100_000_000


def chain_of(name: str) -> FamilyChain:
    """Eight blocks; in the last ones transactions spend each other inside a block."""
    chain = FamilyChain(regtest(name), merged=name == "dogecoin")
    first = [chain.add(miner=p2pkh(f"miner {n}"), reward=50 * COIN) for n in range(4)]
    dice = random.Random(name)
    for coin in first[:3]:
        txs, coins, value = [], coin, 50 * COIN
        for step in range(6):
            tx = RawTx(
                [(coins.txid, 0)], [(p2pkh(f"{step} {dice.random()}"), value - 100), (p2pkh("till"), 60)]
            )
            txs.append(tx)
            coins, value = tx, value - 100
        chain.add(*txs, reward=1 * COIN)
    return chain


@pytest.mark.parametrize("name", ["bitcoin-cash", "dogecoin", "litecoin"])
def test_rows_and_our_own_export_end_in_the_facts_of_the_blocks(tmp_path: Path, name: str) -> None:
    chain = chain_of(name)
    entry = chain.entry
    raw = synced(tmp_path / "raw", write(tmp_path / "blk.dat", chain.blocks, entry.magic), entry.name)
    expected = facts(raw, entry.name)
    etl = written(tmp_path / "etl", exported(chain.blocks, entry, enriched=True))
    pulled = load(tmp_path / "w", source(etl, tmp_path / "s", entry))
    assert facts(Workspace(tmp_path / "w"), entry.name) == expected
    # the first 80 bytes of a merge-mined header make its hash; its proof is not in the files
    assert any(note.endswith(LONG) for note in pulled.notes) == (name == "dogecoin")
    with opened(raw, entry.name) as ledger:
        export(ledger, entry, tmp_path / "out", Format.PARQUET)
    pulled = load(tmp_path / "v", source([tmp_path / "out"], tmp_path / "t", entry))
    assert any(note.endswith(STATED) for note in pulled.notes)
    assert facts(Workspace(tmp_path / "v"), entry.name) == expected


def test_places_that_nobody_tells_are_found_where_txids_order_a_block(tmp_path: Path) -> None:
    """bitcoin-etl tells no places for bitcoin-cash, and enriching shuffles rows."""
    chain = chain_of("bitcoin-cash")
    entry = chain.entry
    rows = exported(chain.blocks, entry)
    for row in rows.transactions:
        row["index"] = None
    random.Random(1).shuffle(rows.transactions)
    load(tmp_path / "w", source(written(tmp_path / "etl", rows), tmp_path / "s", entry))
    raw = synced(tmp_path / "raw", write(tmp_path / "blk.dat", chain.blocks, entry.magic), entry.name)
    assert facts(Workspace(tmp_path / "w"), entry.name) == facts(raw, entry.name)


def test_places_that_nothing_tells_are_refused(tmp_path: Path) -> None:
    chain = chain_of("dogecoin")
    rows = exported(chain.blocks, chain.entry)
    for row in rows.transactions:
        row["index"] = None
    rows.transactions.reverse()
    found = source(written(tmp_path / "etl", rows), tmp_path / "s", chain.entry)
    with pytest.raises(BadExport, match="in whose rows no index says where each stands"):
        for plan in found.plan(Nothing()):
            list(found.batches(plan))


ZCASH = CHAINS["zcash"]


@pytest.mark.parametrize("folder", ["block_with_shielded_addresses", "block_with_value_balance"])
def test_pools_there_and_back(realdata: Path, tmp_path: Path, folder: str) -> None:
    recorded = sorted((realdata / "bitcoin/etl/zcash" / folder).glob("expected_*.json"))
    load(tmp_path / "w", source(recorded, tmp_path / "s", ZCASH))
    expected = facts(Workspace(tmp_path / "w"), "zcash")
    with opened(Workspace(tmp_path / "w"), "zcash") as ledger:
        export(ledger, ZCASH, tmp_path / "out", Format.JSONL)
    load(tmp_path / "v", source([tmp_path / "out"], tmp_path / "t", ZCASH))
    assert facts(Workspace(tmp_path / "v"), "zcash") == expected
