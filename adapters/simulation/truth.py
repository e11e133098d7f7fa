"""Ground truth: what no investigator knows. Recorded in columns while the world is built, framed when asked
for.

All amounts are satoshi (Int64), times are seconds since 1970 (Int64), txids hex in display order, addresses
regtest text. Outputs without an address (OP_RETURN, anchors, bare multisig) have a null address.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from adapters.simulation.addresses import PAYLOAD_BYTES, address_texts, hex_texts
from adapters.simulation.encode import KIND_NAMES
from adapters.simulation.recorder import CHANGE, Names, Recorder


def _np(column: array[Any]) -> np.ndarray[Any, Any]:
    return np.frombuffer(column, dtype=column.typecode) if len(column) else np.zeros(0, dtype=column.typecode)


def _named(names: Names, index: np.ndarray[Any, Any]) -> pl.Series:
    """The names of a column of integers; negative ones are null."""
    texts = pl.Series(names.names, dtype=pl.String)
    picked = pl.Series(index.astype(np.int64))
    return texts.gather(picked.set(picked < 0, None))


class GroundTruth:
    """The columns as polars frames, each built at the first use."""

    def __init__(self, recorder: Recorder, cases: Callable[[], dict[str, Any]]) -> None:
        self._r = recorder
        self._make_cases = cases

    @cached_property
    def cases(self) -> dict[str, Any]:
        """What an investigator holds: `pool`, `multisig`, `shop`, `buyer_deposit`; windows are UTC text."""
        return self._make_cases()

    @cached_property
    def _txids(self) -> pl.Series:
        rows = np.frombuffer(bytes(self._r._txids), dtype=np.uint8).reshape(-1, 32)[:, ::-1]
        return pl.Series("txid", hex_texts(np.ascontiguousarray(rows)))

    @cached_property
    def _address_texts(self) -> pl.Series:
        kinds = _np(self._r._addr_kind)
        parts, places = [pl.Series([], dtype=pl.String)], [np.zeros(0, dtype=np.int64)]
        for kind in PAYLOAD_BYTES:
            places.append(np.flatnonzero(kinds == kind))
            parts.append(pl.Series(address_texts(kind, bytes(self._r._payload[kind]))).cast(pl.String))
        bare = np.flatnonzero(~np.isin(kinds, list(PAYLOAD_BYTES)))
        places.append(bare)
        parts.append(pl.Series([None] * len(bare), dtype=pl.String))
        order = np.empty(len(kinds), dtype=np.int64)
        order[np.concatenate(places)] = np.arange(len(kinds))
        return pl.concat(parts).gather(pl.Series(order)).alias("address")

    @cached_property
    def _tx_of_output(self) -> np.ndarray[Any, Any]:
        first = _np(self._r._tx_first)
        return np.repeat(np.arange(len(first)), np.diff(np.append(first, len(self._r._out_addr))))

    def _text(self, rows: np.ndarray[Any, Any]) -> pl.Series:
        picked = pl.Series(rows.astype(np.int64))
        return self._address_texts.gather(picked.set(picked < 0, None))

    def _of_address(self, column: array[Any], rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = np.append(_np(column).astype(np.int64), -1)
        found: np.ndarray[Any, Any] = values[rows]
        return found

    @cached_property
    def addresses(self) -> pl.DataFrame:
        """address, owner, actor_kind, role, customer, script: one row per address ever handed out."""
        r = self._r
        owners = _np(r._addr_owner)
        frame = pl.DataFrame({
            "address": self._address_texts,
            "owner": _named(r._owners, owners),
            "actor_kind": _named(r._kinds, _np(r._owner_kind)[owners]),
            "role": _named(r._roles, _np(r._addr_role)),
            "customer": _named(r._owners, _np(r._addr_customer)),
            "script": pl.Series(KIND_NAMES).gather(pl.Series(_np(r._addr_kind).astype(np.int64))),
        })  # fmt: skip
        return frame.filter(pl.col("address").is_not_null())

    @cached_property
    def outputs(self) -> pl.DataFrame:
        """txid, vout, address, value, owner, role, is_change, as created (a block's coinbase comes last)."""
        r = self._r
        rows, tx = _np(r._out_addr), self._tx_of_output
        vout = np.arange(len(rows)) - _np(r._tx_first)[tx]
        return pl.DataFrame({
            "txid": self._txids.gather(pl.Series(tx)),
            "vout": vout.astype(np.int32),
            "address": self._text(rows),
            "value": _np(r._out_value).astype(np.int64),
            "owner": _named(r._owners, self._of_address(r._addr_owner, rows)),
            "role": _named(r._roles, self._of_address(r._addr_role, rows)),
            "is_change": _np(r._out_purpose) == CHANGE,
        })  # fmt: skip

    @cached_property
    def payments(self) -> pl.DataFrame:
        """txid, vout, payer, payee, purpose, value, order_id, height, time: who paid whom for what."""
        r = self._r
        out = _np(r._pay_out).astype(np.int64)
        tx = self._tx_of_output[out]
        orders = pl.Series(_np(r._pay_order).astype(np.int64))
        height = _np(r._tx_height)[tx]
        return pl.DataFrame({
            "txid": self._txids.gather(pl.Series(tx)),
            "vout": (out - _np(r._tx_first)[tx]).astype(np.int32),
            "payer": _named(r._owners, _np(r._pay_payer)),
            "payee": _named(r._owners, self._of_address(r._addr_owner, _np(r._out_addr)[out])),
            "purpose": _named(r._purposes, _np(r._out_purpose)[out]),
            "value": _np(r._out_value)[out].astype(np.int64),
            "order_id": self._order_ids.gather(orders.set(orders < 0, None)),
            "height": height.astype(np.int64),
            "time": _np(r._block_time)[height].astype(np.int64),
        })  # fmt: skip

    @cached_property
    def _order_ids(self) -> pl.Series:
        ids = [self._r.order_id(i) for i in range(len(self._r._order_out))]
        return pl.Series("order_id", ids, dtype=pl.String)

    @cached_property
    def orders(self) -> pl.DataFrame:
        """Every funded order: who bought from whom, where, for how many US cents, its transactions."""
        r = self._r
        columns = {name: _np(column) for name, column in r._orders.items()}
        funding, settling = (pl.Series(columns[c].astype(np.int64)) for c in ("funding", "settling"))
        height = _np(r._tx_height)[columns["funding"]] if len(columns["funding"]) else columns["funding"]
        frame = pl.DataFrame({
            "order_id": self._order_ids,
            "market": _named(r._owners, columns["market"]),
            "buyer": _named(r._owners, columns["buyer"]),
            "vendor": _named(r._owners, columns["vendor"]),
            "usd_cents": columns["cents"].astype(np.int64),
            "wholesale": columns["wholesale"] == 1,
            "refunded": columns["refunded"] == 1,
            "address": self._text(columns["address"]),
            "funding_txid": self._txids.gather(funding.set(funding < 0, None)),
            "funding_vout": _np(r._order_out).astype(np.int64),
            "settling_txid": self._txids.gather(settling.set(settling < 0, None)),
            "time": _np(r._block_time)[height].astype(np.int64),
        })  # fmt: skip
        return frame.filter(pl.col("funding_txid").is_not_null())

    def _by_tx(self, rows: list[int]) -> pl.Series:
        return self._txids.gather(pl.Series(rows, dtype=pl.Int64))

    @cached_property
    def mixes(self) -> pl.DataFrame:
        """txid, kind (whirlpool_mix, wasabi2, joinmarket)."""
        rows = self._r._mixes
        kinds = pl.Series([kind for _, kind in rows], dtype=pl.String)
        return pl.DataFrame({"txid": self._by_tx([tx for tx, _ in rows]), "kind": kinds})

    @cached_property
    def payjoins(self) -> pl.DataFrame:
        """txid, sender, receiver, value: the only transactions where a co-spend joins two owners."""
        rows, name = self._r._payjoins, self._r.owner_name
        return pl.DataFrame({
            "txid": self._by_tx([tx for tx, _, _, _ in rows]),
            "sender": pl.Series([name(s) for _, s, _, _ in rows], dtype=pl.String),
            "receiver": pl.Series([name(t) for _, _, t, _ in rows], dtype=pl.String),
            "value": pl.Series([value for _, _, _, value in rows], dtype=pl.Int64),
        })  # fmt: skip

    @cached_property
    def exits(self) -> pl.DataFrame:
        """case, owner, vasp_id, txid, vout, value, mixed, source_ref, height, time.

        One row per deposit output; it holds money of one case and no other. `source_ref` names its sources,
        joined by `;`: the withdrawal or sweep outpoints, or the order ids.
        """
        r = self._r
        columns = r._exits
        out = np.array(columns["out"], dtype=np.int64)
        tx = self._tx_of_output[out]
        height = _np(r._tx_height)[tx]
        return pl.DataFrame({
            "case": pl.Series(columns["case"], dtype=pl.String),
            "owner": _named(r._owners, np.array(columns["owner"], dtype=np.int64)),
            "vasp_id": _named(r._vasps, np.array(columns["vasp"], dtype=np.int64)),
            "txid": self._txids.gather(pl.Series(tx)),
            "vout": (out - _np(r._tx_first)[tx]).astype(np.int32),
            "value": _np(r._out_value)[out].astype(np.int64),
            "mixed": pl.Series(columns["mixed"], dtype=pl.Boolean),
            "source_ref": _named(r._refs, np.array(columns["ref"], dtype=np.int64)),
            "height": height.astype(np.int64),
            "time": _np(r._block_time)[height].astype(np.int64),
        })  # fmt: skip

    @cached_property
    def _owner_by_address(self) -> dict[str, str]:
        return dict(self.addresses.select("address", "owner").iter_rows())

    def owner_of(self, address: str) -> str | None:
        """Who controls the address; None where the world never used it."""
        return self._owner_by_address.get(address)

    def address_text(self, row: int) -> str | None:
        """The text of one address row."""
        text: str | None = self._address_texts[row]
        return text
