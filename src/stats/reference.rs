//! Every test against SciPy 1.17's numbers, printed to all digits.

use super::spread::brown_forsythe;
use super::tails::*;
use super::*;

const A: &[f64] = &[10.1, 11.4, 9.8, 12.7, 10.9, 13.3, 11.8, 10.2, 9.9, 12.1];
const B: &[f64] = &[9.1, 10.4, 8.8, 10.7, 9.9, 11.3, 10.8, 8.2, 9.5, 10.0, 9.3, 10.6];
const TIED_A: &[f64] = &[1., 2., 2., 3., 3., 3., 4., 5., 5., 6., 7., 7., 8., 8., 9.];
const TIED_B: &[f64] = &[0., 1., 1., 2., 2., 2., 3., 3., 4., 4., 4., 5., 5., 6., 6., 6., 7.];

/// Two longer samples: 60 and 50 values that overlap.
fn longer() -> (Vec<f64>, Vec<f64>) {
    let a = (0..60).map(|i| f64::from((i * 37) % 101) / 10.0).collect();
    let b = (0..50).map(|i| f64::from((i * 53) % 97) / 10.0 + 0.9).collect();
    (a, b)
}

#[track_caller]
fn equal(what: &str, ours: f64, theirs: f64) {
    let near = (ours - theirs).abs() <= 1e-9 * theirs.abs() + 1e-300;
    assert!(near, "{what}: {ours} instead of {theirs}");
}

#[test]
fn tails_are_those_of_the_distributions() {
    // scipy.special.betainc
    for (a, b, x, value) in [
        (0.5, 0.5, 0.3, 0.36901011956554536),
        (2.0, 3.0, 0.1, 0.05230000000000001),
        (1e3, 2e3, 0.33, 0.3506326761341843),
        (5.0, 1e6, 4e-6, 0.3711661906951548),
        (1e5, 1e5, 0.501, 0.8144532554424423),
        (1e6, 3e6, 0.2502, 0.8222018277668669),
    ] {
        equal("beta", beta_below(a, b, x), value);
        equal("beta quantile", beta_quantile(a, b, value), x);
    }
    // scipy.stats.t.sf, f.sf, chi2.sf, norm.sf
    for (t, freedom, p) in [
        (1.3, 1.0, 0.20871440016015272),
        (2.5, 4.0, 0.03338327240599407),
        (-0.7, 9.5, 0.7496455872882353),
        (5.0, 60.0, 2.644012105337133e-06),
        (3.0, 1e5, 0.0013502304420323617),
    ] {
        equal("t", t_above(t, freedom), p);
    }
    for (confidence, freedom, t) in [
        (0.95, 3.0, 3.1824463052837078),
        (0.99, 17.5, 2.8880229797364643),
        (0.999, 200.0, 3.3398354062757107),
    ] {
        equal("t quantile", t_two_sided(confidence, freedom), t);
    }
    for (f, over, under, p) in [
        (2.2, 1.0, 30.0, 0.14844128599491213),
        (9.1, 3.0, 7.0, 0.008197943444886925),
        (0.4, 2.0, 2.0, 0.7142857142857142),
    ] {
        equal("F", f_above(f, over, under), p);
    }
    for (x, freedom, p) in [
        (3.84, 1.0, 0.05004352124870519),
        (10.0, 4.0, 0.04042768199451279),
        (200.0, 1.0, 2.0884875837625688e-45),
    ] {
        equal("chi-squared", chi_squared_above(x, freedom), p);
    }
    for (z, p) in [
        (0.0, 0.5),
        (1.0, 0.15865525393145707),
        (3.5, 0.00023262907903552502),
        (8.0, 6.22096057427174e-16),
        (-2.0, 0.9772498680518208),
    ] {
        equal("normal", normal_above(z), p);
    }
    for (p, z) in
        [(1e-12, -7.034483825301131), (0.025, -1.9599639845400545), (0.9, 1.2815515655446004)]
    {
        equal("normal quantile", normal_quantile(p), z);
    }
}

