//! Latencies never decrease as the draw increases, have the claimed distribution, and parse their own text.

use proptest::prelude::*;
use sim::duration::{DisplayDuration, parse_duration};
use sim::latency::{Latency, MAX_NS, MAX_QUANTILES, MAX_SIGMA_MILLI};
use sim::rng::{Purpose, Seed};

const MS: u64 = 1_000_000;
const HALF: u64 = 1 << 63;

fn log_normal(median_ns: u64, sigma_milli: u32) -> Latency {
    Latency::LogNormal { median_ns, sigma_milli }
}

/// The draw at this quantile, in parts per million.
fn quantile(ppm: u64) -> u64 {
    ((u128::from(ppm) << 64) / 1_000_000) as u64
}

#[test]
fn vectors() {
    let latency = log_normal(MS, 500);
    let samples: Vec<u64> = (0..8).map(|n| latency.sample(Seed(1).mix(Purpose::Link, 2, n))).collect();
    assert_eq!(samples, [1276611, 1288150, 1257981, 856490, 1317887, 1541555, 484152, 370924]);
    assert_eq!(log_normal(MS, 5_000).sample(0), 0);
    assert_eq!(log_normal(MS, 1_000).sample(u64::MAX), 1_265_917_980);
}

/// Against e^(sigma * z) computed elsewhere, to one part in 5,000.
#[test]
fn log_normal_has_its_quantiles() {
    let expected = [
        (1_000, 1, 8_622),
        (1_000, 100_000, 277_606),
        (1_000, 250_000, 509_416),
        (1_000, 500_000, 1_000_000),
        (1_000, 750_000, 1_963_031),
        (1_000, 990_000, 10_240_474),
        (1_000, 999_900, 41_223_830),
        (300, 990_000, 2_009_537),
        (2_500, 999_999, 144_865_466_293),
    ];
    for (sigma_milli, ppm, ns) in expected {
        let sample = log_normal(MS, sigma_milli).sample(quantile(ppm));
        assert!(sample.abs_diff(ns) <= ns / 5_000 + 1, "sigma {sigma_milli}, {ppm} ppm: {sample}, not {ns}");
    }
}

#[test]
fn log_normal_is_exact_in_the_middle_and_finite_at_the_ends() {
    for sigma_milli in [0, 1, 500, 5_000] {
        assert_eq!(log_normal(MS, sigma_milli).sample(HALF), MS);
        assert_eq!(log_normal(MS, sigma_milli).sample(HALF - 1), MS);
    }
    assert_eq!(log_normal(MAX_NS, 5_000).sample(u64::MAX), MAX_NS);
    assert_eq!(log_normal(0, 5_000).sample(u64::MAX), 0);
    assert_eq!(log_normal(1, 5_000).sample(0), 0);
}

/// The steps between neighbouring quantiles of the tables are small, also across the edges of their cells.
#[test]
fn log_normal_is_continuous() {
    let latency = log_normal(1_000 * MS, 1_000);
    for octave in 2..42 {
        for part in 0..16_u64 {
            let edge = (16 + part) << (60 - octave);
            for draw in [edge, !edge] {
                let (before, after) = (latency.sample(draw - 1), latency.sample(draw + 1));
                assert!(before <= after && after - before <= after / 10_000_000 + 1, "at {draw:#x}");
            }
        }
    }
}

#[test]
fn uniform_reaches_both_ends_evenly() {
    let die = Latency::Uniform { min_ns: 1, max_ns: 6 };
    assert_eq!((die.sample(0), die.sample(u64::MAX)), (1, 6));
    assert_eq!(die.sample(HALF), 4);
}

