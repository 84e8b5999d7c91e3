//! All kinds of failovers of a run.

use raft::broker::observation::BrokerObservation;
use raft::client::AttemptEvent;
use raft::ids::NodeId;
use raft::io::{Observation, Role};
use raft::message::Response;

use super::controller::ControllerFailovers;
use super::gaps::Gaps;
use super::partitions::PartitionFailovers;
use super::replacements::Replacements;
use crate::checks::cluster::BrokerConfig;
use crate::checks::event::{Crossing, Event};
use crate::checks::metadata::image::ReferenceImage;
use crate::checks::metadata::model::{PartitionState, Update};
use crate::checks::models::Models;
use crate::report::Failover;

#[derive(Clone, Debug)]
pub struct Failovers {
    servers: Vec<NodeId>,
    /// Empty where no server is a broker.
    has_broker: Vec<bool>,
    controller: ControllerFailovers,
    partitions: PartitionFailovers,
    gaps: Gaps,
    replacements: Replacements,
    /// Completed failovers, and at the end of the run the others.
    pub done: Vec<Failover>,
}

impl Failovers {
    /// `brokers`: `None` of a quorum alone.
    pub fn new(servers: Vec<NodeId>, brokers: Option<&BrokerConfig>) -> Failovers {
        let has_broker: Vec<bool> =
            brokers.map_or(Vec::new(), |brokers| servers.iter().map(|id| brokers.ids.contains(id)).collect());
        let lasting_topics = brokers.map_or(0, |brokers| brokers.lasting_topics);
        let controller = ControllerFailovers::new(servers.len(), has_broker.clone());
        let replacements = Replacements::new(servers.clone());
        Failovers {
            servers,
            has_broker,
            controller,
            partitions: PartitionFailovers::default(),
            gaps: Gaps::new(lasting_topics),
            replacements,
            done: Vec::new(),
        }
    }

    /// A fault hits a server.
    pub fn struck(&mut self, at_ns: u64, server: usize, cause: &'static str) {
        let (was_active, replaced) = self.controller.struck(at_ns, server, cause);
        self.done.extend(replaced);
        self.partitions.struck(at_ns, self.servers[server], cause);
        self.replacements.struck(at_ns, server, cause);
        // A follower that is down delays requests that wait for it.
        if was_active || self.has_broker.get(server).is_some_and(|has_broker| *has_broker) {
            self.gaps.struck(at_ns, cause);
        }
    }

    /// The fault of a server is over.
    pub fn lifted(&mut self, server: usize) {
        self.controller.lifted(server);
        self.done.extend(self.partitions.lifted(self.servers[server]));
    }

    /// An event crosses a server's border, after the models have processed it.
    pub fn on(&mut self, crossing: &Crossing<'_>, models: &Models) {
        let Crossing { at_ns, server, event } = *crossing;
        if self.replacements.is_changed_by(models) {
            self.done.extend(self.replacements.committed(at_ns, models));
        }
        match event {
            Event::Observed { observation } => match observation {
                Observation::RoleChanged { role: Role::Prospective, .. } => self.controller.prospective(at_ns, server),
                Observation::RoleChanged { role: Role::Leader, epoch, .. } => {
                    self.controller.elected(at_ns, server, epoch, models.committed.end);
                }
                Observation::HighWatermark { epoch, leading: true, .. } => {
                    self.done.extend(self.controller.committed(at_ns, server, epoch, models.committed.end));
                }
                Observation::LeadershipAnnounced { epoch } => {
                    self.controller.activated(at_ns, server, epoch, models.committed.end);
                }
                Observation::Published { offset, .. } if models.cluster.is_some() => {
                    self.done.extend(self.controller.published(at_ns, server, offset));
                }
                Observation::Broker(BrokerObservation::BecameLeader { of, epoch, .. }) => {
                    self.done.extend(self.partitions.became_leader(at_ns, of, epoch));
                }
                _ => {}
            },
            Event::ResponseSent { response: Response::Fetch(_), .. } => {
                if let Some(epoch) = models.servers[server].leads() {
                    self.done.extend(self.controller.committed(at_ns, server, epoch, models.committed.end));
                }
            }
            Event::Booted { .. } => self.replacements.started(at_ns, server),
            Event::BatchCommitted { update } => {
                if let Some(cluster) = &models.cluster {
                    self.metadata(at_ns, update, cluster.metadata().image());
                }
            }
            _ => {}
        }
    }

    /// A batch of metadata was committed; `image` is the resulting image.
    fn metadata(&mut self, at_ns: u64, update: &Update, image: &ReferenceImage) {
        for broker in image.brokers.touched() {
            if image.brokers.get(broker).is_none_or(|broker| broker.fenced) {
                self.partitions.fenced(at_ns, *broker);
            }
        }
        for PartitionState { id, registration, .. } in &update.partitions {
            self.partitions.leader(at_ns, (*id).into(), registration.leader, registration.leader_epoch);
        }
        for topic_id in image.deleted_topics() {
            self.done.extend(self.partitions.topic_removed(topic_id));
        }
    }

    /// A Kafka client reported an event of an attempt.
    pub fn attempt(&mut self, at_ns: u64, client: usize, event: AttemptEvent) {
        self.gaps.attempt(at_ns, client, event);
    }

    /// All faults are over.
    pub fn healed(&mut self, at_ns: u64) {
        self.gaps.healed(at_ns);
    }

    /// The run is over.
    pub fn finish(&mut self, at_ns: u64) {
        self.done.extend(self.controller.finish(at_ns));
        self.done.extend(self.partitions.finish(at_ns));
        self.done.extend(self.gaps.finish(at_ns));
        self.done.extend(self.replacements.finish(at_ns));
    }
}
