//! The rules of PartitionChangeBuilder, one by one (controller-broker.md §4.4).

use std::collections::BTreeMap;
use std::rc::Rc;

use super::{nodes, uuid};
use crate::bugs::Bugs;
use crate::controller::partition_change_builder::{Election, PartitionChangeBuilder};
use crate::controller::settings::{ControllerSettings, ELR_VERSION, METADATA_VERSION, level};
use crate::controller::state::{ControllerState, Topic};
use crate::fixes::Fixes;
use crate::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch, TopicIdPartition};
use crate::metadata::MetadataRecord;
use crate::metadata::image::{LeaderRecoveryState, PartitionRegistration};
use crate::metadata::records::{FeatureLevel, NO_LEADER_CHANGE, PartitionChange};

fn state(metadata_version: i16, elr: bool) -> ControllerState {
    let mut state = ControllerState::default();
    let mut level = |name: &str, feature_level| {
        let record = FeatureLevel { name: Rc::from(name), feature_level };
        state.replay(&MetadataRecord::FeatureLevel(record), Offset(0), (Bugs::NONE, Fixes::NONE)).expect("supported");
    };
    level(METADATA_VERSION, metadata_version);
    level(ELR_VERSION, i16::from(elr));
    state
}

fn partition(isr: &[i32], elr: &[i32], leader: i32) -> PartitionRegistration {
    PartitionRegistration {
        replicas: nodes(&[1, 2, 3]),
        directories: Rc::from([uuid(1), uuid(2), uuid(3)]),
        isr: nodes(isr),
        removing_replicas: nodes(&[]),
        adding_replicas: nodes(&[]),
        leader: NodeId(leader),
        leader_recovery_state: LeaderRecoveryState::Recovered,
        leader_epoch: LeaderEpoch(5),
        partition_epoch: PartitionEpoch(9),
        elr: nodes(elr),
        last_known_elr: nodes(&[]),
    }
}

struct Case {
    state: ControllerState,
    partition: PartitionRegistration,
    alive: Vec<i32>,
    isr: Vec<i32>,
    election: Election,
    unclean_shutdown: Option<i32>,
}

impl Case {
    /// min.insync.replicas is 2, with the ELR.
    fn new(partition: PartitionRegistration, alive: &[i32], isr: &[i32]) -> Case {
        Case {
            state: state(level::LATEST, true),
            partition,
            alive: alive.to_vec(),
            isr: isr.to_vec(),
            election: Election::Online,
            unclean_shutdown: None,
        }
    }

    fn build(&self) -> Option<PartitionChange> {
        let settings = ControllerSettings {
            min_insync_replicas: 2,
            ..ControllerSettings::new(NodeId(0), Rc::from(""), Rc::from([]))
        };
        let topic = Topic { name: Rc::from("t"), partitions: BTreeMap::from([(0, self.partition.clone())]) };
        let id = TopicIdPartition { topic_id: uuid(0), partition: 0 };
        let acceptable = |id: NodeId| self.alive.contains(&id.0);
        PartitionChangeBuilder::new(id, &topic, &self.partition, &self.state, &settings, &acceptable)
            .election(self.election)
            .target_isr(nodes(&self.isr).to_vec())
            .unclean_shutdown(self.unclean_shutdown.map(NodeId))
            .build()
    }

    fn merged(&self) -> PartitionRegistration {
        self.partition.merge(&self.build().expect("a change")).expect("legal")
    }
}

#[test]
fn nothing_to_change_is_no_record() {
    assert_eq!(Case::new(partition(&[1, 2, 3], &[], 1), &[1, 2, 3], &[1, 2, 3]).build(), None);
}

#[test]
fn a_valid_leader_stays_though_another_is_preferred() {
    let mut case = Case::new(partition(&[1, 2], &[], 2), &[1, 2, 3], &[2, 1, 3]);
    let change = case.build().expect("the ISR grows");
    assert_eq!((change.leader, change.isr), (NO_LEADER_CHANGE, Some(nodes(&[2, 1, 3]))));
    let new = case.merged();
    assert_eq!((new.leader_epoch, new.partition_epoch), (LeaderEpoch(5), PartitionEpoch(10)), "LE stays, PE grows");
    case.election = Election::Preferred;
    assert_eq!(case.merged().leader, NodeId(1));
    case.alive = vec![3];
    assert_eq!(case.merged().leader, NodeId(3), "neither preferred nor current is valid");
}

#[test]
fn a_leader_that_leaves_is_replaced_by_the_first_valid_replica() {
    let new = Case::new(partition(&[1, 2, 3], &[], 1), &[3], &[2, 3]).merged();
    assert_eq!((new.leader, new.leader_epoch), (NodeId(3), LeaderEpoch(6)));
    assert_eq!(new.isr, nodes(&[2, 3]), "a replica that is in the ISR stays there, acceptable or not");
    assert_eq!(new.elr, nodes(&[]), "with min.insync.replicas in the ISR nobody else is remembered");
}

