"""`tracer request` as an investigator meets it: files, refusals, the custody log."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from cli import request as verb
from tests.cli.test_trace import Ran
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import PlayChain, Tx, shown
from tracer.intel.claims import claim_id

ROWS = [
    Tx("fund", outs=[("ann", 100_000_000)]),
    Tx("pay", ins=["fund:0"], outs=[("hot", 60_000_000), ("d1", 30_000_000), ("zeta1", 9_000_000)]),
    Tx("sweep", ins=["pay:1"], outs=[("hot", 29_990_000)]),
]
HOT, OTHER = tag("hot", "acme", role="hot"), tag("zeta1", "zeta")


def address(name: str) -> str:
    """The regtest address of a scenario name."""
    return chain_named("bitcoin-regtest").render_address(PlayChain().parse_address(name))


class Desk:
    """A workspace with a trace in a file, and the verb on it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], tlp: str = "") -> None:
        tags = [replace(HOT, tlp=tlp), OTHER]
        vasps = [replace(vasp("acme", "none"), legal_contact="legal@acme.example"), vasp("zeta", "full")]
        Case(folder / "w", ROWS, tags=tags, vasps=vasps, bound=True)
        self.workspace, self.capsys = folder / "w", capsys
        self.trace, self.out = folder / "trace.json", folder / "out"
        made = Ran(
            self.workspace, capsys, "trace", f"{shown('fund')}:0", "--chain", "bitcoin-regtest", "--json"
        )
        self.trace.write_text(made.out)

    def __call__(self, *arguments: str, source: str = "") -> Ran:
        words = ("--from", source or str(self.trace), "--out", str(self.out), *arguments)
        return Ran(self.workspace, self.capsys, "request", *words)

    def refused(self, code: int, words: str, ran: Ran) -> None:
        """One clear line, and no file."""
        assert (ran.code, ran.out) == (code, "")
        assert words in ran.err
        assert len(ran.err.strip().splitlines()) == 1
        assert not self.out.exists()

    def text(self, name: str) -> str:
        return (self.out / name).read_text(encoding="utf-8")

    def rows(self, name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(StringIO((self.out / name).read_bytes().decode(), newline="")))


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def test_one_service_gets_one_letter_and_one_table_with_its_payments_alone(desk: Desk) -> None:
    ran = desk("ACME", "--reference", "K-12", "--authority", "The Office", "--date", "2026-01-02")
    assert ran.code == 0
    assert sorted(path.name for path in desk.out.iterdir()) == ["request-acme.csv", "request-acme.txt"]
    letter = desk.text("request-acme.txt").splitlines()
    for line in (address("hot"), address("d1"), shown("pay")):
        assert f"        {line}" in letter
    assert "Reference:    K-12" in letter
    assert [(r["no"], r["kind"], r["vout"], r["amount"]) for r in desk.rows("request-acme.csv")] == [
        ("1", "hot", "0", "0.60000000"), ("2", "deposit", "1", "0.30000000")
    ]  # fmt: skip
    for name in ("request-acme.csv", "request-acme.txt"):
        for other in (address("zeta1"), address("ann"), shown("fund"), "zeta"):
            assert other not in desk.text(name)


def test_all_services_get_one_each(desk: Desk) -> None:
    document = desk("all", "--json").json
    assert [said["vasp"] for said in document["requests"]] == ["acme", "zeta"]
    assert document["schema"] == "tracer.requests/1"
    assert len(list(desk.out.iterdir())) == 4


def test_the_document_names_files_and_their_hashes(desk: Desk) -> None:
    said = desk("acme", "--ask", "freeze,preserve", "--json").json
    assert list(said) == [
        "schema", "vasp", "entity", "addressee", "as_of", "trace", "tlp", "asked", "legs", "protected", "left_out",
        "cautions", "files",
    ]  # fmt: skip
    assert (said["schema"], said["legs"], said["asked"]) == ("tracer.request/1", 2, ["preserve", "freeze"])
    for file in said["files"]:
        assert hashlib.sha256(Path(file["path"]).read_bytes()).hexdigest() == file["sha256"]
    assert said["trace"] == f"sha256:{hashlib.sha256(desk.trace.read_bytes()).hexdigest()}"


def test_freezing_is_asked_only_where_it_is_told(desk: Desk) -> None:
    desk("acme")
    assert "freeze" not in desk.text("request-acme.txt").lower()
    assert {row["asked"] for row in desk.rows("request-acme.csv")} == {"preserve; produce"}


def test_standard_input_is_read_too(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(desk.trace.read_bytes())))
    assert desk("acme", source="-").code == 0
    assert (desk.out / "request-acme.txt").exists()


def test_the_same_request_again_changes_nothing_and_another_needs_force(desk: Desk) -> None:
    desk("acme")
    before = desk.text("request-acme.txt")
    assert desk("acme").code == 0
    other = desk("acme", "--reference", "K-13")
    assert other.code == 2
    assert "holds another request" in other.err
    assert desk.text("request-acme.txt") == before
    assert desk("acme", "--reference", "K-13", "--force").code == 0
    assert "K-13" in desk.text("request-acme.txt")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "It reached acme, zeta"),
        (["acme", "--ask", "arrest"], "preserve, produce, freeze"),
        (["acme", "--ask", ","], "preserve, produce, freeze"),
        (["acme", "--date", "tomorrow"], "is no date"),
        (["\udcff"], "is no text"),
        (["acme", "--reference", "\udcff"], "is no text"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_exit_2(desk: Desk, arguments: list[str], words: str) -> None:
    desk.refused(2, words, desk(*arguments))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no JSON"),
        (b"Trace on bitcoin as of block 7", "is no JSON"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 200_000, "nested too deep"),
        (b'{"schema": ' + b"9" * 5_000 + b"}", "is no JSON"),
        (b"null", "no object"),
        (b'{"schema": "tracer.screening/1"}', "this is no trace"),
        (b'{"schema": "tracer.trace/1"}', "as_of is not a list"),
    ],
)
def test_a_file_that_is_no_trace_is_one_line_and_exit_4(desk: Desk, content: bytes, words: str) -> None:
    desk.trace.write_bytes(content)
    desk.refused(4, words, desk("acme"))


