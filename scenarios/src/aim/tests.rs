//! What the tracker permits and forbids: three servers that are controllers and brokers, and one that is a controller.

use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition, Uuid};
use raft::io::{Observation, Role};
use raft::log::{BatchBuilder, ControlRecord, MetaProperties};
use raft::message::cluster::BrokerHeartbeatResponse;
use raft::message::{ClusterResponse, ErrorCode, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::{BrokerRegistrationChange, Partition, PartitionChange, RegisterBroker};
use raft::voter_set::{KRaftVersionFeature, VoterNode, VoterSet};
use sim::fault::{Damage, Fault, FileDamage, Guard, Kill, PowerLoss, ReplaceDisk, Tail, What};
use sim::process::{File, Node};
use sim::watch::{Phase, Write};

use super::guard::forbids;
use super::tracker::{METADATA_LOG, Tracker};
use super::trigger_event::TriggerEvent;
use super::voter_disks::VoterDisks;

const TOPIC: Uuid = Uuid([7; 16]);
const PARTITION: TopicIdPartition = TopicIdPartition { topic_id: TOPIC, partition: 0 };

struct Cluster {
    tracker: Tracker,
    at_ns: u64,
    end: Offset,
}

impl Cluster {
    /// Three combined servers and a controller; the first leads the quorum and the partition, and all are in sync.
    fn at_work() -> Cluster {
        let ids: Vec<NodeId> = (0..4).map(id).collect();
        Cluster::of(VoterSet::of(ids.iter().map(|id| voter(*id, None)).collect()))
    }

    fn of(voters: VoterSet) -> Cluster {
        let ids: Vec<NodeId> = (0..4).map(id).collect();
        let voter_disks = VoterDisks::new(voters, None);
        let mut cluster =
            Cluster { tracker: Tracker::new(&ids, &ids, ids.len(), &ids[..3], voter_disks), at_ns: 0, end: Offset(0) };
        let path = format!("{METADATA_LOG}00000000000000000000.log");
        for server in 0..4 {
            let node = Node(server as u16);
            cluster.tracker.wrote(node, Write::Open { file: File(1), path: &path, truncate: false });
        }
        for server in 0..4 {
            let role = if server == 0 { Role::Leader } else { Role::Follower };
            let role = Observation::RoleChanged { role, epoch: LeaderEpoch(1), leader: id(0) };
            cluster.tracker.observed(Node(server as u16), role);
        }
        for server in 0..3 {
            cluster.commits(registration(server));
            cluster.commits(unfenced(server));
        }
        cluster.commits(partition());
        cluster
    }

    /// All servers write a record, and the leader reports it as committed.
    fn commits(&mut self, record: MetadataRecord) {
        self.commits_without(None, record);
    }

    fn commits_without(&mut self, behind: Option<u16>, record: MetadataRecord) {
        let mut builder = BatchBuilder::new(self.end, LeaderEpoch(1), 0);
        builder.record(&record.frame(record.max_version()).unwrap_or_else(|error| panic!("{error}")));
        let batch = builder.build();
        for server in (0..4).filter(|server| Some(*server) != behind) {
            self.tracker.wrote(Node(server), Write::Append { file: File(1), bytes: &batch.bytes });
        }
        assert!(self.shows(self.end).is_empty(), "not committed yet");
        self.end = batch.next_offset();
        let events: Vec<_> = self.shows(self.end).iter().map(|commit| commit.event).collect();
        assert_eq!(events, [TriggerEvent::of_commit(&record).expect("a trigger may name it")]);
    }

    fn formats(&mut self, server: usize, directory: u8) {
        let (cluster_id, directory_id) = ("c".into(), Uuid([directory; 16]));
        let text = MetaProperties { cluster_id, node_id: id(server), directory_id }.to_text();
        let (node, file) = (Node(server as u16), File(2));
        self.tracker.wrote(node, Write::Open { file, path: "meta.properties.tmp", truncate: true });
        self.tracker.wrote(node, Write::Append { file, bytes: &text.as_bytes().into() });
    }

    /// The leader writes a KRaftVoters record.
    fn writes(&mut self, voters: VoterSet) {
        let mut builder = BatchBuilder::new(self.end, LeaderEpoch(1), 0);
        builder.control(ControlRecord::KRaftVoters(voters));
        let batch = builder.build();
        self.tracker.wrote(Node(0), Write::Append { file: File(1), bytes: &batch.bytes });
        self.end = batch.next_offset();
    }

    fn shows(&mut self, high_watermark: Offset) -> Vec<super::tracker::Commit> {
        let leading = true;
        self.tracker
            .observed(Node(0), Observation::HighWatermark { offset: high_watermark, epoch: LeaderEpoch(1), leading })
    }

    fn isr(&mut self, members: &[usize]) {
        let isr = Some(members.iter().map(|server| id(*server)).collect());
        self.commits(MetadataRecord::PartitionChange(PartitionChange { isr, ..PartitionChange::nothing(PARTITION) }));
    }

    fn begins(&mut self, fault: &Fault) {
        self.tracker.fault(self.at_ns, fault, Phase::Start);
    }

    fn ends(&mut self, fault: &Fault) {
        self.tracker.fault(self.at_ns, fault, Phase::End);
    }

    /// The active controller answers a heartbeat of each broker.
    fn heartbeats(&mut self) {
        let error = ErrorCode::None;
        let response = BrokerHeartbeatResponse { error, is_caught_up: true, is_fenced: false, should_shut_down: false };
        let response = Response::Cluster(ClusterResponse::BrokerHeartbeat(response));
        (0..3).for_each(|server| self.tracker.answered(Node(server), &response));
    }

    /// The process of a server that lost its bytes is started again, and its replica is in sync again.
    fn recovers(&mut self, server: usize) {
        self.tracker.down(Node(server as u16));
        self.commits(registration(server));
        let others: Vec<usize> = (0..3).filter(|other| *other != server).collect();
        self.isr(&others);
        self.commits(unfenced(server));
        self.isr(&[0, 1, 2]);
        self.heartbeats();
    }

    fn tolerance_forbids(&self, fault: &Fault) -> bool {
        forbids(self.at_ns, Guard::Tolerance, &self.tracker, fault)
    }

    fn last_copy_forbids(&self, fault: &Fault) -> bool {
        forbids(self.at_ns, Guard::LastCopy, &self.tracker, fault)
    }
}

fn voter(id: NodeId, directory: Option<u8>) -> VoterNode {
    let directory_id = directory.map(|of| Uuid([of; 16]));
    VoterNode { id, directory_id, endpoints: Rc::default(), supported: KRaftVersionFeature::SUPPORTED }
}

/// The first of these places are voters, each with a directory.
fn voters(directories: &[(usize, u8)]) -> VoterSet {
    VoterSet::of(directories.iter().map(|(place, directory)| voter(id(*place), Some(*directory))).collect())
}

fn id(server: usize) -> NodeId {
    NodeId(1 + server as i32)
}

fn registration(server: usize) -> MetadataRecord {
    MetadataRecord::RegisterBroker(RegisterBroker {
        broker_id: id(server),
        is_migrating_zk_broker: false,
        incarnation_id: Uuid([1; 16]),
        broker_epoch: BrokerEpoch(1),
        end_points: Rc::default(),
        features: Rc::default(),
        rack: None,
        fenced: true,
        in_controlled_shutdown: false,
        log_dirs: Rc::default(),
        cordoned_log_dirs: None,
    })
}

fn unfenced(server: usize) -> MetadataRecord {
    MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
        broker_id: id(server),
        broker_epoch: BrokerEpoch(1),
        fenced: -1,
        in_controlled_shutdown: 0,
        log_dirs: Rc::default(),
        cordoned_log_dirs: None,
    })
}

