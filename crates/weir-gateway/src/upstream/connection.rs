//! One connection to a provider, driven by the call that uses it, and one exchange of request and response on it.
//!
//! Invariants: a connection serves one exchange at a time. It goes back to its pool only when the response was read to
//! its end and `hyper` is ready for another request; in every other case it is dropped, which closes it and so tells
//! the provider to stop.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use http::{Request, Response, response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use tokio::time::Instant;

use super::body::UpstreamBody;
use super::connector::Stream;
use super::waker::InlineWaker;

/// An open connection.
pub(crate) struct Connection {
    sender: http1::SendRequest<UpstreamBody>,
    driver: Pin<Box<http1::Connection<Stream, UpstreamBody>>>,
    is_over: bool,
    inline: Arc<InlineWaker>,
    waker: Waker,
    /// Whether it has served an exchange before. Only then can a failure mean "closed while idle".
    pub(crate) is_reused: bool,
    /// When it became idle.
    pub(crate) idle_since: Instant,
}

/// Why a request got no response.
pub(crate) struct SendError {
    pub(crate) cause: hyper::Error,
    /// The request, when not a byte of it was sent.
    pub(crate) unsent: Option<Request<UpstreamBody>>,
}

impl Connection {
    /// Speaks HTTP/1.1 on this stream.
    pub(crate) async fn over(stream: Stream) -> Result<Self, hyper::Error> {
        let (sender, driver) = http1::Builder::new().handshake(stream).await?;
        let inline = InlineWaker::new();
        Ok(Self {
            sender,
            driver: Box::pin(driver),
            is_over: false,
            waker: Waker::from(inline.clone()),
            inline,
            is_reused: false,
            idle_since: Instant::now(),
        })
    }

    /// Sends a request and waits for the head of the response.
    pub(crate) async fn send(
        &mut self,
        request: Request<UpstreamBody>,
    ) -> Result<Response<Incoming>, SendError> {
        let mut response = pin!(self.sender.try_send_request(request));
        let (inline, waker) = (&self.inline, &self.waker);
        let (driver, is_over) = (&mut self.driver, &mut self.is_over);
        let outcome = std::future::poll_fn(|cx| {
            inline.poll(waker, cx, |cx| {
                drive(driver, is_over, cx);
                response.as_mut().poll(cx)
            })
        });
        outcome
            .await
            .map_err(|mut error| SendError { unsent: error.take_message(), cause: error.into_error() })
    }

    /// Whether another request can be sent. Notices that the provider has closed the connection in the meantime.
    pub(crate) fn is_usable(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        let (driver, is_over) = (&mut self.driver, &mut self.is_over);
        let _ = self.inline.poll(&self.waker, cx, |cx| {
            drive(driver, is_over, cx);
            Poll::<()>::Pending
        });
        self.inline.rest();
        !self.is_over && self.sender.is_ready()
    }
}

/// Lets the connection read and write. How it failed is told by the response or the body.
fn drive(
    driver: &mut Pin<Box<http1::Connection<Stream, UpstreamBody>>>,
    is_over: &mut bool,
    cx: &mut Context<'_>,
) {
    *is_over = *is_over || driver.as_mut().poll(cx).is_ready();
}

/// A response whose head has arrived, with the connection that carries its body.
pub(crate) struct Exchange {
    connection: Connection,
    body: Incoming,
}

impl Exchange {
    /// Takes a response apart; the connection must be the one it came on.
    pub(crate) fn new(connection: Connection, response: Response<Incoming>) -> (response::Parts, Self) {
        let (head, body) = response.into_parts();
        (head, Self { connection, body })
    }

    /// The next piece of the body; `None` at its end. Trailers are not passed on.
    pub(crate) fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
        let Self { connection, body } = self;
        let (driver, is_over) = (&mut connection.driver, &mut connection.is_over);
        connection.inline.poll(&connection.waker, cx, |cx| {
            // What the driver has ready comes before what it could read.
            if let Poll::Ready(data) = poll_body(body, cx) {
                return Poll::Ready(data);
            }
            drive(driver, is_over, cx);
            poll_body(body, cx)
        })
    }

    /// Whether the whole body has been read, as far as that can be known without reading on.
    pub(crate) fn is_end(&self) -> bool {
        self.body.is_end_stream()
    }

    /// How long the body is, when its head says so.
    pub(crate) fn length(&self) -> Option<u64> {
        self.body.size_hint().exact()
    }

    /// The connection, when it can serve another exchange. Call it when the body has been read to its end.
    pub(crate) fn into_idle(mut self) -> Option<Connection> {
        drop(self.body);
        self.connection.is_usable().then(|| {
            self.connection.is_reused = true;
            self.connection.idle_since = Instant::now();
            self.connection
        })
    }
}

fn poll_body(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, hyper::Error>>> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)) {
            None => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }
}
