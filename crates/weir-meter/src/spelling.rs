//! Which entry of a price list a model name means.
//!
//! The same model has many names: dated, `-latest`, behind a router's prefix, in a cloud's own spelling. The rules are
//! tried in the order of `docs/reference/prices.md`, exact names first, and each rule only ever *removes* something
//! from a name that does not change the price. A name that no rule leads to an entry has no price: nothing is guessed
//! from similarity.

use std::borrow::Cow;

use crate::list::PriceList;

/// Providers under other names: OpenTelemetry's, LiteLLM's, and what people write.
const PROVIDER_ALIASES: [(&str, &str); 30] = [
    ("az.ai.inference", "azure_ai"),
    ("az.ai.openai", "azure"),
    ("azure-openai", "azure"),
    ("azure.ai.inference", "azure_ai"),
    ("azure.ai.openai", "azure"),
    ("azure_openai", "azure"),
    ("aws.bedrock", "bedrock"),
    ("aws_bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("cohere_chat", "cohere"),
    ("fireworks_ai", "fireworks"),
    ("fireworks-ai", "fireworks"),
    ("gcp.gemini", "gemini"),
    ("gcp.gen_ai", "gemini"),
    ("gcp.vertex_ai", "vertex"),
    ("google", "gemini"),
    ("google_ai_studio", "gemini"),
    ("google-ai-studio", "gemini"),
    ("mistral_ai", "mistral"),
    ("mistralai", "mistral"),
    ("open-router", "openrouter"),
    ("text-completion-openai", "openai"),
    ("together_ai", "together"),
    ("together-ai", "together"),
    ("togetherai", "together"),
    ("vertex-ai", "vertex"),
    ("vertex_ai", "vertex"),
    ("vertexai", "vertex"),
    ("x_ai", "xai"),
    ("x-ai", "xai"),
];

/// Who sells a family of models at list price, by the beginning of the model's name. Used where the provider's name is
/// the operator's own (`[providers.corp-openai]`).
const HOMES: [(&str, &str); 10] = [
    ("chatgpt-", "openai"),
    ("claude-", "anthropic"),
    ("codex-", "openai"),
    ("command-", "cohere"),
    ("databricks-", "databricks"),
    ("ft:gpt-", "openai"),
    ("gemini-", "gemini"),
    ("gpt-", "openai"),
    ("o", "openai"),
    ("text-embedding-", "openai"),
];

/// Where else to look when a provider does not list a model: clouds sell these at the maker's list price.
const RESOLD: [(&str, &str); 5] = [
    ("azure", "openai"),
    ("azure", "azure_ai"),
    ("azure_ai", "azure"),
    ("azure_ai", "openai"),
    ("vertex", "gemini"),
];

/// A router that passes the maker's price on, so that a prefix of its model names is as good as the provider's name.
const ROUTER: &str = "openrouter";

/// The provider's name in price lists.
pub(crate) fn canonical_provider(provider: &str) -> &str {
    let alias = PROVIDER_ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(provider));
    alias.map_or(provider, |(_, name)| name)
}

/// The entry that a model name means.
pub(crate) fn find(list: &PriceList, provider: &str, model: &str) -> Option<usize> {
    let model = lowercase(model.trim());
    let provider = lowercase(canonical_provider(provider.trim()));
    let known = list.has_provider(&provider);
    find_at(list, &provider, &model)
        .or_else(|| find_resold(list, &provider, &model))
        .or_else(|| {
            let (prefix, rest) = model.split_once('/')?;
            let maker = canonical_provider(prefix);
            let prefix_tells = !known || maker == provider || provider == ROUTER;
            (prefix_tells && list.has_provider(maker)).then(|| find(list, maker, rest))?
        })
        .or_else(|| {
            let (_, home) = HOMES.iter().find(|(prefix, _)| !known && model.starts_with(prefix))?;
            find_at(list, home, &model)
        })
}

fn find_resold(list: &PriceList, provider: &str, model: &str) -> Option<usize> {
    let mut elsewhere = RESOLD.iter().filter(|(cloud, _)| *cloud == provider);
    elsewhere.find_map(|(_, maker)| find_at(list, maker, model))
}

/// The entry of one provider.
fn find_at(list: &PriceList, provider: &str, model: &str) -> Option<usize> {
    if let Some(found) = list.find(provider, model) {
        return Some(found);
    }
    let bare = without_path(provider, model);
    let variants = [Cow::Borrowed(bare), own_spelling(provider, bare)];
    variants.iter().find_map(|name| find_dated(list, provider, name))
}

