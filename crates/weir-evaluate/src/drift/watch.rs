//! Reads a window and its reference for each model and app, and says how far they are apart.
//!
//! The window ends now, and the reference is what came right before it, by default a day and the week before it: whole days,
//! so that the hours of a day do not look like drift.
//!
//! Failure: a feature whose question the store does not answer is left out and named; the others are compared.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::{
    Cell, Need, Point, PointKind, Scan, ScanError, ScanRequest, ScanSource, Scope, TagKey, Tags, TimeRange,
    UnixMicros, metric,
};

use super::statistic::{Distance, between_labels, between_values};

/// The metric that holds [`Distance::psi`].
pub const METRIC_PSI: &str = "weir.drift.psi";
/// The metric that holds [`Distance::ks`].
pub const METRIC_KS: &str = "weir.drift.ks";

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftConfig {
    /// The length of the window, in microseconds.
    pub window_us: i64,
    /// The length of the reference before it, in microseconds.
    pub reference_us: i64,
    /// Values that each side must have.
    pub samples_min: u64,
}

impl Default for DriftConfig {
    fn default() -> Self {
        Self { window_us: UnixMicros::DAY, reference_us: 7 * UnixMicros::DAY, samples_min: 200 }
    }
}

/// How far a feature of a model's answers in an app is from what it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// The model; `None` where spans do not say.
    pub model: Option<Arc<str>>,
    /// The app; `None` where spans do not say.
    pub app: Option<Arc<str>>,
    /// What was compared: `output_tokens`, `duration`, `finish_reason` or `score:<metric>`.
    pub feature: Arc<str>,
    /// How far.
    pub distance: Distance,
}

impl Drift {
    /// As points, for charts and monitors.
    pub fn points(&self, time: UnixMicros) -> [Point; 2] {
        let mut tags = Tags::new();
        let named = [("model", &self.model), ("app", &self.app)];
        for (key, value) in named.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            tags.set(TagKey::new(key), Arc::clone(value));
        }
        tags.set(TagKey::new("feature"), Arc::clone(&self.feature));
        let point = |name: &str, value| Point {
            time,
            name: Arc::from(name),
            kind: PointKind::Gauge,
            value,
            tags: tags.clone(),
        };
        [point(METRIC_PSI, self.distance.psi), point(METRIC_KS, self.distance.ks)]
    }
}

/// Compares the window that ends now with its reference. Blocks while the store answers.
pub fn look(
    scan: &dyn Scan,
    config: &DriftConfig,
    now: UnixMicros,
) -> (Vec<Drift>, Vec<(Arc<str>, ScanError)>) {
    let look = Look { scan, config, now };
    let (mut found, mut failed) = (Vec::new(), Vec::new());
    let mut keep = |feature: Arc<str>, answer: Result<Vec<Drift>, ScanError>| match answer {
        Ok(drifts) => found.extend(drifts),
        Err(error) => failed.push((feature, error)),
    };
    for (feature, of_metric) in
        [("output_tokens", metric::LLM_TOKENS_OUTPUT), ("duration", metric::LLM_REQUEST_DURATION)]
    {
        keep(Arc::from(feature), look.values(&Arc::from(feature), of_metric));
    }
    keep(Arc::from("finish_reason"), look.labels("finish_reason"));
    for name in scan.metrics().into_iter().filter(|name| is_score(name)) {
        let feature: Arc<str> = Arc::from(format!("score:{name}"));
        let found = look.values(&feature, &name);
        keep(feature, found);
    }
    found.sort_by(|a, b| (&a.feature, &a.model, &a.app).cmp(&(&b.feature, &b.model, &b.app)));
    (found, failed)
}

/// Scores of answers and of retrieval by their usual prefixes; not what the cache or the guard count.
fn is_score(name: &str) -> bool {
    const NOT_SCORES: [&str; 6] = [
        metric::CACHE_HIT,
        metric::CACHE_MISS,
        metric::PROMPT_TRUNCATED,
        metric::INJECTION_RISK,
        metric::SECRET_FOUND,
        metric::PII_FOUND,
    ];
    (name.starts_with("custom.llm.") || name.starts_with("custom.rag.")) && !NOT_SCORES.contains(&name)
}

