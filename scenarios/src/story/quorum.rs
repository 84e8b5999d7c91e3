//! A story's view of the quorum, from any node (brokers follow the quorum, too); and its appends, in scenarios without
//! brokers, whose clients use the append model.

use std::future::Future;
use std::pin::Pin;

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Role, Visitor};
use raft::log::Records;
use raft::node::Node as KafkaNode;
use sim::host::wait_for;
use sim::process::Node;
use sim::world::Condition;

use super::cluster::{Cluster, gave_up, now_ns, with};
use super::error::StoryError;
use crate::actor::{Actor, AttemptEvent, Said};
use crate::run_observer::RunObserver;
use crate::workload::ClientOperation;

/// The delay before the next attempt of an append after a refusal.
const RETRY_MS: u64 = 20;

/// How an append's attempt ended at its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Acknowledged; the offset of its first record.
    Acknowledged(Offset),
    /// Refused before it was accepted.
    Refused,
    /// Not known: no response, or one that does not decide it.
    Unknown,
}

type SeenLater = Pin<Box<dyn Future<Output = Option<(Node, Said)>>>>;

/// An append in flight.
pub struct Attempt {
    number: u32,
    ended: SeenLater,
}

impl std::fmt::Debug for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attempt").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Attempt {
    /// Waits for its outcome.
    pub async fn outcome(self) -> Result<AttemptOutcome, StoryError> {
        match self.ended.await {
            Some((_, Said::Client(AttemptEvent::AppendOk { base_offset, .. }))) => {
                Ok(AttemptOutcome::Acknowledged(Offset(base_offset)))
            }
            Some((_, Said::Client(AttemptEvent::AppendFailed { .. }))) => Ok(AttemptOutcome::Refused),
            Some(_) => Ok(AttemptOutcome::Unknown),
            None => Err(gave_up(&format!("the end of append attempt {}", self.number))),
        }
    }
}

/// The node's own view of its log.
#[derive(Default)]
struct LogView {
    end: Offset,
    high_watermark: Option<Offset>,
}

impl Visitor for LogView {
    fn election(&mut self, _: LeaderEpoch, _: NodeId, _: NodeId, _: Role) {}
    fn log(&mut self, _: Offset, end: Offset, high_watermark: Option<Offset>) {
        (self.end, self.high_watermark) = (end, high_watermark);
    }
    fn batches(&mut self, _: &Records) {}
}

impl Cluster {
    /// The role of a node; an error if it is down.
    pub fn role(&self, id: NodeId) -> Result<Role, StoryError> {
        self.of(id, KafkaNode::role)
    }

    /// The epoch of a node; an error if it is down.
    pub fn epoch(&self, id: NodeId) -> Result<LeaderEpoch, StoryError> {
        self.of(id, KafkaNode::epoch)
    }

    /// A node's high watermark of the metadata log, `None` if it has none; an error if it is down.
    pub fn high_watermark(&self, id: NodeId) -> Result<Option<Offset>, StoryError> {
        self.log(id).map(|log| log.high_watermark)
    }

    /// A node's log end offset of the metadata log; an error if it is down.
    pub fn log_end(&self, id: NodeId) -> Result<Offset, StoryError> {
        self.log(id).map(|log| log.end)
    }

    /// The controllers, up or down, whose disks durably hold an offset of the metadata log.
    pub fn replicas_with(&self, offset: Offset) -> Vec<NodeId> {
        let holds = |server: usize| {
            with(|run| run.watch.checks.as_ref().is_some_and(|checks| checks.durable_end(server) > offset))
        };
        let servers = self.inner.servers.iter().enumerate();
        let controllers = servers.filter(|(_, id)| self.controllers().contains(id));
        controllers.filter(|(server, _)| holds(*server)).map(|(_, id)| *id).collect()
    }

    /// The controller that was most recently notified of its leadership; waits if there is none.
    pub async fn active_controller(&self) -> Result<NodeId, StoryError> {
        self.active_but(None, "an active controller").await
    }

    /// The next active controller that is not `id`, of a newer epoch if `id` leads one.
    pub async fn wait_for_leader_other_than(&self, id: NodeId) -> Result<NodeId, StoryError> {
        let place = self.place(id)?;
        self.active_but(Some(place), &format!("a leader other than {id}")).await
    }

