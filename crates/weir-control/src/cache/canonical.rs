//! One spelling for JSON that means the same: members sorted, white space gone, numbers and escapes written one way.
//!
//! Two requests are the same call when their canonical forms are the same bytes. The form is itself JSON, so that its law
//! can be tested: reading it gives the value that was written. What is not certain to mean the same stays different, since a
//! miss costs a call and a false hit costs trust: members that occur twice are both kept, and integers too large for a
//! double keep their digits.
//!
//! Why not parse into a tree: this runs on every call while a cache is configured. Texts without escapes that have two
//! spellings are copied as they are, and members are put in order by moving their bytes.
//!
//! Failure: text that is no JSON, nests deeper than [`DEPTH_MAX`], or holds half a surrogate pair has no canonical form; such
//! a call is not cached.

use std::io::Write;

/// How deep values may nest. Requests of real clients stay under 20; the limit protects the stack.
const DEPTH_MAX: usize = 128;

/// Integers up to here are the same number in a double.
const EXACT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

/// Appends the canonical form of one JSON object to `out`. `wants` sees each of its members (name, then canonical value,
/// both JSON text) and says whether the member belongs to the form; members within members always do.
pub(super) fn object(
    json: &[u8],
    out: &mut Vec<u8>,
    mut wants: impl FnMut(&[u8], &[u8]) -> bool,
) -> Option<()> {
    let mut scanner = Scanner { json, at: 0 };
    scanner.skip_space();
    scanner.expect(b'{')?;
    scanner.members(out, DEPTH_MAX, &mut wants)?;
    scanner.skip_space();
    (scanner.at == json.len()).then_some(())
}

struct Scanner<'a> {
    json: &'a [u8],
    at: usize,
}

