//! What a client asks of the cache: `cache-control` as browsers send it.
//!
//! | directive | meaning |
//! |---|---|
//! | `no-store` | neither answer from the cache nor keep the answer |
//! | `no-cache`, `max-age=0` | ask the provider, and keep what it says |
//! | `max-age=N` | an answer of the last N seconds is good enough |
//!
//! Others, and what cannot be read, ask for nothing.

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderValue};

/// What a request's `cache-control` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Directives {
    pub(super) no_store: bool,
    pub(super) no_cache: bool,
    pub(super) max_age_s: Option<u64>,
}

impl Directives {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut found = Self::default();
        for value in headers.get_all(CACHE_CONTROL) {
            found.read(value);
        }
        found
    }

    fn read(&mut self, value: &HeaderValue) {
        let Ok(text) = value.to_str() else { return };
        for directive in text.split(',').map(str::trim) {
            let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
            if name.eq_ignore_ascii_case("no-store") {
                self.no_store = true;
            } else if name.eq_ignore_ascii_case("no-cache") {
                self.no_cache = true;
            } else if name.eq_ignore_ascii_case("max-age")
                && let Ok(seconds) = argument.trim_matches('"').parse()
            {
                self.no_cache |= seconds == 0;
                self.max_age_s = Some(seconds);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> (bool, bool, Option<u64>) {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, value.parse().unwrap());
        let Directives { no_store, no_cache, max_age_s } = Directives::of(&headers);
        (no_store, no_cache, max_age_s)
    }

    #[test]
    fn directives_are_read_as_they_are_spelt() {
        assert_eq!(read("no-store"), (true, false, None));
        assert_eq!(read("No-Cache, max-age=60"), (false, true, Some(60)));
        assert_eq!(read("max-age=0"), (false, true, Some(0)));
        assert_eq!(read("max-age=\"5\""), (false, false, Some(5)));
        assert_eq!(read("max-age=soon, private, only-if-cached"), (false, false, None));
    }
}
