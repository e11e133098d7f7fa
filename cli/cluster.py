"""`tracer cluster`: which addresses share control, and what that rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.app import App, case_options, json_option, json_text, whole
from tracer.errors import ReorgedAway, UsageError

if TYPE_CHECKING:
    from tracer.chain import AddressKey
    from tracer.clustering.state import ClusteringState
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.coverage import Coverage
    from tracer.ledger.store import Ledger

DEFAULT_CHAIN = "bitcoin"
SHOWN_MEMBERS = 20
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


@click.group()
def command() -> None:
    """Build and show clusters of addresses that share an owner."""


@command.command("build")
@click.argument("chain", default=DEFAULT_CHAIN)
@json_option
@click.pass_obj
def build(app: App, chain: str, as_json: bool) -> None:
    """Build the clusters of CHAIN (bitcoin) anew, mixes kept out."""
    from cli import compose
    from rules import clustering
    from tracer.clustering import build as builder

    entry = compose.chain(chain)
    with compose.open_ledger(app, entry.name):
        pass  # refuses a chain that was not read, before a file is made for it
    with (
        app.progress(f"clusters of {entry.name}") as advance,
        compose.open_ledger(app, entry.name, read_only=False) as ledger,
    ):
        document = builder.build(ledger, clustering(), progress=advance)
    app.emit(document, as_json, lambda found: _render_build(app, found))


@command.command("show")
@click.argument("address")
@click.option(
    "--chain", default=DEFAULT_CHAIN, show_default=True, metavar="NAME", help="The address's chain."
)
@click.option(
    "--limit",
    type=click.IntRange(1),
    default=SHOWN_MEMBERS,
    show_default=True,
    help="How many members to list.",
)
@case_options
@json_option
@click.pass_obj
def show(
    app: App, *, address: str, chain: str, limit: int, case_id: str, purpose: str, as_json: bool
) -> None:
    """Show the cluster of ADDRESS: its name, size, first members, and what is claimed of any member.

    This is a question of a case: it leaves a line in the custody log.
    """
    from cli import compose

    entry = compose.chain(chain)
    asked = [address, f"--chain={entry.name}", f"--limit={limit}"]
    with compose.case_question(app, "cluster show", asked, case_id, purpose) as question:
        key = entry.parse_address(address)
        snapshot = compose.claims(app)
        question.read(snapshot.id)
        with compose.open_ledger(app, entry.name) as ledger:
            document = _document(ledger, key, snapshot, limit)
        question.read(document["as_of"][0]["block_hash"])
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda found: _render_cluster(app, found))


def _document(ledger: Ledger, key: AddressKey, snapshot: Snapshot, limit: int) -> dict[str, Any]:
    from rules import digest
    from tracer.clustering import lookup
    from tracer.clustering import state as states
    from tracer.evidence.custody import engine_version
    from tracer.ledger.coverage import coverage

    read = coverage(ledger)
    address_id = ledger.find_address(key)
    if address_id is None:
        raise UsageError(
            f"{ledger.chain.render_address(key)} was never seen in {_blocks(read)} of {ledger.chain.name}.",
            hint="Blocks outside that range may hold it.",
        )
    state = _usable(ledger, states.current(ledger))
    found = lookup.cluster(ledger, address_id, state, limit=limit)
    tags = lookup.members_among(ledger, found.id, snapshot.tags(ledger.chain.name))
    notes = state.notes(digest())
    if read.gaps:
        notes.append(f"blocks {_ranges(read.gaps)} were not read: links in them are missing")
    if read.quarantined:
        notes.append(f"{read.quarantined} rows could not be understood and are in quarantine")
    return {
        "schema": "tracer.cluster/1",
        "as_of": states.as_of(ledger, state),
        "intel_snapshot": snapshot.id,
        "rules": state.rules,
        "engine": engine_version(),
        "coverage": {
            "status": "partial" if notes else "complete",
            "chains": [
                {"chain": ledger.chain.name, "blocks": [list(r) for r in read.ranges], "missing": read.gaps}
            ],
            "intel": snapshot.lists(),
            "notes": notes,
        },
        "address": ledger.chain.render_address(key),
        "cluster": {"name": found.name, "tier": state.tier, "size": found.size},
        "members": list(found.members),
        "members_not_listed": found.size - len(found.members),
        "tags": [
            {name: None if value == "" else value for name, value in row.items()}
            for row in tags.select(TAG_FIELDS).sort(TAG_FIELDS).iter_rows(named=True)
        ],
        "heuristics": [{"id": h.id, "version": h.version} for h in state.recorded.heuristics],
    }


def _usable(ledger: Ledger, state: ClusteringState | None) -> ClusteringState:
    """Clusters that speak of the chain as it is, or the reason why there are none."""
    hint = f"Run `tracer cluster build {ledger.chain.name}`."
    if state is None:
        raise UsageError(f"no clusters of {ledger.chain.name} were built.", hint=hint)
    if not state.valid:
        raise ReorgedAway(
            f"the blocks up to {state.height} of {ledger.chain.name} changed since its clusters were built.",
            hint=hint,
        )
    return state


def _blocks(read: Coverage) -> str:
    return f"blocks {_ranges(read.ranges)}" if read.ranges else "any block (none were read)"


def _ranges(ranges: Any) -> str:
    return ", ".join(f"{first}–{last}" for first, last in ranges)


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
    app.console().print(whole(table))


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
    for note in document["coverage"]["notes"]:
        click.echo(f"partial: {note}")
    if cluster["size"] == 1:
        click.echo("Nothing links this address to another; that does not mean that its owner has no other.")
        return
    click.echo(
        "Each member was spent together with another, in transactions that do not look like a mix. That one"
        " party controls them all is inferred: a PayJoin, or a trade signed by two parties, joins two owners,"
        " and a custodian's cluster is the custodian's, not its customers'."
    )
