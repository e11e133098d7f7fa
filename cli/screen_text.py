"""A screening for people: the verdict, why, what was found with the transactions to look at, what was not looked at.

Txids and addresses stand whole, so that they can be copied. Nothing is ever called clean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.screen_says import lists, merged, says_not, share
from cli.trace_answer import ROWS, many, with_worth
from tracer.flow.question import utc
from tracer.intel.claims import clean

if TYPE_CHECKING:
    from rich.console import Console

    from tracer.screening.batch import Line

    Document = Mapping[str, Any]

_STYLES = {"block": "bold red", "review": "bold yellow", "unknown": "bold magenta", "clear": "bold green"}
_CASE = 16


def case_number(document: Document) -> str:
    """What the front office quotes; `tracer screenings show` finds the screening by it."""
    return str(document["screening_id"])[:_CASE]


def front(document: Document) -> dict[str, Any]:
    """What the front office may see: nothing that could be told to a customer."""
    return {"schema": "tracer.front_office/1", "verdict": document["verdict"], "case": case_number(document)}


def render(console: Console, shown: Document) -> None:
    """Print one screening or several, whole or as the front office sees them."""
    documents = shown.get("documents", [shown])
    for number, document in enumerate(documents):
        if number:
            console.print()
        if document["schema"].startswith("tracer.front_office"):
            console.print(f"{document['verdict']}  case {document['case']}")
        else:
            _whole(console, document)


def line_text(line: Line, *, front_office: bool) -> str:
    """One row of a table: its line, what came of it, and the first reason."""
    if line.document is None:
        return f"line {line.row.line}: rejected: {clean(line.reason)}\n"
    said = line.document
    if front_office:
        return f"line {line.row.line}: {said['verdict']}  case {case_number(said)}\n"
    risk = f", risk {said['risk']}" if said["risk"] else ""
    reason = f": {said['risk_reasons'][0]}" if said["risk_reasons"] else ""
    return f"line {line.row.line}: {said['verdict']}{risk}  {_named(said['subject'])}{reason}\n"


def summary_text(said: Document) -> str:
    """The end of a table."""
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in said["counts"].items())
    lines = [f"{many(said['answered'], 'subject')} answered: {counts}"]
    if said["rejected"]:
        lines.append(f"{many(said['rejected'], 'row')} rejected, each named above")
    lines.append(
        f"policy {said['policy']['id']} version {said['policy']['version']}, claims {said['intel_snapshot']}"
    )
    lines.append(f"go on behind the last row with --resume {said['cursor']}")
    return "\n".join(["", *lines, ""])


def _whole(console: Console, document: Document) -> None:
    _head(console, document)
    for title, lines in (
        ("Why", _why(document)),
        ("Who it is said to be", _who(document)),
        ("Where its money came from", _exposures(document, "source")),
        ("Where its money went", _exposures(document, "destination")),
        ("What nobody could refuse (dust and the like: never blocks alone)", _unsolicited(document)),
        ("Rules that fired", _rules(document)),
        ("Findings", _findings(document)),
        ("What was not looked at, and other notes", _notes(document)),
        ("What this does not say", says_not(document)),
    ):
        if found := list(lines):
            console.print(f"\n{title}", style="bold")
            for line in found:
                _line(console, line)


def _line(console: Console, line: str) -> None:
    """Indented; at a terminal what is too long goes on below, between words, and elsewhere a line stays one."""
    if not console.is_terminal:
        console.print(f"  {line}", soft_wrap=True)
        return
    from rich.padding import Padding

    text = line.lstrip()
    console.print(Padding(console.render_str(text), (0, 0, 0, 2 + len(line) - len(text))))


def _head(console: Console, document: Document) -> None:
    verdict, policy = document["verdict"], document["policy"]
    if document["tlp"]:
        console.print(
            f"{document['tlp']}: show this to nobody whom that marking does not allow", style="bold"
        )
    risk = f", risk {document['risk']}" if document["risk"] else ", risk not known"
    console.print(f"{verdict.upper()}{risk}", style=_STYLES[verdict])
    if document.get("policy_verdict"):
        console.print(f"  an exception holds: the policy alone says {document['policy_verdict']}")
    if document["handling"] == "protect":
        console.print(
            "  Handle with protection: whoever this is about may be a victim. Tell nobody at the counter why.",
            style="bold",
        )
    console.print(f"  {_named(document['subject'])}", soft_wrap=True)
    for tip in document["as_of"]:
        console.print(f"  as of block {tip['height']} of {tip['chain']} ({tip['block_time']})")
    console.print(
        f"  policy {policy['id']} version {policy['version']}, evaluated at {document['evaluated_at']}, coverage "
        f"{document['coverage']['status']}, engine {document['engine']}",
        soft_wrap=True,
    )
    console.print(f"  case {case_number(document)} (screening {document['screening_id']})", soft_wrap=True)
    if document["second_person"]:
        console.print("  a decision on it needs a second person")


def _named(subject: Document) -> str:
    """The subject in one line."""
    where = f"{subject['chain']}:"
    if subject["kind"] == "withdrawal_attempt":
        return f"withdrawal of {with_worth(subject['amount'])} to {where}{subject['address']}"
    if subject["kind"] == "transfer":
        number = subject["vout"] if subject["vout"] is not None else subject["transfer_index"]
        place = "" if number is None else f":{number}"
        amount = f", {with_worth(subject['amount'])}" if subject["amount"] else ""
        to = f" to {subject['address']}" if subject["address"] else ""
        return f"{subject['direction']} transfer {where}{subject['txid']}{place}{amount}{to}"
    side = "" if subject["direction"] == "both" else f" ({subject['direction']} only)"
    return f"address {where}{subject['address']}{side}"


def _why(document: Document) -> Iterator[str]:
    for reason in document["risk_reasons"]:
        yield f"- {reason}"
    sanctioned = document["sanctioned"]
    if sanctioned["hit"]:
        listed = f"{sanctioned['list']} (version {sanctioned['list_version']})"
        yield f"- on the sanctions list {listed}, {_when(sanctioned)}"
    if document["verdict"] == "clear":
        yield f"- no match in {lists(document)}"
        yield "- no rule of the policy asks for more"


def _when(sanctioned: Document) -> str:
    if not sanctioned["designated_at"]:
        return "which does not say since when"
    after = sanctioned["transfer_after_designation"]
    moved = {None: "", True: "; money moved on that day or later", False: "; the money moved before"}[after]
    return f"designated {sanctioned['designated_at']}{moved}"


def _who(document: Document) -> Iterator[str]:
    said: Counter[str] = Counter()
    for row in document["identifications"]:
        whole = ", of its whole cluster" if row["whole_cluster"] else ""
        told = f"{row['source']}, {row['date']}, confidence {row['confidence']}"
        said[f"{row['label']}: {row['category']}{whole} ({told})"] += 1
    for line, claims in list(said.items())[:ROWS]:
        yield line + (f", {claims} claims alike" if claims > 1 else "")
    yield from _more(len(said), "claim")
    cluster = document["cluster"]
    if cluster:
        kyc = f", KYC {cluster['kyc_level']}" if cluster["kyc_level"] else ""
        named = f": {cluster['entity']}, {cluster['category']}{kyc}" if cluster["entity"] else ""
        yield f"{cluster['id']}, {many(cluster['size'], 'address', 'es')}{named}"
    for mark in document["protected"]:
        yield f"marked as {mark.replace('_', ' ')}: leave it out of what is passed on"


def _exposures(document: Document, side: str) -> Iterator[str]:
    rows = [row for row in document["exposures"] if row["side"] == side and row["solicited"]]
    yield from _rows([row for row in rows if row["type"] != "ownership"], side)


def _unsolicited(document: Document) -> Iterator[str]:
    yield from _rows([row for row in document["exposures"] if not row["solicited"]], "source")


def _rows(rows: Sequence[Document], side: str) -> Iterator[str]:
    parties = merged(rows)
    for row in parties[:ROWS]:
        who = f" {row['entity']}" if row["entity"] else ""
        kyc = f", KYC {row['kyc_level']}" if row["vasp_id"] else ""
        yield f"{row['category']}{who}{kyc}: {share(row, side)}, {_near(row)}{_time(row)}"
        for listed in row["listed"]:
            yield f"    on {listed['list']}, {_when(listed)}"
        if row["labels_later"]:
            yield "    named so only after the money moved"
        for path in row["paths"][:1]:
            yield from (f"    {'-> ' if hop else ''}{txid}" for hop, txid in enumerate(path))
        if len(row["paths"]) > 1:
            yield f"    and {many(len(row['paths']) - 1, 'path')} more in --json"
    yield from _more(len(parties), "counterparty")


def _near(row: Document) -> str:
    return (
        "direct" if row["type"] == "direct" else f"indirect, {many(row['min_hops'], 'transaction')} between"
    )


def _time(row: Document) -> str:
    first, last = (_day(row[key]) for key in ("first_time", "last_time"))
    if not first or not last:
        return ""
    return f", {first}" if first == last else f", {first} to {last}"


def _day(seconds: int | None) -> str:
    return (utc(seconds) or "")[:10]


def _rules(document: Document) -> Iterator[str]:
    for row in document["triggers"][:ROWS]:
        set_aside = " (sets aside what it names)" if row["verdict"] == "clear" else ""
        yield f"{row['rule_id']} version {row['rule_version']}, {row['severity']}{set_aside}: {row['title']}"
        yield f"    asks {_plain(row['threshold'])}"
        if row["false_positives"]:
            yield f"    may be innocent: {row['false_positives']}"
    yield from _more(len(document["triggers"]), "rule")


def _findings(document: Document) -> Iterator[str]:
    for row in document["findings"][:ROWS]:
        yield f"{row.get('rule_id', '')} version {row.get('rule_version', '')}, {row.get('level', '')}"
        for innocent in row.get("innocent_explanations", ()):
            yield f"    may be innocent: {innocent}"
    yield from _more(len(document["findings"]), "finding")


def _notes(document: Document) -> Iterator[str]:
    coverage = document["coverage"]
    for note in coverage["notes"]:
        yield f"- {note}"
    if document["truncated"]:
        yield "- a limit cut the search short: counterparties behind it were not looked at"
    for row in coverage["intel"]:
        if row["status"] == "missing" and row["version"] is not None:
            yield f"- list {row['list']}, which this user may not read"
    yield f"- counterparties more than {many(document['parameters']['hops'], 'transaction')} away"
    for chain in coverage["chains"]:
        blocks = ", ".join(f"{first}-{last}" for first, last in chain["blocks"])
        yield (
            f"- any block of {chain['chain']} but {blocks}" if blocks else f"- any block of {chain['chain']}"
        )


def _plain(value: Any) -> str:
    """What a rule asks for, in one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        named = [_plain(one) for one in value]
        return " or ".join(named[:4]) + (f" or {len(named) - 4} more" if len(named) > 4 else "")
    return str(value)


def _more(count: int, what: str) -> Iterator[str]:
    if count > ROWS:
        yield f"and {count - ROWS:,} more of this kind ({what}); --json has all"
