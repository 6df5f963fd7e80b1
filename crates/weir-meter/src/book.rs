//! The price book: a list, overrides from the configuration, and the look-up of a model in both.
//!
//! The bundled list is read when the first price is asked for. A look-up tries the spellings of `spelling` in order
//! and remembers what it found, also that it found nothing, so that each (provider, model) pair is resolved once; the
//! memory is bounded because clients choose model names.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock};

use crate::error::MeterError;
use crate::list::PriceList;
use crate::overrides::{Override, PriceOverride};
use crate::price::Price;
use crate::spelling;

/// Pairs that a book remembers. Far more than an installation uses; what is over is resolved anew each time.
const RESOLVED_MAX: usize = 4_096;

static BUNDLED: LazyLock<Arc<PriceList>> = LazyLock::new(|| {
    let list = PriceList::from_json(include_bytes!("../../../data/prices/prices.json"));
    Arc::new(list.expect("the bundled price list is read by a test"))
});

/// Prices by provider and model. Immutable but for what it remembers.
#[derive(Debug)]
pub struct PriceBook {
    /// `None` stands for the bundled list, so that a book costs nothing before it is used.
    list: Option<Arc<PriceList>>,
    overrides: Vec<Override>,
    version: OnceLock<Arc<str>>,
    resolved: RwLock<Resolved>,
}

/// What was found for a provider and a model; nested so that looking up needs no owned key.
type Resolved = HashMap<Box<str>, HashMap<Box<str>, Option<Place>>>;

/// Where a price is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Override(usize),
    List(usize),
}

/// A model of a price list.
#[derive(Debug, Clone, Copy)]
pub struct ListedModel<'a> {
    /// Who runs it.
    pub provider: &'a str,
    /// Its name.
    pub model: &'a str,
    /// What it costs.
    pub price: &'a Price,
}

impl PriceBook {
    /// The list that comes with this version of Weir.
    pub fn bundled() -> Self {
        Self::of(None)
    }

    /// A list in JSON, as `docs/reference/prices.md` describes it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, MeterError> {
        Ok(Self::of(Some(Arc::new(PriceList::from_json(bytes)?))))
    }

    fn of(list: Option<Arc<PriceList>>) -> Self {
        Self { list, overrides: Vec::new(), version: OnceLock::new(), resolved: RwLock::default() }
    }

    /// The same list with these overrides before it; the first override that fits a model holds. Overrides that were
    /// there before are replaced.
    pub fn with_overrides(self, overrides: Vec<PriceOverride>) -> Result<Self, MeterError> {
        let overrides = overrides
            .into_iter()
            .enumerate()
            .map(|(index, written)| Override::read(index, written))
            .collect::<Result<_, _>>()?;
        Ok(Self { overrides, ..Self::of(self.list) })
    }

    /// The list's date, followed by `+` and a fingerprint of the overrides where there are any.
    pub fn version(&self) -> &Arc<str> {
        self.version.get_or_init(|| {
            let list = self.list();
            if self.overrides.is_empty() {
                return Arc::clone(&list.version);
            }
            Arc::from(format!("{}+{:08x}", list.version, Override::fingerprint(&self.overrides)))
        })
    }

    /// The price of a model, or `None` when it has none. Does not allocate for a pair that was asked for before.
    pub fn price(&self, provider: &str, model: &str) -> Option<&Price> {
        let place = match self.remembered(provider, model) {
            Some(place) => place,
            None => self.resolve_and_remember(provider, model),
        };
        match place? {
            Place::Override(at) => self.overrides.get(at).map(|found| &found.price),
            Place::List(at) => self.list().entries.get(at).map(|entry| &entry.price),
        }
    }

    /// Every model of the list, sorted by provider and name; overrides are patterns and not among them.
    pub fn models(&self) -> impl Iterator<Item = ListedModel<'_>> {
        self.list().entries.iter().map(|entry| ListedModel {
            provider: &entry.provider,
            model: &entry.model,
            price: &entry.price,
        })
    }

    fn list(&self) -> &PriceList {
        self.list.as_deref().unwrap_or_else(|| &BUNDLED)
    }

    #[expect(
        clippy::option_option,
        reason = "the outer says whether it is remembered, the inner what was found"
    )]
    fn remembered(&self, provider: &str, model: &str) -> Option<Option<Place>> {
        let resolved = self.resolved.read().unwrap_or_else(PoisonError::into_inner);
        resolved.get(provider)?.get(model).copied()
    }

    fn resolve_and_remember(&self, provider: &str, model: &str) -> Option<Place> {
        let place = self.resolve(provider, model);
        let mut resolved = self.resolved.write().unwrap_or_else(PoisonError::into_inner);
        if resolved.values().map(HashMap::len).sum::<usize>() < RESOLVED_MAX {
            resolved.entry(provider.into()).or_default().insert(model.into(), place);
        }
        place
    }

    fn resolve(&self, provider: &str, model: &str) -> Option<Place> {
        let by_override = self.overrides.iter().position(|rule| rule.fits(provider, model));
        by_override
            .map(Place::Override)
            .or_else(|| spelling::find(self.list(), provider, model).map(Place::List))
    }
}
