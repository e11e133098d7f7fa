"""What a node tells of a transaction, and which movements of which assets that is."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from adapters.evm.chains import chain_named
from adapters.evm.decode import TYPES, UNCHECKED, UNCLES, decode
from tests.adapters.evm.told import (
    CHAIN,
    Node,
    Tx,
    call,
    log,
    moves,
    quarantined,
    rows,
    ties,
    transfer,
    tx,
    txid,
    who,
)
from tracer.chain import BLOCK_INDEX
from tracer.ledger.accounts.batch import schemas

GAS = 21_000
MAINNET, OPTIMISM, POLYGON = (chain_named(name) for name in ("ethereum", "optimism", "polygon"))


def node(*txs: Tx, **options: Any) -> Node:
    return Node(**options).block(*txs)


def test_a_payment_moves_value_and_pays_gas_that_is_burnt_and_gas_that_is_paid() -> None:
    assert rows(node(tx("alice", "bob", value=5)).decoded()) == [
        "value alice -> bob 5 coin",
        f"fee_burned alice -> nobody {10 * GAS} coin",
        f"fee_paid alice -> miner {2 * GAS} coin",
    ]


def test_a_failed_transaction_moves_nothing_and_pays_its_fee() -> None:
    decoded = node(tx("alice", "bob", value=5, failed=True)).decoded()
    assert [row.split()[0] for row in rows(decoded)] == ["fee_burned", "fee_paid"]
    assert decoded.batch.txs["status"].to_pylist() == [0]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (transfer("usdc", "alice", "bob", 7), "token alice -> bob 7 usdc"),
        (transfer("usdc", "alice", "bob", 0), "token alice -> bob 0 usdc"),
        (transfer("usdc", "zero", "bob", 7), "token nobody -> bob 7 usdc"),
        (transfer("usdc", "alice", "zero", 7), "token alice -> nobody 7 usdc"),
        (log("punks", "Transfer", "alice", "bob", 7), "token alice -> bob 1 punks#7"),
        (
            log("items", "TransferSingle", "market", "alice", "bob", data=[3, 50]),
            "token alice -> bob 50 items#3",
        ),
    ],
)
def test_a_token_standard_s_event_is_a_movement_of_its_asset(event: dict[str, Any], said: str) -> None:
    decoded = node(tx("alice", "usdc", event)).decoded()
    assert (moves(decoded), quarantined(decoded)) == ([said], [])


def test_a_batch_of_erc_1155_is_a_movement_for_each_of_its_assets() -> None:
    batch = log("items", "TransferBatch", "market", "alice", "bob", data=[64, 160, 2, 3, 4, 2, 50, 60])
    decoded = node(tx("alice", "items", transfer("usdc", "bob", "alice", 9), batch)).decoded()
    assert moves(decoded) == [
        "token bob -> alice 9 usdc",
        "token alice -> bob 50 items#3",
        "token alice -> bob 60 items#4",
    ]
    assert decoded.batch.transfers["log_index"].to_pylist()[:3] == [0, 1, 1]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (
            log("odd", "Transfer", data=[1, 2, 3]),
            "Transfer event of unknown shape (1 topics, 96 bytes of data)",
        ),
        (
            log("odd", "Transfer", "alice", "bob", data=[1, 2]),
            "Transfer event of unknown shape (3 topics, 64 bytes of data)",
        ),
        (
            log("odd", "Transfer", 1 << 200, "bob", data=[1]),
            "Transfer event with a topic that is no address (3 topics, 32 bytes of data)",
        ),
        (
            log("odd", "TransferSingle", "a", "b", "c", data=[1]),
            "TransferSingle event of unknown shape (4 topics, 32 bytes of data)",
        ),
        (
            log("odd", "TransferBatch", "a", "b", "c", data=[64, 128, 1 << 39, 1, 1, 1]),
            "TransferBatch event of unknown shape (4 topics, 192 bytes of data)",
        ),
        (
            log("odd", "TransferBatch", "a", "b", "c", data=[64, 128, 1, 1, 2, 1, 1]),
            "TransferBatch event of unknown shape (4 topics, 224 bytes of data)",
        ),
        (
            log("odd", "Approval", "a", data=[1]),
            "Approval event of unknown shape (2 topics, 32 bytes of data)",
        ),
    ],
)
def test_an_event_without_its_standard_s_shape_is_quarantined_by_name(
    event: dict[str, Any], reason: str
) -> None:
    decoded = node(tx("alice", "odd", event)).decoded()
    assert (moves(decoded), quarantined(decoded)) == ([], [("log 0", reason)])
    (raw,) = decoded.batch.quarantine["raw"].to_pylist()
    assert raw.hex() == "".join(text[2:] for text in (*event["topics"], event["data"]))


WETH = "weth"
WRAPPING = replace(CHAIN, wrapped=(bytes.fromhex(who(WETH)[2:]),))


@pytest.mark.parametrize(
    ("transaction", "said"),
    [
        (
            tx("alice", WETH, log(WETH, "Deposit", "alice", data=[5]), value=5),
            ["value alice -> weth 5 coin", "wrap nobody -> alice 5 weth"],
        ),
        (
            tx("alice", WETH, log(WETH, "Withdrawal", "alice", data=[5]), calls=[call(WETH, "alice", 5)]),
            ["internal weth -> alice 5 coin", "unwrap alice -> nobody 5 weth"],
        ),
    ],
    ids=["wrap", "unwrap"],
)
def test_wrapping_is_one_to_one_with_the_coin(transaction: Tx, said: list[str]) -> None:
    assert moves(node(transaction, chain=WRAPPING).decoded()) == said


@pytest.mark.parametrize(
    ("transaction", "said"),
    [
        (
            tx("thief", "own", log("own", "Deposit", "thief", data=[5]), value=5),
            ["value thief -> own 5 coin"],
        ),
        (
            tx("thief", "own", log("own", "Withdrawal", "thief", data=[5]), calls=[call("own", "thief", 5)]),
            ["internal own -> thief 5 coin"],
        ),
        (tx("thief", "own", log("own", "Deposit", "thief", data="0x07")), []),
    ],
    ids=["deposit with the coin", "withdrawal with the coin", "another shape"],
)
def test_events_of_a_contract_that_is_not_pinned_move_nothing(transaction: Tx, said: list[str]) -> None:
    """A thief's own contract keeps what it was paid: a wrap in its name would turn the loot into paper."""
    decoded = node(transaction, chain=WRAPPING).decoded()
    assert (moves(decoded), quarantined(decoded)) == (said, [])


