//! Whether and when a failed attempt is tried again. Pure: no sleeping, no sending.
//!
//! Retries multiply. The `openai` and `anthropic` SDKs retry twice by themselves and say so in
//! `x-stainless-retry-count`; when that is above zero the client is at it already, and Weir makes one attempt per target,
//! so that a struggling provider sees 3 + 1 + 1 requests for one call instead of 9.

use std::time::Duration;

use http::HeaderMap;

use crate::config::RetryConfig;

/// How many attempts a call may make at one target.
pub(crate) fn attempts_max(config: &RetryConfig, client_headers: &HeaderMap) -> u32 {
    let client_retries = client_headers
        .get("x-stainless-retry-count")
        .and_then(|value| value.to_str().ok()?.parse::<u32>().ok())
        .unwrap_or(0);
    if client_retries > 0 { 1 } else { config.retries_max.saturating_add(1) }
}

/// How long to wait before the next attempt; `None` when there should be none at this target.
///
/// `retries` counts the retries made so far. A stated `retry-after` is obeyed, or ends the attempts when it is too long.
pub(crate) fn pause(config: &RetryConfig, retries: u32, stated: Option<Duration>) -> Option<Duration> {
    if let Some(stated) = stated {
        return (stated <= Duration::from_millis(config.retry_after_max_ms)).then_some(stated);
    }
    let doubled = config.backoff_base_ms.saturating_mul(1 << retries.min(16));
    let longest_ms = doubled.min(config.backoff_max_ms);
    Some(Duration::from_millis(fastrand::u64(0..=longest_ms)))
}

/// What the upstream asks to wait: `retry-after-ms` (OpenAI, Azure) before `retry-after` in seconds. Dates are not read;
/// no model provider sends them.
pub(crate) fn stated_pause(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let ms = number("retry-after-ms").or_else(|| number("retry-after").map(|seconds| seconds * 1_000.0))?;
    Duration::try_from_secs_f64(ms / 1_000.0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn back_off_is_jittered_grows_and_is_bounded() {
        let config = RetryConfig { backoff_base_ms: 100, backoff_max_ms: 350, ..RetryConfig::default() };
        for (retries, longest_ms) in [(0, 100), (1, 200), (2, 350), (40, 350)] {
            let pauses: Vec<u128> =
                (0..200).map(|_| pause(&config, retries, None).unwrap().as_millis()).collect();
            assert!(pauses.iter().all(|ms| *ms <= longest_ms));
            assert!(
                pauses.iter().any(|ms| *ms > longest_ms / 2) && pauses.iter().any(|ms| *ms < longest_ms / 2)
            );
        }
    }

    #[test]
    fn a_stated_pause_is_obeyed_or_ends_the_attempts() {
        let config = RetryConfig { retry_after_max_ms: 2_000, ..RetryConfig::default() };
        assert_eq!(pause(&config, 0, Some(Duration::from_secs(2))), Some(Duration::from_secs(2)));
        assert_eq!(pause(&config, 0, Some(Duration::from_millis(2_001))), None);
    }

    #[test]
    fn pauses_are_read_in_both_spellings() {
        let cases = [
            (headers(&[("retry-after", "1.5")]), Some(Duration::from_millis(1_500))),
            (headers(&[("retry-after", "9"), ("retry-after-ms", "20")]), Some(Duration::from_millis(20))),
            (headers(&[("retry-after", "-1")]), None),
            (headers(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None),
            (headers(&[]), None),
        ];
        for (headers, expected) in cases {
            assert_eq!(stated_pause(&headers), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_client_that_retries_by_itself_gets_one_attempt() {
        let config = RetryConfig::default();
        assert_eq!(attempts_max(&config, &headers(&[("x-stainless-retry-count", "0")])), 3);
        assert_eq!(attempts_max(&config, &headers(&[("x-stainless-retry-count", "1")])), 1);
    }
}
