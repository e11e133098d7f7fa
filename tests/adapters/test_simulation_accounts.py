"""The simulated account world: deterministic, real on its nodes, and told truly."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from adapters.evm.anvil import Node
from adapters.simulation import build_world, parse_source
from adapters.simulation.accounts import AccountWorld, build
from adapters.simulation.accounts.artefacts import compiled, contract, names, stored
from adapters.simulation.accounts.cashout import WAYS
from adapters.simulation.accounts.stage import CHAIN_IDS
from adapters.simulation.accounts.thefts import Inbound, destination
from adapters.simulation.exchanges import VASPS
from tests.nodes.simulated import SEED, TXS, built
from tracer.errors import SourceUnavailable, UsageError

CHAINS = [f"evm-{chain_id}" for chain_id in CHAIN_IDS]
BALANCE_OF = "0x70a08231"
SHARED = {  # the chain's entry and the list of bridges name them
    "Wrapped": "0x261F52999306C69A440977E1d591D832b691A141",
    "Bridge": "0x59E767D8C50af5E7E45D8aa40c4726D2a825fB3C",
    "Router": "0x4178eBAe493D5C20b0B793712aBEBCE469bd8232",
    "Pool": "0x7Bb778425fcB047b7B5540d522F1482641EaFaFB",
    "Payout": "0x6Be7cA58CA95B0c9E957E87B4689f2D350967018",
    "Thorchain": "0xd58d5718B9e7DbE3bfcA4bD3Bb67E4cF21544391",
}


def hashes(node: Node) -> list[str]:
    top = int(node.call("eth_blockNumber"), 16)
    blocks = node.calls([("eth_getBlockByNumber", [hex(height), False]) for height in range(top + 1)])
    return [block["hash"] for block in blocks]


# --- contracts


@pytest.mark.parametrize("name", names())
def test_what_is_stored_of_a_contract_is_what_its_source_compiles_to(name: str) -> None:
    assert compiled(name) == stored(name)


@pytest.mark.parametrize(
    ("name", "event", "topic"),
    [
        ("Token", "Transfer", "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"),
        ("Wrapped", "Deposit", "e1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c"),
        ("Wrapped", "Withdrawal", "7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65"),
        ("Pool", "Swap", "d78ad95fa46c994b6551d0da85fc275fe613ce37657fb8d5e3d130840159d822"),
        ("Mixer", "Deposit", "a945e51eec50ab98c161376f0db4cf2aeba3ec92755fe2fcd388bdbbb80ff196"),
        ("Mixer", "Withdrawal", "e9e508bad6d4c3227e881ca19068f099da81b5164dd6d62b2eaf1e8bc6c34931"),
        ("Bridge", "FundsDeposited", "32ed1a409ef04c7b0227189c3a103dc5ac10e775a15b785dcc510201f7c25ad3"),
        ("Bridge", "FilledRelay", "44b559f101f8fbcc8a0ea43fa91a05a729a5ea6e14a7c75aa750374690137208"),
        ("Thorchain", "Deposit", "ef519b7eb82aaf6ac376a6df2d793843ebfd593de5f1a0601d3cc6ab49ebb395"),
        ("Thorchain", "TransferOut", "a9cd03aa3c1b4515114539cd53d22085129d495cb9e9f9af77864526240f1bf7"),
    ],
)
def test_events_have_the_topics_of_those_they_stand_for(name: str, event: str, topic: str) -> None:
    assert contract(name).topics[event].hex() == topic  # heuristics.md, section E


# --- one world, always the same


def test_equal_arguments_make_equal_blocks(account_world: AccountWorld) -> None:
    with build(SEED, TXS) as again:
        for chain in CHAINS:
            assert hashes(again.nodes[chain]) == hashes(account_world.nodes[chain])


def test_another_world_pays_for_the_bitcoin_it_is_told_of_and_builds_on_the_same_contracts(
    account_world: AccountWorld,
) -> None:
    paid_in = Inbound("ab" * 32, 7 * 10**18)
    with built(seed=2, txs=1_500, inbound=[paid_in]) as other:
        assert not {*hashes(other.nodes[CHAINS[0]])[1:]} & {*hashes(account_world.nodes[CHAINS[0]])}
        outs = other.truth.crossings.filter(side="out")
        assert outs["memo"].to_list() == ["OUT:" + "AB" * 32]
        assert outs["account"][0].lower() == "0x" + destination(2, 0).address.hex()
        for name, at in SHARED.items():
            for made in (account_world, other):
                places = made.truth.contracts.filter(name=name, chain=CHAINS[0])["address"]
                assert places[0] == at
                there = made.truth.contracts.filter(name=name, chain=CHAINS[1])["address"].to_list()
                assert there == ([] if name == "Thorchain" else [at])


# --- the truth is what the nodes say


def test_every_balance_of_everybody_is_the_nodes(account_world: AccountWorld) -> None:
    calls: defaultdict[str, list[tuple[str, list[object]]]] = defaultdict(list)
    expected: defaultdict[str, list[int]] = defaultdict(list)
    for (chain, asset, address), amount in account_world.balances().items():
        if len(asset) > 20:
            continue  # a collectible
        data = BALANCE_OF + address.hex().rjust(64, "0")
        calls[chain].append(
            ("eth_call", [{"to": "0x" + asset.hex(), "data": data}, "latest"])
            if asset
            else ("eth_getBalance", ["0x" + address.hex(), "latest"])
        )
        expected[chain].append(amount)
    for chain in CHAINS:
        said = account_world.nodes[chain].calls(calls[chain])
        assert len(said) > 100
        assert [int(text, 16) for text in said] == expected[chain]


def test_an_exit_moved_what_the_truth_says_to_the_address_it_says(account_world: AccountWorld) -> None:
    ways = {way for way, exchange in WAYS if exchange}
    exits = account_world.truth.exits
    assert set(exits["way"]) == ways
    assert set(exits["case"]) == {"market_withdrawal", "drained", "swapped_in"}
    assert set(exits["chain"]) == set(CHAINS)
    assert exits["mixed"].any()
    for row in exits.iter_rows(named=True):
        node, to = account_world.nodes[row["chain"]], row["address"].lower()
        if row["contract"]:
            receipt = node.call("eth_getTransactionReceipt", row["txid"])
            moved = [
                int(log["data"], 16)
                for log in receipt["logs"]
                if log["address"] == row["contract"].lower() and log["topics"][2][-40:] == to[2:]
            ]
        else:
            trace = node.call("debug_traceTransaction", row["txid"], {"tracer": "callTracer"})
            moved = [int(frame["value"], 16) for frame in frames(trace) if frame["to"] == to]
        assert moved == [row["amount"]]


def frames(frame: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield frame
    for inner in frame.get("calls", []):
        yield from frames(inner)


# --- cases


def test_money_of_a_case_reaches_nobody_but_exchanges_and_contracts_on_the_way(
    account_world: AccountWorld,
) -> None:
    truth = account_world.truth
    who = truth.addresses.select("chain", "address", "owner", "role", "customer")
    proceeds = who.filter(role="proceeds")
    out = truth.transfers.join(
        proceeds, left_on=["chain", "source"], right_on=["chain", "address"], how="inner"
    ).join(who, left_on=["chain", "target"], right_on=["chain", "address"], how="left", suffix="_to")
    elsewhere = out.filter(
        pl.col("owner_to").is_not_null()  # unwrapped coin goes into nothing
        & (pl.col("owner_to") != pl.col("owner"))
        & ~((pl.col("role_to") == "deposit") & (pl.col("customer_to") == pl.col("owner")))
    )
    assert set(elsewhere["role_to"]) <= {"token", "pool", "router", "bridge", "mixer", "thorchain"}


def test_no_exit_holds_more_than_its_source_paid(account_world: AccountWorld) -> None:
    truth = account_world.truth
    key = ["source_txid", "source_address", "contract"]
    taken = truth.exits.filter(chain=CHAINS[0]).group_by(key).agg(pl.col("amount").sum().alias("taken"))
    paid = truth.sources.rename({"txid": "source_txid", "address": "source_address"})
    both = paid.join(taken, on=key, how="inner", nulls_equal=True)
    assert both.height > paid.height // 3
    assert both.filter(pl.col("taken") > pl.col("amount")).is_empty()


def test_what_an_investigator_is_given_names_payments_of_the_chain(account_world: AccountWorld) -> None:
    for case, given in account_world.truth.cases.items():
        sources = account_world.truth.sources.filter(case=case)
        assert given["seeds"] == [f"{t}@{a}" for t, a in sources.select("txid", "address").iter_rows()]
        assert given["chain"] == CHAINS[0]


# --- services


def test_deposits_are_swept_within_the_hour(account_world: AccountWorld) -> None:
    pays = account_world.truth.payments
    into = pays.filter(pl.col("purpose").is_in(["deposit", "wages", "brokerage", "order_deposit"]))
    deposits = into.join(
        account_world.truth.addresses.filter(role="deposit"),
        left_on=["chain", "target"], right_on=["chain", "address"],
    ).filter(pl.col("height") < pl.col("height").max() - 4)  # fmt: skip
    sweeps = pays.filter(purpose="sweep").select("chain", "source", "contract", pl.col("time").alias("swept"))
    late = deposits.join(
        sweeps, left_on=["chain", "target", "contract"], right_on=["chain", "source", "contract"],
        how="left", nulls_equal=True,
    ).with_columns(wait=pl.col("swept") - pl.col("time"))  # fmt: skip
    waits = late.filter(pl.col("wait") >= 0).group_by("txid", "target", "contract").agg(pl.col("wait").min())
    assert waits.height == deposits.select("txid", "target", "contract").unique().height
    assert waits.filter(pl.col("wait") > 3_600).is_empty()


def test_a_mixer_pays_out_after_the_deposit_and_only_what_came_in(account_world: AccountWorld) -> None:
    mixes, txs = account_world.truth.mixes, account_world.truth.transactions.select("txid", "height")
    deposits = mixes.join(txs, left_on="deposit_txid", right_on="txid")
    both = deposits.join(txs, left_on="withdrawal_txid", right_on="txid", suffix="_out")
    assert both.height == mixes.height > 10
    assert (both["height_out"] > both["height"]).all()
    assert mixes["withdrawal_txid"].n_unique() == mixes.height
    assert (mixes["depositor"] == mixes["recipient"]).any()  # somebody is careless
    kinds = mixes.join(
        account_world.truth.addresses.filter(chain=CHAINS[0]), left_on="depositor", right_on="address"
    )
    assert set(kinds["actor_kind"]) == {"user", "vendor"}


def test_both_ends_of_the_bridge_agree_and_one_deposit_waits_for_ever(account_world: AccountWorld) -> None:
    bridges = account_world.truth.bridges
    assert set(bridges["from_chain"]) == set(CHAINS)
    assert bridges["to_txid"].is_null().any()
    filled = bridges.filter(pl.col("to_txid").is_not_null())
    assert (filled["amount_out"] < filled["amount_in"]).all()
    for row in filled.iter_rows(named=True):
        there = next(chain for chain in CHAINS if chain != row["from_chain"])
        logs = account_world.nodes[there].call("eth_getTransactionReceipt", row["to_txid"])["logs"]
        told = next(
            log for log in logs if log["topics"][0] == "0x" + contract("Bridge").topics["FilledRelay"].hex()
        )
        assert int(told["topics"][2], 16) == row["deposit_id"]
        assert int(told["topics"][1], 16) == int(row["from_chain"].removeprefix("evm-"))


# --- innocents


def test_innocents_do_what_criminals_do_and_are_said_to_be_others(account_world: AccountWorld) -> None:
    truth = account_world.truth
    false = truth.links.filter(~pl.col("same_owner"))
    assert set(false["reason"]) == {
        "wages into a deposit address",
        "brokered into a deposit address",
        "approval and transferFrom by a thief",
        "first coin from a friend",
        "address poisoning",
    }
    owner = dict(truth.addresses.select("address", "owner").iter_rows())
    for a, b, same in truth.links.select("a", "b", "same_owner").iter_rows():
        assert (owner[a] == owner[b]) is same
    users = truth.payments.filter(purpose="deposit").join(
        truth.addresses.filter(actor_kind="user"), left_on=["chain", "source"], right_on=["chain", "address"]
    )
    assert users.height > truth.exits.height
    traders = truth.swaps.filter(kind="swap").filter(pl.col("owner").str.starts_with("user-"))
    assert traders["trader"].n_unique() >= 5


# --- claims and the source's text


def test_labels_name_services_alone_and_only_a_share_of_deposit_addresses(
    account_world: AccountWorld, tmp_path: Path
) -> None:
    account_world.write_claims(tmp_path)
    with (tmp_path / "tags.csv").open() as file:
        tags = list(csv.DictReader(file))
    addresses = {
        (c, a): (o, r)
        for c, a, o, r in account_world.truth.addresses.select(
            "chain", "address", "owner", "role"
        ).iter_rows()
    }
    deposits = [tag for tag in tags if tag["role"] == "deposit"]
    assert 0 < len(deposits) < sum(role == "deposit" for _, role in addresses.values()) // 2
    for tag in tags:
        owner, role = addresses[tag["chain"], tag["address"]]
        assert role in ("hot", "deposit", "pool", "mixer", "bridge", "router", "vault", "thorchain")
        assert not tag["role"] or owner == tag["actor"]
    hot = {(tag["chain"], tag["actor"]) for tag in tags if tag["role"] == "hot"}
    assert hot == {(chain, vasp.vasp_id) for chain in CHAINS for vasp in VASPS}
    with (tmp_path / "vasps.csv").open() as file:
        assert {row["vasp_id"] for row in csv.DictReader(file)} == {vasp.vasp_id for vasp in VASPS}


def test_the_source_names_the_world() -> None:
    assert parse_source("accounts?seed=7&txs=3000") == {
        "name": "accounts", "seed": 7, "txs": 3_000, "signed": False
    }  # fmt: skip
    assert parse_source("accounts")["txs"] == 2_000


@pytest.mark.parametrize(
    ("text", "said"),
    [("accounts?txs=60000", "50000"), ("accounts?signed=true", "signed"), ("accounts?txs=9", "1500")],
)
def test_a_world_that_cannot_be_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_source(text)


def test_a_world_of_accounts_has_no_bitcoin_blocks() -> None:
    with pytest.raises(UsageError, match="without Bitcoin blocks"):
        build_world("accounts", seed=1, txs=2_000)


def test_without_a_node_the_way_to_one_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACER_ANVIL", str(tmp_path / "nowhere"))
    with pytest.raises(SourceUnavailable, match="nowhere"):
        build()


def test_a_node_with_a_past_is_refused(account_world: AccountWorld) -> None:
    with pytest.raises(UsageError, match="no fresh node"):
        build(SEED, TXS, nodes=list(account_world.nodes.values()))
