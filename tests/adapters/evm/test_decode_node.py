"""What a real node (anvil) tells, against the balances it keeps."""

import json
import urllib.request
from collections import defaultdict
from typing import Any

import pytest

from adapters.evm.anvil import Node
from adapters.evm.chains import chain_named
from adapters.evm.decode import Decoded, decode
from tracer.chain import AssetStandard, RelationKind

CHAIN = chain_named("evm-31337")
BOB, HEIR = "70997970c51812dc3a010c7d01b50e0d17dc79c8", "00000000000000000000000000000000000a11ce"
CALL_BOB = f"6000600060006000600573{BOB}5af150"
"""Pays bob 5."""
LOG_7 = "600760006000a1"
CREATE_AND_CREATE2 = "600060006001f050" + "6000600060006001f550"
"""Two contracts without code, 1 for each."""
DESTROY = f"73{HEIR}ff"
REVERT = "60006000fd"
PROGRAMS = {
    "calls, logs, creates and ends": CALL_BOB + LOG_7 + CREATE_AND_CREATE2 + LOG_7 + DESTROY,
    "pays and takes it back": CALL_BOB + LOG_7 + REVERT,
    "logs": LOG_7 * 3,
}


def raw(node: Node, method: str, *params: Any, id_: int = 0) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", "id": id_, "method": method, "params": params}).encode()
    request = urllib.request.Request(node.url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        told: bytes = answer.read()
    return told


def ask(node: Node, method: str, *params: Any) -> Any:
    return json.loads(raw(node, method, *params))["result"]


def read(node: Node, tracing: str, *options: Any) -> Decoded:
    heights = range(int(ask(node, "eth_blockNumber"), 16) + 1)
    return decode(
        CHAIN,
        [raw(node, "eth_getBlockByNumber", hex(at), True) for at in heights],
        [raw(node, "eth_getBlockReceipts", hex(at)) for at in heights],
        [raw(node, tracing, hex(at), *options, id_=at) for at in heights],
    )


@pytest.fixture
def busy(evm_node: Node) -> Node:
    """Three blocks: payments, and contracts created by programs that pay, log, create, end and fail."""
    alice, bob = ask(evm_node, "eth_accounts")[:2]
    gas = {"gas": "0x100000", "gasPrice": hex(3 * 10**9)}
    for value in (1, 10**18, 0):
        ask(evm_node, "eth_sendTransaction", {"from": bob, "to": alice, "value": hex(value), "gas": "0x5208"})
        for code in PROGRAMS.values():
            ask(evm_node, "eth_sendTransaction", {"from": alice, "value": "0x64", "data": "0x" + code, **gas})
        ask(evm_node, "evm_mine")
    return evm_node


CALL_TRACER = {"tracer": "callTracer"}
WITH_LOG = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}
FORMS = [
    ("debug_traceBlockByNumber", (CALL_TRACER,)),
    ("debug_traceBlockByNumber", (WITH_LOG,)),
    ("trace_block", ()),
]


@pytest.mark.parametrize(("method", "options"), FORMS, ids=["callTracer", "withLog", "trace_block"])
def test_transfers_are_all_that_changes_balances(busy: Node, method: str, options: tuple[Any, ...]) -> None:
    decoded = read(busy, method, *options)
    assert decoded.notes == {}  # and so every header was hashed again
    assert decoded.batch.quarantine.num_rows == 0
    changes: dict[int, defaultdict[bytes, int]] = defaultdict(lambda: defaultdict(int))
    touched = set()
    for row in decoded.batch.transfers.to_pylist():
        assert row["standard"] == AssetStandard.NATIVE
        for address, sign in ((row["source"], -1), (row["target"], 1)):
            if address is not None:
                changes[row["tx_id"] >> 24][address] += sign * int(row["amount"])
                touched.add(address)
    assert len(touched) >= 10
    for height in decoded.batch.blocks["height"].to_pylist()[1:]:
        for address in touched:
            before, after = (
                int(ask(busy, "eth_getBalance", "0x" + address.hex(), hex(at)), 16)
                for at in (height - 1, height)
            )
            assert after - before == changes[height][address], (height, address.hex())


def test_all_forms_of_trace_tell_the_same(busy: Node) -> None:
    first, *others = (read(busy, method, *options).batch for method, options in FORMS)
    for other in others:
        assert other.transfers.equals(first.transfers)
        assert other.relations.equals(first.relations)
    kinds = [RelationKind(kind).name for kind in first.relations["kind"].to_pylist()]
    assert kinds.count("CREATE2") == 3 and kinds.count("CREATE") == 3 * 3
