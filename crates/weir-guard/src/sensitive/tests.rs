//! What counts as a secret or as personal data, what does not, and the laws of redaction.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

static ALL: LazyLock<Detector> =
    LazyLock::new(|| Detector::new(Kinds::of_class(Class::Secret).and(Kinds::of_class(Class::Pii))));

fn all() -> &'static Detector {
    &ALL
}

/// Texts in which exactly the part in `⟦…⟧` is found, after the kind.
const FOUND: &[(&str, &str)] = &[
    ("openai_key", "use ⟦sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z⟧, please"),
    ("openai_key", "⟦sk-abcdefghij0123456789abcdefghij0123456789⟧"),
    ("anthropic_key", "key: ⟦sk-ant-api03-Zx9_Qw8-Er7Ty6Ui5Op4As3Df2⟧."),
    ("openrouter_key", "(⟦sk-or-v1-0123456789abcdef0123456789abcdef⟧)"),
    ("aws_key", "id ⟦AKIAIOSFODNN7EXAMPLE⟧ here"),
    ("secret", "aws_secret_access_key = ⟦wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY⟧"),
    ("gcp_key", "⟦AIzaSyA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tUvW⟧"),
    ("azure_key", "AccountName=x;AccountKey=⟦Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4==⟧;End"),
    ("github_token", "⟦ghp_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789⟧"),
    ("github_token", "⟦github_pat_11ABCDEFG0aBcDeFgHiJkL_mNoPqRsTuVwXyZ⟧"),
    ("gitlab_token", "⟦glpat-AbCdEfGhIjKlMnOpQrS1⟧"),
    ("slack_token", "⟦xoxb-123456789012-123456789012-AbCdEfGhIjKl⟧"),
    ("slack_token", "https://⟦hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXX⟧"),
    ("stripe_key", "⟦sk_live_4eC39HqLyjWDarjtT1zdp7dc⟧"),
    ("databricks_token", "⟦dapi0123456789abcdef0123456789abcdef⟧"),
    ("huggingface_token", "⟦hf_AbCdEfGhIjKlMnOpQrStUvWxYz01234567⟧"),
    ("provider_key", "⟦gsk_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789⟧"),
    ("weir_key", "⟦wk-AbCdEfGhIjKlMnOpQrStUvWxYz0123⟧"),
    ("jwt", "⟦eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U⟧"),
    ("bearer_token", "authorization: Bearer ⟦abcdefghijklmnop.0123456789⟧"),
    ("url_password", "postgres://app:⟦s3cr3t⟧@db.example.com/main"),
    ("password", "password: ⟦hunter2⟧"),
    ("password", "my Password is set: PASSWORD='⟦correct!horse⟧'"),
    ("secret", "API_KEY=⟦8f14e45fceea167a5a36dedd4bea2543⟧"),
    ("private_key", "⟦-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----⟧ end"),
    ("private_key", r"⟦-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ⟧"),
    ("email", "write to ⟦jane.doe+x@mail.example.co.uk⟧."),
    ("email", "<⟦a@b.io⟧>"),
    ("credit_card", "card ⟦4111 1111 1111 1111⟧ ok"),
    ("credit_card", "⟦378282246310005⟧"),
    ("iban", "to ⟦DE89 3704 0044 0532 0130 00⟧ please"),
    ("iban", "⟦GB82WEST12345698765432⟧"),
    ("ssn", "ssn ⟦123-45-6789⟧"),
    ("ip", "from ⟦8.8.8.8⟧."),
    ("ip", "from ⟦2001:db8::8a2e:370:7334⟧"),
    ("phone", "call ⟦+49 30 901820⟧ now"),
    ("phone", "call ⟦(415) 555-2671⟧"),
    ("phone", "call ⟦415-555-2671⟧"),
];

#[test]
fn each_kind_is_found_whole_and_alone() {
    for (kind, marked) in FOUND {
        let text = marked.replace(['⟦', '⟧'], "");
        let start = marked.find('⟦').unwrap();
        let end = marked.find('⟧').unwrap() - '⟦'.len_utf8();
        let found: Vec<_> =
            all().find(&text).iter().map(|found| (found.kind.as_str(), found.at.clone())).collect();
        assert_eq!(found, [(*kind, start..end)], "{text}");
    }
}

