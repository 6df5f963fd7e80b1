//! What a period will come to: what is used, and what was used in the rest of earlier periods.
//!
//! Spend has the shape of a day and of a week. The rest of this period is therefore likened to the rests of earlier ones:
//! each earlier period gives one outcome, its rest scaled by how this period compares with that one so far. The median of
//! the outcomes is the projection, a tenth and nine tenths are the band. Days are likened to days of the same kind by
//! looking a week back at a time when there are enough weeks. With fewer than three earlier periods the pace so far is all
//! there is, and the band is as wide as that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use weir_control::budget::{AccountStatus, Amount, LimitKind, LimitSpec, Period, Window};
use weir_types::{BudgetOutlook, Scan, UnixMicros};

use super::spent;

/// Earlier periods that are looked at.
const PERIODS: usize = 8;
/// Fewer say nothing about what is usual.
const PERIODS_MIN: usize = 3;
/// How long what earlier periods used is remembered: it changes slowly, and reading it costs.
const REMEMBERED_US: i64 = 2 * UnixMicros::MINUTE;
/// How much more or less than an earlier period this one is taken to be at most.
const SCALE_MAX: f64 = 4.0;

/// What accounts used in one earlier period: up to the same point, and after it.
type Earlier = HashMap<Vec<Arc<str>>, (Amount, Amount)>;

/// When earlier periods were read, and what they used.
type Remembered = (UnixMicros, Arc<Vec<Earlier>>);

/// What earlier periods used, for a while.
#[derive(Default)]
pub struct Outlooks {
    known: Mutex<HashMap<Arc<str>, Remembered>>,
}

impl Outlooks {
    /// What the period of an account will come to; `None` where that is no question.
    pub fn of(&self, scan: &dyn Scan, status: &AccountStatus, now: UnixMicros) -> Option<BudgetOutlook> {
        let (spec, window) = (&status.limit, status.window?);
        if spec.kind != LimitKind::Budget {
            return None;
        }
        let earlier = self.earlier(scan, spec, window, now);
        let values: Vec<_> = status.values.iter().map(|(_, value)| Arc::clone(value)).collect();
        let of_account = earlier.iter().filter_map(|period| period.get(&values).copied());
        Some(outlook(status, window, now, &of_account.collect::<Vec<_>>()))
    }

    fn earlier(
        &self,
        scan: &dyn Scan,
        spec: &LimitSpec,
        window: Window,
        now: UnixMicros,
    ) -> Arc<Vec<Earlier>> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, earlier)) = lock().get(&spec.name)
            && now.saturating_add_us(-REMEMBERED_US) < *at
        {
            return Arc::clone(earlier);
        }
        let earlier = Arc::new(read(scan, spec, window, now));
        lock().insert(Arc::clone(&spec.name), (now, Arc::clone(&earlier)));
        earlier
    }
}

/// Reads earlier periods, the latest first. A store that fails says nothing about them.
fn read(scan: &dyn Scan, spec: &LimitSpec, window: Window, now: UnixMicros) -> Vec<Earlier> {
    let elapsed = now.0 - window.from.0;
    let step = if spec.period == Period::Day { 7 } else { 1 };
    let mut periods = Vec::new();
    let mut current = window;
    for _ in 0..PERIODS {
        for _ in 0..step {
            current = spec.period.window(current.from.saturating_add_us(-1), &spec.timezone);
        }
        let point = UnixMicros((current.from.0 + elapsed).min(current.to.0));
        let (Ok(until), Ok(after)) =
            (spent::between(scan, spec, current.from, point), spent::between(scan, spec, point, current.to))
        else {
            return Vec::new();
        };
        if until.is_empty() && after.is_empty() {
            break;
        }
        let mut earlier = Earlier::new();
        for (values, amount) in until {
            earlier.entry(values).or_default().0 += amount;
        }
        for (values, amount) in after {
            earlier.entry(values).or_default().1 += amount;
        }
        periods.push(earlier);
    }
    periods
}

