//! The latencies that Kafka's `KafkaRaftMetrics` measures: of commits, per record, and of elections.

/// Kafka's defaults of `metrics.sample.window.ms` and `metrics.num.samples`.
const SAMPLE_WINDOW_MS: i64 = 30_000;
const SAMPLES: usize = 2;
const US_PER_MS: i64 = 1_000;

/// What one replica measures.
#[derive(Clone, Copy, Debug, Default)]
pub struct RaftMetrics {
    pub commit_latency: SampledLatency,
    pub election_latency: SampledLatency,
    election_start_ms: Option<i64>,
}

impl RaftMetrics {
    /// A batch is committed. Kafka records it at the time of its append.
    pub fn update_commit_latency(&mut self, append_ms: i64, commit_ms: i64, records: i64) {
        let elapsed_us = (commit_ms - append_ms).max(0).saturating_mul(US_PER_MS);
        self.commit_latency.record(elapsed_us / records.max(1), append_ms);
    }

    /// `updateElectionStartMs`: each candidacy starts anew.
    pub fn update_election_start(&mut self, now_ms: i64) {
        self.election_start_ms = Some(now_ms);
    }

    /// `maybeUpdateElectionLatency`: there is a leader.
    pub fn maybe_update_election_latency(&mut self, now_ms: i64) {
        if let Some(start_ms) = self.election_start_ms.take() {
            self.election_latency.record((now_ms - start_ms).saturating_mul(US_PER_MS), now_ms);
        }
    }
}

/// Kafka's `Avg` and `Max` of one sensor: two `SampledStat`s that share their samples.
///
/// `SampledStat.measure` clears samples that are too old; here they are skipped, so that reading changes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct SampledLatency {
    /// One more than [`SAMPLES`], for the sample that overlaps the window.
    samples: [Sample; SAMPLES + 1],
    current: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    start_ms: i64,
    last_ms: i64,
    count: i64,
    sum_us: i64,
    max_us: i64,
}

impl SampledLatency {
    fn record(&mut self, value_us: i64, at_ms: i64) {
        let is_complete = at_ms - self.samples[self.current].start_ms >= SAMPLE_WINDOW_MS;
        if is_complete || self.samples[self.current].count == 0 {
            self.current = (self.current + usize::from(is_complete)) % self.samples.len();
            self.samples[self.current] = Sample { start_ms: at_ms, max_us: value_us, ..Sample::default() };
        }
        let sample = &mut self.samples[self.current];
        sample.last_ms = at_ms;
        sample.count += 1;
        sample.sum_us = sample.sum_us.saturating_add(value_us);
        sample.max_us = sample.max_us.max(value_us);
    }

    /// Average and maximum, µs; `None` (Kafka's `NaN`) if nothing was recorded in the window.
    pub fn measure_us(&self, now_ms: i64) -> Option<(i64, i64)> {
        let is_kept = |sample: &&Sample| now_ms - sample.last_ms < SAMPLE_WINDOW_MS * SAMPLES as i64;
        let kept = || self.samples.iter().filter(|sample| sample.count > 0).filter(is_kept);
        let count: i64 = kept().map(|sample| sample.count).sum();
        let max_us = kept().map(|sample| sample.max_us).max()?;
        Some((kept().map(|sample| sample.sum_us).sum::<i64>() / count, max_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_counts_per_record_and_for_two_windows() {
        let mut metrics = RaftMetrics::default();
        assert_eq!(metrics.commit_latency.measure_us(0), None);
        metrics.update_commit_latency(1_000, 1_012, 4);
        metrics.update_commit_latency(2_000, 2_009, 1);
        // The clock was set back in between.
        metrics.update_commit_latency(2_000, 1_000, 1);
        assert_eq!(metrics.commit_latency.measure_us(2_000), Some((4_000, 9_000)));
        metrics.update_commit_latency(32_000, 32_001, 1);
        assert_eq!(metrics.commit_latency.measure_us(61_999), Some((3_250, 9_000)));
        assert_eq!(metrics.commit_latency.measure_us(62_000), Some((1_000, 1_000)), "the first sample is too old");
        assert_eq!(metrics.commit_latency.measure_us(92_000), None);
    }

    #[test]
    fn samples_beyond_the_window_are_replaced() {
        let mut metrics = RaftMetrics::default();
        for start in 0..4 {
            metrics.update_commit_latency(start * 30_000, start * 30_000 + start, 1);
        }
        assert_eq!(metrics.commit_latency.measure_us(90_000), Some((2_500, 3_000)));
    }

    #[test]
    fn an_election_lasts_from_the_last_candidacy_to_the_leader() {
        let mut metrics = RaftMetrics::default();
        metrics.maybe_update_election_latency(5);
        assert_eq!(metrics.election_latency.measure_us(5), None);
        metrics.update_election_start(10);
        metrics.update_election_start(20);
        metrics.maybe_update_election_latency(50);
        metrics.maybe_update_election_latency(90);
        assert_eq!(metrics.election_latency.measure_us(90), Some((30_000, 30_000)));
    }
}
