"""Building clusters: who is joined, who is kept apart, and that a rebuild gives the same rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rules
from tests.rules.ledger_of import Coin, Tx, append_blocks, block_hash, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering.build import Sizes, build
from tracer.clustering.lookup import cluster, clusters_of, members_among, name
from tracer.clustering.rules import RuleSet
from tracer.clustering.state import current, document
from tracer.errors import UsageError
from tracer.ledger.store import Ledger

RULES = rules.clustering()

PAIRS = [
    Tx("alice pays", [("alice1", 50_000), ("alice2", 40_000)], [("shop", 60_000), ("alice3", 29_000)]),
    Tx("bob pays", [("bob1", 9_000), ("bob1", 8_000)], [("shop", 16_000)]),
    Tx("alice again", [("alice3", 29_000), ("alice2", 5_000)], [("bar", 33_000)]),
]


def cluster_names(ledger: Ledger, *names: str, kind: ScriptKind = ScriptKind.P2WPKH) -> list[str]:
    """For each named address, the name of its cluster's earliest member."""
    ids = [ledger.find_address(AddressKey(kind, n.encode())) for n in names]
    assert None not in ids
    known = [i for i in ids if i is not None]
    found = clusters_of(ledger, known)
    texts = ledger.render_addresses(found.values())
    return [texts[found[i]].split(":")[1] for i in known]


def rows(ledger: Ledger) -> dict[str, list[tuple[Any, ...]]]:
    return {t: ledger.db.rows(f"SELECT * FROM {t}") for t in ("mix", "cluster", "cluster_member", "meta")}


def test_addresses_spent_together_are_one_cluster_named_by_the_earliest(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RULES)
        assert cluster_names(ledger, "alice1", "alice2", "alice3") == ["alice1"] * 3
        assert cluster_names(ledger, "bob1", "shop", "bar") == ["bob1", "shop", "bar"]


