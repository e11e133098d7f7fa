"""The chains of the Bitcoin family: their entries, and small chains of each read into a ledger."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS, BitcoinChain, chain_named
from adapters.bitcoin.decode import Decoded, decode_blocks
from adapters.bitcoin.folder.source import BlockFiles
from adapters.bitcoin.headers import work_problem
from adapters.simulation.encode import sha256d
from tests.rawblocks import RawTx, p2pkh, p2wpkh, write
from tests.rawfamily import COIN, GENESES, FamilyChain, genesis_block, regtest
from tests.stores import facts, opened, sync, synced
from tracer.chain import ScriptKind
from tracer.errors import BadBlock, BadBlockFile
from tracer.ledger.coverage import chain_status
from tracer.ledger.pull import Pulled, pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

FAMILY = ("litecoin", "dogecoin", "bitcoin-cash")
SHOP = {
    "litecoin": "mr3B7QXwJ7z2BMnXsFFRJ5L1SbkSYQV5cJ",
    "dogecoin": "mr3B7QXwJ7z2BMnXsFFRJ5L1SbkSYQV5cJ",
    "bitcoin-cash": "bchreg:qpeksmmsqqqqqqqqqqqqqqqqqqqqqqqqqqsqwqylvg",
}
"""The shop's address on each regtest."""


@pytest.mark.parametrize("chain", list(GENESES))
def test_the_first_block_has_the_hash_of_the_entry_and_proves_its_work(chain: str) -> None:
    block, entry = genesis_block(chain), CHAINS[chain]
    assert entry.proof.hash(block[:80]) == entry.genesis_hash
    assert work_problem(block[:80], entry) is None


def test_every_entry_is_held_to_its_first_block() -> None:
    assert {name for name in set(CHAINS) - set(GENESES) if not name.startswith("zcash")} == set()


@pytest.mark.parametrize(
    ("chain", "caip2"),
    [
        ("bitcoin", "bip122:000000000019d6689c085ae165831e93"),
        ("litecoin", "bip122:12a765e31ffd4059bada1e25190f6e98"),
        ("dogecoin", "bip122:1a91e3dace36e2be3bf030a65679fe82"),
        ("bitcoin-cash", "bip122:000000000000000000651ef99cb9fcbe"),  # the block where it left Bitcoin
    ],
)
def test_a_chain_is_found_by_its_caip2_id(chain: str, caip2: str) -> None:
    assert CHAINS[chain].caip2 == caip2
    assert chain_named(caip2).name == chain


@pytest.mark.parametrize(
    ("chain", "coins"),
    [
        ("litecoin", {0: 50, 839_999: 50, 840_000: 25, 2_520_000: 6.25}),
        ("bitcoin-cash", {478_559: 12.5, 840_000: 3.125}),
        # the most that could be drawn, then fixed rewards, and 10,000 coins for ever
        ("dogecoin", {1: 1_000_000, 99_999: 1_000_000, 100_000: 500_000, 144_999: 500_000, 145_000: 250_000,
                      200_000: 125_000, 599_999: 15_625, 600_000: 10_000, 6_000_000: 10_000}),
        ("dogecoin-regtest", {149: 500_000, 150: 250_000, 900: 10_000}),
    ],
)  # fmt: skip
def test_the_most_a_coinbase_may_create(chain: str, coins: dict[int, float]) -> None:
    assert {height: CHAINS[chain].subsidy(height) / COIN for height in coins} == coins


def shop(entry: BitcoinChain, *, merged: bool = False) -> FamilyChain:
    """Alice mines, and pays a shop and back to herself in every block."""
    chain = FamilyChain(entry, merged=merged)
    first = chain.add(miner=p2pkh("alice"))
    coin, value = (first.txid, 0), entry.subsidy(1)
    for _ in range(4):
        paid = RawTx([coin], [(p2pkh("shop"), COIN), (p2pkh("alice"), value - COIN - 500)])
        chain.add(paid, reward=entry.subsidy(len(chain.blocks)) + 500)
        coin, value = (paid.txid, 1), value - COIN - 500
    return chain


def read(folder: Path, source: Path, entry: BitcoinChain, first: int | None = None) -> Pulled:
    """As `sync`, for an entry of a test's own."""
    workspace = Workspace(folder).ready()
    return pull(
        lambda: Ledger.open(workspace, entry, read_only=False), BlockFiles(source, entry), first=first
    )


