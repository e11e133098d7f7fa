"""`tracer seeds derive`: the addresses of a wallet, from its public descriptor or extended public key."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, case_options, json_option, json_text, whole
from cli.seeds_list import Row, as_csv, as_of, written
from tracer.errors import UsageError

if TYPE_CHECKING:
    from adapters.wallets.wallet import Derived, Seen, Wallet
    from tracer.ledger.coverage import Coverage

WITHOUT_A_LEDGER = 100
"""(P) Addresses of each branch where nothing tells which were used."""
_MOST_LETTERS = 100_000


@click.command("derive")
@click.argument("wallet", nargs=-1, metavar="DESCRIPTOR|XPUB")
@click.option(
    "--gap",
    default=20,
    show_default=True,
    type=click.IntRange(1, 100_000),
    metavar="N",
    help="Follow each branch until so many addresses in a row were never used.",
)
@click.option(
    "--count",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help=f"Derive so many of each branch instead.  [default: {WITHOUT_A_LEDGER} where the chain was not read]",
)
@click.option("--seen", "only_seen", is_flag=True, help="List only addresses that the ledger has seen.")
@click.option("--chain", "chain_name", metavar="NAME", help="Chain; else what the keys say, else bitcoin.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the list here."
)
@case_options
@json_option
@click.pass_obj
def derive(
    app: App,
    wallet: tuple[str, ...],
    *,
    gap: int,
    count: int | None,
    only_seen: bool,
    chain_name: str | None,
    out: Path | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Derive the addresses of a DESCRIPTOR (BIPs 380 to 387, 389) or of an extended public key, as a list of seeds.

    `-` reads it from stdin. An xpub does not say its script kind: all are derived, for receiving and for change. Where
    the chain was read, each branch goes on until --gap addresses in a row were never used. The list goes to stdout,
    or to the file that --out names. Private keys and recovery words are refused.
    """
    from adapters.wallets.wallet import read

    found = read(_handed_in(wallet), compose.chain(chain_name).name if chain_name else None)
    with compose.case_question(app, "seeds derive", (), case_id, purpose) as log:
        log.read(f"wallet sha256:{found.digest}")
        with _ledger(app, found.chain.name) as (tip, coverage, seen):
            if only_seen and seen is None:
                raise UsageError(
                    f"no block of {found.chain.name} was read: nothing tells which addresses were used.",
                    hint=f"Run `tracer sync {found.chain.name} --source ...` first, or leave --seen out.",
                )
            wanted = count if count is not None or seen else WITHOUT_A_LEDGER
            document, content = _derived(found, gap, wanted, seen, coverage, out, only_seen=only_seen)
        document["as_of"] = [tip] if tip else []
        if tip:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        log.answered(json_text(document).encode() if as_json or out else content)
    if as_json or out:
        app.emit(document, as_json, lambda shown: _render(app, shown))
    else:
        for line in _summary(document):
            app.say(line)
        app.emit(document, False, lambda _: click.echo(content, nl=False))


def _handed_in(wallet: Sequence[str]) -> str:
    """The one text that was handed in. What is wrong with it is never repeated: it may be a secret."""
    if len(wallet) != 1:
        raise UsageError(
            "give one descriptor or one extended public key, or - to read it from stdin.",
            hint="Put it in quotes: the shell takes ( ) < > ; for its own.",
        )
    if wallet[0] != "-":
        return wallet[0]
    raw = sys.stdin.buffer.read(_MOST_LETTERS + 1)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    if not text.strip() or len(raw) > _MOST_LETTERS:
        raise UsageError("stdin holds no descriptor and no extended public key.")
    return text


@contextmanager
def _ledger(app: App, chain: str) -> Iterator[tuple[dict[str, Any] | None, Coverage | None, Seen | None]]:
    """The tip, what was read of the chain, and which addresses it has seen; all None where nothing was."""
    if chain not in compose.chains_read(app):
        yield None, None, None
        return
    from tracer.ledger.coverage import coverage
    from tracer.ledger.known import known_addresses

    with compose.open_ledger(app, chain) as ledger:
        read = coverage(ledger)
        yield (as_of(ledger), read, partial(known_addresses, ledger)) if read.ranges else (None, None, None)


