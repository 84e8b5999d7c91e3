//! When a broker writes its checkpoints: the periodic tasks of `KafkaScheduler` (controller-broker.md §6.1).

use super::config::{BrokerConfig, ns};
use super::log::OffsetCheckpoint;

/// The tasks of a broker. They begin with the first published metadata (`LogManager.startup`,
/// `BrokerMetadataPublisher.finishInitializingReplicaManager`), and end with the scheduler.
#[derive(Clone, Debug, Default)]
pub struct CheckpointTasks {
    tasks: Vec<Task>,
    is_stopped: bool,
}

/// `scheduleAtFixedRate`, but for runs that a pause of the process has delayed: Kafka makes up for each, here they are one.
/// Without an interval it runs once.
#[derive(Clone, Debug)]
struct Task {
    writes: OffsetCheckpoint,
    next_ns: Option<u64>,
    interval_ns: u64,
}

impl CheckpointTasks {
    /// A scheduler that is shut down ignores new tasks.
    pub fn start(&mut self, config: &BrokerConfig, now_ns: u64) {
        if self.is_stopped {
            return;
        }
        let task = |writes, delay_ms, interval_ms| Task {
            writes,
            next_ns: Some(now_ns.saturating_add(ns(delay_ms))),
            interval_ns: ns(interval_ms),
        };
        let delay_ms = config.initial_task_delay_ms;
        self.tasks = vec![
            task(OffsetCheckpoint::HighWatermark, 0, config.high_watermark_checkpoint_interval_ms),
            task(OffsetCheckpoint::RecoveryPoint, delay_ms, config.recovery_point_checkpoint_interval_ms),
            task(OffsetCheckpoint::LogStart, delay_ms, config.log_start_checkpoint_interval_ms),
        ];
    }

    pub fn stop(&mut self) {
        self.tasks.clear();
        self.is_stopped = true;
    }

    /// The next checkpoint that is to be written now.
    pub fn take_due(&mut self, now_ns: u64) -> Option<OffsetCheckpoint> {
        let due = self.tasks.iter_mut().find_map(|task| Some((task.next_ns.filter(|at| *at <= now_ns)?, task)));
        let (at_ns, task) = due?;
        let runs = (now_ns - at_ns).checked_div(task.interval_ns).map(|missed| missed + 1);
        task.next_ns = runs.map(|runs| at_ns.saturating_add(runs.saturating_mul(task.interval_ns)));
        Some(task.writes)
    }

    /// When [`CheckpointTasks::take_due`] has to be called next.
    pub fn next_ns(&self) -> Option<u64> {
        self.tasks.iter().filter_map(|task| task.next_ns).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::NodeId;

    const NS_PER_MS: u64 = 1_000_000;

    fn due(tasks: &mut CheckpointTasks, at_ms: u64) -> Vec<OffsetCheckpoint> {
        std::iter::from_fn(|| tasks.take_due(at_ms * NS_PER_MS)).collect()
    }

    #[test]
    fn high_watermarks_are_written_at_once_and_the_others_after_the_initial_delay() {
        use OffsetCheckpoint::{HighWatermark, LogStart, RecoveryPoint};
        let config = BrokerConfig { log_start_checkpoint_interval_ms: 0, ..BrokerConfig::new(NodeId(1)) };
        let mut tasks = CheckpointTasks::default();
        tasks.start(&config, 0);
        assert_eq!(due(&mut tasks, 0), [HighWatermark]);
        assert_eq!(due(&mut tasks, 4_999), []);
        assert_eq!(due(&mut tasks, 12_000), [HighWatermark], "two were late");
        assert_eq!(tasks.next_ns(), Some(15_000 * NS_PER_MS));
        assert_eq!(due(&mut tasks, 30_000), [HighWatermark, RecoveryPoint, LogStart]);
        assert_eq!(due(&mut tasks, 90_000), [HighWatermark, RecoveryPoint], "an interval of 0: once");

        tasks.stop();
        tasks.start(&config, 0);
        assert_eq!(tasks.next_ns(), None);
        let longest = i64::MAX;
        let config =
            BrokerConfig { high_watermark_checkpoint_interval_ms: longest, initial_task_delay_ms: longest, ..config };
        let mut tasks = CheckpointTasks::default();
        tasks.start(&config, NS_PER_MS);
        assert_eq!((due(&mut tasks, 1), tasks.next_ns()), (vec![HighWatermark], Some(u64::MAX)));
    }
}
