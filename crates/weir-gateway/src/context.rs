//! One call: what is known of it, from its first byte to its record.
//!
//! Every step of a call takes the one [`CallContext`] by reference, reads what earlier steps learnt and adds its own.
//! It is shared by two owners, because either of them may be the one that ends the call: the handler (later the response
//! body) that brings it to its end, and the client's [`crate::session::Session`], which ends it when the client goes
//! away and `hyper` drops the handler in the middle. So what changes is in cells. None of them is borrowed across an
//! await, and a call is recorded exactly once: [`CallContext::claim_record`] is true for the first who asks.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;
use tokio::time::Instant;
use weir_control::budget::Reservation;
use weir_dialect::{Dialect, Family, RequestFacts, StreamReader};
use weir_types::{UnixMicros, VirtualKey};

use crate::attribution::{Attribution, attribution};
use crate::cache::CacheTrail;
use crate::endpoint::Endpoint;
use crate::gateway::Gateway;
use crate::policy::PolicyTrail;
use crate::provider::Provider;
use crate::trace_context::TraceContext;
use crate::worker::WorkerState;

/// One call.
pub(crate) struct CallContext {
    pub(crate) worker: Rc<WorkerState>,
    pub(crate) head: Parts,
    pub(crate) endpoint: Endpoint,
    pub(crate) trace: TraceContext,
    pub(crate) started_at: UnixMicros,
    pub(crate) started: Instant,
    /// Who calls; set by authorise.
    pub(crate) identity: OnceCell<Identity>,
    /// What is asked; set by receive.
    pub(crate) question: OnceCell<Question>,
    /// Whose call it is; found when first asked for.
    attribution: OnceCell<Attribution>,
    pub(crate) progress: RefCell<Progress>,
    is_recorded: Cell<bool>,
}

/// Who calls.
pub(crate) struct Identity {
    /// The virtual key that was shown.
    pub(crate) key: Option<Arc<VirtualKey>>,
}

/// What is asked.
pub(crate) struct Question {
    /// The body as it will be sent: as the client sent it, unless the token budget shortened it. Empty when it is passed on
    /// as it arrives.
    pub(crate) body: Bytes,
    /// The model asked for; `None` when neither body nor path names one.
    pub(crate) model: Option<Arc<str>>,
    /// Whether the body is where the model is named.
    pub(crate) names_model: bool,
    pub(crate) stream: bool,
    pub(crate) include_usage: bool,
    pub(crate) max_output_tokens: Option<u64>,
    pub(crate) choices: Option<u64>,
    pub(crate) service_tier: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) safety_identifier: Option<String>,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) metadata_tags: Vec<String>,
    /// Parts of `body`.
    pub(crate) input: Option<Bytes>,
    pub(crate) instructions: Option<Bytes>,
    pub(crate) tools: Option<Bytes>,
}

/// How far the call has come.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) attempts: SmallVec<[Attempt; 1]>,
    /// The answer whose head has arrived.
    pub(crate) answer: Option<Answer>,
    /// When the first content token arrived, in microseconds since the call's start.
    pub(crate) first_token_us: Option<u64>,
    /// What policies decided.
    pub(crate) policy: PolicyTrail,
    /// What the cache had to do with it.
    pub(crate) cache: CacheTrail,
    /// What is held for the call with budgets and rate limits.
    pub(crate) reservation: Option<Reservation>,
}

/// One try at one provider.
pub(crate) struct Attempt {
    pub(crate) provider: usize,
    /// The model asked for there, where that is not the client's.
    pub(crate) model: Option<Arc<str>>,
    pub(crate) started_at: UnixMicros,
    pub(crate) duration_us: u64,
    /// The status of the answer, or why there was none.
    pub(crate) outcome: Result<u16, &'static str>,
}

/// An answer whose head has arrived.
pub(crate) struct Answer {
    pub(crate) provider: usize,
    pub(crate) status: u16,
    /// How long the head took, in microseconds since the call's start.
    pub(crate) head_us: u64,
    pub(crate) upstream_request_id: Option<HeaderValue>,
    /// Reads the stream as it passes; `None` for other answers and when the stream was read to its end.
    pub(crate) reader: Option<Box<StreamReader>>,
    /// Bytes of the body so far.
    pub(crate) bytes: u64,
}