MINTED, DEPOSITED = transfer(WETH, "zero", "alice", 5), log(WETH, "Deposit", "alice", data=[5])


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([MINTED, DEPOSITED], ["wrap"]),
        ([MINTED, DEPOSITED, DEPOSITED], ["wrap", "wrap"]),
        ([MINTED, DEPOSITED, MINTED, DEPOSITED], ["wrap", "wrap"]),
        ([MINTED, MINTED, DEPOSITED], ["wrap", "token"]),
    ],
    ids=["one of both", "two deposits, one transfer", "two of both", "two transfers, one deposit"],
)
def test_a_wrapper_that_logs_a_transfer_as_well_is_counted_as_often_as_it_wrapped(
    events: list[dict[str, Any]], said: list[str]
) -> None:
    decoded = node(tx("alice", WETH, *events), chain=WRAPPING).decoded()
    assert moves(decoded) == [f"{kind} nobody -> alice 5 weth" for kind in said]


def test_a_deposit_beyond_38_digits_is_not_the_transfer_of_nothing_beside_it() -> None:
    events = transfer(WETH, "zero", "alice", 0), log(WETH, "Deposit", "alice", data=[10**40])
    decoded = node(tx("alice", WETH, *events), chain=WRAPPING).decoded()
    assert moves(decoded) == ["token nobody -> alice 0 weth", "wrap nobody -> alice ? weth"]


