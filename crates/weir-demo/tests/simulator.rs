//! The simulated provider from outside: real sockets, real bytes.
#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use serde_json::{Value, json};
use weir_testkit::{Answer, HttpClient, RunningProvider, eventually, start_simulator};

const CLIENT: HttpClient = HttpClient;

async fn post(provider: &RunningProvider, path: &str, sim: &str, body: &Value) -> Answer {
    let url = format!("http://{}{path}", provider.address());
    CLIENT.post(&url, &[("x-sim", sim)], body.to_string()).await.unwrap()
}

fn chat(stream: bool) -> Value {
    json!({"model": "gpt-4o", "stream": stream, "messages": [{"role": "user", "content": "Hello"}]})
}

/// The JSON of the events of a stream, without `[DONE]`.
fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str(data).unwrap()).collect()
}

fn streamed_text(answer: &Answer) -> String {
    events(answer).iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect()
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_other_calls_differ() {
    let provider = start_simulator().await.unwrap();
    for (path, body) in [
        ("/v1/chat/completions", chat(false)),
        ("/v1/chat/completions", chat(true)),
        ("/v1/responses", json!({"model": "gpt-5", "input": "Hello", "stream": true})),
        (
            "/v1/messages",
            json!({"model": "claude-sonnet-4-5", "max_tokens": 99, "messages": [{"role": "user", "content": "Hello"}]}),
        ),
    ] {
        let first = post(&provider, path, "seed=7", &body).await;
        let second = post(&provider, path, "seed=7", &body).await;
        assert_eq!(first.body, second.body, "{path}");
        assert_eq!(first.header("x-request-id"), second.header("x-request-id"), "{path}");
        assert_ne!(first.body, post(&provider, path, "", &body).await.body, "{path}");
    }
    provider.stop().await;
}

#[tokio::test]
async fn a_stream_says_what_the_whole_answer_says() {
    let provider = start_simulator().await.unwrap();
    let whole = post(&provider, "/v1/chat/completions", "seed=3", &chat(false)).await.json();
    let mut with_usage = chat(true);
    with_usage["stream_options"] = json!({"include_usage": true});
    let stream = post(&provider, "/v1/chat/completions", "seed=3", &with_usage).await;
    assert_eq!(streamed_text(&stream), whole["choices"][0]["message"]["content"].as_str().unwrap());
    let events = events(&stream);
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"], whole["usage"]);
    assert!(events[..events.len() - 1].iter().all(|event| event.get("usage") == Some(&Value::Null)));
    assert!(stream.text().ends_with("data: [DONE]\n\n"));

    let without = post(&provider, "/v1/chat/completions", "seed=3", &chat(true)).await;
    assert!(!without.text().contains("usage"));
    provider.stop().await;
}

#[tokio::test]
async fn usage_is_stated_as_asked_and_counted_otherwise() {
    let provider = start_simulator().await.unwrap();
    let stated = post(
        &provider,
        "/v1/chat/completions",
        "input_tokens=1234;output_tokens=56;cached_tokens=1024;reasoning_tokens=8",
        &chat(false),
    )
    .await
    .json();
    assert_eq!(stated["usage"]["prompt_tokens"], 1234);
    assert_eq!(stated["usage"]["completion_tokens"], 56);
    assert_eq!(stated["usage"]["prompt_tokens_details"]["cached_tokens"], 1024);
    assert_eq!(stated["usage"]["completion_tokens_details"]["reasoning_tokens"], 8);
    let counted = post(&provider, "/v1/chat/completions", "", &chat(false)).await.json();
    assert_eq!(counted["usage"]["prompt_tokens"], 8, "one message of one word");
    let message = json!({"model": "claude-haiku-4-5", "max_tokens": 50, "messages": [{"role": "user", "content": "Hi"}]});
    let exclusive =
        post(&provider, "/v1/messages", "input_tokens=100;cached_tokens=60;cache_write_tokens=30", &message)
            .await;
    assert_eq!(exclusive.json()["usage"]["input_tokens"], 10);
    provider.stop().await;
}

#[tokio::test]
async fn an_answer_ends_where_the_limit_is() {
    let provider = start_simulator().await.unwrap();
    let mut body = chat(false);
    body["max_completion_tokens"] = json!(5);
    let answer = post(&provider, "/v1/chat/completions", "", &body).await.json();
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    assert_eq!(answer["usage"]["completion_tokens"], 5);
    provider.stop().await;
}

#[tokio::test]
async fn a_tool_is_called_with_arguments_that_fit_its_schema() {
    let provider = start_simulator().await.unwrap();
    let body = json!({
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "What is the weather in Lisbon?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}],
    });
    let answer = post(&provider, "/v1/chat/completions", "", &body).await.json();
    let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(call["name"], "get_weather");
    assert_eq!(call["arguments"], r#"{"city":"Lisbon"}"#);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    provider.stop().await;
}

#[tokio::test]
async fn the_first_calls_fail_as_often_as_asked_and_each_is_remembered() {
    let provider = start_simulator().await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let answer = post(
            &provider,
            "/v1/chat/completions",
            "fail_first=2&id=a;status=429;retry_after=1",
            &chat(false),
        )
        .await;
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), "1");
            assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
        }
        statuses.push(answer.status.as_u16());
    }
    assert_eq!(statuses, [429, 429, 200]);
    let seen = CLIENT.get(&format!("http://{}/sim/requests?id=a", provider.address())).await.unwrap();
    assert_eq!(seen.json().as_array().unwrap().len(), 3);
    provider.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_is_counted_as_cancelled() {
    let provider = start_simulator().await.unwrap();
    let url = format!("{}/chat/completions", provider.openai_base_url());
    let sim = [("x-sim", "chunks=200;chunk_ms=50")];
    let mut stream = CLIENT.open_post(&url, &sim, chat(true).to_string()).await.unwrap();
    assert!(stream.next().await.unwrap().is_some());
    drop(stream);
    eventually("the stream to be cancelled", async || (provider.tally().cancelled == 1).then_some(()))
        .await
        .unwrap();
    let hanging = CLIENT.open_post(&url, &[("x-sim", "hang=1")], chat(false).to_string());
    tokio::select! {
        _ = hanging => panic!("a call that hangs is not answered"),
        tally = eventually("the call to hang", async || (provider.tally().in_flight == 1).then_some(())) => tally.unwrap(),
    }
    eventually("two cancelled calls", async || (provider.tally().cancelled == 2).then_some(()))
        .await
        .unwrap();
    provider.stop().await;
}

