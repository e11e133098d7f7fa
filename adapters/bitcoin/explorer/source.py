"""What an explorer with the Esplora API tells (Blockstream's and mempool.space's; API.md of Blockstream/esplora).

Amounts are integers there. What is told is parsed strictly and believed as little as can be: transactions are proved
(`adapters.bitcoin.explorer.loose`), that something is *not* there is the host's word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.bitcoin.chains import BitcoinChain
from adapters.bitcoin.explorer.http import Http, no_api
from adapters.bitcoin.explorer.loose import Loose, header_problem
from adapters.bitcoin.headers import HEADER_SIZE
from adapters.nesting import loads
from tracer.errors import BadBlock, SourceUnavailable, UsageError

_HASH = re.compile(rb"[0-9a-f]{64}")
_PAGE = 25
"""Confirmed transactions on one page of a history."""


@dataclass(frozen=True)
class Told:
    """A transaction as an explorer describes it; hashes in wire order.

    height, block_hash  None while it waits to be confirmed
    spends              value and script of what each input spends
    """

    txid: bytes
    height: int | None
    block_hash: bytes | None
    spends: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True)
class Spender:
    """What spends an output, and at which height; None while it waits to be confirmed."""

    txid: bytes
    height: int | None


def check_chain(chain: BitcoinChain) -> None:
    """`UsageError` for a chain of which single transactions cannot be proved, or placed."""
    if chain.txid_order_height is not None:
        raise UsageError(
            f"{chain.name} cannot be read from an explorer: the order of its blocks is not the order in which its "
            "transactions happen, and one transaction does not tell it.",
            hint="Sync whole blocks: blocks:PATH, or core:URL of a node.",
        )
    if chain.proof.fixed != HEADER_SIZE:
        raise UsageError(
            f"{chain.name} cannot be read from an explorer: its headers do not prove their work in 80 bytes.",
            hint="Sync whole blocks: blocks:PATH, or core:URL of a node.",
        )


class Esplora:
    """An explorer of one chain. Each method is one request, but `history`."""

    def __init__(self, http: Http, chain: BitcoinChain) -> None:
        self.http, self.chain, self.host = http, chain, http.host

    def tip_height(self) -> int:
        """Height of its newest block."""
        body = self.http.get("/blocks/tip/height")
        if body is None:
            raise no_api(self.host)
        if not body.strip().isdigit() or len(body) > 12:
            raise self._nonsense("no height")
        return int(body)

    def block_hash(self, height: int) -> bytes | None:
        """Hash of the block at a height; None above the tip."""
        body = self.http.get(f"/block-height/{height}")
        return None if body is None else self._hash(body.strip())

    def header(self, block_hash: bytes) -> bytes:
        """The 80 bytes of a header, its hash and its proof of work checked."""
        name = self.chain.hash_text(block_hash)
        body = self.http.get(f"/block/{name}/header") or b""
        header = self._hex(body.decode("ascii", "replace").strip())
        if problem := header_problem(header, block_hash, self.chain):
            raise BadBlock(f"block {name}, as {self.host} shows it, is refused: {problem}.")
        return header

    def transaction(self, txid: bytes) -> Told | None:
        """A transaction with what it spends; None where the host does not know it."""
        found = self._json(f"/tx/{self.chain.hash_text(txid)}", dict)
        if found is None:
            return None
        told = self._told(found)
        if told.txid != txid:
            raise self._nonsense("another transaction than it was asked for")
        return told

    def proved(self, told: Told, header: bytes) -> Loose:
        """A confirmed transaction's bytes and the proof of its place: two requests."""
        name = self.chain.hash_text(told.txid)
        raw = self.http.get(f"/tx/{name}/raw")
        proof = self._json(f"/tx/{name}/merkle-proof", dict)
        if raw is None or proof is None or told.height is None:
            raise self._nonsense(f"no bytes or no proof of transaction {name}, which it knows")
        if self._number(proof, "block_height") != told.height:
            raise self._nonsense(f"two heights of transaction {name}")
        branch = tuple(self._hash(str(each).encode()) for each in self._list(proof, "merkle"))
        place = self._number(proof, "pos")
        return Loose(told.txid, raw, told.height, header, place, branch, told.spends)

    def outspends(self, txid: bytes) -> list[Spender | None]:
        """What spends each output of a transaction, by vout; None where nothing does."""
        found = self._json(f"/tx/{self.chain.hash_text(txid)}/outspends", list)
        return [self._spender(row) for row in found or ()]

    def count(self, address: str) -> int:
        """Confirmed transactions of an address."""
        found = self._json(f"/address/{address}", dict)
        if found is None or not isinstance(found.get("chain_stats"), dict):
            raise self._nonsense("no counts of an address")
        return self._number(found["chain_stats"], "tx_count")

    def history(self, address: str, count: int) -> Iterator[Told]:
        """Every confirmed transaction of an address, the newest first; `count` of them were announced.

        Raises `SourceUnavailable` where the host shows fewer.
        """
        seen: set[bytes] = set()
        last = ""
        while True:
            page = [self._told(row) for row in self._json(f"/address/{address}/txs/chain{last}", list) or ()]
            fresh = [told for told in page if told.txid not in seen]
            yield from fresh
            seen.update(told.txid for told in fresh)
            if not fresh or (len(page) < _PAGE and len(seen) >= count):
                break
            last = f"/{self.chain.hash_text(page[-1].txid)}"
        if len(seen) < count:
            raise SourceUnavailable(
                f"{self.host} counts {count} transactions of {address} and shows only {len(seen)}.",
                hint="Ask again later, or another explorer.",
            )

    # What answers look like --------------------------------------------------------------------------

    def _told(self, row: Any) -> Told:
        status = row.get("status") if isinstance(row, dict) else None
        if not isinstance(status, dict):
            raise self._nonsense("a transaction without a status")
        spends = []
        for each in self._list(row, "vin"):
            if not isinstance(each, dict):
                raise self._nonsense("an input that is none")
            if each.get("is_coinbase") is True:
                continue
            spent = each.get("prevout")
            if not isinstance(spent, dict):
                raise self._nonsense("an input without what it spends")
            script = self._hex(str(spent.get("scriptpubkey")))
            spends.append((self._number(spent, "value"), script))
        txid = self._hash(str(row.get("txid")).encode())
        if status.get("confirmed") is not True:
            return Told(txid, None, None, tuple(spends))
        block = self._hash(str(status.get("block_hash")).encode())
        return Told(txid, self._number(status, "block_height"), block, tuple(spends))

    def _spender(self, row: Any) -> Spender | None:
        if not isinstance(row, dict) or not isinstance(row.get("spent"), bool):
            raise self._nonsense("an output that is neither spent nor unspent")
        if not row["spent"]:
            return None
        status = row.get("status")
        confirmed = isinstance(status, dict) and status.get("confirmed") is True
        height = self._number(status, "block_height") if isinstance(status, dict) and confirmed else None
        return Spender(self._hash(str(row.get("txid")).encode()), height)

    def _json(self, path: str, kind: type) -> Any:
        body = self.http.get(path)
        if body is None:
            return None
        try:
            found = loads(body)
        except ValueError:
            raise self._nonsense("broken JSON") from None
        if not isinstance(found, kind):
            raise self._nonsense("JSON of another shape")
        return found

    def _number(self, row: Mapping[str, Any], key: str) -> int:
        found = row.get(key)
        if type(found) is not int or not 0 <= found < 1 << 62:  # neither a float nor a truth
            raise self._nonsense(f"no whole number for {key}")
        return found

    def _list(self, row: Mapping[str, Any], key: str) -> list[Any]:
        found = row.get(key)
        if not isinstance(found, list):
            raise self._nonsense(f"no list for {key}")
        return found

    def _hash(self, text: bytes) -> bytes:
        if not _HASH.fullmatch(text):
            raise self._nonsense("no hash where one should be")
        return bytes.fromhex(text.decode())[::-1]

    def _hex(self, text: str) -> bytes:
        try:
            return bytes.fromhex(text)
        except ValueError:
            raise self._nonsense("no hexadecimal digits where some should be") from None

    def _nonsense(self, what: str) -> SourceUnavailable:
        return SourceUnavailable(
            f"{self.host} answers with {what}.", hint="Is it an Esplora API? What was fetched is kept."
        )
