//! `weir cache`: how the cache of a running Weir is doing, and forgetting on demand.

use std::process::ExitCode;

use weir_api::wire::{CachePurged, CacheReport, SemanticReport};

use crate::cli::{CacheAction, CacheArgs, Format};
use crate::client::Client;
use crate::output;

/// Shows or purges.
pub fn run(args: &CacheArgs) -> anyhow::Result<ExitCode> {
    let client = Client::of_running(&args.server)?;
    let text = match &args.action {
        CacheAction::Status { format } => status(&client.get("/api/cache", &[])?, *format)?,
        CacheAction::Purge { team, model, all } => {
            let scope = match (team, model) {
                (Some(team), _) => ("team", team.as_str()),
                (None, Some(model)) => ("model", model.as_str()),
                (None, None) => ("all", if *all { "true" } else { "false" }),
            };
            let purged: CachePurged = client.delete_with("/api/cache", &[scope])?;
            format!("{} answers forgotten\n", purged.entries)
        }
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn status(report: &CacheReport, format: Format) -> anyhow::Result<String> {
    if format == Format::Json {
        return Ok(serde_json::to_string_pretty(report)? + "\n");
    }
    if !report.is_enabled {
        return Ok("no cache is configured; [cache] in weir.toml switches it on\n".to_owned());
    }
    let mode = if report.is_enforcing { "enforce" } else { "observe" };
    let mut rows = vec![
        ("mode", mode.to_owned()),
        ("entries", report.entries.to_string()),
        ("bytes", format!("{} of {}", report.bytes, report.bytes_max)),
        ("hits", report.hits.to_string()),
        ("coalesced", report.coalesced.to_string()),
        ("misses", report.misses.to_string()),
        ("bypasses", report.bypasses.to_string()),
        ("would hit", report.would_hit.to_string()),
        ("saved", format!("${:.6}", report.saved_usd)),
    ];
    if let Some(semantic) = &report.semantic {
        rows.extend(semantic_rows(semantic));
    }
    let line = |(name, value): &(&str, String)| match format {
        Format::Csv => format!("{name},{value}\n"),
        _ => format!("{name:<20} {value}\n"),
    };
    Ok(rows.iter().map(line).collect())
}

fn semantic_rows(report: &SemanticReport) -> Vec<(&'static str, String)> {
    let mode = if report.is_enforcing { "enforce" } else { "observe" };
    let with_threshold = report.scopes.iter().filter(|scope| scope.threshold.is_some()).count();
    vec![
        ("semantic mode", mode.to_owned()),
        ("semantic entries", report.entries.to_string()),
        ("semantic hits", report.hits.to_string()),
        ("semantic would hit", report.would_hit.to_string()),
        ("semantic checks", report.checks.to_string()),
        ("semantic false hits", report.false_hits.to_string()),
        ("semantic scopes", format!("{} ({with_threshold} with a threshold)", report.scope_count)),
        ("semantic saved", format!("${:.6}", report.saved_usd)),
    ]
}
