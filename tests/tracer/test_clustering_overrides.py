"""An override that contradicts what binds already is refused, and says which claim it contradicts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from rules import clustering
from tests.rules.ledger_of import Coin, ledger_of
from tests.rules.ledger_of import Tx as Rows
from tests.scenarios.case import CHAIN, Case, tag
from tests.scenarios.ledger import Tx, shown
from tests.tracer.test_clustering_constraints import override
from tracer.chain import ScriptKind
from tracer.clustering import build, constraints, lookup, overrides
from tracer.errors import UsageError
from tracer.intel.claims import Override, claim_id
from tracer.intel.snapshot import Snapshot
from tracer.ledger.store import Ledger

ROWS = [
    Tx("fund", outs=[("ann", 5), ("ann2", 5), ("bob", 5), ("bob2", 5), ("cat", 5), ("hot", 5), ("pool", 5)]),
    Tx("ann pays", ins=["fund:0", "fund:1"], outs=[("cat", 9)]),
    Tx("bob pays", ins=["fund:2", "fund:3"], outs=[("cat", 9)]),
    Tx("cat pays", ins=["fund:4"], outs=[("hot", 5)]),
]


def refusal(case: Case, said: Override) -> str:
    """Why an override may not go in; "" where it may."""
    try:
        with Ledger.open(case.workspace, CHAIN) as ledger:
            overrides.check(ledger, case.snapshot, said)
    except UsageError as error:
        assert "\n" not in str(error)
        return str(error)
    return ""


def standing(folder: Path, said: Iterable[Override] = (), *, clusters: bool = True) -> Case:
    case = Case(folder, ROWS, tags=[tag("hot", "acme"), tag("pool", "bazaar")], clusters=clusters)
    case.claim("overrides", *said)
    return case


@pytest.mark.parametrize("said", [
    override("split", "ann", "ann2"), override("split", "ann", "ann2", txid=shown("ann pays")),
    override("split", "ann", "cat", txid=shown("bob pays")), override("join", "ann", "bob"),
    override("join", "ann", "hot"), override("split", "hot", "pool"), override("join", "ann", "ann2"),
])  # fmt: skip
def test_an_override_that_nothing_contradicts_may_go_in(tmp_path: Path, said: Override) -> None:
    assert refusal(standing(tmp_path), said) == ""


@pytest.mark.parametrize(("said", "why"), [
    (override("join", "ann", "ann"), "ann is one address: there is nothing to join"),
    (override("join", "ann", "dan"), "unknown address: dan was never seen"),
    (override("split", "zoe", "ann"), "unknown address: zoe was never seen"),
    (override("split", "ann", "bob", txid="ab" * 32), "was not read of bitcoin-regtest"),
    (override("split", "ann", "bob", txid=shown("cat pays")), "spends from fewer than two addresses"),
    (override("split", "ann", "bob", txid=shown("fund")), "spends from fewer than two addresses"),
])  # fmt: skip
def test_an_override_of_what_the_ledger_does_not_show_is_refused(
    tmp_path: Path, said: Override, why: str
) -> None:
    assert why in refusal(standing(tmp_path), said)


def test_addresses_of_two_parties_cannot_be_joined_and_both_claims_are_named(tmp_path: Path) -> None:
    why = refusal(standing(tmp_path), override("join", "hot", "pool"))
    for claim in (tag("hot", "acme"), tag("pool", "bazaar")):
        assert claim_id(claim)[:16] in why
    assert "hot is of acme" in why
    assert "pool is of bazaar" in why


def test_neither_can_clusters_that_hold_addresses_of_two_parties(tmp_path: Path) -> None:
    case = standing(tmp_path)
    case.claim("tags", tag("ann2", "zeta"))
    assert "ann is held together with an address of zeta" in refusal(case, override("join", "ann", "hot"))
    assert refusal(case, override("join", "bob", "hot")) == ""


def test_a_join_may_not_reach_a_second_party_through_other_joins(tmp_path: Path) -> None:
    case = standing(tmp_path, [override("join", "bob", "hot")])
    why = refusal(case, override("join", "bob2", "pool"))
    assert "bob2 is held together with an address of acme" in why
    assert "pool is of bazaar" in why


@pytest.mark.parametrize("said", [("ann", "bob"), ("ann2", "bob"), ("ann2", "bob2")])
def test_what_a_split_keeps_apart_cannot_be_joined_nor_can_their_clusters(
    tmp_path: Path, said: tuple[str, str]
) -> None:
    split = override("split", "ann", "bob")
    why = refusal(standing(tmp_path, [split]), override("join", *said))
    assert claim_id(split)[:16] in why
    assert "keeps ann and bob apart" in why


def test_a_split_binds_before_the_clusters_are_built_anew(tmp_path: Path) -> None:
    case = standing(tmp_path, [override("split", "ann", "ann2")])
    assert "keeps ann and ann2 apart" in refusal(case, override("join", "ann", "ann2"))
    # the old cluster still holds both, which is nothing against either
    assert refusal(case, override("join", "ann", "cat")) == ""


@pytest.mark.parametrize("clusters", [True, False])
def test_what_joins_hold_together_cannot_be_split(tmp_path: Path, clusters: bool) -> None:
    joins = [override("join", "ann", "bob"), override("join", "bob", "cat")]
    case = standing(tmp_path, joins, clusters=clusters)
    why = refusal(case, override("split", "ann", "cat"))
    for said in joins:
        assert f"{claim_id(said)[:16]} of ann" in why
    assert claim_id(joins[0])[:16] in refusal(case, override("split", "ann", "bob"))
    assert refusal(case, override("split", "ann", "hot")) == ""


def test_the_same_override_again_contradicts_nothing(tmp_path: Path) -> None:
    for said in (override("join", "ann", "bob"), override("split", "cat", "hot")):
        case = standing(tmp_path / said.kind, [said])
        assert refusal(case, said) == ""
        assert refusal(case, override(said.kind, said.a, said.b, author="bea")) == ""


def test_two_addresses_of_one_key_cannot_be_split(tmp_path: Path) -> None:
    name = "k" * 20
    row = Rows("pay", [("someone" + "." * 13, 9)], [Coin(name, 4), Coin(name, 5, ScriptKind.P2PKH)])
    with ledger_of(tmp_path, [row]) as ledger:
        a, b = f"P2PKH:{name}", f"P2WPKH:{name}"
        no_claims = Snapshot.open(Case(tmp_path / "claims", ROWS, clusters=False).workspace)
        with pytest.raises(UsageError, match="two addresses of one key"):
            overrides.check(ledger, no_claims, override("split", a, b))
        overrides.check(ledger, no_claims, override("join", a, b))


def test_a_build_takes_an_override_and_gives_the_former_clusters_back_without_it(tmp_path: Path) -> None:
    case = standing(tmp_path)

    def groups() -> list[list[str]]:
        with Ledger.open(case.workspace, CHAIN, read_only=False) as ledger:
            build.build(ledger, clustering(), constraints.load(ledger, case.snapshot))
            return sorted(sorted(group) for group in lookup.groups(ledger))

    assert groups() == [["ann", "ann2"], ["bob", "bob2"]]
    case.claim("overrides", override("split", "ann", "ann2"), override("join", "bob", "cat"))
    assert groups() == [["bob", "bob2", "cat"]]
