"""`tracer cluster`: which addresses share control, and what that rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli import cluster_common as common
from cli import cluster_explain, cluster_review
from cli.app import App, at_option, case_options, intel_option, json_option, json_text, whole
from cli.cluster_common import DEFAULT_CHAIN
from cli.cluster_evaluate import evaluate
from cli.cluster_override import join, pair, split

if TYPE_CHECKING:
    from tracer.chain import AddressKey
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger

SHOWN_MEMBERS = 20
SHOWN_MERGES = 20
TAG_FIELDS = (
    "address",
    "label",
    "category",
    "actor",
    "role",
    "confidence",
    "source",
    "lastmod",
    "is_cluster_definer",
)
tier_option = click.option(
    "--tier",
    type=click.Choice(["conservative", "extended"]),
    default="conservative",
    show_default=True,
    help="Links that form the cluster, or also the overlay.",
)


@click.group()
def command() -> None:
    """Build, show, explain and correct clusters of addresses that share an owner."""


for verb in (cluster_explain.command, split, join, cluster_review.command, evaluate):
    command.add_command(verb)


@command.command("build")
@click.argument("chain", default=DEFAULT_CHAIN)
@tier_option
@click.option("--anew", is_flag=True, help="Build everything anew, not from the new blocks alone.")
@json_option
@click.pass_obj
def build(app: App, chain: str, tier: str, anew: bool, as_json: bool) -> None:
    """Bring the clusters of CHAIN (bitcoin) to the tip, mixes kept out."""
    from cli import compose
    from tracer.clustering import state as states

    entry = compose.chain(chain)
    with compose.open_ledger(app, entry.name):
        pass  # refuses a chain that was not read, before a file is made for it
    with compose.linked(app, entry.name, compose.claims(app), tier, anew=anew) as ledger:
        document = states.document(ledger, common.usable(ledger, tier))
    app.emit(document, as_json, lambda found: _render_build(app, found))


@command.command("show")
@click.argument("address")
@tier_option
@click.option("--chain", metavar="NAME", help=f"The address's chain; {DEFAULT_CHAIN} when left out.")
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=SHOWN_MEMBERS,
    show_default=True,
    help="How many members to list.",
)
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def show(
    app: App,
    *,
    address: str,
    tier: str,
    chain: str | None,
    limit: int,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Show the cluster of ADDRESS: its name, size, first members, and what is claimed of any member.

    ADDRESS may be a cluster's name, also a former one. This is a question of a case: it leaves a line in the
    custody log.
    """
    from cli import compose

    asked = [address, f"--chain={chain or DEFAULT_CHAIN}", f"--tier={tier}", f"--limit={limit}"]
    asked += [f"--at={at}"] if at else []
    with compose.case_question(app, "cluster show", asked, case_id, purpose) as question:
        text = common.named(address)
        name, text, _ = pair(app, text, text, chain)
        entry = compose.chain(name)
        key = entry.parse_address(text)
        snapshot = compose.claims(app, intel)
        question.read(snapshot.id)
        with compose.open_ledger(app, entry.name, at=at) as ledger:
            common.seen(ledger, key)
        with compose.linked(app, entry.name, snapshot, tier, at=at) as ledger:
            document = _document(ledger, key, snapshot, tier, limit)
        document["cluster"]["same_key_on"] = _elsewhere(app, entry.name, key, at)
        if at and (others := [name for name in compose.chains_read(app) if name != entry.name]):
            document["coverage"]["status"] = "partial"
            document["coverage"]["notes"].append(
                f"{', '.join(others)} not asked for the same key: --at names a block of {entry.name} alone"
            )
        question.read(document["as_of"][0]["block_hash"])
        question.used([row["claim"] for row in document["overrides"]])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render_cluster(app, found))


def _document(ledger: Ledger, key: AddressKey, snapshot: Snapshot, tier: str, limit: int) -> dict[str, Any]:
    from tracer.clustering import constraints, lookup, overrides
    from tracer.clustering.rules import Tier

    address_id = common.seen(ledger, key)
    state = common.usable(ledger, tier)
    found = lookup.cluster(ledger, address_id, state, limit=limit)
    tags = lookup.members_among(ledger, found.id, snapshot.tags(ledger.chain.name), Tier(tier))
    bounds = constraints.overrides(ledger, snapshot)
    merges = lookup.merges(ledger, found.id, limit=SHOWN_MERGES) if tier == "conservative" else []
    return {
        "schema": "tracer.cluster/1",
        **common.head(ledger, state, snapshot),
        "address": ledger.chain.render_address(key),
        "cluster": {"name": found.name, "tier": state.tier, "size": found.size},
        "members": list(found.members),
        "members_not_listed": found.size - len(found.members),
        "tags": [
            {name: None if value == "" else value for name, value in row.items()}
            for row in tags.select(TAG_FIELDS).sort(TAG_FIELDS).iter_rows(named=True)
        ],
        "pool_like": _pool_like(ledger, lookup.clusters_of(ledger, [address_id])[address_id]),
        "overrides": overrides.touching(ledger, bounds, {found.id}, Tier(tier)),
        "merges": [
            {
                "txid": m.txid,
                "height": m.height,
                "heuristic": m.heuristic,
                "kept": m.kept,
                "kept_size": m.kept_size,
                "merged": m.merged,
                "merged_size": m.merged_size,
                "alarm": m.alarm,
            }
            for m in merges
        ],
        "heuristics": common.heuristics(ledger, state),
    }


