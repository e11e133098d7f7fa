"""Spent outputs that a source tells: they land at their inputs, and contradict nothing the blocks show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.prevouts import with_prevouts
from adapters.simulation.encode import sha256d
from tests.rawblocks import RawChain, RawTx, p2pkh, shop_chain
from tests.stores import facts, opened
from tracer.chain import FROM_POOL, ScriptKind
from tracer.errors import BadBlock, DataError
from tracer.ledger.batch import UtxoBatch
from tracer.ledger.ingest import Loader
from tracer.workspace import Workspace

REGTEST = CHAINS["bitcoin-regtest"]
OP_HASH256 = b"\xaa\x20" + b"covenant".ljust(32, b"\0") + b"\x87"
TOKEN = b"\xef" + b"category".ljust(32, b"\0") + b"\x10\x05"


def batch(blocks: list[bytes], height: int) -> UtxoBatch:
    sizes = np.array([len(block) for block in blocks])
    names = np.frombuffer(b"".join(sha256d(block[:80]) for block in blocks), np.uint8).reshape(-1, 32)
    ends = np.cumsum(sizes)
    buffer = np.frombuffer(b"".join(blocks), np.uint8).copy()
    found = decode_blocks(buffer, ends - sizes, ends, height, names.copy(), REGTEST)
    assert found.batch is not None
    return found.batch


def load(folder: Path, *batches: UtxoBatch) -> Workspace:
    workspace = Workspace(folder)
    for part in batches:
        with opened(workspace, read_only=False) as ledger:
            Loader(ledger).load([part])
    return workspace


def outpoint(name: str, vout: int = 0) -> tuple[bytes, int]:
    return sha256d(name.encode()), vout


def payments() -> list[bytes]:
    """One block: alice's coin to a shop, then bob's and carol's together."""
    chain = RawChain()
    chain.add(
        RawTx([outpoint("alice's")], [(p2pkh("shop"), 700)]),
        RawTx([outpoint("bob's"), outpoint("carol's")], [(p2pkh("shop"), 2_100)]),
    )
    return chain.blocks[1:]


def told(batch: UtxoBatch) -> list[tuple[int | None, bytes | None]]:
    rows = batch.inputs.select(["prev_value", "prev_payload"]).to_pylist()
    return [(row["prev_value"], row["prev_payload"] and row["prev_payload"].rstrip(b"\0")) for row in rows]


ALICE, BOB, CAROL = ((1_000, b"alice"), (2_000, b"bob"), (3_000, b"carol"))
VALUES = [1_000, 2_000, 3_000]
SCRIPTS = [p2pkh("alice"), p2pkh("bob"), p2pkh("carol")]


def test_they_land_at_their_inputs_in_the_order_of_the_block() -> None:
    assert told(with_prevouts(batch(payments(), 1), VALUES, SCRIPTS)) == [ALICE, BOB, CAROL]


def test_where_transactions_are_kept_in_another_order_than_the_blocks_they_land_all_the_same() -> None:
    """On bitcoin-cash a child may stand before its parent in the block, and comes after it here."""
    found = batch(payments(), 1)
    kept = found.txs.set_column(
        found.txs.schema.get_field_index("block_index"), "block_index", pa.array([None, 2, 1], pa.int32())
    )
    moved = UtxoBatch(found.blocks, kept, found.outputs, found.inputs)
    in_block = with_prevouts(moved, [2_000, 1_000, 3_000], [p2pkh("bob"), p2pkh("alice"), p2pkh("carol")])
    # the second transaction here is the block's third, whose one input is told last
    assert told(in_block) == [CAROL, BOB, ALICE]


def test_what_leaves_a_pool_keeps_what_it_says_of_itself() -> None:
    found = batch(payments(), 1)
    pool = {"prev_value": 4_000, "prev_kind": int(ScriptKind.SHIELDED), "prev_vout": FROM_POOL}
    rows = found.inputs.to_pylist()
    rows[1] |= pool
    inputs = pa.Table.from_pylist(rows, schema=found.inputs.schema)
    shielded = with_prevouts(
        UtxoBatch(found.blocks, found.txs, found.outputs, inputs), [1_000, 3_000], [SCRIPTS[0], SCRIPTS[2]]
    )
    assert told(shielded) == [ALICE, (4_000, None), CAROL]


