"""What a chain of the Bitcoin family declares: names, address forms, value rules, proof of work and layout."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

from adapters.addresses.refusal import TEXT, refusal
from adapters.bitcoin.addresses import AddressCodec
from adapters.bitcoin.work import BY_BLOCK_HASH, ProofOfWork
from adapters.hashes import hash_bytes
from tracer.chain import AddressKey, Family

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COIN = 100_000_000
FEW = 16
"""Up to so many keys are hashed one by one: loading the kernels takes longer."""


class Layout(StrEnum):
    """How a chain writes the transactions of a block (`adapters.bitcoin.layouts`)."""

    # the developer reference's "raw transaction format"; BIP 144 where the chain has SegWit
    BITCOIN = "bitcoin"
    # LIP-0002: a HogEx transaction last, and an extension block behind it
    MWEB = "mweb"
    # CHIP-2022-02: a token prefix before a locking script
    CASHTOKENS = "cashtokens"
    # shielded pools beside the transparent parts; from version 5 on a txid is a tree of hashes
    ZCASH = "zcash"


def _halved(height: int, *, first: int, interval: int) -> int:
    halvings = height // interval
    return first >> halvings if halvings < 64 else 0


def halving(interval: int) -> Callable[[int], int]:
    """Most new coins at a height: 50 coins, halved every `interval` blocks."""
    return partial(_halved, first=50 * COIN, interval=interval)


@dataclass(frozen=True)
class BitcoinChain:
    """One network. `genesis` is the block hash as shown; `pow_limit` the easiest target it allows.

    rewards        most base units a coinbase may create at a height, without fees
    bip34_height   from here on a coinbase states its height, None where none must; segwit_height: from here on
                   BIP 141 holds, None where the chain has no witnesses
    max_block_size bytes: a block's weight limit, since a byte weighs at least one
    proof          what a header's work is, and how long a header is (`adapters.bitcoin.work`)
    layout         how transactions and what follows them are written (`adapters.bitcoin.layouts`)
    magic          what a node writes before each block in its files (BCHN writes Bitcoin's)
    price_asset    None where the coin is worth nothing; regtest keeps BTC, because simulated worlds live there and
                   show what a case looks like, prices too
    txid_order_height  from here on the transactions of a block are in the order of their txids (CTOR)
    tokens_height  from here on outputs may carry CashTokens, and OP_HASH256 scripts are P2SH32
    retarget_interval  the target changes at multiples of this height only; None where it may anywhere
    checkpoints    height and hash of blocks that tell it from chains with the same past
    named_by       the hash CAIP-2 names it by, where its genesis is another chain's too
    notes          what reading it does not check, beyond what is checked of no chain
    """

    name: str
    genesis: str
    magic: bytes
    format: AddressCodec
    pow_limit: int
    rewards: Callable[[int], int]
    bip34_height: int | None
    segwit_height: int | None
    max_block_size: int = 4_000_000
    asset: str = "BTC"
    price_asset: str | None = "BTC"
    decimals: int = 8
    max_money: int = 21_000_000 * COIN
    proof: ProofOfWork = BY_BLOCK_HASH
    layout: Layout = Layout.BITCOIN
    txid_order_height: int | None = None
    tokens_height: int | None = None
    retarget_interval: int | None = None
    checkpoints: tuple[tuple[int, str], ...] = ()
    named_by: str = ""
    notes: tuple[str, ...] = ()

    family = Family.UTXO

    @property
    def caip2(self) -> str:
        """`bip122:` and the first 32 hex digits of the genesis hash, or of the block that names it (CAIP-4)."""
        return f"bip122:{(self.named_by or self.genesis)[:32]}"

    @property
    def genesis_hash(self) -> bytes:
        """The genesis block's hash in wire order."""
        return bytes.fromhex(self.genesis)[::-1]

    def parse_address(self, text: str) -> AddressKey:
        """Read an address of this network; `BadAddress` says why not."""
        key = self.format.read(text, self.name)[1]
        if key.kind == TEXT:
            raise refusal(text, "it is a shielded address, which stands on no output", "Ask about a payment.")
        return key

    def render_address(self, key: AddressKey) -> str:
        """Write the canonical form of an address."""
        return self.format.write(key)

    def hash_text(self, raw: bytes) -> str:
        """Reversed hex, as Bitcoin's people write hashes."""
        return raw[::-1].hex()

    def hash_bytes(self, text: str) -> bytes:
        """32 bytes in wire order; `UsageError` where the text is no txid."""
        return hash_bytes(text)[::-1]

    def subsidy(self, height: int) -> int:
        """Most new base units at a height."""
        return self.rewards(height)

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
        """HASH160 of the script `0 <payload>`: what P2SH-P2WPKH pays to (BIP 141; BIP 49 wallets)."""
        import numpy as np

        if self.segwit_height is None:
            return None
        if len(payloads) <= FEW:
            found = [_hash160(b"\x00\x14" + row.tobytes()) for row in payloads]
            return np.frombuffer(b"".join(found), np.uint8).reshape(-1, 20)
        # not at the top: naming chains must not wait for the kernels
        from adapters.bitcoin.hashing import hash160_rows

        scripts = np.empty((len(payloads), 22), np.uint8)
        scripts[:, 0], scripts[:, 1] = 0, 20
        scripts[:, 2:] = payloads
        return hash160_rows(scripts)

    def unverified(self) -> tuple[str, ...]:
        """What reading this chain does not check."""
        return (
            "scripts and signatures are not executed",
            "difficulty adjustments are not recomputed; each block meets the target it states",
            "block weight, timestamps, stated heights and coinbase maturity are not checked",
            *self.notes,
        )


def _hash160(data: bytes) -> bytes:
    from Crypto.Hash import RIPEMD160

    return RIPEMD160.new(hashlib.sha256(data).digest()).digest()
