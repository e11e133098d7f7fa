"""Facts on demand: an explorer is asked for what a question needs and the ledger does not hold, and for nothing else.

The question itself says what it lacks (`tracer.flow.lacking`): that is fetched, proved, kept, and the question is asked
again, until nothing is lacking that its limits do not leave open. Services, pools and mixers thus end the asking too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from tracer.errors import UsageError

if TYPE_CHECKING:
    from adapters.bitcoin.chains import BitcoinChain
    from adapters.chains import AnyChain
    from cli.app import App
    from cli.explorer import Fetcher
    from tracer.flow.question import Question
    from tracer.flow.seeding.grammar import Seed
    from tracer.flow.trail import Pulse
    from tracer.intel.snapshot import Snapshot

KIND = "esplora"
RATE = 5.0
"""(P) Requests per second: public explorers name no figure, and block who asks much faster."""
MOST = 5_000
"""(P) Requests for one question: a quarter of an hour at that rate."""
NAMED = 20
"""Seeds shown before somebody agrees to name them to a host."""


@dataclass(frozen=True)
class Demand:
    """Where to ask, how fast (requests per second), how often in all, and whether the person agreed beforehand."""

    source: str
    yes: bool
    rate: float
    most: int


def options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--source`, `--yes`, `--rate`, `--max-requests`."""
    for decorate in (
        click.option(
            "--max-requests",
            type=click.IntRange(1),
            default=MOST,
            show_default=True,
            help="With --source: most requests; beyond them the answer is partial.",
        ),
        click.option(
            "--rate",
            type=click.FloatRange(0.01, 10_000),
            default=RATE,
            show_default=True,
            help="With --source: most requests per second.",
        ),
        click.option(
            "--yes", is_flag=True, help="With --source: agree that the explorer learns what is asked."
        ),
        click.option(
            "--source",
            metavar="SOURCE",
            help="Fetch what the ledger lacks from an explorer: esplora:URL. It learns what you look at.",
        ),
    ):
        function = decorate(function)
    return function


def demand(
    entry: AnyChain, source: str | None, yes: bool, rate: float, most: int, at: str | None
) -> Demand | None:
    """What the options ask for; None without a source. `UsageError` where it cannot be."""
    if source is None:
        return None
    compose.check_source(source)
    if not source.startswith(f"{KIND}:"):
        raise UsageError(
            "--source of a question is an explorer, asked for what the question needs.",
            hint=f"Give {KIND}:URL; read whole blocks with `tracer sync {entry.name} --source ...`.",
        )
    if at is not None:
        raise UsageError(
            "--at answers from the ledger; an explorer tells of now.", hint="Leave --source out."
        )
    _utxo(entry)
    return Demand(source, yes, rate, most)


def _utxo(entry: AnyChain) -> BitcoinChain:
    from adapters.bitcoin.chains import BitcoinChain
    from adapters.bitcoin.explorer.source import check_chain

    if not isinstance(entry, BitcoinChain):
        raise UsageError(f"{KIND}: reads chains of the Bitcoin family, not {entry.name}.")
    check_chain(entry)
    return entry


@contextmanager
def asking(app: App, entry: AnyChain, asked: Demand, named: Sequence[str]) -> Iterator[Fetcher]:
    """An explorer, once the person agreed that it learns these addresses and transactions; it is asked nothing before.

    At the end of the block its chain must still be the one it was asked of. A spent budget ends the block, with a
    warning: what was fetched until then is kept.
    """
    from adapters.bitcoin.explorer.http import BudgetSpent, Http
    from adapters.bitcoin.explorer.source import Esplora
    from cli.explorer import Fetcher

    http = Http(asked.source.partition(":")[2], rate=asked.rate, most=asked.most)
    _agreed(app, http.host, named, asked.yes)
    fetcher = Fetcher(app, entry.name, Esplora(http, _utxo(entry)))
    try:
        fetcher.begin()
        yield fetcher
        fetcher.end()
    except BudgetSpent:
        app.warn(
            f"{http.asked} requests were made, as many as --max-requests allows: the answer is partial. "
            "What was fetched is kept; the same command goes on from there."
        )
    else:
        app.say(f"{http.host}: {http.asked} requests, {fetcher.added} transactions added")


