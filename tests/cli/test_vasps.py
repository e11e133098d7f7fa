"""`tracer vasps`: services in, their dated statements out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.claims_cli import Tracer

VASPS = """vasp_id,name,kyc_level,valid_from,valid_to,source
ex,Example,full,2021-01-01,,register
ex,Example,none,2019-01-01,2020-12-31,register
swap,Swapper,unknown,,,register
"""


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    return Tracer(tmp_path)


def test_the_history_of_a_service_is_listed_in_time(tracer: Tracer) -> None:
    said = tracer("vasps", "import", tracer.file("vasps.csv", VASPS), "--json")
    assert (said.code, said.json["kind"], said.json["imported"]) == (0, "vasps", 3)
    listed = tracer("vasps", "list", "ex", "--json").json
    assert listed["schema"] == "tracer.vasps/1"
    assert listed["intel_snapshot"] == said.json["intel_snapshot"]
    assert [(v["kyc_level"], v["valid_from"], v["valid_to"]) for v in listed["vasps"]] == [
        ("none", "2019-01-01", "2020-12-31"), ("full", "2021-01-01", None),
    ]  # fmt: skip
    assert listed["vasps"][0]["xmr_support"] is None


def test_a_bad_row_is_exit_code_4_and_the_good_ones_are_in(tracer: Tracer) -> None:
    said = tracer("vasps", "import", tracer.file("vasps.csv", VASPS + "bad,,none,,,register\n"))
    assert said.code == 4
    assert "vasps.csv:5: missing field 'name'" in said.err
    assert len(tracer("vasps", "list", "--json").json["vasps"]) == 3


def test_the_table_says_unknown_and_an_empty_one_says_so(tracer: Tracer) -> None:
    assert "No services are loaded." in tracer("vasps", "list").out
    tracer("vasps", "import", tracer.file("vasps.csv", VASPS))
    said = tracer("vasps", "list")
    assert "Swapper" in said.out
    assert "unknown is not none" in said.out
    assert "No loaded list speaks of stranger." in tracer("vasps", "list", "stranger").out


def test_asking_for_one_service_leaves_a_line_in_the_custody_log(tracer: Tracer) -> None:
    tracer("vasps", "list", "nobody", "--case", "K-9")
    entries = tracer("case", "log", "--json").json["entries"]
    assert [(e["verb"], e["case_id"]) for e in entries] == [("vasps list", "K-9")]


def test_the_starter_register_comes_with_the_program_and_says_it_is_a_start(tracer: Tracer) -> None:
    said = tracer("vasps", "import", "--starter", "--json")
    assert said.code == 0
    assert (said.json["rejected"], said.json["rows"]) == (0, said.json["imported"])
    assert "is a start" in said.err
    levels = {day: level(tracer, "binance", day) for day in ("2021-08-19", "2021-08-20", "2026-01-01")}
    assert levels == {"2021-08-19": "thresholded", "2021-08-20": "full", "2026-01-01": "unknown"}
    assert tracer("vasps", "import", "--starter", "x.csv").code == 2


def level(tracer: Tracer, vasp_id: str, day: str) -> str:
    """What the register says of a service on a day."""
    (row,) = tracer("vasps", "list", vasp_id, "--at", day, "--json").json["levels"]
    found: str = row["kyc_level"]
    return found


def test_an_exported_register_is_imported_as_the_same_claims(tracer: Tracer, tmp_path: Path) -> None:
    tracer("vasps", "import", "--starter")
    out = tmp_path / "register.csv"
    said = tracer("vasps", "export", "--out", str(out), "--json").json
    again = tracer("vasps", "import", str(out), "--json").json
    assert (again["imported"], again["unchanged"], again["rejected"]) == (0, said["vasps"], 0)
