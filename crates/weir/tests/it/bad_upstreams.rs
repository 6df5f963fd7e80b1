//! Providers that hang, break off or talk nonsense: the client is told, the call is recorded as what it was, and the same
//! Weir goes on.

use crate::support::*;

/// Times that are short for a test and long for a busy machine, and one attempt, so that each fault is seen as it is.
const IMPATIENT: &str = "[gateway]
timeouts = { first_byte_ms = 2000, idle_stream_ms = 1000 }
retry = { retries_max = 0 }
breaker = { failures = 0 }
";

/// With stated tokens the simulator need not count any, which takes it long the first time.
const QUICK: &str = "input_tokens=3;output_tokens=5";

#[tokio::test]
async fn a_provider_that_gives_no_answer_is_told_apart_by_why() {
    let (_simulator, weir) = weir_before_simulator(IMPATIENT).await;
    for (directive, status, code, error_type) in [
        ("hang", 504, "upstream_timeout", "timeout"),
        ("cut_after=20", 502, "upstream_cut", "upstream_cut"),
        ("reset", 503, "upstream_unreachable", "upstream_unreachable"),
    ] {
        for (path, body) in [("/v1/chat/completions", chat(false)), ("/v1/messages", message(false))] {
            let directives = format!("{QUICK};{directive}");
            let answer = weir.post(path, &[(SIM_HEADER, &directives)], body).await.unwrap();
            assert_eq!(answer.status, status, "{directive}: {}", answer.text());
            assert_eq!(answer.header("weir-error"), code, "{directive}");
            assert!(answer.json()["error"]["message"].is_string(), "{directive}: {}", answer.text());
            let span = span_of(&weir, &answer).await;
            assert_eq!(
                (&span["status"], &span["error_type"]),
                (&"error".into(), &error_type.into()),
                "{directive}"
            );
            assert_eq!(span["http_status"], status, "{directive}");
        }
        assert_serves(&weir).await;
    }
}

#[tokio::test]
async fn a_stream_that_ends_badly_ends_badly_for_the_client_too_and_is_recorded_as_that() {
    let (_simulator, weir) = weir_before_simulator(IMPATIENT).await;
    for (directive, error_type) in [("hang_after=3", "timeout"), ("cut_after=3", "upstream_cut")] {
        for (path, body) in [("/v1/chat/completions", chat(true)), ("/v1/messages", message(true))] {
            let url = weir.url(path);
            let directives = format!("{QUICK};{directive}");
            let headers = [(SIM_HEADER, &*directives)];
            let mut answer = HttpClient.open_post(&url, &headers, body).await.unwrap();
            let span_id = answer.headers["weir-span-id"].to_str().unwrap().to_owned();
            assert_eq!(answer.status, 200);
            let first = answer.next().await.unwrap();
            assert!(first.is_some_and(|bytes| !bytes.is_empty()), "{directive}: what came is passed on");
            assert!(answer.read().await.is_err(), "{directive} at {path}: an orderly end would be a lie");
            let span = span(&weir, &span_id).await;
            assert_eq!(
                (&span["status"], &span["error_type"]),
                (&"error".into(), &error_type.into()),
                "{directive}"
            );
        }
        assert_serves(&weir).await;
    }
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_named() {
    let nobody = weir_testkit::free_address().unwrap();
    let config = format!("{IMPATIENT}\n[providers.openai]\nbase_url = \"http://{nobody}/v1\"\n");
    let weir = WeirProcess::start(&config).await.unwrap();
    let answer = weir.post("/v1/chat/completions", &[], chat(true)).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("weir-error")), (503, "upstream_unreachable"));
    assert!(answer.text().contains("openai"), "{}", answer.text());
    assert_eq!(span_of(&weir, &answer).await["error_type"], "upstream_unreachable");
}

#[tokio::test]
async fn garbage_with_status_200_passes_unchanged_and_is_recorded_as_no_answer() {
    let (_simulator, weir) = weir_before_simulator(IMPATIENT).await;
    for stream in [false, true] {
        let directives = format!("{QUICK};content_type=application/json;garbage");
        let headers = [(SIM_HEADER, &*directives)];
        let answer = weir.post("/v1/chat/completions", &headers, chat(stream)).await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains("502 Bad Gateway"), "{}", answer.text());
        let span = span_of(&weir, &answer).await;
        assert_eq!((&span["status"], &span["error_type"]), (&"error".into(), &"upstream_invalid".into()));
    }
    assert_serves(&weir).await;
}

#[tokio::test]
async fn an_error_of_the_provider_passes_unchanged_and_is_recorded_by_its_kind() {
    let (_simulator, weir) = weir_before_simulator(IMPATIENT).await;
    for (status, kind) in
        [(400, "invalid_request"), (401, "authentication"), (429, "rate_limit"), (500, "server_error")]
    {
        let answer = ask(&weir, &format!("{QUICK};status={status}")).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("weir-error"), "", "it is the provider's error and not Weir's");
        assert!(answer.json()["error"]["message"].is_string());
        let span = span_of(&weir, &answer).await;
        assert_eq!((&span["error_type"], &span["http_status"]), (&kind.into(), &status.into()));
    }
}

#[tokio::test]
async fn gigantic_and_tiny_chunks_arrive_whole_with_exact_tokens() {
    let (_simulator, weir) = weir_before_simulator("").await;
    for (directive, text_bytes) in
        [("gigantic=8000000", 8_000_000), ("split=1;chunks=5", 0), ("crlf;comments;split=7", 0)]
    {
        for stream in [false, true] {
            let directives = format!("input_tokens=12;output_tokens=34;{directive}");
            let headers = [(SIM_HEADER, &*directives)];
            let answer = weir.post("/v1/chat/completions", &headers, chat(stream)).await.unwrap();
            let text = answer.text();
            assert_eq!(answer.status, 200, "{text}");
            assert!(text.len() > text_bytes, "{directives}: {} bytes", text.len());
            assert!(!stream || text.trim_end().ends_with("data: [DONE]"), "{directives}");
            let span = span_of(&weir, &answer).await;
            assert_eq!(span["status"], "ok", "{directives}");
            assert_eq!(
                (&span["input_tokens"], &span["output_tokens"]),
                (&12.into(), &34.into()),
                "{directives}"
            );
        }
    }
    assert_serves(&weir).await;
}
