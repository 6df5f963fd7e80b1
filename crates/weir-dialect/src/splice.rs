//! Editing JSON text by its bytes: members of an object are found, replaced, added and removed, and every other byte
//! stays where it was. Parsing and printing again would reorder keys, reformat numbers and lose duplicates.

use std::ops::Range;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

use crate::text;
use crate::wire::{Name, Raw};

/// One member of an object and where it stands in the text.
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    /// Where the name begins, at its quote.
    pub(crate) name_start: usize,
    /// The JSON text of the value.
    pub(crate) value: &'a str,
    /// The bytes of the value.
    pub(crate) value_at: Range<usize>,
}

/// One change of a body: the bytes in `at` become `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which bytes.
    pub at: Range<usize>,
    /// What stands there afterwards.
    pub text: String,
}

/// The members of an object, in order, duplicates included. Fails when the text is not one JSON object.
pub(crate) fn members(json: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let members = deserializer.deserialize_map(MembersVisitor { json })?;
    deserializer.end()?;
    Ok(members)
}

struct MembersVisitor<'a> {
    json: &'a str,
}

impl<'de> Visitor<'de> for MembersVisitor<'de> {
    type Value = Vec<Member<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::with_capacity(16);
        let mut read_to = 0;
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value::<Raw<'de>>()?.get();
            // The value is a slice of the document, so its address tells its place.
            let start = value.as_ptr() as usize - self.json.as_ptr() as usize;
            // Between a value and the next name there are only a comma and white space.
            let name_start = read_to + self.json[read_to..].find('"').unwrap_or(0);
            read_to = start + value.len();
            members.push(Member { name, name_start, value, value_at: start..read_to });
        }
        Ok(members)
    }
}

/// Where the elements of an array stand in its text, in order; empty when the text is not one JSON array.
pub(crate) fn elements(json: &str) -> Vec<Range<usize>> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_seq(ElementsVisitor { json }).unwrap_or_default()
}

struct ElementsVisitor<'a> {
    json: &'a str,
}

impl<'de> Visitor<'de> for ElementsVisitor<'de> {
    type Value = Vec<Range<usize>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(value) = list.next_element::<Raw<'de>>()? {
            let value = value.get();
            let start = value.as_ptr() as usize - self.json.as_ptr() as usize;
            elements.push(start..start + value.len());
        }
        Ok(elements)
    }
}

/// The edits that set a member: all members of that name get the value; where there is none, one is added at the end.
pub(crate) fn set_edits(json: &str, members: &[Member<'_>], name: &str, value: &str) -> Vec<Edit> {
    let found: Vec<Edit> = members
        .iter()
        .filter(|member| member.name == name)
        .map(|member| Edit { at: member.value_at.clone(), text: value.to_owned() })
        .collect();
    if found.is_empty() { vec![add_edit(json, members, name, value)] } else { found }
}

/// The edit that adds a member at the end of the object.
pub(crate) fn add_edit(json: &str, members: &[Member<'_>], name: &str, value: &str) -> Edit {
    let name = text::encode(name);
    if let Some(last) = members.last() {
        let end = last.value_at.end;
        return Edit { at: end..end, text: format!(",{name}:{value}") };
    }
    let open = json.find('{').map_or(0, |brace| brace + 1);
    Edit { at: open..open, text: format!("{name}:{value}") }
}

/// The bytes to cut so that the member at `index` is gone: with it goes the comma before it or, for the first member,
/// the comma after it.
pub(crate) fn removal(members: &[Member<'_>], index: usize) -> Range<usize> {
    let member = &members[index];
    match (index.checked_sub(1), members.get(index + 1)) {
        (Some(before), _) => members[before].value_at.end..member.value_at.end,
        (None, Some(after)) => member.name_start..after.name_start,
        (None, None) => member.name_start..member.value_at.end,
    }
}

/// Applies edits that do not overlap, in any order.
pub fn apply(json: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let added: usize = edits.iter().map(|edit| edit.text.len()).sum();
    let mut out = String::with_capacity(json.len() + added);
    let mut kept_to = 0;
    for edit in edits {
        out.push_str(&json[kept_to..edit.at.start]);
        out.push_str(&edit.text);
        kept_to = edit.at.end;
    }
    out.push_str(&json[kept_to..]);
    out
}

/// Sets several members of an object at once; `None` when the text is not an object.
pub(crate) fn set_members(json: &str, values: &[(&str, &str)]) -> Option<String> {
    let mut out = json.to_owned();
    for (name, value) in values {
        let members = members(&out).ok()?;
        let edits = set_edits(&out, &members, name, value);
        out = apply(&out, edits);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(json: &str, name: &str) -> String {
        let members = members(json).unwrap();
        let index = members.iter().position(|member| member.name == name).unwrap();
        let at = removal(&members, index);
        apply(json, vec![Edit { at, text: String::new() }])
    }

    #[test]
    fn a_removed_member_leaves_no_comma_behind() {
        assert_eq!(without(r#"{"a":1,"u":null,"b":2}"#, "u"), r#"{"a":1,"b":2}"#);
        assert_eq!(without(r#"{"a":1,"u":null}"#, "u"), r#"{"a":1}"#);
        assert_eq!(without(r#"{"u":null,"b":2}"#, "u"), r#"{"b":2}"#);
        assert_eq!(without(r#"{ "u" : null }"#, "u"), "{  }");
        assert_eq!(without(r#"{"a": 1, "u": null, "b": 2}"#, "u"), r#"{"a": 1, "b": 2}"#);
    }

    #[test]
    fn members_are_set_in_place_and_added_at_the_end() {
        assert_eq!(set_members(r#"{"a": 1 }"#, &[("a", "2"), ("b", "[]")]).unwrap(), r#"{"a": 2,"b":[] }"#);
        assert_eq!(set_members(" { } ", &[("a", "2")]).unwrap(), r#" {"a":2 } "#);
        assert_eq!(set_members("[]", &[("a", "2")]), None);
    }

    #[test]
    fn an_escaped_name_is_the_same_name() {
        assert_eq!(without(r#"{"a":1,"\u0075":null}"#, "u"), r#"{"a":1}"#);
    }
}
