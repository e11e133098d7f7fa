"""Exposure by hand: whom a subject dealt with, how near, how much, and what does not count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rules import clustering
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import GENESIS_TIME, Tx, shown
from tracer.intel.claims import Price
from tracer.ledger.store import Ledger
from tracer.screening.examine import Examiner, Settings
from tracer.screening.model import Evidence, Exposure, Subject

MARKET = tag("dark", category="market", label="Dark")
HOT = tag("hot", "acme", role="hot")
ACME = vasp("acme", "none")
BAD = tag("bad", category="sanction", label="Bad")

# dark -> sub -> hot and mid -> far -> bad; sums are large, so that nothing is dust
M = 1_000_000
CHAIN_OF_FOUR = [
    Tx("mint", outs=[("dark", 6 * M)]),
    Tx("buy", ins=["mint:0"], outs=[("sub", 5 * M), ("dark", M)]),
    Tx("pay", ins=["buy:0"], outs=[("hot", 2 * M), ("mid", 3 * M)]),
    Tx("on", ins=["pay:1"], outs=[("far", 3 * M)]),
    Tx("end", ins=["on:0"], outs=[("bad", 3 * M)]),
]
Row = tuple[str, str, str, int, int, int]


def of(address: str, **more: Any) -> Subject:
    return Subject("address", CHAIN.name, address, address, **more)


def paid(case: Case, point: str, **more: Any) -> Subject:
    name, _, vout = point.partition(":")
    return Subject("transfer", CHAIN.name, point, txid=shown(name), vout=int(vout), **more)


def examine(case: Case, *subjects: Subject, rules: Any = None, **settings: Any) -> list[Evidence]:
    with Ledger.open(case.workspace, CHAIN) as ledger:
        asked = Settings(**settings)
        return Examiner(ledger, case.snapshot, asked, rules=rules or clustering()).examine(subjects)


def one(case: Case, subject: Subject, **settings: Any) -> Evidence:
    return examine(case, subject, **settings)[0]


def rows(evidence: Evidence) -> list[Row]:
    """(category, side, type, fifo, haircut, hops), as listed."""
    return [
        (e.category, e.side, e.type, e.units["fifo"], e.units["haircut"], e.min_hops)
        for e in evidence.exposures
    ]


def ways(case: Case, exposure: Exposure) -> list[list[str]]:
    return [[case.names[txid] for txid in path] for path in exposure.paths]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path, CHAIN_OF_FOUR, tags=[MARKET, HOT, BAD], vasps=[ACME])


def test_an_address_is_told_whom_it_dealt_with_and_how_far_away(case: Case) -> None:
    told = one(case, of("sub"))
    assert rows(told) == [
        ("exchange", "destination", "direct", 2 * M, 2 * M, 1),
        ("market", "source", "direct", 5 * M, 5 * M, 1),
        ("sanction", "destination", "indirect", 3 * M, 3 * M, 3),
    ]
    assert (told.received, told.sent, told.seen, told.truncated, told.gaps) == (5 * M, 5 * M, True, False, ())
    assert [ways(case, e) for e in told.exposures] == [[["pay"]], [["buy"]], [["pay", "on", "end"]]]
    assert [e.total for e in told.exposures] == [5 * M] * 3
    exchange = told.exposures[0]
    assert (exchange.vasp_id, exchange.kyc_level, exchange.entity) == ("acme", "none", "acme")


@pytest.mark.parametrize(
    ("hops", "found"),
    [(1, {"exchange", "market"}), (2, {"exchange", "market"}), (3, {"exchange", "market", "sanction"})],
)
def test_no_counterparty_lies_farther_than_asked(case: Case, hops: int, found: set[str]) -> None:
    assert {e.category for e in one(case, of("sub"), hops=hops).exposures} == found


@pytest.mark.parametrize(("direction", "sides"), [("inbound", {"source"}), ("outbound", {"destination"})])
def test_one_side_alone_can_be_asked(case: Case, direction: Any, sides: set[str]) -> None:
    told = one(case, of("sub", direction=direction))
    assert {e.side for e in told.exposures} == sides
    assert (told.received is None) == (direction == "outbound")
    assert (told.sent is None) == (direction == "inbound")


def test_a_transfer_is_judged_by_that_output_alone(case: Case) -> None:
    """The 3 that went on to mid never touch the exchange, and what sub holds besides is not asked about."""
    told = one(case, paid(case, "pay:1"))
    assert rows(told) == [
        ("sanction", "destination", "indirect", 3 * M, 3 * M, 3),
        ("market", "source", "indirect", 3 * M, 3 * M, 2),
    ]
    assert (told.subject.address, told.subject.units, told.chain_state) == ("mid", 3 * M, "confirmed")
    assert told.time == GENESIS_TIME + 3 * 600


def test_who_holds_the_output_is_dealt_with_directly(case: Case) -> None:
    told = one(case, paid(case, "pay:0", direction="outbound"))
    assert rows(told) == [("exchange", "destination", "direct", 2 * M, 2 * M, 1)]


def test_a_withdrawal_deals_with_the_owner_and_through_it_with_others(case: Case) -> None:
    bad = Subject("withdrawal_attempt", CHAIN.name, "bad", "bad", units=7 * M)
    assert rows(one(case, bad))[0] == ("sanction", "destination", "direct", 7 * M, 7 * M, 1)
    sub = Subject("withdrawal_attempt", CHAIN.name, "sub", "sub", units=7 * M)
    assert {(e.category, e.side, e.type, e.min_hops) for e in one(case, sub).exposures} == {
        ("exchange", "destination", "indirect", 2), ("market", "source", "indirect", 2),
        ("sanction", "destination", "indirect", 4),
    }  # fmt: skip


def test_an_address_never_seen_is_unseen_and_still_named(tmp_path: Path) -> None:
    case = Case(tmp_path, CHAIN_OF_FOUR, tags=[tag("ghost", category="sanction", label="Ghost")])
    nobody, ghost = examine(case, of("nobody"), of("ghost"))
    assert (nobody.seen, nobody.exposures, nobody.identifications) == (False, (), ())
    assert not ghost.seen
    assert [(e.category, e.type) for e in ghost.exposures] == [("sanction", "ownership")]
    assert [d.claim for d in ghost.designations] == [i.claim for i in ghost.identifications]


def test_ownership_is_of_the_address_or_of_its_whole_cluster(tmp_path: Path) -> None:
    table = [
        Tx("a", outs=[("one", 2 * M)]), Tx("b", outs=[("two", 2 * M)]),
        Tx("join", ins=["a:0", "b:0"], outs=[("else", 4 * M)]),
    ]  # fmt: skip
    claim = tag("two", category="scam", label="Crook", definer=False)
    alone = one(Case(tmp_path / "address", table, tags=[claim]), of("one"))
    assert alone.exposures == ()
    assert alone.cluster is not None and (alone.cluster.size, alone.cluster.entity) == (2, None)
    whole = one(Case(tmp_path / "cluster", table, tags=[replace(claim, is_cluster_definer=True)]), of("one"))
    assert [(e.category, e.type) for e in whole.exposures] == [("scam", "ownership")]
    assert [i.whole_cluster for i in whole.identifications] == [True]
    assert whole.cluster is not None and whole.cluster.entity == "Crook"


def test_money_between_addresses_of_one_wallet_is_no_dealing(tmp_path: Path) -> None:
    """one and two sign together: what one pays two stays inside, and only what leaves both counts."""
    table = [
        Tx("a", outs=[("one", 2 * M)]), Tx("b", outs=[("two", 2 * M)]),
        Tx("join", ins=["a:0", "b:0"], outs=[("one", 3 * M), ("hot", M)]),
        Tx("move", ins=["join:0"], outs=[("two", 3 * M)]),
        Tx("last", ins=["move:0"], outs=[("hot", 3 * M)]),
    ]  # fmt: skip
    told = one(Case(tmp_path, table, tags=[HOT], vasps=[ACME]), of("one"))
    assert (told.received, told.sent) == (4 * M, 4 * M)
    assert rows(told) == [("exchange", "destination", "direct", 4 * M, 4 * M, 1)]


def test_our_own_wallets_are_no_counterparty_and_are_not_looked_through(tmp_path: Path) -> None:
    table = [*CHAIN_OF_FOUR, Tx("sell", ins=["pay:0"], outs=[("bad", 2 * M)])]
    # a wallet whose category nobody would stop at
    ours = tag("mid", category="organization", label="Our House")
    case = Case(tmp_path, table, tags=[MARKET, HOT, BAD, ours], vasps=[ACME])
    assert {e.category for e in one(case, of("sub")).exposures} == {"exchange", "market", "sanction"}
    told = one(case, of("sub"), own=frozenset({"our house", "ACME"}))
    assert {e.category for e in told.exposures} == {"market"}
    assert one(case, of("mid"), own=frozenset({"Our House"})).exposures == ()


def test_each_word_of_a_counterparty_has_a_row(tmp_path: Path) -> None:
    dark = replace(MARKET, concepts="drugs")
    told = one(Case(tmp_path, CHAIN_OF_FOUR, tags=[dark]), of("sub"))
    assert [(e.category, e.words) for e in told.exposures] == [
        ("drugs", frozenset({"market", "drugs"})), ("market", frozenset({"market", "drugs"})),
    ]  # fmt: skip


def test_a_better_claim_of_something_else_does_not_hide_what_is_forbidden(tmp_path: Path) -> None:
    listed = replace(
        tag("hot", category="sanction", label="Acme Ltd", confidence="web_crawl"),
        programme="CYBER2",
        designated_at="2020-09-01",
    )
    told = one(Case(tmp_path, CHAIN_OF_FOUR, tags=[HOT, listed], vasps=[ACME]), of("sub"))
    assert {(e.category, e.entity) for e in told.exposures} == {("exchange", "acme"), ("sanction", "acme")}
    sanction = next(e for e in told.exposures if e.category == "sanction")
    assert [(d.programme, d.designated_at) for d in sanction.listed] == [("CYBER2", "2020-09-01")]


@pytest.mark.parametrize(("dated", "later"), [("2020-09-01", False), ("2020-09-14", True), ("", False)])
def test_a_claim_made_after_the_payment_says_so(tmp_path: Path, dated: str, later: bool) -> None:
    """The payment was on 13 September 2020."""
    told = one(Case(tmp_path, CHAIN_OF_FOUR, tags=[replace(MARKET, lastmod=dated)]), of("sub"))
    assert [e.labels_later for e in told.exposures] == [later]


def test_dust_and_payments_among_many_equal_ones_are_set_apart(tmp_path: Path) -> None:
    strangers = [(f"s{n}", 5_000) for n in range(12)]
    table = [
        Tx("mint", outs=[("dark", 9 * M), ("dark", M), ("dark", M)]),
        Tx("real", ins=["mint:0"], outs=[("sub", 9 * M)]),
        Tx("dust", ins=["mint:1"], outs=[("sub", 600), ("dark", M - 600)]),
        Tx("spam", ins=["mint:2"], outs=[*strangers, ("sub", 5_000), ("dark", M - 65_000)]),
    ]
    told = one(Case(tmp_path, table, tags=[MARKET]), of("sub"))
    assert [(e.units["fifo"], e.solicited) for e in told.exposures] == [(9 * M, True), (5_600, False)]
    assert {e.total for e in told.exposures} == {9 * M + 5_600}
    few = one(Case(tmp_path / "few", table, tags=[MARKET]), of("sub"), dust={CHAIN.name: 100})
    assert [(e.units["fifo"], e.solicited) for e in few.exposures] == [(9 * M + 600, True), (5_000, False)]


def test_a_service_is_not_looked_through(case: Case) -> None:
    told = one(case, of("hot"))
    assert [(e.category, e.type) for e in told.exposures] == [("exchange", "ownership")]
    assert (told.received, told.truncated) == (None, False)
    assert any("not looked through" in note for note in told.notes)


def test_a_wallet_that_behaves_like_a_pool_is_not_looked_through(tmp_path: Path) -> None:
    table = custodian()
    told = one(Case(tmp_path, table, tags=[MARKET]), of("hot"))
    assert told.exposures == ()
    assert any("pool_like" in note for note in told.notes)


def test_a_wallet_of_too_many_transactions_is_cut_and_says_so(tmp_path: Path) -> None:
    table = [Tx(f"t{n}", outs=[("sub", M)]) for n in range(6)]
    told = one(Case(tmp_path, table, tags=[MARKET]), of("sub"), max_txs=5)
    assert told.truncated and any("too large" in note for note in told.notes)


D, PEOPLE = 100_000, ["ann", "bob", "cid", "dee", "flo"]
MIX = [
    *(Tx(f"fund_{p}", outs=[(p, D + (5_000 if p == "bob" else 0))]) for p in PEOPLE),
    Tx("mix", ins=[f"fund_{p}:0" for p in PEOPLE], outs=[(f"new_{p}", D) for p in PEOPLE]),
    Tx("cash", ins=["mix:1"], outs=[("shop", D)]),
]


def test_what_goes_into_a_mix_or_comes_out_of_one_is_exposure_to_mixing(tmp_path: Path) -> None:
    bob, new, shop = examine(Case(tmp_path, MIX), of("bob"), of("new_bob"), of("shop"))
    assert rows(bob) == [("coinjoin", "destination", "direct", D + 5_000, D + 5_000, 1)]
    assert rows(new) == [("coinjoin", "source", "direct", D, D, 1)]
    assert rows(shop) == [("coinjoin", "source", "indirect", D, D, 2)]
    assert shop.exposures[0].paths == ((shown("cash"), shown("mix")),)


def test_marks_that_protect_are_told(tmp_path: Path) -> None:
    victim = tag("sub", category="victim", label="Somebody harmed")
    told = one(Case(tmp_path, CHAIN_OF_FOUR, tags=[MARKET, victim]), of("sub"))
    assert told.protected == ("victim",)
    assert {e.type for e in told.exposures} == {"direct"}


EXTORTER = tag("ext", category="sextortion", label="Threats")


def burst(days: Sequence[float]) -> list[Tx]:
    table = [Tx("fund", outs=[("sub", M)] * len(days), day=0)]
    return (
        table
        + [Tx(f"p{n}", ins=[f"fund:{n}"], outs=[("ext", M)], day=day) for n, day in enumerate(days)]
        + [Tx("end", outs=[("miner", 1)], day=60)]
    )


@pytest.mark.parametrize(
    ("days", "count"),
    [
        ((1, 1.2, 1.5), 1),
        ((1, 1.2), 0),
        ((1, 2.5, 4), 0),
        ((1, 1.2, 1.5, 3), 0),
        ((1, 1.2, 1.5, 20, 20.1, 20.2), 2),
    ],
)
def test_payments_in_a_burst_that_stops_are_told_of(
    tmp_path: Path, days: Sequence[float], count: int
) -> None:
    told = one(Case(tmp_path, burst(days), tags=[EXTORTER]), of("sub"))
    assert [row["payments"] for row in told.bursts] == [3] * count
    assert all(row["stopped"] for row in told.bursts)


@pytest.mark.parametrize(("price", "count"), [("20000", 1), ("26000", 0)])
def test_a_burst_begins_small_where_prices_are_known(tmp_path: Path, price: str, count: int) -> None:
    """A hundredth of a coin: 200 or 260 of the currency."""
    case = Case(tmp_path, burst((1, 1.2, 1.5)), tags=[EXTORTER])
    days = ("2020-09-14", "2020-09-15", "2020-09-13")
    case.claim("prices", *(Price("BTC", "USD", day, price, "a file") for day in days))
    assert len(one(case, of("sub")).bursts) == count
    assert one(case, of("sub")).exposures[0].fiat is not None


def test_blocks_that_are_missing_leave_a_gap(tmp_path: Path) -> None:
    told = one(Case(tmp_path, CHAIN_OF_FOUR, tags=[MARKET, HOT], vasps=[ACME], first=2), of("sub"))
    assert told.missing == ((0, 1),)
    assert any("blocks are missing" in gap for gap in told.gaps)


def test_without_claims_nothing_can_be_recognised_and_that_is_said(tmp_path: Path) -> None:
    assert any("no claims" in gap for gap in one(Case(tmp_path, CHAIN_OF_FOUR), of("sub")).gaps)


def test_findings_of_a_detector_stand_beside_the_subject(case: Case) -> None:
    finding = {"rule_id": "peel", "level": "medium"}
    with Ledger.open(case.workspace, CHAIN) as ledger:
        examiner = Examiner(
            ledger, case.snapshot, Settings(), rules=clustering(),
            detector=lambda _ledger, addresses: {"sub": [finding]} if "sub" in addresses else {},
        )  # fmt: skip
        sub, far = examiner.examine([of("sub"), of("far")])
    assert (sub.findings, far.findings) == ((finding,), ())
