"""`tracer trace`: follow money from seeds to where it was cashed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, json_option, json_text

if TYPE_CHECKING:
    from rich.console import Console

    from tracer.flow.question import Question

_ROWS = 40
"""Rows of a table for people; the JSON holds all."""


@click.command("trace", short_help="Follow money from seeds to where it was cashed out.")
@click.argument("seeds", nargs=-1, required=True, metavar="SEED...")
@click.option(
    "--method", "methods", multiple=True, metavar="NAME", help="fifo or haircut; both when left out."
)
@click.option(
    "--unit", type=click.Choice(["lot", "entity"]), help="Follow what arrived, or what left a pool."
)
@click.option("--exits", multiple=True, metavar="KIND:X", help="Show only kyc:LEVEL, kyc:weak, category:ID.")
@click.option(
    "--hops", default=10, show_default=True, type=click.IntRange(0, 10_000), help="Most hops from a seed."
)
@click.option(
    "--max-txs", default=200_000, show_default=True, type=click.IntRange(1), help="Most transactions."
)
@click.option("--min-value", metavar="X", help="Stop at lots smaller than this many coins.")
@click.option("--after", metavar="TIME", help="Follow movements from this UTC time on.")
@click.option("--before", metavar="TIME", help="Follow movements before this UTC time.")
@click.option("--seed-after", metavar="TIME", help="Seed what arrived (or left) from this UTC time on.")
@click.option("--seed-before", metavar="TIME", help="Seed what arrived (or left) before this UTC time.")
@click.option("--chain", "chain_name", default="bitcoin", show_default=True, metavar="NAME", help="Chain.")
@case_options
@json_option
@click.pass_obj
def command(
    app: App,
    seeds: tuple[str, ...],
    methods: tuple[str, ...],
    unit: str | None,
    exits: tuple[str, ...],
    hops: int,
    max_txs: int,
    min_value: str | None,
    after: str | None,
    before: str | None,
    seed_after: str | None,
    seed_before: str | None,
    chain_name: str,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Follow money from SEEDs, forward, to where it was cashed out.

    A SEED is an address, txid:vout, txid@address, txid:*, tag:LABEL, vasp:ID or cluster:ADDRESS. All
    addresses are one set: what arrives in it from outside is followed. Without --method the answer is a
    range: fifo and haircut, and the most that can have flowed.
    """
    from tracer.flow.methods import DEFAULT
    from tracer.flow.question import Question, base_units, seconds

    def moment(text: str | None) -> int | None:
        return None if text is None else seconds(text)

    chain = compose.chain(chain_name)
    question = Question(
        seeds=seeds,
        methods=tuple(dict.fromkeys(methods)) or DEFAULT,
        unit="entity" if unit == "entity" else "lot" if unit == "lot" else None,
        hops=hops,
        max_txs=max_txs,
        min_value=0 if min_value is None else base_units(min_value, chain.decimals),
        after=moment(after),
        before=moment(before),
        seed_after=moment(seed_after),
        seed_before=moment(seed_before),
        exits=exits,
    )
    with compose.case_question(app, "trace", (), case_id, purpose) as log:
        document = answer(app, chain.name, question)
        first = document["documents"][0] if "documents" in document else document
        log.read(first["intel_snapshot"])
        for tip in first["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        log.answered(json_text(document).encode())
    app.emit(document, as_json, lambda result: render(app.console(), result))


def answer(app: App, chain_name: str, question: Question) -> dict[str, Any]:
    """The document of a question on the facts and claims as they stand; used by other verbs too."""
    from importlib.metadata import PackageNotFoundError, version

    from tracer.flow.trace import trace

    try:
        engine = version("tracer")
    except PackageNotFoundError:
        engine = "0.1.0"
    with compose.open_ledger(app, chain_name):
        pass  # a chain that was never read is said before anything is built
    compose.links_ready(app, chain_name)
    with compose.open_ledger(app, chain_name) as ledger:
        return trace(ledger, compose.claims(app), question, rules=compose.rules(), engine=engine)


def render(console: Console, document: dict[str, Any]) -> None:
    """Tables for people, ending with what the result says and what it does not say."""
    documents = document.get("documents", [document])
    main = documents[0]
    _head(console, main)
    for doc in documents:
        if len(documents) > 1:
            console.print(f"\nUNDER {doc['method'].upper()}", style="bold")
        _endpoints(console, doc)
        _legs(console, doc)
        _stops(console, doc)
        _totals(console, doc)
    if len(documents) > 1:
        _comparison(console, document["comparison"], [d["method"] for d in documents], main)
    for title, lines in (
        ("What this result says", says(document)),
        ("What it does not say", says_not(document)),
    ):
        console.print(f"\n{title}", style="bold")
        for line in lines:
            console.print(f"  - {line}")


def _head(console: Console, doc: dict[str, Any]) -> None:
    tip = doc["as_of"][0]
    summary = doc["seed_summary"]
    console.print(f"Trace on {tip['chain']} as of block {tip['height']} ({tip['block_time']})", style="bold")
    for seed in doc["seeds"]:
        console.print(f"  seed {seed['kind']} {seed['value']}: {seed['lots']} lots")
    asset = doc["totals"][0]["asset"]
    if doc["unit"] == "entity":
        console.print(f"  left the entity in the window: {summary['left']['decimal']} {asset}")
    else:
        console.print(
            f"  received {summary['gross_received']['decimal']} {asset}, "
            f"of it {summary['internal']['decimal']} inside the seed set, "
            f"{summary['external_received']['decimal']} from outside"
        )
    console.print(f"  coverage: {doc['coverage']['status']}")
    for note in doc["coverage"]["notes"]:
        console.print(f"    {note}")


def _table(title: str, *columns: str, right: tuple[str, ...] = ()) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table


def _more(console: Console, rows: list[Any], what: str) -> None:
    if len(rows) > _ROWS:
        console.print(f"  ... and {len(rows) - _ROWS} more {what} in the JSON")


def _endpoints(console: Console, doc: dict[str, Any]) -> None:
    rows = doc["endpoints"]
    table = _table(
        "Services reached", "service", "category", "KYC then", "amount", "share", "first", "last", "hops",
        right=("amount", "share", "hops"),
    )  # fmt: skip
    for row in rows[:_ROWS]:
        level = row["kyc_level"]
        if row["kyc_last_known"]:
            level = f"{level} (last known {row['kyc_last_known']})"
        table.add_row(
            row["entity"], row["category"], level, row["amount"]["decimal"], row["share"],
            row["first_time"][:10], row["last_time"][:10], str(row["min_hops"]),
        )  # fmt: skip
    if rows:
        console.print(table)
        _more(console, rows, "services")
    else:
        console.print(
            "No service that --exits asks for was reached." if _filtered(doc) else "No service was reached."
        )
    if _filtered(doc):
        other = doc["other_endpoints"]
        console.print(
            f"Not shown because of --exits: {other['count']} services, {other['amount']['decimal']} "
            f"{other['amount']['asset']}; of these with unknown KYC: {other['unknown_kyc']['count']}, "
            f"{other['unknown_kyc']['amount']['decimal']}"
        )


def _filtered(doc: dict[str, Any]) -> bool:
    return bool(doc["parameters"]["exits"])


def _legs(console: Console, doc: dict[str, Any]) -> None:
    legs = [(row["entity"], leg) for row in doc["endpoints"] for leg in row["legs"]]
    if not legs:
        return
    right = ("on chain", "traced")
    table = _table(
        "Single transactions to ask about",
        *("service", "role", "address and transaction:output", "time (UTC)", *right),
        right=right,
    )
    for entity, leg in legs[:_ROWS]:
        place = f"{leg['address']}\n{leg['txid']}:{leg['vout']}"
        amounts = (leg["amount_onchain"]["decimal"], leg["amount_traced"]["decimal"])
        table.add_row(entity, leg["role"], place, leg["time"], *amounts)
    console.print(table)
    _more(console, legs, "transactions")


def _stops(console: Console, doc: dict[str, Any]) -> None:
    rows = doc["stops"]
    if not rows:
        return
    table = _table(
        "Where the trail was ended", "reason", "amount", "address", "transaction", right=("amount",)
    )
    for row in rows[:_ROWS]:
        table.add_row(row["reason"], row["amount"]["decimal"], row["address"] or "", row["txid"])
    console.print(table)
    _more(console, rows, "stops")


def _totals(console: Console, doc: dict[str, Any]) -> None:
    from tracer.amounts import decimal_text

    total = doc["totals"][0]
    decimals = len(doc["seed_summary"]["gross_received"]["decimal"].partition(".")[2])
    names = ("seed", "services", "unspent", "unread", "fees", "burned", "stopped", "pruned")
    table = _table(f"Where it is ({total['asset']}, {doc['method']})", *names, right=names)
    table.add_row(*(decimal_text(int(total[name]), decimals) for name in names))
    console.print(table)


def _comparison(
    console: Console, rows: list[dict[str, Any]], methods: list[str], doc: dict[str, Any]
) -> None:
    from tracer.amounts import decimal_text

    if not rows:
        return
    decimals = len(doc["seed_summary"]["gross_received"]["decimal"].partition(".")[2])
    columns = (*methods, "at most")
    table = _table("The range", "service", *columns, "found by", right=columns)
    for row in rows[:_ROWS]:
        units = [decimal_text(int(row[m]), decimals) for m in (*methods, "upper_bound")]
        table.add_row(row["endpoint"], *units, f"only {row['only_in']}: a lead" if row["only_in"] else "all")
    console.print(table)


def says(document: dict[str, Any]) -> list[str]:
    """The result in plain words; every sentence names the convention it rests on."""
    documents = document.get("documents", [document])
    lines = []
    for doc in documents:
        rows = doc["endpoints"]
        asset = doc["totals"][0]["asset"]
        under = f"Under {doc['method'].upper() if doc['method'] == 'fifo' else doc['method']}"
        if rows:
            named = ", ".join(
                f"{r['entity']} {r['amount']['decimal']} {asset} (KYC then: {r['kyc_level']})"
                for r in rows[:3]
            )
            more = f" and {len(rows) - 3} more" if len(rows) > 3 else ""
            lines.append(f"{under}, money from the seed reached {named}{more}.")
        else:
            asked = " of the kind asked for" if _filtered(doc) else ""
            lines.append(
                f"{under}, no labelled service{asked} was reached in the blocks and claims named above."
            )
    if documents[0]["unit"] == "entity":
        lines.append(
            "The money left the market or service; shares are shares of the pool's outflow; "
            "not attributable to one order or one customer."
        )
    if len(documents) > 1:
        lines.append(
            "The methods are conventions; the truth may lie anywhere from nothing to the upper bound "
            "of each service."
        )
    return lines


def says_not(document: dict[str, Any]) -> list[str]:
    """What nobody may read into the result."""
    documents = document.get("documents", [document])
    legs = [leg for doc in documents for row in doc["endpoints"] for leg in row["legs"]]
    stops = {row["reason"] for doc in documents for row in doc["stops"]}
    totals = [doc["totals"][0] for doc in documents]
    lines = []
    if len(documents) == 1:
        lines.append(
            f"It holds under {documents[0]['method']} alone; another convention may name other services."
        )
    elif any(row["only_in"] for row in document["comparison"]):
        lines.append("A service that only one convention finds is a lead, not a finding.")
    if any(leg["role"] == "hot" for leg in legs):
        lines.append(
            "A payment to a hot wallet identifies no customer: ask who was credited by that transaction."
        )
    if any(leg["role"] == "deposit" for leg in legs):
        lines.append(
            "A deposit address is the service's: only the service can say whose account it credited."
        )
    if "custodial_pool" in stops:
        lines.append(
            "Inside a pool coins are interchangeable: nothing that later left it is attributed to this money."
        )
    if "mixer" in stops:
        lines.append("What entered a mixer is not followed through it; where it came out is not known.")
    if any(int(t["unread"]) for t in totals):
        lines.append("Unread money is neither unspent nor spent: the blocks that would tell were not read.")
    if any(int(t["pruned"]) for t in totals):
        lines.append(
            "Pruned money went on; the limits of this question (hops, value, time, size) cut it off."
        )
    if any(row["kyc_level"] == "unknown" for doc in documents for row in doc["endpoints"]):
        lines.append("KYC unknown is not KYC none: no dated evidence covers that time.")
    lines.append(
        "An address without a tag may still belong to a service: the absence of a label is not innocence."
    )
    return lines
