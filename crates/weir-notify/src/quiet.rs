//! Silences and downtimes: times in which some alerts are not told.

use std::sync::Arc;

use jiff::civil::DateTime;
use weir_types::{Scope, Silence, UnixMicros};

use crate::entry::SilenceEntry;
use crate::length::length_us;
use crate::recurrence::{Recurrence, time_zone};

/// Reads a scope of the expression language. The binary hands it in, because this crate does not know the language.
pub type ScopeParser = Arc<dyn Fn(&str) -> Result<Scope, String> + Send + Sync>;

/// A silence that is understood.
#[derive(Debug, Clone)]
pub struct Quiet {
    /// The id of a silence, or the name of a configured one.
    pub(crate) name: Arc<str>,
    pub(crate) scope: Scope,
    pub(crate) note: Arc<str>,
    when: When,
}

#[derive(Debug, Clone)]
enum When {
    Once { starts_at: UnixMicros, ends_at: UnixMicros },
    Recurring(Recurrence),
}

impl Quiet {
    /// Reads a silence from the state store. What is said is what people see who make one.
    pub fn from_silence(silence: &Silence, scopes: &ScopeParser) -> Result<Self, String> {
        let scope = scopes(&silence.scope)?;
        let when =
            When::read(silence.starts_at, silence.ends_at, silence.rrule.as_deref(), silence.tz.as_deref())?;
        Ok(Self { name: Arc::clone(&silence.id), scope, note: Arc::clone(&silence.note), when })
    }

    /// Reads a configured one. An error names its key.
    pub(crate) fn from_entry(
        entry: &SilenceEntry,
        scopes: &ScopeParser,
    ) -> Result<Self, (&'static str, String)> {
        let scope = scopes(&entry.scope).map_err(|error| ("scope", error))?;
        let tz = entry.tz.as_deref();
        time_zone(tz).map_err(|error| ("tz", error))?;
        let starts_at = starts_at(&entry.starts_at, tz).map_err(|error| ("starts_at", error))?;
        let length = length_us(&entry.duration).filter(|us| *us > 0).ok_or_else(|| {
            ("duration", format!("{:?} is no length of time; it is such as \"2h\"", entry.duration))
        })?;
        let ends_at = starts_at.saturating_add_us(length);
        let when = When::read(starts_at, ends_at, entry.rrule.as_deref(), tz);
        Ok(Self {
            name: Arc::from(entry.name.as_str()),
            scope,
            note: Arc::from(entry.note.as_deref().unwrap_or_default()),
            when: when.map_err(|error| ("rrule", error))?,
        })
    }

    /// Until when it is quiet, when it is at this instant.
    pub(crate) fn active_until(&self, now: UnixMicros) -> Option<UnixMicros> {
        match &self.when {
            When::Once { starts_at, ends_at } => (*starts_at <= now && now < *ends_at).then_some(*ends_at),
            When::Recurring(recurrence) => recurrence.active_until(now),
        }
    }
}

impl When {
    fn read(
        starts_at: UnixMicros,
        ends_at: UnixMicros,
        rrule: Option<&str>,
        tz: Option<&str>,
    ) -> Result<Self, String> {
        let tz = time_zone(tz)?;
        Ok(match rrule {
            Some(rule) => Self::Recurring(Recurrence::parse(rule, starts_at, ends_at, &tz)?),
            None => Self::Once { starts_at, ends_at },
        })
    }
}

/// `2026-03-28T22:00` in the time zone, or an instant with an offset.
fn starts_at(text: &str, tz: Option<&str>) -> Result<UnixMicros, String> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(UnixMicros(instant.as_microsecond()));
    }
    let wrong = || format!("{text:?} is no time; it is such as \"2026-03-28T22:00\"");
    let civil: DateTime = text.parse().map_err(|_| wrong())?;
    let zoned = civil.to_zoned_datetime(time_zone(tz)?).map_err(|_| wrong())?;
    Ok(UnixMicros(zoned.timestamp().as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_downtime_starts_on_the_clock_of_its_zone() {
        let scopes: ScopeParser = Arc::new(|_| Ok(Scope::All));
        let entry = SilenceEntry {
            name: "nightly".to_owned(),
            scope: "*".to_owned(),
            starts_at: "2026-03-28T02:30".to_owned(),
            duration: "1h".to_owned(),
            rrule: Some("FREQ=DAILY".to_owned()),
            tz: Some("Europe/Berlin".to_owned()),
            note: None,
        };
        let quiet = Quiet::from_entry(&entry, &scopes).unwrap();
        let at = |text: &str| UnixMicros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond());
        assert!(quiet.active_until(at("2026-03-28T01:30:00Z")).is_some());
        assert!(quiet.active_until(at("2026-03-28T01:29:59Z")).is_none());
        assert!(quiet.active_until(at("2026-03-30T00:30:00Z")).is_some(), "summer time");
        for (key, wrong) in [
            ("starts_at", SilenceEntry { starts_at: "soon".to_owned(), ..entry.clone() }),
            ("duration", SilenceEntry { duration: "0s".to_owned(), ..entry.clone() }),
            ("tz", SilenceEntry { tz: Some("Mars".to_owned()), ..entry.clone() }),
            ("rrule", SilenceEntry { rrule: Some("FREQ=NEVER".to_owned()), ..entry.clone() }),
        ] {
            assert_eq!(Quiet::from_entry(&wrong, &scopes).unwrap_err().0, key);
        }
    }
}
