//! Whom a call is charged to and what it belongs to.
//!
//! Clients say it in many ways; the first that names a field wins: the virtual key's team and application (so that no
//! header can move a call to someone else's account), `weir-*` headers, `metadata`, `user` and `safety_identifier` of the
//! body, W3C `baggage`, `Helicone-*` headers, LiteLLM's `metadata.tags` and `x-litellm-*` headers. What names no field
//! of a span is kept as a tag.
//!
//! Values are cut at [`limits::TAG_VALUE_BYTES_MAX`]; a header that cannot be read is no attribution and no error.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use smallvec::SmallVec;
use weir_types::{VirtualKey, limits};

use crate::context::Question;

/// Tags that one call may carry beyond the fields; what is over is dropped.
const TAGS_MAX: usize = 32;

/// The fields of a span that attribution fills, with every spelling that some client uses.
const SPELLINGS: [(Field, &[&str]); 7] = [
    (Field::Team, &["team", "team_id"]),
    (Field::App, &["app", "ml_app", "application", "app_id"]),
    (
        Field::Agent,
        &["agent", "agent_id", "agent_name", "gen_ai.agent.name", "gen_ai.agent.id", "agent.name"],
    ),
    (
        Field::Session,
        &["session", "session_id", "session.id", "conversation_id", "gen_ai.conversation.id", "sessionid"],
    ),
    (Field::User, &["user", "user_id", "user.id", "enduser.id", "userid", "customer-id", "end-user-id"]),
    (Field::Env, &["env", "environment", "deployment.environment", "deployment.environment.name"]),
    (Field::Service, &["service", "service_name", "service.name"]),
];

#[derive(Clone, Copy)]
enum Field {
    Team,
    App,
    Agent,
    Session,
    User,
    Env,
    Service,
}

