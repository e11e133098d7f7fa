"""`tracer watch add`: begin to watch, one or a hundred thousand. New watches begin at the tip."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import compose
from cli.app import App, json_option
from cli.trace_answer import many
from cli.watch_options import age, expiry, settings_of, watch_options
from tracer.errors import SourceUnavailable, UsageError

if TYPE_CHECKING:
    from adapters.chains import AnyChain
    from tracer.watching.model import Block, Settings, Watch

DEFAULT_CHAIN = "bitcoin"


@click.command("add")
@click.argument("subjects", metavar="[SUBJECT]...", nargs=-1)
@click.option(
    "--file", "file", type=click.Path(path_type=Path), metavar="CSV",
    help="A list: columns subject (or address), and chain, label, tags, case, owner, basis, expires where they differ.",
)  # fmt: skip
@watch_options
@click.option(
    "--channel", "channels", multiple=True, metavar="NAME", help="Where alerts go; may be repeated."
)
@click.option(
    "--cooldown", default="0s", metavar="TIME", help="Hold others back so long after a notification, e.g. 1h."
)
@click.option("--label", default="", metavar="TEXT", help="What alerts call it.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A word of yours; may be repeated.")
@click.option("--case", "case_id", default="", metavar="ID", help="The case it belongs to.")
@click.option("--basis", default="", metavar="TEXT", help="Why it may be watched: warrant, consent, ...")
@click.option("--owner", default="", metavar="NAME", help="Who answers for it.")
@click.option("--tlp", default="", metavar="COLOUR", help="red, amber+strict, amber, green or clear.")
@click.option(
    "--expires",
    default="",
    metavar="DATE|TIME",
    help="When it stops and purges itself: 2027-01-31, or 90d from now.",
)
@json_option
@click.pass_obj
def add(
    app: App,
    /,
    subjects: tuple[str, ...],
    file: Path | None,
    chain_name: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Watch SUBJECTs: ADDRESS, cluster:ADDRESS or tag:LABEL.

    Blocks above today's tip count. The same watch added again is one watch: it gets the new label, channels and expiry.
    """
    if not subjects and file is None:
        raise UsageError(
            "nothing to watch.", hint="Give an address, cluster:ADDRESS, tag:LABEL, or --file CSV."
        )
    case_id = asked["case_id"]
    compose.words(
        *subjects, *(v for v in asked.values() if isinstance(v, str)), *asked["channels"], *asked["tags"]
    )
    with compose.case_question(app, "watch add", (), case_id, asked["basis"]) as log:
        _channels(app, asked["channels"])
        asked["tlp"] = compose.marking(asked["tlp"], case_id) if asked["tlp"] or case_id else ""
        asked["expires"] = expiry(asked["expires"])
        asked["cooldown"] = age(asked["cooldown"], "--cooldown")
        watches = _made(app, subjects, file, chain_name, asked)
        document = _keep(app, watches)
        log.answered(document["first_id"].encode())
    app.emit(document, as_json, _render)


def made(app: App, chain: AnyChain, subjects: Sequence[str], asked: dict[str, Any]) -> list[Watch]:
    """Watches of one chain from options; each subject once."""
    types, settings = settings_of(app, chain, asked)
    return list(
        {w.watch_id: w for w in (_one(chain, text, types, settings, asked) for text in subjects)}.values()
    )


def _made(
    app: App, subjects: tuple[str, ...], file: Path | None, chain_name: str | None, asked: dict[str, Any]
) -> list[Watch]:
    chain = compose.chain(chain_name or chain_in(subjects) or DEFAULT_CHAIN)
    found = {w.watch_id: w for w in made(app, chain, subjects, dict(asked))}
    if file is not None:
        found |= {w.watch_id: w for w in _listed(app, file, chain, asked)}
    return list(found.values())


