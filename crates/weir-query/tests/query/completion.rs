//! What an editor suggests at the cursor, written `|`.

use weir_query::complete;

#[track_caller]
fn first(text: &str) -> Option<String> {
    all(text).into_iter().next()
}

fn all(text: &str) -> Vec<String> {
    let cursor = text.find('|').unwrap();
    let text = text.replace('|', "");
    let suggestions = complete(&text, cursor, &["custom.score"], &["index"]);
    // Each is shown as the text would be after it was taken.
    suggestions
        .into_iter()
        .map(|s| format!("{}{}{}", &text[..s.replace.start], s.insert, &text[s.replace.end..]))
        .collect()
}

#[test]
fn functions_and_metrics_are_completed_where_an_expression_may_start() {
    assert_eq!(first("to|").unwrap(), "top(");
    assert_eq!(first("p9|").unwrap(), "p90(");
    assert_eq!(first("1 + week_b|").unwrap(), "1 + week_before(");
    assert_eq!(first("sum(custom|)").unwrap(), "sum(custom.llm.cache_hit)");
    assert!(all("sum(score|)").contains(&"sum(custom.score)".to_owned()));
    assert_eq!(first("p95:llm.request.d|").unwrap(), "p95:llm.request.duration");
    assert!(all("|").len() > 20);
}

#[test]
fn tags_are_completed_in_groups_and_scopes() {
    assert_eq!(first("sum(a) by mo|").unwrap(), "sum(a) by model");
    assert_eq!(first("sum(a) by model, te|").unwrap(), "sum(a) by model, team");
    assert_eq!(first("sum(a) by {model, te|}").unwrap(), "sum(a) by {model, team}");
    assert_eq!(first("sum(a{te|})").unwrap(), "sum(a{team:})");
    assert_eq!(first("sum(a{team:x AND mod|})").unwrap(), "sum(a{team:x AND model:})");
    assert_eq!(first("sum(a) where {!ind|").unwrap(), "sum(a) where {!index:");
}

#[test]
fn units_are_completed_after_a_number() {
    assert_eq!(first("avg(a) + 5m|").unwrap(), "avg(a) + 5m");
    assert!(all("avg(a) + 5m|").contains(&"avg(a) + 5ms".to_owned()));
    assert_eq!(first("avg(a) + 1.5us|").unwrap(), "avg(a) + 1.5us");
}

#[test]
fn nothing_is_suggested_where_nothing_is_known() {
    assert_eq!(first("sum(a{team:pay|})"), None);
    assert_eq!(first("sum(a{team IN (x|"), None);
    assert_eq!(first("sum(a) |"), None);
}
