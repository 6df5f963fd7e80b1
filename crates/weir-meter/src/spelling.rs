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
const HOMES: [(&str, &str); 14] = [
    ("chatgpt-", "openai"),
    ("claude-", "anthropic"),
    ("codex-", "openai"),
    ("command-", "cohere"),
    ("databricks-", "databricks"),
    ("ft:gpt-", "openai"),
    ("gemini-", "gemini"),
    ("gpt-3.5", "openai"),
    ("gpt-4", "openai"),
    ("gpt-5", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4-mini", "openai"),
    ("text-embedding-", "openai"),
];

/// Where else to look when a provider does not list a model: clouds sell these at the maker's list price.
const RESOLD: [(&str, &str); 3] = [("azure", "openai"), ("azure_ai", "azure"), ("vertex", "gemini")];

/// The provider's name in price lists.
pub(crate) fn canonical_provider(provider: &str) -> &str {
    let alias = PROVIDER_ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(provider));
    alias.map_or(provider, |(_, name)| name)
}

/// The entry that a model name means.
pub(crate) fn find(list: &PriceList, provider: &str, model: &str) -> Option<usize> {
    let lower = lowercase(model.trim());
    let provider = lowercase(canonical_provider(provider.trim()));
    let known = list.has_provider(&provider);
    if known && let Some(found) = find_at(list, &provider, &lower) {
        return Some(found);
    }
    if let Some((_, elsewhere)) = RESOLD.iter().find(|(cloud, _)| *cloud == provider)
        && let Some(found) = find_at(list, elsewhere, &lower)
    {
        return Some(found);
    }
    if let Some((prefix, rest)) = lower.split_once('/')
        && list.has_provider(canonical_provider(prefix))
        && (!known || canonical_provider(prefix) == provider)
    {
        return find(list, prefix, rest);
    }
    let (_, home) = HOMES.iter().find(|(prefix, _)| !known && lower.starts_with(prefix))?;
    find_at(list, home, &lower)
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
        newest = newest.max(Some((listed.date.is_empty(), listed.date, at)));
    }
    newest.map(|(_, _, at)| at)
}

/// A model's name in two parts.
struct Stem<'a> {
    /// The name without date, version of the deployment, or `latest`.
    name: &'a str,
    /// The digits of the date; empty when there is none.
    date: Cow<'a, str>,
}

/// Takes the date off a name: `-2024-08-06`, `-20250514`, `@20250514`, `-0613`, `-2411`, `-001`, and the endings that
/// mean no date: `-latest`, `@latest`, `:latest`, `@default`, `-v1:0`.
fn stem(model: &str) -> Stem<'_> {
    let mut name = without_bedrock_version(model);
    for ending in ["-latest", ":latest", "@latest", "@default"] {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    let no_date = |name| Stem { name, date: Cow::Borrowed("") };
    let Some((before, last)) = name.rsplit_once(['-', '@']) else { return no_date(name) };
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    if digits(last, 8) || digits(last, 4) || (digits(last, 3) && last.starts_with('0')) {
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
        "gemini" | "vertex" => model.rsplit_once('/').map_or(model, |(_, name)| name),
        "bedrock" => {
            let name = model.rsplit_once('/').map_or(model, |(_, name)| name);
            name.strip_prefix("bedrock:").unwrap_or(name)
        }
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
        "azure" | "openai" if model.starts_with("gpt-35") => {
            Cow::Owned(model.replacen("gpt-35", "gpt-3.5", 1))
        }
        "databricks" if !model.starts_with("databricks-") => Cow::Owned(format!("databricks-{model}")),
        "bedrock" => Cow::Borrowed(without_bedrock_region(model)),
        _ => Cow::Borrowed(model),
    }
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
