"""What the instrumentation libraries make of the same calls: OpenLLMetry and OpenInference.

The calls go to the provider itself, so that what is stored can only come from the libraries. Expectations are the provider's
own answers.
"""

import json

import openai
import pytest
from stored import MESSAGES, content, hex_id, http_exporter, spans, tracing


def client(stand):
    return openai.OpenAI(base_url=f"{stand.simulator_url}/v1", api_key="sk-test", max_retries=0)


# One library after the other: each patches the client.
@pytest.fixture(params=["openinference", "openllmetry"], scope="module")
def instrumented(request, stand):
    """A tracer whose provider an instrumentation reports to."""
    if request.param == "openllmetry":
        from opentelemetry.instrumentation.openai import OpenAIInstrumentor
    else:
        from openinference.instrumentation.openai import OpenAIInstrumentor
    with tracing(http_exporter(stand)) as provider:
        instrumentor = OpenAIInstrumentor()
        instrumentor.instrument(tracer_provider=provider)
        yield request.param, provider.get_tracer("test")
        instrumentor.uninstrument()


def calls(stand, trace_id, count=1):
    return spans(stand, f"trace_id = '{hex_id(trace_id, 32)}' AND kind <> 'other'", count)


def test_a_chat(stand, instrumented):
    library, tracer = instrumented
    with tracer.start_as_current_span("work") as span:
        answer = client(stand).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    [row] = calls(stand, span.get_span_context().trace_id)
    expected = {
        "kind": "llm",
        "source": "otlp",
        "provider": "openai",
        "model": "gpt-4o",
        "response_model": answer.model,
        "response_id": answer.id,
        "input_tokens": answer.usage.prompt_tokens,
        "output_tokens": answer.usage.completion_tokens,
        "service": "checkout",
        "parent_id": hex_id(span.get_span_context().span_id, 16),
    }
    assert {column: row[column] for column in expected} == expected
    assert library[:9] in row["client"] or "openai" in row["client"]
    said = json.dumps(content(row, "output"), ensure_ascii=False)
    assert answer.choices[0].message.content.strip()[:40] in said
    asked = content(row, "input")
    assert [message["role"] for message in asked] == ["system", "user"]
    assert "日本 🌈" in json.dumps(asked, ensure_ascii=False)
    assert row["cost_nano_usd"] > 0


def test_a_stream(stand, instrumented):
    _, tracer = instrumented
    with tracer.start_as_current_span("work") as span:
        stream = client(stand).chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        usage = [chunk.usage for chunk in stream if chunk.usage][-1]
    [row] = calls(stand, span.get_span_context().trace_id)
    assert (row["input_tokens"], row["output_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert row["stream"]
    assert row["model"] == "gpt-4o"


def test_an_embedding(stand, instrumented):
    _, tracer = instrumented
    with tracer.start_as_current_span("work") as span:
        answer = client(stand).embeddings.create(model="text-embedding-3-small", input="weather")
    [row] = calls(stand, span.get_span_context().trace_id)
    assert (row["kind"], row["model"]) == ("embedding", "text-embedding-3-small")
    assert row["input_tokens"] == answer.usage.prompt_tokens
    # The vector is not kept.
    assert len(row["output"] or "") < 10_000


def test_an_error(stand, instrumented):
    _, tracer = instrumented
    with tracer.start_as_current_span("work") as span, pytest.raises(openai.RateLimitError):
        client(stand).chat.completions.create(model="gpt-4o", messages=MESSAGES, extra_headers={"x-sim": "status=429"})
    [row] = calls(stand, span.get_span_context().trace_id)
    assert (row["status"], row["kind"]) == ("error", "llm")
    assert "RateLimitError" in row["error_type"] or row["error_type"] == "429"


def test_a_tool_call(stand, instrumented):
    _, tracer = instrumented
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}
    with tracer.start_as_current_span("work") as span:
        answer = client(stand).chat.completions.create(model="gpt-4o", messages=MESSAGES, tools=[tool], tool_choice="required")
    [row] = calls(stand, span.get_span_context().trace_id)
    assert answer.choices[0].message.tool_calls[0].function.name == "get_weather"
    assert "get_weather" in (row["tools"] or "")
    assert "get_weather" in row["output"]