/// From what one account has used, and used in earlier periods up to the same point and after it.
fn outlook(
    status: &AccountStatus,
    window: Window,
    now: UnixMicros,
    earlier: &[(Amount, Amount)],
) -> BudgetOutlook {
    let used = status.settled.saturating_add(status.others) as f64;
    let length = (window.to.0 - window.from.0).max(1) as f64;
    let share = ((now.0 - window.from.0) as f64 / length).clamp(0.0, 1.0);
    let pace = if share > 0.0 { used / share } else { used };
    let is_known = earlier.len() >= PERIODS_MIN;
    let mut outcomes: Vec<f64> = if is_known {
        earlier.iter().map(|(until, after)| used + *after as f64 * scale(used, *until as f64)).collect()
    } else {
        // The pace so far, between half and double of it.
        vec![used + (pace - used) / 2.0, pace, used + (pace - used) * 2.0]
    };
    outcomes.sort_by(f64::total_cmp);
    let projected = quantile(&outcomes, 0.5);
    BudgetOutlook {
        projected,
        low: quantile(&outcomes, 0.1),
        high: quantile(&outcomes, 0.9),
        exhausted_at: exhausted_at(status, window, now, used, projected),
        periods: if is_known { u32::try_from(earlier.len()).unwrap_or(u32::MAX) } else { 0 },
    }
}

fn scale(used: f64, until: f64) -> f64 {
    if until <= 0.0 || used <= 0.0 { 1.0 } else { (used / until).clamp(1.0 / SCALE_MAX, SCALE_MAX) }
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len().saturating_sub(1)) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the list")]
    let (low, part) = (at.floor() as usize, at.fract());
    let value = |at: usize| sorted.get(at).copied().unwrap_or_default();
    value(low) + (value(low + 1) - value(low)) * if part > 0.0 { part } else { 0.0 }
}

/// When the limit is reached, if use goes on evenly to what is projected.
fn exhausted_at(
    status: &AccountStatus,
    window: Window,
    now: UnixMicros,
    used: f64,
    projected: f64,
) -> Option<UnixMicros> {
    let limit = status.limit.limit() as f64;
    if used >= limit {
        return Some(now);
    }
    let rest = projected - used;
    if rest <= 0.0 || projected < limit {
        return None;
    }
    let left_us = (window.to.0 - now.0) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "within the period")]
    let in_us = (left_us * (limit - used) / rest) as i64;
    Some(now.saturating_add_us(in_us))
}

#[cfg(test)]
mod tests {
    use weir_control::budget::BudgetEntry;

    use super::*;

    const DAY: i64 = 24 * UnixMicros::HOUR;

    fn status(settled: Amount) -> (AccountStatus, Window) {
        let entry =
            BudgetEntry { amount_tokens: Some(1_000), shutoff_at: Some(1.0), ..BudgetEntry::default() };
        let window = Window { from: UnixMicros(0), to: UnixMicros(DAY) };
        let limit = Arc::new(entry.resolve().unwrap());
        let status =
            AccountStatus { limit, values: vec![], window: Some(window), settled, reserved: 0, others: 0 };
        (status, window)
    }

    #[test]
    fn the_rest_of_the_period_is_likened_to_earlier_rests() {
        let (status, window) = status(200);
        let told = outlook(&status, window, UnixMicros(DAY / 4), &[(100, 400), (100, 500), (200, 800)]);
        assert_eq!((told.projected, told.periods), (1_000.0, 3));
        assert!(told.low >= 1_000.0 && told.high <= 1_200.0, "{told:?}");
        assert_eq!(told.exhausted_at, Some(UnixMicros(DAY)));
    }

    #[test]
    fn without_earlier_periods_the_pace_is_all_there_is() {
        let (status, window) = status(500);
        let told = outlook(&status, window, UnixMicros(DAY / 4), &[]);
        assert_eq!((told.projected, told.periods), (2_000.0, 0));
        assert_eq!(told.exhausted_at, Some(UnixMicros(DAY / 4 + DAY / 4)));
    }

    #[test]
    fn what_is_used_up_is_used_up_now() {
        let (status, window) = status(1_000);
        assert_eq!(outlook(&status, window, UnixMicros(7), &[]).exhausted_at, Some(UnixMicros(7)));
    }
}
