"""What a bridge rule is: a header an analyst can read, and a function from events to the two sides of crossings.

The rules live in `rules/bridges/`, one file each, and are handed in by the composition root. Anybody can emit an
event that looks like a bridge's: a rule sees only events of contracts that its emitter list pins for the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    import polars as pl

    from tracer.ledger.store import Ledger

Join = Literal["identifier", "fields"]
"""How two sides are known to be one crossing.

identifier  both sides carry the bridge's own id of it
fields      they agree in fields that need not be unique: a match counts where exactly one candidate is there
"""


@dataclass(frozen=True)
class Event:
    """One event of a protocol: its text, whose Keccak-256 is `topic`, and what it means for a crossing.

    side  `out`: value leaves this chain; `in`: it comes; `part`: says something of another event of its transaction
    """

    text: str
    topic: bytes
    side: Literal["out", "in", "part"]


class Bridge(Protocol):
    """One protocol."""

    @property
    def id(self) -> str:
        """Name in documents and in the emitter list."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def version(self) -> int:
        """Goes up when the same events give other sides."""

    @property
    def join(self) -> Join:
        """How its sides are matched."""

    @property
    def references(self) -> tuple[str, ...]:
        """Where the events are declared."""

    @property
    def limitations(self) -> tuple[str, ...]:
        """What it does not see."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The events it reads."""

    def sides(self, events: pl.DataFrame, home: str) -> pl.DataFrame:
        """The sides of crossings that these events tell: columns of `side_schema`, by (tx_id, log_index).

        events  tx_id int64, txid string (lower-case hex without 0x), log_index int32, emitter, topic, topics, data
                binary; of pinned emitters, in the order of the chain
        home    the protocol's own id of the chain the events are of
        """


@runtime_checkable
class ReadsMemos(Protocol):
    """A bridge that reads memos of a chain of outputs too."""

    def from_memos(self, memos: pl.DataFrame) -> pl.DataFrame:
        """The sides that memos tell: columns of `side_schema`, by (tx_id, log_index).

        memos  tx_id int64, txid string (lower-case hex), log_index int32 (the vout of the memo), memo string; of
               transactions that touch an address tagged as a bridge
        """


@cache
def side_schema() -> Mapping[str, Any]:
    """Columns of `Bridge.sides`.

    key        names the crossing; equal on both sides
    far        the protocol's own id of the other chain; null where the event does not say
    recipient  who is to get it on the other chain (out) or got it here (in); 20 bytes of an EVM account, 32 elsewhere
    token      contract on this chain; null where it is the native coin or the event does not say
    amount     base units of that token as the event says; null where it does not
    note       what an analyst should know of it
    named      the recipient on the other chain as a memo writes it; null where `recipient` says it, or nobody does
    trusts     an account of this chain that must be listed or tagged as a bridge's, or the side is forged: where
               anybody may make the pinned contract speak; null where the contract speaks for itself
    trusts_far the same of the other chain: who sent the message there
    """
    import polars as pl

    return {
        "tx_id": pl.Int64, "log_index": pl.Int32, "side": pl.String, "key": pl.String, "far": pl.String,
        "recipient": pl.Binary, "token": pl.Binary, "amount": pl.Decimal(38, 0), "note": pl.String, "named": pl.String,
        "trusts": pl.Binary, "trusts_far": pl.Binary,
    }  # fmt: skip


@dataclass(frozen=True)
class Pinned:
    """Which contracts a protocol has on which chains, and what it calls the chains.

    emitters  chain name -> contract (20 bytes) -> what the contract is
    networks  chain name -> the protocol's own id of it
    """

    emitters: Mapping[str, Mapping[bytes, str]] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)

    def chain_of(self, network: str) -> str | None:
        """The chain that the protocol calls so; None where nobody said."""
        return next((chain for chain, name in self.networks.items() if name == network), None)


@dataclass(frozen=True)
class Bridges:
    """What leads from chain to chain, and the lists it rests on.

    rules   the bridges that are read
    pinned  bridge -> its contracts
    pools   chain -> contract of a mixer pool -> denomination, base units
    opened  the ledger of another chain of the workspace, with clusters; None where nothing of it was read
    notes   for coverage: what lists of an analyst's own were read
    """

    rules: Sequence[Bridge]
    pinned: Mapping[str, Pinned]
    pools: Mapping[str, Mapping[bytes, int]] = field(default_factory=dict)
    opened: Callable[[str], Ledger | None] = lambda _name: None
    notes: tuple[str, ...] = ()
