//! What goes wrong at a provider by itself: a few errors always, and now and then an incident.
//!
//! Incidents come on a timetable that starts with the simulator, so that a demo shows one within its first minutes and
//! a test knows when.

use std::time::Duration;

use super::problem::Family;

/// Whether the simulated provider has bad moments of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Incidents {
    /// Nothing fails unless a call asks for it.
    #[default]
    Never,
    /// A few calls in a thousand fail; every some minutes one provider is slow, overloaded or limits calls.
    Sometimes,
}

/// The state of a provider at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weather {
    /// Latencies are multiplied by this.
    pub slowdown: f64,
    /// The share of calls that fail, by status.
    pub failing: [(u16, f64); 2],
}

/// One incident of the timetable.
struct Incident {
    family: Family,
    /// The first time it begins, and how often it comes back.
    first: Duration,
    every: Duration,
    lasts: Duration,
    weather: Weather,
}

const fn minutes_seconds(minutes: u64, seconds: u64) -> Duration {
    Duration::from_secs(minutes * 60 + seconds)
}

const TIMETABLE: [Incident; 3] = [
    Incident {
        family: Family::OpenAi,
        first: minutes_seconds(1, 30),
        every: minutes_seconds(11, 0),
        lasts: minutes_seconds(0, 50),
        weather: Weather { slowdown: 1.2, failing: [(429, 0.35), (500, 0.02)] },
    },
    Incident {
        family: Family::Anthropic,
        first: minutes_seconds(4, 0),
        every: minutes_seconds(17, 0),
        lasts: minutes_seconds(1, 20),
        weather: Weather { slowdown: 3.5, failing: [(529, 0.25), (500, 0.01)] },
    },
    Incident {
        family: Family::OpenAi,
        first: minutes_seconds(7, 0),
        every: minutes_seconds(23, 0),
        lasts: minutes_seconds(0, 40),
        weather: Weather { slowdown: 2.5, failing: [(500, 0.18), (503, 0.10)] },
    },
];

impl Incidents {
    /// How the provider of this family does, this long after the simulator started.
    pub(crate) fn weather(self, family: Family, since_start: Duration) -> Weather {
        if self == Self::Never {
            return Weather { slowdown: 1.0, failing: [(500, 0.0), (429, 0.0)] };
        }
        let now = TIMETABLE.iter().find(|incident| incident.family == family && incident.is_on(since_start));
        now.map_or(Weather { slowdown: 1.0, failing: [(500, 0.002), (429, 0.003)] }, |incident| {
            incident.weather
        })
    }
}

impl Incident {
    fn is_on(&self, since_start: Duration) -> bool {
        let Some(since_first) = since_start.checked_sub(self.first) else { return false };
        since_first.as_secs() % self.every.as_secs() < self.lasts.as_secs()
    }
}

impl Weather {
    /// The status with which a call fails now, if it does.
    pub(crate) fn strike(&self, rng: &mut fastrand::Rng) -> Option<u16> {
        let mut chance = rng.f64();
        for (status, share) in self.failing {
            if chance < share {
                return Some(status);
            }
            chance -= share;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_incident_comes_and_goes_as_the_timetable_says() {
        let failing =
            |seconds| Incidents::Sometimes.weather(Family::OpenAi, Duration::from_secs(seconds)).failing[0];
        assert_eq!(failing(60), (500, 0.002));
        assert_eq!(failing(95), (429, 0.35));
        assert_eq!(failing(141), (500, 0.002));
        assert_eq!(Incidents::Never.weather(Family::OpenAi, Duration::from_secs(95)).failing[0], (500, 0.0));
    }
}
