"""The simulated world against its ground truth: owners, mixes, and where the money of the cases went."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from functools import cache

import polars as pl
import pytest

from adapters.simulation.encode import OP_RETURN, P2PK, P2PKH, P2SH_MULTISIG, P2TR, P2WPKH
from adapters.simulation.exchanges import VASPS
from adapters.simulation.mixers import POOLS
from adapters.simulation.truth import GroundTruth
from adapters.simulation.wabisabi import STANDARD, decompose
from tests.adapters.test_simulation import SEEDS, SMALL, Tx, chain, script_kind, sha256d, spends, world

LARGE = 20_000
WORLDS = [(seed, SMALL) for seed in SEEDS] + [(1, LARGE), (2, LARGE)]
Outpoint = tuple[str, int]


def truth(seed: int = 1, txs: int = LARGE) -> GroundTruth:
    return world(seed, txs).truth


@cache
def outputs(seed: int, txs: int) -> dict[Outpoint, tuple[str | None, int, str | None, str | None]]:
    """Outpoint -> address, value, owner, role."""
    rows = truth(seed, txs).outputs.select("txid", "vout", "address", "value", "owner", "role").iter_rows()
    return {(txid, vout): (address, value, owner, role) for txid, vout, address, value, owner, role in rows}


@cache
def spenders(seed: int, txs: int) -> dict[Outpoint, Tx]:
    return {outpoint: tx for tx in spends(chain(seed, txs)) for outpoint in tx.ins}


# --- the truth is about this chain


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_every_output_of_the_chain_stands_in_the_truth_with_its_value(seed: int, txs: int) -> None:
    read = {
        (tx.txid, i): v for block in chain(seed, txs) for tx in block.txs for i, (v, _) in enumerate(tx.outs)
    }
    assert read == {outpoint: row[1] for outpoint, row in outputs(seed, txs).items()}


@pytest.mark.parametrize("seed", SEEDS)
def test_addresses_are_the_ones_the_scripts_say(seed: int) -> None:
    known = outputs(seed, SMALL)
    for block in chain(seed):
        for tx in block.txs:
            for vout, (_, script) in enumerate(tx.outs):
                assert known[tx.txid, vout][0] == address_of(script)


def address_of(script: bytes) -> str | None:
    """A second, plain implementation of regtest addresses (BIP173, BIP350, base58check)."""
    kind = script_kind(script)
    if kind == "p2pk":
        payload = hashlib.new(
            "ripemd160", hashlib.sha256(script[1:-1]).digest(), usedforsecurity=False
        ).digest()
        return base58(b"\x6f" + payload)
    if kind == "p2pkh":
        return base58(b"\x6f" + script[3:23])
    if kind == "p2sh":
        return base58(b"\xc4" + script[2:22])
    if kind in ("p2wpkh", "p2wsh", "p2tr"):
        return bech32(1 if kind == "p2tr" else 0, script[2:])
    return None


def base58(body: bytes) -> str:
    number = int.from_bytes(body + sha256d(body)[:4], "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[digit] + text
    return text


def bech32(version: int, program: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in program)
    bits += "0" * (-len(bits) % 5)
    data = [version, *(int(bits[i : i + 5], 2) for i in range(0, len(bits), 5))]
    check = 1
    for value in [3, 3, 3, 3, 0, 2, 3, 18, 20, *data, 0, 0, 0, 0, 0, 0]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> i & 1 else 0
    check ^= 0x2BC830A3 if version else 1
    data += [check >> 5 * (5 - i) & 31 for i in range(6)]
    return "bcrt1" + "".join("qpzry9x8gf2tvdw0s3jn54khce6mua7l"[v] for v in data)


def test_an_address_has_one_owner_and_every_used_one_is_listed() -> None:
    frame = truth().addresses
    assert frame["address"].is_unique().all()
    assert frame.filter(pl.col("owner").is_null()).is_empty()
    used = {row[0] for row in outputs(1, LARGE).values()} - {None}
    assert used <= set(frame["address"])
    some = frame.row(17, named=True)
    assert truth().owner_of(some["address"]) == some["owner"]
    assert truth().owner_of("bcrt1nobody") is None


def test_payments_are_outputs_that_are_no_change() -> None:
    frame = truth().payments.join(truth().outputs, on=["txid", "vout"], how="left", suffix="_out")
    assert frame["value"].equals(frame["value_out"])
    assert frame["payee"].equals(frame["owner"].alias("payee"))
    assert not frame["is_change"].any()
    paid = frame.filter(pl.col("order_id").is_not_null() & pl.col("purpose").str.starts_with("order_"))
    assert paid.height == truth().orders.height


def test_change_goes_back_to_who_paid() -> None:
    known = outputs(1, LARGE)
    change = set(truth().outputs.filter("is_change").select("txid", "vout").iter_rows())
    joined = set(truth().payjoins["txid"]) | set(truth().mixes["txid"])
    checked = 0
    for tx in spends(chain(1, LARGE)):
        for vout in range(len(tx.outs)):
            if (tx.txid, vout) in change and tx.txid not in joined:
                assert known[tx.txid, vout][2] == known[tx.ins[0]][2]
                checked += 1
    assert checked > LARGE // 4


# --- who spends together, and what is mixed


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_only_mixes_and_payjoins_spend_coins_of_two_owners(seed: int, txs: int) -> None:
    known, made = outputs(seed, txs), truth(seed, txs)
    joint = set(made.mixes["txid"]) | set(made.payjoins["txid"])
    for tx in spends(chain(seed, txs)):
        owners = {known[outpoint][2] for outpoint in tx.ins}
        assert len(owners) == 1 or tx.txid in joint, (tx.txid, owners)
        if any(str(owner).startswith("escrow:") for owner in owners):
            assert len(tx.ins) == 1, "an escrow is spent alone"


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_mixes_have_one_of_three_shapes_and_nothing_else_has(seed: int, txs: int) -> None:
    known = outputs(seed, txs)
    kinds = dict(truth(seed, txs).mixes.iter_rows())
    shapes = {"whirlpool_mix": is_whirlpool, "wasabi2": is_wabisabi, "joinmarket": is_joinmarket}
    for tx in spends(chain(seed, txs)):
        addresses = {known[outpoint][0] for outpoint in tx.ins}
        values = [known[outpoint][1] for outpoint in tx.ins]
        if tx.txid in kinds:
            assert shapes[kinds[tx.txid]](tx, values, [known[o][0] or "" for o in tx.ins]), (
                tx.txid,
                kinds[tx.txid],
            )
            assert len({known[outpoint][2] for outpoint in tx.ins}) >= 4
            continue
        counts = Counter(value for value, _ in tx.outs)
        value, n = max(counts.items(), key=lambda item: (item[1], item[0]))
        if len(addresses) >= 2:
            assert not (n >= 3 and 2 * n >= len(tx.outs) and n <= len(addresses) and value > 2_730), tx.txid
            goldfeder = (len(tx.outs) + 1) // 2
            assert not (len(tx.outs) >= 3 and goldfeder <= len(addresses) and n == goldfeder), tx.txid
        assert not is_wabisabi(tx, values, [known[o][0] or "" for o in tx.ins])


def is_whirlpool(tx: Tx, values: list[int], _addresses: list[str]) -> bool:
    denomination = tx.outs[0][0]
    new = [value for value in values if value > denomination]
    return (
        5 <= len(values) == len(tx.outs) <= 8
        and denomination in [d for d, _ in POOLS]
        and {value for value, _ in tx.outs} == {denomination}
        and all(denomination <= value <= denomination + 110_000 for value in values)
        and 1 <= len(new) <= 4
        and all(value >= denomination + 100 for value in new)
    )


def is_wabisabi(tx: Tx, values: list[int], addresses: list[str]) -> bool:
    paid = [value for value, _ in tx.outs]
    return (
        len(values) >= 50
        and all(address.startswith("bcrt1") and len(address) in (44, 64) for address in addresses)
        and all(script_kind(script) in ("p2wpkh", "p2tr") for _, script in tx.outs)
        and values == sorted(values, reverse=True)
        and paid == sorted(paid, reverse=True)
        and len(set(addresses)) >= 5
        and len({script for _, script in tx.outs}) >= 5
        and sum(value in STANDARD for value in paid) * 10 > 8 * len(paid)
    )


def is_joinmarket(tx: Tx, values: list[int], addresses: list[str]) -> bool:
    value, n = Counter(v for v, _ in tx.outs).most_common(1)[0]
    scripts = {script for _, script in tx.outs}
    return (
        value > 2_730
        and 2 * n >= len(tx.outs) > n
        and 3 <= n <= len(set(addresses))
        and len(scripts) == len(tx.outs)
        and len(values) < 50
    )


def test_a_tx0_prepares_a_mix_and_is_none() -> None:
    known = outputs(1, LARGE)
    mixes = set(truth().mixes["txid"])
    found = [
        tx
        for tx in spends(chain(1, LARGE))
        if any(known[tx.txid, i][3] == "premix" for i in range(len(tx.outs)))
    ]
    assert len(found) > 20
    for tx in found:
        assert tx.txid not in mixes
        assert sum(script_kind(script) == "op_return" for _, script in tx.outs) == 1
        premix = [v for i, (v, _) in enumerate(tx.outs) if known[tx.txid, i][3] == "premix"]
        assert len(set(premix)) == 1
        denomination, fee = max(pool for pool in POOLS if pool[0] <= premix[0])
        assert 100 <= premix[0] - denomination <= 110_000
        fees = [v for i, (v, _) in enumerate(tx.outs) if known[tx.txid, i][3] == "fee"]
        assert len(fees) == 1
        assert fee <= 2 * fees[0] <= 6 * fee


def test_payjoins_have_two_outputs_and_two_owners() -> None:
    known = outputs(1, LARGE)
    by_id = {tx.txid: tx for tx in spends(chain(1, LARGE))}
    assert truth().payjoins.height >= 8
    for txid, sender, receiver, value in truth().payjoins.iter_rows():
        tx = by_id[txid]
        assert len(tx.outs) == 2
        assert {known[outpoint][2] for outpoint in tx.ins} == {sender, receiver}
        theirs = sum(known[outpoint][1] for outpoint in tx.ins if known[outpoint][2] == receiver)
        assert value + theirs in [paid for paid, _ in tx.outs]


def test_denominations_are_the_published_ones_and_cover_the_amount() -> None:
    parts, rest = decompose(123_456_789, cost=500)
    assert all(part in STANDARD for part in parts)
    assert sum(parts) + 500 * len(parts) + rest == 123_456_789
    assert STANDARD[0] >= 5_000
    assert {8_192, 6_561, 13_122, 10_000, 20_000, 50_000} <= set(STANDARD)


# --- everything is there


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_every_feature_is_in_the_world(seed: int, txs: int) -> None:
    made = truth(seed, txs)
    mixes = Counter(made.mixes["kind"])
    assert mixes["whirlpool_mix"] >= 10
    assert mixes["joinmarket"] >= 5
    assert mixes["wasabi2"] >= 2
    assert made.payjoins.height >= 6
    actors = set(made.addresses["actor_kind"])
    assert actors >= {
        "exchange", "swapper", "market", "operator", "escrow", "vendor", "buyer", "shop", "shop_payer",
        "merchant",
        "gambling", "p2p_exchange", "employer", "donation", "mixer_user",
        "mixer_coordinator", "miner", "user", "retailer",
    }  # fmt: skip
    purposes = Counter(made.payments["purpose"])
    for purpose in (
        "order_deposit", "order_escrow", "release", "refund", "commission",
        "vendor_withdrawal", "market_exit", "withdrawal",
        "deposit", "sweep", "subscription", "invoice", "settlement", "stake", "winnings", "wage",
        "donation", "p2p_escrow",
        "payment", "mixing_fee",
    ):  # fmt: skip
        assert purposes[purpose] > 0, purpose
    owners = set(made.addresses["owner"])
    assert {vasp.vasp_id for vasp in VASPS} <= owners
    assert [vasp.kyc_level for vasp in VASPS] == ["full", "full", "none", "none", "none"]
    orders = made.orders
    assert set(orders["market"]) == {"market-a", "market-b"}
    assert orders["refunded"].any()
    both = orders.group_by("vendor").agg(pl.col("market").n_unique().alias("markets"))
    assert (both["markets"] == 2).any(), "vendors move from A to B"


def test_market_a_closes_half_way_and_its_money_leaves_the_pool() -> None:
    orders = truth().orders
    times = sorted(orders["time"])
    last = max(orders.filter(pl.col("market") == "market-a")["time"])
    assert abs(last - (times[0] + times[-1]) // 2) < 15 * 86_400
    unspent = set(outputs(1, LARGE)) - set(spenders(1, LARGE))
    left = sum(outputs(1, LARGE)[o][1] for o in unspent if outputs(1, LARGE)[o][2] == "market-a")
    assert left == 0


def test_market_a_deposits_and_pool_form_one_cluster() -> None:
    known = outputs(1, LARGE)
    sweeps = {id(tx): tx for o, tx in spenders(1, LARGE).items() if known[o][2:] == ("market-a", "deposit")}
    with_pool = [any(known[o][3] == "pool" for o in tx.ins) for tx in sweeps.values()]
    assert with_pool.count(False) <= 2
    assert all(known[tx.txid, i][2] == "market-a" for tx in sweeps.values() for i in range(len(tx.outs)))


def test_an_escrow_pays_vendor_and_commission_or_refunds_the_buyer() -> None:
    known = outputs(1, LARGE)
    orders = truth().orders.filter((pl.col("market") == "market-b") & pl.col("settling_txid").is_not_null())
    by_id = {tx.txid: tx for tx in spends(chain(1, LARGE))}
    kinds = Counter[str]()
    for row in orders.iter_rows(named=True):
        tx = by_id[row["settling_txid"]]
        value = known[row["funding_txid"], row["funding_vout"]][1]
        paid = {known[tx.txid, i][2]: v for i, (v, _) in enumerate(tx.outs)}
        script = tx.witness[0][-1] if tx.witness else tx.script
        assert script[-2:] == b"\x53\xae"
        kinds["p2wsh" if tx.witness else "p2sh"] += 1
        if row["refunded"]:
            assert set(paid) == {row["buyer"]}
        else:
            assert set(paid) == {row["vendor"], "market-b"}
            assert paid["market-b"] == max(1_000, value * 3 // 100)
            assert paid[row["vendor"]] > value * 85 // 100
    assert min(kinds["p2sh"], kinds["p2wsh"]) > 100


@pytest.mark.parametrize(("seed", "txs"), WORLDS)
def test_deposits_are_swept_before_the_world_ends(seed: int, txs: int) -> None:
    known, spent = outputs(seed, txs), spenders(seed, txs)
    vasps = {vasp.vasp_id for vasp in VASPS}
    left = [
        o
        for o, (_, _, owner, role) in known.items()
        if role == "deposit" and owner in vasps and o not in spent
    ]
    assert left == []
    for outpoint, (_, _, owner, role) in known.items():
        if role == "deposit" and owner in vasps:
            tx = spent[outpoint]
            assert {known[tx.txid, i][2:] for i in range(len(tx.outs))} == {(owner, "hot")}


def test_sweeps_differ_between_exchanges() -> None:
    known = outputs(1, LARGE)
    mixed: dict[str, set[bool]] = defaultdict(set)
    for tx in spends(chain(1, LARGE)):
        owner = known[tx.ins[0]][2] or ""
        roles = {known[outpoint][3] for outpoint in tx.ins}
        if owner.startswith(("exchange", "swapper")) and "deposit" in roles:
            mixed[owner].add("hot" in roles)
    assert mixed["exchange-kyc-2"] == mixed["exchange-nokyc-1"] == mixed["swapper-1"] == {False}
    assert True in mixed["exchange-kyc-1"]
    assert True in mixed["exchange-nokyc-2"]


def test_peel_chains_reach_dozens_of_hops() -> None:
    known, spent = outputs(1, LARGE), spenders(1, LARGE)
    longest = 0
    for outpoint, (_, _, _, role) in known.items():
        hops = 0
        while role == "proceeds" and (tx := spent.get(outpoint)) and len(tx.ins) == 1 and len(tx.outs) == 2:
            onward = [i for i in range(2) if known[tx.txid, i][3] == "proceeds"]
            hops += 1
            if not onward:
                break
            outpoint = (tx.txid, onward[0])
        longest = max(longest, hops)
    assert longest >= 24


def test_wallets_differ_in_their_fingerprints() -> None:
    txs = list(spends(chain(1, LARGE)))
    for seen in (
        Counter(tx.version for tx in txs),
        Counter(tx.locktime > 0 for tx in txs),
        Counter(min(tx.sequences) <= 0xFFFFFFFD for tx in txs),
    ):
        assert len(seen) == 2
        assert min(seen.values()) > len(txs) // 10


# --- published figures


@pytest.mark.parametrize("seed", [1, 2])
def test_orders_hold_the_published_figures(seed: int) -> None:
    orders = truth(seed).orders
    cents = orders["usd_cents"]
    assert (cents < 10_000).mean() > 0.5  # type: ignore[operator]
    assert orders["wholesale"].mean() == pytest.approx(0.018, abs=0.004)
    assert sum(cents.filter(orders["wholesale"])) / sum(cents) == pytest.approx(0.25, abs=0.05)
    by_buyer = sorted(orders.group_by("buyer").len()["len"], reverse=True)
    assert sum(by_buyer[: len(by_buyer) // 10]) / orders.height == pytest.approx(0.5, abs=0.05)


def test_the_shop_has_price_points_and_returning_payers() -> None:
    paid = truth().payments.filter(pl.col("purpose") == "subscription")
    visits = paid.group_by("payer").len()["len"]
    assert visits.max() >= 5  # type: ignore[operator]
    assert (visits > 1).mean() > 0.5  # type: ignore[operator]
    places = truth().outputs.filter((pl.col("owner") == "shop-1") & (pl.col("role") == "payment"))
    per_payer = paid.join(places, on=["txid", "vout"]).group_by("payer").agg(pl.col("address").n_unique())
    assert (per_payer["address"] == 1).all(), "an address a customer"


def test_script_kinds_are_numbered_as_the_truth_names_them() -> None:
    scripts = Counter(truth().addresses["script"])
    assert set(scripts) == {
        "p2pk",
        "p2pkh",
        "p2sh-p2wpkh",
        "p2wpkh",
        "p2tr",
        "p2sh-multisig",
        "p2wsh-multisig",
    }
    assert (P2PK, P2PKH, P2WPKH, P2TR, P2SH_MULTISIG, OP_RETURN) == (0, 1, 3, 4, 5, 8)
