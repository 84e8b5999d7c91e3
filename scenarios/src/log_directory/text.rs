//! An [`Inspection`] in words: one line for each thing, with `records` also for each batch and record.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use raft::directory::{
    BatchFile, Contents, FoundBatch, FoundRecord, Meaning, PartitionDirectory, RecoveredLog, Recovery,
};
use raft::ids::{NodeId, Offset, OffsetAndEpoch};
use raft::io::DurableFiles;

use super::inspection::Inspection;
use super::json::shown;
use crate::scenario::cluster::{HIDDEN, is_secret};

/// A summary; with `records`, each batch and record, too.
pub fn to_text(inspection: &Inspection, records: bool) -> String {
    let Inspection { directory, contents, recovery } = inspection;
    let mut lines = Vec::new();
    if let Some(meta) = &directory.meta_properties {
        let (id, cluster, dir) = (meta.node_id, &meta.cluster_id, meta.directory_id);
        lines.push(format!("meta.properties  node {id}, cluster {cluster}, directory {dir}"));
    }
    if let Some(state) = &directory.quorum_state {
        let none = || "none".to_owned();
        let leader = state.leader_id.map_or_else(none, |id| id.to_string());
        let voted = state.voted.map_or_else(none, |voted| voted.id.to_string());
        lines.push(format!("quorum-state     epoch {}, leader {leader}, vote {voted}", state.epoch));
    }
    if let Some(epoch) = directory.clean_shutdown {
        lines.push(format!(".kafka_cleanshutdown  broker epoch {epoch}"));
    }
    for (name, offsets) in &directory.offset_checkpoints {
        let entries = offsets.iter().map(|((topic, partition), offset)| format!("{topic}-{partition} {offset}"));
        lines.push(format!("{name}  {}", list(entries)));
    }
    for snapshot in &directory.snapshots {
        lines.push(String::new());
        lines.push(snapshot.path.to_string());
        lines.push(format!("  {}", totals(std::slice::from_ref(snapshot))));
        types(std::slice::from_ref(snapshot), &mut lines);
        if records {
            batches(snapshot, &mut lines);
        }
    }
    for partition in &directory.partitions {
        lines.push(String::new());
        self::partition(partition, records, &mut lines);
    }
    if let Some(contents) = contents {
        lines.push(String::new());
        image(contents, &mut lines);
    }
    lines.push(String::new());
    next_boot(recovery, &mut lines);
    lines.join("\n") + "\n"
}

/// The records of the metadata partition from an offset on.
pub fn metadata_from(files: &dyn DurableFiles, from: Offset) -> Vec<String> {
    Inspection::metadata_from(files, from).iter().map(record).collect()
}

fn partition(partition: &PartitionDirectory, records: bool, lines: &mut Vec<String>) {
    let id = partition.topic_id.map_or("none".to_owned(), |id| id.to_string());
    lines.push(format!("{}  topic id {id}", partition.directory));
    lines.push(format!("  log            {}", totals(&partition.segments)));
    lines.push(format!("  leader epochs  {}", epochs(&partition.epochs)));
    if partition.is_metadata() {
        types(&partition.segments, lines);
    }
    if records {
        partition.segments.iter().for_each(|segment| {
            lines.push(format!("  {}", segment.path));
            batches(segment, lines);
        });
    }
}

fn totals(files: &[BatchFile]) -> String {
    let all = || files.iter().flat_map(|file| &file.batches);
    let count: i64 = all().map(|batch| i64::from(batch.record_count)).sum();
    let offsets = match (all().next(), all().last()) {
        (Some(first), Some(last)) => format!("offsets {} to {}, ", first.base_offset, last.last_offset),
        _ => String::new(),
    };
    let invalid = all().filter(|batch| !batch.is_valid).count();
    let invalid = if invalid == 0 { String::new() } else { format!(", {invalid} with a wrong CRC") };
    let (files, batches) = (number(files.len(), "file", "files"), number(all().count(), "batch", "batches"));
    format!("{offsets}{} in {batches} in {files}{invalid}", number(count as usize, "record", "records"))
}

fn number(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The number of records of each type.
fn types(files: &[BatchFile], lines: &mut Vec<String>) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in files.iter().flat_map(|file| &file.batches).flat_map(|batch| &batch.records) {
        if let Meaning::Control { name, .. } | Meaning::Metadata { name, .. } = &record.meaning {
            *counts.entry(name).or_default() += 1;
        }
    }
    lines.extend(counts.into_iter().map(|(name, count)| format!("  {count:>6}  {name}")));
}

fn batches(file: &BatchFile, lines: &mut Vec<String>) {
    for batch in &file.batches {
        lines.push(format!("    {}", self::batch(batch)));
        lines.extend(batch.records.iter().map(|record| format!("      {}", self::record(record))));
    }
}

fn batch(batch: &FoundBatch) -> String {
    let FoundBatch { position, size_bytes, base_offset, last_offset, epoch, crc, .. } = batch;
    let compression: &str = batch.compression.into();
    let producer = batch.producer.map_or(String::new(), |producer| format!(", {producer}"));
    let flags = [
        (batch.is_control, ", control"),
        (batch.is_transactional, ", transactional"),
        (!batch.is_valid, ", CRC IS WRONG"),
    ];
    let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect();
    let compressed = if compression == "none" { String::new() } else { format!(", {compression}, not decoded") };
    format!(
        "batch {base_offset} to {last_offset} of epoch {epoch}, at byte {position}, {size_bytes} bytes, crc \
         {crc:#010x}{producer}{flags}{compressed}"
    )
}

