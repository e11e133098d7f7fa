"""The register as CSV: what goes out comes back, and no spreadsheet runs any of it."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.intel.csvtext import escaped, unescaped
from adapters.intel.register import register
from tests.adapters.reading import TODAY, read_text
from tracer.intel import taxonomy
from tracer.intel.claims import STATUSES, TLPS, KycLevel, Vasp, clean
from tracer.intel.frames import frame_of

texts = st.text(
    st.one_of(
        st.sampled_from("=+-@'\",ab"),
        st.characters(exclude_categories=("Cc", "Cf", "Cs"), exclude_characters="<&;"),
    ),
    max_size=12,
).map(clean)
some = texts.filter(bool)
days = st.sampled_from(["", "2019-01-01", TODAY])
items = st.lists(some, max_size=3, unique=True).map("; ".join)


@st.composite
def vasps(draw: st.DrawFn) -> Vasp:
    words: dict[str, Any] = {
        name: draw(texts)
        for name in ("type", "legal_contact", "assessor", "legal_entity", "travel_rule", "successor", "nested_in",
                     "records_holder", "retention", "evidence_url", "note", "author", "reason")
    }  # fmt: skip
    lists = {
        name: draw(items)
        for name in ("names", "jurisdiction", "jurisdiction_licensed", "jurisdiction_operating", "licences",
                     "enforcement")
    }  # fmt: skip
    return Vasp(
        vasp_id=draw(some.filter(lambda text: " " not in text)), name=draw(some), source=draw(some),
        kyc_level=draw(st.sampled_from(KycLevel)), xmr_support=draw(st.sampled_from([True, False, None])),
        valid_from=draw(days), valid_to=draw(st.sampled_from(["", TODAY])), assessed_at=draw(days),
        kyc_threshold_usd=draw(st.sampled_from(["", "1000", "0.50"])), status=draw(st.sampled_from(STATUSES)),
        evidence_sha256=draw(st.sampled_from(["", "e3" * 32])), captured_at=draw(days),
        lei=draw(st.sampled_from(["", "5493001KJTIIGC8Y1R12"])), next_review=draw(st.sampled_from(["", "2031-01-01"])),
        confidence=draw(st.sampled_from(["", *taxonomy.confidences()])), tlp=draw(st.sampled_from(["", *TLPS])),
        **words, **lists,
    )  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(vasps(), min_size=1, max_size=4))
def test_the_register_comes_back_as_the_same_claims_in_the_same_order(claims: list[Vasp]) -> None:
    frame = frame_of("vasps", claims)
    with TemporaryDirectory() as folder:
        reading = read_text(Path(folder), register(frame).decode(), "vasps.csv", ("vasps",))
    assert reading.rejections == ()
    assert reading.frame["claim_id"].to_list() == frame["claim_id"].to_list()


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "'=1", "''-1"])
def test_what_a_spreadsheet_takes_for_a_formula_begins_with_an_apostrophe(text: str) -> None:
    assert escaped(text) == f"'{text}"
    assert unescaped(escaped(text)) == text


def test_a_plain_table_with_all_columns_but_the_id_of_the_claim() -> None:
    vasp = Vasp(
        vasp_id="ex", name='Ex, "the" one', type="", kyc_level=KycLevel.NONE, jurisdiction="", xmr_support=False,
        valid_from="", valid_to="", legal_contact="", source="s", assessed_at="", assessor="",
    )  # fmt: skip
    frame = frame_of("vasps", [vasp])
    text = register(frame).decode()
    assert text.count("\r\n") == 2
    assert '"Ex, ""the"" one"' in text
    header, row = csv.reader(StringIO(text, newline=""))
    assert header == frame.columns[1:]
    said = {name: value for name, value in zip(header, row, strict=True) if value}
    assert said == {
        "vasp_id": "ex",
        "name": 'Ex, "the" one',
        "kyc_level": "none",
        "xmr_support": "false",
        "source": "s",
    }
