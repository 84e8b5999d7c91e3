//! An [`Inspection`] as JSON, schema `kraftsim.log.v1`. Names of fields of records are Kafka's; bytes are base64.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use raft::directory::{
    BatchFile, Contents, FoundBatch, FoundRecord, LogDirectory, Meaning, PartitionDirectory, RecoveredLog,
    RecoveredPartition, Recovery,
};
use raft::ids::{NodeId, OffsetAndEpoch, Uuid};
use raft::message::{Fields, Value as Shown};
use raft::metadata::MetadataImage;
use raft::metadata::image::{BrokerRegistration, ControllerRegistration, PartitionRegistration, TopicImage};
use serde_json::{Map, Value, json};

use super::inspection::Inspection;
use crate::scenario::cluster::{HIDDEN, is_secret};

/// The schema's id.
const SCHEMA: &str = "kraftsim.log.v1";
/// The record of a password, of which only the field names are shown.
const SCRAM: &str = "USER_SCRAM_CREDENTIAL_RECORD";

/// All of it.
pub fn to_json(inspection: &Inspection) -> Value {
    let Inspection { directory, contents, recovery } = inspection;
    let damage = directory
        .damage
        .iter()
        .map(|damage| json!({"file": &*damage.file, "position": damage.position, "problem": damage.problem}));
    json!({
        "schema": SCHEMA,
        "meta_properties": directory.meta_properties.as_ref().map(|meta| json!({
            "cluster.id": &*meta.cluster_id, "node.id": meta.node_id.0, "directory.id": meta.directory_id.to_string(),
        })),
        "quorum_state": directory.quorum_state.map(|state| json!({
            "leaderId": state.leader_id.unwrap_or(NodeId::NONE).0,
            "leaderEpoch": state.epoch.0,
            "votedId": state.voted.map_or(NodeId::NONE, |voted| voted.id).0,
            "votedDirectoryId": state.voted.and_then(|voted| voted.directory_id).map(|id| id.to_string()),
        })),
        "clean_shutdown": directory.clean_shutdown.map(|epoch| json!({"brokerEpoch": epoch.0})),
        "checkpoints": checkpoints(directory),
        "snapshots": directory.snapshots.iter().map(batch_file).collect::<Value>(),
        "partitions": directory.partitions.iter().map(partition).collect::<Value>(),
        "image": contents.as_ref().map(image),
        "next_boot": next_boot(recovery),
        "not_read": directory.not_read.iter().map(|path| Value::from(&**path)).collect::<Value>(),
        "damage": damage.collect::<Value>(),
    })
}

fn checkpoints(directory: &LogDirectory) -> Value {
    let entry = |((topic, partition), offset): (&(std::rc::Rc<str>, i32), &raft::ids::Offset)| json!({"topic": &**topic, "partition": partition, "offset": offset.0});
    let of = |(name, offsets): &(&'static str, std::collections::BTreeMap<_, _>)| {
        ((*name).to_owned(), offsets.iter().map(entry).collect::<Value>())
    };
    Value::Object(directory.offset_checkpoints.iter().map(of).collect())
}

fn partition(partition: &PartitionDirectory) -> Value {
    json!({
        "directory": &*partition.directory,
        "topic_id": partition.topic_id.map(|id| id.to_string()),
        "leader_epochs": epochs(&partition.epochs),
        "segments": partition.segments.iter().map(batch_file).collect::<Value>(),
    })
}

fn epochs(epochs: &[OffsetAndEpoch]) -> Value {
    epochs.iter().map(|entry| json!({"epoch": entry.epoch.0, "start_offset": entry.offset.0})).collect()
}

fn batch_file(file: &BatchFile) -> Value {
    json!({
        "file": &*file.path,
        "size_bytes": file.size_bytes,
        "batches": file.batches.iter().map(batch).collect::<Value>(),
    })
}

fn batch(batch: &FoundBatch) -> Value {
    let compression: &str = batch.compression.into();
    let producer = batch.producer;
    json!({
        "position": batch.position,
        "size_bytes": batch.size_bytes,
        "base_offset": batch.base_offset.0,
        "last_offset": batch.last_offset.0,
        "leader_epoch": batch.epoch.0,
        "crc": batch.crc,
        "valid": batch.is_valid,
        "count": batch.record_count,
        "base_timestamp": batch.base_timestamp_ms,
        "max_timestamp": batch.max_timestamp_ms,
        "producer_id": producer.map_or(-1, |it| it.id.0),
        "producer_epoch": producer.map_or(-1, |it| it.epoch),
        "base_sequence": producer.map_or(-1, |it| it.base_sequence),
        "control": batch.is_control,
        "transactional": batch.is_transactional,
        "compression": compression,
        "records": batch.records.iter().map(record).collect::<Value>(),
    })
}

fn record(record: &FoundRecord) -> Value {
    let bytes = |bytes: &Option<std::rc::Rc<[u8]>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    let mut object = json!({"offset": record.offset.0, "timestamp": record.timestamp_ms});
    let mut is_hidden = false;
    match &record.meaning {
        Meaning::Data => {}
        Meaning::Control { name, data } => {
            object["type"] = name.as_str().into();
            object["data"] = shown(data);
        }
        Meaning::Metadata { name, version, data, .. } => {
            object["type"] = name.as_str().into();
            object["version"] = (*version).into();
            object["data"] = shown(data);
            let config = data.get("name").filter(|_| name == "CONFIG_RECORD");
            if matches!(config, Some(Shown::Text(name)) if is_secret(name)) {
                object["data"]["value"] = HIDDEN.into();
                is_hidden = true;
            }
            is_hidden |= name == SCRAM;
        }
    }
    object["key"] = bytes(&record.key).into();
    object["value"] = if is_hidden { Value::Null } else { bytes(&record.value).into() };
    if !record.headers.is_empty() {
        let headers = record.headers.iter().map(|(key, value)| json!({"key": key, "value": bytes(value)}));
        object["headers"] = headers.collect();
    }
    object
}

