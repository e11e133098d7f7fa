"""`tracer.screening/1`: the keys of CONTRACTS in their order, a range for every share, one id for one answer."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from tests.tracer.screening_examples import DAY, LISTS, NOW, TIP, designated, evidence, exposure, shipped
from tracer.screening.document import document
from tracer.screening.documented import of_document
from tracer.screening.judge import judge
from tracer.screening.model import Cluster, Evidence, Identification, Subject
from tracer.screening.rows import Coin

POLICY = shipped()


def written(of: Evidence, *, at: int = NOW, **given: Any) -> dict[str, Any]:
    named: dict[str, Any] = {
        "snapshot_id": f"sha256:{'0' * 64}", "rules": "sha256:1", "engine": "test", "evaluated_at": at,
        "parameters": {"hops": 3, "max_txs": 20_000, "own": []}, "coin": Coin("BTC", 8), **given,
    }  # fmt: skip
    return document(of, judge(of, POLICY, LISTS, at), POLICY, **named)


MARKET = exposure(
    "dark_market", units={"fifo": 30, "haircut": 20}, entity="bazaar", paths=(("t1", "t0"),), claims=frozenset({"c"})
)  # fmt: skip


def test_keys_stand_in_the_order_of_contracts() -> None:
    said = written(evidence(MARKET))
    keys = list(said)
    promised = [
        "schema", "screening_id", "as_of", "evaluated_at", "coverage", "policy", "subject", "verdict", "risk",
        "risk_reasons", "handling", "sanctioned", "cluster", "identifications", "exposures", "triggers", "findings",
        "truncated",
    ]  # fmt: skip
    assert [key for key in keys if key in promised] == promised
    assert list(said["subject"]) == [
        "kind", "chain", "address", "txid", "vout", "transfer_index", "asset", "amount", "chain_state", "direction",
        "customer_reference",
    ]  # fmt: skip
    assert list(said["exposures"][0])[:11] == [
        "category", "side", "type", "amount", "share", "share_low", "share_high", "methods", "min_hops", "solicited",
        "paths",
    ]  # fmt: skip
    assert list(said["triggers"][0])[:5] == ["rule_id", "rule_version", "threshold", "observed", "severity"]
    assert list(said["sanctioned"]) == [
        "hit", "list", "list_version", "designated_at", "transfer_after_designation",
    ]  # fmt: skip
    assert list(said["coverage"]) == ["status", "chains", "intel", "notes", "gaps"]


def test_an_exposure_is_a_range_and_its_amount_the_larger_method() -> None:
    row = written(evidence(MARKET))["exposures"][0]
    assert (row["amount"]["base_units"], row["share"], row["share_low"], row["share_high"]) == (
        "30", "0.3000", "0.2000", "0.3000",
    )  # fmt: skip
    assert row["methods"] == ["fifo", "haircut"]
    alone = written(evidence(exposure("dark_market", units={"fifo": 0, "haircut": 5})))["exposures"][0]
    assert (alone["methods"], alone["share_low"]) == (["haircut"], "0.0000")


def test_rows_are_ordered_by_amount_and_triggers_follow_them() -> None:
    rows = [
        exposure("mixing_service", units=5),
        exposure("dark_market", units=50),
        exposure("gambling", units=90),
    ]
    owned = exposure("ransomware", kind="ownership", units=0)
    first = written(evidence(*rows, owned))
    other = written(evidence(owned, *reversed(rows)))
    assert first["exposures"] == other["exposures"]
    assert [row["category"] for row in first["exposures"]] == [
        "ransomware", "gambling", "dark_market", "mixing_service",
    ]  # fmt: skip
    assert first["exposures"][0]["share"] == "1.0000"
    for trigger in first["triggers"]:
        named = first["exposures"][trigger["exposure"]]["category"]
        assert named == trigger["category"] == trigger["observed"]["category"]
        assert trigger["exposure"] in trigger["observed"]["exposures"]


def test_a_policy_sees_in_the_document_what_it_saw_in_the_evidence() -> None:
    of = evidence(
        MARKET,
        exposure("exchange", side="destination", vasp_id="acme", kyc_level="full", first_time=1, last_time=2),
        exposure("sanction", listed=designated("2023-01-01"), solicited=False),
        identifications=(
            Identification("x", "ransomware", "s", "2020-01-01", "forensic", "c1", frozenset({"ransomware"})),
        ),
        designations=designated("2022-01-01"),
        cluster=Cluster("cluster:a@1", 2, None, None, None, None),
        protected=("victim",),
        gaps=("blocks are missing",),
        notes=("a note",),
        claims=frozenset({"c1", "c"}),
        received=100,
    )
    again = of_document(json.loads(json.dumps(written(of))))
    judged, once_more = (judge(one, POLICY, LISTS, NOW) for one in (of, again))
    assert (judged.verdict, judged.risk, judged.handling, judged.status, judged.second) == (
        once_more.verdict, once_more.risk, once_more.handling, once_more.status, once_more.second,
    )  # fmt: skip
    assert {one.rule_id for one in judged.triggers} == {one.rule_id for one in once_more.triggers}


@pytest.mark.parametrize(
    ("designated_at", "time", "after"),
    [
        ("2023-06-01", NOW, True),
        ("2024-01-01", NOW, True),  # the day itself counts
        ("2024-01-02", NOW, False),
        ("", NOW, None),
        ("2023-06-01", None, None),
    ],
)
def test_a_transfer_is_told_to_lie_before_or_after_the_designation(
    designated_at: str, time: int | None, after: bool | None
) -> None:
    said = written(evidence(designations=designated(designated_at), time=time))
    assert said["sanctioned"] == {
        "hit": True, "list": "ofac-sdn", "list_version": "v1", "designated_at": designated_at or None,
        "transfer_after_designation": after,
    }  # fmt: skip
    assert said["verdict"] == "block"


def test_a_deposit_from_a_listed_payer_is_a_hit_and_an_address_that_dealt_with_one_is_not() -> None:
    payer = exposure("sanction", listed=designated("2023-01-01"))
    deposit = Subject("transfer", "bitcoin", "t:0", "a", "t", 0, direction="inbound")
    assert written(evidence(payer, subject=deposit, time=NOW))["sanctioned"]["hit"]
    dealt = written(evidence(payer))
    assert not dealt["sanctioned"]["hit"]
    assert dealt["exposures"][0]["listed"][0]["transfer_after_designation"] is True


def test_what_is_not_known_is_null_and_never_zero() -> None:
    said = written(evidence(seen=False, tip=None))
    assert (said["verdict"], said["risk"], said["as_of"], said["cluster"]) == ("unknown", None, [], None)
    assert said["coverage"]["status"] == "unseen"
    assert said["subject"]["amount"] is None
    priced = written(evidence(exposure("gambling")))["exposures"][0]["amount"]
    assert priced["fiat"] is None


def test_amounts_of_assets_carry_what_names_them() -> None:
    row = exposure("exchange", asset="USDT", asset_id="eip155:1/erc20:0xd", decimals=6, units=1_500_000)
    subject = Subject("withdrawal_attempt", "ethereum", "a", "a", asset="USDT", units=2, direction="outbound")
    said = written(evidence(row, subject=subject), coin=Coin("USDT", None, "eip155:1/erc20:0xd"))
    assert said["exposures"][0]["amount"]["decimal"] == "1.500000"
    assert said["subject"]["amount"] == {
        "asset": "USDT", "base_units": "2", "decimal": "2", "fiat": None, "asset_id": "eip155:1/erc20:0xd",
        "decimals": None,
    }  # fmt: skip


BASE = evidence(MARKET)
OTHERS: list[tuple[str, Evidence, dict[str, Any]]] = [
    ("another subject", replace(BASE, subject=replace(BASE.subject, address="b")), {}),
    ("another customer", replace(BASE, subject=replace(BASE.subject, reference="c-2")), {}),
    ("another block", replace(BASE, tip=replace(TIP, height=800_001)), {}),
    ("other claims", BASE, {"snapshot_id": f"sha256:{'1' * 64}"}),
    ("other settings", BASE, {"parameters": {"hops": 1, "max_txs": 20_000, "own": []}}),
    ("our own wallets", BASE, {"parameters": {"hops": 3, "max_txs": 20_000, "own": ["acme"]}}),
    ("lists that grew old", BASE, {"at": NOW + 400 * DAY}),
    ("less coverage", replace(BASE, gaps=("blocks are missing",)), {}),
]


@pytest.mark.parametrize(("what", "of", "given"), OTHERS, ids=[row[0] for row in OTHERS])
def test_an_id_names_one_answer(what: str, of: Evidence, given: dict[str, Any]) -> None:
    assert written(BASE)["screening_id"] == written(BASE, at=NOW + 1)["screening_id"]
    assert written(of, **given)["screening_id"] != written(BASE)["screening_id"], what


def test_what_a_rule_saw_is_part_of_the_id() -> None:
    """Rules that ask for time since a payment may fire on less later, with the same verdict."""
    judged = judge(BASE, POLICY, LISTS, NOW)
    less = replace(judged.triggers[0], observed={**judged.triggers[0].observed, "share_high": "0.1"})
    given: dict[str, Any] = {
        "snapshot_id": "sha256:0", "rules": "sha256:1", "engine": "test", "evaluated_at": NOW, "parameters": {},
        "coin": Coin("BTC", 8),
    }  # fmt: skip
    ids = {
        document(BASE, replace(judged, triggers=(trigger, *judged.triggers[1:])), POLICY, **given)[
            "screening_id"
        ]
        for trigger in (judged.triggers[0], less)
    }
    assert len(ids) == 2


def test_a_document_is_the_same_bytes_in_another_process() -> None:
    code = (
        "import json; from tests.tracer.test_screening_document import *; "
        "print(json.dumps(written(evidence(MARKET, exposure('sanction', words=frozenset('abcdef'))))))"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(answers) == 1
