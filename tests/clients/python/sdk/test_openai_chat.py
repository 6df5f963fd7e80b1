"""`openai`: chat completions, plain, streamed, with tools, structured."""

import asyncio
import re

import pytest
from clients import WEATHER_PARAMETERS, async_openai_client, openai_client
from harness.compare import check_headers, check_span
from harness.expect import Tokens, tokens_of
from pydantic import BaseModel

MESSAGES = [
    {"role": "system", "content": "Answer in one sentence."},
    {"role": "user", "content": "Why is the sky blue? Ünïcode and \"quotes\" must survive: 日本 🌈"},
]
TOOLS = [
    {
        "type": "function",
        "function": {"name": "get_weather", "description": "The weather", "parameters": WEATHER_PARAMETERS},
    }
]
ASKS_FOR_WEATHER = [{"role": "user", "content": "What is the weather in Lisbon?"}]


class Weather(BaseModel):
    city: str
    degrees: float
    warnings: list[str]


def test_a_chat(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.create(model="gpt-4o", messages=MESSAGES)
    )
    assert comparison.result.choices[0].message.content
    assert comparison.result._request_id == comparison.direct._request_id


def test_a_chat_with_cached_and_reasoning_tokens(compare):
    sim = "input_tokens=5000;cached_tokens=4096;output_tokens=700;reasoning_tokens=640"
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.create(model="o4-mini", messages=MESSAGES), sim
    )
    span = comparison.span()
    assert int(span["cost_nano_usd"]) == 904 * 1100 + 4096 * 275 + 700 * 4400
    assert comparison.exchange.headers["weir-cost-usd"]


def test_a_chat_with_parameters_that_weir_does_not_know(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.create(
            model="gpt-4o-mini",
            messages=MESSAGES,
            temperature=0.1,
            seed=7,
            max_completion_tokens=12,
            extra_body={"a_parameter_of_tomorrow": {"nested": [1, 2.50, None]}},
        )
    )
    assert comparison.exchange.request_json()["a_parameter_of_tomorrow"] == {"nested": [1, 2.5, None]}
    assert comparison.result.choices[0].finish_reason == "length"


def test_several_choices(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.create(model="gpt-4o", messages=MESSAGES, n=3)
    )
    assert len(comparison.result.choices) == 3


def test_a_stream_with_usage(compare):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        )
    )
    assert comparison.result[-1].usage.total_tokens > 0
    assert comparison.result[-1].choices == []
    assert comparison.exchange.body.endswith(b"data: [DONE]\n\n")


def test_a_stream_without_usage(compare):
    """Weir asks for the usage itself and takes it out again; its span is as exact as with it."""
    def stream(url, sim, **options):
        return list(
            openai_client(url, sim).chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True, **options)
        )

    comparison = compare.run(stream)
    direct, through = comparison.direct_exchanges[0], comparison.exchange
    # Asked for usage, the provider says `"usage":null` in each chunk; nothing else may differ.
    assert re.sub(rb',"usage":null', b"", through.body) == direct.body
    check_headers(direct, through)
    assert [chunk.choices for chunk in comparison.result] == [chunk.choices for chunk in comparison.direct]
    assert all(chunk.usage is None for chunk in comparison.result)

    stated = stated_usage(compare.stand.simulator_url, direct)
    check_span(comparison.span(), direct, tokens=stated)


def stated_usage(provider_url, exchange):
    """The usage that the provider states for this stream when it is asked to."""
    body = exchange.request_json() | {"stream_options": {"include_usage": True}}
    client = openai_client(provider_url, exchange.request_headers["x-sim"])
    usage = list(client.chat.completions.create(**body))[-1].usage
    cached, reasoning = usage.prompt_tokens_details.cached_tokens, usage.completion_tokens_details.reasoning_tokens
    return Tokens(usage.prompt_tokens, usage.completion_tokens, cached, None, reasoning)


