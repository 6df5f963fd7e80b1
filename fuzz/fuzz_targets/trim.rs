//! Token budgets: whatever a request says, one that is shortened is still JSON, still a request of its dialect, never longer,
//! and is not shortened again once it is within its target. The last two bytes choose dialect, model and limit.

#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_control::trim::{Prompt, Size, TokenBudget, size_up};
use weir_dialect::{Dialect, OutputCap, apply_edits, cap_output, read_request};
use weir_meter::{Meter, PriceBook};

fuzz_target!(|data: &[u8]| {
    let Some((limit, rest)) = data.split_last() else { return };
    let Some((choice, body)) = rest.split_last() else { return };
    let dialect = Dialect::ALL[usize::from(*choice) % Dialect::ALL.len()];
    let model = if choice & 0x80 == 0 { "gpt-4o" } else { "claude-x" };
    let Ok(text) = std::str::from_utf8(body) else { return };

    // A bound is set without reading the whole request, so it may stand in one that could not be read before either.
    if read_request(dialect, body).is_ok()
        && let Ok(OutputCap::Set { edits, .. }) = cap_output(dialect, body, Some(model), 100)
    {
        let capped = apply_edits(text, edits);
        let facts = read_request(dialect, capped.as_bytes()).expect("a bound leaves a request readable");
        assert!(facts.max_output_tokens.is_some_and(|max| max <= 100));
    }

    let budget = TokenBudget {
        max_input_tokens: Some(u64::from(*limit) * 4),
        threshold: 1.0,
        truncate_to: 1.0,
        ..TokenBudget::default()
    };
    let meter = Meter::new(PriceBook::bundled());
    let size = |body: &str| {
        let facts = read_request(dialect, body.as_bytes()).ok()?;
        Some(size_up(&Prompt { dialect, body, facts: &facts, counter: meter.counter("p", model) }, &budget))
    };
    let Some(Size::Over { tokens, shorter: Some(shorter) }) = size(text) else { return };
    assert!(shorter.body.len() <= text.len() && shorter.tokens.count <= tokens.count);
    serde_json::from_str::<&serde_json::value::RawValue>(&shorter.body).expect("what is shortened is JSON");
    let again = size(&shorter.body).expect("what is shortened can be read");
    // Token counts of joined pieces may differ by a token or two from their sum, which the slack of each cut covers.
    assert!(!shorter.is_within_target || again == Size::Within, "{again:?}");
});
