"""`tracer paths`: how money can have gone from one place to another, or to services of a kind."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from cli import compose, ondemand
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.bridges import leading_on, list_options
from cli.trace import on_chain
from cli.walking import STOPPED, walking
from tracer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from adapters.chains import AnyChain
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
    "--asset",
    metavar="ASSET",
    help="Of an account chain start with this asset only: native, a symbol, a contract.",
)
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
@list_options
@ondemand.options
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
    asset: str | None,
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
    emitters: tuple[Path, ...],
    mixer_pools: tuple[Path, ...],
    source: str | None,
    yes: bool,
    rate: float,
    max_requests: int,
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

    On an account chain it goes from transfer to transfer of one asset, and through swaps and wraps into another.
    Amounts of different assets are not compared, so there the path of the fewest hops comes first. None leads over a
    bridge.
    """
    from cli.paths_text import render
    from tracer.chain import Family
    from tracer.flow.paths.question import PathQuestion
    from tracer.flow.question import MOST_OF_ACCOUNTS, MOST_UNITS, Question, base_units, seconds

    def moment(text: str | None) -> int | None:
        return None if text is None else seconds(text)

    with compose.case_question(app, "paths", (), case_id, purpose) as log:
        chain, (first, *last) = on_chain(chain_name, [start] if end is None else [start, end])
        demand = ondemand.demand(chain, source, yes, rate, max_requests, at)
        compose.words(asset)
        accounts = chain.family is Family.ACCOUNT
        if not accounts:
            _no_accounts(chain, asset, (*emitters, *mixer_pools))
        most = MOST_OF_ACCOUNTS if accounts else MOST_UNITS
        asked = Question(
            seeds=(first,),
            unit="entity" if unit == "entity" else "lot" if unit == "lot" else None,
            hops=hops,
            max_txs=max_txs,
            min_value=0 if min_value is None else base_units(min_value, _decimals(app, chain, asset), most),
            asset=asset,
            most=most,
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
            if demand is not None:
                # along a path money can have gone, so a trace of the same limits meets all that a path can
                host = ondemand.fetch(app, chain, asked, intel, walk, demand, also=last)
                log.read(f"{ondemand.KIND}:{host}")
            document = answer(app, chain.name, question, intel, at, walk, (emitters, mixer_pools))
        log.read(document["intel_snapshot"])
        for tip in document["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        log.used(document["claims"])
        log.answered(json_text(document).encode(), STOPPED if walk.stopped else 0)
    app.emit(document, as_json, lambda result: render(app.console(), result))
    if walk.stopped:
        sys.exit(STOPPED)


def _no_accounts(chain: AnyChain, asset: str | None, lists: Sequence[Path]) -> None:
    """Refuse options that say nothing of a chain of outputs."""
    if asset is not None:
        raise UsageError(f"--asset is for account chains; {chain.name} has one asset, {chain.asset}.")
    if lists:
        raise UsageError(
            f"--emitters and --mixer-pools are for account chains; {chain.name} has no contracts."
        )


def _decimals(app: App, chain: AnyChain, asset: str | None) -> int:
    """Digits after the point of what `--min-value` is given in."""
    if asset is None:
        return chain.decimals
    from tracer.flow.accounts.assets import decimals_of

    with compose.open_ledger(app, chain.name) as ledger:
        return decimals_of(ledger, asset)


def answer(
    app: App,
    chain_name: str,
    question: PathQuestion,
    intel: str | None = None,
    at: str | None = None,
    pulse: Pulse = lambda _hop, _txs: True,
    lists: tuple[Sequence[Path], Sequence[Path]] = ((), ()),
) -> dict[str, Any]:
    """The document of a question, on facts and claims as they stand, or as of a block (`at`) and a snapshot.

    `lists`: an analyst's own lists of bridge contracts and of mixer pools, where an account chain ends a path.
    """
    from contextlib import ExitStack

    from rules import clustering
    from rules.accuracy import error_rate
    from tracer.chain import Family
    from tracer.evidence.custody import engine_version
    from tracer.flow.paths.question import paths

    claims = compose.claims(app, intel)
    with ExitStack() as opened:
        ledger = opened.enter_context(compose.linked(app, chain_name, claims, at=at))
        bridges = None
        if ledger.chain.family is Family.ACCOUNT:
            bridges = leading_on(
                app, opened, ledger, claims, as_of=at is not None, emitters=lists[0], pools=lists[1]
            )
        return paths(
            ledger,
            claims,
            question,
            rules=clustering(),
            engine=engine_version(),
            rates=error_rate,
            pulse=pulse,
            bridges=bridges,
        )
