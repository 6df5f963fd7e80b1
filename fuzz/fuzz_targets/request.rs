//! Requests: what can be read can be rewritten, a rewrite does what it says and no more, and nothing
//! panics. The last byte chooses the dialect.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_dialect::{Dialect, RequestEdit, read_request, rewrite_request};

const NOTHING: RequestEdit<'static> = RequestEdit { model: None, ask_for_stream_usage: false };
const BOTH: RequestEdit<'static> = RequestEdit { model: Some("another"), ask_for_stream_usage: true };

fuzz_target!(|data: &[u8]| {
    let Some((dialect, body)) = data.split_last() else { return };
    let dialect = Dialect::ALL[usize::from(*dialect) % Dialect::ALL.len()];

    let facts = read_request(dialect, body);
    let unchanged = rewrite_request(dialect, body, &NOTHING);
    let rewritten = rewrite_request(dialect, body, &BOTH);
    let Ok(facts) = facts else { return };
    assert_eq!(unchanged.expect("what can be read can be rewritten"), body);

    let rewritten = rewritten.expect("what can be read can be rewritten");
    let after = read_request(dialect, &rewritten).expect("what was rewritten can be read");
    assert_eq!(after.model.as_deref(), Some("another"));
    assert_eq!(after.include_usage, facts.include_usage || dialect.has_stream_options());
    assert_eq!((after.stream, after.choices), (facts.stream, facts.choices));
    assert_eq!(
        (after.input, after.instructions, after.tools),
        (facts.input, facts.instructions, facts.tools)
    );
    assert_eq!((after.user, after.metadata), (facts.user, facts.metadata));
});
