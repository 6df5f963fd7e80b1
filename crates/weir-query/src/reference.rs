//! The reference of the language as Markdown, made from what the code itself uses: functions, aggregators, units, tags
//! and metrics. A test compares it with `docs/reference/query-language.md`, so the page cannot go stale.

use std::fmt::Write as _;

use weir_types::metric;

use crate::functions;
use crate::limits;
use crate::name;
use crate::number::Suffix;

/// The part that is written by hand: how the pieces go together.
const INTRODUCTION: &str = include_str!("reference/introduction.md");

/// The whole page.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    aggregators(&mut page);
    all_functions(&mut page);
    units(&mut page);
    metrics(&mut page);
    events(&mut page);
    tags(&mut page);
    bounds(&mut page);
    page
}

fn aggregators(page: &mut String) {
    page.push_str("\n## Aggregators\n\nAn aggregator stands before a metric: `sum(llm.cost.usd)`.\n\n");
    page.push_str("| aggregator | value in each step |\n|---|---|\n");
    for (words, detail) in functions::AGGREGATORS {
        let words: Vec<String> = words.split(", ").map(|word| format!("`{word}`")).collect();
        let _ = writeln!(page, "| {} | {detail} |", words.join(", "));
    }
}

fn all_functions(page: &mut String) {
    page.push_str("\n## Functions\n");
    for function in functions::ALL {
        let _ = writeln!(page, "\n### `{}`\n\n{}\n", function.signature(), capitalised(function.summary));
        let _ = writeln!(page, "{}\n\n```text", function.doc);
        for example in function.examples {
            let _ = writeln!(page, "{example}");
        }
        page.push_str("```\n");
    }
}

fn capitalised(summary: &str) -> String {
    let mut chars = summary.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

fn units(page: &mut String) {
    page.push_str("\n## Units of numbers\n\nA unit follows its number without a space.\n\n| unit | meaning |\n|---|---|\n");
    for suffix in Suffix::ALL.iter().filter(|suffix| !suffix.as_str().is_empty()) {
        let _ = writeln!(page, "| `{}` | {} |", suffix.as_str(), suffix.summary());
    }
}

fn metrics(page: &mut String) {
    page.push_str("\n## Metrics that Weir makes from calls\n\n");
    page.push_str(
        "`token_spend` is another name of `llm.cost.usd`. Other metrics are those that users send.\n\n",
    );
    page.push_str("| metric | unit | tags beyond the usual |\n|---|---|---|\n");
    for info in &metric::DERIVED {
        let unit = serde_json::to_value(info.unit).ok().and_then(|unit| unit.as_str().map(str::to_owned));
        let extra: Vec<String> = info.extra_tags.iter().map(|tag| format!("`{tag}`")).collect();
        let _ = writeln!(page, "| `{}` | {} | {} |", info.name, unit.unwrap_or_default(), extra.join(", "));
    }
}

fn events(page: &mut String) {
    let [level, source, title, words] = metric::EVENT_TAGS;
    let _ = writeln!(
        page,
        "\n## Events\n\n`{}` counts the events that are kept, for as long as they are kept: `count({}{{source:ci, level:error}}) \
         by app`. Besides the tags of each event it has `{level}`, `{source}`, `{title}` and `{words}`. `{words}` is title and \
         text in small letters, with each word between single spaces: `{words}:\"* deploy failed *\"` finds these two words.",
        metric::EVENTS,
        metric::EVENTS,
    );
}

fn tags(page: &mut String) {
    let list = |tags: &[&str]| tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
    let others: Vec<&str> =
        name::SPAN_TAGS.into_iter().filter(|tag| !metric::CELL_TAGS.contains(tag)).collect();
    let _ = writeln!(
        page,
        "\n## Tags\n\nFast, from cells that are kept for months: {}.\n\nFrom the calls themselves, as long as those are \
         kept: {}.\n\nOther names: `model_name` is `model`, `agent_id` is `agent`, `ml_app` is `app`, `session_id` is \
         `session`.",
        list(&metric::CELL_TAGS),
        list(&others)
    );
}

fn bounds(page: &mut String) {
    let _ = writeln!(
        page,
        "\n## Limits\n\n- A query has at most {} bytes, {} parts and {} levels of parentheses.\n- It groups by at most {} \
         tags.\n- A chosen step makes at most {} points, one that is asked for at most {}.\n- An answer lists at most {} \
         series, the largest; a note says when there were more.",
        limits::QUERY_BYTES_MAX,
        limits::NODES_MAX,
        limits::DEPTH_MAX,
        limits::GROUP_TAGS_MAX,
        limits::POINTS_CHOSEN_MAX,
        limits::POINTS_MAX,
        limits::SERIES_MAX
    );
}
