"""`tracer screenings rescan`: kept subjects screened again; what changed, and why."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli import screenings_common as common
from cli.app import App, case_options, json_option, json_text
from cli.screenings_asking import Asker

if TYPE_CHECKING:
    from tracer.screening.kept.inputs import Document

_SNAPSHOT = "sha256:..."


@click.command("rescan")
@click.option(
    "--intel-from", metavar=_SNAPSHOT, help="Claims of before; else those each screening was made with."
)
@click.option("--intel-to", metavar=_SNAPSHOT, help="Claims of now; else those that stand.")
@click.option("--policy-from", metavar="NAME|FILE", help="Policy of before; else the one each was judged by.")
@click.option("--policy-to", metavar="NAME|FILE", help="Policy of now; else the one that has the same id.")
@click.option("--same-blocks", is_flag=True, help="As of each screening's own block; else of the tip.")
@click.option("--evaluated-at", metavar="DATE", help="When it is judged (UTC); now where left out.")
@click.option("--no-keep", is_flag=True, help="Do not keep the new screenings of what changed.")
@common.filter_options
@case_options
@json_option
@click.pass_obj
def rescan(
    app: App, *, intel_from: str | None, intel_to: str | None, policy_from: str | None, policy_to: str | None,
    same_blocks: bool, evaluated_at: str | None, no_keep: bool, verdict: str | None, status: str | None,
    subject: str | None, chain_name: str | None, since: str | None, until: str | None, of_case: str | None,
    case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Screen kept subjects again, each once; print only those whose verdict changed, and why.

    Causes are found by changing one input at a time: label (which claims appeared or went), price, chain (new blocks),
    rule (the policy), time (lists grew old), heuristic (the code), exception. With --json one line for each change,
    then one `tracer.rescan/1`. What changed is kept as a new screening, to be decided on.
    """
    from cli.policy_common import policy_named
    from cli.screening_common import moment
    from tracer.screening.kept import store
    from tracer.screening.kept.persons import iso
    from tracer.screening.kept.rescan import Tally, Wanted
    from tracer.screening.kept.rescan import rescan as again
    from tracer.state import State

    with compose.case_question(app, "screenings rescan", (), case_id, purpose) as question:
        found = common.filters(
            verdict=verdict, status=status, subject=subject, chain_name=chain_name, since=since, until_text=until,
            of_case=of_case,
        )  # fmt: skip
        now = compose.claims(app, intel_to)
        with State.open(app.workspace) as state:
            asker = Asker(app, state)
            policies = {name: asker.know(policy_named(name)) for name in (policy_from, policy_to) if name}
            wanted = Wanted(
                to_intel=now.id,
                evaluated_at=moment(evaluated_at),
                to_policy=policies.get(policy_to or ""),
                from_intel=None if intel_from is None else compose.claims(app, intel_from).id,
                from_policy=policies.get(policy_from or ""),
                same_blocks=same_blocks,
            )
            for name in (wanted.from_intel, wanted.to_intel, wanted.from_policy, wanted.to_policy):
                if name:
                    question.read(name)
            fresh: list[Document] = []
            tally, digest = Tally(), hashlib.sha256()
            for each in found:
                for changed in again(state, store.newest(state, each), wanted, asker.here(), tally):
                    fresh.append(changed.answer.document)
                    if not no_keep and len(fresh) >= store.PAGE:
                        store.save(state, fresh, case_id=case_id)
                        fresh.clear()
                    question.used(changed.answer.claims)
                    line = json.dumps(changed.document, ensure_ascii=False, separators=(",", ":"))
                    digest.update(line.encode("utf-8", "backslashreplace"))
                    click.echo(line if as_json else _line(changed.document))
            if not no_keep:
                store.save(state, fresh, case_id=case_id)
        document = {
            "schema": "tracer.rescan/1",
            "intel": {"from": wanted.from_intel, "to": wanted.to_intel},
            "policy": {"from": wanted.from_policy, "to": wanted.to_policy},
            "same_blocks": same_blocks,
            "evaluated_at": iso(wanted.evaluated_at),
            "examined": tally.examined,
            "changed": sum(tally.changes.values()),
            "unanswered": tally.unanswered,
            "verdicts": dict(sorted(tally.changes.items())),
            "causes": dict(sorted(tally.causes.items())),
            "changes_sha256": digest.hexdigest(),
            "kept": not no_keep,
        }
        question.answered(json_text(document).encode())
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    else:
        _render(document)


def _line(row: dict[str, Any]) -> str:
    subject = row["subject"]
    name = subject["address"] if subject["kind"] != "transfer" else f"{subject['txid']}:{subject['vout']}"
    causes = ", ".join(_words(each) for each in row["causes"])
    verdict = row["verdict"]
    return f"{row['screening_id'][:16]}  {verdict['from']} -> {verdict['to']}  {subject['chain']}:{name}  by {causes}"


def _words(cause: dict[str, Any]) -> str:
    said = str(cause["cause"]) + (" (with others)" if cause["together"] else "")
    if cause["cause"] == "label":
        parts = [f"{len(cause[name])} {name}" for name in ("appeared", "went") if cause[name]]
        said += f" ({', '.join(parts)})" if parts else ""
    elif cause["cause"] == "chain" and cause["from"] and cause["to"]:
        said += f" (block {cause['from']['height']:,} to {cause['to']['height']:,})"
    elif cause["cause"] == "rule":
        said += f" ({', '.join([*cause['appeared'], *cause['went']]) or 'the same rules, judged otherwise'})"
    return said


def _render(document: dict[str, Any]) -> None:
    click.echo(f"{document['examined']:,} screened again, {document['changed']:,} verdicts changed")
    for name, count in document["verdicts"].items():
        click.echo(f"  {name}: {count:,}")
    if document["causes"]:
        click.echo("causes: " + ", ".join(f"{name} {count:,}" for name, count in document["causes"].items()))
    if document["unanswered"]:
        click.echo(f"{document['unanswered']:,} could not be asked again with these inputs.")
