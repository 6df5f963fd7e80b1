//! What usage costs: examples by hand, and laws that hold for every price.

use proptest::prelude::*;
use weir_meter::{Meter, PriceBook, PriceDetail, PriceOverride, ServiceTier};
use weir_types::{NanoUsd, PicoUsdPerToken, TokenUsage};

/// One model with every rate and every kind of tier.
const LIST: &str = r#"{"schema":1,"version":"2026-01-02","providers":[{"provider":"p","models":[
{"model":"all","max_input":1000000,"max_output":64000,"rates":[
  {"input":3000000,"output":15000000,"cache_read":300000,"cache_write":3750000,"cache_write_1h":6000000,
   "reasoning":20000000,"audio_input":40000000,"audio_output":80000000,"image_input":5000000,"image_output":30000000},
  {"above":200000,"input":6000000,"output":22500000},
  {"above":500000,"input":12000000,"output":30000000,"cache_read":2000000},
  {"service":"batch","input":1500000,"output":7500000},
  {"service":"batch","above":200000,"input":3000000,"output":11250000},
  {"service":"priority","input":6000000,"output":30000000}]},
{"model":"plain","rates":[{"input":2500000,"output":10000000}]},
{"model":"tiny","rates":[{"input":1,"output":1}]},
{"model":"rank","mode":"rerank","request":2000000000,"rates":[{"input":0}]}]}]}"#;

fn book() -> PriceBook {
    PriceBook::from_json(LIST.as_bytes()).expect("the test's list")
}

fn cost_of(model: &str, tokens: TokenUsage, detail: PriceDetail) -> Option<NanoUsd> {
    Meter::new(book()).cost("p", model, &tokens, &detail).map(|priced| priced.cost)
}

fn usage(input: u64, output: u64) -> TokenUsage {
    TokenUsage { input: Some(input), output: Some(output), ..TokenUsage::default() }
}

#[test]
fn each_kind_of_token_has_its_rate_and_is_charged_once() {
    let tokens = TokenUsage {
        cache_read: Some(10_000),
        cache_write: Some(3_000),
        reasoning: Some(400),
        ..usage(20_000, 1_000)
    };
    let detail = PriceDetail {
        cache_write_1h: Some(1_000),
        audio_input: Some(500),
        image_input: Some(250),
        audio_output: Some(100),
        image_output: Some(50),
        ..PriceDetail::default()
    };
    let input = 6_250 * 3_000 + 10_000 * 300 + 2_000 * 3_750 + 1_000 * 6_000 + 500 * 40_000 + 250 * 5_000;
    let output = 450 * 15_000 + 400 * 20_000 + 100 * 80_000 + 50 * 30_000;
    assert_eq!(cost_of("all", tokens, detail), Some(NanoUsd(input + output)));
}

#[test]
fn rates_that_are_not_stated_fall_back_to_input_and_output() {
    let tokens =
        TokenUsage { cache_read: Some(10), cache_write: Some(20), reasoning: Some(30), ..usage(100, 50) };
    let detail = PriceDetail { audio_input: Some(40), image_output: Some(5), ..PriceDetail::default() };
    assert_eq!(cost_of("plain", tokens, detail), cost_of("plain", usage(100, 50), PriceDetail::default()));
}

#[test]
fn the_whole_call_is_charged_by_the_tier_of_its_input() {
    let cost = |input, detail| cost_of("all", usage(input, 0), detail).map(|cost| cost.0);
    let standard = PriceDetail::default();
    assert_eq!(cost(200_000, standard), Some(200_000 * 3_000));
    assert_eq!(cost(200_001, standard), Some(200_001 * 6_000));
    assert_eq!(cost(500_001, standard), Some(500_001 * 12_000));
    let batch = PriceDetail { batch: true, service_tier: Some(ServiceTier::Priority), ..standard };
    assert_eq!(cost(200_000, batch), Some(200_000 * 1_500), "a batch is a batch");
    assert_eq!(cost(200_001, batch), Some(200_001 * 3_000));
    assert_eq!(cost(500_001, batch), Some(500_001 * 12_000), "a tier that has no such length is standard");
    let service = |name| PriceDetail { service_tier: Some(ServiceTier::of_name(name)), ..standard };
    assert_eq!(cost(1_000, service("priority")), Some(1_000 * 6_000));
    assert_eq!(
        cost(1_000, service("flex")),
        Some(1_000 * 3_000),
        "a tier that the model has not is standard"
    );
    assert_eq!(cost(1_000, service("default")), Some(1_000 * 3_000));
}

