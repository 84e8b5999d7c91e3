//! When listeners are notified of commits and leaders (consensus.md §7).

use super::{ListenerContext, RaftClient};
use crate::bugs::Bug;
use crate::ids::Offset;
use crate::quorum::epoch_states::EpochState;
use crate::step::{Fatal, Step};

impl RaftClient {
    /// The leadership of this node is announced to a listener only once it has read past the start of the epoch, and so
    /// all earlier records; never while Resigned.
    pub(super) fn fire_leader_change(&mut self, step: &mut Step<'_>) {
        let (leader, epoch) = (self.quorum.leader_id(), self.quorum.epoch());
        let needs = match self.quorum.state() {
            EpochState::Leader(_) if self.setup.bugs.has(Bug::Kafka15345LeaderBeforeCaughtUp) => None,
            EpochState::Leader(state) => Some(state.epoch_start_offset),
            EpochState::Resigned(_) => return,
            _ => None,
        };
        let has_read = |listener: &&mut ListenerContext| needs.is_none_or(|needs| listener.next_offset > needs);
        for listener in self.listeners.iter_mut().filter(has_read) {
            listener.maybe_fire_leader_change(leader, epoch, step);
        }
    }

    /// Updates the listeners at the end of a poll.
    pub(super) fn poll_listeners(&mut self, step: &mut Step<'_>) -> Result<(), Fatal> {
        if self.has_listeners_to_register() {
            self.listeners = self.setup.listeners.iter().map(|thread| ListenerContext::new(*thread)).collect();
        }
        let past = self.setup.bugs.has(Bug::AppliedPastHighWatermark).then(|| self.log.end_offset());
        if let Some(high_watermark) = past.or(self.quorum.high_watermark()) {
            self.update_listeners(high_watermark, step)?;
        }
        self.fire_leader_change(step);
        Ok(())
    }

    /// Delivers what is committed and was not delivered yet, from disk.
    pub(super) fn update_listeners(&mut self, high_watermark: Offset, step: &mut Step<'_>) -> Result<(), Fatal> {
        for listener in &mut self.listeners {
            listener.update_progress(high_watermark, &self.log, step)?;
        }
        Ok(())
    }
}
