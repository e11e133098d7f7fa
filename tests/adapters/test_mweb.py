"""Litecoin's MWEB: blocks with a HogEx and an extension block are read, and a trace into the pool ends there.

Made by hand, and by a real litecoind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.bitcoin.decode import decode_blocks
from adapters.simulation.encode import sha256d
from rules.mixers import DETECTORS
from rules.mixers.mweb import Mweb
from tests.cli.test_trace import Ran
from tests.nodes.litecoind import Litecoind, litecoind
from tests.rawblocks import RawTx, coinbase, p2pkh, write
from tests.rawfamily import FamilyChain, regtest
from tests.stores import opened, synced
from tracer.clustering.mixing import find_mixes
from tracer.workspace import Workspace

LITECOIN = regtest("litecoin")
PEG_IN, POOL = b"\x59\x20" + b"k" * 32, b"\x58\x20"
EXTENSION = b"\x01" + b"what happens inside"


class HogEx(RawTx):
    """The integrating transaction: flag 8, and an empty place for MWEB data."""

    mweb = b"\x08"

    @property
    def full(self) -> bytes:
        body = self.stripped
        return body[:4] + b"\0" + self.mweb + body[4:-4] + b"\0" + body[-4:]


def hogex(*spends: tuple[bytes, int], pool: int, out: tuple[tuple[bytes, int], ...] = ()) -> HogEx:
    """Takes the former pool and peg-ins, pays the pool and peg-outs."""
    return HogEx(spends, [(POOL + bytes([len(spends)]) * 32, pool), *out])


def pegged() -> tuple[FamilyChain, dict[str, HogEx | RawTx]]:
    """Alice pegs in, nothing happens for a block, bob is pegged out."""
    chain = FamilyChain(LITECOIN)
    coin = chain.add(miner=p2pkh("alice"))
    value = LITECOIN.subsidy(1)
    paid = RawTx([(coin.txid, 0)], [(PEG_IN, value - 1000), (p2pkh("alice"), 900)])
    first = hogex((paid.txid, 0), pool=value - 1000)
    idle = hogex((first.txid, 0), pool=value - 1000)
    out = hogex((idle.txid, 0), pool=value - 6000, out=((p2pkh("bob"), 4900),))
    for height, txs in enumerate(((paid, first), (idle,), (out,)), start=2):
        chain.add_raw([coinbase(height, [(p2pkh("miner"), value)]), *txs], behind=EXTENSION)
    return chain, {"paid": paid, "first": first, "idle": idle, "out": out}


def test_what_goes_into_the_pool_and_comes_out_is_on_the_ledger(tmp_path: Path) -> None:
    chain, named = pegged()
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), LITECOIN.name)
    with opened(workspace, LITECOIN.name) as ledger:
        rows = {
            txid: row for txid, *row in ledger.db.rows("SELECT txid, fee, out_value, size, vsize FROM tx")
        }
        assert [rows[named[name].txid][:2] for name in ("paid", "first", "idle", "out")] == [
            [100, 4_999_999_900],
            [0, 4_999_999_000],
            [0, 4_999_999_000],
            [100, 4_999_998_900],
        ]
        # the three bytes of the flag are in the transaction's size, and weigh nothing
        assert rows[named["idle"].txid][2:] == [97, 94]
        mixes = find_mixes(ledger, DETECTORS, first=0)
        found = ledger.render_txids(mixes["tx_id"].to_list())
    assert set(mixes["kind"]) == {"mweb"}
    assert mixes["apart"].all()
    assert mixes["stops"].all()
    assert set(found.values()) == {named[name].txid[::-1].hex() for name in ("first", "out")}


def test_the_same_shape_on_another_chain_is_nobodys_pool(tmp_path: Path) -> None:
    chain = FamilyChain(regtest("bitcoin"))
    coin = chain.add(miner=PEG_IN)
    chain.add(RawTx([(coin.txid, 0)], [(POOL + b"p" * 32, 1000), (p2pkh("bob"), 900)]))
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), "bitcoin-regtest")
    with opened(workspace, "bitcoin-regtest") as ledger:
        assert find_mixes(ledger, [Mweb()], first=0).is_empty()


def test_a_payment_to_version_8_that_spends_ordinary_coins_is_no_hogex(tmp_path: Path) -> None:
    chain = FamilyChain(LITECOIN)
    coin = chain.add()
    chain.add(RawTx([(coin.txid, 0)], [(POOL + b"p" * 32, 1000), (p2pkh("bob"), 900)]))
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), LITECOIN.name)
    with opened(workspace, LITECOIN.name) as ledger:
        assert find_mixes(ledger, [Mweb()], first=0).is_empty()


def _torn(change: str) -> list[bytes]:
    chain, named = pegged()
    miner = coinbase(5, [(p2pkh("miner"), 5)])
    last = hogex((named["out"].txid, 0), pool=LITECOIN.subsidy(1) - 6000)
    match change:
        case "not the last":
            chain.add_raw([miner, last, RawTx([(last.txid, 0)], [(p2pkh("eve"), 1)])], EXTENSION)
        case "no extension block":
            chain.add_raw([miner, last])
        case "an extension block that says nothing":
            chain.add_raw([miner, last], b"\1")
        case "an unknown flag":
            last.mweb = b"\x09"
            chain.add_raw([miner, last], EXTENSION)
        case "bytes behind a block without HogEx":
            chain.add_raw([miner], EXTENSION)
        case "a coinbase":
            first = HogEx(miner.ins, miner.outs, script_sig=miner.script_sig, sequence=miner.sequence)
            chain.add_raw([first], EXTENSION)
    return chain.blocks


REFUSED = {
    "not the last": "not the last carries MWEB data",
    "no extension block": "ends in the middle",
    "an extension block that says nothing": "ends in the middle",
    "an unknown flag": "witness marker or flag is wrong",
    "bytes behind a block without HogEx": "bytes follow its last transaction",
    "a coinbase": "not the last carries MWEB data",
}


@pytest.mark.parametrize("change", list(REFUSED))
def test_a_malformed_extension_is_refused(change: str) -> None:
    blocks = _torn(change)
    ends = np.cumsum([len(block) for block in blocks], dtype=np.int64)
    starts = ends - np.array([len(block) for block in blocks], np.int64)
    hashes = np.array([np.frombuffer(sha256d(block[:80]), np.uint8) for block in blocks])
    buffer = np.frombuffer(b"".join(blocks), np.uint8).copy()
    decoded = decode_blocks(buffer, starts, ends, 0, hashes, LITECOIN)
    assert decoded.sound == 5
    assert REFUSED[change] in str(decoded.problem)


def test_a_hogex_without_extension_block_is_whole(tmp_path: Path) -> None:
    """The byte behind it says that there is none."""
    chain, named = pegged()
    last = hogex((named["out"].txid, 0), pool=LITECOIN.subsidy(1) - 6000)
    chain.add_raw([coinbase(5, [(p2pkh("miner"), 5)]), last], b"\0")
    workspace = synced(tmp_path / "w", write(tmp_path / "blk.dat", chain.blocks), LITECOIN.name)
    with opened(workspace, LITECOIN.name) as ledger:
        assert ledger.find_tx(last.txid)


# a real node


@dataclass
class Town:
    """A peg-in and a peg-out by a litecoind: what it says of its blocks, and a workspace that read them."""

    workspace: Workspace
    told: list[dict[str, Any]]
    paid_in: str
    peg_in: str
    peg_out: str


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("mweb")
    with litecoind(folder / "node") as node:
        node.mine(431)
        inside = node.call("getnewaddress", "", "mweb")
        (paid_in,) = node.pay(1_250_000_000, to=inside)
        node.mine(2)
        locked = [
            {"txid": coin["txid"], "vout": coin["vout"]}
            for coin in node.call("listunspent")
            if not coin["address"].startswith("tmweb")
        ]
        node.call("lockunspent", False, locked)
        node.pay(300_000_000, to=node.call("getnewaddress", "", "bech32"))
        node.call("lockunspent", True, locked)
        node.mine(2)
        told = [_block(node, height) for height in range(425, node.height + 1)]
        node.stop()
        workspace = synced(folder / "w", node.datadir / "blocks", LITECOIN.name)
    ins = [block for block in told if paid_in in [tx["txid"] for tx in block["tx"]]]
    outs = [block for block in told if len(block["tx"][-1]["vout"]) > 1 and "mweb" in block]
    yield Town(workspace, told, paid_in, ins[0]["tx"][-1]["txid"], outs[0]["tx"][-1]["txid"])


def _block(node: Litecoind, height: int) -> dict[str, Any]:
    found: dict[str, Any] = node.call("getblock", node.call("getblockhash", height), 2)
    return found


def test_blocks_with_mweb_are_read_as_the_node_tells_them(town: Town) -> None:
    with opened(town.workspace, LITECOIN.name) as ledger:
        rows = ledger.db.rows(
            "SELECT tx_id >> 24, txid, size, vsize, out_value FROM tx WHERE tx_id >> 24 >= 425 ORDER BY tx_id"
        )
        found = [(height, ledger.chain.hash_text(txid), *more) for height, txid, *more in rows]
        outputs = ledger.db.rows("SELECT address_id FROM txout WHERE tx_id >> 24 >= 425 ORDER BY tx_id, vout")
        names = ledger.render_addresses([a for (a,) in outputs if a is not None])
    assert found == [
        (
            block["height"],
            tx["txid"],
            tx["size"],
            tx["vsize"],
            sum(int(out["value"] * 10**8) for out in tx["vout"]),
        )
        for block in town.told
        for tx in block["tx"]
    ]
    told = [out["scriptPubKey"] for block in town.told for tx in block["tx"] for out in tx["vout"]]
    pairs = zip(outputs, told, strict=True)
    named = [(names.get(a), script["addresses"][0]) for (a,), script in pairs if "addresses" in script]
    assert named
    assert all(ours == theirs for ours, theirs in named)
    kinds = {script["type"] for script in told}
    assert {"witness_mweb_pegin", "witness_mweb_hogaddr"} <= kinds


def test_only_what_pegs_in_or_out_is_a_mix(town: Town) -> None:
    with opened(town.workspace, LITECOIN.name) as ledger:
        found = find_mixes(ledger, DETECTORS, first=0)
        names = set(ledger.render_txids(found["tx_id"].to_list()).values())
        hogexes = [block["tx"][-1]["txid"] for block in town.told if "mweb" in block]
    assert names == {town.peg_in, town.peg_out}
    assert len(hogexes) > 2


def test_a_trace_into_the_pool_ends_there(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    folder = town.workspace.root
    assert Ran(folder, capsys, "cluster", "build", LITECOIN.name).code == 0
    seed = f"{LITECOIN.name}:{town.paid_in}:0"
    document = Ran(folder, capsys, "trace", seed, "--method", "fifo", "--json").json
    (total,) = document["totals"]
    assert (total["asset"], total["stopped"]) == ("LTC", total["seed"])
    assert [(stop["reason"], stop["txid"]) for stop in document["stops"]] == [("mixer", town.peg_in)]
    (status,) = Ran(folder, capsys, "status", "--json").json["chains"]
    assert (status["chain"], status["unresolved_inputs"]) == (LITECOIN.name, 0)
    assert LITECOIN.notes[0] in status["unverified"]
