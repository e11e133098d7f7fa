"""What `tracer doctor` found, for people."""

from __future__ import annotations

from typing import Any

import click

from cli import doctor_core, doctor_evm, doctor_plan


def render(document: dict[str, Any]) -> None:
    """One line for each thing that was looked at, then what is wrong."""
    click.echo(f"workspace {document['workspace']['path']}")
    for entry in document["chains"]:
        whole = "complete" if entry["complete"] else "not complete"
        click.echo(f"  {entry['chain']}: tip at height {entry['tip']}, {whole}")
    if not document["chains"]:
        click.echo("  no chain was read yet")
    if document["source"] is not None:
        family = doctor_evm if "chain_id" in document["source"] else doctor_core
        family.render(document["source"])
    if document["balances"] is not None:
        _balances(document["balances"])
    if document["plan"] is not None:
        doctor_plan.render(document["plan"])
    for finding in document["findings"]:
        mark = "problem" if finding["code"] else "note"
        hint = f" {finding['hint']}" if finding["hint"] else ""
        click.echo(f"{mark}: {finding['where']}: {finding['problem'].rstrip('.')}.{hint}")
    if not any(finding["code"] for finding in document["findings"]):
        click.echo("nothing is wrong with what was looked at")


def _balances(made: dict[str, Any]) -> None:
    click.echo(
        f"balances: {made['compared']:,} compared, of {made['addresses']:,} accounts at {len(made['heights'])} blocks "
        f"(seed {made['seed']})"
    )
    for key, words in (
        ("refused", "are not told by their contracts"),
        ("unknown", "are not known: more than 38 digits moved"),
        ("unopened", "cannot be compared: the node has no state from before the first block read"),
    ):
        if made[key]:
            click.echo(f"  {made[key]:,} {words}")
    if made["negative_tokens"]:
        click.echo(f"  {made['negative_tokens']:,} token(s) log more paid than was held")
    for each in made["differences"]:
        what = "native coin" if each["contract"] is None else f"token {each['contract']}"
        number = f" #{each['token_id']}" if each["token_id"] else ""
        since = "" if each["exact"] else "or before "
        click.echo(f"  {what}{number} differs from block {each['height']} {since}on: {each['address']}")
        click.echo(f"    computed {each['computed']}, node {each['node']}, difference {each['difference']}")
        click.echo(f"    likely {each['cause']}: {each['said']}")
        if each["disbelieved"]:
            click.echo(f"    the token is not believed: {each['disbelieved']}")
    if not made["differences"]:
        click.echo("  no difference")
    for each in made["negative"]:
        click.echo(f"  {each['address']} would hold {each['balance']} at block {each['height']}")
