//! `/api/v2` as Alertmanager answers and `/api/v1` as Prometheus does, to read only: Grafana's alert list, its view of
//! rules, and `amtool` show Weir's monitors without a plugin.
//!
//! Parameters are theirs. Those that Weir does not know are passed over, because these clients send parameters of newer
//! versions and expect older servers to do so.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use http::{HeaderMap, header};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use weir_types::{MonitorStatus, UnixMicros};

use crate::Shared;
use crate::answer::JsonText;
use crate::error::ApiError;
use crate::hush::Hush;
use crate::matcher::{self, Matcher};
use crate::standing::{self, Standing};
use crate::wire::{
    BuildAnswer, ManagedAlert, ManagedCluster, ManagedConfig, ManagedGroup, ManagedReceiver, ManagedServer,
    ManagedSilence, ManagedSilenceState, ManagedStatus, RuleAlert, RuleAlerts, RuleAlertsAnswer, RuleGroup,
    RuleGroups, RuleItem, RulesAnswer, VersionInfo,
};

/// How long an alert is taken to go on without news, as Prometheus says: longer than any client's interval.
const GOES_ON_US: i64 = 5 * UnixMicros::MINUTE;

/// The receiver that is named where routes decide who is told.
const ROUTED: &str = "weir";

/// Alerts, as Alertmanager lists them.
#[utoipa::path(
    get,
    path = "/api/v2/alerts",
    tag = "compatible",
    params(
        ("filter" = Option<String>, Query, description = "A matcher; may be given several times.", example = "severity=\"critical\""),
        ("active" = Option<String>, Query, description = "Whether those that people are told of are listed; they are unless said.", example = "true"),
        ("silenced" = Option<String>, Query, description = "Whether silenced ones are listed; they are unless said.", example = "false"),
    ),
    responses((status = 200, description = "The alerts that fire.", body = Vec<ManagedAlert>), ApiError)
)]
pub(crate) async fn managed_alerts(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<JsonText, ApiError> {
    answer_alerts(&shared, query.as_deref(), &headers, |alerts| JsonText::of(&alerts)).await
}

/// Alerts by name, as Alertmanager groups them.
#[utoipa::path(
    get,
    path = "/api/v2/alerts/groups",
    tag = "compatible",
    params(("filter" = Option<String>, Query, description = "As for `/api/v2/alerts`.")),
    responses((status = 200, description = "One group for each monitor.", body = Vec<ManagedGroup>), ApiError)
)]
pub(crate) async fn managed_groups(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<JsonText, ApiError> {
    let grouped = |alerts: Vec<ManagedAlert>| {
        let mut groups: BTreeMap<String, Vec<ManagedAlert>> = BTreeMap::new();
        for alert in alerts {
            groups.entry(alert.labels["alertname"].clone()).or_default().push(alert);
        }
        let group = |(name, alerts)| ManagedGroup {
            alerts,
            labels: [("alertname".to_owned(), name)].into(),
            receiver: ManagedReceiver { name: ROUTED.to_owned() },
        };
        JsonText::of(&groups.into_iter().map(group).collect::<Vec<_>>())
    };
    answer_alerts(&shared, query.as_deref(), &headers, grouped).await
}

/// Silences, as Alertmanager lists them.
#[utoipa::path(
    get,
    path = "/api/v2/silences",
    tag = "compatible",
    responses((status = 200, description = "Those that are or will be.", body = Vec<ManagedSilence>), ApiError)
)]
pub(crate) async fn managed_silences(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let now = shared.clock.now();
    let managed = hush.silences().iter().map(|(silence, is_in_force)| {
        let state = match (is_in_force, silence.rrule.is_none() && silence.ends_at <= now) {
            (true, _) => "active",
            (false, true) => "expired",
            (false, false) => "pending",
        };
        let scope = weir_query::parse_scope(&silence.scope).unwrap_or_default();
        ManagedSilence {
            id: silence.id.to_string(),
            status: ManagedSilenceState { state: state.to_owned() },
            comment: silence.note.to_string(),
            created_by: silence.by.to_string(),
            ends_at: rfc3339(silence.ends_at),
            matchers: matcher::of_scope(&scope),
            starts_at: rfc3339(silence.starts_at),
            updated_at: rfc3339(silence.created_at),
        }
    });
    JsonText::of(&managed.collect::<Vec<_>>())
}

