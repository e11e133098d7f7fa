"""What an EVM node tells of named accounts, and what the decoder makes of it, in words.

node = Node()
node.block(tx("alice", "bob", value=5))
rows(node.decoded())  ->  ["value alice -> bob 5 coin", "fee_burned alice -> nobody 210000 coin", ...]
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.addresses.keccak import keccak256
from adapters.evm.chains import EvmChain, chain_named
from adapters.evm.decode import Decoded, decode
from adapters.evm.eventlogs import TOPICS
from adapters.evm.header import created
from tracer.chain import BLOCK_INDEX, AssetStandard, RelationKind, TransferKind

CHAIN = chain_named("evm-31337")
NOBODY = "0x" + "00" * 20
_NAMES = {bytes(20): "zero"}


def who(name: str) -> str:
    """The address of a name; `alice's contract` is what her transactions (of nonce 1) create."""
    if name == "zero":
        return NOBODY
    maker = name.removesuffix("'s contract")
    raw = keccak256(name.encode())[:20] if maker == name else created(bytes.fromhex(who(maker)[2:]), 1)
    _NAMES[raw] = name
    return "0x" + raw.hex()


def word(value: int | str) -> str:
    """32 bytes in hex: a number, or the address of a name."""
    return f"0x{value:064x}" if isinstance(value, int) else "0x" + who(value)[2:].rjust(64, "0")


def log(emitter: str, event: str, *topics: int | str, data: Sequence[int] | str = ()) -> dict[str, Any]:
    """An event: its name in `TOPICS` (or a topic 0 in hex), further topics, and words of data (or hex)."""
    text = data if isinstance(data, str) else "0x" + "".join(f"{value:064x}" for value in data)
    first = "0x" + TOPICS.get(event, event)
    return {"address": who(emitter), "topics": [first, *map(word, topics)], "data": text}


def transfer(token: str, source: str, target: str, amount: int) -> dict[str, Any]:
    """The Transfer event of ERC-20."""
    return log(token, "Transfer", source, target, data=[amount])


def call(source: str, target: str, value: int = 0, *calls: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A frame of callTracer; `kind` is its type, `error` why it failed."""
    frame = {"type": said.pop("kind", "CALL"), "from": who(source), "to": who(target), "value": hex(value)}
    return {**frame, **said, **({"calls": list(calls)} if calls else {})}


@dataclass(frozen=True)
class Tx:
    """A transaction: what the node says of it, of its receipt, and its trace."""

    body: Mapping[str, Any]
    receipt: Mapping[str, Any]
    logs: Sequence[Mapping[str, Any]]
    calls: Sequence[dict[str, Any]]
    outer: Mapping[str, Any]


def tx(
    sender: str,
    recipient: str | None,
    *logs: dict[str, Any],
    value: int = 0,
    calls: Sequence[dict[str, Any]] = (),
    price: int = 12,
    gas: int = 21_000,
    failed: bool = False,
    creates: str | None = None,
    body: Mapping[str, Any] | None = None,
    receipt: Mapping[str, Any] | None = None,
) -> Tx:
    """A transaction; a None in `body` or `receipt` takes a value away."""
    kind = {"CREATE": creates} if creates else {"CALL": recipient}
    ((type_, target),) = kind.items()
    outer = {"type": type_, "from": who(sender), "to": who(target or "zero"), "value": hex(value)}
    return Tx(
        {
            "from": who(sender), "to": who(recipient) if recipient else None, "value": hex(value), "input": "0x",
            "nonce": "0x1", "type": "0x2", "gas": hex(gas * 2), "gasPrice": hex(price), **(body or {}),
        },
        {
            "status": "0x0" if failed else "0x1", "gasUsed": hex(gas), "effectiveGasPrice": hex(price),
            "contractAddress": who(creates) if creates else None, **(receipt or {}),
        },
        logs, calls, {**outer, **({"error": "out of gas"} if failed else {})},
    )  # fmt: skip


