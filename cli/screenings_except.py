"""`tracer screenings except|exceptions|approve|withdraw`: what may pass, of whom, up to what, until when."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli import screenings_common as common
from cli.app import App, case_options, json_option, json_text, whole
from tracer.errors import UsageError

if TYPE_CHECKING:
    from tracer.screening.kept.grants import Ceiling, Grant, Scope, Terms

_SHARE = re.compile(r"0(\.\d{1,12})?|1(\.0{1,12})?")
_AMOUNT = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)(?: +([A-Za-z0-9]{1,20}))?")


@click.command("except")
@click.argument("who", metavar="SCOPE")
@click.option(
    "--chain",
    "chain_name",
    metavar="NAME",
    default="bitcoin",
    show_default=True,
    help="Chain of the subject.",
)
@click.option("--rule", "rules", multiple=True, metavar="ID", help="Rule that no longer decides; repeatable.")
@click.option(
    "--category", "categories", multiple=True, metavar="ID", help="All rules about this category; repeatable."
)
@click.option("--ceiling", metavar="AMOUNT", help="Most that passes, in the chain's coin: 0.5 or '0.5 BTC'.")
@click.option("--ceiling-share", metavar="SHARE", help="Most that passes, as a share: 0.05.")
@click.option("--expires", required=True, metavar="DATE|DAYS", help="When it ends: 90d, 2027-01-31.")
@common.person_options
@case_options
@json_option
@click.pass_obj
def except_(
    app: App, *, who: str, chain_name: str, rules: tuple[str, ...], categories: tuple[str, ...], ceiling: str | None,
    ceiling_share: str | None, expires: str, by: str, reason: str, case_id: str, purpose: str, as_json: bool,
) -> None:  # fmt: skip
    """Grant an exception. SCOPE is address:ADDRESS, cluster:ADDRESS, entity:NAME or transfer:TXID:VOUT.

    A screening of it no longer ends in review or block for what is named here, up to the ceiling and until it expires.
    What the policy judged stays in the document. It never makes a clear of an unknown. A severe rule, and one whose
    exposure cannot be measured, is covered only once a second person approves the exception.
    """
    from tracer.screening.kept import grants
    from tracer.state import State

    with compose.case_question(app, "screenings except", (), case_id, purpose) as question:
        compose.words(who, by, reason, case_id, *rules, *categories)
        terms = _terms(
            who, chain_name, rules, categories, _ceilings(chain_name, ceiling, ceiling_share),
            common.expiry(expires), reason, case_id,
        )  # fmt: skip
        given_by = common.person(by)
        with State.open(app.workspace) as state, state.transaction():
            made = grants.grant(state, terms, given_by)
        document = _document(made)
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render_one)


@click.command("exceptions")
@click.option("--all", "every", is_flag=True, help="With those that expired or were withdrawn.")
@case_options
@json_option
@click.pass_obj
def exceptions(app: App, *, every: bool, case_id: str, purpose: str, as_json: bool) -> None:
    """List exceptions, oldest first."""
    from tracer.screening.kept import grants
    from tracer.state import State

    with compose.case_question(app, "screenings exceptions", (), case_id, purpose) as question:
        with State.open(app.workspace) as state:
            found = grants.every(state)
        rows = [common.shown_grant(each, common.now()) for each in found]
        document = {
            "schema": "tracer.exceptions/1",
            "exceptions": [row for row in rows if every or row["standing"] == "in_force"],
        }
        question.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: _render(app, shown))


@click.command("approve")
@click.argument("exception_id", metavar="EXCEPTION")
@common.person_options
@case_options
@json_option
@click.pass_obj
def approve(
    app: App, *, exception_id: str, by: str, reason: str, case_id: str, purpose: str, as_json: bool
) -> None:
    """Approve an exception as the second person."""
    _happens(app, "approve", exception_id, by, reason, case_id, purpose, as_json)


@click.command("withdraw")
@click.argument("exception_id", metavar="EXCEPTION")
@common.person_options
@case_options
@json_option
@click.pass_obj
def withdraw(
    app: App, *, exception_id: str, by: str, reason: str, case_id: str, purpose: str, as_json: bool
) -> None:
    """Take an exception back: from now on it lets nothing pass."""
    _happens(app, "withdraw", exception_id, by, reason, case_id, purpose, as_json)


def _happens(
    app: App, what: str, exception_id: str, by: str, reason: str, case_id: str, purpose: str, as_json: bool
) -> None:
    from tracer.screening.kept import grants
    from tracer.state import State

    with compose.case_question(app, f"screenings {what}", (), case_id, purpose) as question:
        compose.words(exception_id, by, reason)
        who = common.person(by)
        with State.open(app.workspace) as state, state.transaction():
            found = grants.find(state, exception_id)
            if what == "approve":
                found = grants.approve(state, found, who, reason, now=common.now())
            else:
                found = grants.withdraw(state, found, who, reason)
        document = _document(found)
        question.answered(json_text(document).encode())
    app.emit(document, as_json, _render_one)


def _terms(
    who: str, chain_name: str, rules: tuple[str, ...], categories: tuple[str, ...], ceilings: tuple[Ceiling, ...],
    expires: int, reason: str, case_id: str,
) -> Terms:  # fmt: skip
    from tracer.intel import taxonomy
    from tracer.intel.claims import clean
    from tracer.screening.kept.exceptions import cluster_name
    from tracer.screening.kept.grants import Terms

    chain = compose.chain(chain_name).name
    kind, _, value = clean(who).partition(":")
    scopes: dict[str, Scope] = {
        "address": "address", "cluster": "cluster", "entity": "entity", "transfer": "transfer"
    }  # fmt: skip
    if kind not in scopes or not value.strip():
        raise UsageError(
            f"{who[:80]!r} names nobody.",
            hint="Write address:ADDRESS, cluster:ADDRESS, entity:NAME or transfer:TXID:VOUT.",
        )
    known = taxonomy.load()
    for category in categories:
        if category not in known:
            from difflib import get_close_matches

            near = get_close_matches(category, known, n=1)
            raise UsageError(
                f"unknown category {category!r}.", hint=f"Did you mean {near[0]}?" if near else ""
            )
    if kind == "address":
        value = compose.parse_address(chain, value)[0]
    elif kind == "cluster":
        value = compose.parse_address(chain, cluster_name(value))[0]
    elif kind == "entity":
        value = value.strip().casefold()
    else:
        ((_, value),) = common.subjects(value, chain)
    return Terms(
        chain, scopes[kind], value, tuple(sorted(set(rules))), tuple(sorted(set(categories))), ceilings, expires,
        reason, case_id,
    )  # fmt: skip


def _ceilings(chain_name: str, amount: str | None, share: str | None) -> tuple[Ceiling, ...]:
    from tracer.flow.question import base_units
    from tracer.screening.kept.grants import Ceiling

    found = []
    if amount is not None:
        chain = compose.chain(chain_name)
        said = _AMOUNT.fullmatch(amount.strip())
        if said is None:
            raise UsageError(f"--ceiling {amount[:40]!r} is no amount.", hint="Write 0.5 or '0.5 BTC'.")
        if said[2] and said[2].upper() != chain.asset.upper():
            raise UsageError(
                f"--ceiling is in {chain.asset} on {chain.name}, not in {said[2]}.",
                hint="--ceiling-share holds for every asset.",
            )
        try:
            units = base_units(said[1], chain.decimals, 10**38 - 1)
        except UsageError as error:
            raise UsageError(error.problem.replace("--min-value", "--ceiling"), hint=error.hint) from error
        found.append(Ceiling(asset=chain.asset, units=units))
    if share is not None:
        if _SHARE.fullmatch(share.strip()) is None:
            raise UsageError(
                f"--ceiling-share {share[:40]!r} is no share.", hint="Write a decimal from 0 to 1: 0.05."
            )
        found.append(Ceiling(share=str(Decimal(share.strip()))))
    return tuple(found)


def _document(made: Grant) -> dict[str, Any]:
    return {"schema": "tracer.exception/1", **common.shown_grant(made, common.now())}


def _render_one(row: dict[str, Any]) -> None:
    click.echo(f"{row['exception_id']}: {row['standing'].replace('_', ' ')}, until {row['expires']}")
    click.echo(
        f"{row['scope']} {row['chain']}:{row['value']}; {', '.join([*row['rules'], *row['categories']])}"
    )
    if not any(event["event"] == "approved" for event in row["events"]):
        click.echo("Nobody approved it as a second person: severe rules still decide.")


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    if not document["exceptions"]:
        click.echo("No exception is in force.")
        return
    table = Table("id", "standing", "of", "rules, categories", "up to", "until", "by", "second person")
    for row in document["exceptions"]:
        levels = [
            " ".join(
                part
                for part in (
                    each["category"],
                    each["types"],
                    f"{each['base_units']} base units of {each['asset']}" if each["base_units"] else None,
                    f"share {each['share']}" if each["share"] else None,
                )
                if part
            )
            for each in row["ceilings"]
        ]
        approved = next((event["by"] for event in row["events"] if event["event"] == "approved"), "-")
        table.add_row(
            row["exception_id"], row["standing"].replace("_", " "),
            f"{row['scope']} {row['chain']}:{row['value']}", ", ".join([*row["rules"], *row["categories"]]),
            "; ".join(levels), row["expires"], row["by"], approved,
        )  # fmt: skip
    app.console().print(whole(table))
