//! Where spans come from: a resource (a process), and within it a scope (a library).

use std::sync::Arc;

use weir_types::Source;

use super::facts::Facts;
use super::mapping::Field;
use super::span::tag;
use super::value::{write_json, write_text};
use super::wire::{Resource, Scope};

/// Bytes of what a resource says beyond the fields of spans. Each of its spans repeats it.
const RESOURCE_BYTES_MAX: usize = 4 * 1024;

/// What the spans of one library in one process have in common. Made once for all of them.
pub(crate) struct Origin {
    pub(crate) source: Source,
    pub(crate) service: Option<Arc<str>>,
    pub(crate) app: Option<Arc<str>>,
    pub(crate) env: Option<Arc<str>>,
    pub(crate) team: Option<Arc<str>>,
    pub(crate) session: Option<Arc<str>>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) client: Option<Arc<str>>,
    /// Members of a JSON object, without its braces: the resource and the scope as they came.
    pub(crate) attributes: String,
}

impl Origin {
    /// The origin of the spans of this scope; `facts` are those of the resource's attributes.
    pub(crate) fn new(source: Source, facts: &Facts<'_>, scope: Option<&Scope>) -> Self {
        let own = |field| facts.text(field).map(|text| tag(&text));
        let name = scope.map(|scope| scope.name.as_str()).filter(|name| !name.is_empty());
        Self {
            source,
            service: own(Field::Service),
            app: own(Field::App),
            env: own(Field::Env),
            team: own(Field::Team),
            session: own(Field::Session),
            user: own(Field::User),
            client: name.map(tag),
            attributes: attributes(facts, scope),
        }
    }
}

/// The attributes of a resource.
pub(crate) fn facts_of(resource: Option<&Resource>) -> Facts<'_> {
    Facts::of_attributes(resource.map(|resource| resource.attributes.as_slice()).unwrap_or_default())
}

fn attributes(facts: &Facts<'_>, scope: Option<&Scope>) -> String {
    let mut out = String::new();
    if !facts.rest.is_empty() {
        out.push_str("\"resource\":{");
        for (at, pair) in facts.rest.iter().enumerate() {
            super::value::separate(at, &mut out);
            write_text(&pair.key, &mut out);
            out.push(':');
            match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
                Some(value) => write_json(value, &mut out),
                None => out.push_str("null"),
            }
        }
        out.push('}');
    }
    if out.len() > RESOURCE_BYTES_MAX {
        out.clear();
        out.push_str("\"resource_truncated\":true");
    }
    if let Some(scope) = scope.filter(|scope| !scope.version.is_empty()) {
        super::value::separate(out.len(), &mut out);
        out.push_str("\"scope_version\":");
        write_text(&tag(&scope.version), &mut out);
    }
    out
}
