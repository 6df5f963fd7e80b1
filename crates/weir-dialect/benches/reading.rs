//! What reading costs on the hot path: `cargo bench -p weir-dialect`.
//!
//! `cargo bench -p weir-dialect -- PART` runs the lines whose name holds PART. No statistics: each line is the best of several rounds, in nanoseconds, on data like that of real calls. The numbers
//! to watch are those per chunk (target: a microsecond for 200 bytes) and per kilobyte of request (two microseconds).

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints and may panic")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use weir_dialect::{
    Dialect, RequestEdit, StreamOptions, StreamReader, read_request, read_response, rewrite_request,
};

const ROUNDS: u32 = 15;

/// Prints the best time of one unit of work; `run` does `units` of them.
fn measure(name: &str, units: usize, mut run: impl FnMut()) {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    if wanted.is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let best = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .min()
        .unwrap();
    println!("{name:<58} {:>9.0} ns", best.as_nanos() as f64 / units as f64);
}

fn chunks(count: usize, more: &str) -> Vec<Bytes> {
    let chunk = format!(
        "data: {{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\"created\":1741569952,\
         \"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word\"}},\"finish_reason\":null}}]{more}}}\n\n"
    );
    let done = Bytes::from_static(b"data: [DONE]\n\n");
    std::iter::repeat_n(Bytes::from(chunk), count).chain([done]).collect()
}

fn stream(name: &str, dialect: Dialect, strip_usage: bool, pieces: &[Bytes]) {
    const STREAMS: usize = 200;
    let bytes = pieces[0].len();
    measure(&format!("{name} ({bytes} B), per chunk"), STREAMS * pieces.len(), || {
        for _ in 0..STREAMS {
            let mut reader =
                StreamReader::new(dialect, StreamOptions { strip_usage, content_bytes_max: 1 << 20 });
            for piece in pieces {
                black_box(reader.push(piece.clone()));
            }
            black_box(reader.finish());
        }
    });
}

fn main() {
    let plain = chunks(200, "");
    stream("chat stream", Dialect::OpenAiChat, false, &plain);
    stream("chat stream, strip on, nothing to strip", Dialect::OpenAiChat, true, &plain);
    stream("chat stream, usage:null stripped", Dialect::OpenAiChat, true, &chunks(200, ",\"usage\":null"));
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" word\"}}\n\n";
    let start = "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
    let mut pieces = vec![Bytes::from(start)];
    pieces.extend(std::iter::repeat_n(Bytes::from(delta), 200));
    stream("messages stream", Dialect::AnthropicMessages, false, &pieces);
    let delta = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":7,\"item_id\":\"msg_67ccd2bf17f0819081ff3bb2cf6508e6\",\"output_index\":0,\"content_index\":0,\"delta\":\" word\",\"logprobs\":[]}\n\n";
    stream("responses stream", Dialect::OpenAiResponses, false, &vec![Bytes::from(delta); 200]);

    let message =
        format!("{{\"role\":\"user\",\"content\":\"{}\"}}", "Some words of a prompt, é. ".repeat(40));
    for messages in [1, 30, 1_000] {
        let list = vec![message.as_str(); messages].join(",");
        let body =
            format!("{{\"model\":\"gpt-4o\",\"messages\":[{list}],\"stream\":true,\"temperature\":0.2}}");
        let kilobytes = body.len() / 1_000;
        let name = format!("request of {kilobytes} kB");
        measure(&format!("{name}, read, per kB"), 100 * kilobytes, || {
            for _ in 0..100 {
                black_box(read_request(Dialect::OpenAiChat, body.as_bytes()).unwrap());
            }
        });
        let edit = RequestEdit { model: Some("other"), ask_for_stream_usage: true };
        measure(&format!("{name}, rewritten, per kB"), 100 * kilobytes, || {
            for _ in 0..100 {
                black_box(rewrite_request(Dialect::OpenAiChat, body.as_bytes(), &edit).unwrap());
            }
        });
    }
    let body = format!(
        "{{\"id\":\"c\",\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":9,\"completion_tokens\":200,\"total_tokens\":209}}}}",
        "An answer, ".repeat(80)
    );
    measure(&format!("answer of {} B, read", body.len()), 1_000, || {
        for _ in 0..1_000 {
            black_box(read_response(Dialect::OpenAiChat, body.as_bytes()));
        }
    });
}
