"""`tracer screenings`: people decide on what was kept; bad input ends in one line; all of it is in the custody log."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import Ran, tracer
from tests.tracer.screened import DAY, NOW, STRICT, Met, screened
from tracer.evidence import custody
from tracer.intel.claims import RED
from tracer.screening.kept import keeping
from tracer.state import State
from tracer.workspace import Workspace

REVIEW = screened(Met("mixing_service", entity="=HYPERLINK(1)"), reference="=cmd|' /C calc'!A0")
TWO = screened(Met("ransomware"), policy=STRICT)
CLEAR, UNKNOWN = screened(), screened(seen=False, address="34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo")
IDS = [each["screening_id"] for each in (REVIEW, TWO, CLEAR, UNKNOWN)]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    found = tmp_path / "w"
    kept(found, [REVIEW, TWO, CLEAR, UNKNOWN])
    return found


def kept(folder: Path, documents: Sequence[dict[str, Any]], **how: Any) -> None:
    with State.open(Workspace(folder)) as state:
        keeping.keep(state, documents, **how)


def run(workspace: Path, *arguments: str | Path) -> Ran:
    return tracer(workspace, "screenings", *arguments)


def review(workspace: Path, identity: str, decision: str, by: str, *more: str) -> Ran:
    return run(
        workspace, "review", identity, "--decision", decision, "--reason", "because", "--by", by, *more
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ((), [3, 2, 1, 0]),
        (("--verdict", "review"), [1, 0]),
        (("--status", "unanswered"), [3]),
        (("--subject", "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"), [2, 1, 0]),
        (("--subject", "bitcoin:1Archive1n2C579dMsAu3iC6tWzuQJz8dN", "--verdict", "clear"), [2]),
        (("--subject", f"{'ab' * 32}:1"), []),
        (("--since", "1h", "--limit", "2"), [3, 2]),
        (("--since", "2020-01-01", "--until", "2020-01-02"), []),
        (("--of-case", "K-1"), []),
    ],
)  # fmt: skip
def test_kept_screenings_are_listed(workspace: Path, options: tuple[str, ...], found: list[int]) -> None:
    rows = run(workspace, "list", "--json", *options).document["screenings"]
    assert [row["screening_id"] for row in rows] == [IDS[number] for number in found]


def test_a_document_is_printed_as_it_was_answered(workspace: Path) -> None:
    said = run(workspace, "show", IDS[0][:16], "--document")
    assert said.out == json.dumps(REVIEW, ensure_ascii=False, indent=2) + "\n"
    assert run(workspace, "show", IDS[0], "--json").document["screening"] == REVIEW
    assert "verdict review, risk medium" in run(workspace, "show", IDS[0]).out


def test_a_decision_is_in_the_history_and_in_the_custody_log(workspace: Path) -> None:
    made = review(
        workspace, IDS[0][:12], "escalate", "Ann", "--case", "K-7", "--purpose", "AML", "--json"
    ).document
    assert (made["status"], made["decision"]["by"]) == ("escalated", "Ann")
    shown = run(workspace, "show", IDS[0], "--json").document
    assert (shown["status"], shown["case"]) == ("escalated", "K-7")
    assert [row["reason"] for row in shown["decisions"]] == ["because"]
    with State.open(Workspace(workspace)) as state:
        line = next(entry for entry in custody.entries(state, "K-7") if entry.verb == "screenings review")
        assert custody.verify(state) >= 2
    assert {"--by", "Ann", "because"} <= set(json.loads(line.arguments))
    assert f"screening:{IDS[0]}" in json.loads(line.inputs)
    assert (line.outcome, line.purpose) == ("answered", "AML")


def test_four_eyes(workspace: Path) -> None:
    assert "second person" in review(workspace, IDS[1], "accept", "Ann").out
    review(workspace, IDS[1], "accept", "ann").refused(2, "Ann decided this", "another person")
    assert "status accepted" in review(workspace, IDS[1], "accept", "Ben").out


def test_an_exception_lets_the_same_pass_and_more_fires_again(workspace: Path) -> None:
    made = review(workspace, IDS[0], "exception", "Ann", "--expires", "9998-12-31", "--json").document
    identity = made["decision"]["exception"]
    (row,) = run(workspace, "exceptions", "--json").document["exceptions"]
    assert (row["exception_id"], row["rules"], row["ceilings"][0]["base_units"]) == (
        identity,
        ["mixer"],
        "10",
    )
    later = 4_000_000_000  # granted today, judged later
    kept(
        workspace, [screened(Met("mixing_service", units), at=later, list_age=-26_000) for units in (10, 11)]
    )
    more, same = run(workspace, "list", "--json", "--limit", "2").document["screenings"]
    assert (same["verdict"], same["policy_verdict"], same["status"]) == ("clear", "review", "excepted")
    assert (more["verdict"], more["status"]) == ("review", "open")
    assert "fired again: mixing_service: 11 base units" in run(workspace, "show", more["screening_id"]).out
    assert run(workspace, "withdraw", identity, "--by", "Ben", "--reason", "over").code == 0
    run(workspace, "withdraw", identity, "--by", "Ben", "--reason", "over").refused(2, "Ben withdrew")
    assert run(workspace, "exceptions", "--json").document["exceptions"] == []
    assert (
        run(workspace, "exceptions", "--all", "--json").document["exceptions"][0]["standing"] == "withdrawn"
    )


def grant(workspace: Path, *options: str) -> Ran:
    return run(workspace, "except", *options, "--by", "Ann", "--reason", "a partner")


def test_an_exception_by_hand_and_its_second_person(workspace: Path) -> None:
    made = grant(
        workspace, "entity:Kraken", "--category", "sanction", "--ceiling", "0.5 BTC", "--ceiling-share", "0.05",
        "--expires", "90d", "--json",
    ).document  # fmt: skip
    assert [(each["base_units"], each["share"]) for each in made["ceilings"]] == [
        ("50000000", None),
        (None, "0.05"),
    ]
    assert (made["scope"], made["value"]) == ("entity", "kraken")
    run(workspace, "approve", made["exception_id"], "--by", "ANN", "--reason", "yes").refused(
        2, "another person"
    )
    again = run(
        workspace, "approve", made["exception_id"][:9], "--by", "Ben", "--reason", "yes", "--json"
    ).document
    assert [(event["event"], event["by"]) for event in again["events"]] == [("approved", "Ben")]


NEARLY = IDS[0][:30] + ("0" if IDS[0][30] != "0" else "1")
BAD = [
    (("show", NEARLY), 2, (f"Near it: {IDS[0][:16]}",)),
    (("show", "f00d"), 2, ("is kept here",)),
    (("show", "../x"), 2, ("is no screening id",)),
    (("list", "--since", "yesterday"), 2, ("is no date", "7d")),
    (("list", "--since", "2020-02-31"), 2, ("is no date",)),
    (("list", "--subject", "nobody"), 2, ("is no address",)),
    (("list", "--chain", "bitcoin"), 2, ("--subject",)),
    (("export", "--out", "/nowhere/at/all.jsonl"), 3, ("cannot write",)),
    (("purge", "--older-than", "soon"), 2, ("is no age",)),
    (("purge", "--older-than", "0d"), 2, ("is no age",)),
    (("review", IDS[0], "--decision", "accept", "--by", " ", "--reason", "x"), 2, ("nobody is named",)),
    (("review", IDS[0], "--decision", "accept", "--by", "Ann", "--reason", " "), 2, ("no reason",)),
    (("review", IDS[0], "--decision", "accept", "--by", "A", "--reason", "x", "--expires", "9d"), 2, ("exception",)),
    (("review", IDS[0], "--decision", "exception", "--by", "A", "--reason", "x"), 2, ("ends some day",)),
    (("review", IDS[0], "--decision", "exception", "--by", "A", "--reason", "x", "--expires", "2020-01-01"), 2,
     ("is past",)),
    (("review", IDS[2], "--decision", "exception", "--by", "A", "--reason", "x", "--expires", "9d"), 2,
     ("nothing fired",)),
    (("approve", "ex-00", "--by", "Ann", "--reason", "x"), 2, ("no exception",)),
    (("rescan", "--intel-to", "sha256:00"), 2, ("is no snapshot id",)),
    (("rescan", "--policy-to", "/no/such.yml"), 3, ("such.yml",)),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "code", "words"), BAD)
def test_bad_input_ends_in_one_line(
    workspace: Path, arguments: tuple[str, ...], code: int, words: tuple[str, ...]
) -> None:
    run(workspace, *arguments).refused(code, *words)


BAD_TERMS = [
    (("nobody", "--rule", "mixer", "--ceiling-share", "1"), "names nobody"),
    (("address:nobody", "--rule", "mixer", "--ceiling-share", "1"), "no "),
    (("entity:k", "--rule", "mixer"), "needs a ceiling"),
    (("entity:k", "--ceiling-share", "1"), "from everything"),
    (("entity:k", "--category", "mixin_service", "--ceiling-share", "1"), "mixing_service"),
    (("entity:k", "--rule", "mixer", "--ceiling-share", "1.5"), "is no share"),
    (("entity:k", "--rule", "mixer", "--ceiling", "much"), "is no amount"),
    (("entity:k", "--rule", "mixer", "--ceiling", "1 ETH"), "is in BTC"),
    (("entity:k", "--rule", "mixer", "--ceiling", "0.000000001"), "--ceiling '0.000000001' has more than 8"),
    (("entity:\u200b", "--rule", "mixer", "--ceiling-share", "1"), "names nobody"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "words"), BAD_TERMS)
def test_bad_terms_end_in_one_line(workspace: Path, options: tuple[str, ...], words: str) -> None:
    grant(workspace, *options, "--expires", "90d").refused(2, words)


def test_an_export_holds_documents_and_decisions_and_escapes_formulas(
    workspace: Path, tmp_path: Path
) -> None:
    review(workspace, IDS[0], "accept", "=Ann()")
    said = run(workspace, "export", "--out", tmp_path / "all.jsonl", "--json").document
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [row["screening"] for row in rows] == [UNKNOWN, CLEAR, TWO, REVIEW]
    assert [each["decision"] for each in rows[-1]["decisions"]] == ["accept"]
    assert said["screenings"] == 4
    run(workspace, "export", "--out", tmp_path / "all.csv", "--format", "csv", "--verdict", "review")
    table = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert [row["screening_id"] for row in table] == [IDS[1], IDS[0]]
    assert table[1]["customer_reference"] == "'=cmd|' /C calc'!A0"
    assert table[1]["decided_by"] == "'=Ann()"
    piped = run(workspace, "export", "--out", "-")
    assert piped.out == (tmp_path / "all.jsonl").read_text()
    assert "4 screenings" in piped.err


def test_red_claims_and_possible_victims_stay_here_unless_asked_for(workspace: Path, tmp_path: Path) -> None:
    kept(workspace, [screened(tlp=RED, reference="red"), screened(protected=("victim",), reference="victim")])
    out = tmp_path / "x.jsonl"
    said = run(workspace, "export", "--out", out, "--json").document
    assert (said["screenings"], said["left_out"]) == (4, {"tlp_red": 1, "protected": 1})
    said = run(workspace, "export", "--out", out, "--json", "--tlp-red", "--protected").document
    assert (said["screenings"], said["tlp"]) == (6, RED)
    assert not list(tmp_path.glob(".*.part"))


def test_a_purge_leaves_its_digest_in_the_custody_log(workspace: Path) -> None:
    old = [screened(address=f"made-up-{number}") for number in range(5)]
    kept(workspace, old, now=NOW - 4_000 * DAY)
    rehearsed = run(workspace, "purge", "--older-than", "3650d", "--dry-run", "--json").document
    done = run(workspace, "purge", "--older-than", "3650d", "--json").document
    assert (rehearsed["purged"], rehearsed["digest"]) == (done["purged"], done["digest"])
    assert (done["purged"], done["verdicts"], done["file_cleared"]) == (5, {"clear": 5}, True)
    with State.open(Workspace(workspace)) as state:
        entries = [entry for entry in custody.entries(state) if entry.verb == "screenings purge"]
        assert custody.verify(state) == len(custody.entries(state))
    assert {"purged:5", f"purged:{done['digest']}"} <= set(json.loads(entries[-1].inputs))
    run(workspace, "show", old[0]["screening_id"]).refused(2, "is kept here")
    assert len(run(workspace, "list", "--json").document["screenings"]) == 4
