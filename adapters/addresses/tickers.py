"""What tag lists call a chain: tickers, network names and tokens, as TagPacks, OFAC and OpenSanctions write them.

A token's ticker names no chain; the address's shape decides between those that carry it.
"""

from __future__ import annotations

import re

CHAIN_OF = {
    "btc": "bitcoin",
    "xbt": "bitcoin",
    "omni": "bitcoin",
    "ltc": "litecoin",
    "doge": "dogecoin",
    "bch": "bitcoin-cash",
    "bsv": "bitcoin-sv",
    "btg": "bitcoin-gold",
    "zec": "zcash",
    "xvg": "verge",
    "xmr": "monero",
    "eth": "ethereum",
    "erc20": "ethereum",
    "etc": "evm-61",
    "ethereum-classic": "evm-61",
    "bep20": "bsc",
    "bnb-smart-chain": "bsc",
    "binance-smart-chain": "bsc",
    "matic": "polygon",
    "pol": "polygon",
    "arb": "arbitrum",
    "arbitrum-one": "arbitrum",
    "op": "optimism",
    "avaxc": "avalanche",
    "ftm": "evm-250",
    "fantom": "evm-250",
    "celo": "evm-42220",
    "kcs": "evm-321",
    "kcc": "evm-321",
    "trx": "tron",
    "trc20": "tron",
    "bep2": "bnb-beacon",
    "xrp": "xrpl",
    "ripple": "xrpl",
    "sol": "solana",
    "ada": "cardano",
    "algo": "algorand",
    "atom": "cosmos",
    "dot": "polkadot",
    "ksm": "kusama",
    "fil": "filecoin",
    "xlm": "stellar",
}
"""Lower-case ticker or network name -> chain, where that is not the chain's own name."""

BY_SHAPE = {
    "avax": (("0x", "avalanche"), ("X-", "avalanche-x"), ("P-", "avalanche-p")),
    "bnb": (("0x", "bsc"), ("bnb1", "bnb-beacon")),
}
"""Ticker of several chains -> (how an address begins, chain)."""

TOKENS = frozenset(("usdt", "usdc", "dai", "busd", "tusd", "usdp", "pax", "gusd", "usdd", "wbtc", "weth"))
_TOKEN_CHAINS = (
    (re.compile(r"0[xX].*"), "ethereum"),
    (re.compile(r"T[1-9A-Za-z]{33}"), "tron"),
    (re.compile(r"[13][1-9A-Za-z]{25,34}|(bc1|BC1).*"), "bitcoin"),
    (re.compile(r"[A-Z2-7]{58}"), "algorand"),
    (re.compile(r"[1-9A-Za-z]{42,44}"), "solana"),
    (re.compile(r"[a-z1-5]{12}"), "eos"),
)
"""Shapes of addresses that hold tokens. Only the Omni layer has tokens on bitcoin."""


def chain_of_token(address: str) -> str | None:
    """The chain whose addresses look like this; None where none does. No proof that it is an address."""
    for shape, chain in _TOKEN_CHAINS:
        if shape.fullmatch(address):
            return chain
    return None