def test_approvals_are_relations_unless_they_end_one() -> None:
    events = (
        log("usdc", "Approval", "alice", "spender", data=[9]),
        log("usdc", "Approval", "alice", "former", data=[0]),
        log("punks", "Approval", "alice", "market", 7),
        log("punks", "Approval", "alice", "zero", 7),
        log("punks", "ApprovalForAll", "alice", "market", data=[1]),
        log("punks", "ApprovalForAll", "alice", "former", data=[0]),
    )
    assert ties(node(tx("alice", "usdc", *events)).decoded()) == [
        "approval alice -> spender usdc",
        "approval alice -> market punks",
        "approval alice -> market punks",
    ]


def test_wanted_events_are_kept_whole() -> None:
    bridge = "ab" * 32
    event = log("bridge", bridge, 1, 2, data="0x010203")
    other = log("bridge", "cd" * 32, 1)
    decoded = node(tx("alice", "bridge", other, event, log("bridge", bridge, data="0x"))).decoded(
        wanted=frozenset({bytes.fromhex(bridge)})
    )
    assert [
        (row["log_index"], row["topics"].hex(), row["data"].hex()) for row in decoded.batch.events.to_pylist()
    ] == [(1, f"{1:064x}{2:064x}", "010203"), (2, "", "")]


# --- inside transactions


INSIDE = [
    ("a call pays", [call("router", "bob", 3)], ["internal router -> bob 3 coin"]),
    ("a call of nothing moves nothing", [call("router", "bob", 0)], []),
    ("a failed call moved nothing", [call("router", "bob", 3, error="reverted")], []),
    (
        "nor did what is inside it",
        [call("router", "bob", 0, call("bob", "carol", 2), error="reverted"), call("router", "dave", 1)],
        ["internal router -> dave 1 coin"],
    ),
    (
        "others' code on one's own account moves nothing to them",
        [call("router", "lib", 3, kind=kind) for kind in ("CALLCODE", "DELEGATECALL", "STATICCALL")],
        [],
    ),
    (
        "but what that code pays is paid",
        [call("router", "lib", 0, call("router", "bob", 3), kind="DELEGATECALL")],
        ["internal router -> bob 3 coin"],
    ),
    (
        "a new contract gets its endowment",
        [call("router", "child", 4, kind="CREATE"), call("router", "clone", 5, kind="CREATE2")],
        ["internal router -> child 4 coin", "internal router -> clone 5 coin"],
    ),
    (
        "a contract that ends hands over what it has",
        [call("router", "heir", 6, kind="SELFDESTRUCT")],
        ["internal router -> heir 6 coin"],
    ),
    (
        "in its own favour it burns it",
        [call("router", "router", 6, kind="SELFDESTRUCT")],
        ["internal router -> nobody 6 coin"],
    ),
    (
        "in the order of execution",
        [
            call("router", "bob", 1, call("bob", "carol", 2), call("bob", "dave", 3)),
            call("router", "erin", 4),
        ],
        [
            "internal router -> bob 1 coin",
            "internal bob -> carol 2 coin",
            "internal bob -> dave 3 coin",
            "internal router -> erin 4 coin",
        ],
    ),
]


@pytest.mark.parametrize(("calls", "said"), [row[1:] for row in INSIDE], ids=[row[0] for row in INSIDE])
def test_both_forms_of_trace_tell_the_same_transfers(calls: list[dict[str, Any]], said: list[str]) -> None:
    told = node(tx("alice", "router", calls=calls), chain=MAINNET)
    trees = told.decoded()
    told.traces = told.flat_traces()
    flat = told.decoded()
    assert moves(trees) == moves(flat) == said
    assert ties(trees) == ties(flat)
    assert trees.batch.blocks["traced"].to_pylist() == flat.batch.blocks["traced"].to_pylist() == [True]


