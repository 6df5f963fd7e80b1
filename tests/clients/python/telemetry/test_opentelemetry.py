"""The OpenTelemetry SDK: transports, packings, and the current GenAI convention, field by field."""

import json
import time

import pytest
from harness.stand import eventually, get, post
from stored import RESOURCE, content, hex_id, receiver, spans, tracing

ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 500,
    "gen_ai.usage.cache_read.input_tokens": 200,
    "gen_ai.system_instructions": json.dumps([{"type": "text", "content": "Be brief."}]),
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "Hi 日本"}]}]),
    "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "Ho"}]}]),
    "gen_ai.conversation.id": "conversation-7",
    "user.id": "user-9",
    "weir.team": "payments",
    "gen_ai.response.time_to_first_chunk": 0.25,
    "my.own": "kept",
}


def grpc(stand, **options):
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(f"http://{receiver(stand, 'otlp_grpc')}", insecure=True, **options)


def grpc_gzip(stand):
    from grpc import Compression

    return grpc(stand, compression=Compression.Gzip)


def http(address):
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(f"{address}/v1/traces")


def http_gzip(stand):
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    url = f"http://{receiver(stand, 'otlp_http')}/v1/traces"
    return OTLPSpanExporter(url, compression=Compression.Gzip)


EXPORTERS = {
    "grpc": grpc,
    "grpc-gzip": grpc_gzip,
    "http": lambda stand: http(f"http://{receiver(stand, 'otlp_http')}"),
    "http-gzip": http_gzip,
    "weir's own address": lambda stand: http(stand.weir.url),
}


@pytest.mark.parametrize("transport", EXPORTERS)
def test_a_chat_arrives_by_every_transport(stand, transport):
    with tracing(EXPORTERS[transport](stand)) as provider:
        tracer = provider.get_tracer("my.instrumentation", "1.2.3")
        with tracer.start_as_current_span("chat gpt-4o", attributes=ATTRIBUTES) as span:
            context = span.get_span_context()
    [row] = spans(stand, f"trace_id = '{hex_id(context.trace_id, 32)}'")
    expected = {
        "span_id": hex_id(context.span_id, 16),
        "parent_id": None,
        "kind": "llm",
        "name": "chat gpt-4o",
        "source": "otlp",
        "status": "ok",
        "provider": "openai",
        "model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "response_id": "chatcmpl-1",
        "client": "my.instrumentation",
        "team": "payments",
        "app": "checkout",
        "service": "checkout",
        "env": "staging",
        "session": "conversation-7",
        "user": "user-9",
        "input_tokens": 1000,
        "output_tokens": 500,
        "cache_read_tokens": 200,
        # 800 at $2.50, 200 at $1.25 and 500 at $10.00 for a million.
        "cost_nano_usd": 7_250_000,
        "tokens_estimated": False,
        "ttft_us": 250_000,
        "stream": True,
        "finish_reason": "stop",
    }
    assert {column: row[column] for column in expected} == expected
    assert content(row, "input") == [
        {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
        {"role": "user", "parts": [{"type": "text", "content": "Hi 日本"}]},
    ]
    assert content(row, "output") == [{"role": "assistant", "parts": [{"type": "text", "content": "Ho"}]}]
    attributes = content(row, "attributes")
    assert attributes["my.own"] == "kept"
    assert attributes["scope_version"] == "1.2.3"
    assert attributes["resource"]["telemetry.sdk.language"] == "python"


def test_an_error_says_what_went_wrong(stand):
    with tracing(grpc(stand)) as provider:
        tracer = provider.get_tracer("t")
        with pytest.raises(ValueError), tracer.start_as_current_span("chat", attributes={"gen_ai.operation.name": "chat"}) as span:
            context = span.get_span_context()
            raise ValueError("the context is too long")
    [row] = spans(stand, f"trace_id = '{hex_id(context.trace_id, 32)}'")
    assert (row["status"], row["error_type"]) == ("error", "ValueError")
    assert row["error_message"] == "the context is too long"


def test_an_agent_that_repeats_what_its_call_used_counts_nothing(stand):
    usage = {"gen_ai.usage.input_tokens": 10, "gen_ai.usage.output_tokens": 5}
    with tracing(grpc(stand)) as provider:
        tracer = provider.get_tracer("t")
        agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner", **usage}
        with tracer.start_as_current_span("invoke_agent planner", attributes=agent) as span:
            context = span.get_span_context()
            call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", **usage}
            with tracer.start_as_current_span("chat", attributes=call):
                pass
            with tracer.start_as_current_span("execute", attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}):
                pass
    rows = {row["kind"]: row for row in spans(stand, f"trace_id = '{hex_id(context.trace_id, 32)}'", 3)}
    assert rows["agent"]["input_tokens"] is None
    assert content(rows["agent"], "attributes")["reported_usage"] == {"input_tokens": 10, "output_tokens": 5}
    assert (rows["llm"]["input_tokens"], rows["llm"]["output_tokens"]) == (10, 5)
    assert (rows["agent"]["agent"], rows["tool"]["name"]) == ("planner", "search")


