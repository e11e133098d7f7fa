"""The only place where adapters, rules and the engine meet."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli import sources
from cli.app import App
from tracer.errors import ReorgedAway, UsageError

if TYPE_CHECKING:
    import polars as pl

    from adapters.chains import AnyChain
    from adapters.intel.build import Options
    from cli.app import Advance
    from cli.sources import Source
    from tracer.chain import AddressKey
    from tracer.clustering.rules import Tier
    from tracer.evidence.custody import Question
    from tracer.intel.claims import ClaimKind
    from tracer.intel.reading import Reading
    from tracer.intel.snapshot import Snapshot
    from tracer.ledger.store import Ledger

SOURCES = sources.SOURCES
shown_source, check_source = sources.shown, sources.check


def chain(name: str) -> AnyChain:
    """The entry of a chain by short name or CAIP-2 id."""
    from adapters.chains import chain_named

    return chain_named(name)


def chain_names() -> list[str]:
    """Short names of all chains that can be read, in their order."""
    from adapters.chains import names

    return names()


def is_chain(name: str) -> bool:
    """Whether this is the short name of a chain."""
    from adapters.chains import find

    found = find(name)
    return found is not None and found.name == name


def parse_address(chain_name: str, text: str) -> tuple[str, AddressKey]:
    """Canonical text and key of an address; `BadAddress` says why not, `UsageError` names the chains."""
    from adapters.addresses.registry import parse

    return parse(chain_name, text)


def words(*texts: str | None) -> None:
    """Refuse what the command line gives as bytes that are no text: no name or label can be so."""
    for text in texts:
        try:
            (text or "").encode()
        except UnicodeEncodeError as error:
            shown = (text or "").encode("utf-8", "backslashreplace").decode()
            raise UsageError(f"{shown!r} is no text.", hint="Write it in UTF-8.") from error


def claims_chain(name: str) -> str:
    """The chain claims write so: by short name or CAIP-2 id; `UsageError` offers the nearest."""
    from adapters.addresses.registry import named

    return named(name).name


def chains_of(address: str, chain_name: str | None, tags: pl.DataFrame) -> list[str]:
    """The chains on which a text is an address: the one named, else all on which its checksum says so.

    A chain without checksums counts only where a tag names that very address: a mistyped address of another
    chain must be refused, not be found unknown. Raises `BadAddress` where it is none.
    """
    from adapters.addresses.registry import CHAINS
    from tracer.errors import BadAddress

    if chain_name is not None:
        parse_address(chain_name, address)
        return [chain_name]
    words(address)
    tagged = set(tags.filter(tags["address"] == address.strip())["chain"].to_list())
    found = []
    for name, entry in sorted(CHAINS.items()):
        if entry.check == "checksum" or name in tagged:
            try:
                parse_address(name, address)
            except BadAddress:
                continue
            found.append(name)
    if not found:
        text = address.strip()
        likely = "ethereum" if text.startswith("0x") else "tron" if text[:1] == "T" else "bitcoin"
        try:
            parse_address(likely, text)
        except BadAddress as error:
            raise BadAddress(
                error.problem, hint="Name its chain with --chain if it is of another."
            ) from error
    return found


def reading_options(
    *, list_name: str = "", published: str = "", defaults: Mapping[str, str] | None = None
) -> Options:
    """What claim files are read with."""
    from adapters.addresses.registry import chain_of_ticker
    from adapters.intel.build import Options
    from cli.importing import publication, today

    return Options(parse_address, chain_of_ticker, today(), list_name, publication(published), defaults or {})


def read_claims(path: Path, wanted: tuple[ClaimKind, ...], advance: Advance, **options: Any) -> Reading:
    """Read one claim file; see `reading_options`."""
    from adapters.intel.readers import read

    return read(path, wanted, reading_options(**options), advance)


def claim_of(kind: ClaimKind, row: dict[str, str]) -> Reading:
    """One claim made by hand, checked as an imported row is; `BadClaim` or `UsageError` says what is wrong."""
    from adapters.intel.byhand import claim
    from tracer.intel.reading import Reading

    return Reading.of(kind, [claim(kind, row, reading_options())])


def marking(tlp: str, case_id: str) -> str:
    """The marking of a claim made by hand; what belongs to a case and is unmarked counts as AMBER+STRICT."""
    from tracer.intel.claims import TLPS, marked

    if not tlp:
        return marked("", case_id)
    name = f"TLP:{tlp.upper().removeprefix('TLP:')}"
    if name not in TLPS:
        raise UsageError(f"unknown marking {tlp!r}.", hint=f"One of {', '.join(TLPS)}.")
    return name


def chains_read(app: App) -> list[str]:
    """Names of the chains this workspace has facts of."""
    return sorted(p.stem for p in app.workspace.chains.glob("*.duckdb") if is_chain(p.stem))


def open_ledger(app: App, chain_name: str, *, read_only: bool = True, at: str | None = None) -> Ledger:
    """Open the facts of one chain with the settings of this run; `at`: as they were at a block (height or hash)."""
    from tracer.ledger.asof import as_of, height_of
    from tracer.ledger.store import Ledger

    if not read_only:
        app.workspace.ready()
    _through_the_owner()
    ledger = Ledger.open(
        app.workspace, chain(chain_name), read_only=read_only, memory=app.memory, threads=app.threads
    )
    if at is not None:
        try:
            as_of(ledger, height_of(ledger, at))
        except BaseException:
            ledger.db.close()
            raise
    return ledger


@cache
def _through_the_owner() -> None:
    """Ask stores that `tracer serve` owns through its socket, from now on."""
    from adapters.owner.visitor import Socket
    from tracer import owners
    from tracer.evidence.custody import engine_version

    owners.through(Socket(engine_version()))


def claims(app: App, snapshot_id: str | None = None) -> Snapshot:
    """The claims as they stand, or as of a snapshot."""
    from tracer.intel.snapshot import Snapshot

    return Snapshot.open(app.workspace, snapshot_id)


def source(app: App, chain_name: str, text: str, *, confirmations: int | None = None) -> Source:
    """Open what `--source` names. `confirmations`: as `--confirmations` says; of nodes only."""
    return sources.opened(app, chain(chain_name), text, confirmations)


def rules() -> str:
    """Digest of all rules an answer may lean on: `sha256:...`."""
    from rules import digest

    return digest()


def links_ready(
    app: App, chain_name: str, snapshot: Snapshot, *, tier: str = "conservative", anew: bool = False
) -> str:
    """Bring clusters and mixers to the tip, by these claims: by the new blocks alone where that is enough.

    `anew`: rebuild them whatever stands there. -> the digest of the claims that bind them.
    """
    from rules import clustering
    from tracer.clustering import constraints
    from tracer.clustering.rules import Tier

    with open_ledger(app, chain_name) as ledger:
        bound = None if anew else _bound(ledger, snapshot, Tier(tier))
    if bound is not None:
        return bound
    from tracer.clustering import build as builder  # numba: only where something is built
    from tracer.clustering import overlay

    rules = clustering()
    app.say(f"bringing the clusters of {chain_name} up to date")
    builder.warm(chain(chain_name))
    with app.progress("clusters") as advance, open_ledger(app, chain_name, read_only=False) as ledger:
        bounds = constraints.load(ledger, snapshot)
        (builder.build if anew else builder.update)(ledger, rules, bounds, progress=advance)
        if Tier(tier) is Tier.EXTENDED:
            overlay.build(ledger, rules, bounds, progress=advance)
    return bounds.digest


def _bound(ledger: Ledger, snapshot: Snapshot, tier: Tier) -> str | None:
    """The digest of the claims that bind the clusters of a tier, where they stand at the tip, made by these claims."""
    from tracer.clustering import constraints, state

    found = state.current(ledger, tier)
    if found is None or not found.at_tip:
        return None
    same = found.recorded.snapshot == constraints.identity(snapshot)
    bound = found.recorded.claims if same else constraints.load(ledger, snapshot).digest
    return bound if found.made_from(rules(), bound) else None


@contextmanager
def linked(
    app: App,
    chain_name: str,
    snapshot: Snapshot,
    tier: str = "conservative",
    *,
    anew: bool = False,
    at: str | None = None,
) -> Iterator[Ledger]:
    """The ledger, open for reading, with clusters of this tier that these claims and rules made, at the tip.

    `at`: all as it was when this block (height or hash) was the tip. Another process may write between the building
    and the reading. Where it brought blocks, the ledger is shown as it was at the block to which clusters go. Where it
    rebuilt the clusters by other claims they are built again, three times at most; `ReorgedAway` says so. The extended
    tier is not kept for readers that let others write (`tracer.ledger.pin`): they do not, so read it in a moment.
    """
    from tracer.clustering import state
    from tracer.clustering.rules import Tier
    from tracer.ledger.asof import as_of

    if at is not None:
        from cli.asof import is_tip, link

        if is_tip(app, chain_name, at):
            links_ready(app, chain_name, snapshot, tier=tier)
        with open_ledger(app, chain_name, at=at) as ledger:
            link(app, ledger, snapshot, Tier(tier))
            yield ledger
        return
    for attempt in range(1 if anew else 0, 4):
        if attempt:
            links_ready(app, chain_name, snapshot, tier=tier, anew=anew)
        with open_ledger(app, chain_name) as ledger:
            found = state.current(ledger, Tier(tier)) if attempt else None
            if found is not None and found.valid:
                as_of(ledger, found.height)
            if _bound(ledger, snapshot, Tier(tier)) is not None:
                with ledger.db.staying() if Tier(tier) is Tier.EXTENDED else nullcontext():
                    yield ledger
                return
    raise ReorgedAway(
        f"the clusters of {chain_name} are being rebuilt by somebody else, by other claims.",
        hint="Ask again when that is done.",
    )


def case_question(app: App, verb: str, arguments: Sequence[str], case_id: str, purpose: str) -> Question:
    """A question the custody log will hold, however it ends."""
    from tracer.evidence.custody import Question

    return Question(
        app.workspace, verb=verb, arguments=list(arguments) or sys.argv[1:], case_id=case_id, purpose=purpose
    )


def status_of_links(app: App, ledger: Ledger) -> dict[str, Any] | None:
    """The `clusters` part of a chain's status, by tier, or None where none were built."""
    from tracer.clustering import constraints, state
    from tracer.clustering.rules import Tier

    rows = {}
    snapshot = claims(app)
    for tier in (Tier.CONSERVATIVE, Tier.EXTENDED):
        found = state.current(ledger, tier)
        if found is not None:
            same = found.recorded.snapshot == constraints.identity(snapshot)
            bound = found.recorded.claims if same else constraints.load(ledger, snapshot).digest
            rows[found.tier] = {
                "height": found.height,
                "clusters": found.recorded.clusters,
                "non_singleton": found.recorded.non_singleton,
                "largest": found.recorded.largest,
                "refused": found.recorded.refused,
                "alarms": found.recorded.alarms,
                "current": found.at_tip and found.made_from(rules(), bound),
            }
    return rows or None
