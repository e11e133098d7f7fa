"""`tracer`: one verb per file, loaded only when called, every error one clear line."""

from __future__ import annotations

import errno
import importlib
import os
import re
import sys
import tempfile
from pathlib import Path

import click

from cli.app import App, drop_output
from tracer.errors import StoreUnwritable, TracerError, UsageError
from tracer.intel.claims import clean
from tracer.workspace import Workspace

VERBS: dict[str, str] = {
    "demo": "Build a simulated case, trace it, print the cash-out tables.",
    "sync": "Pull blocks of a chain into the ledger; resumes; rolls reorgs back.",
    "import": "Load what bitcoin-etl, ethereum-etl or cryo exported.",
    "export": "Write a chain's facts in bitcoin-etl's or ethereum-etl's format.",
    "seeds": "List the addresses of a seized wallet, or those in a text dump.",
    "trace": "Follow money from seeds to where it was cashed out.",
    "paths": "Show how money can have gone from one place to another, or to services.",
    "request": "Write the letters to the services a trace reached.",
    "screen": "Judge addresses, transfers and withdrawals by a policy.",
    "cluster": "Build and show clusters of addresses that share an owner.",
    "tags": "Import, list, add and withdraw claims about addresses.",
    "vasps": "Import and list services with their KYC level.",
    "legs": "Add and list off-chain links that a service's reply states.",
    "prices": "Import and show daily prices.",
    "watch": "Watch addresses, clusters and labels: alerts for what they do in new blocks.",
    "alerts": "List, show and work on alerts; send them again.",
    "channels": "Show and test where alerts go.",
    "screenings": "List, decide, screen again, export and purge what was screened.",
    "policy": "Show, check, test, explain and backtest screening policies.",
    "case": "Show and verify the custody log.",
    "serve": "Serve screening over HTTP; sync and watch in the same process.",
    "status": "What this workspace holds, and what it does not.",
    "doctor": "Health of workspace and node; balances beside a node's; what a whole chain would take.",
}
"""Verb -> help line, in the order `--help` shows. Each verb is `cli/<verb>.py` with a `command`."""
_MODULES = {"import": "import_data"}
"""Verbs that are no names in Python."""


class _Verbs(click.Group):
    """Knows every verb by name and imports one only when it runs, so that `--help` stays fast."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse private keys and recovery words before any verb can log, keep or repeat them."""
        from adapters.wallets.secrets import refuse

        if not ctx.resilient_parsing:  # a shell completing a line
            refuse(args)
        return super().parse_args(ctx, args)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"cli.{_MODULES.get(cmd_name, cmd_name)}").command
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.command(
    cls=_Verbs, context_settings={"auto_envvar_prefix": "TRACER", "help_option_names": ["-h", "--help"]}
)
@click.option("--workspace", type=click.Path(path_type=Path), help="Folder of stores, claims, state.")
@click.option("--memory", metavar="SIZE", help="Memory limit of the store, e.g. 4GB.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Threads of the store.")
@click.option("--quiet", "-q", is_flag=True, help="Only results and warnings.")
@click.version_option(package_name="tracer")
@click.pass_context
def tracer(
    ctx: click.Context, workspace: Path | None, memory: str | None, threads: int | None, quiet: bool
) -> None:
    """Follow cryptocurrency from crime to cash-out: exact, explained, reproducible."""
    if memory is not None and not re.fullmatch(r"\d+(\.\d+)? ?([KMGT]i?)?B", memory, re.IGNORECASE):
        raise UsageError(f"--memory {memory!r} is no size.", hint="Write it like 4GB or 500MB.")
    ctx.obj = App(Workspace.locate(workspace), quiet=quiet, memory=memory, threads=threads)
    _give_kernels_a_cache(ctx.obj.workspace)


def _give_kernels_a_cache(workspace: Workspace) -> None:
    """Compiled kernels are kept beside the source, where numba looks first; else where we can write.

    numba raises at import when it can keep them nowhere.
    """
    if os.access(Path(__file__).parent, os.W_OK):
        return
    writable = workspace.root if workspace.root.exists() else workspace.root.parent
    folder = (
        workspace.cache / "numba"
        if os.access(writable, os.W_OK)
        else Path(tempfile.gettempdir()) / "tracer-numba"
    )
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))


def main() -> None:
    """Run the command line; errors a user can cause end in one line and their exit code."""
    try:
        # outside standalone mode click returns the code of `ctx.exit(code)` instead of raising it
        if code := tracer.main(standalone_mode=False):
            sys.exit(code)
    except TracerError as error:
        # one line, whatever a path or a label holds
        click.echo(f"error: {clean(str(error))}", err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; what was committed is kept", err=True)
        sys.exit(130)
    except BrokenPipeError:
        drop_output()
        sys.exit(0)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        drop_output()
        click.echo("error: cannot go on: the disk is full.", err=True)
        sys.exit(StoreUnwritable.exit_code)


if __name__ == "__main__":
    main()
