"""A small Tron written by hand: named accounts, blocks and results as java-tron's HTTP API words them.

    pay("pay", "alice", "bob", 5)                            TRX
    call("sell", "bob", "shop", 3, inside=[...], logs=[...]) a contract called, what it did and logged
    Tx("lend", "DelegateResourceContract", {...})            any other contract type

Field names are those of tronprotocol/documentation-en and `core/Tron.proto`; ids and roots are made as java-tron makes
them, in plain Python beside the engine's own way. `raw_data_hex` is made up: it stands for the bytes that were signed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.addresses import tron
from adapters.addresses.refusal import TRON_ACCOUNT
from adapters.tron.chains import TronChain
from tests.adapters.tron import protobuf
from tracer.chain import AddressKey

GENESIS_TIME = 1_529_891_469_000
SLOT = 3_000
CODES = ("DEFAULT", "SUCCESS", "REVERT")
Answer = dict[str, Any]

TRANSFER = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SINGLE = "c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
BATCH = "4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
DEPOSIT = "e1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c"
WITHDRAWAL = "7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65"
APPROVAL_FOR_ALL = "17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31"
APPROVAL = "8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925"


def payload(name: str) -> bytes:
    """The 20 bytes of a named account."""
    return name.encode().ljust(20, b"\0")


def name_of(found: bytes | None) -> str | None:
    """The name they were made of; None where there are none."""
    return None if found is None else found.rstrip(b"\0").decode()


def at(name: str) -> str:
    """An account as the API writes it: hex with 0x41."""
    return "41" + payload(name).hex()


def base58(name: str) -> str:
    """The same as people write it (`visible=true`)."""
    return tron.write(AddressKey(TRON_ACCOUNT, payload(name)))


def word(value: int | str) -> str:
    """A word of the VM: a number, or a named account."""
    return f"{value:064x}" if isinstance(value, int) else "00" * 12 + payload(value).hex()


def log(contract: str, topic: str, *topics: int | str, data: str = "") -> Answer:
    """A log; its address has no 0x41."""
    return {"address": payload(contract).hex(), "topics": [topic, *map(word, topics)], "data": data}


def moved(token: str, source: str | int, target: str | int, amount: int) -> Answer:
    """The Transfer event of a TRC-20 token; 0 is nobody."""
    return log(token, TRANSFER, source, target, data=word(amount))


def inside(
    caller: str, target: str, value: int = 0, *, note: str = "call", token: str = "", rejected: bool = False
) -> Answer:
    """An internal transaction."""
    told: Answer = {"callValue": value} if value else {}
    if token:
        told["tokenId"] = token
    out: Answer = {
        "hash": hashlib.sha256(f"{caller} {target} {value} {note}".encode()).hexdigest(),
        "caller_address": at(caller),
        "transferTo_address": at(target),
        "callValueInfo": [{}, told] if token else [told],
        "note": note.encode().hex(),
    }
    return {**out, "rejected": True} if rejected else out


@dataclass(frozen=True)
class Tx:
    """One transaction: its contract's type and value, and what its result says beyond what every result says."""

    name: str
    kind: str
    value: Mapping[str, Any]
    told: Mapping[str, Any] = field(default_factory=dict)
    code: str = "SUCCESS"
    memo: str = ""
    signatures: int = 1

    def raw(self, salt: str = "") -> bytes:
        """The bytes that were signed."""
        return f"{self.kind} {self.name} {salt}".encode()

    def txid(self, salt: str = "") -> str:
        """Its id."""
        return hashlib.sha256(self.raw(salt)).hexdigest()

    def answer(self, salt: str) -> Answer:
        """As a block tells it."""
        contract = {
            "parameter": {"value": dict(self.value), "type_url": "protocol." + self.kind},
            "type": self.kind,
        }
        memo = {"data": self.memo.encode().hex()} if self.memo else {}
        return {
            "ret": [{"contractRet": self.code}],
            "signature": ["ab" * 65] * self.signatures,
            "txID": self.txid(salt),
            "raw_data": {
                "contract": [contract],
                "ref_block_bytes": "00a4",
                "timestamp": GENESIS_TIME,
                **memo,
            },
            "raw_data_hex": self.raw(salt).hex(),
        }

    def result(self, height: int, time: int, salt: str) -> Answer:
        """As `gettransactioninfobyblocknum` tells it."""
        out: Answer = {
            "id": self.txid(salt),
            "blockNumber": height,
            "blockTimeStamp": time,
            "contractResult": [""],
        }
        out["receipt"] = {} if self.code == "SUCCESS" else {"result": self.code}
        if self.code != "SUCCESS":
            out["result"] = "FAILED"
        return {**out, **self.told}