def test_a_slow_stream_has_its_time_to_first_token(compare):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        ),
        "ttft_ms=120;chunks=5;chunk_ms=20",
    )
    span = comparison.span()
    assert span["ttft_us"] >= 120_000
    assert span["duration_us"] >= span["ttft_us"] + 4 * 20_000


@pytest.mark.parametrize("sim", ["split=1", "split=7", "crlf=1", "comments=1", "gzip=1", "flush=1;chunks=200"])
def test_a_stream_however_it_is_cut(compare, sim):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).chat.completions.create(
                model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
            )
        ),
        sim,
    )
    assert len(comparison.result) > 3


def test_the_stream_helper(compare):
    def run(url, sim):
        with openai_client(url, sim).chat.completions.stream(
            model="gpt-4o", messages=MESSAGES, stream_options={"include_usage": True}
        ) as stream:
            kinds = [event.type for event in stream]
            return kinds, stream.get_final_completion()

    comparison = compare.same(run)
    assert "content.done" in comparison.result[0]


def test_a_tool_call_and_its_result(compare):
    def run(url, sim):
        client = openai_client(url, sim)
        first = client.chat.completions.create(model="gpt-4o", messages=ASKS_FOR_WEATHER, tools=TOOLS)
        call = first.choices[0].message.tool_calls[0]
        messages = [
            *ASKS_FOR_WEATHER,
            first.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "17 degrees"},
        ]
        return [first, client.chat.completions.create(model="gpt-4o", messages=messages, tools=TOOLS)]

    comparison = compare.same(run)
    first, second = comparison.result
    assert first.choices[0].message.tool_calls[0].function.arguments == '{"city":"Lisbon"}'
    assert first.choices[0].finish_reason == "tool_calls"
    assert second.choices[0].message.content
    assert "get_weather" in comparison.span(comparison.exchanges[0])["tools"]


def test_streamed_tool_calls(compare):
    comparison = compare.same(
        lambda url, sim: list(
            openai_client(url, sim).chat.completions.create(
                model="gpt-4o",
                messages=ASKS_FOR_WEATHER,
                tools=TOOLS,
                stream=True,
                stream_options={"include_usage": True},
            )
        ),
        "tool=2",
    )
    assert {call.index for chunk in comparison.result for choice in chunk.choices
            for call in choice.delta.tool_calls or []} == {0, 1}


def test_structured_output(compare):
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.parse(
            model="gpt-4o", messages=ASKS_FOR_WEATHER, response_format=Weather
        )
    )
    assert comparison.result.choices[0].message.parsed.city == "Lisbon"


def test_a_refusal(compare):
    comparison = compare.run(
        lambda url, sim: openai_client(url, sim).chat.completions.create(model="gpt-4o", messages=MESSAGES),
        "refusal=1",
    )
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    assert comparison.result.choices[0].message.refusal
    assert comparison.result.choices[0].message.refusal in comparison.span()["output"]


def test_the_async_client_with_many_calls_at_once(compare):
    def run(url, sim):
        async def many():
            async with async_openai_client(url, sim) as client:
                calls = [
                    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, user=f"user-{at}")
                    for at in range(12)
                ]
                return await asyncio.gather(*calls)

        return asyncio.run(many())

    comparison = compare.run(run)
    assert comparison.result == comparison.direct
    assert len(comparison.exchanges) == 12
    direct = {exchange.request_json()["user"]: exchange for exchange in comparison.direct_exchanges}
    for exchange in comparison.exchanges:
        user = exchange.request_json()["user"]
        span = comparison.span(exchange)
        check_span(span, direct[user])
        assert span["user"] == user


def test_usage_of_a_long_prompt_is_counted_by_the_provider_alone(compare):
    text = "The quick brown fox jumps over the lazy dog. " * 2000
    comparison = compare.same(
        lambda url, sim: openai_client(url, sim).chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": text}]
        )
    )
    assert tokens_of(comparison.exchange).input > 18_000
