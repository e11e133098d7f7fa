"""Shielded pools in the store: mined Zcash regtest blocks, read from a block file as any other chain's."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.files.bitcoin_etl.writing import export
from adapters.files.folder import Format
from tests.adapters.files.etl import load, source
from tests.rawblocks import p2pkh, write
from tests.stores import facts, opened, sync
from tests.zcashblocks import COIN, ZChain, ZTx, coinbase
from tracer.chain import FROM_POOL, ScriptKind
from tracer.errors import BadBlock, BadBlockFile
from tracer.ledger.coverage import chain_status
from tracer.workspace import Workspace

NAME = "zcash-regtest"
CHAIN = CHAINS[NAME]
REWARD = 1_250_000_000
SHIELDED = int(ScriptKind.SHIELDED)
ANN, BOB = p2pkh("ann"), p2pkh("bob")


def mined() -> tuple[ZChain, dict[str, ZTx]]:
    """A coin on its way through all pools, with change outside and a shielded reward at the end."""
    chain, txs = ZChain(), {}
    txs["coin"] = chain.add(miner=coinbase(1, [(ANN, REWARD)]))
    txs["hide"] = ZTx(
        2, [(txs["coin"].txid, 0)], [(ANN, 250_000_000)], sprout=[(999_990_000, 0)]
    )  # fee 10,000
    txs["migrate"] = ZTx(4, [], [], sprout=[(0, 600_000_000)], sapling=599_990_000)
    chain.add(txs["hide"], txs["migrate"], miner=coinbase(2, [(BOB, REWARD + 20_000)]))
    txs["mixed"] = ZTx(
        5, [(txs["hide"].txid, 0)], [(BOB, 300_000_000)], sapling=-99_990_000, orchard=49_980_000, notes=2
    )
    txs["inside"] = ZTx(6, [], [], orchard=-5_000)
    txs["free"] = ZTx(6, [], [], orchard=0)
    chain.add(txs["mixed"], txs["inside"], txs["free"], miner=coinbase(3, [(BOB, REWARD)]))
    txs["show"] = ZTx(4, [], [(BOB, 1_000_000), (ANN, 2_000_000)], sapling=-3_000_000)
    txs["reward"] = coinbase(4, [], version=6, sapling=REWARD - 1, ironwood=1)
    chain.add(txs["show"], miner=txs["reward"])
    return chain, txs


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, ZTx]]:
    folder = tmp_path_factory.mktemp("zcash")
    chain, txs = mined()
    workspace = Workspace(folder / "w")
    sync(workspace, write(folder / "blk.dat", chain.blocks, CHAIN.magic), NAME)
    return workspace, txs


Side = list[tuple[str, int]]


def sides(workspace: Workspace, txs: dict[str, ZTx]) -> dict[str, tuple[Side, Side, int | None]]:
    """Name -> what it takes in and puts out (`pool` or `coin`, base units), and its fee."""
    found: dict[str, tuple[Side, Side, int | None]] = {}
    with opened(workspace, NAME) as ledger:
        for name, tx in txs.items():
            (tx_id,) = ledger.find_tx(tx.txid)
            rows = (
                ledger.db.rows(f"SELECT kind, value FROM {table} WHERE tx_id = {tx_id} ORDER BY {place}")
                for table, place in (("txin", "vin"), ("txout", "vout"))
            )
            ins, outs = ([("pool" if kind == SHIELDED else "coin", value) for kind, value in r] for r in rows)
            found[name] = ins, outs, ledger.db.value(f"SELECT fee FROM tx WHERE tx_id = {tx_id}")
            counts = ledger.db.row(f"SELECT inputs, outputs FROM tx WHERE tx_id = {tx_id}")
            assert counts == (len(ins), len(outs))
    return found


def test_every_move_into_and_out_of_a_pool_is_a_row_and_everything_adds_up(
    read: tuple[Workspace, dict[str, ZTx]],
) -> None:
    found = sides(*read)
    assert found == {
        "coin": ([], [("coin", REWARD)], None),
        "hide": ([("coin", REWARD)], [("coin", 250_000_000), ("pool", 999_990_000)], 10_000),
        "migrate": ([("pool", 600_000_000)], [("pool", 599_990_000)], 10_000),
        "mixed": (
            [("coin", 250_000_000), ("pool", 99_990_000)],
            [("coin", 300_000_000), ("pool", 49_980_000)],
            10_000,
        ),
        "inside": ([("pool", 5_000)], [], 5_000),
        "free": ([], [], 0),
        "show": ([("pool", 3_000_000)], [("coin", 1_000_000), ("coin", 2_000_000)], 0),
        "reward": ([], [("pool", REWARD - 1), ("pool", 1)], None),
    }
    for name, (ins, outs, fee) in found.items():
        if fee is not None:
            assert sum(v for _, v in ins) == sum(v for _, v in outs) + fee, name


def test_what_leaves_a_pool_spends_nothing_waits_for_nothing_and_names_its_pool(
    read: tuple[Workspace, dict[str, ZTx]],
) -> None:
    workspace, _ = read
    with opened(workspace, NAME) as ledger:
        rows = ledger.db.rows(
            f"SELECT prev_vout, prev_tx_id, address_id FROM txin WHERE kind = {SHIELDED} ORDER BY tx_id, vin"
        )
        assert rows == [
            (FROM_POOL - pool, None, None) for pool in (0, 1, 2, 1)
        ]  # Sprout, Sapling, Orchard, Sapling
        assert ledger.db.value("SELECT count(*) FROM pending_spend") == 0
        assert (
            ledger.db.value(f"SELECT count(*) FROM txout WHERE kind = {SHIELDED} AND address_id IS NULL") == 5
        )
        status = chain_status(ledger)
    # four rewards less the fee that nobody claimed in block 3; the pools are part of it
    assert status["unspent"] == str(4 * REWARD - 15_000)
    assert status["unresolved_inputs"] == 0
    assert status["inputs"] == 6


def test_a_history_that_begins_in_the_middle_waits_for_coins_and_not_for_pools(tmp_path: Path) -> None:
    chain, txs = mined()
    blocks = write(tmp_path / "blk.dat", chain.blocks, CHAIN.magic)
    late, whole = Workspace(tmp_path / "late"), Workspace(tmp_path / "whole")
    sync(late, blocks, NAME, first=3)
    found = sides(late, {name: txs[name] for name in ("mixed", "inside")})
    assert found["mixed"][2] is None
    assert found["inside"][2] == 5_000
    with opened(late, NAME) as ledger:
        assert ledger.db.value("SELECT count(*) FROM pending_spend") == 1
    sync(late, blocks, NAME)
    sync(whole, blocks, NAME)
    assert facts(late, NAME) == facts(whole, NAME)


def test_an_export_of_pools_is_read_again_to_the_same_facts(
    tmp_path: Path, read: tuple[Workspace, dict[str, ZTx]]
) -> None:
    """Two payments inside pools stand beside each other, and show nothing that would tell one from the other."""
    with opened(read[0], NAME) as ledger:
        export(ledger, CHAIN, tmp_path / "out", Format.PARQUET)
    load(tmp_path / "w", source([tmp_path / "out"], tmp_path / "scratch", CHAIN))
    assert facts(Workspace(tmp_path / "w"), NAME) == facts(read[0], NAME)


def _spending(point: tuple[bytes, int], value: int = 1, **pools: int) -> Iterable[ZTx]:
    return [ZTx(5, [point], [(BOB, value)], **pools)]  # type: ignore[arg-type]


@pytest.mark.parametrize("flaw", ["pool", "pool, read before", "too much out", "too much in", "greedy"])
def test_no_value_comes_out_of_nothing(tmp_path: Path, flaw: str) -> None:
    """A pool's own output cannot be spent; what goes into pools counts as paid out, in a coinbase too."""
    chain = ZChain()
    coin = chain.add(miner=coinbase(1, [(ANN, REWARD)]))
    hide = ZTx(5, [(coin.txid, 0)], [(ANN, COIN)], sapling=REWARD - COIN)
    chain.add(hide)
    reason, miner = "", None
    match flaw:
        case "pool" | "pool, read before":
            reason, txs = "spends an output that does not exist", _spending((hide.txid, 1))
        case "too much out":
            reason, txs = "pays out more than it takes in", _spending((hide.txid, 0), COIN + 8, sapling=-7)
        case "too much in":
            reason, txs = "pays out more than it takes in", _spending((hide.txid, 0), COIN - 5, orchard=6)
        case _:
            reason, txs = "creates more coins than subsidy and fees allow", []
            miner = coinbase(3, [(BOB, REWARD - 5)], version=5, orchard=6)
    chain.add(*txs, miner=miner)
    workspace = Workspace(tmp_path / "w")
    if flaw == "pool, read before":
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks[:3], CHAIN.magic), NAME)
    with pytest.raises(BadBlock, match=reason):
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks, CHAIN.magic), NAME)
    assert len(facts(workspace, NAME)["block"]) == 3


def test_a_header_without_a_solution_is_refused_by_name(tmp_path: Path) -> None:
    chain = ZChain()
    chain.add()
    block = bytearray(chain.blocks[1])
    block[170] ^= 1
    with pytest.raises(BadBlockFile, match=r"target|solve its header"):
        sync(
            Workspace(tmp_path / "w"),
            write(tmp_path / "blk.dat", [chain.blocks[0], bytes(block)], CHAIN.magic),
            NAME,
        )
