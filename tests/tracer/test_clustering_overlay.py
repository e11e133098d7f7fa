"""The extended tier: which change and deposits are taken, what a constraint forbids, what waits for review."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import rules
from tests.rules.ledger_of import Coin, Tx, append_blocks, ledger_of
from tests.tracer.test_clustering_update import key_of, split
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering import constraints as claims
from tracer.clustering import overlay, review
from tracer.clustering.build import build, update
from tracer.clustering.constraints import Constraints
from tracer.clustering.lookup import cluster, clusters_of
from tracer.clustering.rules import Tier
from tracer.clustering.state import current
from tracer.errors import UsageError
from tracer.ledger.store import Ledger

RULES = rules.clustering()
P2PKH, P2WPKH, P2TR = ScriptKind.P2PKH, ScriptKind.P2WPKH, ScriptKind.P2TR


def spends(ledger: Ledger) -> None:
    """Note which input spends which output: the last one before it to the same address with the same value."""
    ledger.db.run(
        """UPDATE txin SET prev_tx_id = o.tx_id, prev_vout = o.vout FROM txout AS o
           WHERE o.address_id = txin.address_id AND o.value = txin.value AND o.tx_id < txin.tx_id"""
    )
    ledger.db.run(
        """INSERT INTO spend SELECT prev_tx_id, prev_vout, tx_id, vin FROM txin
           WHERE prev_tx_id IS NOT NULL ORDER BY ALL"""
    )


def hot(ledger: Ledger, **parties: str) -> Constraints:
    names = tuple(sorted(set(parties.values())))
    rows = sorted((key_of(ledger, name), names.index(party) + 1) for name, party in parties.items())
    frame = pl.DataFrame(rows, schema={"address_id": pl.Int32, "party": pl.Int32}, orient="row")
    return Constraints(frame, frame, names, (), (), "sha256:hot", "")


def built(ledger: Ledger, bound: Constraints | None = None) -> dict[str, Any]:
    spends(ledger)
    build(ledger, RULES, bound)
    return overlay.build(ledger, RULES, bound)


def together(ledger: Ledger, *names: str, tier: Tier = Tier.EXTENDED) -> bool:
    return len(set(clusters_of(ledger, [key_of(ledger, name) for name in names], tier).values())) == 1


@dataclass(frozen=True)
class Payment:
    """A payment of one coin, and what became of its outputs."""

    name: str
    txs: list[Tx]
    change: str | None


def legacy(owner: str, sat: int) -> Coin:
    return Coin(owner, sat, P2PKH)


PAYMENTS = [
    Payment(
        "script kind and a spender that writes alike",
        [
            Tx("pay", [("ann", 90_001)], [("change", 50_001), legacy("shop", 39_003)]),
            Tx("on", [("change", 50_001)], [("else", 50_000)]),
            Tx("shop spends", [legacy("shop", 39_003)], [("x", 39_000)]),
        ],
        "change",
    ),
    Payment(
        "script kind alone is not enough",
        [Tx("pay", [("ann", 90_001)], [("change", 50_001), legacy("shop", 39_003)])],
        None,
    ),
    Payment(
        "two of one family are one: not below the least input, and round",
        [
            Tx(
                "pay",
                [("ann", 4_000_001), ("ann2", 3_000_001)],
                [("change", 1_500_001), ("shop", 5_000_000)],
            )
        ],
        None,
    ),
    Payment(
        "amount and script kind",
        [
            Tx(
                "pay",
                [("ann", 4_000_001), ("ann2", 3_000_001)],
                [("change", 1_500_001), legacy("shop", 5_000_000)],
            )
        ],
        "change",
    ),
    Payment(
        "amount and script kind, but the address was seen before and the other was not",
        [
            Tx("before", [("z", 700)], [("change", 600)]),
            Tx(
                "pay",
                [("ann", 4_000_001), ("ann2", 3_000_001)],
                [("change", 1_500_001), legacy("shop", 5_000_000)],
            ),
        ],
        None,
    ),
    Payment(
        "amount and script kind, but another output is the payer's own",
        [
            Tx(
                "pay",
                [("ann", 4_000_001), ("ann2", 3_000_001)],
                [("change", 1_500_001), ("ann", 5_000_000), legacy("shop", 400_000)],
            )
        ],
        None,
    ),
    Payment(
        "amount and script kind agree on one output, the spender speaks against it",
        [
            Tx(
                "pay",
                [("ann", 4_000_001), ("ann2", 3_000_001)],
                [("change", 1_500_001), legacy("shop", 5_000_000)],
            ),
            Tx("on", [("change", 1_500_001), Coin("w", 5, P2TR)], [("else", 1_000_000)]),
        ],
        None,
    ),
]


@pytest.mark.parametrize("payment", PAYMENTS, ids=lambda p: p.name)
def test_change_needs_two_families_and_nothing_against(tmp_path: Path, payment: Payment) -> None:
    with ledger_of(tmp_path, payment.txs) as ledger:
        built(ledger)
        found = ledger.db.rows("SELECT a, b, heuristic FROM overlay_link WHERE tx_id < 1000")
        named = ledger.render_addresses(i for a, b, _ in found for i in (a, b))
        of_payment = [(named[a], named[b], h) for a, b, h in found if named[a] == "P2WPKH:ann"]
        expected = [("P2WPKH:ann", f"P2WPKH:{payment.change}", "agreed_change")] if payment.change else []
        assert of_payment == expected
        assert not together(ledger, "ann", "change", tier=Tier.CONSERVATIVE)
        assert together(ledger, "ann", "change") == bool(payment.change)


def test_payer_and_payee_stay_apart_whatever_a_later_payment_suggests(tmp_path: Path) -> None:
    """Ann's change is known, so the shop she paid is not she; the shop's 'change' to her is refused."""
    pay = [
        Tx(
            "pay",
            [("ann", 4_000_001), ("ann2", 3_000_001)],
            [("change", 1_500_001), legacy("shop", 5_000_000)],
        ),
        Tx("merge", [("fresh", 700_000), ("ann", 9_000)], [("x", 700_000)]),
    ]
    back = Tx(
        "back",
        [legacy("shop", 4_000_001), legacy("shop2", 3_000_001)],
        [Coin("later", 1_500_001, P2PKH), ("y", 5_000_000)],
    )
    tie = Tx("tie", [Coin("later", 1_500_001, P2PKH), Coin("ann3", 8_000, P2PKH)], [legacy("q", 1_000_000)])
    own = Tx("own", [Coin("ann3", 9_000, P2PKH), ("ann", 9_000)], [("z", 9_000)])
    with ledger_of(tmp_path, [*pay, back, tie, own]) as ledger:
        said = built(ledger)
        shop = ledger.find_address(AddressKey(P2PKH, b"shop"))
        assert shop is not None
        found = clusters_of(ledger, [shop, key_of(ledger, "ann")], Tier.EXTENDED)
        assert len(set(found.values())) == 2
        assert said["refused"] == 1
        waiting = review.items(ledger, 0)
        assert [(i.tier, i.reason, i.heuristic) for i in waiting] == [
            ("extended", "payer_payee", "agreed_change")
        ]


SWEEPS = [
    Tx("deposit 1", [("cust1", 9_000)], [("dep1", 5_000)]),
    Tx("deposit 2", [("cust2", 9_000)], [("dep2", 6_000)]),
    Tx("sweep 1", [("dep1", 5_000)], [("hot", 4_900)]),
    Tx("sweep 2", [("dep2", 6_000)], [("hot", 5_900)]),
    Tx("payout", [("hot", 4_900)], [("cust3", 2_000), ("hot", 2_800)]),
]


def test_deposit_addresses_are_the_services_and_customers_are_not(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        built(ledger, hot(ledger, hot="exchange"))
        assert together(ledger, "hot", "dep1", "dep2")
        assert not together(ledger, "hot", "cust1")
        assert not together(ledger, "hot", "dep1", tier=Tier.CONSERVATIVE)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("it also pays somebody else", Tx("elsewhere", [("dep1", 700)], [("friend", 600)])),
        ("it also pays another service", Tx("elsewhere", [("dep1", 700)], [("rival", 600)])),
        (
            "a sweep that pays somebody beside",
            Tx("sweep", [("dep1", 900)], [("hot", 400), ("friend", 400)]),
        ),
    ],
)
def test_an_address_that_spends_elsewhere_is_no_deposit_address(tmp_path: Path, name: str, more: Tx) -> None:
    first = Tx("rival seen", [("z", 10)], [("rival", 5)])
    with ledger_of(tmp_path, [first, *SWEEPS, more]) as ledger:
        built(ledger, hot(ledger, hot="exchange", rival="rival"))
        assert not together(ledger, "hot", "dep1")
        assert together(ledger, "hot", "dep2")


def test_a_split_pair_stays_apart_here_too(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        bound = replace(hot(ledger, hot="exchange"), overrides=(split(ledger, "hot", "dep1"),))
        assert built(ledger, bound)["refused"] == 1
        assert not together(ledger, "hot", "dep1")
        assert together(ledger, "hot", "dep2")


def test_change_of_somebody_unknown_never_takes_in_a_known_service(tmp_path: Path) -> None:
    txs = [
        Tx("pay", [("ann", 4_000_001), ("ann2", 3_000_001)], [("svc", 1_500_001), legacy("shop", 5_000_000)]),
        Tx("service", [("svc", 1_500_001), ("hot", 10)], [("x", 1_500_000)]),
    ]
    with ledger_of(tmp_path, txs) as ledger:
        built(ledger, hot(ledger, hot="exchange"))
        assert not together(ledger, "ann", "svc")
        assert [i.reason for i in review.items(ledger, 0)] == ["one_side_known"]


def test_the_overlay_stands_on_clusters_at_the_tip_and_goes_with_them(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        bound = hot(ledger, hot="exchange")
        with pytest.raises(UsageError, match="tracer cluster build"):
            overlay.build(ledger, RULES, bound)
        built(ledger, bound)
        assert current(ledger, Tier.EXTENDED) is not None
        append_blocks(ledger, [Tx("later", [("cust3", 5)], [("new", 4)])], start=1)
        with pytest.raises(UsageError, match="at the tip"):
            overlay.build(ledger, RULES, bound)
        update(ledger, RULES, bound)
        assert current(ledger, Tier.EXTENDED) is None
        assert together(ledger, "hot", "dep1") is False


def test_batches_threads_and_the_order_of_reading_do_not_change_a_row(tmp_path: Path) -> None:
    txs = [*PAYMENTS[0].txs, *PAYMENTS[3].txs, *SWEEPS]
    found = []
    for folder, threads, size, backwards in (("a", 1, 1, False), ("b", 2, 1_000, False), ("c", 2, 3, True)):
        with ledger_of(tmp_path / folder, [], threads=threads) as ledger:
            ledger.db.run("DELETE FROM block")
            heights = list(enumerate([txs[:5], txs[5:]]))
            for height, block in reversed(heights) if backwards else heights:
                append_blocks(ledger, block, start=height)
            spends(ledger)
            bound = hot(ledger, hot="exchange")
            build(ledger, RULES, bound)
            overlay.build(ledger, RULES, bound, transactions=size)
            links = ledger.db.rows("SELECT tx_id, a, b, heuristic, agreed, confidence FROM overlay_link")
            ids = {i for row in links for i in row[1:3]}
            text = ledger.render_addresses(ids)
            state = current(ledger, Tier.EXTENDED)
            assert state is not None
            found.append(
                (
                    [(t, text[a], text[b], *rest) for t, a, b, *rest in links],
                    cluster(ledger, key_of(ledger, "dep2"), state, limit=9).name,
                )
            )
    assert found[0] == found[1] == found[2]
    assert len(found[0][0]) == 4


def test_extended_clusters_show_all_their_members_in_order(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        built(ledger, hot(ledger, hot="exchange"))
        state = current(ledger, Tier.EXTENDED)
        assert state is not None
        found = cluster(ledger, key_of(ledger, "hot"), state, limit=2)
        assert (found.name, found.size) == ("cluster:P2WPKH:dep1@0", 3)
        assert found.members == ("P2WPKH:dep1", "P2WPKH:dep2")


def test_no_claims_no_deposits(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        said = built(ledger, claims.none())
        assert [h["links"] for h in said["heuristics"] if h["id"] == "deposit_sweep"] == [0]


def test_who_pays_whole_coins_to_a_hot_address_once_is_not_the_service(tmp_path: Path) -> None:
    """A buyer's wallet that also pays others; the rest of it must not become the market."""
    wallet = [
        Tx("wallet", [("u1", 100), ("u3", 100)], [("shop", 190)]),
        Tx("whole coins", [("u1", 900), ("u2", 800)], [("hot", 1_600)]),
    ]
    with ledger_of(tmp_path, [*SWEEPS, *wallet]) as ledger:
        built(ledger, hot(ledger, hot="market"))
        assert together(ledger, "u1", "u2", "u3", tier=Tier.CONSERVATIVE)
        assert not together(ledger, "hot", "u1")
        assert together(ledger, "hot", "dep1")


def test_what_several_signed_is_no_sweep(tmp_path: Path) -> None:
    both = Tx("both", [("alice", 900), ("bob", 800)], [("hot", 1_600)])
    with ledger_of(tmp_path, [both, *SWEEPS]) as ledger:
        bound = hot(ledger, hot="exchange")
        built(ledger, replace(bound, overrides=(split(ledger, "alice", "bob", 0),), cuts=(0,)))
        assert not together(ledger, "hot", "alice")
        assert not together(ledger, "hot", "bob")
        assert together(ledger, "hot", "dep1")


def test_sizes_in_review_are_of_whole_clusters(tmp_path: Path) -> None:
    with ledger_of(tmp_path, SWEEPS) as ledger:
        bound = replace(hot(ledger, hot="exchange"), overrides=(split(ledger, "dep2", "hot"),))
        built(ledger, bound)
        (waiting,) = review.items(ledger, 0)
        assert sorted((side.address, side.size) for side in (waiting.a, waiting.b)) == [
            ("P2WPKH:dep2", 1), ("P2WPKH:hot", 2),
        ]  # fmt: skip
