//! From what the configuration says to what the notifier works with; all mistakes at once, each with its key.

use std::sync::Arc;

use weir_types::{Scope, Secret, TagKey, UnixMicros};

use crate::entry::{InhibitEntry, ReceiverEntry, RouteEntry, RoutingEntry, SecretRef, SilenceEntry, UrlRef};
use crate::length::length_us;
use crate::quiet::{Quiet, ScopeParser};
use crate::receiver::Receiver;
use crate::route::{Grouping, Inhibition, Route};

/// How long the first alert of a message waits for others: long enough for the alerts of one tick.
const GROUP_WAIT_US: i64 = 10 * UnixMicros::SECOND;

/// How long after a message the next one comes: as often as monitors are judged.
const GROUP_INTERVAL_US: i64 = UnixMicros::MINUTE;

/// Receivers, routes, inhibitions or silences of a configuration.
const ENTRIES_MAX: usize = 1_000;

/// How deep routes may be within each other.
const ROUTE_DEPTH_MAX: usize = 16;

/// What the configuration says about notifications.
#[derive(Debug, Clone, Copy)]
pub struct Entries<'a> {
    /// `[[receivers]]`.
    pub receivers: &'a [ReceiverEntry],
    /// `[routing]`.
    pub routing: &'a RoutingEntry,
    /// `[[inhibit]]`.
    pub inhibit: &'a [InhibitEntry],
    /// `[[silences]]`.
    pub silences: &'a [SilenceEntry],
}

/// A mistake in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, as a path: `receivers[1].url`.
    pub key: String,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Fetches the secret that a reference is to; an error says what is missing, and what to do.
pub type SecretSource<'a> = dyn Fn(&SecretRef) -> Result<Secret, (String, String)> + 'a;

/// How references are followed.
pub struct References<'a> {
    /// Fetches secrets.
    pub secret: &'a SecretSource<'a>,
    /// Reads scopes.
    pub scopes: ScopeParser,
}

/// Everything that the notifier is told by the configuration.
#[derive(Clone)]
pub struct Settings {
    pub(crate) receivers: Vec<Arc<Receiver>>,
    pub(crate) root: Route,
    pub(crate) inhibitions: Vec<Inhibition>,
    pub(crate) quiet: Vec<Quiet>,
    pub(crate) scopes: ScopeParser,
}

impl Settings {
    /// Understands what the configuration says, or tells all that is wrong with it.
    pub fn resolve(entries: &Entries<'_>, references: &References<'_>) -> Result<Self, Vec<Fault>> {
        let mut resolver = Resolver { references, names: Vec::new(), faults: Vec::new() };
        let receivers = resolver.receivers(entries.receivers);
        let root = resolver.routing(entries.routing);
        let inhibitions = entries.inhibit.iter().enumerate().map(|(i, entry)| resolver.inhibition(i, entry));
        let inhibitions = inhibitions.collect();
        let mut quiet = Vec::new();
        for (i, entry) in entries.silences.iter().enumerate() {
            match Quiet::from_entry(entry, &references.scopes) {
                Ok(read) => quiet.push(read),
                Err((key, message)) => resolver.report(format!("silences[{i}].{key}"), message, ""),
            }
        }
        for (key, count) in [("receivers", entries.receivers.len()), ("silences", entries.silences.len())] {
            if count > ENTRIES_MAX {
                resolver.report(key.to_owned(), format!("there are {count}; at most {ENTRIES_MAX}"), "");
            }
        }
        if resolver.faults.is_empty() {
            Ok(Self { receivers, root, inhibitions, quiet, scopes: Arc::clone(&references.scopes) })
        } else {
            Err(resolver.faults)
        }
    }

    /// The names and kinds of the receivers, in order.
    pub fn receivers(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.receivers.iter().map(|receiver| (&*receiver.name, receiver.kind.as_str()))
    }

    pub(crate) fn receiver(&self, name: &str) -> Option<&Arc<Receiver>> {
        self.receivers.iter().find(|receiver| &*receiver.name == name)
    }
}

/// Collects mistakes while entries are read.
pub(crate) struct Resolver<'a> {
    references: &'a References<'a>,
    names: Vec<Arc<str>>,
    faults: Vec<Fault>,
}

