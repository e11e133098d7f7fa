"""What the engine knows of a chain: how to name things, and which rules its blocks declare.

The engine knows chains only through these types; each chain is an entry in `adapters` handed in by the
composition root.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TX_INDEX_BITS = 24
"""`tx_id = height << 24 | index in block`: sorts by time, needs no dictionary (DESIGN section 3)."""


class ScriptKind(IntEnum):
    """The kind of an output's locking script. Stored as small integers; the order is part of the schema.

    An *address* uses the same numbers, with one exception: P2PK is stored as the P2PKH address of its key,
    because both are spent by the same key holder (the output keeps its own kind).
    """

    NONSTANDARD = 0
    P2PK = 1
    P2PKH = 2
    P2SH = 3
    P2WPKH = 4
    P2WSH = 5
    P2TR = 6
    MULTISIG = 7
    OP_RETURN = 8
    ANCHOR = 9
    WITNESS_UNKNOWN = 10


ADDRESSLESS = (ScriptKind.NONSTANDARD, ScriptKind.OP_RETURN, ScriptKind.ANCHOR)
"""Kinds without an owner to name: burnt, anyone's, or not understood. Such outputs have no address id."""


@dataclass(frozen=True, order=True)
class AddressKey:
    """An address inside the engine: kind and payload bytes (hash or witness program), never text."""

    kind: int
    payload: bytes


class Chain(Protocol):
    """What the engine asks of a chain."""

    @property
    def name(self) -> str:
        """Short name on the command line: `bitcoin`, `bitcoin-regtest`."""

    @property
    def caip2(self) -> str:
        """CAIP-2 id: `bip122:<first 32 hex digits of the genesis hash>`."""

    @property
    def asset(self) -> str:
        """Ticker of the native asset: `BTC`."""

    @property
    def decimals(self) -> int:
        """Digits after the point of the native asset: 8."""

    @property
    def price_asset(self) -> str | None:
        """Ticker whose prices hold for the native asset; None where the coin is worth nothing: test networks."""

    def parse_address(self, text: str) -> AddressKey:
        """Read an address; raises `BadAddress` with the reason (checksum, network, length)."""

    def render_address(self, key: AddressKey) -> str:
        """Write the canonical form of an address."""

    def subsidy(self, height: int) -> int:
        """Most base units a coinbase may create at this height, without fees."""

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """P2SH payloads of the nested SegWit form of keys, given as HASH160 of each: (n, 20) -> (n, 20), uint8.

        None where the chain has no SegWit: one key then has one address there.
        """

    def unverified(self) -> tuple[str, ...]:
        """Rules this chain's entry does not check; coverage quotes them."""


def tx_height(tx_id: int) -> int:
    """The height a transaction id stands for."""
    return tx_id >> TX_INDEX_BITS


def first_tx_id(height: int) -> int:
    """The id of the first transaction at a height (its coinbase)."""
    return height << TX_INDEX_BITS
