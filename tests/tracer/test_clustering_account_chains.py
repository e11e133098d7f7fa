"""Links on account chains: whom deposit accounts, sweep contracts and approvals join, and whom they must not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rules
from tests.scenarios.accounts import Block, Move, Opening, Relation, Row, Token, Tx, built, opened
from tracer.chain import AddressKey, RelationKind
from tracer.clustering import build as conservative
from tracer.clustering import overlay
from tracer.clustering.constraints import Constraints
from tracer.clustering.explain import explain
from tracer.clustering.leads import leads
from tracer.clustering.lookup import clusters_of
from tracer.clustering.rules import Tier
from tracer.clustering.state import current
from tracer.ledger.store import Ledger

RULES = rules.clustering()
ETH = 10**18
CENT = ETH // 100
"""What a sweep may leave for gas."""


def fund(*names: str) -> list[Row]:
    return [Block(rewards=[(name, 100 * ETH) for name in names])]


def pay(name: str, source: str, target: str, value: int = ETH) -> Tx:
    return Tx(name, source, to=target, value=value, fee=1)


def token(name: str, source: str, target: str, value: int = 500, asset: str = "USDT", **more: Any) -> Tx:
    return Tx(name, source, to=asset, moves=[Move(source, target, value, asset)], fee=1, **more)


def key_of(ledger: Ledger, name: str) -> int:
    found = ledger.find_address(ledger.chain.parse_address(name))
    assert found is not None, name
    return found


def hot(ledger: Ledger, **parties: str) -> Constraints:
    names = tuple(sorted(set(parties.values())))
    rows = sorted((key_of(ledger, name), names.index(party) + 1) for name, party in parties.items())
    frame = pl.DataFrame(rows, schema={"address_id": pl.Int32, "party": pl.Int32}, orient="row")
    return Constraints(frame, frame, names, (), (), "sha256:hot", "")


Bound = dict[str, str]
KRAKEN: Bound = {"kraken": "kraken"}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


KNOWN = (Token("USDT", genuine=True),)


def linked(
    folder: Path, rows: Sequence[Row], bound: Bound, told: Sequence[Token] = KNOWN, **more: Any
) -> tuple[Ledger, Constraints]:
    ledger = built(folder, rows, told=told, **more)
    bounds = hot(ledger, **bound)
    conservative.build(ledger, RULES, bounds)
    overlay.build(ledger, RULES, bounds)
    return ledger, bounds


def together(ledger: Ledger, *names: str, tier: Tier = Tier.EXTENDED) -> bool:
    return len(set(clusters_of(ledger, [key_of(ledger, name) for name in names], tier).values())) == 1


def links(ledger: Ledger) -> list[tuple[str, str, str]]:
    """(heuristic, a, b) by name, in the order taken."""
    rows = ledger.db.rows("SELECT heuristic, a, b FROM overlay_link")
    names = ledger.render_addresses(i for _, *ends in rows for i in ends)
    return [(heuristic, names[a], names[b]) for heuristic, a, b in rows]


DEPOSITS = [
    *fund("ann1", "ann2", "bob", "dep_ann", "dep_bob", "kraken"),
    pay("a1", "ann1", "dep_ann"),
    pay("s1", "dep_ann", "kraken", ETH - CENT),
    pay("a2", "ann2", "dep_ann", 2 * ETH),
    pay("s2", "dep_ann", "kraken", 2 * ETH),
    pay("b1", "bob", "dep_bob"),
    pay("s3", "dep_bob", "kraken", ETH),
]


def test_who_pays_into_one_deposit_account_is_one_customer_and_not_the_service(folder: Path) -> None:
    ledger, _ = linked(folder, DEPOSITS, KRAKEN)
    with ledger:
        assert together(ledger, "ann1", "ann2")
        assert together(ledger, "kraken", "dep_ann", "dep_bob")
        assert not together(ledger, "ann1", "bob")
        assert not together(ledger, "ann1", "dep_ann")
        assert [row for row in links(ledger) if row[0] == "deposit_reuse"] == [
            ("deposit_reuse", "ann1", "ann2")
        ]


def test_the_conservative_tier_joins_nobody(folder: Path) -> None:
    ledger, _ = linked(folder, DEPOSITS, KRAKEN)
    with ledger:
        assert not together(ledger, "ann1", "ann2", tier=Tier.CONSERVATIVE)
        state = current(ledger)
        assert state is not None and state.at_tip
        assert state.recorded.clusters == state.recorded.addresses
        assert state.recorded.largest == 1


def test_a_link_says_by_which_payment_it_is_known(folder: Path) -> None:
    ledger, bounds = linked(folder, DEPOSITS, KRAKEN)
    with ledger:
        state = current(ledger, Tier.EXTENDED)
        assert state is not None
        found = explain(ledger, state, key_of(ledger, "ann1"), key_of(ledger, "ann2"), RULES, bounds)
        assert found is not None
        (step,) = found
        assert (step["heuristic"]["id"], step["heuristic"]["tier"]) == ("deposit_reuse", "extended")
        assert step["txid"].startswith("0x") and 0 < step["confidence"] <= 90


NOT_DEPOSITS: dict[str, list[Row]] = {
    "it also pays somebody else": [
        *fund("ann", "bea", "shop", "dep"),
        pay("1", "ann", "dep"), pay("2", "dep", "kraken"), pay("3", "bea", "dep"), pay("4", "dep", "shop"),
        pay("5", "dep", "kraken", CENT),
    ],
    "it pays two services": [
        *fund("ann", "bea", "dep"),
        pay("1", "ann", "dep"), pay("2", "dep", "kraken"), pay("3", "bea", "dep"), pay("4", "dep", "binance"),
    ],
    "it keeps more than gas costs": [
        *fund("ann", "bea", "dep"),
        pay("1", "ann", "dep"), pay("2", "dep", "kraken", ETH - 2 * CENT), pay("3", "bea", "dep"),
        pay("4", "dep", "kraken", ETH - 3 * CENT),
    ],
    "it pays out more than came": [
        *fund("ann", "bea", "dep"),
        pay("1", "ann", "dep"), pay("2", "dep", "kraken", 2 * ETH), pay("3", "bea", "dep"),
        pay("4", "dep", "kraken", 3 * ETH),
    ],
    "somebody else signed the payment": [
        *fund("ann", "bea", "relay", "dep"),
        Tx("1", "relay", moves=[Move("ann", "dep", ETH)]), pay("2", "dep", "kraken"),
        Tx("3", "relay", moves=[Move("bea", "dep", ETH)]), pay("4", "dep", "kraken"),
    ],
    "the payer is a service itself": [
        *fund("binance", "bea", "dep"),
        pay("1", "binance", "dep"), pay("2", "dep", "kraken"), pay("3", "bea", "dep"), pay("4", "dep", "kraken"),
    ],
    "the payer makes blocks": [
        *fund("validator", "bea", "dep"),
        Tx("0", "bea", to="bea", tip=1, tip_to="validator"),
        pay("1", "validator", "dep"), pay("2", "dep", "kraken"), pay("3", "bea", "dep"), pay("4", "dep", "kraken"),
    ],
    "a token whose gas the service did not pay": [
        *fund("ann", "bea", "dep"),
        token("1", "ann", "dep"), token("2", "dep", "kraken"), token("3", "bea", "dep"), token("4", "dep", "kraken"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("why", NOT_DEPOSITS)
def test_no_deposit_reuse_where(why: str, folder: Path) -> None:
    rows = [*fund("kraken", "binance"), *NOT_DEPOSITS[why]]
    ledger, _ = linked(folder, rows, {"kraken": "kraken", "binance": "binance"})
    with ledger:
        assert [row for row in links(ledger) if row[0] == "deposit_reuse"] == []


def test_token_deposits_count_where_the_service_paid_the_gas(folder: Path) -> None:
    rows = [
        *fund("ann", "bea", "kraken"),
        pay("gas", "kraken", "dep", CENT),
        token("1", "ann", "dep"), token("2", "dep", "kraken"), token("3", "bea", "dep", 900),
        token("4", "dep", "kraken", 900),
    ]  # fmt: skip
    ledger, _ = linked(folder, rows, KRAKEN)
    with ledger:
        assert together(ledger, "ann", "bea")


def test_a_desk_that_pays_into_two_customers_deposit_accounts_joins_nobody(folder: Path) -> None:
    customers = range(2)
    rows = [*fund("desk", "kraken", *(f"c{i}" for i in customers), *(f"dep{i}" for i in customers))]
    for i in customers:
        rows += [pay(f"own{i}", f"c{i}", f"dep{i}"), pay(f"sweep{i}", f"dep{i}", "kraken")]
        rows += [pay(f"desk{i}", "desk", f"dep{i}"), pay(f"again{i}", f"dep{i}", "kraken")]
    ledger, _ = linked(folder, rows, KRAKEN)
    with ledger:
        assert not together(ledger, "c0", "c1")
        assert not together(ledger, "desk", "c0")


def test_what_waits_too_long_is_no_deposit_that_was_swept(folder: Path) -> None:
    def rows(blocks: int) -> list[Row]:
        wait: list[Row] = [Block() for _ in range(blocks)]
        return [*fund("ann", "bea", "dep", "kraken"), pay("1", "ann", "dep"), pay("2", "dep", "kraken"),
                pay("3", "bea", "dep"), *wait, pay("4", "dep", "kraken")]  # fmt: skip

    for blocks, expected in ((3_199, True), (3_200, False)):
        ledger, _ = linked(folder / str(blocks), rows(blocks), KRAKEN)
        with ledger:
            assert together(ledger, "ann", "bea") is expected


def clones(
    count: int, sink: str = "cold", days: float = 0, signer: str | None = None, send: int = ETH
) -> list[Row]:
    """Contracts of one factory; each gets 1 ETH of a user of its own and sends it on."""
    rows: list[Row] = fund("dev", sink, *(f"user{i}" for i in range(count)))
    rows.append(Tx("factory", "dev", creates="factory"))
    for i in range(count):
        made = [Relation(RelationKind.CREATE2, "factory", f"clone{i}")]
        rows.append(Tx(f"make{i}", "dev", to="factory", relations=made))
        rows.append(pay(f"in{i}", f"user{i}", f"clone{i}"))
        moves = [Move(f"clone{i}", sink, send)]
        day = 2 + i if days else None
        rows.append(Tx(f"out{i}", signer or sink, to=f"clone{i}", moves=moves, day=day))
    return rows


def test_clones_of_one_factory_swept_by_whom_they_pay_are_its_own_and_join_no_users(folder: Path) -> None:
    ledger, _ = linked(folder, clones(3), {})
    with ledger:
        assert together(ledger, "cold", "clone0", "clone1", "clone2")
        assert not together(ledger, "user0", "user1")
        assert not together(ledger, "user0", "clone0")
        assert {row[0] for row in links(ledger)} == {"forwarder"}


def extra(rows: list[Row], *more: Row) -> list[Row]:
    return [*rows, *more]


NO_FORWARDERS: dict[str, list[Row]] = {
    "too few": clones(2),
    "kept for days": clones(3, days=1),
    "somebody else signs, as a smart wallet's owner does": clones(3, signer="dev"),
    "something is kept": clones(3, send=ETH - 1),
    "ransom comes later and stays": extra(
        clones(3), *(pay(f"ransom{i}", f"user{i}", f"clone{i}", 10 * ETH) for i in range(3))
    ),
    "they pay a contract": extra(fund("x"), Tx("sink", "x", creates="shop"), *clones(3, sink="shop")),
}


@pytest.mark.parametrize("why", NO_FORWARDERS)
def test_other_contracts_are_no_forwarders(why: str, folder: Path) -> None:
    ledger, _ = linked(folder, NO_FORWARDERS[why], {})
    with ledger:
        assert links(ledger) == []


HOSTILE = (Token("FAKE"), *KNOWN)


def fake(name: str, source: str, target: str) -> Tx:
    """A worthless token logs a transfer in somebody's name."""
    return Tx(name, "thief", to="FAKE", moves=[Move(source, target, 500, "FAKE")])