    /// Waits until a node enters a role, if it is not in it.
    pub async fn wait_for_role(&self, id: NodeId, role: Role) -> Result<(), StoryError> {
        fn entered(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Server(Observation::RoleChanged { role, .. }) = said else { return false };
            u64::from(node.0) << 8 | *role as u64 == argument
        }
        let place = self.place(id)?;
        if self.role(id).ok() == Some(role) {
            return Ok(());
        }
        let argument = u64::from(place.0) << 8 | role as u64;
        self.see(entered, argument, &format!("node {id} in the role {role:?}")).await.map(drop)
    }

    /// Waits until a node knows that an offset of the metadata log is committed.
    pub async fn wait_for_high_watermark(&self, id: NodeId, offset: Offset) -> Result<(), StoryError> {
        fn passed(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Server(Observation::HighWatermark { offset, .. }) = said else { return false };
            u64::from(node.0) == argument >> 48 && offset.0 as u64 > argument & ((1 << 48) - 1)
        }
        let place = self.place(id)?;
        if self.high_watermark(id).is_ok_and(|known| known.is_some_and(|known| known > offset)) {
            return Ok(());
        }
        let argument = u64::from(place.0) << 48 | offset.0 as u64;
        self.see(passed, argument, &format!("a high watermark above {offset} on node {id}")).await.map(drop)
    }

    /// `count` appends, one after the other, each retried until it is acknowledged. Returns the offset of each one's
    /// first record.
    pub async fn append(&self, count: usize) -> Result<Vec<Offset>, StoryError> {
        let deadline = self.deadline();
        let mut offsets = Vec::with_capacity(count);
        while offsets.len() < count {
            if let AttemptOutcome::Acknowledged(offset) = self.begin_append().await?.outcome().await? {
                offsets.push(offset);
            } else if now_ns() >= deadline {
                return Err(gave_up(&format!("append {} of {count}", offsets.len() + 1)));
            } else {
                self.wait_ms(RETRY_MS).await?;
            }
        }
        Ok(offsets)
    }

    /// One attempt of one append; returns when it has been sent.
    pub async fn begin_append(&self) -> Result<Attempt, StoryError> {
        fn invoked(node: Node, said: &Said, client: u64) -> bool {
            u64::from(node.0) == client && matches!(said, Said::Client(AttemptEvent::AppendInvoked { .. }))
        }
        fn ended(node: Node, said: &Said, argument: u64) -> bool {
            let Said::Client(
                AttemptEvent::AppendOk { attempt, .. }
                | AttemptEvent::AppendFailed { attempt }
                | AttemptEvent::AppendUnknown { attempt },
            ) = said
            else {
                return false;
            };
            u64::from(node.0) << 32 | u64::from(*attempt) == argument
        }
        let client = self.inner.clients.appenders.first().copied();
        let client = client.ok_or_else(|| {
            StoryError("append: this scenario has no clients that append to the metadata log; allowed: in a scenario without brokers that has clients (with brokers: produce)".to_owned())
        })?;
        let place = u64::from(client.0);
        let sent = self.see(invoked, place, "an append to be sent");
        self.ask(client, ClientOperation::Append { count: 1 });
        let (_, Said::Client(AttemptEvent::AppendInvoked { attempt: number, .. })) = sent.await? else {
            return Err(StoryError("an operation was sent that is not an append".to_owned()));
        };
        let condition = Condition { matches: ended, argument: place << 32 | u64::from(number) };
        let ended = Box::pin(wait_for::<Actor, RunObserver>(condition, self.deadline()));
        Ok(Attempt { number, ended })
    }

    fn log(&self, id: NodeId) -> Result<LogView, StoryError> {
        self.of(id, |node| {
            let mut view = LogView::default();
            node.visit(&mut view);
            node.role().map(|_| view)
        })
    }

    /// The newest leader that knows it leads, if it is not this node.
    async fn active_but(&self, but: Option<Node>, what: &str) -> Result<NodeId, StoryError> {
        fn announced(_: Node, said: &Said, _: u64) -> bool {
            matches!(said, Said::Server(Observation::LeadershipAnnounced { .. }))
        }
        loop {
            let active = |place: usize| {
                with(|run| match run.world.process(Node(place as u16)) {
                    Some(Actor::Server(server)) => server.node.active_in(),
                    _ => None,
                })
            };
            let places = 0..self.inner.servers.len();
            let newest = places.filter_map(|place| Some((active(place)?, place))).max();
            if let Some((_, place)) = newest.filter(|(_, place)| but != Some(Node(*place as u16))) {
                return Ok(self.inner.servers[place]);
            }
            self.see(announced, 0, what).await?;
        }
    }
}
