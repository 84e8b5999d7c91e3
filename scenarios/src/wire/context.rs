//! What all encoders use: the context of a message, texts and ids.

use kafka_protocol::protocol::StrBytes;
use raft::ids::Uuid;

use super::versions::Versions;
use crate::topic_names::TopicNames;

/// What a message does not say of itself, but its bytes contain.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub topics: &'a TopicNames,
    pub versions: Versions,
    /// Of the API of the message.
    pub version: i16,
}

impl Context<'_> {
    pub fn topic(&self, id: Uuid) -> StrBytes {
        let is_metadata = id == Uuid::METADATA_TOPIC_ID;
        if is_metadata { text(METADATA_TOPIC) } else { text(&self.topics.topic(id)) }
    }
}

pub const METADATA_TOPIC: &str = "__cluster_metadata";

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn uuid(id: Uuid) -> uuid::Uuid {
    uuid::Uuid::from_bytes(id.0)
}