def test_what_a_hostile_token_logs_makes_and_unmakes_no_deposit_account(folder: Path) -> None:
    poisoned = [
        *DEPOSITS, *fund("thief", "cold"),
        fake("frame", "cold", "kraken"), fake("unmake", "dep_ann", "lookalike"), fake("join", "bob", "dep_ann"),
    ]  # fmt: skip
    ledger, _ = linked(folder, poisoned, KRAKEN, HOSTILE)
    with ledger:
        assert together(ledger, "ann1", "ann2")
        assert together(ledger, "kraken", "dep_ann")
        assert not together(ledger, "kraken", "cold")
        assert not together(ledger, "ann1", "bob")


def test_a_known_token_counts_only_where_a_party_to_it_signed(folder: Path) -> None:
    pulled = Tx("pull", "thief", to="USDT", moves=[Move("dep_ann", "thief", 5, "USDT")])
    rows = [
        *DEPOSITS,
        *fund("thief"),
        Tx("mint", "bank", to="USDT", moves=[Move(None, "dep_ann", 5, "USDT")]),
        pulled,
    ]
    ledger, _ = linked(folder, rows, KRAKEN)
    with ledger:
        assert together(ledger, "kraken", "dep_ann")


def test_dust_into_two_strangers_deposit_accounts_joins_them_not(folder: Path) -> None:
    rows = [
        *fund("ann", "bob", "thief", "kraken", "binance", "dep_a", "dep_b"),
        pay("1", "ann", "dep_a"), pay("2", "dep_a", "kraken"), pay("3", "bob", "dep_b"), pay("4", "dep_b", "binance"),
        pay("5", "thief", "dep_a", CENT), pay("6", "dep_a", "kraken", CENT),
        pay("7", "thief", "dep_b", CENT), pay("8", "dep_b", "binance", CENT),
    ]  # fmt: skip
    ledger, _ = linked(folder, rows, {"kraken": "kraken", "binance": "binance"})
    with ledger:
        assert not together(ledger, "ann", "bob")
        assert not together(ledger, "ann", "thief")


