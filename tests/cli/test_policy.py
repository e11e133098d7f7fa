"""`tracer policy` as people and scripts meet it: words, codes, the custody log."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from rules import policies
from tests.cli.test_trace import Ran, address
from tests.scenarios.case import Case, tag, vasp
from tests.scenarios.ledger import Tx, shown

# blocks are of September 2020; lists of this day are young enough
THEN = "2020-09-20"
ROWS = [
    Tx("mix", outs=[("blender", 100_000_000)]),
    Tx("deal", ins=["mix:0"], outs=[("bob", 40_000_000), ("blender", 60_000_000)]),
    Tx("deposit", ins=["deal:0"], outs=[("hot", 40_000_000)]),
    Tx("clean", outs=[("zoe", 50_000_000)]),
    Tx("wage", ins=["clean:0"], outs=[("hot", 50_000_000)]),
]
POLICY = """
id: house
version: 2
title: A house without lists
settings: {hops: 3}
rules:
  - id: mixer
    version: 1
    title: Much of it came from mixers
    when: {category: mixing_service, side: source, type: [direct, indirect], share_at_least: 50%}
    severity: medium
    verdict: review
    tests:
      fires: {exposures: [{category: mixing_service, units: 50}]}
      spares: {exposures: [{category: mixing_service}]}