@pytest.mark.parametrize("kind", ["litecoin", "dogecoin", "dogecoin merged", "bitcoin-cash"])
def test_a_chain_is_read_with_its_addresses_amounts_and_fees(tmp_path: Path, kind: str) -> None:
    name = kind.partition(" ")[0]
    entry = regtest(name)
    chain = shop(entry, merged=kind.endswith("merged"))
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), entry.name)
    with opened(workspace, entry.name) as ledger:
        ((shop_id, paid, total),) = ledger.db.rows(
            """SELECT address_id, count(*), CAST(sum(value) AS BIGINT) FROM txout JOIN tx USING (tx_id)
               WHERE inputs > 0 AND vout = 0 GROUP BY 1"""
        )
        assert (ledger.render_addresses([shop_id])[shop_id], paid, total) == (SHOP[name], 4, 4 * COIN)
        assert ledger.db.rows("SELECT DISTINCT fee FROM tx WHERE inputs > 0") == [(500,)]
        status = chain_status(ledger)
    assert (status["chain"], status["caip2"], status["quarantined"]) == (entry.name, entry.caip2, 0)
    first = {"litecoin": 50, "dogecoin": 88, "bitcoin-cash": 50}[name] * COIN
    assert int(status["unspent"]) == first + sum(entry.subsidy(height) for height in range(1, 6))
    assert set(entry.notes) <= set(status["unverified"])


@pytest.mark.parametrize("name", FAMILY)
def test_after_a_reorg_the_lost_branch_is_gone(tmp_path: Path, name: str) -> None:
    entry = regtest(name)
    chain = shop(entry)
    longer = chain.fork(3)
    for _ in range(4):
        longer.add()
    saw = synced(tmp_path / "saw", write(tmp_path / "blk.dat", chain.blocks), entry.name)
    assert (
        sync(saw, write(tmp_path / "blk.dat", chain.blocks + longer.blocks[4:]), entry.name).reorged_from == 5
    )
    never = synced(tmp_path / "never", write(tmp_path / "other.dat", longer.blocks), entry.name)
    assert facts(saw, entry.name) == facts(never, entry.name)


def test_a_coinbase_that_creates_too_much_is_refused(tmp_path: Path) -> None:
    entry = regtest("dogecoin")
    chain = FamilyChain(entry)
    chain.add(reward=500_000 * COIN)
    chain.add(reward=500_000 * COIN + 1)
    with pytest.raises(BadBlock, match="creates more coins than subsidy and fees allow"):
        synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), entry.name)


def test_many_coins_are_counted_beyond_what_one_number_of_64_bits_holds(tmp_path: Path) -> None:
    """Dogecoin has more base units than 2^63; one transaction never has."""
    entry = replace(regtest("dogecoin"), rewards=lambda height: 10_000_000_000 * COIN)
    chain = FamilyChain(entry)
    for _ in range(12):
        chain.add()
    read(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), entry)
    with Ledger.open(Workspace(tmp_path / "w"), entry) as ledger:
        assert int(chain_status(ledger)["unspent"]) == 12 * 10**18 + 88 * COIN > 1 << 63


# whose blocks are these?


@pytest.mark.parametrize(
    ("of", "read_as", "said"),
    [
        ("litecoin", "dogecoin", "holds blocks of litecoin, not of dogecoin"),
        ("dogecoin", "bitcoin", "holds blocks of dogecoin, not of bitcoin"),
        # regtests share their magic
        (
            "dogecoin-regtest",
            "litecoin-regtest",
            "it is the first block of dogecoin-regtest, not of litecoin-regtest",
        ),
        (
            "bitcoin-regtest",
            "dogecoin-regtest",
            "it is the first block of bitcoin-regtest, not of dogecoin-regtest",
        ),
    ],
)
def test_the_files_of_another_chain_are_named(tmp_path: Path, of: str, read_as: str, said: str) -> None:
    source = write(tmp_path / "blk.dat", [genesis_block(of)], CHAINS[of].magic)
    with pytest.raises(BadBlockFile, match=said):
        synced(tmp_path / "w", source, read_as)


def parted() -> tuple[BitcoinChain, FamilyChain, FamilyChain]:
    """An entry, its own six blocks, and eight of a chain that left it at the third."""
    plain = regtest("bitcoin-cash")
    own = FamilyChain(plain)
    for _ in range(6):
        own.add()
    other = own.fork(2)
    for _ in range(6):
        other.add()
    return replace(plain, checkpoints=((3, sha256d(own.blocks[3][:80])[::-1].hex()),)), own, other


def test_a_chain_that_left_another_takes_its_own_branch_whatever_the_work(tmp_path: Path) -> None:
    """As a bitcoin-cash node's files, which hold Bitcoin's branch too where it was upgraded in 2017."""
    entry, own, other = parted()
    pulled = read(tmp_path / "w", write(tmp_path / "blk.dat", own.blocks + other.blocks[3:]), entry)
    assert pulled.tip == 6
    assert any("is of another chain: the block at height 3 is" in note for note in pulled.notes)
    with Ledger.open(Workspace(tmp_path / "w"), entry) as ledger:
        assert ledger.db.value("SELECT hash FROM block WHERE height = 6") == sha256d(own.blocks[6][:80])