def authorised(owners: int) -> list[Row]:
    rows: list[Row] = fund("spender", *(f"owner{i}" for i in range(owners)))
    for i in range(owners):
        approve = [Relation(RelationKind.APPROVAL, f"owner{i}", "spender", "USDT", 5)]
        rows.append(Tx(f"mint{i}", "bank", to="USDT", moves=[Move(None, f"owner{i}", 9, "USDT")]))
        rows.append(Tx(f"approve{i}", f"owner{i}", to="USDT", relations=approve))
        rows.append(Tx(f"pull{i}", "spender", to="USDT", moves=[Move(f"owner{i}", "shop", 5, "USDT")]))
    return rows


def test_two_services_deposit_accounts_are_never_one(folder: Path) -> None:
    rows = [
        *fund("ann", "kraken", "binance", "dep_k", "dep_b", "bea"),
        pay("1", "ann", "dep_k"), pay("2", "dep_k", "kraken"), pay("3", "ann", "dep_b"), pay("4", "dep_b", "binance"),
        pay("5", "bea", "dep_k"), pay("6", "dep_k", "kraken"),
    ]  # fmt: skip
    ledger, _ = linked(folder, rows, {"kraken": "kraken", "binance": "binance"})
    with ledger:
        assert not together(ledger, "ann", "bea"), "ann pays into two deposit accounts"
        assert not together(ledger, "dep_k", "dep_b")
        assert not together(ledger, "kraken", "binance")


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_links_with_any_number_of_threads_and_after_more_blocks(folder: Path, threads: int) -> None:
    rows = [*DEPOSITS, *clones(3), *authorised(2)]
    with built(folder, rows, threads=threads, told=KNOWN) as ledger:
        bounds = hot(ledger, **KRAKEN)
        conservative.build(ledger, RULES, bounds)
        overlay.build(ledger, RULES, bounds)
        first = links(ledger)
        conservative.update(ledger, RULES, bounds)
        overlay.build(ledger, RULES, bounds)
        assert links(ledger) == first
    with opened(folder) as ledger:
        assert {row[0] for row in first} == {"deposit_sweep", "deposit_reuse", "forwarder"}
        assert isinstance(ledger.chain.parse_address("ann1"), AddressKey)


