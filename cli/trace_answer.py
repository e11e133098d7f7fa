"""What a trace says, for printing: one or several documents of the same question side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tracer.amounts import decimal_text

Document = Mapping[str, Any]
ROWS = 20
"""Rows of a table for people; the JSON holds all."""


BUCKETS = ("services", "unspent", "minted", "unread", "fees", "burned", "stopped", "pruned")
"""Where the money of a seed can be, as `totals` names it."""


MARKING = "poison"
"""The method that marks whole outputs and divides nothing: its amounts are no parts of the seed."""


def by_asset(document: Document) -> list[Document]:
    """The same for each asset of an account chain, with its own totals; a document of one asset as it is."""
    documents: list[dict[str, Any]] = document.get("documents", [document])
    if "asset_id" not in documents[0]["totals"][0]:
        return [document]
    rows = [total for doc in documents for total in doc["totals"]]
    assets = list(dict.fromkeys(total["asset_id"] for total in rows))
    return [
        {
            "documents": [_of_asset(doc, asset, rows) for doc in documents],
            "comparison": [row for row in document.get("comparison", []) if row["asset_id"] == asset],
        }
        for asset in assets
    ]


def _of_asset(doc: Document, asset: str, rows: Iterable[Document]) -> dict[str, Any]:
    """One method's document with one asset's rows; a method that does not meet the asset has zeros."""

    def own(key: str) -> list[Any]:
        return [row for row in doc[key] if row["amount"]["asset_id"] == asset]

    shown = next(total for total in rows if total["asset_id"] == asset)
    nothing = {key: "0" if key in _COUNTED else shown[key] for key in shown}
    zero = {
        "asset": shown["asset"], "asset_id": asset, "base_units": "0", "decimals": shown["decimals"], "fiat": None,
        "decimal": decimal_text(0, shown["decimals"] or 0),
    }  # fmt: skip
    empty = dict.fromkeys(("gross_received", "internal", "external_received"), zero)
    left = zero if doc["seed_summary"]["left"] is not None else None
    return {
        **doc,
        "totals": [total for total in doc["totals"] if total["asset_id"] == asset] or [nothing],
        "seed_summary": next(
            (row for row in doc["seed_summaries"] if row["gross_received"]["asset_id"] == asset),
            {**empty, "left": left},
        ),
        "other_endpoints": {
            **doc["other_endpoints"],
            "amount": next((row for row in doc["other_amounts"] if row["asset_id"] == asset), zero),
        },
        **{key: own(key) for key in ("endpoints", "stops", "unspent", "unread", "minted")},
    }


_COUNTED = ("seed", "converted_in", *BUCKETS, "converted_out")


class Answer:
    """One or several documents of the same question."""

    def __init__(self, document: Document) -> None:
        self.documents: list[dict[str, Any]] = document.get("documents", [document])
        self.comparison: list[dict[str, Any]] = document.get("comparison", [])
        self.main = self.documents[0]
        self.methods = [doc["method"] for doc in self.documents]
        several = len(self.main["as_of"]) > 1
        total = self.main["totals"][0]
        self.asset = f"{total['asset']} on {total['chain']}" if several else total["asset"]
        self.decimals = len(self.main["seed_summary"]["gross_received"]["decimal"].partition(".")[2])

    @property
    def dividing(self) -> list[str]:
        """The methods whose amounts are parts of the seed: all but poison."""
        return [method for method in self.methods if method != MARKING]

    @property
    def parts(self) -> Iterator[Document]:
        """The documents, and what was found behind the off-chain links of each."""
        for doc in self.documents:
            yield doc
            yield from (row["continuation"] for row in doc["offchain"] if row["continuation"])

    @property
    def backward(self) -> bool:
        """Whether it says where money came from."""
        return bool(self.main["direction"] == "backward")

    @property
    def one_of_many(self) -> bool:
        """Whether it is of one asset of an account chain, beside others."""
        return "asset_id" in self.main["totals"][0]

    @property
    def met(self) -> bool:
        """Whether any method met a service, or a place where the trail ended."""
        return any(doc["endpoints"] or doc["stops"] for doc in self.documents)

    @property
    def buckets(self) -> list[str]:
        """Those that can hold anything in this direction."""
        nowhere = ("unspent", "burned", "fees") if self.backward else ("minted",)
        buckets = [name for name in BUCKETS if name not in nowhere]
        return buckets + (["converted_out"] if self._any("converted_out") else [])

    @property
    def entered(self) -> list[str]:
        """How money came into the trace of this asset."""
        return ["seed"] + (["converted_in"] if self._any("converted_in") else [])

    def _any(self, bucket: str) -> bool:
        return any(int(doc["totals"][0][bucket]) for doc in self.documents)

    @property
    def filtered(self) -> bool:
        """Whether --exits hides something."""
        return bool(self.main["parameters"]["exits"])

    def coins(self, units: int) -> str:
        """Base units as a decimal of the asset."""
        return decimal_text(units, self.decimals)

    def merged(
        self, rows: Iterable[tuple[str, tuple[Any, ...], dict[str, Any], dict[str, Any]]]
    ) -> list[Row]:
        """Rows of several methods with one key each, largest amount first, then in their own order."""
        found: dict[tuple[Any, ...], Row] = {}
        for method, key, row, amount in rows:
            one = found.setdefault(key, Row(row))
            one.by[method] = row
            one.units[method], one.fiat[method] = int(amount["base_units"]), worth(amount)
        return sorted(found.values(), key=lambda row: -max(row.units.values()))

    def amounts(self, row: Row) -> list[str]:
        """A row's amount under each method, `-` where the method does not find it."""
        return [self.coins(row.units[m]) if m in row.units else "-" for m in self.methods]

    def worths(self, row: Row) -> list[str]:
        """What each amount was worth, in brackets; "" where no price is known or the method does not find it."""
        return [f"({row.fiat[m]})" if row.fiat.get(m) else "" for m in self.methods]


class Row:
    """What one thing is, how much of it each method found, and each method's own row of it."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.row = row
        self.by: dict[str, dict[str, Any]] = {}
        self.units: dict[str, int] = {}
        self.fiat: dict[str, str] = {}


def label(method: str) -> str:
    """A method as it stands beside an amount; poison's amounts are marked, not the seed's."""
    return f"{method} (marked)" if method == MARKING else method


def worth(amount: Mapping[str, Any]) -> str:
    """`2071.12 USD`; "" where no price is known, which is not zero."""
    fiat = amount["fiat"]
    return f"{fiat['value']} {fiat['currency']}" if fiat else ""


def with_worth(amount: Mapping[str, Any]) -> str:
    """`0.38796959 BTC (2071.12 USD)`, without the brackets where no price is known."""
    return f"{amount['decimal']} {amount['asset']}" + (f" ({worth(amount)})" if amount["fiat"] else "")


def many(count: int, what: str, ending: str = "s") -> str:
    """`1 service`, `1,200 services`, `2 watches`."""
    return f"{count:,} {what}" + ("" if count == 1 else ending)


def not_shown(other: Mapping[str, Any]) -> str:
    """What --exits hides: `1 service, 0.5 BTC; of these with unknown KYC: 0, 0.0`."""
    unknown = other["unknown_kyc"]
    return (
        f"{many(other['count'], 'service')}, {other['amount']['decimal']} {other['amount']['asset']}; "
        f"of these with unknown KYC: {unknown['count']:,}, {unknown['amount']['decimal']}"
    )
