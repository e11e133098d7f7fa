"""After how many blocks a chain's transaction is called final. Our defaults (P); exchanges ask for about as many."""

from __future__ import annotations

from collections.abc import Mapping

from tracer.chain import Chain, Family

CONFIRMATIONS: Mapping[str, int] = {
    "bitcoin": 6,
    "bitcoin-cash": 15,
    "litecoin": 12,
    "dogecoin": 40,
    "zcash": 24,
    "ethereum": 64,
    "polygon": 256,
    "tron": 20,
}
"""By chain or the main network of its name; blocks, the transaction's own counted."""
_OF_FAMILY = {Family.UTXO: 6, Family.ACCOUNT: 64}


def confirmations(chain: Chain) -> int:
    """Blocks after which a transaction of this chain is final."""
    main = chain.name.removesuffix("-regtest").removesuffix("-testnet")
    return CONFIRMATIONS.get(main, _OF_FAMILY[chain.family])