#[test]
fn exact_bounds_are_those_of_binomtest() {
    for (bad, total, confidence, low, high) in [
        (0.0, 10.0, 0.95, 0.0, 0.30849710781876294),
        (3.0, 50.0, 0.95, 0.01254858783533406, 0.1654819466037729),
        (17.0, 17.0, 0.95, 0.8049356770312616, 1.0),
        (5.0, 1e3, 0.95, 0.001625419517373302, 0.011629470559812206),
        (4999.0, 1e7, 0.95, 0.00048614062637380496, 0.0005139498971447046),
        (7.0, 90.0, 0.99, 0.023153195311363915, 0.179858439772217),
        // Wilson's with continuity correction, from 5,000 of either on.
        (20_000.0, 1e6, 0.95, 0.019726946628852812, 0.020276747877134658),
        (6_000.0, 12_001.0, 0.95, 0.4909725337819092, 0.5089441666166042),
    ] {
        let [of, to] = bounds(Share { bad, total }, confidence);
        equal(&format!("low of {bad}/{total}"), of, low);
        equal(&format!("high of {bad}/{total}"), to, high);
    }
    assert_eq!(bounds(Share::default(), 0.95), [0.0, 1.0]);
    // Poisson's bounds, which a billion is near enough to; SciPy loses digits there.
    let [low, high] = bounds(Share { bad: 2.0, total: 1e9 }, 0.95);
    assert!((low / 2.42209278543965e-10 - 1.0).abs() < 1e-8, "{low}");
    assert!((high / 7.22468766772396e-09 - 1.0).abs() < 1e-8, "{high}");
}

/// (bad, total) of a and b; Fisher's p (two-sided, greater, less); the score test's
/// two-sided and greater; Newcombe's interval; and whether the exact test is taken.
type Row = ([f64; 4], [f64; 3], [f64; 2], [f64; 2], bool);

const SHARES: &[Row] = &[
    (
        [5.0, 1e3, 0.0, 1e3],
        [0.0621875785163488, 0.0310937892581744, 1.0],
        [0.025164485700318536, 0.012582242850159268],
        [0.00022111065580109925, 0.011650955373375113],
        true,
    ),
    (
        [12.0, 1500.0, 3.0, 1400.0],
        [0.03628016712080477, 0.023893238578216312, 0.9946926020138709],
        [0.02800387790782038, 0.01400193895391019],
        [0.0004898051268100593, 0.011954654037689945],
        false,
    ),
    (
        [1.0, 10.0, 9.0, 11.0],
        [0.0019052155275065491, 0.9999688134363057, 0.0015905147484094851],
        [0.000997884328267635, 0.9995010578358662],
        [-0.8723299523173246, -0.29435630048494116],
        true,
    ),
    (
        [0.0, 50.0, 8.0, 60.0],
        [0.007555423564346809, 1.0, 0.006245022574149038],
        [0.007332967554360681, 0.9963335162228196],
        [-0.24165159676499615, -0.037358735708434496],
        true,
    ),
    (
        [300.0, 1e6, 1.0, 2e4],
        [0.03501454106089443, 0.018088918627186104, 0.9974238939055734],
        [0.041535072669466544, 0.020767536334733272],
        [1.4613549341902144e-05, 0.00030463744035555385],
        false,
    ),
    (
        // By fractions of whole numbers: SciPy loses digits here.
        [3.0, 1e9, 9.0, 1e9],
        [0.1459960925415039, 0.9807128909069824, 0.07299804627075195],
        [0.08326451573846845, 0.9583677421307658],
        [-1.4344626939049258e-08, 1.2163579945999465e-09],
        false,
    ),
    (
        [7.0, 7.0, 2.0, 9.0],
        [0.0032342657342657346, 0.003146853146853147, 1.0],
        [0.001863847935029942, 0.000931923967514971],
        [0.2968434594979581, 0.9367748928821533],
        true,
    ),
    (
        [1000.0, 2000.0, 1100.0, 2000.0],
        [0.0017176151783842473, 0.9993093292086208, 0.0008588075891921236],
        [0.0015442442309764328, 0.9992278778845117],
        [-0.08081515186992141, -0.019049633107455204],
        false,
    ),
    (
        [45.0, 9e3, 20.0, 8e3],
        [0.008722526535061125, 0.005493452418479862, 0.9974642663692411],
        [0.008383567529690173, 0.004191783764845087],
        [0.0006464549166391518, 0.004399927872010387],
        false,
    ),
];

