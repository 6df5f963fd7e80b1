//! A price list as it is written, and its reader. The schema is described in `docs/reference/prices.md`.

use std::sync::Arc;

use serde::Deserialize;
use weir_types::PicoUsdPerToken;

use crate::error::MeterError;
use crate::price::{Mode, Price, Rates, ServiceTier, Tier};

/// The schema that is read here.
const SCHEMA: u64 = 1;

/// A list of prices, sorted by provider and model.
#[derive(Debug)]
pub(crate) struct PriceList {
    pub version: Arc<str>,
    pub entries: Vec<Entry>,
}

/// A model of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub provider: Box<str>,
    pub model: Box<str>,
    pub price: Price,
}

#[derive(Deserialize)]
struct ListFile {
    schema: u64,
    version: Arc<str>,
    models: Vec<ModelRow>,
}

#[derive(Deserialize)]
struct ModelRow {
    provider: Box<str>,
    model: Box<str>,
    mode: Mode,
    max_input: Option<u64>,
    max_output: Option<u64>,
    #[serde(default)]
    request: i64,
    rates: Vec<RatesRow>,
}

#[derive(Deserialize)]
struct RatesRow {
    #[serde(default)]
    service: ServiceTier,
    #[serde(default)]
    above: u64,
    #[serde(flatten)]
    rates: Rates,
}

impl PriceList {
    /// Reads a list in JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, MeterError> {
        let file: ListFile =
            serde_json::from_slice(bytes).map_err(|error| MeterError::List { reason: error.to_string() })?;
        if file.schema != SCHEMA {
            return Err(MeterError::Schema { found: file.schema, known: SCHEMA });
        }
        let mut entries = file.models.into_iter().map(Entry::read).collect::<Result<Vec<_>, _>>()?;
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        if let Some(pair) = entries.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
            return Err(pair[0].wrong("is in the list twice"));
        }
        entries.shrink_to_fit();
        Ok(Self { version: file.version, entries })
    }

    /// Whether the list has any model of this provider.
    pub fn has_provider(&self, provider: &str) -> bool {
        let at = self.entries.partition_point(|entry| &*entry.provider < provider);
        self.entries.get(at).is_some_and(|entry| &*entry.provider == provider)
    }

    /// The model with exactly these names.
    pub fn find(&self, provider: &str, model: &str) -> Option<usize> {
        self.entries.binary_search_by(|entry| entry.key().cmp(&(provider, model))).ok()
    }

    /// The models of a provider whose names begin with `prefix`, in order.
    pub fn starting_with(&self, provider: &str, prefix: &str) -> impl Iterator<Item = (usize, &Entry)> {
        let first = self.entries.partition_point(|entry| entry.key() < (provider, prefix));
        self.entries
            .iter()
            .enumerate()
            .skip(first)
            .take_while(move |(_, entry)| &*entry.provider == provider && entry.model.starts_with(prefix))
    }
}

impl Entry {
    fn key(&self) -> (&str, &str) {
        (&self.provider, &self.model)
    }

    fn wrong(&self, reason: &'static str) -> MeterError {
        MeterError::Model { provider: self.provider.to_string(), model: self.model.to_string(), reason }
    }

    fn read(row: ModelRow) -> Result<Self, MeterError> {
        let negative = row.request < 0 || row.rates.iter().any(|row| row.rates.any_negative());
        let tiers = row
            .rates
            .into_iter()
            .map(|row| Tier { service: row.service, above_input_tokens: row.above, rates: row.rates })
            .collect();
        let wrong = |reason| MeterError::Model {
            provider: row.provider.to_string(),
            model: row.model.to_string(),
            reason,
        };
        if negative {
            return Err(wrong("has a negative price"));
        }
        let price =
            Price::new(row.mode, tiers).ok_or_else(|| wrong("has no standard rates from 0 tokens on"))?;
        let price = Price {
            max_input_tokens: row.max_input,
            max_output_tokens: row.max_output,
            request_pico_usd: row.request,
            ..price
        };
        Ok(Self { provider: row.provider, model: row.model, price })
    }
}

impl Rates {
    fn any_negative(&self) -> bool {
        let optional = [
            self.cache_read,
            self.cache_write,
            self.cache_write_1h,
            self.reasoning,
            self.audio_input,
            self.audio_output,
            self.image_input,
            self.image_output,
        ];
        optional.into_iter().flatten().chain([self.input, self.output]).any(|rate| rate < PicoUsdPerToken(0))
    }
}
