//! Folds families of attributes back into JSON: `0.message.role = user`, `0.message.content = hi` becomes
//! `[{"role":"user","content":"hi"}]`.
//!
//! Attributes cannot nest, so several dialects write structure into their keys. Members keep the order in which they came;
//! a level whose names are all numbers is a list in the order of the numbers. Numbers only order: an index of a billion
//! costs nothing. Names that only repeat where one is (`message`, `tool_call`) are left out.

use super::value::{separate, write_content, write_json, write_text};
use super::wire::Value;

/// Levels of a key; what is deeper stays one name.
const LEVELS_MAX: usize = 16;

/// Names that OpenInference puts between an index and its members.
const WRAPPERS: [&str; 6] = ["message", "tool_call", "message_content", "document", "tool", "embedding"];

/// Names whose texts hold JSON.
const JSON_TEXTS: [&str; 3] = ["json_schema", "metadata", "parameters"];

/// A list of numbers longer than this is a vector, which nobody reads.
const NUMBERS_MAX: usize = 64;

/// The end of the keys of vectors.
const VECTOR: &str = "vector";

enum Node<'a> {
    Leaf(&'a Value),
    Branch(Vec<(&'a str, Node<'a>)>),
}

/// The JSON of a family: the rests of its keys with their values. Empty when the family is.
pub(crate) fn fold<'a>(family: impl IntoIterator<Item = (&'a str, &'a Value)>) -> String {
    let mut members = Vec::new();
    for (key, value) in family {
        if !is_vector(key, value) {
            insert(&mut members, key, value, LEVELS_MAX);
        }
    }
    let mut out = String::new();
    if !members.is_empty() {
        write_branch(&members, &mut out);
    }
    out
}

fn is_vector(key: &str, value: &Value) -> bool {
    let is_long = matches!(value, Value::Array(list) if list.values.len() > NUMBERS_MAX);
    is_long && key.rsplit('.').next() == Some(VECTOR)
}

fn insert<'a>(members: &mut Vec<(&'a str, Node<'a>)>, key: &'a str, value: &'a Value, levels: usize) {
    let (name, rest) = match key.split_once('.') {
        Some((name, rest)) if levels > 1 => (name, Some(rest)),
        _ => (key, None),
    };
    // Keys of one family come together and in order, so the place is nearly always the last one.
    let at = members.iter().rposition(|(known, _)| *known == name).unwrap_or_else(|| {
        members.push((name, Node::Branch(Vec::new())));
        members.len() - 1
    });
    match (rest, &mut members[at].1) {
        (Some(rest), Node::Branch(below)) => insert(below, rest, value, levels - 1),
        // A name cannot be a value and have members too; the first that came is kept.
        (None, node) => {
            if matches!(node, Node::Branch(below) if below.is_empty()) {
                *node = Node::Leaf(value);
            }
        }
        (Some(_), Node::Leaf(_)) => {}
    }
}

fn write_branch(members: &[(&str, Node<'_>)], out: &mut String) {
    let indexes: Option<Vec<u64>> = members.iter().map(|(name, _)| name.parse().ok()).collect();
    if let Some(indexes) = indexes {
        let mut order: Vec<usize> = (0..members.len()).collect();
        order.sort_by_key(|at| indexes[*at]);
        out.push('[');
        for (position, at) in order.into_iter().enumerate() {
            separate(position, out);
            write_node("", unwrapped(&members[at].1), out);
        }
        out.push(']');
        return;
    }
    out.push('{');
    for (position, (name, node)) in members.iter().enumerate() {
        separate(position, out);
        write_text(name, out);
        out.push(':');
        write_node(name, node, out);
    }
    out.push('}');
}

fn unwrapped<'n, 'a>(node: &'n Node<'a>) -> &'n Node<'a> {
    match node {
        Node::Branch(members) => match members.as_slice() {
            [(name, inner @ Node::Branch(_))] if WRAPPERS.contains(name) => inner,
            _ => node,
        },
        Node::Leaf(_) => node,
    }
}

fn write_node(name: &str, node: &Node<'_>, out: &mut String) {
    match node {
        Node::Leaf(value) if JSON_TEXTS.contains(&name) => write_content(value, out),
        Node::Leaf(value) => write_json(value, out),
        Node::Branch(members) => write_branch(members, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(pairs: &[(&str, &str)]) -> String {
        let values: Vec<Value> = pairs.iter().map(|(_, text)| Value::Text((*text).to_owned())).collect();
        fold(pairs.iter().map(|(key, _)| *key).zip(&values))
    }

    #[test]
    fn messages_are_put_together_in_the_order_of_their_numbers() {
        let pairs = [
            ("10.message.role", "user"),
            ("2.message.role", "assistant"),
            ("2.message.tool_calls.0.tool_call.function.name", "f"),
            ("10.message.content", "hi"),
        ];
        assert_eq!(
            folded(&pairs),
            r#"[{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]},{"role":"user","content":"hi"}]"#
        );
    }

    #[test]
    fn names_that_are_values_and_branches_at_once_keep_the_first() {
        assert_eq!(folded(&[("0.a", "x"), ("0.a.b", "y")]), r#"[{"a":"x"}]"#);
        assert_eq!(folded(&[("0.a.b", "y"), ("0.a", "x")]), r#"[{"a":{"b":"y"}}]"#);
    }

    #[test]
    fn schemas_and_metadata_are_json_within_text() {
        let pairs = [("0.document.content", "{}"), ("0.document.metadata", r#"{"page":3}"#)];
        assert_eq!(folded(&pairs), r#"[{"content":"{}","metadata":{"page":3}}]"#);
    }

    #[test]
    fn a_key_of_a_thousand_levels_is_cut() {
        let key = "a.".repeat(1000) + "b";
        assert!(serde_json::from_str::<serde_json::Value>(&folded(&[(&key, "x")])).is_ok());
    }
}
