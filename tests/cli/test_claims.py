"""An analyst's own claims: who, why, for whose eyes; taken back with what they had a part in; out only if asked."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from tests.cli.claims_cli import ARCHIVE, TAGS, Said, Tracer

OTHER = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
THIRD = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    return Tracer(tmp_path)


def add(tracer: Tracer, address: str = THIRD, *more: str, label: str = "seen in a seizure") -> Said:
    said = ("--label", label, "--category", "exchange", "--author", "ann", "--reason", "read in file 7")
    return tracer("tags", "add", address, *said, *more, "--json")


def test_a_claim_of_ones_own_says_who_and_why_and_goes_to_the_custody_log(tracer: Tracer) -> None:
    said = add(tracer, THIRD, "--case", "K-7", "--actor", "acme")
    assert (said.code, said.json["added"]) == (0, True)
    (tag,) = tracer("tags", "list", THIRD, "--json").json["tags"]
    assert tag["claim_id"] == said.json["claim"]
    assert (tag["author"], tag["reason"], tag["case_id"]) == ("ann", "read in file 7", "K-7")
    assert (tag["source"], tag["tlp"]) == ("analyst ann", "TLP:AMBER+STRICT")
    entry = tracer("case", "log", "--case", "K-7", "--json").json["entries"][0]
    assert (entry["verb"], entry["outcome"]) == ("tags add", "answered")


@pytest.mark.parametrize(("more", "why"), [
    (("--category", "exchnge"), "unknown category 'exchnge' (meant 'exchange'?)"),
    (("--confidence", "sure"), "unknown confidence 'sure'"),
    (("--valid-from", "2999-01-01"), "lies in the future"),
    (("--valid-from", "2021-02-01", "--valid-to", "2021-01-01"), "is after valid_to"),
    (("--tlp", "purple"), "unknown marking 'purple'"),
    (("--chain", "bitcon"), "unknown chain"),
])  # fmt: skip
def test_a_claim_by_hand_is_checked_like_an_imported_row(
    tracer: Tracer, more: tuple[str, ...], why: str
) -> None:
    said = add(tracer, THIRD, *more)
    assert said.code in (2, 4)
    assert why in said.err
    assert tracer("status", "--json").json["intel"]["tags"] == 0


def test_the_better_claim_is_first_and_the_reason_is_said(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    add(tracer, OTHER, "--actor", "zeta", "--confidence", "ownership")
    document = tracer("tags", "list", OTHER, "--json").json
    assert [(tag["rank"], tag["actor"]) for tag in document["tags"]] == [(1, "zeta"), (2, "ex")]
    assert "confidence ownership (100 of 100)" in document["tags"][0]["why"]
    assert document["tags"][1]["why"].endswith("lower confidence than the first")
    (resolution,) = document["resolution"]
    assert (resolution["chain"], resolution["named"]) == ("bitcoin", "zeta")
    assert resolution["claimed_by"] == ["ex", "zeta"]
    assert "Taken on bitcoin as zeta by the rule: higher confidence" in tracer("tags", "list", OTHER).out


def test_claims_that_are_as_good_as_each_other_name_nobody(tracer: Tracer) -> None:
    rows = "".join(f"bitcoin,{OTHER},{name},exchange,{name},s,2022-11-16\n" for name in ("one", "two"))
    tracer("tags", "import", tracer.file("tags.csv", TAGS.splitlines()[0] + "\n" + rows))
    document = tracer("tags", "list", OTHER, "--json").json
    assert document["resolution"][0]["named"] is None
    assert "nobody is named" in tracer("tags", "list", OTHER).out


def test_a_withdrawn_claim_is_shown_as_such_and_its_answers_are_found(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    asked = tracer("tags", "list", ARCHIVE, "--case", "K-7", "--json").json
    claim, then = asked["tags"][0]["claim_id"], asked["intel_snapshot"]
    tracer("tags", "list", OTHER, "--case", "K-8")
    taken = tracer("tags", "withdraw", claim[:12], "--author", "ann", "--reason", "another archive", "--json")
    assert taken.code == 0
    now = tracer("tags", "list", ARCHIVE, "--json").json
    assert now["tags"] == []
    assert [row["withdrawn"]["reason"] for row in now["withdrawn"]] == ["another archive"]
    assert "withdrawn on" in tracer("tags", "list", ARCHIVE).out
    impact = tracer("tags", "impact", claim[:12], "--json").json
    assert [(row["verb"], row["case"]) for row in impact["used"]] == [("tags list", "K-7")]
    assert [(row["verb"], row["case"]) for row in impact["held"]] == [("tags list", "K-8")]
    assert impact["snapshots"] == [then]
    assert impact["withdrawn"]["author"] == "ann"
    assert "Answers that lean on it" in tracer("tags", "impact", claim[:12]).out


def test_a_former_snapshot_is_answered_byte_for_byte(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    then = tracer("tags", "list", ARCHIVE, "--json")
    add(tracer, ARCHIVE, label="another claim")
    claim = then.json["tags"][0]["claim_id"]
    tracer("tags", "withdraw", claim, "--author", "ann", "--reason", "wrong")
    assert tracer("tags", "list", ARCHIVE, "--json").out != then.out
    again = tracer("tags", "list", ARCHIVE, "--intel", then.json["intel_snapshot"], "--json")
    assert again.out == then.out


@pytest.mark.parametrize("claim", ["00000000", "abc", "f" * 64])
def test_a_claim_nobody_made_cannot_be_withdrawn(tracer: Tracer, claim: str) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    said = tracer("tags", "withdraw", claim, "--author", "ann", "--reason", "x")
    assert (said.code, "no claim of this workspace" in said.err) == (2, True)


def test_red_and_protected_claims_leave_only_when_asked_for_by_name(tracer: Tracer, tmp_path: Path) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    add(tracer, ARCHIVE, "--tlp", "red", label="an informant said so")
    add(tracer, OTHER, "--protect", "victim", label="paid by a victim")
    add(tracer, THIRD, "--protect", "test_purchase", label="our purchase")
    out = tmp_path / "packs"
    said = tracer("tags", "export", "--out", str(out), "--json")
    written = "".join(path.read_text() for path in out.iterdir())
    assert said.json["tags"] == 1
    # the person is protected, not one statement: what else is said of the address stays here too
    assert said.json["left_out"] == {"tlp_red": 1, "protected": 3, "not_read": 0}
    assert OTHER not in written
    assert not [word for word in ("informant", "victim", "purchase") if word in written]
    for options, count in ((("--protected",), 4), (("--tlp-red",), 2), (("--protected", "--tlp-red"), 5)):
        assert (
            tracer("tags", "export", "--out", str(tmp_path / "x"), *options, "--json").json["tags"] == count
        )


def test_red_actors_leave_only_when_asked_for_too(tracer: Tracer, tmp_path: Path) -> None:
    row = "{id: doe, label: an informant, tlp: 'TLP:RED', categories: [user], source: s}"
    tracer("tags", "import", tracer.file("a.yaml", f"actors:\n- {row}\n"))
    said = tracer("tags", "export", "--out", str(tmp_path / "o"), "--json").json
    assert (said["actors"], said["left_out"]["tlp_red"]) == (0, 1)
    assert tracer("tags", "export", "--out", str(tmp_path / "o"), "--tlp-red", "--json").json["actors"] == 1


def test_an_export_is_logged_with_what_left(tracer: Tracer, tmp_path: Path) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    said = tracer("tags", "export", "--out", str(tmp_path / "o"), "--category", "donation", "--json").json
    (entry,) = tracer("case", "log", "--json").json["entries"]
    assert "--category=donation" in entry["arguments"]
    claim = tracer("tags", "list", ARCHIVE, "--json").json["tags"][0]["claim_id"]
    assert "tags export" in [row["verb"] for row in tracer("tags", "impact", claim, "--json").json["used"]]
    (file,) = said["files"]
    assert file["sha256"] == hashlib.sha256((tmp_path / "o" / file["file"]).read_bytes()).hexdigest()
    assert tracer("tags", "export", "--out", "o", "--category", "nonsense").code == 2


def test_a_claim_that_was_taken_back_is_not_put_in_again_by_the_same_words(tracer: Tracer) -> None:
    said = add(tracer)
    taken = tracer(
        "tags", "withdraw", said.json["claim"], "--author", "ann", "--reason", "wrong", "--json"
    ).json
    again = add(tracer)
    assert (again.code, "was taken back" in again.err) == (2, True)
    tracer("tags", "withdraw", taken["claim"], "--author", "bob", "--reason", "right after all")
    assert len(tracer("tags", "list", THIRD, "--json").json["tags"]) == 1
    same = tracer("tags", "withdraw", said.json["claim"], "--author", "ann", "--reason", "wrong")
    assert (same.code, "was taken back" in same.err) == (2, True)


def test_a_claim_that_its_list_dropped_is_still_found(tracer: Tracer) -> None:
    head, _, example = TAGS.splitlines()
    tracer("tags", "import", tracer.file("a.csv", TAGS), "--list", "mine")
    claim = tracer("tags", "list", ARCHIVE, "--case", "K-1", "--json").json["tags"][0]["claim_id"]
    gone = tracer("tags", "import", tracer.file("b.csv", f"{head}\n{example}"), "--list", "mine",
                  "--published", "2024-01-01", "--json")  # fmt: skip
    assert gone.json["lists"][0]["removed"] == 1
    impact = tracer("tags", "impact", claim, "--json").json
    assert (impact["stands"], [row["case"] for row in impact["used"]]) == (False, ["K-1"])


def test_claims_on_two_chains_are_resolved_apart(tracer: Tracer) -> None:
    same = "0x7F367cC41522cE07553e823bf3be79A889DEbe1B"
    rows = f"ethereum,{same},One,exchange,one,s,\nbsc,{same},Two,exchange,two,s,\n"
    tracer("tags", "import", tracer.file("t.csv", f"{TAGS.splitlines()[0]}\n{rows}"))
    found = tracer("tags", "list", same, "--json").json["resolution"]
    assert [(row["chain"], row["named"]) for row in found] == [("bsc", "two"), ("ethereum", "one")]


def test_claims_of_different_times_do_not_contradict_each_other(tracer: Tracer) -> None:
    head = TAGS.splitlines()[0] + ",valid_from,valid_to"
    rows = (
        f"bitcoin,{OTHER},One,exchange,one,s,,,2014-01-01\nbitcoin,{OTHER},Two,exchange,two,s,,2015-01-01,\n"
    )
    tracer("tags", "import", tracer.file("t.csv", f"{head}\n{rows}"))
    (found,) = tracer("tags", "list", OTHER, "--json").json["resolution"]
    assert (found["named"], found["at_different_times"]) == (None, True)
    (then,) = tracer("tags", "list", OTHER, "--at", "2013-05-05", "--json").json["resolution"]
    assert then["named"] == "one"


@pytest.mark.parametrize("arguments", [
    ("tags", "list", "--chain", "bitcion"), ("tags", "import", "x.csv", "--published", "garbage"),
    ("tags", "import", "x.csv", "--published", "2999-01-01"), ("tags", "list", "--at", "someday"),
])  # fmt: skip
def test_a_mistyped_question_is_refused_not_answered_with_nothing(
    tracer: Tracer, arguments: tuple[str, ...]
) -> None:
    tracer.file("x.csv", TAGS)
    said = tracer(*(str(tracer.folder / "x.csv") if word == "x.csv" else word for word in arguments))
    assert said.code == 2


def test_a_chain_may_be_named_by_caip2(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    bitcoin = "bip122:000000000019d6689c085ae165831e93"
    assert len(tracer("tags", "list", "--chain", bitcoin, "--json").json["tags"]) == 2


def test_a_red_claim_leaves_no_word_in_the_custody_log_and_its_file_is_its_owners(
    tracer: Tracer, tmp_path: Path
) -> None:
    said = add(tracer, THIRD, "--tlp", "red", "--case", "K-7", label="an informant said so")
    assert said.code == 0
    assert "informant" not in tracer("case", "log", "--json").out
    (private,) = (tmp_path / "w" / "intel").glob("tags-red-*.parquet")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "[TLP:RED]" in tracer("tags", "list", THIRD).out


def test_protected_addresses_are_shown_as_protected(tracer: Tracer) -> None:
    add(tracer, THIRD, "--protect", "victim")
    assert tracer("tags", "list", THIRD, "--json").json["tags"][0]["protection"] == "victim"
    assert "protected: victim" in tracer("tags", "list", THIRD).out


def test_what_was_exported_is_imported_as_the_same_claims(tracer: Tracer, tmp_path: Path) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    add(tracer, THIRD, "--case", "K-7", "--role", "hot", "--valid-from", "2020-01-01", "--cluster")
    out = tmp_path / "packs"
    tracer("tags", "export", "--out", str(out))
    again = tracer("tags", "import", str(out), "--json").json
    assert (again["rows"], again["imported"], again["unchanged"]) == (3, 0, 3)


def test_two_lists_are_compared_by_their_addresses(tracer: Tracer) -> None:
    head, archive, example = TAGS.splitlines()
    one = tracer.file("one.csv", "\n".join((head, archive, example)))
    two = tracer.file("two.csv", "\n".join((head, example, f"bitcoin,{THIRD},Boat,user,,s,2023-01-01")))
    for name, path in (("one", one), ("two", two)):
        assert tracer("tags", "import", path, "--list", name).code == 0
    document = tracer("tags", "compare", "one", "two", "--json").json
    assert document["both"] == 1
    assert [row["address"] for row in document["only_first"]] == [ARCHIVE]
    assert [row["address"] for row in document["only_second"]] == [THIRD]
    assert f"only in two: bitcoin {THIRD}" in tracer("tags", "compare", "one", "two").out
    assert tracer("tags", "compare", "one", "three").code == 2


def test_a_named_list_imported_again_says_what_came_and_what_went(tracer: Tracer) -> None:
    head, archive, example = TAGS.splitlines()
    tracer("tags", "import", tracer.file("a.csv", TAGS), "--list", "mine", "--published", "2024-01-01")
    boat = f"bitcoin,{THIRD},Boat,user,,s,2023-01-01"
    said = tracer("tags", "import", tracer.file("b.csv", "\n".join((head, example, boat))), "--list", "mine",
                  "--published", "2024-02-01", "--json")  # fmt: skip
    (row,) = said.json["lists"]
    assert (row["added"], row["removed"], row["changed"]) == (1, 1, 0)
    assert [r["address"] for r in row["removals"]] == [ARCHIVE]
    older = tracer(
        "tags", "import", tracer.file("a.csv", TAGS), "--list", "mine", "--published", "2024-01-15"
    )
    assert (older.code, "would take newer entries out" in older.err) == (2, True)
    assert archive not in tracer("tags", "list", "--json").out


def test_strict_refuses_a_file_whole_and_takes_the_others(tracer: Tracer, tmp_path: Path) -> None:
    folder = tmp_path / "lists"
    folder.mkdir()
    (folder / "good.csv").write_text(TAGS)
    (folder / "bad.csv").write_text(TAGS + f"bitcoin,{THIRD},<b>Boat</b>,user,,s,2023-01-01\n")
    said = tracer("tags", "import", str(folder), "--strict", "--json")
    assert said.code == 4
    assert (said.json["rows"], said.json["imported"], said.json["rejected"]) == (5, 2, 3)
    assert [(r["line"], r["reason"][:16]) for r in said.json["rejections"]] == [
        (4, "label holds HTML"), (4, "the file was ref")
    ]  # fmt: skip


def test_statistics_count_what_is_there(tracer: Tracer) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    add(tracer, OTHER, "--actor", "zeta")
    document = tracer("tags", "stats", "--json").json
    assert (document["tags"], document["addresses"], document["contested_addresses"]) == (3, 2, 1)
    assert document["by_category"] == {"exchange": 2, "donation": 1}
    assert "1 addresses are claimed by more than one party" in tracer("tags", "stats").out


@pytest.mark.parametrize("lines", [
    ["chain,address", f"bitcoin,{ARCHIVE}", f"bitcoin,{THIRD}", "bitcoin,nonsense"],
    ["note,address,chain", f"x,{ARCHIVE},bitcoin", f"y,{THIRD},bitcoin", "z,nonsense,bitcoin"],
    [ARCHIVE, THIRD, '"' + ARCHIVE],
])  # fmt: skip
def test_many_addresses_are_looked_up_at_once_and_bad_lines_are_named(
    tracer: Tracer, lines: list[str]
) -> None:
    tracer("tags", "import", tracer.file("tags.csv", TAGS))
    said = tracer("tags", "list", "--file", tracer.file("ask.csv", "\n".join(lines)), "--json")
    assert said.code == 4
    assert (said.json["asked"], said.json["tagged"]) == (2, 1)
    assert [row["address"] for row in said.json["tags"]] == [ARCHIVE]
    assert [row["line"] for row in said.json["rejections"]] == [len(lines)]


def test_an_off_chain_link_is_a_sourced_claim(tracer: Tracer) -> None:
    origin, target = "aa" * 32 + ":0", "bb" * 32 + ":1"
    said = tracer("legs", "add", "--from", origin, "--to", target, "--reference", "reply 12/2024", "--author",
                  "ann", "--reason", "request 12", "--case", "K-7", "--json")  # fmt: skip
    assert (said.code, said.json["kind"]) == (0, "legs")
    (leg,) = tracer("legs", "list", "--json").json["legs"]
    assert (leg["origin"], leg["target"], leg["reference"]) == (origin, target, "reply 12/2024")
    assert "- - - reply 12/2024" in tracer("legs", "list").out
    bad = tracer("legs", "add", "--from", "nonsense", "--to", target, "--reference", "r", "--author", "a",
                 "--reason", "r")  # fmt: skip
    assert (bad.code, "is no outpoint" in bad.err) == (4, True)
