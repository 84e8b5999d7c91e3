//! `[clients]`: Kafka's own clients, in scenarios with brokers; in scenarios of the quorum alone `[workload]` replaces
//! them.

use std::rc::Rc;

use raft::client::{AdminConfig, ClientConfig, ConsumerConfig, OffsetResetStrategy, ProducerConfig};
use raft::config::NodeConfig;
use raft::ids::NodeId;
use serde::{Deserialize, Serialize};

use super::cluster::{Cluster, Properties};
use super::error::{Refusal, ScenarioError};
use super::nearest::allowed;
use super::values::Nanos;
use crate::workload::Topics;

const MAX_PARTITIONS: u16 = 64;
/// The number of topics that are created and deleted again.
const PASSING_TOPICS: u16 = 4;
/// CreateTopics: the controllers' default.
const DEFAULT_REPLICATION_FACTOR: i16 = -1;

/// `acks`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Acks {
    /// Acknowledged when the whole ISR has the record.
    #[serde(rename = "all")]
    All,
    /// Acknowledged when the leader has the record.
    #[serde(rename = "1")]
    Leader,
    /// Not acknowledged.
    #[serde(rename = "0")]
    None,
}

/// `[clients]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Clients {
    /// Admin clients; the first creates the topics.
    pub admins: u16,
    pub producers: u16,
    /// Consumers; each reads every partition.
    pub consumers: u16,
    /// Topics that are created at the start and never deleted.
    pub topics: u16,
    /// Partitions of each; 0: the controllers' `num.partitions`.
    pub partitions: u16,
    /// Replicas of each partition; 0: the controllers' `default.replication.factor`.
    pub replication_factor: u16,
    /// `min.insync.replicas` of each topic; 0: not set on topics, so the nodes' own applies.
    pub min_insync_replicas: u16,
    /// Admin clients set topics' `min.insync.replicas` to any value from `min_insync_replicas` to this; they do not
    /// change it if this is not larger, or if it is not set on topics.
    #[serde(skip_serializing_if = "is_zero")]
    pub altered_min_insync_replicas: u16,
    /// Admin clients request elections in each run; otherwise in half of the runs, since one that requests them all the
    /// time hides failures to elect.
    #[serde(skip_serializing_if = "is_false")]
    pub elections_in_each_run: bool,
    /// Admin clients request unclean elections, too.
    #[serde(skip_serializing_if = "is_false")]
    pub unclean_elections: bool,
    /// Producers send nothing to the topics that admin clients delete and create again: the first record of a new
    /// topic waits for `replica.fetch.backoff.ms`, and with it all requests behind it on its connection.
    #[serde(skip_serializing_if = "is_false")]
    pub produce_to_lasting_topics_only: bool,
    /// `acks` of the producers.
    pub acks: Acks,
    /// `enable.idempotence`; only with `acks = "all"`.
    pub idempotence: bool,
    /// Time between two values of one producer.
    pub produce_interval: Nanos,
    /// Time between two operations of one admin client.
    pub admin_interval: Nanos,
    /// Other properties of clients, by Kafka's names.
    #[serde(skip_serializing_if = "Properties::is_empty")]
    pub config: Properties,
}

fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_zero(number: &u16) -> bool {
    *number == 0
}

impl Default for Clients {
    fn default() -> Clients {
        Clients {
            admins: 1,
            producers: 2,
            consumers: 2,
            topics: 2,
            partitions: 2,
            replication_factor: 3,
            min_insync_replicas: 2,
            altered_min_insync_replicas: 0,
            elections_in_each_run: false,
            unclean_elections: false,
            produce_to_lasting_topics_only: false,
            acks: Acks::All,
            idempotence: true,
            produce_interval: Nanos::from_ms(50),
            admin_interval: Nanos::from_ms(500),
            config: Properties::default(),
        }
    }
}

/// The properties of `[clients.config]`, and the fields that they set.
macro_rules! settings {
    ($($name:literal: $min:literal..$max:literal => |$target:ident, $value:ident| $set:expr;)+) => {
        /// Names of `[clients.config]`, with the allowed range.
        pub const SETTINGS: &[(&str, i64, i64)] = &[$(($name, $min, $max)),+];

        fn set(target: &mut ClientSettings, name: &str, value: i64) {
            match name {
                $($name => { let ($target, $value) = (target, value); $set })+
                _ => {}
            }
        }
    };
}

/// The configurations of the three kinds of client.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    pub admin: AdminConfig,
    pub producer: ProducerConfig,
    pub consumer: ConsumerConfig,
}

impl ClientSettings {
    fn each(&mut self, mut change: impl FnMut(&mut ClientConfig)) {
        change(&mut self.admin.client);
        change(&mut self.producer.client);
        change(&mut self.consumer.client);
    }
}

