//! Clients that send nonsense, too much or too slowly: each is told so in its own dialect and recorded, and the same Weir
//! goes on serving others.
//!
//! When slow clients are cut is tested at the gateway, where the times can be set; here they must be in nobody's way.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::*;

/// What a client sends, and what it is told.
struct Fault {
    name: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static [u8],
    status: u16,
    code: &'static str,
}

const fn body(name: &'static str, body: &'static [u8], code: &'static str) -> Fault {
    Fault { name, headers: &[], body, status: 400, code }
}

const FAULTS: &[Fault] = &[
    body("json that is cut", br#"{"model":"gpt-4o-mini""#, "invalid_json"),
    body("json with a stray comma", br#"{"model":"gpt-4o-mini",}"#, "invalid_json"),
    body("two documents", br#"{"model":"gpt-4o-mini"}{}"#, "invalid_json"),
    body("a list", b"[1]", "not_an_object"),
    body("no model", br#"{"messages":[]}"#, "model_missing"),
    body("a model that is a number", br#"{"model":7}"#, "model_missing"),
    body("bytes that are no text", b"{\"model\":\"gpt-4o-mini\xff\"}", "invalid_utf8"),
    body("half of a character", b"{\"model\":\"gpt\xe2\x82\"}", "invalid_utf8"),
    Fault {
        status: 404,
        ..body("a model that nobody has", br#"{"model":"no-such-model"}"#, "model_unknown")
    },
    Fault {
        headers: &[("content-encoding", "gzip")],
        ..body("a compressed body", b"\x1f\x8b", "unsupported_content_encoding")
    },
];

#[tokio::test]
async fn faulty_requests_are_refused_in_the_dialect_of_their_client_and_recorded() {
    let (simulator, weir) = weir_before_simulator("").await;
    for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/messages"] {
        for fault in FAULTS {
            // Whoever speaks Anthropic's dialect means Anthropic: it knows its models better than Weir.
            if fault.code == "model_unknown" && path == "/v1/messages" {
                continue;
            }
            let name = format!("{} at {path}", fault.name);
            let answer = weir.post(path, fault.headers, fault.body).await.unwrap();
            assert_eq!(answer.status, fault.status, "{name}: {}", answer.text());
            assert_eq!(answer.header("weir-error"), fault.code, "{name}");
            assert_error_shape(&name, path, &answer);
            let span = span_of(&weir, &answer).await;
            assert_eq!(span["status"], "error", "{name}");
            assert_eq!(span["error_type"], fault.code, "{name}");
            assert_eq!(span["http_status"], fault.status, "{name}");
        }
    }
    assert_eq!(simulator.tally().requests, 0, "nothing of it reached the provider");
    assert_serves(&weir).await;
}

#[track_caller]
fn assert_error_shape(name: &str, path: &str, answer: &Answer) {
    let body = answer.json();
    assert!(body["error"]["message"].as_str().is_some_and(|text| !text.is_empty()), "{name}: {body}");
    assert!(body["error"]["type"].is_string(), "{name}: {body}");
    if path == "/v1/messages" {
        assert_eq!(body["type"], "error", "{name}: {body}");
    } else {
        assert_eq!(body["error"]["code"], answer.header("weir-error"), "{name}: {body}");
    }
}

#[tokio::test]
async fn a_wrong_content_type_is_refused() {
    let (_simulator, weir) = weir_before_simulator("").await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
    {
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ncontent-type: {content_type}\r\ncontent-length: 2\r\n\
             connection: close\r\n\r\n{{}}"
        );
        let answer = raw(&weir, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("unsupported_content_type") && answer.contains(content_type), "{answer}");
    }
    assert_serves(&weir).await;
}

/// A body of 100 MB: over the limit of 64 MiB.
const HUGE_BYTES: usize = 100_000_000;
/// What taking such a body in may cost at most: it is thrown away as it comes.
const GROWTH_BYTES_MAX: u64 = 48 * 1024 * 1024;

#[tokio::test]
async fn a_body_of_100_mb_is_refused_and_not_kept_in_memory() {
    let (simulator, weir) = weir_before_simulator("").await;
    assert_serves(&weir).await;
    let before = peak_memory_bytes(&weir);
    let answer = weir.post("/v1/chat/completions", &[], Bytes::from(vec![b' '; HUGE_BYTES])).await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.header("weir-error")), (413, "body_too_large"));
    assert!(
        answer.json()["error"]["message"].as_str().unwrap().contains("67108864 bytes"),
        "{}",
        answer.text()
    );
    let growth = peak_memory_bytes(&weir) - before;
    assert!(growth < GROWTH_BYTES_MAX, "it took {growth} bytes");
    let span = span_of(&weir, &answer).await;
    assert_eq!((&span["error_type"], &span["http_status"]), (&"body_too_large".into(), &413.into()));
    assert_eq!(simulator.tally().requests, 1);
    assert_serves(&weir).await;
}

/// The most memory that the process ever had.
fn peak_memory_bytes(weir: &WeirProcess) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", weir.pid().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn many_slow_clients_are_in_nobodys_way() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let mut slow = Vec::new();
    for number in 0..200 {
        let mut stream = TcpStream::connect(weir.address()).await.unwrap();
        let begun: &[u8] = match number % 3 {
            0 => b"POST /v1/chat/compl",
            1 => b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\nx-slow: ",
            _ => {
                b"POST /v1/chat/completions HTTP/1.1\r\nhost: weir\r\ncontent-length: 1000\r\n\r\n{\"model\""
            }
        };
        stream.write_all(begun).await.unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        for stream in &mut slow {
            stream.write_all(b"x").await.unwrap();
        }
        assert_serves(&weir).await;
    }
}

#[tokio::test]
async fn what_is_not_http_ends_its_connection_and_no_other() {
    let (_simulator, weir) = weir_before_simulator("").await;
    let mut random = fastrand::Rng::with_seed(7);
    let noise: Vec<u8> = (0..4_096).map(|_| random.u8(..)).collect();
    let long = format!("GET / HTTP/1.1\r\nx-long: {}\r\n\r\n", "x".repeat(1 << 20));
    for garbage in
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", &noise[..], b"\0\0\0\0\r\n\r\n", long.as_bytes()]
    {
        let answer = raw(&weir, garbage).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert_serves(&weir).await;
    }
}

/// Sends bytes and reads until the other side ends the connection.
async fn raw(weir: &WeirProcess, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(weir.address()).await.unwrap();
    // The other side may have seen enough before all is sent; what it answers is read all the same.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(weir_testkit::DEADLINE, stream.read_to_end(&mut answer)).await;
    let _ = read.expect("the connection is not ended");
    String::from_utf8_lossy(&answer).into_owned()
}