def shown_leads(
    folder: Path, rows: Sequence[Row], a: str, b: str, bound: Bound | None = None, **more: Any
) -> list[tuple[str, Any]]:
    ledger, bounds = linked(folder, rows, bound or {}, **more)
    with ledger:
        state = current(ledger)
        assert state is not None
        found = leads(ledger, state, key_of(ledger, a), key_of(ledger, b), bounds, RULES)
        assert not together(ledger, a, b)
        return [(lead["why"], lead["through"]) for lead in found.shown]


FIRST_GAS = [*fund("boss"), pay("1", "boss", "ann"), pay("2", "boss", "bob"), pay("3", "ann", "cat")]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("boss", "ann", [("gas_funder", None)]),
        ("ann", "bob", [("gas_funder", "boss")]),
        ("cat", "ann", [("gas_funder", None)]),
        ("cat", "bob", []),
    ],
)
def test_who_paid_the_first_gas_is_a_lead_and_no_link(
    folder: Path, a: str, b: str, expected: list[tuple[str, str | None]]
) -> None:
    assert shown_leads(folder, FIRST_GAS, a, b) == expected


def test_services_and_who_funds_many_are_no_leads(folder: Path) -> None:
    many = [pay(f"m{i}", "boss", f"x{i}") for i in range(99)]
    assert shown_leads(folder / "service", FIRST_GAS, "ann", "bob", {"boss": "boss"}) == []
    assert shown_leads(folder / "many", [*FIRST_GAS, *many], "ann", "bob") == []


