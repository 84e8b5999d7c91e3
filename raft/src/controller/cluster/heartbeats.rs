//! Soft state of brokers, which only the active controller has and which is never written to the log: fencing, metadata
//! offset, and time of the last contact (controller-broker.md §3.2, §3.4, §3.5).

use std::collections::BTreeMap;

use crate::bugs::{Bug, Bugs};
use crate::controller::state::ClusterState;
use crate::ids::{BrokerEpoch, NodeId};
use crate::message::{Fields, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BrokerHeartbeatState {
    fenced: bool,
    /// -1: none yet.
    metadata_offset: i64,
    /// -1: not in controlled shutdown.
    controlled_shutdown_offset: i64,
}

/// State of a broker (§3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerControlState {
    /// The broker may serve no requests.
    Fenced,
    /// The broker serves requests.
    Unfenced,
    /// The broker waits until all others have learned that it no longer leads any partition.
    ControlledShutdown,
    /// The broker may stop; counts as fenced.
    ShutdownNow,
}

/// A session's last contact.
#[derive(Clone, Copy, Debug)]
struct Contact {
    /// Monotonic ns.
    at_ns: u64,
    /// Of its entry, among all that were made.
    ordinal: u64,
}

/// Initial size of a `ConcurrentHashMap`, which doubles when three quarters are occupied, and never shrinks.
const TABLE_SIZE: u32 = 16;

/// Soft state of all brokers. A broker is in the active set if it is unfenced and does not wait
/// for a controlled shutdown.
#[derive(Clone, Debug)]
pub struct BrokerHeartbeatManager {
    session_timeout_ns: u64,
    bugs: Bugs,
    brokers: BTreeMap<NodeId, BrokerHeartbeatState>,
    /// `BrokerHeartbeatTracker.contactTimes`. A heartbeat with a stale epoch has a separate entry, which expires.
    contacts: BTreeMap<(NodeId, BrokerEpoch), Contact>,
    contacts_made: u64,
    /// Slots of Kafka's hash map of contacts.
    table_size: u32,
}

impl BrokerHeartbeatManager {
    /// The state of a controller that has just become active: every unfenced broker has a new session, fenced ones have
    /// none (§3.5).
    pub fn activate(
        session_timeout_ns: u64,
        cluster: &ClusterState,
        bugs: Bugs,
        now_ns: u64,
    ) -> BrokerHeartbeatManager {
        let mut manager = BrokerHeartbeatManager {
            session_timeout_ns,
            bugs,
            brokers: BTreeMap::new(),
            contacts: BTreeMap::new(),
            contacts_made: 0,
            table_size: TABLE_SIZE,
        };
        for id in cluster.in_table_order() {
            let Some(broker) = cluster.broker(id) else { continue };
            manager.register(id, broker.fenced);
            if !broker.fenced && !bugs.has(Bug::Kafka18138NoSessionAfterFailover) {
                manager.contact(id, broker.epoch, now_ns);
            }
        }
        manager
    }

    /// The brokers and their sessions, for instruments.
    pub fn described(&self, now_ns: u64) -> Value {
        let broker = |(id, of): (&NodeId, &BrokerHeartbeatState)| {
            let sessions = self.contacts.iter().filter(|((broker, _), _)| broker == id);
            let left = sessions.map(|((_, epoch), contact)| {
                let ends_ns = contact.at_ns.saturating_add(self.session_timeout_ns);
                (epoch.to_string(), Value::count((ends_ns.saturating_sub(now_ns) / 1_000_000) as usize))
            });
            let state = self.control_state(*id).map_or(Value::Null, |state| Value::text(format!("{state:?}")));
            let fields = Value::of([
                ("state", state),
                ("metadataOffset", of.metadata_offset.value()),
                ("controlledShutdownOffset", of.controlled_shutdown_offset.value()),
                ("sessionOfEpochEndsInMs", Value::Struct(left.collect())),
            ]);
            (id.to_string(), fields)
        };
        Value::Struct(self.brokers.iter().map(broker).collect())
    }

    /// A heartbeat has arrived, of any epoch.
    pub fn contact(&mut self, broker: NodeId, epoch: BrokerEpoch, now_ns: u64) {
        let ordinal = self.contacts_made;
        let contact = self.contacts.entry((broker, epoch)).or_insert(Contact { at_ns: now_ns, ordinal });
        contact.at_ns = now_ns;
        if contact.ordinal == ordinal {
            self.contacts_made += 1;
            while self.contacts.len() >= (self.table_size - self.table_size / 4) as usize {
                self.table_size *= 2;
            }
        }
    }

