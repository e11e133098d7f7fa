"""`tracer cluster split|join`: what is kept, what the log and the clusters make of it, what is refused."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from tests.cli.claims_cli import Said, Tracer
from tests.scenarios.case import Case, tag
from tests.scenarios.ledger import PlayChain, Tx, shown
from tracer.intel.snapshot import Snapshot
from tracer.workspace import Workspace

REGTEST = "bitcoin-regtest"
ROWS = [
    Tx("fund", outs=[("ann", 5), ("ann2", 5), ("bob", 5), ("hot", 5), ("pool", 5)]),
    Tx("pay", ins=["fund:0", "fund:1"], outs=[("cat", 9)]),
    Tx("one", ins=["fund:2"], outs=[("cat", 5)]),
    Tx("far", outs=[("dee", 5)]),
]
BECAUSE = ("--author", "bea", "--reason", "exhibit 7")


def address(name: str) -> str:
    """The regtest address of a scenario name."""
    return chain_named(REGTEST).render_address(PlayChain().parse_address(name))


@pytest.fixture
def tracer(tmp_path: Path) -> Tracer:
    Case(tmp_path / "w", ROWS, tags=[tag("hot", "acme"), tag("pool", "bazaar")])
    return Tracer(tmp_path)


def put(tracer: Tracer, kind: str, a: str, b: str, *more: str) -> Said:
    return tracer("cluster", kind, address(a), address(b), "--chain", REGTEST, *BECAUSE, *more, "--json")


def snapshot(tracer: Tracer) -> Snapshot:
    return Snapshot.open(Workspace(tracer.folder / "w"))


def size(tracer: Tracer, name: str) -> int:
    shown_cluster = tracer("cluster", "show", address(name), "--chain", REGTEST, "--json")
    number: int = shown_cluster.json["cluster"]["size"]
    return number


def refused(tracer: Tracer, said: Said, *words: str) -> None:
    """Exit 2, one line with these words, nothing on stdout, and no claim."""
    assert (said.code, said.out) == (2, ""), said
    (line,) = [line for line in said.err.splitlines() if line.startswith("error: ")]
    for word in words:
        assert word in line
    assert snapshot(tracer).claims("overrides").height == 0


def test_a_split_is_a_claim_with_author_and_reason_and_a_line_in_the_custody_log(tracer: Tracer) -> None:
    said = put(tracer, "split", "bob", "ann", "--case", "K-7")
    assert said.code == 0
    assert list(said.json) == ["schema", "kind", "claim", "added", "intel_snapshot"]
    assert (said.json["schema"], said.json["kind"], said.json["added"]) == (
        "tracer.claim/1",
        "overrides",
        True,
    )
    ((claim, override),) = snapshot(tracer).overrides(REGTEST)
    assert claim == said.json["claim"]
    assert (override.a, override.b) == tuple(sorted((address("ann"), address("bob"))))
    assert (override.kind, override.txid, override.author, override.reason) == (
        "split",
        "",
        "bea",
        "exhibit 7",
    )
    assert (override.case_id, override.tlp, override.source) == ("K-7", "TLP:AMBER+STRICT", "analyst bea")
    (entry,) = tracer("case", "log", "--case", "K-7", "--json").json["entries"]
    assert (entry["verb"], entry["outcome"], entry["purpose"]) == ("cluster split", "answered", "exhibit 7")


def test_it_says_that_the_clusters_are_built_anew(tracer: Tracer) -> None:
    said = tracer("cluster", "join", address("ann"), address("bob"), "--chain", REGTEST, *BECAUSE)
    assert said.out.startswith("claim ")
    assert f"built anew with it at the next question (`tracer cluster build {REGTEST}`)" in said.err


def test_the_next_answer_takes_it_and_a_withdrawal_gives_the_former_clusters_back(tracer: Tracer) -> None:
    assert (size(tracer, "ann"), size(tracer, "bob")) == (2, 1)
    split = put(tracer, "split", "ann", "ann2").json["claim"]
    join = put(tracer, "join", "bob", "cat").json["claim"]
    assert (size(tracer, "ann"), size(tracer, "bob")) == (1, 2)
    for claim in (split, join):
        assert tracer("tags", "withdraw", claim[:16], "--author", "bea", "--reason", "wrong").code == 0
    assert (size(tracer, "ann"), size(tracer, "bob")) == (2, 1)
    impact = tracer("tags", "impact", split, "--json").json
    assert (impact["kind"], impact["stands"]) == ("overrides", False)
    assert "cluster split" in [row["verb"] for row in impact["used"]]


def test_a_trace_that_meets_an_override_lists_it_and_can_be_found_by_it(tracer: Tracer) -> None:
    claim = put(tracer, "split", "ann", "ann2").json["claim"]
    asked = ("trace", f"cluster:{address('ann')}", "--chain", REGTEST, "--method", "fifo")
    document = tracer(*asked, "--json").json
    assert [(row["claim"], row["kind"], row["author"]) for row in document["overrides"]] == [
        (claim, "split", "bea")
    ]
    assert claim in document["claims"]
    assert "Override: bea splits" in tracer(*asked).out
    entries = tracer("tags", "impact", claim, "--json").json["used"]
    assert "trace" in {entry["verb"] for entry in entries}
    untouched = tracer(
        "trace", address("dee"), "--chain", REGTEST, "--method", "fifo", "--hops", "0", "--json"
    )
    assert untouched.json["overrides"] == []


def test_a_transaction_that_several_signed_is_named_by_its_txid(tracer: Tracer) -> None:
    said = put(tracer, "split", "ann", "bob", "--at", shown("pay").upper())
    assert said.code == 0
    ((_, override),) = snapshot(tracer).overrides(REGTEST)
    assert override.txid == shown("pay")
    assert size(tracer, "ann") == 1


def test_the_same_override_again_was_there_already_also_on_another_day(
    tracer: Tracer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = put(tracer, "join", "ann", "bob").json
    again = put(tracer, "join", "bob", "ann").json
    assert (again["added"], again["claim"]) == (False, first["claim"])
    monkeypatch.setattr("cli.cluster_override.today", lambda: "2001-01-01")
    later = put(tracer, "join", "ann", "bob").json
    assert (later["added"], later["claim"]) == (False, first["claim"])
    other = put(tracer, "join", "ann", "bob", "--case", "K-9").json
    assert other["claim"] != first["claim"]
    text = tracer("cluster", "join", address("ann"), address("bob"), "--chain", REGTEST, *BECAUSE)
    assert "was there already" in text.out


def test_it_leaves_the_ids_of_other_claims_alone(tracer: Tracer) -> None:
    before = snapshot(tracer).tags()["claim_id"].to_list()
    put(tracer, "split", "ann", "bob")
    assert snapshot(tracer).tags()["claim_id"].to_list() == before


@pytest.mark.parametrize(("kind", "a", "b", "more", "words"), [
    ("join", "ann", "dan", (), ("unknown address", address("dan"))),
    ("split", "dan", "ann", (), ("unknown address", address("dan"))),
    ("join", "ann", "ann", (), ("is one address",)),
    ("join", "hot", "pool", (), ("of acme", "of bazaar", "cannot be joined")),
    ("split", "ann", "bob", ("--at", "ab" * 32), ("was not read",)),
    ("split", "ann", "bob", ("--at", "nonsense"), ("is no txid",)),
    ("split", "ann", "bob", ("--at", shown("one")), ("fewer than two addresses",)),
    ("split", "ann", "bob", ("--tlp", "purple"), ("unknown marking",)),
])  # fmt: skip
def test_what_cannot_hold_is_refused_and_nothing_changes(
    tracer: Tracer, kind: str, a: str, b: str, more: tuple[str, ...], words: tuple[str, ...]
) -> None:
    refused(tracer, put(tracer, kind, a, b, *more), *words)


def test_overrides_that_contradict_each_other_are_refused(tracer: Tracer) -> None:
    join = put(tracer, "join", "ann", "bob").json["claim"]
    split = put(tracer, "split", "cat", "hot").json["claim"]
    for said, claim in (
        (put(tracer, "split", "ann", "bob"), join),
        (put(tracer, "join", "cat", "hot"), split),
    ):
        assert (said.code, said.out) == (2, "")
        assert claim[:16] in said.err
        assert "tracer tags withdraw" in said.err
    assert len(snapshot(tracer).overrides(REGTEST)) == 2


MAINNET = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
LITECOIN = "LdP8Qox1VAhCzLJNqrr74YovaWYyNBUWvL"


@pytest.mark.parametrize(("a", "b", "words"), [
    (address("ann"), MAINNET, ("two chains in one question", f"{MAINNET} of bitcoin")),
    (MAINNET, address("ann"), ("two chains in one question", f"{MAINNET} of bitcoin")),
    (address("ann"), LITECOIN, ("two chains in one question", f"{LITECOIN} of litecoin")),
    (address("ann"), f"bitcoin:{MAINNET}", ("two chains in one question: bitcoin and bitcoin-regtest",)),
    (address("ann"), "nonsense", ("'nonsense' is no address",)),
    ("nonsense", MAINNET, ("'nonsense' is no address",)),
    (address("ann"), address("bob") + "x", ("is no address",)),
])  # fmt: skip
def test_two_addresses_of_two_chains_or_of_none_are_refused(
    tracer: Tracer, a: str, b: str, words: tuple[str, ...]
) -> None:
    said = tracer("cluster", "join", a, b, "--chain", REGTEST, *BECAUSE)
    refused(tracer, said, *words)


def test_the_chain_may_stand_before_an_address(tracer: Tracer) -> None:
    ann, bob = address("ann"), address("bob")
    assert tracer("cluster", "join", f"{REGTEST}:{ann}", bob, *BECAUSE).code == 0
    refused_one = tracer("cluster", "join", f"bitcoin:{ann}", f"{REGTEST}:{bob}", *BECAUSE)
    assert (refused_one.code, "two chains in one question" in refused_one.err) == (2, True)


def test_a_chain_that_was_not_read_is_said(tracer: Tracer) -> None:
    other = "34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo"
    refused(tracer, tracer("cluster", "join", MAINNET, other, *BECAUSE), "nothing of bitcoin was read")


def test_a_red_override_leaves_no_word_in_the_log_and_lies_in_its_owners_file(tracer: Tracer) -> None:
    said = put(tracer, "split", "ann", "ann2", "--tlp", "red", "--case", "K-7")
    assert said.code == 0
    log = json.dumps(tracer("case", "log", "--json").json)
    assert "exhibit" not in log
    assert address("ann") not in log
    (private,) = (tracer.folder / "w" / "intel").glob("overrides-red-*.parquet")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert [row["list"] for row in snapshot(tracer).lists("overrides")] == ["TLP:RED claims"]
    assert size(tracer, "ann") == 1


@pytest.mark.parametrize("left_out", ["--author", "--reason"])
def test_an_override_has_an_author_and_a_reason(tmp_path: Path, left_out: str) -> None:
    from click.testing import CliRunner

    from cli.main import tracer as command

    words: dict[str, Any] = dict(zip(BECAUSE[::2], BECAUSE[1::2], strict=True))
    words.pop(left_out)
    given = [word for pair in words.items() for word in pair]
    asked = ["--workspace", str(tmp_path), "cluster", "join", address("ann"), address("bob"), *given]
    said = CliRunner().invoke(command, asked)
    assert (said.exit_code, f"Missing option '{left_out}'" in said.stderr) == (2, True)
