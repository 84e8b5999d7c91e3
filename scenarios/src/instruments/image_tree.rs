//! The metadata image as a tree of names: Kafka's `org.apache.kafka.image.node` and, for a leaf, the `toString` of what is
//! there.

use std::collections::BTreeMap;
use std::fmt::Display;

use raft::ids::{LeaderEpoch, Offset, Uuid};
use raft::metadata::MetadataVersion;
use raft::metadata::image::{
    BrokerRegistration, ConfigResource, ConfigResourceType, ControllerRegistration, LeaderRecoveryState, MetadataImage,
    PartitionRegistration, TopicImage,
};
use raft::metadata::records::{BrokerEndpoint, BrokerFeature};

use crate::instruments::moment::iso_time;

/// `ScramMechanism`; without users, as records of them are not kept in an image of ours.
const SCRAM_MECHANISMS: [&str; 2] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
/// `SecurityProtocol`, by its id.
const SECURITY_PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
/// `MetadataVersion` by its feature level, from 7 on.
const METADATA_VERSIONS: [&str; 27] = [
    "3.3-IV3", "3.4-IV0", "3.5-IV0", "3.5-IV1", "3.5-IV2", "3.6-IV0", "3.6-IV1", "3.6-IV2", "3.7-IV0", "3.7-IV1",
    "3.7-IV2", "3.7-IV3", "3.7-IV4", "3.8-IV0", "3.9-IV0", "4.0-IV0", "4.0-IV1", "4.0-IV2", "4.0-IV3", "4.1-IV0",
    "4.1-IV1", "4.2-IV0", "4.2-IV1", "4.3-IV0", "4.4-IV0", "4.4-IV1", "4.4-IV2",
];

/// Kafka's `MetadataNode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImageNode {
    /// Ascending by name.
    Directory(Vec<(String, ImageNode)>),
    Leaf(String),
}

impl ImageNode {
    /// Kafka's `RootShellNode` of an image, without `local`, which is about the shell itself.
    pub fn root(image: &MetadataImage) -> ImageNode {
        directory([("image".to_owned(), of_image(image))])
    }

    /// The node of this name.
    pub fn child(&self, name: &str) -> Option<&ImageNode> {
        match self {
            ImageNode::Directory(children) => {
                let place = children.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
                Some(&children[place].1)
            }
            ImageNode::Leaf(_) => None,
        }
    }

    /// All leaves below, by path.
    pub fn leaves(&self) -> BTreeMap<String, &str> {
        let mut found = BTreeMap::new();
        self.collect("", &mut found);
        found
    }

    fn collect<'a>(&'a self, path: &str, into: &mut BTreeMap<String, &'a str>) {
        match self {
            ImageNode::Directory(children) => {
                children.iter().for_each(|(name, child)| child.collect(&format!("{path}/{name}"), into));
            }
            ImageNode::Leaf(text) => drop(into.insert(path.to_owned(), text)),
        }
    }
}

fn directory(children: impl IntoIterator<Item = (String, ImageNode)>) -> ImageNode {
    let mut children: Vec<(String, ImageNode)> = children.into_iter().collect();
    children.sort_by(|one, other| one.0.cmp(&other.0));
    ImageNode::Directory(children)
}

fn leaf(of: impl Display) -> ImageNode {
    ImageNode::Leaf(of.to_string())
}

fn of_image(image: &MetadataImage) -> ImageNode {
    let empty = || directory([]);
    let cluster = image.cluster();
    let brokers = cluster.brokers().values().map(|broker| (broker.id.to_string(), leaf(of_broker(broker))));
    let controllers = cluster.controllers().values().map(|it| (it.id.to_string(), leaf(of_controller(it))));
    let topics: Vec<&TopicImage> = image.topics().topics_by_id().values().map(|topic| &**topic).collect();
    let by_name = directory(topics.iter().map(|topic| (topic.name.to_string(), of_topic(topic))));
    let by_id = directory(topics.iter().map(|topic| (topic.id.to_string(), of_topic(topic))));
    let configs = image.configs().resources().iter().map(|(resource, values)| {
        let values = values.iter().map(|(name, value)| (name.to_string(), leaf(value)));
        (of_resource(resource), directory(values))
    });
    let node = |name: &str, node: ImageNode| (name.to_owned(), node);
    directory([
        node("acls", directory([node("byId", empty())])),
        node("clientQuotas", empty()),
        node("cluster", directory([node("brokers", directory(brokers)), node("controllers", directory(controllers))])),
        node("configs", directory(configs)),
        node("delegationToken", empty()),
        node("features", of_features(image)),
        node("producerIds", directory([node("nextProducerId", leaf(image.next_producer_id().0))])),
        node("provenance", leaf(of_provenance(image))),
        node("scram", directory(SCRAM_MECHANISMS.map(|name| node(name, empty())))),
        node("topics", directory([node("byId", by_id), node("byName", by_name)])),
    ])
}

/// Such as `4.4-IV2`.
pub(super) fn metadata_version_name(version: MetadataVersion) -> String {
    match usize::try_from(version.0 - MetadataVersion::MINIMUM.0) {
        Ok(index) if index < METADATA_VERSIONS.len() => METADATA_VERSIONS[index].to_owned(),
        _ => version.to_string(),
    }
}

