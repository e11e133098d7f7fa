"""`tracer policy explain`: which rules fired on a subject, and what would make it clear."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.policy_common import policy_named
from tracer.errors import DataError, SourceUnavailable, UsageError

if TYPE_CHECKING:
    from tracer.evidence.custody import Question
    from tracer.screening.model import Direction
    from tracer.screening.policy import Policy

_SCREENING = re.compile(r"(sha256:)?[0-9a-f]{8,64}")


@click.command("explain")
@click.argument("subject", required=False, metavar="SUBJECT|SCREENING_ID")
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="A screening as `tracer screen --json` printed it; - reads a pipe.",
)
@click.option(
    "--policy",
    "policy_name",
    metavar="NAME|FILE",
    help="Policy to explain by; when left out the one it was screened by, else default.",
)
@click.option("--chain", "chain_name", metavar="NAME", help="Chain of a subject that names none.")
@click.option(
    "--direction", type=click.Choice(["both", "inbound", "outbound"]), default="both", show_default=True,
    help="Judge where money came from, where it went, or both.",
)  # fmt: skip
@click.option(
    "--own",
    multiple=True,
    metavar="ENTITY",
    help="Our own wallets: never counterparty, never looked through.",
)
@click.option("--evaluated-at", metavar="TIME", help="As of when lists must be young enough (UTC).")
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def explain(
    app: App,
    subject: str | None,
    file: Path | None,
    policy_name: str | None,
    chain_name: str | None,
    direction: Direction,
    own: tuple[str, ...],
    evaluated_at: str | None,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Explain a verdict: the rules in their order, which fired on what, and what would make it clear.

    A SUBJECT is screened anew; a SCREENING_ID (or --from) is judged again from what it holds, without the ledger. By
    another --policy it says what that policy would have answered.
    """
    if (subject is None) == (file is None):
        raise UsageError("name what to explain.", hint="Give a SUBJECT, a SCREENING_ID, or --from FILE.")
    compose.words(subject, *own)
    with compose.case_question(app, "policy explain", (), case_id, purpose) as log:
        screened = _document(file) if file is not None else _kept(app, subject or "")
        if screened is not None:
            said = _again(app, screened, policy_name, evaluated_at, log)
        else:
            said = _anew(
                app,
                subject or "",
                policy_name or "default",
                chain_name,
                direction,
                own,
                evaluated_at,
                at,
                intel,
                log,
            )
        log.answered(json_text(said).encode())
    app.emit(said, as_json, _show)


def _again(
    app: App, screened: dict[str, Any], policy_name: str | None, evaluated_at: str | None, log: Question
) -> dict[str, Any]:
    """Judge what a screening's document holds."""
    from tracer.flow.question import seconds
    from tracer.screening.documented import evaluated_at_of, lists_of, of_document
    from tracer.screening.explanation import explanation
    from tracer.screening.judge import Judge

    evidence, lists = of_document(screened), lists_of(screened)
    policy = policy_named(policy_name) if policy_name else _policy_of(app, screened)
    when = seconds(evaluated_at) if evaluated_at else evaluated_at_of(screened)
    log.read(f"screening {screened['screening_id']}")
    log.read(f"policy {policy.id} {policy.sha256}")
    log.used(evidence.claims)
    return explanation(evidence, Judge(policy, lists, when), screened=screened)


def _anew(
    app: App,
    text: str,
    policy_name: str,
    chain_name: str | None,
    direction: Direction,
    own: tuple[str, ...],
    evaluated_at: str | None,
    at: str | None,
    intel: str | None,
    log: Question,
) -> dict[str, Any]:
    """Screen a subject and explain the answer; nothing is kept."""
    from cli.screening_common import Screener, engine, moment, reading_of
    from tracer.screening.explanation import explanation
    from tracer.screening.judge import Judge
    from tracer.screening.listed import listed
    from tracer.screening.screen import Asked
    from tracer.screening.subjects import of_text

    policy = policy_named(policy_name)
    log.read(f"policy {policy.id} {policy.sha256}")
    one = of_text(text, reading_of(app, chain_name, direction))
    when = moment(evaluated_at)
    snapshot = compose.claims(app, intel)
    with Screener(app, policy, Asked(when, own, None, engine()), snapshot, at).of(one.chain) as screening:
        (screened,) = screening.screened([one])
    log.read(snapshot.id)
    for tip in screened.document["as_of"]:
        log.read(f"{tip['chain']}:{tip['block_hash']}")
    log.used(screened.evidence.claims)
    return explanation(screened.evidence, Judge(policy, listed(snapshot), when))


def _kept(app: App, text: str) -> dict[str, Any] | None:
    """The document of a screening that is kept; None where the text is no screening id."""
    if not _SCREENING.fullmatch(text):
        return None
    from tracer.screening.kept import store
    from tracer.state import State

    with State.open(app.workspace) as state:
        return store.find(state, text).document


def _document(file: Path) -> dict[str, Any]:
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        said = json.loads(text)
    except OSError as error:
        raise SourceUnavailable(f"{file} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{file} is no JSON document.", hint="Give what `tracer screen --json` prints."
        ) from error
    if not isinstance(said, dict):
        raise DataError(f"{file} holds no screening.", hint="Give what `tracer screen --json` prints.")
    return said


def _policy_of(app: App, screened: dict[str, Any]) -> Policy:
    """The policy a screening was judged by: kept with it, or shipped; the default where it is neither."""
    from rules import policies
    from tracer.screening.kept.policies import kept
    from tracer.state import State

    sha256 = screened["policy"]["sha256"]
    if app.workspace.state.exists():
        with State.open(app.workspace) as state:
            if (found := kept(state, sha256)) is not None:
                return found
    shipped = [policy_named(name) for name in policies.shipped()]
    same = next((policy for policy in shipped if policy.sha256 == sha256), None)
    if same is None:
        app.warn(
            "the policy it was screened by is not here: explained by the default; --policy names another"
        )
    return same or shipped[0]


def _show(said: dict[str, Any]) -> None:
    risk = f", risk {said['risk']}" if said["risk"] else ""
    protect = "; handle with protection: the subject may be a victim" if said["handling"] == "protect" else ""
    subject = said["subject"]
    name = subject["address"] or subject["txid"]
    click.echo(f"{subject['chain']} {name}: {said['verdict']}{risk}{protect}")
    click.echo(f"by policy {said['policy']['id']} {said['policy']['version']} at {said['evaluated_at']}")
    if (before := said["screened"]) is not None and not before["same_verdict"]:
        click.echo(f"it was screened as {before['verdict']}, by policy {before['policy']['id']}")
    for reason in said["risk_reasons"]:
        click.echo(f"  {reason}")
    click.echo("\nRules, in order:")
    for rule in said["rules"]:
        mark = "fired" if rule["fired"] else "  -  "
        click.echo(f"  {mark}  {rule['id']} ({rule['severity']}, {rule['verdict']}): {rule['title']}")
        if rule["fired"] and rule["false_positives"]:
            click.echo(f"         may be innocent: {rule['false_positives']}")
    if said["clear_if"]["already"]:
        click.echo("\nIt is clear.")
        return
    click.echo("\nIt would be clear if all of this were so:")
    for number, step in enumerate(said["clear_if"]["all_of"], 1):
        of = f" [{', '.join(step['rules'])}]" if step["rules"] else ""
        for place, way in enumerate(step["any_of"]):
            click.echo(f"  {f'{number}.' if place == 0 else '   or'} {way['text']}{of if place == 0 else ''}")