#[test]
fn shares_are_compared_as_by_fisher_score_and_newcombe() {
    for ([bad_a, total_a, bad_b, total_b], fisher, score, interval, exact) in SHARES {
        let what = format!("{bad_a}/{total_a} and {bad_b}/{total_b}");
        let table = exact::fisher(*bad_a, *total_a, *bad_b, *total_b);
        equal(&format!("{what}, either way"), table.two_sided, fisher[0]);
        equal(&format!("{what}, greater"), table.greater, fisher[1]);
        equal(&format!("{what}, less"), table.less, fisher[2]);
        let a = Share { bad: *bad_a, total: *total_a };
        let b = Share { bad: *bad_b, total: *total_b };
        let found = proportions(a, b, 0.95);
        let (p, greater) = if *exact { (fisher[0], fisher[1]) } else { (score[0], score[1]) };
        equal(&what, found.p, p);
        equal(&what, found.p_greater, greater);
        assert!((found.interval[0] - interval[0]).abs() < 1e-12, "{what}: {:?}", found.interval);
        assert!((found.interval[1] - interval[1]).abs() < 1e-12, "{what}: {:?}", found.interval);
        // Windows that do not differ by more than chance change nothing.
        let halves = |share: Share| [Share { bad: share.bad / 2.0, total: share.total / 2.0 }; 2];
        equal(&what, pooled(&halves(a), &halves(b), 0.95).p, p);
    }
}

#[test]
fn windows_that_differ_among_each_other_count_for_less() {
    let side = |bad: &[f64]| -> Vec<Share> {
        bad.iter().map(|bad| Share { bad: *bad, total: 1_000.0 }).collect()
    };
    // The same sums: 120 and 60 of 8,000.
    let even = pooled(&side(&[15.0; 8]), &side(&[7.5; 8]), 0.95);
    let bursts = [0.0, 3.0, 1.0, 57.0, 50.0, 6.0, 2.0, 1.0];
    let uneven = pooled(&side(&bursts), &side(&[7.0, 8.0, 0.0, 30.0, 2.0, 5.0, 6.0, 2.0]), 0.95);
    assert!(even.p < 1e-4, "{even:?}");
    assert!(uneven.p > 0.1, "{uneven:?}");
    equal("effect", uneven.effect, even.effect);
}

/// A name, both samples, and the p values: two-sided, greater, less.
type Located<'a> = (&'a str, &'a [f64], &'a [f64], [f64; 3]);

#[test]
fn locations_are_compared_as_by_mannwhitneyu() {
    let (longer_a, longer_b) = longer();
    let zeros = [0.0; 6];
    let rows: &[Located] = &[
        // method='exact'
        (
            "Mann-Whitney exact",
            &A[..8],
            &B[..9],
            [0.03595228301110654, 0.01797614150555327, 0.9863019333607569],
        ),
        (
            "Mann-Whitney exact",
            &[3.1, 4.5, 6.2, 7.7, 9.1],
            &[1.2, 2.8, 3.3, 5.0],
            [0.1111111111111111, 0.05555555555555555, 0.9682539682539683],
        ),
        // With ties: counted out over itertools.combinations.
        (
            "Mann-Whitney exact",
            &[0.0, 0.0, 1.0, 2.0, 1.0, 0.0],
            &zeros,
            [0.18181818181818182, 0.09090909090909091, 1.0],
        ),
        (
            "Mann-Whitney exact",
            &[1.0, 4.0, 2.0, 3.0, 1.0],
            &zeros[..5],
            [0.007936507936507936, 0.003968253968253968, 1.0],
        ),
        (
            "Mann-Whitney exact",
            &[2.0, 2.0, 3.0, 5.0],
            &[1.0, 2.0, 2.0, 3.0, 4.0, 1.0, 0.0],
            [0.2606060606060606, 0.1303030303030303, 0.9181818181818182],
        ),
        // method='asymptotic'
        (
            "Mann-Whitney",
            TIED_A,
            TIED_B,
            [0.1708714148423902, 0.0854357074211951, 0.9203527506342611],
        ),
        (
            "Mann-Whitney",
            &longer_a,
            &longer_b,
            [0.40741370291148205, 0.7979881934114287, 0.20370685145574102],
        ),
    ];
    for (test, a, b, [p, greater, less]) in rows {
        let found = location(a, b, 0.95);
        assert_eq!(found.test, *test);
        equal("either way", found.p, *p);
        equal("greater", found.p_greater, *greater);
        equal("less", found.p_less, *less);
    }
    equal("shift", location(&longer_a, &longer_b, 0.95).shift, -0.5);
    equal("shift", location(A, B, 0.95).shift, 1.3);
}

