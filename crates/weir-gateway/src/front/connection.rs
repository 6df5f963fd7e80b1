//! One client connection, from its first byte to its last.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower::ServiceExt;

use super::body::FrontBody;
use super::{Fallback, FrontConfig};
use crate::session::Session;
use crate::worker::Worker;

/// Serves a connection until either side closes it or Weir shuts down, and ends the call that was under way then.
pub(super) async fn serve_connection<F: Fallback>(
    stream: TcpStream,
    peer: SocketAddr,
    worker: Worker,
    fallback: F,
    config: FrontConfig,
    stopped: watch::Receiver<bool>,
) {
    let session = Rc::new(worker.session(peer));
    let service = {
        let (session, fallback) = (Rc::clone(&session), Rc::new(fallback));
        service_fn(move |request| answer(Rc::clone(&session), Rc::clone(&fallback), request))
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(config.header_timeout_ms))
        .max_header_size(config.header_bytes_max)
        .serve_connection(TokioIo::new(stream), service);
    let is_cut = {
        let mut connection = pin!(connection);
        // How a connection ended is no news: clients close them as they like. The call's span says what it cost.
        tokio::select! {
            biased;
            _ = connection.as_mut() => false,
            () = until_stopped(stopped) => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(Duration::from_millis(config.shutdown_ms), connection).await.is_err()
            }
        }
    };
    // The connection is dropped by now, and the one to the provider with it.
    if is_cut { session.stop().await } else { session.close().await }
}

async fn until_stopped(mut stopped: watch::Receiver<bool>) {
    // An error means that the front is gone altogether.
    let _ = stopped.wait_for(|is_stopped| *is_stopped).await;
}

async fn answer<F: Fallback>(
    session: Rc<Session>,
    fallback: Rc<F>,
    request: Request<Incoming>,
) -> Result<Response<FrontBody<F::Body>>, std::convert::Infallible> {
    match session.endpoint(request.uri().path()) {
        Some(endpoint) => Ok(session.handle(request, endpoint).await.map(FrontBody::Gateway)),
        None => {
            Ok(F::clone(&fallback).oneshot(request).await?.map(|body| FrontBody::Fallback(Box::pin(body))))
        }
    }
}
