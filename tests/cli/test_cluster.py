"""`tracer cluster build|show`: what is printed, what is recorded, and how each wrong question ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rules
from adapters.bitcoin.chains import chain_named
from cli import compose
from cli.app import App
from cli.main import main
from tests.rules.ledger_of import Coin, Tx, append_blocks, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering.build import build
from tracer.clustering.constraints import none
from tracer.intel.claims import Tag
from tracer.intel.reading import Reading
from tracer.intel.snapshot import Snapshot
from tracer.intel.store import add
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("bitcoin-regtest")
Run = Callable[..., tuple[int, str, str]]


def key(name: str) -> AddressKey:
    """A P2WPKH address whose 20 bytes spell a name."""
    return AddressKey(ScriptKind.P2WPKH, name.ljust(20, ".").encode())


def text(name: str) -> str:
    return CHAIN.render_address(key(name))


SIGNET = chain_named("bitcoin-signet").render_address(key("alice1"))


def tx(name: str, inputs: list[str], outputs: list[str]) -> Tx:
    return Tx(
        name,
        [(owner.ljust(20, "."), 5_000) for owner in inputs],
        [(owner.ljust(20, "."), 4_000 + i) for i, owner in enumerate(outputs)],
    )


BLOCK = [
    tx("alice pays", ["alice1", "alice2"], ["shop", "alice3"]),
    tx("alice again", ["alice3", "alice2"], ["bar"]),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    with ledger_of(tmp_path, BLOCK):
        return Workspace(tmp_path)


@pytest.fixture
def run(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tracer", "--workspace", str(workspace.root), *arguments])
        try:
            main()
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def claim(workspace: Workspace, name: str, label: str) -> None:
    k = key(name)
    tag = Tag(
        CHAIN.name, text(name), k.kind, k.payload, label, "exchange", "acme", "hot", "service_data", "a list",
        "2020-01-01", False,
    )  # fmt: skip
    add(workspace, [Reading.of("tags", [tag])])


def shown(run: Run, *arguments: str) -> Any:
    code, out, _ = run("cluster", "show", *arguments, "--chain", CHAIN.name, "--json")
    assert code == 0
    return json.loads(out)


def test_build_prints_the_document_of_the_contract(run: Run) -> None:
    code, out, err = run("cluster", "build", CHAIN.name, "--json")
    said = json.loads(out)
    assert (code, err) == (0, "bringing the clusters of bitcoin-regtest up to date\n")
    assert said["schema"] == "tracer.clustering/1"
    assert (said["addresses"], said["clusters"], said["largest"]) == (5, 3, 3)


def test_build_prints_a_table_for_people(run: Run) -> None:
    code, out, _ = run("cluster", "build", CHAIN.name)
    assert code == 0
    assert "conservative clusters of bitcoin-regtest at block 0" in out
    assert "links by co_spend (version 1)" in out


def test_show_names_the_cluster_and_lists_members_in_order_of_appearance(run: Run) -> None:
    run("cluster", "build", CHAIN.name)
    said = shown(run, text("alice3"))
    assert said["schema"] == "tracer.cluster/1"
    assert said["cluster"] == {
        "name": f"cluster:{text('alice1')}@0", "tier": "conservative", "size": 3, "same_key_on": [],
    }  # fmt: skip
    assert said["members"] == [text("alice1"), text("alice2"), text("alice3")]
    assert said["coverage"]["status"] == "complete"
    assert said["as_of"][0]["clustering"] == {"tier": "conservative", "height": 0}
    assert [(h["id"], h["tier"]) for h in said["heuristics"]] == [
        ("co_spend", "conservative"), ("same_key", "conservative"), ("self_change", "conservative"),
    ]  # fmt: skip
    rate = said["heuristics"][0]["error_rate"]
    assert 0 < float(rate["interval"][0]) <= float(rate["rate"]) <= float(rate["interval"][1]) < 0.01
    assert (said["overrides"], said["merges"], said["pool_like"]) == ([], [], None)


def test_show_gives_the_claims_of_members_that_are_not_listed(run: Run, workspace: Workspace) -> None:
    claim(workspace, "alice3", "Acme hot wallet")
    claim(workspace, "shop", "a shop")
    run("cluster", "build", CHAIN.name)
    said = shown(run, text("alice2"), "--limit", "1")
    assert said["members"] == [text("alice1")]
    assert said["members_not_listed"] == 2
    assert [(t["address"], t["label"], t["role"], t["source"]) for t in said["tags"]] == [
        (text("alice3"), "Acme hot wallet", "hot", "a list")
    ]


def test_show_for_people_says_that_it_is_an_inference(run: Run, workspace: Workspace) -> None:
    claim(workspace, "alice1", "Acme hot wallet")
    run("cluster", "build", CHAIN.name)
    code, out, _ = run("cluster", "show", text("alice1"), "--chain", CHAIN.name, "--limit", "1")
    assert code == 0
    assert "Acme hot wallet (exchange, a list)" in out
    assert "2 more members" in out
    assert "inferred" in out


def test_a_lone_address_is_not_said_to_have_a_sole_owner(run: Run) -> None:
    run("cluster", "build", CHAIN.name)
    _, out, _ = run("cluster", "show", text("shop"), "--chain", CHAIN.name)
    assert "does not mean that its owner has no other" in out


def test_an_answer_brings_the_clusters_to_the_tip_first(run: Run, workspace: Workspace) -> None:
    run("cluster", "build", CHAIN.name)
    with ledger_of(workspace.root, []) as ledger:
        append_blocks(ledger, [tx("later", ["alice1", "young"], ["bar"])], start=1)
    said = shown(run, text("young"))
    assert said["coverage"]["status"] == "complete"
    assert said["cluster"]["name"] == f"cluster:{text('alice1')}@1"


def test_a_cluster_is_found_by_its_name_and_by_one_it_had_before(run: Run, workspace: Workspace) -> None:
    """Bob's cluster is taken in by Alice's; its old name still leads there, and the merge is told."""
    with ledger_of(workspace.root, []) as ledger:
        append_blocks(ledger, [tx("bob pays", ["bob1", "bob2"], ["bar"])], start=1)
    old = shown(run, text("bob2"))["cluster"]["name"]
    assert old == f"cluster:{text('bob1')}@1"
    with ledger_of(workspace.root, []) as ledger:
        append_blocks(ledger, [tx("both", ["bob2", "alice1"], ["bar"])], start=2)
    said = shown(run, old)
    assert said["cluster"]["name"] == f"cluster:{text('alice1')}@2"
    assert [
        (m["kept"], m["merged"], m["height"], m["kept_size"], m["merged_size"]) for m in said["merges"]
    ] == [(f"cluster:{text('alice1')}@2", f"cluster:{text('bob1')}@2", 2, 3, 2)]


def test_the_chain_may_stand_before_the_address(run: Run) -> None:
    code, out, _ = run("cluster", "show", f"{CHAIN.name}:{text('alice1')}", "--json")
    assert (code, json.loads(out)["cluster"]["size"]) == (0, 3)


def test_a_store_of_a_former_version_is_built_again(run: Run, workspace: Workspace) -> None:
    """What issue 2 left in `meta` has other fields; the clusters are made anew, without a word of damage."""
    former = {"tier": "conservative", "height": 0, "tip_hash": "00", "rules": "sha256:x", "heuristics": []}
    with ledger_of(workspace.root, []) as ledger:
        ledger.db.run("INSERT INTO meta VALUES ('clustering', $state)", {"state": json.dumps(former)})
    assert run("status")[0] == 0
    assert shown(run, text("alice1"))["cluster"]["size"] == 3


def test_clusters_that_somebody_else_rebuilds_meanwhile_are_not_read(
    run: Run, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the building and the reading another analyst's split takes effect; the answer is of its own claims."""
    before = shown(run, text("alice1"))
    build_them = compose.links_ready
    others: list[bool] = []

    def others_build() -> None:
        with Ledger.open(workspace, CHAIN, read_only=False) as ledger:
            build(ledger, rules.clustering(), replace(none(), digest="sha256:others", cuts=(0, 1)))

    def then_others(app: App, chain: str, snapshot: Snapshot, **options: Any) -> str:
        bound = build_them(app, chain, snapshot, **options)
        if not others:
            others.append(True)
            others_build()
        return bound

    others_build()
    monkeypatch.setattr(compose, "links_ready", then_others)
    assert shown(run, text("alice1")) == before
    assert others


