//! What a test asks of the simulator: the header `x-sim: key=value;key=value`.
//!
//! Pairs are separated by `;`, `,` or `&`; a key without a value means `1`. An unknown key is an error that lists the
//! known ones, because a misspelt directive would make a test pass for the wrong reason.

/// The header that carries directives. Gateways pass it on like any header they do not know.
pub const SIM_HEADER: &str = "x-sim";

macro_rules! directives {
    ($($(#[$doc:meta])* $key:ident: $kind:ty),+ $(,)?) => {
        /// The directives of one call; what was not said is `None` or `false`.
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub(crate) struct Directives {
            $($(#[$doc])* pub $key: $kind),+
        }

        impl Directives {
            const KEYS: &'static [&'static str] = &[$(stringify!($key)),+];

            fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
                match key {
                    $(stringify!($key) => self.$key = Value::read(key, value)?,)+
                    _ => return Err(format!("unknown key {key:?} in x-sim; known keys: {}", Self::KEYS.join(", "))),
                }
                Ok(())
            }
        }
    };
}

directives! {
    /// Makes the answer, its ids and its times a function of this number and the request.
    seed: Option<u64>,
    /// Answers with this status and the provider's error body.
    status: Option<u16>,
    /// The `retry-after` of an error, in seconds.
    retry_after: Option<u64>,
    /// The first this many calls with the same `id` fail with `status` (500 when none is given).
    fail_first: Option<u64>,
    /// A name for `fail_first` and for `GET /sim/requests?id=`.
    id: Option<String>,
    /// Waits before the response head.
    delay_ms: Option<u64>,
    /// Waits before the first content of a stream.
    ttft_ms: Option<u64>,
    /// Waits between the chunks of a stream.
    chunk_ms: Option<u64>,
    /// The answer has exactly this many content chunks.
    chunks: Option<u64>,
    /// The text of the answer has exactly this many bytes.
    reply_bytes: Option<u64>,
    /// States this many input tokens.
    input_tokens: Option<u64>,
    /// States this many output tokens and writes about as many.
    output_tokens: Option<u64>,
    /// States that this many of the input tokens came from the provider's cache.
    cached_tokens: Option<u64>,
    /// States that this many input tokens were written to the provider's cache (Anthropic).
    cache_write_tokens: Option<u64>,
    /// States that this many of the output tokens were reasoning.
    reasoning_tokens: Option<u64>,
    /// Calls this many of the tools that were offered.
    tool: Option<u64>,
    /// Refuses, as a model does that was asked for something it must not do.
    refusal: bool,
    /// Ends with this finish reason instead of the natural one.
    finish: Option<String>,
    /// Closes the connection after this many events of a stream, or this many bytes of a plain body.
    cut_after: Option<u64>,
    /// Reports an error inside the stream after this many events.
    error_after: Option<u64>,
    /// Falls silent after this many events of a stream and keeps the connection open.
    hang_after: Option<u64>,
    /// Never answers.
    hang: bool,
    /// Closes the connection without an answer.
    reset: bool,
    /// Answers 200 with bytes that are no answer.
    garbage: bool,
    /// Leaves usage out.
    no_usage: bool,
    /// Leaves the last event out: `[DONE]`, `message_stop`, `response.completed`.
    no_done: bool,
    /// States this content type whatever the body is.
    content_type: Option<String>,
    /// Sends the body in pieces of this many bytes, wherever events end.
    split: Option<u64>,
    /// Puts this many bytes into one event.
    gigantic: Option<u64>,
    /// Sends each event in a write of its own, even without waiting.
    flush: bool,
    /// Ends the lines of a stream with CRLF.
    crlf: bool,
    /// Puts a comment before each event of a stream.
    comments: bool,
    /// Compresses the body when the client accepts gzip.
    gzip: bool,
}

impl Directives {
    /// Reads the value of the header.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut directives = Self::default();
        for pair in text.split([';', ',', '&']).map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, "1"));
            directives.set(key.trim(), value.trim())?;
        }
        Ok(directives)
    }
}

trait Value: Sized {
    fn read(key: &str, value: &str) -> Result<Self, String>;
}

impl Value for bool {
    fn read(key: &str, value: &str) -> Result<Self, String> {
        match value {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(format!("{key}={value} in x-sim: expected 1 or 0")),
        }
    }
}

impl Value for Option<u64> {
    fn read(key: &str, value: &str) -> Result<Self, String> {
        value.parse().map(Some).map_err(|_| format!("{key}={value} in x-sim: expected a whole number"))
    }
}

impl Value for Option<u16> {
    fn read(key: &str, value: &str) -> Result<Self, String> {
        match value.parse() {
            Ok(status) if (400..=599).contains(&status) => Ok(Some(status)),
            _ => Err(format!("{key}={value} in x-sim: expected a status from 400 to 599")),
        }
    }
}

impl Value for Option<String> {
    fn read(_key: &str, value: &str) -> Result<Self, String> {
        Ok(Some(value.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_whatever_separates_them() {
        let expected = Directives {
            fail_first: Some(2),
            id: Some("a".to_owned()),
            status: Some(429),
            hang: true,
            ..Directives::default()
        };
        for text in ["fail_first=2&id=a;status=429,hang", " hang=1 ; fail_first = 2;id=a;status=429;"] {
            assert_eq!(Directives::parse(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn misspelt_and_senseless_directives_are_refused() {
        for text in ["statuss=429", "status=200", "chunks=many", "hang=maybe"] {
            assert!(Directives::parse(text).is_err(), "{text}");
        }
    }
}
