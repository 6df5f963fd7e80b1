//! Why spend changed between two periods of the same length: a decomposition into parts that add up exactly.
//!
//! The spend of a model is a product of five factors, and the spend of a period is the sum over its models:
//!
//! | factor | is | its part of the change is named |
//! |---|---|---|
//! | calls of all models | `N` | `volume` |
//! | the model's share of them | `n / N` | `model_mix` |
//! | tokens of a call, valued at today's list prices without cache | `value / n` | `tokens_per_call` |
//! | what was paid, caches aside, for what is worth one dollar on the list | `(cost + saved) / value` | `price` |
//! | what of that was left to pay after caches | `cost / (cost + saved)` | `cache` |
//!
//! The change of a product is shared among its factors by their Shapley values: each factor's effect is averaged over
//! every order in which the factors could have changed one after the other, so no order is preferred and nothing is left
//! unexplained. What rounding to nano-dollars leaves goes to the largest part.
//!
//! Source: Shapley (1953); as index decomposition, Ang, Liu and Chew (2003), "Perfect decomposition techniques in energy
//! and environmental analysis".
//!
//! A model without calls in one period changes by mix alone: its other factors are taken to be those of the other
//! period. A model without a list price is valued by its tokens, one without tokens by its calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_types::metric::{
    LLM_COST_USD, LLM_REQUEST_COUNT, LLM_TOKENS_CACHED, LLM_TOKENS_INPUT, LLM_TOKENS_OUTPUT,
};
use weir_types::{Cell, NanoUsd, PriceSource, Scan, Scope, TagKey, TimeRange, TokenRates, UnixMicros};

use crate::answer::QueryContext;
use crate::calendar::Calendar;
use crate::cost::totals;
use crate::error::QueryError;
use crate::grid::Buckets;
use crate::step;

/// Values of a tag that are told apart; the ones that changed most.
const VALUES_MAX: usize = 200;

/// What a part of a change is due to, in the order of the factors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangePart {
    /// More or fewer calls.
    Volume,
    /// Other models.
    ModelMix,
    /// More or fewer tokens in a call.
    TokensPerCall,
    /// Other prices.
    Price,
    /// More or less read from providers' caches.
    Cache,
}

/// How many factors there are.
const FACTORS: usize = 5;

impl ChangePart {
    /// Every part, in the order of the factors.
    pub const ALL: [Self; FACTORS] =
        [Self::Volume, Self::ModelMix, Self::TokensPerCall, Self::Price, Self::Cache];
}

/// How spend changed.
#[derive(Debug, Clone, PartialEq)]
pub struct CostChange {
    /// The period.
    pub range: TimeRange,
    /// The one before it.
    pub before_range: TimeRange,
    /// Spend of the period before.
    pub before: NanoUsd,
    /// Spend of the period.
    pub after: NanoUsd,
    /// The parts of the change, in the order of [`ChangePart::ALL`]; they add up to `after - before`.
    pub parts: [NanoUsd; FACTORS],
    /// Spend of each value of a tag; those that changed most first.
    pub by: Vec<ValueChange>,
}

/// How the spend of one value of a tag changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The value; `None` where the tag is absent.
    pub value: Option<Arc<str>>,
    /// Spend of the period before.
    pub before: NanoUsd,
    /// Spend of the period.
    pub after: NanoUsd,
}

/// Compares the range of a context with as much time before it (as many local days, when it is made of days), by the
/// values of a tag.
pub fn change(
    ctx: &QueryContext,
    scope: &Scope,
    by: &TagKey,
    prices: &dyn PriceSource,
    scan: &dyn Scan,
) -> Result<CostChange, QueryError> {
    let range = step::instant_grid(ctx)?.buckets().range;
    let before_range = TimeRange { from: earlier(range, &Calendar::new(ctx.tz.as_deref())?), to: range.from };
    let mut models = Models::new();
    for (side, range) in [before_range, range].into_iter().enumerate() {
        read_models(&mut models, side, range, scope, scan)?;
    }
    let sides: Vec<_> = models
        .into_iter()
        .map(|((provider, model), usage)| {
            let rates = provider.zip(model).and_then(|(provider, model)| prices.rates(&provider, &model));
            usage.map(|usage| Side::of(&usage, rates))
        })
        .collect();
    let spent = |side: usize| sides.iter().map(|sides| sides[side].cost).sum::<i128>();
    let (before, after) = (spent(0), spent(1));
    let parts = decompose(&sides);
    let by = by_value(scope, by, before_range, range, scan)?;
    Ok(CostChange {
        range,
        before_range,
        before: amount(before),
        after: amount(after),
        parts: parts.map(amount),
        by,
    })
}

/// The start of the period before a range.
fn earlier(range: TimeRange, calendar: &Calendar) -> UnixMicros {
    let days = range.len_us() / UnixMicros::DAY;
    if days > 0 && range.len_us() % UnixMicros::DAY == 0 {
        return calendar.days_before(range.from, days);
    }
    range.from.saturating_add_us(-range.len_us())
}

