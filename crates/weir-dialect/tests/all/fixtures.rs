//! The golden matrix: every dialect, every fixture.
//!
//! `testdata/dialect/<dialect>/<case>/` holds what a client sends (`request.json`) and what the provider answers, whole
//! (`response.json`), streamed (`stream.sse`) or both; `facts.snap` beside them holds what is read from each. Where a
//! case has both answers they are two spellings of one, and must read alike.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use weir_dialect::{Dialect, ResponseFacts, StreamOptions, read_request, read_response};

use crate::support::{self, facts_json, first_token_in_event, read_stream, request_json};

const OPTIONS: StreamOptions = StreamOptions { strip_usage: false, content_bytes_max: 1 << 20 };

fn dialect_of(folder: &str) -> Dialect {
    match folder {
        "openai_chat" => Dialect::OpenAiChat,
        "openai_completions" => Dialect::OpenAiCompletions,
        "openai_responses" => Dialect::OpenAiResponses,
        "openai_embeddings" => Dialect::OpenAiEmbeddings,
        "anthropic_messages" => Dialect::AnthropicMessages,
        "anthropic_count_tokens" => Dialect::AnthropicCountTokens,
        other => panic!("testdata/dialect/{other} is no dialect"),
    }
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn check_dialect(folder: &str) {
    let dialect = dialect_of(folder);
    let cases = folders(&support::testdata().join(folder));
    assert!(cases.len() >= 6, "{folder} has only {} fixtures", cases.len());
    for case in cases {
        let name = format!("{folder}/{}", case.file_name().unwrap().display());
        let request = fs::read(case.join("request.json")).unwrap();
        let whole = fs::read(case.join("response.json")).ok().map(|body| read_response(dialect, &body));
        let stream = fs::read(case.join("stream.sse")).ok();
        let streamed = stream.as_ref().map(|body| read_stream(dialect, OPTIONS, &[body]));
        assert!(whole.is_some() || streamed.is_some(), "{name} has no answer");
        if let (Some(whole), Some(streamed)) = (&whole, &streamed) {
            assert_alike(&name, whole, &streamed.facts);
        }
        let snapshot = json!({
            "request": request_json(dialect, &read_request(dialect, &request).unwrap()),
            "response": whole.as_ref().map(facts_json),
            "stream": streamed.as_ref().map(|streamed| json!({
                "facts": facts_json(&streamed.facts),
                "saw_terminal": streamed.saw_terminal,
                "is_complete": streamed.is_complete,
                "first_token_in_event": stream.as_deref().and_then(|body| first_token_in_event(dialect, OPTIONS, body)),
            })),
        });
        insta::with_settings!({ snapshot_path => &case, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_json_snapshot!("facts", snapshot);
        });
    }
}

/// A streamed answer, put together, must equal the whole one.
fn assert_alike(name: &str, whole: &ResponseFacts, streamed: &ResponseFacts) {
    assert_eq!(whole.tokens, streamed.tokens, "{name}: tokens");
    assert_eq!(whole.finish_reason, streamed.finish_reason, "{name}: finish_reason");
    assert_eq!(whole.response_id, streamed.response_id, "{name}: response_id");
    assert_eq!(whole.response_model, streamed.response_model, "{name}: response_model");
    assert_eq!(whole.error, streamed.error, "{name}: error");
    assert_eq!(whole.usage_detail, streamed.usage_detail, "{name}: usage_detail");
    if whole.error.is_none() {
        assert_eq!(parsed(whole), parsed(streamed), "{name}: output");
        assert_eq!(whole.tool_calls, streamed.tool_calls, "{name}: tool_calls");
    }
}

/// The output; a message's members that are null, which deltas leave out, are left out.
fn parsed(facts: &ResponseFacts) -> Option<Value> {
    let mut output: Value = serde_json::from_str(facts.output.as_deref()?).expect("the output is JSON");
    for message in output.as_array_mut().expect("the output is an array") {
        if let Value::Object(members) = message {
            members.retain(|_, value| !value.is_null());
        }
    }
    Some(output)
}

#[test]
fn openai_chat_fixtures_read_as_recorded() {
    check_dialect("openai_chat");
}

#[test]
fn openai_completions_fixtures_read_as_recorded() {
    check_dialect("openai_completions");
}

#[test]
fn openai_responses_fixtures_read_as_recorded() {
    check_dialect("openai_responses");
}

#[test]
fn openai_embeddings_fixtures_read_as_recorded() {
    check_dialect("openai_embeddings");
}

#[test]
fn anthropic_messages_fixtures_read_as_recorded() {
    check_dialect("anthropic_messages");
}

#[test]
fn anthropic_count_tokens_fixtures_read_as_recorded() {
    check_dialect("anthropic_count_tokens");
}
