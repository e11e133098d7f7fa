"""One turn of a watcher as a process of its own, to be killed: says `ready` before it begins and `done` after it."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.scenarios.watched import Town


def main() -> None:
    """Run one turn in a town that is there: its folder, and what time it is."""
    folder, now = sys.argv[1:]
    town = Town(Path(folder))
    town.now = float(now)
    town.runner = town.started(channels=("a", "b"))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    town.run()
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
