//! Turns what was made into a response, with the misbehaviour that the call asked for.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

use super::body::{Ending, Ongoing, Playback, Step};
use super::directive::Directives;
use super::header;
use super::sse::Event;

/// An answer in its format.
pub(crate) struct Made {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
}

/// The body of an answer.
pub(crate) enum Content {
    Whole(Vec<u8>),
    /// Events, and how long each waits for the one before.
    Stream(Vec<(Duration, Event)>),
}

/// What a broken provider sends instead of an answer.
const GARBAGE: &[u8] =
    b"\x00\xff\xfe<html><body>502 Bad Gateway</body>{\"choices\":[{\"index\":}}\n\ndata: {\"a\n\n";

/// The response.
pub(crate) fn respond(
    made: Made,
    directives: &Directives,
    accepts_gzip: bool,
    call: Ongoing,
) -> Response<Playback> {
    let Made { status, mut headers, content } = made;
    let is_stream = matches!(content, Content::Stream(_));
    header::set_content_type(&mut headers, is_stream, directives.content_type.as_deref());
    let gzip = directives.gzip && accepts_gzip;
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let body = match content {
        _ if directives.garbage => Playback::whole(GARBAGE, call),
        Content::Whole(bytes) => whole(bytes, directives, gzip, &mut headers, call),
        Content::Stream(events) => stream(events, directives, gzip, call),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn whole(
    bytes: Vec<u8>,
    directives: &Directives,
    gzip: bool,
    headers: &mut HeaderMap,
    call: Ongoing,
) -> Playback {
    let bytes = Bytes::from(if gzip { Compressor::new().finish(&bytes) } else { bytes });
    let Some(kept) = directives.cut_after else { return Playback::whole(bytes, call) };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    let kept = usize::try_from(kept).unwrap_or(usize::MAX).min(bytes.len().saturating_sub(1));
    let step = Step { pause: Duration::ZERO, bytes: bytes.slice(..kept) };
    Playback::new(vec![step], Ending::Cut, false, call)
}

fn stream(events: Vec<(Duration, Event)>, directives: &Directives, gzip: bool, call: Ongoing) -> Playback {
    let (kept, ending) = match (directives.cut_after, directives.hang_after) {
        (Some(kept), _) => (kept, Ending::Cut),
        (None, Some(kept)) => (kept, Ending::Hang),
        (None, None) => (u64::MAX, Ending::Complete),
    };
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let mut steps: Vec<Step> =
        events.into_iter().take(kept).map(|(pause, event)| Step { pause, bytes: event.bytes }).collect();
    if gzip {
        compress(&mut steps);
    }
    if let Some(size) = directives.split.and_then(|size| usize::try_from(size).ok()) {
        steps = split(&steps, size.max(1));
    }
    let flush = directives.flush || directives.split.is_some();
    Playback::new(steps, ending, flush, call)
}

/// Cuts the body into pieces of `size` bytes, wherever events end. A piece is due when its last byte is.
fn split(steps: &[Step], size: usize) -> Vec<Step> {
    let mut pieces = Vec::new();
    let (mut pause, mut piece) = (Duration::ZERO, Vec::with_capacity(size));
    for step in steps {
        pause += step.pause;
        for &byte in &step.bytes {
            piece.push(byte);
            if piece.len() == size {
                let bytes = Bytes::from(std::mem::take(&mut piece));
                pieces.push(Step { pause: std::mem::take(&mut pause), bytes });
            }
        }
    }
    if !piece.is_empty() {
        pieces.push(Step { pause, bytes: Bytes::from(piece) });
    }
    pieces
}

/// Compresses events one by one, each ending where the other side can read it.
fn compress(steps: &mut Vec<Step>) {
    let mut compressor = Compressor::new();
    for step in steps.iter_mut() {
        step.bytes = Bytes::from(compressor.flush(&step.bytes));
    }
    let end = Bytes::from(compressor.finish(b""));
    steps.push(Step { pause: Duration::ZERO, bytes: end });
}

/// Gzip into memory, which cannot fail.
struct Compressor(GzEncoder<Vec<u8>>);

impl Compressor {
    fn new() -> Self {
        Self(GzEncoder::new(Vec::new(), Compression::fast()))
    }

    fn flush(&mut self, bytes: &[u8]) -> Vec<u8> {
        let Self(encoder) = self;
        encoder.write_all(bytes).and_then(|()| encoder.flush()).expect("writing into a vector cannot fail");
        std::mem::take(encoder.get_mut())
    }

    fn finish(mut self, bytes: &[u8]) -> Vec<u8> {
        self.0.write_all(bytes).expect("writing into a vector cannot fail");
        self.0.finish().expect("writing into a vector cannot fail")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_pieces_make_the_same_bytes() {
        let step = |pause_ms, text: &'static str| Step {
            pause: Duration::from_millis(pause_ms),
            bytes: Bytes::from_static(text.as_bytes()),
        };
        let pieces = split(&[step(1, "data: a\n\n"), step(2, "data: bc\n\n")], 4);
        let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.to_vec()).collect();
        assert_eq!(joined, b"data: a\n\ndata: bc\n\n");
        assert!(pieces.iter().all(|piece| piece.bytes.len() <= 4));
        assert_eq!(pieces.iter().map(|piece| piece.pause).sum::<Duration>(), Duration::from_millis(3));
    }
}
