//! What a span says beyond its fields: one JSON object, written member by member, bounded.

use weir_types::{Content, limits};

/// An object in the making.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    members: String,
    is_cut: bool,
}

impl Attributes {
    /// Adds a member that is JSON already.
    pub(super) fn json(&mut self, name: &str, json: &str) {
        if self.members.len() + name.len() + json.len() > limits::CONTENT_BYTES_MAX {
            self.is_cut = true;
            return;
        }
        self.members.push(if self.members.is_empty() { '{' } else { ',' });
        self.members.push_str(&quoted(name));
        self.members.push(':');
        self.members.push_str(json);
    }

    /// Adds a text.
    pub(super) fn text(&mut self, name: &str, text: &str) {
        self.json(name, &quoted(text));
    }

    /// Adds an object that was written apart, unless it is empty.
    pub(super) fn object(&mut self, name: &str, object: Self) {
        if let Some(json) = object.finish() {
            self.json(name, json.expose());
        }
    }

    /// The object; `None` when it has no members.
    pub(super) fn finish(mut self) -> Option<Content> {
        if self.is_cut {
            // The limit leaves room for this: the record's own limit is eight times as large.
            self.members.push_str(if self.members.is_empty() { "{" } else { "," });
            self.members.push_str("\"attributes_truncated\":true");
        }
        (!self.members.is_empty()).then(|| {
            self.members.push('}');
            Content::new(self.members)
        })
    }
}

/// These attributes with one member more.
pub(super) fn with_member(attributes: Option<&Content>, name: &str, json: &str) -> Content {
    let before =
        attributes.and_then(|content| content.expose().strip_suffix('}')).filter(|text| *text != "{");
    let (open, separator) = before.map_or(("{", ""), |before| (before, ","));
    Content::new(format!("{open}{separator}{}:{json}}}", quoted(name)))
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    // Writing a text into memory cannot fail; an empty text is what is left if it did.
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_make_an_object() {
        let mut inner = Attributes::default();
        inner.text("k\"", "v\n");
        let mut attributes = Attributes::default();
        attributes.object("empty", Attributes::default());
        attributes.object("inner", inner);
        attributes.json("n", "1");
        let content = attributes.finish().unwrap();
        assert_eq!(content.expose(), r#"{"inner":{"k\"":"v\n"},"n":1}"#);
        assert_eq!(with_member(Some(&content), "x", "2").expose(), r#"{"inner":{"k\"":"v\n"},"n":1,"x":2}"#);
        assert_eq!(with_member(None, "x", "2").expose(), r#"{"x":2}"#);
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said() {
        let mut attributes = Attributes::default();
        attributes.text("large", &"x".repeat(limits::CONTENT_BYTES_MAX));
        attributes.text("small", "y");
        assert_eq!(attributes.finish().unwrap().expose(), r#"{"small":"y","attributes_truncated":true}"#);
    }
}