#[test]
fn empirical_interpolates_its_quantiles() {
    let empirical = |quantiles_ns, tails_ns| Latency::Empirical { quantiles_ns, tails_ns };
    let latency = empirical(vec![100, 200, 1_000], Vec::new());
    let shown = [0, HALF / 2, HALF, HALF / 2 * 3, u64::MAX].map(|draw| latency.sample(draw));
    assert_eq!(shown, [100, 150, 200, 600, 999]);
    assert_eq!(empirical(vec![7], Vec::new()).sample(u64::MAX), 7);
    let with_tail = empirical(vec![100, 200, 1_000], vec![vec![200, 210, 1_000]]);
    let shown = [0, HALF / 2, HALF, HALF / 2 * 3, u64::MAX].map(|draw| with_tail.sample(draw));
    assert_eq!(shown, [100, 150, 200, 210, 999]);
    let with_two = empirical(vec![100, 200, 1_000], vec![vec![200, 210, 1_000], vec![210, 220, 1_000]]);
    assert_eq!([HALF / 2 * 3, HALF / 4 * 7, u64::MAX].map(|draw| with_two.sample(draw)), [210, 220, 999]);
    assert!(empirical(vec![100, 200], vec![vec![120, 200]]).check().is_err(), "it does not begin where it should");
    assert!(empirical(vec![100, 200], vec![vec![100, 300, 200]]).check().is_err(), "it does not ascend");
    assert!(empirical(vec![100, 200], vec![Vec::new()]).check().is_err(), "it is empty");
}

#[test]
fn reads_what_people_write() {
    let good = [
        ("500us", Latency::Constant { ns: 500_000 }),
        ("1.5ms", Latency::Constant { ns: 1_500_000 }),
        (" 0.25 s ", Latency::Constant { ns: 250 * MS }),
        ("1ms..5ms", Latency::Uniform { min_ns: MS, max_ns: 5 * MS }),
        ("1ms .. 1ms", Latency::Uniform { min_ns: MS, max_ns: MS }),
        ("lognormal(1ms, 0.5)", log_normal(MS, 500)),
        ("lognormal(200us,1)", log_normal(200_000, 1_000)),
    ];
    for (text, latency) in good {
        assert_eq!(Latency::parse(text), Ok(latency), "{text}");
    }
}

#[test]
fn durations_are_read_exactly_or_refused() {
    let good = [
        ("10m", 600_000_000_000),
        ("1h", MAX_NS),
        ("0.000000001s", 1),
        ("12.50s", 12_500_000_000),
        ("0.00000000005m", 3),
        ("500 ms", 500_000_000),
        ("5124095h", 18_446_742_000_000_000_000),
    ];
    for (text, ns) in good {
        assert_eq!(parse_duration(text), Ok(ns), "{text}");
    }
    for text in ["", "10", "s", "1.s", ".5s", "-1s", "1d", "1.2.3s", "0.00000000001m", "5124096h", "99999999999h"] {
        assert!(parse_duration(text).is_err(), "{text:?}");
    }
}