/// A model and an app.
type Group = (Option<Arc<str>>, Option<Arc<str>>);

struct Look<'a> {
    scan: &'a dyn Scan,
    config: &'a DriftConfig,
    now: UnixMicros,
}

impl Look<'_> {
    /// Whole minutes, as cells have them.
    fn window(&self) -> TimeRange {
        let to = self.now.saturating_add_us(UnixMicros::MINUTE - 1).floor_to(UnixMicros::MINUTE);
        TimeRange { from: to.saturating_add_us(-self.config.window_us), to }
    }

    /// Whole hours, whose cells are sixty times fewer and are kept for longer.
    fn reference(&self) -> TimeRange {
        let to = self.window().from.floor_to(UnixMicros::HOUR);
        TimeRange { from: to.saturating_add_us(-self.config.reference_us), to }
    }

    fn values(&self, feature: &Arc<str>, of_metric: &str) -> Result<Vec<Drift>, ScanError> {
        let known = self.scan.cell_tags(of_metric).unwrap_or_default();
        let by: Vec<TagKey> =
            ["model", "app"].map(TagKey::new).into_iter().filter(|tag| known.contains(tag)).collect();
        let read = |range| -> Result<BTreeMap<Group, Cell>, ScanError> {
            let rows = self.scan.scan(&Self::request(of_metric, by.clone(), range, Need::Histogram))?;
            Ok(rows.into_iter().map(|row| (group(&by, &row.group), row.cell)).collect())
        };
        let reference = read(self.reference())?;
        let current = read(self.window())?;
        let compared = current.into_iter().filter_map(|(group, cell)| {
            let before = reference.get(&group)?;
            let distance = between_values(&cell.histogram, &before.histogram)?;
            self.drift(group, feature, distance)
        });
        Ok(compared.collect())
    }

    fn labels(&self, tag: &str) -> Result<Vec<Drift>, ScanError> {
        let by: Vec<TagKey> = ["model", "app", tag].map(TagKey::new).to_vec();
        let read = |range| -> Result<BTreeMap<Group, BTreeMap<Arc<str>, u64>>, ScanError> {
            let mut request = Self::request(metric::LLM_REQUEST_COUNT, by.clone(), range, Need::Totals);
            request.source = ScanSource::Rows;
            let mut groups: BTreeMap<Group, BTreeMap<Arc<str>, u64>> = BTreeMap::new();
            for row in self.scan.scan(&request)? {
                let Some(Some(label)) = row.group.get(2) else { continue };
                *groups.entry(group(&by, &row.group)).or_default().entry(Arc::clone(label)).or_default() +=
                    row.cell.count;
            }
            Ok(groups)
        };
        let reference = read(self.reference())?;
        let current = read(self.window())?;
        let compared = current.into_iter().filter_map(|(group, labels)| {
            let distance = between_labels(&labels, reference.get(&group)?)?;
            self.drift(group, tag, distance)
        });
        Ok(compared.collect())
    }

    fn request(of_metric: &str, by: Vec<TagKey>, range: TimeRange, need: Need) -> ScanRequest {
        ScanRequest {
            metric: Arc::from(of_metric),
            scope: Scope::All,
            by,
            range,
            step_us: None,
            origin: range.from,
            need,
            source: ScanSource::Cells,
        }
    }

    fn drift(&self, (model, app): Group, feature: &str, distance: Distance) -> Option<Drift> {
        let is_enough = distance.current.min(distance.reference) >= self.config.samples_min;
        is_enough.then(|| Drift { model, app, feature: Arc::from(feature), distance })
    }
}

fn group(by: &[TagKey], values: &[Option<Arc<str>>]) -> Group {
    let value = |key: &str| {
        let at = by.iter().position(|tag| tag.as_str() == key)?;
        values.get(at).cloned().flatten()
    };
    (value("model"), value("app"))
}