def test_contracts_that_contracts_create_are_relations() -> None:
    factory = "alice's contract"
    calls = [
        call(factory, "child", kind="CREATE"),
        call(factory, "clone", 0, call("clone", "grandchild", kind="CREATE"), kind="CREATE2"),
        call(factory, "unborn", kind="CREATE2", error="collision"),
    ]
    decoded = node(tx("alice", None, creates=factory, calls=calls)).decoded()
    assert ties(decoded) == [
        "create alice -> alice's contract",
        "create alice's contract -> child",
        "create2 alice's contract -> clone",
        "create clone -> grandchild",
    ]
    assert decoded.batch.txs["created"].to_pylist() == [bytes.fromhex(who(factory)[2:])]


OLD_ENDS = [call("old", "old", 6, kind="SELFDESTRUCT")]
YOUNG_ENDS = [call("alice", "young", 6, call("young", "young", 6, kind="SELFDESTRUCT"), kind="CREATE")]
BURNT = ["internal old -> nobody 6 coin"]
BEFORE_CANCUN, CANCUN = hex(1_710_338_134), hex(1_710_338_135)
NOT_KNOWN = (
    "a contract destroyed itself in its own favour: whether this chain burnt its coins is not known here"
)


@pytest.mark.parametrize(
    ("chain", "first", "header", "said"),
    [
        ("ethereum", 19_426_586, {"timestamp": BEFORE_CANCUN}, BURNT),
        ("ethereum", 19_426_587, {"timestamp": CANCUN}, []),
        ("polygon", 54_875_999, {}, BURNT),
        ("polygon", 54_876_000, {}, []),
        ("arbitrum", 70_000_000, {"timestamp": hex(1_710_424_088)}, BURNT),
        ("arbitrum", 70_000_000, {"timestamp": hex(1_760_000_000)}, []),
        ("evm-31337", 100, {"blobGasUsed": "0x0"}, []),
        ("evm-777", 100, {"blobGasUsed": "0x0"}, []),
    ],
)
def test_since_eip_6780_a_contract_that_is_not_new_burns_nothing(
    chain: str, first: int, header: dict[str, str], said: list[str]
) -> None:
    told = Node(first=first, chain=chain_named(chain)).block(tx("alice", "old", calls=OLD_ENDS), **header)
    decoded = told.decoded()
    assert (moves(decoded), quarantined(decoded)) == (said, [])


@pytest.mark.parametrize("chain", ["ethereum", "polygon", "evm-777"])
def test_a_contract_of_the_same_transaction_burns_what_it_has_on_every_chain(chain: str) -> None:
    told = Node(chain=chain_named(chain)).block(tx("alice", "router", calls=YOUNG_ENDS))
    assert moves(told.decoded()) == ["internal alice -> young 6 coin", "internal young -> nobody 6 coin"]


def test_where_the_rule_is_not_known_neither_is_the_amount() -> None:
    decoded = node(tx("alice", "old", calls=OLD_ENDS), chain=chain_named("evm-61")).decoded()
    assert moves(decoded) == ["internal old -> nobody ? coin"]
    assert quarantined(decoded) == [("frame 1", NOT_KNOWN)]
    assert decoded.batch.quarantine["raw"].to_pylist() == [(6).to_bytes(32, "big")]


def test_logs_stand_between_calls_where_the_trace_says_so() -> None:
    events = transfer("usdc", "a", "b", 1), transfer("usdc", "a", "b", 2), transfer("usdc", "a", "b", 3)
    inner = call("pool", "bob", 2, logs=[{"position": "0x0"}])
    told = node(tx("alice", "pool", *events, calls=[call("pool", "bob", 1), inner]))
    told.traces[0][0]["result"]["logs"] = [{"position": "0x1"}, {"position": "0x2"}]
    assert moves(told.decoded()) == [
        "internal pool -> bob 1 coin",
        "token a -> b 1 usdc",
        "internal pool -> bob 2 coin",
        "token a -> b 2 usdc",
        "token a -> b 3 usdc",
    ]
    told.traces[0][0]["result"]["logs"].pop()  # not all of them: then none of them
    assert [row.split()[0] for row in moves(told.decoded())] == ["internal"] * 2 + ["token"] * 3


