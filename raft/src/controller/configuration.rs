//! Kafka's `ConfigurationControlManager`: IncrementalAlterConfigs and DescribeConfigs
//! (controller-broker.md §4.10).
//!
//! `min.insync.replicas` and `unclean.leader.election.enable` affect the controller and are validated; all other
//! configs are stored unchecked. There are no policies and no quotas.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::result::{ControllerResult, bounded};
use super::settings::ControllerSettings;
use super::state::{ControllerState, MIN_INSYNC_REPLICAS, ResourceType, UNCLEAN_LEADER_ELECTION_ENABLE};
use crate::bugs::Bug;
use crate::fixes::Fix;
use crate::ids::{NodeId, TopicIdPartition};
use crate::message::ErrorCode;
use crate::message::admin::{
    AlterConfigsResource, AlterConfigsResourceResponse, AlterableConfig, DescribeConfigsRequest,
    DescribeConfigsResource, DescribeConfigsResponse, DescribeConfigsResult, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse, TopicConfig,
};
use crate::metadata::MetadataRecord;
use crate::metadata::image::no_elr;
use crate::metadata::records::{ClearElr, Config};

/// Configs whose values are lists: only these support APPEND and SUBTRACT.
const LISTS: [&str; 3] =
    ["cleanup.policy", "follower.replication.throttled.replicas", "leader.replication.throttled.replicas"];
const MAX_VALUE_LENGTH: usize = 32_767;

/// Resources that pass validation are altered together, in one batch.
pub fn incremental_alter_configs(
    state: &ControllerState,
    settings: &ControllerSettings,
    request: &IncrementalAlterConfigsRequest,
) -> Result<ControllerResult<IncrementalAlterConfigsResponse>, ErrorCode> {
    let mut records = Vec::new();
    let mut responses = Vec::with_capacity(request.resources.len());
    for resource in request.resources.iter() {
        let (resource_type, resource_name) = (resource.resource_type, Rc::clone(&resource.resource_name));
        let same = |other: &&AlterConfigsResource| {
            (other.resource_type, &other.resource_name) == (resource_type, &resource_name)
        };
        let altered = if request.resources.iter().filter(same).count() > 1 {
            Err(ErrorCode::InvalidRequest)
        } else {
            alter(state, settings, resource)
        };
        let error = match altered {
            Ok(altered) => {
                records.extend(altered);
                ErrorCode::None
            }
            Err(error) => error,
        };
        responses.push(AlterConfigsResourceResponse { error, resource_type, resource_name });
    }
    if request.validate_only {
        records.clear();
    }
    bounded(ControllerResult::atomic(records, IncrementalAlterConfigsResponse { responses: responses.into() }))
}

/// Checks in Kafka's order: each operation, the values, existence.
fn alter(
    state: &ControllerState,
    settings: &ControllerSettings,
    resource: &AlterConfigsResource,
) -> Result<Vec<MetadataRecord>, ErrorCode> {
    let kind = ResourceType::of(resource.resource_type).ok_or(ErrorCode::InvalidRequest)?;
    let name = &resource.resource_name;
    let mut records = Vec::new();
    let mut min_isr_written = false;
    let mut changed: BTreeMap<&Rc<str>, Option<Rc<str>>> = BTreeMap::new();
    for config in resource.configs.iter() {
        let stored = state.configs.get(kind, name, &config.name).cloned();
        let value = new_value(config, stored.as_ref())?;
        changed.insert(&config.name, value.clone());
        // Unchanged values of a broker are written too: the record makes the broker reload its files (KAFKA-14136).
        if value == stored && kind != ResourceType::Broker {
            continue;
        }
        min_isr_written |= &*config.name == MIN_INSYNC_REPLICAS;
        records.push(MetadataRecord::Config(Config {
            resource_type: kind.value(),
            resource_name: Rc::clone(name),
            name: Rc::clone(&config.name),
            value,
        }));
    }
    if state.elr_enabled() && kind == ResourceType::Broker {
        // With the ELR, min.insync.replicas has a single, cluster-wide value, which must exist.
        match changed.get(&Rc::from(MIN_INSYNC_REPLICAS)) {
            Some(_) if !name.is_empty() => return Err(ErrorCode::InvalidConfig),
            Some(None) => return Err(ErrorCode::InvalidConfig),
            _ => {}
        }
    }
    for (name, value) in &changed {
        value.as_ref().map_or(Ok(()), |value| validate(name, value))?;
    }
    check_exists(state, settings, kind, name)?;
    if min_isr_written && state.elr_enabled() && !settings.bugs.has(Bug::Kafka16540ElrOfOldMinIsr) {
        records.extend(cleared_elrs(state, settings, (kind == ResourceType::Topic).then_some(name)));
    }
    Ok(records)
}