impl Field {
    fn named(name: &str) -> Option<Self> {
        let is_named = |spellings: &[&str]| spellings.iter().any(|known| known.eq_ignore_ascii_case(name));
        SPELLINGS.iter().find(|(_, spellings)| is_named(spellings)).map(|(field, _)| *field)
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attribution {
    pub(crate) team: Option<Arc<str>>,
    pub(crate) app: Option<Arc<str>>,
    pub(crate) agent: Option<Arc<str>>,
    pub(crate) session: Option<Arc<str>>,
    pub(crate) user: Option<Arc<str>>,
    pub(crate) env: Option<Arc<str>>,
    pub(crate) service: Option<Arc<str>>,
    /// The rest, by name.
    pub(crate) tags: Vec<(String, String)>,
}

/// Looks everywhere, in order.
pub(crate) fn attribution(
    headers: &HeaderMap,
    key: Option<&VirtualKey>,
    question: Option<&Question>,
) -> Attribution {
    let mut found = Attribution::default();
    if let Some(key) = key {
        (found.team, found.app) = (key.team.clone(), key.app.clone());
    }
    let headers = Headers::of(headers);
    found.weir_headers(&headers);
    if let Some(question) = question {
        found.body(question);
    }
    found.baggage(&headers);
    found.prefixed(&headers, "helicone-property-", true);
    found.prefixed(&headers, "helicone-", false);
    if let Some(question) = question {
        question.metadata_tags.iter().for_each(|tag| found.pair(tag));
    }
    for tags in headers.named("x-litellm-tags") {
        tags.split(',').for_each(|tag| found.pair(tag));
    }
    found.prefixed(&headers, "x-litellm-", false);
    found
}

impl Attribution {
    fn weir_headers(&mut self, headers: &Headers<'_>) {
        self.prefixed(headers, "weir-", false);
        for tags in headers.named("weir-tags") {
            for (name, value) in tags.split(',').filter_map(|tag| tag.split_once('=')) {
                self.set_or_tag(name.trim(), value);
            }
        }
    }

    fn body(&mut self, question: &Question) {
        for (name, value) in &question.metadata {
            self.set_or_tag(name, value);
        }
        for user in [&question.user, &question.safety_identifier].into_iter().flatten() {
            self.set(Field::User, user);
        }
    }

    /// W3C Baggage: `name=value;properties,…`, values percent-encoded. Names that are no fields are other systems'.
    fn baggage(&mut self, headers: &Headers<'_>) {
        for list in headers.named("baggage") {
            for member in list.split(',') {
                let member = member.split(';').next().unwrap_or_default();
                let Some((name, value)) = member.split_once('=') else { continue };
                if let Some(field) = Field::named(name.trim()) {
                    self.set(field, &crate::endpoint::percent_decoded(value.trim()));
                }
            }
        }
    }

    /// Headers with this prefix whose rest names a field; other rests become tags when asked for.
    fn prefixed(&mut self, headers: &Headers<'_>, prefix: &str, keeps_tags: bool) {
        for (name, value) in &headers.0 {
            let Some(name) = name.strip_prefix(prefix) else { continue };
            match Field::named(&name.replace('-', "_")).or_else(|| Field::named(name)) {
                Some(field) => self.set(field, value),
                None if keeps_tags => self.tag(name, value),
                None => {}
            }
        }
    }

    /// `name:value` or `name=value`; a bare word is a tag without a value.
    fn pair(&mut self, tag: &str) {
        match tag.trim().split_once([':', '=']) {
            Some((name, value)) => self.set_or_tag(name.trim(), value),
            None => self.tag(tag.trim(), "true"),
        }
    }

    fn set_or_tag(&mut self, name: &str, value: &str) {
        match Field::named(name) {
            Some(field) => self.set(field, value),
            None => self.tag(name, value),
        }
    }

    /// Sets a field that nobody before has named.
    fn set(&mut self, field: Field, value: &str) {
        let slot = match field {
            Field::Team => &mut self.team,
            Field::App => &mut self.app,
            Field::Agent => &mut self.agent,
            Field::Session => &mut self.session,
            Field::User => &mut self.user,
            Field::Env => &mut self.env,
            Field::Service => &mut self.service,
        };
        let value = cut(value.trim());
        if slot.is_none() && !value.is_empty() {
            *slot = Some(Arc::from(value));
        }
    }

    fn tag(&mut self, name: &str, value: &str) {
        let (name, value) = (cut(name), cut(value.trim()));
        let is_known = self.tags.iter().any(|(known, _)| known == name);
        if !name.is_empty() && !is_known && self.tags.len() < TAGS_MAX {
            self.tags.push((name.to_owned(), value.to_owned()));
        }
    }
}

/// The headers that attribute calls, picked out of all headers in one pass; most requests have none.
struct Headers<'a>(SmallVec<[(&'a str, &'a str); 8]>);

impl<'a> Headers<'a> {
    fn of(headers: &'a HeaderMap) -> Self {
        const PREFIXES: [&str; 4] = ["weir-", "helicone-", "x-litellm-", "baggage"];
        let is_wanted = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        let wanted = headers.iter().filter(|(name, _)| is_wanted(name.as_str()));
        Self(wanted.filter_map(|(name, value)| Some((name.as_str(), text(value)?))).collect())
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| *known == name).map(|(_, value)| *value)
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    std::str::from_utf8(value.as_bytes()).ok()
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::TAG_VALUE_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::HeaderName;
    use weir_dialect::{Dialect, read_request};

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn question(body: &'static str) -> Question {
        let body = Bytes::from_static(body.as_bytes());
        let facts = read_request(Dialect::OpenAiChat, &body).unwrap();
        Question::of(facts, None, &body)
    }

    /// Every source names every field; sources are then taken away from the front.
    #[test]
    fn the_first_source_that_names_a_field_wins() {
        let key = VirtualKey { team: Some("key".into()), ..VirtualKey::default() };
        let body = question(
            r#"{"metadata":{"team":"metadata","user_id":"metadata","tags":["team:tags"]},"user":"user","safety_identifier":"safety"}"#,
        );
        let user_only = question(r#"{"user":"user","safety_identifier":"safety"}"#);
        let all = [
            ("weir-team", "weir"),
            ("weir-user", "weir"),
            ("baggage", "team=baggage,user.id=baggage%20b;p=1,other=x"),
            ("helicone-property-team", "helicone"),
            ("helicone-user-id", "helicone"),
            ("x-litellm-tags", "team:litellm"),
            ("x-litellm-end-user-id", "litellm"),
        ];
        let who = |skip: usize, key: Option<&VirtualKey>, body: Option<&Question>| {
            let found = attribution(&headers(&all[skip..]), key, body);
            (found.team.unwrap_or_default().to_string(), found.user.unwrap_or_default().to_string())
        };
        let pair = |team: &str, user: &str| (team.to_owned(), user.to_owned());
        assert_eq!(who(0, Some(&key), Some(&body)), pair("key", "weir"));
        assert_eq!(who(0, None, Some(&body)), pair("weir", "weir"));
        assert_eq!(who(2, None, Some(&body)), pair("metadata", "metadata"));
        assert_eq!(who(2, None, Some(&user_only)), pair("baggage", "user"));
        assert_eq!(who(2, None, None), pair("baggage", "baggage b"));
        assert_eq!(who(3, None, None), pair("helicone", "helicone"));
        assert_eq!(
            who(5, None, Some(&question(r#"{"metadata":{"tags":["team:tags"]}}"#))),
            pair("tags", "litellm")
        );
        assert_eq!(who(5, None, None), pair("litellm", "litellm"));
    }

    #[test]
    fn what_names_no_field_becomes_a_tag() {
        let found = attribution(
            &headers(&[
                ("weir-tags", "tier=gold, env=prod,broken"),
                ("helicone-property-feature", "search"),
                ("x-litellm-tags", "vip"),
            ]),
            None,
            None,
        );
        assert_eq!(found.env.as_deref(), Some("prod"));
        let tags: Vec<String> = found.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(tags, ["tier=gold", "feature=search", "vip=true"]);
    }

    #[test]
    fn long_values_are_cut_at_a_character() {
        let mut headers = HeaderMap::new();
        let long = format!("{}ä{}", "x".repeat(limits::TAG_VALUE_BYTES_MAX - 1), "y".repeat(10));
        headers.insert("weir-team", HeaderValue::from_bytes(long.as_bytes()).unwrap());
        let team = attribution(&headers, None, None).team.unwrap();
        assert_eq!(team.len(), limits::TAG_VALUE_BYTES_MAX - 1);
    }
}