def test_the_same_key_is_found_in_its_other_form_and_on_another_chain(run: Run, workspace: Workspace) -> None:
    legacy = AddressKey(ScriptKind.P2PKH, key("alice1").payload)
    signet = chain_named("bitcoin-signet")
    with ledger_of(workspace.root, []) as ledger:
        coin = Coin("alice1".ljust(20, "."), 700, ScriptKind.P2PKH)
        append_blocks(ledger, [Tx("old form", [("z".ljust(20, "."), 900)], [coin])], start=1)
    with ledger_of(workspace.root / "elsewhere", BLOCK):
        pass
    (workspace.root / "elsewhere/chains/bitcoin-regtest.duckdb").rename(workspace.chain_file(signet.name))
    said = shown(run, text("alice1"))
    assert said["cluster"]["size"] == 4
    assert said["cluster"]["same_key_on"] == [
        {"chain": "bitcoin-regtest", "address": CHAIN.render_address(legacy)},
        {"chain": "bitcoin-signet", "address": signet.render_address(key("alice1"))},
    ]


def test_the_same_question_prints_the_same_bytes(run: Run) -> None:
    run("cluster", "build", CHAIN.name)
    asked = ("cluster", "show", text("alice1"), "--chain", CHAIN.name, "--json")
    first = run(*asked)
    run("cluster", "build", CHAIN.name)
    assert run(*asked) == first


