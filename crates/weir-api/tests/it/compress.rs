//! Compressed answers.

use std::io::Read as _;

use flate2::read::GzDecoder;

use crate::client::Weir;

#[tokio::test]
async fn a_client_that_reads_gzip_gets_it_and_the_same_json() {
    let weir = Weir::start().await;
    let plain = weir.get("/api/openapi.json").await;
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
    let call = weir.call("GET", "/api/openapi.json").header("accept-encoding", "br, gzip");
    let packed = call.send().await;
    assert_eq!((packed.status, packed.header("content-encoding")), (200, Some("gzip")));
    assert!(packed.body.len() < plain.body.len() / 2, "{} of {}", packed.body.len(), plain.body.len());
    let mut unpacked = Vec::new();
    GzDecoder::new(&packed.body[..]).read_to_end(&mut unpacked).unwrap();
    assert_eq!(unpacked, plain.body);
}

#[tokio::test]
async fn small_answers_and_errors_are_sent_as_they_are() {
    let weir = Weir::start().await;
    for path in ["/api/session", "/api/spans?limit=0", "/healthz"] {
        let reply = weir.call("GET", path).header("accept-encoding", "gzip").send().await;
        assert_eq!(reply.header("content-encoding"), None, "{path}");
        serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap();
    }
}
