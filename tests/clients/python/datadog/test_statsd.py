"""The `datadog` package's statsd client over UDP, a unix socket and its buffer; and the seed's own code."""

import time
import uuid
from urllib.parse import quote

import pytest
from datadog.dogstatsd.base import DogStatsd
from harness.stand import eventually, get
from stored import receiver


@pytest.fixture
def statsd(stand):
    host, port = receiver(stand, "dogstatsd").split(":")
    client = DogStatsd(host=host, port=int(port), disable_telemetry=True)
    yield client
    client.stop()


def points(stand, name, total, tag=""):
    """The points of a metric with this text in their tags, as soon as their values add up to this."""
    statement = f"SELECT * FROM points WHERE name = '{name}' AND tags::VARCHAR LIKE '%{tag}%' ORDER BY value"

    def find():
        rows = stand.weir.sql(statement)
        return rows if abs(sum(row["value"] for row in rows) - total) < 1e-9 else None

    return eventually(f"points of {name}", find)


def test_the_metrics_of_the_article_as_its_code_emits_them(stand, statsd):
    # Names of this run, because other tests send these metrics too.
    run = uuid.uuid4().hex[:8]
    session_id, index_name, agent_id, model = f"s-{run}", f"faq-{run}", f"chat-{run}", f"gpt-{run}"

    def classify_query(query):
        return "billing"

    statsd.gauge("custom.llm.injection_risk_score", 0.2, tags=[f"session:{session_id}"])
    for avg_score in (0.61, 0.41):
        statsd.gauge(
            "custom.rag.retrieval_relevance",
            avg_score,
            tags=[
                f"index:{index_name}",
                f"query_category:{classify_query('q')}",
            ],
        )
    statsd.event(
        "RAG Relevance Warning",
        f"Average relevance {0.61:.2f} below threshold for query category {classify_query('q')}",
        alert_type="warning",
    )
    statsd.increment("custom.llm.prompt_truncated", tags=[f"agent:{agent_id}"])
    statsd.increment("custom.llm.cache_hit", tags=[f"model:{model}"])
    statsd.increment("custom.llm.cache_miss", tags=[f"model:{model}"])
    statsd.flush()
    assert len(points(stand, "custom.rag.retrieval_relevance", 1.02, run)) == 2
    question = quote("avg(custom.rag.retrieval_relevance) by index, query_category")
    groups = get(f"{stand.weir.url}/api/query/instant?expr={question}")["values"]
    [group] = [group for group in groups if group["tags"]["index"] == index_name]
    assert group["tags"]["query_category"] == "billing"
    assert abs(group["value"] - 0.51) < 1e-9
    for name in ("prompt_truncated", "cache_hit", "cache_miss"):
        assert points(stand, f"custom.llm.{name}", 1, run)[0]["kind"] == "count"
    assert points(stand, "custom.llm.injection_risk_score", 0.2, run)[0]["kind"] == "gauge"
    event = eventually(
        "the event", lambda: stand.weir.sql("SELECT * FROM events WHERE text LIKE 'Average relevance 0.61%billing'") or None
    )[0]
    assert (event["level"], event["source"]) == ("warning", "dogstatsd")
    assert event["text"] == "Average relevance 0.61 below threshold for query category billing"


def test_every_type(stand, statsd):
    statsd.histogram("every.histogram", 1.5)
    statsd.distribution("every.distribution", 2.5)
    statsd.timing("every.timing", 12)
    statsd.gauge("every.gauge", 3, tags=["model_name:m", "bare"])
    statsd.increment("every.count", 4)
    statsd.decrement("every.count", 1)
    statsd.gauge_with_timestamp("every.old", 5, int(time.time()) - 600)
    for name, value, kind in [
        ("histogram", 1.5, "distribution"),
        ("distribution", 2.5, "distribution"),
        ("timing", 12, "distribution"),
        ("gauge", 3, "gauge"),
        ("count", 3, "count"),
        ("old", 5, "gauge"),
    ]:
        assert points(stand, f"every.{name}", value)[0]["kind"] == kind
    for member in ("ann", "bob", "ann"):
        statsd.set("every.set", member)
    statsd.service_check("every.check", 2, tags=["a:b"], message="no | answer")
    eventually("two members", lambda: len(stand.weir.sql("SELECT DISTINCT value FROM points WHERE name = 'every.set'")) == 2)
    assert points(stand, "every.check", 2)
    event = eventually("the check", lambda: stand.weir.sql("SELECT * FROM events WHERE title = 'every.check'") or None)[0]
    assert (event["level"], event["text"]) == ("error", "no | answer")


def test_the_buffer_packs_thousands_and_none_is_lost(stand, statsd):
    host, port = receiver(stand, "dogstatsd").split(":")
    client = DogStatsd(host=host, port=int(port), disable_buffering=False, disable_telemetry=True)
    for _ in range(5_000):
        client.increment("packed.count", tags=["k:v"])
    client.flush()
    client.stop()
    points(stand, "packed.count", 5_000)


def test_a_sample_rate_is_undone(stand, statsd):
    for _ in range(3):
        statsd._report("sampled.count", "c", 1, ["a:b"], 1)
    statsd.socket or statsd.get_socket()
    statsd._send_to_server("sampled.count:1|c|@0.1|#a:b\nsampled.timing:7|ms|@0.5")
    points(stand, "sampled.count", 13)
    assert [row["value"] for row in points(stand, "sampled.timing", 14)] == [7, 7]


def test_a_unix_socket(stand):
    client = DogStatsd(socket_path=f"{stand.weir.sockets}.dsd", disable_telemetry=True)
    client.gauge("unix.gauge", 6)
    client.flush()
    client.stop()
    assert points(stand, "unix.gauge", 6)