@pytest.mark.parametrize("first", [None, 5])
def test_blocks_of_the_other_chain_alone_are_refused_where_it_left(tmp_path: Path, first: int | None) -> None:
    entry, _, other = parted()
    with pytest.raises(BadBlockFile, match="is of another chain: the block at height 3 is"):
        read(tmp_path / "w", write(tmp_path / "blk.dat", other.blocks), entry, first)
    with Ledger.open(Workspace(tmp_path / "w"), entry) as ledger:
        tip = ledger.tip()
    assert (tip.height if tip else None) == (2 if first is None else None)


@pytest.mark.parametrize("chain", ["bitcoin", "bitcoin-cash"])
def test_bitcoin_and_bitcoin_cash_refuse_each_others_block_where_they_parted(chain: str) -> None:
    names = {"bitcoin": "00000000000000000019f112ec0a9982926f1258cdcc558dd7c3b7e5dc7fa148",
             "bitcoin-cash": "000000000000000000651ef99cb9fcbe0dadde1d424bd9f15ff20136191a5eec"}  # fmt: skip
    made = FamilyChain(regtest("bitcoin-cash"))
    made.add()
    said = {
        whose: decoded(CHAINS[chain], made.blocks[1:], 478_559, bytes.fromhex(name)[::-1]).problem
        for whose, name in names.items()
    }
    assert said.pop(chain) is None
    assert f"the block of {chain} at this height is {names[chain]}" in str(said.popitem()[1])


@pytest.mark.parametrize(
    ("first", "sound"), [(800_000, 1), (2016 * 400 - 1, 2)], ids=["inside", "at its end"]
)
def test_a_target_that_changes_inside_a_period_is_another_chains(first: int, sound: int) -> None:
    """A history that starts in the middle does not say whose it is; bitcoin-cash changes its target all the time."""
    entry = replace(regtest("bitcoin"), retarget_interval=CHAINS["bitcoin"].retarget_interval)
    chain = FamilyChain(entry)
    chain.add()
    chain.bits = 0x207FFFFE
    chain.add()
    found = decoded(entry, chain.blocks[1:], first)
    assert found.sound == sound
    assert (found.problem is None) == (sound == 2)
    assert sound == 2 or "its target is not that of the block before" in str(found.problem)


@pytest.mark.parametrize("name", ["dogecoin", "bitcoin-cash"])
def test_a_chain_without_witnesses_refuses_them_and_knows_no_witness_address(
    tmp_path: Path, name: str
) -> None:
    entry = regtest(name)
    chain = FamilyChain(entry)
    chain.add(miner=p2wpkh("alice"))
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), entry.name)
    with opened(workspace, entry.name) as ledger:
        kinds = "SELECT kind, address_id, script FROM txout WHERE tx_id >= 16777216"
        assert ledger.db.rows(kinds) == [(ScriptKind.NONSTANDARD, None, p2wpkh("alice"))]
    chain.add(RawTx([(b"\1" * 32, 0)], [(p2pkh("bob"), 5)], witness=[[b"sig"]]))
    with pytest.raises(BadBlock, match="a transaction carries witnesses, and this chain has none"):
        sync(workspace, write(tmp_path / "blk.dat", chain.blocks), entry.name)


def decoded(entry: BitcoinChain, blocks: list[bytes], height: int, digest: bytes = b"") -> Decoded:
    """Blocks from a height on; with another hash than their own where one is given."""
    named = [digest or sha256d(block[:80]) for block in blocks]
    ends = np.cumsum([len(block) for block in blocks], dtype=np.int64)
    starts = ends - np.array([len(block) for block in blocks], np.int64)
    hashes = np.frombuffer(b"".join(named), np.uint8).reshape(-1, 32)
    return decode_blocks(
        np.frombuffer(b"".join(blocks), np.uint8).copy(), starts, ends, height, hashes, entry
    )


# what was recorded of real chains

RECORDED = {
    "dogecoin": "dogecoin/block_without_transactions",
    "bitcoin-cash": "bitcoin_cash/block_with_duplicate_txid",
}


@pytest.mark.parametrize("chain", list(RECORDED))
def test_a_recorded_header_has_its_hash_and_its_work(realdata: Path, chain: str) -> None:
    (answer,) = (realdata / "bitcoin" / "etl" / RECORDED[chain]).glob("rpc_response_getblock_*")
    told = json.loads(answer.read_text(encoding="utf-8"))
    header = struct.pack("<I", told["version"]) + bytes.fromhex(told["previousblockhash"])[::-1]
    header += bytes.fromhex(told["merkleroot"])[::-1]
    header += struct.pack("<III", told["time"], int(told["bits"], 16), told["nonce"])
    entry = CHAINS[chain]
    assert entry.proof.hash(header)[::-1].hex() == told["hash"]
    assert work_problem(header, entry) is None
    assert "does not meet" in str(work_problem(header[:76] + bytes(4), entry))