/// What a model was used for in one period.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    calls: u64,
    input: f64,
    cached: f64,
    output: f64,
    cost_nano: i128,
}

type ModelName = (Option<Arc<str>>, Option<Arc<str>>);
type Models = BTreeMap<ModelName, [Usage; 2]>;

/// Adds a cell of one metric to what a model was used for.
type Add = fn(&mut Usage, &Cell);

fn read_models(
    models: &mut Models,
    side: usize,
    range: TimeRange,
    scope: &Scope,
    scan: &dyn Scan,
) -> Result<(), QueryError> {
    let by = ["provider", "model"].map(TagKey::new);
    let buckets = Buckets { range, step_us: None };
    let metrics: [(&str, Add); 5] = [
        (LLM_REQUEST_COUNT, |usage, cell| usage.calls += cell.count),
        (LLM_TOKENS_INPUT, |usage, cell| usage.input += cell.sum()),
        (LLM_TOKENS_CACHED, |usage, cell| usage.cached += cell.sum()),
        (LLM_TOKENS_OUTPUT, |usage, cell| usage.output += cell.sum()),
        (LLM_COST_USD, |usage, cell| usage.cost_nano += cell.sum_nano),
    ];
    for (metric, add) in metrics {
        for row in totals(metric, scope, &by, buckets, scan)? {
            let [provider, model] = &row.group[..] else { continue };
            add(&mut models.entry((provider.clone(), model.clone())).or_default()[side], &row.cell);
        }
    }
    Ok(())
}

/// One model in one period, as the factors need it.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    calls: f64,
    /// What its tokens are worth on the list, in nano-dollars, or their number when there is no price.
    value: f64,
    cost: i128,
    /// What caches saved, in nano-dollars.
    saved: f64,
}

impl Side {
    fn of(usage: &Usage, rates: Option<TokenRates>) -> Self {
        let calls = usage.calls as f64;
        let Some(rates) = rates else {
            return Self { calls, value: usage.input + usage.output, cost: usage.cost_nano, saved: 0.0 };
        };
        let nano = |rate: weir_types::PicoUsdPerToken, tokens: f64| rate.0 as f64 * tokens / 1e3;
        let saved = nano(rates.input, usage.cached) - nano(rates.cache_read, usage.cached);
        let value = nano(rates.input, usage.input) + nano(rates.output, usage.output);
        Self { calls, value, cost: usage.cost_nano, saved: saved.max(0.0) }
    }

    fn is_empty(&self) -> bool {
        self.calls == 0.0
    }
}

/// The parts of the change, in nano-dollars; they add up to it exactly.
fn decompose(models: &[[Side; 2]]) -> [i128; FACTORS] {
    let calls = [0, 1].map(|side| models.iter().map(|model| model[side].calls).sum::<f64>());
    let mut parts = [0.0; FACTORS];
    for model in models {
        let [before, after] = factors(model, calls);
        for (part, share) in parts.iter_mut().zip(shapley(&before, &after)) {
            *part += share;
        }
    }
    let change: i128 = models.iter().map(|[before, after]| after.cost - before.cost).sum();
    rounded(parts, change)
}

/// The factors of one model in both periods.
fn factors(model: &[Side; 2], calls: [f64; 2]) -> [[f64; FACTORS]; 2] {
    // Where tokens are not known on both sides calls are what is paid for.
    let has_value = model.iter().all(|side| side.is_empty() || side.value > 0.0);
    let sides = model.map(|side| {
        let value = if has_value { side.value } else { side.calls };
        let full = side.cost as f64 + side.saved;
        let per_call = ratio(value, side.calls);
        let price = ratio(full, value);
        let cache = ratio(side.cost as f64, full);
        (per_call, price, cache)
    });
    let shares = [0, 1].map(|side| ratio(model[side].calls, calls[side]));
    [0, 1].map(|side| {
        let other = sides[1 - side];
        let (per_call, price, cache) = sides[side];
        [
            calls[side],
            shares[side].or(shares[1 - side]).unwrap_or(0.0),
            per_call.or(other.0).unwrap_or(0.0),
            price.or(other.1).unwrap_or(0.0),
            cache.or(other.2).unwrap_or(1.0),
        ]
    })
}

/// A quotient, where there is one.
fn ratio(of: f64, by: f64) -> Option<f64> {
    (by > 0.0).then(|| of / by)
}

/// The share of each factor in the change of the product of all.
fn shapley(before: &[f64; FACTORS], after: &[f64; FACTORS]) -> [f64; FACTORS] {
    // |S|! (n - |S| - 1)! / n! for each size of a set of other factors that changed earlier.
    const WEIGHTS: [f64; FACTORS] = [24.0 / 120.0, 6.0 / 120.0, 4.0 / 120.0, 6.0 / 120.0, 24.0 / 120.0];
    std::array::from_fn(|factor| {
        let others = (0u32..1 << FACTORS).filter(|set| set & (1 << factor) == 0);
        let effects = others.map(|set| {
            let rest = (0..FACTORS).filter(|other| *other != factor);
            let product: f64 = rest
                .map(|other| if set & (1 << other) == 0 { before[other] } else { after[other] })
                .product();
            WEIGHTS[set.count_ones() as usize] * product
        });
        effects.sum::<f64>() * (after[factor] - before[factor])
    })
}

