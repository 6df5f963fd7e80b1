//! Telling people: from what monitors found to messages that arrive.
//!
//! The judge leaves notices in the [`AlertStore`](weir_types::AlertStore). A [`Notifier`] takes them from there, decides
//! by routes, groups, silences and inhibitions who hears of them ([`Settings`] holds what the configuration says), renders
//! one message for each receiver, and sends it until it has arrived.
//!
//! Invariants: every notice ends, for each of its receivers, in exactly one delivery, sent or suppressed with the reason.
//! The id of a delivery is a function of what it tells, so that whatever is sent twice after a crash can be known by the
//! receiver. Secrets are added when a message is sent, and are in no body that is kept, no error and no log. Messages go
//! to public addresses only, unless a receiver is allowed others.
//!
//! Behaviour on failure: a receiver that fails is tried again for a day and delays no other one. A store that fails is
//! asked again; nothing is told that was not written down before.

mod entry;
mod error;
mod guard;
mod http;
mod length;
mod message;
mod notifier;
mod plan;
mod quiet;
mod receiver;
mod recurrence;
mod route;
mod settings;

pub use entry::{
    InhibitEntry, MailTls, ReceiverEntry, ReceiverKind, RouteEntry, RoutingEntry, SecretRef, SilenceEntry,
    UrlRef,
};
pub use error::NotifyError;
pub use notifier::{Notifier, NotifierParts, Waker, send_test};
pub use quiet::{Quiet, ScopeParser};
pub use settings::{Entries, Fault, References, SecretSource, Settings};