/// Where a member's canonical text stands in the output, its comma included.
struct Placed {
    start: usize,
    name_end: usize,
    end: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.json.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        self.skip_space();
        match self.peek()? {
            b'{' => {
                self.at += 1;
                self.members(out, depth.checked_sub(1)?, &mut |_, _| true)
            }
            b'[' => {
                self.at += 1;
                self.elements(out, depth.checked_sub(1)?)
            }
            b'"' => self.string(out),
            b't' => self.literal(b"true", out),
            b'f' => self.literal(b"false", out),
            b'n' => self.literal(b"null", out),
            _ => self.number(out),
        }
    }

    /// The rest of an object, whose brace has been read.
    fn members(
        &mut self,
        out: &mut Vec<u8>,
        depth: usize,
        wants: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Option<()> {
        out.push(b'{');
        let first = out.len();
        let mut placed: Vec<Placed> = Vec::new();
        self.skip_space();
        if self.peek()? == b'}' {
            self.at += 1;
            out.push(b'}');
            return Some(());
        }
        loop {
            let start = out.len();
            self.skip_space();
            self.string(out)?;
            let name_end = out.len();
            self.skip_space();
            self.expect(b':')?;
            out.push(b':');
            self.value(out, depth)?;
            if wants(&out[start..name_end], &out[name_end + 1..]) {
                out.push(b',');
                placed.push(Placed { start, name_end, end: out.len() });
            } else {
                out.truncate(start);
            }
            self.skip_space();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
        }
        self.at += 1;
        sort(out, first, &mut placed);
        if placed.is_empty() {
            out.push(b'}');
        } else {
            // In place of the last comma.
            *out.last_mut()? = b'}';
        }
        Some(())
    }

    fn elements(&mut self, out: &mut Vec<u8>, depth: usize) -> Option<()> {
        out.push(b'[');
        self.skip_space();
        if self.peek()? == b']' {
            self.at += 1;
            out.push(b']');
            return Some(());
        }
        loop {
            self.value(out, depth)?;
            self.skip_space();
            let next = self.peek()?;
            self.at += 1;
            out.push(next);
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn literal(&mut self, text: &[u8], out: &mut Vec<u8>) -> Option<()> {
        self.json[self.at..].starts_with(text).then(|| {
            self.at += text.len();
            out.extend_from_slice(text);
        })
    }

    fn string(&mut self, out: &mut Vec<u8>) -> Option<()> {
        self.expect(b'"')?;
        let start = self.at;
        let mut has_other_spelling = false;
        loop {
            self.at += memchr::memchr2(b'"', b'\\', &self.json[self.at..])?;
            if self.json[self.at] == b'"' {
                break;
            }
            // Every other escape has no second spelling but a `\u`, so that texts full of `\n` are copied as they are.
            has_other_spelling |= matches!(self.json.get(self.at + 1)?, b'u' | b'/');
            self.at += 2;
        }
        self.at += 1;
        let quoted = &self.json[start - 1..self.at];
        if !has_other_spelling {
            out.extend_from_slice(quoted);
            return Some(());
        }
        let text: String = serde_json::from_slice(quoted).ok()?;
        serde_json::to_writer(out, &text).ok()
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let rest = &self.json[self.at..];
        let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
        let text = std::str::from_utf8(&rest[..length]).ok().filter(|text| !text.is_empty())?;
        self.at += length;
        if !text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
            out.extend_from_slice(if text == "-0" { b"0" } else { text.as_bytes() });
            return Some(());
        }
        let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
        if number.fract() == 0.0 && number.abs() <= EXACT_INTEGER_MAX {
            // A whole number; zero has no sign here.
            return write!(out, "{}", if number == 0.0 { 0.0 } else { number }).ok();
        }
        write!(out, "{number:e}").ok()
    }
}

/// Puts the members that stand in `out` from `first` on in the order of their names. Stable, so that members of one name
/// stay in the order in which the client sent them.
fn sort(out: &mut Vec<u8>, first: usize, placed: &mut [Placed]) {
    fn name<'a>(out: &'a [u8], member: &Placed) -> &'a [u8] {
        &out[member.start..member.name_end]
    }
    if placed.is_sorted_by(|a, b| name(out, a) <= name(out, b)) {
        return;
    }
    placed.sort_by(|a, b| name(out, a).cmp(name(out, b)));
    let unsorted = out.split_off(first);
    for member in placed {
        out.extend_from_slice(&unsorted[member.start - first..member.end - first]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn canonical(json: &str) -> Option<String> {
        let mut out = Vec::new();
        object(json.as_bytes(), &mut out, |_, _| true)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn different_spellings_of_one_value_have_one_form() {
        for (a, b) in [
            (r#"{"a":1,"b":[1,2]}"#, "{ \"b\" : [ 1 , 2 ] ,\n\"a\":1.0 }"),
            (r#"{"t":0.7}"#, r#"{"t":7.0e-1}"#),
            (r#"{"t":-0}"#, r#"{"t":0.0}"#),
            (r#"{"t":1e2}"#, r#"{"t":100}"#),
            (r#"{"s":"\u00e9\/\u000a"}"#, r#"{"s":"é/\n"}"#),
            (r#"{"\u0061":{"c":{},"b":[]}}"#, r#"{"a":{"b":[],"c":{}}}"#),
        ] {
            assert_eq!(canonical(a).unwrap(), canonical(b).unwrap(), "{a} {b}");
        }
    }

    #[test]
    fn what_may_differ_stays_different() {
        for (a, b) in [
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
            (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
            (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":" "}"#, r#"{"a":""}"#),
        ] {
            assert_ne!(canonical(a).unwrap(), canonical(b).unwrap(), "{a} {b}");
        }
    }

    #[test]
    fn what_is_no_json_object_has_no_form() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        for text in ["", "1", "[]", "{", r#"{"a"}"#, r#"{"a":}"#, r#"{"a":"\ud800"}"#, "{} x", &deep] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }

    /// Any JSON value, a few levels deep.
    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            // No whole numbers, and few digits: the reader that the law is tested with rounds the last of many.
            any::<i32>().prop_map(|number| Value::from((f64::from(number) * 2.0 + 1.0) / 64.0)),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| json!(map)),
            ]
        })
    }

    /// The value as text, with members in another order, white space between tokens and every letter escaped.
    fn respelt(value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .rev()
                    .map(|(name, value)| format!("\t{} : {}", escaped(name), respelt(value)))
                    .collect();
                format!("{{{} }}", members.join(" ,"))
            }
            Value::Array(elements) => {
                let elements: Vec<_> = elements.iter().map(respelt).collect();
                format!("[ {}\n]", elements.join(", "))
            }
            Value::String(text) => escaped(text),
            other => other.to_string(),
        }
    }

    fn escaped(text: &str) -> String {
        let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("\"{}\"", units.concat())
    }

    proptest! {
        /// The form depends on the value alone, and reading it gives the value back.
        #[test]
        fn the_form_is_the_value_and_nothing_but_the_value(value in value()) {
            let document = json!({ "v": value });
            let form = canonical(&document.to_string()).unwrap();
            prop_assert_eq!(&canonical(&respelt(&document)).unwrap(), &form);
            prop_assert_eq!(&canonical(&form).unwrap(), &form);
            let read: Value = serde_json::from_str(&form).unwrap();
            prop_assert_eq!(read, document);
        }

        /// Two values have the same form only when they are the same.
        #[test]
        fn different_values_have_different_forms(a in value(), b in value()) {
            let form = |value: &Value| canonical(&json!({ "v": value }).to_string()).unwrap();
            prop_assert_eq!(form(&a) == form(&b), a == b);
        }

        /// Bytes that nobody promised to be JSON do no harm.
        #[test]
        fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut out = Vec::new();
            let _ = object(&bytes, &mut out, |_, _| true);
        }
    }
}