def _derived(
    wallet: Wallet,
    gap: int,
    count: int | None,
    seen: Seen | None,
    coverage: Coverage | None,
    out: Path | None,
    *,
    only_seen: bool,
) -> tuple[dict[str, Any], bytes]:
    """The document, and the list as CSV."""
    from adapters.wallets.wallet import follow

    branches, rows, seeds = [], [], []
    for number, branch in enumerate(wallet.branches):
        derived = follow(branch, wallet.chain, gap=gap, count=count, seen=seen)
        used = [one.index for one in derived if one.seen]
        branches.append(
            {
                "descriptor": branch.descriptor.text,
                "kind": branch.descriptor.kinds,
                "role": branch.role or None,
                "first_index": 0,
                "last_index": derived[-1].index,
                "last_used": (max(used) if used else None) if seen else None,
                "used": len(used) if seen else None,
                "addresses": len(derived),
            }
        )
        for one in derived:
            if one.seen or not only_seen:
                seeds.append({"address": one.address, "role": branch.role or None, "branch": number, "kind": one.kind,
                              "index": one.index, "seen": one.seen})  # fmt: skip
                rows.append(_row(wallet, branch.role, number, one))
    content = as_csv(rows)
    judged = seen is not None and count is None and any(b.descriptor.ranged for b in wallet.branches)
    document: dict[str, Any] = {
        "schema": "tracer.seeds/1",
        "as_of": [],
        "chain": wallet.chain.name,
        "caip2": wallet.chain.caip2,
        "wallet": {"kind": wallet.kind, "sha256": f"sha256:{wallet.digest}", "checksum": wallet.checked},
        "gap": {"limit": gap, "judged": judged, "count": count},
        "blocks": [list(blocks) for blocks in coverage.ranges] if coverage else [],
        "branches": branches,
        "addresses": sum(branch["addresses"] for branch in branches),
        "file": written(content, len(rows), out),
        "seeds": seeds,
        "notes": _notes(wallet, gap, coverage, judged=judged, count=count),
    }
    return document, content


def _row(wallet: Wallet, role: str, number: int, one: Derived) -> Row:
    source = f"wallet sha256:{wallet.digest[:16]}"
    reference = f"branch {number} index {one.index} {one.kind}"
    return Row(wallet.chain.name, one.address, role, "", "", source, reference)


def _notes(
    wallet: Wallet, gap: int, coverage: Coverage | None, *, judged: bool, count: int | None
) -> list[str]:
    notes = []
    if not any(branch.descriptor.ranged for branch in wallet.branches):
        pass
    elif judged:
        notes.append(
            f"each branch was followed until {gap} addresses in a row were never used; a wallet that left a longer gap "
            "has addresses behind it that are not in this list: --gap looks further"
        )
    elif coverage is None:
        notes.append(
            f"no block of {wallet.chain.name} was read, so that the gap could not be judged: {count} addresses of each "
            "branch were derived, used or not"
        )
    else:
        notes.append(f"{count} addresses of each branch were derived, used or not: the gap was not judged")
    if coverage is not None:
        ranges = ", ".join(f"{first}-{last}" for first, last in coverage.ranges[:5])
        more = ", ..." if len(coverage.ranges) > 5 else ""
        notes.append(
            f"used means seen in the blocks read of {wallet.chain.name}, {ranges}{more}; an address used in others "
            "alone counts as never used"
        )
    if not wallet.checked:
        notes.append("the descriptor had no checksum: a mistyped one would give the addresses of nobody")
    if wallet.kind != "descriptor" and len({branch.descriptor.kinds for branch in wallet.branches}) > 1:
        notes.append(
            "an extended public key does not say its script kind: all that fit were derived, one is likely the wallet's"
        )
    return notes


def _summary(document: dict[str, Any]) -> Iterator[str]:
    """What was derived, in lines."""
    yield f"{document['addresses']:,} addresses of {document['chain']} in {len(document['branches'])} branches"
    for branch in document["branches"]:
        used = "" if branch["used"] is None else f", {branch['used']:,} used"
        if branch["last_used"] is not None:
            used += f", the last at {branch['last_used']:,}"
        role = f" {branch['role']}" if branch["role"] else ""
        yield f"  {branch['kind']}{role}: index 0 to {branch['last_index']:,}{used}"
    yield from document["notes"]


def _render(app: App, document: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for name in ("kind", "role", "looked at", "used", "last used"):
        table.add_column(name)
    for branch in document["branches"]:
        used, last = (
            "not known" if value is None else f"{value:,}" for value in (branch["used"], branch["last_used"])
        )
        none = branch["used"] is not None and branch["last_used"] is None
        table.add_row(
            branch["kind"],
            branch["role"] or "",
            f"0 to {branch['last_index']:,}",
            used,
            "none" if none else last,
        )
    app.console().print(whole(table))
    click.echo(
        f"{document['file']['rows']:,} addresses of {document['chain']} written to {document['file']['name']} "
        f"({document['file']['sha256']})"
    )
    for note in document["notes"]:
        click.echo(note)
