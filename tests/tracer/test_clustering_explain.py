"""Explaining a cluster: the shortest chain of links, what may stand in it, and what kept two addresses apart."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import rules
from adapters.bitcoin.chains import chain_named
from tests.conftest import scaled
from tests.rules.ledger_of import Coin, Tx, append_blocks, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering import state as states
from tracer.clustering.build import build
from tracer.clustering.constraints import Constraints, Override, none
from tracer.clustering.explain import explain
from tracer.clustering.leads import LIMIT, leads
from tracer.clustering.rules import Tier
from tracer.errors import StoreDamaged
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

RULES = rules.clustering()


def spend(name: str, *owners: str) -> Tx:
    """A transaction that spends coins of these owners, to nobody that matters."""
    return Tx(name, [(owner, 50_000) for owner in owners], [("shop", 40_000)])


def txid(name: str) -> str:
    return hashlib.sha256(name.encode()).digest()[::-1].hex()


def id_of(ledger: Ledger, name: str, kind: ScriptKind = ScriptKind.P2WPKH) -> int:
    found = ledger.find_address(AddressKey(kind, name.encode()))
    assert found is not None
    return found


def bound(
    ledger: Ledger, overrides: Iterable[Override] = (), parties: dict[str, str] | None = None
) -> Constraints:
    """Claims that give addresses to parties, and analysts' overrides."""
    parties = parties or {}
    names = sorted(set(parties.values()))
    rows = sorted((id_of(ledger, owner), names.index(party) + 1) for owner, party in parties.items())
    known = pl.DataFrame(rows, schema={"address_id": pl.Int32, "party": pl.Int32}, orient="row")
    said = tuple(overrides)
    cuts = tuple(o.tx_id for o in said if o.tx_id is not None)
    return Constraints(known, none().hot, tuple(names), said, cuts, "sha256:claims", "sha256:claims")


def word(ledger: Ledger, kind: Any, a: str, b: str, tx_id: int | None = None) -> Override:
    return Override(
        f"claim {kind} {a} {b}",
        kind,
        id_of(ledger, a),
        id_of(ledger, b),
        tx_id,
        "Ada",
        "seen it",
        "2024-01-02",
    )


def links(
    ledger: Ledger, a: int, b: int, overrides: Sequence[Override] = (), tier: Tier = Tier.CONSERVATIVE
) -> list[dict[str, Any]] | None:
    state = states.current(ledger, tier)
    assert state is not None
    return explain(ledger, state, a, b, RULES, bound(ledger, overrides))


def way(ledger: Ledger, a: str, b: str, **how: Any) -> list[tuple[str, str, str | None]]:
    """From, to and transaction of each link; addresses by their names."""
    found = links(ledger, id_of(ledger, a), id_of(ledger, b), **how)
    assert found is not None
    return [(x["from"].split(":")[1], x["to"].split(":")[1], x["txid"]) for x in found]


def test_two_addresses_spent_together_are_joined_by_that_transaction(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [spend("other", "x", "y"), spend("both", "c", "a", "b")], per_block=1) as ledger:
        build(ledger, RULES)
        assert links(ledger, id_of(ledger, "b"), id_of(ledger, "c")) == [
            {
                "from": "P2WPKH:b", "to": "P2WPKH:c", "txid": txid("both"), "vin_from": 2, "vin_to": 0, "height": 1,
                "time": "2009-01-03T18:25:05Z", "script": "P2WPKH",
                "heuristic": {"id": "co_spend", "version": 1, "tier": "conservative"},
                "agreed": ["co_spend"], "confidence": 95, "error_rate": None, "override": None,
            }
        ]  # fmt: skip


CHAIN = [spend("one", "a", "b"), spend("two", "c", "b"), spend("three", "c", "d")]


