"""What a trace says of its claims: which it used, whom to ask, whom to protect, and what lies behind a service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.scenarios.case import CHAIN, Case, tag, vasp
from tests.scenarios.ledger import Tx, shown
from tracer.intel.claims import Leg, Tag, Vasp, Withdrawal, claim_id

# ann pays 5 to acme's deposit address and 4 to a friend; acme later pays 3 to bob, which is swept to zeta's hot wallet
ROWS = [
    Tx("fund", outs=[("ann", 9)]),
    Tx("pool", outs=[("acmepot", 50)]),
    Tx("deposit", ins=["fund:0"], outs=[("acmehot", 5), ("friend", 4)]),
    Tx("payout", ins=["pool:0"], outs=[("bob", 3), ("acmepot", 46)]),
    Tx("spend", ins=["payout:0"], outs=[("zetahot", 2)]),
]
TAGS = [tag("acmehot", "acme", role="hot"), tag("zetahot", "zeta", role="hot")]
VASPS = [vasp("acme", "full"), vasp("zeta", "none")]


def case(folder: Path, *, tags: Sequence[Tag] = TAGS, vasps: Sequence[Vasp] = VASPS) -> Case:
    return Case(folder, ROWS, tags=tags, vasps=vasps)


def leg(origin: str, target: str, **change: Any) -> Leg:
    """What acme replied: the deposit was paid out there."""
    said = {"chain": CHAIN.name, "to_chain": CHAIN.name, "reference": "reply 7", "source": "acme",
            "said_at": "2024-01-01", "author": "ann", "reason": "request 7"} | change  # fmt: skip
    return Leg(origin=_outpoint(origin), target=_outpoint(target), **said)


def _outpoint(text: str) -> str:
    name, _, vout = text.partition(":")
    return f"{shown(name)}:{vout}"


def test_an_answer_names_every_claim_it_leaned_on(tmp_path: Path) -> None:
    unmet = tag("nobody_here", "zeta")
    asked = case(tmp_path, tags=[*TAGS, unmet])
    found = asked.trace("fund:0", method="fifo").document
    assert found["claims"] == sorted([claim_id(TAGS[0]), claim_id(VASPS[0])])
    assert [row["claim"] for row in found["endpoints"][0]["attribution"]] == [claim_id(TAGS[0])]
    assert [row["claim"] for row in found["endpoints"][0]["kyc_evidence"]] == [claim_id(VASPS[0])]


def test_claims_that_lost_had_a_say_too(tmp_path: Path) -> None:
    weak = tag("acmehot", "rival", confidence="heuristic")
    found = case(tmp_path, tags=[*TAGS, weak]).trace("fund:0", method="fifo").document
    assert claim_id(weak) in found["claims"]


def test_without_a_withdrawn_claim_the_trace_goes_on_and_as_of_then_it_stops(tmp_path: Path) -> None:
    asked = case(tmp_path)
    then = asked.trace("fund:0", method="fifo")
    taken = Withdrawal(
        claim=claim_id(TAGS[0]), source="ann", withdrawn_at="2024-01-01", author="ann", reason="x"
    )
    asked.claim("withdrawals", taken)
    assert then.endpoints == {"acme": 5}
    assert asked.trace("fund:0", method="fifo").endpoints == {}


def test_a_request_goes_to_whom_the_service_is_now_with_the_level_of_then(tmp_path: Path) -> None:
    history = [
        replace(vasp("acme", "none", until="2020-12-31"), legal_contact="old desk"),
        replace(vasp("acme", "full", since="2021-01-01"), legal_contact="new desk", successor="zeta",
                records_holder="an authority", status="closed"),
    ]  # fmt: skip
    (row,) = case(tmp_path, vasps=history).trace("fund:0", method="fifo").document["endpoints"]
    assert (row["kyc_level"], row["request_to"]["legal_contact"]) == ("none", "new desk")
    assert row["request_to"]["records_holder"] == "an authority"
    assert (row["request_to"]["status"], row["request_to"]["successor"]) == ("closed", "zeta")


def test_an_account_nested_in_another_service_names_both(tmp_path: Path) -> None:
    nested = replace(tag("acmehot", "zeta"), nested_in="acme")
    (row,) = case(tmp_path, tags=[nested]).trace("fund:0", method="fifo").document["endpoints"]
    assert (row["vasp_id"], row["account_shape"]) == ("zeta", "nested")
    assert row["nested_in"] == {
        "vasp_id": "acme", "entity": "Acme", "kyc_level": "full", "kyc_last_known": None
    }  # fmt: skip


def test_a_stranger_nested_in_a_known_service_is_an_endpoint_of_unknown_level(tmp_path: Path) -> None:
    nested = replace(tag("acmehot", "small swap", category="user"), nested_in="acme")
    (row,) = case(tmp_path, tags=[nested]).trace("fund:0", method="fifo").document["endpoints"]
    assert (row["entity"], row["vasp_id"], row["kyc_level"]) == ("small swap", None, "unknown")
    assert row["request_to"]["vasp_id"] == row["nested_in"]["vasp_id"] == "acme"


def test_victims_and_test_purchases_on_the_way_are_named_as_protected(tmp_path: Path) -> None:
    victim = replace(tag("friend", category="user", label="paid by a victim"), protection="victim")
    bought = tag("ann", category="user", label="our purse")
    found = case(tmp_path, tags=[*TAGS, victim, replace(bought, protection="test_purchase")])
    document = found.trace("fund:0", method="fifo").document
    assert [(row["address"], row["protection"]) for row in document["protected"]] == [
        ("ann", "test_purchase"), ("friend", "victim")
    ]  # fmt: skip
    assert found.trace("fund:0", method="fifo").unspent == {"deposit:1": 4}


def test_an_answer_carries_the_most_closed_marking_of_its_claims(tmp_path: Path) -> None:
    assert case(tmp_path / "a").trace("fund:0", method="fifo").document["tlp"] is None
    marked = [replace(TAGS[0], tlp="TLP:GREEN"), replace(tag("friend", "zeta"), tlp="TLP:AMBER")]
    asked = case(tmp_path / "b", tags=marked)
    assert asked.trace("fund:0", method="fifo").document["tlp"] == "TLP:AMBER"


def test_behind_a_service_the_trace_goes_on_dashed_with_totals_apart(tmp_path: Path) -> None:
    asked = case(tmp_path)
    plain = asked.trace("fund:0", method="fifo")
    asked.claim("legs", leg("deposit:0", "payout:0"))
    found = asked.trace("fund:0", method="fifo")
    (link,) = found.document["offchain"]
    assert (link["drawn"], link["reference"], link["note"]) == ("dashed", "reply 7", None)
    assert link["traced_in"]["base_units"] == "5"
    behind = link["continuation"]
    assert behind["totals"][0] | {"chain": "", "asset": ""} == {
        "chain": "", "asset": "", "seed": "3", "converted_in": "0", "services": "3", "unspent": "0", "unread": "0",
        "fees": "0", "burned": "0", "stopped": "0", "pruned": "0", "converted_out": "0",
    }  # fmt: skip
    assert [(row["vasp_id"], row["kyc_level"]) for row in behind["endpoints"]] == [("zeta", "none")]
    # the trace itself says what it said before, to the base unit
    assert found.totals == plain.totals == {"seed": 9, "services": 5, "unspent": 4}
    assert found.document["endpoints"] == plain.document["endpoints"]
    assert claim_id(leg("deposit:0", "payout:0")) in found.document["claims"]
    assert claim_id(TAGS[1]) in found.document["claims"]


def test_a_link_that_no_traced_money_reached_is_not_followed(tmp_path: Path) -> None:
    asked = case(tmp_path)
    asked.claim("legs", leg("pool:0", "payout:0"))
    assert asked.trace("fund:0", method="fifo").document["offchain"] == []


def test_a_link_behind_a_link_is_followed_once_also_in_a_circle(tmp_path: Path) -> None:
    asked = case(tmp_path)
    first, back = leg("deposit:0", "payout:0"), leg("payout:0", "fund:0", reference="reply 8")
    asked.claim("legs", first, back)
    rows = asked.trace("fund:0", method="fifo").document["offchain"]
    assert [(row["reference"], row["after"]) for row in rows] == [
        ("reply 7", None), ("reply 8", claim_id(first))
    ]  # fmt: skip


def test_a_link_to_what_was_not_read_says_so(tmp_path: Path) -> None:
    asked = case(tmp_path)
    elsewhere = leg("deposit:0", "payout:0", to_chain="ethereum")
    unread = replace(leg("deposit:0", "payout:0"), target="ab" * 32 + ":0")
    asked.claim("legs", elsewhere, unread)
    notes = [row["note"] for row in asked.trace("fund:0", method="fifo").document["offchain"]]
    assert any("is on ethereum" in note for note in notes)
    assert any("never seen" in note for note in notes)


def test_each_method_shows_the_links_its_money_reached(tmp_path: Path) -> None:
    asked = case(tmp_path)
    asked.claim("legs", leg("deposit:1", "payout:0"))
    documents = asked.documents("fund:0")["documents"]
    assert [len(doc["offchain"]) for doc in documents] == [1, 1]
    assert [doc["offchain"][0]["traced_in"]["base_units"] for doc in documents] == ["4", "4"]