def _pool_like(ledger: Ledger, cluster_id: int) -> dict[str, Any] | None:
    """Whether the conservative cluster behaves like a custodian's pool, with the evidence; None: too little to say."""
    from rules import clustering
    from tracer.chain import Family
    from tracer.clustering import pools

    if ledger.chain.family is Family.ACCOUNT:  # it is told by coins that are spent together
        return None
    rule = pools.rule_of(clustering())
    found = pools.pool_like(ledger, [cluster_id], rule.parameters if rule else None).drop("cluster_id")
    return found.row(0, named=True) if found.height else None


def _of_accounts(document: dict[str, Any]) -> bool:
    from cli import compose
    from tracer.chain import Family

    return compose.chain(document["as_of"][0]["chain"]).family is Family.ACCOUNT


def _elsewhere(app: App, chain_name: str, key: AddressKey, at: str | None) -> list[dict[str, str]]:
    """Where else the key of an address was seen: other forms of it, and other chains of this workspace.

    `at`: as of this block, which is of the one chain; others are not asked then, nobody knows where they stood.
    """
    from cli import compose
    from tracer.chain import AddressKey, Family, accounts
    from tracer.clustering import keys

    entry = compose.chain(chain_name)
    forms = [key, *keys.forms(entry, key)]
    rows = []
    for name in [chain_name] if at else compose.chains_read(app):
        with compose.open_ledger(app, name, at=at) as ledger:
            if (
                entry.family is ledger.chain.family is Family.ACCOUNT
            ):  # a key has the same 20 bytes on all of them
                forms = [AddressKey(accounts(ledger.chain).account_kind, key.payload)]
            others = [form for form in forms if (name, form) != (chain_name, key)]
            seen = [form for form in others if ledger.find_address(form) is not None]
            rows += [{"chain": name, "address": ledger.chain.render_address(form)} for form in seen]
    return sorted(rows, key=lambda row: (row["chain"], row["address"]))


def _render_build(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    at = document["as_of"][0]
    click.echo(f"{document['tier']} clusters of {at['chain']} at block {at['height']}")
    table = Table(show_header=False)
    table.add_column("what")
    table.add_column("count", justify="right", no_wrap=True)
    for key in ("addresses", "clusters", "non_singleton", "largest", "transactions_used"):
        table.add_row(key.replace("_", " "), f"{document[key]:,}")
    for kind, count in document["excluded"].items():
        table.add_row(f"kept out: {kind}", f"{count:,}")
    for heuristic in document["heuristics"]:
        table.add_row(
            f"links by {heuristic['id']} (version {heuristic['version']})", f"{heuristic['links']:,}"
        )
    table.add_row("analysts' joins", f"{document['overrides']:,}")
    table.add_row("links refused", f"{document['refused']:,}")
    table.add_row("size alarms", f"{document['alarms']:,}")
    app.console().print(whole(table))
    if document["refused"] or document["alarms"]:
        click.echo("`tracer cluster review` lists what was refused and what grew by a leap.")


def _render_cluster(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    cluster, missing = document["cluster"], document["members_not_listed"]
    click.echo(f"{cluster['name']}: {cluster['size']:,} addresses, {cluster['tier']} tier")
    tagged: dict[str, list[str]] = {}
    for tag in document["tags"]:
        tagged.setdefault(tag["address"], []).append(f"{tag['label']} ({tag['category']}, {tag['source']})")
    table = Table("member", "claims")
    for address in document["members"]:
        table.add_row(address, "; ".join(tagged.pop(address, [])))
    for address, said in tagged.items():
        table.add_row(address, "; ".join(said))
    app.console().print(whole(table))
    if missing:
        click.echo(
            f"{missing:,} more members, listed here only where a claim names them; --limit shows more."
        )
    if document["pool_like"] and document["pool_like"]["pool_like"]:
        said = document["pool_like"]
        click.echo(
            f"It behaves like a pool: {said['depositors']:,} depositors, {said['batches']:,} batch payouts on"
            f" {said['batch_days']:,} days, {said['commingled']:,} spends of several depositors' coins together."
        )
    for row in document["overrides"]:
        click.echo(
            f"override: {row['author']} {row['kind']}s {row['a']} and {row['b']}"
            + (f" at {row['txid']}" if row["txid"] else "")
            + f" ({row['reason']}), claim {row['claim'][:16]}"
        )
    for row in cluster["same_key_on"]:
        click.echo(f"the same key was seen on {row['chain']}: {row['address']}")
    for note in document["coverage"]["notes"]:
        click.echo(f"partial: {note}")
    if cluster["size"] == 1:
        click.echo("Nothing links this address to another; that does not mean that its owner has no other.")
        return
    if _of_accounts(document):
        click.echo(
            "Members are deposit accounts and sweep contracts of one service, or accounts that pay into one deposit"
            " account; or an analyst joined them. Each is inferred, errs, and is"
            " no cluster to accuse anybody with. `tracer cluster explain A B` prints the chain that joins two of them."
        )
        return
    click.echo(
        "Each member was spent together with another, in transactions that do not look like a mix, or has its key."
        " That one party controls them all is inferred: a PayJoin, or a trade signed by two parties, joins two"
        " owners, and a custodian's cluster is the custodian's, not its customers'."
        " `tracer cluster explain A B` prints the chain that joins two of them."
    )
    if cluster["tier"] == "extended":
        click.echo(
            "The extended tier also takes deposit addresses and change on which two kinds of evidence agree: it errs"
            " more often, and is no cluster to accuse anybody with. docs/accuracy.md has the rates."
        )
