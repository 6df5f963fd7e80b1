"""What a span must say about an exchange, worked out from the provider's own bytes and from published prices.

Nothing here comes from Weir: readings of the wire and prices are written down once more, by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .recorder import Exchange


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input: str
    output: str
    cache_read: str = "0"
    cache_write: str = "0"


# From the providers' price pages.
PRICES = {
    "gpt-4o": Price("2.50", "10.00", cache_read="1.25"),
    "gpt-4o-mini": Price("0.15", "0.60", cache_read="0.075"),
    "o4-mini": Price("1.10", "4.40", cache_read="0.275"),
    "gpt-3.5-turbo-instruct": Price("1.50", "2.00"),
    "text-embedding-3-small": Price("0.02", "0"),
    "claude-sonnet-4-6": Price("3.00", "15.00", cache_read="0.30", cache_write="3.75"),
    "claude-haiku-4-5": Price("1.00", "5.00", cache_read="0.10", cache_write="1.25"),
}


@dataclass(frozen=True)
class Tokens:
    """Inclusive counts: cached tokens are part of `input`, reasoning is part of `output`."""

    input: int | None
    output: int | None
    cache_read: int | None = None
    cache_write: int | None = None
    reasoning: int | None = None


def cost_nano_usd(model: str, tokens: Tokens) -> int:
    """The cost in units of 1e-9 dollars, rounded half up once."""
    price = PRICES[model]
    read, write = tokens.cache_read or 0, tokens.cache_write or 0
    parts = [
        (tokens.input - read - write, price.input),
        (read, price.cache_read),
        (write, price.cache_write),
        (tokens.output or 0, price.output),
    ]
    pico = sum(count * _pico_for_a_token(dollars) for count, dollars in parts)
    return (pico + 500) // 1000


def _pico_for_a_token(dollars_for_a_million: str) -> int:
    whole, _, decimals = dollars_for_a_million.partition(".")
    return int(whole + decimals.ljust(6, "0"))


def tokens_of(exchange: Exchange) -> Tokens:
    """The usage that the provider stated."""
    if exchange.path.startswith("/v1/messages"):
        return _anthropic_tokens(exchange)
    usage = _openai_usage(exchange)
    if "prompt_tokens" in usage:
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens")
        reasoning = usage.get("completion_tokens_details", {}).get("reasoning_tokens")
        return Tokens(usage["prompt_tokens"], usage.get("completion_tokens"), cached, None, reasoning)
    return Tokens(
        usage["input_tokens"],
        usage["output_tokens"],
        usage["input_tokens_details"]["cached_tokens"],
        None,
        usage["output_tokens_details"]["reasoning_tokens"],
    )


def _openai_usage(exchange: Exchange) -> dict[str, Any]:
    if not exchange.is_stream:
        return exchange.json()["usage"]
    for event in reversed(exchange.events()):
        usage = event.get("usage") or event.get("response", {}).get("usage")
        if usage:
            return usage
    raise AssertionError("the provider stated no usage")


def _anthropic_tokens(exchange: Exchange) -> Tokens:
    if exchange.is_stream:
        events = exchange.events()
        usage = dict(next(event["message"]["usage"] for event in events if event["type"] == "message_start"))
        usage |= next(event["usage"] for event in events if event["type"] == "message_delta")
    else:
        usage = exchange.json()["usage"]
    read, write = usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]
    return Tokens(usage["input_tokens"] + read + write, usage["output_tokens"], read, write)


def finish_reason_of(exchange: Exchange) -> str | None:
    """Why the model stopped, in the provider's words."""
    answers = exchange.events() if exchange.is_stream else [exchange.json()]
    reasons: list[str] = []
    for answer in answers:
        reasons += [choice.get("finish_reason") for choice in answer.get("choices", [])]
        reasons.append(answer.get("stop_reason"))
        reasons.append((answer.get("delta") or {}).get("stop_reason") if isinstance(answer.get("delta"), dict) else None)
        if answer.get("object") == "response":
            reasons.append(answer["status"])
        if answer.get("type") in ("response.completed", "response.incomplete"):
            reasons.append(answer["response"]["status"])
    said = [reason for reason in reasons if reason]
    return said[-1] if said else None


def input_of(exchange: Exchange) -> Any:
    """What the model was given to read, as the span keeps it."""
    request = exchange.request_json()
    if "prompt" in request:
        return request["prompt"]
    name = "messages" if "messages" in request else "input"
    beside = "system" if "system" in request else "instructions"
    if beside in request:
        return {beside: request[beside], name: request[name]}
    return request[name]


def said_in(output: str | None) -> tuple[str, list[tuple[str, Any]]]:
    """The text and the tool calls (name, arguments) of a span's output, whatever the dialect."""
    text, calls = "", []
    for message in json.loads(output or "[]"):
        if message.get("type") == "function_call":
            calls.append((message["name"], json.loads(message["arguments"])))
        text += message.get("text") or ""
        content = message.get("content") or []
        if isinstance(content, str):
            text += content
            content = []
        for block in content:
            if block["type"] == "tool_use":
                calls.append((block["name"], block["input"]))
            text += block.get("text") or ""
        for call in message.get("tool_calls") or []:
            calls.append((call["function"]["name"], json.loads(call["function"]["arguments"])))
    return text, calls


def said_by(exchange: Exchange) -> tuple[str, list[tuple[str, Any]]]:
    """The text and the tool calls of an answer, read from the wire."""
    if not exchange.is_stream:
        answer = exchange.json()
        messages = answer.get("output") or [choice.get("message", choice) for choice in answer.get("choices", [])]
        return said_in(json.dumps(messages or [{"content": answer.get("content")}]))
    text, names, arguments = "", {}, {}
    for event in exchange.events():
        for choice in event.get("choices", []):
            delta = choice.get("delta", {})
            text += delta.get("content") or choice.get("text") or ""
            for call in delta.get("tool_calls", []):
                names.setdefault(call["index"], call["function"].get("name"))
                arguments[call["index"]] = arguments.get(call["index"], "") + call["function"].get("arguments", "")
        if event.get("type") == "content_block_start" and event["content_block"]["type"] == "tool_use":
            names[event["index"]] = event["content_block"]["name"]
        if event.get("type") == "content_block_delta":
            text += event["delta"].get("text", "")
            if "partial_json" in event["delta"]:
                arguments[event["index"]] = arguments.get(event["index"], "") + event["delta"]["partial_json"]
        if event.get("type") == "response.output_text.delta":
            text += event["delta"]
        if event.get("type") == "response.function_call_arguments.done":
            names[event["output_index"]], arguments[event["output_index"]] = event["name"], event["arguments"]
    return text, [(name, json.loads(arguments[index])) for index, name in names.items()]
