//! A scale of time: its range and its ticks.

/// Ratio of the longest to a common time from which the scale is logarithmic.
const LOG_FROM_RATIO: f64 = 40.0;
/// With more labels than this, only powers of ten are labelled.
const MOST_LOG_TICKS: usize = 13;

/// A tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Position, µs.
    pub us: f64,
    /// Its label; empty if it has none.
    pub label: String,
}

/// A scale of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    log: bool,
    from_us: f64,
    to_us: f64,
    /// In order.
    pub ticks: Vec<Tick>,
}

impl Axis {
    /// Fits times of which many are about `common_us`, few below `low_us`, and none above `high_us`.
    pub fn fit(common_us: u64, low_us: u64, high_us: u64) -> Axis {
        let (common, low, high) = (common_us.max(1) as f64, low_us.max(1) as f64, high_us.max(1) as f64);
        if high / common >= LOG_FROM_RATIO { Axis::log(low, high) } else { Axis::linear(high_us, 8) }
    }

    /// From zero, with at most `steps` steps.
    pub fn linear(high_us: u64, steps: u32) -> Axis {
        let high = high_us.max(1) as f64;
        let step = steps_up(high / f64::from(steps)).next().unwrap_or(high);
        let count = (high / step).ceil().max(1.0);
        let to_us = count * step;
        let tick = |i: u32| Tick { us: f64::from(i) * step, label: label_in_steps(f64::from(i) * step, step, to_us) };
        Axis { log: false, from_us: 0.0, to_us, ticks: (0..=count as u32).map(tick).collect() }
    }

    fn log(low: f64, high: f64) -> Axis {
        let from_us = steps_down(low);
        let to_us = steps_up(high).next().unwrap_or(high);
        let all: Vec<f64> = steps_up(from_us).take_while(|us| *us <= to_us * 1.000_001).collect();
        let thin = all.len() > MOST_LOG_TICKS;
        let is_power = |us: f64| (us.log10() - us.log10().round()).abs() < 1e-6;
        let tick = |us: &f64| {
            let label = if thin && !is_power(*us) { String::new() } else { label(*us) };
            Tick { us: *us, label }
        };
        Axis { log: true, from_us, to_us, ticks: all.iter().map(tick).collect() }
    }

    /// The position of a time: 0 at the beginning, 1 at the end; times outside are at the nearest end.
    pub fn position(&self, us: f64) -> f64 {
        let part = if self.log {
            (us.max(1.0) / self.from_us).ln() / (self.to_us / self.from_us).ln()
        } else {
            (us - self.from_us) / (self.to_us - self.from_us)
        };
        part.clamp(0.0, 1.0)
    }

    /// Is the scale logarithmic?
    pub fn is_log(&self) -> bool {
        self.log
    }
}

/// 1, 2 and 5 times the powers of ten, from the first that is not below `least` on.
fn steps_up(least: f64) -> impl Iterator<Item = f64> {
    let first = least.log10().floor() as i32;
    let steps = (first..).flat_map(|power| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)));
    steps.skip_while(move |step| *step < least * 0.999_999)
}

/// The largest of these steps that is not above `most`.
fn steps_down(most: f64) -> f64 {
    let power = 10f64.powi(most.log10().floor() as i32);
    [5.0, 2.0, 1.0].map(|digit| digit * power).into_iter().find(|step| *step <= most * 1.000_001).unwrap_or(power)
}

/// A label in the unit of the axis's end, with the digits that its steps need.
fn label_in_steps(us: f64, step: f64, to_us: f64) -> String {
    let (unit, name) = unit_of(to_us);
    let digits = (-(step / unit).log10().floor()).max(0.0) as usize;
    if us == 0.0 { "0".to_owned() } else { format!("{:.digits$} {name}", us / unit) }
}

/// A label in its own unit; for 1, 2 and 5 times a power of ten.
fn label(us: f64) -> String {
    let (unit, name) = unit_of(us);
    format!("{} {name}", us / unit)
}

fn unit_of(us: f64) -> (f64, &'static str) {
    match us {
        _ if us >= 999_999.0 => (1_000_000.0, "s"),
        _ if us >= 999.0 => (1_000.0, "ms"),
        _ => (1.0, "µs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn ticks_are_round_and_in_one_unit() {
        assert_eq!(labels(&Axis::fit(1_900_000, 12_000, 6_887_000)), "0|1 s|2 s|3 s|4 s|5 s|6 s|7 s");
        assert_eq!(labels(&Axis::fit(500_000, 500_000, 1_380_000)), "0|0.2 s|0.4 s|0.6 s|0.8 s|1.0 s|1.2 s|1.4 s");
        assert_eq!(labels(&Axis::linear(4_000, 4)), "0|1 ms|2 ms|3 ms|4 ms");
        assert_eq!(labels(&Axis::linear(0, 4)), "0|0.5 µs|1.0 µs");
        assert_eq!(labels(&Axis::fit(20_000_000, 1, 61_000_000)), "0|10 s|20 s|30 s|40 s|50 s|60 s|70 s");
    }

    #[test]
    fn a_wide_spread_gets_equal_ratios() {
        let axis = Axis::fit(8_000, 6_000, 2_500_000);
        assert_eq!(labels(&axis), "5 ms|10 ms|20 ms|50 ms|100 ms|200 ms|500 ms|1 s|2 s|5 s");
        assert!((axis.position(5e3), axis.position(5e6)) == (0.0, 1.0) && axis.position(1.0) == 0.0);
        let (small, large) = (axis.position(2e4) - axis.position(1e4), axis.position(2e6) - axis.position(1e6));
        assert!((small - large).abs() < 1e-9);
        assert_eq!(labels(&Axis::fit(1, 1, 50_000_000)).matches("||").count(), 8, "wider still: powers of ten");
    }
}
