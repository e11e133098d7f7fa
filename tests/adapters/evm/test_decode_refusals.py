"""Answers that are wrong, cut or of different moments: one clear line that names block and field."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from adapters.evm.blocks import read_blocks
from adapters.evm.chains import chain_named
from adapters.evm.decode import Decoded, decode
from adapters.evm.header import HEADER, created
from tests.adapters.evm.told import CHAIN, Node, call, ties, transfer, tx, who
from tests.conftest import scaled
from tracer.errors import BadBlock, DataError, SourceError, SourceUnavailable, TracerError


def sound() -> Node:
    told = Node()
    for _ in range(2):
        told.block(
            tx("alice", "usdc", transfer("usdc", "alice", "bob", 1), calls=[call("usdc", "bob", 2)], value=3),
            tx("bob", "carol", value=4),
            withdrawals=[{"address": "0x" + "55" * 20, "amount": "0x1"}],
        )
    return told


def change(path: str, value: object) -> Callable[[Node], None]:
    """Set (or with `...` take away) what a path names: `blocks.1.transactions.0.from`."""

    def apply(told: Node) -> None:
        *steps, last = path.split(".")
        at: Any = told
        for step in steps:
            at = getattr(at, step) if isinstance(at, Node) else at[int(step) if step.isdigit() else step]
        key = int(last) if last.isdigit() else last
        if value is ...:
            del at[key]
        else:
            at[key] = value

    return apply


WRONG = [
    ("blocks.1.number", "0x1z", "A block: 'number' is not a number below 2^63: '0x1z'."),
    ("blocks.1.number", "0x" + "f" * 16, "A block: 'number' is not a number below 2^63"),
    ("blocks.1.hash", "0x1234", "Block 101: 'hash' is not 32 bytes in hex: '0x1234'."),
    ("blocks.1.hash", ..., "Block 101 has no 'hash'."),
    ("blocks.1.transactions", ..., "Block 101 has no 'transactions'."),
    ("receipts.1.1.logs", ..., "A receipt has no 'logs'."),
    ("receipts.1.0.logs.0.topics", ..., "A log of transaction 0 of block 101 has no 'topics'."),
    ("receipts.1.0.logs.0.data", ..., "A log of transaction 0 of block 101 has no 'data'."),
    ("blocks.1.timestamp", ..., "Block 101 has no 'timestamp'."),
    ("blocks.1.miner", "0x" + "zz" * 20, "Block 101: 'miner' is not 20 bytes in hex"),
    ("blocks.1.baseFeePerGas", "0x" + "f" * 65, "Block 101: 'baseFeePerGas' is not an unsigned 256-bit number"),
    ("blocks.1.transactions.1.value", ..., "Transaction 1 of block 101 has no 'value'."),
    ("blocks.1.transactions.1.value", "10", "Transaction 1 of block 101: 'value' is not an unsigned 256-bit number"),
    ("blocks.1.transactions.1.value", "0x", "Transaction 1 of block 101: 'value' is not an unsigned 256-bit number"),
    ("blocks.1.transactions.1.value", 4.5, "Transaction 1 of block 101: 'value' is not an unsigned 256-bit number"),
    ("blocks.1.transactions.1.from", "0xabc", "Transaction 1 of block 101: 'from' is not 20 bytes in hex: '0xabc'."),
    ("blocks.1.transactions.1.type", "0x100", "Transaction 1 of block 101: its 'type' is above 255."),
    ("blocks.1.transactions.1.input", "0xzzzzzzzzzz", "Transaction 1 of block 101: 'input' is not bytes in hex: '0xz"),
    ("blocks.1.transactions.0.transactionIndex", "0x1", "Block 101: transaction 0 is missing or there twice."),
    ("blocks.1.transactions.1.transactionIndex", "0x7", "Block 101: transaction 1 is missing or there twice."),
    ("blocks.1.withdrawals.0.amount", "-1", "A withdrawal of block 101: 'amount' is not a number below 2^63: '-1'."),
    ("receipts.1.1.gasUsed", ..., "Receipt of transaction 1 of block 101 has no 'gasUsed'."),
    ("receipts.1.1.status", "0x2", "Receipt of transaction 1 of block 101: its 'status' is neither 0 nor 1."),
    ("receipts.1.0.logs.0.data", "0x123", "A log of transaction 0 of block 101: 'data' is not bytes in hex: '0x123'."),
    ("receipts.1.0.logs.0.topics.1", "0x00", "A log of transaction 0 of block 101: 'topic 1' is not 32 bytes in hex"),
    ("receipts.1.0.logs.0.topics", ["0x" + "00" * 32] * 5, "has no list of up to four topics"),
    ("receipts.1.0.logs.0.logIndex", ..., "A log of transaction 0 of block 101 has no 'logIndex'."),
    ("traces.1.1.result.value", "0xq", "The trace of transaction 1 of block 101: 'value' is not an unsigned"),
]  # fmt: skip


BEHIND = "Receipt of transaction 0 of block 101 says that it"
WRONG += [
    ("receipts.1.0.status", "0x0", f"{BEHIND} failed, and it has logs."),
    ("traces.1.0.result.error", "reverted", f"{BEHIND} did not fail, and its trace that it did."),
    ("receipts.1.1.status", "0x0", "block 101 says that it failed, and its trace that it did not."),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_a_field_that_is_wrong_is_a_bad_block_named(path: str, value: object, said: str) -> None:
    told = sound()
    change(path, value)(told)
    with pytest.raises(BadBlock) as caught:
        told.decoded()
    assert said in str(caught.value)


def test_a_bad_block_names_its_hash_so_that_another_branch_can_be_chosen() -> None:
    told = sound()
    change("receipts.1.1.gasUsed", "0xx")(told)
    with pytest.raises(BadBlock) as caught:
        told.decoded()
    assert caught.value.block_hash == bytes.fromhex(told.blocks[1]["hash"][2:])


APART = [
    ("receipts.1.1.blockHash", "0x" + "99" * 32, "of another block than was asked for"),
    ("receipts.1.1.blockNumber", "0x1", "of another block than was asked for"),
    ("receipts.1.1.transactionIndex", "0x9", "of another block than was asked for"),
    ("receipts.1.1", ..., "Transaction 1 of block 101 has no receipt."),
    ("receipts.1.1.transactionIndex", "0x0", "Transaction 0 of block 101 has 2 receipts."),
    ("receipts.1.1.transactionHash", "0x" + "99" * 32, "transaction 1 of block 101 is of another transaction."),
    ("receipts.1.1", None, "The node answered eth_getBlockReceipts with null."),
    ("blocks.1.number", "0x70", "Blocks 100 and 112 are not consecutive."),
    ("blocks.1.parentHash", "0x" + "99" * 32, "Block 101 does not build on the block 100 that the node gave."),
    ("blocks.1.transactions.1", "0x" + "99" * 32, "Block 101: its transactions are not whole"),
    ("blocks.1.transactions.1", None, "Block 101: its transactions are not whole"),
    ("traces.1.1.txHash", "0x" + "99" * 32, "A trace is of other transactions"),
    ("traces.1.1", {"error": "timed out"}, "The trace of transaction 1 of block 101 could not be made: timed out."),
    ("traces.1", None, "The node answered debug_traceBlockByNumber (or trace_block) with nothing."),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), APART)
def test_answers_that_do_not_belong_together_may_be_asked_for_again(
    path: str, value: object, said: str
) -> None:
    told = sound()
    change(path, value)(told)
    with pytest.raises(SourceUnavailable) as caught:
        told.decoded()
    assert said in str(caught.value)


def test_traces_of_fewer_transactions_leave_the_block_untraced_if_they_say_whose_they_are() -> None:
    told = sound()
    told.traces[1].pop()
    assert told.decoded().batch.blocks["traced"].to_pylist() == [True, False]
    for trace in told.traces[1]:
        del trace["txHash"]
    with pytest.raises(SourceUnavailable, match="fewer transactions"):
        told.decoded()


@pytest.mark.parametrize("nonce", [0, 1, 0x7F, 0x80, 0x1234])
def test_a_contract_s_address_follows_from_sender_and_nonce(nonce: int) -> None:
    maker = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"  # its first contracts are known from many sources
    known = {
        0: "cd234a471b72ba2f1ccf0a70fcaba648a5eecd8d",
        1: "343c43a37d37dff08ae8c4a11544c718abb4fcf8",
    }
    made = created(bytes.fromhex(maker[2:]), nonce)
    assert made.hex() == known.get(nonce, made.hex())
    told = Node().block(tx("alice", None, creates="alice's contract"))
    told.blocks[0]["transactions"][0] |= {"from": maker, "nonce": hex(nonce)}
    told.receipts[0][0]["contractAddress"] = "0x" + made.hex()
    assert told.decoded().batch.txs["created"].to_pylist() == [made]
    told.receipts[0][0]["contractAddress"] = who("stranger")
    with pytest.raises(BadBlock, match=f"'contractAddress' is {who('stranger')}, but .* make 0x{made.hex()}"):
        told.decoded()


def test_what_another_chain_calls_a_transaction_has_no_nonce_to_follow() -> None:
    deposit = {"type": "0x7e", "mint": "0x0", "gasPrice": "0x0"}
    told = Node(chain=chain_named("optimism")).block(tx("alice", None, creates="made", body=deposit))
    assert ties(told.decoded()) == ["create alice -> made"]


def test_a_flat_trace_of_another_branch_is_refused() -> None:
    told = sound()
    told.traces = told.flat_traces()
    told.traces[1][0]["blockHash"] = "0x" + "99" * 32
    with pytest.raises(SourceUnavailable, match="A trace is of another block"):
        told.decoded()


def test_a_flat_trace_with_a_hole_is_a_bad_block() -> None:
    told = sound()
    told.traces = told.flat_traces()
    told.traces[1][1]["traceAddress"] = [0, 0]
    with pytest.raises(
        BadBlock, match="The trace of transaction 0 of block 101: a 'traceAddress' fits nowhere"
    ):
        told.decoded()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is cut at byte 0"),
        (b'{"result": {"number": "0x64", "hash": "0x', "is cut at byte"),
        (b"<html>502 Bad Gateway</html>", "is no JSON at byte 0"),
        (b'{"result": {}} trailing', "is no JSON at byte 15"),
        (b'{"result": {"number": "0x1",}}', "is no JSON at byte 28"),
        (b'{"result": {"number": "0x1"]}', "is no JSON at byte 27"),
        (b'{"result": ' + b"[" * 9000, "is nested too deeply"),
        (b'{"result": {"number": "0x1", "number": "0x2"}}', "says 'number' twice"),
        (b'{"id": 1, "error": {"code": -32000, "message": "rate limited"}}', "rate limited"),
        (b'{"id": 1, "result": null}', "The node answered eth_getBlockByNumber with nothing."),
        (b'{"id": 1, "result": "0x1"}', "The node answered eth_getBlockByNumber with 0x1."),
        (b'"hello"', "The node answered eth_getBlockByNumber with hello."),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_so(body: bytes, said: str) -> None:
    with pytest.raises(SourceUnavailable) as caught:
        decode(CHAIN, [body], [])
    assert said in str(caught.value)


def test_a_cut_body_is_told_from_the_one_behind_it() -> None:
    told = sound()
    first, second = told.answers(told.blocks)
    with pytest.raises(SourceUnavailable, match="is cut"):
        decode(CHAIN, [first[:-3], second], told.answers(told.receipts))


def test_a_string_may_hold_anything() -> None:
    told = sound()
    for text in ('a "quoted" word', "back\\slash\\\\", "{[,]}", "\n", "é", '\\"'):
        told.blocks[0]["comment"] = told.receipts[0][0]["revertReason"] = text
        told.traces[0][0]["result"]["revertReason"] = {text: [text, {"logs": [text]}]}
        assert told.decoded().batch.transfers.equals(sound().decoded().batch.transfers)


# --- headers

GENESIS = {
    "difficulty": "0x400000000", "gasLimit": "0x1388", "gasUsed": "0x0", "nonce": "0x0000000000000042",
    "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
    "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
    "logsBloom": "0x" + "00" * 256, "miner": "0x" + "00" * 20, "mixHash": "0x" + "00" * 32, "number": "0x0",
    "parentHash": "0x" + "00" * 32, "timestamp": "0x0", "transactions": [], "uncles": [],
    "receiptsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
    "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
    "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
    "transactionsRoot": "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421",
}  # fmt: skip
"""Ethereum's first block."""