impl Resolver<'_> {
    fn receivers(&mut self, entries: &[ReceiverEntry]) -> Vec<Arc<Receiver>> {
        let mut receivers = Vec::new();
        for (i, entry) in entries.iter().enumerate() {
            let key = format!("receivers[{i}]");
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if entry.name.is_empty() || entry.name.len() > 100 || !entry.name.chars().all(is_plain) {
                let message = format!("{:?} is no name", entry.name);
                self.report(format!("{key}.name"), message, "letters, digits, `-` and `_`");
            } else if self.names.iter().any(|name| **name == *entry.name) {
                let message = format!("there are two receivers {:?}", entry.name);
                self.report(format!("{key}.name"), message, "");
            }
            self.names.push(Arc::from(entry.name.as_str()));
            let faults = self.faults.len();
            let receiver = Receiver::read(entry, &key, self);
            if let (Some(receiver), true) = (receiver, self.faults.len() == faults) {
                receivers.push(Arc::new(receiver));
            }
        }
        receivers
    }

    fn routing(&mut self, entry: &RoutingEntry) -> Route {
        let grouping = Grouping {
            by: vec![TagKey::new("monitor")],
            wait_us: GROUP_WAIT_US,
            interval_us: GROUP_INTERVAL_US,
            repeat_us: None,
        };
        let top = RouteEntry {
            r#match: None,
            receiver: entry.receiver.clone(),
            r#continue: false,
            group_by: entry.group_by.clone(),
            group_wait: entry.group_wait.clone(),
            group_interval: entry.group_interval.clone(),
            repeat_interval: entry.repeat_interval.clone(),
            routes: Vec::new(),
        };
        let first = self.names.first().cloned();
        let mut root = self.route(&top, "routing", "", first.as_ref(), &grouping, 0);
        root.routes = self.within(&entry.routes, "routing", "", &root, 0);
        root
    }

    fn route(
        &mut self,
        entry: &RouteEntry,
        key: &str,
        id: &str,
        above: Option<&Arc<str>>,
        grouping: &Grouping,
        depth: usize,
    ) -> Route {
        let receiver = entry.receiver.as_deref().map(Arc::<str>::from);
        if let Some(name) = receiver.as_ref().filter(|name| !self.names.contains(name)) {
            let known = self.names.iter().map(|name| &**name).collect::<Vec<_>>().join(", ");
            let hint = if known.is_empty() {
                "add it as [[receivers]]".to_owned()
            } else {
                format!("there are: {known}")
            };
            self.report(format!("{key}.receiver"), format!("there is no receiver {name:?}"), &hint);
        }
        let mut grouping = grouping.clone();
        if let Some(by) = &entry.group_by {
            grouping.by = by.iter().map(|name| TagKey::new(name)).collect();
        }
        let lengths = [
            ("group_wait", &entry.group_wait),
            ("group_interval", &entry.group_interval),
            ("repeat_interval", &entry.repeat_interval),
        ];
        for (name, text) in lengths {
            let Some(text) = text else { continue };
            let Some(us) = length_us(text) else {
                self.report(
                    format!("{key}.{name}"),
                    format!("{text:?} is no length of time"),
                    "it is such as \"30s\", \"5m\" or \"4h\"",
                );
                continue;
            };
            match name {
                "group_wait" => grouping.wait_us = us,
                "group_interval" => grouping.interval_us = us,
                _ if us < UnixMicros::MINUTE => {
                    self.report(format!("{key}.{name}"), format!("{text:?} is less than a minute"), "");
                }
                _ => grouping.repeat_us = Some(us),
            }
        }
        let scope = match &entry.r#match {
            Some(text) => self.scope(&format!("{key}.match"), text),
            None => Scope::All,
        };
        let mut route = Route {
            id: Arc::from(id),
            scope,
            receiver: receiver.or_else(|| above.cloned()),
            continues: entry.r#continue,
            grouping: Arc::new(grouping),
            routes: Vec::new(),
        };
        route.routes = self.within(&entry.routes, key, id, &route, depth);
        route
    }

    fn within(
        &mut self,
        entries: &[RouteEntry],
        key: &str,
        id: &str,
        above: &Route,
        depth: usize,
    ) -> Vec<Route> {
        if depth >= ROUTE_DEPTH_MAX && !entries.is_empty() {
            self.report(
                format!("{key}.routes"),
                format!("routes are nested deeper than {ROUTE_DEPTH_MAX}"),
                "",
            );
            return Vec::new();
        }
        let mut routes = Vec::with_capacity(entries.len());
        for (i, entry) in entries.iter().enumerate() {
            let key = format!("{key}.routes[{i}]");
            let id = if id.is_empty() { i.to_string() } else { format!("{id}.{i}") };
            routes.push(self.route(entry, &key, &id, above.receiver.as_ref(), &above.grouping, depth + 1));
        }
        routes
    }

    fn inhibition(&mut self, i: usize, entry: &InhibitEntry) -> Inhibition {
        Inhibition {
            source: self.scope(&format!("inhibit[{i}].source"), &entry.source),
            target: self.scope(&format!("inhibit[{i}].target"), &entry.target),
            equal: entry.equal.iter().map(|name| TagKey::new(name)).collect(),
        }
    }

    fn scope(&mut self, key: &str, text: &str) -> Scope {
        let read = (self.references.scopes)(text);
        read.unwrap_or_else(|message| {
            self.report(key.to_owned(), message, "");
            Scope::All
        })
    }

    pub(crate) fn report(&mut self, key: String, message: String, hint: &str) {
        let hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
        self.faults.push(Fault { key, message, hint });
    }

    /// The secret that a reference is to.
    pub(crate) fn secret(&mut self, key: String, reference: &SecretRef) -> Option<Secret> {
        match (self.references.secret)(reference) {
            Ok(secret) => Some(secret),
            Err((message, hint)) => {
                self.report(key, message, &hint);
                None
            }
        }
    }

    /// The text of a URL.
    pub(crate) fn url(&mut self, key: String, url: &UrlRef) -> Option<String> {
        match url {
            UrlRef::Plain(text) => Some(text.clone()),
            UrlRef::Secret(reference) => {
                self.secret(key, reference).map(|secret| secret.expose().trim().to_owned())
            }
        }
    }
}