settings! {
    "request.timeout.ms": 1..2_147_483_647 => |it, ms| it.each(|client| client.request_timeout_ms = ms);
    "retry.backoff.ms": 1..3_600_000 => |it, ms| it.each(|client| client.retry_backoff_ms = ms);
    "retry.backoff.max.ms": 1..3_600_000 => |it, ms| it.each(|client| client.retry_backoff_max_ms = ms);
    "reconnect.backoff.ms": 1..3_600_000 => |it, ms| it.each(|client| client.reconnect_backoff_ms = ms);
    "reconnect.backoff.max.ms": 1..3_600_000 => |it, ms| it.each(|client| client.reconnect_backoff_max_ms = ms);
    "metadata.max.age.ms": 1..2_147_483_647 => |it, ms| it.each(|client| client.metadata_max_age_ms = ms);
    "default.api.timeout.ms": 1..2_147_483_647 => |it, ms| it.admin.default_api_timeout_ms = ms;
    "delivery.timeout.ms": 1..2_147_483_647 => |it, ms| it.producer.delivery_timeout_ms = ms;
    "linger.ms": 0..2_147_483_647 => |it, ms| it.producer.linger_ms = ms;
    "batch.size": 0..2_147_483_647 => |it, bytes| it.producer.batch_size = bytes as u32;
    "max.block.ms": 0..2_147_483_647 => |it, ms| it.producer.max_block_ms = ms;
    "max.in.flight.requests.per.connection": 1..5 => |it, count| it.producer.max_in_flight = count as usize;
    "retries": 0..2_147_483_647 => |it, count| it.producer.retries = count as u32;
    "fetch.max.wait.ms": 0..2_147_483_647 => |it, ms| it.consumer.fetch_max_wait_ms = ms as i32;
    "fetch.min.bytes": 0..2_147_483_647 => |it, bytes| it.consumer.fetch_min_bytes = bytes as i32;
    "fetch.max.bytes": 0..2_147_483_647 => |it, bytes| it.consumer.fetch_max_bytes = bytes as i32;
    "max.partition.fetch.bytes": 0..2_147_483_647 => |it, bytes| it.consumer.max_partition_fetch_bytes = bytes as i32;
}

impl Clients {
    /// The fields that the nodes' properties can decide.
    pub const DECIDED_BY_NODES: [&str; 3] = ["replication_factor", "min_insync_replicas", "partitions"];

    /// Lets the nodes' `default.replication.factor`, `min.insync.replicas` and `num.partitions` apply to topics, each
    /// if `which` accepts the name of its field.
    pub(super) fn leave_topics_to_nodes(&mut self, which: impl Fn(&str) -> bool) {
        let fields = [&mut self.replication_factor, &mut self.min_insync_replicas, &mut self.partitions];
        for (name, field) in Clients::DECIDED_BY_NODES.into_iter().zip(fields) {
            if which(name) {
                *field = 0;
            }
        }
    }

    /// Whether `[clients.config]` accepts this property.
    pub fn knows(property: &str) -> bool {
        SETTINGS.iter().any(|(known, ..)| *known == property)
    }

    /// Partitions of each topic on these nodes. Kafka uses the active controller's number; if controllers differ, this
    /// is the largest.
    pub fn partitions_on(&self, nodes: &[NodeConfig]) -> u64 {
        let controllers = nodes.iter().filter(|node| node.roles.controller);
        let most = controllers.map(|node| node.controller.num_partitions).max();
        match self.partitions {
            0 => most.and_then(|most| u64::try_from(most).ok()).unwrap_or(1),
            requested => requested.into(),
        }
    }

    /// The topics of a run; `partitions` is not 0.
    pub fn topics(&self) -> Topics {
        let lasting = (0..self.topics).map(|n| format!("topic-{n}").into());
        let passing = (0..PASSING_TOPICS).map(|n| format!("passing-{n}").into());
        Topics {
            names: lasting.chain(passing).chain([Rc::from("fresh")]).collect(),
            lasting: self.topics,
            partitions: self.partitions.into(),
            replication_factor: match self.replication_factor {
                0 => DEFAULT_REPLICATION_FACTOR,
                factor => i16::try_from(factor).unwrap_or(i16::MAX),
            },
            min_insync_replicas: (self.min_insync_replicas > 0).then(|| self.min_insync_replicas.into()),
            altered_min_insync_replicas: (1..self.altered_min_insync_replicas)
                .contains(&self.min_insync_replicas)
                .then_some(self.min_insync_replicas..=self.altered_min_insync_replicas),
            elections: self.elections_in_each_run,
            unclean_elections: self.unclean_elections,
            produce_to_lasting_only: self.produce_to_lasting_topics_only,
            brokers: Rc::from([]),
        }
    }

