"""What each kind of transaction becomes. Answers are written by hand after the documentation (see `town`)."""

from dataclasses import replace

import pytest

from adapters.tron.decode import NO_INTERNALS
from tests.adapters.tron.told import decoded, moves, of, refused, relations
from tests.adapters.tron.town import (
    APPROVAL,
    APPROVAL_FOR_ALL,
    BATCH,
    CHAIN,
    DEPOSIT,
    SINGLE,
    TRANSFER,
    WITHDRAWAL,
    Tx,
    at,
    base58,
    block,
    blocks,
    call,
    inside,
    log,
    moved,
    name_of,
    pay,
    word,
)
from tracer.errors import BadBlock, SourceUnavailable

TRX = 1_000_000


def own(
    name: str, kind: str, owner: str = "alice", told: dict[str, object] | None = None, **value: object
) -> Tx:
    return Tx(name, kind, {"owner_address": at(owner), **value}, told or {})


def test_trx_goes_from_account_to_account_and_the_fee_is_burnt_after_it() -> None:
    batch = of(pay("pay", "alice", "bob", 5, fee=3, net_fee=3))
    assert moves(batch) == [("VALUE", "TRX", "alice", "bob", 5), ("FEE_BURNED", "TRX", "alice", None, 3)]
    (tx,) = batch.txs.to_pylist()
    assert (name_of(tx["sender"]), name_of(tx["recipient"]), tx["status"], tx["kind"]) == (
        "alice",
        "bob",
        1,
        1,
    )
    assert int(tx["fee"]) == 3


def test_a_failed_transaction_moves_nothing_and_pays_its_fee() -> None:
    batch = of(
        call(
            "call", "alice", "shop", 9, fee=4, code="REVERT",
            logs=[moved("USDT", "alice", "bob", 7)], frames=[inside("shop", "bob", 9, rejected=True)],
        )
    )  # fmt: skip
    assert moves(batch) == [("FEE_BURNED", "TRX", "alice", None, 4)]
    assert batch.txs.column("status").to_pylist() == [0]


def test_where_the_network_has_a_fee_pool_its_part_is_paid_not_burnt() -> None:
    tx = pay("pay", "alice", "bob", 5, fee=10)
    assert moves(of(replace(tx, told={**tx.told, "packingFee": 4})))[1:] == [
        ("FEE_BURNED", "TRX", "alice", None, 6),
        ("FEE_PAID", "TRX", "alice", None, 4),
    ]


def test_a_call_carries_trx_and_trc10_then_come_frames_then_logs_then_the_fee() -> None:
    batch = of(
        call(
            "buy", "alice", "shop", 50, call_token_value=6, token_id=1002000, fee=2,
            frames=[inside("shop", "carol", 30), inside("shop", "dave", 5, token="1002000")],
            logs=[moved("USDT", "shop", "alice", 99)],
        )
    )  # fmt: skip
    assert moves(batch) == [
        ("VALUE", "TRX", "alice", "shop", 50),
        ("VALUE", "TRC10:1002000", "alice", "shop", 6),
        ("INTERNAL", "TRX", "shop", "carol", 30),
        ("INTERNAL", "TRC10:1002000", "shop", "dave", 5),
        ("TOKEN", "USDT", "shop", "alice", 99),
        ("FEE_BURNED", "TRX", "alice", None, 2),
    ]
    assert batch.transfers.column("position").to_pylist() == list(range(6))
    assert batch.transfers.column("log_index").to_pylist() == [None] * 4 + [0, None]
    assert batch.txs.column("selector").to_pylist() == [bytes.fromhex("a9059cbb")]


def test_a_rejected_frame_moved_nothing_and_a_delegated_call_stays_in_its_own_account() -> None:
    frames = [inside("shop", "eve", 9, rejected=True), inside("shop", "shop", 9), inside("shop", "bob", 1)]
    assert moves(of(call("x", "alice", "shop", frames=frames))) == [("INTERNAL", "TRX", "shop", "bob", 1)]


def test_a_contract_that_destroys_itself_pays_its_heir_or_burns_what_it_has() -> None:
    frames = [inside("old", "heir", 8, note="suicide"), inside("older", "older", 3, note="suicide")]
    assert moves(of(call("end", "alice", "old", frames=frames))) == [
        ("INTERNAL", "TRX", "old", "heir", 8),
        ("INTERNAL", "TRX", "older", None, 3),
    ]


