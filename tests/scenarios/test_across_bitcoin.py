"""Bitcoin over a THORChain-shaped bridge, both ways: real blocks with real OP_RETURN memos beside a router's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adapters.bitcoin.chains import chain_named
from adapters.bitcoin.folder.source import BlockFiles
from tests.rawblocks import RawChain, RawTx, p2wpkh, write
from tests.scenarios.accounts import Move, Row, Token, Tx, shown
from tests.scenarios.across import (
    NEAR,
    Across,
    born,
    paid_in,
    paid_out,
    tag,
    unbalanced,
)  # fmt: skip
from tests.scenarios.test_across import closes
from tracer.chain import AddressKey, ScriptKind
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

COIN = 10**8
USD = (NEAR, "USD")
TOKENS = [Token("USD", 6)]


def test_bitcoin_over_thorchain_to_a_token_and_an_exchange(tmp_path: Path) -> None:
    """Real blocks with a real OP_RETURN on one side, the router's events on the other; both ways."""
    bitcoin = chain_named("bitcoin-regtest")
    blocks = RawChain()
    first = blocks.add(miner=p2wpkh("thief"))
    ours = blocks.add(miner=p2wpkh("ann"))
    memo = b"=:ETH.USD-0X1:mule:0/1/0"
    swap = RawTx(
        [(first.txid, 0), (ours.txid, 0)],
        [(p2wpkh("vault"), 60 * COIN), (p2wpkh("thief"), 40 * COIN), (bytes([0x6A, len(memo)]) + memo, 0)],
        witness=[[b"\x30" * 71, b"\x02" * 33]] * 2,
    )
    blocks.add(swap)
    txid = swap.txid[::-1].hex()
    (tmp_path / "blocks").mkdir()
    write(tmp_path / "blocks" / "blk00000.dat", blocks.blocks)
    pull(
        lambda: Ledger.open(Workspace(tmp_path).ready(), bitcoin, read_only=False),
        BlockFiles(tmp_path / "blocks", bitcoin),
    )
    rows: dict[str, Sequence[Row]] = {
        NEAR: [
            born(router=5_000),
            paid_out("in", "mule", "USD", 3_000, f"OUT:{txid.upper()}"),
            Tx("exit", "mule", moves=[Move("mule", "hot", 2_000, "USD")]),
        ]
    }
    vault = bitcoin.render_address(AddressKey(ScriptKind.P2WPKH, b"vault".ljust(20, b"\0")))
    tags = [tag(bitcoin, vault, category="defi_bridge"), tag(NEAR, "hot", "nokyc")]
    case = Across(tmp_path, rows, tags=tags, told=TOKENS, others={"bitcoin-regtest": bitcoin})
    case.names[txid] = "swap"
    seed = f"{first.txid[::-1].hex()}:0"

    found = case.trace("bitcoin-regtest", seed, method="haircut", edges=True)
    assert found.crossings == [("thorchain", "swap", 30 * COIN, "in", 1_500)]
    graph = found.document["graph"]
    assert [node["kind"] for node in graph["nodes"]] == [
        "seed", "transaction", "transaction", "bridge", "account", "unspent", "service", "unspent",
    ]  # fmt: skip
    assert unbalanced(graph) == []
    assert found.legs == [("nokyc", NEAR, "exit", 1_000)]
    assert found.totals == {
        ("bitcoin-regtest", "BTC"): {"seed": 50 * COIN, "unspent": 20 * COIN, "converted_out": 30 * COIN},
        (NEAR, "USD"): {"converted_in": 1_500, "services": 1_000, "unspent": 500},
    }
    closes(found)
    assert "BTC left and USD came" in found.notes

    back = case.trace(NEAR, "exit:0", direction="backward", method="fifo")
    assert back.crossings == [("thorchain", "swap", 40 * COIN, "in", 2_000)]
    assert back.totals == {
        (NEAR, "USD"): {"seed": 2_000, "converted_out": 2_000},
        ("bitcoin-regtest", "BTC"): {"converted_in": 40 * COIN, "minted": 40 * COIN},
    }

    tiho = case.trace("bitcoin-regtest", seed, method="tiho")
    assert [stop[0] for stop in tiho.stops] == ["bridge"]
    assert f"{NEAR} was not followed: tiho fills the largest output first" in tiho.notes
    assert tiho.document["coverage"]["status"] == "partial"

    stopped = case.trace("bitcoin-regtest", seed, alone=True).stops
    assert [stop[:3] for stop in stopped] == [("bridge", "swap", 50 * COIN)]
    assert stopped[0][3] is not None
    assert (stopped[0][3]["chain"], stopped[0][3]["recipient"]) == (NEAR, "mule")


def test_bitcoin_paid_out_of_thorchain_is_followed_on_bitcoin(tmp_path: Path) -> None:
    """The other way round: a token goes into the router, the vault pays bitcoin and says for what."""
    bitcoin = chain_named("bitcoin-regtest")
    rows: dict[str, Sequence[Row]] = {
        NEAR: [
            replace(born(victim=4_000), day=-3_520),  # before the blocks
            Tx("steal", "victim", moves=[Move("victim", "thief", 3_000, "USD")]),
            paid_in("swap", "thief", "USD", 3_000, "=:BTC.BTC:bcrt1exit:0/1/0"),
        ]
    }
    blocks = RawChain()
    first = blocks.add(miner=p2wpkh("vault"))
    memo = f"OUT:{shown('swap').removeprefix('0x').upper()}".encode()
    paid = RawTx(
        [(first.txid, 0)],
        [(p2wpkh("mule"), 9 * COIN), (p2wpkh("vault"), 41 * COIN), (bytes([0x6A, len(memo)]) + memo, 0)],
        witness=[[b"\x30" * 71, b"\x02" * 33]],
    )
    blocks.add(paid)
    (tmp_path / "blocks").mkdir()
    write(tmp_path / "blocks" / "blk00000.dat", blocks.blocks)
    pull(
        lambda: Ledger.open(Workspace(tmp_path).ready(), bitcoin, read_only=False),
        BlockFiles(tmp_path / "blocks", bitcoin),
    )
    vault = bitcoin.render_address(AddressKey(ScriptKind.P2WPKH, b"vault".ljust(20, b"\0")))
    case = Across(
        tmp_path, rows, tags=[tag(bitcoin, vault, category="defi_bridge")], told=TOKENS,
        others={"bitcoin-regtest": bitcoin},
    )  # fmt: skip
    case.names[paid.txid[::-1].hex()] = "paid"
    found = case.trace(NEAR, "steal:0")
    assert found.crossings == [("thorchain", "swap", 3_000, "paid", 9 * COIN)]
    assert found.totals == {
        USD: {"seed": 3_000, "converted_out": 3_000},
        ("bitcoin-regtest", "BTC"): {"converted_in": 9 * COIN, "unspent": 9 * COIN},
    }
    back = case.trace("bitcoin-regtest", f"{paid.txid[::-1].hex()}:0", direction="backward")
    assert back.crossings == [("thorchain", "swap", 3_000, "paid", 9 * COIN)]
    assert back.totals == {
        ("bitcoin-regtest", "BTC"): {"seed": 9 * COIN, "converted_out": 9 * COIN},
        USD: {"converted_in": 3_000, "minted": 3_000},
    }
