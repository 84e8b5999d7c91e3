//! Answers to OffsetForLeaderEpoch: a consumer uses what one says of each partition that is still assigned to it.
//!
//! An answer counts as processed from its first result on: one that is dropped whole looks like one that never came.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::client::{AttemptEvent, ReadApi, TopicPartition};

claim! {
    /// A consumer takes over all of an OffsetForLeaderEpoch response: an error for one partition loses nothing that
    /// it says of another.
    ValidationAnswerUsed, Safety of Client, "KIP-320; OffsetFetcherUtils.onSuccessfulResponseForValidatingPositions";
}

/// The validations that are under way, and the one whose response is being processed.
#[derive(Clone, Debug, Default)]
pub struct Validations {
    /// The client, the attempt, and a partition without a result: is it still assigned?
    open: BTreeMap<(usize, u32, TopicPartition), bool>,
    /// The client whose attempt had a response.
    answered: Option<(usize, u32)>,
}

impl Validations {
    pub fn attempt(&mut self, client: usize, event: AttemptEvent, verdict: &mut Verdict) {
        use AttemptEvent::*;
        if !self.continues(client, event) {
            self.judge_answered(verdict);
        }
        match event {
            ReadInvoked { attempt, api: ReadApi::OffsetForLeaderEpoch, partition, .. } => {
                self.open.insert((client, attempt, partition), true);
            }
            ReadOk { attempt, partition, .. }
            | ReadFailed { attempt, partition, .. }
            | ReadStale { attempt, partition, .. }
                if self.open.remove(&(client, attempt, partition)).is_some() =>
            {
                self.answered = Some((client, attempt));
            }
            ReadUnknown { attempt } => self.open.retain(|(of, other, _), _| (*of, *other) != (client, attempt)),
            Unassigned { partition } => {
                let of_partition = self.open.iter_mut().filter(|(open, _)| (open.0, open.2) == (client, partition));
                of_partition.for_each(|(_, assigned)| *assigned = false);
            }
            _ => {}
        }
    }

    /// Does the event belong to the response that is being processed?
    fn continues(&self, client: usize, event: AttemptEvent) -> bool {
        use AttemptEvent::*;
        let Some((of, answered)) = self.answered else { return true };
        let is_of_it = match event {
            ReadOk { attempt, .. } | ReadFailed { attempt, .. } | ReadStale { attempt, .. } => attempt == answered,
            EpochLost { .. } | PositionSet { .. } | ConsumerError { .. } => true,
            _ => false,
        };
        is_of_it && client == of
    }

    fn judge_answered(&mut self, verdict: &mut Verdict) {
        let Some((client, attempt)) = self.answered.take() else { return };
        let lost = self.open.iter().find(|(open, assigned)| (open.0, open.1) == (client, attempt) && **assigned);
        if let Some(((.., partition), _)) = lost {
            verdict.fail(&ValidationAnswerUsed::CLAIM, || {
                format!(
                    "client {client} has processed the response to attempt {attempt}, and not what that says of {partition}"
                )
            });
        }
        self.open.retain(|open, _| (open.0, open.1) != (client, attempt));
    }
}
