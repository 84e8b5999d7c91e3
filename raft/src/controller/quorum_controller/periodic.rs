//! Periodic tasks of an active controller (controller-broker.md §2.8).
//!
//! Left out: expireDelegationTokens, and the performance message, which is only logged.

use super::{Event, NS_PER_MS, QuorumController};
use crate::controller::metadata_log::MetadataLog;
use crate::controller::replication;
use crate::controller::result::{ControllerResult, EndOffsetHook};
use crate::metadata::MetadataRecord;
use crate::metadata::records::NoOp;
use crate::step::{Fatal, Step};
use strum::VariantArray;

/// Delay before a task with remaining work runs again. It is not zero because timers take precedence over the FIFO.
const IMMEDIATE_NS: u64 = 10 * NS_PER_MS;

/// A periodic task; also the tag of its deferred event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, VariantArray)]
pub enum PeriodicTask {
    /// Makes lag visible, and lets high watermarks advance.
    WriteNoOpRecord,
    /// At most one broker per run.
    MaybeFenceStaleBroker,
    /// Moves leadership back to preferred replicas.
    ElectPreferred,
    /// Elects leaders for leaderless partitions whose topics allow unclean election.
    ElectUnclean,
}

impl PeriodicTask {
    /// As Kafka names it.
    pub(super) fn event_name(self) -> &'static str {
        match self {
            PeriodicTask::WriteNoOpRecord => "writeNoOpRecord",
            PeriodicTask::MaybeFenceStaleBroker => "maybeFenceStaleBroker",
            PeriodicTask::ElectPreferred => "electPreferred",
            PeriodicTask::ElectUnclean => "electUnclean",
        }
    }
}

impl QuorumController {
    pub(super) fn start_periodic_tasks(&mut self, now_ns: u64) {
        for task in PeriodicTask::VARIANTS.iter().copied() {
            if let Some(period_ns) = self.period_ns(task) {
                self.queue.schedule_deferred(task, now_ns.saturating_add(period_ns), Event::Periodic(task));
            }
        }
    }

    pub(super) fn cancel_periodic_tasks(&mut self) {
        for task in PeriodicTask::VARIANTS.iter().copied() {
            self.queue.cancel_deferred(task);
        }
    }

    /// `None`: the task is disabled.
    fn period_ns(&self, task: PeriodicTask) -> Option<u64> {
        let settings = &self.settings;
        let ms = |ms: u32| u64::from(ms) * NS_PER_MS;
        match task {
            PeriodicTask::WriteNoOpRecord => Some(ms(settings.max_idle_interval_ms)).filter(|ns| *ns > 0),
            PeriodicTask::MaybeFenceStaleBroker => Some((ms(settings.broker_session_timeout_ms) / 8).max(NS_PER_MS)),
            PeriodicTask::ElectPreferred if !settings.auto_leader_rebalance_enable => None,
            PeriodicTask::ElectPreferred => Some(ms(settings.leader_imbalance_check_interval_seconds) * 1_000),
            PeriodicTask::ElectUnclean => Some(ms(settings.unclean_leader_election_interval_ms)),
        }
    }

    /// A write event without a request; its next run is scheduled before its records are written.
    pub(super) fn run_periodic(
        &mut self,
        log: &mut dyn MetadataLog,
        task: PeriodicTask,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        let result = self.operate(step, |context, step| {
            Ok(match task {
                PeriodicTask::WriteNoOpRecord => ControllerResult::of(vec![MetadataRecord::NoOp(NoOp {})], false),
                PeriodicTask::MaybeFenceStaleBroker => context.fence_stale_broker(step),
                PeriodicTask::ElectPreferred => context.elect(replication::elect_preferred),
                PeriodicTask::ElectUnclean => context.elect(replication::elect_unclean),
            })
        });
        // No longer active.
        let Ok(result) = result else { return Ok(()) };
        let delay_ns = if result.response { Some(IMMEDIATE_NS) } else { self.period_ns(task) };
        if let Some(delay_ns) = delay_ns {
            let at_ns = step.now.mono_ns.saturating_add(delay_ns);
            self.queue.schedule_deferred(task, at_ns, Event::Periodic(task));
        }
        self.complete_at_end(log, result.records, result.atomic, EndOffsetHook::None, None, step)
    }
}
