//! Query expressions: nothing panics, errors point into the text, and what parses prints as a text that parses to the
//! same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_query::{QueryError, complete, parse, parse_scope, parse_unchecked};

fn assert_points_into(text: &str, error: &QueryError) {
    assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{:?}", error.span);
    assert!(!error.render(text).is_empty());
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match parse_unchecked(&text) {
        Ok(expr) => {
            let printed = expr.to_string();
            let again = parse_unchecked(&printed).expect("what is printed parses");
            assert_eq!(again.to_string(), printed);
        }
        Err(error) => assert_points_into(&text, &error),
    }
    if let Err(error) = parse(&text) {
        assert_points_into(&text, &error);
    }
    if let Err(error) = parse_scope(&text) {
        assert_points_into(&text, &error);
    }
    complete(&text, text.len(), &["llm.request.count"], &["team"]);
});