def test_logs_of_failed_calls_never_were_though_some_nodes_tell_them() -> None:
    failed = call("pool", "bob", 1, logs=[{"position": "0x0"}], error="reverted")
    done = call("pool", "carol", 2)
    told = node(tx("alice", "pool", transfer("usdc", "a", "b", 7), calls=[failed, done]))
    told.traces[0][0]["result"]["logs"] = [{"position": "0x1"}]
    assert moves(told.decoded()) == ["token a -> b 7 usdc", "internal pool -> carol 2 coin"]


def test_a_frame_that_does_not_say_what_it_moved_leaves_the_block_untraced() -> None:
    told = node(tx("alice", "router", calls=[{"type": "SELFDESTRUCT"}]), tx("alice", "bob", value=1))
    told.block(tx("alice", "bob", value=2))
    decoded = told.decoded()
    assert decoded.batch.blocks["traced"].to_pylist() == [False, True]
    assert quarantined(decoded) == [("frame 1", "a frame that does not say what it moved")]
    assert decoded.batch.quarantine["raw"].to_pylist() == [b'{"type": "SELFDESTRUCT"}']


def test_without_traces_blocks_are_said_to_be_untraced() -> None:
    told = node(tx("alice", None, creates="alice's contract", value=5))
    decoded = told.decoded(traced=False)
    assert decoded.batch.blocks["traced"].to_pylist() == [False]
    assert moves(decoded) == ["value alice -> alice's contract 5 coin"]
    assert ties(decoded) == ["create alice -> alice's contract"]


def test_a_block_whose_trace_was_not_given_is_untraced() -> None:
    told = Node().block(tx("alice", "bob", value=1)).block().block()
    answers = told.answers(told.traces)
    decoded = told.decoded()
    assert decoded.batch.blocks["traced"].to_pylist() == [True, True, True]
    partly = decode(told.chain, told.answers(told.blocks), told.answers(told.receipts), answers[1:2])
    assert partly.batch.blocks["traced"].to_pylist() == [False, True, False]


# --- before Byzantium


OLD: dict[str, Any] = {"receipt": {"status": None, "root": "0x" + "11" * 32}}


def test_before_byzantium_less_gas_than_the_limit_means_done() -> None:
    decoded = node(tx("alice", "bob", value=5, **OLD)).decoded(traced=False)
    assert moves(decoded) == ["value alice -> bob 5 coin"]
    assert decoded.batch.txs["status"].to_pylist() == [1]


def test_before_byzantium_all_gas_used_leaves_open_whether_it_failed() -> None:
    told = node(tx("alice", "bob", value=5, body={"gas": hex(GAS)}, **OLD))
    decoded = told.decoded(traced=False)
    assert moves(decoded) == ["value alice -> bob ? coin"]
    assert quarantined(decoded) == [("value", "whether it failed is not told")]
    assert decoded.batch.txs["status"].to_pylist() == [None]


@pytest.mark.parametrize(("failed", "said"), [(True, []), (False, ["value alice -> bob 5 coin"])])
def test_before_byzantium_a_trace_says_it(failed: bool, said: list[str]) -> None:
    told = node(tx("alice", "bob", value=5, failed=failed, body={"gas": hex(GAS)}, **OLD))
    assert moves(told.decoded()) == said


# --- fees, rewards, withdrawals


