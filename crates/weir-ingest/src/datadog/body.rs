//! The body of a request: read within a limit and a time, and unpacked within the same limit.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue};
use http_body_util::{BodyExt, Limited};

use super::DatadogError;

/// Bytes of a body, packed and unpacked. Tracers send 20 MB of traces at most and 5 MB of events.
pub(super) const BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a body may take to arrive.
const TIME_MAX: Duration = Duration::from_secs(30);

/// Packed data may refer back this far (16 MiB); a sender cannot make the unpacking need more.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Deflate,
    Zstd,
}

impl Packing {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, DatadogError> {
        match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => Ok(Self::Plain),
            Some(b"gzip" | b"x-gzip") => Ok(Self::Gzip),
            Some(b"deflate") => Ok(Self::Deflate),
            Some(b"zstd") => Ok(Self::Zstd),
            Some(other) => Err(DatadogError::Encoding { encoding: String::from_utf8_lossy(other).into_owned() }),
        }
    }
}

/// The length that a request declares.
pub(super) fn declared_len(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body as it comes.
pub(super) async fn read(body: Body) -> Result<Bytes, DatadogError> {
    let collected = tokio::time::timeout(TIME_MAX, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(DatadogError::TooLarge),
        Ok(Err(error)) => Err(DatadogError::Unread { error: error.to_string() }),
        Err(_) => Err(DatadogError::Unread { error: format!("it took more than {} s", TIME_MAX.as_secs()) }),
    }
}

/// Unpacks a body. Takes as long as the body is large, so call it off the async threads.
pub(super) fn unpack(body: Bytes, packing: Packing) -> Result<Bytes, DatadogError> {
    let fail = |error: io::Error| DatadogError::Unpack { packing, error: error.to_string() };
    match packing {
        Packing::Plain => Ok(body),
        Packing::Gzip => unpacked(flate2::read::MultiGzDecoder::new(&*body), packing),
        Packing::Deflate => unpacked(flate2::read::ZlibDecoder::new(&*body), packing),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(&*body).map_err(fail)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(fail)?;
            unpacked(decoder, packing)
        }
    }
}

fn unpacked(decoder: impl Read, packing: Packing) -> Result<Bytes, DatadogError> {
    let mut plain = Vec::new();
    let mut bounded = decoder.take(BODY_BYTES_MAX as u64 + 1);
    bounded
        .read_to_end(&mut plain)
        .map_err(|error| DatadogError::Unpack { packing, error: error.to_string() })?;
    if plain.len() > BODY_BYTES_MAX { Err(DatadogError::TooLarge) } else { Ok(plain.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn bombs_are_refused_at_the_limit() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        for _ in 0..40 {
            gzip.write_all(&[0; 1024 * 1024]).unwrap();
        }
        let bomb = gzip.finish().unwrap();
        assert!(bomb.len() < 64 * 1024);
        assert!(matches!(unpack(bomb.into(), Packing::Gzip), Err(DatadogError::TooLarge)));
    }

    #[test]
    fn every_packing_gives_the_same() {
        let text = b"[{\"event_type\":\"span\"}]".repeat(100);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(&text).unwrap();
        let packed = [
            (Packing::Plain, text.clone()),
            (Packing::Gzip, gzip.finish().unwrap()),
            (Packing::Deflate, deflate.finish().unwrap()),
            (Packing::Zstd, zstd::encode_all(&*text, 1).unwrap()),
        ];
        for (packing, body) in packed {
            assert_eq!(unpack(body.clone().into(), packing).unwrap(), text, "{packing:?}");
            if packing != Packing::Plain {
                let cut = Bytes::from(body).slice(..10);
                assert!(matches!(unpack(cut, packing), Err(DatadogError::Unpack { .. })), "{packing:?}");
            }
        }
    }
}
