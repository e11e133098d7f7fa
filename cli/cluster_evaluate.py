"""`tracer cluster evaluate`: how often each rule errs, where that can be known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.app import App, json_option, json_text
from tracer.errors import SourceUnavailable, StoreUnwritable, UsageError

if TYPE_CHECKING:
    from cli.evaluation_accounts import MeasuredChain

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("evaluate")
@click.option(
    "--seeds", default=5, show_default=True, type=click.IntRange(1, 100), help="How many simulated worlds."
)
@click.option(
    "--txs",
    default=200_000,
    show_default=True,
    type=click.IntRange(1_500, 10_000_000),
    help="The size of each.",
)
@click.option(
    "--accounts",
    default=3,
    show_default=True,
    type=click.IntRange(0, 100),
    help="How many simulated worlds of accounts; needs anvil.",
)
@click.option(
    "--account-txs",
    default=10_000,
    show_default=True,
    type=click.IntRange(1_500, 50_000),
    help="The size of each of those.",
)
@click.option("--labels", type=_FOLDER, metavar="DIR", help="Labelled CoinJoins: a folder of LABEL.jsonl.gz.")
@click.option("--review", type=_FILE, metavar="FILE", help="Labels to set aside: txid,published,ours,reason.")
@click.option("--out", type=_FILE, metavar="FILE", help="Write the page for people (Markdown) here.")
@click.option("--rates", type=_FILE, metavar="FILE", help="Write the rates that results quote (JSON) here.")
@json_option
@click.pass_obj
def evaluate(
    app: App,
    *,
    seeds: int,
    txs: int,
    accounts: int,
    account_txs: int,
    labels: Path | None,
    review: Path | None,
    out: Path | None,
    rates: Path | None,
    as_json: bool,
) -> None:
    """Measure the clusters and mix detectors on worlds whose owners are known.

    Builds simulated worlds of their own (your workspace is not touched), clusters them as any chain, and compares
    with the truth. Worlds of accounts run on real nodes (anvil); where none can be started, nothing is said of chains
    of accounts. With --labels the detectors are also held against published labels of real transactions.
    """
    from cli import evaluation, evaluation_page, evaluation_text
    from cli.evaluation_document import document
    from cli.evaluation_rates import rates as quoted
    from rules import clustering

    if review and not labels:
        raise UsageError("a review needs the labels it speaks of.", hint="Name their folder with --labels.")
    for path in (out, rates):
        if path and not path.parent.is_dir():  # before minutes of work, not after
            raise _unwritable(path, "no such folder")
    said = None
    if labels:
        with app.progress("labelled transactions") as advance:
            said = evaluation.labelled(labels, review)
            advance(1, 1)
    on_accounts = _on_accounts(app, accounts, account_txs)
    worlds = [evaluation.measured(app, seed, txs) for seed in range(1, seeds + 1)]
    found = document(clustering(), worlds, txs, said, on_accounts)
    for path, text in (
        (out, evaluation_page.page(found)),
        (rates, json_text(quoted(found))),
    ):
        if path:
            _write(path, text)
    app.emit(found, as_json, lambda shown: evaluation_text.render(app.console(), shown))


def _on_accounts(app: App, seeds: int, txs: int) -> tuple[list[MeasuredChain], int] | None:
    """What was measured on worlds of accounts; None, after a word why, where their nodes cannot be had."""
    from cli.evaluation_accounts import measured

    try:
        chains = [chain for seed in range(1, seeds + 1) for chain in measured(app, seed, txs)]
    except SourceUnavailable as problem:
        app.warn(f"nothing is measured on chains of accounts: {problem}")
        return None
    return (chains, txs) if chains else None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise _unwritable(path, problem.strerror or "") from problem


def _unwritable(path: Path, why: str) -> StoreUnwritable:
    return StoreUnwritable(f"cannot write {path} ({why}).", hint="Name a file in a folder you may write to.")
