"""ddtrace as it comes: in agent mode, with APM tracing off, and without an agent.

The calls go to the provider itself, so that what is stored can only come from ddtrace. Expectations are what the program
said and saw.
"""

import pytest
from harness.stand import eventually
from stored import content, run, span, within

MODES = {
    "agent": ((), {}),
    "apm off": ((), {"DD_APM_TRACING_ENABLED": "false"}),
    "agentless": (("agentless",), {"DD_LLMOBS_OVERRIDE_ORIGIN": "{agent}"}),
}


@pytest.fixture(scope="module", params=MODES)
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def manual(stand, mode):
    what, settings = MODES[mode]
    return run(stand, "manual", *what, **settings)


@pytest.fixture(scope="module")
def integrations(stand, mode):
    what, settings = MODES[mode]
    return run(stand, "integrations", *what, **settings)


def says(row, **expected):
    assert {name: row[name] for name in expected} == expected


COMMON = {
    "source": "datadog",
    "app": "shop",
    "service": "checkout",
    "env": "staging",
    "session": "s-1",
    "client": "ddtrace",
    "status": "ok",
}


def test_a_workflow(stand, manual):
    row = span(stand, manual["workflow"])
    says(row, **COMMON, kind="workflow", name="answer", parent_id=None, team="search", agent=None, input_tokens=None)
    assert (content(row, "input"), content(row, "output")) == ("why?", "so")
    assert content(row, "attributes")["tags"]["tier"] == "gold"
    assert row["duration_us"] > 0


def test_an_agent_and_what_is_within_it(stand, manual):
    agent = span(stand, manual["agent"])
    says(agent, **COMMON, kind="agent", name="planner", agent="planner", parent_id=manual["workflow"]["span_id"])
    tool = span(stand, manual["tool"])
    says(tool, **COMMON, kind="tool", name="lookup", agent="planner", parent_id=manual["agent"]["span_id"])
    assert (content(tool, "input"), content(tool, "output")) == ({"order": 1}, "found")
    assert content(tool, "attributes")["metadata"] == {"attempt": 2}
    task = span(stand, manual["task"])
    says(task, **COMMON, kind="task", name="format", agent=None, parent_id=manual["workflow"]["span_id"])


def test_a_retrieval_with_its_documents(stand, manual):
    row = span(stand, manual["retrieval"])
    says(row, **COMMON, kind="retrieval", name="vector", agent="planner")
    first, second = content(row, "documents")
    assert first == {"text": "a river", "name": "d1", "id": "1", "score": 0.87}
    assert (second["text"], second["score"]) == ("a weir", 0.5)
    assert content(row, "input") == "rivers"


def test_a_call_with_everything_stated(stand, manual):
    row = span(stand, manual["llm"])
    says(
        row,
        **COMMON,
        kind="llm",
        name="generate",
        agent="planner",
        user="u-7",
        provider="custom",
        model="house-model",
        input_tokens=10,
        output_tokens=5,
        cache_read_tokens=4,
        reasoning_tokens=2,
        cost_nano_usd=3_000_000,
        price_version=None,
        tokens_estimated=False,
        ttft_us=250_000,
        finish_reason="stop",
    )
    assert content(row, "input") == [{"role": "user", "content": "日本 🌈"}]
    assert content(row, "output") == [{"role": "assistant", "content": "yes"}]


def test_an_embedding_and_an_error(stand, manual):
    says(span(stand, manual["embedding"]), **COMMON, kind="embedding", model="emb", input_tokens=3, output_tokens=None)
    row = span(stand, manual["broken"])
    says(row, kind="llm", status="error", error_type="builtins.ValueError", error_message="bad thing")
    assert "ValueError: bad thing" in content(row, "attributes")["error_stack"]


def test_evaluations_name_their_span(stand, manual):
    statement = f"SELECT * FROM scores WHERE span_id = '{manual['llm']['span_id']}' ORDER BY name"

    def find():
        rows = stand.weir.sql(statement)
        return rows if len(rows) == 3 else None

    faithfulness, ok, tone = eventually("three scores", find)
    # The judge named a trace of its own numbering; the score has the one that its span is stored under.
    assert {row["trace_id"] for row in (faithfulness, ok, tone)} == {span(stand, manual["llm"])["trace_id"]}
    assert (faithfulness["name"], faithfulness["value"], faithfulness["rationale"]) == ("faithfulness", 0.8, "because")
    assert (ok["name"], ok["value"]) == ("ok", 1.0)
    assert (tone["name"], tone["label"], tone["judge"]) == ("tone", "nice", "ddtrace")


def test_openai(stand, integrations, mode):
    rows = within(stand, integrations["helper"], "kind IN ('llm', 'embedding')", 4)
    chat, tool_call, stream, embedding = rows
    saw = integrations["openai"]
    # What was asked for is on the APM span alone; an event names the model that answered.
    asked_for = "gpt-4o" if mode == "agent" else saw["model"]
    says(chat, kind="llm", provider="openai", model=asked_for, agent="helper", client="openai", finish_reason="stop")
    says(chat, input_tokens=saw["input"], output_tokens=saw["output"], stream=False, parent_id=integrations["helper"]["span_id"])
    assert [message["role"] for message in content(chat, "input")] == ["system", "user"]
    assert content(chat, "output")[0]["content"] == saw["text"]
    assert chat["cost_nano_usd"] > 0 and chat["price_version"]
    assert content(tool_call, "tools")[0]["name"] == "get_weather"
    assert content(tool_call, "output")[0]["tool_calls"][0]["name"] == "get_weather"
    says(tool_call, finish_reason="tool_calls", input_tokens=integrations["tool_call"]["input"])
    assert stream["stream"] and stream["output_tokens"] > 0
    assert content(stream, "output")[0]["content"] == integrations["stream"]["text"]
    says(embedding, kind="embedding", model="text-embedding-3-small", provider="openai")
    assert embedding["input_tokens"] > 0


def test_anthropic(stand, integrations):
    [row] = within(stand, integrations["claude"], "kind = 'llm'", 1)
    saw = integrations["anthropic"]
    says(row, provider="anthropic", model="claude-sonnet-4-6", client="anthropic", finish_reason="end_turn")
    says(row, input_tokens=saw["input"], output_tokens=saw["output"])
    assert content(row, "output")[0]["content"] == saw["text"]


def test_a_framework_around_a_call_counts_it_once(stand, integrations):
    saw = integrations["langchain"]
    [row] = within(stand, integrations["chain"], "kind = 'llm'", 1)
    says(row, client="openai", input_tokens=saw["input"], output_tokens=saw["output"])
    # The sequence, and the model in it.
    around = within(stand, integrations["chain"], "client = 'langchain'", 2)
    assert all(outer["input_tokens"] is None and outer["cost_nano_usd"] is None for outer in around)
    assert row["parent_id"] == around[1]["span_id"]


def test_a_framework_that_goes_through_a_client_that_is_traced(stand, integrations):
    saw = integrations["llama_index"]
    [row] = within(stand, integrations["index"], "kind = 'llm'", 1)
    says(row, client="openai", input_tokens=saw["input"], output_tokens=saw["output"])


def test_a_plain_apm_span_is_context(stand):
    seen = run(stand, "plain")
    row = span(stand, seen["web"])
    says(row, kind="http", name="GET /orders", service="web", http_status=404, source="datadog", input_tokens=None)
