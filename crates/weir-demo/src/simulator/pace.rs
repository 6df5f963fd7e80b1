//! When the parts of an answer are sent.

use std::time::Duration;

use super::directive::Directives;
use super::identity::lognormal;
use super::incident::Weather;
use super::model::Model;
use super::sse::Beat;

/// How fast the simulated provider answers when a call does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Latency {
    /// At once.
    #[default]
    Off,
    /// Like the real model: lognormal times to the first token and between tokens.
    Realistic,
}

/// How times are spread around their medians; the width of public measurements of hosted models.
const TTFT_SIGMA: f64 = 0.45;
const TOKEN_SIGMA: f64 = 0.5;
/// Milliseconds for each input token: reading is about a hundred times faster than writing.
const READ_MS: f64 = 0.05;
/// No pause of the simulator is longer than this, whatever the dice say.
const PAUSE_MAX: Duration = Duration::from_mins(1);

/// The rhythm of one answer.
pub(crate) struct Pace {
    rng: fastrand::Rng,
    ttft: Duration,
    ttft_due: bool,
    token_ms: f64,
    chunk: Option<Duration>,
}

impl Pace {
    pub(crate) fn new(
        latency: Latency,
        directives: &Directives,
        model: &Model,
        weather: Weather,
        input_tokens: u64,
        mut rng: fastrand::Rng,
    ) -> Self {
        let (natural_ms, token_ms) = match latency {
            Latency::Off => (0.0, 0.0),
            Latency::Realistic => {
                let ttft_ms = lognormal(&mut rng, model.ttft_ms, TTFT_SIGMA) + input_tokens as f64 * READ_MS;
                (ttft_ms * weather.slowdown, model.token_ms * weather.slowdown)
            }
        };
        let ttft = directives.ttft_ms.map_or_else(|| from_ms(natural_ms), Duration::from_millis);
        let chunk = directives.chunk_ms.map(Duration::from_millis);
        Self { rng, ttft, ttft_due: true, token_ms, chunk }
    }

    /// How long an event of a stream waits for the one before.
    pub(crate) fn pause(&mut self, beat: Beat) -> Duration {
        if beat == Beat::Prompt {
            return Duration::ZERO;
        }
        if std::mem::take(&mut self.ttft_due) {
            return self.ttft;
        }
        self.chunk.unwrap_or_else(|| self.token())
    }

    /// How long an answer of so many tokens takes that comes all at once.
    pub(crate) fn whole(&mut self, output_tokens: u64) -> Duration {
        // The sum of many like pauses is close to their number times their mean.
        let mean_ms = self.token_ms * (TOKEN_SIGMA * TOKEN_SIGMA / 2.0).exp();
        self.ttft + from_ms(mean_ms * output_tokens as f64)
    }

    fn token(&mut self) -> Duration {
        if self.token_ms == 0.0 {
            return Duration::ZERO;
        }
        from_ms(lognormal(&mut self.rng, self.token_ms, TOKEN_SIGMA))
    }
}

fn from_ms(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or(PAUSE_MAX).min(PAUSE_MAX)
}
