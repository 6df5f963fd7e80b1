//! The past of the demo: spans that are said to have happened in the hours before it began.
//!
//! The past has the rhythm of a day, growth towards now, two incidents at providers and one agent that went in
//! circles, so that every chart has something to show. It is made minute by minute, because a day is tens of thousands
//! of spans that nobody needs in memory at once, and the last minute first, because that is what people look at. Tokens are estimated from lengths, costs are computed from them like any other.

use weir_meter::Meter;
use weir_types::{IdGenerator, Span, UnixMicros};

use crate::simulator::mix;

mod past;
mod rhythm;

use past::Historian;

/// The past, minute by minute, newest first; the spans of a minute are in the order of their starts.
pub struct Backfill<'a> {
    historian: Historian<'a>,
    /// The end of the minute that comes next.
    end: UnixMicros,
    first: UnixMicros,
    now: UnixMicros,
    rng: fastrand::Rng,
}

/// Makes the past of `hours` hours before `now`: about 50,000 spans for a day.
pub fn backfill(now: UnixMicros, hours: u32, seed: u64, meter: &Meter) -> Backfill<'_> {
    let first = now.saturating_add_us(-i64::from(hours) * UnixMicros::HOUR).floor_to(UnixMicros::MINUTE);
    Backfill {
        historian: Historian { meter, ids: IdGenerator::new(), now },
        end: now.saturating_add_us(UnixMicros::MINUTE).floor_to(UnixMicros::MINUTE),
        first,
        now,
        rng: fastrand::Rng::with_seed(mix(seed)),
    }
}

impl Iterator for Backfill<'_> {
    type Item = Vec<Span>;

    fn next(&mut self) -> Option<Vec<Span>> {
        if self.end <= self.first {
            return None;
        }
        let minute = self.end.saturating_add_us(-UnixMicros::MINUTE);
        self.end = minute;
        let before_now = minute.0 - self.now.0;
        let mut spans = Vec::new();
        for _ in 0..rhythm::runs_in_minute(before_now, &mut self.rng) {
            let start = minute.saturating_add_us(self.rng.i64(0..UnixMicros::MINUTE));
            self.historian.write_run(start, &mut self.rng, &mut spans);
        }
        for _ in 0..rhythm::circling_runs_in_minute(before_now) {
            let start = minute.saturating_add_us(self.rng.i64(0..UnixMicros::MINUTE));
            self.historian.write_circling_run(start, &mut self.rng, &mut spans);
        }
        // What began shortly before now would end after it.
        spans.retain(|span| ends_before(span, self.now));
        spans.sort_by_key(|span| span.start);
        Some(spans)
    }
}

fn ends_before(span: &Span, now: UnixMicros) -> bool {
    let duration_us = i64::try_from(span.duration_us).unwrap_or(i64::MAX);
    span.start.saturating_add_us(duration_us) <= now
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::LazyLock;

    use weir_meter::PriceBook;
    use weir_types::{SpanKind, SpanStatus};

    use super::*;

    const NOW: UnixMicros = UnixMicros(1_763_000_000_000_000);

    /// Made once: a debug build takes its time.
    static DAY: LazyLock<Vec<Span>> = LazyLock::new(|| {
        let meter = Meter::new(PriceBook::bundled());
        backfill(NOW, 24, 1, &meter).flatten().collect()
    });

    #[test]
    fn a_day_is_moderate_in_number_priced_and_in_the_past() {
        let spans = &*DAY;
        assert!((20_000..80_000).contains(&spans.len()), "{}", spans.len());
        assert!(spans.iter().all(|span| ends_before(span, NOW)));
        let calls: Vec<_> = spans.iter().filter(|span| span.kind.is_model_call()).collect();
        let unpriced: BTreeMap<_, usize> = calls
            .iter()
            .filter(|span| span.status == SpanStatus::Ok && span.cost.is_none())
            .fold(BTreeMap::new(), |mut models, span| {
                *models.entry(span.model.clone()).or_default() += 1;
                models
            });
        assert!(unpriced.is_empty(), "{unpriced:?}");
        let failed = calls.iter().filter(|span| span.status == SpanStatus::Error).count();
        assert!(calls.iter().any(|span| span.tokens.cache_read > Some(0)), "handbooks are cached");
        assert!(failed * 200 > calls.len() && failed * 10 < calls.len(), "{failed} of {}", calls.len());
    }

    #[test]
    fn a_day_has_a_few_mishaps_for_the_security_section() {
        let said = |text: &str| {
            let inputs = DAY.iter().filter_map(|span| span.input.as_ref());
            inputs.filter(|input| input.expose().contains(text)).count()
        };
        for mishap in ["Ignore previous instructions", "disregard the above", "AKIAIOSFODNN7EXAMPLE"] {
            assert!((1..60).contains(&said(mishap)), "{mishap}: {}", said(mishap));
        }
    }

    #[test]
    fn every_parent_is_in_its_trace_and_every_id_is_once() {
        let spans = &*DAY;
        let ids: std::collections::HashSet<_> = spans.iter().map(|span| span.span_id).collect();
        assert_eq!(ids.len(), spans.len());
        let roots: std::collections::HashMap<_, _> =
            spans.iter().map(|span| (span.span_id, span.trace_id)).collect();
        // The last minutes have runs whose root would end after now and is left out.
        let settled = NOW.saturating_add_us(-10 * UnixMicros::MINUTE);
        for span in spans.iter().filter(|span| span.start < settled) {
            if let Some(parent) = span.parent_id {
                assert_eq!(roots.get(&parent), Some(&span.trace_id));
            }
        }
        assert!(spans.iter().any(|span| span.kind == SpanKind::Retrieval && span.documents.is_some()));
    }
}