    /// The clients' configurations, with all brokers as bootstrap servers.
    pub fn settings(&self, bootstrap: Rc<[NodeId]>, names: Rc<[Rc<str>]>) -> Result<ClientSettings, String> {
        let client = ClientConfig::new(bootstrap, names);
        let mut settings = ClientSettings {
            admin: AdminConfig::new(client.clone()),
            producer: ProducerConfig::new(client.clone()),
            consumer: ConsumerConfig::new(client),
        };
        settings.producer.acks = match self.acks {
            Acks::All => -1,
            Acks::Leader => 1,
            Acks::None => 0,
        };
        settings.producer.enable_idempotence = self.idempotence;
        settings.consumer.auto_offset_reset = OffsetResetStrategy::Earliest;
        for (name, value) in &self.config.0 {
            let Some((_, min, max)) = SETTINGS.iter().find(|(known, ..)| known == name) else {
                let allowed = allowed(name, SETTINGS.iter().map(|(name, ..)| *name));
                return Err(format!("{name}: no such property{allowed}"));
            };
            let number = value.trim().parse::<i64>().ok().filter(|number| (*min..=*max).contains(number));
            let refused = || format!("{name} = {value:?}; allowed: {min}..{max}");
            set(&mut settings, name, number.ok_or_else(refused)?);
        }
        settings.producer.check().map_err(|error| error.to_string())?;
        Ok(settings)
    }

    /// Whether the table has only defaults.
    pub fn is_default(&self) -> bool {
        *self == Clients::default()
    }

    pub(super) fn check(&self, has_brokers: bool) -> Result<(), Refusal> {
        if !has_brokers && !self.is_default() {
            return Err(Refusal::new(
                "clients",
                "Kafka's clients need brokers; allowed: with cluster.brokers (controllers alone: controller-failover)",
            ));
        }
        let counts = [
            ("admins", self.admins, 1..=8),
            ("producers", self.producers, 0..=32),
            ("consumers", self.consumers, 0..=32),
            ("topics", self.topics, 1..=32),
            ("partitions", self.partitions, 0..=MAX_PARTITIONS),
            ("replication_factor", self.replication_factor, 0..=9),
            ("min_insync_replicas", self.min_insync_replicas, 0..=9),
            ("altered_min_insync_replicas", self.altered_min_insync_replicas, 0..=9),
        ];
        for (name, count, allowed) in counts {
            if !allowed.contains(&count) {
                let problem = format!("{count}; allowed: {}..{}", allowed.start(), allowed.end());
                return Err(Refusal::new(format!("clients.{name}"), problem));
            }
        }
        for (name, interval) in [("produce_interval", self.produce_interval), ("admin_interval", self.admin_interval)] {
            if interval < Nanos(100_000) {
                return Err(Refusal::new(format!("clients.{name}"), format!("{interval}; allowed: 100us and more")));
            }
        }
        self.settings(Rc::from([NodeId(1)]), Rc::from([])).map_err(|why| Refusal::new("clients.config", why))?;
        Ok(())
    }

    /// Checks whether their topics can be created on the brokers of this cluster, if it has any. Separate from
    /// [`Clients::check`], for a later setting may correct an earlier one. The outer error is that of a cluster that
    /// cannot be read.
    pub(super) fn check_topics(&self, cluster: &Cluster) -> Result<Result<(), Refusal>, ScenarioError> {
        let nodes = cluster.configs()?;
        let brokers = nodes.iter().filter(|node| node.roles.broker).count();
        if brokers == 0 {
            return Ok(Ok(()));
        }
        let partitions = self.partitions_on(&nodes);
        if partitions > MAX_PARTITIONS.into() {
            let what = format!("a topic of the workload has at most {MAX_PARTITIONS} partitions");
            let number = i64::try_from(partitions).unwrap_or(i64::MAX);
            return Ok(Err(self.refused(cluster, "partitions", number, &what, MAX_PARTITIONS.into())));
        }
        let controllers = nodes.iter().filter(|node| node.roles.controller);
        let replicas = match self.replication_factor {
            0 => controllers.map(|node| i64::from(node.controller.default_replication_factor)).max().unwrap_or(1),
            requested => requested.into(),
        };
        if usize::try_from(replicas).is_ok_and(|replicas| replicas <= brokers) {
            return Ok(Ok(()));
        }
        let what = format!("the cluster has {brokers} broker{}", if brokers == 1 { "" } else { "s" });
        Ok(Err(self.refused(cluster, "replication_factor", replicas, &what, brokers)))
    }

    /// The error for a number of the workload's topics that is too large: where it is set, and what is allowed.
    fn refused(&self, cluster: &Cluster, field: &str, number: i64, what: &str, max: usize) -> Refusal {
        let instead = format!("allowed: 1..{max}, as in --set clients.{field}={max}");
        let (is_given, property) = match field {
            "partitions" => (self.partitions > 0, "num.partitions"),
            _ => (self.replication_factor > 0, "default.replication.factor"),
        };
        match cluster.place(property, number) {
            _ if is_given => Refusal::new(format!("clients.{field}"), format!("{number}, and {what}; {instead}")),
            Some(place) => Refusal::new(format!("{place}: {property}"), format!(" = \"{number}\": {what}; {instead}")),
            None => Refusal::new(format!("clients.{field}"), format!("{number} ({property}), and {what}; {instead}")),
        }
    }
}