#[tokio::test]
async fn misbehaviour_is_as_asked() {
    let provider = start_simulator().await.unwrap();
    let url = format!("{}/chat/completions", provider.openai_base_url());
    let cut = CLIENT.post(&url, &[("x-sim", "cut_after=3")], chat(true).to_string()).await;
    assert!(cut.is_err(), "the connection closes in the middle of a stream");
    let short = CLIENT.post(&url, &[("x-sim", "cut_after=10")], chat(false).to_string()).await;
    assert!(short.is_err(), "the connection closes before the promised length");
    let reset = CLIENT.post(&url, &[("x-sim", "reset=1")], chat(false).to_string()).await;
    assert!(reset.is_err(), "the connection closes without an answer");

    let garbage = post(&provider, "/v1/chat/completions", "garbage=1", &chat(false)).await;
    assert!(garbage.status.is_success() && garbage.json().is_null());
    let no_done = post(&provider, "/v1/chat/completions", "no_done=1", &chat(true)).await;
    assert!(!no_done.text().contains("[DONE]"));
    let html = post(&provider, "/v1/chat/completions", "content_type=text/html", &chat(false)).await;
    assert_eq!(html.header("content-type"), "text/html");
    let plain = post(&provider, "/v1/chat/completions", "seed=5", &chat(true)).await;
    let split = post(&provider, "/v1/chat/completions", "seed=5;split=7", &chat(true)).await;
    assert_eq!(plain.body, split.body, "other pieces, same bytes");
    let gigantic =
        post(&provider, "/v1/chat/completions", "gigantic=3000000;output_tokens=1", &chat(true)).await;
    assert_eq!(streamed_text(&gigantic).len(), 3_000_000);
    let error = post(&provider, "/v1/chat/completions", "error_after=3", &chat(true)).await;
    assert_eq!(events(&error).last().unwrap()["error"]["type"], "server_error");
    provider.stop().await;
}