fn partition() -> MetadataRecord {
    let replicas: Rc<[NodeId]> = (0..3).map(id).collect();
    MetadataRecord::Partition(Partition {
        partition_id: 0,
        topic_id: TOPIC,
        isr: Rc::clone(&replicas),
        removing_replicas: Rc::default(),
        adding_replicas: Rc::default(),
        leader: id(0),
        leader_recovery_state: 0,
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        directories: Rc::from([Uuid([1; 16]); 3]),
        eligible_leader_replicas: None,
        last_known_elr: None,
        replicas,
    })
}

fn kill(node: u16) -> Fault {
    Fault::at(0, 1_000_000, What::Kill(Kill { node: Node(node), after_effects: None }))
}

fn power(node: u16) -> Fault {
    Fault::at(0, 1_000_000, What::PowerLoss(PowerLoss { node: Node(node), tail: Tail::Kept, after_effects: None }))
}

fn replace(node: u16) -> Fault {
    Fault::at(0, 1_000_000, What::ReplaceDisk(ReplaceDisk { node: Node(node) }))
}

#[test]
fn one_broker_at_a_time_loses_bytes_while_the_others_are_in_sync() {
    let mut cluster = Cluster::at_work();
    assert!(!cluster.tolerance_forbids(&power(1)) && !cluster.tolerance_forbids(&kill(0)));
    cluster.begins(&power(1));
    assert!(cluster.tolerance_forbids(&power(2)), "another has not recovered");
    assert!(!cluster.tolerance_forbids(&power(1)), "it has nothing that could be lost");
    cluster.isr(&[0, 2]);
    assert!(cluster.tolerance_forbids(&kill(2)), "two would be out of sync");
    assert!(cluster.tolerance_forbids(&power(3)), "a new controller may fence the others");
    cluster.ends(&power(1));
    cluster.isr(&[0, 1]);
    assert!(cluster.tolerance_forbids(&power(1)), "it is in sync again, and one other is alone with it");
    cluster.recovers(1);
    assert!(!cluster.tolerance_forbids(&power(2)) && !cluster.tolerance_forbids(&kill(2)));
}

