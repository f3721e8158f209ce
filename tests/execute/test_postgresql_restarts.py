"""An evaluation goes on through restarts of its database's server, and every result is there once."""

from __future__ import annotations

from pathlib import Path

import pytest

from postgres_server import PostgresServer
from restarted_suite import evaluate_through_restarts

CASES = 120
RESTARTS = 2


def test_a_suite_whose_server_is_restarted_loses_no_result(
    postgres_server: PostgresServer, postgres_url: str, tmp_path: Path
) -> None:
    if postgres_server.cluster is None:
        pytest.skip("the server of PROMPTLAB_TEST_POSTGRES is not restarted; unset it, and the tests start their own")
    suite = evaluate_through_restarts(postgres_server, postgres_url, tmp_path, cases=CASES, restarts=RESTARTS)
    assert suite.losses(cases=CASES) == []
    assert suite.restarts == RESTARTS
    assert suite.calls == {"made": CASES, "cached": 0, "failed": 0, "lost": 0}
