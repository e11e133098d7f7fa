"""The order of execution of blocks that are ordered by txid, and what is refused as not ordered."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.execution import execution_order
from adapters.bitcoin.folder.source import BlockFiles
from tests.conftest import scaled
from tests.rawblocks import RawTx, coinbase, p2pkh, write
from tests.rawfamily import FamilyChain, regtest
from tests.stores import opened, synced
from tracer.errors import BadBlock
from tracer.ledger.pull import pull
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CASH = regtest("bitcoin-cash")
AS_MADE = replace(CASH, txid_order_height=None)
"""The same chain, with blocks in the order in which things happen."""

FACTS = """
    SELECT tx.txid, tx.tx_id >> 24 AS height, fee, out_value,
        (SELECT list((p.txid, i.prev_vout, i.value, a.payload) ORDER BY vin) FROM txin AS i
         LEFT JOIN tx AS p ON p.tx_id = i.prev_tx_id LEFT JOIN address AS a USING (address_id)
         WHERE i.tx_id = tx.tx_id) AS spends,
        (SELECT list((o.value, a.payload, s.txid) ORDER BY o.vout) FROM txout AS o
         LEFT JOIN address AS a USING (address_id)
         LEFT JOIN spend ON spend.prev_tx_id = o.tx_id AND spend.prev_vout = o.vout
         LEFT JOIN tx AS s ON s.tx_id = spend.tx_id WHERE o.tx_id = tx.tx_id) AS paid
    FROM tx ORDER BY tx.txid"""


def ledger_of(folder: Path, chain: FamilyChain) -> Ledger:
    """What reading the chain gives."""
    workspace = Workspace(folder).ready()
    source = BlockFiles(write(folder / "blk.dat", chain.blocks), chain.entry)
    pull(lambda: Ledger.open(workspace, chain.entry, read_only=False), source)
    return Ledger.open(workspace, chain.entry)


def family_of(dice: random.Random, coins: list[tuple[bytes, int]], count: int) -> list[RawTx]:
    """Transactions that spend `coins` and each other, parents before children."""
    unspent, made = [(coin, 50 * 10**8) for coin in coins], []
    for n in range(count):
        taken = [
            unspent.pop(dice.randrange(len(unspent))) for _ in range(min(len(unspent), dice.randrange(1, 4)))
        ]
        left = sum(value for _, value in taken) - 10
        shares = [left // 2, left - left // 2] if dice.random() < 0.7 else [left]
        tx = RawTx(
            [coin for coin, _ in taken], [(p2pkh(f"{n}.{v}"), value) for v, value in enumerate(shares)]
        )
        made.append(tx)
        unspent += [((tx.txid, vout), value) for vout, value in enumerate(shares)]
    return made


def chains_of(dice: random.Random, count: int) -> tuple[FamilyChain, FamilyChain]:
    """One history in the order of txids and in the order in which it happened."""
    ordered, happened = FamilyChain(CASH), FamilyChain(AS_MADE)
    firsts = [[chain.add() for _ in range(3)] for chain in (ordered, happened)]
    assert [tx.txid for tx in firsts[0]] == [tx.txid for tx in firsts[1]]
    made = family_of(dice, [(tx.txid, 0) for tx in firsts[0]], count)
    ordered.add(*made)
    happened.add(*made)
    return ordered, happened


def test_the_order_of_txids_gives_the_facts_of_the_order_of_events(
    tmp_path: Path, dice: random.Random
) -> None:
    for round_ in range(scaled(3, full=50)):
        chains = chains_of(dice, dice.randrange(2, 40))
        found = []
        for name, chain in zip(("ordered", "happened"), chains, strict=True):
            with ledger_of(tmp_path / f"{name}{round_}", chain) as ledger:
                found.append(ledger.db.rows(FACTS))
        assert found[0] == found[1]


def test_money_comes_before_it_goes_and_the_place_in_the_block_is_kept(
    tmp_path: Path, dice: random.Random
) -> None:
    ordered, _ = chains_of(dice, 30)
    with ledger_of(tmp_path, ordered) as ledger:
        assert ledger.db.value("SELECT count(*) FROM txin WHERE prev_tx_id >= tx_id") == 0
        rows = ledger.db.rows(
            """SELECT txid, tx_id & 16777215, block_index FROM tx WHERE tx_id >> 24 = 4
               ORDER BY coalesce(block_index, tx_id & 16777215)"""
        )
    txids = [txid[::-1] for txid, _, _ in rows[1:]]
    assert txids == sorted(txids)
    assert sorted(place for _, place, _ in rows) == list(range(31))
    assert any(index is not None for _, _, index in rows)
    assert all(index != place for _, place, index in rows)


def test_where_no_block_is_ordered_by_txid_nothing_is_said_of_places(
    tmp_path: Path, dice: random.Random
) -> None:
    _, happened = chains_of(dice, 10)
    with ledger_of(tmp_path, happened) as ledger:
        assert ledger.db.value("SELECT count(block_index) FROM tx") == 0


def slowly(parents: list[set[int]]) -> list[int]:
    """The same order, one look at all that is left for each step."""
    done: list[int] = []
    while len(done) < len(parents):
        done.append(min(t for t in range(len(parents)) if t not in done and parents[t] <= set(done)))
    return done


def test_what_can_come_comes_in_the_order_of_the_block(dice: random.Random) -> None:
    for _ in range(scaled(30, full=1000)):
        counts = [dice.randrange(1, 12) for _ in range(3)]
        txids: list[bytes] = []
        prevs: list[bytes] = []
        inputs: list[int] = []
        expected: list[int] = []
        for block, count in enumerate(counts):
            happens = dice.sample(range(count), count)
            parents = [
                {p for p in range(count) if happens[p] < happens[t] and dice.random() < 0.3}
                for t in range(count)
            ]
            txids += [bytes([block, t]) * 16 for t in range(count)]
            for before in parents:
                outside = [b"\xff" * 32] * dice.randrange(2)
                spent = [
                    bytes([block, p]) * 16 for p in before for _ in range(dice.randrange(1, 3))
                ] + outside
                prevs += spent
                inputs.append(len(spent))
            expected += [len(expected) + t for t in (slowly(parents) if block else range(count))]
        order = execution_order(matrix(txids), matrix(prevs), np.array(inputs), np.array(counts), 1)
        assert order.tolist() == expected


def test_spends_in_a_ring_keep_the_order_of_the_block() -> None:
    txids = [bytes([n]) * 32 for n in range(4)]
    prevs = [txids[2], txids[1], txids[3]]  # 1 and 2 spend each other, 3 itself
    order = execution_order(matrix(txids), matrix(prevs), np.array([0, 1, 1, 1]), np.array([4]), 0)
    assert order.tolist() == [0, 1, 2, 3]


def matrix(rows: list[bytes]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, 32)


@pytest.mark.parametrize("entry", [CASH, AS_MADE], ids=["ordered", "not ordered"])
def test_a_block_that_is_not_in_the_order_of_txids_is_refused_where_it_must_be(
    tmp_path: Path, entry: BitcoinChain
) -> None:
    chain = FamilyChain(entry)
    coins = [(chain.add().txid, 0) for _ in range(3)]
    pays = sorted((RawTx([coin], [(p2pkh("bob"), 5)]) for coin in coins), key=lambda tx: tx.txid[::-1])
    chain.add_raw([coinbase(4, [(p2pkh("miner"), 5)]), *pays[::-1]])
    if entry is AS_MADE:
        ledger_of(tmp_path, chain).db.close()
    else:
        with pytest.raises(BadBlock, match="its transactions are not in the order of their txids"):
            ledger_of(tmp_path, chain)
    chain.blocks.pop()
    chain.add(*pays)
    with opened(
        synced(tmp_path / "w", write(tmp_path / "good.dat", chain.blocks), CASH.name), CASH.name
    ) as ledger:
        assert ledger.db.value("SELECT count(*) FROM tx WHERE inputs > 0") == 3


def test_a_block_with_one_payment_twice_is_not_ordered(tmp_path: Path) -> None:
    chain = FamilyChain(CASH)
    pay = RawTx([(chain.add().txid, 0)], [(p2pkh("bob"), 5)])
    chain.add_raw([coinbase(2, [(p2pkh("miner"), 5)]), pay, pay])
    with pytest.raises(BadBlock, match=r"order of their txids|duplicated in the Merkle tree"):
        ledger_of(tmp_path, chain)
