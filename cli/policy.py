"""`tracer policy`: rules by which subjects are judged; read, checked, tested, explained, tried on the past."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cli.app import App, json_option, whole
from cli.policy_backtest import backtest
from cli.policy_common import policy_named
from cli.policy_explain import explain
from tracer.errors import BadPolicy, TracerError, UsageError

if TYPE_CHECKING:
    from tracer.screening.policy import Policy


@click.group()
def command() -> None:
    """Show, check, test, explain and backtest screening policies (format: docs/policies.md)."""


for subcommand in (explain, backtest):
    command.add_command(subcommand)


@command.command("list")
@json_option
@click.pass_obj
def list_(app: App, as_json: bool) -> None:
    """List the policies that come with the program."""
    from rules import policies

    found = [policy_named(name) for name in policies.shipped()]
    rows = [{**_identity(policy), "rules": len(policy.rules)} for policy in found]
    app.emit({"schema": "tracer.policies/1", "policies": rows}, as_json, lambda said: _render_list(app, said))


@command.command("show")
@click.argument("name", metavar="NAME|FILE", default="default")
@click.option("--text", is_flag=True, help="Print the file itself, to copy and change.")
@json_option
@click.pass_obj
def show(app: App, name: str, text: bool, as_json: bool) -> None:
    """Show a policy: what it requires, and its rules in their order."""
    from rules import policies

    policy = policy_named(name)
    if text:
        click.echo(policies.load(name), nl=False)
        return
    document = {"schema": "tracer.policy/1", "sha256": policy.sha256, **policy.plain}
    app.emit(document, as_json, lambda _: _render_policy(app, policy))


@command.command("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@json_option
@click.pass_obj
def check(app: App, files: tuple[str, ...], as_json: bool) -> None:
    """Check policy FILEs; every mistake is named by file and line, and the command ends with exit code 4."""
    rows = [_checked(name) for name in files]
    document = {"schema": "tracer.policy_check/1", "files": rows}
    app.emit(document, as_json, _render_check)
    if bad := [row["file"] for row in rows if row["problems"]]:
        raise BadPolicy(
            f"{len(bad)} of {len(rows)} policies cannot be used: {', '.join(bad)}.",
            hint="Each line is named above.",
        )


@command.command("test")
@click.argument("name", metavar="NAME|FILE", default="default")
@json_option
@click.pass_obj
def test(app: App, name: str, as_json: bool) -> None:
    """Run the tests inside a policy: each rule fires on its evidence and spares its look-alike; else exit code 4."""
    from tracer.screening import trials

    policy = policy_named(name)
    outcomes = trials.run(policy)
    failed = [
        {"rule": one.rule_id, "test": one.name, "file": policy.file, "line": one.line, "problem": one.problem}
        for one in outcomes
        if one.problem
    ]
    document = {
        "schema": "tracer.policy_test/1",
        "policy": _identity(policy),
        "rules": len(policy.rules),
        "tests": len(outcomes),
        "failed": failed,
    }
    app.emit(document, as_json, _render_test)
    if failed:
        raise BadPolicy(
            f"{len(failed)} of {len(outcomes)} tests of {policy.file} went otherwise.",
            hint="Each is named above.",
        )


def _identity(policy: Policy) -> dict[str, Any]:
    return {"id": policy.id, "version": policy.version, "title": policy.title, "sha256": policy.sha256}


def _checked(name: str) -> dict[str, Any]:
    from tracer.screening.exposure.settings import HARM

    try:
        policy = policy_named(name)
    except BadPolicy as error:
        return {"file": name, "policy": None, "rules": 0, "problems": list(error.problems), "notes": []}
    except UsageError:
        raise
    except TracerError as error:
        return {"file": name, "policy": None, "rules": 0, "problems": [str(error)], "notes": []}
    notes = [
        f"{policy.file}:{rule.line}: the rule {rule.id} has no {what}"
        for rule in policy.rules
        for what, there in (
            ("tests", rule.fires and rule.spares),
            ("false_positives", rule.false_positives),
            ("references", rule.references),
        )
        if not there
    ]
    if unasked := sorted(HARM - policy.words):
        notes.append(f"{policy.file}: no rule asks for {', '.join(unasked)}: such exposure alone is clear")
    notes += [f"{policy.file}: nothing is required: a verdict may be clear without any list"] * (
        not policy.requires
    )
    return {
        "file": name, "policy": _identity(policy), "rules": len(policy.rules), "problems": [], "notes": notes,
    }  # fmt: skip


def _render_list(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("policy", "version", "rules", "title", "sha256")
    for row in document["policies"]:
        table.add_row(row["id"], str(row["version"]), str(row["rules"]), row["title"], row["sha256"][7:23])
    app.console().print(whole(table))


def _render_policy(app: App, policy: Policy) -> None:
    from rich.table import Table

    wanted = policy.settings
    click.echo(f"{policy.title} ({policy.id} {policy.version}, {policy.sha256})")
    if policy.description:
        click.echo(policy.description)
    click.echo(f"looks {wanted.hops} transactions far, at {wanted.max_txs} transactions at most")
    for asked in policy.requires:
        age = "of any age" if asked.max_age_days is None else f"at most {asked.max_age_days} days old"
        click.echo(
            f"requires {asked.name}, {'each' if asked.every else 'the newest'} {age}; else nothing is clear"
        )
    table = Table("#", "rule", "what", "severity", "verdict", "handling")
    for number, rule in enumerate(policy.rules, 1):
        table.add_row(str(number), rule.id, rule.title, rule.severity, rule.verdict, rule.handling)
    app.console().print(whole(table))


def _render_check(document: dict[str, Any]) -> None:
    for row in document["files"]:
        for problem in row["problems"]:
            click.echo(problem)
        for note in row["notes"]:
            click.echo(f"note: {note}")
        if said := row["policy"]:
            click.echo(
                f"{row['file']}: good: {said['id']} {said['version']}, {row['rules']} rules, {said['sha256']}"
            )


def _render_test(document: dict[str, Any]) -> None:
    for row in document["failed"]:
        click.echo(f"{row['file']}:{row['line']}: {row['rule']} ({row['test']}): {row['problem']}")
    good = document["tests"] - len(document["failed"])
    click.echo(f"{good} of {document['tests']} tests of {document['rules']} rules went as they say.")
