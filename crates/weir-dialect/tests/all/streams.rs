//! Streams: however the bytes are cut, the same is forwarded and the same is read; and a client that did not ask for
//! usage receives what the provider would have sent it directly.

use std::fs;

use bytes::Bytes;
use proptest::prelude::*;
use weir_dialect::{
    Dialect, EVENT_BYTES_MAX, ErrorKind, ResponseFacts, StreamForward, StreamOptions, StreamReader,
};

use crate::support::{Streamed, read_stream, testdata};

const PLAIN: StreamOptions = StreamOptions { strip_usage: false, content_bytes_max: 1 << 20 };
const STRIP: StreamOptions = StreamOptions { strip_usage: true, content_bytes_max: 1 << 20 };

fn chat(options: StreamOptions, stream: &str) -> Streamed {
    read_stream(Dialect::OpenAiChat, options, &[stream.as_bytes()])
}

fn forwarded(streamed: &Streamed) -> &str {
    std::str::from_utf8(&streamed.forwarded).unwrap()
}

/// Every recorded stream, with its dialect and name.
fn recorded() -> Vec<(Dialect, String, Vec<u8>)> {
    let dialects = [
        ("openai_chat", Dialect::OpenAiChat),
        ("openai_completions", Dialect::OpenAiCompletions),
        ("openai_responses", Dialect::OpenAiResponses),
        ("anthropic_messages", Dialect::AnthropicMessages),
    ];
    let mut streams = Vec::new();
    for (folder, dialect) in dialects {
        for case in fs::read_dir(testdata().join(folder)).unwrap() {
            let path = case.unwrap().path().join("stream.sse");
            if let Ok(stream) = fs::read(&path) {
                streams.push((dialect, path.display().to_string(), stream));
            }
        }
    }
    assert!(streams.len() > 20);
    streams
}

fn assert_same(name: &str, whole: &Streamed, cut: &Streamed) {
    assert!(whole.forwarded == cut.forwarded, "{name}: forwarded bytes differ");
    assert!(whole.facts == cut.facts, "{name}: {:?} is not {:?}", whole.facts, cut.facts);
    assert_eq!(whole.saw_terminal, cut.saw_terminal, "{name}");
    assert_eq!(whole.is_complete, cut.is_complete, "{name}");
    assert_eq!(whole.first_tokens, cut.first_tokens, "{name}");
    assert!(cut.first_tokens <= 1, "{name}");
}

