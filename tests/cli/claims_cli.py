"""Run the command line in this process, as `main` does, and keep what it said."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from cli.main import tracer
from tracer.errors import TracerError

ARCHIVE = "1Archive1n2C579dMsAu3iC6tWzuQJz8dN"
TAGS = f"""chain,address,label,category,actor,source,lastmod
bitcoin,{ARCHIVE},Internet Archive,donation,archive,https://archive.org/donate,2021-11-12
bitcoin,34xp4vRoCGJym3xR7yCVPFHoCNxv4Twseo,Example Exchange,exchange,ex,register,2022-11-16
"""


@dataclass
class Said:
    """Exit code, results, and everything else of one run."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result as a document."""
        return json.loads(self.out)


class Tracer:
    """The command on one workspace."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def file(self, name: str, text: str) -> str:
        """Write a file to import; returns its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def __call__(self, *arguments: str) -> Said:
        command = ["--workspace", str(self.folder / "w"), *arguments]
        result = CliRunner().invoke(tracer, command, standalone_mode=False)
        if isinstance(result.exception, TracerError):
            return Said(
                result.exception.exit_code, result.stdout, f"{result.stderr}error: {result.exception}\n"
            )
        if result.exception is not None:
            raise result.exception
        return Said(result.return_value or 0, result.stdout, result.stderr)
