//! What holds of every test for any numbers: p within 0 and 1, no NaN, no panic, and
//! sides that can be changed over.

use proptest::prelude::*;

use super::*;

/// Samples as they come: small, tied, constant, huge and mixed.
fn sample() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        4 => (0_i32..6).prop_map(f64::from),
        4 => -1e3..1e3,
        1 => prop_oneof![Just(0.0), Just(1e300), Just(-1e300), Just(5e-324), Just(f64::MAX)],
    ];
    prop_oneof![
        prop::collection::vec(value, 0..40),
        (0_usize..40, -5.0..5.0).prop_map(|(count, value)| vec![value; count]),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    let total = prop_oneof![0_u64..30, 0_u64..10_000_000, Just(1_000_000_000_000)];
    (total, 0.0..=1.0_f64, any::<bool>()).prop_map(|(total, part, few)| {
        let total = total as f64;
        let bad = if few { (part * 20.0).round().min(total) } else { (part * total).round() };
        Share { bad, total }
    })
}

fn within(p: f64) {
    assert!((0.0..=1.0).contains(&p), "p = {p}");
}

fn ordered(interval: [f64; 2]) {
    assert!(interval[0] <= interval[1], "{interval:?}");
}

/// Equal up to rounding.
fn near(x: f64, y: f64) {
    assert!((x - y).abs() <= 1e-9 + 1e-6 * x.abs().min(y.abs()), "{x} {y}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn shares_compare_the_same_from_both_sides(a in share(), b in share()) {
        let (there, back) = (proportions(a, b, 0.95), proportions(b, a, 0.95));
        for p in [there.p, there.p_greater, there.p_less] {
            within(p);
        }
        ordered(there.interval);
        near(there.p, back.p);
        near(there.p_greater, back.p_less);
        near(there.effect, -back.effect);
        near(there.interval[0], -back.interval[1]);
        let [low, high] = bounds(a, 0.95);
        prop_assert!(0.0 <= low && low <= a.rate() + 1e-12 && a.rate() <= high + 1e-12 && high <= 1.0);
    }

    #[test]
    fn windows_compare_the_same_from_both_sides(
        a in prop::collection::vec(share(), 0..12),
        b in prop::collection::vec(share(), 0..12),
    ) {
        let (there, back) = (pooled(&a, &b, 0.99), pooled(&b, &a, 0.99));
        for p in [there.p, there.p_greater, there.p_less] {
            within(p);
        }
        ordered(there.interval);
        near(there.p, back.p);
        near(there.p_greater, back.p_less);
    }

    #[test]
    fn locations_compare_the_same_from_both_sides(a in sample(), b in sample()) {
        for (there, back) in [
            (location(&a, &b, 0.95), location(&b, &a, 0.95)),
            (brunner_munzel(&a, &b, 0.95), brunner_munzel(&b, &a, 0.95)),
            (
                dependence::location_over_time(&a, &b, 0.95),
                dependence::location_over_time(&b, &a, 0.95),
            ),
        ] {
            for p in [there.p, there.p_greater, there.p_less] {
                within(p);
            }
            ordered(there.interval);
            prop_assert!(!there.shift.is_nan() && !there.interval[0].is_nan());
            near(there.p, back.p);
            near(there.p_greater, back.p_less);
            near(there.shift, -back.shift);
            near(there.delta, -back.delta);
        }
    }

    #[test]
    fn hodges_and_lehmann_is_the_median_of_all_differences(
        a in prop::collection::vec(-20_i32..20, 1..200),
        b in prop::collection::vec(-1e3..1e3_f64, 1..200),
    ) {
        let a: Vec<f64> = a.into_iter().map(f64::from).collect();
        let all: Vec<f64> = a.iter().flat_map(|x| b.iter().map(move |y| x - y)).collect();
        let middle = robust::median(&all).unwrap_or(f64::NAN);
        near(location(&a, &b, 0.95).shift, middle);
        let (a, b, mut all) = (robust::sorted(&a), robust::sorted(&b), all);
        all.sort_unstable_by(f64::total_cmp);
        // What one rank was looked for by must not mislead the next.
        let mut differences = select::Differences::new(&a, &b);
        for rank in [all.len() / 2, 0, all.len() / 7, all.len() / 7 + 1, all.len() - 1] {
            prop_assert_eq!(differences.at(rank), all[rank]);
        }
    }

    #[test]
    fn the_rest_gives_numbers_for_any(a in sample(), b in sample(), q in 0.0..=1.0_f64) {
        for p in [
            spread(&a, &b).p,
            spread::brown_forsythe(&a, &b).p,
            kolmogorov_smirnov(&a, &b).p,
            upper_quantile(&a, &b, q, 0.95).p,
        ] {
            within(p);
        }
        prop_assert!(!spread(&a, &b).ratio.is_nan());
        near(kolmogorov_smirnov(&a, &b).p, kolmogorov_smirnov(&b, &a).p);
        near(spread(&a, &b).p, spread(&b, &a).p);
        let points: Vec<(f64, f64)> =
            a.iter().enumerate().map(|(index, value)| (index as f64, *value)).collect();
        let found = trend(&points);
        within(found.p);
        ordered(found.interval);
        prop_assert!((-1.0..=1.0).contains(&found.tau) && !found.slope.is_nan());
        let worth = effective(&a);
        prop_assert!(worth <= a.len() as f64 && (a.is_empty() || worth >= 1.0));
    }

    #[test]
    fn corrected_p_values_are_no_smaller(p in prop::collection::vec(0.0..=1.0_f64, 0..30)) {
        for (plain, (holm, fdr)) in p.iter().zip(holm(&p).iter().zip(benjamini_hochberg(&p))) {
            let slack = 1e-12;
            prop_assert!(*plain <= fdr + slack && fdr <= holm + slack && *holm <= 1.0);
        }
    }
}
