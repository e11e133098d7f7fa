"""What a scan found, for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cli.app import whole

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 50


def render(console: Console, document: Mapping[str, Any]) -> None:
    """Print addresses, transactions and keys with their first place, secrets by kind alone."""

    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    for read in document["files"]:
        say(f"{read['file']}: {read['bytes']:,} bytes read as {read['encoding']}, {read['sha256']}")
    _addresses(console, document["addresses"], "addresses, their checksums right")
    _addresses(console, document["unchecked"], "EVM accounts in one case, which has no checksum: candidates")
    if document["other_addresses"]:
        say(f"{document['other_addresses']:,} addresses of other chains are not shown.")
    for row in document["transactions"][:SHOWN]:
        say(f"transaction of {row['chain']}: {row['txid']}, {_count(row)}, first at {_place(row)}")
    if len(document["transactions"]) > SHOWN:
        say(f"{SHOWN} of {len(document['transactions']):,} transactions shown; --json prints all.")
    for row in document["extended_keys"][:SHOWN]:
        say(f"extended public key: {row['key']}, {_count(row)}, first at {_place(row)}")
    if document["extended_keys"]:
        say("`tracer seeds derive KEY` names the addresses of an extended public key.")
    if (unknown := document["unverified"])["count"]:
        say(
            f"{unknown['count']:,} texts of 64 hexadecimal digits that no chain read here knows as a txid, first at "
            f"{_place(unknown)}: unverified, and not shown, for a private key looks the same."
        )
    for row in document["secrets"]:
        say(f"SECRET, not shown and not kept: {row['kind']}, {_count(row)}, first at {_place(row)}")
    if not document["as_of"]:
        say("No chain was read here, so nothing tells which of these were ever used.")
    if document["file"]:
        say(
            f"{document['file']['rows']:,} addresses of {document['chain']} written to {document['file']['name']} "
            f"({document['file']['sha256']})"
        )


def _addresses(console: Console, rows: list[dict[str, Any]], title: str) -> None:
    from rich.table import Table

    console.print(f"{len(rows):,} {title}", soft_wrap=True)
    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    for name in ("address", "valid on", "seen", "times", "first at"):
        table.add_column(name)
    for row in rows[:SHOWN]:
        on = [one["chain"] for one in row["chains"]]
        seen = [one["chain"] for one in row["chains"] if one["seen"]]
        read = any(one["seen"] is not None for one in row["chains"])
        table.add_row(
            row["address"],
            ", ".join(on),
            ", ".join(seen) or ("no" if read else "not read"),
            f"{row['count']:,}",
            _place(row),
        )
    console.print(whole(table))
    if len(rows) > SHOWN:
        console.print(f"{SHOWN} of {len(rows):,} shown; --json prints all.", soft_wrap=True)


def _count(row: Mapping[str, Any]) -> str:
    return "once" if row["count"] == 1 else f"{row['count']:,} times"


def _place(row: Mapping[str, Any]) -> str:
    place = row["places"][0]
    return f"{place['file']} line {place['line']:,} byte {place['offset']:,}"