#[test]
fn what_only_looks_alike_is_left_alone() {
    let texts = [
        "the task-force and the risk-averse-investor-of-the-year",
        "class sk-loading-spinner-with-very-long-name-indeed",
        "password: required, token: string, the secret is out",
        "set max_tokens: 4096 and next_page_token: CAoQAA1234567890abcdef",
        "secret = base64.b64encode(data)",
        "api_key=${OPENAI_API_KEY} token=<your-token-123456>",
        "https://example.com/a:b@c and mailto:x",
        "-----BEGIN PRIVATE KEY----- is how such a file begins",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
        "version 10.0.0.1, 192.168.1.5, 127.0.0.1 and 1.2.3.4.5, std::io::Result",
        "order 4111111111111112, at 12:34:56, 2024-01-02, ISBN 978-3-16-148410-0",
        "user@localhost, @mention, a @ b",
        "GB82WEST12345698765433 and call 12345",
        "eyJhbGciOiJIUzI1NiJ9 alone",
    ];
    for text in texts {
        assert_eq!(all().find(text), [], "{text}");
    }
}

#[test]
fn only_chosen_kinds_are_found() {
    let text = "a@b.io and sk-ant-api03-Zx9Qw8Er7Ty6Ui5Op4As3";
    let secrets = Detector::new(Kinds::of_class(Class::Secret));
    assert_eq!(secrets.redact(text).unwrap().0, "a@b.io and [redacted:anthropic_key]");
    let email = Detector::new([Kind::Email].into_iter().collect());
    assert_eq!(email.redact(text).unwrap().1, [Kind::Email]);
    assert!(Detector::new(Kinds::NONE).redact(text).is_none());
}

#[test]
fn json_keeps_every_byte_outside_of_strings_that_held_something() {
    let text = r#"{ "n": 1.50e3, "é":"a\u0062", "to":"\u0061@b.io\n", "password":"hunter2!", "x@y.io":null,"c":4111111111111111 }"#;
    let redacted = all().redact_body(text).unwrap();
    let expected = r#"{ "n": 1.50e3, "é":"a\u0062", "to":"[redacted:email]\n", "password":"[redacted:password]", "[redacted:email]":null,"c":"[redacted:credit_card]" }"#;
    assert_eq!(redacted.text, expected);
    let found: Vec<_> = redacted.found(None).iter().map(|found| (found.path.clone(), found.kind)).collect();
    let paths = [
        ("/to", Kind::Email),
        ("/password", Kind::Password),
        ("/x@y.io", Kind::Email),
        ("/c", Kind::CreditCard),
    ];
    assert_eq!(found, paths.map(|(path, kind)| (path.to_owned(), kind)));
}

