"""On which chain, and of which token: our two fields, GraphSense's `currency` and `network`, and the way between."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tracer.errors import BadClaim, UsageError

Ticker = Callable[[str, str], tuple[str, str | None]]
"""(currency or network, address) -> (chain, ticker of the token it names); raises `BadAddress`, `UsageError`."""

CURRENCY, NETWORK = "currency", "network"
"""TagPack's own spellings."""
ASSET = re.compile(r"[A-Z0-9][A-Z0-9.$_-]{0,19}")
"""A ticker."""
_TICKERS = {
    "bitcoin": "BTC", "ethereum": "ETH", "bitcoin-cash": "BCH", "zcash": "ZEC", "litecoin": "LTC", "bsc": "BSC",
    "monero": "XMR", "dash": "DASH", "bitcoin-gold": "BTG", "evm-61": "ETC", "bitcoin-sv": "BSV", "xrpl": "XRP",
    "arbitrum": "ARB", "tron": "TRX", "polygon": "MATIC", "evm-321": "KCC", "algorand": "ALGO", "optimism": "OP",
    "eos": "EOS", "dogecoin": "DOGE", "verge": "XVG", "solana": "SOL", "cardano": "ADA", "cosmos": "ATOM",
    "polkadot": "DOT", "filecoin": "FIL",
}  # fmt: skip
"""GraphSense's names of networks (graphsense-lib, `tagpack/constants.py`), and the usual tickers; other chains go
by our own name."""


def chain_and_asset(row: Mapping[str, str], address: str, ticker: Ticker) -> tuple[str, str]:
    """Short chain name, and the ticker where the row speaks of a token of it.

    `chain` (and `asset`) are ours. Of TagPack's two, `network` names the chain and `currency` the coin or token
    on it; alone, either does both, and a token's chain is told by the shape of the address.
    """
    asset = (row.get("asset") or "").strip().upper()
    if asset and not ASSET.fullmatch(asset):
        raise BadClaim(f"asset {asset!r} is no ticker")
    if chain := (row.get("chain") or "").strip():
        return chain, asset
    currency, network = (row.get(CURRENCY) or "").strip(), (row.get(NETWORK) or "").strip()
    if not (currency or network):
        raise BadClaim("missing field 'chain'")
    chain, named = ticker(network or currency, address)
    if network and currency.upper() not in ("", network.upper()):
        named = _of_network(chain, currency, address, ticker)
    return chain, asset or named or ""


def _of_network(chain: str, currency: str, address: str, ticker: Ticker) -> str | None:
    """The token a currency names on a chain; None for the chain's own coin."""
    token = currency.upper()
    if not ASSET.fullmatch(token):
        raise BadClaim(f"currency {currency!r} is no ticker")
    try:
        home, named = ticker(currency, address)
    except UsageError:  # a token that no table names: the network says where it is
        return token
    return named or (None if home == chain else token)


def place(row: Mapping[str, str], ticker: Ticker) -> tuple[dict[str, str], dict[str, str]]:
    """What GraphSense calls the coin and, only where that is not enough, the network; what to carry beside it.

    `row` has chain, asset and address. A pack that names a token's currency alone is one that GraphSense takes:
    it would call the address tagged as two tokens of one network a duplicate.
    """
    chain, asset = row["chain"], row["asset"]
    network = _TICKERS.get(chain, chain)
    alone, both = {CURRENCY: asset or network}, {CURRENCY: asset or network, NETWORK: network}
    for said in (alone, both):
        if _reads_back(said, row, ticker):
            return said, {}
    return both, {"chain": chain} | ({"asset": asset} if asset else {})


def _reads_back(said: Mapping[str, str], row: Mapping[str, str], ticker: Ticker) -> bool:
    """Whether a reader makes the same chain and asset of it."""
    try:
        return chain_and_asset(said, row["address"], ticker) == (row["chain"], row["asset"])
    except (UsageError, BadClaim):
        return False
