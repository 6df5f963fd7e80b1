//! A client's connection, and how a call ends whose client goes away.
//!
//! HTTP/1.1 has one call at a time on a connection. The session keeps hold of it: when the client closes the connection,
//! `hyper` drops the handler or the response body in the middle, and with it the connection to the provider, which
//! stops the provider. Whoever owns the client's connection then calls [`Session::close`], which finds the call not
//! recorded and records it as cancelled, with what was consumed until then. So nothing is recorded from a destructor, where
//! nothing may wait and nothing is expected to happen.
//!
//! This is also why the gateway speaks HTTP/1.1 to clients and not HTTP/2: there one connection has many calls, and a
//! dropped one could only be noticed by its destructor. No LLM SDK speaks HTTP/2 without TLS.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use http::{Request, Response};
use hyper::body::Incoming;

use crate::context::CallContext;
use crate::endpoint::Endpoint;
use crate::finish::{Ending, finish};
use crate::handle::handle;
use crate::relay::GatewayBody;
use crate::trace_context::TraceContext;
use crate::worker::WorkerState;

/// What one client connection needs to make calls, one after the other.
pub struct Session {
    worker: Rc<WorkerState>,
    peer: SocketAddr,
    current: RefCell<Option<Rc<CallContext>>>,
}

impl Session {
    pub(crate) fn new(worker: Rc<WorkerState>, peer: SocketAddr) -> Self {
        Self { worker, peer, current: RefCell::new(None) }
    }

    /// What a path asks the gateway for; `None` when the path is not the gateway's.
    pub(crate) fn endpoint(&self, path: &str) -> Option<Endpoint> {
        self.worker.endpoint(path)
    }

    /// Answers one call.
    pub(crate) async fn handle(
        &self,
        request: Request<Incoming>,
        endpoint: Endpoint,
    ) -> Response<GatewayBody> {
        self.end_leaked().await;
        let (head, body) = request.into_parts();
        let ctx = Rc::new(self.begin(head, endpoint));
        *self.current.borrow_mut() = Some(Rc::clone(&ctx));
        handle(&ctx, body).await
    }

    /// Ends the call that is under way, if there is one, because its client went away. Call it when the client's
    /// connection is gone.
    pub async fn close(&self) {
        self.end(Ending::Cancelled).await;
    }

    /// The same, when it was Weir that closed the connection.
    pub(crate) async fn stop(&self) {
        self.end(Ending::Stopped).await;
    }

    async fn end(&self, ending: Ending<'_>) {
        let current = self.current.take();
        if let Some(ctx) = current.filter(|ctx| !ctx.is_recorded()) {
            let reader = ctx.progress.borrow_mut().answer.as_mut().and_then(|answer| answer.reader.take());
            let facts = reader.map(|reader| reader.finish()).unwrap_or_default();
            finish(&ctx, facts, ending).await;
        }
    }

    fn begin(&self, head: http::request::Parts, endpoint: Endpoint) -> CallContext {
        let gateway = &self.worker.gateway;
        gateway.counters.note_start();
        let now = gateway.parts.clock.now();
        let trace = TraceContext::continued(&head.headers, &gateway.ids, now);
        CallContext::new(Rc::clone(&self.worker), head, endpoint, trace, now)
    }

    /// A connection takes its next call only when the one before is over, and then it has been recorded.
    async fn end_leaked(&self) {
        let is_leaked = self.current.borrow().as_ref().is_some_and(|ctx| !ctx.is_recorded());
        if is_leaked {
            self.worker.gateway.counters.note_leak();
            tracing::error!(peer = %self.peer, "a call was neither finished nor cancelled");
            self.close().await;
        }
    }
}