/// With a new `min.insync.replicas` the high watermark may advance beyond the logs of the ELR members of this topic, or
/// of any topic.
fn cleared_elrs(
    state: &ControllerState,
    settings: &ControllerSettings,
    topic: Option<&Rc<str>>,
) -> Vec<MetadataRecord> {
    let concerned = || {
        let topics = state.topics.iter().filter(|(_, other)| topic.is_none_or(|name| *name == other.name));
        let partitions = topics.flat_map(|(topic_id, topic)| {
            topic
                .partitions
                .iter()
                .map(move |(partition, now)| (TopicIdPartition { topic_id, partition: *partition }, now))
        });
        partitions.filter(|(_, now)| !now.elr.is_empty() || !now.last_known_elr.is_empty())
    };
    if settings.fixes.has(Fix::KeepElrOfEmptyIsr) && concerned().any(|(_, now)| now.isr.is_empty()) {
        let others = concerned().filter(|(_, now)| !now.isr.is_empty());
        return others.map(|(id, _)| MetadataRecord::PartitionChange(no_elr(id))).collect();
    }
    let topic_name = topic.map_or_else(|| Rc::from(""), Rc::clone);
    vec![MetadataRecord::ClearElr(ClearElr { topic_name })]
}

fn new_value(config: &AlterableConfig, stored: Option<&Rc<str>>) -> Result<Option<Rc<str>>, ErrorCode> {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    if config.config_operation == DELETE {
        return Ok(None);
    }
    let value = config.value.as_ref().ok_or(ErrorCode::InvalidConfig)?;
    match config.config_operation {
        SET => Ok(Some(Rc::clone(value))),
        APPEND | SUBTRACT if !LISTS.contains(&&*config.name) => Err(ErrorCode::InvalidConfig),
        APPEND => {
            let mut items = items(stored);
            for item in value.split(',') {
                if !items.contains(&item) {
                    items.push(item);
                }
            }
            Ok(Some(items.join(",").into()))
        }
        SUBTRACT => {
            let gone: Vec<&str> = value.split(',').collect();
            let mut items = items(stored);
            items.retain(|item| !gone.contains(item));
            Ok(Some(items.join(",").into()))
        }
        _ => Err(ErrorCode::InvalidRequest),
    }
}

fn items(stored: Option<&Rc<str>>) -> Vec<&str> {
    stored.map(|list| list.split(',').filter(|item| !item.is_empty()).collect()).unwrap_or_default()
}

/// Kafka's validators of the values that are checked here.
pub(super) fn validate(name: &str, value: &str) -> Result<(), ErrorCode> {
    let legal = match name {
        MIN_INSYNC_REPLICAS => value.trim().parse::<i32>().is_ok_and(|replicas| replicas >= 1),
        UNCLEAN_LEADER_ELECTION_ENABLE => matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false"),
        _ => true,
    };
    if legal && value.chars().count() <= MAX_VALUE_LENGTH { Ok(()) } else { Err(ErrorCode::InvalidConfig) }
}

fn check_exists(
    state: &ControllerState,
    settings: &ControllerSettings,
    kind: ResourceType,
    name: &str,
) -> Result<(), ErrorCode> {
    match kind {
        ResourceType::Topic if state.topics.id_of(name).is_none() => Err(ErrorCode::UnknownTopicOrPartition),
        ResourceType::Broker if !name.is_empty() => {
            let id = NodeId(name.parse().map_err(|_| ErrorCode::InvalidRequest)?);
            let cluster = &state.cluster;
            let known =
                cluster.broker(id).is_some() || cluster.controller(id).is_some() || settings.voters.contains(&id);
            if known { Ok(()) } else { Err(ErrorCode::BrokerIdNotRegistered) }
        }
        _ => Ok(()),
    }
}

/// Reads the stable state.
pub fn describe_configs(stable: &ControllerState, request: &DescribeConfigsRequest) -> DescribeConfigsResponse {
    DescribeConfigsResponse { results: request.resources.iter().map(|resource| describe(stable, resource)).collect() }
}

fn describe(stable: &ControllerState, resource: &DescribeConfigsResource) -> DescribeConfigsResult {
    let name = &resource.resource_name;
    let kind = ResourceType::of(resource.resource_type);
    let error = match kind {
        None => ErrorCode::InvalidRequest,
        Some(ResourceType::Topic) if stable.topics.id_of(name).is_none() => ErrorCode::UnknownTopicOrPartition,
        Some(_) => ErrorCode::None,
    };
    let set = kind.filter(|_| error == ErrorCode::None).and_then(|kind| stable.configs.of_resource(kind, name));
    let configs = set.into_iter().flatten();
    let configs = configs.map(|(name, value)| TopicConfig { name: Rc::clone(name), value: Some(Rc::clone(value)) });
    DescribeConfigsResult {
        error,
        resource_type: resource.resource_type,
        resource_name: Rc::clone(name),
        configs: configs.collect(),
    }
}