#[test]
fn brunner_and_munzel_is_as_brunnermunzel() {
    let (longer_a, longer_b) = longer();
    // With b as the first sample there, which is above where the second is below.
    for (a, b, p, greater) in [
        (A, B, 0.008087577762325738, 0.004043788881162869),
        (TIED_A, TIED_B, 0.16482420926942085, 0.08241210463471042),
        (&longer_a, &longer_b, 0.4060912769253706, 0.7969543615373147),
    ] {
        let found = brunner_munzel(a, b, 0.95);
        equal("either way", found.p, p);
        equal("greater", found.p_greater, greater);
    }
}

#[test]
fn spreads_and_shapes_are_as_levene_fligner_and_ks() {
    let (longer_a, longer_b) = longer();
    let wide: Vec<f64> = A.iter().map(|value| value * 3.0).collect();
    for (a, b, levene, fligner) in [
        (A, B, 0.22179319511379836, 0.20653327457045423),
        (TIED_A, TIED_B, 0.32302346230468043, 0.28449790144347964),
        (&longer_a, &longer_b, 0.7842118151645356, 0.525898905682416),
        (&wide, B, 0.00021506522035813732, 0.001235911664164999),
    ] {
        equal("Brown-Forsythe", brown_forsythe(a, b).p, levene);
        equal("Fligner-Killeen", spread(a, b).p, fligner);
    }
    let long_a: Vec<f64> = (0..200).map(|i| f64::from(i * 7 % 199) / 10.0).collect();
    let long_b: Vec<f64> = (0..180).map(|i| f64::from(i * 11 % 179) / 10.0 + 1.7).collect();
    for (a, b, distance, p) in [
        (A, B, 0.5166666666666667, 0.07356729957349152),
        (TIED_A, TIED_B, 0.27450980392156865, 0.4928239756748678),
        (&longer_a, &longer_b, 0.09, 0.9641793909216776),
        // kstwobign
        (&long_a, &long_b, 0.09, 0.42671241441022456),
    ] {
        let found = kolmogorov_smirnov(a, b);
        equal("distance", found.distance, distance);
        equal("Kolmogorov-Smirnov", found.p, p);
    }
}

#[test]
fn trends_are_as_kendalltau_and_theilslopes() {
    // Mann and Kendall's own variance, without correction: what is left without the
    // slope is not correlated here.
    let values: Vec<f64> =
        (0..20).map(|t| f64::from((t * 13) % 7) / 2.0 + 0.15 * f64::from(t)).collect();
    let tied = [0, 3, 3, 2, 2, 2, 1, 1, 4, 4, 4, 3, 3, 2, 2, 5, 5, 5, 4, 4].map(f64::from).to_vec();
    for (values, tau, slope, p) in [
        (values, 0.35108369701397174, 0.15, 0.0345723369809337),
        (tied, 0.43588989435406733, 0.14285714285714285, 0.012582117346448062),
    ] {
        let points: Vec<(f64, f64)> =
            values.iter().enumerate().map(|(t, value)| (1.8e9 + t as f64, *value)).collect();
        let found = trend(&points);
        equal("tau", found.tau, tau);
        equal("slope", found.slope, slope);
        assert!(found.interval[0] <= slope && slope <= found.interval[1], "{found:?}");
        // What twenty values cannot rule out of autocorrelation makes it less sure.
        assert!(found.p >= p * (1.0 - 1e-9) && found.p < 0.2, "{found:?}");
    }
}

#[test]
fn a_trend_tells_when_it_reaches_a_limit() {
    let points: Vec<(f64, f64)> =
        (0..600).rev().map(|t| (1e9 + f64::from(t), 100.0 + 0.5 * f64::from(t))).collect();
    let found = trend(&points);
    assert!((found.slope - 0.5).abs() < 1e-9 && found.p < 1e-9, "{found:?}");
    let when = found.reaches(500.0).map(|at| at - 1e9);
    assert!(when.is_some_and(|at| (at - 800.0).abs() < 1e-3), "{when:?}");
    assert_eq!(trend(&[(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]).reaches(5.0), None);
}

#[test]
fn a_random_walk_is_no_trend() {
    // A fixed walk of coin flips, from the bits of a multiplicative sequence.
    let (mut found, mut state) = (0, 12_345_u64);
    for _ in 0..100 {
        let mut level = 0.0;
        let points: Vec<(f64, f64)> = (0..120)
            .map(|t| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let step = (state >> 33) as f64 / (1_u64 << 31) as f64 - 0.5;
                level = 0.7 * level + step;
                (f64::from(t), level)
            })
            .collect();
        found += usize::from(trend(&points).p < 0.01);
    }
    assert!(found <= 5, "{found} of 100");
}

