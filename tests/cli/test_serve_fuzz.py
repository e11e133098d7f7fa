"""The OpenAPI document is kept to, whatever is asked: schemathesis makes requests of it, good ones and bad ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.serving import CHAIN, TOKEN, addresses, made, serving
from tests.conftest import SEED, scaled


def test_fuzzed_requests_get_no_500_and_answers_that_conform(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = made(tmp_path)
    known = addresses(workspace)[0]
    with serving(workspace, "--rate", "0") as running:
        running.screen({"subject": {"address": known, "chain": CHAIN}})
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("st")), "run", f"{running.url}/openapi.json",
                "--header", f"Authorization: Bearer {TOKEN}", "--max-examples", str(scaled(12, full=200)),
                "--seed", str(SEED), "--checks", "all", "--no-color",
                # a subject is a text to the schema: most texts name nothing that can be screened, and 422 says so
                "--exclude-checks", "positive_data_acceptance",
            ],
            capture_output=True, text=True, check=False, cwd=tmp_path, timeout=560,
            env={**os.environ, "PYTHONWARNINGS": "default"},
        )  # fmt: skip
        with capsys.disabled():
            sys.stdout.write("\n" + done.stdout[-400:])
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        assert 'status="500"' not in running.client.get("/metrics").text
        assert running.stop() == 0
