//! `PresentLeaderObeyed` (KIP-320): a replica changes its log by what the leader of its present epoch
//! answers. An answer to a question of an older epoch, or one for a partition that it leads by now,
//! changes nothing (KAFKA-18991, KAFKA-13207).
//!
//! Judged from the Fetch requests that a broker sends, from the answers that reach it, and from what it
//! writes before it receives its next input; of its own reports only the role that it last entered is used.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::link::BrokerLink;
use raft::ids::LeaderEpoch;
use raft::io::ConnectToken;
use raft::message::data::{DataFetchResponse, FetchPartition};
use smallvec::SmallVec;

use super::partition::PartitionModel;
use super::partitions::{PartitionIndex, Partitions};

claim! {
    /// A replica changes its log only by answers from the leader of its present epoch, never by older
    /// answers.
    PresentLeaderObeyed, Safety of Partition, "KIP-320, controller-broker.md §6.5; KAFKA-18991, KAFKA-13207";
}

/// A connection that a broker has opened.
#[derive(Clone, Debug)]
struct Opened {
    /// The number by which its thread knows it.
    token: u32,
    connection: u64,
    /// The last request on it: a connection carries one at a time.
    requested: Rc<[FetchPartition]>,
}

/// The answers to one broker.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// A handful.
    opened: Vec<Opened>,
    /// Partitions that the running step may not change, and the leader epoch of the request.
    pub(super) outdated: SmallVec<[(PartitionIndex, LeaderEpoch); 2]>,
}

impl Answers {
    pub fn connected(&mut self, token: u32, connection: u64) {
        // A link has one connection: the newest.
        let slot = |token: u32| BrokerLink::slot_of(ConnectToken(token));
        self.opened.retain(|other| slot(other.token) != slot(token));
        self.opened.push(Opened { token, connection, requested: Rc::default() });
    }

    pub fn requested(&mut self, connection: u64, partitions: &Rc<[FetchPartition]>) {
        if let Some(opened) = self.opened.iter_mut().find(|opened| opened.connection == connection) {
            opened.requested.clone_from(partitions);
        }
    }

    /// An answer reaches the broker, which is `server`.
    pub fn received(&mut self, server: usize, token: u32, answer: &DataFetchResponse, partitions: &Partitions) {
        let Some(opened) = self.opened.iter().find(|opened| opened.token == token) else { return };
        for found in answer.partitions.iter() {
            if found.diverging_epoch.is_none() && found.records.0.is_empty() {
                continue;
            }
            let Some(index) = partitions.find(found.partition.into()) else { continue };
            let question = opened.requested.iter().find(|question| question.partition == found.partition);
            let epoch = question.map(|question| question.current_leader_epoch);
            if let Some(epoch) = epoch.filter(|epoch| partitions[index].replicas[server].follows != Some(*epoch)) {
                self.outdated.push((index, epoch));
            }
        }
    }

    /// The broker changes a data log: not by an outdated answer.
    #[inline]
    pub fn judge(&self, server: usize, index: PartitionIndex, partition: &PartitionModel, verdict: &mut Verdict) {
        if let Some((_, requested)) = self.outdated.iter().find(|(outdated, _)| *outdated == index) {
            let (id, of, follows) = (partition.node(server), partition.id, partition.replicas[server].follows);
            verdict.fail(&PresentLeaderObeyed::CLAIM, || {
                let now =
                    follows.map_or_else(|| "it follows no leader now".to_owned(), |now| format!("it now follows in leader epoch {now}"));
                format!("partition {of}: broker {id} changes its log by an answer to a request of leader epoch {requested}; {now}")
            });
        }
    }
}
