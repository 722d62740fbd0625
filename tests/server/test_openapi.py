"""The server as its own OpenAPI document has it, found out by schemathesis."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from fakes.servers import TOKEN, Served, eventually, items
from fakes.workers import TESTS

# not positive_data_acceptance: which parts a form must have follows from meta, which no schema can say; and not
# negative_data_rejection: the server ignores unknown fields and is liberal in what it accepts
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)


def test_schemathesis(tmp_path):
    """No request that the document allows or forbids gets a 500, or an answer that the document does not know."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(f'[auth.openapi.token]\napi_key = "{TOKEN}"\n')
    with Served(tmp_path, engine="picky.Content") as server:
        before = server.rss()
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "--config-file",
                config,
                "run",
                f"{server.url}/openapi.json",
                "--checks",
                ",".join(CHECKS),
                "--max-examples",
                "80",
                "--continue-on-failure",
                "--no-color",
                "--generation-deterministic",
                "--suppress-health-check",
                "all",
            ],
            env={**os.environ, "SCHEMATHESIS_HOOKS": "fakes.schema_hooks", "PYTHONPATH": str(TESTS)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=250,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        figures = server.client.get("/metrics").text
        assert 'resilver_requests_total{status="5' not in figures
        assert server.gauge('resilver_requests_total{status="200"}') > 30, figures
        assert "resilver_pictures_total" in figures
        assert items(server.post())[0]["status"] == 0
        eventually(lambda: not server.leftovers() and server.gauge("resilver_room_pictures") == 0)
        assert server.rss() - before < 30 << 20
        assert "Traceback" not in server.log.read_text()


def test_the_page_for_people(tmp_path):
    """The page names every path, works without scripts and fetches nothing from elsewhere."""
    with Served(tmp_path) as server:
        page = server.client.get("/docs").text
        for path in server.client.get("/openapi.json").json()["paths"]:
            assert path in page
        for foreign in ("<script", "http://", "https://"):
            assert foreign not in page