#[test]
fn json_within_a_string_and_json_that_was_cut_are_redacted_too() {
    let nested = r#"{"arguments":"{\"to\":\"a@b.io\",\"key\":\"\\nsk-ant-api03-Zx9Qw8Er7Ty6Ui5Op4As3\"}"}"#;
    let redacted = all().redact_body(nested).unwrap().text;
    assert_eq!(
        redacted,
        r#"{"arguments":"{\"to\":\"[redacted:email]\",\"key\":\"\\n[redacted:anthropic_key]\"}"}"#
    );
    let cut = r#"[{"content":"it is sk-ant-api03-Zx9Qw8Er7Ty6Ui5O"#;
    assert_eq!(all().redact_body(cut).unwrap().text, r#"[{"content":"it is [redacted:anthropic_key]"#);
    let numbers = "4++44444848+4444444443";
    assert_eq!(all().redact_body(numbers).unwrap().text, r#""4+[redacted:phone][redacted:phone]""#);
    let plain = "hello {a@b.io}, it is 12";
    assert_eq!(all().redact_body(plain).unwrap().text, "hello {[redacted:email]}, it is 12");
}

/// Texts full of what is looked for, in pieces that may touch each other.
fn risky() -> impl Strategy<Value = String> {
    let pieces = FOUND.iter().map(|(_, marked)| marked.replace(['⟦', '⟧'], "")).collect::<Vec<_>>();
    let piece = prop_oneof![
        3 => proptest::sample::select(pieces),
        2 => proptest::sample::select(vec![" ", "\n", "\\n", "\"", "-", "_", ".", "@", ":", "é", "sk-", "password=", "token: ", "-----BEGIN PRIVATE KEY-----", "+1", "://u:"]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9@.:+/-]{0,12}",
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

/// Only secrets are looked for, as by default: with personal data nothing can be ruled out at a glance.
static SECRETS: LazyLock<Detector> = LazyLock::new(|| Detector::new(Kinds::of_class(Class::Secret)));

#[test]
fn a_glance_sees_what_escapes_hide_and_passes_what_holds_nothing() {
    assert!(!SECRETS.may_find(r#"{"content":"The quick brown fox.\nIt said \"hello\" \t twice."}"#));
    for hidden in [r#""\u0073k-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z""#, r#""ftp:\/\/u:s3cr3t@example.com""#]
    {
        assert!(SECRETS.may_find(hidden) && SECRETS.redact_body(hidden).is_some(), "{hidden}");
    }
}

/// JSON in which every other letter is written as an escape.
fn escaped(text: &str) -> String {
    let letters = text.encode_utf16().enumerate().map(|(at, unit)| match u8::try_from(unit) {
        Ok(b'/') => "\\/".to_owned(),
        Ok(plain) if at % 2 == 0 && plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
        _ => format!("\\u{unit:04x}"),
    });
    format!("\"{}\"", letters.collect::<String>())
}

proptest! {
    #[test]
    fn what_a_glance_rules_out_is_not_there(text in risky(), name in "[a-z_]{0,8}(token|Password|)") {
        for written in [text.clone(), escaped(&text), serde_json::json!({ name: text }).to_string()] {
            if !SECRETS.may_find(&written) {
                let tape = crate::tape::Tape::read(&written);
                prop_assert!(SECRETS.redact(&written).is_none(), "{written}");
                prop_assert!(tape.is_none_or(|tape| SECRETS.redact_tape(&written, &tape).is_none()), "{written}");
            }
        }
    }

    #[test]
    fn nothing_that_is_found_remains_and_redacting_twice_is_redacting_once(text in risky()) {
        if let Some((redacted, kinds)) = all().redact(&text) {
            prop_assert!(!kinds.is_empty());
            prop_assert!(all().redact(&redacted).is_none(), "{redacted}");
        } else {
            prop_assert_eq!(all().find(&text), []);
        }
    }

    #[test]
    fn json_stays_json_and_says_the_same_elsewhere(texts in proptest::collection::vec(risky(), 0..5)) {
        let json = serde_json::json!({ "messages": texts, "n": 1 });
        let written = json.to_string();
        let redacted = all().redact_body(&written).map_or(written.clone(), |body| body.text);
        let read: serde_json::Value = serde_json::from_str(&redacted).unwrap();
        for (number, text) in texts.iter().enumerate() {
            let expected = all().redact(text).map_or(text.clone(), |(redacted, _)| redacted);
            prop_assert_eq!(&read["messages"][number], &expected);
        }
        prop_assert!(all().redact_body(&redacted).is_none());
        // Also where it was cut.
        let end = written.floor_char_boundary(written.len() / 2);
        if let Some(cut) = all().redact_body(&written[..end]) {
            prop_assert!(all().redact_body(&cut.text).is_none(), "{}", cut.text);
        }
    }

    #[test]
    fn digits_that_are_no_string_are_redacted_to_the_end_too(text in "[0-9+]{2,24}") {
        if let Some(redacted) = all().redact_body(&text) {
            prop_assert!(all().redact_body(&redacted.text).is_none(), "{}", redacted.text);
        }
    }

    #[test]
    fn findings_are_within_the_text_and_apart(text in r"([a-z0-9@.:+=/_-]|\PC){0,80}") {
        let mut end = 0;
        for finding in all().find(&text) {
            prop_assert!(finding.at.start >= end && text.get(finding.at.clone()).is_some());
            end = finding.at.end;
        }
    }
}
