"""`tracer doctor`: what is wrong with the workspace and with a node, and whether balances are the node's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, cast

import click

from cli import compose, doctor_core, doctor_evm
from cli.app import App, json_option
from cli.doctor_plan import planned
from cli.doctor_text import render

if TYPE_CHECKING:
    from adapters.bitcoin.core.probe import Capabilities as CoreOffers
    from adapters.bitcoin.core.source import CoreSource
    from adapters.evm.audit import Difference
    from adapters.evm.probe import Capabilities as EvmOffers
    from adapters.evm.source import EvmSource
    from tracer.chain import Chain

_NEGATIVE = 10
"""Accounts named that pay out more than they have (P); the rest is counted."""


@click.command("doctor")
@click.argument("chain", required=False)
@click.option(
    "--source", "source_text", metavar="evm:URL|core:URL", help="The node to ask; else TRACER_SOURCE_<CHAIN>."
)
@click.option("--balances", is_flag=True, help="Compare balances of accounts drawn by lot with the node's.")
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="With --balances: accounts to compare.  [default: 100]  With --plan: transactions to load.",
)
@click.option("--plan", is_flag=True, help="Say what a whole CHAIN would take on this machine.")
@click.option("--seed", type=int, default=0, show_default=True, help="With --balances: draws other ones.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    chain: str | None,
    source_text: str | None,
    balances: bool,
    sample: int | None,
    plan: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Say what is wrong with this workspace, and with a node of CHAIN.

    With --balances the balances that the ledger computes are compared with those the node tells, native coin and
    tokens, at ten blocks drawn by lot and at the tip. The first difference of each asset is shown: the block, the
    account, both balances, and what it probably comes from. Where there is none, internal transfers are complete for
    what was drawn. Exit code 4 where something differs, 3 where the node lacks what is needed.

    With --plan a simulated chain is loaded for some seconds, and from that is said what disk, memory and time a whole
    CHAIN would take here at least, and how far that is extrapolated.
    """
    from tracer.errors import TracerError, UsageError

    app: App = ctx.obj
    entry = None if chain is None else compose.chain(chain)
    if entry is None and (source_text or balances or plan):
        raise UsageError(
            "a node, and a plan, is of a chain.",
            hint="Give its name: `tracer doctor CHAIN --source evm:URL`.",
        )
    findings: list[dict[str, Any]] = []
    document: dict[str, Any] = {
        "schema": "tracer.doctor/1",
        "workspace": {"path": str(app.workspace.root)},
        "chains": _chains(app, findings),
        "source": None,
        "balances": None,
        "plan": None,
        "findings": findings,
    }
    source = None if entry is None else _source(app, entry, source_text)
    if balances and source is None:
        raise UsageError("balances are compared with a node's.", hint="Give --source evm:URL.")
    if source is not None:
        try:
            document["source"] = _node(app, source, findings)
            if balances:
                document["balances"] = _balances(app, _of_accounts(source), sample, seed, findings)
        except TracerError as error:
            _find(findings, source.chain.name, error.exit_code, error.problem, error.hint)
    if plan and entry is not None:
        document["plan"] = planned(app, entry, sample, source)
    app.emit(document, as_json, render)
    ctx.exit(max((each["code"] for each in findings), default=0))


def _find(findings: list[dict[str, Any]], where: str, code: int, problem: str, hint: str = "") -> None:
    """Note what was found; `code` 0 is worth knowing and nothing wrong."""
    findings.append({"where": where, "code": code, "problem": problem, "hint": hint})


