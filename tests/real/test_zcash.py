"""Recorded Zcash blocks: headers and their solutions, txids, and what each transaction moves, against bitcoin-etl.

The records are a node's JSON. It tells a JoinSplit without its key and signature: there zeros stand, and only such a
transaction's own txid is not compared.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.bitcoin.chains import CHAINS
from adapters.bitcoin.decode import decode_blocks
from adapters.bitcoin.headers import work_problem
from adapters.bitcoin.layouts import Walked, walk
from adapters.bitcoin.zcash.scan import GROUPS
from adapters.simulation.encode import varint

CHAIN = CHAINS["zcash"]
RECORDS = {0: "block_0", 508: "block_with_shielded_addresses", 462_085: "block_with_value_balance"}
Fields = Mapping[str, Any]
Record = tuple[Fields, list[Fields]]


@pytest.fixture(params=list(RECORDS))
def record(request: pytest.FixtureRequest, realdata: Path) -> Record:
    """A node's block and bitcoin-etl's rows of its transactions."""
    folder = realdata / "bitcoin/etl/zcash" / RECORDS[request.param]
    (path,) = folder.glob("rpc_response_getblock_*")
    block = json.loads(path.read_text(), parse_float=Decimal)
    lines = (folder / "expected_transactions.json").read_text().splitlines()
    return block, [json.loads(line, parse_float=Decimal) for line in lines if line.strip()]


def units(coins: Decimal) -> int:
    return int(coins * 10**8)


def wire(text: str) -> bytes:
    return bytes.fromhex(text)[::-1]


def header(block: Fields) -> bytes:
    solution = bytes.fromhex(block["solution"])
    return (
        struct.pack("<i", block["version"])
        + wire(block.get("previousblockhash", "00" * 32))
        + wire(block["merkleroot"])
        + wire(block["finalsaplingroot"])
        + struct.pack("<I", block["time"])
        + wire(block["bits"])
        + wire(block["nonce"])
        + varint(len(solution))
        + solution
    )


def transaction(tx: Fields) -> bytes:
    """Written from the protocol specification, section 7.1."""
    version, ins, outs = tx["version"], tx["vin"], tx["vout"]
    raw = struct.pack("<I", version | (tx["overwintered"] << 31))
    if tx["overwintered"]:
        raw += struct.pack("<I", GROUPS[version])
        assert wire(tx["versiongroupid"]) == raw[4:8]
    raw += varint(len(ins))
    for each in ins:
        if "coinbase" in each:
            point, script = bytes(32) + b"\xff" * 4, bytes.fromhex(each["coinbase"])
        else:
            point = wire(each["txid"]) + struct.pack("<I", each["vout"])
            script = bytes.fromhex(each["scriptSig"]["hex"])
        raw += point + varint(len(script)) + script + struct.pack("<I", each["sequence"])
    raw += varint(len(outs))
    for each in outs:
        script = bytes.fromhex(each["scriptPubKey"]["hex"])
        raw += struct.pack("<q", each["valueZat"]) + varint(len(script)) + script
    raw += struct.pack("<I", tx["locktime"])
    if tx["overwintered"]:
        raw += struct.pack("<I", tx["expiryheight"])
    sapling = 0
    if version == 4:
        spends, receipts = tx["vShieldedSpend"], tx["vShieldedOutput"]
        sapling = len(spends) + len(receipts)
        raw += struct.pack("<q", units(tx["valueBalance"])) + varint(len(spends))
        for each in spends:
            raw += b"".join(wire(each[name]) for name in ("cv", "anchor", "nullifier", "rk"))
            raw += bytes.fromhex(each["proof"]) + bytes.fromhex(each["spendAuthSig"])
        raw += varint(len(receipts))
        for each in receipts:
            raw += b"".join(wire(each[name]) for name in ("cv", "cmu", "ephemeralKey"))
            raw += b"".join(bytes.fromhex(each[name]) for name in ("encCiphertext", "outCiphertext", "proof"))
    if version >= 2:
        raw += varint(len(tx["vjoinsplit"]))
        for each in tx["vjoinsplit"]:
            raw += struct.pack("<qq", units(each["vpub_old"]), units(each["vpub_new"])) + wire(each["anchor"])
            raw += b"".join(wire(part) for part in (*each["nullifiers"], *each["commitments"]))
            raw += wire(each["onetimePubKey"]) + wire(each["randomSeed"])
            raw += b"".join(wire(part) for part in each["macs"]) + bytes.fromhex(each["proof"])
            raw += b"".join(bytes.fromhex(part) for part in each["ciphertexts"])
        raw += bytes(96) if tx["vjoinsplit"] else b""
    return raw + (bytes.fromhex(tx["bindingSig"]) if sapling else b"")


def walked(block: Fields) -> Walked:
    body = varint(len(block["tx"])) + b"".join(transaction(tx) for tx in block["tx"])
    raw = np.frombuffer(body, np.uint8).copy()
    found = walk(raw, np.array([0]), np.array([len(raw)]), block["height"], CHAIN)
    assert found.problem is None
    assert len(body) + len(header(block)) == block["size"]
    return found


def test_a_header_has_its_hash_and_its_solution(record: Record) -> None:
    block, _ = record
    raw = header(block)
    assert CHAIN.proof.hash(raw)[::-1].hex() == block["hash"]
    assert work_problem(raw, CHAIN) is None
    touched = bytearray(raw)
    touched[1_000] ^= 1
    assert work_problem(bytes(touched), CHAIN) is not None


def test_transactions_have_their_txids(record: Record) -> None:
    """Of all whose bytes are told whole: version 1, and version 4 with and without Sapling."""
    block, _ = record
    found = walked(block)
    for row, tx in enumerate(block["tx"]):
        if not tx["vjoinsplit"]:
            assert found.txids[row].tobytes()[::-1].hex() == tx["txid"]


def test_what_each_transaction_moves_is_what_bitcoin_etl_says(record: Record) -> None:
    """bitcoin-etl has a row for every JoinSplit and value balance; of one pool they are one sum here."""
    block, rows = record
    found = walked(block)
    assert [row["hash"] for row in rows] == [tx["txid"] for tx in block["tx"]]
    pools = found.pools
    assert pools is not None
    for number, row in enumerate(rows):
        paid = found.txout[found.txout[:, 0] == number]
        spent = int((found.txin[:, 0] == number).sum())
        plain_outs = [out["value"] for out in row["outputs"] if out["type"] != "shielded"]
        plain_ins = [i for i in row["inputs"] if i["type"] != "shielded"]
        assert paid[:, 1].tolist() == plain_outs
        assert spent == len(plain_ins) + row["is_coinbase"]
        into = sum(out["value"] for out in row["outputs"] if out["type"] == "shielded")
        out_of = sum(i["value"] for i in row["inputs"] if i["type"] == "shielded")
        assert int(pools[number].sum()) == into - out_of
        if not plain_ins and not row["is_coinbase"]:  # all that comes in is told
            assert -int(pools[number].sum()) - int(paid[:, 1].sum()) == row["fee"]
        moved = {name: int(units) for name, units in zip(("sprout", "sapling"), pools[number], strict=False)}
        sprout = sum(units(j["vpub_old"]) - units(j["vpub_new"]) for j in block["tx"][number]["vjoinsplit"])
        assert moved == {
            "sprout": sprout,
            "sapling": -units(block["tx"][number].get("valueBalance", Decimal(0))),
        }


@pytest.mark.parametrize("record", [0], indirect=True)
def test_the_first_block_is_decoded_whole(record: Record) -> None:
    block, _ = record
    raw = header(block) + b"\1" + transaction(block["tx"][0])
    buffer, digest = np.frombuffer(raw, np.uint8).copy(), np.frombuffer(wire(block["hash"]), np.uint8)
    found = decode_blocks(buffer, np.array([0]), np.array([len(raw)]), 0, digest.reshape(1, 32), CHAIN)
    assert (found.sound, found.problem) == (1, None)
    assert found.batch is not None
    (row,) = found.batch.blocks.to_pylist()
    assert (row["time"], row["bits"], row["size"]) == (block["time"], int(block["bits"], 16), block["size"])
    assert CHAIN.subsidy(508) == 31_750_000  # the recorded coinbase takes 30,000 of fees beside it
