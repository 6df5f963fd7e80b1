//! Scripted incidents: for each of the seven monitors one that makes it fire, and its end.
//!
//! Nothing is faked behind the judge. Calls go through the real gateway to the simulated provider, scores come as the
//! DogStatsD datagrams that the usual clients send, and what the monitors make of it is read from where they write it. Only
//! two things are not as in life: what a monitor must know of the days before is written as records of the past
//! ([`past`]), and the clock is turned forward where people would wait.
//!
//! [`Incident`] is a script that somebody asks for; [`Incidents`](crate::Incidents) are the bad moments that the simulated
//! provider has by itself.
//!
//! An incident that was ended in its middle, even by a kill, goes on where it was: which part is next follows from the states
//! that the monitor's groups are in.
//!
//! On failure: what does not come about within its time is an error that says what was waited for.

mod clock;
mod past;
mod scene;
mod scripts;

use std::net::SocketAddr;
use std::sync::Arc;

use weir_meter::Meter;
use weir_types::{AlertState, AlertStore, Record, Scan, UnixMicros};

use crate::DemoError;
pub use clock::IncidentClock;
use scene::Scene;

/// One of the seven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// A prompt grows to many times its length.
    Spend,
    /// A provider gets slow, then slower.
    Latency,
    /// A provider refuses some of the calls.
    Errors,
    /// Answers are not faithful to their sources any more.
    Hallucination,
    /// An agent goes in circles with an ever longer context.
    AgentLoop,
    /// Somebody tries to talk a model out of its instructions.
    Injection,
    /// Retrieval finds documents that have nothing to do with the question.
    Retrieval,
}

impl Incident {
    /// All seven, in the order of the monitors.
    pub const ALL: [Self; 7] = [
        Self::Spend,
        Self::Latency,
        Self::Errors,
        Self::Hallucination,
        Self::AgentLoop,
        Self::Injection,
        Self::Retrieval,
    ];

    /// The monitor that it is for.
    pub const fn monitor(self) -> &'static str {
        match self {
            Self::Spend => "token-spend-rate-of-change",
            Self::Latency => "p95-latency-per-model",
            Self::Errors => "error-rate-spike",
            Self::Hallucination => "hallucination-proxy",
            Self::AgentLoop => "per-agent-cost-anomaly",
            Self::Injection => "prompt-injection",
            Self::Retrieval => "rag-retrieval-quality",
        }
    }

    /// How much time of the clock the script takes at most, in microseconds: a clock that starts so long ago ends before now.
    pub const fn takes_us(self) -> i64 {
        match self {
            Self::Spend => 9 * UnixMicros::DAY,
            _ => 3 * UnixMicros::HOUR,
        }
    }
}

/// What a script works with.
pub struct IncidentParts {
    /// The gateway, such as `http://127.0.0.1:7070`.
    pub gateway_url: String,
    /// Where DogStatsD is received by UDP.
    pub statsd: SocketAddr,
    /// The clock that Weir goes by.
    pub clock: Arc<IncidentClock>,
    /// Tells what was stored.
    pub scan: Arc<dyn Scan>,
    /// Tells what monitors found.
    pub alerts: Arc<dyn AlertStore>,
    /// Whether somebody hears of it: then each step waits until they were told.
    pub is_told: bool,
    /// Takes the account of what happens, line by line.
    pub say: Box<dyn Fn(&str) + Send + Sync>,
}

/// How far an incident came when it was played before on the same data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// It was not.
    Nothing,
    /// Somewhere after this tick.
    Middle(UnixMicros),
    /// The monitor fired and recovered.
    End,
}

/// Tells how far an incident came.
pub async fn reached(incident: Incident, alerts: &dyn AlertStore) -> Result<Reached, DemoError> {
    let failed = |error: weir_types::AlertStoreError| DemoError::Incident {
        monitor: incident.monitor(),
        reason: error.to_string(),
    };
    let states = scene::states(incident, alerts).await.map_err(failed)?;
    if !states.is_empty() && states.values().all(|state| *state == AlertState::Ok) {
        return Ok(Reached::End);
    }
    let kept = alerts.kept().await.map_err(failed)?;
    Ok(kept.tick.map_or(Reached::Nothing, Reached::Middle))
}

/// What the monitor of an incident must know of the time before `now`: nothing for most, for two of them days.
pub fn past(incident: Incident, now: UnixMicros, meter: &Meter) -> Vec<Record> {
    past::records(incident, now, meter)
}

/// Plays an incident from its quiet beginning, or from where it was, to its end. Returns when the monitor fired and recovered.
pub async fn play(incident: Incident, parts: IncidentParts) -> Result<(), DemoError> {
    let mut scene = Scene::open(incident, parts).await?;
    scripts::play(&mut scene).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_incident_for_each_of_the_seven_monitors_and_no_other() {
        let seven: toml::Table = include_str!("../../../monitors/seven.toml").parse().unwrap();
        let monitors = seven["monitors"].as_array().unwrap().iter();
        let names: Vec<&str> = monitors.map(|monitor| monitor["name"].as_str().unwrap()).collect();
        assert_eq!(names, Incident::ALL.map(Incident::monitor));
    }
}
