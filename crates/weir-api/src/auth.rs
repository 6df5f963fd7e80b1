//! Who may use the API: whoever shows the admin token, or a session that was opened with it.
//!
//! A program sends `authorization: Bearer …`. A browser logs in once and holds a cookie that scripts cannot read
//! (`HttpOnly`) and other sites cannot use (`SameSite=Strict`). The cookie is the instant it ends and a MAC over that
//! instant under a key made from the token: nothing is kept on the server, any copy of Weir with the same token accepts
//! it, and a new token ends every session. Logging out removes the cookie from the browser.
//!
//! Invariants: comparisons take the same time whatever the texts are; neither token nor cookie is ever logged. Without a
//! token everything is open, which the binary allows on loopback only.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use weir_types::{Secret, UnixMicros};

use crate::error::ApiError;
use crate::wire::ErrorCode;

/// How long a browser stays logged in: a working day.
const SESSION_SECONDS: i64 = 12 * 60 * 60;

/// The cookie's name.
const COOKIE: &str = "weir_session";

/// Parts the MAC's key from other uses of the same token.
const CONTEXT: &[u8] = b"weir session v1";

/// What the API asks of a caller.
#[derive(Debug, Clone, Default)]
pub struct ApiAuth {
    /// The token that opens the API; `None` leaves it open.
    pub admin_token: Option<Secret>,
    /// Names by which clients may call this Weir, without ports: a request with another `Host` is refused. This is what
    /// keeps a website, whose name an attacker points at 127.0.0.1, from reading an open API. Empty accepts every name.
    pub allowed_hosts: Vec<String>,
}

impl ApiAuth {
    /// The names of this machine's loopback interface: what to allow when listening there.
    pub fn loopback_hosts() -> Vec<String> {
        ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec()
    }

    /// Whether callers must show something.
    pub(crate) fn login_required(&self) -> bool {
        self.admin_token.is_some()
    }

    /// Whether a request with these headers may use the API.
    pub(crate) fn allows(&self, headers: &HeaderMap, now: UnixMicros) -> bool {
        let Some(token) = &self.admin_token else { return true };
        bearer(headers).is_some_and(|shown| same(shown, token.expose()))
            || cookies(headers).any(|cookie| session_holds(token, cookie, now))
    }

    /// Opens a session: the value of `set-cookie`. `secure` when the browser came by TLS.
    pub(crate) fn open_session(
        &self,
        token: &str,
        now: UnixMicros,
        secure: bool,
    ) -> Result<String, ApiError> {
        let Some(expected) = &self.admin_token else { return Ok(closed_session(secure)) };
        if !same(token, expected.expose()) {
            let message = "the token is not this weir's admin token";
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, message));
        }
        let ends_at = now.0 / UnixMicros::SECOND + SESSION_SECONDS;
        let value = format!("{ends_at}.{}", hex(&mac(expected, ends_at).finalize().into_bytes()));
        Ok(set_cookie(&value, SESSION_SECONDS, secure))
    }
}

/// The value of `set-cookie` that removes the session from the browser.
pub(crate) fn closed_session(secure: bool) -> String {
    set_cookie("", 0, secure)
}

fn set_cookie(value: &str, max_age_s: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn session_holds(token: &Secret, cookie: &str, now: UnixMicros) -> bool {
    let Some((ends_at, tag)) = cookie.split_once('.') else { return false };
    let (Ok(ends_at), Some(tag)) = (ends_at.parse::<i64>(), unhex(tag)) else { return false };
    mac(token, ends_at).verify_slice(&tag).is_ok() && now.0 / UnixMicros::SECOND < ends_at
}

fn mac(token: &Secret, ends_at: i64) -> Hmac<Sha256> {
    let key = Sha256::new().chain_update(CONTEXT).chain_update(token.expose()).finalize();
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).expect("an HMAC takes a key of any length");
    mac.update(&ends_at.to_be_bytes());
    mac
}

/// Compares hashes, so that neither the place of a difference nor the length of the secret shows in the time taken.
fn same(shown: &str, secret: &str) -> bool {
    Sha256::digest(shown).ct_eq(&Sha256::digest(secret)).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMicros = UnixMicros(1_700_000_000_000_000);

    fn auth(token: &str) -> ApiAuth {
        ApiAuth { admin_token: Some(Secret::new(token)), ..ApiAuth::default() }
    }

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    fn cookie_of(set_cookie: &str) -> String {
        set_cookie.split(';').next().unwrap().to_owned()
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        let auth = auth("correct horse");
        for (value, expected) in [
            ("Bearer correct horse", true),
            ("bearer correct horse", true),
            ("Bearer correct hors", false),
            ("Bearer correct horse!", false),
            ("Bearer", false),
            ("Basic correct horse", false),
        ] {
            assert_eq!(auth.allows(&with(header::AUTHORIZATION, value), NOW), expected, "{value}");
        }
        assert!(!auth.allows(&HeaderMap::new(), NOW));
    }

    #[test]
    fn a_session_ends_by_time_and_with_the_token() {
        let cookie = cookie_of(&auth("a").open_session("a", NOW, false).unwrap());
        let headers = with(header::COOKIE, &format!("theme=dark; {cookie}; x=1"));
        assert!(auth("a").allows(&headers, NOW));
        assert!(
            auth("a").allows(&headers, NOW.saturating_add_us((SESSION_SECONDS - 1) * UnixMicros::SECOND))
        );
        assert!(!auth("a").allows(&headers, NOW.saturating_add_us(SESSION_SECONDS * UnixMicros::SECOND)));
        assert!(!auth("b").allows(&headers, NOW));
    }

    #[test]
    fn a_session_cannot_be_made_longer_or_made_up() {
        let cookie = cookie_of(&auth("a").open_session("a", NOW, false).unwrap());
        let (_, tag) = cookie.split_once('.').unwrap();
        for forged in [
            format!("{COOKIE}=9999999999.{tag}"),
            format!("{COOKIE}=9999999999."),
            format!("{COOKIE}=9999999999"),
            format!("{COOKIE}=.{tag}"),
            format!("{COOKIE}=9999999999.zz"),
            format!("{COOKIE}="),
        ] {
            assert!(!auth("a").allows(&with(header::COOKIE, &forged), NOW), "{forged}");
        }
    }

    #[test]
    fn a_wrong_token_opens_nothing_and_is_not_repeated() {
        let error = auth("a").open_session("wrong", NOW, false).unwrap_err().to_string();
        assert!(!error.contains("wrong"), "{error}");
    }

    #[test]
    fn without_a_token_everything_is_open() {
        assert!(ApiAuth::default().allows(&HeaderMap::new(), NOW));
    }
}