"""
LAX = POLICY.replace("id: house", "id: lax").replace("mixing_service", "gambling")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    Case(
        folder,
        ROWS,
        tags=[tag("hot", "acme", role="hot"), tag("blender", category="mixing_service", label="Blender")],
        vasps=[vasp("acme", "full")],
        bound=True,
    )
    return folder


@pytest.fixture
def house(tmp_path: Path) -> Path:
    file = tmp_path / "house.yml"
    file.write_text(POLICY, encoding="utf-8")
    return file


@pytest.fixture
def lax(tmp_path: Path) -> Path:
    file = tmp_path / "lax.yml"
    file.write_text(LAX, encoding="utf-8")
    return file


def policy(workspace: Path, capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> Ran:
    return Ran(workspace, capsys, "policy", *map(str, arguments))


def screened(workspace: Path, capsys: pytest.CaptureFixture[str], subject: str, house: Path) -> Ran:
    return Ran(
        workspace, capsys, "screen", subject, "--policy", str(house), "--evaluated-at", THEN, "--json"
    )  # fmt: skip


def test_policies_are_listed_shown_and_copied(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = policy(workspace, capsys, "list", "--json").json
    assert [row["id"] for row in said["policies"]] == ["default", "strict"]
    assert policy(workspace, capsys, "show", "strict", "--json").json["id"] == "strict"
    assert policy(workspace, capsys, "show", "default", "--text").out == policies.load()
    assert "csa-paid" in policy(workspace, capsys, "show").out


def test_a_good_policy_is_good(workspace: Path, house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = policy(workspace, capsys, "check", house)
    assert ran.code == 0
    assert "good: house 2, 1 rules" in ran.out
    assert "nothing is required" in ran.out
    assert "2 of 2 tests" in policy(workspace, capsys, "test", house).out


def test_every_mistake_is_named_and_the_code_is_4(
    workspace: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.write_text(POLICY.replace("mixing_service,", "mixing,").replace("medium", "mild"), encoding="utf-8")
    more = house.with_name("more.yml")
    more.write_text("id: more\nversion: x\ntitle: T\nrules:\n  - {id: a}\n", encoding="utf-8")
    ran = policy(workspace, capsys, "check", house, more, house.with_name("none.yml"))
    assert ran.code == 4
    assert f"{house}:11: 'mild' is no severity known here." in ran.out
    assert f"{more}:2: version must be a whole number" in ran.out
    assert f"{more}:5: a rule lacks version" in ran.out
    assert "cannot be read" in ran.out
    assert ran.err.count("error: ") == 1


def test_a_test_that_goes_otherwise_is_code_4(
    workspace: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.write_text(POLICY.replace("units: 50", "units: 49"), encoding="utf-8")
    ran = policy(workspace, capsys, "test", house)
    assert ran.code == 4
    assert f"{house}:14: mixer (fires): it did not fire; no rule fired" in ran.out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "nonsense"), 2, "Known are default, strict"),
        (("show", "./nowhere.yml"), 3, "cannot be read"),
        (("explain",), 2, "name what to explain"),
        (("explain", "0" * 64), 2, "no screening"),
        (("explain", "--from", "/nowhere.json"), 3, "cannot be read"),
        (("backtest", "--policy", "strict", "--file", "a.csv", "--days", "3"), 2, "--days"),
        (("backtest", "--policy", "strict"), 2, "no screening is kept"),
        (
            ("backtest", "--policy", "strict", "--deposits-to", "vasp:nobody", "--chain", "bitcoin-regtest"),
            2,
            "nobody",
        ),
    ],
)
def test_bad_questions(
    workspace: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = policy(workspace, capsys, *arguments)
    assert ran.code == code, ran.err
    assert words in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_a_subject_is_explained_with_what_would_make_it_clear(
    workspace: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("explain", address("bob"), "--policy", house, "--evaluated-at", THEN, "--case", "c-1")
    said = policy(workspace, capsys, *asked, "--json").json
    assert list(said) == [
        "schema", "subject", "policy", "evaluated_at", "verdict", "risk", "risk_reasons", "handling",
        "second_person", "status", "notes", "screened", "rules", "clear_if",
    ]  # fmt: skip
    assert said["verdict"] == "review"
    (rule,) = said["rules"]
    assert rule["triggers"][0]["observed"]["units"]["fifo"] == "40000000"
    (step,) = said["clear_if"]["all_of"]
    assert [way["change"] for way in step["any_of"]] == ["share", "label"]
    assert step["any_of"][0]["units_at_most"] == "19999999"
    assert len(step["any_of"][1]["claims"]) == 1
    text = policy(workspace, capsys, *asked).out
    assert "at most 0.19999999 BTC of it were such money, not 0.40000000" in text
    log = Ran(workspace, capsys, "case", "log", "--json").json["entries"]
    assert [entry["verb"] for entry in log] == ["policy explain", "policy explain"]
    assert any(given.startswith("policy house sha256:") for given in log[0]["inputs"])


def test_a_screening_is_explained_from_its_document_alone(
    workspace: Path, house: Path, lax: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = screened(workspace, capsys, address("bob"), house).json
    file = tmp_path / "screening.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    elsewhere = tmp_path / "elsewhere"
    said = policy(elsewhere, capsys, "explain", "--from", file, "--policy", house, "--json").json
    assert (said["verdict"], said["screened"]["same_verdict"], said["screened"]["same_policy"]) == (
        "review",
        True,
        True,
    )
    said = policy(elsewhere, capsys, "explain", "--from", file, "--policy", lax, "--json").json
    assert (said["verdict"], said["screened"]["same_verdict"], said["screened"]["same_policy"]) == (
        "clear",
        False,
        False,
    )
    kept = policy(
        workspace, capsys, "explain", document["screening_id"][:12], "--policy", house, "--json"
    ).json
    assert kept["screened"]["screening_id"] == document["screening_id"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"schema": "tracer.trace/1"}', '{"schema": "tracer.screening/1"}', ""]
)
def test_what_is_no_screening_is_code_4(
    workspace: Path, tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.json"
    file.write_text(text, encoding="utf-8")
    ran = policy(workspace, capsys, "explain", "--from", file)
    assert ran.code == 4, ran.err
    assert ran.err.count("error: ") == 1
    assert ran.out == ""


def test_a_backtest_over_kept_screenings(
    workspace: Path, house: Path, lax: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("bob", "zoe", "bob"):
        screened(workspace, capsys, address(name), house)
    ran = policy(workspace, capsys, "backtest", "--policy", lax, "--days", "3", "--json")
    said = ran.json
    assert said["subjects"] == {"from": "kept", "count": 2}
    assert said["alerts"] == {"before": 1, "after": 0, "gained": 0, "lost": 1}
    assert [row["subject"]["address"] for row in said["changed"]] == [address("bob")]
    assert said["changed"][0]["rules_lost"] == ["mixer"]
    assert "gambling" in said["notes"][0]
    assert "(+0 -1)" in policy(workspace, capsys, "backtest", "--policy", lax, "--days", "3").out


def test_a_backtest_over_a_file_and_over_deposits_asks_the_ledger(
    workspace: Path, house: Path, lax: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "subjects.csv"
    table.write_text(f"address\n{address('bob')}\n{address('zoe')}\nnonsense\n", encoding="utf-8")
    both = (
        "--policy",
        house,
        "--against",
        lax,
        "--evaluated-at",
        THEN,
        "--json",
        "--chain",
        "bitcoin-regtest",
    )
    said = policy(workspace, capsys, "backtest", "--file", table, *both).json
    assert said["alerts"] == {"before": 0, "after": 1, "gained": 1, "lost": 0}
    assert said["subjects"]["count"] == 2
    assert "1 rows are no subjects: line 4" in said["notes"][0]
    said = policy(workspace, capsys, "backtest", "--deposits-to", "vasp:acme", "--days", "30", *both).json
    assert said["subjects"] == {"from": "deposits", "holder": "vasp:acme", "count": 2}
    assert [(row["subject"]["txid"], row["to"]) for row in said["changed"]] == [(shown("deposit"), "review")]
    said = policy(workspace, capsys, "backtest", "--deposits-to", "vasp:acme", "--days", "1", *both).json
    assert said["subjects"]["count"] == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_code_3(
    workspace: Path, house: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.chmod(stat.S_IWUSR)
    assert policy(workspace, capsys, "test", house).code == 3