#[test]
fn any_two_pieces_of_a_recorded_stream_read_like_the_whole() {
    for (dialect, name, stream) in recorded() {
        for options in [PLAIN, STRIP] {
            let whole = read_stream(dialect, options, &[&stream]);
            if !options.strip_usage {
                assert!(whole.forwarded == stream, "{name}: an unstripped stream is forwarded as it is");
            }
            for at in (0..stream.len()).step_by(if stream.len() > 1_500 { 17 } else { 1 }) {
                let (head, tail) = stream.split_at(at);
                assert_same(&name, &whole, &read_stream(dialect, options, &[head, tail]));
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_same(&name, &whole, &read_stream(dialect, options, &bytes));
        }
    }
}

#[test]
fn stripping_leaves_what_the_provider_would_have_sent_directly() {
    for (dialect, name, stream) in recorded() {
        let stream = String::from_utf8(stream).unwrap();
        let direct = directly(&stream);
        let streamed = read_stream(dialect, STRIP, &[stream.as_bytes()]);
        if matches!(dialect, Dialect::OpenAiChat | Dialect::OpenAiCompletions) {
            assert_eq!(forwarded(&streamed), direct, "{name}");
        } else {
            assert_eq!(forwarded(&streamed), stream, "{name}");
        }
        let unstripped = read_stream(dialect, PLAIN, &[stream.as_bytes()]);
        assert!(streamed.facts == unstripped.facts, "{name}: stripping changes no facts");
    }
}

/// The stream without the question for usage, by plain text: the fixtures write `usage` in one way only.
fn directly(stream: &str) -> String {
    let mut out = String::new();
    let end = if stream.contains("\r\n") {
        "\r\n\r\n"
    } else if stream.contains('\n') {
        "\n\n"
    } else {
        "\r\r"
    };
    for event in stream.split_inclusive(end) {
        let is_usage_only = event.contains(r#""choices":[]"#) && event.contains(r#""usage":{"#);
        if !is_usage_only {
            out.push_str(&event.replace(r#","usage":null"#, ""));
        }
    }
    out
}

#[test]
fn an_event_that_arrives_whole_is_not_copied() {
    let mut reader = StreamReader::new(Dialect::OpenAiChat, STRIP);
    let chunk = Bytes::from_static(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"}}]}\n\n");
    let step = reader.push(chunk.clone());
    let StreamForward::Same(forwarded) = step.forward else { panic!("{:?} is not Same", step.forward) };
    assert_eq!(forwarded.as_ptr(), chunk.as_ptr());
    assert!(step.first_token && !step.terminal);
}

#[test]
fn usage_null_is_cut_at_the_top_level_only_and_with_its_comma() {
    let strip = |json: &str| {
        let streamed = chat(STRIP, &format!("data: {json}\n\n"));
        forwarded(&streamed).trim_start_matches("data: ").trim_end().to_owned()
    };
    assert_eq!(strip(r#"{"choices":[1],"usage":null}"#), r#"{"choices":[1]}"#);
    assert_eq!(strip(r#"{"choices":[1], "usage": null, "x": 1}"#), r#"{"choices":[1], "x": 1}"#);
    assert_eq!(strip(r#"{"usage":null,"choices":[1]}"#), r#"{"choices":[1]}"#);
    for kept in [
        r#"{"choices":[{"delta":{"content":"\"usage\":null"}}]}"#,
        r#"{"choices":[{"usage":null}]}"#,
        r#"{"choices":[{"index":0}],"usage":{"prompt_tokens":1}}"#,
        r#"{"choices":[],"prompt_filter_results":[]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":1},"error":{"message":"m"}}"#,
        r#"{"choices":[],"usage":nul}"#,
    ] {
        assert_eq!(strip(kept), kept);
    }
}

#[test]
fn an_event_of_several_data_lines_is_one() {
    let stream =
        "event: x\ndata: {\"choices\":[],\ndata:\"usage\":{\"prompt_tokens\":3}}\n\ndata: [DONE]\n\n";
    let streamed = chat(STRIP, stream);
    assert_eq!(forwarded(&streamed), "data: [DONE]\n\n");
    assert_eq!(streamed.facts.tokens.input, Some(3));
}

#[test]
fn blank_lines_and_comments_between_events_stay() {
    let stream = ": hello\n\n\n\ndata: {\"choices\":[],\"usage\":{}}\n\n\n: bye\n\n";
    assert_eq!(forwarded(&chat(STRIP, stream)), ": hello\n\n\n\n\n: bye\n\n");
}

#[test]
fn the_line_end_of_a_removed_event_goes_with_it_however_it_arrives() {
    let event = "data: {\"choices\":[],\"usage\":{}}\r\n\r";
    let pieces: [&[u8]; 4] = [event.as_bytes(), b"", b"\n", b"data: [DONE]\r\n\r\n"];
    let streamed = read_stream(Dialect::OpenAiChat, STRIP, &pieces);
    assert_eq!(forwarded(&streamed), "data: [DONE]\r\n\r\n");
}

#[test]
fn what_was_held_back_is_forwarded_when_the_upstream_ends() {
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choi";
    assert_eq!(forwarded(&chat(STRIP, stream)), stream);

    let unfinished = chat(STRIP, "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3}}\n");
    assert_eq!((forwarded(&unfinished), unfinished.facts.tokens.input), ("", Some(3)));
    assert!(chat(PLAIN, "data: [DONE]").saw_terminal);
}

#[test]
fn the_terminal_event_is_never_forwarded_before_it_is_told() {
    for (dialect, name, stream) in recorded() {
        for options in [PLAIN, STRIP] {
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            let streamed = read_stream(dialect, options, &bytes);
            let Some(before) = streamed.forwarded_before_terminal else { continue };
            let mut client = StreamReader::new(dialect, PLAIN);
            client.push(Bytes::copy_from_slice(&streamed.forwarded[..before]));
            assert!(!client.saw_terminal(), "{name}: the client knows the end before the gateway was told");
            client.push(Bytes::copy_from_slice(&streamed.forwarded[before..]));
            assert!(client.saw_terminal(), "{name}: the end is forwarded with the step that tells of it");
        }
    }
}

#[test]
fn a_stream_without_terminal_event_is_complete_when_every_choice_ended() {
    let choice = |index: u32, finish: &str| {
        format!("data: {{\"choices\":[{{\"index\":{index},\"delta\":{{}},\"finish_reason\":{finish}}}]}}\n\n")
    };
    let whole =
        [choice(0, "null"), choice(1, "null"), choice(1, "\"stop\""), choice(0, "\"length\"")].concat();
    let streamed = chat(PLAIN, &whole);
    assert!(streamed.is_complete && !streamed.saw_terminal);
    assert_eq!(streamed.facts.finish_reason.as_deref(), Some("length"));
    assert!(!chat(PLAIN, &whole[..whole.len() - 60]).is_complete);
    assert!(!chat(PLAIN, "").is_complete);
}

#[test]
fn a_gigantic_event_is_forwarded_unread_and_the_stream_goes_on() {
    let gigantic = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}}}}]}}\n\n",
        "a".repeat(EVENT_BYTES_MAX)
    );
    let rest = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}],\"usage\":null}\n\ndata: [DONE]\n\n";
    let stream = format!("{gigantic}{rest}");
    for options in [PLAIN, STRIP] {
        let whole = read_stream(Dialect::OpenAiChat, options, &[stream.as_bytes()]);
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(60_000).collect();
        let cut = read_stream(Dialect::OpenAiChat, options, &pieces);
        assert_same("gigantic", &whole, &cut);
        assert_eq!(whole.facts.output.as_deref(), Some(r#"[{"role":"assistant","content":"b"}]"#));
        let expected =
            if options.strip_usage { stream.replace(",\"usage\":null", "") } else { stream.clone() };
        assert!(whole.forwarded == expected.as_bytes());
    }
}

#[test]
fn output_over_the_limit_is_counted_and_dropped() {
    let options = StreamOptions { strip_usage: false, content_bytes_max: 20 };
    let delta = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"grüße \"}}]}\n\n";
    let facts = chat(options, &delta.repeat(50)).facts;
    assert!(facts.output_truncated);
    assert_eq!(facts.output_text_bytes, 50 * 8);
    assert_eq!(facts.output.as_deref(), Some("[{\"role\":\"assistant\",\"content\":\"grüße grüße grü\"}]"));
}

#[test]
fn every_limit_leaves_valid_json() {
    for (dialect, name, stream) in recorded() {
        for content_bytes_max in [0, 1, 7, 40, 200, 1_000] {
            let options = StreamOptions { strip_usage: false, content_bytes_max };
            let facts = read_stream(dialect, options, &[&stream]).facts;
            if let Some(output) = &facts.output {
                serde_json::from_str::<serde_json::Value>(output)
                    .unwrap_or_else(|error| panic!("{name} at {content_bytes_max}: {error}: {output}"));
            }
            assert_eq!(
                facts.tokens,
                read_stream(dialect, PLAIN, &[&stream]).facts.tokens,
                "{name}: tokens stay exact"
            );
        }
    }
}

#[test]
fn an_item_stated_anew_and_too_long_to_keep_leaves_valid_json() {
    let done = |text: &str| {
        format!(
            "data: {{\"type\":\"response.output_item.done\",\"output_index\":0,\"item\":{{\"type\":\"message\",\"id\":\"{text}\"}}}}\n\n"
        )
    };
    let stream = done("first") + &done(&"longer".repeat(20));
    let options = StreamOptions { strip_usage: false, content_bytes_max: 60 };
    let facts = read_stream(Dialect::OpenAiResponses, options, &[stream.as_bytes()]).facts;
    assert!(facts.output_truncated);
    assert_eq!(facts.output.as_deref(), Some(r#"[{"type":"message","role":"assistant"}]"#));
}

#[test]
fn a_stream_of_garbage_says_nothing_and_is_forwarded() {
    let garbage =
        b"\xff\xfe\x00data: {\n\ndata: {\"choices\":7,\"usage\":[]}\n\ndata: \xff\n\n<html>\n\n".as_slice();
    for dialect in Dialect::ALL {
        let streamed = read_stream(*dialect, STRIP, &[garbage]);
        assert_eq!(streamed.forwarded, garbage);
        assert!(streamed.facts == ResponseFacts::default(), "{:?}", streamed.facts);
        assert!(!streamed.is_complete);
    }
}

#[test]
fn an_error_event_ends_the_stream() {
    let streamed =
        chat(PLAIN, "data: {\"error\":{\"message\":\"boom\",\"code\":\"rate_limit_exceeded\"}}\n\n");
    assert!(streamed.saw_terminal);
    let error = streamed.facts.error.unwrap();
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::RateLimit, "boom"));
}

/// Pieces of streams that are likely to go wrong next to each other.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b": comment\n".to_vec()),
        Just(b"event: error\n".to_vec()),
        Just(b"data".to_vec()),
        Just(b"data: [DONE]".to_vec()),
        Just(b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}".to_vec()),
        Just(b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"}}],\"usage\":null}".to_vec()),
        Just(b"data: {\"usage\":null}".to_vec()),
        Just(b"data: {\"choices\":[],".to_vec()),
        Just(b"data:\"usage\":{}}".to_vec()),
        Just("data: {\"choices\":[{\"delta\":{\"content\":\"ü👋\"}}]}".as_bytes().to_vec()),
        Just(b"data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}".to_vec()),
        Just(b"data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":2}}}".to_vec()),
        Just(b"data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"text\":\"t\",\"partial_json\":\"{\"}}".to_vec()),
        Just(b"data: {\"type\":\"message_stop\"}".to_vec()),
        Just(b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"d\"}".to_vec()),
        Just(b"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\"}}".to_vec()),
        Just(b"data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\",\"id\":\"1\"}}".to_vec()),
        Just(b"data: {\"type\":\"response.completed\",\"response\":{\"output\":[]}}".to_vec()),
        prop::collection::vec(any::<u8>(), 0..6),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn however_a_stream_is_cut_it_reads_and_forwards_the_same(
        fragments in prop::collection::vec(fragment(), 0..24),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        strip_usage in any::<bool>(),
        content_bytes_max in prop_oneof![Just(1_usize << 20), 0_usize..64],
        dialect in prop::sample::select(Dialect::ALL.to_vec()),
    ) {
        let stream = fragments.concat();
        let options = StreamOptions { strip_usage, content_bytes_max };
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        places.extend([0, stream.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();

        let whole = read_stream(dialect, options, &[&stream]);
        let cut = read_stream(dialect, options, &pieces);
        prop_assert_eq!(&whole.forwarded, &cut.forwarded);
        prop_assert!(whole.facts == cut.facts);
        prop_assert_eq!(whole.saw_terminal, cut.saw_terminal);
        prop_assert_eq!(whole.first_tokens, cut.first_tokens);
        if let Some(output) = &whole.facts.output {
            prop_assert!(serde_json::from_str::<serde_json::Value>(output).is_ok(), "{}", output);
        }
        if !strip_usage {
            prop_assert_eq!(&whole.forwarded, &stream);
        }
    }
}