#[test]
fn below_min_isr_whoever_leaves_is_eligible_and_enough_clears_it() {
    let new = Case::new(partition(&[1, 2], &[], 1), &[1, 2, 3], &[1]).merged();
    assert_eq!((new.isr, new.elr, new.leader), (nodes(&[1]), nodes(&[2]), NodeId(1)));
    let new = Case::new(partition(&[1], &[2], 1), &[1, 2, 3], &[1, 3]).merged();
    assert_eq!((new.isr, new.elr), (nodes(&[1, 3]), nodes(&[])));
    let mut case = Case::new(partition(&[1], &[2, 3], 1), &[1], &[1]);
    case.unclean_shutdown = Some(2);
    assert_eq!(case.merged().elr, nodes(&[3]), "an unclean restart revokes");
}

#[test]
fn the_last_isr_member_moves_to_the_elr_and_is_elected_from_it() {
    let offline = Case::new(partition(&[1], &[], 1), &[2, 3], &[]).merged();
    assert_eq!((offline.leader, &offline.isr, &offline.elr), (NodeId::NONE, &nodes(&[]), &nodes(&[1])));
    assert_eq!((offline.leader_epoch, &offline.last_known_elr), (LeaderEpoch(6), &nodes(&[1])));
    let online = Case::new(offline, &[1], &[]).merged();
    assert_eq!((online.leader, online.isr, online.elr), (NodeId(1), nodes(&[1]), nodes(&[])));
    assert_eq!(online.leader_recovery_state, LeaderRecoveryState::Recovered, "a clean election");
    assert_eq!(online.last_known_elr, nodes(&[]));
}

#[test]
fn without_elr_the_last_isr_member_stays_in_the_isr() {
    let mut case = Case::new(partition(&[1], &[], 1), &[2, 3], &[]);
    case.state = state(level::LATEST, false);
    let change = case.build().expect("a change");
    assert_eq!((change.leader, &change.isr), (NodeId::NONE, &None));
    assert_eq!(change.last_known_elr, None);
    case.partition = case.merged();
    case.alive = vec![1];
    case.isr = vec![1];
    assert_eq!(case.merged().leader, NodeId(1), "the last replica standing, whatever it lost");
}

#[test]
fn an_unclean_election_takes_anyone_and_leaves_it_alone() {
    let mut case = Case::new(partition(&[1], &[2], 1), &[3], &[]);
    assert_eq!(case.merged().leader, NodeId::NONE, "online never is unclean");
    case.election = Election::Unclean;
    let new = case.merged();
    assert_eq!((new.leader, &new.isr, &new.elr), (NodeId(3), &nodes(&[3]), &nodes(&[])));
    assert_eq!(new.leader_recovery_state, LeaderRecoveryState::Recovering);
    case.alive = vec![2, 3];
    let new = case.merged();
    assert_eq!(new.leader, NodeId(2), "a member of the ELR comes first");
    assert_eq!(new.leader_recovery_state, LeaderRecoveryState::Recovered);
}

#[test]
fn the_last_known_leader_is_elected_when_nobody_else_is_left_and_only_then() {
    let lost = PartitionRegistration { last_known_elr: nodes(&[2]), ..partition(&[], &[], -1) };
    let new = Case::new(lost.clone(), &[1, 2, 3], &[]).merged();
    assert_eq!((new.leader, &new.isr), (NodeId(2), &nodes(&[2])));
    assert_eq!(new.leader_recovery_state, LeaderRecoveryState::Recovering);
    assert_eq!(new.last_known_elr, nodes(&[]));
    assert_eq!(Case::new(lost.clone(), &[1, 3], &[]).build(), None);
    let mut case = Case::new(lost, &[1, 2, 3], &[]);
    case.partition.elr = nodes(&[3]);
    assert_eq!(case.merged().leader, NodeId(3));
}

#[test]
fn an_isr_shrink_bumps_the_leader_epoch_before_3_6_only() {
    let mut case = Case::new(partition(&[1, 2, 3], &[], 1), &[1, 2, 3], &[1, 2]);
    assert_eq!(case.merged().leader_epoch, LeaderEpoch(5));
    case.state = state(level::NO_BUMP_ON_SHRINK - 1, false);
    assert_eq!(case.merged().leader_epoch, LeaderEpoch(6), "KAFKA-15021");
    case.partition.isr = nodes(&[1]);
    assert_eq!(case.merged().leader_epoch, LeaderEpoch(5), "it grows");
}

#[test]
fn the_target_recovery_state_wins_over_that_of_the_election() {
    let recovering =
        PartitionRegistration { leader_recovery_state: LeaderRecoveryState::Recovering, ..partition(&[1], &[], 1) };
    let case = Case::new(recovering, &[1, 2], &[1, 2]);
    let topic = Topic { name: Rc::from("t"), partitions: BTreeMap::from([(0, case.partition.clone())]) };
    let id = TopicIdPartition { topic_id: uuid(0), partition: 0 };
    let settings = ControllerSettings::new(NodeId(0), Rc::from(""), Rc::from([]));
    let builder = PartitionChangeBuilder::new(id, &topic, &case.partition, &case.state, &settings, &|_| true);
    let change = builder.target_isr(nodes(&[1, 2]).to_vec());
    let change = change.target_recovery_state(LeaderRecoveryState::Recovered).build().expect("a change");
    assert_eq!(change.leader_recovery_state, 0);
}