@dataclass
class Node:
    """A node with a chain of named transactions; `base_fee` None is before London."""

    first: int = 100
    base_fee: int | None = 10
    chain: EvmChain = CHAIN
    header: Mapping[str, Any] = field(default_factory=dict)
    blocks: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[list[dict[str, Any]]] = field(default_factory=list)
    traces: list[list[dict[str, Any]]] = field(default_factory=list)

    def block(self, *txs: Tx, miner: str = "miner", **header: Any) -> Node:
        """Add a block."""
        height = self.first + len(self.blocks)
        digest = _digest(f"block {height}")
        block = {
            "number": hex(height), "hash": digest, "parentHash": _digest(f"block {height - 1}"),
            "timestamp": hex(1_700_000_000 + 12 * height), "miner": who(miner), "uncles": [],
            "transactions": [], **self.header, **header,
        }  # fmt: skip
        if self.base_fee is not None:
            block["baseFeePerGas"] = hex(self.base_fee)
        receipts, traces, index = [], [], 0
        for number, each in enumerate(txs):
            name = _digest(f"tx {height} {number}")
            place = {"blockHash": digest, "blockNumber": hex(height), "transactionIndex": hex(number)}
            block["transactions"].append({**place, "hash": name, **_told(each.body)})
            logs = [{**entry, "logIndex": hex(index + at)} for at, entry in enumerate(each.logs)]
            index += len(logs)
            receipts.append({**place, "transactionHash": name, "logs": logs, **_told(each.receipt)})
            traces.append({"txHash": name, "result": {**each.outer, "calls": list(each.calls)}})
        self.blocks.append(block)
        self.receipts.append(receipts)
        self.traces.append(traces)
        return self

    def answers(self, results: Sequence[Any]) -> list[bytes]:
        """JSON-RPC answers, whose ids are heights."""
        return [
            json.dumps({"jsonrpc": "2.0", "id": self.first + at, "result": result}).encode()
            for at, result in enumerate(results)
        ]

    def flat_traces(self) -> list[list[dict[str, Any]]]:
        """The same traces as trace_block tells them."""
        return [
            [
                item
                for number, root in enumerate(traces)
                for item in _flat(root["result"], [], block, number, root["txHash"])
            ]
            for block, traces in zip(self.blocks, self.traces, strict=True)
        ]

    def decoded(self, *, traced: bool = True, wanted: frozenset[bytes] = frozenset()) -> Decoded:
        """Decoded, with callTracer's traces where `traced`."""
        frames = self.answers(self.traces) if traced else None
        return decode(
            self.chain, self.answers(self.blocks), self.answers(self.receipts), frames, wanted=wanted
        )


def _told(said: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value is not None or key == "to"}


def _digest(name: str) -> str:
    return "0x" + keccak256(name.encode()).hex()


def txid(height: int, number: int) -> bytes:
    """The hash of a transaction of a `Node`."""
    return bytes.fromhex(_digest(f"tx {height} {number}")[2:])


def _flat(
    frame: Mapping[str, Any], path: list[int], block: Mapping[str, Any], number: int, name: str
) -> list[dict[str, Any]]:
    """A tree of callTracer as the list of trace_block."""
    kind = frame["type"]
    item: dict[str, Any] = {
        "blockNumber": int(block["number"], 16), "blockHash": block["hash"], "transactionPosition": number,
        "transactionHash": name, "traceAddress": path, "subtraces": len(frame.get("calls", [])), "result": None,
    }  # fmt: skip
    if kind == "SELFDESTRUCT":
        action = {"address": frame["from"], "refundAddress": frame["to"], "balance": frame["value"]}
        item |= {"type": "suicide", "action": action}
    elif kind in ("CREATE", "CREATE2"):
        action = {"from": frame["from"], "value": frame["value"], "creationMethod": kind.lower()}
        item |= {"type": "create", "action": action, "result": {"address": frame["to"], "code": "0x"}}
    else:
        action = {key: frame[key] for key in ("from", "to", "value") if key in frame}
        item |= {"type": "call", "action": {**action, "callType": kind.lower()}, "result": {"output": "0x"}}
    if "error" in frame:
        item["error"] = frame["error"]
        item.pop("result")
    inner = enumerate(frame.get("calls", []))
    return [item, *(each for at, child in inner for each in _flat(child, [*path, at], block, number, name))]


def rows(decoded: Decoded, height: int | None = None) -> list[str]:
    """Transfers in words, in order: `kind source -> target amount asset`."""
    told = decoded.batch.transfers.to_pylist()
    return [_words(row) for row in told if height is None or row["tx_id"] >> 24 == height]


def moves(decoded: Decoded) -> list[str]:
    """The same without fees and without what no transaction did."""
    return [
        _words(row)
        for row in decoded.batch.transfers.to_pylist()
        if row["kind"] not in (TransferKind.FEE_BURNED, TransferKind.FEE_PAID)
        and row["tx_id"] & BLOCK_INDEX != BLOCK_INDEX
    ]


def ties(decoded: Decoded) -> list[str]:
    """Relations in words: `kind giver -> receiver`, and the contract of an approval."""
    return [
        f"{RelationKind(row['kind']).name.lower()} {name(row['giver'])} -> {name(row['receiver'])}"
        + (f" {name(row['contract'])}" if row["contract"] else "")
        for row in decoded.batch.relations.to_pylist()
    ]


def quarantined(decoded: Decoded) -> list[tuple[str, str]]:
    """What was quarantined: the last words of its place, and the reason."""
    return [
        (" ".join(row["place"].split()[2:]), row["reason"]) for row in decoded.batch.quarantine.to_pylist()
    ]


def name(raw: bytes | None) -> str:
    """The name of an address."""
    return "nobody" if raw is None else _NAMES.get(raw, raw.hex())


def _words(row: Mapping[str, Any]) -> str:
    asset = "coin" if row["standard"] == AssetStandard.NATIVE else name(row["contract"])
    if row["token_id"] is not None:
        asset += f"#{int.from_bytes(row['token_id'], 'big')}"
    amount = "?" if row["amount"] is None else int(row["amount"])
    kind = TransferKind(row["kind"]).name.lower()
    return f"{kind} {name(row['source'])} -> {name(row['target'])} {amount} {asset}"
