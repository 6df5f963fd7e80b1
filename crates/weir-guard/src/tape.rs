//! The strings of a JSON text and where they stand, without a tree of values.
//!
//! What spans hold is JSON of any dialect, or plain text, or JSON that was cut at a limit of bytes. Whoever looks for
//! something in it needs each string once, its place, and the objects around it; whoever changes one must leave every
//! other byte alone: unknown members, number spellings, white space. So a text is read into a flat list of nodes that
//! point at bytes.
//!
//! Invariants: reading takes one pass and no recursion. A text that is valid JSON gives its every string and number. One that
//! ends too early gives those it has, the last one without its quote. Anything else is no JSON: `None`, and it is to be
//! read as plain text.

use std::borrow::Cow;
use std::ops::Range;

/// A JSON text in pieces.
#[derive(Debug)]
pub(crate) struct Tape<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// One piece of a JSON text.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// The object or array around it, by its number; the root is its own parent.
    pub(crate) parent: usize,
    /// Its name's node in an object, its index in an array.
    pub(crate) key: Key,
    /// Where it stands; of objects and arrays, where they begin.
    pub(crate) at: Range<usize>,
    pub(crate) shape: Shape,
}

/// How a node is found in what holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Root,
    /// The number of the node that holds the name.
    Name(usize),
    Index(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Object,
    Array,
    String,
    /// A member's name.
    Name,
    Number,
}

/// What must come next within an object or array.
struct Frame {
    node: usize,
    name: Option<usize>,
    index: usize,
    needs_value: bool,
    is_object: bool,
}

impl<'a> Tape<'a> {
    /// Reads a text; `None` when it is no JSON.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let start = skip_space(bytes, 0);
        if !matches!(bytes.get(start), Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9')) {
            return None;
        }
        let mut tape = Self { text, nodes: Vec::with_capacity(16 + text.len() / 48) };
        let mut frames: Vec<Frame> = Vec::new();
        let mut at = start;
        while at < bytes.len() {
            at = tape.step(bytes, at, &mut frames)?;
            at = skip_space(bytes, at);
            if frames.is_empty() && at < bytes.len() {
                return None;
            }
        }
        Some(tape)
    }

    /// Takes the piece that begins here; returns where the next may.
    fn step(&mut self, bytes: &[u8], at: usize, frames: &mut Vec<Frame>) -> Option<usize> {
        let byte = bytes[at];
        match byte {
            b',' => {
                let frame = frames.last_mut()?;
                if frame.needs_value {
                    return None;
                }
                frame.index += 1;
                (frame.name, frame.needs_value) = (None, true);
                return Some(at + 1);
            }
            b'}' | b']' => {
                let frame = frames.pop()?;
                return (frame.is_object == (byte == b'}')).then_some(at + 1);
            }
            _ => {}
        }
        if let Some(frame) = frames.last_mut().filter(|frame| frame.is_object && frame.name.is_none()) {
            if byte != b'"' {
                return None;
            }
            let (parent, end) = (frame.node, string_end(bytes, at));
            frame.name = Some(self.nodes.len());
            self.nodes.push(Node { parent, key: Key::Index(frame.index), at: at..end, shape: Shape::Name });
            let colon = skip_space(bytes, end);
            return match bytes.get(colon) {
                Some(b':') => Some(colon + 1),
                None => Some(colon),
                Some(_) => None,
            };
        }
        let number = self.nodes.len();
        let (parent, key) = match frames.last_mut() {
            None => (number, Key::Root),
            Some(frame) => {
                if !std::mem::replace(&mut frame.needs_value, false) {
                    return None;
                }
                (frame.node, frame.name.map_or(Key::Index(frame.index), Key::Name))
            }
        };
        let (shape, end) = match byte {
            b'{' | b'[' => {
                let is_object = byte == b'{';
                frames.push(Frame { node: number, name: None, index: 0, needs_value: true, is_object });
                (if is_object { Shape::Object } else { Shape::Array }, at + 1)
            }
            b'"' => (Shape::String, string_end(bytes, at)),
            _ => {
                let end = at + bytes[at..].iter().take_while(|byte| is_literal(**byte)).count();
                if !is_value(&self.text[at..end], end == bytes.len()) {
                    return None;
                }
                (Shape::Number, end)
            }
        };
        self.nodes.push(Node { parent, key, at: at..end, shape });
        Some(end)
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The text of a node as it is written.
    pub(crate) fn written(&self, node: &Node) -> &'a str {
        &self.text[node.at.clone()]
    }

    /// What a string or a name says; of a number, how it is spelt.
    pub(crate) fn said(&self, node: &Node) -> Cow<'a, str> {
        match node.shape {
            Shape::String | Shape::Name => unescape(inside(self.written(node))),
            _ => Cow::Borrowed(self.written(node)),
        }
    }

    /// The name under which a node stands in its object.
    pub(crate) fn name(&self, node: &Node) -> Option<Cow<'a, str>> {
        let Key::Name(name) = node.key else { return None };
        Some(self.said(&self.nodes[name]))
    }

    /// A JSON pointer (RFC 6901) to the node.
    pub(crate) fn pointer(&self, number: usize) -> String {
        let mut steps = Vec::new();
        let mut at = number;
        while self.nodes[at].parent != at {
            let node = &self.nodes[at];
            // A name is where the value is that it names.
            steps.push(match (node.shape, node.key) {
                (Shape::Name, _) => self.said(node).replace('~', "~0").replace('/', "~1"),
                (_, Key::Name(name)) => self.said(&self.nodes[name]).replace('~', "~0").replace('/', "~1"),
                (_, Key::Index(index)) => index.to_string(),
                (_, Key::Root) => String::new(),
            });
            at = node.parent;
        }
        steps.iter().rev().fold(String::new(), |path, step| path + "/" + step)
    }
}

