//! Scopes as `/api/spans?filter=` takes them.

use std::sync::Arc;

use weir_query::{parse_scope, parse_span_scope};
use weir_types::{Scope, TagKey};

fn is(key: &str, value: &str) -> Scope {
    Scope::Is(TagKey::new(key), Arc::from(value))
}

fn not(scope: Scope) -> Scope {
    Scope::Not(Box::new(scope))
}

#[test]
fn scopes_parse_to_what_they_mean() {
    let (a, b, c) = (is("team", "a"), is("env", "b"), is("model", "c*"));
    let any_of =
        |values: &[&str]| Scope::In(TagKey::new("team"), values.iter().map(|v| Arc::from(*v)).collect());
    for (text, expected) in [
        ("", Scope::All),
        ("  ", Scope::All),
        ("{}", Scope::All),
        ("*", Scope::All),
        ("{*}", Scope::All),
        ("team:a", a.clone()),
        (" { team : a } ", a.clone()),
        ("model_name:c*", c.clone()),
        ("!team:a", not(a.clone())),
        ("not team:a", not(a.clone())),
        ("!!team:a", not(not(a.clone()))),
        ("team:a and env:b", Scope::And(vec![a.clone(), b.clone()])),
        ("team:a,env:b", Scope::And(vec![a.clone(), b.clone()])),
        ("team:a, env:b, model:c*", Scope::And(vec![a.clone(), b.clone(), c.clone()])),
        ("team:a OR env:b AND model:c*", Scope::Or(vec![a.clone(), Scope::And(vec![b.clone(), c.clone()])])),
        (
            "(team:a OR env:b) AND model:c*",
            Scope::And(vec![Scope::Or(vec![a.clone(), b.clone()]), c.clone()]),
        ),
        ("NOT team:a OR env:b", Scope::Or(vec![not(a.clone()), b.clone()])),
        ("team IN (a, b)", any_of(&["a", "b"])),
        ("team in (\"a b\",c)", any_of(&["a b", "c"])),
        ("team NOT IN (a)", not(any_of(&["a"]))),
        ("!team IN (a)", not(any_of(&["a"]))),
        ("team:\"a \\\"b\\\"\"", is("team", "a \"b\"")),
        ("team:'it\\'s'", is("team", "it's")),
        ("team:\"\"", is("team", "")),
        ("model:meta/llama-3.1:8b@v1", is("model", "meta/llama-3.1:8b@v1")),
        ("app.kubernetes.io/name:x", is("app.kubernetes.io/name", "x")),
        ("or:x AND not:y AND in:z", Scope::And(vec![is("or", "x"), is("not", "y"), is("in", "z")])),
        ("team:AND", is("team", "AND")),
        ("team:größe", is("team", "größe")),
        ("`odd key`:x", is("odd key", "x")),
    ] {
        let scope = parse_scope(text).unwrap_or_else(|error| panic!("{}", error.render(text)));
        assert_eq!(scope, expected, "{text}");
    }
}

#[test]
fn a_tag_that_no_span_has_is_refused_where_spans_are_filtered() {
    let text = "team:a AND modle:b";
    assert!(parse_scope(text).is_ok());
    let error = parse_span_scope(text).unwrap_err();
    assert_eq!(&text[error.span], "modle");
    assert_eq!(error.hint.as_deref(), Some("did you mean `model`?"));
    assert_eq!(
        parse_span_scope("status:error AND ml_app:x").unwrap(),
        parse_scope("status:error AND app:x").unwrap()
    );
}
