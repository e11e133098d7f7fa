"""`tracer seeds scan`: addresses, txids and keys in text dumps."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import Advance, App, case_options, json_option, json_text
from cli.seeds_list import Row, as_csv, as_of, written
from cli.seeds_text import render
from tracer.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from adapters.wallets.scan import Find, Met, Scan
    from adapters.wallets.tokens import Address
    from tracer.chain import AddressKey


@click.command("scan")
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--chain", "chain_name", metavar="NAME", help="Only addresses of this chain.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write a list of seeds here; needs --chain.",
)
@case_options
@json_option
@click.pass_obj
def scan(
    app: App,
    files: tuple[str, ...],
    *,
    chain_name: str | None,
    out: Path | None,
    case_id: str,
    purpose: str,
    as_json: bool,
) -> None:
    """Find addresses and txids in the text of FILEs: a phone's extraction, a chat log; `-` reads stdin.

    Of every chain whose addresses have a checksum, with the places, how often, and whether the ledger has seen them.
    An address may be valid on several chains. Private keys and recovery words are counted by kind and place and never
    shown; neither are 64-digit texts that no ledger knows as a txid, for a private key looks the same.
    """
    from adapters.wallets.scan import Scan

    if not files:
        raise UsageError("name at least one file, or - for stdin.")
    chain = compose.claims_chain(chain_name) if chain_name else None
    if out is not None and chain is None:
        raise UsageError("a list of seeds is of one chain.", hint="Name it with --chain.")
    with compose.case_question(app, "seeds scan", (), case_id, purpose) as log:
        found, hashes = Scan(), _Hashes(app)
        for name in files:
            with _opened(name) as (file, shown, size), app.progress(f"reading {shown}") as advance:
                found.read(file, shown, hashes.take, partial(_told, advance, size))
        for read in found.files:
            log.read(f"file sha256:{read.sha256}")
        document = _document(app, found, hashes, chain, out)
        for tip in document["as_of"]:
            log.read(f"{tip['chain']}:{tip['block_hash']}")
        log.answered(json_text(document).encode())
    app.emit(document, as_json, lambda shown: render(app.console(), shown))


def _told(advance: Advance, size: int, done: int) -> None:
    advance(done, size)


@contextmanager
def _opened(name: str) -> Iterator[tuple[IO[bytes], str, int]]:
    """(open file, name to show, bytes or 0). No device and no pipe, which may have no end; stdin is the user's own."""
    from adapters.intel.readers import shown

    if name == "-":
        yield sys.stdin.buffer, "stdin", 0
        return
    path = Path(name)
    try:
        if not path.is_file():
            problem = (
                "is a folder" if path.is_dir() else "is no plain file" if path.exists() else "is not there"
            )
            raise SourceUnavailable(f"{shown(path)} {problem}.", hint="Name files, or - for stdin.")
        with path.open("rb") as file:
            yield file, shown(Path(path.name)), path.stat().st_size
    except OSError as error:
        raise SourceUnavailable(f"cannot read {shown(path)}: {error.strerror}.") from error


class _Hashes:
    """64-digit texts: the ones a ledger knows as txids, and how many and where it does not.

    known    (chain, txid as its people write it) -> where
    unknown  where the others stand; their texts are not kept
    """

    def __init__(self, app: App) -> None:
        from adapters.wallets.scan import Find

        self._app, self._find = app, Find
        self.chains = compose.chains_read(app)
        self.known: dict[tuple[str, str], Find] = {}
        self.unknown = Find()

    def take(self, met: list[Met]) -> None:
        """Look these up."""
        from tracer.ledger.known import known_txids

        texts = list(dict.fromkeys(one.digits for one in met))
        on: dict[str, list[tuple[str, str]]] = {}
        for name in self.chains if texts else ():
            with compose.open_ledger(self._app, name) as ledger:
                raw = [ledger.chain.hash_bytes(text) for text in texts]
                for text, one, known in zip(texts, raw, known_txids(ledger, raw), strict=True):
                    if known:
                        on.setdefault(text, []).append((name, ledger.chain.hash_text(one)))
        for digits, place in met:
            for key in on.get(digits, ()):
                self.known.setdefault(key, self._find()).add(place)
            if digits not in on:
                self.unknown.add(place)


