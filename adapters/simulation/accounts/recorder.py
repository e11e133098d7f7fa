"""What chain and actors report while the world is built; `adapters.simulation.accounts.truth` makes frames of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracer.chain import TransferKind

if TYPE_CHECKING:
    from adapters.simulation.accounts.chain import Tx


@dataclass
class Recorder:
    """Rows in the order of what happened. Assets and addresses are bytes, transactions their objects."""

    kinds: dict[str, str] = field(default_factory=dict)  # owner -> kind of actor
    owners: dict[tuple[int, bytes], tuple[str, str, str | None]] = field(default_factory=dict)
    contracts: dict[tuple[int, bytes], str] = field(default_factory=dict)
    tokens: dict[tuple[int, bytes], tuple[str, int | None, bool]] = field(default_factory=dict)
    openings: list[tuple[int, bytes, int]] = field(default_factory=list)
    txs: list[Tx] = field(default_factory=list)
    transfers: list[tuple[Tx, TransferKind, bytes, bytes | None, bytes | None, int]] = field(
        default_factory=list
    )
    payments: list[tuple[Tx, str, bytes, bytes, bytes, int]] = field(default_factory=list)
    swaps: list[tuple[Tx, str, bytes, bytes, bytes, int, bytes, int]] = field(default_factory=list)
    mixes: list[tuple[Tx, Tx, bytes, int, str, bytes, bytes]] = field(default_factory=list)
    bridged: list[tuple[Tx, Tx | None, int, bytes, int, bytes, int, bytes, bytes]] = field(
        default_factory=list
    )
    crossings: list[tuple[Tx, str, str, bytes, bytes, int]] = field(default_factory=list)
    exits: list[tuple[str, str, str, Tx, bytes, bytes, int, str, bool, Tx, bytes]] = field(
        default_factory=list
    )
    sources: list[tuple[str, str, Tx, bytes, bytes, int, str]] = field(default_factory=list)
    links: list[tuple[bytes, bytes, bool, str]] = field(default_factory=list)
    orders: list[tuple[str, str, str, bytes, bytes, int, Tx]] = field(default_factory=list)
    specials: dict[str, Tx] = field(default_factory=dict)

    def actor(self, name: str, kind: str) -> str:
        """Somebody by name; gives the name."""
        self.kinds[name] = kind
        return name

    def owned(
        self, chain_id: int, address: bytes, owner: str, role: str, customer: str | None = None
    ) -> None:
        """Who controls an address there; the first word counts."""
        self.owners.setdefault((chain_id, address), (owner, role, customer))

    def owner_of(self, chain_id: int, address: bytes) -> str:
        """The owner's name."""
        return self.owners[chain_id, address][0]

    def opening(self, chain_id: int, address: bytes, amount: int) -> None:
        """Wei an account has before the first block."""
        self.openings.append((chain_id, address, amount))

    def tx(self, tx: Tx) -> None:
        """A transaction was handed in."""
        self.txs.append(tx)

    def transfer(
        self,
        tx: Tx,
        kind: TransferKind,
        asset: bytes,
        source: bytes | None,
        target: bytes | None,
        amount: int,
    ) -> None:
        """One movement of a transaction."""
        self.transfers.append((tx, kind, asset, source, target, amount))

    def payment(self, tx: Tx, purpose: str, asset: bytes, source: bytes, target: bytes, amount: int) -> None:
        """Somebody paid somebody: what a movement, or several, were for."""
        self.payments.append((tx, purpose, asset, source, target, amount))

    def link(self, a: bytes, b: bytes, same_owner: bool, reason: str) -> None:
        """Two addresses that a heuristic may meet, and whether they are of one owner."""
        self.links.append((a, b, same_owner, reason))
