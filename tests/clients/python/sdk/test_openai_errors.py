"""`openai`: what goes wrong, and what the client and the span say about it."""

import uuid

import openai
import pytest
from clients import openai_client
from harness.compare import cancelled_span, check_error_span, check_headers, check_span
from harness.stand import eventually, post

MESSAGES = [{"role": "user", "content": "Hello"}]


def failing(url, sim, **options):
    """The error that the client raises, as plain data."""
    model = options.pop("model", "gpt-4o")
    with pytest.raises(openai.APIStatusError) as caught:
        openai_client(url, sim, **options).chat.completions.create(model=model, messages=MESSAGES)
    error = caught.value
    return type(error).__name__, error.status_code, error.code, error.request_id, error.message


def check_same_error(comparison, status, error_type):
    direct, through = comparison.direct_exchanges[0], comparison.exchange
    assert comparison.result == comparison.direct
    assert (through.status, through.body) == (status, direct.body)
    check_headers(direct, through)
    check_error_span(comparison.span(), status, error_type)
    assert comparison.span()["error_message"] in through.body.decode()


@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "invalid_request"),
        (401, "authentication"),
        (403, "permission"),
        (404, "not_found"),
        (409, "invalid_request"),
        (422, "invalid_request"),
        (429, "rate_limit"),
        (500, "server_error"),
        (503, "overloaded"),
    ],
)
def test_an_error_of_the_provider_arrives_unchanged(compare, status, error_type):
    comparison = compare.run(failing, f"status={status}")
    assert comparison.result[1] == status
    through = comparison.exchange
    assert (through.status, through.body) == (status, comparison.direct_exchanges[0].body)
    check_headers(comparison.direct_exchanges[0], through)
    assert comparison.result == comparison.direct
    span = comparison.span()
    assert (span["status"], span["http_status"]) == ("error", status)
    if status != 503:  # Providers do not agree on what a 503 means.
        assert span["error_type"] == error_type
    assert span["error_message"] in through.json()["error"]["message"]
    assert span["cost_nano_usd"] in (None, 0, "0")


def test_a_wrong_key(compare):
    comparison = compare.run(lambda url, sim: failing(url, sim, api_key="sk-invalid-000000"))
    assert comparison.result[:3] == ("AuthenticationError", 401, "invalid_api_key")
    check_same_error(comparison, 401, "authentication")
    assert "sk-invalid-000000" not in str(comparison.span()), "no key is kept"


def test_an_unknown_model(compare):
    comparison = compare.run(lambda url, sim: failing(url, sim, model="gpt-nonexistent"), "status=404")
    assert comparison.result[0] == "NotFoundError"
    check_same_error(comparison, 404, "not_found")
    assert comparison.span()["model"] == "gpt-nonexistent"


def test_the_client_retries_a_rate_limit_and_every_try_is_a_span(compare):
    def run(url, sim):
        name = uuid.uuid4().hex
        client = openai_client(url, f"{sim};fail_first=1;status=429;retry_after=0;id={name}", max_retries=2)
        return client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    comparison = compare.run(run)
    assert [exchange.status for exchange in comparison.exchanges] == [429, 200]
    assert comparison.exchanges[1].body == comparison.direct_exchanges[1].body
    check_error_span(comparison.span(comparison.exchanges[0]), 429, "rate_limit")
    check_span(comparison.span(comparison.exchanges[1]), comparison.direct_exchanges[1])


def test_weir_retries_before_the_first_byte_when_it_is_told_to(stand):
    """The second Weir retries twice: the client sees one good answer, the provider saw three calls."""
    name = uuid.uuid4().hex
    key = make_key(stand)
    client = openai_client(stand.strict.url, f"fail_first=2;status=500;id={name}", api_key=key)
    response = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=MESSAGES)
    assert response.parse().choices[0].message.content
    assert len(stand.arrived(name)) == 3
    span = stand.strict.span(response.headers["weir-span-id"])
    assert (span["status"], span["http_status"]) == ("ok", 200)


def test_a_client_that_times_out(compare):
    app = f"timeout-{uuid.uuid4().hex}"

    def run(url, sim):
        client = openai_client(url, sim, timeout=0.4, headers={"weir-app": app})
        with pytest.raises(openai.APITimeoutError):
            client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    before = compare.stand.tally()["cancelled"]
    compare.through(run, "hang=1")
    eventually("the provider's call to be cancelled", lambda: compare.stand.tally()["cancelled"] > before)
    span = cancelled_span(compare.stand, app)
    assert (span["status"], span["error_type"], span["http_status"]) == ("error", "cancelled", 499)
    assert span["duration_us"] >= 300_000


def test_a_client_that_leaves_a_stream(compare):
    app = f"leaves-{uuid.uuid4().hex}"

    def run(url, sim):
        client = openai_client(url, sim, headers={"weir-app": app})
        stream = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        heard = [next(stream).choices[0].delta.content for _ in range(4)]
        stream.close()
        client.close()
        return "".join(heard)

    before = compare.stand.tally()["cancelled"]
    heard, _ = compare.through(run, "chunks=500;chunk_ms=20")
    eventually("the provider's stream to be cancelled", lambda: compare.stand.tally()["cancelled"] > before)
    span = cancelled_span(compare.stand, app)
    assert (span["status"], span["error_type"], span["http_status"]) == ("error", "cancelled", 499)
    assert span["ttft_us"] is not None
    assert heard in span["output"], "what was consumed is kept"
    assert span["tokens_estimated"] is True
    assert 0 < int(span["output_tokens"]) < 400


def test_a_stream_that_the_provider_cuts(compare):
    app = f"cut-{uuid.uuid4().hex}"

    def run(url, sim):
        client = openai_client(url, sim, headers={"weir-app": app})
        stream = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
        heard = ""
        with pytest.raises(Exception) as caught:
            for chunk in stream:
                heard += chunk.choices[0].delta.content or ""
        return heard, type(caught.value).__name__

    (heard, _), _ = compare.through(run, "chunks=50;cut_after=10")
    assert heard
    span = cancelled_span(compare.stand, app)
    assert span["status"] == "error"
    assert span["error_type"] not in (None, "cancelled")


def test_an_error_inside_a_stream(compare):
    def run(url, sim):
        client = openai_client(url, sim)
        stream = client.chat.completions.create(
            model="gpt-4o", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        with pytest.raises(openai.APIError) as caught:
            list(stream)
        return caught.value.message

    comparison = compare.run(run, "chunks=50;error_after=10")
    assert comparison.result == comparison.direct
    assert comparison.exchange.body == comparison.direct_exchanges[0].body
    span = comparison.span()
    assert (span["status"], span["error_type"]) == ("error", "server_error")


def make_key(stand, **settings):
    return post(f"{stand.strict.url}/api/keys", {"name": "test", **settings})["secret"]