def _chains(app: App, findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was read of each chain, and what is missing there."""
    from tracer.errors import TracerError
    from tracer.ledger.coverage import coverage
    from tracer.state import State

    out = []
    for name in compose.chains_read(app):
        try:
            with compose.open_ledger(app, name) as ledger:
                read, tip = coverage(ledger), ledger.tip()
        except TracerError as error:
            _find(findings, name, error.exit_code, error.problem, error.hint)
            continue
        out.append({"chain": name, "tip": tip.height if tip else None, "complete": read.complete})
        # below the first block nothing was asked for
        for first, last in read.gaps if read.ranges and read.ranges[0][0] == 0 else read.gaps[1:]:
            _find(findings, name, 0, f"blocks {first} to {last} were not read", "Run `tracer sync`.")
        for first, last in read.untraced:
            _find(findings, name, 0, f"internal transfers of blocks {first} to {last} were not read")
        if read.quarantined:
            _find(findings, name, 0, f"{read.quarantined:,} thing(s) in quarantine were not understood")
        if app.workspace.state.exists():
            with State.open(app.workspace) as state:
                if state.journal_get(name, "reorg") is not None:
                    problem = "a sync was stopped while it replaced a lost branch"
                    _find(findings, name, 3, problem, f"Run `tracer sync {name}` again.")
    return out


def _source(app: App, entry: Chain, text: str | None) -> CoreSource | EvmSource | None:
    """The node that is named, if one is."""
    from tracer.errors import UsageError

    text = text or os.environ.get(f"TRACER_SOURCE_{entry.name.upper().replace('-', '_')}")
    if not text:
        return None
    if not text.startswith(("core:", "evm:")):
        raise UsageError("only nodes are examined.", hint="Give --source evm:URL or core:URL.")
    return cast("CoreSource | EvmSource", compose.source(app, entry.name, text))


def _node(app: App, source: CoreSource | EvmSource, findings: list[dict[str, Any]]) -> dict[str, Any]:
    """What the node offers, and how far the ledger is behind it."""
    offers, name = source.capabilities(), source.chain.name
    for shortcoming in offers.shortcomings():
        _find(findings, name, 0, shortcoming)
    tip = None
    if name in compose.chains_read(app):
        with compose.open_ledger(app, name) as ledger:
            tip = ledger.read_to()
    if tip is not None and tip > offers.head:
        _find(
            findings,
            name,
            3,
            f"{offers.host} is behind: its newest block is {offers.head}, the store's is {tip}",
        )
    return {
        "host": offers.host,
        "client": offers.client,
        "head": offers.head,
        "lag": None if tip is None else offers.head - tip,
        **_told(offers),
    }


def _of_accounts(source: CoreSource | EvmSource) -> EvmSource:
    from adapters.evm.source import EvmSource
    from tracer.errors import UsageError

    if not isinstance(source, EvmSource):
        raise UsageError("a core: node tells no balances of addresses.", hint="Leave out --balances.")
    return source


def _told(offers: CoreOffers | EvmOffers) -> dict[str, Any]:
    """What only nodes of that family have."""
    from adapters.evm.probe import Capabilities

    return doctor_evm.told(offers) if isinstance(offers, Capabilities) else doctor_core.told(offers)


def _balances(
    app: App, source: EvmSource, sample: int | None, seed: int, findings: list[dict[str, Any]]
) -> dict[str, Any]:
    """The audit, as the document has it."""
    from adapters.evm.audit import ADDRESSES, audit
    from adapters.evm.state import State

    name = source.chain.name
    with app.progress("comparing balances") as advance:
        made = audit(
            lambda: compose.open_ledger(app, name), State(source.rpc), addresses=sample or ADDRESSES, seed=seed,
            progress=advance,
        )  # fmt: skip
    negative, tokens = _negative(app, name)
    believed = [each for each in made.differences if not each.said]
    if believed:
        _find(findings, name, 4, f"balances of {made.assets} asset(s) are not the node's")
    if negative:
        _find(
            findings, name, 4, f"{len(negative):,} account(s) pay out more of the native coin than they have"
        )
    if made.too_old:
        problem = (
            f"{source.rpc.host} has no state below block {made.oldest}: {len(made.too_old)} block(s) left out"
        )
        _find(findings, name, 3, problem, "Name an archive node to compare all of them.")
    return {
        "seed": seed,
        "addresses": made.addresses,
        "heights": list(made.heights),
        "too_old": list(made.too_old),
        "oldest_state": made.oldest,
        "compared": made.compared,
        "refused": made.refused,
        "unknown": made.unknown,
        "unopened": made.unopened,
        "assets_different": made.assets,
        "differences": [_difference(source.chain, each) for each in made.differences],
        "negative": negative[:_NEGATIVE],
        "negative_tokens": tokens,
    }


def _difference(chain: Chain, each: Difference) -> dict[str, Any]:
    from tracer.chain import AddressKey, accounts

    kind, holding = accounts(chain).account_kind, each.holding
    contract = holding.contract
    return {
        "address": chain.render_address(AddressKey(kind, holding.address)),
        "contract": chain.render_address(AddressKey(kind, contract)) if contract else None,
        "token_id": str(int.from_bytes(holding.token_id)) if holding.token_id else None,
        "height": each.height,
        "exact": each.exact,
        "computed": str(each.computed),
        "node": str(each.told),
        "difference": str(each.computed - each.told),
        "cause": str(each.cause),
        "said": each.cause.said,
        "disbelieved": each.said,
    }


def _negative(app: App, name: str) -> tuple[list[dict[str, Any]], int]:
    """Accounts that pay out more coin than they have, in the order of the chain, and how many tokens log such."""
    import polars as pl

    from tracer.chain import tx_height
    from tracer.ledger.accounts.balances import first_negative

    with compose.open_ledger(app, name) as ledger:
        found = first_negative(ledger)
        native = found.filter(asset_id=0)
        names = ledger.render_addresses(native["address_id"].head(_NEGATIVE).to_list())
        rows = native.select("address_id", "tx_id", "balance").iter_rows()
        return [
            {"address": names.get(address), "height": tx_height(tx_id), "balance": balance}
            for address, tx_id, balance in rows
        ], found.filter(pl.col("asset_id") > 0)["asset_id"].n_unique()
