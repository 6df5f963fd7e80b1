//! Where in the local week an instant is.
//!
//! A season repeats in local time: what happens at nine happens at nine on the day the clocks change, too. The caller
//! knows the time zone; this module only takes the offset that holds at the instant, so that no calendar is needed here.

use weir_types::UnixMicros;

/// Seconds in a week.
pub(super) const WEEK_S: u32 = 7 * 86_400;

/// A place in the local week, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeasonSlot {
    /// Seconds since Monday's local midnight, less than a week.
    week_s: u32,
}

impl SeasonSlot {
    /// The slot of an instant where local time is `utc_offset_s` seconds ahead of UTC. For a point that stands for an
    /// interval, give the interval's start.
    pub fn at(instant: UnixMicros, utc_offset_s: i32) -> Self {
        let local_s = instant.0.div_euclid(UnixMicros::SECOND).saturating_add(i64::from(utc_offset_s));
        // The epoch was a Thursday.
        let week_s = (local_s + 3 * 86_400).rem_euclid(i64::from(WEEK_S));
        Self { week_s: u32::try_from(week_s).unwrap_or(0) }
    }

    /// Seconds since Monday's local midnight.
    pub fn week_s(self) -> u32 {
        self.week_s
    }

    /// Seconds since the local midnight.
    pub fn day_s(self) -> u32 {
        self.week_s % 86_400
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_local_time_is_the_same_slot_on_both_sides_of_a_change_of_the_clocks() {
        // Nine in Berlin on Saturday 2026-03-28 (UTC+1), and on Monday 2026-03-30 (UTC+2).
        let saturday = SeasonSlot::at(UnixMicros(1_774_684_800 * UnixMicros::SECOND), 3600);
        let monday = SeasonSlot::at(UnixMicros(1_774_854_000 * UnixMicros::SECOND), 7200);
        assert_eq!(saturday.day_s(), 9 * 3600);
        assert_eq!(monday.day_s(), 9 * 3600);
        assert_eq!(monday.week_s(), 9 * 3600);
        assert_eq!(saturday.week_s(), 5 * 86_400 + 9 * 3600);
    }
}