def test_show_leaves_a_line_in_the_custody_log_also_when_it_fails(run: Run) -> None:
    run("cluster", "build", CHAIN.name)
    run("cluster", "show", text("alice1"), "--chain", CHAIN.name, "--case", "K-1", "--purpose", "seizure")
    run("cluster", "show", text("nobody"), "--chain", CHAIN.name, "--case", "K-1")
    entries = json.loads(run("case", "log", "--case", "K-1", "--json")[1])["entries"]
    assert [(e["verb"], e["purpose"], e["outcome"]) for e in entries] == [
        ("cluster show", "seizure", "answered"),
        ("cluster show", "", "failed:2"),
    ]
    assert entries[0]["arguments"][0] == text("alice1")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("show", text("nobody"), "--chain", CHAIN.name), "was never seen in blocks 0–0 of bitcoin-regtest"),
        (("show", "nonsense", "--chain", CHAIN.name), "'nonsense' is no address"),
        (("show", SIGNET, "--chain", "bitcoin-signet"), "tracer sync bitcoin-signet"),
        (("build",), "nothing of bitcoin was read"),
        (("build", "moon"), "unknown chain 'moon'"),
    ],
    ids=[
        "unknown address",
        "no address",
        "chain not read",
        "default chain not read",
        "no chain",
    ],
)
def test_a_question_that_cannot_be_answered_ends_in_one_line(
    run: Run, workspace: Workspace, arguments: tuple[str, ...], line: str
) -> None:
    code, out, err = run("cluster", *arguments)
    assert (code, out) == (2, "")
    assert line in err
    assert err.count("\n") == 1
    assert [p.name for p in workspace.chains.glob("*.duckdb")] == ["bitcoin-regtest.duckdb"]


def test_clusters_of_a_lost_branch_are_built_anew(run: Run, workspace: Workspace) -> None:
    run("cluster", "build", CHAIN.name)
    with ledger_of(workspace.root, []) as ledger:
        ledger.db.run("UPDATE block SET hash = $hash", {"hash": bytes(32)})
        ledger.db.run("DELETE FROM txin WHERE vin = 1")
    assert shown(run, text("alice1"))["cluster"]["size"] == 1
