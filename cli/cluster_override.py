"""`tracer cluster split|join`: an analyst's word on who shares control, kept as a claim."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, claim_options, json_option
from cli.cluster_common import DEFAULT_CHAIN
from cli.importing import today
from cli.tags_edit import put
from tracer.errors import BadAddress, UsageError

if TYPE_CHECKING:
    from tracer.intel.claims import Claim
    from tracer.intel.snapshot import Snapshot

SHOWN_CHAINS = 3


def pair_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """A, B and `--chain`: two addresses of one chain."""
    for decorate in (
        click.option("--chain", metavar="NAME", help=f"The addresses' chain; {DEFAULT_CHAIN} when left out."),
        click.argument("b"),
        click.argument("a"),
    ):
        function = decorate(function)
    return function


@click.command("split")
@pair_options
@click.option(
    "--at", "txid", default="", metavar="TXID", help="The transaction that was signed by several parties."
)
@claim_options
@json_option
@click.pass_obj
def split(
    app: App, *, a: str, b: str, chain: str | None, txid: str, author: str, reason: str, case_id: str, tlp: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Keep the addresses A and B apart: they have two holders, whatever links them.

    With --at the common spend of that transaction is not taken as one: its inputs link nobody.
    """
    from adapters.hashes import hash_bytes

    if txid:
        txid = hash_bytes(txid, "0x").hex()
    _override(app, {"kind": "split", "txid": txid}, (a, b, chain), (author, reason, case_id, tlp), as_json)


@click.command("join")
@pair_options
@claim_options
@json_option
@click.pass_obj
def join(
    app: App, *, a: str, b: str, chain: str | None, author: str, reason: str, case_id: str, tlp: str, as_json: bool
) -> None:  # fmt: skip
    """Put the addresses A and B into one cluster: they have one holder, though no transaction shows it."""
    _override(app, {"kind": "join"}, (a, b, chain), (author, reason, case_id, tlp), as_json)


def pair(app: App, a: str, b: str, chain: str | None) -> tuple[str, str, str]:
    """Chain, and two addresses of it as they are written canonically.

    The chain is that of `--chain` or of a `chain:` before an address. Raises `UsageError` where they name two, or
    where one text is an address of another chain, and `BadAddress` where it is of none.
    """
    names, texts = {compose.chain(chain).name} if chain else set(), []
    for text in (a, b):
        compose.words(text)
        prefix, _, rest = text.partition(":")
        named = bool(rest) and compose.is_chain(prefix.strip().lower())
        names |= {prefix.strip().lower()} if named else set()
        texts.append(rest if named else text)
    if len(names) > 1:
        raise UsageError(f"two chains in one question: {' and '.join(sorted(names))}.", hint="Ask of one.")
    name = names.pop() if names else DEFAULT_CHAIN
    good: list[str] = []
    refused: list[tuple[str, BadAddress]] = []
    for text in texts:
        try:
            good.append(compose.parse_address(name, text)[0])
        except BadAddress as error:
            refused.append((text.strip(), error))
    for text, problem in refused:
        elsewhere = _elsewhere(app, text) if good else ""
        if elsewhere:
            raise UsageError(
                f"two chains in one question: {good[0]} is an address of {name}, {text} of {elsewhere}.",
                hint="Ask of one.",
            ) from problem
        raise problem
    return name, good[0], good[1]


def _elsewhere(app: App, text: str) -> str:
    """The chains of which a text is an address, some of them where they are many; "" where it is of none."""
    try:
        return " or ".join(compose.chains_of(text, None, compose.claims(app).tags())[:SHOWN_CHAINS])
    except BadAddress:
        return ""


def _override(
    app: App,
    said: dict[str, str],
    asked: tuple[str, str, str | None],
    by: tuple[str, str, str, str],
    as_json: bool,
) -> None:
    author, reason, case_id, tlp = by
    chain, a, b = pair(app, *asked)
    row = said | {
        "chain": chain, "a": a, "b": b, "source": f"analyst {author}", "author": author, "reason": reason,
        "case_id": case_id, "tlp": compose.marking(tlp, case_id),
    }  # fmt: skip
    row["said_at"] = _first_said(compose.claims(app), row) or today()

    def check(claim: Claim, standing: Snapshot) -> None:
        from tracer.clustering import overrides
        from tracer.intel.claims import Override

        assert isinstance(claim, Override)
        compose.links_ready(app, chain, standing)  # a contradiction may lie in what was read since
        with compose.open_ledger(app, chain) as ledger:
            overrides.check(ledger, standing, claim)

    put(app, f"cluster {said['kind']}", "overrides", row, as_json, check)
    app.say(
        f"the clusters of {chain} are built anew with it at the next question (`tracer cluster build {chain}`)"
    )


def _first_said(standing: Snapshot, row: dict[str, str]) -> str:
    """The day on which this very override was put in, "" where it was not: the same words again are no new claim."""
    from dataclasses import asdict

    words = {**row, "a": min(row["a"], row["b"]), "b": max(row["a"], row["b"])}
    days = [
        said.said_at
        for _, said in standing.overrides(row["chain"])
        if all(words.get(name, "") == value for name, value in asdict(said).items() if name != "said_at")
    ]
    return min(days, default="")