/// Offset, type and fields; secrets are hidden.
pub(super) fn record(record: &FoundRecord) -> String {
    let bytes = |bytes: &Option<_>| bytes.as_ref().map_or("null".to_owned(), |it: &std::rc::Rc<[u8]>| hex(it));
    match &record.meaning {
        Meaning::Control { name, data } => format!("{} {name} {}", record.offset, shown(data)),
        Meaning::Metadata { name, version, data, .. } => {
            let mut data = shown(data);
            if name == "CONFIG_RECORD" && data["name"].as_str().is_some_and(is_secret) {
                data["value"] = HIDDEN.into();
            }
            format!("{} {name} v{version} {data}", record.offset)
        }
        Meaning::Data => format!("{} key {} value {}", record.offset, bytes(&record.key), bytes(&record.value)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn image(contents: &Contents, lines: &mut Vec<String>) {
    let image = &contents.image;
    let at = format!("image at offset {} of epoch {}", contents.offset, contents.epoch);
    lines.push(format!("{at}, digest {:016x}", image.digest()));
    let version = image.features().metadata_version().map(|version| format!("metadata.version {}", version.0));
    let finalized = image.features().finalized().iter().map(|(name, level)| format!("{name} {level}"));
    lines.push(format!("  features     {}", list(version.into_iter().chain(finalized))));
    let brokers = image.cluster().brokers().values();
    let standing = |it: &raft::metadata::image::BrokerRegistration| match (it.fenced, it.in_controlled_shutdown) {
        (true, _) => format!("{} (fenced)", it.id),
        (false, true) => format!("{} (in controlled shutdown)", it.id),
        (false, false) => it.id.to_string(),
    };
    lines.push(format!("  brokers      {}", list(brokers.map(|it| standing(it)))));
    let controllers = image.cluster().controllers().keys().map(NodeId::to_string);
    lines.push(format!("  controllers  {}", list(controllers)));
    for topic in image.topics().topics_by_id().values() {
        lines.push(format!("  topic {}  id {}", topic.name, topic.id));
        for (id, it) in topic.partitions.iter() {
            let elr = if it.elr.is_empty() { String::new() } else { format!(", ELR {}", ids(&it.elr)) };
            let (leader, epoch, replicas, isr) = (it.leader, it.leader_epoch, ids(&it.replicas), ids(&it.isr));
            lines.push(format!("    {id}: leader {leader} of epoch {epoch}, replicas {replicas}, ISR {isr}{elr}"));
        }
    }
    for (resource, values) in image.configs().resources() {
        let value = |name: &str, value: &str| if is_secret(name) { HIDDEN.to_owned() } else { value.to_owned() };
        let values = values.iter().map(|(name, text)| format!("{name}={}", value(name, text)));
        let kind = if resource.resource_type as i8 == 2 { "topic" } else { "broker" };
        lines.push(format!("  config of {kind} {:?}  {}", &*resource.name, list(values)));
    }
    lines.push(format!("  next producer id  {}", image.next_producer_id()));
    if contents.without_place > 0 {
        let count = number(contents.without_place as usize, "record", "records");
        lines.push(format!("  {count} of types that no simulated image has a place for (access control, quotas, …)"));
    }
    if contents.in_transaction {
        lines.push("  the log ends within a metadata transaction, whose records are left out".to_owned());
    }
}

fn next_boot(recovery: &Recovery, lines: &mut Vec<String>) {
    lines.push("a simulated node that starts with this directory".to_owned());
    let log = |log: &RecoveredLog| format!("from {} to {}, leader epochs {}", log.start, log.end, epochs(&log.epochs));
    match &recovery.metadata {
        Some(Ok(found)) => lines.push(format!("  metadata log  {}", log(found))),
        Some(Err(error)) => lines.push(format!("  ends: {error}")),
        None => {}
    }
    match &recovery.data {
        Ok(logs) => lines.extend(logs.iter().map(|found| {
            let (topic, partition, point) = (&found.topic, found.partition, found.recovery_point);
            format!("  {topic}-{partition}  {}, recovery point {point}", log(&found.log))
        })),
        Err(error) => lines.push(format!("  ends: {error}")),
    }
    if !recovery.not_simulated.is_empty() {
        let names = list(recovery.not_simulated.iter().map(|name| name.to_string()));
        lines.push(format!("  has no compressed or transactional batches, so these are not its own: {names}"));
    }
}

fn epochs(epochs: &[OffsetAndEpoch]) -> String {
    list(epochs.iter().map(|entry| format!("{} from {}", entry.epoch, entry.offset)))
}

fn ids(ids: &[NodeId]) -> String {
    format!("[{}]", ids.iter().map(NodeId::to_string).collect::<Vec<_>>().join(", "))
}

fn list(items: impl Iterator<Item = String>) -> String {
    let all: Vec<String> = items.collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}
