//! `PresentLeaderObeyed` (KIP-320): a replica changes its log by what the leader of its present epoch
//! answers. An answer to a question of an older epoch, or one for a partition that it leads by now,
//! changes nothing (KAFKA-18991, KAFKA-13207).
//!
//! Judged from the Fetch requests that a broker sends, from the answers that reach it, and from what it
//! writes before it receives its next input; of its own reports only the role that it last entered is used.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::link::Link;
use raft::ids::LeaderEpoch;
use raft::io::ConnectToken;
use raft::message::data::{DataFetchResponse, FetchPartition, FetchablePartition};
use smallvec::SmallVec;

claim! {
    /// A replica changes its log only by answers from the leader of its present epoch, never by older
    /// answers.
    PresentLeaderObeyed, Safety of Partition, "KIP-320, controller-broker.md §6.5; KAFKA-18991, KAFKA-13207";
}

/// Of one broker.
#[derive(Clone, Debug, Default)]
struct Fetching {
    /// Connections by the tokens that its thread knows them by; a handful.
    tokens: Vec<(u32, u64)>,
    /// The last request on each connection: a connection carries one at a time.
    requested: Vec<(u64, Rc<[FetchPartition]>)>,
    /// Partitions that the running step may not change, and the leader epoch of the request.
    outdated: SmallVec<[(usize, LeaderEpoch); 2]>,
}

/// All brokers.
#[derive(Clone, Debug)]
pub struct Answers {
    fetching: Vec<Fetching>,
}

impl Answers {
    /// For this number of servers.
    pub fn new(servers: usize) -> Answers {
        Answers { fetching: vec![Fetching::default(); servers] }
    }

    /// A broker's request thread receives its next input.
    #[inline]
    pub fn step_over(&mut self, server: usize) {
        self.fetching[server].outdated.clear();
    }

    pub fn connected(&mut self, server: usize, token: u32, connection: u64) {
        let Fetching { tokens, requested, .. } = &mut self.fetching[server];
        // A link has one connection: the newest.
        let slot = |token: u32| Link::slot_of(ConnectToken(token));
        tokens.retain(|(other, _)| slot(*other) != slot(token));
        tokens.push((token, connection));
        requested.retain(|(other, _)| tokens.iter().any(|(_, open)| open == other));
    }

    pub fn asks(&mut self, server: usize, connection: u64, partitions: &Rc<[FetchPartition]>) {
        let requested = &mut self.fetching[server].requested;
        match requested.iter_mut().find(|(other, _)| *other == connection) {
            Some((_, last)) => last.clone_from(partitions),
            None => requested.push((connection, Rc::clone(partitions))),
        }
    }

    /// An answer reaches a broker; `follows` gives a partition's index if there is one, and the epoch in
    /// which the broker follows, if it does.
    pub fn received(
        &mut self,
        server: usize,
        token: u32,
        answer: &DataFetchResponse,
        follows: impl Fn(&FetchablePartition) -> Option<(usize, Option<LeaderEpoch>)>,
    ) {
        let Fetching { tokens, requested, outdated } = &mut self.fetching[server];
        let connection = tokens.iter().find(|(other, _)| *other == token).map(|(_, connection)| *connection);
        let requested = requested.iter().find(|(other, _)| Some(*other) == connection);
        let Some((_, requested)) = requested else { return };
        for found in answer.partitions.iter() {
            let changes = found.diverging_epoch.is_some() || !found.records.0.is_empty();
            let Some((index, epoch)) = (if changes { follows(found) } else { None }) else { continue };
            let question = requested.iter().find(|question| question.partition == found.partition);
            if let Some(question) = question
                && epoch != Some(question.current_leader_epoch)
            {
                outdated.push((index, question.current_leader_epoch));
            }
        }
    }

    /// May the running step change this partition's log? If not: the leader epoch of the request.
    #[inline]
    pub fn outdated(&self, server: usize, partition: usize) -> Option<LeaderEpoch> {
        let outdated = &self.fetching[server].outdated;
        outdated.iter().find(|(index, _)| *index == partition).map(|(_, epoch)| *epoch)
    }

    pub fn down(&mut self, server: usize) {
        self.fetching[server] = Fetching::default();
    }
}