#[test]
fn what_a_tier_leaves_open_is_scaled_as_it_scales_input_and_output() {
    let cached = |input, detail| {
        let tokens = TokenUsage { input: Some(input), cache_read: Some(input), ..TokenUsage::default() };
        cost_of("all", tokens, detail).map(|cost| cost.0)
    };
    let batch = PriceDetail { batch: true, ..PriceDetail::default() };
    assert_eq!(cached(1_000, batch), Some(1_000 * 150), "half of 300");
    assert_eq!(cached(300_000, PriceDetail::default()), Some(300_000 * 600), "twice 300");
    assert_eq!(cached(600_000, PriceDetail::default()), Some(600_000 * 2_000), "stated");
    let reasoning = TokenUsage { reasoning: Some(100), ..usage(300_000, 100) };
    let plain = cost_of("all", usage(300_000, 0), PriceDetail::default()).map(|cost| cost.0);
    let with = cost_of("all", reasoning, PriceDetail::default()).map(|cost| cost.0);
    assert_eq!(with, plain.map(|cost| cost + 100 * 30_000), "20,000 x 22.5 / 15");
}

#[test]
fn rounding_happens_once_and_half_up() {
    for (input, output, nano) in [(499, 0, 0), (500, 0, 1), (499, 1, 1), (250, 249, 0), (1_499, 0, 1)] {
        let cost = cost_of("tiny", usage(input, output), PriceDetail::default());
        assert_eq!(cost, Some(NanoUsd(nano)), "{input} {output}");
    }
}

#[test]
fn a_call_without_price_or_usage_has_no_cost_and_never_costs_nothing() {
    let detail = PriceDetail::default();
    assert_eq!(cost_of("unknown", usage(10, 10), detail), None);
    assert_eq!(cost_of("plain", TokenUsage::default(), detail), None);
    assert_eq!(cost_of("plain", usage(0, 0), detail), Some(NanoUsd(0)), "stated zeros are known");
    let only_input = TokenUsage { input: Some(2), ..TokenUsage::default() };
    assert_eq!(cost_of("plain", only_input, detail), Some(NanoUsd(5_000)), "embeddings write nothing");
}

#[test]
fn a_model_billed_by_the_call_costs_that_much_whatever_is_known() {
    let detail = PriceDetail::default();
    assert_eq!(cost_of("rank", TokenUsage::default(), detail), Some(NanoUsd(2_000_000)));
    assert_eq!(cost_of("rank", usage(500, 0), detail), Some(NanoUsd(2_000_000)));
}

#[test]
fn parts_beyond_their_whole_are_charged_as_parts() {
    let exclusive = TokenUsage { cache_read: Some(900), cache_write: Some(200), ..usage(100, 0) };
    let inclusive = TokenUsage { cache_read: Some(900), cache_write: Some(200), ..usage(1_100, 0) };
    let detail = PriceDetail::default();
    assert_eq!(cost_of("all", exclusive, detail), cost_of("all", inclusive, detail));
    let huge = TokenUsage {
        input: Some(u64::MAX),
        output: Some(u64::MAX),
        cache_read: Some(u64::MAX),
        cache_write: Some(u64::MAX),
        reasoning: Some(u64::MAX),
    };
    assert_eq!(cost_of("all", huge, detail), Some(NanoUsd(i64::MAX)));
}

#[test]
fn a_replaced_book_prices_from_then_on_and_signs_with_its_version() {
    let meter = Meter::new(book());
    let before = meter.cost("p", "plain", &usage(1, 0), &PriceDetail::default()).expect("a price");
    let rule = PriceOverride {
        model: "pl*".into(),
        input_usd_per_million: Some("0".into()),
        output_usd_per_million: Some("0".into()),
        ..PriceOverride::default()
    };
    meter.replace_book(book().with_overrides(vec![rule]).expect("the test's override"));
    let after = meter.cost("p", "plain", &usage(1, 0), &PriceDetail::default()).expect("a price");
    assert_eq!((before.cost, &*before.version), (NanoUsd(2_500), "2026-01-02"));
    assert_eq!((after.cost, &after.version), (NanoUsd(0), meter.book().version()));
    assert_ne!(before.version, after.version);
}

