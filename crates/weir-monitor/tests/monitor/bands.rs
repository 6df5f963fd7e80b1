//! The laws of bands: what holds whatever the series is.

use proptest::prelude::*;
use weir_monitor::detect::{Band, BandModel, BandPoint, BandSpec, SeasonSlot, Transform};
use weir_monitor::{Algorithm, Direction, Judged, Seasonality, Shape, explain, parse_condition};
use weir_types::UnixMicros;
use weir_types::metric::Unit;

const FIVE_MINUTES_US: i64 = 5 * UnixMicros::MINUTE;
const DAY_POINTS: usize = 288;

fn spec(algorithm: Algorithm) -> BandSpec {
    BandSpec {
        algorithm,
        bounds: 3.0,
        direction: Direction::Both,
        seasonality: Seasonality::Weekly,
        interval_us: FIVE_MINUTES_US,
        transform: Transform::Identity,
        is_literal: false,
        budget_per_week: None,
        alert_window_us: 3 * FIVE_MINUTES_US,
        deviation_min: 0.0,
        value_min: None,
    }
}

fn slot(at: usize) -> SeasonSlot {
    SeasonSlot::at(UnixMicros(i64::try_from(at).unwrap() * FIVE_MINUTES_US), 0)
}

/// Numbers around zero, most of them below one: the sum of three uniform ones.
fn noise(at: usize) -> f64 {
    let uniform = |salt: u64| {
        let mixed = (at as u64 * 3 + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 40) as f64 / f64::from(1_u32 << 24) * 2.0 - 1.0
    };
    uniform(0) + uniform(1) + uniform(2)
}

/// What people do in a day: little at night, most in the afternoon.
fn day(at: usize) -> f64 {
    let hour = (at % DAY_POINTS) as f64 / 12.0;
    100.0 - 50.0 * (hour / 24.0 * std::f64::consts::TAU).cos()
}

fn run(spec: &BandSpec, values: impl IntoIterator<Item = Option<f64>>) -> (Band, Vec<Option<BandPoint>>) {
    let model = BandModel::new(spec);
    let mut band = Band::new(&model);
    let points =
        values.into_iter().enumerate().map(|(at, value)| band.observe(&model, slot(at), value)).collect();
    (band, points)
}

fn bits(band: &Band) -> Vec<u32> {
    let mut bits = Vec::new();
    band.visit_bits(|number| bits.push(number));
    bits
}

const ALGORITHMS: [Algorithm; 3] = [Algorithm::Basic, Algorithm::Agile, Algorithm::Robust];

#[test]
fn three_bounds_leave_the_share_of_a_normal_distribution_outside() {
    for algorithm in ALGORITHMS {
        // Products of noise have far heavier tails than noise.
        for tails in [1, 3] {
            let heavy = |at: usize| (0..tails).map(|salt| noise(at * 8 + salt)).product::<f64>();
            let values = (0..56 * DAY_POINTS).map(|at| Some(day(at) + 5.0 * heavy(at)));
            let (_, points) = run(&spec(algorithm), values);
            let late = &points[14 * DAY_POINTS..];
            let outside = late.iter().flatten().filter(|point| point.is_outside).count();
            let share = outside as f64 / late.len() as f64;
            assert!((0.0018..0.0036).contains(&share), "{algorithm:?} {tails}: {share}");
        }
    }
}

#[test]
fn a_spike_is_outside_and_says_how_unusual_it_is() {
    for algorithm in ALGORITHMS {
        let values = (0..20 * DAY_POINTS)
            .map(|at| Some(day(at) + 3.0 * noise(at) + if at == 19 * DAY_POINTS + 40 { 150.0 } else { 0.0 }));
        let (_, points) = run(&spec(algorithm), values);
        let spike = points[19 * DAY_POINTS + 40].unwrap();
        assert!(spike.is_outside && spike.value > spike.upper, "{algorithm:?}: {spike:?}");
        assert!(spike.score > 3.0, "{algorithm:?}: {spike:?}");
    }
}

#[test]
fn an_agile_band_accepts_a_new_level_and_a_robust_one_does_not() {
    let values =
        || (0..20 * DAY_POINTS).map(|at| Some(noise(at) + if at < 15 * DAY_POINTS { 100.0 } else { 140.0 }));
    let (_, agile) = run(&spec(Algorithm::Agile), values());
    let shift = agile.iter().position(|point| point.is_some_and(|point| point.is_shift)).unwrap();
    assert_eq!(shift, 15 * DAY_POINTS + 7);
    let after = &agile[shift + 1..];
    assert!(after.iter().flatten().filter(|point| point.is_outside).count() < after.len() / 50);
    let (_, robust) = run(&spec(Algorithm::Robust), values());
    assert!(robust.iter().flatten().all(|point| !point.is_shift));
    assert!(robust[15 * DAY_POINTS + 20].unwrap().is_outside);
}