def test_metrics_of_all_kinds_are_found_by_queries(stand):
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View

    exporter = OTLPMetricExporter(f"http://{receiver(stand, 'otlp_grpc')}", insecure=True)
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    fine = View(instrument_name="fine.duration", aggregation=ExponentialBucketHistogramAggregation())
    provider = MeterProvider([reader], resource=RESOURCE, views=[fine])
    meter = provider.get_meter("m")
    counter, level = meter.create_counter("jobs.done"), meter.create_up_down_counter("jobs.waiting")
    coarse, fine = meter.create_histogram("coarse.duration"), meter.create_histogram("fine.duration")
    tags = {"gen_ai.request.model": "gpt-4o", "queue": "q1"}
    counter.add(3, tags)
    provider.force_flush()
    counter.add(4, tags)
    level.add(9, tags)
    for value in (1, 2, 3, 4, 90):
        coarse.record(value, tags)
        fine.record(value, tags)
    provider.shutdown()

    def rows(name):
        return stand.weir.sql(f"SELECT kind, value, tags FROM points WHERE name = '{name}' ORDER BY time, value")

    found = eventually("points", lambda: rows("fine.duration") or None)
    assert len(found) == 5
    assert abs(sum(row["value"] for row in found) - 100) < 1e-6
    done = rows("jobs.done")
    assert [(row["kind"], row["value"]) for row in done] == [("count", 3.0), ("count", 4.0)]
    assert [(row["kind"], row["value"]) for row in rows("jobs.waiting")] == [("gauge", 9.0)]
    assert abs(sum(row["value"] for row in rows("coarse.duration")) - 100) < 1e-6
    now = int(time.time() * 1000)
    query = f"{stand.weir.url}/api/query?expr=sum(jobs.done)%20by%20model,queue&from={now - 600_000}&to={now + 60_000}"
    [series] = get(query)["series"]
    assert series["tags"] == {"model": "gpt-4o", "queue": "q1"}


def test_json_is_read_as_the_specification_writes_it(stand):
    trace_id = "5b8efff798038103d269b633813fc60c"
    span = {
        "traceId": trace_id,
        "spanId": "eee19b7ec3c1b174",
        "name": "chat",
        "startTimeUnixNano": str(time.time_ns() - 10**9),
        "endTimeUnixNano": str(time.time_ns()),
        "kind": 3,
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "7"}},
            {"key": "nothing", "value": {}},
        ],
        "unknownToWeir": {"deep": [1]},
    }
    bad = {**span, "spanId": "00", "name": "the bad one"}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span, bad]}]}]}
    answer = post(f"{stand.weir.url}/v1/traces", body)
    assert answer["partialSuccess"]["rejectedSpans"] == "1"
    assert "the bad one" in answer["partialSuccess"]["errorMessage"]
    assert "span_id" in answer["partialSuccess"]["errorMessage"]
    [row] = spans(stand, f"trace_id = '{trace_id}'")
    assert (row["input_tokens"], row["duration_us"] // 1000) == (7, 1000)