/// `metadataVersion` is the `toString` of an `Optional`.
fn of_features(image: &MetadataImage) -> ImageNode {
    let features = image.features();
    let version = features.metadata_version().map(metadata_version_name);
    let finalized = features.finalized().iter().map(|(name, level)| (format!("finalized_{name}"), leaf(level)));
    directory(finalized.chain([("metadataVersion".to_owned(), leaf(optional(version)))]))
}

fn of_provenance(image: &MetadataImage) -> String {
    let provenance = image.provenance();
    let (Offset(offset), LeaderEpoch(epoch)) = (provenance.last_contained_offset, provenance.last_contained_epoch);
    format!("offset {offset}, epoch {epoch}, time {}", iso_time(provenance.last_contained_log_time_ms))
}

fn of_topic(topic: &TopicImage) -> ImageNode {
    let id = ("id".to_owned(), leaf(topic.id));
    let name = ("name".to_owned(), leaf(&topic.name));
    let partitions = topic.partitions.iter().map(|(number, of)| (number.to_string(), leaf(of_partition(of))));
    directory(partitions.chain([id, name]))
}

fn of_resource(resource: &ConfigResource) -> String {
    let kind = match resource.resource_type {
        ConfigResourceType::Topic => "TOPIC",
        ConfigResourceType::Broker => "BROKER",
        ConfigResourceType::ClientMetrics => "CLIENT_METRICS",
        ConfigResourceType::Group => "GROUP",
    };
    if resource.name.is_empty() { kind.to_owned() } else { format!("{kind}:{}", resource.name) }
}

/// `PartitionRegistration.toString`
fn of_partition(of: &PartitionRegistration) -> String {
    let recovery = match of.leader_recovery_state {
        LeaderRecoveryState::Recovered => "RECOVERED",
        LeaderRecoveryState::Recovering => "RECOVERING",
    };
    format!(
        "PartitionRegistration(replicas={}, directories={}, isr={}, removingReplicas={}, addingReplicas={}, elr={}, \
         lastKnownElr={}, leader={}, leaderRecoveryState={recovery}, leaderEpoch={}, partitionEpoch={})",
        list(&of.replicas),
        list(&of.directories),
        list(&of.isr),
        list(&of.removing_replicas),
        list(&of.adding_replicas),
        list(&of.elr),
        list(&of.last_known_elr),
        of.leader,
        of.leader_epoch,
        of.partition_epoch,
    )
}

/// `BrokerRegistration.toString`
fn of_broker(of: &BrokerRegistration) -> String {
    let cordoned = of.cordoned_log_dirs.as_deref().map_or("null".to_owned(), list::<Uuid>);
    format!(
        "BrokerRegistration(id={}, epoch={}, incarnationId={}, listeners={}, supportedFeatures={}, rack={}, fenced={}, \
         inControlledShutdown={}, isMigratingZkBroker={}, directories={}, cordonedDirectories={cordoned})",
        of.id,
        of.epoch,
        of.incarnation_id,
        listeners(&of.end_points),
        features(&of.features),
        optional(of.rack.as_deref()),
        of.fenced,
        of.in_controlled_shutdown,
        of.is_migrating_zk_broker,
        list(&of.log_dirs),
    )
}

/// `ControllerRegistration.toString`
fn of_controller(of: &ControllerRegistration) -> String {
    format!(
        "ControllerRegistration(id={}, incarnationId={}, zkMigrationReady={}, listeners={}, supportedFeatures={})",
        of.id,
        of.incarnation_id,
        of.zk_migration_ready,
        listeners(&of.end_points),
        features(&of.features),
    )
}

/// `Endpoint.toString` of each, by name.
fn listeners(end_points: &[BrokerEndpoint]) -> String {
    let mut sorted: Vec<&BrokerEndpoint> = end_points.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let text = |of: &&BrokerEndpoint| {
        let protocol = SECURITY_PROTOCOLS.get(of.security_protocol as usize).copied().unwrap_or("UNKNOWN");
        format!(
            "Endpoint(listenerName='{}', securityProtocol={protocol}, host='{}', port={})",
            of.name, of.host, of.port
        )
    };
    list(&sorted.iter().map(text).collect::<Vec<String>>())
}

/// `VersionRange.toString` of each, by name.
fn features(features: &[BrokerFeature]) -> String {
    let mut sorted: Vec<&BrokerFeature> = features.iter().collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    let text = |of: &&BrokerFeature| {
        let (min, max) = (of.min_supported_version, of.max_supported_version);
        let range = match max {
            max if min == max => min.to_string(),
            i16::MAX => format!("{min}+"),
            max => format!("{min}-{max}"),
        };
        format!("{}: {range}", of.name)
    };
    format!("{{{}}}", sorted.iter().map(text).collect::<Vec<String>>().join(", "))
}

/// As Java prints a list or an array.
fn list<T: Display>(of: &[T]) -> String {
    let texts: Vec<String> = of.iter().map(T::to_string).collect();
    format!("[{}]", texts.join(", "))
}

/// As Java prints an `Optional`.
fn optional<T: Display>(of: Option<T>) -> String {
    of.map_or("Optional.empty".to_owned(), |of| format!("Optional[{of}]"))
}
