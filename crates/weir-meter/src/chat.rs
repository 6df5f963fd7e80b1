//! Input tokens of chat requests for OpenAI's models.

use crate::encoding::Encoding;

/// Tokens that Weir counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenCount {
    /// How many.
    pub tokens: u64,
    /// Whether this is what the provider counts; otherwise an estimate.
    pub exact: bool,
}

/// Counts a request.
pub(crate) fn count(
    encoding: Encoding,
    _model: &str,
    messages_json: &str,
    tools_json: Option<&str>,
) -> TokenCount {
    let tools = tools_json.map_or(0, |tools| encoding.count(tools));
    TokenCount { tokens: encoding.count(messages_json) + tools, exact: false }
}
