//! What the guard adds to a call: microseconds to look at a span whose prompt is short, of 4 kB, and of 64 kB.
//!
//!     cargo run --release -p weir-guard --example guard_bench

#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::Instant;

use weir_guard::{Class, Detector, Guard, GuardSettings, GuardedSink, Kinds};
use weir_types::{
    Content, Record, RecordSink, SinkError, Source, Span, SpanId, SpanKind, TraceId, UnixMicros,
};

/// Times each length is measured; the median is told.
const RUNS: usize = 301;

struct Nothing;

impl RecordSink for Nothing {
    fn append(&self, _: &[Record]) -> Result<(), SinkError> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let guard = Arc::new(Guard::new(GuardSettings::default())?);
    let sink = GuardedSink::new(Arc::new(Nothing), Arc::clone(&guard));
    let secrets = Detector::new(Kinds::of_class(Class::Secret));
    let all = Detector::new(Kinds::of_class(Class::Secret).and(Kinds::of_class(Class::Pii)));
    println!(
        "{:>8} {:>12} {:>12} {:>14} {:>14}",
        "bytes", "whole us", "judge us", "secrets us", "with pii us"
    );
    for bytes in [120, 1_000, 4_000, 16_000, 64_000] {
        let said = "Could you tell me, in a few words, where my order 4711 is and when it will arrive?\n";
        let said = said.repeat(bytes / said.len() + 1);
        let input = serde_json::json!([{ "role": "system", "content": "Answer briefly." }, { "role": "user", "content": &said[..bytes] }]);
        let input = input.to_string();
        let (trace, id) = (TraceId::from_bytes([1; 16]), SpanId::from_bytes([2; 8]));
        let mut span = Span::new(trace, id, SpanKind::Llm, Source::Gateway, UnixMicros(0));
        span.input = Some(Content::new(input.as_str()));
        span.output = Some(Content::new(r#"[{"role":"assistant","content":"It is on its way."}]"#));
        span.attributes = Some(Content::new(
            r#"{"upstream":"api.example.com:443","request_bytes":300,"response_bytes":900}"#,
        ));
        let records = [Record::Span(Box::new(span))];
        let whole = median(|| sink.append(&records).is_ok());
        let judge = median(|| guard.judge(None, &input).flags.is_empty());
        let secret = median(|| secrets.redact_body(&input).is_none());
        let pii = median(|| all.redact_body(&input).is_none());
        println!("{bytes:>8} {whole:>12.1} {judge:>12.1} {secret:>14.1} {pii:>14.1}");
    }
    Ok(())
}

fn median(mut work: impl FnMut() -> bool) -> f64 {
    let mut times: Vec<f64> = (0..RUNS)
        .map(|_| {
            let started = Instant::now();
            assert!(std::hint::black_box(work()));
            started.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[RUNS / 2]
}