def _listed(app: App, file: Path, default: AnyChain, asked: dict[str, Any]) -> list[Watch]:
    """The watches of a list; `DataError` names the rows that cannot be used."""
    from tracer.watching.reading import bad_rows, rows

    try:
        data = file.read_bytes()
    except OSError as error:
        raise SourceUnavailable(f"cannot read {file}: {error.strerror}.") from error
    known: dict[str, tuple[AnyChain, tuple[str, ...], Settings]] = {}
    found, bad = [], list[tuple[int, str]]()
    for row in rows(data, str(file)):
        cells = row.cells
        try:
            name = cells.get("chain") or default.name
            if name not in known:
                chain = compose.chain(name)
                known[name] = (chain, *settings_of(app, chain, dict(asked)))
            chain, types, settings = known[name]
            case_id = cells.get("case") or asked["case_id"]
            own = asked | {
                "label": cells.get("label") or asked["label"],
                "tags": (*asked["tags"], *cells.get("tags", "").split()),
                "case_id": case_id,
                "owner": cells.get("owner") or asked["owner"],
                "basis": cells.get("basis") or asked["basis"],
                "expires": expiry(cells["expires"]) if cells.get("expires") else asked["expires"],
                "tlp": asked["tlp"] or (compose.marking("", case_id) if case_id else ""),
            }
            found.append(_one(chain, cells.get("subject", ""), types, settings, own))
        except UsageError as error:
            bad.append((row.line, error.problem))
    if bad:
        raise bad_rows(str(file), bad)
    return found


def _one(
    chain: AnyChain, text: str, types: tuple[str, ...], settings: Settings, asked: dict[str, Any]
) -> Watch:
    from tracer.intel.claims import clean
    from tracer.watching.model import Watch, utc, watch_id
    from tracer.watching.reading import subject

    kind, canonical, key = subject(text, chain)
    return Watch(
        watch_id(chain.name, kind, canonical, types, settings, asked["case_id"]), chain.name, kind, canonical, key,
        types, settings, clean(asked["label"]), tuple(map(clean, asked["tags"])), tuple(asked["channels"]),
        clean(asked["case_id"]), clean(asked["basis"]), clean(asked["owner"]), asked["tlp"], utc(time.time()),
        asked["expires"],
    )  # fmt: skip


def _keep(app: App, watches: Sequence[Watch]) -> dict[str, Any]:
    """Put them in, above today's tip of their chains."""
    from tracer.state import State
    from tracer.watching import cursor, store

    tips: dict[str, list[Block]] = {}
    for name in {watch.chain for watch in watches}:
        tips[name] = []
        if app.workspace.chain_file(name).exists():
            with compose.open_ledger(app, name) as ledger:
                tips[name] = cursor.newest(ledger)
    snapshot = compose.claims(app).id
    with State.open(app.workspace) as state:
        begun = [
            replace(w, start_height=blocks[-1].height if (blocks := tips[w.chain]) else None) for w in watches
        ]
        with (
            state.transaction()
        ):  # before the watches: no block after their start is without a cursor below it
            for name, blocks in tips.items():
                if blocks and cursor.cursor(state, name) is None:
                    cursor.advance(state, name, blocks, snapshot=snapshot, now=time.time())
        new = store.put(state, begun)
    return {
        "schema": "tracer.watch_added/1",
        "watches": len(watches),
        "added": new,
        "unchanged": len(watches) - new,
        "first_id": watches[0].watch_id,
        "ids": [watch.watch_id for watch in watches] if len(watches) <= 1_000 else None,
    }


def _channels(app: App, names: Sequence[str]) -> None:
    from cli.channels import known

    there = known(app)
    for name in names:
        if there is None or name not in there:
            named = ", ".join(sorted(there)) if there else "none: write channels.toml into the workspace"
            raise UsageError(f"no channel {name!r}.", hint=f"There is {named}.")


def chain_in(subjects: Sequence[str]) -> str | None:
    """The chain that a subject names in front."""
    names = {text.partition(":")[0].strip().lower() for text in subjects if ":" in text}
    named = sorted(name for name in names if compose.is_chain(name))
    if len(named) > 1:
        raise UsageError(
            f"two chains at once: {' and '.join(named)}.", hint="Add those of one chain at a time."
        )
    return named[0] if named else None


def _render(document: dict[str, Any]) -> None:
    click.echo(f"{many(document['added'], 'watch', 'es')} added, {document['unchanged']:,} there before")
    if document["watches"] == 1:
        click.echo(document["first_id"])
