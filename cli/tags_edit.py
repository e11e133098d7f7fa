"""`tracer tags add|withdraw|impact`: an analyst's own claims, claims taken back, and what they had a part in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, claim_options, json_option, json_text, whole
from cli.importing import today
from tracer.errors import UsageError
from tracer.intel.claims import PROTECTIONS, RED, ROLES

if TYPE_CHECKING:
    from tracer.evidence.custody import Entry
    from tracer.intel.claims import Claim, ClaimKind
    from tracer.intel.snapshot import Snapshot

Check = Callable[["Claim", "Snapshot"], None]
"""Raises where a claim may not go in beside the claims of a snapshot."""


@click.command("add")
@click.argument("address")
@click.option("--chain", metavar="NAME", default="bitcoin", show_default=True, help="Chain of the address.")
@click.option("--label", required=True, metavar="TEXT", help="What it is.")
@click.option("--category", metavar="ID", default="", help="A concept id of the taxonomy.")
@click.option("--actor", metavar="ID", default="", help="Whose it is: a vasp_id, a market id.")
@click.option("--role", type=click.Choice([r for r in ROLES if r]), help="What it does.")
@click.option("--nested-in", metavar="VASP_ID", default="", help="The service in whose custody it lies.")
@click.option("--confidence", metavar="ID", default="unknown", show_default=True, help="A confidence id.")
@click.option("--source", metavar="TEXT", default="", help="Where it comes from; the author when left out.")
@click.option("--valid-from", metavar="DATE", default="", help="It held from this day on.")
@click.option("--valid-to", metavar="DATE", default="", help="It held up to this day.")
@click.option("--cluster", "definer", is_flag=True, help="The claim speaks of the whole cluster.")
@click.option(
    "--protect",
    type=click.Choice([p for p in PROTECTIONS if p]),
    help="Mark a victim, or an authorised test purchase: shown as protected, left out of exports.",
)
@claim_options
@json_option
@click.pass_obj
def add(
    app: App, /, address: str, *, chain: str, definer: bool, protect: str | None, author: str, reason: str,
    case_id: str, tlp: str, as_json: bool, **said: str | None,
) -> None:  # fmt: skip
    """Add a claim of your own about ADDRESS, with author, reason and case.

    A claim of a case that nobody marked counts as TLP:AMBER+STRICT. A TLP:RED claim lies in a file that only
    you can read, and never leaves in an export unless asked for by name.
    """
    if protect and not said["category"]:
        said["category"] = "victim" if protect == "victim" else "entity"
    row = {name: value for name, value in said.items() if value} | {
        "chain": chain, "address": address, "author": author, "reason": reason, "case_id": case_id,
        "tlp": compose.marking(tlp, case_id), "protection": protect or "", "lastmod": today(),
        "source": said["source"] or f"analyst {author}", "is_cluster_definer": "true" if definer else "",
    }  # fmt: skip
    put(app, "tags add", "tags", row, as_json)


@click.command("withdraw")
@click.argument("claim")
@claim_options
@json_option
@click.pass_obj
def withdraw(
    app: App, claim: str, *, author: str, reason: str, case_id: str, tlp: str, as_json: bool
) -> None:
    """Take a CLAIM (id, or its start) back: who, why. Snapshots made before keep it.

    `tracer tags impact CLAIM` names the answers it had a part in.
    """
    kind, number = _find(app, claim)
    row = {
        "claim": number, "source": f"analyst {author}", "withdrawn_at": today(), "author": author,
        "reason": reason, "case_id": case_id, "tlp": compose.marking(tlp, case_id),
    }  # fmt: skip
    put(app, "tags withdraw", "withdrawals", row, as_json)
    app.say(f"withdrawn: a claim of {kind}; `tracer tags impact {number[:16]}` names the answers it is in")


@click.command("impact")
@click.argument("claim")
@case_options
@json_option
@click.pass_obj
def impact(app: App, claim: str, case_id: str, purpose: str, as_json: bool) -> None:
    """Name the answers that a CLAIM (id, or its start) had a part in, from the custody log."""
    from tracer.evidence import impact as room
    from tracer.state import State

    with compose.case_question(app, "tags impact", [claim], case_id, purpose) as question:
        snapshot = compose.claims(app)
        question.read(snapshot.id)
        kind, number = _find(app, claim)
        with State.open(app.workspace) as state:
            found = room.impact(app.workspace, state, number)
        by, taken = snapshot.withdrawn.get(number, ("", None))
        document = {
            "schema": "tracer.claim_impact/1",
            "intel_snapshot": snapshot.id,
            "claim": number,
            "kind": kind,
            "stands": snapshot.holds(number),
            "withdrawn": taken
            and {
                "claim": by,
                "author": taken.author,
                "reason": taken.reason,
                "withdrawn_at": taken.withdrawn_at,
            },
            "used": [_answer(entry) for entry in found.used],
            "held": [_answer(entry) for entry in found.held],
            "snapshots": list(found.snapshots),
        }
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render_impact(app, shown))


def _answer(entry: Entry) -> dict[str, Any]:
    import json

    return {
        "entry": entry.seq, "time": entry.time, "user": entry.user, "verb": entry.verb,
        "arguments": json.loads(entry.arguments), "case": entry.case_id or None, "output": entry.output,
    }  # fmt: skip


def _find(app: App, claim: str) -> tuple[ClaimKind, str]:
    """Kind and whole id of a claim, of this snapshot or of a former one."""
    from tracer.evidence.impact import find_ever

    found = find_ever(app.workspace, claim) if len(claim) >= 8 else None
    if found is None:
        raise UsageError(
            f"no claim of this workspace, or more than one, begins with {claim!r}.",
            hint="`tracer tags list --json` prints claim ids; give at least 8 digits.",
        )
    return found


def put(
    app: App, verb: str, kind: ClaimKind, row: dict[str, str], as_json: bool, check: Check | None = None
) -> None:
    """Check one row as an import would, put it in, and note it in the custody log.

    `check` may refuse the claim beside those that stand.
    """
    from tracer.intel import store

    secret = row["tlp"] == RED
    with compose.case_question(
        app, verb, ["(TLP:RED)"] if secret else [f"{name}={value}" for name, value in row.items() if value],
        row["case_id"], row["reason"] if not secret else "",
    ) as question:  # fmt: skip
        reading = compose.claim_of(kind, row)
        standing = compose.claims(app)
        taken = standing.withdrawn.get(reading.frame["claim_id"][0])
        if taken is not None:
            raise UsageError(
                f"this very claim was taken back on {taken[1].withdrawn_at} by {taken[1].author}: "
                f"{taken[1].reason}.",
                hint=f"Say it in other words, or take that back: `tracer tags withdraw {taken[0][:16]}`.",
            )
        if check:
            check(reading.claims[0], standing)
        added = store.add(app.workspace, [reading])
        question.read(added.snapshot_id)
        document = {
            "schema": "tracer.claim/1",
            "kind": kind,
            "claim": reading.frame["claim_id"][0],
            "added": bool(added.imported),
            "intel_snapshot": added.snapshot_id,
        }
        question.used([document["claim"]])
        question.answered(json_text(document).encode())

    def render(shown: dict[str, Any]) -> None:
        click.echo(f"claim {shown['claim']}" + ("" if shown["added"] else " was there already"))
        click.echo(f"snapshot {shown['intel_snapshot']}")

    app.emit(document, as_json, render)


def _render_impact(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    click.echo(f"claim {document['claim']} ({document['kind']})")
    if document["withdrawn"]:
        taken = document["withdrawn"]
        click.echo(f"withdrawn on {taken['withdrawn_at']} by {taken['author']}: {taken['reason']}")
    click.echo(
        f"It stands in {len(document['snapshots'])} snapshots of this workspace, "
        + ("the current one among them." if document["stands"] else "not in the current one.")
    )
    for title, rows in (
        ("Answers that lean on it", document["used"]),
        ("Answers that may", document["held"]),
    ):
        if not rows:
            click.echo(f"{title}: none in the custody log.")
            continue
        table = Table("entry", "time", "who", "verb", "asked", "case", title=title, title_justify="left")
        for row in rows:
            asked = " ".join(row["arguments"])
            table.add_row(
                str(row["entry"]), row["time"][:19], row["user"], row["verb"], asked, row["case"] or ""
            )
        app.console().print(whole(table))
    click.echo("Questions asked without a line in the custody log are not among them.")