/// A string's text as JSON again; without its last quote where it had none.
pub(crate) fn quoted(said: &str, was: &str) -> String {
    let mut text = serde_json::Value::from(said).to_string();
    if was.len() < 2 || !was.ends_with('"') || is_cut(was) {
        text.pop();
    }
    text
}

/// Whether a written string lacks its last quote: it may end in a quote that is escaped.
fn is_cut(written: &str) -> bool {
    let bytes = written.as_bytes();
    let before = bytes[..bytes.len() - 1].iter().rev().take_while(|byte| **byte == b'\\').count();
    before % 2 == 1
}

fn inside(written: &str) -> &str {
    let rest = written.strip_prefix('"').unwrap_or(written);
    if written.len() < 2 || is_cut(written) { rest } else { rest.strip_suffix('"').unwrap_or(rest) }
}

/// The end of the string that begins here: after its quote, or at the end of the text.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if bytes[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    bytes.len()
}

fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

fn is_literal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Whether a bare word is a value of JSON, or the beginning of one where the text was cut.
fn is_value(word: &str, may_be_cut: bool) -> bool {
    let is_word = ["true", "false", "null"]
        .iter()
        .any(|known| word == *known || may_be_cut && !word.is_empty() && known.starts_with(word));
    is_word || is_number(word)
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// What the inside of a JSON string says. What is no escape is taken as it is written.
pub(crate) fn unescape(written: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', written.as_bytes()) else { return Cow::Borrowed(written) };
    let mut said = String::with_capacity(written.len());
    said.push_str(&written[..first]);
    let mut rest = &written[first..];
    while let Some(escape) = rest.strip_prefix('\\') {
        let (char, len) = escaped(escape);
        said.push(char);
        rest = &escape[len..];
        let plain = memchr::memchr(b'\\', rest.as_bytes()).unwrap_or(rest.len());
        said.push_str(&rest[..plain]);
        rest = &rest[plain..];
    }
    Cow::Owned(said)
}

/// What stands after a backslash means, and how many bytes it has.
fn escaped(rest: &str) -> (char, usize) {
    match rest.bytes().next() {
        Some(b'n') => ('\n', 1),
        Some(b't') => ('\t', 1),
        Some(b'r') => ('\r', 1),
        Some(b'b') => ('\u{8}', 1),
        Some(b'f') => ('\u{c}', 1),
        Some(b'u') => {
            let Some(unit) = unit(&rest[1..]) else { return ('\u{fffd}', 1) };
            if let Some(char) = char::from_u32(unit.into()) {
                return (char, 5);
            }
            let low = rest.get(5..).and_then(|rest| rest.strip_prefix("\\u")).and_then(self::unit);
            match low.map(|low| char::decode_utf16([unit, low]).next()) {
                Some(Some(Ok(char))) => (char, 11),
                _ => ('\u{fffd}', 5),
            }
        }
        Some(byte @ (b'"' | b'\\' | b'/')) => (char::from(byte), 1),
        _ => ('\\', 0),
    }
}

fn unit(digits: &str) -> Option<u16> {
    let digits = digits.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn strings(text: &str) -> Option<Vec<(String, String)>> {
        let tape = Tape::read(text)?;
        let is_string = |node: &Node| node.shape == Shape::String;
        let nodes = tape.nodes().iter().enumerate().filter(|(_, node)| is_string(node));
        Some(nodes.map(|(number, node)| (tape.pointer(number), tape.said(node).into_owned())).collect())
    }

    #[test]
    fn strings_are_found_with_their_pointers() {
        let found =
            strings(r#" [{"a/b":"x","c":[1,"\u00e9\n",{"~":"\ud83d\ude00"}],"n":1.50e3,"t":true}, "y"] "#);
        let expected = [("/0/a~1b", "x"), ("/0/c/1", "é\n"), ("/0/c/2/~0", "😀"), ("/1", "y")];
        assert_eq!(found.unwrap(), expected.map(|(path, said)| (path.to_owned(), said.to_owned())));
        assert_eq!(strings(r#""only""#).unwrap(), [(String::new(), "only".to_owned())]);
    }

    #[test]
    fn what_was_cut_gives_what_it_has() {
        let whole = r#"[{"role":"user","content":"say \"hi\" now"},true]"#;
        for end in 1..whole.len() {
            let found = strings(&whole[..end]);
            assert!(found.is_some(), "{}", &whole[..end]);
        }
        let cut = strings(r#"[{"role":"user","content":"say \"hi\"#).unwrap();
        assert_eq!(cut[1], ("/0/content".to_owned(), "say \"hi\\".to_owned()));
    }

    #[test]
    fn what_only_looks_like_json_is_none() {
        for text in [
            "[12:01] hi",
            "{name}, hello",
            "\"a\" said b",
            "1. first",
            "{\"a\" \"b\"}",
            "[1 2]",
            "12 eggs",
            "plain",
            "",
        ] {
            assert!(strings(text).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_string_says_what_serde_reads(said in r#"([a-z"\\\n/é😀\u{0}]|\PC){0,20}"#) {
            let json = serde_json::Value::from(said.as_str()).to_string();
            let found = strings(&json).unwrap();
            prop_assert_eq!(&found[0].1, &said);
            prop_assert_eq!(quoted(&said, &json), json);
        }

        #[test]
        fn any_text_can_be_read(text in r#"[\[\]{}",:\\a1é \n-]{0,40}"#) {
            if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
                prop_assert!(Tape::read(&text).is_some() || ["true", "false", "null"].contains(&text.trim()));
            } else {
                let _ = strings(&text);
            }
        }
    }
}