#[test]
fn directions_floors_and_budgets_decide_what_counts() {
    let values =
        || (0..10 * DAY_POINTS).map(|at| Some(50.0 + noise(at) + if at % 500 == 499 { -20.0 } else { 0.0 }));
    let count =
        |spec: &BandSpec| run(spec, values()).1.iter().flatten().filter(|point| point.is_outside).count();
    let both = count(&spec(Algorithm::Agile));
    assert!(both >= 5);
    let above = BandSpec { direction: Direction::Above, ..spec(Algorithm::Agile) };
    assert!(count(&above) < both);
    assert_eq!(count(&BandSpec { deviation_min: 30.0, ..spec(Algorithm::Agile) }), 0);
    assert_eq!(count(&BandSpec { value_min: Some(60.0), ..above }), 0);
}

#[test]
fn what_is_judged_without_being_learned_leaves_no_trace() {
    let model = BandModel::new(&spec(Algorithm::Agile));
    let (band, _) = run(&spec(Algorithm::Agile), (0..1000).map(|at| Some(noise(at))));
    let before = bits(&band);
    let point = band.judge(&model, slot(1000), Some(1e6)).unwrap();
    assert!(point.is_outside);
    assert_eq!(bits(&band), before);
}

#[test]
fn a_day_on_which_the_clocks_change_is_a_day_like_any_other() {
    // Local time in both; from the fifteenth day on the offset from UTC is an hour more.
    let model = BandModel::new(&BandSpec { algorithm: Algorithm::Robust, ..spec(Algorithm::Robust) });
    let mut band = Band::new(&model);
    let mut outside = 0;
    for at in 0..28 * DAY_POINTS {
        let offset_s = if at < 14 * DAY_POINTS { 3600 } else { 7200 };
        let local = at + offset_s / 300;
        // A step at nine in the morning, which an hour's error would put in the wrong place.
        let value = if (108..216).contains(&(local % DAY_POINTS)) { 100.0 } else { 10.0 } + noise(at);
        let instant = UnixMicros(i64::try_from(at).unwrap() * FIVE_MINUTES_US);
        let slot = SeasonSlot::at(instant, i32::try_from(offset_s).unwrap());
        let point = band.observe(&model, slot, Some(value));
        if at >= 14 * DAY_POINTS {
            outside += u32::from(point.is_some_and(|point| point.is_outside));
        }
    }
    assert!(outside <= 30, "{outside}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn one_wild_point_moves_the_next_baseline_by_no_more_than_the_clamp(
        wild in prop_oneof![1e2..1e12_f64, -1e12..-1e2_f64],
        days in 3..12_usize,
        salt in 0..1000_usize,
    ) {
        for algorithm in ALGORITHMS {
            let values = || (0..days * DAY_POINTS).map(|at| Some(20.0 + noise(at + salt)));
            let (mut with, _) = run(&spec(algorithm), values());
            let mut without = with.clone();
            let model = BandModel::new(&spec(algorithm));
            let next = days * DAY_POINTS;
            let usual = without.observe(&model, slot(next), Some(20.0)).unwrap();
            with.observe(&model, slot(next), Some(wild)).unwrap();
            let usual_next = without.judge(&model, slot(next + 1), Some(20.0)).unwrap();
            let wild_next = with.judge(&model, slot(next + 1), Some(20.0)).unwrap();
            let band = usual.upper - usual.lower;
            prop_assert!((wild_next.baseline - usual_next.baseline).abs() <= band);
            prop_assert!(wild_next.upper - wild_next.lower <= 1.5 * (usual_next.upper - usual_next.lower));
        }
    }

    #[test]
    fn a_season_without_noise_is_never_outside_once_it_is_known(
        phase in 0..DAY_POINTS,
        height in 1.0..1e6_f64,
        level in -1e6..1e6_f64,
    ) {
        for algorithm in [Algorithm::Agile, Algorithm::Robust] {
            let values = (0..35 * DAY_POINTS).map(|at| Some(level + height * day(at + phase)));
            let (_, points) = run(&spec(algorithm), values);
            // A curve whose every deviation is an error of interpolation still has a rarest one.
            let outside = points[21 * DAY_POINTS..].iter().flatten().filter(|point| {
                point.is_outside && (point.value - point.baseline).abs() > 0.05 * 100.0 * height
            });
            prop_assert_eq!(outside.count(), 0);
        }
    }

    #[test]
    fn equal_points_give_equal_bits_and_gaps_teach_nothing(
        values in proptest::collection::vec(proptest::option::weighted(0.9, -1e9..1e9_f64), 1..400),
    ) {
        for algorithm in ALGORITHMS {
            let (one, points) = run(&spec(algorithm), values.iter().copied());
            let (other, again) = run(&spec(algorithm), values.iter().copied());
            prop_assert_eq!(bits(&one), bits(&other));
            prop_assert_eq!(points, again);
            let model = BandModel::new(&spec(algorithm));
            let mut gap = one.clone();
            prop_assert_eq!(gap.observe(&model, slot(400), None), None);
            prop_assert_eq!(gap.observe(&model, slot(401), Some(f64::NAN)), None);
            prop_assert_eq!(gap.observe(&model, slot(402), Some(f64::INFINITY)), None);
            prop_assert_eq!(bits(&gap), bits(&one));
        }
    }

    #[test]
    fn a_band_of_scaled_values_is_the_scaled_band(
        values in proptest::collection::vec(1.0..1000.0_f64, 20..600),
        power in -20..20_i32,
    ) {
        let scale = 2.0_f64.powi(power);
        for algorithm in ALGORITHMS {
            let (_, plain) = run(&spec(algorithm), values.iter().map(|value| Some(*value)));
            let (_, scaled) = run(&spec(algorithm), values.iter().map(|value| Some(value * scale)));
            for (plain, scaled) in plain.iter().flatten().zip(scaled.iter().flatten()) {
                prop_assert_eq!(plain.is_outside, scaled.is_outside);
                prop_assert!((plain.score - scaled.score).abs() < 1e-6);
                prop_assert!((plain.upper * scale - scaled.upper).abs() <= 1e-6 * scaled.upper.abs());
            }
        }
    }

    #[test]
    fn no_value_breaks_a_band(
        values in proptest::collection::vec(proptest::num::f64::ANY, 1..200),
        transform in prop_oneof![Just(Transform::Identity), Just(Transform::Sqrt), Just(Transform::Log)],
        budget in proptest::option::of(0.0..100.0_f64),
    ) {
        for algorithm in ALGORITHMS {
            let spec = BandSpec { transform, budget_per_week: budget, ..spec(algorithm) };
            let (_, points) = run(&spec, values.iter().map(|value| Some(*value)));
            for point in points.iter().flatten() {
                prop_assert!(!point.score.is_nan() && !point.baseline.is_nan(), "{point:?}");
            }
        }
    }
}

