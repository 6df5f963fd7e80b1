//! The live stream over HTTP, event by event.

use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use weir_types::{Content, Record, RecordSink, SinkError, Span, SpanKind};

use crate::client::Weir;
use crate::fakes::{SPAN, full_span};

struct Nowhere;

impl RecordSink for Nowhere {
    fn append(&self, _: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

/// An open stream.
struct Stream {
    lines: tokio::io::Lines<BufReader<OwnedReadHalf>>,
    _writer: OwnedWriteHalf,
}

impl Stream {
    async fn open(weir: &Weir, query: &str) -> Self {
        let stream = TcpStream::connect(weir.addr).await.unwrap();
        let (reader, mut writer) = stream.into_split();
        let request = format!("GET /api/live{query} HTTP/1.1\r\nhost: {}\r\n\r\n", weir.addr);
        writer.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(reader).lines();
        let mut head = Vec::new();
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        assert!(head[0].contains("200"), "{head:?}");
        assert!(head.iter().any(|line| line == "content-type: text/event-stream"), "{head:?}");
        Self { lines, _writer: writer }
    }

    /// The name and the data of the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, Value)> {
        let mut name = String::new();
        while let Some(line) = self.lines.next_line().await.unwrap() {
            // The chunk of length zero, with which a chunked body ends.
            if line == "0" {
                return None;
            }
            if let Some(event) = line.strip_prefix("event: ") {
                event.clone_into(&mut name);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
        }
        None
    }
}

fn record(span: Span) -> Record {
    Record::Span(Box::new(span))
}

#[tokio::test]
async fn a_watcher_sees_the_spans_it_asked_for_as_lists_show_them() {
    let weir = Weir::start().await;
    let sink = weir.live.tap(Arc::new(Nowhere));
    let mut stream = Stream::open(&weir, "?filter=team:payments&kinds=llm,embedding").await;
    let other_team = Span { team: Some("search".into()), ..full_span() };
    let tool = Span { kind: SpanKind::Tool, ..full_span() };
    let wanted = Span { input: Some(Content::new("ü".repeat(5_000))), ..full_span() };
    sink.append(&[record(other_team), record(tool), record(wanted)]).unwrap();
    let (name, span) = stream.next().await.unwrap();
    assert_eq!((name.as_str(), &span["span_id"], &span["kind"]), ("span", &SPAN.into(), &"llm".into()));
    assert_eq!(span["input"].as_str().unwrap().chars().count(), 1_000);
    assert_eq!((&span["attributes"], &span["tools"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn more_than_a_person_can_read_is_counted_and_not_shown() {
    let weir = Weir::start().await;
    let sink = weir.live.tap(Arc::new(Nowhere));
    let mut stream = Stream::open(&weir, "").await;
    sink.append(&vec![record(full_span()); 400]).unwrap();
    let (mut shown, mut skipped) = (0, 0);
    while shown + skipped < 400 {
        match stream.next().await.unwrap() {
            (name, _) if name == "span" => shown += 1,
            (name, told) if name == "skipped" => skipped += told["count"].as_u64().unwrap(),
            (name, _) => panic!("{name}"),
        }
    }
    assert_eq!(shown + skipped, 400, "each span is shown or counted");
    assert!(skipped >= 200, "{skipped} were skipped");
}

#[tokio::test]
async fn the_end_of_the_feed_ends_the_stream() {
    let weir = Weir::start().await;
    let mut stream = Stream::open(&weir, "").await;
    weir.live.end();
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn what_is_wrong_with_a_watcher_is_named() {
    let weir = Weir::start().await;
    weir.get("/api/live?filter=team%20(").await.refused(400, "invalid_expression");
    let message = weir.get("/api/live?kinds=llm,phone").await.refused(400, "invalid_parameter");
    assert!(message.contains("`kinds`") && message.contains("llm,phone"), "{message}");
}