def test_who_activated_or_lends_energy_is_a_lead(folder: Path) -> None:
    def lend(name: str, kind: RelationKind, giver: str, receiver: str) -> Tx:
        return Tx(name, giver, relations=[Relation(kind, giver, receiver)])

    rows = [
        *fund("ann", "bob", "boss"),
        lend("1", RelationKind.ACTIVATION, "boss", "ann"), lend("2", RelationKind.DELEGATION, "boss", "bob"),
    ]  # fmt: skip
    rented = [*rows, *(lend(f"r{i}", RelationKind.DELEGATION, "boss", f"x{i}") for i in range(19))]
    assert shown_leads(folder / "few", rows, "ann", "bob") == [("tron_activation", "boss")]
    assert shown_leads(folder / "direct", rows, "boss", "bob") == [("tron_activation", None)]
    assert shown_leads(folder / "rented", rented, "ann", "bob") == []


@pytest.mark.parametrize(
    ("why", "balances", "first", "expected"),
    [
        ("from the first block on", (), 0, [("gas_funder", "boss")]),
        ("one held coin before", (Opening("ann", 5, height=6),), 7, []),
        ("nobody told what they held", (), 7, []),
        (
            "told that they held nothing",
            tuple(Opening(n, 0, height=6) for n in ("ann", "bob")),
            7,
            [("gas_funder", "boss")],
        ),
    ],
)
def test_first_gas_is_said_only_where_it_was_the_first(
    folder: Path, why: str, balances: Sequence[Opening], first: int, expected: list[tuple[str, str]]
) -> None:
    assert shown_leads(folder, FIRST_GAS, "ann", "bob", balances=balances, first=first) == expected, why


def test_a_block_reward_before_it_is_the_first_coin(folder: Path) -> None:
    rows = [Block(rewards=[("ann", 1)]), *FIRST_GAS]
    assert shown_leads(folder, rows, "ann", "bob") == []


@pytest.mark.parametrize(("owners", "seen"), [(1, True), (3, True), (4, False)])
def test_a_used_approval_is_a_lead_for_a_victim_approves_too(folder: Path, owners: int, seen: bool) -> None:
    found = shown_leads(folder, authorised(owners), "owner0", "spender")
    assert found == ([("self_authorisation", None)] if seen else [])


def test_an_approval_somebody_else_sent_in_ones_name_is_none(folder: Path) -> None:
    approve = [Relation(RelationKind.APPROVAL, "ann", "thief", "FAKE", 5)]
    rows = [
        *fund("ann", "thief"),
        Tx("approve", "thief", to="FAKE", relations=approve),
        Tx("pull", "thief", to="FAKE", moves=[Move("ann", "thief", 5, "FAKE")]),
    ]
    assert shown_leads(folder, rows, "ann", "thief") == []