/// The band that a condition asks for.
fn band_of(condition: &str) -> BandSpec {
    let condition = parse_condition(condition).unwrap();
    let Judged::Metric(rule) = condition.judged else { panic!("no metric") };
    let Shape::Anomaly(anomaly) = &rule.shape else { panic!("no anomaly") };
    BandSpec::of(anomaly, Unit::None)
}

#[test]
fn a_budget_of_a_condition_says_how_many_alerts_a_week_noise_may_raise() {
    for (clause, expected) in
        [("budget 1 per week", 1.0), ("budget 2 per day", 14.0), ("budget 0.5 per week", 0.5)]
    {
        let spec = band_of(&format!("anomaly(avg(gauge), 'agile', 3, direction='both') > 0 {clause}"));
        assert_eq!(spec.budget_per_week, Some(expected));
        let weeks = 26;
        let values = (0..weeks * 7 * DAY_POINTS).map(|at| Some(day(at) + 5.0 * noise(at)));
        let (_, points) = run(&spec, values);
        let late = &points[4 * 7 * DAY_POINTS..];
        // An alert is a run of points outside: those within an alert window of each other are one.
        let mut alerts = 0;
        let mut last = None;
        for (at, point) in late.iter().enumerate() {
            if point.as_ref().is_some_and(|point| point.is_outside) {
                alerts += usize::from(last.is_none_or(|last| at - last > 3));
                last = Some(at);
            }
        }
        let a_week = alerts as f64 / (weeks - 4) as f64;
        assert!((expected * 0.5..expected * 1.6).contains(&a_week), "{clause}: {a_week} alerts a week");
    }
    // Three deviations alone would be 5.4 points a week.
    assert_eq!(band_of("anomaly(avg(gauge), 'agile', 3) > 0").budget_per_week, None);
    let early = band_of("anomaly(avg(gauge), 'agile', 3) budget 1 per week > 0");
    assert_eq!(early.budget_per_week, Some(1.0));
}

#[test]
fn a_budget_that_makes_no_sense_is_refused_where_it_stands() {
    for (condition, why) in [
        ("avg(gauge) > 5 budget 1 per week", "only the bands of `anomaly(…)`"),
        ("anomaly(avg(gauge)) > 0 budget 1", "expected `per week` or `per day`"),
        ("anomaly(avg(gauge)) > 0 budget 1 per year", "expected `per week` or `per day`"),
        ("anomaly(avg(gauge)) > 0 budget 0 per week", "0.01 to 100 alerts"),
        ("anomaly(avg(gauge)) > 0 budget 5ms per week", "0.01 to 100 alerts"),
        ("anomaly(avg(gauge)) > 0 budget 1 per week budget 1 per day", "written twice"),
    ] {
        let error = parse_condition(condition).map(|_| ()).unwrap_err().render(condition);
        assert!(error.contains(why), "{condition}: {error}");
    }
}

#[test]
fn an_explanation_says_the_budget() {
    let condition = parse_condition("anomaly(avg(gauge)) > 0 budget 1 per week").unwrap();
    let text = explain(&condition);
    assert!(text.contains("1 alerts a week for each series when nothing is wrong"), "{text}");
}