def test_a_chain_of_three_transactions_joins_addresses_that_never_met(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        build(ledger, RULES)
        there = way(ledger, "a", "d")
        back = way(ledger, "d", "a")
    assert there == [("a", "b", txid("one")), ("b", "c", txid("two")), ("c", "d", txid("three"))]
    assert back == [(b, a, tx) for a, b, tx in reversed(there)]


def test_a_shorter_way_through_a_later_transaction_is_taken(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [*CHAIN, spend("four", "d", "a")]) as ledger:
        build(ledger, RULES)
        assert way(ledger, "a", "d") == [("a", "d", txid("four"))]


def test_of_equally_short_ways_the_next_link_is_the_earliest_each_time(tmp_path: Path) -> None:
    square = [spend("ax", "a", "x"), spend("ay", "a", "y"), spend("yb", "y", "b"), spend("xb", "x", "b")]
    with ledger_of(tmp_path, square) as ledger:
        build(ledger, RULES)
        assert way(ledger, "a", "b") == [("a", "x", txid("ax")), ("x", "b", txid("xb"))]
        assert way(ledger, "b", "a") == [("b", "y", txid("yb")), ("y", "a", txid("ay"))]


def test_of_one_transaction_the_lowest_input_is_taken(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [spend("t", "z", "a", "y", "a"), spend("u", "b", "y", "z")]) as ledger:
        build(ledger, RULES)
        found = links(ledger, id_of(ledger, "a"), id_of(ledger, "b"))
    assert found is not None
    assert [(x["to"], x["vin_from"], x["vin_to"]) for x in found] == [("P2WPKH:z", 1, 0), ("P2WPKH:b", 2, 0)]


MIX = Tx(
    "joinmarket",
    [("maker1", 30_000_000), ("maker2", 25_000_000), ("taker", 41_000_000)],
    [("m1", 20_000_000), ("m2", 20_000_000), ("m3", 20_000_000), ("c1", 10_000_000), ("c2", 5_000_000)],
)


def test_a_mix_is_no_link_even_where_it_were_shorter(tmp_path: Path) -> None:
    txs = [MIX, spend("one", "maker1", "friend"), spend("two", "friend", "maker2")]
    with ledger_of(tmp_path, txs) as ledger:
        build(ledger, RULES)
        assert [tx for *_, tx in way(ledger, "maker1", "maker2")] == [txid("one"), txid("two")]


def test_a_refused_transaction_is_no_link_even_where_it_were_shorter(tmp_path: Path) -> None:
    txs = [spend("trade", "a", "b", "acme", "bolt"), *CHAIN]
    with ledger_of(tmp_path, txs) as ledger:
        build(ledger, RULES, bound(ledger, parties={"acme": "Acme", "bolt": "Bolt"}))
        assert [tx for *_, tx in way(ledger, "a", "c")] == [txid("one"), txid("two")]
        assert links(ledger, id_of(ledger, "acme"), id_of(ledger, "a")) is None


def test_an_input_that_anyone_can_spend_is_no_link(tmp_path: Path) -> None:
    anyone = Coin("v16", 900, ScriptKind.WITNESS_UNKNOWN)
    txs = [
        Tx("first", [("carol", 7_000), anyone], [("x", 7_000)]),
        Tx("second", [("dave", 7_000), anyone], [("y", 7_000)]),
    ]
    with ledger_of(tmp_path, txs) as ledger:
        build(ledger, RULES)
        assert links(ledger, id_of(ledger, "carol"), id_of(ledger, "dave")) is None


def test_a_split_at_a_transaction_takes_that_transaction_out(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [spend("shared", "a", "c", "x"), *CHAIN]) as ledger:
        cut = [word(ledger, "split", "x", "a", tx_id=0)]
        build(ledger, RULES, bound(ledger, cut))
        assert [tx for *_, tx in way(ledger, "a", "c", overrides=cut)] == [txid("one"), txid("two")]


def test_an_analysts_join_is_a_link_with_author_and_reason_and_no_transaction(tmp_path: Path) -> None:
    with ledger_of(tmp_path, [*CHAIN, spend("far", "p", "q")]) as ledger:
        joins = [word(ledger, "join", "p", "b")]
        build(ledger, RULES, bound(ledger, joins))
        found = links(ledger, id_of(ledger, "q"), id_of(ledger, "a"), joins)
    assert found is not None
    assert [x["txid"] for x in found] == [txid("far"), None, txid("one")]
    assert found[1] == {
        "from": "P2WPKH:p", "to": "P2WPKH:b", "txid": None, "vin_from": None, "vin_to": None, "height": None,
        "time": None, "script": None, "heuristic": {"id": "override_join", "version": 1, "tier": "conservative"},
        "agreed": ["override_join"], "confidence": None, "error_rate": None,
        "override": {"claim": "claim join p b", "author": "Ada", "reason": "seen it", "said_at": "2024-01-02"},
    }  # fmt: skip


def test_a_transaction_is_taken_before_an_analysts_word_on_the_same_two(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        joins = [word(ledger, "join", "a", "b")]
        build(ledger, RULES, bound(ledger, joins))
        assert way(ledger, "a", "b", overrides=joins) == [("a", "b", txid("one"))]


def test_two_addresses_of_one_key_are_joined_from_the_transaction_on_that_shows_the_later(
    tmp_path: Path,
) -> None:
    key, friend = "k" * 20, "f" * 20
    old, new = Coin(key, 70_000, ScriptKind.P2PKH), Coin(key, 60_000, ScriptKind.P2WPKH)
    txs = [Tx("legacy", [old, (friend, 1_000)], [new]), Tx("segwit", [new], [(friend, 50_000)])]
    chain = chain_named("bitcoin-regtest")
    with ledger_of(tmp_path, txs, per_block=1):
        pass
    with Ledger.open(Workspace(tmp_path), chain, read_only=False) as ledger:  # a chain that knows of keys
        build(ledger, RULES)
        found = links(ledger, id_of(ledger, friend), id_of(ledger, key))
    legacy = chain.render_address(AddressKey(ScriptKind.P2PKH, key.encode()))
    segwit = chain.render_address(AddressKey(ScriptKind.P2WPKH, key.encode()))
    assert found is not None
    assert [(x["to"], x["txid"], x["vin_to"], x["heuristic"]["id"]) for x in found] == [
        (legacy, txid("legacy"), 0, "co_spend"),
        (segwit, txid("legacy"), None, "same_key"),
    ]
    same_key = RULES.heuristic("same_key")
    assert same_key is not None
    assert found[1]["confidence"] == same_key.confidence


def overlaid(ledger: Ledger, a: str, b: str, tx_id: int) -> None:
    """An overlay of one link: b's cluster joins a's, which was seen earlier."""
    heads = [states_head(ledger, name) for name in (a, b)]
    ledger.db.run(
        "INSERT INTO overlay_link VALUES ($tx, $a, $b, 'agreed_change', 'fresh_address round_value', 80)",
        {"tx": tx_id, "a": id_of(ledger, a), "b": id_of(ledger, b)},
    )
    ledger.db.run("INSERT INTO overlay VALUES ($b, $a)", {"a": heads[0], "b": heads[1]})
    for head in heads:
        ledger.db.run("INSERT INTO overlay_member VALUES ($a, $head)", {"a": heads[0], "head": head})
    base = states.current(ledger)
    assert base is not None
    states.write(ledger, replace(base.recorded, tier="extended"))


def states_head(ledger: Ledger, name: str) -> int:
    found = ledger.db.value(
        "SELECT coalesce(max(cluster_id), $id) FROM cluster WHERE address_id = $id",
        {"id": id_of(ledger, name)},
    )
    assert isinstance(found, int)
    return found


def test_the_extended_tier_adds_its_links_and_says_which_heuristics_agreed(tmp_path: Path) -> None:
    txs = [*CHAIN, spend("later", "p", "q"), spend("lone", "alone")]
    with ledger_of(tmp_path, txs) as ledger:
        build(ledger, RULES)
        overlaid(ledger, "d", "p", tx_id=2)
        assert links(ledger, id_of(ledger, "c"), id_of(ledger, "q")) is None
        found = links(ledger, id_of(ledger, "q"), id_of(ledger, "c"), tier=Tier.EXTENDED)
        assert links(ledger, id_of(ledger, "q"), id_of(ledger, "alone"), tier=Tier.EXTENDED) is None
    assert found is not None
    assert [x["txid"] for x in found] == [txid("later"), txid("three"), txid("three")]
    assert [x["heuristic"]["id"] for x in found] == ["co_spend", "agreed_change", "co_spend"]
    assert (found[1]["from"], found[1]["to"]) == ("P2WPKH:p", "P2WPKH:d")
    assert (found[1]["agreed"], found[1]["confidence"]) == (["fresh_address", "round_value"], 80)
    assert found[1]["heuristic"]["tier"] == "extended"


def test_blocks_above_the_clustered_height_join_nothing(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        build(ledger, RULES)
        append_blocks(ledger, [spend("direct", "a", "d"), spend("new", "d", "young")], start=1)
        assert len(way(ledger, "a", "d")) == 3
        assert links(ledger, id_of(ledger, "d"), id_of(ledger, "young")) is None


def test_a_cluster_that_no_transaction_shows_is_a_damaged_store(tmp_path: Path) -> None:
    with ledger_of(tmp_path, CHAIN) as ledger:
        build(ledger, RULES)
        ledger.db.run("DELETE FROM txin WHERE tx_id = 1")
        with pytest.raises(StoreDamaged, match="join two addresses that its transactions do not join"):
            links(ledger, id_of(ledger, "a"), id_of(ledger, "d"))


# What kept two clusters apart


def test_leads_are_the_transactions_both_were_spent_in_each_with_its_reason(tmp_path: Path) -> None:
    anyone = Coin("v16", 900, ScriptKind.WITNESS_UNKNOWN)
    txs = [
        spend("of friends", "friend", "b", "acme", "bolt"),
        Tx("joinmarket", [("a", 30_000_000), ("b", 25_000_000), ("taker", 41_000_000)], MIX.outputs),
        spend("trade", "a", "acme", "b", "bolt"),
        spend("shared", "b", "x", "a"),
        spend("friends", "a", "friend"),
        Tx("bump", [anyone, ("a", 7_000)], [("x", 7_000)]),
    ]
    with ledger_of(tmp_path, txs) as ledger:
        bounds = bound(ledger, [word(ledger, "split", "a", "b", tx_id=3)], {"acme": "Acme", "bolt": "Bolt"})
        build(ledger, RULES, bounds)
        state = states.current(ledger)
        assert state is not None
        found = leads(ledger, state, id_of(ledger, "a"), id_of(ledger, "b"), bounds, RULES)
        other = leads(
            ledger, state, id_of(ledger, "a"), id_of(ledger, "v16", ScriptKind.WITNESS_UNKNOWN), bounds, RULES
        )
    assert found.total == 4
    assert [(x["txid"], x["why"], x["from"], x["to"], x["vin_from"], x["vin_to"]) for x in found.shown] == [
        (txid("joinmarket"), "mix", "P2WPKH:a", "P2WPKH:b", 0, 1),
        (txid("trade"), "refused", "P2WPKH:a", "P2WPKH:b", 0, 2),
        (txid("shared"), "split", "P2WPKH:a", "P2WPKH:b", 2, 0),
        (txid("of friends"), "refused", "P2WPKH:friend", "P2WPKH:b", 0, 1),
    ]
    assert found.shown[0]["mix"] == {"kind": "joinmarket", "participants": 3, "confidence": 49}
    assert found.shown[1]["refused"] == {
        "heuristic": "co_spend", "reason": "different_parties",
        "between": [
            {"address": "P2WPKH:acme", "parties": ["Acme"]}, {"address": "P2WPKH:bolt", "parties": ["Bolt"]},
        ],
    }  # fmt: skip
    assert found.shown[2]["override"]["author"] == "Ada"
    assert [x["why"] for x in other.shown] == ["anyone_can_spend"]


def test_refused_evidence_of_the_extended_tier_is_a_lead_only_where_that_tier_was_asked(
    tmp_path: Path,
) -> None:
    with ledger_of(tmp_path, [*CHAIN, spend("later", "p", "q")]) as ledger:
        build(ledger, RULES)
        ledger.db.run(
            "INSERT INTO refused_link VALUES ('extended', 2, 'agreed_change', $d, $p, 'payer_payee')",
            {"d": id_of(ledger, "d"), "p": id_of(ledger, "p")},
        )
        base = states.current(ledger)
        assert base is not None
        extended = replace(base, recorded=replace(base.recorded, tier="extended"))
        a, q = id_of(ledger, "a"), id_of(ledger, "q")
        assert leads(ledger, base, a, q, none(), RULES).shown == []
        (lead,) = leads(ledger, extended, q, a, none(), RULES).shown
    assert (lead["txid"], lead["from"], lead["to"]) == (txid("three"), "P2WPKH:p", "P2WPKH:d")
    assert (lead["why"], lead["refused"]["reason"], lead["vin_from"]) == ("refused", "payer_payee", None)


def test_no_more_leads_are_listed_than_a_person_reads_and_the_others_are_counted(tmp_path: Path) -> None:
    txs = [spend(f"trade {n}", "a", "b", "acme", "bolt") for n in range(LIMIT + 5)]
    with ledger_of(tmp_path, txs) as ledger:
        bounds = bound(ledger, parties={"acme": "Acme", "bolt": "Bolt"})
        build(ledger, RULES, bounds)
        state = states.current(ledger)
        assert state is not None
        found = leads(ledger, state, id_of(ledger, "a"), id_of(ledger, "b"), bounds, RULES)
    assert (len(found.shown), found.total) == (LIMIT, LIMIT + 5)
    assert [x["txid"] for x in found.shown] == [txid(f"trade {n}") for n in range(LIMIT)]


# Against a search in plain Python


def links_between(spent: Iterable[Sequence[str]], a: str, b: str) -> int | None:
    """Fewest transactions from a to b, breadth first over sets of names."""
    seen, queue = {a: 0}, deque([a])
    while queue:
        name = queue.popleft()
        for owners in spent:
            if name in owners:
                for other in set(owners) - seen.keys():
                    seen[other] = seen[name] + 1
                    queue.append(other)
    return seen.get(b)


def random_spends(seed: int) -> dict[str, list[str]]:
    """The owners of the inputs of some transactions, by the transaction's name."""
    dice = random.Random(seed)
    names = [f"a{n}" for n in range(dice.randint(3, 25))]
    return {f"t{n}": dice.choices(names, k=dice.choice([1, 2, 2, 2, 3])) for n in range(dice.randint(1, 30))}


@settings(
    max_examples=scaled(4, full=10),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 10_000))
def test_the_length_is_that_of_a_plain_search_and_every_link_exists(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    world = random_spends(seed)
    spent = {txid(name): owners for name, owners in world.items()}
    names = sorted({owner for owners in world.values() for owner in owners})
    assume(len(names) > 1)
    folder = tmp_path_factory.mktemp("world")
    with ledger_of(folder, [spend(name, *owners) for name, owners in world.items()], per_block=7) as ledger:
        build(ledger, RULES)
        for a, b in random.Random(seed).choices(list(itertools.permutations(names, 2)), k=25):
            found = links(ledger, id_of(ledger, a), id_of(ledger, b))
            assert (None if found is None else len(found)) == links_between(world.values(), a, b)
            at = f"P2WPKH:{a}"
            for link in found or []:
                assert link["from"] == at
                at = link["to"]
                owners = spent[link["txid"]]
                assert f"P2WPKH:{owners[link['vin_from']]}" == link["from"]
                assert f"P2WPKH:{owners[link['vin_to']]}" == at
            assert found is None or at == f"P2WPKH:{b}"


def test_threads_and_the_order_of_reading_change_nothing(tmp_path: Path) -> None:
    dice = random.Random(3)
    names = [f"a{n}" for n in range(18)]
    blocks = [
        [spend(f"t{h}-{n}", names[3 * h + n], *dice.sample(names, 1)) for n in range(3)] for h in range(6)
    ]
    told = []
    for folder, threads, heights in (("1", 1, range(6)), ("2", 2, range(6)), ("back", 2, range(5, -1, -1))):
        with ledger_of(tmp_path / folder, [], threads=threads) as ledger:
            ledger.db.run("DELETE FROM block")
            for height in heights:
                append_blocks(ledger, blocks[height], start=height)
            build(ledger, RULES)
            pairs = list(itertools.permutations(names, 2))[::6]
            told.append([links(ledger, id_of(ledger, a), id_of(ledger, b)) for a, b in pairs])
    assert told[0] == told[1] == told[2]
    assert max(len(found) for found in told[0] if found) > 2


def test_of_equal_words_the_address_decides_not_the_order_of_reading(tmp_path: Path) -> None:
    alone = [spend(f"t {name}", name) for name in ("p", "r", "s", "q")]
    told = []
    for folder, heights in (("ahead", range(4)), ("back", range(3, -1, -1))):
        with ledger_of(tmp_path / folder, []) as ledger:
            ledger.db.run("DELETE FROM block")
            for height in heights:
                append_blocks(ledger, [alone[height]], start=height)
            joins = [word(ledger, "join", *two) for two in ("sp", "pr", "qs", "rq")]
            build(ledger, RULES, bound(ledger, joins))
            told.append(
                [way(ledger, "p", "q", overrides=joins), way(ledger, "q", "p", overrides=joins[::-1])]
            )
    assert told[0] == told[1]
    assert told[0] == [[("p", "r", None), ("r", "q", None)], [("q", "r", None), ("r", "p", None)]]
