"""`tracer trace`: follow money from seeds to where it was cashed out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, intel_option, json_option, json_text
from tracer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.bitcoin.chains import BitcoinChain
    from tracer.flow.question import Question


@click.command("trace", short_help="Follow money from seeds to where it was cashed out.")
@click.argument("seeds", nargs=-1, required=True, metavar="SEED...")
@click.option(
    "--method", "methods", multiple=True, metavar="NAME", help="fifo or haircut; both when left out."
)
@click.option(
    "--unit", type=click.Choice(["lot", "entity"]), help="Follow what arrived, or what left a pool."
)
@click.option(
    "--pools",
    type=click.Choice(["all", "tagged"]),
    default="all",
    show_default=True,
    help="Stop at untagged wallets that behave like pools too, or at tagged pools only.",
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
@click.option("--currency", default="USD", show_default=True, metavar="CODE", help="Currency of fiat values.")
@click.option("--price-source", metavar="NAME", help="Prices of this source only; else as sources rank.")
@click.option("--chain", "chain_name", metavar="NAME", help="Chain, bitcoin when left out.")
@intel_option
@case_options
@json_option
@click.pass_obj
def command(
    app: App,
    seeds: tuple[str, ...],
    methods: tuple[str, ...],
    unit: str | None,
    pools: str,
    exits: tuple[str, ...],
    hops: int,
    max_txs: int,
    min_value: str | None,
    after: str | None,
    before: str | None,
    seed_after: str | None,
    seed_before: str | None,
    currency: str,
    price_source: str | None,
    chain_name: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Follow money from SEEDs, forward, to where it was cashed out.

    A SEED is an address, txid:vout, txid@address, txid:*, tag:LABEL, vasp:ID or cluster:ADDRESS. All
    addresses are one set: what arrives in it from outside is followed. Without --method the answer is a
    range: fifo and haircut, and the most that can have flowed.
    """
    from cli.trace_text import render
    from tracer.flow.methods import DEFAULT
    from tracer.flow.question import Question, base_units, seconds

    def moment(text: str | None) -> int | None:
        return None if text is None else seconds(text)

    with compose.case_question(app, "trace", (), case_id, purpose) as log:
        chain, plain = _on_chain(chain_name, seeds)
        question = Question(
            seeds=plain,
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
            pools="tagged" if pools == "tagged" else "all",
            currency=currency.upper(),
            price_source=price_source,
        )
        document = answer(app, chain.name, question, intel)
        first = document["documents"][0] if "documents" in document else document
        log.read(first["intel_snapshot"])
        for tip in first["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        for said in document.get("documents", [document]):
            log.used(said["claims"])
        log.answered(json_text(document).encode())
    app.emit(document, as_json, lambda result: render(app.console(), result))


def _on_chain(given: str | None, seeds: Sequence[str]) -> tuple[BitcoinChain, tuple[str, ...]]:
    """The one chain of a question, from `--chain` or the seeds' `chain:` prefixes, and the seeds without them."""
    names = {given} if given else set()
    plain = []
    for seed in seeds:
        prefix, _, rest = seed.partition(":")
        if rest and compose.is_chain(prefix.strip().lower()):
            names.add(prefix.strip().lower())
            seed = rest
        plain.append(seed)
    if len(names) > 1:
        raise UsageError(f"one chain at a time: the question names {' and '.join(sorted(names))}.")
    return compose.chain(names.pop() if names else "bitcoin"), tuple(plain)


def answer(app: App, chain_name: str, question: Question, intel: str | None = None) -> dict[str, Any]:
    """The document of a question on the facts as they stand, and the claims (of a snapshot); for other verbs too."""
    from importlib.metadata import PackageNotFoundError, version

    from rules import clustering
    from rules.accuracy import error_rate
    from tracer.flow.trace import trace

    try:
        engine = version("tracer")
    except PackageNotFoundError:
        engine = "0.1.0"
    claims = compose.claims(app, intel)
    with compose.open_ledger(app, chain_name):
        pass  # a chain that was never read is said before anything is built
    with compose.linked(app, chain_name, claims) as ledger:
        return trace(ledger, claims, question, rules=clustering(), engine=engine, rates=error_rate)
