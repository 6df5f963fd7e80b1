"""Who a call is charged to: headers, the request's own fields, trace context, virtual keys."""

import uuid

import openai
import pytest
from clients import anthropic_client, openai_client
from harness.stand import post

MESSAGES = [{"role": "user", "content": "Hello"}]


def call(url, headers=None, **options):
    """One call through Weir; returns the raw response."""
    client = openai_client(url, "", headers=headers or {}, api_key=options.pop("api_key", "sk-client"))
    return client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES, **options)


def test_weirs_headers(stand):
    headers = {
        "weir-team": "payments",
        "weir-app": "checkout",
        "weir-agent": "dispute-analyst",
        "weir-session": "ses-1",
        "weir-user": "u-42",
        "weir-tags": "env=prod,tier=gold",
    }
    span = stand.weir.span(call(stand.weir.url, headers).headers["weir-span-id"])
    named = {name: span[name] for name in ("team", "app", "agent", "session", "user", "env")}
    assert named == {
        "team": "payments",
        "app": "checkout",
        "agent": "dispute-analyst",
        "session": "ses-1",
        "user": "u-42",
        "env": "prod",
    }
    assert "gold" in span["attributes"]


def test_weirs_headers_do_not_reach_the_provider(stand):
    name = uuid.uuid4().hex
    client = openai_client(stand.weir.url, f"id={name}", headers={"weir-team": "payments"})
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    (request,) = stand.arrived(name)
    sent = dict(request["headers"])
    assert not [header for header in sent if header.startswith("weir-")]
    assert sent["authorization"] == "Bearer sk-client", "the client's own key is passed on"


def test_the_requests_own_fields(stand):
    response = call(stand.weir.url, user="u-7", metadata={"team": "search", "agent": "ranker"})
    span = stand.weir.span(response.headers["weir-span-id"])
    assert (span["user"], span["team"], span["agent"]) == ("u-7", "search", "ranker")


def test_headers_win_over_the_request(stand):
    response = call(stand.weir.url, {"weir-user": "from-header"}, user="from-body")
    assert stand.weir.span(response.headers["weir-span-id"])["user"] == "from-header"


def test_anthropics_user(stand):
    client = anthropic_client(stand.weir.url, "")
    response = client.messages.with_raw_response.create(
        model="claude-haiku-4-5", max_tokens=50, messages=MESSAGES, metadata={"user_id": "u-9"}
    )
    assert stand.weir.span(response.headers["weir-span-id"])["user"] == "u-9"


def test_other_gateways_headers(stand):
    headers = {"helicone-user-id": "u-1", "helicone-session-id": "s-1", "helicone-property-team": "growth"}
    span = stand.weir.span(call(stand.weir.url, headers).headers["weir-span-id"])
    assert (span["user"], span["session"], span["team"]) == ("u-1", "s-1", "growth")


def test_a_trace_goes_on(stand):
    name, trace, parent = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex[:16]
    client = openai_client(stand.weir.url, f"id={name}", headers={"traceparent": f"00-{trace}-{parent}-01"})
    response = client.chat.completions.with_raw_response.create(model="gpt-4o-mini", messages=MESSAGES)
    span = stand.weir.span(response.headers["weir-span-id"])
    assert (span["trace_id"], span["parent_id"]) == (trace, parent)
    (request,) = stand.arrived(name)
    assert dict(request["headers"])["traceparent"].split("-")[1] == trace


def test_a_virtual_key_is_charged_and_its_limits_hold(stand):
    url = stand.strict.url
    made = post(f"{url}/api/keys", {"name": "ci", "team": "platform", "app": "ci", "models": ["gpt-4o*"]})
    secret = made["secret"]
    assert secret.startswith("wk-")
    # The key's team cannot be changed by a header.
    response = call(url, {"weir-team": "someone-else"}, api_key=secret)
    span = stand.strict.span(response.headers["weir-span-id"])
    assert (span["team"], span["app"]) == ("platform", "ci")
    assert span["key_id"].startswith("key_")
    assert secret not in str(span)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        openai_client(url, "", api_key=secret).chat.completions.create(model="o4-mini", messages=MESSAGES)
    assert "o4-mini" in refused.value.message


def test_a_wrong_virtual_key_is_refused(stand):
    with pytest.raises(openai.AuthenticationError):
        call(stand.strict.url, api_key="wk-nonsense")


def test_a_virtual_key_never_reaches_the_provider(stand):
    made = post(f"{stand.strict.url}/api/keys", {"name": "secret"})
    secret, name = made["secret"], uuid.uuid4().hex
    client = openai_client(stand.strict.url, f"id={name}", api_key=secret)
    client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)
    (request,) = stand.arrived(name)
    assert secret not in str(request)