#[test]
fn corrections_are_as_published() {
    let p = [0.01, 0.04, 0.03, 0.005, 0.5, 0.04];
    // scipy.stats.false_discovery_control
    for (ours, theirs) in
        benjamini_hochberg(&p).into_iter().zip([0.03, 0.048, 0.048, 0.03, 0.5, 0.048])
    {
        equal("Benjamini-Hochberg", ours, theirs);
    }
    // By hand: 6, 5, 4, 3, 2, 1 times the sorted, never falling.
    for (ours, theirs) in holm(&p).into_iter().zip([0.05, 0.12, 0.12, 0.03, 0.5, 0.12]) {
        equal("Holm", ours, theirs);
    }
}

#[test]
fn robust_numbers_are_numpys() {
    for (q, value) in [(0.0, 9.8), (0.1, 9.89), (0.5, 11.15), (0.9, 12.76), (1.0, 13.3)] {
        equal("quantile", robust::quantile(A, q).unwrap_or(f64::NAN), value);
    }
    equal("mad", robust::mad(A).unwrap_or(f64::NAN), 1.0);
    equal("trimmed", robust::trimmed(A, 0.1).unwrap_or(f64::NAN), 11.1375);
    equal("variance", robust::variance(A).unwrap_or(f64::NAN), 1.535111111111111);
}

#[test]
fn what_hangs_together_counts_for_less() {
    let mut state = 7_u64;
    let mut noise = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as f64 / (1_u64 << 31) as f64 - 0.5
    };
    let white: Vec<f64> = (0..400).map(|_| noise()).collect();
    assert!(effective(&white) > 300.0, "{}", effective(&white));
    // First order with 0.8: worth (1 − 0.8) / (1 + 0.8) of 400, which is 44.
    let mut level = 0.0;
    let red: Vec<f64> = (0..400)
        .map(|_| {
            level = 0.8 * level + noise();
            level
        })
        .collect();
    let worth = effective(&red);
    assert!((20.0..90.0).contains(&worth), "{worth}");
    assert_eq!(effective(&[3.0; 50]), 50.0);
    let plain = location(&red[..200], &red[200..], 0.95);
    let careful = dependence::location_over_time(&red[..200], &red[200..], 0.95);
    assert!(careful.p > plain.p && careful.interval[0] <= plain.interval[0], "{careful:?}");
}

#[test]
fn counters_go_on_after_a_reset() {
    let counted =
        counter::increments(&[(3_000, 5.0), (1_000, 10.0), (2_000, 14.0), (2_500, f64::NAN)]);
    let seen: Vec<(f64, bool)> = counted.iter().map(|one| (one.by, one.reset)).collect();
    assert_eq!(seen, [(4.0, false), (5.0, true)]);
    assert_eq!(counted.first().map(counter::Increment::rate), Some(4.0));
}

#[test]
fn an_upper_quantile_alone_is_seen() {
    let base: Vec<f64> = (0..200).map(|i| 100.0 + f64::from((i * 37) % 101) / 10.0).collect();
    let tail: Vec<f64> = base
        .iter()
        .enumerate()
        .map(|(index, value)| if index % 5 == 0 { value + 80.0 } else { *value })
        .collect();
    let found = upper_quantile(&tail, &base, 0.9, 0.95);
    assert!(found.p_greater < 1e-6 && found.difference > 70.0, "{found:?}");
    assert!(found.interval[0] > 0.0, "{found:?}");
    assert!(upper_quantile(&base, &base, 0.9, 0.95).p > 0.9);
}

#[test]
fn power_tells_the_smallest_difference_seen() {
    let base = Share { bad: 0.01 * 10_000.0, total: 10_000.0 };
    let rise = power::smallest_share(base, 10_000.0, 0.95, 0.8).unwrap_or(f64::NAN);
    // Two groups of 10,000 at 1%: the textbook's 0.42 of a percent.
    assert!((0.0038..0.0046).contains(&rise), "{rise}");
    let shift = power::smallest_shift(64.0, 64.0, 0.95, 0.8).unwrap_or(f64::NAN);
    // 0.5 standard deviations for means of 64 each; ranks lose 2%.
    assert!((0.49..0.53).contains(&shift), "{shift}");
    assert_eq!(power::smallest_share(Share::default(), 5.0, 0.95, 0.8), None);
}