def pay(
    name: str, source: str, target: str, amount: int, *, fee: int = 0, net_fee: int = 0, **more: Any
) -> Tx:
    """TRX from account to account. `fee` is all it cost, `net_fee` the part that was for bandwidth."""
    told: Answer = {"fee": fee} if fee else {}
    if net_fee:
        told["receipt"] = {"net_fee": net_fee}
    value = {"owner_address": at(source), "to_address": at(target), "amount": amount}
    return Tx(name, "TransferContract", value, told, **more)


def call(
    name: str,
    source: str,
    contract: str,
    value: int = 0,
    *,
    data: str = "a9059cbb",
    fee: int = 0,
    logs: Sequence[Answer] = (),
    frames: Sequence[Answer] = (),
    code: str = "SUCCESS",
    **more: Any,
) -> Tx:
    """A contract called: what it did inside and logged."""
    given: Answer = {"owner_address": at(source), "contract_address": at(contract), "data": data}
    given |= {"call_value": value} if value else {}
    told: Answer = {"contract_address": at(contract), "receipt": {"energy_usage_total": 7, "result": code}}
    told |= {"fee": fee} if fee else {}
    told |= {"log": list(logs)} if logs else {}
    told |= {"internal_transactions": list(frames)} if frames else {}
    return Tx(name, "TriggerSmartContract", given | more, told, code)


@dataclass(frozen=True)
class Block:
    """A block and the results of its transactions, as a node serves them."""

    block: Answer
    results: list[Answer]

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.block["blockID"])

    @property
    def height(self) -> int:
        """Its height."""
        return int(self.id[:16], 16)

    def without(self, name: str) -> Block:
        """The same, told by a node that leaves a field of results out."""
        return replace(self, results=[{k: v for k, v in told.items() if k != name} for told in self.results])


def block(height: int, parent: str, txs: Sequence[Tx], *, salt: str = "") -> Block:
    """One block; `salt` sets it apart from another of the same content and height."""
    time = GENESIS_TIME + SLOT * height + (1_000 if salt else 0)
    answers = [tx.answer(f"{height} {salt}") for tx in txs]
    raw: Answer = {"number": height} if height else {}
    raw |= {
        "txTrieRoot": protobuf.root([protobuf.transaction(answer) for answer in answers]),
        "witness_address": at("witness"),
        "parentHash": parent,
        "version": 31,
        "timestamp": time,
    }
    told: Answer = {
        "blockID": protobuf.block_id(raw),
        "block_header": {"raw_data": raw, "witness_signature": "cd" * 65},
    }
    if answers:
        told["transactions"] = answers
    return Block(told, [tx.result(height, time, f"{height} {salt}") for tx in txs] if height else [])


def blocks(*rows: Sequence[Tx], after: Sequence[Block] = (), salt: str = "", first: int = 0) -> list[Block]:
    """A branch: those `after` which it comes, then a block per row. Without `after` it begins with a genesis block."""
    out = list(after) or ([block(0, "00" * 32, ())] if first == 0 else [])
    for row in rows:
        parent, height = (out[-1].id, out[-1].height + 1) if out else ("ee" * 32, first)
        out.append(block(height, parent, row, salt=salt))
    return out


GENESIS = blocks()[0]
CHAIN = TronChain(genesis=bytes.fromhex(GENESIS.id), wrapped=(payload("WTRX"),), trc10_from=0)
"""The town's network: like the main one, but with a first block of its own."""