#[test]
fn says_what_is_allowed() {
    let bad = [
        ("", "allowed are a duration (500us), a range (1ms..5ms), lognormal"),
        ("fast", "not a latency: \"fast\"; allowed are"),
        ("-1ms", "not a latency"),
        ("5", "\"5\" has no unit; a duration is a number and one of ns, us, ms, s, m, h"),
        ("5min", "no unit"),
        ("1.5.2ms", "not a duration"),
        ("1e3ms", "not a duration"),
        (".5ms", "not a latency"),
        ("0.5ns", "whole ns"),
        ("99999999999999999999s", "not a duration"),
        ("2ms..1ms", "the range 2ms..1ms is empty; the smaller bound comes first"),
        ("1ms..", "a duration is missing"),
        ("2h", "a latency of 7200s is too long; at most 1h"),
        ("3601s", "too long; at most 1h"),
        ("lognormal(1ms)", "needs a median and a sigma, as in lognormal(1ms, 0.5)"),
        ("lognormal(1ms, -1)", "\"-1\" is not a sigma; from 0 to 5"),
        ("lognormal(1ms, 0.0001)", "at most three decimals"),
        ("lognormal(1ms, 5.001)", "too wide; at most 5"),
        ("lognormal(1ms, 0.5", "not a latency"),
        ("empirical(x.csv)", "only where files can be read"),
    ];
    for (text, part) in bad {
        let error = Latency::parse(text).expect_err(text);
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn reads_measurements() {
    let sorted = |text| Latency::from_csv(text).map(|latency| latency.to_string() + &format!(" {}", latency.sample(0)));
    assert_eq!(sorted("3ms\n1ms\n\n2.5 us\n"), Ok("empirical(3 quantiles) 2500".to_string()));
    assert_eq!(sorted("latency_us\r\n12\r\n11.5\r\n"), Ok("empirical(2 quantiles) 11500".to_string()));
    assert_eq!(
        sorted("\u{feff}time, \"Value\"\n10:00, 700\n10:01, 300us"),
        Ok("empirical(2 quantiles) 300000".to_string())
    );
    let bad = [
        ("", "at least one"),
        ("value\n", "at least one"),
        ("1ms\nx\n", "line 2: \"x\" is not a duration; "),
        ("1ms\n\n-5\n", "line 3: \"-5\" is not a number of us"),
        ("1,2\n", "line 1: 2 columns without a header"),
        ("a,b\n1,2\n", "line 1: the header has 2 columns and none is `value`"),
        ("a,value\n1,2\n3\n", "line 3: has no column 2"),
        ("1ms\n4000s", "line 2: a latency of 4000s is too long"),
    ];
    for (text, part) in bad {
        let error = Latency::from_csv(text).expect_err(text);
        assert!(error.contains(part), "{text:?}: {error}");
    }
}

#[test]
fn many_measurements_keep_their_ends_and_their_median() {
    let text: String = (0..=100_000).rev().map(|us| format!("{us}us\n")).collect();
    let Ok(Latency::Empirical { quantiles_ns, .. }) = Latency::from_csv(&text) else { panic!("not read") };
    assert_eq!(quantiles_ns.len(), MAX_QUANTILES);
    let (first, middle, last) = (quantiles_ns[0], quantiles_ns[512], quantiles_ns[1_024]);
    assert_eq!((first, middle, last), (0, 50_000_000, 100_000_000));
}

fn latency() -> impl Strategy<Value = Latency> {
    let ns = || prop_oneof![0..2_000_u64, 0..=MAX_NS];
    prop_oneof![
        ns().prop_map(|ns| Latency::Constant { ns }),
        (ns(), ns()).prop_map(|(a, b)| Latency::Uniform { min_ns: a.min(b), max_ns: a.max(b) }),
        (ns(), 0..=MAX_SIGMA_MILLI).prop_map(|(median_ns, sigma_milli)| log_normal(median_ns, sigma_milli)),
        prop::collection::vec(ns(), 1..9).prop_map(|mut quantiles_ns| {
            quantiles_ns.sort_unstable();
            Latency::Empirical { quantiles_ns, tails_ns: Vec::new() }
        }),
        prop::collection::vec(ns(), 3..9).prop_map(|mut tail_ns| {
            tail_ns.sort_unstable();
            let quantiles_ns = vec![tail_ns[0] / 2, tail_ns[0], tail_ns[tail_ns.len() - 1]];
            Latency::Empirical { quantiles_ns, tails_ns: vec![tail_ns] }
        }),
    ]
}

/// Draws near each other, near an end, or anywhere.
fn draws() -> impl Strategy<Value = (u64, u64)> {
    let draw = || (any::<u64>(), 0..64_u32).prop_map(|(bits, shift)| bits >> shift);
    let end = (draw(), any::<bool>()).prop_map(|(draw, flip)| if flip { !draw } else { draw });
    (end, draw()).prop_map(|(a, step)| (a, a.saturating_add(step)))
}

proptest! {
    #[test]
    fn samples_never_fall_as_the_draw_rises(latency in latency(), (low, high) in draws()) {
        prop_assert!(latency.check().is_ok());
        prop_assert!(latency.sample(low) <= latency.sample(high));
        prop_assert!(latency.sample(high) <= MAX_NS);
    }

    #[test]
    fn reads_back_what_it_shows(latency in latency(), ns: u64) {
        if !matches!(latency, Latency::Empirical { .. }) {
            prop_assert_eq!(Latency::parse(&latency.to_string()), Ok(latency));
        }
        prop_assert_eq!(parse_duration(&DisplayDuration(ns).to_string()), Ok(ns));
    }

    #[test]
    fn no_text_makes_it_panic(text: String) {
        let _ = Latency::parse(&text);
        let _ = Latency::from_csv(&text);
    }
}
