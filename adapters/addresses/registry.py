"""Every chain that claims may name: how its addresses are checked, their canonical text and key.

More chains than are read: a sanctions list names Monero, and a claim on an address that no ledger here holds is
still a claim. A chain that is read brings its own format (`adapters.bitcoin.chains`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

from adapters.addresses import (
    cardano,
    evm,
    filecoin,
    monero,
    others,
    ripple,
    tickers,
    tron,
)
from adapters.bitcoin.addresses import AddressCodec, AddressFormat
from adapters.bitcoin.chains import CHAINS as BITCOIN_CHAINS
from tracer.chain import AddressKey
from tracer.errors import BadAddress, UsageError

Read = Callable[[str], tuple[str, AddressKey]]
Write = Callable[[AddressKey], str]


@dataclass(frozen=True)
class AddressChain:
    """How one chain writes addresses.

    family     chains of one family accept the same texts or differ by network bytes alone
    check      `checksum`: a mistyped address is refused; `shape`: only alphabet and length are, the chain has no more
    read       text without surrounding space -> canonical text and key; raises `BadAddress`
    write      key -> canonical text
    caip2      CAIP-2 id; empty where none was looked up
    unchecked  what even a good address was not checked for
    """

    name: str
    family: str
    check: Literal["checksum", "shape"]
    read: Read
    write: Write
    caip2: str = ""
    unchecked: str = ""


def _utxo(name: str, form: AddressCodec, caip2: str = "", unchecked: str = "") -> AddressChain:
    read = partial(form.read, network=name)
    return AddressChain(name, "bitcoin", "checksum", read, form.write, caip2, unchecked)


def _evm(name: str, chain_id: int) -> AddressChain:
    unchecked = "hex in one case has no checksum"
    return AddressChain(name, "evm", "checksum", evm.read, evm.write, f"eip155:{chain_id}", unchecked)


def _text(
    name: str,
    read: Read,
    caip2: str = "",
    check: Literal["checksum", "shape"] = "checksum",
    unchecked: str = "",
) -> AddressChain:
    return AddressChain(name, name, check, read, _write_text, caip2, unchecked)


def _write_text(key: AddressKey) -> str:
    return key.payload.decode()


_EVM_IDS = {
    "ethereum": 1,
    "optimism": 10,
    "bsc": 56,
    "polygon": 137,
    "base": 8453,
    "arbitrum": 42161,
    "avalanche": 43114,
    "evm-61": 61,
    "evm-250": 250,
    "evm-321": 321,
    "evm-42220": 42220,
}
"""Chain ids of EIP-155, as listed by ethereum-lists/chains."""
_EVM_NAMES = {chain_id: name for name, chain_id in _EVM_IDS.items()}

_UNCHECKED = {"ZEC": "the receivers inside a unified address"}
"""Of chains that are read, by their coin."""

_ENTRIES = (
    *(
        _utxo(entry.name, entry.format, entry.caip2, _UNCHECKED.get(entry.asset, ""))
        for entry in BITCOIN_CHAINS.values()
    ),
    *(_evm(name, chain_id) for name, chain_id in _EVM_IDS.items()),
    AddressChain("tron", "tron", "checksum", tron.read, tron.write, "tron:0x2b6653dc"),
    _utxo("bitcoin-sv", AddressFormat(b"\x00", b"\x05", "")),
    _utxo("bitcoin-gold", AddressFormat(b"\x26", b"\x17", "btg")),
    _utxo("dash", AddressFormat(b"\x4c", b"\x10", ""), "bip122:00000ffd590b1485b3caadc19b22e637"),
    _utxo("verge", AddressFormat(b"\x1e", b"\x21", "vg")),
    _text("monero", monero.read, unchecked="that the keys are points of the curve"),
    _text("xrpl", ripple.read, "xrpl:0"),
    _text("stellar", others.stellar, "stellar:pubnet"),
    _text("cardano", cardano.read),
    _text("algorand", others.algorand),
    _text("filecoin", filecoin.read, unchecked="f0 ids have no checksum"),
    _text("polkadot", partial(others.substrate, network=0, name="polkadot")),
    _text("kusama", partial(others.substrate, network=2, name="kusama")),
    _text("cosmos", partial(others.cosmos, hrp="cosmos"), "cosmos:cosmoshub-4"),
    _text("thorchain", partial(others.cosmos, hrp="thor"), "cosmos:thorchain-1"),
    _text("bnb-beacon", partial(others.cosmos, hrp="bnb")),
    _text("avalanche-x", partial(others.avalanche, chain="X")),
    _text("avalanche-p", partial(others.avalanche, chain="P")),
    _text("ton", others.ton),
    _text(
        "solana", others.solana, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "shape", "Solana has no checksum"
    ),
    _text("eos", others.eos, "", "shape", "a name has no checksum"),
    _text("near", others.near, "near:mainnet", "shape", "a name has no checksum"),
)

CHAINS: Mapping[str, AddressChain] = {entry.name: entry for entry in _ENTRIES}
"""Every chain by name, but for `evm-<chainId>` of any other id, which `named` makes."""
_BY_CAIP2 = {entry.caip2: entry for entry in reversed(_ENTRIES) if entry.caip2}
"""Of chains that share an id (regtests of one genesis), the first."""
_EVM_SPELLINGS = re.compile(r"(?:evm-|eip155:)([1-9][0-9]{0,18})")


def parse(chain: str, text: str) -> tuple[str, AddressKey]:
    """Canonical text and key of an address, the chain given by its own name.

    Raises `BadAddress` with the reason and, where the text is an address of other chains, their names; raises
    `UsageError` for an unknown chain, and for another spelling of a known one, lest claims come apart.
    """
    entry = CHAINS.get(chain) or _by_own_name(chain)
    text = text.strip()
    if not text.isascii():
        raise BadAddress(f"{text!r} is no address: it holds a letter that no chain writes addresses with.")
    try:
        return entry.read(text)
    except BadAddress as error:
        found = _elsewhere(text)
        hint = f"It is an address of {' or '.join(found)}." if found else error.hint
        raise BadAddress(error.problem, hint=hint) from error


def only_chain(text: str) -> str | None:
    """The one chain that takes this text with a checksum; None where none does, or several do."""
    found = _elsewhere(text.strip())
    return found[0] if len(found) == 1 else None


def render(chain: str, key: AddressKey) -> str:
    """The canonical text of a key that `parse` gave."""
    return (CHAINS.get(chain) or _by_own_name(chain)).write(key)


def _by_own_name(chain: str) -> AddressChain:
    entry = named(chain)
    if entry.name != chain:
        raise UsageError(f"chain {chain!r} is written {entry.name!r} in claims.")
    return entry


def _elsewhere(text: str) -> list[str]:
    """Up to three chains that take this text with a checksum; one name stands for all EVM chains."""
    found = []
    for entry in _ENTRIES:
        if entry.check == "shape" or (entry.family == "evm" and entry.name != "ethereum"):
            continue
        try:
            entry.read(text)
        except BadAddress:
            continue
        found.append(entry.name)
    return found[:3]


@lru_cache(maxsize=1024)
def named(text: str) -> AddressChain:
    """The chain of a name, CAIP-2 id, native ticker or network name; `UsageError` offers the nearest."""
    text = text.strip()
    if text in _BY_CAIP2:
        return _BY_CAIP2[text]
    lowered = "-".join(text.lower().replace("_", " ").split())
    name = tickers.CHAIN_OF.get(lowered, lowered)
    if name in CHAINS:
        return CHAINS[name]
    if number := _EVM_SPELLINGS.fullmatch(lowered):
        chain_id = int(number[1])
        known = _EVM_NAMES.get(chain_id)
        return CHAINS[known] if known else _evm(f"evm-{chain_id}", chain_id)
    raise UsageError(f"unknown chain {text!r}.", hint=_nearest(lowered))


def chain_of_ticker(ticker: str, address: str) -> tuple[str, str | None]:
    """(chain, asset) of what a tag list calls its currency or network, and the address it stands beside.

    The asset is the ticker where that is a token, else None: the chain's own coin. Names and CAIP-2 ids are
    taken too. That the text is an address of the chain is left to `parse`. Raises `UsageError` for an unknown
    ticker and `BadAddress` where the address fits no chain of the ticker.
    """
    lowered, address = ticker.strip().lower(), address.strip()
    if lowered in tickers.TOKENS:
        chain = tickers.chain_of_token(address)
        if chain is None:
            raise _fits_no_chain(address, ticker)
        return chain, lowered.upper()
    if lowered in tickers.BY_SHAPE:
        for start, chain in tickers.BY_SHAPE[lowered]:
            if address.startswith(start):
                return chain, None
        raise _fits_no_chain(address, ticker)
    return named(ticker).name, None


def _fits_no_chain(address: str, ticker: str) -> BadAddress:
    return BadAddress(
        f"{address[:120]!r} looks like an address of no chain known to carry {ticker.strip().upper()}.",
        hint="Name the chain if it is whole.",
    )


def _nearest(lowered: str) -> str:
    from difflib import get_close_matches

    known = [*CHAINS, *tickers.CHAIN_OF, *tickers.BY_SHAPE, *tickers.TOKENS]
    near = get_close_matches(lowered, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(CHAINS)}, evm-<chainId>."
