"""What the guide says to paste works, as it stands there."""

import os
import re
import subprocess
import sys
import uuid

import pytest
from harness.stand import ROOT, eventually
from stored import DEADLINE_S, receiver

GUIDE = ROOT / "docs" / "guide" / "clients"


def blocks(page):
    """The Python of a page, block by block."""
    return re.findall(r"```python\n(.*?)```", (GUIDE / page).read_text(), re.DOTALL)


def paste(stand, code, **settings):
    host, port = receiver(stand, "dogstatsd").split(":")
    environment = {
        **os.environ,
        "DD_TRACE_AGENT_URL": f"http://{receiver(stand, 'datadog')}",
        "DD_AGENT_HOST": host,
        "DD_DOGSTATSD_PORT": port,
        "OPENAI_BASE_URL": f"{stand.simulator_url}/v1",
        "OPENAI_API_KEY": "sk-test",
        **settings,
    }
    command = [sys.executable, "-c", code]
    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert child.returncode == 0, child.stderr[-4000:]


def test_the_pages_hold_what_is_tested_here():
    assert (len(blocks("datadog.md")), len(blocks("dogstatsd.md"))) == (2, 1)


@pytest.mark.parametrize("block, name, columns", [
    (0, "OpenAI.createChatCompletion", {"app": "shop", "agent": "planner", "session": "s-1"}),
    (1, "llm", {"app": "shop", "provider": "openai"}),
])
def test_the_page_about_ddtrace(stand, block, name, columns):
    service = f"docs-{uuid.uuid4().hex[:8]}"
    paste(stand, blocks("datadog.md")[block], DD_SERVICE=service)
    statement = f"SELECT * FROM spans WHERE service = '{service}' AND name = '{name}'"
    row = eventually(f"span {name}", lambda: stand.weir.sql(statement) or None)[0]
    assert {column: row[column] for column in columns} == columns
    if block == 1:
        scores = f"SELECT * FROM scores WHERE span_id = '{row['span_id']}'"
        assert eventually("the score", lambda: stand.weir.sql(scores) or None)[0]["value"] == 0.8


def test_the_page_about_dogstatsd(stand):
    before = len(stand.weir.sql("SELECT * FROM events WHERE text = 'Average relevance 0.61 below threshold'"))
    paste(stand, blocks("dogstatsd.md")[0])
    statement = "SELECT * FROM events WHERE text = 'Average relevance 0.61 below threshold'"
    eventually("the event", lambda: len(stand.weir.sql(statement)) == before + 1)
    names = {row["name"] for row in stand.weir.sql("SELECT DISTINCT name FROM points")}
    assert {"custom.rag.retrieval_relevance", "custom.llm.injection_risk_score", "custom.llm.cache_hit"} <= names
