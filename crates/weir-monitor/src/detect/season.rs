//! What a series does at each time of the hour, day and week.
//!
//! Bins hold deviations from the series' slow mean. Between the middles of two bins the season is a straight line, so it has
//! no steps. Weekly bins hold what the day does not explain, and count for `n/(n+1)` after `n` weeks.

use super::model::BandModel;
use super::slot::{SeasonSlot, WEEK_S};
use crate::condition::Seasonality;

/// Bins of an hour: five minutes each.
const HOUR_BINS: usize = 12;
/// Bins of a day.
const DAY_BINS: usize = 48;
/// Bins of a week.
const WEEK_BINS: usize = 168;

/// One period's bins.
#[derive(Debug, Clone, PartialEq)]
struct Cycle {
    means: Box<[f32]>,
    counts: Box<[u16]>,
    period_s: u32,
}

/// Two neighbouring bins and the part of the second.
#[derive(Debug, Clone, Copy)]
struct Place {
    at: usize,
    next: usize,
    part: f64,
}

impl Cycle {
    fn new(bins: usize, period_s: u32) -> Self {
        Self { means: vec![0.0; bins].into(), counts: vec![0; bins].into(), period_s }
    }

    fn place(&self, slot: SeasonSlot) -> Place {
        let bins = self.means.len();
        let width_s = self.period_s as usize / bins;
        // Shifted by half a bin, so that a bin's value stands at its middle.
        let shifted_s = (slot.week_s() % self.period_s) as usize + self.period_s as usize - width_s / 2;
        let at = (shifted_s / width_s) % bins;
        let next = if at + 1 == bins { 0 } else { at + 1 };
        Place { at, next, part: (shifted_s % width_s) as f64 / width_s as f64 }
    }

    fn value(&self, place: Place) -> f64 {
        let (low, high) = (f64::from(self.means[place.at]), f64::from(self.means[place.next]));
        low + place.part * (high - low)
    }

    /// Moves the nearer bin by `error`; `memory` is how many points of a bin it remembers.
    fn learn(&mut self, place: Place, error: f64, memory: f64) {
        let at = if place.part < 0.5 { place.at } else { place.next };
        let seen = self.counts[at].saturating_add(1);
        self.counts[at] = seen;
        let rate = (1.0 / f64::from(seen)).max(1.0 / memory);
        self.means[at] += (rate * error) as f32;
    }
}

/// The seasons of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Season {
    short: Cycle,
    week: Option<Cycle>,
}

/// Where the season is, computed once for each point.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    short: Place,
    week: Option<Place>,
    week_weight: f64,
}

impl Season {
    pub(super) fn new(seasonality: Seasonality) -> Self {
        let (short, week) = match seasonality {
            Seasonality::Hourly => (Cycle::new(HOUR_BINS, 3600), None),
            Seasonality::Daily => (Cycle::new(DAY_BINS, 86_400), None),
            Seasonality::Weekly => (Cycle::new(DAY_BINS, 86_400), Some(Cycle::new(WEEK_BINS, WEEK_S))),
        };
        Self { short, week }
    }

    pub(super) fn places(&self, model: &BandModel, slot: SeasonSlot, points: u32) -> Places {
        let weeks = (f64::from(points) / model.week_points).floor();
        let week_weight = if weeks >= 2.0 { weeks / (weeks + 1.0) } else { 0.0 };
        Places {
            short: self.short.place(slot),
            week: self.week.as_ref().map(|week| week.place(slot)),
            week_weight,
        }
    }

    /// What the season adds to the mean at these places.
    pub(super) fn value(&self, places: &Places) -> f64 {
        let week = match (&self.week, places.week) {
            (Some(week), Some(place)) => places.week_weight * week.value(place),
            _ => 0.0,
        };
        self.short.value(places.short) + week
    }

    /// Learns a deviation from the mean; `clamp` bounds how far one point moves a bin.
    pub(super) fn learn(&mut self, model: &BandModel, places: &Places, deviation: f64, clamp: f64) {
        let short_error = deviation - self.short.value(places.short);
        if let (Some(week), Some(place)) = (&mut self.week, places.week) {
            let week_error = short_error - week.value(place);
            let memory = (4.0 * model.week_points / WEEK_BINS as f64).max(4.0);
            week.learn(place, week_error.clamp(-clamp, clamp), memory);
        }
        let periods = if self.short.period_s == 3600 { 24.0 } else { 7.0 };
        let in_bin =
            model.day_points * f64::from(self.short.period_s) / 86_400.0 / self.short.means.len() as f64;
        self.short.learn(places.short, short_error.clamp(-clamp, clamp), (periods * in_bin).max(periods));
    }

    pub(super) fn bytes(&self) -> usize {
        let cycle = |cycle: &Cycle| cycle.means.len() * 6;
        cycle(&self.short) + self.week.as_ref().map_or(0, cycle)
    }

    /// Calls `each` with every number it holds.
    pub(super) fn visit(&self, mut each: impl FnMut(u32)) {
        for cycle in std::iter::once(&self.short).chain(&self.week) {
            cycle.means.iter().for_each(|mean| each(mean.to_bits()));
            cycle.counts.iter().for_each(|count| each(u32::from(*count)));
        }
    }
}
