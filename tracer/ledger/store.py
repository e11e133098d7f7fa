"""Open the facts of one chain: schema, tip, and the look-ups from names to ids and back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from tracer.chain import AddressKey, Chain, Family
from tracer.db import Database, named_sql
from tracer.errors import StoreDamaged, UsageError
from tracer.ledger.prefix import address_prefix, address_prefixes, txid_prefix
from tracer.workspace import Workspace

if TYPE_CHECKING:
    import polars as pl

_SQL = named_sql("tracer.ledger", "store.sql")
_SCHEMAS = {
    Family.UTXO: named_sql("tracer.ledger", "schema.sql"),
    Family.ACCOUNT: named_sql("tracer.ledger.accounts", "schema.sql"),
}
MIGRATIONS = {
    Family.UTXO: ("facts_1", "links_2", "order_3", "partial_4", "unlinked_5", "former_6"),
    Family.ACCOUNT: ("accounts_1", "former_2"),
}
"""Of each family: named, recorded, forward only; each runs once, in this order, inside one transaction."""


@dataclass(frozen=True)
class Tip:
    """The last block of the best chain known so far."""

    height: int
    block_hash: bytes
    time: int


class Ledger:
    """The facts of one chain, open. Use as a context manager; `db` is the open database.

    Readers see resolved heights only: a load commits whole turns (see `tracer.ledger.ingest`).
    """

    def __init__(self, db: Database, chain: Chain) -> None:
        self.db = db
        self.chain = chain

    @classmethod
    def open(
        cls,
        workspace: Workspace,
        chain: Chain,
        *,
        read_only: bool = True,
        memory: str | None = None,
        threads: int | None = None,
    ) -> Ledger:
        """Open a chain's facts; for writing, the file is created and migrated as needed."""
        path = workspace.chain_file(chain.name)
        if read_only and not path.exists():
            raise UsageError(
                f"nothing of {chain.name} was read into {workspace.root}.",
                hint=f"Run `tracer sync {chain.name} --source ...` first.",
            )
        db = Database(path, read_only=read_only, memory=memory, threads=threads)
        ledger = cls(db, chain)
        try:
            ledger._check_schema(workspace)
            if not read_only:
                ledger._migrate()
            elif not ledger._migrated():  # written by an older tracer
                db.close()
                cls.open(workspace, chain, read_only=False, memory=memory, threads=threads).db.close()
                return cls.open(workspace, chain, memory=memory, threads=threads)
        except BaseException:
            db.close()
            raise
        if read_only:
            from tracer.ledger.pin import Pin  # it hides what came later, with much that needs a ledger

            db.gives_way(Pin(ledger))
        return ledger

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.db.close()

    def _check_schema(self, workspace: Workspace) -> None:
        """Refuse a file that is not ours, or of a newer version; an empty one is as good as none."""
        tables = {name for (name,) in self.db.rows(_SQL["tables"])}
        if not tables:
            if self.db.read_only:
                raise UsageError(
                    f"nothing of {self.chain.name} was read into {workspace.root}.",
                    hint=f"Run `tracer sync {self.chain.name} --source ...` first.",
                )
            return
        if "migration" not in tables:
            raise StoreDamaged(f"{self.db.path} is no tracer store.", hint="Move it away and sync again.")
        done = {name for (name,) in self.db.rows(_SQL["migrations_done"])}
        ours = MIGRATIONS[self.chain.family]
        others = {
            name for family, names in MIGRATIONS.items() if family != self.chain.family for name in names
        }
        if done & others:
            kept = "outputs" if self.chain.family is Family.ACCOUNT else "accounts"
            raise StoreDamaged(
                f"{self.db.path} holds a chain of {kept}, and {self.chain.name} is none.",
                hint="Move it away and sync again.",
            )
        if unknown := sorted(done - set(ours)):
            raise StoreDamaged(
                f"{self.db.path} was written by a newer tracer (it has {unknown[0]}).",
                hint="Use that version.",
            )

    def _migrated(self) -> bool:
        done = {name for (name,) in self.db.rows(_SQL["migrations_done"])}
        return done >= set(MIGRATIONS[self.chain.family])

    def _migrate(self) -> None:
        self.db.run(_SQL["create_migration"])
        done = {name for (name,) in self.db.rows(_SQL["migrations_done"])}
        for name in MIGRATIONS[self.chain.family]:
            if name not in done:
                with self.db.transaction():
                    self.db.script(_SCHEMAS[self.chain.family][name])
                    self.db.run(_SQL["record_migration"], {"name": name})

    def tip(self) -> Tip | None:
        """The last block of which anything is known, or None in an empty store: answers are as of this one.

        Where an explorer was asked (`tracer.ledger.partial`) it may lie above the last block that was read whole.
        """
        found = self.db.row(_SQL["tip"])
        return None if found is None else Tip(*found)

    def read_to(self) -> int | None:
        """Height of the last block that was read whole."""
        if self.chain.family is Family.ACCOUNT:
            tip = self.tip()
            return None if tip is None else tip.height
        found: int | None = self.db.value(_SQL["read_to"])
        return found

    def runs(self) -> list[tuple[int, int]]:
        """First and last height of each run of consecutive blocks that were read whole, ascending."""
        utxo = self.chain.family is Family.UTXO
        return [(first, last) for first, last in self.db.rows(_SQL["runs" if utxo else "runs_of_accounts"])]

    def find_tx(self, txid: bytes) -> list[int]:
        """Ids of the transactions with this txid (wire order), in chain order.

        Empty when never read; two where a coinbase was repeated before BIP30. A 64-bit prefix finds
        candidates, all 32 bytes decide.
        """
        return [i for (i,) in self.db.rows(_SQL["find_tx"], {"prefix": txid_prefix(txid), "txid": txid})]

    def find_address(self, key: AddressKey) -> int | None:
        """The dense id of an address, or None when the ledger never saw it."""
        found: int | None = self.db.value(
            _SQL["find_address"],
            {"prefix": address_prefix(key), "kind": key.kind, "payload": key.payload},
        )
        return found

    def find_addresses(self, addresses: pl.DataFrame) -> pl.DataFrame:
        """Which of many addresses (kind uint8, payload) the ledger has seen: place (their row, int64), address_id."""
        import polars as pl

        if not addresses.height:
            return pl.DataFrame(schema={"place": pl.Int64, "address_id": pl.Int32})
        asked = addresses.select("kind", "payload", address_prefixes(addresses).alias("prefix"))
        asked = asked.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
        with self.db.table("asked", asked):
            return self.db.polars(_SQL["find_addresses"])

    def in_order(self) -> bool:
        """Whether address ids follow the order of the chain: blocks were never written below others (a backfill)."""
        return bool(self.db.value(_SQL["in_order"]))

    def quarantine_block(self, block_hash: bytes, source: str, reason: str, raw: bytes) -> None:
        """Keep a refused block as it was found, once; `tracer status` counts it until a sound copy is read."""
        place = f"block {self.chain.hash_text(block_hash)}"
        self.db.run(_SQL["quarantine"], {"source": source, "place": place, "reason": reason, "raw": raw})

    def quarantined(self) -> list[str]:
        """What was refused or not understood, by name."""
        return [place for (place,) in self.db.rows(_SQL["quarantined"])]

    def release_quarantine(self) -> None:
        """Forget refused blocks of which a sound copy was read since."""
        for place in self.quarantined():
            kind, _, name = place.partition(" ")
            if kind != "block" or " " in name:  # something inside a block that was read
                continue
            if self.db.value(_SQL["block_known"], {"hash": self.chain.hash_bytes(name)}):
                self.db.run(_SQL["release"], {"place": place})

    def render_addresses(self, ids: Iterable[int]) -> dict[int, str]:
        """Canonical text of each address id."""
        wanted = sorted(set(ids))
        rows = self.db.rows(_SQL["addresses"], {"ids": wanted}) if wanted else []
        return {i: self.chain.render_address(AddressKey(kind, payload)) for i, kind, payload in rows}

    def render_txids(self, ids: Iterable[int]) -> dict[int, str]:
        """Txid of each transaction id, as the chain's people write it."""
        wanted = sorted(set(ids))
        rows = self.db.rows(_SQL["txids"], {"ids": wanted}) if wanted else []
        return {i: self.chain.hash_text(txid) for i, txid in rows}