def test_stakes_votes_and_loans_inside_contracts_are_no_payments() -> None:
    notes = ("freezeBalanceV2ForEnergy", "unfreezeBalanceV2ForBandwidth", "withdrawExpireUnfreeze",
             "cancelAllUnfreezeV2", "voteWitness")  # fmt: skip
    frames = [inside("pool", "pool", 7, note=note) for note in notes]
    frames += [
        inside("pool", "carol", 5, note="delegateResourceOfEnergy"),
        inside("pool", "carol", 4, note="unDelegateResourceOfEnergy"),
        inside("pool", "pool", 6, note="withdrawReward"),
    ]
    batch = of(call("stake", "alice", "pool", frames=frames))
    assert moves(batch) == [("REWARD", "TRX", None, "pool", 6)]
    assert relations(batch) == [("DELEGATION", "pool", "carol", 5), ("UNDELEGATION", "pool", "carol", 4)]
    assert refused(batch) == []


def test_a_frame_of_an_unknown_kind_makes_its_account_unknown_and_is_kept() -> None:
    batch = of(call("new", "alice", "shop", frames=[inside("shop", "bob", 5, note="teleport")]))
    assert moves(batch) == [("INTERNAL", "TRX", "shop", None, None)]
    assert refused(batch) == [("frame 0", "internal transaction of an unknown kind: teleport")]


def test_trc10_tokens_are_numbers_and_before_proposal_14_names() -> None:
    tx = own("send", "TransferAssetContract", to_address=at("bob"), amount=4, asset_name=b"1000226".hex())
    assert moves(of(tx)) == [("VALUE", "TRC10:1000226", "alice", "bob", 4)]
    early = replace(CHAIN, trc10_from=2)
    named = of(replace(tx, value={**tx.value, "asset_name": b"Perogies".hex()}), chain=early)
    assert named.transfers.column("token_id").to_pylist() == [b"Perogies".ljust(32, b"\0")]
    nonsense = of(replace(tx, value={**tx.value, "asset_name": b"Perogies".hex()}))
    assert moves(nonsense) == []
    assert refused(nonsense) == [("", "TransferAssetContract: the TRC-10 token is not named")]


def test_issuing_a_token_creates_it_and_buying_into_an_issue_tells_only_the_trx() -> None:
    issue = own("issue", "AssetIssueContract", told={"assetIssueID": "1000001"}, total_supply=1000)
    buy = own("buy", "ParticipateAssetIssueContract", "bob", to_address=at("alice"), amount=7,
              asset_name=b"1000001".hex())  # fmt: skip
    batch = of(issue, buy)
    assert moves(batch) == [
        ("VALUE", "TRC10:1000001", None, "alice", 1000),
        ("VALUE", "TRX", "bob", "alice", 7),
        ("VALUE", "TRC10:1000001", "alice", "bob", None),
    ]
    assert refused(batch) == [("", "ParticipateAssetIssueContract: the amount of TRC-10 tokens is not told")]


@pytest.mark.parametrize(
    "kind",
    ["ExchangeTransactionContract", "MarketSellAssetContract", "CrossContract", "ShieldedTransferContract"],
)
def test_what_a_transaction_moved_untold_is_unknown_not_nothing(kind: str) -> None:
    batch = of(own("trade", kind, quant=5))
    assert moves(batch) == [("VALUE", "TRX", "alice", None, None)]
    assert refused(batch) == [("", f"{kind}: what it moved is not told")]


@pytest.mark.parametrize(
    "kind", ["FreezeBalanceV2Contract", "UnfreezeBalanceV2Contract", "WithdrawExpireUnfreezeContract",
             "CancelAllUnfreezeV2Contract", "VoteWitnessContract", "AccountPermissionUpdateContract"],
)  # fmt: skip
def test_staking_voting_and_permissions_move_nothing(kind: str) -> None:
    batch = of(own("stake", kind, frozen_balance=5, unfreeze_balance=5))
    assert (moves(batch), relations(batch), refused(batch)) == ([], [], [])


def test_a_reward_is_booked_when_it_is_withdrawn() -> None:
    batch = of(own("claim", "WithdrawBalanceContract", "voter", told={"withdraw_amount": 12}))
    assert moves(batch) == [("REWARD", "TRX", None, "voter", 12)]


def test_a_contract_created_gets_its_endowment_and_is_named() -> None:
    tx = own(
        "make", "CreateSmartContract", "dev", told={"contract_address": at("safe")},
        new_contract={"origin_address": at("dev"), "call_value": 8, "bytecode": "60", "abi": {"entrys": []}},
    )  # fmt: skip
    batch = of(tx, call("clone", "alice", "factory", frames=[inside("factory", "clone1", 2, note="create")]))
    assert moves(batch) == [("VALUE", "TRX", "dev", "safe", 8), ("INTERNAL", "TRX", "factory", "clone1", 2)]
    assert relations(batch) == [("CREATE", "dev", "safe", None), ("CREATE", "factory", "clone1", None)]
    made = batch.txs.to_pylist()[0]
    assert (made["recipient"], name_of(made["created"])) == (None, "safe")


