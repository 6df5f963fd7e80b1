//! Reads the body of a request and unpacks it, within a limit on what it unpacks to.
//!
//! A few kilobytes of gzip can hold gigabytes of zeros, so unpacking stops at the limit, however large the rest is.

use std::io::{self, Read};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};

/// How long a body may take to arrive.
const ARRIVAL_MAX: Duration = Duration::from_mins(1);

/// Why a body could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// It is over the limit, packed or unpacked.
    TooLarge,
    /// It did not arrive whole, or is not packed as its head says; the text says which.
    Unreadable(String),
}

/// The body, unpacked as `content-encoding` says: gzip, deflate, zstd or not at all.
pub(crate) async fn read_body(headers: &HeaderMap, body: Body, bytes_max: usize) -> Result<Bytes, BodyFault> {
    let packed = match tokio::time::timeout(ARRIVAL_MAX, Limited::new(body, bytes_max).collect()).await {
        Err(_) => return Err(BodyFault::Unreadable("it did not arrive in time".to_owned())),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => return Err(BodyFault::TooLarge),
        Ok(Err(_)) => return Err(BodyFault::Unreadable("it did not arrive whole".to_owned())),
        Ok(Ok(collected)) => collected.to_bytes(),
    };
    let encoding = headers.get(header::CONTENT_ENCODING).map(|value| value.to_str().unwrap_or("?"));
    let encoding = encoding.unwrap_or_default().trim().to_ascii_lowercase();
    if matches!(encoding.as_str(), "" | "identity") {
        return Ok(packed);
    }
    let unpacked = tokio::task::spawn_blocking(move || unpack(&encoding, &packed, bytes_max)).await;
    unpacked.map_err(|_| BodyFault::Unreadable("weir is shutting down".to_owned()))?
}

fn unpack(encoding: &str, packed: &[u8], bytes_max: usize) -> Result<Bytes, BodyFault> {
    let fault = |error: io::Error| BodyFault::Unreadable(format!("it is no {encoding}: {error}"));
    match encoding {
        "gzip" => read_to_limit(flate2::read::MultiGzDecoder::new(packed), bytes_max, fault),
        "deflate" => read_to_limit(flate2::read::ZlibDecoder::new(packed), bytes_max, fault),
        "zstd" => read_to_limit(zstd::Decoder::new(packed).map_err(fault)?, bytes_max, fault),
        other => {
            Err(BodyFault::Unreadable(format!("content-encoding {other:?} is not known; use gzip or zstd")))
        }
    }
}

fn read_to_limit(
    reader: impl Read,
    bytes_max: usize,
    fault: impl Fn(io::Error) -> BodyFault,
) -> Result<Bytes, BodyFault> {
    let mut unpacked = Vec::new();
    // One more than allowed tells a body at the limit from one over it.
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(limit).read_to_end(&mut unpacked).map_err(fault)?;
    if unpacked.len() > bytes_max { Err(BodyFault::TooLarge) } else { Ok(unpacked.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_was_packed_is_unpacked() {
        let zstd = zstd::encode_all(&b"hello"[..], 3).unwrap();
        assert_eq!(unpack("gzip", &gzip(b"hello"), 5).unwrap(), "hello");
        assert_eq!(unpack("zstd", &zstd, 5).unwrap(), "hello");
    }

    #[test]
    fn a_bomb_is_defused_at_the_limit() {
        let bomb = gzip(&vec![0; 10_000_000]);
        assert!(bomb.len() < 20_000);
        assert_eq!(unpack("gzip", &bomb, 1_000), Err(BodyFault::TooLarge));
    }

    #[test]
    fn garbage_and_unknown_packings_are_told() {
        for encoding in ["gzip", "zstd", "deflate", "br"] {
            assert!(matches!(unpack(encoding, b"garbage", 100), Err(BodyFault::Unreadable(_))), "{encoding}");
        }
    }
}
