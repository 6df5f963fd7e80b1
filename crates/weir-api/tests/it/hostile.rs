//! Input that is broken or meant to break: each gets a clear error, and the server goes on.

use serde_json::json;

use crate::client::{Weir, send};

#[tokio::test]
async fn a_body_over_the_limit_is_refused_without_being_read() {
    let weir = Weir::start().await;
    let call = weir.call("POST", "/api/sql").header("content-type", "application/json");
    let reply = call.body(vec![b' '; 8 * 1024 * 1024]).send().await;
    assert!(reply.refused(413, "invalid_body").contains("1048576 bytes"));

    // The length is claimed and the body never comes: the answer does not wait for it.
    let head = format!(
        "POST /api/sql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 100000000000\r\nconnection: close\r\n\r\n",
        weir.addr
    );
    send(weir.addr, head.as_bytes()).await.refused(413, "invalid_body");
    assert_eq!(weir.get("/healthz").await.status, 200);
}

/// The clock is paused: it jumps ahead whenever nothing else is left to do.
#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let weir = Weir::start().await;
    let head = format!(
        "POST /api/sql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: 100\r\nconnection: close\r\n\r\n{{",
        weir.addr
    );
    assert!(send(weir.addr, head.as_bytes()).await.refused(408, "invalid_body").contains("10 s"));
}

#[tokio::test]
async fn a_chunked_body_over_the_limit_is_refused_too() {
    let weir = Weir::start().await;
    let mut bytes = format!(
        "POST /api/sql HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        weir.addr
    )
    .into_bytes();
    let chunk = vec![b' '; 64 * 1024];
    for _ in 0..32 {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(&chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    send(weir.addr, &bytes).await.refused(413, "invalid_body");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_refused() {
    let weir = Weir::start().await;
    let call = weir.call("POST", "/api/sql").header("content-type", "application/json");
    call.body(b"{\"sql\":\"\xff\xfe\"}".to_vec()).send().await.refused(400, "invalid_body");
    let deep = format!("{{\"sql\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let call = weir.call("POST", "/api/sql").header("content-type", "application/json");
    call.body(deep).send().await.refused(400, "invalid_body");
    assert_eq!(weir.post("/api/sql", &json!({"sql": "SELECT 1"})).await.status, 200);
}

#[tokio::test]
async fn paths_that_climb_reach_nothing() {
    let weir = Weir::start().await;
    for path in [
        "/../Cargo.toml",
        "/assets/../../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/%2e%2e%2f%2e%2e%2fetc%2fpasswd.txt",
        "//etc/passwd.txt",
        "/index.html/..",
        "/\\..\\windows.ini",
        "/%00.html",
        "/%ff.js",
    ] {
        weir.call("GET", path).header("accept", "*/*").send().await.refused(404, "not_found");
    }
    for path in ["/api/../index.html", "/api/%2e%2e/index.html", "/api//status", "/api/", "/api"] {
        weir.call("GET", path).header("accept", "text/html").send().await.refused(404, "not_found");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_are_told_apart() {
    let weir = Weir::start().await;
    assert!(weir.get("/api/span").await.refused(404, "not_found").contains("/api/span"));
    assert!(
        weir.call("DELETE", "/api/spans").send().await.refused(405, "method_not_allowed").contains("DELETE")
    );
    weir.call("PUT", "/api/keys").send().await.refused(405, "method_not_allowed");
    weir.call("POST", "/").send().await.refused(405, "method_not_allowed");
    weir.call("POST", "/anything").send().await.refused(405, "method_not_allowed");
}

#[tokio::test]
async fn a_long_bad_value_is_not_repeated_whole() {
    let weir = Weir::start().await;
    let long = "z".repeat(6_000);
    for path in [
        format!("/api/query?expr={long}{long}{long}"),
        format!("/api/spans?from={long}"),
        format!("/api/{long}"),
        format!("/api/traces/{long}"),
    ] {
        let reply = weir.get(&path).await;
        assert!((400..500).contains(&reply.status));
        assert!(reply.body.len() < 600, "{} bytes", reply.body.len());
    }
}
