//! Which library made a call, by what it says of itself in `user-agent`.
//!
//! The name is for grouping: it has no version and no platform, so that there are as many of them as libraries. The
//! header as it came is among the span's attributes.

use http::header::USER_AGENT;

use crate::context::CallContext;

/// Bytes of a name that are kept.
const NAME_BYTES_MAX: usize = 64;

/// The library's name; `None` when the client does not name itself.
pub(crate) fn name_of(ctx: &CallContext) -> Option<String> {
    name_in(ctx.header(&USER_AGENT)?)
}

/// `OpenAI/Python 2.1.0` and `AsyncOpenAI/Python 2.1.0` are `openai-python`; `curl/8.5.0` is `curl`.
fn name_in(user_agent: &str) -> Option<String> {
    let product = user_agent.split_whitespace().next()?;
    let mut parts = product.split('/');
    let first = parts.next().filter(|name| !name.is_empty())?;
    let first = first.strip_prefix("Async").filter(|rest| !rest.is_empty()).unwrap_or(first);
    // What follows the slash is a version, but for the official SDKs, which put their language there.
    let language = parts.next().filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic()));
    let name = match language {
        Some(language) => format!("{first}-{language}"),
        None => first.to_owned(),
    };
    let mut name = name.to_ascii_lowercase();
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn a_library_has_one_name_whatever_its_version() {
        for (user_agent, name) in [
            ("OpenAI/Python 2.8.1", Some("openai-python")),
            ("AsyncOpenAI/Python 2.8.1", Some("openai-python")),
            ("OpenAI/JS 6.9.0", Some("openai-js")),
            ("Anthropic/Python 0.75.0", Some("anthropic-python")),
            ("ai/6.0.1 ai-sdk/provider-utils/4.0.1 runtime/node.js/20", Some("ai")),
            ("python-httpx/0.28.1", Some("python-httpx")),
            ("curl/8.5.0", Some("curl")),
            ("Async/1.0", Some("async")),
            ("", None),
            ("  ", None),
            ("/1.0", None),
        ] {
            assert_eq!(name_in(user_agent).as_deref(), name, "{user_agent}");
        }
        assert_eq!(name_in(&"é".repeat(60)).map(|name| name.len()), Some(64));
    }
}
