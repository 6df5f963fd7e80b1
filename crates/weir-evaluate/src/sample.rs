//! Which subjects are judged: a share of all, and some of everything that is rare.
//!
//! Whether a trace is in the share depends on its id alone, so that the same traces are judged by every evaluator, after a restart
//! and in a back-fill. Beside that the first few of every stratum (application and model) in an hour are always judged, so that an
//! application with ten calls a day has scores too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest as _, Sha256};
use weir_types::{Span, TraceId, UnixMicros};

/// Strata that are counted at once; older hours are forgotten first, and where one hour has so many, all are.
const STRATA_MAX: usize = 20_000;

/// Looks at traces of a stratum in an hour beyond the share, for each that is wanted: most calls have nothing to judge.
const LOOKS_FOR_EACH: u32 = 5;

/// Who is counted: an evaluator by number (or, for looks, none), application, model and hour.
type Stratum = (Option<usize>, Option<Arc<str>>, Option<Arc<str>>, i64);

/// See the module.
pub struct Sampler {
    first_of_hour: u32,
    counts: Mutex<HashMap<Stratum, u32>>,
}

impl Sampler {
    /// A sampler that always takes this many of each stratum and hour.
    pub fn new(first_of_hour: u32) -> Self {
        Self { first_of_hour, counts: Mutex::default() }
    }

    /// Whether an evaluator judges a span; to be asked once for each.
    pub(crate) fn takes(&self, evaluator: usize, sample: f64, span: &Span) -> bool {
        let is_first = self.count(Some(evaluator), span, self.first_of_hour);
        is_first || share_of(span.trace_id) < sample
    }

    /// Whether a trace is worth a look for any evaluator with at most this share.
    pub(crate) fn looks(&self, sample: f64, span: &Span) -> bool {
        share_of(span.trace_id) < sample
            || self.count(None, span, self.first_of_hour.saturating_mul(LOOKS_FOR_EACH))
    }

    /// Counts one more, and says whether it is among the first.
    fn count(&self, who: Option<usize>, span: &Span, first: u32) -> bool {
        let hour = span.start.floor_to(UnixMicros::HOUR).0;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= STRATA_MAX {
            let newest = counts.keys().map(|stratum| stratum.3).max().unwrap_or(hour);
            counts.retain(|stratum, _| stratum.3 == newest);
            // Looking through them again for each call would make the calls wait that are recorded meanwhile.
            if counts.len() > STRATA_MAX / 2 {
                counts.clear();
            }
        }
        let count = counts.entry((who, span.app.clone(), span.model.clone(), hour)).or_default();
        *count = count.saturating_add(1);
        *count <= first
    }
}

/// A number from 0 to 1 that is the same for a trace always, and evenly spread whatever ids look like.
fn share_of(trace: TraceId) -> f64 {
    let hash = Sha256::digest(trace.as_bytes());
    let bytes: [u8; 8] = hash[..8].try_into().unwrap_or_default();
    // 53 bits are what a float holds.
    (u64::from_be_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::tests::span;
    use weir_types::SpanKind;

    fn spans(count: u32, app: &str) -> Vec<Span> {
        let of = |number: u32| {
            let mut span = span(SpanKind::Llm, 1);
            let mut id = [0; 16];
            id[..4].copy_from_slice(&(number + 1).to_be_bytes());
            (span.trace_id, span.app) = (TraceId::from_bytes(id), Some(app.into()));
            span
        };
        (0..count).map(of).collect()
    }

    #[test]
    fn a_share_of_the_frequent_and_the_first_of_the_rare_are_taken() {
        let sampler = Sampler::new(3);
        let taken = |app: &str, count: u32| {
            spans(count, app).iter().filter(|span| sampler.takes(0, 0.05, span)).count()
        };
        let frequent = taken("frequent", 10_000);
        assert!((450..560).contains(&frequent), "{frequent} of 10,000");
        assert!((3..=5).contains(&taken("rare", 5)));
        assert_eq!(taken("single", 1), 1);
    }

    #[test]
    fn an_hour_of_more_applications_than_can_be_counted_has_an_end_in_memory() {
        let sampler = Sampler::new(1);
        let mut one = span(SpanKind::Llm, 1);
        for number in 0..=2 * STRATA_MAX {
            one.app = Some(number.to_string().into());
            assert!(sampler.takes(0, 0.0, &one), "the first of application {number}");
            assert!(sampler.counts.lock().unwrap().len() <= STRATA_MAX);
        }
    }

    #[test]
    fn the_same_traces_are_taken_again() {
        let taken = |sample: f64| -> Vec<bool> {
            let sampler = Sampler::new(2);
            spans(500, "a").iter().map(|span| sampler.takes(0, sample, span)).collect()
        };
        assert_eq!(taken(0.1), taken(0.1));
        let (few, many) = (taken(0.1), taken(0.5));
        assert!(
            few.iter().zip(&many).all(|(few, many)| !few || *many),
            "a greater share has all of a smaller one"
        );
        assert!(
            taken(1.0).iter().all(|taken| *taken) && taken(0.0).iter().filter(|taken| **taken).count() == 2
        );
    }
}
