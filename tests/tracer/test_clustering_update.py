"""Updating clusters by the new blocks alone gives the rows of a rebuild; where it cannot, it rebuilds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rules
from adapters.bitcoin.chains import chain_named
from tests.conftest import scaled
from tests.rules.ledger_of import Coin, Tx, append_blocks, block_hash, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering import constraints as claims
from tracer.clustering import review
from tracer.clustering.build import build, update
from tracer.clustering.constraints import Constraints, Override
from tracer.clustering.rules import RuleSet
from tracer.clustering.state import current
from tracer.ledger.store import Ledger

RULES = rules.clustering()
TABLES = {
    "mix": "tx_id", "key_link": "tx_id, a, b", "key_form": "prefix, address_id", "cluster": "address_id",
    "cluster_member": "cluster_id, address_id", "cluster_merge": "tx_id, kept, merged",
    "refused_link": "tier, tx_id, a, b", "meta": "key",
}  # fmt: skip

NAMES = [f"a{i}" for i in range(12)]
KINDS = [ScriptKind.P2WPKH, ScriptKind.P2PKH]
coins = st.builds(
    Coin, st.sampled_from(NAMES), st.sampled_from([10_000, 20_000, 777]), st.sampled_from(KINDS)
)
blocks = st.lists(
    st.lists(
        st.tuples(st.lists(coins, min_size=1, max_size=3), st.lists(coins, min_size=1, max_size=4)),
        min_size=1,
        max_size=4,
    ),
    min_size=2,
    max_size=5,
)


def rows(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    """Everything a build leaves, in a total order."""
    return {
        table: ledger.db.rows(f"SELECT * FROM {table} ORDER BY {order}") for table, order in TABLES.items()
    }


def key_of(ledger: Ledger, name: str, kind: ScriptKind = ScriptKind.P2WPKH) -> int:
    found = ledger.find_address(AddressKey(kind, name.encode()))
    assert found is not None
    return found


def parties_of(ledger: Ledger, **parties: str) -> Constraints:
    """Constraints as claims that name the party of some P2WPKH addresses make them."""
    names = tuple(sorted(set(parties.values())))
    known = sorted(
        (found, names.index(party) + 1)
        for name, party in parties.items()
        if (found := ledger.find_address(AddressKey(ScriptKind.P2WPKH, name.encode()))) is not None
    )
    frame = pl.DataFrame(known, schema={"address_id": pl.Int32, "party": pl.Int32}, orient="row")
    return Constraints(frame, frame, names, (), (), f"sha256:{sorted(parties.items())}", "")


@settings(
    deadline=None,
    max_examples=scaled(6, full=15),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(blocks, st.data())
def test_block_by_block_is_the_same_as_at_once(
    tmp_path_factory: pytest.TempPathFactory, world: list[Any], data: st.DataObject
) -> None:
    txs = [
        [Tx(f"{height}.{n}", ins, outs) for n, (ins, outs) in enumerate(block)]
        for height, block in enumerate(world)
    ]
    cuts = data.draw(st.sets(st.integers(1, len(txs) - 1)), label="updates after")
    known = {"a0": "shop", "a1": "market", "a2": "shop"}
    folder = tmp_path_factory.mktemp("update")
    with ledger_of(folder, txs[0]) as ledger:
        update(ledger, RULES, parties_of(ledger, **known))
        for height, block in enumerate(txs[1:], 1):
            append_blocks(ledger, block, start=height)
            if height in cuts or height == len(txs) - 1:
                said = update(ledger, RULES, parties_of(ledger, **known))
        stepwise = rows(ledger)
        assert build(ledger, RULES, parties_of(ledger, **known)) == said
        assert rows(ledger) == stepwise


def test_an_update_reads_the_new_blocks_alone(tmp_path: Path) -> None:
    """A former link that the facts no longer show stays: what is below was not read again."""
    with ledger_of(tmp_path, [Tx("old", [("a", 1_000), ("b", 1_000)], [("c", 1_500)])]) as ledger:
        update(ledger, RULES)
        ledger.db.run("DELETE FROM txin")
        append_blocks(ledger, [Tx("new", [("b", 1), ("d", 1)], [("c", 1)])], start=1)
        said = update(ledger, RULES)
        assert said["largest"] == 3
        assert build(ledger, RULES)["largest"] == 2


def test_at_the_tip_nothing_is_done(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [Tx("old", [("a", 1_000), ("b", 1_000)], [("c", 1_500)])]) as ledger:
        first = update(ledger, RULES)
        ledger.db.run("DELETE FROM txin")
        assert update(ledger, RULES) == first


@pytest.mark.parametrize("what", ["rules", "claims", "reorg", "backfill", "override"])
def test_what_an_update_cannot_follow_is_built_anew(tmp_path: Path, what: str) -> None:
    with ledger_of(tmp_path, []) as ledger:
        ledger.db.run("DELETE FROM block")
        append_blocks(ledger, [Tx("five", [("a", 1_000), ("b", 1_000)], [("c", 1_500)])], start=5)
        update(ledger, RULES)
        append_blocks(ledger, [Tx("six", [("c", 1_000)], [("e", 900)])], start=6)
        ledger.db.run("UPDATE txin SET address_id = NULL WHERE tx_id < $six", {"six": 6 << 24})
        ruleset, bound = RULES, claims.none()
        if what == "rules":
            ruleset = RuleSet((), RULES.heuristics)
        elif what == "claims":
            bound = replace(bound, digest="sha256:others")
        elif what == "reorg":
            ledger.db.run("UPDATE block SET hash = $hash WHERE height = 5", {"hash": block_hash(99)})
        elif what == "backfill":
            append_blocks(ledger, [Tx("two", [("y", 1_000)], [("z", 900)])], start=2)
        else:
            bound = replace(bound, overrides=(joined(ledger, "c", "e"),))
        assert update(ledger, ruleset, bound)["largest"] == (2 if what == "override" else 1)


def joined(ledger: Ledger, a: str, b: str) -> Override:
    return Override("claim", "join", key_of(ledger, a), key_of(ledger, b), None, "ann", "seen", "2026-01-01")


def split(ledger: Ledger, a: str, b: str, tx_id: int | None = None) -> Override:
    return Override(
        "claim", "split", key_of(ledger, a), key_of(ledger, b), tx_id, "ann", "seen", "2026-01-01"
    )


CHAIN = [
    Tx("ann pays", [("ann1", 5_000), ("ann2", 5_000)], [("x", 9_000)]),
    Tx("payjoin", [("ann2", 5_000), ("bob1", 5_000)], [("x", 9_000)]),
    Tx("bob pays", [("bob1", 5_000), ("bob2", 5_000)], [("x", 9_000)]),
]


def together(ledger: Ledger, *names: str) -> bool:
    ids = [key_of(ledger, name) for name in names]
    found = dict(ledger.db.rows("SELECT address_id, cluster_id FROM cluster"))
    return len({found.get(i, i) for i in ids}) == 1


def test_a_split_at_a_transaction_takes_its_common_spend_away(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        cut = replace(claims.none(), overrides=(split(ledger, "ann1", "bob2", tx_id=1),), cuts=(1,))
        build(ledger, RULES, cut)
        assert together(ledger, "ann1", "ann2")
        assert together(ledger, "bob1", "bob2")
        assert not together(ledger, "ann1", "bob1")
        assert ledger.db.rows("SELECT * FROM refused_link") == []


def test_a_split_without_one_refuses_the_transaction_that_would_join_the_pair(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        said = build(ledger, RULES, replace(claims.none(), overrides=(split(ledger, "ann1", "bob1"),)))
        assert not together(ledger, "ann1", "bob1")
        assert together(ledger, "bob1", "bob2")
        assert said["refused"] == 1
        assert ledger.db.rows("SELECT tier, tx_id, heuristic, reason FROM refused_link") == [
            ("conservative", 1, "co_spend", "split")
        ]


def test_a_join_is_a_link_of_its_own_and_is_taken_first(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        said = build(ledger, RULES, replace(claims.none(), overrides=(joined(ledger, "ann1", "x"),)))
        assert together(ledger, "ann1", "x", "bob2")
        assert said["overrides"] == 1


def test_a_transaction_that_would_join_two_parties_joins_nobody_and_is_noted(tmp_path: Path) -> None:
    """Nor does it join a third: which of the inputs are whose, nobody can tell."""
    three = Tx("three sign", [("shop1", 500), ("market1", 500), ("someone", 500)], [("x", 900)])
    shop = Tx("shop", [("shop1", 500), ("shop2", 500)], [("x", 900)])
    with ledger_of(tmp_path, [shop, three]) as ledger:
        said = build(ledger, RULES, parties_of(ledger, shop2="shop", market1="market"))
        assert together(ledger, "shop1", "shop2")
        assert not together(ledger, "shop1", "someone")
        assert not together(ledger, "market1", "someone")
        assert said["refused"] == 1
        (a, b), *_ = ledger.db.rows("SELECT a, b FROM refused_link WHERE reason = 'different_parties'")
        assert {a, b} == {key_of(ledger, "shop1"), key_of(ledger, "market1")}


def test_merges_of_two_clusters_are_recorded_with_what_they_were_called(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [CHAIN[0], CHAIN[2], CHAIN[1]]) as ledger:
        build(ledger, RULES)
        found = ledger.db.rows(
            "SELECT tx_id, heuristic, kept, merged, kept_size, merged_size, alarm FROM cluster_merge"
        )
        assert found == [(2, "co_spend", key_of(ledger, "ann1"), key_of(ledger, "bob1"), 2, 2, False)]


def test_two_addresses_of_one_key_are_one_cluster_from_the_later_one_on(tmp_path: Path) -> None:
    key = "twenty bytes of hash"
    old = Tx("old", [Coin("a", 900)], [Coin(key, 800, ScriptKind.P2PKH)])
    new = Tx("new", [Coin("b", 900)], [Coin(key, 800, ScriptKind.P2WPKH)])
    with ledger_of(tmp_path, [old]) as ledger:
        ledger.chain = chain_named("bitcoin-regtest")
        update(ledger, RULES)
        append_blocks(ledger, [new], start=1)
        said = update(ledger, RULES)
        assert [h["links"] for h in said["heuristics"] if h["id"] == "same_key"] == [1]
        assert said["largest"] == 2
        a, b = key_of(ledger, key, ScriptKind.P2PKH), key_of(ledger, key, ScriptKind.P2WPKH)
        assert dict(ledger.db.rows("SELECT address_id, cluster_id FROM cluster")) == {a: a, b: a}
        assert current(ledger) is not None


def test_a_join_that_later_blocks_contradict_is_given_up_as_a_rebuild_would(tmp_path: Path) -> None:
    """Ann was joined to Bob, then each turns out to be another service's: what the chain shows stands."""
    first = Tx("first", [("x", 5_000)], [("ann1", 3_000), ("bob1", 1_900)])
    later = [
        Tx("ann's", [("ann1", 3_000), ("shop1", 500)], [("y", 3_000)]),
        Tx("bob's", [("bob1", 1_900), ("market1", 500)], [("y", 2_000)]),
    ]

    def bound(ledger: Ledger) -> Constraints:
        known = parties_of(ledger, shop1="shop", market1="market")
        return replace(known, overrides=(joined(ledger, "ann1", "bob1"),))

    seen = Tx("seen", [("z", 5_000)], [("shop1", 500), ("market1", 500)])
    with ledger_of(tmp_path, [seen, first]) as ledger:
        assert update(ledger, RULES, bound(ledger))["overrides"] == 1
        append_blocks(ledger, later, start=1)
        said = update(ledger, RULES, bound(ledger))
        assert (said["overrides"], said["refused"]) == (0, 1)
        assert together(ledger, "ann1", "shop1")
        assert together(ledger, "bob1", "market1")
        assert not together(ledger, "ann1", "bob1")
        stepwise = rows(ledger)
        assert build(ledger, RULES, bound(ledger)) == said
        assert rows(ledger) == stepwise
        assert [i.heuristic for i in review.items(ledger, 1)] == ["override_join"]


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0]])
def test_merges_and_refusals_are_the_same_in_whatever_order_blocks_were_read(
    tmp_path: Path, order: list[int]
) -> None:
    blocks = [
        [Tx("c", [("c1", 1), ("c2", 1)], [("q", 1)]), Tx("b", [("b1", 1), ("b2", 1)], [("q", 1)])],
        [Tx("a", [("a1", 1), ("a2", 1)], [("p3", 1), ("p1", 1), ("p2", 1)])],
        [
            Tx("all", [("b1", 1), ("a1", 1), ("c1", 1)], [("q", 1)]),
            Tx("two", [("p1", 1), ("p3", 1), ("p2", 1)], [("q", 1)]),
        ],
    ]
    found = []
    for folder, heights in (("ahead", [0, 1, 2]), ("other", order)):
        with ledger_of(tmp_path / folder, []) as ledger:
            ledger.db.run("DELETE FROM block")
            for height in heights:
                append_blocks(ledger, blocks[height], start=height)
            build(ledger, RULES, parties_of(ledger, p1="one", p2="two", p3="two"))
            names = ledger.render_addresses(range(12))
            merges = ledger.db.rows("SELECT tx_id, kept, merged, kept_size, merged_size FROM cluster_merge")
            refused = ledger.db.rows("SELECT tx_id, a, b, reason FROM refused_link")
            found.append(
                (
                    [(tx, names[a], names[b], *sizes) for tx, a, b, *sizes in merges],
                    [(tx, names[a], names[b], reason) for tx, a, b, reason in refused],
                )
            )
    assert found[0] == found[1]
    assert found[0][0]
    assert found[0][1]
