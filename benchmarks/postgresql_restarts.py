"""Whether an evaluation loses a result when its PostgreSQL is restarted again and again, each time as by a crash.

    python benchmarks/postgresql_restarts.py                            # 2,000 calls, 10 restarts: under a minute
    python benchmarks/postgresql_restarts.py --cells 200 --restarts 3   # a quick look

`promptlab eval` of a fake model of 0.02 s a call; `pg_ctl -m immediate restart` spread over it. What is checked is
read from the database. Without PostgreSQL's programs it says so and measures nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from support.workspace import Promises

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from postgres_server import NoServerError, running_server
from restarted_suite import evaluate_through_restarts


def main() -> None:
    """Print what was lost."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cells", type=int, default=2000, help="calls, one a cell")
    parser.add_argument("--restarts", type=int, default=10)
    arguments = parser.parse_args()
    cells, restarts = arguments.cells, arguments.restarts
    promises = Promises()
    try:
        with running_server() as server, server.database() as url, tempfile.TemporaryDirectory() as folder:
            suite = evaluate_through_restarts(server, url, Path(folder), cases=cells, restarts=restarts)
    except NoServerError as error:
        print(f"  PostgreSQL was not measured: {error}")
        return
    losses = suite.losses(cases=cells)
    promises.check(f"restarts while it ran: {suite.restarts} of {restarts}", holds=suite.restarts == restarts)
    promises.check(
        f"{len(suite.outputs):,} outputs and {suite.attempts:,} attempts for {cells:,} cases in {suite.seconds:.1f} s"
        + "".join(f"\n          {line}" for line in losses),
        holds=not losses,
    )
    promises.check(f"calls: {dict(suite.calls)}", holds=suite.calls.get("made") == cells)
    promises.end(
        f"postgresql_restarts: {suite.restarts} restarts, {cells - len(suite.outputs):,} of {cells:,} results lost; "
        "target: 0 lost"
    )


if __name__ == "__main__":
    main()
