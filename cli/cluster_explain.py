"""`tracer cluster explain`: the shortest chain of transactions and heuristics that joins two addresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import cluster_common as common
from cli import compose
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.cluster_explain_text import render
from cli.cluster_override import pair, pair_options
from tracer.errors import UsageError

if TYPE_CHECKING:
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger


@click.command("explain")
@pair_options
@click.option(
    "--tier",
    type=click.Choice(["conservative", "extended"]),
    default="conservative",
    show_default=True,
    help="Links of the clusters alone, or also of the overlay.",
)
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def command(
    app: App, *, a: str, b: str, chain: str | None, tier: str, at: str | None, intel: str | None, case_id: str,
    purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Print why the addresses A and B share a cluster: the shortest chain of links, and how far each is trusted.

    Where they share none: what speaks for a link and was not taken, and why not. This is a question of a case:
    it leaves a line in the custody log.
    """
    asked = [a, b, f"--tier={tier}", *([f"--chain={chain}"] if chain else [])]
    asked += [f"--at={at}"] if at else []
    with compose.case_question(app, "cluster explain", asked, case_id, purpose) as question:
        name, first, second = pair(app, common.named(a), common.named(b), chain)
        if first == second:
            raise UsageError(f"{first} was named twice: it is itself, nothing has to join it.")
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        document = _answer(app, name, (first, second), snapshot, tier, at)
        question.read(document["as_of"][0]["block_hash"])
        question.used(_claims(document))
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: render(app.console(), found))


def _answer(
    app: App, chain: str, asked: tuple[str, str], snapshot: Snapshot, tier: str, at: str | None
) -> dict[str, Any]:
    """The `tracer.cluster_explanation/1` document, with all clusters built that it speaks of."""
    with compose.open_ledger(app, chain, at=at) as ledger:
        _ids(ledger, asked)  # an address never seen is said before anything is built
    with compose.linked(app, chain, snapshot, tier, at=at) as ledger:
        one, other = _clusters(ledger, asked, tier)
        if tier == "extended" or one == other:
            return _document(ledger, asked, snapshot, tier)
    # the extended tier stands on the conservative one
    with compose.linked(app, chain, snapshot, "extended", at=at) as ledger:
        return _document(ledger, asked, snapshot, tier)


def _document(ledger: Ledger, asked: tuple[str, str], snapshot: Snapshot, tier: str) -> dict[str, Any]:
    from rules import clustering
    from rules.accuracy import error_rate, error_rate_by_script
    from tracer.clustering import constraints, lookup, overrides
    from tracer.clustering.explain import explain
    from tracer.clustering.leads import leads
    from tracer.clustering.rules import Tier

    state = common.usable(ledger, tier)
    bounds = constraints.load(ledger, snapshot)
    a, b = _ids(ledger, asked)
    clusters = _clusters(ledger, asked, tier)
    links = explain(ledger, state, a, b, clustering(), bounds)
    kept_apart = None if links else leads(ledger, state, a, b, bounds, clustering())
    elsewhere = None
    if links is None and tier == "conservative":
        common.usable(ledger, "extended")
        one, other = _clusters(ledger, asked, "extended")
        elsewhere = one == other
    for link in links or []:
        if link["override"] is None:
            rule = link["heuristic"]["id"], link["heuristic"]["version"]
            by_script = error_rate_by_script(*rule, link["script"]) if link["script"] else None
            link["error_rate"] = by_script or error_rate(*rule, family=ledger.chain.family)
    return {
        "schema": "tracer.cluster_explanation/1",
        **common.head(ledger, state, snapshot),
        "from": asked[0],
        "to": asked[1],
        "tier": tier,
        "clusters": [lookup.name(ledger, i, state.height) for i in dict.fromkeys(clusters)],
        "linked": links is not None,
        "links": links or [],
        "linked_in_extended": elsewhere,
        "leads": kept_apart.shown if kept_apart else [],
        "leads_not_listed": kept_apart.total - len(kept_apart.shown) if kept_apart else 0,
        "overrides": overrides.touching(ledger, bounds.overrides, set(clusters), Tier(tier)),
    }


def _ids(ledger: Ledger, asked: tuple[str, str]) -> tuple[int, int]:
    first, second = (common.seen(ledger, ledger.chain.parse_address(text)) for text in asked)
    return first, second


def _clusters(ledger: Ledger, asked: tuple[str, str], tier: str) -> tuple[int, int]:
    """The clusters (ids) of both in a tier."""
    from tracer.clustering.lookup import clusters_of
    from tracer.clustering.rules import Tier

    ids = _ids(ledger, asked)
    found = clusters_of(ledger, ids, Tier(tier))
    return found[ids[0]], found[ids[1]]


def _claims(document: dict[str, Any]) -> list[str]:
    """The claims an answer leaned on."""
    return [row["claim"] for row in document["overrides"]]