def test_an_account_is_activated_by_a_contract_or_by_the_fee_of_a_plain_transfer() -> None:
    new = pay("first", "alice", "new", 5, fee=TRX + 100_000, net_fee=100_000)
    batch = of(
        own("create", "AccountCreateContract", account_address=at("made")),
        new,
        pay("again", "alice", "new", 5, fee=267_000, net_fee=267_000),
        replace(new, name="memo", memo="hello"),
        replace(new, name="two keys", signatures=2),
    )
    assert relations(batch) == [("ACTIVATION", "alice", "made", None), ("ACTIVATION", "alice", "new", None)]


def test_resources_are_lent_and_taken_back() -> None:
    batch = of(
        own("lend", "DelegateResourceContract", receiver_address=at("bob"), balance=9, resource="ENERGY"),
        own("back", "UnDelegateResourceContract", receiver_address=at("bob"), balance=8),
        own("old", "FreezeBalanceContract", receiver_address=at("carol"), frozen_balance=7),
        own("self", "FreezeBalanceContract", frozen_balance=6),
        own("oldback", "UnfreezeBalanceContract", told={"unfreeze_amount": 5}, receiver_address=at("carol")),
    )
    assert relations(batch) == [
        ("DELEGATION", "alice", "bob", 9),
        ("UNDELEGATION", "alice", "bob", 8),
        ("DELEGATION", "alice", "carol", 7),
        ("UNDELEGATION", "alice", "carol", 5),
    ]
    assert moves(batch) == []


def test_tokens_move_by_their_logs() -> None:
    many = word(0x40) + word(0x60 + 64) + word(2) + word(3) + word(4) + word(2) + word(30) + word(40)
    logs = [
        moved("USDT", "alice", "bob", 5),
        moved("USDT", "alice", "bob", 0),
        moved("USDT", 0, "bob", 6),
        moved("USDT", "bob", 0, 7),
        log("NFT", TRANSFER, "alice", "bob", 77),
        log("GAME", SINGLE, "op", "alice", "bob", data=word(3) + word(9)),
        log("GAME", BATCH, "op", "alice", "bob", data=many),
        log("WTRX", DEPOSIT, "alice", data=word(8)),
        log("WTRX", WITHDRAWAL, "alice", data=word(2)),
        log("MINE", DEPOSIT, "alice", data=word(8)),
        log("USDT", APPROVAL, "alice", "router", data=word(1)),
        log("USDT", APPROVAL, "alice", "nobody", data=word(0)),
        log("NFT", APPROVAL, "alice", "buyer", 77),
        log("NFT", APPROVAL, "alice", 0, 77),
        log("NFT", APPROVAL_FOR_ALL, "alice", "market", data=word(1)),
    ]
    batch = of(call("many", "alice", "router", logs=logs))
    assert moves(batch) == [
        ("TOKEN", "USDT", "alice", "bob", 5),
        ("TOKEN", "USDT", "alice", "bob", 0),
        ("TOKEN", "USDT", None, "bob", 6),
        ("TOKEN", "USDT", "bob", None, 7),
        ("TOKEN", "NFT#77", "alice", "bob", 1),
        ("TOKEN", "GAME*3", "alice", "bob", 9),
        ("TOKEN", "GAME*3", "alice", "bob", 30),
        ("TOKEN", "GAME*4", "alice", "bob", 40),
        ("WRAP", "WTRX", None, "alice", 8),
        ("UNWRAP", "WTRX", "alice", None, 2),
    ]
    assert relations(batch) == [("APPROVAL", "alice", who, None) for who in ("router", "buyer", "market")]
    assert refused(batch) == []


def test_an_early_vm_left_0x41_in_the_topics() -> None:
    early = moved("USDT", "alice", "bob", 5)
    early["topics"][1] = early["topics"][1][:22] + "41" + early["topics"][1][24:]
    assert moves(of(call("x", "alice", "USDT", logs=[early]))) == [("TOKEN", "USDT", "alice", "bob", 5)]


def test_a_log_that_bears_the_name_of_a_transfer_and_not_its_shape_is_kept_by_name() -> None:
    wrong = [
        log("ODD", TRANSFER, "alice", "bob"),
        log("ODD", TRANSFER, 1 << 200, "bob", data=word(5)),
        log("ODD", TRANSFER, data=word("alice") + word("bob") + word(5)),
        log("ODD", BATCH, "op", "alice", "bob", data=word(0x40) + word(0x80) + word(9) + word(0)),
        log("WTRX", DEPOSIT, "alice", "bob", data=word(5)),
        log("ODD", APPROVAL, "alice", data=word(5)),
    ]
    batch = of(call("odd", "alice", "ODD", logs=wrong))
    assert (moves(batch), relations(batch)) == ([], [])
    said = ["transfer event of unknown shape"] * 5 + ["approval event of unknown shape"]
    assert refused(batch) == [(f"log {i}", reason) for i, reason in enumerate(said)]