@pytest.mark.parametrize(
    ("transaction", "options", "said"),
    [
        (tx("alice", "bob"), {"base_fee": None}, [f"fee_paid alice -> miner {12 * GAS} coin"]),
        (tx("alice", "bob", price=10), {}, [f"fee_burned alice -> nobody {10 * GAS} coin"]),
        (tx("alice", "bob", price=0), {}, []),
        (
            tx("alice", "bob", receipt={"effectiveGasPrice": None}),
            {},
            [f"fee_burned alice -> nobody {10 * GAS} coin", f"fee_paid alice -> miner {2 * GAS} coin"],
        ),
        (
            tx("alice", "bob", price=10, receipt={"blobGasUsed": "0x20000", "blobGasPrice": "0x3"}),
            {},
            [f"fee_burned alice -> nobody {10 * GAS} coin", f"fee_burned alice -> nobody {3 << 17} coin"],
        ),
        (tx("alice", "bob"), {"chain": POLYGON}, [f"fee_paid alice -> miner {12 * GAS} coin"]),
        (
            tx("alice", "bob", receipt={"l1Fee": "0x64"}),
            {"chain": OPTIMISM},
            [
                f"fee_paid alice -> 4200000000000000000000000000000000000019 {10 * GAS} coin",
                f"fee_paid alice -> miner {2 * GAS} coin",
                "fee_paid alice -> 420000000000000000000000000000000000001a 100 coin",
            ],
        ),
    ],
    ids=["before London", "no tip", "free", "no effective price", "blobs", "unknown whose", "OP stack"],
)
def test_what_a_transaction_pays_goes_where_the_chain_says(
    transaction: Tx, options: dict[str, Any], said: list[str]
) -> None:
    decoded = node(transaction, **options).decoded()
    assert rows(decoded) == said
    (fee,) = decoded.batch.txs["fee"].to_pylist()
    assert fee == sum(int(row.split()[-2]) for row in said)


def test_a_chain_whose_fees_are_not_known_here_says_so() -> None:
    assert "who gets the fees" in POLYGON.unverified()[0]
    assert not any("who gets the fees" in rule for rule in (*MAINNET.unverified(), *OPTIMISM.unverified()))


@pytest.mark.parametrize(
    "transaction",
    [
        tx("alice", "bob", body={"type": "0x3"}),
        tx("alice", "bob", body={"gasPrice": None}, receipt={"effectiveGasPrice": None}),
    ],
    ids=["blob gas not told", "no price at all"],
)
def test_a_fee_that_is_not_told_whole_is_unknown_not_less(transaction: Tx) -> None:
    decoded = node(transaction).decoded()
    assert decoded.batch.txs["fee"].to_pylist() == [None]
    assert quarantined(decoded) == [("fee", "a fee that the node does not tell whole")]


def test_a_deposit_from_layer_1_brings_its_coins_even_if_it_fails() -> None:
    deposit = {"type": "0x7e", "mint": hex(50), "gasPrice": "0x0"}
    free = {"effectiveGasPrice": None}
    told = Node(chain=OPTIMISM).block(
        tx("alice", "bob", value=30, body=deposit, receipt=free),
        tx("carol", "bob", value=30, body=deposit, receipt=free, failed=True),
    )
    decoded = told.decoded()
    assert rows(decoded) == [
        "value nobody -> alice 50 coin",
        "value alice -> bob 30 coin",
        "value nobody -> carol 50 coin",
    ]
    assert TYPES not in decoded.notes


def test_blocks_give_their_producer_new_coins_by_rule() -> None:
    told = Node(first=4_369_999, base_fee=None, chain=MAINNET).block().block()
    assert rows(told.decoded()) == [
        f"reward nobody -> miner {5 * 10**18} coin",
        f"reward nobody -> miner {3 * 10**18} coin",
    ]
    assert {row >> 24 for row in told.decoded().batch.transfers["tx_id"].to_pylist()} == {
        4_369_999,
        4_370_000,
    }
    assert {row & BLOCK_INDEX for row in told.decoded().batch.transfers["tx_id"].to_pylist()} == {BLOCK_INDEX}