/// Whole nano-dollars that add up to the change: what rounding leaves goes to the largest part.
#[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
fn rounded(parts: [f64; FACTORS], change: i128) -> [i128; FACTORS] {
    let mut whole = parts.map(|part| part.round() as i128);
    let left = change - whole.iter().sum::<i128>();
    if let Some(largest) = whole.iter_mut().max_by_key(|part| part.unsigned_abs()) {
        *largest += left;
    }
    whole
}

fn by_value(
    scope: &Scope,
    by: &TagKey,
    before: TimeRange,
    after: TimeRange,
    scan: &dyn Scan,
) -> Result<Vec<ValueChange>, QueryError> {
    let mut values: BTreeMap<Option<Arc<str>>, [i128; 2]> = BTreeMap::new();
    for (side, range) in [before, after].into_iter().enumerate() {
        let buckets = Buckets { range, step_us: None };
        for row in totals(LLM_COST_USD, scope, std::slice::from_ref(by), buckets, scan)? {
            let value = row.group.first().cloned().flatten();
            values.entry(value).or_default()[side] += row.cell.sum_nano;
        }
    }
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by_key(|(_, [before, after])| std::cmp::Reverse((after - before).unsigned_abs()));
    let changes = values.into_iter().take(VALUES_MAX).map(|(value, [before, after])| ValueChange {
        value,
        before: amount(before),
        after: amount(after),
    });
    Ok(changes.collect())
}

fn amount(nano: i128) -> NanoUsd {
    NanoUsd(i64::try_from(nano).unwrap_or(if nano < 0 { i64::MIN } else { i64::MAX }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn side(calls: f64, value: f64, cost: i128, saved: f64) -> Side {
        Side { calls, value, cost, saved }
    }

    fn any_side() -> impl Strategy<Value = Side> {
        let used = (1..10_000u32, 0..1_000_000_000u64, 0..1_000_000_000_000i64, 0..1_000_000_000u64);
        prop_oneof![
            1 => Just(Side::default()),
            4 => used.prop_map(|(calls, value, cost, saved)| {
                side(f64::from(calls), value as f64, i128::from(cost), saved as f64)
            }),
        ]
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_change_to_the_last_nano_dollar(
            models in prop::collection::vec((any_side(), any_side()).prop_map(|(a, b)| [a, b]), 0..8),
        ) {
            let change: i128 = models.iter().map(|[before, after]| after.cost - before.cost).sum();
            prop_assert_eq!(decompose(&models).iter().sum::<i128>(), change);
        }

        #[test]
        fn hardly_anything_is_left_to_rounding(
            models in prop::collection::vec((any_side(), any_side()).prop_map(|(a, b)| [a, b]), 1..8),
        ) {
            let calls = [0, 1].map(|at| models.iter().map(|model| model[at].calls).sum::<f64>());
            let explained: f64 = models.iter().flat_map(|model| {
                let [before, after] = factors(model, calls);
                shapley(&before, &after)
            }).sum();
            let change: i128 = models.iter().map(|[before, after]| after.cost - before.cost).sum();
            let spent: i128 = models.iter().flatten().map(|side| side.cost).sum();
            prop_assert!((explained - change as f64).abs() <= 1.0 + spent as f64 * 1e-9, "{} {}", explained, change);
        }
    }

    /// The part that a change of one thing alone must have all of.
    #[track_caller]
    fn only(part: usize, models: &[[Side; 2]]) {
        let parts = decompose(models);
        let change: i128 = models.iter().map(|[before, after]| after.cost - before.cost).sum();
        assert_ne!(change, 0);
        assert!((parts[part] - change).abs() <= 2, "{parts:?} of {change}");
    }

    #[test]
    fn what_changed_alone_is_all_of_the_change() {
        let before = side(10.0, 1_000.0, 900, 100.0);
        only(0, &[[before, side(20.0, 2_000.0, 1_800, 200.0)]]);
        only(2, &[[before, side(10.0, 2_000.0, 1_800, 200.0)]]);
        only(3, &[[before, side(10.0, 1_000.0, 1_800, 200.0)]]);
        only(4, &[[before, side(10.0, 1_000.0, 500, 500.0)]]);
        let (cheap, dear) = (side(5.0, 5.0, 50, 0.0), side(5.0, 5.0, 5_000, 0.0));
        let none = Side::default();
        only(1, &[[cheap, none], [dear, side(10.0, 10.0, 10_000, 0.0)]]);
        only(0, &[[none, dear]]);
    }

    #[test]
    fn a_model_that_was_swapped_for_another_is_mix() {
        let (old, new) = (side(10.0, 100.0, 1_000, 0.0), side(10.0, 100.0, 300, 0.0));
        only(1, &[[old, Side::default()], [Side::default(), new]]);
    }
}
