"""What the amounts of a picture are of, and how wide they are drawn: every asset for itself, none added to another."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.trace_answer import Answer
from tracer.amounts import decimal_text

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Coin:
    """An asset; `asset_id` is "" where the whole graph is of one chain's coin. `name` is fit to tell it from others."""

    name: str
    decimals: int
    asset_id: str = ""

    def decimal(self, units: int) -> str:
        """`0.50000000`."""
        return decimal_text(units, self.decimals)

    def of(self, units: int) -> str:
        """`0.50000000 BTC`."""
        return f"{self.decimal(units)} {self.name}"

    def short(self, units: int) -> str:
        """`0.5 BTC`."""
        return f"{trimmed(self.decimal(units))} {self.name}"

    def rough(self, units: int) -> str:
        """`1.23456… ETH`: the first digits only, where there are many."""
        text = trimmed(self.decimal(units))
        whole, _, digits = text.partition(".")
        shown = max(_DIGITS - len(whole.strip("0")), 0)
        shown += 0 if whole.strip("0") else len(digits) - len(digits.lstrip("0"))
        if len(digits) <= shown + 1:
            return f"{text} {self.name}"
        return f"{whole}.{digits[:shown]}… {self.name}" if shown else f"{whole}… {self.name}"


_DIGITS = 6
"""(P) Significant digits of an amount in a small place; what points at it shows all."""


def trimmed(decimal: str) -> str:
    """A decimal without the zeros at its end: `0.50000000` is `0.5`."""
    return decimal.rstrip("0").removesuffix(".") if "." in decimal else decimal


class Coins:
    """The assets of a document's graph."""

    def __init__(self, graph: Row, only: Coin) -> None:
        """`only`: what rows that name no asset are of."""
        self._only = only
        rows = {row["asset_id"]: (row, chain) for row, chain in _rows(graph)}
        alike: dict[str, list[str]] = {}
        for row, chain in rows.values():
            alike.setdefault(row["asset"].casefold(), []).append(chain)
        self._known = {
            asset_id: Coin(_name(row, chain, alike[row["asset"].casefold()]), row["decimals"] or 0, asset_id)
            for asset_id, (row, chain) in rows.items()
        }
        self._scale = _scales(graph) if self._known else {}

    @classmethod
    def of_document(cls, answer: Answer, doc: Row) -> Coins:
        """Those of one method's graph; of a chain that has only its coin that."""
        return cls(doc["graph"], Coin(answer.asset, answer.decimals))

    @property
    def named(self) -> bool:
        """Whether rows name their assets, as they do of account chains and of several chains."""
        return bool(self._known)

    @property
    def several(self) -> bool:
        """Whether there are several assets."""
        return len(self._known) > 1

    def of(self, row: Row) -> Coin:
        """What the amounts of a node, an edge or a side of one are of."""
        asset_id = row.get("asset_id")
        if asset_id is None:
            return self._only
        return self._known.get(asset_id) or Coin(plain(row["asset"]), row["decimals"] or 0, asset_id)

    def weight(self, coin: Coin, units: int) -> float:
        """How wide an amount is drawn: comparable with others of its asset, and with what it was converted into."""
        return units * self._scale[coin.asset_id] if coin.asset_id in self._scale else units

    def sums(self, amounts: Iterable[tuple[Coin, int]]) -> str:
        """Amounts of several assets, each summed for itself: `1.5 ETH and 20 USDT`."""
        found: dict[Coin, int] = {}
        for coin, units in amounts:
            found[coin] = found.get(coin, 0) + units
        return " and ".join(coin.of(units) for coin, units in found.items() if units)


def _rows(graph: Row) -> Iterator[tuple[Row, str]]:
    """All that names an asset, with its chain; "" where the graph is of one."""
    for node in graph["nodes"]:
        if node.get("asset_id") is not None:
            for side in (node.get(end, node) for end in ("from", "to")):
                yield side, side.get("chain") or ""
    for edge in graph["edges"]:
        if edge.get("asset_id") is not None:
            yield edge, edge.get("chain") or ""
            if edge.get("converted"):
                yield edge["converted"], edge.get("chain") or ""


def _name(row: Row, chain: str, alike: Sequence[str]) -> str:
    """A symbol is the contract's own word: where several bear it, on the chains `alike`, chain or contract is said."""
    symbol, contract = plain(row["asset"]), row["asset_id"].rpartition(":")[2]
    short = f"{contract[:8]}…{contract[-4:]}" if len(contract) > _CONTRACT else contract
    unnamed = symbol == contract  # nobody told its name
    text = short if unnamed else f"{symbol} ({short})" if alike.count(chain) > 1 else symbol
    return f"{text} on {chain}" if len(set(alike)) > 1 else text


_CONTRACT = 12
"""Letters that are shown of a contract."""


def plain(text: str) -> str:
    """Text of a stranger, fit to be shown: what is no visible letter (controls, bidi marks) is replaced by one."""
    return "".join("\ufffd" if unicodedata.category(letter) in _UNSEEN else letter for letter in text)


_UNSEEN = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


def _scales(graph: Row) -> dict[str, float]:
    """Asset -> width of its base unit: all that was seeded of one is 1; another is as wide as what became it."""
    most: dict[str, int] = {}
    seeded: dict[str, int] = {}
    for node in graph["nodes"]:
        asset, units = node["asset_id"], int(node["traced"])
        most[asset] = max(most.get(asset, 1), units)
        if node["kind"] == "seed":
            seeded[asset] = seeded.get(asset, 0) + units
    scale = {asset: 1 / units for asset, units in seeded.items() if units}
    sides = sorted(_converted(graph))
    while True:
        met: dict[str, tuple[float, int]] = {}
        for pair in sides:
            for (near, gave), (far, got) in (pair, pair[::-1]):
                if near in scale and far not in scale and got:
                    wide, units = met.get(far, (0.0, 0))
                    met[far] = wide + gave * scale[near], units + got
        if not met:
            break
        scale |= {asset: wide / units for asset, (wide, units) in met.items()}
    return {asset: 1 / units for asset, units in most.items()} | scale


def _converted(graph: Row) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """Both sides of every swap, wrap and crossing: asset, base units."""
    for edge in graph["edges"]:
        if edge.get("converted"):
            far = edge["converted"]
            yield (edge["asset_id"], int(edge["amount"])), (far["asset_id"], int(far["amount"]))
    for node in graph["nodes"]:
        if "from" in node:
            near, far = node["from"], node["to"]
            yield (near["asset_id"], int(near["amount"])), (far["asset_id"], int(far["amount"]))
