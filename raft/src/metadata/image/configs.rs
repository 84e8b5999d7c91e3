//! Dynamic configs, and the effective value of a topic's config (controller-broker.md §4.10).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::ReplayError;
use super::digest::{EntityKind, entity_hash};
use crate::ids::NodeId;
use crate::message::{Canonical, CanonicalHasher};
use crate::metadata::records::Config;

/// The type of a resource with configs (Kafka's `ConfigResource.Type`). Loggers of brokers are not stored here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum ConfigResourceType {
    /// 2
    Topic = 2,
    /// 4; the one without a name is the cluster-wide default.
    Broker = 4,
    /// 16
    ClientMetrics = 16,
    /// 32
    Group = 32,
}

impl ConfigResourceType {
    /// The type with this number on the wire.
    pub fn of(number: i8) -> Option<ConfigResourceType> {
        use ConfigResourceType::*;
        [Topic, Broker, ClientMetrics, Group].into_iter().find(|kind| *kind as i8 == number)
    }
}

/// Kafka's `ConfigResource`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigResource {
    pub resource_type: ConfigResourceType,
    /// A topic's name, a broker's id; "" for the default of all brokers.
    pub name: Rc<str>,
}

impl ConfigResource {
    /// The resource of a topic.
    pub fn topic(name: &str) -> ConfigResource {
        ConfigResource { resource_type: ConfigResourceType::Topic, name: name.into() }
    }

    /// The resource of one broker, or of the default of all.
    pub fn broker(id: Option<NodeId>) -> ConfigResource {
        let name = id.map_or_else(String::new, |id| id.to_string());
        ConfigResource { resource_type: ConfigResourceType::Broker, name: name.into() }
    }
}

impl Canonical for ConfigResource {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        (self.resource_type as i8).walk(hasher);
        self.name.walk(hasher);
    }
}

/// Keys and values of one resource.
pub type ConfigValues = BTreeMap<Rc<str>, Rc<str>>;

/// Kafka's `ConfigurationsImage`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationsImage {
    /// The values are never empty.
    resources: BTreeMap<ConfigResource, Rc<ConfigValues>>,
    digest: u64,
}

impl ConfigurationsImage {
    /// All resources that have configs.
    pub fn resources(&self) -> &BTreeMap<ConfigResource, Rc<ConfigValues>> {
        &self.resources
    }

    /// The value that is set for the resource itself.
    pub fn get(&self, resource: &ConfigResource, name: &str) -> Option<&Rc<str>> {
        self.resources.get(resource)?.get(name)
    }

    /// The effective dynamic value for a topic: that of the topic, of the broker `node` (the reader), or of all
    /// brokers. `None`: the static value of `node` applies.
    pub fn topic_config(&self, topic: &str, node: NodeId, name: &str) -> Option<&Rc<str>> {
        let own = self.get(&ConfigResource::topic(topic), name);
        own.or_else(|| {
            let synonym = broker_synonym(name)?;
            // Topic is the first type: if the last resource is a topic, no broker has configs.
            let (last, _) = self.resources.last_key_value()?;
            if last.resource_type == ConfigResourceType::Topic {
                return None;
            }
            let of_node = self.get(&ConfigResource::broker(Some(node)), synonym);
            of_node.or_else(|| self.get(&ConfigResource::broker(None), synonym))
        })
    }

    /// [`topic_config`](Self::topic_config) as a number, or the static one. A value that is not a number is skipped;
    /// controllers accept none.
    pub fn topic_number(&self, topic: &str, node: NodeId, name: &str, static_value: i64) -> i64 {
        let value = self.topic_config(topic, node, name);
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(static_value)
    }

    /// `min.insync.replicas`
    pub fn min_insync_replicas(&self, topic: &str, node: NodeId, static_value: i32) -> i32 {
        let value = self.topic_number(topic, node, "min.insync.replicas", static_value.into());
        i32::try_from(value).unwrap_or(static_value)
    }

    /// `unclean.leader.election.enable`
    pub fn unclean_leader_election_enable(&self, topic: &str, node: NodeId, static_value: bool) -> bool {
        let value = self.topic_config(topic, node, "unclean.leader.election.enable");
        value.map_or(static_value, |value| value.trim().eq_ignore_ascii_case("true"))
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest
    }

    pub(super) fn replay(&mut self, record: &Config) -> Result<ConfigResource, ReplayError> {
        let resource_type =
            ConfigResourceType::of(record.resource_type).ok_or(ReplayError::ConfigResource(record.resource_type))?;
        let resource = ConfigResource { resource_type, name: Rc::clone(&record.resource_name) };
        let values = Rc::make_mut(self.resources.entry(resource.clone()).or_default());
        let old = match &record.value {
            Some(value) => {
                self.digest = self.digest.wrapping_add(config_hash(&resource, &record.name, value));
                values.insert(Rc::clone(&record.name), Rc::clone(value))
            }
            None => values.remove(&record.name),
        };
        if let Some(old) = old {
            self.digest = self.digest.wrapping_sub(config_hash(&resource, &record.name, &old));
        }
        if values.is_empty() {
            self.resources.remove(&resource);
        }
        Ok(resource)
    }

    /// `true` if the topic had configs.
    pub(super) fn remove_topic(&mut self, resource: &ConfigResource) -> bool {
        let Some(values) = self.resources.remove(resource) else { return false };
        for (name, value) in values.iter() {
            self.digest = self.digest.wrapping_sub(config_hash(resource, name, value));
        }
        true
    }
}

/// The name of a topic's config where it is set for all topics of a broker (`ServerTopicConfigSynonyms`); `None` for an
/// unknown one.
pub fn broker_synonym(topic_config: &str) -> Option<&'static str> {
    Some(match topic_config {
        "min.insync.replicas" => "min.insync.replicas",
        "unclean.leader.election.enable" => "unclean.leader.election.enable",
        "compression.type" => "compression.type",
        "max.message.bytes" => "message.max.bytes",
        "cleanup.policy" => "log.cleanup.policy",
        "segment.bytes" => "log.segment.bytes",
        "segment.ms" => "log.roll.ms",
        "retention.bytes" => "log.retention.bytes",
        "retention.ms" => "log.retention.ms",
        "flush.messages" => "log.flush.interval.messages",
        "flush.ms" => "log.flush.interval.ms",
        _ => return None,
    })
}

fn config_hash(resource: &ConfigResource, name: &Rc<str>, value: &Rc<str>) -> u64 {
    struct Key<'a>(&'a ConfigResource, &'a Rc<str>);
    impl Canonical for Key<'_> {
        fn walk(&self, hasher: &mut CanonicalHasher) {
            self.0.walk(hasher);
            self.1.walk(hasher);
        }
    }
    entity_hash(EntityKind::Config, &Key(resource, name), value)
}
