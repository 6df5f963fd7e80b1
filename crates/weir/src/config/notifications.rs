//! Receivers, routes, inhibitions and silences of `weir.toml`: read by `weir-notify`, with scopes in the query language.

use std::sync::Arc;

use weir_notify::{Entries, References, ScopeParser, Settings};

use super::resolve::Resolver;
use super::{file, secrets};

impl Resolver<'_> {
    /// What the notifier works with; mistakes are reported, each at its key.
    pub(super) fn notifications(&mut self, file: &file::File) -> Option<Settings> {
        let entries = Entries {
            receivers: &file.receivers,
            routing: &file.routing,
            inhibit: &file.inhibit,
            silences: &file.silences,
        };
        let environment = self.environment;
        let secret = move |reference: &file::SecretRef| secrets::fetch(reference, environment);
        match Settings::resolve(&entries, &References { secret: &secret, scopes: scopes() }) {
            Ok(settings) => Some(settings),
            Err(faults) => {
                for fault in faults {
                    self.report::<()>(&fault.key, fault.message, fault.hint.as_deref());
                }
                None
            }
        }
    }

    /// The start of links, without a slash at its end.
    pub(super) fn public_url(&mut self, text: &str) -> Option<Arc<str>> {
        let uri = text.parse::<http::Uri>().ok();
        let is_url = |uri: &http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some()
                && uri.query().is_none()
        };
        if uri.as_ref().is_some_and(is_url) {
            return Some(Arc::from(text.trim_end_matches('/')));
        }
        let hint = "for example \"https://weir.example.com\"";
        self.report("server.public_url", format!("{text:?} is not a URL"), Some(hint))
    }
}

/// Reads scopes over the tags of alerts. Which tags there are depends on the monitors and is not checked.
pub fn scopes() -> ScopeParser {
    Arc::new(|text| weir_query::parse_scope(text).map_err(|error| error.to_string()))
}