#[test]
fn nothing_is_lost_while_another_broker_is_disturbed() {
    let mut cluster = Cluster::at_work();
    cluster.begins(&kill(2));
    assert!(cluster.tolerance_forbids(&power(1)));
    cluster.heartbeats();
    cluster.ends(&kill(2));
    assert!(cluster.tolerance_forbids(&power(1)), "sessions may be about to expire");
    cluster.heartbeats();
    assert!(!cluster.tolerance_forbids(&power(1)));
    cluster.isr(&[0, 1]);
    assert!(cluster.tolerance_forbids(&power(1)), "two of two in sync");
}

#[test]
fn a_disk_is_replaced_only_of_a_voter_whose_peers_follow_the_leader() {
    let mut cluster = Cluster::at_work();
    assert!(cluster.tolerance_forbids(&replace(0)), "the leader may have voted for itself only");
    assert!(!cluster.tolerance_forbids(&replace(1)));
    cluster.commits_without(Some(2), unfenced(0));
    assert!(cluster.tolerance_forbids(&replace(1)), "a follower lacks a committed record");
    cluster.commits(unfenced(0));
    assert!(!cluster.tolerance_forbids(&replace(1)));
    let role = Observation::RoleChanged { role: Role::Unattached, epoch: LeaderEpoch(1), leader: NodeId::NONE };
    cluster.tracker.observed(Node(2), role);
    assert!(cluster.tolerance_forbids(&replace(1)), "a voter may be behind");
}

#[test]
fn the_last_copy_of_what_is_in_sync_is_kept() {
    let mut cluster = Cluster::at_work();
    assert!(!cluster.last_copy_forbids(&power(1)));
    cluster.begins(&power(1));
    assert!(!cluster.last_copy_forbids(&power(2)), "the first has all of it");
    cluster.isr(&[0]);
    assert!(cluster.last_copy_forbids(&power(0)));
    assert!(!cluster.last_copy_forbids(&kill(0)), "its page cache is kept");
    cluster.begins(&replace(2));
    assert!(cluster.last_copy_forbids(&replace(1)), "two of three voters");
}

#[test]
fn disks_of_a_dynamic_quorum_are_replaced_while_each_voter_set_keeps_a_majority() {
    let all = [(0, 1), (1, 2), (2, 3)];
    let mut cluster = Cluster::of(voters(&all));
    assert!(!cluster.last_copy_forbids(&replace(0)), "a leader, too: it cannot vote again");
    cluster.begins(&replace(0));
    assert!(cluster.last_copy_forbids(&replace(3)), "who may be about to join counts");
    cluster.formats(0, 9);
    let without = [(1, 2), (2, 3)];
    cluster.writes(voters(&without));
    assert!(cluster.last_copy_forbids(&replace(3)), "the removal is not committed");
    cluster.shows(cluster.end);
    assert!(cluster.last_copy_forbids(&replace(3)), "an AddRaftVoter of the former replica may be under way");
    cluster.at_ns = 10_000_000_000;
    assert!(!cluster.last_copy_forbids(&replace(3)));
    let again = [(0, 9), (1, 2), (2, 3)];
    cluster.writes(voters(&again));
    cluster.shows(cluster.end);
    assert!(!cluster.last_copy_forbids(&replace(3)), "the new replica is a voter");
}

#[test]
fn a_lost_observer_counts_until_nobody_may_add_it() {
    let mut cluster = Cluster::of(voters(&[(0, 1), (1, 2), (2, 3)]));
    cluster.begins(&replace(3));
    cluster.formats(3, 9);
    cluster.commits(unfenced(0));
    assert!(cluster.last_copy_forbids(&replace(0)), "an AddRaftVoter of the former replica may be under way");
    cluster.at_ns = 10_000_000_000;
    assert!(!cluster.last_copy_forbids(&replace(0)));
}

/// A process that refuses a damaged file gets a new disk, which is another replica.
#[test]
fn a_voter_whose_disk_was_damaged_and_replaced_is_lost() {
    let mut cluster = Cluster::of(voters(&[(0, 1), (1, 2), (2, 3)]));
    let damage =
        FileDamage { node: Node(0), file: "quorum-state".into(), file_rank: 0, damage: Damage::Flipped, at_ppm: 0 };
    cluster.begins(&Fault::at(0, 1_000_000, What::FileDamage(damage)));
    assert!(cluster.last_copy_forbids(&replace(3)), "damaged");
    cluster.formats(0, 9);
    cluster.begins(&replace(0));
    cluster.formats(0, 10);
    assert!(cluster.last_copy_forbids(&replace(3)), "the voter of the first disk is lost");
    cluster.writes(voters(&[(0, 10), (1, 2), (2, 3)]));
    cluster.shows(cluster.end);
    assert!(!cluster.last_copy_forbids(&replace(3)), "the new replica is a voter");
}