/// The entry by a name whose date may be written differently, be missing, or be unknown to the list.
fn find_dated(list: &PriceList, provider: &str, name: &str) -> Option<usize> {
    if let Some(found) = list.find(provider, name) {
        return Some(found);
    }
    let stem = stem(name);
    let mut newest = None;
    for (at, entry) in list.starting_with(provider, stem.name) {
        let listed = self::stem(&entry.model);
        if listed.name != stem.name {
            continue;
        }
        if listed.date == stem.date {
            return Some(at);
        }
        newest = newest.max(Some((listed.date.is_empty(), listed.date.len(), listed.date, at)));
    }
    newest.map(|(_, _, _, at)| at)
}

/// A model's name in two parts.
struct Stem<'a> {
    /// The name without date, version of the deployment, or `latest`.
    name: &'a str,
    /// The digits of the date; empty when there is none.
    date: Cow<'a, str>,
}

/// Takes the date off a name: `-2024-08-06`, `-20250514`, `@20250514`, `-121024`, `-0613`, `-2411`, `-001`, and the
/// endings that mean no date: `-latest`, `@latest`, `:latest`, `@default`, `-v1:0`.
fn stem(model: &str) -> Stem<'_> {
    let mut name = without_bedrock_version(model);
    for ending in ["-latest", ":latest", "@latest", "@default"] {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    let no_date = |name| Stem { name, date: Cow::Borrowed("") };
    let Some((before, last)) = name.rsplit_once(['-', '@']) else { return no_date(name) };
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if digits(last, 8) || digits(last, 6) || digits(last, 4) || (digits(last, 3) && last.starts_with('0')) {
        return Stem { name: before, date: Cow::Borrowed(last) };
    }
    let mut parts = name.rsplitn(4, '-');
    if let (Some(day), Some(month), Some(year), Some(before)) =
        (parts.next(), parts.next(), parts.next(), parts.next())
        && digits(day, 2)
        && digits(month, 2)
        && digits(year, 4)
    {
        return Stem { name: before, date: Cow::Owned([year, month, day].concat()) };
    }
    no_date(name)
}

/// Bedrock's `-v1:0` and `-v2`, which number the model's packaging.
fn without_bedrock_version(model: &str) -> &str {
    let Some((before, version)) = model.rsplit_once("-v") else { return model };
    let is_version = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if is_version && version.contains(':') { before } else { model }
}

/// The name without what stands before it: `models/`, `publishers/google/models/`, an ARN.
fn without_path<'a>(provider: &str, model: &'a str) -> &'a str {
    match provider {
        "gemini" | "vertex" | "bedrock" => model.rsplit_once('/').map_or(model, |(_, name)| name),
        "fireworks" => model.strip_prefix("accounts/fireworks/models/").unwrap_or(model),
        _ => model,
    }
}

/// The name as this provider's entries spell it.
fn own_spelling<'a>(provider: &str, model: &'a str) -> Cow<'a, str> {
    if let Some(tuned) = model.strip_prefix("ft:") {
        let base = tuned.split(':').next().unwrap_or(tuned);
        return Cow::Owned(format!("ft:{base}"));
    }
    match provider {
        "azure" | "openai" => Cow::Owned(model.replacen("gpt-35", "gpt-3.5", 1)),
        "bedrock" => Cow::Borrowed(without_bedrock_region(model)),
        "databricks" => Cow::Owned(databricks_endpoint(model)),
        _ => Cow::Borrowed(model),
    }
}

/// The endpoint that serves a model which a response names in the maker's spelling: `meta-llama-3.3-70b-instruct-121024`
/// and `us.anthropic.claude-sonnet-4-20250514-v1:0` come from `databricks-meta-llama-3-3-70b-instruct` and
/// `databricks-claude-sonnet-4`.
fn databricks_endpoint(model: &str) -> String {
    let name = without_bedrock_region(model);
    let name = name.strip_prefix("anthropic.").unwrap_or(name);
    let name = name.strip_prefix("databricks-").unwrap_or(name);
    format!("databricks-{}", name.replace('.', "-"))
}

/// A cross-region profile costs what its own entry says, and where it has none, what the model costs.
fn without_bedrock_region(model: &str) -> &str {
    match model.split_once('.') {
        Some(("us" | "eu" | "apac" | "ap" | "jp" | "au" | "ca" | "global" | "us-gov", name)) => name,
        _ => model,
    }
}

fn lowercase(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}