/// How Weir is doing, as Alertmanager says it.
#[utoipa::path(
    get,
    path = "/api/v2/status",
    tag = "compatible",
    responses((status = 200, description = "How it is doing.", body = ManagedServer), ApiError)
)]
pub(crate) async fn managed_server(State(shared): State<Shared>) -> Result<Json<ManagedServer>, ApiError> {
    let status = shared.status.status();
    Ok(Json(ManagedServer {
        cluster: ManagedCluster { status: "disabled".to_owned(), peers: Vec::new() },
        config: ManagedConfig { original: String::new() },
        uptime: rfc3339(status.started_at),
        version_info: version(status.version),
    }))
}

/// Monitors, as Prometheus lists alerting rules.
#[utoipa::path(
    get,
    path = "/api/v1/rules",
    tag = "compatible",
    params(
        ("type" = Option<String>, Query, description = "`alert` or `record`, of which there are none.", example = "alert"),
        ("rule_name[]" = Option<String>, Query, description = "Of this name; may be given several times."),
    ),
    responses((status = 200, description = "One group for each place where monitors are defined.", body = RulesAnswer), ApiError)
)]
pub(crate) async fn rules(
    State(shared): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, ApiError> {
    let pairs = matcher::pairs(query.as_deref().unwrap_or_default())?;
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let ruled = move |_: &_| {
        let are_wanted = !pairs.iter().any(|(name, value)| name == "type" && value == "record");
        let names: Vec<&str> =
            pairs.iter().filter(|(name, _)| name == "rule_name[]").map(|(_, value)| value.as_str()).collect();
        let standing = Standing::all(&*monitors, &hush);
        let mut groups: Vec<RuleGroup> = Vec::new();
        for monitor in monitors.list() {
            if !are_wanted || !(names.is_empty() || names.contains(&&*monitor.name)) {
                continue;
            }
            let rule = rule(&monitor, &standing);
            match groups.iter_mut().find(|group| *group.name == *monitor.defined_in) {
                Some(group) => group.rules.push(rule),
                None => groups.push(rule_group(&monitor, rule)),
            }
        }
        Ok(RulesAnswer { status: "success".to_owned(), data: RuleGroups { groups } })
    };
    shared.gate.answer(ruled).await
}

/// What fires or is about to, as Prometheus lists it.
#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "compatible",
    responses((status = 200, description = "The alerts.", body = RuleAlertsAnswer), ApiError)
)]
pub(crate) async fn rule_alerts(State(shared): State<Shared>) -> Result<JsonText, ApiError> {
    let hush = Hush::now(&shared).await?;
    let monitors = Arc::clone(&shared.monitors);
    let listed = move |_: &_| {
        let alerts = Standing::all(&*monitors, &hush).iter().map(rule_alert).collect();
        Ok(RuleAlertsAnswer { status: "success".to_owned(), data: RuleAlerts { alerts } })
    };
    shared.gate.answer(listed).await
}

/// What runs, as Prometheus says it: Grafana asks before it asks for rules.
#[utoipa::path(
    get,
    path = "/api/v1/status/buildinfo",
    tag = "compatible",
    responses((status = 200, description = "What runs.", body = BuildAnswer), ApiError)
)]
pub(crate) async fn build_info(State(shared): State<Shared>) -> Result<Json<BuildAnswer>, ApiError> {
    let data = version(shared.status.status().version);
    Ok(Json(BuildAnswer { status: "success".to_owned(), data }))
}

async fn answer_alerts(
    shared: &Shared,
    query: Option<&str>,
    headers: &HeaderMap,
    write: impl FnOnce(Vec<ManagedAlert>) -> Result<JsonText, ApiError> + Send + 'static,
) -> Result<JsonText, ApiError> {
    let pairs = matcher::pairs(query.unwrap_or_default())?;
    let given = pairs.iter().filter(|(name, _)| name == "filter");
    let matchers: Vec<Matcher> = given.map(|(_, text)| Matcher::parse(text)).collect::<Result<_, _>>()?;
    let is_wanted = |name: &str| !pairs.iter().any(|(other, value)| other == name && value == "false");
    let (wants_active, wants_silenced) = (is_wanted("active"), is_wanted("silenced"));
    let hush = Hush::now(shared).await?;
    let (now, base) = (shared.clock.now(), base_url(headers));
    let monitors = Arc::clone(&shared.monitors);
    let listed = move |_: &_| {
        let standing = Standing::all(&*monitors, &hush);
        let firing = standing.iter().filter(|one| one.is_firing);
        let wanted = firing.filter(|one| {
            let is_silenced = !one.group.silenced_by.is_empty();
            (if is_silenced { wants_silenced } else { wants_active })
                && matchers.iter().all(|matcher| matcher.holds(&one.labels))
        });
        write(wanted.map(|one| managed_alert(one, now, &base)).collect())
    };
    shared.gate.run(listed).await
}

