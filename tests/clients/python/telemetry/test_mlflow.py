"""An unmodified MLflow client whose tracking server is Weir."""

import json
import uuid

import mlflow
import openai
import pytest
from harness.stand import eventually
from stored import MESSAGES, content, spans


@pytest.fixture
def experiment(stand):
    mlflow.set_tracking_uri(stand.weir.url)
    name = f"shop {uuid.uuid4().hex[:8]}"
    mlflow.set_experiment(name)
    return name


def flushed():
    mlflow.flush_trace_async_logging()
    return mlflow.get_last_active_trace_id()


def test_autolog_of_a_chat(stand, experiment):
    mlflow.openai.autolog()
    client = openai.OpenAI(base_url=f"{stand.simulator_url}/v1", api_key="sk-test", max_retries=0)
    answer = client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    trace_id = flushed()
    [row] = spans(stand, f"trace_id = '{trace_id.removeprefix('tr-')}'")
    expected = {
        "kind": "llm",
        "source": "mlflow",
        "app": experiment,
        "model": "gpt-4o",
        "response_id": answer.id,
        "input_tokens": answer.usage.prompt_tokens,
        "output_tokens": answer.usage.completion_tokens,
    }
    assert {column: row[column] for column in expected} == expected
    assert row["cost_nano_usd"] > 0
    assert "日本 🌈" in row["input"]
    assert json.dumps(answer.choices[0].message.content, ensure_ascii=False)[1:40] in row["output"]


@mlflow.trace(span_type="RETRIEVER")
def retrieve(question: str):
    document = mlflow.entities.Document(page_content="Light scatters.", metadata={"doc_uri": "sky.md", "score": 0.9})
    return [document]


@mlflow.trace(span_type="AGENT")
def answer(question: str) -> str:
    mlflow.update_current_trace(metadata={"mlflow.trace.session": "session-3", "mlflow.trace.user": "user-4"})
    retrieve(question)
    return "because"


def test_decorated_functions(stand, experiment):
    answer("why?")
    trace_id = flushed()
    rows = {row["kind"]: row for row in spans(stand, f"trace_id = '{trace_id.removeprefix('tr-')}'", 2)}
    assert rows["agent"]["name"] == "answer"
    assert (rows["agent"]["session"], rows["agent"]["user"]) == ("session-3", "user-4")
    assert rows["retrieval"]["parent_id"] == rows["agent"]["span_id"]
    [document] = content(rows["retrieval"], "documents")
    assert (document["page_content"], document["metadata"]["score"]) == ("Light scatters.", 0.9)
    assert content(rows["agent"], "input") == {"question": "why?"}
    assert content(rows["agent"], "output") == "because"


def test_traces_are_found_and_judged(stand, experiment):
    answer("why?")
    trace_id = flushed()
    spans(stand, f"trace_id = '{trace_id.removeprefix('tr-')}'", 2)
    [found] = mlflow.search_traces(return_type="list")
    assert found.info.trace_id == trace_id
    assert {span.name for span in found.data.spans} == {"answer", "retrieve"}
    root = next(span for span in found.data.spans if span.parent_id is None)
    assert (root.inputs, root.outputs) == ({"question": "why?"}, "because")
    assert found.info.state == "OK"
    mlflow.log_feedback(trace_id=trace_id, name="relevance", value=0.75, rationale="close enough")
    def find():
        return stand.weir.sql(f"SELECT * FROM scores WHERE trace_id = '{trace_id.removeprefix('tr-')}'") or None

    [score] = eventually("the score", find)
    assert (score["name"], score["value"], score["rationale"]) == ("relevance", 0.75, "close enough")
    judged = mlflow.get_trace(trace_id)
    [assessment] = judged.info.assessments
    assert (assessment.name, assessment.value) == ("relevance", 0.75)


def test_an_error(stand, experiment):
    @mlflow.trace
    def fails():
        raise ValueError("no")

    with pytest.raises(ValueError):
        fails()
    trace_id = flushed()
    [row] = spans(stand, f"trace_id = '{trace_id.removeprefix('tr-')}'")
    assert (row["status"], row["error_type"], row["error_message"]) == ("error", "ValueError", "no")
