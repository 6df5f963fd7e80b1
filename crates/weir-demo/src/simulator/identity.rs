//! Where everything random about one call comes from: ids, times, choices of words.
//!
//! A call that carries `x-sim: seed=N` draws from a generator seeded by N, the simulator's seed and the model alone, and
//! its clock stands still; two such calls get the same bytes, also when a gateway between added to the request. Other
//! calls are seeded by a counter: different each time, and the same again in the next run.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The instant at which seeded answers are made: a fixed one, so that they can be compared.
const SEEDED_UNIX_S: i64 = 1_760_000_000;

const ALPHANUMERIC: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const BASE58: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// Hands out identities.
#[derive(Debug)]
pub(crate) struct Identities {
    seed: u64,
    calls: AtomicU64,
}

impl Identities {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, calls: AtomicU64::new(0) }
    }

    /// The identity of the next call.
    pub(crate) fn next(&self, call_seed: Option<u64>, model: &str) -> Identity {
        let (salt, unix_s) = match call_seed {
            Some(seed) => (mix(seed) ^ fnv1a(model.as_bytes()), SEEDED_UNIX_S),
            None => (mix(self.calls.fetch_add(1, Ordering::Relaxed) ^ (1 << 63)), unix_seconds()),
        };
        Identity { rng: fastrand::Rng::with_seed(mix(self.seed) ^ salt), unix_s }
    }
}

/// The source of chance of one call.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// Everything random is drawn from here.
    pub rng: fastrand::Rng,
    /// When the answer says that it was made, in seconds since 1970.
    pub unix_s: i64,
}

impl Identity {
    /// An id like OpenAI's `chatcmpl-…`: letters and digits.
    pub(crate) fn alphanumeric(&mut self, prefix: &str, length: usize) -> String {
        self.text(prefix, ALPHANUMERIC, length)
    }

    /// An id like Anthropic's `msg_01…`: base 58.
    pub(crate) fn base58(&mut self, prefix: &str, length: usize) -> String {
        self.text(prefix, BASE58, length)
    }

    /// An id like OpenAI's `resp_…`: hexadecimal digits.
    pub(crate) fn hex(&mut self, prefix: &str, length: usize) -> String {
        self.text(prefix, HEX, length)
    }

    fn text(&mut self, prefix: &str, alphabet: &[u8], length: usize) -> String {
        let mut text = String::with_capacity(prefix.len() + length);
        text.push_str(prefix);
        text.extend((0..length).map(|_| char::from(alphabet[self.rng.usize(..alphabet.len())])));
        text
    }
}

/// A number that is lognormally distributed around a median: how latencies are spread.
pub(crate) fn lognormal(rng: &mut fastrand::Rng, median: f64, sigma: f64) -> f64 {
    // Box and Muller; 1 - f64() is in (0, 1], so that the logarithm is finite.
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    let normal = radius * (std::f64::consts::TAU * rng.f64()).cos();
    median * (sigma * normal).exp()
}

/// Spreads the bits of a number (splitmix64), so that neighbouring seeds give unlike generators.
pub(crate) fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash that is the same in every build (FNV-1a).
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn unix_seconds() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_itself_and_a_call_without_one_does_not() {
        let identities = Identities::new(1);
        let id = |seed| identities.next(seed, "gpt-4o").alphanumeric("chatcmpl-", 29);
        assert_eq!(id(Some(7)), id(Some(7)));
        assert_ne!(id(Some(7)), id(Some(8)));
        assert_ne!(id(None), id(None));
    }

    #[test]
    fn the_median_of_lognormal_numbers_is_the_median_asked_for() {
        let mut rng = fastrand::Rng::with_seed(3);
        let below = (0..10_000).filter(|_| lognormal(&mut rng, 400.0, 0.5) < 400.0).count();
        assert!((4_800..5_200).contains(&below), "{below}");
    }
}