def checked(**changed: object) -> bool:
    block = {key: value for key, value in {**GENESIS, **changed}.items() if value is not ...}
    return bool(read_blocks([json.dumps({"id": 0, "result": block}).encode()]).checked[0])


def test_the_hash_of_a_header_is_made_again() -> None:
    assert checked()
    assert checked(size="0x21c", totalDifficulty="0x400000000", author="0x" + "00" * 20)


@pytest.mark.parametrize("name", [name for name in HEADER[:15] if name != "number"])
def test_a_header_that_was_changed_is_refused(name: str) -> None:
    told = str(GENESIS[name])
    with pytest.raises(BadBlock, match="Block 0: its hash is not that of its header"):
        checked(**{name: told[:-1] + ("1" if told[-1] != "1" else "2")})


def test_a_header_that_is_not_whole_or_of_an_unknown_kind_is_not_checked() -> None:
    assert not checked(mixHash=...)
    assert not checked(hash="0x" + "11" * 32, extDataHash="0x" + "22" * 32)


# --- anything

BREAKERS: tuple[Callable[[random.Random, bytearray], object], ...] = (
    lambda dice, text: text.__setitem__(dice.randrange(len(text)), dice.randrange(256)),
    lambda dice, text: text.__delitem__(dice.randrange(len(text))),
    lambda dice, text: text.insert(dice.randrange(len(text)), dice.choice(b'"{}[],:0x9anull\\')),
    lambda dice, text: text.__delitem__(slice(dice.randrange(len(text)), None)),
    lambda dice, text: text.__delitem__(slice(at := dice.randrange(len(text)), at + dice.randrange(60))),
)


def test_broken_answers_give_batches_or_clear_errors_never_anything_else(dice: random.Random) -> None:
    told = sound()
    flat = told.answers(told.flat_traces())
    for _ in range(scaled(200, full=20_000)):
        kinds = [
            told.answers(told.blocks),
            told.answers(told.receipts),
            dice.choice([told.answers(told.traces), flat]),
        ]
        for _ in range(dice.randrange(1, 4)):
            kind, at = dice.choice(kinds), dice.randrange(2)
            text = bytearray(kind[at] or b" ")
            dice.choice(BREAKERS)(dice, text)
            kind[at] = bytes(text)
        try:
            decoded = decode(CHAIN, *kinds)
        except TracerError as error:
            assert isinstance(error, SourceError | DataError)
            assert "\n" not in str(error)
        else:
            whole(decoded)


def whole(decoded: Decoded) -> None:
    for table in (decoded.batch.blocks, decoded.batch.txs, decoded.batch.transfers, decoded.batch.relations):
        table.validate(full=True)
        for field in table.schema:
            assert field.nullable or table[field.name].null_count == 0
