//! What a series does at each time of the hour, day and week.
//!
//! Bins hold deviations from the series' slow mean. Between the middles of two bins the season is a straight line, so it has
//! no steps. Weekly bins hold what the day does not explain. They learn from the second week on, when the day is known, and
//! count for `n/(n+1)` after `n` weeks of learning.
//!
//! Invariant: a bin is a running mean until it is as old as its memory, then an exponential one, so a bin that was
//! never seen says "as the mean" and one seen once says what was seen.

use super::model::BandModel;
use super::slot::SeasonSlot;
use crate::condition::Seasonality;

/// Bins of an hour: five minutes each.
const HOUR_BINS: usize = 12;
/// Bins of a day.
const DAY_BINS: usize = 24;
/// Bins of a week.
const WEEK_BINS: usize = 168;
/// Bins of the longest season: those of a day and of a week.
const BINS_MAX: usize = DAY_BINS + WEEK_BINS;

/// Bins of days and weeks are hours.
const BINS_PER_S: f64 = 1.0 / 3600.0;

/// Days and weeks that bins remember.
const DAYS: f64 = 7.0;
const WEEKS: f64 = 4.0;

/// How many points a bin remembers: what follows from the distance of points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Memory {
    short: f64,
    week: f64,
}

impl Memory {
    /// `day_points` is how many points a day has.
    pub(super) fn new(seasonality: Seasonality, day_points: f64) -> Self {
        // Counts are bytes, and a bin of which every point counts alike is no longer a mean of the last days.
        let memory = |points: f64, periods: f64| (periods * points).clamp(periods, 250.0);
        let short = match seasonality {
            // Hours are many, so a bin remembers a day of them.
            Seasonality::Hourly => memory(day_points / 24.0 / HOUR_BINS as f64, 24.0),
            Seasonality::Daily | Seasonality::Weekly => memory(day_points / DAY_BINS as f64, DAYS),
        };
        Self { short, week: memory(day_points / DAY_BINS as f64, WEEKS) }
    }
}

/// The seasons of a series: the bins of an hour or a day, and after them those of a week.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Season {
    means: Box<[f32]>,
    counts: Box<[u8]>,
}

/// Two neighbouring bins and the part of the second.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    next: usize,
    part: f64,
}

impl Place {
    /// `second` of a period in `bins` bins of a length, which start at `first`.
    fn new(second: u32, bins_per_s: f64, first: usize, bins: usize) -> Self {
        // Shifted by half a bin, so that a bin's value stands at its middle.
        let position = f64::from(second) * bins_per_s + 0.5;
        let next = position as usize;
        let part = position - next as f64;
        Self {
            at: first + if next == 0 { bins - 1 } else { next - 1 },
            next: first + if next == bins { 0 } else { next },
            part,
        }
    }

    fn nearer(&self) -> usize {
        if self.part < 0.5 { self.at } else { self.next }
    }
}

/// Where the season is, computed once for each point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    short: Place,
    week: Option<Place>,
    /// How many whole weeks the weekly bins have learned; negative before they learn.
    weeks: f64,
}

impl Places {
    /// `points` is how many the series has had.
    pub(super) fn new(model: &BandModel, slot: SeasonSlot, points: u32) -> Self {
        let day = || Place::new(slot.day_s(), BINS_PER_S, 0, DAY_BINS);
        match model.spec.seasonality {
            Seasonality::Hourly => Self {
                short: Place::new(slot.day_s() % 3600, HOUR_BINS as f64 / 3600.0, 0, HOUR_BINS),
                week: None,
                weeks: -1.0,
            },
            Seasonality::Daily => Self { short: day(), week: None, weeks: -1.0 },
            Seasonality::Weekly => Self {
                short: day(),
                week: Some(Place::new(slot.week_s(), BINS_PER_S, DAY_BINS, WEEK_BINS)),
                weeks: (f64::from(points) * model.weeks_per_point).floor() - 1.0,
            },
        }
    }
}

impl Season {
    pub(super) fn new(seasonality: Seasonality) -> Self {
        let bins = match seasonality {
            Seasonality::Hourly => HOUR_BINS,
            Seasonality::Daily => DAY_BINS,
            Seasonality::Weekly => BINS_MAX,
        };
        Self { means: vec![0.0; bins].into(), counts: vec![0; bins].into() }
    }

    /// What the season adds to the mean at these places.
    pub(super) fn value(&self, places: &Places) -> f64 {
        let short = self.at(places.short);
        match places.week {
            Some(week) if places.weeks >= 1.0 => short + places.weeks / (places.weeks + 1.0) * self.at(week),
            _ => short,
        }
    }

    /// Learns a deviation from the mean; `clamp` bounds how far one point moves a bin.
    pub(super) fn learn(&mut self, memory: Memory, places: &Places, deviation: f64, clamp: f64) {
        let short_error = deviation - self.at(places.short);
        if let Some(week) = places.week.filter(|_| places.weeks >= 0.0) {
            let week_error = short_error - self.at(week);
            self.pull(week, week_error.clamp(-clamp, clamp), memory.week);
        }
        self.pull(places.short, short_error.clamp(-clamp, clamp), memory.short);
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.means) + size_of_val(&*self.counts)
    }

    /// Calls `each` with every number it holds.
    pub(super) fn visit(&self, mut each: impl FnMut(u32)) {
        self.means.iter().for_each(|mean| each(mean.to_bits()));
        self.counts.iter().for_each(|count| each(u32::from(*count)));
    }

    fn at(&self, place: Place) -> f64 {
        let (low, high) = (f64::from(self.means[place.at]), f64::from(self.means[place.next]));
        low + place.part * (high - low)
    }

    /// Moves the nearer bin by a part of the error.
    fn pull(&mut self, place: Place, error: f64, memory: f64) {
        let at = place.nearer();
        let seen = f64::from(self.counts[at]) + 1.0;
        if seen <= memory {
            self.counts[at] += 1;
        }
        self.means[at] += (error / seen.min(memory)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_lies_between_the_middles_of_its_bins() {
        let place = Place::new(3600 + 1800, BINS_PER_S, 0, DAY_BINS);
        assert_eq!((place.at, place.next), (1, 2));
        assert!(place.part.abs() < 1e-9);
        let midnight = Place::new(0, BINS_PER_S, 0, DAY_BINS);
        assert_eq!((midnight.at, midnight.next), (23, 0));
        assert!((midnight.part - 0.5).abs() < 1e-9);
        let last = Place::new(86_399, BINS_PER_S, 0, DAY_BINS);
        assert_eq!((last.at, last.next), (23, 0));
        let week = Place::new(7 * 86_400 - 1, BINS_PER_S, DAY_BINS, WEEK_BINS);
        assert_eq!((week.at, week.next), (BINS_MAX - 1, DAY_BINS));
    }
}
