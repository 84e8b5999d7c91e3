//! A client's cached metadata and its refreshes: Kafka's `Metadata` (controller-broker.md §5.6, §6.10).
//!
//! A partition's leader epoch never decreases while its topic's id stays: responses of brokers that lag are ignored per
//! partition. Not modelled: partial updates for new topics only (all topics in use are always requested),
//! `metadata.max.idle.ms`.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::errors::is_invalid_metadata;
use super::{ClientConfig, LeaderShown, TopicPartition};
use crate::backoff::ExponentialBackoff;
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fix;
use crate::ids::{LeaderEpoch, NodeId, TopicIdPartition, Uuid};
use crate::io::Entropy;
use crate::message::ErrorCode;
use crate::message::data::{LeaderIdAndEpoch, MetadataRequest, MetadataResponse, MetadataTopic};
use crate::sorted_map::SortedMap;

/// The last known leader of a partition; Kafka's `LeaderAndEpoch`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeaderAndEpoch {
    /// `None` if there is none, or it is not alive.
    pub leader: Option<NodeId>,
    /// `None` if the partition is unknown.
    pub epoch: Option<LeaderEpoch>,
}

impl LeaderAndEpoch {
    pub fn shown(self, partition: TopicPartition) -> LeaderShown {
        LeaderShown { partition, leader: self.leader, epoch: self.epoch }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Metadata {
    bootstrap: Rc<[NodeId]>,
    names: Rc<[Rc<str>]>,
    refresh_backoff: ExponentialBackoff,
    expire_ms: i64,

    nodes: Vec<NodeId>,
    controller: Option<NodeId>,
    topics: SortedMap<u16, CachedTopic>,
    /// Kept after the cache entry was dropped: in a rebootstrap, or for a topic missing from one response.
    last_seen_leader_epochs: SortedMap<TopicPartition, LeaderEpoch>,
    /// Only with [`Fix::KeepTopicIdsThroughRebootstrap`]: the topic ids of those epochs.
    last_seen_topic_ids: Option<SortedMap<u16, Uuid>>,
    wanted: BTreeSet<u16>,

    update_requested: bool,
    last_successful_refresh_ms: Option<i64>,
    /// Failed refreshes in a row.
    attempts: u32,
    /// Responses in a row that changed nothing.
    equivalent_responses: u32,
    /// No refresh before this ms, drawn when the last one ended.
    not_before_ms: i64,
    update_version: u64,
    bugs: Bugs,
}

#[derive(Clone, Debug)]
struct CachedTopic {
    id: Uuid,
    partitions: SortedMap<i32, CachedPartition>,
}

#[derive(Clone, Copy, Debug)]
struct CachedPartition {
    leader: Option<NodeId>,
    epoch: LeaderEpoch,
}

impl Metadata {
    /// Knows only the bootstrap servers; a first refresh is due.
    pub fn new(config: &ClientConfig) -> Metadata {
        let mut metadata = Metadata {
            bootstrap: config.bootstrap.clone(),
            names: config.topics.clone(),
            refresh_backoff: config.retry_backoff(),
            expire_ms: config.metadata_max_age_ms,
            nodes: Vec::new(),
            controller: None,
            topics: SortedMap::new(),
            last_seen_leader_epochs: SortedMap::new(),
            last_seen_topic_ids: config.fixes.has(Fix::KeepTopicIdsThroughRebootstrap).then(SortedMap::new),
            wanted: BTreeSet::new(),
            update_requested: true,
            last_successful_refresh_ms: None,
            attempts: 0,
            equivalent_responses: 0,
            not_before_ms: i64::MIN,
            update_version: 0,
            bugs: config.bugs,
        };
        metadata.rebootstrap();
        metadata
    }

    /// Drops the cache and restarts from the bootstrap servers (KIP-899).
    pub fn rebootstrap(&mut self) {
        let count = i32::try_from(self.bootstrap.len()).expect("bootstrap servers are few");
        self.nodes = (1..=count).map(|index| NodeId(-index)).collect();
        self.controller = None;
        self.topics.clear();
        self.update_requested = true;
        self.update_version += 1;
    }

    /// All nodes known: brokers, or -1, -2, … for bootstrap servers.
    pub fn nodes(&self) -> &[NodeId] {
        &self.nodes
    }

    /// The controller in the last response: in KRaft any broker that is alive.
    pub fn controller(&self) -> Option<NodeId> {
        self.controller
    }

    /// NOT_CONTROLLER: another node is used next time.
    pub fn clear_controller(&mut self) {
        self.controller = None;
    }

    /// Increases with every change of the cache.
    pub fn update_version(&self) -> u64 {
        self.update_version
    }

    /// Adds the topic to the cache; if it is new, a refresh is due at once, regardless of the backoff.
    pub fn add_topic(&mut self, topic: u16) {
        if self.wanted.insert(topic) {
            self.not_before_ms = i64::MIN;
            self.request_update(true);
        }
    }

    /// Whether the partition is in the cache (with or without a leader).
    pub fn has_partition(&self, partition: TopicPartition) -> bool {
        self.cached(partition).is_some()
    }

    /// The partition's id on the wire; the zero topic id if the topic is unknown.
    pub fn id_of(&self, partition: TopicPartition) -> TopicIdPartition {
        let topic_id = self.topics.get(&partition.topic).map_or(Uuid::ZERO, |topic| topic.id);
        TopicIdPartition { topic_id, partition: partition.partition }
    }

    /// Kafka's `currentLeader`: no leader if an epoch newer than the cache's was received.
    pub fn current_leader(&self, partition: TopicPartition) -> LeaderAndEpoch {
        let epoch = self.last_seen_leader_epochs.get(&partition).copied();
        let current = self.cached(partition).filter(|cached| Some(cached.epoch) == epoch);
        let leader = current.and_then(|cached| cached.leader).filter(|leader| self.nodes.contains(leader));
        LeaderAndEpoch { leader, epoch }
    }

    /// Whether a refresh was requested.
    pub fn is_update_requested(&self) -> bool {
        self.update_requested
    }

    /// The leaders of all partitions whose leader epoch is known.
    pub fn shown(&self) -> Vec<LeaderShown> {
        let partitions = self.last_seen_leader_epochs.keys().copied();
        partitions.map(|partition| self.current_leader(partition).shown(partition)).collect()
    }

    /// The cache may be wrong. `reset_equivalent_response_backoff` resets the count of responses that changed nothing.
    pub fn request_update(&mut self, reset_equivalent_response_backoff: bool) {
        self.update_requested = true;
        if reset_equivalent_response_backoff {
            self.equivalent_responses = 0;
        }
    }

    /// A response carries an epoch; if it is newer than the cache's, a refresh is due.
    pub fn update_last_seen_epoch_if_newer(&mut self, partition: TopicPartition, epoch: LeaderEpoch) {
        if self.last_seen_leader_epochs.get(&partition).is_some_and(|seen| *seen < epoch) {
            self.last_seen_leader_epochs.insert(partition, epoch);
            self.request_update(false);
        }
    }

    /// When the next refresh is due: when requested or at the maximum age, but not within the backoff.
    pub fn next_update_ms(&self) -> i64 {
        let expires_at_ms = match self.last_successful_refresh_ms {
            Some(refreshed_ms) if !self.update_requested => refreshed_ms.saturating_add(self.expire_ms),
            _ => i64::MIN,
        };
        expires_at_ms.max(self.not_before_ms)
    }

    pub fn request(&self) -> MetadataRequest {
        let names = self.wanted.iter().filter_map(|topic| self.names.get(usize::from(*topic)).cloned());
        MetadataRequest { topics: Some(names.collect()) }
    }

    /// A refresh failed.
    pub fn failed_update(&mut self, now_ms: i64, entropy: &mut dyn Entropy) {
        self.attempts = self.attempts.saturating_add(1);
        self.equivalent_responses = 0;
        self.back_off(now_ms, entropy);
    }

    /// Processes the response to a refresh.
    pub fn update(&mut self, now_ms: i64, response: &MetadataResponse, entropy: &mut dyn Entropy) {
        self.attempts = 0;
        self.equivalent_responses = self.equivalent_responses.saturating_add(1);
        self.update_requested = false;
        self.last_successful_refresh_ms = Some(now_ms);
        self.update_version += 1;
        self.nodes = response.brokers.iter().map(|broker| broker.node_id).collect();
        self.controller = response.controller_id.known().filter(|id| self.nodes.contains(id));
        for topic in response.topics.iter() {
            self.update_topic(topic);
        }
        self.back_off(now_ms, entropy);
    }

    /// KIP-951: an error names the new leader. Applied only for a cached partition and an epoch above the last seen one,
    /// which may be newer than the cache's (`Metadata.updatePartitionLeadership`, whose `currentLeader` has that epoch);
    /// the leader's node is assumed to be in the response. Returns true if something changed.
    pub fn update_partition_leadership(&mut self, partition: TopicPartition, hint: &LeaderIdAndEpoch) -> bool {
        let Some(leader) = hint.leader_id.known() else { return false };
        if self.last_seen_leader_epochs.get(&partition).is_some_and(|seen| hint.leader_epoch <= *seen) {
            return false;
        }
        let topic = self.topics.get_mut(&partition.topic);
        let Some(cached) = topic.and_then(|topic| topic.partitions.get_mut(&partition.partition)) else { return false };
        *cached = CachedPartition { leader: Some(leader), epoch: hint.leader_epoch };
        self.last_seen_leader_epochs.insert(partition, hint.leader_epoch);
        if !self.nodes.contains(&leader) {
            self.nodes.push(leader);
        }
        self.update_version += 1;
        true
    }

    fn update_topic(&mut self, answer: &MetadataTopic) {
        let Some(topic) = self.names.iter().position(|name| *name == answer.name) else { return };
        let topic = u16::try_from(topic).expect("topics are numbered by u16");
        // A topic with an error is removed from the cache; one that is not in the response stays.
        let old = self.topics.remove(&topic);
        if answer.error != ErrorCode::None {
            if is_invalid_metadata(answer.error) {
                self.update_requested = true;
            }
            return;
        }
        let mut old_id = old.as_ref().map(|old| old.id);
        if let Some(ids) = &mut self.last_seen_topic_ids {
            old_id = ids.insert(topic, answer.topic_id);
        }
        let same_topic = old_id == Some(answer.topic_id);
        let mut partitions = SortedMap::new();
        for reported in answer.partitions.iter() {
            let partition = TopicPartition { topic, partition: reported.partition };
            let seen = self.last_seen_leader_epochs.get(&partition).copied().filter(|_| same_topic);
            if is_invalid_metadata(reported.error) {
                self.update_requested = true;
            }
            let has_leader = reported.leader_id.known().is_some();
            let received = has_leader && self.bugs.has(Bug::OlderMetadataWithLeaderAccepted);
            if seen.is_some_and(|seen| reported.leader_epoch < seen) && !received {
                // The epoch is older than the known one, so the cached state is kept (which may be only an epoch).
                let kept = old.as_ref().and_then(|old| old.partitions.get(&reported.partition));
                if let Some(kept) = kept {
                    partitions.insert(reported.partition, *kept);
                }
                continue;
            }
            if seen.is_none_or(|seen| reported.leader_epoch > seen) {
                self.equivalent_responses = 0;
            }
            self.last_seen_leader_epochs.insert(partition, reported.leader_epoch);
            partitions.insert(
                reported.partition,
                CachedPartition { leader: reported.leader_id.known(), epoch: reported.leader_epoch },
            );
        }
        self.topics.insert(topic, CachedTopic { id: answer.topic_id, partitions });
    }

    fn back_off(&mut self, now_ms: i64, entropy: &mut dyn Entropy) {
        let failures = self.attempts.saturating_sub(1);
        let mut backoff_ms = self.refresh_backoff.draw_ms(failures, entropy);
        if self.equivalent_responses > 0 {
            backoff_ms = backoff_ms.max(self.refresh_backoff.draw_ms(self.equivalent_responses - 1, entropy));
        }
        self.not_before_ms = now_ms.saturating_add(backoff_ms);
    }

    fn cached(&self, partition: TopicPartition) -> Option<&CachedPartition> {
        self.topics.get(&partition.topic)?.partitions.get(&partition.partition)
    }
}
