//! A price list as it is written, and its reader. The schema is described in `docs/reference/prices.md`.

use std::sync::Arc;

use serde::Deserialize;
use weir_types::PicoUsdPerToken;

use crate::error::MeterError;
use crate::price::{Mode, Price, Rates, ServiceTier, Tier};
use crate::spelling;

/// The schema that is read here.
const SCHEMA: u64 = 1;

/// A list of prices, sorted by provider and model; all names are in lower case and providers in canonical spelling.
#[derive(Debug)]
pub(crate) struct PriceList {
    pub version: Arc<str>,
    pub entries: Vec<Entry>,
}

/// A model of a list.
#[derive(Debug)]
pub(crate) struct Entry {
    pub provider: Arc<str>,
    pub model: Box<str>,
    pub price: Price,
}

#[derive(Deserialize)]
struct ListFile {
    schema: u64,
    version: Arc<str>,
    providers: Vec<ProviderRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProviderRow {
    provider: Arc<str>,
    models: Vec<ModelRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelRow {
    model: Box<str>,
    #[serde(default = "chat")]
    mode: Mode,
    max_input: Option<u64>,
    max_output: Option<u64>,
    #[serde(default)]
    request: i64,
    rates: Vec<RatesRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RatesRow {
    #[serde(default)]
    service: ServiceTier,
    #[serde(default)]
    above: u64,
    input: PicoUsdPerToken,
    output: Option<PicoUsdPerToken>,
    cache_read: Option<PicoUsdPerToken>,
    cache_write: Option<PicoUsdPerToken>,
    cache_write_1h: Option<PicoUsdPerToken>,
    reasoning: Option<PicoUsdPerToken>,
    audio_input: Option<PicoUsdPerToken>,
    audio_output: Option<PicoUsdPerToken>,
    image_input: Option<PicoUsdPerToken>,
    image_output: Option<PicoUsdPerToken>,
}

const fn chat() -> Mode {
    Mode::Chat
}

impl PriceList {
    /// Reads a list in JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, MeterError> {
        let file: ListFile =
            serde_json::from_slice(bytes).map_err(|error| MeterError::List { reason: error.to_string() })?;
        if file.schema != SCHEMA {
            return Err(MeterError::Schema { found: file.schema, known: SCHEMA });
        }
        let mut entries = Vec::new();
        for group in file.providers {
            let provider = Arc::from(spelling::canonical_provider(&group.provider).to_ascii_lowercase());
            for row in group.models {
                entries.push(Entry::read(&provider, &row)?);
            }
        }
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

    fn read(provider: &Arc<str>, row: &ModelRow) -> Result<Self, MeterError> {
        let price = row.price().map_err(|reason| MeterError::Model {
            provider: provider.to_string(),
            model: row.model.to_string(),
            reason,
        })?;
        Ok(Self { provider: Arc::clone(provider), model: row.model.to_ascii_lowercase().into(), price })
    }
}

impl ModelRow {
    fn price(&self) -> Result<Price, &'static str> {
        let tiers = self.rates.iter().map(|row| row.tier(self.mode)).collect::<Result<Vec<_>, _>>()?;
        let price = Price::new(self.mode, tiers).ok_or("has no standard rates from 0 tokens on")?;
        if self.request < 0 {
            return Err("has a negative price for a request");
        }
        if self.request == 0 && *price.standard() == Rates::default() {
            return Err("is free; only an override in the configuration can say so");
        }
        Ok(Price {
            max_input_tokens: self.max_input,
            max_output_tokens: self.max_output,
            request_pico_usd: self.request,
            ..price
        })
    }
}

impl RatesRow {
    fn tier(&self, mode: Mode) -> Result<Tier, &'static str> {
        let output = match (self.output, mode) {
            (Some(output), _) => output,
            // These modes write nothing that is charged.
            (None, Mode::Embedding | Mode::Rerank) => PicoUsdPerToken(0),
            (None, _) => return Err("has rates without output"),
        };
        let rates = Rates {
            input: self.input,
            output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
            reasoning: self.reasoning,
            audio_input: self.audio_input,
            audio_output: self.audio_output,
            image_input: self.image_input,
            image_output: self.image_output,
        };
        if rates.min() < PicoUsdPerToken(0) {
            return Err("has a negative price");
        }
        Ok(Tier { service: self.service, above_input_tokens: self.above, rates })
    }
}
