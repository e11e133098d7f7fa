"""Addresses that rows state: of what was spent, and as a sign of which chain the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from adapters.bitcoin.classify import PAYLOAD_MAX
from adapters.bitcoin.entry import BitcoinChain
from adapters.files.bitcoin_etl.values import BadValue, Nested
from tracer.chain import AddressKey, ScriptKind
from tracer.errors import BadAddress, BadExport

if TYPE_CHECKING:
    import pyarrow as pa

_OF_A_KEY = "pubkey"
_PAID = ("pubkeyhash", "scripthash", "witness_v0_keyhash", "witness_v0_scripthash", "witness_v1_taproot")
"""Types of outputs whose script holds the payload of their address."""
_LOOKED_AT = 3
"""Outputs of each type and part of a file whose address is compared with their script."""
_KEPT = 1_000_000
_REMEMBERED = 1 << 22
"""Transactions of the files that are remembered (P): who was paid by one of them, the ledger learns from it."""


class Addresses:
    """Reads the addresses of one import, each once."""

    dtype = np.dtype(
        [
            ("value", "<i8"),
            ("kind", "u1"),
            ("address_kind", "u1"),
            ("length", "u1"),
            ("payload", "u1", (PAYLOAD_MAX,)),
        ]
    )
    """A spent output that was told; `value` is -1 where it was not, `length` 0 where no address of it is known."""

    def __init__(self, chain: BitcoinChain) -> None:
        self.chain = chain
        self._keys: dict[str, AddressKey] = {}
        self._seen = np.zeros(_REMEMBERED, np.uint64)

    def check(self, outs: Nested) -> None:
        """The addresses of a few outputs are of this chain, and what their scripts pay to; `BadExport` where not."""
        types = outs.words("type")
        texts, single = outs.only_address()
        for name in _PAID:
            for row in np.flatnonzero(types.among(name) & single)[:_LOOKED_AT].tolist():
                text = texts[row].as_py()
                try:
                    key = self.chain.parse_address(text)
                except BadAddress as error:
                    raise BadExport(
                        f"{outs.file}: block {outs.heights[row]} pays {text}, which is no address of {self.chain.name} "
                        f"({error.problem.rstrip('.')}).",
                        hint="Is the file of another chain? Name it with --chain.",
                    ) from error
                if key.payload.hex() not in str(outs.table.column("script_hex")[row].as_py()).lower():
                    raise BadValue(
                        f"{outs.file}: block {outs.heights[row]} pays {text}, and the script of that output "
                        "pays somebody else.",
                        height=int(outs.heights[row]),
                    )

    def told(self, ins: Nested, txids: NDArray[np.uint8]) -> pa.LargeBinaryArray:
        """What the inputs of each row spent, `dtype` each; nothing where none of them is told.

        `txids` (n, 32) are those of the rows. Whose an output was is left out where its transaction is in the files.
        """
        import pyarrow as pa

        assert ins.starts is not None
        values = ins.integers("value", 0, (1 << 62) - 1, absent=-1)
        records = np.zeros(len(ins), self.dtype)
        records["value"] = values
        self._fill(records, ins, (values >= 0) & ~self._in_the_files(ins, txids))
        told = np.zeros(len(ins.starts) - 1, np.bool_)
        told[ins.of[values >= 0]] = True
        counts = np.where(told, np.diff(ins.starts), 0)
        kept = records[np.repeat(told, np.diff(ins.starts))]
        offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts))) * self.dtype.itemsize
        return pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), len(counts), [None, pa.py_buffer(offsets), pa.py_buffer(kept.tobytes())]
        )

    def _in_the_files(self, ins: Nested, txids: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """(m,) whether the spent transaction is known to be there; of old ones that may be forgotten."""
        here, spent = (
            np.ascontiguousarray(hashes[:, :8]).view(np.uint64).reshape(-1)
            for hashes in (txids, ins.hashes("spent_transaction_hash").raw)
        )
        mask = np.uint64(_REMEMBERED - 1)
        self._seen[here & mask] = here
        found: NDArray[np.bool_] = self._seen[spent & mask] == spent
        return found

    def _fill(self, records: NDArray[np.void], ins: Nested, told: NDArray[np.bool_]) -> None:
        """Kind and payload, where one address is told of one kind of script; else the kind is not understood."""
        types = ins.words("type")
        texts, single = ins.only_address()
        # newer nodes name no address of a bare key: bitcoin-etl calls it nonstandard and makes up an address
        known = told & single & ~types.among("nonstandard", "multisig", "")
        if not known.any():
            return
        rows = np.flatnonzero(known)
        distinct, at = self._distinct(texts, rows, ins)
        of_key = types.among(_OF_A_KEY)[rows]
        for name in ("address_kind", "length", "payload"):
            records[name][rows] = distinct[name][at]
        records["kind"][rows] = np.where(of_key, int(ScriptKind.P2PK), distinct["address_kind"][at])

    def _distinct(
        self, texts: pa.Array, rows: NDArray[np.int64], ins: Nested
    ) -> tuple[NDArray[np.void], NDArray[np.int64]]:
        """Each address once, read, and which of them each row has."""
        import pyarrow as pa

        coded = texts.take(pa.array(rows)).dictionary_encode()
        names = coded.dictionary.to_pylist()
        found = np.zeros(len(names), self.dtype)
        at = coded.indices.to_numpy()
        if len(self._keys) > _KEPT:
            self._keys.clear()
        for number, name in enumerate(names):
            key = self._keys.get(name)
            if key is None:
                try:
                    key = self._keys[name] = self.chain.parse_address(name)
                except BadAddress as error:
                    row = int(rows[int(np.argmax(at == number))])
                    raise ins.bad("addresses", row, f"which is no address of {self.chain.name}") from error
            found[number]["address_kind"] = key.kind
            found[number]["length"] = len(key.payload)
            found[number]["payload"][: len(key.payload)] = np.frombuffer(key.payload, np.uint8)
        return found, at
