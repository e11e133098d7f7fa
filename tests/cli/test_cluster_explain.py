"""`tracer cluster explain`: what is printed, what is recorded, and how each wrong question ends."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.bitcoin.chains import chain_named
from cli.main import main
from tests.rules.ledger_of import Tx, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.workspace import Workspace

CHAIN = chain_named("bitcoin-regtest")
Run = Callable[..., tuple[int, str, str]]


def key(name: str) -> AddressKey:
    """A P2WPKH address whose 20 bytes spell a name."""
    return AddressKey(ScriptKind.P2WPKH, name.ljust(20, ".").encode())


def text(name: str) -> str:
    return CHAIN.render_address(key(name))


def txid(name: str) -> str:
    return hashlib.sha256(name.encode()).digest()[::-1].hex()


def tx(name: str, inputs: list[tuple[str, int]], outputs: list[tuple[str, int]]) -> Tx:
    def padded(coins: list[tuple[str, int]]) -> list[tuple[str, int]]:
        return [(owner.ljust(20, "."), sat) for owner, sat in coins]

    return Tx(name, padded(inputs), padded(outputs))


MIXED = [(f"m{n}", 20_000_000) for n in range(3)] + [("c1", 10_000_000), ("c2", 5_000_000)]
BLOCK = [
    tx("first", [("alice1", 5_000), ("alice2", 5_000)], [("shop", 9_000)]),
    tx("second", [("alice3", 5_000), ("alice2", 5_000)], [("shop", 9_000)]),
    tx("mix", [("alice3", 30_000_000), ("bob", 25_000_000), ("carol", 41_000_000)], MIXED),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    with ledger_of(tmp_path, BLOCK):
        return Workspace(tmp_path)


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["tracer", "--workspace", str(workspace.root), "--quiet", *arguments]
        )
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def explained(run: Run, *arguments: str) -> Any:
    code, out, err = run("cluster", "explain", *arguments, "--chain", CHAIN.name, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_the_document_holds_the_chain_and_builds_the_clusters_it_needs(run: Run) -> None:
    said = explained(run, text("alice1"), text("alice3"))
    assert list(said) == [
        "schema", "as_of", "intel_snapshot", "rules", "engine", "coverage", "from", "to", "tier", "clusters",
        "linked", "links", "linked_in_extended", "leads", "leads_not_listed", "overrides",
    ]  # fmt: skip
    assert said["schema"] == "tracer.cluster_explanation/1"
    assert said["as_of"][0]["clustering"] == {"tier": "conservative", "height": 0}
    assert (said["from"], said["to"], said["linked"]) == (text("alice1"), text("alice3"), True)
    assert said["clusters"] == [f"cluster:{text('alice1')}@0"]
    assert [(x["from"], x["to"], x["txid"], x["vin_from"], x["vin_to"]) for x in said["links"]] == [
        (text("alice1"), text("alice2"), txid("first"), 0, 1),
        (text("alice2"), text("alice3"), txid("second"), 1, 0),
    ]
    assert (said["linked_in_extended"], said["leads"], said["overrides"]) == (None, [], [])


def test_two_who_only_met_in_a_mix_are_not_linked_and_the_mix_is_a_lead(run: Run) -> None:
    said = explained(run, text("alice1"), text("bob"))
    assert (said["linked"], said["links"], said["linked_in_extended"]) == (False, [], False)
    assert said["clusters"] == [f"cluster:{text('alice1')}@0", f"cluster:{text('bob')}@0"]
    assert [(x["txid"], x["why"], x["from"], x["to"]) for x in said["leads"]] == [
        (txid("mix"), "mix", text("alice3"), text("bob"))
    ]
    assert said["leads_not_listed"] == 0


def test_people_read_every_address_and_txid_whole_and_what_it_does_not_say(run: Run) -> None:
    code, out, _ = run("cluster", "explain", text("alice3"), text("alice1"), "--chain", CHAIN.name)
    assert code == 0
    for whole in (text("alice1"), text("alice2"), text("alice3"), txid("first"), txid("second")):
        assert whole in out
    assert "joined by 2 links" in out
    assert "co_spend" in out
    assert "a PayJoin, or a trade signed by two parties, joins two owners" in out


def test_people_are_told_that_not_linked_is_not_two_owners(run: Run) -> None:
    _, out, _ = run("cluster", "explain", text("bob"), text("alice1"), "--chain", CHAIN.name)
    assert "looks like joinmarket of at least 3" in out
    assert "does not mean that they have different owners" in out
    assert "The extended tier does not join them." in out


def test_an_analysts_join_is_quoted_and_every_answer_it_touches_names_it(run: Run) -> None:
    run(
        "cluster", "join", text("alice1"), text("bob"), "--chain", CHAIN.name, "--author", "Ada", "--reason", "wallet",
    )  # fmt: skip
    said = explained(run, text("alice3"), text("bob"))
    (word,) = said["overrides"]
    assert said["links"][-1]["override"] == {k: word[k] for k in ("claim", "author", "reason", "said_at")}
    assert (word["kind"], word["author"], word["reason"]) == ("join", "Ada", "wallet")
    assert explained(run, text("alice1"), text("alice2"))["overrides"] == [word]
    _, out, _ = run("cluster", "explain", text("alice3"), text("bob"), "--chain", CHAIN.name)
    assert "override: Ada joins" in out


def test_a_former_snapshot_answers_as_it_did_before_an_override(run: Run) -> None:
    before = explained(run, text("alice1"), text("bob"))
    run(
        "cluster", "join", text("alice1"), text("bob"), "--chain", CHAIN.name, "--author", "Ada", "--reason", "wallet",
    )  # fmt: skip
    assert explained(run, text("alice1"), text("bob"))["linked"]
    assert explained(run, text("alice1"), text("bob"), "--intel", before["intel_snapshot"]) == before


def test_the_chain_may_stand_before_the_address_and_a_clusters_name_for_it(run: Run) -> None:
    code, out, _ = run(
        "cluster", "explain", f"{CHAIN.name}:{text('alice3')}", f"cluster:{text('alice1')}@0",
        "--chain", CHAIN.name, "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["to"]) == (0, text("alice1"))


def test_the_same_question_prints_the_same_bytes_whatever_was_built_before(run: Run) -> None:
    asked = ("cluster", "explain", text("alice1"), text("bob"), "--chain", CHAIN.name, "--json")
    first = run(*asked)
    run("cluster", "build", CHAIN.name, "--anew")
    assert run(*asked) == first


def test_the_extended_tier_is_asked_for_by_name(run: Run) -> None:
    said = explained(run, text("alice1"), text("alice3"), "--tier", "extended")
    assert (said["tier"], said["linked"]) == ("extended", True)
    assert said["as_of"][0]["clustering"]["tier"] == "extended"
    apart = explained(run, text("alice1"), text("bob"), "--tier", "extended")
    assert (apart["linked"], apart["linked_in_extended"]) == (False, None)


def test_a_question_leaves_a_line_in_the_custody_log_also_when_it_fails(run: Run) -> None:
    explained(run, text("alice1"), text("alice2"), "--case", "K-1", "--purpose", "seizure")
    run("cluster", "explain", text("alice1"), text("nobody"), "--chain", CHAIN.name, "--case", "K-1")
    entries = json.loads(run("case", "log", "--case", "K-1", "--json")[1])["entries"]
    assert [(e["verb"], e["purpose"], e["outcome"]) for e in entries] == [
        ("cluster explain", "seizure", "answered"),
        ("cluster explain", "", "failed:2"),
    ]


SIGNET = chain_named("bitcoin-signet").render_address(key("alice1"))


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((text("alice1"), text("nobody")), "was never seen in blocks 0–0 of bitcoin-regtest"),
        ((text("alice1"), SIGNET), "two chains in one question"),
        ((f"bitcoin-signet:{SIGNET}", text("alice1")), "two chains in one question"),
        ((text("alice1"), "nonsense"), "'nonsense' is no address"),
        ((text("alice1"), text("alice1").upper()), "was named twice: it is itself"),
    ],
    ids=["never seen", "address of another chain", "two chains named", "no address", "itself"],
)
def test_a_question_that_cannot_be_answered_ends_in_one_line_and_builds_nothing(
    run: Run, workspace: Workspace, arguments: tuple[str, ...], line: str
) -> None:
    before = workspace.chain_file(CHAIN.name).read_bytes()
    code, out, err = run("cluster", "explain", *arguments, "--chain", CHAIN.name)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert workspace.chain_file(CHAIN.name).read_bytes() == before


def test_a_chain_that_was_not_read_is_said(run: Run) -> None:
    code, out, err = run(
        "cluster", "explain", SIGNET, chain_named("bitcoin-signet").render_address(key("bob")),
        "--chain", "bitcoin-signet",
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert "nothing of bitcoin-signet was read" in err
