"""`tracer screen`: verdicts on addresses, transfers and withdrawals, by a policy and with their evidence."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose, ondemand
from cli.app import App, at_option, case_options, intel_option, json_option, json_text
from cli.policy_common import policy_option
from cli.screen_codes import chosen, exit_code
from tracer.errors import UsageError

if TYPE_CHECKING:
    from cli.screening_common import Screener
    from tracer.evidence.custody import Question
    from tracer.screening.model import Direction, Subject
    from tracer.screening.screen import Screened
    from tracer.screening.subjects import Reading

SHAPES = ("chainalysis", "elliptic", "trm", "misttrack")
"""Of `adapters.compat.registry`, named here so that `--help` need not read it."""


@click.command("screen", short_help="Judge addresses, transfers and withdrawals by a policy.")
@click.argument("subjects", nargs=-1, metavar="SUBJECT...")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Screen a table: CSV or Parquet with address, txid, vout, chain, asset, amount, direction, "
    "customer_reference; or one subject a line. - reads a pipe.",
)
@click.option("--to", "to", metavar="ADDRESS", help="Screen a withdrawal before it is sent there.")
@click.option("--amount", metavar="X", help="With --to: how much is to be sent, in coins.")
@click.option("--asset", metavar="ASSET", help="With --to on an account chain: what is to be sent.")
@click.option("--chain", "chain_name", metavar="NAME", help="Chain of subjects that name none.")
@click.option(
    "--direction",
    type=click.Choice(["both", "inbound", "outbound"]),
    default="both",
    show_default=True,
    help="Judge where money came from, where it went, or both; of a transfer inbound when left out.",
)
@click.option(
    "--own",
    multiple=True,
    metavar="ENTITY",
    help="Our own wallets: never counterparty, never looked through.",
)
@click.option(
    "--hops",
    type=click.IntRange(1, 20),
    help="Most transactions to a counterparty; else as the policy has it.",
)
@policy_option
@click.option(
    "--fail-on",
    metavar="VERDICTS",
    help="Exit codes for these verdicts only: review,block,unknown. With --file none without it.",
)
@click.option(
    "--evaluated-at", metavar="TIME", help="As of when lists must be young enough (UTC); now when left out."
)
@click.option(
    "--compat", type=click.Choice(SHAPES), help="Print the JSON fields that this product's users parse."
)
@click.option("--front-office", is_flag=True, help="Print verdict and case number only.")
@click.option("--resume", metavar="CURSOR", help="With --file: go on behind the last line that was printed.")
@ondemand.options
@at_option
@intel_option
@case_options
@json_option
@click.pass_obj
def command(
    app: App,
    subjects: tuple[str, ...],
    file: Path | None,
    to: str | None,
    amount: str | None,
    asset: str | None,
    chain_name: str | None,
    direction: Direction,
    own: tuple[str, ...],
    hops: int | None,
    policy_name: str,
    fail_on: str | None,
    evaluated_at: str | None,
    compat: str | None,
    front_office: bool,
    resume: str | None,
    source: str | None,
    yes: bool,
    rate: float,
    max_requests: int,
    at: str | None,
    intel: str | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Judge SUBJECTs by a policy: where their money came from, where it went, who they are said to be.

    A SUBJECT is an address, TXID:VOUT (the deposit itself), TXID@ADDRESS, on an account chain TXID:N; `chain:` may
    stand in front. Exit code 0 clear, 10 review, 11 unknown, 20 block. An address that was never seen is unknown, and
    so is any without a hit where blocks or required lists are missing or too old.
    """
    from cli.policy_common import policy_named
    from cli.screening_common import Screener, engine, moment, reading_of
    from tracer.screening.screen import Asked

    with compose.case_question(app, "screen", (), case_id, purpose) as log:
        failing = chosen(fail_on)
        _check(file, subjects, to, amount or asset, resume, compat if front_office else None)
        compose.words(*own, *subjects, to)
        policy = policy_named(policy_name)
        by = reading_of(app, chain_name, direction)
        log.read(f"policy {policy.id} {policy.sha256}")
        if file is not None:
            from cli.screen_file import Asking, screen_file

            if source is not None:
                raise UsageError(
                    "--source fetches what single subjects need.", hint="Sync blocks for --file."
                )
            asking = Asking(
                app, log, policy, by, own, hops, at, intel, case_id, as_json, compat, front_office, failing
            )
            code = screen_file(asking, file, resume, evaluated_at)
        else:
            asked = _subjects(subjects, to, amount, asset, by)
            demands = {
                name: ondemand.demand(compose.chain(name), source, yes, rate, max_requests, at)
                for name in dict.fromkeys(one.chain for one in asked)
            }
            for name, demand in demands.items():
                if demand is not None:
                    log.read(f"{ondemand.KIND}:{_fetch(app, name, demand, asked)}")
            screener = Screener(
                app, policy, Asked(moment(evaluated_at), own, hops, engine()), compose.claims(app, intel), at
            )
            documents = _answers(screener, asked, log, case_id)
            code = exit_code((said["verdict"] for said in documents), failing)
            printed = _printed(documents, compat, front_office)
            log.answered(json_text(printed).encode(), code)
    if file is None:
        _show(app, printed, as_json or compat is not None)
    if code:
        sys.exit(code)


