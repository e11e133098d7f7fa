"""What the engine knows of a chain: how to name things, and which rules its blocks declare.

The engine knows chains only through these types; each chain is an entry in `adapters` handed in by the
composition root.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Protocol, cast

from tracer.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TX_INDEX_BITS = 24
"""`tx_id = height << 24 | index in block`: sorts by time, needs no dictionary (DESIGN section 3)."""


BLOCK_INDEX = (1 << TX_INDEX_BITS) - 1
"""Index in its block of what no transaction did: block rewards, withdrawals. It comes after all transactions."""


class Family(StrEnum):
    """How a chain keeps value: in outputs that are spent once, or in accounts with balances."""

    UTXO = "utxo"
    ACCOUNT = "account"


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
    SHIELDED = 11  # a pool of privacy coins: what enters it is such an output, what leaves it such an input


ADDRESSLESS = (ScriptKind.NONSTANDARD, ScriptKind.OP_RETURN, ScriptKind.ANCHOR, ScriptKind.SHIELDED)
"""Kinds without an owner to name: burnt, anyone's, hidden, or not understood. Such outputs have no address id."""

FROM_POOL = -2
"""An input that leaves shielded pool number p spends no output: its `prev_vout` is `FROM_POOL - p`, its txid all zero.

Below -1, which is a coinbase's on the wire, and a fee's in a trail. Numbers are the chain's own; on Zcash 0 is Sprout,
1 Sapling, 2 Orchard, 3 Ironwood.
"""


@dataclass(frozen=True, order=True)
class AddressKey:
    """An address inside the engine: kind and payload bytes (hash or witness program), never text."""

    kind: int
    payload: bytes


class TransferKind(IntEnum):
    """What moved an asset from account to account. Stored as small integers; the order is part of the schema."""

    VALUE = 0  # the value a transaction itself carries
    INTERNAL = 1  # a successful call, create or self-destruct inside it
    TOKEN = 2  # the Transfer event of a token standard
    WRAP = 3  # wrapped native coin created: its native coin came in the same transaction
    UNWRAP = 4  # wrapped native coin destroyed
    FEE_BURNED = 5  # gas that nobody gets: base fee, blob gas, Tron's burnt energy and bandwidth
    FEE_PAID = 6  # gas that somebody gets: tips, what a layer 2 pays for its data
    REWARD = 7  # new coins of a block
    WITHDRAWAL = 8  # stake returned (EIP-4895)


FEES = (TransferKind.FEE_BURNED, TransferKind.FEE_PAID)
"""Kinds that are gas: they leave an account after the value moves of their transaction."""


class AssetStandard(IntEnum):
    """What kind of thing an asset is. Stored as small integers; the order is part of the schema.

    An asset is (standard, contract, token id): every token of a collection is an asset of its own.
    """

    NATIVE = 0  # the chain's coin: no contract
    FUNGIBLE = 1  # ERC-20, TRC-20
    UNIQUE = 2  # ERC-721: one of each token id
    MULTI = 3  # ERC-1155: many of each token id
    TRC10 = 4  # Tron's own tokens: a number and no contract


class RelationKind(IntEnum):
    """A fact between two accounts that moves no value. Stored as small integers; the order is part of the schema."""

    CREATE = 0  # `giver` created the contract `receiver`
    CREATE2 = 1  # the same by EIP-1014: a clone of one factory
    APPROVAL = 2  # `giver` lets `receiver` spend its tokens
    ACTIVATION = 3  # Tron: `giver` brought the account `receiver` into being
    DELEGATION = 4  # Tron: `giver` lent resources to `receiver`
    UNDELEGATION = 5  # ... and took them back


class Chain(Protocol):
    """What the engine asks of every chain."""

    @property
    def family(self) -> Family:
        """How it keeps value."""

    @property
    def name(self) -> str:
        """Short name on the command line: `bitcoin`, `bitcoin-regtest`, `ethereum`."""

    @property
    def caip2(self) -> str:
        """CAIP-2 id: `bip122:<first 32 hex digits of the genesis hash>`, `eip155:<chain id>`."""

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

    def hash_text(self, raw: bytes) -> str:
        """A txid or block hash as this chain's people write it: reversed hex, or hex after 0x."""

    def hash_bytes(self, text: str) -> bytes:
        """The 32 bytes of a txid or block hash as people write it; raises `UsageError` where it is none."""

    def unverified(self) -> tuple[str, ...]:
        """Rules this chain's entry does not check; coverage quotes them."""


class UtxoChain(Chain, Protocol):
    """What the engine asks of a chain of outputs."""

    def subsidy(self, height: int) -> int:
        """Most base units a coinbase may create at this height, without fees."""

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """P2SH payloads of the nested SegWit form of keys, given as HASH160 of each: (n, 20) -> (n, 20), uint8.

        None where the chain has no SegWit: one key then has one address there.
        """


class AccountChain(Chain, Protocol):
    """What the engine asks of a chain of accounts."""

    @property
    def account_kind(self) -> int:
        """`AddressKey.kind` of its accounts; their payloads are 20 bytes."""


def utxo(chain: Chain) -> UtxoChain:
    """The chain as one of outputs; `UsageError` where it keeps accounts."""
    if chain.family is not Family.UTXO:
        raise UsageError(f"{chain.name} keeps accounts, not outputs: this is not asked of it.")
    return cast("UtxoChain", chain)


def accounts(chain: Chain) -> AccountChain:
    """The chain as one of accounts; `UsageError` where it keeps outputs."""
    if chain.family is not Family.ACCOUNT:
        raise UsageError(f"{chain.name} keeps outputs, not accounts: this is not asked of it.")
    return cast("AccountChain", chain)


def tx_height(tx_id: int) -> int:
    """The height a transaction id stands for."""
    return tx_id >> TX_INDEX_BITS


def first_tx_id(height: int) -> int:
    """The id of the first transaction at a height (its coinbase)."""
    return height << TX_INDEX_BITS
