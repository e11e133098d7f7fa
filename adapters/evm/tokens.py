"""What token contracts say of themselves, read once per contract, and why it is not always believed.

Symbol, name and decimals are text and a number that anybody may choose. They are shown beside the contract's address;
`problem` says what speaks against them. Nothing is dropped.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.addresses import evm
from adapters.evm.chains import EvmChain
from adapters.evm.state import BALANCE_OF, WORD, State
from tracer.chain import AssetStandard
from tracer.ledger.accounts.batch import schemas

if TYPE_CHECKING:
    import pyarrow as pa

SYMBOL, NAME, DECIMALS = (bytes.fromhex(text) for text in ("95d89b41", "06fdde03", "313ce567"))
MOST_DECIMALS = 77
"""2^256 has 78 digits: behind more decimals no amount would have a whole unit."""
SYMBOL_LETTERS, NAME_LETTERS = 32, 100
"""What is longer is cut (P): the longest symbols and names of tokens in use are shorter."""
_HIDDEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
# what looks like a Latin letter in the symbols of `genuine.yml` and the coins' tickers, after case folding
_ALIKE = str.maketrans(
    "авсԁеһніјкморѕтцѵѡԝхуαβεικνορτυχω₮₿",
    "abcdehhijkmopstuvwwxyabeikvoptuxwtb",
)


@dataclass(frozen=True)
class Wanted:
    """A contract to ask. `height`: the first block that names it."""

    contract: bytes
    standard: int
    height: int


@dataclass(frozen=True)
class _Said:
    """What it said at the end of a block; None where it says nothing that can be read."""

    symbol: tuple[str, bool] | None
    name: tuple[str, bool] | None
    decimals: int | None
    balance: bool

    @property
    def anything(self) -> bool:
        return self.symbol is not None or self.name is not None or self.decimals is not None


def read_tokens(state: State, chain: EvmChain, wanted: Sequence[Wanted], tip: int) -> pa.Table | None:
    """`schemas()["tokens"]` of these contracts; None where the node has not even the state of the tip.

    They are asked as of the first block that names them, so that the answer does not depend on when it was asked; as of
    the tip where the node has no such old state, or nothing was said then. Both are compared: decimals that
    change are no decimals.
    """
    import pyarrow as pa

    oldest = state.oldest(min((one.height for one in wanted), default=tip), tip)
    if oldest is None:
        return None
    then = [max(one.height, oldest) for one in wanted]
    early = _asked(state, wanted, then)
    late = _asked(state, wanted, [tip] * len(wanted))
    rows = []
    for one, height, first, last in zip(wanted, then, early, late, strict=True):
        chosen = first if first.anything else last
        changed = None not in (first.decimals, last.decimals) and first.decimals != last.decimals
        rows.append(
            {
                "contract": one.contract,
                "symbol": chosen.symbol[0] if chosen.symbol else None,
                "name": chosen.name[0] if chosen.name else None,
                "decimals": None if changed or _nonsense(chosen.decimals) else chosen.decimals,
                "height": height if first.anything else tip,
                "problem": "; ".join(_problems(chain, one, chosen, changed)),
                "genuine": one.contract in _pinned(chain, chosen),
            }
        )
    return pa.Table.from_pylist(rows, schema=schemas()["tokens"])


def _asked(state: State, wanted: Sequence[Wanted], heights: Sequence[int]) -> list[_Said]:
    questions = [
        (one.contract, data, height)
        for one, height in zip(wanted, heights, strict=True)
        for data in (SYMBOL, NAME, DECIMALS, BALANCE_OF + one.contract.rjust(WORD, b"\0"))
    ]
    told = iter(state.calls(questions))
    return [
        _Said(
            text(symbol, SYMBOL_LETTERS),
            text(name, NAME_LETTERS),
            int.from_bytes(decimals[:WORD])
            if one.standard == AssetStandard.FUNGIBLE and decimals is not None and len(decimals) >= WORD
            else None,
            balance is not None and len(balance) >= WORD,
        )
        for one, (symbol, name, decimals, balance) in zip(
            wanted, zip(told, told, told, told, strict=True), strict=True
        )
    ]


def text(answer: bytes | None, most: int) -> tuple[str, bool] | None:
    """What a contract answers for a text, and whether it hid something in it; None where it is none, or empty.

    A string of the ABI, or 32 bytes filled up with zeros, as early tokens have it. Zeros behind it are no part of it;
    letters that cannot be seen, and bytes that are no UTF-8, are left out.
    """
    if answer is None or len(answer) < WORD:
        return None
    if len(answer) == WORD:
        raw = answer
    else:
        start = int.from_bytes(answer[:WORD])
        size = int.from_bytes(answer[start : start + WORD]) if start + WORD <= len(answer) else -1
        raw = answer[start + WORD : start + WORD + size] if size >= 0 else b""
        if len(raw) != size:
            return None
    raw = raw.rstrip(b"\0")
    decoded = raw.decode("utf-8", "ignore")
    seen = "".join(letter for letter in decoded if unicodedata.category(letter) not in _HIDDEN)
    shown = seen.strip()[:most].strip()
    return (shown, seen.encode() != raw) if shown or raw else None


def _problems(chain: EvmChain, one: Wanted, said: _Said, changed: bool) -> list[str]:
    found = []
    symbol = said.symbol[0] if said.symbol else ""
    likeness = skeleton(symbol)
    pinned = _pinned(chain, said)
    if likeness and likeness == skeleton(chain.asset):
        found.append(f"it calls itself {symbol}, as the chain's own coin")
    elif pinned and one.contract not in pinned:
        found.append(f"it calls itself {symbol} and is not the contract known by that name")
    if any(word and word[1] for word in (said.symbol, said.name)):
        found.append("it hides letters in its name")
    if changed:
        found.append("its decimals change")
    elif _nonsense(said.decimals):
        found.append(f"it says it has more than {MOST_DECIMALS} decimals")
    if one.standard == AssetStandard.FUNGIBLE and not said.balance:
        found.append("it does not say what anybody holds")
    return found


def _pinned(chain: EvmChain, said: _Said) -> frozenset[bytes]:
    """The contracts known by what a symbol looks like; empty where nobody is."""
    likeness = skeleton(said.symbol[0] if said.symbol else "")
    return genuine().get(chain.name, {}).get(likeness, frozenset())


def _nonsense(decimals: int | None) -> bool:
    return decimals is not None and decimals > MOST_DECIMALS


def skeleton(symbol: str) -> str:
    """What a symbol looks like: letters and digits in one case, and Latin ones for those that mimic them."""
    folded = unicodedata.normalize("NFKC", symbol).casefold().translate(_ALIKE)
    return "".join(letter for letter in folded if letter.isalnum())


@cache
def genuine() -> Mapping[str, Mapping[str, frozenset[bytes]]]:
    """Chain -> what a symbol looks like -> the contracts known by it (`genuine.yml`)."""
    import yaml

    rows = yaml.safe_load(files("adapters.evm").joinpath("genuine.yml").read_text(encoding="utf-8"))
    return {
        chain: {
            skeleton(symbol): frozenset(evm.read(contract)[1].payload for contract in contracts)
            for symbol, contracts in symbols.items()
        }
        for chain, symbols in rows.items()
        if chain != "dated"
    }
