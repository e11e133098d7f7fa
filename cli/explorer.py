"""What is fetched from an explorer goes into the ledger: in short turns, each kept, nothing asked twice."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli import compose
from tracer.errors import BadBlockFile, DataError, ReorgedAway, SourceUnavailable, UsageError

if TYPE_CHECKING:
    from adapters.bitcoin.explorer.loose import Loose
    from adapters.bitcoin.explorer.source import Esplora, Told
    from cli.app import App
    from tracer.ledger.store import Ledger

TURN = 20
"""Transactions fetched between two commits (P): so many are lost at most when the command is killed."""
DEEP = 100
"""No reorganisation goes deeper (P): an explorer that differs further down is of another chain, or lies."""
LONG = 10_000
"""(P) An address of more transactions is nobody's alone: its history is not fetched."""


@dataclass(frozen=True)
class Pin:
    """The block as of which an explorer is asked; later ones are not looked at."""

    height: int
    hash: bytes


class Fetcher:
    """One explorer and one chain of the ledger, for one question.

    added  transactions that were fetched
    """

    def __init__(self, app: App, chain_name: str, explorer: Esplora) -> None:
        self._app, self._name, self._explorer = app, chain_name, explorer
        self._chain, self.host = explorer.chain, explorer.host
        self._pin = Pin(-1, b"")
        self._told: dict[bytes, Told] = {}
        self._headers: dict[bytes, bytes] = {}
        self._sparse: set[int] = set()
        self.added = 0

    @contextmanager
    def _writing(self) -> Iterator[Ledger]:
        """The ledger in one transaction; nobody else loads the chain meanwhile."""
        with (
            self._app.workspace.ready().turn(self._name),
            compose.open_ledger(self._app, self._name, read_only=False) as ledger,
            ledger.db.transaction(),
        ):
            yield ledger

    def _reading(self) -> Ledger:
        return compose.open_ledger(self._app, self._name)

    # The block all is asked as of ----------------------------------------------------------------------

    def begin(self) -> None:
        """Pin the explorer's tip, once its chain is the one known here; what lay on a lost branch goes.

        Raises `ReorgedAway` where blocks that were read whole are of another branch, `SourceUnavailable` where it is
        behind, `BadBlockFile` where its chain is another.
        """
        from adapters.bitcoin.explorer.loose import header_bytes, header_table
        from tracer.ledger import partial

        height = self._explorer.tip_height()
        found = self._explorer.block_hash(height)
        if found is None:
            raise SourceUnavailable(f"{self.host} does not know the block it calls its last.")
        self._pin = Pin(height, found)
        known = self._agreed()
        with self._writing() as ledger:
            fields = partial.header(ledger, height, found)
            self._sparse = {at for at, _ in partial.blocks(ledger)}
        if not known:
            first = self._explorer.block_hash(0)
            if first != self._chain.genesis_hash:
                shown = "none" if first is None else self._chain.hash_text(first)
                raise BadBlockFile(
                    f"{self.host} shows another chain: its first block is {shown}, that of {self._name} "
                    f"{self._chain.genesis}.",
                    hint="Give the explorer of this chain.",
                )
        header = header_bytes(*fields) if fields else self._explorer.header(found)
        with self._writing() as ledger:
            partial.pin(ledger, header_table([(height, header)]), self.host)

    def _agreed(self) -> bool:
        """Whether the explorer agrees with anything known here; drops what it no longer has."""
        from tracer.ledger import partial
        from tracer.ledger.loading import Known

        with self._writing() as ledger:  # it makes the store where there is none
            whole, sparse = ledger.read_to(), partial.blocks(ledger)
            block = None if whole is None else Known(ledger).at(min(whole, self._pin.height))
        above = max([height for height, _ in sparse[:1]] + [whole or 0])
        if block is not None and self._there(block.height) != block.hash:
            raise ReorgedAway(
                f"{self.host} is on another branch than the blocks of {self._name} that were read: block "
                f"{block.height} differs.",
                hint=f"Run `tracer sync {self._name}` first.",
            )
        lost = None
        for height, found in sparse:
            if height <= self._pin.height:
                if self._there(height) == found:
                    break
                lost = height
                if sparse[0][0] - height > DEEP:
                    raise ReorgedAway(
                        f"{self.host} has other blocks than those known here, for more than {DEEP} blocks down.",
                        hint=f"Is it the explorer of {self._name}? Nothing was forgotten.",
                    )
        if lost is not None:
            self._app.warn(f"a branch from height {lost} on lost: what {self.host} told of it is forgotten")
            with self._writing() as ledger:
                partial.drop(ledger, lost)
        elif above > self._pin.height:
            raise SourceUnavailable(
                f"{self.host} is at height {self._pin.height}, behind what is known here ({above}).",
                hint="Ask again when it has caught up, or ask without --source.",
            )
        return whole is not None or (bool(sparse) and lost != sparse[-1][0])

    def _there(self, height: int) -> bytes | None:
        return self._pin.hash if height == self._pin.height else self._explorer.block_hash(height)

    def end(self) -> None:
        """The chain must be the one that was pinned, where anything was fetched: else the answer stands on no block."""
        if self.added and self._explorer.block_hash(self._pin.height) != self._pin.hash:
            raise ReorgedAway(
                f"{self.host} changed its branch at height {self._pin.height} while it was asked.",
                hint="Run the same command again.",
            )

    # Transactions --------------------------------------------------------------------------------------

    def transactions(self, txids: Iterable[str], needed: Container[str] = ()) -> None:
        """Fetch those of these transactions that are not here, with proofs; `needed` ones must be there."""
        from tracer.ledger import partial

        wanted = [self._chain.hash_bytes(txid) for txid in dict.fromkeys(txids)]
        with self._reading() as ledger:
            known = partial.here(ledger, wanted)
        missing = [txid for txid in wanted if txid not in known]
        for at in range(0, len(missing), TURN):
            found = [
                self._one(txid, self._chain.hash_text(txid) in needed) for txid in missing[at : at + TURN]
            ]
            self._keep([each for each in found if each is not None])

    def _one(self, txid: bytes, needed: bool) -> Loose | None:
        told = self._told.pop(txid, None) or self._explorer.transaction(txid)
        name = self._chain.hash_text(txid)
        if told is None or told.height is None or told.block_hash is None or told.height > self._pin.height:
            if needed:
                what = "does not know" if told is None else "shows no confirmation yet of"
                raise UsageError(
                    f"{self.host} {what} transaction {name} up to height {self._pin.height}: the answer is `unseen`, "
                    "not `no exposure`.",
                    hint="Check the txid and the chain, or ask again later.",
                )
            return None
        return self._explorer.proved(told, self._header(told.height, told.block_hash))

    def _header(self, height: int, found: bytes) -> bytes:
        """A block's header: known here, fetched before, or asked for."""
        from adapters.bitcoin.explorer.loose import header_bytes
        from tracer.ledger import partial

        if found not in self._headers:
            kept = None
            if height in self._sparse:
                with self._reading() as ledger:
                    kept = partial.header(ledger, height, found)
            self._headers[found] = header_bytes(*kept) if kept else self._explorer.header(found)
        return self._headers[found]

    def _keep(self, loose: Sequence[Loose]) -> None:
        from adapters.bitcoin.explorer.loose import loose_batch
        from tracer.ledger import partial

        if loose:
            batch = loose_batch(loose, self._chain, self.host)
            with self._writing() as ledger:
                partial.insert(ledger, batch, self.host)
            self.added += len(loose)

    # What is around them -------------------------------------------------------------------------------

    def history(self, address: str, most: int | None = None) -> None:
        """Fetch every transaction of an address up to the pinned block; it is complete then.

        Of more than `most` transactions only their number is kept; without `most` too many are a `UsageError`.
        """
        from tracer.ledger import partial

        key = self._chain.parse_address(address)
        with self._reading() as ledger:
            number = ledger.find_address(key)
            told = {} if number is None else partial.told_of(ledger, [number])
        if any(each.whole_to >= self._pin.height for each in told.values()):
            return
        count = self._explorer.count(address)
        if most is not None and count > most:
            with self._writing() as ledger:
                partial.tell_addresses(ledger, [(key, count, False)], self._pin.height, self.host)
            return
        if count > LONG:
            raise UsageError(
                f"{address} has {count} transactions: such a history is not fetched one by one.",
                hint=f"Sync whole blocks of {self._name}, or seed single outputs.",
            )
        confirmed = [
            told for told in self._explorer.history(address, count) if (told.height or 0) <= self._pin.height
        ]
        self._told.update((told.txid, told) for told in confirmed)
        self.transactions(self._chain.hash_text(told.txid) for told in reversed(confirmed))
        with self._writing() as ledger:
            partial.tell_addresses(ledger, [(key, len(confirmed), True)], self._pin.height, self.host)

    def counts(self, addresses: Iterable[str]) -> bool:
        """Ask how many transactions addresses have, where that is not known; whether any was asked for."""
        from tracer.ledger import partial

        keys = {address: self._chain.parse_address(address) for address in addresses}
        with self._reading() as ledger:
            ids = {address: ledger.find_address(key) for address, key in keys.items()}
            told = partial.told_of(ledger, [number for number in ids.values() if number is not None])
        fresh = [
            address
            for address, number in ids.items()
            if number is not None and (number not in told or told[number].height < self._pin.height)
        ]
        for at in range(0, len(fresh), TURN):
            found = [(keys[each], self._explorer.count(each), False) for each in fresh[at : at + TURN]]
            with self._writing() as ledger:
                partial.tell_addresses(ledger, found, self._pin.height, self.host)
        return bool(fresh)

    def spends(self, outputs: Mapping[str, Sequence[int]]) -> None:
        """Ask what spends these outputs, and fetch it; what nothing spends is kept as told.

        Raises `DataError` where what the explorer names does not spend it.
        """
        txids = list(outputs)
        for at in range(0, len(txids), TURN):
            unspent: list[tuple[str, int]] = []
            spent: dict[tuple[str, int], str] = {}
            for txid in txids[at : at + TURN]:
                rows = self._explorer.outspends(self._chain.hash_bytes(txid))
                for vout in outputs[txid]:
                    if vout >= len(rows):
                        raise DataError(f"{self.host} leaves out output {vout} of transaction {txid}.")
                    spender = rows[vout]
                    if spender is None or spender.height is None or spender.height > self._pin.height:
                        unspent.append((txid, vout))
                    else:
                        spent[txid, vout] = self._chain.hash_text(spender.txid)
            self.transactions(spent.values())
            self._tell(unspent, spent)

    def _tell(self, unspent: Sequence[tuple[str, int]], spent: Mapping[tuple[str, int], str]) -> None:
        import polars as pl

        from tracer.ledger import partial

        with self._writing() as ledger:
            schema = {"tx_id": pl.Int64, "vout": pl.Int32}
            rows = [(tx_id, vout) for txid, vout in unspent for tx_id in self._ids(ledger, txid)]
            partial.tell_unspent(
                ledger, pl.DataFrame(rows, schema=schema, orient="row"), self._pin.height, self.host
            )
            places = [(tx_id, vout) for txid, vout in spent for tx_id in self._ids(ledger, txid)]
            known = partial.spent(ledger, pl.DataFrame(places, schema=schema, orient="row"))
            for (txid, vout), spender in spent.items():
                if not any((tx_id, vout) in known for tx_id in self._ids(ledger, txid)):
                    raise DataError(
                        f"{self.host} says that transaction {spender} spends {txid}:{vout}, and it does not.",
                        hint="What was proved is kept; ask another source.",
                    )

    def _ids(self, ledger: Ledger, txid: str) -> list[int]:
        return ledger.find_tx(self._chain.hash_bytes(txid))
