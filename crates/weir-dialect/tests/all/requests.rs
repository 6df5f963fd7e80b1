//! Requests: what is read, what is refused and where, and that a rewrite changes nothing else.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use weir_dialect::{Dialect, RequestEdit, RequestError, read_request, rewrite_request};

const BOTH: RequestEdit<'static> = RequestEdit { model: Some("other\"model"), ask_for_stream_usage: true };

fn rewrite(dialect: Dialect, body: &str, edit: &RequestEdit<'_>) -> String {
    String::from_utf8(rewrite_request(dialect, body.as_bytes(), edit).unwrap()).unwrap()
}

#[test]
fn the_last_of_several_members_of_one_name_wins() {
    let facts =
        read_request(Dialect::OpenAiChat, br#"{"model":"a","stream":true,"model":"b","stream":false}"#)
            .unwrap();
    assert_eq!((facts.model.as_deref(), facts.stream), (Some("b"), false));
}

#[test]
fn members_of_the_wrong_type_are_absent() {
    let body = br#"{"model":7,"stream":"yes","stream_options":[1],"max_tokens":-3,"n":2.0,"user":null,"metadata":{"a":1,"b":"x"},"messages":null}"#;
    let facts = read_request(Dialect::OpenAiChat, body).unwrap();
    assert_eq!((facts.model, facts.stream, facts.include_usage), (None, false, false));
    assert_eq!(
        (facts.max_output_tokens, facts.choices, facts.user, facts.input),
        (None, Some(2), None, None)
    );
    assert_eq!(facts.metadata, [("b".into(), "x".into())]);
}

#[test]
fn escaped_names_and_values_are_read() {
    let facts = read_request(Dialect::OpenAiChat, br#"{"mod\u0065l":"gpt\u002d4o"}"#).unwrap();
    assert_eq!(facts.model.as_deref(), Some("gpt-4o"));
}

#[test]
fn only_names_that_are_read_must_be_text() {
    let body = r#"{"messages":[{"half \ud83d":1}],"model":"m"}"#;
    assert_eq!(read_request(Dialect::OpenAiChat, body.as_bytes()).unwrap().model.as_deref(), Some("m"));
    let body = r#"{"model":"m","half \ud83d":1}"#;
    assert!(matches!(read_request(Dialect::OpenAiChat, body.as_bytes()), Err(RequestError::NotJson { .. })));
}

#[test]
fn each_dialect_has_its_own_bound_on_output() {
    let body = br#"{"max_tokens":1,"max_completion_tokens":2,"max_output_tokens":3}"#;
    let bound = |dialect| read_request(dialect, body).unwrap().max_output_tokens;
    assert_eq!(bound(Dialect::OpenAiChat), Some(2));
    assert_eq!(bound(Dialect::OpenAiCompletions), Some(1));
    assert_eq!(bound(Dialect::OpenAiResponses), Some(3));
    assert_eq!(bound(Dialect::OpenAiEmbeddings), None);
    assert_eq!(bound(Dialect::AnthropicMessages), Some(1));
}

#[test]
fn litellms_tags_are_read() {
    let body = br#"{"metadata":{"tags":["team:a",1,"b"],"x":"y"}}"#;
    let facts = read_request(Dialect::OpenAiChat, body).unwrap();
    assert_eq!(facts.metadata_tags, ["team:a", "b"]);
    assert_eq!(facts.metadata, [("x".into(), "y".into())]);
}

#[test]
fn a_bad_body_is_refused_with_the_place() {
    let refused = |body: &[u8]| read_request(Dialect::OpenAiChat, body).unwrap_err();
    assert_eq!(refused(b"{\"a\":\"\xff\"}"), RequestError::NotUtf8 { offset: 6 });
    assert_eq!(refused(b" [1]"), RequestError::NotObject { offset: 1 });
    assert_eq!(refused(b""), RequestError::NotObject { offset: 0 });
    insta::assert_snapshot!(refused(b"{\"model\":\"a\",\n\"n\":}"), @"request body is not valid JSON at offset 18: expected value");
    insta::assert_snapshot!(refused(b"{\"model\":\"a\""), @"request body is not valid JSON at offset 12: EOF while parsing an object");
    insta::assert_snapshot!(refused(b"{\"model\":\"a\"} {"), @"request body is not valid JSON at offset 14: trailing characters");
    insta::assert_snapshot!(refused(b"\xef\xbb\xbf{}"), @"request body is not a JSON object: expected `{` at offset 0");
}

#[test]
fn what_users_said_is_not_in_debug_output() {
    let body =
        br#"{"messages":[{"role":"user","content":"my secret"}],"tools":["secret"],"system":"secret"}"#;
    let facts = read_request(Dialect::AnthropicMessages, body).unwrap();
    assert!(!format!("{facts:?}").contains("secret"));
}

#[test]
fn deep_nesting_is_skipped_without_recursion() {
    let body = format!(r#"{{"messages":{}1{},"model":"m"}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(read_request(Dialect::OpenAiChat, body.as_bytes()).unwrap().model.as_deref(), Some("m"));
    assert!(rewrite(Dialect::OpenAiChat, &body, &BOTH).contains(r#""include_usage":true"#));
}

#[test]
fn a_rewrite_is_a_splice() {
    let chat = Dialect::OpenAiChat;
    assert_eq!(
        rewrite(chat, "{\n  \"model\" : \"a\",\n  \"t\": 1.00,\n  \"stream\":true\n}\n", &BOTH),
        "{\n  \"model\" : \"other\\\"model\",\n  \"t\": 1.00,\n  \"stream\":true,\"stream_options\":{\"include_usage\":true}\n}\n"
    );
    assert_eq!(
        rewrite(chat, r#"{"stream_options": {"include_obfuscation": false}, "x": 1}"#, &BOTH),
        r#"{"stream_options": {"include_obfuscation": false,"include_usage":true}, "x": 1,"model":"other\"model"}"#
    );
    assert_eq!(
        rewrite(chat, r#"{"model":"a","stream_options":{"include_usage":false,"y":[]},"model":"b"}"#, &BOTH),
        r#"{"model":"other\"model","stream_options":{"include_usage":true,"y":[]},"model":"other\"model"}"#
    );
    assert_eq!(
        rewrite(chat, r#"{"stream_options":null}"#, &RequestEdit { model: None, ask_for_stream_usage: true }),
        r#"{"stream_options":{"include_usage":true}}"#
    );
    assert_eq!(
        rewrite(chat, "{ }", &BOTH),
        r#"{"model":"other\"model","stream_options":{"include_usage":true} }"#
    );
    assert_eq!(
        rewrite(chat, r#"{"stream_options":{}}"#, &RequestEdit { model: None, ask_for_stream_usage: true }),
        r#"{"stream_options":{"include_usage":true}}"#
    );
}

#[test]
fn dialects_that_always_state_usage_are_not_asked() {
    let edit = RequestEdit { model: None, ask_for_stream_usage: true };
    let body = r#"{"model":"m","stream":true}"#;
    for dialect in [Dialect::OpenAiResponses, Dialect::AnthropicMessages, Dialect::OpenAiEmbeddings] {
        assert_eq!(rewrite(dialect, body, &edit), body);
    }
}

/// JSON values of any shape, with names that collide with those that are edited.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[\\PC\n\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object(inner).prop_map(Value::Object),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof![
        Just("model".to_owned()),
        Just("stream_options".to_owned()),
        Just("include_usage".to_owned()),
        "[\\PC\"\\\\]{0,6}",
    ];
    prop::collection::btree_map(name, inner, 0..6).prop_map(|members| members.into_iter().collect())
}

/// Whether `part` can be made from `whole` by leaving bytes out.
fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|byte| whole.any(|other| other == byte))
}

proptest! {
    #[test]
    fn a_rewritten_request_parses_as_the_edited_one(members in object(value()), pretty in any::<bool>()) {
        let mut edited = members.clone();
        edited.insert("model".into(), json!("other\"model"));
        let options = edited.entry("stream_options").or_insert(Value::Null);
        if !options.is_object() {
            *options = json!({});
        }
        options["include_usage"] = json!(true);

        let original = Value::Object(members.clone());
        let body = if pretty { format!("{original:#}") } else { original.to_string() };
        let rewritten = rewrite(Dialect::OpenAiChat, &body, &BOTH);
        prop_assert_eq!(serde_json::from_str::<Value>(&rewritten).unwrap(), Value::Object(edited));

        let mut kept = members;
        kept.remove("model");
        kept.remove("stream_options");
        for (name, value) in &kept {
            let member = if pretty { format!("{value:#}").replace('\n', "\n  ") } else { value.to_string() };
            let text = format!("{}:{}{member}", Value::from(name.as_str()), if pretty { " " } else { "" });
            prop_assert!(rewritten.contains(&text), "{} lost {}", rewritten, text);
        }
    }

    #[test]
    fn a_rewrite_that_only_adds_keeps_every_byte_in_order(members in object(value())) {
        let mut members = members;
        members.remove("model");
        members.remove("stream_options");
        let body = Value::Object(members).to_string();
        let rewritten = rewrite(Dialect::OpenAiChat, &body, &BOTH);
        prop_assert!(is_subsequence(body.as_bytes(), rewritten.as_bytes()));
    }

    #[test]
    fn no_bytes_make_reading_or_rewriting_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for dialect in Dialect::ALL {
            let read = read_request(*dialect, &body).map(|_| ());
            let rewritten = rewrite_request(*dialect, &body, &BOTH).map(|_| ());
            prop_assert!(read.is_err() || rewritten.is_ok());
        }
    }

    #[test]
    fn what_was_asked_for_is_read_back(members in object(value())) {
        let rewritten = rewrite(Dialect::OpenAiChat, &Value::Object(members).to_string(), &BOTH);
        let facts = read_request(Dialect::OpenAiChat, rewritten.as_bytes()).unwrap();
        prop_assert_eq!(facts.model.as_deref(), Some("other\"model"));
        prop_assert!(facts.include_usage);
    }
}
