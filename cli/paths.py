"""`tracer paths`: how money can have gone from one place to another, or to services of a kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.trace import on_chain
from cli.walking import STOPPED, walking

if TYPE_CHECKING:
    from tracer.flow.paths.question import PathQuestion
    from tracer.flow.trail import Pulse


@click.command("paths", short_help="Show how money can have gone from one place to another, or to services.")
@click.argument("start", metavar="FROM")
@click.argument("end", metavar="[TO]", required=False)
@click.option(
    "--exits", multiple=True, metavar="KIND:X", help="To services: kyc:LEVEL, kyc:weak, category:ID."
)
@click.option(
    "--best", "-k", default=20, show_default=True, type=click.IntRange(1), help="Most paths to list."
)
@click.option("--hops", default=10, show_default=True, type=click.IntRange(1), help="Most hops of a path.")
@click.option(
    "--max-txs", default=200_000, show_default=True, type=click.IntRange(1), help="Most transactions."
)
@click.option("--min-value", metavar="X", help="Only paths along which this many coins can have gone.")
@click.option(
    "--unit", type=click.Choice(["lot", "entity"]), help="From what arrived there, or from what left a pool."
)
@click.option(
    "--pools",
    type=click.Choice(["all", "tagged"]),
    default="all",
    show_default=True,
    help="Go through no untagged wallet that behaves like a pool, or through no tagged pool only.",
)
@click.option(
    "--high-degree",
    "degree",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="Go through no untagged address of more transactions; 0: do.",
)
@click.option(
    "--stop", multiple=True, metavar="CATEGORY", help="Go through no address of this category either."
)
@click.option("--after", metavar="TIME", help="Movements from this UTC time on.")
@click.option("--before", metavar="TIME", help="Movements before this UTC time.")
@click.option("--seed-after", metavar="TIME", help="From what arrived (or left) from this UTC time on.")
@click.option("--seed-before", metavar="TIME", help="From what arrived (or left) before this UTC time.")
@click.option("--currency", default="USD", show_default=True, metavar="CODE", help="Currency of fiat values.")
@click.option("--price-source", metavar="NAME", help="Prices of this source only; else as sources rank.")
@click.option("--chain", "chain_name", metavar="NAME", help="Chain, bitcoin when left out.")
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def command(
    app: App,
    start: str,
    end: str | None,
    exits: tuple[str, ...],
    best: int,
    hops: int,
    max_txs: int,
    min_value: str | None,
    unit: str | None,
    pools: str,
    degree: int,
    stop: tuple[str, ...],
    after: str | None,
    before: str | None,
    seed_after: str | None,
    seed_before: str | None,
    currency: str,
    price_source: str | None,
    chain_name: str | None,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Show the ways along which most money can have gone FROM one place TO another; without TO, to services.

    FROM and TO are written as a seed of `tracer trace`. A path goes forward in time from output to spender to output,
    through no service, pool or mix. Its bottleneck, the least amount on it, is the most that can have gone along it:
    it shows what can have been, not what was, and bottlenecks of several paths do not add up.
    """
    from cli.paths_text import render
    from tracer.flow.paths.question import PathQuestion
    from tracer.flow.question import Question, base_units, seconds

    def moment(text: str | None) -> int | None:
        return None if text is None else seconds(text)

    with compose.case_question(app, "paths", (), case_id, purpose) as log:
        chain, (first, *last) = on_chain(chain_name, [start] if end is None else [start, end])
        asked = Question(
            seeds=(first,),
            unit="entity" if unit == "entity" else "lot" if unit == "lot" else None,
            hops=hops,
            max_txs=max_txs,
            min_value=0 if min_value is None else base_units(min_value, chain.decimals),
            after=moment(after),
            before=moment(before),
            seed_after=moment(seed_after),
            seed_before=moment(seed_before),
            exits=exits,
            pools="tagged" if pools == "tagged" else "all",
            degree=degree,
            stop=stop,
            currency=currency.upper(),
            price_source=price_source,
        )
        question = PathQuestion(asked, last[0] if last else None, best)
        with walking(app) as walk:
            document = answer(app, chain.name, question, intel, at, walk)
        log.read(document["intel_snapshot"])
        for tip in document["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        log.used(document["claims"])
        log.answered(json_text(document).encode(), STOPPED if walk.stopped else 0)
    app.emit(document, as_json, lambda result: render(app.console(), result))
    if walk.stopped:
        sys.exit(STOPPED)


def answer(
    app: App,
    chain_name: str,
    question: PathQuestion,
    intel: str | None = None,
    at: str | None = None,
    pulse: Pulse = lambda _hop, _txs: True,
) -> dict[str, Any]:
    """The document of a question, on facts and claims as they stand, or as of a block (`at`) and a snapshot."""
    from rules import clustering
    from rules.accuracy import error_rate
    from tracer.evidence.custody import engine_version
    from tracer.flow.paths.question import paths

    claims = compose.claims(app, intel)
    with compose.linked(app, chain_name, claims, at=at) as ledger:
        return paths(
            ledger,
            claims,
            question,
            rules=clustering(),
            engine=engine_version(),
            rates=error_rate,
            pulse=pulse,
        )