def test_what_was_not_told_stays_unknown(tmp_path: Path) -> None:
    found = with_prevouts(batch(payments(), 1), [1_000, -1, 3_000], [SCRIPTS[0], b"", SCRIPTS[2]])
    assert told(found) == [ALICE, (None, None), CAROL]
    rows = facts(load(tmp_path, found))
    assert [row[9] for row in rows["tx"]] == [None, 300, None]


def test_a_number_that_is_not_that_of_the_inputs_is_refused() -> None:
    with pytest.raises(DataError, match="2 spent outputs were given for 3 inputs"):
        with_prevouts(batch(payments(), 1), VALUES[:2], SCRIPTS[:2])
    with pytest.raises(DataError, match="3 values and 2 scripts"):
        with_prevouts(batch(payments(), 1), VALUES, SCRIPTS[:2])


def test_more_than_all_money_is_refused() -> None:
    with pytest.raises(DataError, match="outside the money range"):
        with_prevouts(batch(payments(), 1), [1_000, 21 * 10**14 + 1, 3_000], SCRIPTS, REGTEST)


def test_a_chain_says_how_its_scripts_are_read() -> None:
    cash = CHAINS["bitcoin-cash"]
    assert cash.tokens_height is not None
    scripts = [OP_HASH256, TOKEN + p2pkh("bob"), p2pkh("carol")]
    for height, payloads in (
        (cash.tokens_height, [b"covenant", b"bob", b"carol"]),
        (cash.tokens_height - 1, [None, None, b"carol"]),
    ):
        found = with_prevouts(batch(payments(), height), VALUES, scripts, cash)
        assert [payload for _, payload in told(found)] == payloads


# --- against what blocks show

Telling = list[tuple[int, bytes]]


def shop() -> tuple[list[bytes], Telling]:
    """Blocks 3 to 12 of `shop_chain`, and what their transactions truly spend."""
    blocks = shop_chain().blocks
    change = 50 * 10**8
    true: Telling = [(change, p2pkh("alice"))]
    for height in range(3, 12):
        change -= 1_000_500
        owner = f"owner {height}"
        script = b"\x00\x14" + owner.encode().ljust(20, b"\0") if height % 2 else p2pkh(owner)
        true.append((change, script))
    return blocks, true


def tell(blocks: list[bytes], first: int, true: Telling) -> UtxoBatch:
    return with_prevouts(
        batch(blocks[first:], first), [value for value, _ in true], [script for _, script in true]
    )


def test_what_is_told_truly_changes_nothing_that_blocks_show(tmp_path: Path) -> None:
    blocks, true = shop()
    silent = facts(load(tmp_path / "silent", batch(blocks, 0)))
    assert facts(load(tmp_path / "told", tell(blocks, 0, true))) == silent
    low, high = batch(blocks[:8], 0), tell(blocks, 8, true[5:])
    assert facts(load(tmp_path / "up", low, high)) == silent
    assert facts(load(tmp_path / "down", high, low)) == silent


@pytest.mark.parametrize(
    ("value", "script", "reason"),
    [
        (1, p2pkh("owner 7"), "pays out more than it takes in|spends another amount"),
        (60 * 10**8, p2pkh("owner 7"), "spends another amount or address than its source told"),
        (None, p2pkh("mallory"), "spends another amount or address than its source told"),
        (None, b"\x6a", "spends another amount or address than its source told"),
    ],
    ids=["too little", "too much", "of another address", "of nobody's address"],
)
@pytest.mark.parametrize("order", ["in one turn", "from the store", "from blocks that come later"])
def test_a_source_that_tells_otherwise_than_the_blocks_is_refused_by_name(
    tmp_path: Path, value: int | None, script: bytes, reason: str, order: str
) -> None:
    blocks, true = shop()
    true[5] = (true[5][0] if value is None else value, script)  # of block 8
    low, high = batch(blocks[:8], 0), tell(blocks, 8, true[5:])
    parts = {
        "in one turn": (tell(blocks, 0, true),),
        "from the store": (low, high),
        "from blocks that come later": (high, low),
    }[order]
    with pytest.raises(BadBlock, match=f"height 8.*({reason})"):
        load(tmp_path, *parts)