    /// Whether this incarnation has a session.
    pub fn has_valid_session(&self, broker: NodeId, epoch: BrokerEpoch, now_ns: u64) -> bool {
        self.contacts.get(&(broker, epoch)).is_some_and(|contact| !self.is_expired(contact.at_ns, now_ns))
    }

    /// Removes one session that has expired: of several the first in the order of Kafka's hash map.
    pub fn remove_expired(&mut self, now_ns: u64) -> Option<(NodeId, BrokerEpoch)> {
        let expired = self.contacts.iter().filter(|(_, contact)| self.is_expired(contact.at_ns, now_ns));
        let first = expired.min_by_key(|(key, contact)| (self.slot(**key), contact.ordinal));
        let key = first.map(|(key, _)| *key)?;
        self.contacts.remove(&key);
        Some(key)
    }

    /// `ConcurrentHashMap.spread` of the hash code of the record `BrokerIdAndEpoch`.
    fn slot(&self, (broker, epoch): (NodeId, BrokerEpoch)) -> u32 {
        let epoch_hash = (epoch.0 ^ (epoch.0 as u64 >> 32) as i64) as i32;
        let hash = broker.0.wrapping_mul(31).wrapping_add(epoch_hash) as u32;
        (hash ^ (hash >> 16)) & (self.table_size - 1)
    }

    /// The comparison is strict in both directions.
    fn is_expired(&self, at_ns: u64, now_ns: u64) -> bool {
        now_ns > at_ns && at_ns.saturating_add(self.session_timeout_ns) < now_ns
    }

    /// Sets fencing and metadata offset; a fenced broker is no longer in controlled shutdown.
    pub fn touch(&mut self, broker: NodeId, fenced: bool, metadata_offset: i64) {
        let state = self.brokers.entry(broker).or_insert(BrokerHeartbeatState {
            fenced,
            metadata_offset,
            controlled_shutdown_offset: -1,
        });
        state.fenced = fenced;
        state.metadata_offset = metadata_offset;
        if fenced {
            state.controlled_shutdown_offset = -1;
        }
    }

    /// A registration or a registration change was replayed. If fencing is unchanged, it resets the broker's metadata
    /// offset until its next heartbeat, as in Kafka.
    pub fn register(&mut self, broker: NodeId, fenced: bool) {
        let metadata_offset = match self.brokers.get(&broker) {
            Some(state) if state.fenced != fenced => state.metadata_offset,
            _ => -1,
        };
        self.touch(broker, fenced, metadata_offset);
    }

    /// The broker is unregistered, or its incarnation was replaced.
    pub fn remove(&mut self, broker: NodeId) {
        self.brokers.remove(&broker);
    }

    /// Set once; later heartbeats do not change it.
    pub fn update_controlled_shutdown_offset(&mut self, broker: NodeId, offset: i64) {
        if let Some(state) = self.brokers.get_mut(&broker)
            && !state.fenced
            && (state.controlled_shutdown_offset < 0 || self.bugs.has(Bug::Kafka14292ShutdownTargetMoves))
        {
            state.controlled_shutdown_offset = offset;
        }
    }

    /// `None` if the broker has no soft state.
    pub fn control_state(&self, broker: NodeId) -> Option<BrokerControlState> {
        let state = self.brokers.get(&broker)?;
        Some(if state.is_shutting_down() {
            BrokerControlState::ControlledShutdown
        } else if state.fenced {
            BrokerControlState::Fenced
        } else {
            BrokerControlState::Unfenced
        })
    }

    /// Whether all other active brokers have published the offset that its controlled shutdown waits for.
    pub fn may_shut_down(&self, broker: NodeId) -> bool {
        self.brokers.get(&broker).is_some_and(|state| state.controlled_shutdown_offset <= self.lowest_active_offset())
    }

    fn lowest_active_offset(&self) -> i64 {
        let leaving = self.bugs.has(Bug::ShutdownAwaitsItselfOnly);
        let active = self.brokers.values().filter(|state| !state.fenced && state.is_shutting_down() == leaving);
        active.map(|state| state.metadata_offset).min().unwrap_or(i64::MAX)
    }

    /// Brokers on which new replicas may be placed: not those shutting down. Id, and whether fenced.
    pub fn usable_brokers(&self) -> impl Iterator<Item = (NodeId, bool)> + '_ {
        let usable = self.brokers.iter().filter(|(_, state)| !state.is_shutting_down());
        usable.map(|(id, state)| (*id, state.fenced))
    }
}

impl BrokerHeartbeatState {
    fn is_shutting_down(&self) -> bool {
        self.controlled_shutdown_offset >= 0
    }
}
