//! Keys and tokens, by what stands at their beginning.
//!
//! One automaton looks for all beginnings at once, without regard to case; the check of each then reads on from there. A
//! check reads no further than the value it takes or a bound of its own, which is what keeps the whole linear.

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::assigned;
use super::kind::Kind;
use super::{Finding, begins_word, run};

/// Bytes before an address's `://` and within its part for user and password.
const AUTHORITY_BYTES_MAX: usize = 256;

/// Bytes of `BEGIN … PRIVATE KEY` that are looked at.
const PEM_LABEL_BYTES_MAX: usize = 48;

/// Bytes of Base64 that make a PEM block without an end a key.
const PEM_CUT_BYTES_MIN: usize = 40;

/// What is looked for, and what it begins.
enum Anchor {
    /// A key: the beginning as it is written, then at least so many of these letters.
    Key { kind: Kind, least: usize, letters: Letters },
    /// The value after `Bearer `.
    Bearer,
    /// `-----BEGIN `.
    Pem,
    /// `://`.
    Url,
    /// A name such as `password`, that a value may be assigned to.
    Name(Kind),
}

#[derive(Clone, Copy)]
enum Letters {
    /// Letters and digits.
    Word,
    /// Those, `-` and `_`.
    Dashed,
    /// Those of Base64, and `%` where it is escaped.
    Base64,
    Hex,
    /// Capital letters and digits, and exactly as many as are asked for.
    Capitals,
    /// What stands in a path.
    Path,
}

impl Letters {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Dashed => byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'%'),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Path => byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_'),
        }
    }
}

const fn key(kind: Kind, least: usize, letters: Letters) -> Anchor {
    Anchor::Key { kind, least, letters }
}

/// Everything that is looked for. Where one begins like another the longer stands first.
const ANCHORS: &[(&str, Anchor)] = &[
    ("sk-ant-", key(Kind::AnthropicKey, 20, Letters::Dashed)),
    ("sk-or-", key(Kind::OpenRouterKey, 20, Letters::Dashed)),
    ("sk-", key(Kind::OpenAiKey, 20, Letters::Dashed)),
    ("AKIA", key(Kind::AwsKey, 16, Letters::Capitals)),
    ("ASIA", key(Kind::AwsKey, 16, Letters::Capitals)),
    ("AIza", key(Kind::GcpKey, 35, Letters::Dashed)),
    ("GOCSPX-", key(Kind::GcpKey, 20, Letters::Dashed)),
    ("ya29.", key(Kind::GcpKey, 20, Letters::Dashed)),
    ("AccountKey=", key(Kind::AzureKey, 40, Letters::Base64)),
    ("SharedAccessKey=", key(Kind::AzureKey, 40, Letters::Base64)),
    ("sig=", key(Kind::AzureKey, 40, Letters::Base64)),
    ("ghp_", key(Kind::GithubToken, 30, Letters::Word)),
    ("gho_", key(Kind::GithubToken, 30, Letters::Word)),
    ("ghu_", key(Kind::GithubToken, 30, Letters::Word)),
    ("ghs_", key(Kind::GithubToken, 30, Letters::Word)),
    ("ghr_", key(Kind::GithubToken, 30, Letters::Word)),
    ("github_pat_", key(Kind::GithubToken, 30, Letters::Dashed)),
    ("glpat-", key(Kind::GitlabToken, 18, Letters::Dashed)),
    ("xoxb-", key(Kind::SlackToken, 20, Letters::Dashed)),
    ("xoxp-", key(Kind::SlackToken, 20, Letters::Dashed)),
    ("xoxa-", key(Kind::SlackToken, 20, Letters::Dashed)),
    ("xoxs-", key(Kind::SlackToken, 20, Letters::Dashed)),
    ("xapp-", key(Kind::SlackToken, 20, Letters::Dashed)),
    ("hooks.slack.com/services/", key(Kind::SlackToken, 20, Letters::Path)),
    ("sk_live_", key(Kind::StripeKey, 16, Letters::Word)),
    ("sk_test_", key(Kind::StripeKey, 16, Letters::Word)),
    ("rk_live_", key(Kind::StripeKey, 16, Letters::Word)),
    ("rk_test_", key(Kind::StripeKey, 16, Letters::Word)),
    ("whsec_", key(Kind::StripeKey, 20, Letters::Base64)),
    ("dapi", key(Kind::DatabricksToken, 32, Letters::Hex)),
    ("hf_", key(Kind::HuggingFaceToken, 30, Letters::Word)),
    ("gsk_", key(Kind::ProviderKey, 30, Letters::Word)),
    ("xai-", key(Kind::ProviderKey, 30, Letters::Word)),
    ("pplx-", key(Kind::ProviderKey, 30, Letters::Word)),
    ("r8_", key(Kind::ProviderKey, 30, Letters::Word)),
    ("lsv2_", key(Kind::ProviderKey, 30, Letters::Dashed)),
    ("npm_", key(Kind::ProviderKey, 30, Letters::Word)),
    ("pypi-AgEI", key(Kind::ProviderKey, 30, Letters::Dashed)),
    ("dop_v1_", key(Kind::ProviderKey, 40, Letters::Hex)),
    ("shpat_", key(Kind::ProviderKey, 30, Letters::Hex)),
    ("hvs.", key(Kind::ProviderKey, 24, Letters::Dashed)),
    ("lin_api_", key(Kind::ProviderKey, 30, Letters::Word)),
    ("SG.", key(Kind::ProviderKey, 20, Letters::Dashed)),
    ("AGE-SECRET-KEY-1", key(Kind::ProviderKey, 50, Letters::Word)),
    ("wk-", key(Kind::WeirKey, 20, Letters::Dashed)),
    ("eyJ", key(Kind::Jwt, 10, Letters::Dashed)),
    ("bearer ", Anchor::Bearer),
    ("-----BEGIN ", Anchor::Pem),
    ("://", Anchor::Url),
    ("password", Anchor::Name(Kind::Password)),
    ("passwd", Anchor::Name(Kind::Password)),
    ("pwd", Anchor::Name(Kind::Password)),
    ("secret", Anchor::Name(Kind::Assigned)),
    ("token", Anchor::Name(Kind::Assigned)),
    ("api_key", Anchor::Name(Kind::Assigned)),
    ("api-key", Anchor::Name(Kind::Assigned)),
    ("apikey", Anchor::Name(Kind::Assigned)),
    ("access_key", Anchor::Name(Kind::Assigned)),
];

