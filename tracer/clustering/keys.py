"""One key, several addresses: P2PKH, P2WPKH, and P2WPKH nested in P2SH show the same key hash.

P2PKH and P2WPKH carry the HASH160 of the key itself; the nested form is the hash of a script around it (BIP 141), so
it is computed for every key hash, once. Whoever can spend from one can spend from all, whoever paid there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer.chain import AddressKey, Chain, ScriptKind, utxo
from tracer.db import named_sql
from tracer.ledger.prefix import address_prefix
from tracer.ledger.store import Ledger

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa
    from numpy.typing import NDArray

CHUNK = 1 << 20
"""Address ids of one pass of hashing; bounds its memory, not the result."""

_SQL = named_sql("tracer.clustering", "keys.sql")
_KINDS = {"p2pkh": int(ScriptKind.P2PKH), "p2wpkh": int(ScriptKind.P2WPKH), "p2sh": int(ScriptKind.P2SH)}
_HASHED = (ScriptKind.P2PKH, ScriptKind.P2WPKH)
_WIDTH = 20


def forget(ledger: Ledger) -> None:
    """Empty the tables that `find` keeps, before a rebuild."""
    ledger.db.run(_SQL["forget_forms"])
    ledger.db.run(_SQL["forget_links"])


def find(ledger: Ledger, first_address: int, *, chunk: int = CHUNK) -> NDArray[np.int64]:
    """Pairs of addresses of one key that came with the addresses from `first_address` on; keeps them.

    Rows (tx_id, a, b), a < b, int64, sorted: tx_id is the transaction that shows the later of the two first. Of a
    key with three addresses each is paired with the one that the chain showed first (ties: the lesser id). Writes
    `key_form` and `key_link`; call it inside the build's transaction. Called
    for ever greater ids it finds the rows of one call for all, as long as later ids were shown later.
    """
    import pyarrow as pa

    db = ledger.db
    greatest = db.value(_SQL["greatest"])
    if greatest is None or not _takes(ledger.chain):
        return np.empty((0, 3), np.int64)
    db.run(_SQL["incoming"])
    for first in range(first_address, greatest + 1, chunk):
        last = min(first + chunk - 1, greatest)
        rows = db.arrow(_SQL["addresses"], {**_KINDS, "first": first, "last": last})
        prefixes = _prefixes(_forms(ledger.chain, rows))
        with db.table("arriving", rows.drop(["payload"]).append_column("prefix", pa.array(prefixes))):
            db.run(_SQL["arrive"])
    candidates = db.arrow(_SQL["candidates"], {**_KINDS, "first": first_address})
    db.run(_SQL["keep_forms"])
    db.run(_SQL["done"])
    found = _pairs(_forms(ledger.chain, candidates), candidates, first_address)
    with db.table("arriving", found):
        db.run(_SQL["keep_links"])
    return found.to_numpy(order="c", writable=True)


def forms(chain: Chain, key: AddressKey) -> list[AddressKey]:
    """The other addresses that the key behind an address has on `chain`, by kind; none where no key hash is seen.

    For asking the ledgers of other chains for the same key. A P2SH address hides its key: see `behind`.
    """
    if key.kind not in _HASHED or len(key.payload) != _WIDTH:
        return []
    found = [AddressKey(int(kind), key.payload) for kind in _HASHED if kind != key.kind]
    nested = utxo(chain).nested_segwit(np.frombuffer(key.payload, np.uint8).reshape(1, _WIDTH))
    if nested is None:
        return [other for other in found if other.kind == ScriptKind.P2PKH]
    return sorted([*found, AddressKey(int(ScriptKind.P2SH), nested[0].tobytes())])


def behind(ledger: Ledger, key: AddressKey) -> list[AddressKey]:
    """The P2PKH and P2WPKH addresses in this ledger of which a P2SH address is the nested form, by kind.

    Knows the addresses that `find` has looked at. Empty also where the P2SH address is no nested one at all.
    """
    if key.kind != ScriptKind.P2SH:
        return []
    rows = ledger.db.rows(_SQL["behind"], {"prefix": address_prefix(key)})
    found = [AddressKey(kind, payload) for kind, payload in rows]
    return [other for other in found if key in forms(ledger.chain, other)]


def _takes(chain: Chain) -> bool:
    """Whether keys have more than one form on a chain."""
    return utxo(chain).nested_segwit(np.empty((0, _WIDTH), np.uint8)) is not None


def _forms(chain: Chain, rows: pa.Table) -> NDArray[np.uint8]:
    """The payload of the nested form of each row (`nested`: it is one), (n, 20) uint8: one key, one form."""
    import pyarrow as pa

    found = np.empty((rows.num_rows, _WIDTH), np.uint8)
    at = 0
    for piece in rows.column("payload").cast(pa.binary(_WIDTH)).chunks:
        raw = np.frombuffer(piece.buffers()[1], np.uint8, len(piece) * _WIDTH, piece.offset * _WIDTH)
        found[at : at + len(piece)] = raw.reshape(-1, _WIDTH)
        at += len(piece)
    keys = np.flatnonzero(~rows.column("nested").to_numpy())
    nested = utxo(chain).nested_segwit(found[keys])
    assert nested is not None
    found[keys] = nested
    return found


def _prefixes(forms: NDArray[np.uint8]) -> NDArray[np.int64]:
    """`tracer.ledger.prefix.address_prefix` of P2SH payloads, column-wise."""
    heads = np.ascontiguousarray(forms[:, :8]).view("<u8").reshape(-1)
    return (heads ^ np.uint64(int(ScriptKind.P2SH) << 56)).astype(np.int64)


def _pairs(forms: NDArray[np.uint8], candidates: pa.Table, first_address: int) -> pl.DataFrame:
    """Each address of a form with the one shown first, where either is new: columns tx_id, a, b, sorted."""
    import polars as pl

    words = np.zeros((len(forms), 24), np.uint8)
    words[:, :_WIDTH] = forms
    one_key = pl.DataFrame(words.view("<u8"), schema=["w0", "w1", "w2"])
    shown = one_key.with_columns(
        pl.Series("address_id", candidates.column("address_id").to_numpy(), pl.Int64),
        pl.Series("tx_id", candidates.column("tx_id").to_numpy(), pl.Int64),
    ).sort("tx_id", "address_id")
    earliest = pl.col("address_id").first().over("w0", "w1", "w2")
    return (
        shown.with_columns(earliest.alias("earliest"))
        .filter(pl.col("address_id") != pl.col("earliest"))
        .select(
            "tx_id",
            pl.min_horizontal("address_id", "earliest").alias("a"),
            pl.max_horizontal("address_id", "earliest").alias("b"),
        )
        .filter(pl.col("b") >= first_address)
        .sort("tx_id", "a", "b")
    )