impl Progress {
    /// The reader of a stream that has not been read to its end.
    pub(crate) fn reader(&mut self) -> Option<&mut StreamReader> {
        self.answer.as_mut()?.reader.as_deref_mut()
    }
}

impl CallContext {
    pub(crate) fn new(
        worker: Rc<WorkerState>,
        head: Parts,
        endpoint: Endpoint,
        trace: TraceContext,
        started_at: UnixMicros,
    ) -> Self {
        Self {
            worker,
            head,
            endpoint,
            trace,
            started_at,
            started: Instant::now(),
            identity: OnceCell::new(),
            question: OnceCell::new(),
            attribution: OnceCell::new(),
            progress: RefCell::default(),
            is_recorded: Cell::new(false),
        }
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.worker.gateway
    }

    pub(crate) fn provider(&self, index: usize) -> &Provider {
        &self.worker.gateway.providers[index]
    }

    pub(crate) fn dialect(&self) -> Option<Dialect> {
        self.endpoint.dialect
    }

    /// Whose shape Weir's own errors have.
    pub(crate) fn family(&self) -> Family {
        match self.endpoint.place {
            crate::endpoint::Place::Provider(index) if self.dialect().is_none() => {
                self.provider(index).family()
            }
            _ => self.endpoint.family(),
        }
    }

    pub(crate) fn key(&self) -> Option<&Arc<VirtualKey>> {
        self.identity.get()?.key.as_ref()
    }

    pub(crate) fn model(&self) -> Option<&Arc<str>> {
        self.question.get()?.model.as_ref()
    }

    /// Whose call it is. Before the question is set, what headers and key say is not yet the whole: then it is found anew.
    pub(crate) fn attribution(&self) -> Cow<'_, Attribution> {
        let find = || attribution(&self.head.headers, self.key().map(|key| &**key), self.question.get());
        if self.question.get().is_none() {
            return Cow::Owned(find());
        }
        Cow::Borrowed(self.attribution.get_or_init(find))
    }

    /// Whose call it is, where the question is known but not set yet. Shortening it does not change that.
    pub(crate) fn attribution_of(&self, question: &Question) -> &Attribution {
        let find = || attribution(&self.head.headers, self.key().map(|key| &**key), Some(question));
        self.attribution.get_or_init(find)
    }

    /// Microseconds since the call began.
    pub(crate) fn elapsed_us(&self) -> u64 {
        micros(self.started)
    }

    /// A header of the request as text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// True once: for whoever records the call.
    pub(crate) fn claim_record(&self) -> bool {
        !self.is_recorded.replace(true)
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded.get()
    }
}

/// Microseconds since an instant.
pub(crate) fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

impl Question {
    /// Keeps what the facts say; texts of the conversation stay where they are, in the body.
    pub(crate) fn of(facts: RequestFacts<'_>, model: Option<Arc<str>>, body: &Bytes) -> Self {
        let part = |text: Option<&str>| text.map(|text| body.slice_ref(text.as_bytes()));
        let owned = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned);
        Self {
            input: part(facts.input),
            instructions: part(facts.instructions),
            tools: part(facts.tools),
            names_model: facts.model.is_some(),
            body: body.clone(),
            model,
            stream: facts.stream,
            include_usage: facts.include_usage,
            max_output_tokens: facts.max_output_tokens,
            choices: facts.choices,
            service_tier: owned(facts.service_tier),
            user: owned(facts.user),
            safety_identifier: owned(facts.safety_identifier),
            metadata: facts
                .metadata
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
            metadata_tags: facts.metadata_tags.into_iter().map(Cow::into_owned).collect(),
        }
    }

    /// A request that is passed on unread.
    pub(crate) fn unread(model: Option<Arc<str>>) -> Self {
        Self::of(RequestFacts::default(), model, &Bytes::new())
    }
}