def _check(
    file: Path | None,
    subjects: Sequence[str],
    to: str | None,
    of_to: str | None,
    resume: str | None,
    twice: str | None,
) -> None:
    """Refuse options that contradict each other; `twice`: --compat beside --front-office."""
    if twice:
        raise UsageError("--front-office shows verdict and case number only.", hint="Leave --compat out.")
    if of_to and not to:
        raise UsageError("--amount and --asset are of a withdrawal.", hint="Name its address with --to.")
    if bool(file) == bool(subjects or to):
        raise UsageError(
            "--file screens what the file names, and nothing else." if file else "nothing to screen.",
            hint="Give a SUBJECT, --to ADDRESS, or --file FILE.",
        )
    if resume and not file:
        raise UsageError("--resume goes on with a --file.", hint="Leave it out.")


def _subjects(
    texts: Sequence[str], to: str | None, amount: str | None, asset: str | None, by: Reading
) -> list[Subject]:
    """What was typed, each once."""
    from tracer.screening.subjects import of_text, withdrawal

    asked = [of_text(text, by) for text in texts]
    if to is not None:
        asked.append(withdrawal(to, amount, by, asset=asset))
    return list(dict.fromkeys(asked))


def _fetch(app: App, chain_name: str, demand: ondemand.Demand, asked: Sequence[Subject]) -> str:
    """Fetch the histories of subjects from an explorer, and the transactions they name; -> its host."""
    own = [one for one in asked if one.chain == chain_name]
    addresses = list(dict.fromkeys(one.address for one in own if one.address))
    txids = list(dict.fromkeys(one.txid for one in own if one.txid))
    with ondemand.asking(app, compose.chain(chain_name), demand, [*addresses, *txids]) as fetcher:
        for address in addresses:
            fetcher.history(address)
        fetcher.transactions(txids, set(txids))
    return fetcher.host


def _answers(
    screener: Screener, asked: Sequence[Subject], log: Question, case_id: str
) -> list[dict[str, Any]]:
    """The documents in the order asked, recorded."""
    from tracer.screening.kept.keeping import keep
    from tracer.state import State

    found: dict[Subject, Screened] = {}
    for name in dict.fromkeys(one.chain for one in asked):
        own = [one for one in asked if one.chain == name]
        with screener.of(name) as screening:
            found |= dict(zip(own, screening.screened(own), strict=True))
    log.read(screener.snapshot.id)
    for one in found.values():
        log.used(one.evidence.claims)
        for tip in one.document["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
    with State.open(screener.app.workspace) as state:
        return keep(state, [found[one].document for one in asked], policy=screener.policy, case_id=case_id)


def _printed(documents: Sequence[dict[str, Any]], compat: str | None, front_office: bool) -> Any:
    """One document as it is, several side by side; in another product's shape, or as the front office sees it."""
    if compat:
        from adapters.compat import registry

        made = [registry.SHAPES[compat](said) for said in documents]
        return made[0] if len(made) == 1 else made
    if front_office:
        from cli.screen_text import front

        rows = [front(said) for said in documents]
        return rows[0] if len(rows) == 1 else {"schema": "tracer.front_offices/1", "documents": rows}
    if len(documents) == 1:
        return documents[0]
    return {"schema": "tracer.screenings/1", "documents": list(documents)}


def _show(app: App, printed: Any, as_json: bool) -> None:
    from cli.screen_text import render

    app.emit(printed, as_json, lambda shown: render(app.console(), shown))
