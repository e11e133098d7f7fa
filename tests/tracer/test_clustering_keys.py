"""Addresses of one key are found by all their bytes, and increments find what a rebuild finds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.bitcoin.chains import chain_named
from tests.conftest import scaled
from tests.rules.ledger_of import Coin, Tx, ledger_of
from tracer.chain import AddressKey, ScriptKind
from tracer.clustering import keys
from tracer.ledger.prefix import address_prefix
from tracer.ledger.store import Ledger
from tracer.workspace import Workspace

CHAIN = chain_named("bitcoin-regtest")
Pair = tuple[int, int, int]


def nested(payload: bytes) -> bytes:
    found = CHAIN.nested_segwit(np.frombuffer(payload, np.uint8).reshape(1, 20))
    assert found is not None
    return bytes(found[0])


def forms_of(seed: int) -> list[AddressKey]:
    """P2PKH, P2WPKH and nested address of a key; and two strangers that share eight bytes with them."""
    payload = bytes([seed]) * 20
    script = nested(payload)
    return [
        AddressKey(ScriptKind.P2PKH, payload),
        AddressKey(ScriptKind.P2WPKH, payload),
        AddressKey(ScriptKind.P2SH, script),
        AddressKey(ScriptKind.P2SH, script[:8] + bytes(12)),
        AddressKey(ScriptKind.P2WPKH, payload[:8] + bytes(12)),
    ]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with empty(tmp_path) as ledger:
        yield ledger


def empty(folder: Path) -> Ledger:
    return Ledger.open(Workspace(folder).ready(), CHAIN, read_only=False, threads=1)


def show(ledger: Ledger, shown: list[list[AddressKey]], at: int = 0) -> int:
    """Append transactions that show these addresses, with ids from `at` on; -> the first address id given."""
    ids: dict[AddressKey, int] = {
        AddressKey(kind, payload): number
        for number, kind, payload in ledger.db.rows("SELECT address_id, kind, payload FROM address")
    }
    first = len(ids)
    seen = [
        {"address_id": ids.setdefault(key, len(ids)), "tx_id": tx_id}
        for tx_id, keys_shown in enumerate(shown, at)
        for key in keys_shown
    ]
    new = [(key, number) for key, number in ids.items() if number >= first]
    tables: dict[str, list[dict[str, object]]] = {
        "address": [{"address_id": n, "kind": int(k.kind), "payload": k.payload} for k, n in new],
        "address_lookup": [{"prefix": address_prefix(k), "address_id": n} for k, n in new],
        "address_tx": [{**row} for row in seen],
    }
    for name, rows in tables.items():
        if rows:
            with ledger.db.table("incoming", pa.Table.from_pylist(rows)):
                ledger.db.run(f"INSERT INTO {name} BY NAME SELECT DISTINCT * FROM incoming ORDER BY ALL")
    return first


def pairs(found: NDArray[np.int64]) -> list[Pair]:
    return [(tx_id, a, b) for tx_id, a, b in found.tolist()]


def kept(ledger: Ledger) -> tuple[list[Pair], list[tuple[int, int]]]:
    return (
        ledger.db.rows("SELECT tx_id, a, b FROM key_link ORDER BY ALL"),
        ledger.db.rows("SELECT prefix, address_id FROM key_form ORDER BY ALL"),
    )


def expected(shown: list[list[AddressKey]]) -> list[Pair]:
    """The same by plain Python: group by the key, pair each address with the one shown first."""
    ids: dict[AddressKey, int] = {}
    first_tx: dict[AddressKey, int] = {}
    for tx_id, keys_shown in enumerate(shown):
        for key in keys_shown:
            ids.setdefault(key, len(ids))
            first_tx.setdefault(key, tx_id)
    groups: dict[bytes, list[AddressKey]] = {}
    for key in ids:
        form = key.payload if key.kind == ScriptKind.P2SH else nested(key.payload)
        groups.setdefault(form, []).append(key)
    found = []
    for members in groups.values():
        head, *others = sorted(members, key=lambda key: (first_tx[key], ids[key]))
        found += [
            (first_tx[key], min(ids[head], ids[key]), max(ids[head], ids[key]))
            for key in others
        ]  # fmt: skip
    return sorted(found)


def test_three_addresses_of_one_key_are_each_paired_with_the_first(ledger: Ledger) -> None:
    legacy, segwit, script, *_ = forms_of(7)
    show(ledger, [[script], [], [legacy], [segwit, legacy]])
    assert pairs(keys.find(ledger, 0)) == [(2, 0, 1), (3, 0, 2)]


def test_the_link_holds_from_the_transaction_that_shows_the_later_address(ledger: Ledger) -> None:
    legacy, segwit, *_ = forms_of(7)
    show(ledger, [[segwit], [segwit], [segwit, legacy], [legacy]])
    assert pairs(keys.find(ledger, 0)) == [(2, 0, 1)]


def test_eight_equal_bytes_are_not_one_key(ledger: Ledger) -> None:
    legacy, _, script, like_the_script, like_the_key = forms_of(7)
    show(ledger, [[legacy, like_the_script, like_the_key]])
    assert pairs(keys.find(ledger, 0)) == []
    first = show(ledger, [[script]], at=1)
    assert pairs(keys.find(ledger, first)) == [(1, 0, 3)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1)])
def test_an_increment_finds_the_key_of_an_older_address(ledger: Ledger, order: tuple[int, int]) -> None:
    older, newer = (forms_of(7)[i] for i in order)
    assert pairs(keys.find(ledger, show(ledger, [[older]]))) == []
    assert pairs(keys.find(ledger, show(ledger, [[newer]], at=1))) == [(1, 0, 1)]
    assert kept(ledger)[0] == [(1, 0, 1)]


@pytest.mark.parametrize(
    ("kind", "width"),
    [(ScriptKind.P2WSH, 32), (ScriptKind.P2TR, 32), (ScriptKind.MULTISIG, 32), (ScriptKind.P2WPKH, 19)],
)
def test_other_addresses_are_no_key_hash(ledger: Ledger, kind: ScriptKind, width: int) -> None:
    legacy = forms_of(7)[0]
    show(ledger, [[legacy, AddressKey(kind, legacy.payload.ljust(32, b"\7")[:width])]])
    assert pairs(keys.find(ledger, 0)) == []


def test_an_empty_ledger_has_no_keys(ledger: Ledger) -> None:
    assert keys.find(ledger, 0).shape == (0, 3)


def test_a_fresh_search_replaces_what_was_kept(ledger: Ledger) -> None:
    show(ledger, [forms_of(7), forms_of(8)])
    first = pairs(keys.find(ledger, 0))
    before = kept(ledger)
    keys.forget(ledger)
    assert pairs(keys.find(ledger, 0)) == first
    assert kept(ledger) == before
    keys.forget(ledger)
    assert kept(ledger) == ([], [])


transactions = st.lists(
    st.lists(st.builds(lambda seed, form: forms_of(seed)[form], st.integers(0, 3), st.integers(0, 4)), max_size=4),
    max_size=12,
)  # fmt: skip


@settings(deadline=None, max_examples=scaled(20, full=60))
@given(transactions, st.lists(st.integers(0, 12), max_size=4), st.sampled_from([1, 3, keys.CHUNK]))
def test_increments_find_what_a_rebuild_finds(
    tmp_path_factory: pytest.TempPathFactory, shown: list[list[AddressKey]], cuts: list[int], chunk: int
) -> None:
    with empty(tmp_path_factory.mktemp("keys")) as ledger:
        steps = []
        for start, stop in pairwise(sorted({0, *cuts, 12})):
            first = show(ledger, shown[start:stop], start)
            steps += pairs(keys.find(ledger, first, chunk=chunk))
        after = kept(ledger)
        keys.forget(ledger)
        rebuilt = pairs(keys.find(ledger, 0))
        assert kept(ledger) == after
    assert steps == rebuilt == after[0] == expected(shown)


def test_a_chain_without_segwit_has_one_address_a_key(tmp_path: Path) -> None:
    named = [Tx("a", [Coin("ann", 2, ScriptKind.P2PKH)], [Coin("ann", 1, ScriptKind.P2WPKH)])]
    with ledger_of(tmp_path, named) as ledger:
        assert keys.find(ledger, 0).shape == (0, 3)
        assert kept(ledger) == ([], [])
        legacy, segwit, *_ = forms_of(7)
        assert keys.forms(ledger.chain, legacy) == []
        assert keys.forms(ledger.chain, segwit) == [legacy]


def test_the_other_forms_of_an_address() -> None:
    legacy, segwit, script, *_ = forms_of(7)
    assert keys.forms(CHAIN, legacy) == [script, segwit]
    assert keys.forms(CHAIN, segwit) == [legacy, script]
    assert keys.forms(CHAIN, script) == []
    assert keys.forms(CHAIN, AddressKey(ScriptKind.P2TR, bytes(32))) == []


def test_the_key_behind_a_nested_address_is_known_once_another_form_was_shown(ledger: Ledger) -> None:
    legacy, segwit, script, stranger, _ = forms_of(7)
    keys.find(ledger, show(ledger, [[script, stranger]]))
    assert keys.behind(ledger, script) == []
    keys.find(ledger, show(ledger, [[segwit, legacy]], at=1))
    assert keys.behind(ledger, script) == [legacy, segwit]
    assert keys.behind(ledger, stranger) == []
    assert keys.behind(ledger, legacy) == []