def test_the_document_has_the_keys_of_the_contract_and_counts_singletons(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        said = build(ledger, RULES)
    assert list(said)[:9] == [
        "schema", "as_of", "tier", "addresses", "clusters", "non_singleton", "largest", "transactions_used",
        "excluded",
    ]  # fmt: skip
    assert said["schema"] == "tracer.clustering/1"
    assert said["tier"] == "conservative"
    assert (said["addresses"], said["clusters"], said["non_singleton"], said["largest"]) == (6, 4, 1, 3)
    assert said["transactions_used"] == 2
    assert list(said["excluded"].items()) == [
        ("whirlpool_mix", 0), ("wasabi1", 0), ("wasabi2", 0), ("joinmarket", 0), ("other_mix", 0),
        ("mix_possible", 0), ("stonewall", 0), ("payjoin_possible", 0), ("mweb", 0),
    ]  # fmt: skip
    assert [(h["id"], h["links"]) for h in said["heuristics"]] == [
        ("co_spend", 2), ("same_key", 0), ("self_change", 0),
    ]  # fmt: skip
    assert (said["refused"], said["alarms"], said["overrides"]) == (0, 0, 0)
    assert said["as_of"][0]["block_hash"] == block_hash(0)[::-1].hex()
    assert said["as_of"][0]["clustering"] == {"tier": "conservative", "height": 0}


MIX = Tx(
    "joinmarket",
    [("maker1", 30_000_000), ("maker2", 25_000_000), ("taker", 41_000_000)],
    [("m1", 20_000_000), ("m2", 20_000_000), ("m3", 20_000_000), ("c1", 10_000_000), ("c2", 5_000_000)],
)


def test_the_participants_of_a_mix_are_not_joined_and_the_mix_is_kept(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [*PAIRS, MIX]) as ledger:
        said = build(ledger, RULES)
        assert cluster_names(ledger, "maker1", "maker2", "taker") == ["maker1", "maker2", "taker"]
        assert ledger.db.rows(
            "SELECT tx_id, kind, participants, denominations, confidence, apart, stops FROM mix"
        ) == [(3, "joinmarket", 3, [20_000_000], 49, True, True)]
    assert said["excluded"]["joinmarket"] == 1


def test_what_two_participants_spend_together_elsewhere_still_joins_them(tmp_path: Path) -> None:
    after = Tx("after", [("maker1", 5_000), ("m2", 20_000_000)], [("shop", 20_000_000)])
    with ledger_of(tmp_path, [MIX, after]) as ledger:
        build(ledger, RULES)
        assert cluster_names(ledger, "maker1", "m2", "maker2") == ["maker1", "maker1", "maker2"]


def test_without_detectors_every_co_spend_counts(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [*PAIRS, MIX]) as ledger:
        build(ledger, RuleSet((), RULES.heuristics))
        assert cluster_names(ledger, "maker1", "maker2", "taker") == ["maker1"] * 3


def test_an_output_anyone_can_spend_joins_nobody(tmp_path: Path) -> None:
    anyone = Coin("v16", 900, ScriptKind.WITNESS_UNKNOWN)
    bumps = [
        Tx("first", [("carol", 7_000), anyone], [("x", 7_000)]),
        Tx("second", [("dave", 7_000), anyone, Coin("a", 240, ScriptKind.ANCHOR)], [("y", 7_000)]),
    ]
    with ledger_of(tmp_path, bumps) as ledger:
        said = build(ledger, RULES)
        assert cluster_names(ledger, "carol", "dave") == ["carol", "dave"]
    assert said["transactions_used"] == 0


def test_inputs_that_were_not_read_join_nobody_and_are_said(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [Tx("unread", [("erin", 5_000), ("?", None)], [("x", 9_000)])]) as ledger:
        ledger.db.run("INSERT INTO pending_spend VALUES ('\\x01'::BLOB, 0, 0, 1)")
        build(ledger, RULES)
        state = current(ledger)
        assert state is not None
        assert cluster_names(ledger, "erin") == ["erin"]
        assert state.notes(RULES.digest) == [
            "1 inputs spend outputs that were not read: links may be missing"
        ]


def random_world(seed: int, count: int) -> list[Tx]:
    """Payments of random owners' coins among 60 addresses, some of them mix-shaped."""
    dice = random.Random(seed)
    txs = []
    for number in range(count):
        ins = [
            (f"a{dice.randrange(60)}", dice.choice([20_000, 50_000, 90_000]))
            for _ in range(dice.randint(1, 4))
        ]
        outs = [
            (f"a{dice.randrange(60)}", dice.choice([10_000, 15_000, 777])) for _ in range(dice.randint(1, 5))
        ]
        txs.append(Tx(f"tx{number}", ins, outs))
    return txs


@pytest.mark.parametrize(("threads", "sizes"), [(1, Sizes(1, 1)), (2, Sizes(7, 3)), (2, Sizes(1000, 64))])
def test_threads_and_batches_do_not_change_a_row(tmp_path: Path, threads: int, sizes: Sizes) -> None:
    world = random_world(seed=5, count=120)
    with ledger_of(tmp_path / "plain", world, per_block=9, threads=1) as plain:
        build(plain, RULES)
        expected = rows(plain)
    with ledger_of(tmp_path / "cut", world, per_block=9, threads=threads) as cut:
        build(cut, RULES, sizes=sizes)
        assert rows(cut) == expected
    assert expected["mix"]
    assert expected["cluster"]


def test_a_rebuild_gives_the_same_rows_and_document(tmp_path: Path) -> None:
    with ledger_of(tmp_path, random_world(seed=6, count=80), per_block=9) as ledger:
        first, kept = build(ledger, RULES), rows(ledger)
        assert build(ledger, RULES) == first
        assert rows(ledger) == kept


def test_tables_hold_every_member_of_a_shared_cluster_sorted_and_no_loner(tmp_path: Path) -> None:
    with ledger_of(tmp_path, random_world(seed=7, count=40), per_block=9) as ledger:
        said = build(ledger, RULES)
        by_address = ledger.db.rows("SELECT address_id, cluster_id FROM cluster")
        by_cluster = ledger.db.rows("SELECT cluster_id, address_id FROM cluster_member")
    assert by_address == sorted(by_address)
    assert by_cluster == sorted((c, a) for a, c in by_address)
    sizes = [sum(c == wanted for _, c in by_address) for wanted in {c for _, c in by_address}]
    assert min(sizes) >= 2
    assert max(sizes) == said["largest"]
    assert said["clusters"] == said["addresses"] - len(by_address) + len(sizes)


def test_progress_counts_transactions_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with ledger_of(tmp_path, random_world(seed=8, count=30), per_block=10) as ledger:
        build(
            ledger,
            RULES,
            progress=lambda done, total: seen.append((done, total)),
            sizes=Sizes(transactions=10),
        )
    assert seen == [(10, 30), (20, 30), (30, 30)]


# What was built, and whether it still holds


def test_nothing_built_is_none(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        assert current(ledger) is None


def test_new_blocks_leave_the_clusters_behind_the_tip(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        said = build(ledger, RULES)
        at_tip = current(ledger)
        assert at_tip is not None
        assert at_tip.at_tip
        assert at_tip.notes(RULES.digest) == []
        append_blocks(ledger, [Tx("later", [("alice1", 5), ("new", 6)], [("shop", 9)])], start=1)
        state = current(ledger)
        assert state is not None
        assert (state.height, state.behind, state.valid, state.at_tip) == (0, 1, True, False)
        assert state.notes(RULES.digest) == ["clusters end at block 0, 1 blocks below the tip"]
        assert document(ledger, state) == said


def test_a_reorg_below_the_clustered_height_makes_them_invalid(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RULES)
        ledger.db.run("UPDATE block SET hash = $hash", {"hash": block_hash(99)})
        state = current(ledger)
        assert state is not None
        assert not state.valid
        assert state.notes(RULES.digest) == ["clusters were built on facts that changed since; rebuild them"]


def test_a_spent_output_read_later_makes_them_invalid_though_the_tip_stands(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [Tx("unread", [("erin", 5_000), ("?", None)], [("x", 9_000)])]) as ledger:
        ledger.db.run("INSERT INTO pending_spend VALUES ('\\x01'::BLOB, 0, 0, 1)")
        build(ledger, RULES)
        ledger.db.run("DELETE FROM pending_spend")
        state = current(ledger)
        assert state is not None
        assert not state.valid


def test_other_rules_are_said(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RuleSet((), RULES.heuristics))
        state = current(ledger)
        assert state is not None
        assert state.notes(RULES.digest) == ["clusters were built with other rules; rebuild them"]


def test_an_empty_store_is_a_usage_error_that_names_the_next_step(tmp_path: Path) -> None:
    with ledger_of(tmp_path, []) as ledger:
        ledger.db.run("DELETE FROM block")
        with pytest.raises(UsageError, match="tracer sync bitcoin-regtest"):
            build(ledger, RULES)


def test_a_detector_that_fails_leaves_the_links_as_they_were(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [*PAIRS, MIX]) as ledger:
        build(ledger, RULES)
        before = rows(ledger)

        def stop(_done: int, _total: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            build(ledger, RuleSet((), RULES.heuristics), progress=stop)
        assert rows(ledger) == before


# Showing a cluster


def test_a_cluster_shows_its_name_size_and_first_members(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RULES)
        state = current(ledger)
        assert state is not None
        alice3 = ledger.find_address(AddressKey(ScriptKind.P2WPKH, b"alice3"))
        assert alice3 is not None
        found = cluster(ledger, alice3, state, limit=2)
        assert (found.name, found.size) == ("cluster:P2WPKH:alice1@0", 3)
        assert found.members == ("P2WPKH:alice1", "P2WPKH:alice2")
        assert name(ledger, found.id, 7) == "cluster:P2WPKH:alice1@7"


def test_an_address_alone_is_its_own_cluster(tmp_path: Path) -> None:
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RULES)
        state = current(ledger)
        shop = ledger.find_address(AddressKey(ScriptKind.P2WPKH, b"shop"))
        assert state is not None
        assert shop is not None
        found = cluster(ledger, shop, state, limit=10)
        assert (found.name, found.size, found.members) == ("cluster:P2WPKH:shop@0", 1, ("P2WPKH:shop",))


def test_a_cluster_is_named_by_the_chain_not_by_the_order_of_reading(tmp_path: Path) -> None:
    first = Tx("first", [("old", 9)], [("z", 4), ("older friend", 4)])
    later = Tx("later", [("z", 4), ("older friend", 4), ("young", 1)], [("shop", 8)])
    names, members = [], []
    for folder, order in (("ahead", [(0, first), (1, later)]), ("backfilled", [(1, later), (0, first)])):
        with ledger_of(tmp_path / folder, []) as ledger:
            ledger.db.run("DELETE FROM block")
            for height, tx in order:
                append_blocks(ledger, [tx], start=height)
            build(ledger, RULES)
            state, young = current(ledger), ledger.find_address(AddressKey(ScriptKind.P2WPKH, b"young"))
            assert state is not None
            assert young is not None
            found = cluster(ledger, young, state, limit=9)
            names.append(found.name)
            members.append(found.members)
    assert names == ["cluster:P2WPKH:z@1"] * 2
    assert members == [("P2WPKH:z", "P2WPKH:older friend", "P2WPKH:young")] * 2


def test_blocks_read_later_below_the_clustered_height_make_the_clusters_invalid(tmp_path: Path) -> None:
    with ledger_of(tmp_path, []) as ledger:
        ledger.db.run("DELETE FROM block")
        append_blocks(ledger, PAIRS[:1], start=5)
        build(ledger, RULES)
        append_blocks(ledger, PAIRS[1:], start=2)
        append_blocks(ledger, [], start=6)
        state = current(ledger)
        assert state is not None
        assert (state.behind, state.valid) == (1, False)


def test_tagged_members_are_found_in_a_cluster_and_in_a_lone_address(tmp_path: Path) -> None:
    claims = pl.DataFrame(
        {
            "kind": [int(ScriptKind.P2WPKH)] * 3 + [int(ScriptKind.P2PKH)],
            "payload": [b"bob1", b"alice3", b"shop", b"alice1"],
            "label": ["bob", "alice", "shop", "another script of the same bytes"],
        },
        schema_overrides={"kind": pl.UInt8},
    )
    with ledger_of(tmp_path, PAIRS) as ledger:
        build(ledger, RULES)
        alice, shop = (ledger.find_address(AddressKey(ScriptKind.P2WPKH, n)) for n in (b"alice1", b"shop"))
        assert alice is not None
        assert shop is not None
        assert members_among(ledger, alice, claims)["label"].to_list() == ["alice"]
        assert members_among(ledger, shop, claims)["label"].to_list() == ["shop"]
        assert members_among(ledger, alice, claims.clear()).height == 0
