//! Hashes by which a fold proves itself: of what a tick read and of what it made of it.
//!
//! The digest of a tick is cheap (a few nanoseconds a group) and does not depend on the order of groups. The chain of
//! ticks is SHA-256, so that a tick cannot be changed later without changing all that follow.

use sha2::{Digest as _, Sha256};
use weir_types::{AlertState, Tags, UnixMicros};

use super::tick::Presence;

/// Digits of a revision within a digest: enough to tell revisions of one monitor apart.
const REVISION_DIGITS: usize = 8;

/// What a digest ends with when Weir was away in the time that was judged.
const AWAY: &str = "-away";

/// A digest as it is written down: what was read, the states, by which definition, and whether Weir was away then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DigestText<'a> {
    /// What was read.
    pub(crate) readings: &'a str,
    /// The states that followed.
    pub(crate) states: &'a str,
    /// The beginning of the definition's revision.
    pub(crate) revision: &'a str,
    /// Whether Weir was there.
    pub(crate) presence: Presence,
}

impl<'a> DigestText<'a> {
    /// Reads a digest; `None` when it is none.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let (text, presence) = match text.strip_suffix(AWAY) {
            Some(text) => (text, Presence::Away),
            None => (text, Presence::Here),
        };
        let mut parts = text.split('-');
        let (readings, states, revision) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { readings, states, revision, presence })
    }

    /// Whether there was no group at all.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.readings.bytes().all(|digit| digit == b'0')
    }
}

/// The digest of one monitor at one tick: what was read, and the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct TickDigest {
    readings: u64,
    states: u64,
}

impl TickDigest {
    /// Adds a group: its value and samples, and its state.
    pub(super) fn add(
        &mut self,
        key_hash: u64,
        value: Option<f64>,
        samples: u64,
        state: AlertState,
        seq: u64,
    ) {
        let value_bits = value.map_or(u64::MAX, f64::to_bits);
        self.readings = self.readings.wrapping_add(mix(key_hash ^ mix(value_bits ^ mix(samples))));
        self.states = self.states.wrapping_add(mix(key_hash ^ mix((state as u64) << 56 ^ seq)));
    }

    /// As text; [`DigestText`] reads it.
    pub(super) fn text(self, revision: &str, presence: Presence) -> String {
        let revision = revision_digits(revision);
        let away = if presence == Presence::Away { AWAY } else { "" };
        format!("{:016x}-{:016x}-{revision}{away}", self.readings, self.states)
    }
}

/// As much of a revision as digests say.
pub(super) fn revision_digits(revision: &str) -> &str {
    revision.get(..REVISION_DIGITS).unwrap_or(revision)
}

/// The hash of a group's tags.
pub(super) fn of_tags(tags: &Tags) -> u64 {
    let mut hash = Fnv::new();
    for (key, value) in tags.iter() {
        hash.add(key.as_str().as_bytes());
        hash.add(&[0]);
        hash.add(value.as_bytes());
        hash.add(&[1]);
    }
    hash.0
}

/// The next link of the chain of ticks.
pub(super) fn link<'a>(
    last: &str,
    tick: UnixMicros,
    digests: impl Iterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut hash = Sha256::new();
    hash.update(last.as_bytes());
    hash.update(tick.0.to_be_bytes());
    for (monitor, digest) in digests {
        hash.update(monitor.as_bytes());
        hash.update([0]);
        hash.update(digest.as_bytes());
        hash.update([1]);
    }
    hex(&hash.finalize())
}

/// The revision of a definition: the first 16 hexadecimal digits of a hash of its text.
pub(super) fn revision(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..8])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// FNV-1a, 64 bits: small, fast and the same on every machine and in every version, which the standard library does not
/// promise of its own.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

/// Spreads the bits of a number (the finaliser of SplitMix64).
const fn mix(number: u64) -> u64 {
    let mut bits = number;
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}
