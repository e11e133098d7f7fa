"""Every chain that can be read, by short name or CAIP-2 id: one line per family."""

from __future__ import annotations

from adapters.bitcoin import chains as bitcoin
from adapters.bitcoin.chains import BitcoinChain
from adapters.evm import chains as evm
from adapters.evm.chains import EvmChain
from adapters.tron import chains as tron
from adapters.tron.chains import TronChain
from tracer.errors import UsageError

AnyChain = BitcoinChain | EvmChain | TronChain
_FAMILIES = (bitcoin.named, evm.named, tron.named)


def find(text: str) -> AnyChain | None:
    """The entry of a chain; None where nobody reads one of that name."""
    return next((found for named in _FAMILIES if (found := named(text)) is not None), None)


def names() -> list[str]:
    """Short names of all chains that are read; any other EVM chain is `evm-<chain id>`."""
    return [*bitcoin.CHAINS, *evm.CHAINS, *tron.CHAINS]


def chain_named(text: str) -> AnyChain:
    """The same; `UsageError` lists what there is."""
    if (found := find(text)) is None:
        known = ", ".join(names())
        raise UsageError(f"unknown chain {text!r}.", hint=f"Known: {known}, evm-<chain id>.")
    return found
