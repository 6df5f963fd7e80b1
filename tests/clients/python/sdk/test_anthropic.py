"""`anthropic`: messages, streams, tools, counts, errors."""

import asyncio
import uuid

import anthropic
import pytest
from clients import KEY, WEATHER_PARAMETERS, anthropic_client
from harness.compare import cancelled_span, check_error_span, check_headers
from harness.stand import eventually

MODEL = "claude-sonnet-4-6"
MESSAGES = [{"role": "user", "content": "Why is the sky blue? 日本 🌈"}]
TOOLS = [{"name": "get_weather", "description": "The weather", "input_schema": WEATHER_PARAMETERS}]
ASKS_FOR_WEATHER = [{"role": "user", "content": "What is the weather in Lisbon?"}]


def test_a_message(compare):
    comparison = compare.same(
        lambda url, sim: anthropic_client(url, sim).messages.create(
            model=MODEL, max_tokens=300, system="Be brief.", messages=MESSAGES
        )
    )
    assert comparison.result.content[0].text
    assert comparison.result._request_id == comparison.direct._request_id


def test_a_message_with_cached_tokens(compare):
    """Anthropic states exclusive counts; the span's are inclusive, and each kind is charged at its own price."""
    comparison = compare.same(
        lambda url, sim: anthropic_client(url, sim).messages.create(model=MODEL, max_tokens=300, messages=MESSAGES),
        "input_tokens=9000;cached_tokens=6000;cache_write_tokens=2000;output_tokens=100",
    )
    assert comparison.result.usage.input_tokens == 1000
    span = comparison.span()
    assert span["input_tokens"] == 9000
    assert int(span["cost_nano_usd"]) == 1000 * 3000 + 6000 * 300 + 2000 * 3750 + 100 * 15000


def test_a_stream(compare):
    def run(url, sim):
        with anthropic_client(url, sim).messages.stream(model=MODEL, max_tokens=300, messages=MESSAGES) as stream:
            return [event.type for event in stream], stream.get_final_message()

    comparison = compare.same(run)
    assert comparison.result[0][0] == "message_start"
    assert comparison.result[0][-1] == "message_stop"
    assert b"event: ping" in comparison.exchange.body


@pytest.mark.parametrize("sim", ["split=1", "split=11", "crlf=1", "gzip=1", "ttft_ms=50;chunks=4;chunk_ms=10"])
def test_a_raw_stream_however_it_is_cut(compare, sim):
    comparison = compare.same(
        lambda url, sim: list(
            anthropic_client(url, sim).messages.create(model=MODEL, max_tokens=300, messages=MESSAGES, stream=True)
        ),
        sim,
    )
    assert comparison.result[-1].type == "message_stop"


def test_a_tool_call_and_its_result(compare):
    def run(url, sim):
        client = anthropic_client(url, sim)
        first = client.messages.create(model=MODEL, max_tokens=300, messages=ASKS_FOR_WEATHER, tools=TOOLS)
        call = next(block for block in first.content if block.type == "tool_use")
        result = {"type": "tool_result", "tool_use_id": call.id, "content": "17 degrees"}
        messages = [
            *ASKS_FOR_WEATHER,
            {"role": "assistant", "content": first.model_dump(mode="json", exclude_none=True)["content"]},
            {"role": "user", "content": [result]},
        ]
        return [first, client.messages.create(model=MODEL, max_tokens=300, messages=messages, tools=TOOLS)]

    comparison = compare.same(run)
    assert comparison.result[0].stop_reason == "tool_use"
    assert comparison.result[0].content[-1].input == {"city": "Lisbon"}
    assert comparison.result[1].stop_reason == "end_turn"


def test_a_streamed_tool_call(compare):
    def run(url, sim):
        with anthropic_client(url, sim).messages.stream(
            model=MODEL, max_tokens=300, messages=ASKS_FOR_WEATHER, tools=TOOLS
        ) as stream:
            return stream.get_final_message()

    comparison = compare.same(run)
    assert comparison.result.content[-1].input == {"city": "Lisbon"}


def test_a_count_of_tokens(compare):
    comparison = compare.run(
        lambda url, sim: anthropic_client(url, sim).messages.count_tokens(model=MODEL, messages=MESSAGES)
    )
    assert comparison.result == comparison.direct
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    span = comparison.span()
    assert (span["status"], span["model"]) == ("ok", MODEL)
    assert span["cost_nano_usd"] in (None, 0, "0"), "counting is free"
    assert span["output_tokens"] in (None, 0)


def test_the_list_of_models(compare):
    comparison = compare.run(lambda url, sim: [model.id for model in anthropic_client(url, sim).models.list()])
    assert comparison.exchange.status == 200
    assert set(comparison.direct) <= set(comparison.result)


def test_the_async_client(compare):
    def run(url, sim):
        async def one():
            async with anthropic.AsyncAnthropic(
                base_url=url, api_key=KEY, max_retries=0, default_headers={"x-sim": sim}
            ) as client:
                return await client.messages.create(model=MODEL, max_tokens=300, messages=MESSAGES)

        return asyncio.run(one())

    compare.same(run)


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (403, "permission"),
        (404, "not_found"),
        (413, "too_large"),
        (429, "rate_limit"),
        (500, "server_error"),
        (529, "overloaded"),
    ],
)
def test_an_error_of_the_provider_arrives_unchanged(compare, status, error_type):
    def run(url, sim):
        with pytest.raises(anthropic.APIStatusError) as caught:
            anthropic_client(url, sim).messages.create(model=MODEL, max_tokens=9, messages=MESSAGES)
        return type(caught.value).__name__, caught.value.status_code, caught.value.request_id, caught.value.body

    comparison = compare.run(run, f"status={status}")
    assert comparison.result == comparison.direct
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    check_headers(comparison.direct_exchanges[0], comparison.exchange)
    check_error_span(comparison.span(), status, error_type)


def test_an_error_inside_a_stream(compare):
    def run(url, sim):
        stream = anthropic_client(url, sim).messages.create(
            model=MODEL, max_tokens=300, messages=MESSAGES, stream=True
        )
        with pytest.raises(anthropic.APIStatusError) as caught:
            list(stream)
        return caught.value.body

    comparison = compare.run(run, "chunks=40;error_after=12")
    assert comparison.result == comparison.direct
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    span = comparison.span()
    assert (span["status"], span["error_type"]) == ("error", "overloaded")
    assert span["input_tokens"] is not None, "message_start stated it"


def test_a_client_that_leaves_a_stream(compare):
    app = f"leaves-{uuid.uuid4().hex}"

    def run(url, sim):
        client = anthropic_client(url, sim, headers={"weir-app": app})
        stream = client.messages.create(model=MODEL, max_tokens=900, messages=MESSAGES, stream=True)
        for _ in range(6):
            next(stream)
        stream.close()
        client.close()

    before = compare.stand.tally()["cancelled"]
    compare.through(run, "chunks=500;chunk_ms=20")
    eventually("the provider's stream to be cancelled", lambda: compare.stand.tally()["cancelled"] > before)
    span = cancelled_span(compare.stand, app)
    assert (span["status"], span["error_type"], span["http_status"]) == ("error", "cancelled", 499)
    assert span["input_tokens"] is not None, "message_start stated it"
