//! Providers that Weir knows by name, from `data/providers.toml`.
//!
//! The file is part of the build, so that `[providers.groq]` in `weir.toml` needs nothing but a key, and adding an
//! OpenAI-compatible provider is one table and no code. The facts are the providers' own documentation.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Uri;
use serde::Deserialize;

use crate::config::ProviderKind;
use crate::error::GatewayError;

/// A provider that Weir knows by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownProvider {
    /// Its name.
    pub name: Arc<str>,
    /// How its paths and keys look.
    pub kind: ProviderKind,
    /// Where it is; `None` where every customer has another place.
    pub base_url: Option<Uri>,
    /// The environment variable that usually holds the key; `None` where none is needed.
    pub api_key_env: Option<Arc<str>>,
    /// Its name in the price list, where that is not `name`.
    pub price_name: Option<Arc<str>>,
}

/// A table of the file, as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    kind: String,
    base_url: Option<String>,
    api_key_env: Option<Arc<str>>,
    prices: Option<Arc<str>>,
}

/// All providers that this build knows, by name in alphabetical order.
pub fn known_providers() -> Result<Vec<KnownProvider>, GatewayError> {
    let tables: BTreeMap<Arc<str>, Table> = toml::from_str(include_str!("../../../data/providers.toml"))?;
    tables.into_iter().map(|(name, table)| Ok(table.parse(name)?)).collect()
}

impl Table {
    fn parse(self, name: Arc<str>) -> Result<KnownProvider, toml::de::Error> {
        let fault = |what: &str| serde::de::Error::custom(format!("[{name}]: {what}"));
        let kind = ProviderKind::parse(&self.kind).ok_or_else(|| fault("unknown kind"))?;
        let base_url = self.base_url.map(|url| url.parse::<Uri>()).transpose();
        let base_url = base_url.map_err(|_| fault("base_url is no URL"))?;
        Ok(KnownProvider { kind, base_url, api_key_env: self.api_key_env, price_name: self.prices, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GatewayConfig, ProviderConfig};

    #[test]
    fn every_known_provider_is_complete_and_makes_a_valid_configuration() {
        for known in known_providers().unwrap() {
            let has_own_place = matches!(known.kind, ProviderKind::Azure | ProviderKind::Databricks);
            assert_ne!(known.base_url.is_some(), has_own_place, "{} and its base_url", known.name);
            let base_url = known.base_url.unwrap_or(Uri::from_static("https://customer.example"));
            let is_local = base_url.scheme_str() == Some("http");
            assert_ne!(known.api_key_env.is_some(), is_local, "{} and its api_key_env", known.name);
            let providers = vec![ProviderConfig::new(&known.name, known.kind, base_url)];
            assert_eq!(GatewayConfig { providers, ..GatewayConfig::default() }.faults(), []);
        }
    }
}
