//! What is remembered between the requests of MLflow clients: which experiments they made, and what they announced about
//! traces whose spans are still on their way.
//!
//! Both are bounded, and losing either loses little: an experiment's id follows from its name, and an announcement that
//! is forgotten costs its spans their session and user.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use weir_types::{Content, Record, Span, TraceId};

use super::experiments::id_of as experiment_id_of;
use crate::otlp::tag;

/// Traces whose announcements are remembered: at a thousand traces a second, ten seconds.
const ANNOUNCED_MAX: usize = 10_000;

/// Spans that are remembered until their trace is announced. Their contents are shared with the journal's batch.
const WAITING_MAX: usize = 2_000;

/// Experiments that are remembered beside those that have traces.
const EXPERIMENTS_MAX: usize = 1_000;

/// Bytes of an announcement's metadata and tags that are kept.
const METADATA_BYTES_MAX: usize = 16 * 1024;

/// Where metadata names the session and the user.
const SESSION: &str = "mlflow.trace.session";
const USER: &str = "mlflow.trace.user";

/// What is remembered.
#[derive(Default)]
pub struct Known {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Names by id.
    experiments: BTreeMap<String, String>,
    announced: HashMap<TraceId, Announcement>,
    /// In the order in which they came.
    order: VecDeque<TraceId>,
    /// Spans that came before their trace was announced, in the order in which they came.
    waiting: VecDeque<Span>,
}

#[derive(Clone)]
struct Announcement {
    session: Option<Arc<str>>,
    user: Option<Arc<str>>,
    /// Metadata and tags, as JSON; for the trace's first span.
    info: Arc<str>,
}

impl Known {
    /// Remembers an experiment.
    pub(crate) fn add_experiment(&self, name: &str) {
        let mut state = self.lock();
        if state.experiments.len() < EXPERIMENTS_MAX {
            state.experiments.insert(experiment_id_of(name), name.to_owned());
        }
    }

    /// Whether an experiment of this name was made since Weir started.
    pub(crate) fn has_experiment(&self, name: &str) -> bool {
        self.lock().experiments.contains_key(&experiment_id_of(name))
    }

    /// The name of an experiment that was made since Weir started.
    pub(crate) fn experiment_of(&self, id: &str) -> Option<String> {
        self.lock().experiments.get(id).cloned()
    }

    /// The names of experiments that were made since Weir started.
    pub(crate) fn experiments(&self) -> Vec<String> {
        self.lock().experiments.values().cloned().collect()
    }

    /// Remembers what `info` says about a trace, and returns those of its spans that came before it, completed. Clients send
    /// both at once, over two connections.
    pub(crate) fn announce(&self, id: TraceId, info: &Value) -> Vec<Span> {
        let metadata = &info["trace_metadata"];
        let named = |key: &str| metadata[key].as_str().filter(|text| !text.is_empty()).map(tag);
        let kept = serde_json::json!({ "metadata": metadata, "tags": info["tags"] }).to_string();
        let kept = if kept.len() > METADATA_BYTES_MAX { "null" } else { &kept };
        let announcement = Announcement { session: named(SESSION), user: named(USER), info: Arc::from(kept) };
        let mut state = self.lock();
        let (mut early, waiting): (Vec<Span>, Vec<Span>) =
            std::mem::take(&mut state.waiting).into_iter().partition(|span| span.trace_id == id);
        state.waiting = waiting.into();
        for span in &mut early {
            announcement.complete(span);
        }
        if state.announced.insert(id, announcement).is_none() {
            state.order.push_back(id);
        }
        if state.order.len() > ANNOUNCED_MAX
            && let Some(oldest) = state.order.pop_front()
        {
            state.announced.remove(&oldest);
        }
        early
    }

    /// Gives spans the application that their experiment is, and what was announced about their traces.
    pub(crate) fn complete(&self, records: &mut [Record], experiment_id: &str) {
        let app = match (experiment_id, self.experiment_of(experiment_id)) {
            (_, Some(name)) => Some(name),
            ("0", None) => Some("Default".to_owned()),
            // Made on another Weir, or before this one was started: the client asks for it by name when it starts.
            (_, None) => None,
        };
        let app = app.map(|name| tag(&name));
        let mut state = self.lock();
        for record in records {
            let Record::Span(span) = record else { continue };
            if app.is_some() {
                span.app.clone_from(&app);
            }
            if let Some(announced) = state.announced.get(&span.trace_id) {
                announced.complete(span);
            } else {
                state.waiting.push_back(Span::clone(span));
                if state.waiting.len() > WAITING_MAX {
                    state.waiting.pop_front();
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        // Every change is made in one step or bounded by the next, so a panic elsewhere leaves nothing that misleads.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Announcement {
    fn complete(&self, span: &mut Span) {
        span.session = span.session.take().or_else(|| self.session.clone());
        span.user = span.user.take().or_else(|| self.user.clone());
        if span.parent_id.is_some() {
            return;
        }
        let attributes = span.attributes.as_ref().map_or("{}", Content::expose);
        let rest = attributes.strip_prefix('{').unwrap_or("}");
        let comma = if rest.starts_with('}') { "" } else { "," };
        span.attributes = Some(Content::new(format!("{{\"mlflow.trace\":{}{comma}{rest}", self.info)));
    }
}

/// The id of a trace in MLflow's spelling: `tr-` and 32 hexadecimal digits.
pub(crate) fn id_of(text: &str) -> Option<TraceId> {
    text.strip_prefix("tr-").unwrap_or(text).parse().ok()
}

/// MLflow's spelling of the id of a trace.
pub(crate) fn text_of(id: TraceId) -> String {
    format!("tr-{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcements_are_bounded_and_the_oldest_goes_first() {
        let known = Known::default();
        let id = |n: usize| TraceId::from_bytes((n as u128 + 1).to_be_bytes());
        for n in 0..=ANNOUNCED_MAX {
            known.announce(id(n), &serde_json::json!({}));
        }
        let state = known.lock();
        assert_eq!(state.announced.len(), ANNOUNCED_MAX);
        assert!(!state.announced.contains_key(&id(0)));
    }

    #[test]
    fn ids_are_read_in_both_spellings() {
        let id = id_of("tr-0af7651916cd43dd8448eb211c80319c").unwrap();
        assert_eq!(id_of("0af7651916cd43dd8448eb211c80319c"), Some(id));
        assert_eq!(text_of(id), "tr-0af7651916cd43dd8448eb211c80319c");
        assert_eq!(id_of("tr-1"), None);
    }
}
