"""A trace in words and columns: whole amounts at any width, what --exits hides, what lies behind a service."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.trace_text import render
from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.custodian import custodian
from tests.scenarios.ledger import Tx, shown
from tracer.intel.claims import Leg, Price

UNIT = 1_234_567_812_345_678
"""12345678.12345678 BTC: eight digits before the point and eight after it."""

ROWS = [
    Tx("fund", outs=[("ann", 6 * UNIT)]),
    Tx("pay", ins=["fund:0"], outs=[("acmehot", UNIT), ("pool", 2 * UNIT), ("zeta", UNIT), ("bob", 2 * UNIT - 7)]),
    Tx("payout", outs=[("carl", 3 * UNIT)]),
    Tx("spend", ins=["payout:0"], outs=[("betahot", UNIT), ("pool", UNIT), ("carl", UNIT - 1)]),
]  # fmt: skip
TAGS = [
    tag("acmehot", "acme", role="hot"),
    tag("pool", "bazaar", category="market", role="pool"),
    tag("zeta", "the_exchange_with_a_very_long_name_of_its_own"),
    tag("betahot", "beta"),
]
VASPS = [vasp("acme", "full"), vasp("beta", "none")]
REPLY = Leg(
    CHAIN.name, f"{shown('pay')}:0", CHAIN.name, f"{shown('payout')}:0", "reply 7", "acme", "2024-01-01",
    author="ann", reason="request 7",
)  # fmt: skip


@pytest.fixture
def asked(tmp_path: Path) -> Case:
    made = Case(tmp_path, ROWS, tags=TAGS, vasps=VASPS)
    made.claim("legs", REPLY)
    return made


def text(document: dict[str, Any], width: int = 80) -> str:
    """What a console of that width shows."""
    out = StringIO()
    render(Console(file=out, width=width, highlight=False, emoji=False, markup=False), document)
    return out.getvalue()


def amounts(document: dict[str, Any]) -> Iterator[str]:
    """The amounts that people must be able to read."""
    for doc in document.get("documents", [document]):
        yield from (decimal(units) for name, units in doc["totals"][0].items() if name in BUCKETS)
        for part in (doc, *(row["continuation"] for row in doc["offchain"])):
            yield from (row["amount"]["decimal"] for key in ("endpoints", "stops") for row in part[key])
        yield from (row["amount"]["decimal"] for row in doc["unspent"])
        yield from (row["traced_in"]["decimal"] for row in doc["offchain"])
        for row in doc["endpoints"]:
            yield from (
                leg[key]["decimal"] for leg in row["legs"] for key in ("amount_onchain", "amount_traced")
            )
            yield from [decimal(row["range"]["upper_bound"])] if row["range"] else []
            yield from [row["amount"]["fiat"]["value"]] if row["amount"]["fiat"] else []


BUCKETS = ("seed", "services", "unspent", "unread", "fees", "burned", "stopped", "pruned")


def decimal(units: str) -> str:
    digits = units.rjust(9, "0")
    return f"{digits[:-8]}.{digits[-8:]}"


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("methods", [("fifo",), ("fifo", "haircut")])
@pytest.mark.parametrize("priced", [False, True])
def test_every_amount_stands_whole_at_any_width(
    asked: Case, width: int, methods: tuple[str, ...], priced: bool
) -> None:
    if priced:
        asked.claim("prices", Price("BTC", "USD", "2020-09-13", "10000.01", "daily"))
    document = asked.documents("fund:0", methods=methods)
    expected = set(amounts(document))
    assert {decimal(str(UNIT)), decimal(str(6 * UNIT)), decimal(str(2 * UNIT - 7))} <= expected
    assert expected <= set(re.findall(r"\d+\.\d+", text(document, width)))


@pytest.mark.parametrize("width", [80, 100])
def test_every_bucket_and_service_is_named_beside_its_amounts(asked: Case, width: int) -> None:
    said = text(asked.documents("fund:0"), width)
    _, _, totals = said.partition("Where it is (BTC)")
    for bucket in BUCKETS:
        assert re.search(rf"^  {bucket} +\d+\.\d{{8}} +\d+\.\d{{8}}$", totals, re.MULTILINE)
    assert "the_exchange_with_a_very_long_name_of_its_own (exchange), KYC then: unknown" in said
    assert re.search(r"^  custodial_pool +1 +24691356.24691356 +24691356.24691356$", said, re.MULTILINE)


def test_each_method_has_its_own_share_hops_and_days(tmp_path: Path) -> None:
    """fifo brings 5 of 5 to acme at once; haircut half of it, and the other half a payment and a day later."""
    rows = [
        Tx("theft", outs=[("ann", 500)], day=0),
        Tx("clean", outs=[("cat", 500)], day=0),
        Tx("mixed", ins=["theft:0", "clean:0"], outs=[("acme", 500), ("bob", 500)], day=1),
        Tx("later", ins=["mixed:1"], outs=[("acme", 400), ("bob", 100)], day=2),
    ]
    said = text(Case(tmp_path, rows, tags=[tag("acme", "acme")]).documents("theft:0"))
    assert "fifo     0.00000500  share 1.0000, 1 hop, 2020-09-14" in said
    assert "haircut  0.00000450  share 0.9000, 1 hop, 2020-09-14 to 2020-09-15" in said


def test_one_is_no_plural_and_an_unknown_role_is_called_so(asked: Case) -> None:
    said = text(asked.documents("fund:0", methods=("fifo",), exits=("kyc:full",)))
    assert (
        "Not shown because of --exits: 1 service, 12345678.12345678 BTC; of these with unknown KYC: 1,"
        in said
    )
    said = text(asked.documents("fund:0", methods=("fifo",)))
    assert "to an address of unknown role (tag)" in said
    assert "to a hot address (tag)" in said


def test_what_exits_hides_behind_a_link_is_counted(asked: Case) -> None:
    said = text(asked.documents("fund:0", methods=("fifo",), exits=("kyc:full",)))
    _, _, behind = said.partition("Behind a service")
    assert "reached Beta" not in behind
    assert "not shown because of --exits: 1 service, 12345678.12345678 BTC" in behind


def test_behind_a_link_the_text_names_exits_and_where_the_trail_was_ended(asked: Case) -> None:
    _, _, behind = text(asked.documents("fund:0", methods=("fifo",))).partition("Behind a service")
    assert "- - - reply 7 (2024-01-01) - - ->" in behind
    assert "reached Beta: 12345678.12345678 BTC (KYC then: none)" in behind
    assert "ended, custodial_pool at bazaar: 12345678.12345678 BTC" in behind


def test_the_result_says_on_whose_word_money_got_further(asked: Case) -> None:
    said = text(asked.documents("fund:0", methods=("fifo",)), width=400)
    assert (
        f"Under FIFO, on the word of reply 7 (acme), money behind {shown('pay')}:0 reached Beta 12345678.12345678 BTC "
        "(KYC then: none); totals apart." in said
    )


def test_a_second_reply_about_a_link_points_at_the_first(asked: Case) -> None:
    asked.claim("legs", replace(REPLY, reference="reply 8"))
    said = text(asked.documents("fund:0", methods=("fifo",)))
    assert said.count("behind it 37037034.37037034 BTC") == 1
    assert said.count("shown above, with claim") == 1


def test_a_link_behind_a_link_says_behind_which(asked: Case) -> None:
    more = replace(REPLY, origin=f"{shown('spend')}:2", target=f"{shown('spend')}:0", reference="reply 8")
    asked.claim("legs", more)
    said = text(asked.documents("fund:0", methods=("fifo",)))
    assert "under fifo, behind reply 7: 12345678.12345677 BTC" in said


def test_who_is_to_be_protected_and_whom_to_ask_is_said_behind_links_too(asked: Case) -> None:
    asked.claim("tags", replace(tag("carl", category="user", label="victim"), protection="victim"))
    asked.claim("vasps", replace(VASPS[1], legal_contact="desk@beta", source="beta's site"))
    said = text(asked.documents("fund:0", methods=("fifo",)))
    _, _, protected = said.partition("Protected:")
    assert "victim: carl" in protected
    assert "requests to: desk@beta" in said


def test_an_untagged_pool_is_told_by_what_it_does(tmp_path: Path) -> None:
    rows = [
        Tx("fund", outs=[("ann", 10_000)]),
        Tx("loss", ins=["fund:0"], outs=[("dep2", 6_000), ("bob", 3_000)]),
    ]
    case = Case(tmp_path, [*rows, *custodian()], tags=TAGS)
    shown_text = text(case.documents("fund:0"))
    assert (
        "at dep2 (an untagged wallet that behaves like a pool: 61 depositors, 5 batch payouts)" in shown_text
    )
    assert "--pools tagged follows through it" in " ".join(shown_text.split())
    followed = text(case.documents("fund:0", pools="tagged"))
    assert "behaves like a pool" not in followed
