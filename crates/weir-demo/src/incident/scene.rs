//! What scripts are made of: calls, datagrams, a clock that is turned, and a look at what monitors found.
//!
//! Every step waits for its effect before the clock moves on: calls and scores until they are stored, a turn of the clock
//! until the judge has judged the minutes that it skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tokio::net::UdpSocket;
use tokio::task::{JoinError, JoinSet};
use weir_types::{
    AlertState, AlertStore, AlertStoreError, Clock as _, Need, ScanRequest, ScanSource, Scope, Tags,
    TimeRange, Transition, TransitionFilter, TransitionReason, UnixMicros, metric,
};

use super::past::Caller;
use super::{Incident, IncidentParts};
use crate::client::{Connection, Gateway};
use crate::{DemoError, SIM_HEADER};

/// How long after the end of a minute it is judged at the earliest, and a second more.
const JUDGED_AFTER_US: i64 = 11 * UnixMicros::SECOND;

/// How long anything is waited for in real time: a day of minutes may have to be judged, by a machine that is busy.
const DEADLINE: Duration = Duration::from_mins(4);

/// Calls at the same time, unless a script says otherwise: few, so that none waits for a busy machine.
const AT_ONCE: usize = 4;

/// How often is looked.
const POLL: Duration = Duration::from_millis(20);

/// Changes that are read at once: far more than any script brings about.
const CHANGES_MAX: usize = 1_000;

/// See the module.
pub(super) struct Scene {
    pub(super) incident: Incident,
    parts: IncidentParts,
    gateway: Gateway,
    statsd: UdpSocket,
    began_at: UnixMicros,
    /// Changes that were told.
    seen: BTreeSet<(Arc<str>, Tags, u64)>,
    /// The states of the monitor's groups.
    states: BTreeMap<Tags, AlertState>,
}

/// A call to be made.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) by: &'a Caller,
    pub(super) session: &'a str,
    pub(super) prompt: &'a str,
    /// How the provider answers, as the simulator reads it.
    pub(super) answer: &'a str,
}

impl Scene {
    /// A scene with its doors open, in which nothing has happened, or what the store tells.
    pub(super) async fn open(incident: Incident, parts: IncidentParts) -> Result<Self, DemoError> {
        let failed = |reason: String| DemoError::Incident { monitor: incident.monitor(), reason };
        let statsd = UdpSocket::bind(("127.0.0.1", 0)).await.map_err(|error| failed(error.to_string()))?;
        statsd.connect(parts.statsd).await.map_err(|error| failed(error.to_string()))?;
        let before = changes(None, &*parts.alerts).await.map_err(|error| failed(error.to_string()))?;
        let of_monitor = before.iter().filter(|change| *change.monitor == *incident.monitor());
        let scene = Self {
            gateway: Gateway::parse(&parts.gateway_url)?,
            began_at: parts.clock.now(),
            incident,
            parts,
            statsd,
            states: of_monitor.map(|change| (change.group.clone(), change.to)).collect(),
            seen: before.into_iter().map(|change| (change.monitor, change.group, change.seq)).collect(),
        };
        if scene.worst() > AlertState::Ok {
            let worst = scene.worst().as_str().to_uppercase();
            scene.say(&format!("Weir was ended while {} was in {worst}; it goes on", incident.monitor()));
            scene.told().await?;
        }
        Ok(scene)
    }

    /// A line of the account.
    pub(super) fn say(&self, text: &str) {
        (self.parts.say)(&format!("{}  {text}", shown_time(self.parts.clock.now())));
    }

    /// Makes calls, a few at the same time, and returns when they are answered and stored.
    pub(super) async fn call(&mut self, calls: &[Call<'_>]) -> Result<(), DemoError> {
        self.call_at_once(calls, AT_ONCE).await
    }

    /// The same with so many at the same time.
    pub(super) async fn call_at_once(&mut self, calls: &[Call<'_>], at_once: usize) -> Result<(), DemoError> {
        let known = self.known(metric::LLM_REQUEST_COUNT).await?;
        let mut running = JoinSet::new();
        for call in calls {
            if running.len() >= at_once {
                self.answered(running.join_next().await)?;
            }
            let request = self.request(call)?;
            let mut connection = Connection::new(self.gateway.clone());
            running.spawn(async move {
                let response = connection.send(request).await.map_err(|error| error.to_string())?;
                response.into_body().collect().await.map_err(|error| error.to_string())
            });
        }
        while !running.is_empty() {
            self.answered(running.join_next().await)?;
        }
        self.stored(metric::LLM_REQUEST_COUNT, known + calls.len() as u64).await
    }

    /// Whether a call that has ended was answered, well or not.
    fn answered<T>(&self, ended: Option<Result<Result<T, String>, JoinError>>) -> Result<(), DemoError> {
        let Some(ended) = ended else { return Ok(()) };
        let answer = ended.map_err(|error| error.to_string()).and_then(|answer| answer);
        answer.map(drop).map_err(|reason| self.failed(format!("a call was not answered: {reason}")))
    }

    fn request(&self, call: &Call<'_>) -> Result<http::Request<Full<Bytes>>, DemoError> {
        let body = json!({
            "model": call.by.model,
            "messages": [{ "role": "user", "content": call.prompt }],
        });
        let mut request = self
            .gateway
            .post("/v1/chat/completions")
            .header("weir-team", call.by.team)
            .header("weir-app", call.by.app)
            .header("weir-session", call.session)
            .header(SIM_HEADER, call.answer);
        if let Some(agent) = call.by.agent {
            request = request.header("weir-agent", agent);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())));
        request.map_err(|error| self.failed(error.to_string()))
    }

