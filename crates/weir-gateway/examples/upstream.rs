//! A provider as cheap as can be, for measuring what stands before it.
//!
//! `upstream LISTEN [PAUSE_US]`: answers every POST with a chat completion of about 1 kB, or, when the request's body holds
//! `"stream":true`, with 200 chunks, each written by itself and followed by a pause if one is given.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const CHUNKS: usize = 200;

struct Answers {
    whole: Vec<u8>,
    stream_head: &'static [u8],
    chunks: Vec<Vec<u8>>,
    pause: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, rest @ ..] = arguments.as_slice() else {
        return Err("usage: upstream LISTEN [PAUSE_US]".into());
    };
    let pause_us = rest.first().map_or(Ok(0), |pause| pause.parse())?;
    let answers = Arc::new(answers(Duration::from_micros(pause_us)));
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        tokio::spawn(async move { serve(stream, &answers).await.unwrap_or_default() });
    }
}

fn answers(pause: Duration) -> Answers {
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(14);
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}","refusal":null}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":20,"completion_tokens":120,"total_tokens":140}},"system_fingerprint":"fp_1"}}"#
    );
    let mut whole = String::new();
    let _ = write!(
        whole,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-request-id: req_1\r\n\r\n{body}",
        body.len()
    );
    let event = |delta: &str, end: &str| {
        format!(
            r#"data: {{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","choices":[{{"index":0,"delta":{delta},"finish_reason":{end}}}]}}"#
        ) + "\n\n"
    };
    let mut events: Vec<String> = (0..CHUNKS - 3).map(|_| event(r#"{"content":" word"}"#, "null")).collect();
    events.push(event("{}", r#""stop""#));
    events.push(
        concat!(
            r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"gpt-4o-2024-08-06","#,
            r#""choices":[],"usage":{"prompt_tokens":20,"completion_tokens":198,"total_tokens":218}}"#,
            "\n\n"
        )
        .to_owned(),
    );
    events.push("data: [DONE]\n\n".to_owned());
    let framed = |event: String| format!("{:x}\r\n{event}\r\n", event.len()).into_bytes();
    let mut chunks: Vec<Vec<u8>> = events.into_iter().map(framed).collect();
    if let Some(last) = chunks.last_mut() {
        last.extend_from_slice(b"0\r\n\r\n");
    }
    let stream_head =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    Answers { whole: whole.into_bytes(), stream_head, chunks, pause }
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut request = Vec::with_capacity(8 * 1024);
    loop {
        let Some(length) = whole_request(&request) else {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let is_stream = memchr::memmem::find(&request[..length], br#""stream":true"#).is_some();
        request.drain(..length);
        if !is_stream {
            stream.write_all(&answers.whole).await?;
            continue;
        }
        stream.write_all(answers.stream_head).await?;
        for chunk in &answers.chunks {
            stream.write_all(chunk).await?;
            if !answers.pause.is_zero() {
                tokio::time::sleep(answers.pause).await;
            }
        }
    }
}

/// The length of the first request, once all of it is here.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let total = head + length.unwrap_or(0);
    (bytes.len() >= total).then_some(total)
}
