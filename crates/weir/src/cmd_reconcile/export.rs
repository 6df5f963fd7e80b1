//! What providers charged, out of the files that they export.
//!
//! | file | amounts |
//! |---|---|
//! | pages of OpenAI's `/v1/organization/costs` | `amount.value`, in dollars |
//! | the CSV of OpenAI's console | `amount_value`, in dollars |
//! | pages of Anthropic's `/v1/organizations/cost_report` | `amount`, a text, in cents |
//! | the CSV of Anthropic's console | `cost_usd` |
//! | any other CSV | the first of its columns that is called like an amount |
//!
//! Several JSON documents may stand in one file one after the other, as pages that were fetched by a loop do. Days without
//! an amount are days all the same: nothing was charged on them.
//!
//! Failure: a file that is none of these, an amount that is no number and a currency other than dollars are refused with the
//! place where they stand; nothing is skipped.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow, bail};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;
use weir_types::NanoUsd;

/// Cents of a dollar, in which Anthropic's API counts.
const CENTS: f64 = 100.0;

/// What was charged.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Export {
    /// Which provider the file is from, by the name that `weir.toml` gives it unless told otherwise.
    pub provider: Option<&'static str>,
    pub charges: Vec<Charge>,
    /// The days that the file is about.
    pub days: BTreeSet<Date>,
}

/// One amount.
#[derive(Debug, PartialEq)]
pub(super) struct Charge {
    pub day: Date,
    /// The model without the date in its name; `None` for what is not of a model, or where the file does not say.
    pub model: Option<String>,
    pub amount: NanoUsd,
}

impl Export {
    /// Reads a file.
    pub(super) fn read(bytes: &[u8]) -> anyhow::Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{' | b'[') => Self::of_json(bytes),
            Some(_) => Self::of_csv(bytes),
            None => bail!("it is empty"),
        }
    }

    fn of_json(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut export = Self::default();
        for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
            match document.context("expected JSON")? {
                Value::Array(pages) => pages.iter().try_for_each(|page| export.add_page(page))?,
                page => export.add_page(&page)?,
            }
        }
        Ok(export)
    }

    /// Adds a page of a provider's API.
    fn add_page(&mut self, page: &Value) -> anyhow::Result<()> {
        let buckets =
            page["data"].as_array().ok_or_else(|| anyhow!("expected a page with the buckets in `data`"))?;
        for bucket in buckets {
            let (provider, day) = match (&bucket["start_time"], bucket["starting_at"].as_str()) {
                (Value::Number(start), _) => ("openai", start.as_i64().and_then(day_of_seconds)),
                (_, Some(start)) => ("anthropic", day_of_text(start)),
                _ => bail!(
                    "expected buckets with `start_time` (OpenAI) or `starting_at` (Anthropic): {bucket}"
                ),
            };
            let day = day.ok_or_else(|| anyhow!("a bucket begins at no time: {bucket}"))?;
            self.provider = Some(provider);
            self.days.insert(day);
            for result in bucket["results"].as_array().into_iter().flatten() {
                self.charges.push(charge_of_result(provider, day, result)?);
            }
        }
        Ok(())
    }

    fn of_csv(bytes: &[u8]) -> anyhow::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
        let header: Vec<String> = reader.headers()?.iter().map(str::to_ascii_lowercase).collect();
        let column =
            |names: &[&str]| names.iter().find_map(|name| header.iter().position(|known| known == name));
        let expected = |what: &str, names: &[&str]| {
            anyhow!(
                "expected a column with the {what}: {}; the header is {}",
                names.join(", "),
                header.join(", ")
            )
        };
        let day_at = column(DAYS).ok_or_else(|| expected("day", DAYS))?;
        let amount_at = column(AMOUNTS).ok_or_else(|| expected("amount in dollars", AMOUNTS))?;
        let (model_at, item_at) = (column(&["model"]), column(&["line_item"]));
        let currency_at = column(&["amount_currency", "currency"]);
        let provider = match header.get(day_at).map(String::as_str) {
            Some("start_time_iso") => Some("openai"),
            Some("usage_date_utc") => Some("anthropic"),
            _ => None,
        };
        let mut export = Self { provider, ..Self::default() };
        for record in reader.records() {
            let record = record?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |at: Option<usize>| at.and_then(|at| record.get(at)).filter(|text| !text.is_empty());
            let day = cell(Some(day_at)).and_then(day_of_text);
            let day = day.ok_or_else(|| anyhow!("line {line}: expected a day such as 2026-11-01"))?;
            export.days.insert(day);
            let Some(text) = cell(Some(amount_at)) else { continue };
            let usd = text.trim_start_matches('$').parse::<f64>().ok().filter(|usd| usd.is_finite());
            let usd = usd.ok_or_else(|| anyhow!("line {line}: expected an amount, found {text:?}"))?;
            let currency = cell(currency_at).unwrap_or("usd");
            if !currency.eq_ignore_ascii_case("usd") {
                bail!("line {line}: expected dollars, found {currency}");
            }
            let model = cell(model_at).map(undated).or_else(|| cell(item_at).map(model_of_item));
            export.charges.push(Charge {
                day,
                model: model.map(str::to_owned),
                amount: NanoUsd::from_usd(usd),
            });
        }
        Ok(export)
    }
}