/// The automaton; `None` only if it could not be built, which a test rules out.
pub(super) fn anchors() -> Option<AhoCorasick> {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(ANCHORS.iter().map(|(begins, _)| begins))
        .ok()
}

/// Adds the secrets of a text.
pub(super) fn find(anchors: &AhoCorasick, text: &str, found: &mut Vec<Finding>) {
    // Where what was taken last ends: its inside is not looked through again.
    let mut taken_to = 0;
    for anchor in anchors.find_iter(text) {
        if anchor.start() < taken_to {
            continue;
        }
        let (begins, what) = &ANCHORS[anchor.pattern().as_usize()];
        if let Some(finding) = check(text, anchor.start(), begins, what) {
            taken_to = finding.at.end;
            found.push(finding);
        }
    }
}

fn check(text: &str, at: usize, begins: &str, what: &Anchor) -> Option<Finding> {
    let bytes = text.as_bytes();
    match what {
        Anchor::Key { kind, least, letters } => {
            // After a dash a key would begin within what could be another key, which is looked through once.
            let is_within = at > 0 && bytes[at - 1] == b'-';
            if is_within || !text[at..].starts_with(begins) || !begins_word(bytes, at) {
                return None;
            }
            key_at(text, at, begins.len(), *kind, *least, *letters)
        }
        Anchor::Bearer => {
            let start = at + begins.len() + run(bytes, at + begins.len(), |byte| byte == b' ').min(4);
            let is_token = |byte: u8| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
            };
            let end = start + run(bytes, start, is_token);
            let value = &bytes[start..end];
            let is_long = value.len() >= 20 && value.iter().any(u8::is_ascii_digit);
            (is_long && begins_word(bytes, at)).then_some(Finding { kind: Kind::BearerToken, at: start..end })
        }
        Anchor::Pem => private_key(text, at, begins.len()),
        Anchor::Url => password_of_url(bytes, at),
        Anchor::Name(kind) => assigned::after(text, at, begins.len(), *kind),
    }
}

