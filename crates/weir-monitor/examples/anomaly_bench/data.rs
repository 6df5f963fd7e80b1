//! Recorded series with labelled anomalies, read from files.
//!
//! Two layouts are known: that of the Numenta Anomaly Benchmark (`nab/data/*/*.csv` and windows in
//! `nab/labels/combined_windows.json`) and files with a label at each point (`cmd/data/*/*.csv`). Rows that cannot be read are
//! an error: a benchmark on half of the data would look like one on all.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use weir_monitor::detect::SeasonSlot;
use weir_types::UnixMicros;

/// Where a series comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Nab,
    Cmd,
}

/// A recorded series.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) source: Source,
    pub(crate) interval_us: i64,
    pub(crate) slots: Vec<SeasonSlot>,
    /// `None` where the file has a time and no value.
    pub(crate) values: Vec<Option<f64>>,
    /// First and last point of each labelled anomaly.
    pub(crate) windows: Vec<(usize, usize)>,
}

impl Series {
    /// Which half of the files this is in; decided by the name alone, so that it never changes.
    pub(crate) fn is_held_out(&self) -> bool {
        let hash = self.name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        hash >> 40 & 1 == 1
    }

    /// Points at the start that are not scored: NAB's probation.
    pub(crate) fn probation(&self) -> usize {
        (self.values.len() * 15 / 100).min(750)
    }

    /// The values, with the one before in place of one that is missing: for detectors that cannot do without.
    pub(crate) fn filled(&self) -> Vec<f64> {
        let mut last = self.values.iter().flatten().next().copied().unwrap_or(0.0);
        self.values
            .iter()
            .map(|value| {
                last = value.unwrap_or(last);
                last
            })
            .collect()
    }

    pub(crate) fn weeks(&self) -> f64 {
        (self.values.len() - self.probation()) as f64 * self.interval_us as f64
            / (7.0 * UnixMicros::DAY as f64)
    }
}

type Failure = Box<dyn std::error::Error>;

/// All series below `root`, in the order of their names.
pub(crate) fn read(root: &Path) -> Result<Vec<Series>, Failure> {
    let labels = std::fs::read_to_string(root.join("nab/labels/combined_windows.json"))?;
    let labels: BTreeMap<String, Vec<[String; 2]>> = serde_json::from_str(&labels)?;
    let mut all = Vec::new();
    for (source, folder) in [(Source::Nab, "nab/data"), (Source::Cmd, "cmd/data")] {
        let folder = root.join(folder);
        for path in files(&folder)? {
            let name = path.strip_prefix(&folder)?.to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path)?;
            let windows = labels.get(&name).map_or(&[][..], Vec::as_slice);
            all.push(parse(name, source, &text, windows)?);
        }
    }
    Ok(all)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "csv") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn parse(name: String, source: Source, text: &str, windows: &[[String; 2]]) -> Result<Series, Failure> {
    let mut times = Vec::new();
    let mut values = Vec::new();
    let mut labelled = Vec::new();
    for line in text.lines().skip(1).filter(|line| !line.trim().is_empty()) {
        let mut cells = line.split(',').map(|cell| cell.trim().trim_matches('"'));
        let (Some(time), Some(value)) = (cells.next(), cells.next()) else {
            return Err(format!("{name}: `{line}` has no value").into());
        };
        times.push(seconds(time).ok_or_else(|| format!("{name}: `{time}` is no time"))?);
        let value = if value.is_empty() { None } else { Some(value.parse::<f64>()) };
        values.push(value.transpose().map_err(|_| format!("{name}: `{line}` has no number"))?);
        labelled.push(cells.next().is_some_and(|label| label == "1"));
    }
    let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    let interval_s = gaps[gaps.len() / 2].max(1);
    let windows = match source {
        Source::Nab => windows
            .iter()
            .filter_map(|[from, to]| {
                let (from, to) = (seconds(from)?, seconds(to)?);
                let left = times.iter().position(|time| *time >= from)?;
                let right = times.iter().rposition(|time| *time <= to)?;
                (left <= right).then_some((left, right))
            })
            .collect(),
        Source::Cmd => runs(&labelled),
    };
    let slots = times.iter().map(|time| SeasonSlot::at(UnixMicros(time * UnixMicros::SECOND), 0)).collect();
    Ok(Series { name, source, interval_us: interval_s * UnixMicros::SECOND, slots, values, windows })
}

/// The runs of labelled points.
fn runs(labelled: &[bool]) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in (0..labelled.len()).filter(|at| labelled[*at]) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == at => *last = at,
            _ => runs.push((at, at)),
        }
    }
    runs
}

/// Seconds since the epoch of `2014-04-10 16:15:00`, with or without `T`, fractions and `Z`.
fn seconds(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    // Days since the epoch, by counting years from March on.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}