def test_a_file_too_large_is_not_read_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verb, "MOST_BYTES", 1 << 20)
    desk.refused(4, "it is no trace", desk("acme", source="/dev/zero"))


def test_a_file_that_is_not_there_is_exit_3(desk: Desk) -> None:
    desk.refused(3, "cannot read", desk("acme", source=str(desk.trace) + ".gone"))


def test_a_folder_that_cannot_be_written_is_exit_3(desk: Desk) -> None:
    desk.out.write_text("a file")
    ran = desk("acme")
    assert (ran.code, ran.out) == (3, "")
    assert "cannot write" in ran.err


def test_no_cell_of_the_table_is_a_formula(desk: Desk) -> None:
    document = json.loads(desk.trace.read_text())
    for said in document["documents"]:
        for row in said["endpoints"]:
            for leg in row["legs"]:
                leg["address"] = '=HYPERLINK("https://evil.example")'
    desk.trace.write_text(json.dumps(document))
    assert desk("acme").code == 0
    assert {row["address"] for row in desk.rows("request-acme.csv")} == {
        '\'=HYPERLINK("https://evil.example")'
    }


@pytest.mark.parametrize(
    ("tlp", "warned"), [("TLP:RED", True), ("TLP:AMBER+STRICT", True), ("TLP:GREEN", False)]
)
def test_a_closed_trace_is_warned_of_and_its_marking_stays_out_of_the_letter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], tlp: str, *, warned: bool
) -> None:
    desk = Desk(tmp_path, capsys, tlp)
    ran = desk("zeta", "--json")
    assert (f"the trace is marked {tlp}" in ran.err) == warned
    assert ran.json["tlp"] == tlp
    assert "TLP" not in desk.text("request-zeta.txt")


def alone(desk: Desk, party: str, method: str) -> None:
    """Change the trace so that only one of its two methods finds a service."""
    document = json.loads(desk.trace.read_text())
    for said in document["documents"]:
        if said["method"] != method:
            said["endpoints"] = [row for row in said["endpoints"] if row["vasp_id"] != party]
    for row in document["comparison"]:
        if row["endpoint"] == party:
            row["only_in"] = method
    desk.trace.write_text(json.dumps(document))


def test_a_service_that_one_method_alone_finds_gets_no_letter_unasked(desk: Desk) -> None:
    alone(desk, "zeta", "haircut")
    desk.refused(2, "--leads asks about them", desk("zeta"))
    ran = desk("all", "--json")
    assert [said["vasp"] for said in ran.json["requests"]] == ["acme"]
    assert (ran.json["left_out"], ran.json["services_left_out"]) == (1, ["zeta"])
    assert "1 service left out (1 payment), as one convention alone finds it (--leads): zeta" in ran.err
    assert not (desk.out / "request-zeta.txt").exists()


def test_with_leads_it_gets_one_and_the_caution_says_so(desk: Desk) -> None:
    alone(desk, "zeta", "haircut")
    ran = desk("zeta", "--leads", "--json")
    (caution,) = (text for text in ran.json["cautions"] if "haircut" in text)
    assert caution.startswith("zeta: no. 1 stands on haircut alone")
    assert caution in ran.err
    assert (ran.json["legs"], ran.json["left_out"]) == (1, 0)
    assert "haircut" not in desk.text("request-zeta.txt") + desk.text("request-zeta.csv")


def test_the_log_has_the_hash_of_a_printed_trace_as_its_output_and_as_the_input_of_a_request(
    desk: Desk,
) -> None:
    desk("acme")
    traced, asked = Ran(desk.workspace, desk.capsys, "case", "log", "--json").json["entries"]
    printed = hashlib.sha256(desk.trace.read_bytes()).hexdigest()
    assert traced["output"] == printed
    assert f"trace:sha256:{printed}" in asked["inputs"]


def test_a_request_is_in_the_custody_log_and_found_by_its_claims(desk: Desk) -> None:
    said = desk("acme", "--case", "K-12", "--purpose", "seizure", "--json")
    log: list[dict[str, Any]] = Ran(desk.workspace, desk.capsys, "case", "log", "--json").json["entries"]
    entry = log[-1]
    assert (entry["verb"], entry["case_id"], entry["purpose"]) == ("request", "K-12", "seizure")
    assert f"trace:{said.json['trace']}" in entry["inputs"]
    used = Ran(desk.workspace, desk.capsys, "tags", "impact", claim_id(HOT), "--json").json["used"]
    assert "request" in [row["verb"] for row in used]
    other = Ran(desk.workspace, desk.capsys, "tags", "impact", claim_id(OTHER), "--json").json["used"]
    assert "request" not in [row["verb"] for row in other]