def test_an_amount_above_38_digits_is_kept_raw_and_spoils_only_its_own_row() -> None:
    logs = [moved("SPAM", "alice", "bob", 2**200 + 7), moved("SPAM", "alice", "bob", 10**38 - 1)]
    batch = of(call("spam", "alice", "SPAM", logs=logs))
    assert [amount for *_, amount in moves(batch)] == [None, 10**38 - 1]
    assert refused(batch) == [("log 0", "amount above 38 digits")]
    assert batch.quarantine.column("raw").to_pylist() == [(2**200 + 7).to_bytes(32, "big")]


def test_events_asked_for_are_kept_whole() -> None:
    topic = bytes.fromhex("11" * 32)
    logs = [log("bridge", "11" * 32, "alice", 7, data="beef"), log("bridge", "22" * 32)]
    (event,) = of(call("cross", "alice", "bridge", logs=logs), wanted=frozenset([topic])).events.to_pylist()
    assert (name_of(event["emitter"]), event["topic"], event["data"]) == ("bridge", topic, b"\xbe\xef")
    assert event["topics"].hex() == word("alice") + word(7)


def test_addresses_are_read_as_people_write_them_too() -> None:
    plain = pay("pay", "alice", "bob", 5)
    shown = replace(plain, value={"owner_address": base58("alice"), "to_address": base58("bob"), "amount": 5})
    assert of(shown).transfers.equals(of(plain).transfers)


def test_a_block_is_traced_when_no_contract_ran_or_the_node_shows_internal_transactions() -> None:
    branch = blocks(
        [pay("pay", "alice", "bob", 5)],
        [call("quiet", "alice", "shop")],
        [call("quiet2", "alice", "shop"), call("loud", "bob", "shop", frames=[inside("shop", "bob")])],
        [call("failed", "alice", "shop", code="REVERT")],
    )
    found = decoded(branch)
    assert found.batch.blocks.column("traced").to_pylist() == [True, True, False, True, True]
    assert found.notes == {NO_INTERNALS: 1}


def test_the_first_block_pays_out_of_nothing() -> None:
    # java-tron writes the sender of these payments as text
    sender = b"0x000000000000000000000".hex()
    rows = [
        Tx(f"gift{i}", "TransferContract", {"owner_address": sender, "to_address": at(who), "amount": units})
        for i, (who, units) in enumerate([("Zion", 99), ("Blackhole", -(2**63))])
    ]
    batch = decoded([block(0, "00" * 32, rows)]).batch
    assert moves(batch) == [("VALUE", "TRX", None, "Zion", 99), ("VALUE", "TRX", None, "Blackhole", None)]
    assert refused(batch) == [("", "TransferContract: amount is no amount")]


# What does not fit together


def test_a_transaction_left_out_or_changed_is_found_out() -> None:
    genesis, whole = blocks(
        [pay("pay", "alice", "bob", 5), pay("more", "bob", "carol", 2), pay("x", "a", "b", 1)]
    )
    for change in (
        {"transactions": whole.block["transactions"][:2]},
        {"transactions": whole.block["transactions"][::-1]},
        {"blockID": whole.id[:-2] + "00"},
        {"transactions": [{**whole.block["transactions"][0], "raw_data_hex": "00"}]},
        {"transactions": [{**tx, "signature": ["cd" * 65]} for tx in whole.block["transactions"]]},
    ):
        with pytest.raises(BadBlock, match="block 1") as caught:
            decoded([genesis, replace(whole, block={**whole.block, **change})])
        assert caught.value.block_hash is not None


def test_results_that_are_missing_or_of_another_branch_are_not_mixed_in() -> None:
    genesis, one = blocks([pay("pay", "alice", "bob", 5)])
    _, other = blocks([pay("pay", "alice", "bob", 5)], salt="fork")
    later = [{**one.results[0], "blockTimeStamp": 1}]
    for results, reason in (
        ([], "tells no result"),
        (other.results, "tells no result"),
        (one.results + other.results, "is in none of these blocks"),
        (later, "is of another block"),
    ):
        with pytest.raises(SourceUnavailable, match=reason):
            decoded([genesis, replace(one, results=results)])


def test_a_payment_to_nobody_is_refused_by_name() -> None:
    lame = Tx("lame", "TransferContract", {"owner_address": at("alice"), "to_address": "41zz", "amount": 5})
    with pytest.raises(BadBlock, match=f"transaction {lame.txid('1 ')} has no readable to_address"):
        of(lame)
