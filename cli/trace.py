"""`tracer trace`: follow money from seeds to where it was cashed out."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose, ondemand
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.bridges import leading_on, list_options
from cli.walking import STOPPED, walking
from tracer.errors import BadSeeds, SourceUnavailable, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.chains import AnyChain
    from tracer.flow.question import Question
    from tracer.flow.trail import Pulse

MOST_BYTES = 64 << 20
"""(P) A list of seeds is no larger: 64 MB are some 500,000 rows with every column filled."""


@click.command("trace", short_help="Follow money from seeds to where it was cashed out.")
@click.argument("seeds", nargs=-1, metavar="SEED...")
@click.option(
    "--seeds",
    "seeds_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A list of more seeds: CSV with chain, address, role, valid_from, valid_to, source, reference.",
)
@click.option(
    "--method",
    "methods",
    multiple=True,
    metavar="NAME",
    help="fifo, haircut, lifo, tiho or poison; fifo and haircut when left out.",
)
@click.option("--backward", is_flag=True, help="Follow money to where it came from.")
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
@click.option(
    "--asset",
    metavar="ASSET",
    help="Of an account chain follow this asset only: native, a symbol, a contract.",
)
@click.option("--min-share", metavar="X", help="Stop at lots smaller than this share of the seeds: 0.001.")
@click.option(
    "--high-degree",
    "degree",
    default=1000,
    show_default=True,
    type=click.IntRange(0),
    help="Stop at untagged addresses of more transactions; 0: do not.",
)
@click.option("--stop", multiple=True, metavar="CATEGORY", help="Stop at addresses of this category too.")
@click.option(
    "--through",
    multiple=True,
    metavar="mixer",
    help="Show what lies behind mixers too, as leads and never as flow.",
)
@click.option(
    "--fees",
    type=click.Choice(["sink", "miners"]),
    default="sink",
    show_default=True,
    help="Fees rest, or go on to the miner of their block.",
)
@click.option("--after", metavar="TIME", help="Follow movements from this UTC time on.")
@click.option("--before", metavar="TIME", help="Follow movements before this UTC time.")
@click.option("--seed-after", metavar="TIME", help="Seed what arrived (or left) from this UTC time on.")
@click.option("--seed-before", metavar="TIME", help="Seed what arrived (or left) before this UTC time.")
@click.option(
    "--graph",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the graph that was followed too: .html, .svg, .graphml, .dot or .json.",
)
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
    seeds: tuple[str, ...],
    seeds_file: Path | None,
    methods: tuple[str, ...],
    backward: bool,
    unit: str | None,
    pools: str,
    exits: tuple[str, ...],
    hops: int,
    max_txs: int,
    min_value: str | None,
    asset: str | None,
    min_share: str | None,
    degree: int,
    stop: tuple[str, ...],
    through: tuple[str, ...],
    fees: str,
    after: str | None,
    before: str | None,
    seed_after: str | None,
    seed_before: str | None,
    graph: Path | None,
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
    """Follow money from SEEDs to where it was cashed out; with --backward, to where it came from.

    A SEED is an address, txid:vout, txid@address, txid:*, tag:LABEL, vasp:ID or cluster:ADDRESS; on an account chain
    txid:N is a transfer. All
    addresses are one set: what arrives in it from outside is followed. Without --method the answer is a
    range: fifo and haircut, and the most that can have flowed. Ctrl-C ends at the next hop and gives what
    was found, marked as partial. With --source the ledger is filled with what the question needs, and only with that.
    """
    from cli.graph import check, write
    from cli.trace_text import render
    from tracer.chain import Family
    from tracer.flow.methods import DEFAULT
    from tracer.flow.question import MOST_OF_ACCOUNTS, MOST_UNITS, Question, base_units, seconds
    from tracer.flow.seeding.seed_file import parse

    def moment(text: str | None) -> int | None:
        return None if text is None else seconds(text)

    with compose.case_question(app, "trace", (), case_id, purpose) as log:
        chain, plain = on_chain(chain_name, seeds)
        asked = ondemand.demand(chain, source, yes, rate, max_requests, at)
        compose.words(asset)
        accounts = chain.family is Family.ACCOUNT
        if asset is not None and not accounts:
            raise UsageError(f"--asset is for account chains; {chain.name} has one asset, {chain.asset}.")
        most = MOST_OF_ACCOUNTS if accounts else MOST_UNITS
        listed = _bytes(seeds_file) if seeds_file else None
        if listed is not None:
            log.read(f"seeds sha256:{hashlib.sha256(listed).hexdigest()}")
        if graph is not None:
            check(graph)
        question = Question(
            seeds=plain,
            listed=() if listed is None else (parse(listed, chain, seeds_file.name if seeds_file else ""),),
            methods=tuple(dict.fromkeys(methods)) or DEFAULT,
            unit="entity" if unit == "entity" else "lot" if unit == "lot" else None,
            hops=hops,
            max_txs=max_txs,
            direction="backward" if backward else "forward",
            min_share=min_share,
            degree=degree,
            stop=stop,
            through=through,
            fees="miners" if fees == "miners" else "sink",
            min_value=0 if min_value is None else base_units(min_value, _decimals(app, chain, asset), most),
            asset=asset,
            most=most,
            after=moment(after),
            before=moment(before),
            seed_after=moment(seed_after),
            seed_before=moment(seed_before),
            exits=exits,
            pools="tagged" if pools == "tagged" else "all",
            edges=graph is not None,
            currency=currency.upper(),
            price_source=price_source,
        )
        with walking(app) as walk:
            if asked is not None:
                log.read(f"{ondemand.KIND}:{ondemand.fetch(app, chain, question, intel, walk, asked)}")
            document = answer(app, chain.name, question, intel, at, walk, (emitters, mixer_pools))
        first = document["documents"][0] if "documents" in document else document
        log.read(first["intel_snapshot"])
        for tip in first["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        for said in document.get("documents", [document]):
            log.used(said["claims"])
        log.answered(json_text(document).encode(), STOPPED if walk.stopped else 0)
    try:
        app.emit(document, as_json, lambda result: render(app.console(), result))
    finally:
        if graph is not None:
            write(graph, document)
    if walk.stopped:
        sys.exit(STOPPED)


def _decimals(app: App, chain: AnyChain, asset: str | None) -> int:
    """Digits after the point of what `--min-value` is given in."""
    if asset is None:
        return chain.decimals
    from tracer.flow.accounts.assets import decimals_of

    with compose.open_ledger(app, chain.name) as ledger:
        return decimals_of(ledger, asset)


def _bytes(seeds_file: Path) -> bytes:
    """The list of seeds; a device or a pipe may have no end."""
    if not seeds_file.is_file():
        raise UsageError(f"--seeds {seeds_file} is no plain file.", hint="Save the list to a file first.")
    try:
        with seeds_file.open("rb") as file:
            listed = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise SourceUnavailable(f"cannot read {seeds_file}: {error.strerror}.") from error
    if len(listed) > MOST_BYTES:
        raise BadSeeds(f"{seeds_file.name} has more than {MOST_BYTES >> 20} MB: it is no list of seeds.")
    return listed


def on_chain(given: str | None, seeds: Sequence[str]) -> tuple[AnyChain, tuple[str, ...]]:
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


def answer(
    app: App,
    chain_name: str,
    question: Question,
    intel: str | None = None,
    at: str | None = None,
    pulse: Pulse = lambda _hop, _txs: True,
    lists: tuple[Sequence[Path], Sequence[Path]] = ((), ()),
) -> dict[str, Any]:
    """The document of a question on the facts as they stand, or as of a block (`at`), and the claims (of a snapshot).

    For other verbs too. `lists`: an analyst's own lists of bridge contracts and of mixer pools.
    """
    from contextlib import ExitStack
    from importlib.metadata import PackageNotFoundError, version

    from rules import clustering
    from rules.accuracy import error_rate
    from tracer.flow.trace import trace

    try:
        engine = version("tracer")
    except PackageNotFoundError:
        engine = "0.1.0"
    claims = compose.claims(app, intel)
    with ExitStack() as opened:
        ledger = opened.enter_context(compose.linked(app, chain_name, claims, at=at))
        bridges = leading_on(
            app, opened, ledger, claims, as_of=at is not None, emitters=lists[0], pools=lists[1]
        )
        return trace(
            ledger,
            claims,
            question,
            rules=clustering(),
            engine=engine,
            rates=error_rate,
            pulse=pulse,
            bridges=bridges,
        )
