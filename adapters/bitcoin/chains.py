"""The chains of the Bitcoin family: one entry each, declaring names, addresses and value rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.addresses import litecoin
from adapters.bitcoin import addresses
from adapters.bitcoin.addresses import AddressFormat
from adapters.bitcoin.work import BY_BLOCK_HASH, BY_SCRYPT, ProofOfWork
from adapters.hashes import hash_bytes
from tracer.chain import AddressKey, Family
from tracer.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Layout(StrEnum):
    """How a chain writes the transactions of a block."""

    BITCOIN = (
        "bitcoin"  # the developer reference's "raw transaction format"; BIP 144 where the chain has SegWit
    )


FEW = 16
"""Up to so many keys are hashed one by one: loading the kernels takes longer."""
_COIN = 100_000_000
_TESTNET = AddressFormat(b"\x6f", b"\xc4", "tb")


def _hash160(data: bytes) -> bytes:
    from Crypto.Hash import RIPEMD160

    return RIPEMD160.new(hashlib.sha256(data).digest()).digest()


@dataclass(frozen=True)
class BitcoinChain:
    """One network. `genesis` is the block hash as shown; `pow_limit` the easiest target it allows.

    bip34_height   from here on a coinbase states its height; segwit_height: from here on BIP 141 holds
    max_block_size bytes: a block's weight limit, since a byte weighs at least one
    proof          what a header's work is, and how long a header is (`adapters.bitcoin.work`)
    layout         how transactions and what follows them are written (`adapters.bitcoin.layouts`)
    price_asset    None where the coin is worth nothing; regtest keeps BTC, because simulated worlds live there and
                   show what a case looks like, prices too
    """

    name: str
    genesis: str
    magic: bytes
    format: AddressFormat
    pow_limit: int
    halving_interval: int
    bip34_height: int
    segwit_height: int | None
    max_block_size: int = 4_000_000
    asset: str = "BTC"
    price_asset: str | None = "BTC"
    decimals: int = 8
    max_money: int = 21_000_000 * _COIN
    proof: ProofOfWork = BY_BLOCK_HASH
    layout: Layout = Layout.BITCOIN

    family = Family.UTXO

    @property
    def caip2(self) -> str:
        """`bip122:` and the first 32 hex digits of the genesis hash (CAIP-4)."""
        return f"bip122:{self.genesis[:32]}"

    @property
    def genesis_hash(self) -> bytes:
        """The genesis block's hash in wire order."""
        return bytes.fromhex(self.genesis)[::-1]

    def parse_address(self, text: str) -> AddressKey:
        """Read an address of this network; `BadAddress` says why not."""
        return addresses.parse(text, self.format, self.name)

    def render_address(self, key: AddressKey) -> str:
        """Write the canonical form of an address."""
        return addresses.render(key, self.format)

    def hash_text(self, raw: bytes) -> str:
        """Reversed hex, as Bitcoin's people write hashes."""
        return raw[::-1].hex()

    def hash_bytes(self, text: str) -> bytes:
        """32 bytes in wire order; `UsageError` where the text is no txid."""
        return hash_bytes(text)[::-1]

    def subsidy(self, height: int) -> int:
        """Most new coins at a height: 50 coins, halved every `halving_interval` blocks."""
        halvings = height // self.halving_interval
        return 50 * _COIN >> halvings if halvings < 64 else 0

    def nested_segwit(self, payloads: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """HASH160 of the script `0 <payload>`: what P2SH-P2WPKH pays to (BIP 141; BIP 49 wallets)."""
        import numpy as np

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
        )


_GENESIS_MAIN = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f"
_GENESIS_TEST = "000000000933ea01ad0ee984209779baaec3ced90fa3f408719526f8d77f4943"
_GENESIS_TEST4 = "00000000da84f2bafbbc53dee25a72ae507ff4914b867c565be350b0da8bf043"
_GENESIS_REGTEST = "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
_GENESIS_SIGNET = "00000008819873e925422c1ff0f99f7cc9bbb232af63a077a480a3633bee1ef6"

_GENESIS_LITECOIN_REGTEST = "530827f38f93b43ed12af0b3ad25a288dc02ed74d6d7857862df51fc56c416f9"

_ENTRIES = (
    BitcoinChain(
        name="bitcoin",
        genesis=_GENESIS_MAIN,
        magic=bytes.fromhex("f9beb4d9"),
        format=AddressFormat(b"\x00", b"\x05", "bc"),
        pow_limit=0xFFFF << 208,
        halving_interval=210_000,
        bip34_height=227_931,
        segwit_height=481_824,
    ),
    BitcoinChain(
        name="bitcoin-testnet",
        genesis=_GENESIS_TEST,
        price_asset=None,
        magic=bytes.fromhex("0b110907"),
        format=_TESTNET,
        pow_limit=0xFFFF << 208,
        halving_interval=210_000,
        bip34_height=21_111,
        segwit_height=834_624,
    ),
    BitcoinChain(
        name="bitcoin-testnet4",  # BIP 94
        genesis=_GENESIS_TEST4,
        price_asset=None,
        magic=bytes.fromhex("1c163f28"),
        format=_TESTNET,
        pow_limit=0xFFFF << 208,
        halving_interval=210_000,
        bip34_height=1,
        segwit_height=1,
    ),
    BitcoinChain(
        name="bitcoin-signet",
        genesis=_GENESIS_SIGNET,
        price_asset=None,
        magic=bytes.fromhex("0a03cf40"),
        format=_TESTNET,
        pow_limit=0x0377AE << 216,
        halving_interval=210_000,
        bip34_height=1,
        segwit_height=1,
    ),
    BitcoinChain(
        name="bitcoin-regtest",
        genesis=_GENESIS_REGTEST,
        magic=bytes.fromhex("fabfb5da"),
        format=AddressFormat(b"\x6f", b"\xc4", "bcrt"),
        pow_limit=0x7FFFFF << 232,
        halving_interval=150,
        bip34_height=1,
        segwit_height=0,
    ),
    BitcoinChain(
        name="litecoin-regtest",
        genesis=_GENESIS_LITECOIN_REGTEST,
        price_asset=None,
        magic=bytes.fromhex("fabfb5da"),
        format=litecoin.REGTEST,
        pow_limit=0x7FFFFF << 232,
        halving_interval=150,
        bip34_height=500,
        segwit_height=0,
        asset="LTC",
        max_money=84_000_000 * _COIN,
        proof=BY_SCRYPT,
    ),
)

CHAINS: Mapping[str, BitcoinChain] = {entry.name: entry for entry in _ENTRIES}
"""Every chain of the family by its short name."""

MAGICS: Mapping[bytes, str] = {entry.magic: entry.name for entry in reversed(_ENTRIES)} | {
    bytes.fromhex("fbc0b6db"): "litecoin",
    bytes.fromhex("c0c0c0c0"): "dogecoin",
}
"""Network magics we can name in an error, also of chains we do not read; of chains that share one, the first."""


def named(text: str) -> BitcoinChain | None:
    """The entry for a short name or CAIP-2 id; None where there is none."""
    return next((entry for entry in _ENTRIES if text in (entry.name, entry.caip2)), None)


def chain_named(text: str) -> BitcoinChain:
    """The same; `UsageError` lists the chains of the family."""
    if (found := named(text)) is None:
        raise UsageError(f"unknown chain {text!r}.", hint=f"Known: {', '.join(CHAINS)}.")
    return found
