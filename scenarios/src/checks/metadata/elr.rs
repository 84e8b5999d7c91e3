//! `ValidControllerIsrAndElr`, the part about `min.insync.replicas`: with a new value the high watermark
//! may move past who is in an ELR that was made under the old one, so that ELR goes with the same
//! event (controller-broker.md §4.9, KAFKA-16540).
//!
//! A partition whose ISR is empty may keep it: nothing can be committed there meanwhile (the fix
//! `KeepElrOfEmptyIsr`).

use raft::ids::{Offset, TopicIdPartition};
use raft::metadata::records::Config;

use super::image::{ReferenceImage, TOPIC};
use super::model::Update;

/// ELRs that a record outdates, in the image before it.
pub fn outdated(image: &ReferenceImage, record: &Config) -> Vec<TopicIdPartition> {
    if &*record.name != "min.insync.replicas" || !image.is_elr_enabled() {
        return Vec::new();
    }
    let is_concerned = |id: TopicIdPartition| {
        let of_topic = || image.topics.get(&id.topic_id).is_some_and(|name| *name == record.resource_name);
        record.resource_type != TOPIC || of_topic()
    };
    let partitions = image.partitions.iter();
    let concerned = partitions.filter(|(id, now)| now.has_elr() && !now.isr.is_empty() && is_concerned(**id));
    concerned.map(|(id, _)| *id).collect()
}

/// A batch is replayed: what it outdated it has cleared since, or deleted. Gives what is wrong with a partition.
pub fn keeps_outdated(
    outdated: impl Iterator<Item = (TopicIdPartition, Offset)>,
    update: &Update,
    image: &ReferenceImage,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, from) in outdated {
        let mut later = update.partitions.iter().filter(|state| state.offset > from && state.id == id);
        let is_cleared = later.any(|state| !state.registration.has_elr());
        let Some(now) = image.partitions.get(&id).filter(|_| !is_cleared) else { continue };
        wrong.push(format!(
            "partition {id} keeps its ELR of size {} and its last known ELR of size {} although min.insync.replicas was altered",
            now.elr.len(),
            now.last_known_elr.len()
        ));
    }
    wrong
}
