"""A node's JSON written back into bytes: what can be, is the block; what cannot, is said."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from adapters.bitcoin.written import base_units, block_bytes, spent, tx_bytes
from adapters.simulation.encode import sha256d
from tests.rawblocks import shop_chain
from tests.wire import Reader, Rules, Tx, transactions
from tracer.errors import BadBlock

Fields = dict[str, Any]
COIN = Decimal(100_000_000)


def told(raw: bytes) -> Fields:
    """What `getblock 3` says of a block, with the spent output of each input as 1 coin to OP_TRUE."""
    head = Reader(raw)
    version, prev, root, time, bits, nonce = (
        head.number(4), head.take(32), head.take(32), head.number(4), head.number(4), head.number(4),
    )  # fmt: skip
    return {
        "hash": sha256d(raw[:80])[::-1].hex(), "version": version, "previousblockhash": prev[::-1].hex(),
        "merkleroot": root[::-1].hex(), "time": time, "bits": format(bits, "08x"), "nonce": nonce,
        "tx": [_tx(tx, coinbase=place == 0) for place, tx in enumerate(transactions(raw, Rules(21 * 10**14)))],
    }  # fmt: skip


def _tx(tx: Tx, *, coinbase: bool) -> Fields:
    stacks = tx.witness or [[] for _ in tx.ins]
    vin: list[Fields] = [
        {"sequence": sequence, "txinwitness": [item.hex() for item in stack]}
        | (
            {"coinbase": script.hex()}
            if coinbase
            else {
                "txid": prev[::-1].hex(), "vout": vout, "scriptSig": {"hex": script.hex()},
                "prevout": {"value": Decimal(1), "scriptPubKey": {"hex": "51"}},
            }
        )
        for (prev, vout, script, sequence), stack in zip(tx.ins, stacks, strict=True)
    ]  # fmt: skip
    vout = [{"n": n, "value": v / COIN, "scriptPubKey": {"hex": s.hex()}} for n, (v, s) in enumerate(tx.outs)]
    return {
        "txid": tx.txid[::-1].hex(), "hash": sha256d(tx.raw)[::-1].hex(), "vin": vin, "vout": vout,
        "version": int.from_bytes(tx.raw[:4], "little"), "locktime": int.from_bytes(tx.raw[-4:], "little"),
    }  # fmt: skip


RAWS = shop_chain().blocks
WITH_WITNESS = RAWS[3]


def test_blocks_come_back_byte_by_byte() -> None:
    assert [block_bytes(told(raw)) for raw in RAWS] == RAWS


def test_hex_is_taken_where_it_is_of_that_transaction() -> None:
    block = told(WITH_WITNESS)
    for tx in block["tx"]:
        tx["hex"] = tx_bytes(tx).hex()
        del tx["vin"], tx["vout"]  # not needed then
    assert block_bytes(block) == WITH_WITNESS
    block["tx"][1]["hex"] = block["tx"][0]["hex"]
    with pytest.raises(BadBlock, match=r"the hex of transaction [0-9a-f]{64} is of another transaction"):
        block_bytes(block)


def test_spent_outputs_are_told_in_order_or_not_at_all() -> None:
    block = told(WITH_WITNESS)
    assert spent(block) == [(10**8, b"\x51")]
    del block["tx"][1]["vin"][0]["prevout"]
    assert spent(block) is None
    assert spent(told(RAWS[0])) == []


@pytest.mark.parametrize(
    ("amount", "units"),
    [
        ("1E-8", 1),
        ("0", 0),
        ("50", 5 * 10**9),
        ("1.10000000", 110_000_000),
        ("92233720368.54775807", (1 << 63) - 1),
    ],
)
def test_amounts_are_exact(amount: str, units: int) -> None:
    assert base_units(Decimal(amount)) == units


@pytest.mark.parametrize(
    "amount", ["1E-9", "0.123456789", "-1", "NaN", "Infinity", "1E400", "92233720368.54775808"]
)
def test_what_is_no_whole_number_of_base_units_is_refused(amount: str) -> None:
    with pytest.raises(BadBlock):
        base_units(Decimal(amount))


@pytest.mark.parametrize("amount", [0.5, "0.5", True, None])
def test_what_was_not_read_as_a_decimal_is_refused(amount: object) -> None:
    with pytest.raises(BadBlock, match="no exact amount"):
        base_units(amount)


def _without(*names: str) -> Callable[[Fields], None]:
    def edit(block: Fields) -> None:
        for name in names:
            del (block["tx"][1] if name in block["tx"][1] else block)[name]

    return edit


def _put(where: Callable[[Fields], Fields], **values: Any) -> Callable[[Fields], None]:
    return lambda block: where(block).update(values)


CANNOT = {
    "no Merkle root": (_without("merkleroot"), "the node does not tell 'merkleroot'"),
    "no inputs": (_without("vin"), "the node does not tell 'vin'"),
    "txids only": (_put(lambda block: block, tx=["ab" * 32]), "transaction abab"),
    "a solution": (_put(lambda block: block, solution="00"), "holds a solution"),
    "a block of MWEB": (_put(lambda block: block, mweb={}), "carries a block of MWEB"),
    "merged mining": (_put(lambda block: block, auxpow={}), "another chain's proof of work"),
    "tokens": (_put(lambda block: block["tx"][1]["vout"][0], tokenData={}), "carries tokens"),
    "outputs out of order": (_put(lambda block: block["tx"][1]["vout"][0], n=1), "not told in order"),
    "a time before time": (_put(lambda block: block, time=-1), "a field holds what it cannot"),
    "bytes that are none": (_put(lambda block: block["tx"][1]["vout"][0]["scriptPubKey"], hex="0g"), "a field holds"),
    "a hash too short": (_put(lambda block: block["tx"][1]["vin"][0], txid="ab"), "is no hash"),
    "an amount too fine": (_put(lambda block: block["tx"][1]["vout"][0], value=Decimal("1E-9")), "no whole number"),
}  # fmt: skip


@pytest.mark.parametrize("what", CANNOT)
def test_what_cannot_be_written_is_named_with_its_block(what: str) -> None:
    edit, words = CANNOT[what]
    block = told(WITH_WITNESS)
    edit(block)
    with pytest.raises(BadBlock, match=rf"^block {block['hash']}: .*{words}"):
        block_bytes(block)
