"""`tracer tags`: what went in is counted, what did not is named, what is asked leaves a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.claims_cli import ARCHIVE, TAGS, Tracer
from tracer.evidence.custody import claims_digest


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    return Tracer(tmp_path)


def test_an_import_prints_the_document_of_contracts(tracer: Tracer) -> None:
    path = tracer.file("tags.csv", TAGS)
    said = tracer("tags", "import", path, "--json")
    assert said.code == 0
    assert list(said.json) == [
        "schema", "kind", "files", "rows", "imported", "unchanged", "rejected", "rejections",
        "intel_snapshot", "lists",
    ]  # fmt: skip
    assert said.json | {"intel_snapshot": "", "lists": []} == {
        "schema": "tracer.import/1", "kind": "tags", "files": 1, "rows": 2, "imported": 2, "unchanged": 0,
        "rejected": 0, "rejections": [], "intel_snapshot": "", "lists": [],
    }  # fmt: skip
    assert tracer("tags", "import", path, "--json").json["intel_snapshot"] == said.json["intel_snapshot"]


def test_bad_rows_are_named_on_stderr_and_end_in_exit_code_4_with_the_good_ones_in(tracer: Tracer) -> None:
    bad = "".join(f"bitcoin,x{number},A,exchange,,s,\n" for number in range(25))
    path = tracer.file("tags.csv", TAGS + bad)
    said = tracer("tags", "import", path, "--json")
    assert said.code == 4
    assert said.json["imported"] == 2
    assert said.json["rows"] == said.json["imported"] + said.json["rejected"] == 27
    assert said.json["rejections"][0] == {
        "file": path, "line": 4, "reason": said.json["rejections"][0]["reason"],
    }  # fmt: skip
    lines = said.err.splitlines()
    assert lines[0].startswith(f"{path}:4: 'x0' is no address")
    assert len(lines) == 20 + 2
    assert lines[20] == "... and 5 more; --json lists all"
    assert lines[21].startswith("error: 25 of 27 rows were rejected; 2 went in.")
    assert len(tracer("tags", "list", "--json").json["tags"]) == 2


def test_a_folder_is_imported_and_a_missing_path_is_exit_code_3(tracer: Tracer) -> None:
    tracer.file("tags.csv", TAGS)
    tracer.file(
        "more.yaml", f"tags:\n- {{chain: bitcoin, address: {ARCHIVE}, label: A, category: scam, source: s}}"
    )
    said = tracer("tags", "import", str(tracer.folder))
    assert (said.code, said.out.splitlines()[0]) == (
        0, "tags: 3 rows in 2 file(s): 3 imported, 0 unchanged, 0 rejected",
    )  # fmt: skip
    gone = tracer("tags", "import", str(tracer.folder / "gone.csv"))
    assert gone.code == 3
    assert "gone.csv is not there" in gone.err


def test_a_list_is_filtered_by_category_actor_and_chain(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    for option, value, found in (
        ("--category", "exchange", ["Example Exchange"]),
        ("--actor", "archive", ["Internet Archive"]),
        ("--chain", "bitcoin-regtest", []),
    ):
        listed = tracer("tags", "list", option, value, "--json").json["tags"]
        assert [tag["label"] for tag in listed] == found
    assert tracer("tags", "list", "--category", "exchang").code == 2


def test_asking_for_an_address_is_a_question_of_a_case(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    said = tracer("tags", "list", ARCHIVE, "--case", "K-7", "--purpose", "donations", "--json")
    assert [tag["label"] for tag in said.json["tags"]] == ["Internet Archive"]
    assert said.json["tags"][0]["role"] is None
    (entry,) = tracer("case", "log", "--case", "K-7", "--json").json["entries"]
    assert (entry["verb"], entry["arguments"], entry["purpose"]) == ("tags list", [ARCHIVE], "donations")
    claims = claims_digest([said.json["tags"][0]["claim_id"]])
    assert entry["inputs"] == [said.json["intel_snapshot"], claims]
    assert entry["outcome"] == "answered"


def test_a_plain_list_is_no_question_of_a_case(tracer: Tracer) -> None:
    tracer("tags", "list")
    assert tracer("case", "log", "--json").json["entries"] == []


def test_nothing_found_is_said_of_the_lists_that_were_looked_at_and_never_as_clean(tracer: Tracer) -> None:
    other = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    assert "No claims are loaded, so nothing was looked up" in tracer("tags", "list", other).out
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    said = tracer("tags", "list", other)
    assert said.code == 0
    assert f"No tag of {other} in the lists below." in said.out
    assert "2 rows, 2022-11-16" in said.out
    assert "no tag is no innocence" in said.out


def test_a_mistyped_address_is_a_usage_error_and_still_leaves_its_line(tracer: Tracer) -> None:
    said = tracer("tags", "list", ARCHIVE[:-1] + "M")
    assert said.code == 2
    assert "checksum" in said.err
    assert [e["outcome"] for e in tracer("case", "log", "--json").json["entries"]] == ["failed:2"]
