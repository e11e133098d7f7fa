"""What a trace says of its claims: which it used, whom to ask and whom to protect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx
from tracer.intel.claims import Tag, Vasp, Withdrawal, claim_id

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