/// A price of one tier, and one with tiers that get dearer with length.
fn prices() -> impl Strategy<Value = PriceBook> {
    let rate = 0_i64..100_000_000;
    let rates = proptest::collection::vec(rate, 10);
    (rates, proptest::collection::vec(any::<bool>(), 8), 1_i64..4, 1_u64..5_000).prop_map(
        |(rates, stated, dearer, above)| {
            let names = [
                "cache_read", "cache_write", "cache_write_1h", "reasoning", "audio_input", "audio_output",
                "image_input", "image_output",
            ];
            let mut tier = serde_json::json!({"input": rates[8] + 1, "output": rates[9]});
            for (index, name) in names.into_iter().enumerate().filter(|(index, _)| stated[*index]) {
                tier[name] = rates[index].into();
            }
            let mut long = tier.clone();
            for value in long.as_object_mut().expect("an object").values_mut() {
                *value = (value.as_i64().expect("a rate") * dearer).into();
            }
            long["above"] = above.into();
            let list = serde_json::json!({"schema": 1, "version": "v", "providers": [{"provider": "p", "models": [
                {"model": "flat", "rates": [tier]}, {"model": "tiered", "rates": [tier, long]}]}]});
            PriceBook::from_json(list.to_string().as_bytes()).expect("the generated list")
        },
    )
}

prop_compose! {
    fn calls()(parts in proptest::collection::vec(0_u64..5_000, 10)) -> (TokenUsage, PriceDetail) {
        let [read, write_5m, write_1h, audio, image, text, reasoning, spoken, drawn, written] = parts[..] else {
            unreachable!("ten parts are generated")
        };
        let tokens = TokenUsage {
            input: Some(read + write_5m + write_1h + audio + image + text),
            output: Some(reasoning + spoken + drawn + written),
            cache_read: Some(read),
            cache_write: Some(write_5m + write_1h),
            reasoning: Some(reasoning),
        };
        let detail = PriceDetail {
            cache_write_1h: Some(write_1h),
            audio_input: Some(audio),
            image_input: Some(image),
            audio_output: Some(spoken),
            image_output: Some(drawn),
            ..PriceDetail::default()
        };
        (tokens, detail)
    }
}

fn plus(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.zip(b).map(|(a, b)| a + b)
}

/// Both calls as one.
fn together(a: (TokenUsage, PriceDetail), b: (TokenUsage, PriceDetail)) -> (TokenUsage, PriceDetail) {
    let tokens = TokenUsage {
        input: plus(a.0.input, b.0.input),
        output: plus(a.0.output, b.0.output),
        cache_read: plus(a.0.cache_read, b.0.cache_read),
        cache_write: plus(a.0.cache_write, b.0.cache_write),
        reasoning: plus(a.0.reasoning, b.0.reasoning),
    };
    let detail = PriceDetail {
        cache_write_1h: plus(a.1.cache_write_1h, b.1.cache_write_1h),
        audio_input: plus(a.1.audio_input, b.1.audio_input),
        image_input: plus(a.1.image_input, b.1.image_input),
        audio_output: plus(a.1.audio_output, b.1.audio_output),
        image_output: plus(a.1.image_output, b.1.image_output),
        ..PriceDetail::default()
    };
    (tokens, detail)
}

proptest! {
    #[test]
    fn costs_add_up_before_rounding(book in prices(), a in calls(), b in calls()) {
        let price = book.price("p", "flat").expect("a price");
        let both = together(a, b);
        let sum = price.cost_pico(&a.0, &a.1) + price.cost_pico(&b.0, &b.1);
        prop_assert_eq!(price.cost_pico(&both.0, &both.1), sum);
    }

    #[test]
    fn more_tokens_never_cost_less(book in prices(), a in calls(), b in calls()) {
        let price = book.price("p", "tiered").expect("a price");
        let both = together(a, b);
        prop_assert!(price.cost_pico(&both.0, &both.1) >= price.cost_pico(&a.0, &a.1));
    }

    #[test]
    fn no_call_costs_more_than_its_dearest_rates(book in prices(), call in calls()) {
        let price = book.price("p", "tiered").expect("a price");
        let (input, output) = (call.0.input.unwrap_or(0), call.0.output.unwrap_or(0));
        let rates = price.rates(ServiceTier::Standard, input);
        let most = rates.input_max().times_pico(input) + rates.output_max().times_pico(output);
        let cost = price.cost_pico(&call.0, &call.1);
        prop_assert!((0..=most).contains(&cost), "{} of {}", cost, most);
        prop_assert_eq!(price.cost(&call.0, &call.1), Some(PicoUsdPerToken::round_to_nano(cost)));
    }
}
