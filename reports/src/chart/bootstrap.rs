//! Confidence bands by the bootstrap (Efron 1979): whole runs are drawn again with replacement, since the failovers of one
//! run are not independent. The draws depend on nothing but the data.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::measured::Line;

/// How often the runs are drawn again.
pub const RESAMPLES: usize = 1000;
/// With fewer runs that measured something a band would say nothing.
const LEAST_RUNS: usize = 10;
/// Shares are in parts per million.
pub const MILLION: u64 = 1_000_000;
/// The quantiles with an interval, ppm.
pub const QUANTILES: [u64; 4] = [100_000, 500_000, 900_000, 990_000];

/// 95 % confidence, pointwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bands {
    /// For each duration of the line's cumulative distribution: the lowest and the highest share of failovers that are at
    /// most as long, ppm.
    pub shares: Vec<(u64, u64)>,
    /// For each of [`QUANTILES`]: the lowest and the highest value, µs.
    pub quantiles: [(u64, u64); QUANTILES.len()],
}

/// The bands of a line; `None` with too few runs.
pub fn bands(line: &Line) -> Option<Bands> {
    let cumulative = line.times.total.all.cumulative();
    let measured = line.runs.iter().filter(|run| !run.is_empty()).count();
    if measured < LEAST_RUNS {
        return None;
    }
    // Each failover as the index of its duration in the distribution.
    let last = cumulative.len() - 1;
    let index = |us: &u64| cumulative.partition_point(|(edge, _)| edge < us).min(last);
    let runs: Vec<Vec<usize>> = line.runs.iter().map(|run| run.iter().map(index).collect()).collect();
    let mut draw = draws(&line.runs);
    let mut shares = vec![Vec::with_capacity(RESAMPLES); cumulative.len()];
    let mut quantiles = [const { Vec::new() }; QUANTILES.len()];
    for _ in 0..RESAMPLES {
        let mut counts = vec![0_u64; cumulative.len()];
        for _ in 0..runs.len() {
            for index in &runs[draw(runs.len())] {
                counts[*index] += 1;
            }
        }
        let total: u64 = counts.iter().sum();
        let mut so_far = 0;
        let mut next = 0;
        for (at, count) in counts.iter().enumerate() {
            so_far += count;
            // Runs without a failover may be all that were drawn.
            let share = so_far * MILLION / total.max(1);
            shares[at].push(share);
            while next < QUANTILES.len() && total > 0 && so_far * MILLION >= QUANTILES[next] * total {
                quantiles[next].push(cumulative[at].0);
                next += 1;
            }
        }
    }
    Some(Bands { shares: shares.into_iter().map(middle).collect(), quantiles: quantiles.map(middle) })
}

/// The ends of the middle 95 %.
fn middle(mut values: Vec<u64>) -> (u64, u64) {
    values.sort_unstable();
    let at = |per_mille: usize| values.get(values.len() * per_mille / 1000).copied().unwrap_or(0);
    (at(25), at(974))
}

/// Draws indexes below a bound, from a stream whose key is the digest of the data.
fn draws(runs: &[Vec<u64>]) -> impl FnMut(usize) -> usize {
    let mut hash = Sha256::new();
    for run in runs {
        hash.update((run.len() as u64).to_le_bytes());
        run.iter().for_each(|us| hash.update(us.to_le_bytes()));
    }
    let mut stream = ChaCha8Rng::from_seed(hash.finalize().into());
    // The bias of this reduction is below bound / 2^64.
    move |bound| ((u128::from(stream.next_u64()) * bound as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use scenarios::report::{Failover, FailoverKind};

    use super::*;

    fn line(runs: &[&[u64]]) -> Line {
        let failover = |ms: &u64| Failover { total_ns: ms * 1_000_000, ended: true, ..Failover::default() };
        let runs: Vec<Vec<Failover>> = runs.iter().map(|run| run.iter().map(failover).collect()).collect();
        Line::of(Vec::new(), runs.iter().map(Vec::as_slice), FailoverKind::Controller, &[])
    }

    #[test]
    fn bands_contain_the_distribution_and_depend_on_the_data_alone() {
        let data: Vec<Vec<u64>> = (0..60).map(|run| (0..1 + run % 3).map(|i| 1 + run + i).collect()).collect();
        let runs: Vec<&[u64]> = data.iter().map(Vec::as_slice).collect();
        let (one, again) = (bands(&line(&runs)).expect("enough"), bands(&line(&runs)).expect("enough"));
        assert_eq!(one, again);
        let all = line(&runs).times.total.all;
        let within = |((_, count), (low, high)): (&(u64, u64), &(u64, u64))| {
            let share = count * MILLION / all.count();
            *low <= share && share <= *high
        };
        assert!(all.cumulative().iter().zip(&one.shares).all(within), "{one:?}");
        let (low, high) = one.quantiles[1];
        let median = all.quantile_us(0.5).expect("some");
        assert!(low < median && median < high && high - low < 25_000, "{low} {median} {high}");
        assert_eq!(bands(&line(&runs[..9])), None, "too few runs");
    }

    /// Failovers that come in runs of equal ones are worth as many as there are runs.
    #[test]
    fn whole_runs_are_drawn_again() {
        let width = |of: &[&[u64]]| {
            let (low, high) = bands(&line(of)).expect("enough").shares[0];
            high - low
        };
        let alone: Vec<&[u64]> = (0..200).map(|i| if i % 2 == 0 { &[1_u64][..] } else { &[2][..] }).collect();
        let together: Vec<&[u64]> = (0..20).map(|i| if i % 2 == 0 { &[1_u64; 10][..] } else { &[2; 10][..] }).collect();
        assert!(width(&together) > 2 * width(&alone), "{} {}", width(&together), width(&alone));
    }
}
