"""`tracer prices`: what a coin was worth on a day, in and out, several sources side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, intel_option, json_option, json_text, whole
from cli.importing import import_claims, import_options
from tracer.errors import UsageError

if TYPE_CHECKING:
    from tracer.intel.prices import Prices
    from tracer.intel.reading import Reading

SHOWN_ROWS = 200
MOST_DAYS = 40_000
"""Days one question may ask for: over a century."""


@click.group()
def command() -> None:
    """Import and show daily prices (formats: docs/formats.md)."""


@command.command("import")
@import_options
@click.option("--asset", metavar="TICKER", default="", help="Asset of rows that name none, e.g. BTC.")
@click.option("--currency", metavar="CODE", default="", help="Currency of rows that name none, e.g. USD.")
@click.option("--source", metavar="TEXT", default="", help="Who says so, where rows do not: a URL, a market.")
@click.pass_obj
def import_(
    app: App,
    *,
    files: tuple[Path, ...],
    list_name: str,
    published: str,
    asset: str,
    currency: str,
    source: str,
    strict: bool,
    as_json: bool,
) -> None:
    """Import daily prices from CSV FILES; folders are taken recursively.

    Asset and currency come from columns, else from the options, else from a file name such as BTC-USD.csv; the
    source from its column, else --source, else it is the file's folder and name.
    """
    if not files:
        raise UsageError("there is nothing to import.", hint="Name a price file, or a folder of some.")
    given = {"asset": asset, "currency": currency, "source": source}

    def read(path: Path, advance: Advance) -> Reading:
        return compose.read_claims(
            path,
            ("prices",),
            advance,
            list_name=list_name,
            published=published,
            defaults={name: text for name, text in given.items() if text},
        )

    import_claims(app, "prices", files, read, list_name=list_name, strict=strict, as_json=as_json)


@command.command("show")
@click.argument("asset")
@click.argument("day", required=False)
@click.option("--from", "first", metavar="DAY", help="First day to show (UTC, ISO date).")
@click.option("--to", "last", metavar="DAY", help="Last day to show.")
@click.option("--currency", default="USD", show_default=True, metavar="CODE", help="Currency, ISO 4217.")
@click.option("--price-source", metavar="NAME", help="Mark what is used where a trace names this source.")
@intel_option
@case_options
@json_option
@click.pass_obj
def show(
    app: App,
    *,
    asset: str,
    day: str | None,
    first: str | None,
    last: str | None,
    currency: str,
    price_source: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Show what every source says of ASSET: its extent, or its price of one DAY or of a range of days.

    The price that a trace would use is marked. A day without a price has none: no neighbour's is taken.
    """
    from tracer.intel.prices import Prices, check_currency

    if day is not None and (first is not None or last is not None):
        raise UsageError("a DAY and --from or --to contradict each other.", hint="Give the one or the other.")
    asset, currency = asset.upper(), check_currency(currency.upper())
    snapshot = compose.claims(app, intel)
    prices = Prices(snapshot.claims("prices"), currency, price_source)
    if price_source is not None:
        prices.sources(asset)
    span = _span(prices, asset, day or first, day or last)
    document: dict[str, Any] = {
        "schema": "tracer.prices/1",
        "intel_snapshot": snapshot.id,
        "query": {
            "asset": asset,
            "currency": currency,
            "from": span[0] if span else None,
            "to": span[1] if span else None,
            "price_source": price_source,
        },
        "sources": [
            {
                "source": row.source,
                "first": row.first,
                "last": row.last,
                "days": row.days,
                "missing": [list(gap) for gap in row.gaps],
                "contradictory": list(row.contradictions),
            }
            for row in prices.every_source(asset)
        ],
        "days": _days(prices, asset, *span) if span else [],
    }
    if case_id or purpose:
        asked = [asset, *(text for text in (day, first, last) if text), f"--currency={currency}"]
        with compose.case_question(app, "prices show", asked, case_id, purpose) as question:
            question.read(snapshot.id)
            question.used(row["claim"] for shown in document["days"] for row in shown["prices"])
            question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render(app, found))


