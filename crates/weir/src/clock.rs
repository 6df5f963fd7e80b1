//! The clock of a Weir: the machine's, which tests and incidents may turn forward.
//!
//! A window of days cannot be waited for. So the distance to the machine's clock can be changed while Weir runs: by `weir
//! demo --incident`, which turns its own clock, and by whoever writes the file that the environment variable
//! [`VARIABLE`] names. That file holds whole seconds, may be negative, and ends with a newline; it survives a kill, so a
//! Weir that is started again goes on at the time at which the last one was. It is for tests and does nothing else.
//!
//! Invariant: a clock never goes back while its process runs, except where the machine's does. Durations are not measured by
//! it: calls, timeouts and pauses go by monotonic time, which nobody turns.
//!
//! On failure: a file that is missing or unreadable leaves the clock as it is.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context as _;
use weir_types::{Clock, SystemClock, UnixMicros};

/// The environment variable that names the file. For tests.
const VARIABLE: &str = "WEIR_TEST_CLOCK";

/// See the module.
pub struct TurnedClock {
    ahead_us: AtomicI64,
    file: Option<PathBuf>,
}

impl TurnedClock {
    /// The machine's clock, or what the file says that the environment names.
    pub fn of_environment() -> Self {
        Self::following(std::env::var_os(VARIABLE).map(PathBuf::from))
    }

    fn following(file: Option<PathBuf>) -> Self {
        let ahead_us = file.as_deref().and_then(read).unwrap_or(0);
        Self { ahead_us: AtomicI64::new(ahead_us), file }
    }

    /// A clock that starts so long before the machine's and is turned from there. The file of the environment is kept up to
    /// date, so that another Weir can go on at the same time.
    pub fn behind(behind_us: i64) -> anyhow::Result<Self> {
        let clock = Self {
            ahead_us: AtomicI64::new(behind_us.saturating_neg()),
            file: std::env::var_os(VARIABLE).map(PathBuf::from),
        };
        clock.write()?;
        Ok(clock)
    }

    /// Turns the clock forward.
    pub fn turn(&self, by_us: i64) -> anyhow::Result<()> {
        self.ahead_us.fetch_add(by_us.max(0), Ordering::SeqCst);
        self.write()
    }

    /// Puts the distance, rounded up, into the file in one step: nobody reads half of it.
    fn write(&self) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let seconds = self.ahead_us.load(Ordering::SeqCst).saturating_add(UnixMicros::SECOND - 1);
        let text = format!("{}\n", seconds.div_euclid(UnixMicros::SECOND));
        let draft = file.with_extension("new");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, file))
            .with_context(|| format!("cannot write the clock to {}", file.display()))
    }
}

impl Clock for TurnedClock {
    fn now(&self) -> UnixMicros {
        if let Some(ahead_us) = self.file.as_deref().and_then(read) {
            self.ahead_us.fetch_max(ahead_us, Ordering::SeqCst);
        }
        SystemClock.now().saturating_add_us(self.ahead_us.load(Ordering::SeqCst))
    }
}

/// The distance that a file says, in microseconds; `None` when it says none.
fn read(file: &Path) -> Option<i64> {
    let text = std::fs::read_to_string(file).ok()?;
    let seconds: i64 = text.strip_suffix('\n')?.trim().parse().ok()?;
    Some(seconds.saturating_mul(UnixMicros::SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ahead_us(clock: &TurnedClock) -> i64 {
        clock.now().0 - SystemClock.now().0
    }

    /// How far two readings of the machine's clock are apart at most.
    const SLACK_US: i64 = 30 * UnixMicros::SECOND;

    #[test]
    fn the_clock_follows_its_file_forward_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let clock = TurnedClock::following(Some(file.clone()));
        assert!(ahead_us(&clock).abs() < SLACK_US, "without a file it is the machine's clock");
        for (text, expected_s) in [("7200\n", 7_200), ("3600\n", 7_200), ("99999", 7_200), ("soon\n", 7_200)]
        {
            std::fs::write(&file, text).unwrap();
            let off_us = ahead_us(&clock) - expected_s * UnixMicros::SECOND;
            assert!(off_us.abs() < SLACK_US, "{text:?}: off by {off_us} us");
        }
    }

    #[test]
    fn a_clock_that_is_started_again_goes_on_where_the_last_one_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let first = TurnedClock { ahead_us: AtomicI64::new(-UnixMicros::DAY), file: Some(file.clone()) };
        first.turn(UnixMicros::HOUR).unwrap();
        let second = TurnedClock::following(Some(file));
        assert!(second.now() >= first.now().saturating_add_us(-SLACK_US));
        assert!((ahead_us(&second) + 23 * UnixMicros::HOUR).abs() < SLACK_US);
    }
}
