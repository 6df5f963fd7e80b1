"""Where Datadog's clients send to, and how the tests find what was stored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from harness.stand import Stand, eventually, get

PROGRAM = Path(__file__).with_name("program.py")
DEADLINE_S = 180


def receiver(stand: Stand, name: str) -> str:
    """The address of a receiver, `host:port`; its unix socket is another line of the status."""
    receivers = get(f"{stand.weir.url}/api/status")["receivers"]
    addresses = [one["address"] for one in receivers if one["name"] == name and one["state"] == "listening"]
    return next(address for address in addresses if not address.startswith("unix:")).removeprefix("udp://")


def run(stand: Stand, *what: str, **settings: str) -> dict:
    """Runs the program with these settings and returns what it saw."""
    agent = f"http://{receiver(stand, 'datadog')}"
    environment = {
        **os.environ,
        "SIMULATOR_URL": stand.simulator_url,
        "DD_TRACE_AGENT_URL": agent,
        "DD_SERVICE": "checkout",
        "DD_ENV": "staging",
        **{name: value.format(agent=agent) for name, value in settings.items()},
    }
    child = subprocess.run(
        [sys.executable, str(PROGRAM), *what], env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert child.returncode == 0, child.stderr[-4000:]
    return json.loads(child.stdout.strip().splitlines()[-1])


def span(stand: Stand, name: dict) -> dict:
    """The span of these ids, as soon as it is stored."""
    row = stand.weir.span(name["span_id"])
    assert row["trace_id"] == name["trace_id"]
    return row


def within(stand: Stand, name: dict, where: str, count: int) -> list[dict]:
    """The spans of the same trace that fit, as soon as there are this many, in the order of their starts."""
    statement = f"SELECT * FROM spans WHERE trace_id = '{name['trace_id']}' AND {where} ORDER BY start_time"

    def find():
        rows = stand.weir.sql(statement)
        assert len(rows) <= count, [row["name"] for row in rows]
        return rows if len(rows) == count else None

    return eventually(f"{count} spans of trace {name['trace_id']} where {where}", find)


def content(row: dict, column: str):
    """A column of JSON text."""
    return json.loads(row[column]) if row[column] is not None else None