def _span(prices: Prices, asset: str, first: str | None, last: str | None) -> tuple[str, str] | None:
    """First and last day asked for; an open end is where the sources begin or end. None: no days are asked."""
    from datetime import date

    given = [_day(text) for text in (first, last) if text is not None]
    if not given:
        return None
    known = prices.every_source(asset)
    start = given[0] if first is not None else min([row.first for row in known] + given)
    end = given[-1] if last is not None else max([row.last for row in known] + given)
    if start > end or (date.fromisoformat(end) - date.fromisoformat(start)).days > MOST_DAYS:
        raise UsageError(
            f"{start} to {end} is no range of days, or too long a one.",
            hint=f"Give a --from that is not after --to, at most {MOST_DAYS:,} days apart.",
        )
    return start, end


def _day(text: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is no day.", hint="Write an ISO date such as 2019-05-02.") from error


def _days(prices: Prices, asset: str, first: str, last: str) -> list[dict[str, Any]]:
    """Per day what every source says, the used one marked, and how far sources lie apart."""
    from datetime import date

    from tracer.intel.prices import spread_percent

    said: dict[str, list[tuple[str, str, str]]] = {}
    for day, *told in prices.said(asset).select("day", "source", "price", "claim_id").rows():
        said.setdefault(day, []).append((told[0], told[1], told[2]))
    days = []
    for number in range(date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal() + 1):
        day = date.fromordinal(number).isoformat()
        rows = said.get(day, [])
        sources = [source for source, _, _ in rows]
        used = prices.at(asset, day)
        days.append(
            {
                "day": day,
                "prices": [
                    {
                        "claim": claim,
                        "source": source,
                        "price": price,
                        "used": used is not None and source == used.source,
                        "contradictory": sources.count(source) > 1,
                    }
                    for source, price, claim in rows
                ],
                "spread_percent": spread_percent([p for s, p, _ in rows if sources.count(s) == 1]),
            }
        )
    return days


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    query = document["query"]
    pair = f"{query['asset']} in {query['currency']}"
    if not document["sources"]:
        click.echo(f"No price of {pair} is loaded: amounts have no fiat value, which is not zero.")
    elif query["from"] is None:
        table = Table("source", "first day", "last day", "days", "missing in between")
        for row in document["sources"]:
            gaps = [a if a == b else f"{a} to {b}" for a, b in row["missing"]]
            shown = ", ".join(gaps[:5]) + (f" and {len(gaps) - 5} more runs" if len(gaps) > 5 else "")
            table.add_row(row["source"], row["first"], row["last"], f"{row['days']:,}", shown or "none")
        app.console().print(whole(table))
        click.echo(f"Prices of {pair}; the first source is used, the next where it has no price of a day.")
        for row in document["sources"]:
            if row["contradictory"]:
                days = ", ".join(row["contradictory"][:5])
                click.echo(
                    f"{row['source']} gives several prices for {len(row['contradictory'])} days, which are not "
                    f"used: {days}"
                )
    else:
        _render_days(app, document, pair)


def _render_days(app: App, document: dict[str, Any], pair: str) -> None:
    from rich.table import Table

    table = Table("day", "price", "source", "", "spread %")
    rows = [(day, price) for day in document["days"] for price in day["prices"] or [None]]
    for day, price in rows[:SHOWN_ROWS]:
        if price is None:
            table.add_row(day["day"], "none", "", "no source has this day", "")
            continue
        contradicts = f"contradicts itself: claim {price['claim'][:16]}" if price["contradictory"] else ""
        mark = "used" if price["used"] else contradicts
        spread = (day["spread_percent"] or "") if price is day["prices"][0] else ""
        table.add_row(day["day"], price["price"], price["source"], mark, spread)
    app.console().print(whole(table))
    if len(rows) > SHOWN_ROWS:
        click.echo(f"... and {len(rows) - SHOWN_ROWS:,} more; --json lists all")
    click.echo(
        f"Prices of one whole coin, {pair}, of the UTC day. A day without a price has none, no neighbour's is taken."
    )