/// What columns with days are called, the best first.
const DAYS: &[&str] = &["start_time_iso", "usage_date_utc", "date", "day", "usage_date", "timestamp"];

/// What columns with amounts are called.
const AMOUNTS: &[&str] = &["amount_value", "cost_usd", "amount_usd", "cost_in_usd", "cost", "amount"];

fn charge_of_result(provider: &str, day: Date, result: &Value) -> anyhow::Result<Charge> {
    let (amount, currency) = if provider == "openai" {
        (number(&result["amount"]["value"]), &result["amount"]["currency"])
    } else {
        (number(&result["amount"]).map(|cents| cents / CENTS), &result["currency"])
    };
    let usd = amount.ok_or_else(|| anyhow!("{day}: a result has no amount: {result}"))?;
    if !currency.as_str().unwrap_or("usd").eq_ignore_ascii_case("usd") {
        bail!("{day}: expected dollars, found {currency}");
    }
    let item = result["line_item"].as_str().map(model_of_item);
    let model = result["model"].as_str().map(undated).or(item);
    Ok(Charge { day, model: model.map(str::to_owned), amount: NanoUsd::from_usd(usd) })
}

/// `gpt-4o-2024-08-06, input` is about `gpt-4o`.
fn model_of_item(item: &str) -> &str {
    undated(item.split(", ").next().unwrap_or(item))
}

/// A model's name without the date that it may end in: `gpt-4o-2024-08-06`, `claude-sonnet-4-20250514`.
pub(super) fn undated(model: &str) -> &str {
    let is_digits =
        |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let without_compact = model.rsplit_once('-').filter(|(_, date)| is_digits(date, 8)).map(|(name, _)| name);
    let without_dashed = || {
        // From the end: day, month, year.
        let (rest, _) = model.rsplit_once('-').filter(|(_, day)| is_digits(day, 2))?;
        let (rest, _) = rest.rsplit_once('-').filter(|(_, month)| is_digits(month, 2))?;
        let (name, _) = rest.rsplit_once('-').filter(|(_, year)| is_digits(year, 4))?;
        Some(name)
    };
    without_compact.or_else(without_dashed).unwrap_or(model)
}

fn day_of_seconds(seconds: i64) -> Option<Date> {
    Some(TimeZone::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?).date())
}

/// Of a day, or of an instant with its offset.
fn day_of_text(text: &str) -> Option<Date> {
    let instant = text.parse::<jiff::Timestamp>().ok();
    instant.map(|at| TimeZone::UTC.to_datetime(at).date()).or_else(|| text.get(..10)?.parse().ok())
}

/// A number or a text of a number.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