fn managed_alert(one: &Standing, now: UnixMicros, base: &str) -> ManagedAlert {
    let Standing { monitor, group, .. } = one;
    let is_silenced = !group.silenced_by.is_empty();
    let notify = monitor.entry.get("notify").and_then(serde_json::Value::as_array);
    let named = notify.into_iter().flatten().filter_map(serde_json::Value::as_str);
    let mut receivers: Vec<_> = named.map(|name| ManagedReceiver { name: name.to_owned() }).collect();
    if receivers.is_empty() {
        receivers.push(ManagedReceiver { name: ROUTED.to_owned() });
    }
    let text_in_url = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    ManagedAlert {
        annotations: one.annotations(),
        ends_at: rfc3339(now.saturating_add_us(GOES_ON_US)),
        fingerprint: fingerprint(group.alert_id.as_deref().unwrap_or(&group.key)),
        receivers,
        starts_at: rfc3339(one.since),
        status: ManagedStatus {
            inhibited_by: Vec::new(),
            silenced_by: group.silenced_by.clone(),
            muted_by: Vec::new(),
            state: if is_silenced { "suppressed" } else { "active" }.to_owned(),
        },
        updated_at: rfc3339(monitor.evaluated_at.unwrap_or(one.since)),
        generator_url: format!(
            "{base}/monitors/{}?group={}",
            text_in_url(&monitor.name),
            text_in_url(&group.key)
        ),
        labels: one.labels.clone(),
    }
}

fn rule_group(monitor: &MonitorStatus, rule: RuleItem) -> RuleGroup {
    RuleGroup {
        name: monitor.defined_in.to_string(),
        file: monitor.defined_in.to_string(),
        last_evaluation: rule.last_evaluation.clone(),
        rules: vec![rule],
        interval: 60.0,
        limit: 0,
        evaluation_time: 0.0,
    }
}

fn rule(monitor: &MonitorStatus, standing: &[Standing]) -> RuleItem {
    let own: Vec<&Standing> = standing.iter().filter(|one| one.monitor.name == monitor.name).collect();
    let state = match own.iter().map(|one| one.is_firing).max() {
        Some(true) => "firing",
        Some(false) => "pending",
        None => "inactive",
    };
    let health = match (&monitor.error, monitor.evaluated_at) {
        (Some(_), _) => "err",
        (None, Some(_)) => "ok",
        (None, None) => "unknown",
    };
    let seconds = |key: &str| super::monitor_edit::seconds_of(monitor, key);
    RuleItem {
        state: state.to_owned(),
        name: monitor.name.to_string(),
        query: monitor.condition.to_string(),
        duration: seconds("for"),
        keep_firing_for: seconds("keep_firing"),
        labels: standing::rule_labels(monitor, &monitor.severity),
        annotations: [("summary".to_owned(), monitor.message.to_string())].into(),
        alerts: own.into_iter().map(rule_alert).collect(),
        health: health.to_owned(),
        last_error: monitor.error.as_deref().unwrap_or_default().to_owned(),
        evaluation_time: 0.0,
        last_evaluation: rfc3339(monitor.evaluated_at.unwrap_or_default()),
        kind: "alerting".to_owned(),
    }
}

fn rule_alert(one: &Standing) -> RuleAlert {
    RuleAlert {
        labels: one.labels.clone(),
        annotations: one.annotations(),
        state: one.state().to_owned(),
        active_at: rfc3339(one.since),
        value: one.group.judgement.value.map_or_else(|| "NaN".to_owned(), |value| value.to_string()),
    }
}

fn version(version: String) -> VersionInfo {
    VersionInfo {
        version,
        branch: "weir".to_owned(),
        revision: String::new(),
        build_date: String::new(),
        build_user: String::new(),
        go_version: String::new(),
    }
}

/// Where the client reached Weir: links in the answer go there too.
fn base_url(headers: &HeaderMap) -> String {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let scheme = text(header::HeaderName::from_static("x-forwarded-proto")).unwrap_or("http");
    text(header::HOST).map_or_else(String::new, |host| format!("{scheme}://{host}"))
}

/// Sixteen hexadecimal digits, as Alertmanager's fingerprints have.
fn fingerprint(alert: &str) -> String {
    let digest = Sha256::digest(alert);
    let first = digest.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

fn rfc3339(at: UnixMicros) -> String {
    // An instant that the calendar does not have is no reason to answer nothing.
    Timestamp::from_microsecond(at.0).unwrap_or_default().to_string()
}
