"""Of a trace: where to ask, what services have answered (dashed), and who is to be protected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cli.trace_answer import BUCKETS, ROWS, Answer, label, many, not_shown, with_worth
from cli.trace_words import untagged_pool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import Console

_TOLD = (
    ("legal_entity", "legal entity"), ("legal_contact", "requests to"), ("records_holder", "records are held by"),
    ("retention", "keeps records"), ("status", "status"), ("successor", "taken over by"),
)  # fmt: skip


def where_to_ask(console: Console, answer: Answer) -> None:
    """Where a request can go, as the register has it; and on what the KYC level rests."""
    rows = {
        (row["vasp_id"] or row["entity"], row["kyc_level"], tuple(row["kyc_interval"] or ())): row
        for part in answer.parts
        for row in part["endpoints"]
        if row["request_to"] or row["kyc_evidence"] or row["nested_in"]
    }
    if not rows:
        return
    console.print("\nWhere to ask", style="bold")
    for row in list(rows.values())[:ROWS]:
        between = _between(*row["kyc_interval"]) if row["kyc_interval"] else ""
        level = row["kyc_level"] if row["kyc_level"] != "unknown" else _unknown(row)
        console.print(f"  {row['entity']}: KYC then {level}{between}", soft_wrap=True)
        for said in row["kyc_evidence"]:
            console.print(
                f"      by {said['source']}, assessed {said['assessed_at'] or 'undated'}", soft_wrap=True
            )
        if row["nested_in"]:
            host = row["nested_in"]
            console.print(
                f"      the account lies at {host['entity']} (KYC then {host['kyc_level']}): it can be asked too",
                soft_wrap=True,
            )
        for name, what in _TOLD:
            if row["request_to"] and row["request_to"][name]:
                console.print(f"      {what}: {row['request_to'][name]}", soft_wrap=True)
    if len(rows) > ROWS:
        console.print(f"  ... and {len(rows) - ROWS:,} more in the JSON")


def _between(first: str, last: str) -> str:
    said = [f"from {first}"] if first else []
    return f" ({' '.join([*said, *([f'to {last}'] if last else [])])})"


def _unknown(row: Mapping[str, Any]) -> str:
    return f"unknown, last known {row['kyc_last_known']}" if row["kyc_last_known"] else "unknown"


def behind(console: Console, answer: Answer) -> None:
    """Off-chain links, drawn dashed, with what was found behind each and its totals apart."""
    if not any(doc["offchain"] for doc in answer.documents):
        return
    console.print("\nBehind a service (dashed: its word, not a transaction; totals apart)", style="bold")
    for doc in answer.documents:
        names = {row["claim"]: row["reference"] for row in doc["offchain"]}
        for row in doc["offchain"][:ROWS]:
            mark = f" [{row['tlp']}]" if row["tlp"] else ""
            after = f", behind {names[row['after']]}" if row["after"] else ""
            for line in (
                f"  under {label(doc['method'])}{after}: {with_worth(row['traced_in'])} in {row['from']}",
                f"    - - - {row['reference']} ({row['said_at'] or 'undated'}){mark} - - ->",
                f"    {row['to_chain']} {row['to']}",
                *([f"      {row['note']}"] if row["note"] else []),
                *(_continuation(answer, row["continuation"]) if row["continuation"] else []),
            ):
                console.print(line, soft_wrap=True)
        if len(doc["offchain"]) > ROWS:
            console.print(f"  ... and {many(len(doc['offchain']) - ROWS, 'more link')} in the JSON")


def _continuation(answer: Answer, found: Mapping[str, Any]) -> Iterator[str]:
    totals = found["totals"][0]
    parts = [f"{name} {answer.coins(int(totals[name]))}" for name in BUCKETS if int(totals[name])]
    yield f"      behind it {answer.coins(int(totals['seed']))} {answer.asset}: {', '.join(parts)}"
    for row in found["endpoints"][:ROWS]:
        yield f"      reached {row['entity']}: {with_worth(row['amount'])} (KYC then: {row['kyc_level']})"
    if len(found["endpoints"]) > ROWS:
        yield f"      ... and {many(len(found['endpoints']) - ROWS, 'more service')} in the JSON"
    if answer.filtered:
        yield f"      not shown because of --exits: {not_shown(found['other_endpoints'])}"
    for stop in found["stops"][:ROWS]:
        who = f" at {stop['entity']}" if stop["entity"] else untagged_pool(stop)
        yield f"      ended, {stop['reason']}{who}: {with_worth(stop['amount'])}"
    if len(found["stops"]) > ROWS:
        yield f"      ... and {many(len(found['stops']) - ROWS, 'more stop')} in the JSON"
    if found["coverage"]["status"] != "complete":
        yield f"      coverage behind it: {found['coverage']['status']}"


def protected(console: Console, answer: Answer) -> None:
    """Addresses on the way that claims ask to protect."""
    marks = {(row["address"], row["protection"]) for part in answer.parts for row in part["protected"]}
    if not marks:
        return
    console.print("\nProtected: no suspects; leave them out of what is passed on", style="bold")
    for address, protection in sorted(marks)[:ROWS]:
        console.print(f"  {protection.replace('_', ' ')}: {address}", soft_wrap=True)
    if len(marks) > ROWS:
        console.print(f"  ... and {len(marks) - ROWS:,} more in the JSON")


def overruled(console: Console, answer: Answer) -> None:
    """Which analysts' words on clusters the answer stands on."""
    said = {row["claim"]: row for part in answer.parts for row in part["overrides"]}
    for claim, row in sorted(said.items()):
        at = f" at {row['txid']}" if row["txid"] else ""
        console.print(
            f"Override: {row['author']} {row['kind']}s {row['a']} and {row['b']}{at} ({row['reason']}), "
            f"claim {claim[:16]}",
            soft_wrap=True,
        )