    /// Sends gauges as Datadog's clients write them, a datagram for each, and returns when they are stored.
    pub(super) async fn gauges(
        &mut self,
        name: &str,
        values: &[f64],
        tags: &[String],
    ) -> Result<(), DemoError> {
        let known = self.known(name).await?;
        for value in values {
            self.datagram(&format!("{name}:{value}|g|#{}", tags.join(","))).await?;
        }
        self.stored(name, known + values.len() as u64).await
    }

    /// Sends an event as Datadog's clients write it.
    pub(super) async fn event(&self, title: &str, text: &str, alert_type: &str) -> Result<(), DemoError> {
        let (titled, said) = (title.len(), text.len());
        self.datagram(&format!("_e{{{titled},{said}}}:{title}|{text}|t:{alert_type}")).await
    }

    async fn datagram(&self, text: &str) -> Result<(), DemoError> {
        let sent = self.statsd.send(text.as_bytes()).await;
        sent.map(drop).map_err(|error| self.failed(format!("a datagram was not sent: {error}")))
    }

    /// Waits until so many values of a metric are in the store.
    async fn stored(&self, name: &str, expected: u64) -> Result<(), DemoError> {
        let started_at = Instant::now();
        loop {
            let known = self.known(name).await?;
            if known >= expected {
                return Ok(());
            }
            let missing = expected - known;
            self.wait(started_at, &format!("{missing} more values of {name} in the store")).await?;
        }
    }

    /// How many values of a metric are in the store since the scene was opened.
    async fn known(&self, name: &str) -> Result<u64, DemoError> {
        let range = TimeRange {
            from: self.began_at.floor_to(UnixMicros::MINUTE),
            to: self.parts.clock.now().saturating_add_us(UnixMicros::HOUR),
        };
        let request = ScanRequest {
            metric: Arc::from(name),
            scope: Scope::All,
            by: Vec::new(),
            range,
            step_us: None,
            origin: range.from,
            need: Need::Totals,
            source: ScanSource::Rows,
        };
        let scan = Arc::clone(&self.parts.scan);
        let rows = tokio::task::spawn_blocking(move || scan.scan(&request)).await;
        let rows = rows.map_err(|error| self.failed(error.to_string()))?;
        let rows = rows.map_err(|error| self.failed(error.to_string()))?;
        Ok(rows.iter().map(|row| row.cell.count).sum())
    }

    /// Turns the clock to where the present minute is judged, and waits until it is.
    pub(super) async fn tick(&mut self) -> Result<(), DemoError> {
        let now = self.parts.clock.now();
        let to = now.floor_to(UnixMicros::MINUTE).saturating_add_us(UnixMicros::MINUTE + JUDGED_AFTER_US);
        self.pass(to.0 - now.0).await
    }

    /// Turns the clock forward, and waits until all minutes on the way are judged.
    pub(super) async fn pass(&mut self, by_us: i64) -> Result<(), DemoError> {
        self.parts.clock.turn(by_us);
        let judged = self.parts.clock.now().saturating_add_us(-JUDGED_AFTER_US).floor_to(UnixMicros::MINUTE);
        let started_at = Instant::now();
        loop {
            let kept = self.parts.alerts.kept().await.map_err(|error| self.store_failed(&error))?;
            if kept.tick >= Some(judged) {
                break;
            }
            self.wait(started_at, &format!("the minutes until {} to be judged", shown_time(judged))).await?;
        }
        self.tell_changes().await?;
        self.told().await
    }

    /// Passes time in steps until some group of the monitor is as bad as this.
    pub(super) async fn until_bad(
        &mut self,
        state: AlertState,
        step_us: i64,
        steps_max: usize,
    ) -> Result<(), DemoError> {
        for _ in 0..steps_max {
            if self.worst() >= state {
                return Ok(());
            }
            if step_us == UnixMicros::MINUTE { self.tick().await? } else { self.pass(step_us).await? }
        }
        self.check(self.worst() >= state, "it did not fire")
    }