#[tokio::test]
async fn lengths_are_as_asked() {
    let provider = start_simulator().await.unwrap();
    let bytes =
        post(&provider, "/v1/chat/completions", "reply_bytes=1000;output_tokens=200", &chat(false)).await;
    assert_eq!(bytes.json()["choices"][0]["message"]["content"].as_str().unwrap().len(), 1_000);
    let chunks = post(&provider, "/v1/chat/completions", "chunks=200;output_tokens=200", &chat(true)).await;
    let with_text = |event: &&Value| {
        event["choices"][0]["delta"]["content"].as_str().is_some_and(|text| !text.is_empty())
    };
    assert_eq!(events(&chunks).iter().filter(with_text).count(), 200);
    provider.stop().await;
}

#[tokio::test]
async fn bad_requests_get_the_providers_words() {
    let provider = start_simulator().await.unwrap();
    let openai = async |body: Value| post(&provider, "/v1/chat/completions", "", &body).await;
    let unknown =
        openai(json!({"model": "nonexistent", "messages": [{"role": "user", "content": "x"}]})).await;
    assert_eq!(
        (unknown.status.as_u16(), unknown.json()["error"]["code"].as_str()),
        (404, Some("model_not_found"))
    );
    let missing = openai(json!({"model": "gpt-4o"})).await;
    assert_eq!((missing.status.as_u16(), missing.json()["error"]["param"].as_str()), (400, Some("messages")));
    let url = format!("{}/chat/completions", provider.openai_base_url());
    let broken = CLIENT.post(&url, &[], "{\"model\": ").await.unwrap();
    assert_eq!(broken.status, 400);
    let wrong_key =
        CLIENT.post(&url, &[("authorization", "Bearer sk-invalid-000")], chat(false).to_string()).await;
    assert_eq!(wrong_key.unwrap().json()["error"]["code"], "invalid_api_key");
    let misspelt = post(&provider, "/v1/chat/completions", "hangs=1", &chat(false)).await;
    assert!(misspelt.text().contains("unknown key"), "{}", misspelt.text());

    let anthropic =
        post(&provider, "/v1/messages", "", &json!({"model": "claude-sonnet-4-5", "messages": []})).await;
    assert_eq!(anthropic.json()["error"]["message"], "max_tokens: Field required");
    let overloaded = json!({"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]});
    let overloaded = post(&provider, "/v1/messages", "status=529", &overloaded).await;
    assert_eq!(overloaded.json()["error"]["type"], "overloaded_error");
    assert_eq!(overloaded.json()["request_id"], overloaded.header("request-id"));
    provider.stop().await;
}

#[tokio::test]
async fn the_companys_questions_get_its_answers_and_its_agents_their_tools() {
    let provider = start_simulator().await.unwrap();
    let answer = post(
        &provider,
        "/v1/chat/completions",
        "",
        &json!({"model": "gpt-4o-mini", "messages": [
            {"role": "user", "content": "Do you ship to Japan and how much is it?"}]}),
    )
    .await
    .json();
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.starts_with("Yes, we ship to Japan."), "{text}");
    provider.stop().await;
}

#[tokio::test]
async fn each_family_lists_its_models_in_its_own_shape() {
    let provider = start_simulator().await.unwrap();
    let url = format!("{}/models", provider.openai_base_url());
    let all = CLIENT.get(&url).await.unwrap().json();
    assert_eq!(all["object"], "list");
    let version = [("anthropic-version", "2023-06-01")];
    let own = CLIENT
        .open(http::Method::GET, &url, &version, bytes::Bytes::new())
        .await
        .unwrap()
        .read()
        .await
        .unwrap();
    let own = own.json();
    assert_eq!(own["has_more"], false);
    assert!(own["data"].as_array().unwrap().len() < all["data"].as_array().unwrap().len());
    provider.stop().await;
}