fn image(contents: &Contents) -> Value {
    let image = &contents.image;
    let features = image.features();
    let mut levels: Map<String, Value> =
        features.finalized().iter().map(|(name, level)| (name.to_string(), (*level).into())).collect();
    if let Some(version) = features.metadata_version() {
        levels.insert("metadata.version".to_owned(), version.0.into());
    }
    json!({
        "offset": contents.offset.0,
        "epoch": contents.epoch.0,
        "digest": format!("{:016x}", image.digest()),
        "features": levels,
        "brokers": image.cluster().brokers().values().map(|it| broker(it)).collect::<Value>(),
        "controllers": image.cluster().controllers().values().map(|it| controller(it)).collect::<Value>(),
        "topics": image.topics().topics_by_id().values().map(|it| topic(it)).collect::<Value>(),
        "configs": configs(image),
        "next_producer_id": image.next_producer_id().0,
        "records_without_place": contents.without_place,
        "in_transaction": contents.in_transaction,
    })
}

fn broker(broker: &BrokerRegistration) -> Value {
    json!({
        "id": broker.id.0,
        "epoch": broker.epoch.0,
        "incarnation_id": broker.incarnation_id.to_string(),
        "end_points": shown(&broker.end_points.value()),
        "features": shown(&broker.features.value()),
        "rack": broker.rack.as_deref(),
        "fenced": broker.fenced,
        "in_controlled_shutdown": broker.in_controlled_shutdown,
        "log_dirs": uuids(&broker.log_dirs),
        "cordoned_log_dirs": broker.cordoned_log_dirs.as_deref().map(uuids),
    })
}

fn controller(controller: &ControllerRegistration) -> Value {
    json!({
        "id": controller.id.0,
        "incarnation_id": controller.incarnation_id.to_string(),
        "zk_migration_ready": controller.zk_migration_ready,
        "end_points": shown(&controller.end_points.value()),
        "features": shown(&controller.features.value()),
    })
}

fn topic(topic: &TopicImage) -> Value {
    let partitions = topic.partitions.iter().map(|(id, registration)| replicas(*id, registration));
    json!({"name": &*topic.name, "id": topic.id.to_string(), "partitions": partitions.collect::<Value>()})
}

fn replicas(id: i32, partition: &PartitionRegistration) -> Value {
    json!({
        "partition": id,
        "replicas": nodes(&partition.replicas),
        "directories": uuids(&partition.directories),
        "isr": nodes(&partition.isr),
        "removing_replicas": nodes(&partition.removing_replicas),
        "adding_replicas": nodes(&partition.adding_replicas),
        "elr": nodes(&partition.elr),
        "last_known_elr": nodes(&partition.last_known_elr),
        "leader": partition.leader.0,
        "leader_recovery_state": partition.leader_recovery_state as i8,
        "leader_epoch": partition.leader_epoch.0,
        "partition_epoch": partition.partition_epoch.0,
    })
}

fn configs(image: &MetadataImage) -> Value {
    let value = |name: &str, value: &str| Value::from(if is_secret(name) { HIDDEN } else { value });
    let of = |(resource, values): (&raft::metadata::image::ConfigResource, &std::rc::Rc<_>)| {
        let values: &raft::metadata::image::ConfigValues = values;
        let values = values.iter().map(|(name, text)| (name.to_string(), value(name, text)));
        json!({
            "type": resource.resource_type as i8,
            "name": &*resource.name,
            "values": Value::Object(values.collect()),
        })
    };
    image.configs().resources().iter().map(of).collect()
}

/// What the code of a simulated node finds at its next boot.
fn next_boot(recovery: &Recovery) -> Value {
    let metadata = recovery.metadata.as_ref().map(|found| match found {
        Ok(log) => recovered(log),
        Err(error) => json!({"error": error.to_string()}),
    });
    let data = match &recovery.data {
        Ok(logs) => logs.iter().map(recovered_partition).collect(),
        Err(error) => json!({"error": error.to_string()}),
    };
    let not_simulated: Vec<&str> = recovery.not_simulated.iter().map(|it| &**it).collect();
    json!({"metadata": metadata, "data": data, "not_simulated": not_simulated})
}

fn recovered(log: &RecoveredLog) -> Value {
    json!({"start_offset": log.start.0, "end_offset": log.end.0, "leader_epochs": epochs(&log.epochs)})
}

fn recovered_partition(found: &RecoveredPartition) -> Value {
    let mut object = recovered(&found.log);
    object["topic"] = (*found.topic).into();
    object["partition"] = found.partition.into();
    object["topic_id"] = found.topic_id.to_string().into();
    object["recovery_point"] = found.recovery_point.0.into();
    object["high_watermark"] = found.high_watermark.0.into();
    object
}

fn nodes(ids: &[NodeId]) -> Value {
    ids.iter().map(|id| Value::from(id.0)).collect()
}

fn uuids(ids: &[Uuid]) -> Value {
    ids.iter().map(|id| Value::from(id.to_string())).collect()
}

pub(super) fn shown(value: &Shown) -> Value {
    match value {
        Shown::Null => Value::Null,
        Shown::Bool(it) => (*it).into(),
        Shown::Number(it) => (*it).into(),
        Shown::Text(it) => it.as_str().into(),
        Shown::List(list) => list.iter().map(shown).collect(),
        Shown::Struct(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), shown(value))).collect())
        }
    }
}