fn key_at(
    text: &str,
    at: usize,
    begins: usize,
    kind: Kind,
    least: usize,
    letters: Letters,
) -> Option<Finding> {
    let bytes = text.as_bytes();
    let start = at + begins;
    let mut end = start + run(bytes, start, |byte| letters.has(byte));
    let value = &bytes[start..end];
    if value.len() < least || matches!(letters, Letters::Capitals) && value.len() != least {
        return None;
    }
    let has = |is_in: fn(&u8) -> bool| value.iter().any(is_in);
    let is_likely = match kind {
        Kind::Jwt => {
            end = rest_of_jwt(bytes, end)?;
            true
        }
        // Words joined by dashes begin so too; keys have digits, and letters of both cases or many of one.
        Kind::OpenAiKey => {
            let dashes = memchr::memchr_iter(b'-', value).count();
            has(u8::is_ascii_digit)
                && (has(u8::is_ascii_uppercase) || value.len() >= 32)
                && dashes * 6 < value.len()
        }
        Kind::AzureKey | Kind::SlackToken => true,
        Kind::ProviderKey if text[at..].starts_with("SG.") => {
            let second = bytes.get(end) == Some(&b'.');
            end += 1 + run(bytes, end + 1, |byte| letters.has(byte));
            second && end <= bytes.len()
        }
        _ => has(u8::is_ascii_digit),
    };
    // What only names a value (`AccountKey=`) stays.
    let start = if matches!(kind, Kind::AzureKey) { start } else { at };
    is_likely.then_some(Finding { kind, at: start..end })
}

/// The end of `header.claims.signature`, whose header has been read.
fn rest_of_jwt(bytes: &[u8], header_end: usize) -> Option<usize> {
    let mut end = header_end;
    for _ in 0..2 {
        if bytes.get(end) != Some(&b'.') {
            return None;
        }
        let part = run(bytes, end + 1, |byte| Letters::Dashed.has(byte));
        if part < 8 {
            return None;
        }
        end += 1 + part;
    }
    Some(end)
}

/// From the beginning of a PEM block with a private key to its end, or to where no key can go on.
fn private_key(text: &str, at: usize, begins: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    if !text[at..].starts_with("-----BEGIN ") {
        return None;
    }
    let label = run(&bytes[..bytes.len().min(at + PEM_LABEL_BYTES_MAX)], at + begins, |byte| byte != b'-');
    let label_end = at + begins + label;
    if !text.get(at + begins..label_end)?.contains("PRIVATE KEY") {
        return None;
    }
    let body = label_end + run(bytes, label_end, |byte| byte == b'-');
    let next = memchr::memmem::find(&bytes[body..], b"-----").map(|found| body + found);
    if let Some(next) = next.filter(|next| bytes[*next..].starts_with(b"-----END ")) {
        let label = next + "-----END ".len();
        let label_end = label + run(bytes, label, |byte| byte == b' ' || byte.is_ascii_uppercase());
        let end = label_end + run(bytes, label_end, |byte| byte == b'-');
        return Some(Finding { kind: Kind::PrivateKey, at: at..end });
    }
    // A block that was cut: its first line is Base64, whether line breaks are meant or written as `\n`.
    let is_break = |byte: u8| byte.is_ascii_whitespace() || byte == b'\\';
    let is_body = |byte: u8| Letters::Base64.has(byte) || is_break(byte) && byte != b' ';
    let end = body + run(bytes, body, is_body);
    let is_key = bytes[body..end].iter().filter(|byte| !is_break(**byte)).count() >= PEM_CUT_BYTES_MIN;
    is_key.then_some(Finding { kind: Kind::PrivateKey, at: at..end })
}

/// The password in `scheme://user:password@host`.
fn password_of_url(bytes: &[u8], at: usize) -> Option<Finding> {
    if at == 0 || !bytes[at - 1].is_ascii_alphanumeric() {
        return None;
    }
    let start = at + "://".len();
    let end = bytes.len().min(start + AUTHORITY_BYTES_MAX);
    let stops =
        |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'' | b'<' | b'>' | b'\\');
    let authority = start..start + run(&bytes[..end], start, |byte| !stops(byte));
    let host = authority.start + memchr::memrchr(b'@', &bytes[authority.clone()])?;
    let colon = authority.start + memchr::memchr(b':', &bytes[authority.start..host])?;
    let value = &bytes[colon + 1..host];
    let is_told = !value.is_empty() && !assigned::stands_for_another(value);
    is_told.then_some(Finding { kind: Kind::UrlPassword, at: colon + 1..host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_automaton_can_be_built() {
        assert!(anchors().is_some());
    }

    #[test]
    fn no_anchor_hides_behind_one_that_stands_before_it() {
        for (number, (longer, _)) in ANCHORS.iter().enumerate() {
            let hidden = ANCHORS[..number].iter().find(|(shorter, _)| longer.starts_with(shorter));
            assert!(hidden.is_none(), "{longer}");
        }
    }
}
