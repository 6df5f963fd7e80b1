"""Runs one case twice, directly and through Weir, and holds both the answer and the span against the provider's bytes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from . import expect
from .expect import Tokens
from .recorder import Exchange, Recorder
from .stand import Stand, Weir, eventually

T = TypeVar("T")

# Headers that a hop may add or change: the time and its own framing. Weir asks providers for plain bytes.
HOP_HEADERS = {"date", "connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding"}

_seeds = itertools.count(1000)


@dataclass
class Comparison(Generic[T]):
    """What a case gave directly (`direct`) and through Weir (`result`), with what passed on the wire."""

    weir: Weir
    direct: T
    result: T
    direct_exchanges: list[Exchange]
    exchanges: list[Exchange]

    @property
    def exchange(self) -> Exchange:
        assert len(self.exchanges) == 1, [exchange.path for exchange in self.exchanges]
        return self.exchanges[0]

    def span(self, exchange: Exchange | None = None) -> dict[str, Any]:
        return self.weir.span((exchange or self.exchange).headers["weir-span-id"])


class Comparer:
    """Runs cases. A case is a function of a base URL (without `/v1`) and of `x-sim` directives to send along."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self._direct = Recorder(stand.simulator_address)
        self._through = Recorder(stand.weir.address)

    def close(self) -> None:
        self._direct.close()
        self._through.close()

    def run(self, case: Callable[[str, str], T], sim: str = "") -> Comparison[T]:
        """Runs a case both ways with the same seed."""
        directives = f"seed={next(_seeds)};{sim}"
        direct = case(self._direct.url, directives)
        direct_exchanges = self._direct.take()
        result = case(self._through.url, directives)
        return Comparison(self.stand.weir, direct, result, direct_exchanges, self._through.take())

    def through(self, case: Callable[[str, str], T], sim: str = "") -> tuple[T, list[Exchange]]:
        """Runs a case only through Weir."""
        result = case(self._through.url, f"seed={next(_seeds)};{sim}")
        return result, self._through.take()

    def same(self, case: Callable[[str, str], T], sim: str = "") -> Comparison[T]:
        """Runs a case both ways and checks all that must be true of every call: same bytes, same headers, same result,
        and a span that says exactly what happened."""
        comparison = self.run(case, sim)
        assert comparison.exchanges, "nothing passed through Weir"
        assert len(comparison.exchanges) == len(comparison.direct_exchanges)
        for direct, through in zip(comparison.direct_exchanges, comparison.exchanges, strict=True):
            check_same_bytes(direct, through)
            check_span(comparison.span(through), direct)
        assert comparable(comparison.result) == comparable(comparison.direct)
        return comparison


def check_same_bytes(direct: Exchange, through: Exchange) -> None:
    assert (through.method, through.path) == (direct.method, direct.path)
    assert through.status == direct.status
    assert through.complete and direct.complete
    assert through.body == direct.body
    check_headers(direct, through)


def check_headers(direct: Exchange, through: Exchange) -> None:
    """All of the provider's headers pass, and only Weir's own come on top."""
    def provider(exchange: Exchange) -> dict[str, str]:
        mine = {name for name in exchange.headers if name.startswith("weir-")}
        return {name: value for name, value in exchange.headers.items() if name not in HOP_HEADERS | mine}

    assert provider(through) == provider(direct)


def check_span(span: dict[str, Any], direct: Exchange, tokens: Tokens | None = None) -> None:
    """The span of a call that was answered well says what the provider's bytes say."""
    request = direct.request_json()
    tokens = tokens or expect.tokens_of(direct)
    model = request["model"]
    answered = [direct.json()] if not direct.is_stream else direct.events()
    expected = {
        "status": "ok",
        "error_type": None,
        "http_status": direct.status,
        "source": "gateway",
        "kind": "embedding" if direct.path.endswith("/embeddings") else "llm",
        "provider": "anthropic" if direct.path.startswith("/v1/messages") else "openai",
        "model": model,
        "response_model": next(named for answer in answered if (named := _model_in(answer))),
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "tokens_estimated": False,
        "cost_nano_usd": expect.cost_nano_usd(model, tokens),
        "stream": direct.is_stream,
        "finish_reason": expect.finish_reason_of(direct),
    }
    stored = {name: _number(span[name]) for name in expected}
    assert stored == expected
    # A count that the provider states as zero may be kept as zero or as absent; nothing else may differ.
    for name, count in (
        ("cache_read_tokens", tokens.cache_read),
        ("cache_write_tokens", tokens.cache_write),
        ("reasoning_tokens", tokens.reasoning),
    ):
        assert (_number(span[name]) or 0) == (count or 0), name
    assert span["price_version"]
    assert (span["ttft_us"] is not None) == direct.is_stream
    if span["ttft_us"] is not None:
        assert 0 < span["ttft_us"] <= span["duration_us"]
    assert json.loads(span["input"]) == expect.input_of(direct)
    if not direct.path.endswith("/embeddings"):
        assert expect.said_in(span["output"]) == expect.said_by(direct)


def check_error_span(span: dict[str, Any], status: int, error_type: str) -> None:
    """The span of a call that the provider refused."""
    expected = {"status": "error", "http_status": status, "error_type": error_type}
    assert {name: _number(span[name]) for name in expected} == expected
    assert span["error_message"]


def cancelled_span(stand: Stand, app: str) -> dict[str, Any]:
    """The span of a call that its client left, found by its app: there was no head to read its id from."""
    def find() -> dict[str, Any] | None:
        rows = stand.weir.sql(f"SELECT * FROM spans WHERE app = '{app}'")
        return rows[0] if rows else None

    return eventually(f"the span of {app}", find)


def comparable(result: Any) -> Any:
    """A client's result as plain data: pydantic models and lists of them."""
    if isinstance(result, (list, tuple)):
        return [comparable(item) for item in result]
    if isinstance(result, dict):
        return {name: comparable(value) for name, value in result.items()}
    if hasattr(result, "model_dump"):
        return result.model_dump(mode="json", warnings=False)
    return result


def _model_in(answer: dict[str, Any]) -> str | None:
    return answer.get("model") or (answer.get("response") or answer.get("message") or {}).get("model")


def _number(value: Any) -> Any:
    """Integers beyond 2^53 come as text."""
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else value