def _document(app: App, found: Scan, hashes: _Hashes, chain: str | None, out: Path | None) -> dict[str, Any]:
    seen, tips = _seen(app, found.addresses, hashes.chains)
    wanted = [(address, find) for address, find in found.addresses.items() if _of(address, chain)]
    rows = _rows(wanted, chain) if chain else []
    return {
        "schema": "tracer.scan/1",
        "as_of": tips,
        "chain": chain,
        "files": [
            {
                "file": read.file,
                "bytes": read.size,
                "sha256": f"sha256:{read.sha256}",
                "encoding": read.encoding,
            }
            for read in found.files
        ],
        "addresses": [_row(*one, seen) for one in wanted if one[0].checked],
        "unchecked": [_row(*one, seen) for one in wanted if not one[0].checked],
        "other_addresses": len(found.addresses) - len(wanted),
        "transactions": [
            {"chain": on, "txid": txid, **_where(find)} for (on, txid), find in hashes.known.items()
        ],
        "unverified": _where(hashes.unknown),
        "extended_keys": [
            {"key": key, "prefix": prefix, **_where(find)} for key, (prefix, find) in found.keys.items()
        ],
        "secrets": [{"kind": kind, **_where(find)} for kind, find in sorted(found.secrets.items())],
        "file": written(as_csv(rows), len(rows), out) if out else None,
    }


def _seen(
    app: App, found: Iterable[Address], chains: Sequence[str]
) -> tuple[dict[Address, list[tuple[str, str, bool | None]]], list[dict[str, Any]]]:
    """Of each address: (chain, canonical text, whether its ledger has seen it), and the tips of the ledgers.

    Not seen is only said where blocks were read whole; else it is None, not known.
    """
    from adapters.addresses.registry import named
    from tracer.ledger.coverage import coverage
    from tracer.ledger.known import known_addresses

    evm = [name for name in chains if named(name).family == "evm"]
    on: dict[Address, dict[str, tuple[str, AddressKey]]] = {}
    for address in found:
        forms = {name: (text, key) for name, text, key in address.on}
        if "ethereum" in forms:  # stands for every EVM chain
            forms |= dict.fromkeys(evm, forms["ethereum"])
        on[address] = forms
    told: dict[tuple[str, Address], bool | None] = {}
    tips = []
    for name in chains:
        here = [address for address, forms in on.items() if name in forms]
        with compose.open_ledger(app, name) as ledger:
            tips += [tip] if (tip := as_of(ledger)) else []
            known = known_addresses(ledger, [on[address][name][1] for address in here])
            whole = bool(coverage(ledger).ranges)
        told |= {
            (name, address): one or (False if whole else None)
            for address, one in zip(here, known, strict=True)
        }
    rows = {
        address: [(name, text, told.get((name, address))) for name, (text, _) in forms.items()]
        for address, forms in on.items()
    }
    return rows, tips


def _of(address: Address, chain: str | None) -> bool:
    return chain is None or _form(address, chain) is not None


def _form(address: Address, chain: str) -> str | None:
    """The canonical text of an address on one chain; None where it is none there."""
    from adapters.addresses.registry import named

    for name, text, _ in address.on:
        if name == chain or (name == "ethereum" and named(chain).family == "evm"):
            return text
    return None


def _rows(wanted: Iterable[tuple[Address, Find]], chain: str) -> list[Row]:
    rows: dict[str, Row] = {}
    for address, find in wanted:
        if text := _form(address, chain):
            place = find.places[0]
            reference = f"line {place.line} byte {place.offset}, {find.count} times"
            rows.setdefault(text, Row(chain, text, "", "", "", place.file, reference))
    return list(rows.values())


def _row(
    address: Address, find: Find, seen: Mapping[Address, Sequence[tuple[str, str, bool | None]]]
) -> dict[str, Any]:
    return {
        "address": address.on[0][1],
        "chains": [{"chain": name, "address": text, "seen": one} for name, text, one in seen[address]],
        **_where(find),
    }


def _where(find: Find) -> dict[str, Any]:
    return {
        "count": find.count,
        "places": [{"file": place.file, "line": place.line, "offset": place.offset} for place in find.places],
    }