def _agreed(app: App, host: str, named: Sequence[str], yes: bool) -> None:
    """Say which host learns what, and go on only where a person agrees to it."""
    shown = ", ".join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")
    told = f"{host} will learn that somebody at your network address looks at {shown}"
    app.warn(f"{told}, and at every address and transaction the trail leads to.")
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            f"nobody is here to agree that {host} learns this.",
            hint="Agree with --yes, or ask without --source.",
        )
    with app.aside():
        agreed = click.confirm("Ask it?", err=True)
    if not agreed:
        raise UsageError(f"{host} was not asked.", hint="Without --source the ledger answers alone.")


def fetch(
    app: App, entry: AnyChain, question: Question, intel: str | None, pulse: Pulse, asked: Demand,
    *, also: Sequence[str] = (),
) -> str:  # fmt: skip
    """Fetch what a trace needs, until nothing is lacking or a limit holds; -> the host that was asked.

    `also`: what is to be known whole besides the seeds, written as they are.
    Raises `SourceUnavailable` where the host fails in spite of all patience, `DataError` where it lies; everything
    proved before is kept.
    """
    from rules import clustering
    from tracer.flow.deposits import MOST_TRANSACTIONS
    from tracer.flow.lacking import lacking

    if question.fees == "miners":
        raise UsageError("--fees miners needs whole blocks.", hint="Sync them, or leave --source out.")
    claims = compose.claims(app, intel)
    typed, listed = _seeds(entry, question, also)
    addresses, txids = _named(entry, [*typed, *listed], claims)
    needed = set(_named(entry, typed, claims)[1])
    with asking(app, entry, asked, [*addresses, *txids]) as fetcher:
        for address in addresses:
            fetcher.history(address)
        fetcher.transactions(txids, needed)
        before = None
        while True:
            with compose.linked(app, entry.name, claims) as ledger:
                lacks = lacking(ledger, claims, question, rules=clustering(), pulse=pulse)
            if lacks.nothing or not pulse(0, fetcher.added):
                break
            # who has too many transactions ends the trail: known before its outputs are asked for
            if question.degree and fetcher.counts(lacks.owners):
                continue
            if lacks == before:
                app.warn(f"{fetcher.host} does not tell all that the question needs: the answer is partial.")
                break
            before = lacks
            fetcher.transactions(lacks.parents)
            for address in lacks.histories:
                fetcher.history(address, MOST_TRANSACTIONS)
            fetcher.spends(lacks.outputs)
    return fetcher.host


def histories(app: App, chain_name: str, asked: Demand, addresses: Sequence[str]) -> None:
    """Fetch the whole history of addresses: then the ledger is complete for them, as of the explorer's tip.

    For verbs that look at addresses and their counterparties and follow no money (`tracer screen`).
    """
    entry = compose.chain(chain_name)
    canonical = [entry.render_address(entry.parse_address(address)) for address in addresses]
    with asking(app, entry, asked, canonical) as fetcher:
        for address in dict.fromkeys(canonical):
            fetcher.history(address)


def _seeds(entry: AnyChain, question: Question, also: Sequence[str]) -> tuple[list[Seed], list[Seed]]:
    """Seeds that were typed, and those of lists: of a list one may be unseen."""
    from tracer.flow.seeding.grammar import distinct, parse

    typed = [parse(text, entry) for text in (*question.seeds, *also)]
    return distinct(typed), distinct(row.seed for listed in question.listed for row in listed.rows)


def _named(entry: AnyChain, seeds: Iterable[Seed], claims: Snapshot) -> tuple[list[str], list[str]]:
    """Addresses and txids that seeds name; a label or a VASP stands for all addresses that claims give it."""
    from tracer.flow.seeding.grammar import txid_of

    addresses: dict[str, None] = {}
    txids: dict[str, None] = {}
    for seed in seeds:
        if seed.kind in ("address", "cluster"):
            addresses[seed.value] = None
        elif seed.kind in ("tag", "vasp"):
            tags = claims.tags(entry.name)
            own = tags.filter(tags["label" if seed.kind == "tag" else "actor"] == seed.value)
            addresses |= dict.fromkeys(sorted(own["address"].to_list()))
        else:
            txids[txid_of(seed)] = None
    return list(addresses), list(txids)