def test_the_genesis_block_gives_nothing() -> None:
    assert rows(Node(first=0, base_fee=None, chain=MAINNET).block().decoded()) == []


def test_uncles_are_paid_where_a_trace_tells_and_noted_where_none_does() -> None:
    told = Node(first=1_000_000, base_fee=None, chain=MAINNET).block(uncles=["0x" + "77" * 32])
    decoded = told.decoded(traced=False)
    assert rows(decoded) == [f"reward nobody -> miner {5 * 10**18 + 5 * 10**18 // 32} coin"]
    assert decoded.notes[UNCLES] == 1
    place = {
        "blockNumber": 1_000_000,
        "blockHash": told.blocks[0]["hash"],
        "type": "reward",
        "traceAddress": [],
    }
    told.traces = [
        [
            {**place, "action": {"author": who("miner"), "rewardType": "block", "value": hex(5 * 10**18)}},
            {**place, "action": {"author": who("uncle"), "rewardType": "uncle", "value": hex(10**18)}},
        ]
    ]
    decoded = told.decoded()
    assert rows(decoded) == [
        f"reward nobody -> miner {5 * 10**18} coin",
        f"reward nobody -> uncle {10**18} coin",
    ]
    assert UNCLES not in decoded.notes


def test_withdrawals_are_gwei_and_come_behind_all_transactions() -> None:
    stakes = [{"address": who(name), "amount": hex(units)} for name, units in (("staker", 7), ("idle", 0))]
    decoded = Node().block(tx("alice", "bob", value=1), withdrawals=stakes).decoded()
    assert rows(decoded)[-1] == f"withdrawal nobody -> staker {7 * 10**9} coin"
    assert sum("withdrawal" in row for row in rows(decoded)) == 1


# --- the batch


def test_a_batch_has_the_schema_of_the_contract_and_its_order() -> None:
    told = Node()
    for _ in range(3):
        told.block(
            tx("alice", "usdc", transfer("usdc", "alice", "bob", 1), calls=[call("usdc", "bob", 2)], value=3),
            tx("bob", "carol", value=4),
        )
    batch = told.decoded().batch
    for name in ("blocks", "txs", "transfers", "relations", "events", "quarantine"):
        table: pa.Table = getattr(batch, name)
        assert table.schema.equals(schemas()[name])
        table.validate(full=True)
    keys = list(
        zip(batch.transfers["tx_id"].to_pylist(), batch.transfers["position"].to_pylist(), strict=True)
    )
    assert keys == sorted(set(keys))
    assert [position for tx_id, position in keys if tx_id == keys[0][0]] == [0, 1, 2, 3, 4]
    assert batch.txs["txid"].to_pylist() == [txid(100 + at // 2, at % 2) for at in range(6)]
    assert batch.blocks["tx_count"].to_pylist() == [2, 2, 2]


def test_a_transaction_s_own_columns_are_as_told() -> None:
    body = {"input": "0xa9059cbb" + "00" * 64, "nonce": "0x2a", "type": "0x1"}
    (row,) = node(tx("alice", "usdc", body=body)).decoded().batch.txs.to_pylist()
    assert (row["selector"].hex(), row["nonce"], row["kind"], row["gas_used"]) == ("a9059cbb", 42, 1, GAS)
    assert (int(row["gas_price"]), int(row["fee"]), row["created"]) == (12, 12 * GAS, None)


def test_no_blocks_are_an_empty_batch() -> None:
    batch = Node().decoded().batch
    assert (batch.blocks.num_rows, batch.transfers.num_rows) == (0, 0)


def test_a_header_that_is_not_told_whole_and_types_unknown_here_are_noted() -> None:
    decoded = node(tx("alice", "bob", body={"type": "0x64"})).decoded()
    assert decoded.notes == {UNCHECKED: 1, TYPES: 1}
