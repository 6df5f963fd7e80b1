"""Where the tests send telemetry, and how they find what was stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from harness.stand import Stand, eventually, get
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

RESOURCE = Resource.create({"service.name": "checkout", "deployment.environment.name": "staging"})
MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why is the sky blue? 日本 🌈"},
]


def receiver(stand: Stand, name: str) -> str:
    """The address of a receiver."""
    receivers = get(f"{stand.weir.url}/api/status")["receivers"]
    return next(one["address"] for one in receivers if one["name"] == name and one["state"] == "listening")


def http_exporter(stand: Stand, **options) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(f"http://{receiver(stand, 'otlp_http')}/v1/traces", **options)


@contextmanager
def tracing(exporter: SpanExporter) -> Iterator[TracerProvider]:
    """A provider that sends each span as it ends."""
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        yield provider
    finally:
        provider.shutdown()


def spans(stand: Stand, where: str, count: int = 1) -> list[dict]:
    """The spans that fit, as soon as there are this many, in the order of their starts."""

    def find() -> list[dict] | None:
        rows = stand.weir.sql(f"SELECT * FROM spans WHERE {where} ORDER BY start_time, parent_id NULLS FIRST")
        assert len(rows) <= count, [row["name"] for row in rows]
        return rows if len(rows) == count else None

    return eventually(f"{count} spans where {where}", find)


def hex_id(number: int, digits: int) -> str:
    return f"{number:0{digits}x}"


def content(row: dict, column: str):
    """A column of JSON text."""
    return None if row[column] is None else json.loads(row[column])
