"""What makes two claims the same claim, which words they may use, and what of them is shown."""

from __future__ import annotations

import os
import re
import unicodedata
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tracer.intel_examples import tag, vasp
from tracer.intel import taxonomy
from tracer.intel.claims import Override, canonical, claim_id, clean


def test_a_claim_is_its_words_not_the_bytes_the_ledger_derives_from_its_address() -> None:
    assert claim_id(tag()) == claim_id(replace(tag(), kind=1, payload=b"other"))


@pytest.mark.parametrize("change", [
    {"chain": "bitcoin"}, {"address": "b"}, {"label": "x"}, {"category": "scam"}, {"actor": "x"},
    {"role": "hot"}, {"confidence": "forensic"}, {"source": "x"}, {"lastmod": "2020-01-01"},
    {"is_cluster_definer": True},
])  # fmt: skip
def test_any_other_word_makes_another_claim(change: dict[str, object]) -> None:
    assert claim_id(tag(**change)) != claim_id(tag())


def test_not_knowing_about_monero_is_not_the_claim_that_there_is_none() -> None:
    assert len({claim_id(vasp(xmr_support=x)) for x in (None, False, True)}) == 3


def test_the_canonical_form_leaves_empty_fields_out_so_that_later_fields_change_no_id() -> None:
    assert canonical(vasp(jurisdiction="", xmr_support=None)) == (
        '["Vasp",{"assessed_at":"2021-06-01","kyc_level":"none","name":"Example","source":"register",'
        '"vasp_id":"ex"}]'
    )


def test_an_override_is_another_claim_for_every_word_of_it() -> None:
    said = Override(
        chain="bitcoin", kind="join", a="a", b="b", txid="", source="analyst ann", said_at="2024-05-01",
        author="ann", reason="exhibit 7",
    )  # fmt: skip
    assert canonical(said) == (
        '["Override",{"a":"a","author":"ann","b":"b","chain":"bitcoin","kind":"join","reason":"exhibit 7",'
        '"said_at":"2024-05-01","source":"analyst ann"}]'
    )
    changes = [{field.name: f"other {field.name}"} for field in fields(Override)]
    assert (
        len({claim_id(said), *(claim_id(replace(said, **change)) for change in changes)}) == len(changes) + 1
    )


def test_ids_of_claims_stay_what_they_were_when_kinds_are_added() -> None:
    assert claim_id(tag()) == "b76c8ad7be44220f9f0d022aaeb98960f3e84352ed11dd47ced1e02c9cb30087"
    assert claim_id(vasp()) == "f732d6c43c561dde2ed1feaa7d8bc2d8d62bc094b28280c995b52993b98b9eb6"


def test_labels_cannot_steer_a_terminal_or_read_backwards() -> None:
    assert clean("A\x1b[31mB\u202ecba\u200b \t\n C\x00") == "A[31mBcba C"


@given(st.text())
def test_cleaning_is_done_once_and_for_all(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert not {unicodedata.category(c) for c in clean(text)} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(("category", "behaviour"), [
    ("exchange", "endpoint"), ("hosted_wallet", "endpoint"), ("atm", "endpoint"), ("swapper", "endpoint"),
    ("payment_processor", "endpoint"), ("market", "pool"), ("gambling", "pool"), ("mining_service", "pool"),
    ("mixing_service", "mixer"), ("coinjoin", "mixer"), ("defi_bridge", "bridge"), ("ransomware", "follow"),
    ("child_sexual_abuse", "follow"), ("scam", "follow"), ("donation", "follow"), ("vendor", "follow"),
    ("escrow_wallet", "follow"),
])  # fmt: skip
def test_a_trace_knows_what_to_do_at_each_kind_of_actor(category: str, behaviour: str) -> None:
    assert taxonomy.load()[category].behaviour == behaviour


def test_every_category_and_confidence_says_what_it_means() -> None:
    for concept in taxonomy.load().values():
        assert len(concept.definition) >= 15
        assert concept.definition.endswith(".")
    scores = [confidence.score for confidence in taxonomy.confidences().values()]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.skipif("TRACER_REALDATA" not in os.environ, reason="TRACER_REALDATA is not set")
def test_published_packs_use_no_word_we_do_not_know() -> None:
    packs = Path(os.environ["TRACER_REALDATA"]) / "intel"
    text = "".join(path.read_text() for path in sorted(packs.glob("tagpacks/*.yaml")))
    words = set(re.findall(r"^[ -]*(?:category|abuse): *(\w+)", text, re.MULTILINE))
    actors = (packs / "graphsense.actorpack.yaml").read_text()
    for block in re.findall(r"categories:\n((?:  - \w+\n)+)", actors):
        words |= set(re.findall(r"\w+", block))
    assert len(words) > 20
    assert words <= taxonomy.load().keys()
    confidences = set(re.findall(r"^[ -]*confidence: *(\w+)", text, re.MULTILINE))
    assert confidences <= taxonomy.confidences().keys()
