//! What a Kafka client of a run is: its role, its properties, and what its application does.

use std::ops::{Range, RangeInclusive};
use std::rc::Rc;

use raft::client::{AdminConfig, ConsumerConfig, ProducerConfig};
use raft::ids::NodeId;
use sim::process::Node;
use sim::rng::Entropy;

use crate::workload::ClientOperation;

/// The topics of a run, by their place in every client's list of names.
#[derive(Clone, Debug)]
pub struct Topics {
    /// Names: those that are created at the start, then those that come and go, then the one
    /// that a fresh admin client creates after healing.
    pub names: Rc<[Rc<str>]>,
    /// How many of them are created at the start.
    pub lasting: u16,
    /// Partitions of each of these.
    pub partitions: i32,
    /// Replicas of each partition; -1: the controllers' default.
    pub replication_factor: i16,
    /// `min.insync.replicas` of each topic, if topics say.
    pub min_insync_replicas: Option<i32>,
    /// What admin clients set that to later, if they do.
    pub altered_min_insync_replicas: Option<RangeInclusive<u16>>,
    /// Admin clients request elections.
    pub elections: bool,
    /// For unclean ones, too.
    pub unclean_elections: bool,
    /// Producers send to no topic that comes and goes.
    pub produce_to_lasting_only: bool,
    /// The brokers.
    pub brokers: Rc<[NodeId]>,
}

impl Topics {
    /// Place of the topic that a fresh admin client creates.
    pub fn fresh(&self) -> usize {
        self.names.len() - 1
    }

    /// Places of those that come and go.
    pub fn passing(&self) -> Range<usize> {
        usize::from(self.lasting)..self.fresh()
    }
}

/// What a client is, with its properties.
#[derive(Clone, Debug)]
pub enum KafkaClientRole {
    /// Creates the lasting topics, then changes this and that every so often.
    Admin { config: AdminConfig, interval_ns: u64 },
    /// Sends a value every so often.
    Producer { config: ProducerConfig, interval_ns: u64 },
    /// Reads all partitions of all lasting topics from their start.
    Consumer { config: ConsumerConfig },
}

/// A Kafka client of a run.
#[derive(Clone, Debug)]
pub struct KafkaClientSpec {
    /// Which client this is; part of every value it sends.
    pub index: u16,
    /// See there.
    pub role: KafkaClientRole,
    /// The topics.
    pub topics: Topics,
    /// Where the brokers live: (Kafka node id, place).
    pub places: Rc<[(NodeId, Node)]>,
    /// Its application's own draws.
    pub draws: Entropy,
    /// What it is to do instead of what its application would; never of a fresh client.
    pub timetable: Option<Rc<[(u64, ClientOperation)]>>,
    /// It keeps what its application requests.
    pub keeps_timetable: bool,
    /// Record the dialogue of the client.
    pub records_dialogue: bool,
    /// It is a fresh client.
    pub fresh: Option<Fresh>,
}

impl KafkaClientSpec {
    /// How long an admin client waits before it sends a call again, but for the jitter; ms.
    pub fn admin_backoff_ms(&self) -> Option<u64> {
        let KafkaClientRole::Admin { config, .. } = &self.role else { return None };
        u64::try_from(config.client.retry_backoff_ms.min(config.client.retry_backoff_max_ms)).ok()
    }
}

/// A fresh client does nothing before an instant, and then once what shows that the cluster works.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// On its monotonic clock, ns.
    pub from_ns: u64,
    /// Lasting topics that an admin client creates besides its own: nobody else does, and the other fresh clients
    /// write and read them.
    pub creates: Vec<u16>,
}