    /// Passes time in steps until the monitor is well.
    pub(super) async fn until_well(&mut self, step_us: i64, steps_max: usize) -> Result<(), DemoError> {
        for _ in 0..steps_max {
            if self.worst() == AlertState::Ok {
                return Ok(());
            }
            if step_us == UnixMicros::MINUTE { self.tick().await? } else { self.pass(step_us).await? }
        }
        self.check(self.worst() == AlertState::Ok, "it did not recover")
    }

    /// The worst state of the monitor's groups.
    pub(super) fn worst(&self) -> AlertState {
        self.states.values().copied().max().unwrap_or_default()
    }

    /// An error with this text unless something holds.
    pub(super) fn check(&self, holds: bool, otherwise: &str) -> Result<(), DemoError> {
        if holds { Ok(()) } else { Err(self.failed(otherwise.to_owned())) }
    }

    /// Reads what monitors found since the last look and says it; what other monitors found is said too.
    async fn tell_changes(&mut self) -> Result<(), DemoError> {
        let changes = changes(None, &*self.parts.alerts).await.map_err(|error| self.store_failed(&error))?;
        for change in changes {
            if !self.seen.insert((Arc::clone(&change.monitor), change.group.clone(), change.seq)) {
                continue;
            }
            if *change.monitor == *self.incident.monitor() {
                self.states.insert(change.group.clone(), change.to);
            }
            (self.parts.say)(&shown_change(&change));
        }
        Ok(())
    }

    /// Waits until those who shall hear of it have.
    async fn told(&self) -> Result<(), DemoError> {
        if !self.parts.is_told {
            return Ok(());
        }
        let started_at = Instant::now();
        loop {
            let open = self.parts.alerts.open_notices(1).await.map_err(|error| self.store_failed(&error))?;
            let queue = self.parts.alerts.queue().await.map_err(|error| self.store_failed(&error))?;
            if open.is_empty() && queue.pending == 0 {
                return Ok(());
            }
            self.wait(started_at, "receivers to be told").await?;
        }
    }

    async fn wait(&self, started_at: Instant, what: &str) -> Result<(), DemoError> {
        let is_over = started_at.elapsed() > DEADLINE;
        self.check(!is_over, &format!("waited {} s for {what}", DEADLINE.as_secs()))?;
        tokio::time::sleep(POLL).await;
        Ok(())
    }

    fn store_failed(&self, error: &AlertStoreError) -> DemoError {
        self.failed(error.to_string())
    }

    fn failed(&self, reason: String) -> DemoError {
        DemoError::Incident { monitor: self.incident.monitor(), reason }
    }
}

/// The states of the groups of an incident's monitor, as far as they ever changed.
pub(super) async fn states(
    incident: Incident,
    alerts: &dyn AlertStore,
) -> Result<BTreeMap<Tags, AlertState>, AlertStoreError> {
    let changes = changes(Some(incident), alerts).await?;
    // The last change of a group is what it is in.
    Ok(changes.into_iter().map(|change| (change.group, change.to)).collect())
}

/// All changes of all monitors or of one, in order.
async fn changes(
    incident: Option<Incident>,
    alerts: &dyn AlertStore,
) -> Result<Vec<Transition>, AlertStoreError> {
    let monitor = incident.map(|incident| Arc::from(incident.monitor()));
    let filter = TransitionFilter { monitor, limit: CHANGES_MAX, ..TransitionFilter::default() };
    let mut changes = alerts.transitions(&filter).await?;
    changes.reverse();
    Ok(changes)
}

fn shown_time(at: UnixMicros) -> String {
    let time = jiff::Timestamp::from_microsecond(at.0).unwrap_or_default();
    time.strftime("%a %H:%M:%S").to_string()
}

fn shown_change(change: &Transition) -> String {
    let Transition { monitor, from, to, at, reason, .. } = change;
    let group: Vec<String> = change.group.iter().map(|(key, value)| format!("{key}:{value}")).collect();
    let group = if group.is_empty() { String::new() } else { format!(" {{{}}}", group.join(",")) };
    let why = match reason {
        TransitionReason::Crossed | TransitionReason::Recovered => String::new(),
        other => format!(" ({})", other.as_str().replace('_', " ")),
    };
    let (at, from, to) = (shown_time(*at), from.as_str(), to.as_str().to_uppercase());
    let mut text = format!("{at}  {monitor}{group}: {from} -> {to}{why}");
    for line in change.message.lines().chain(change.details.iter().map(|line| &**line)) {
        text.push_str("\n              | ");
        text.push_str(line);
    }
    text
}
