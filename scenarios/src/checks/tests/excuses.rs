//! How far leave and excuses go: the least that is due at an ack, who restarted uncleanly, who requested
//! an unclean election, and who may stay without a leader.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset};
use raft::io::Observation;
use raft::message::admin::{ElectLeadersRequest, ElectLeadersResponse, ElectLeadersTopic};
use raft::message::cluster::BrokerRegistrationRequest;
use raft::message::{AdminRequest, AdminResponse, ClusterRequest, EnvelopeResponse, ErrorCode, Request, Response};
use raft::metadata::MetadataRecord;
use raft::metadata::records::PartitionChange;

use super::brokers::{Brokers, broker, change, config, elr, to_isr};
use crate::checks::replication::unclean::UncleanElections;
use crate::checks::server_model::ServerModel;
use sim::watch::Down;

#[test]
fn an_ack_needs_as_many_as_its_leader_may_know_are_due() {
    // `min.insync.replicas` falls to 1 and rises again; the leader publishes as far as that when it takes
    // the request, and all when it answers.
    let acknowledged = |known: usize| {
        let mut brokers = Brokers::with_partition(false);
        brokers.change(to_isr(&[0], None));
        brokers.goes_by(0, 1, 1, false);
        for (at, value) in ["1", "2", "3"].into_iter().enumerate() {
            if at == known {
                brokers.publish(0);
            }
            brokers.commit([config("min.insync.replicas", value)]);
        }
        if known > 2 {
            brokers.publish(0);
        }
        brokers.goes_on(0);
        let batch = brokers.batch(10);
        let offset = brokers.produce(0, &batch);
        brokers.publish(0);
        brokers.high_watermark(0, 1);
        brokers.acknowledge(0, offset);
        brokers.broke().map(str::to_owned)
    };
    let broken = Some("ReplicationQuorumSuperset".to_owned());
    assert_eq!([0, 1].map(acknowledged), [None, None], "it may have gone by 1");
    assert_eq!([2, 3].map(acknowledged), [broken.clone(), broken], "2 or 3 are due");
}

/// Some partitions of a request are decided long before its answer.
#[test]
fn an_ack_that_was_enough_when_it_was_decided_may_be_sent_later() {
    let acknowledged = |decided: bool| {
        let mut brokers = Brokers::with_partition(false);
        brokers.commit([config("min.insync.replicas", "1")]);
        brokers.publish(0);
        brokers.goes_on(0);
        brokers.change(to_isr(&[0], None));
        brokers.goes_by(0, 1, 1, false);
        let batch = brokers.batch(10);
        let mut offset = Offset(0);
        if decided {
            offset = brokers.produce(0, &batch);
            brokers.high_watermark(0, 1);
        }
        brokers.commit([config("min.insync.replicas", "2")]);
        brokers.publish(0);
        brokers.goes_on(0);
        if !decided {
            offset = brokers.produce(0, &batch);
            brokers.high_watermark(0, 1);
        }
        brokers.acknowledge(0, offset);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(acknowledged(true), None);
    assert_eq!(acknowledged(false), Some("ReplicationQuorumSuperset".to_owned()));
}

/// A controller takes the request for such a registration; the life before is `previous` if that shut down
/// cleanly.
fn asks_to_register(brokers: &mut Brokers, registration: &MetadataRecord, previous: BrokerEpoch) {
    let MetadataRecord::RegisterBroker(record) = registration else { panic!("{} is none", registration.name()) };
    let request = BrokerRegistrationRequest {
        broker_id: record.broker_id,
        cluster_id: "c".into(),
        incarnation_id: record.incarnation_id,
        listeners: Rc::default(),
        features: Rc::default(),
        rack: None,
        log_dirs: Rc::clone(&record.log_dirs),
        previous_broker_epoch: previous,
    };
    let request = Request::Cluster(ClusterRequest::BrokerRegistration(Box::new(request)));
    brokers.receives(1, (0, 0), &request);
}

#[test]
fn a_clean_restart_of_the_last_guard_excuses_nothing() {
    // What the last guard says that it left as, and whether that takes it out of ISR and ELR.
    let restarted = |says: fn(BrokerEpoch) -> BrokerEpoch| {
        let mut brokers = Brokers::at_work(true, &[10]);
        brokers.checks.verdict = Verdict::new(true);
        brokers.change(PartitionChange { eligible_leader_replicas: elr(&[]), ..to_isr(&[0], None) });
        brokers.truncate(1, 0);
        brokers.truncate(2, 0);
        brokers.checks.verdict = Verdict::new(true);
        brokers.restart(0, Down::Killed);
        let registration = brokers.registration(0, 1);
        let before = brokers.cluster().metadata().image().broker_epoch(broker(0));
        asks_to_register(&mut brokers, &registration, says(before));
        let gone = PartitionChange { leader: NodeId::NONE, last_known_elr: elr(&[0]), ..to_isr(&[], None) };
        brokers.commit([MetadataRecord::PartitionChange(gone), registration]);
        let fired: Vec<&str> = brokers.checks.verdict.fired().map(|fired| fired.name).collect();
        ["AckedValueNotLost", "ValidControllerIsrAndElr"].map(|name| fired.contains(&name))
    };
    assert_eq!(restarted(|_| BrokerEpoch::UNKNOWN), [false, false], "killed");
    assert_eq!(restarted(|before| BrokerEpoch(before.0 - 1)), [false, false], "the marker of another life");
    assert_eq!(restarted(|before| before), [true, true], "it shut down cleanly, and has lost nothing");
}

/// A registration that is sent again by the same process, maybe a late duplicate, is no restart.
#[test]
fn the_same_process_anew_excuses_nothing() {
    let mut brokers = Brokers::at_work(true, &[10]);
    brokers.change(PartitionChange { eligible_leader_replicas: elr(&[]), ..to_isr(&[0], None) });
    brokers.checks.verdict = Verdict::new(true);
    let MetadataRecord::RegisterBroker(mut registration) = brokers.registration(0, 1) else { panic!("it is one") };
    let registered = brokers.cluster().metadata().image().brokers.get(&broker(0)).expect("registered").clone();
    (registration.incarnation_id, registration.broker_epoch) = (registered.incarnation_id, registered.broker_epoch);
    let gone = PartitionChange { leader: NodeId::NONE, last_known_elr: elr(&[0]), ..to_isr(&[], None) };
    brokers.commit([MetadataRecord::PartitionChange(gone), MetadataRecord::RegisterBroker(registration)]);
    assert!(brokers.checks.verdict.fired().any(|fired| fired.name == "AckedValueNotLost"));
}

fn elect_leaders(election_type: i8, partitions: Option<&[i32]>) -> AdminRequest {
    let topic = |partitions: &[i32]| ElectLeadersTopic { topic: "t".into(), partitions: Rc::from(partitions) };
    let topic_partitions = partitions.map(|partitions| Rc::from([topic(partitions)]));
    AdminRequest::ElectLeaders(ElectLeadersRequest { election_type, topic_partitions, timeout_ms: 1_000 })
}

fn elected(error: ErrorCode) -> EnvelopeResponse {
    let answer = ElectLeadersResponse { error, replica_election_results: Rc::from([]) };
    EnvelopeResponse { error: ErrorCode::None, response: Some(AdminResponse::ElectLeaders(answer)) }
}

#[test]
fn an_unclean_election_is_excused_as_long_as_somebody_asks_for_it() {
    // Server 2 is the controller.
    let story = |request: AdminRequest, answered: Option<ErrorCode>| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.cross(2, Event::Observed { observation: Observation::LeadershipAnnounced { epoch: LeaderEpoch(1) } });
        brokers.change(to_isr(&[0, 1], None));
        brokers.goes_by(0, 1, 2, false);
        let batch = brokers.batch(11);
        let offset = brokers.produce(0, &batch);
        brokers.replicate(0, 1);
        brokers.acknowledge(0, offset);
        let of = (7, 70);
        brokers.receives(2, of, &Request::Envelope(request));
        if let Some(error) = answered {
            let response = Response::Envelope(elected(error));
            brokers.responds_to(2, 0, of, &response);
        }
        brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
        brokers.lead(2, 1, 2, 1);
        brokers.broke().map(str::to_owned)
    };
    let broken = Some("AckedValueNotLost".to_owned());
    for request in [elect_leaders(1, None), elect_leaders(1, Some(&[4, 0]))] {
        assert_eq!(story(request.clone(), None), None, "under way");
        assert_eq!(story(request.clone(), Some(ErrorCode::None)), broken, "all that it wrote is committed");
        assert_eq!(story(request, Some(ErrorCode::NotController)), None, "what it wrote may be committed yet");
    }
    assert_eq!(story(elect_leaders(1, Some(&[4])), None), broken, "of another partition");
    assert_eq!(story(elect_leaders(0, None), None), broken, "not of this kind");
}

#[test]
fn a_request_for_an_unclean_election_is_forgotten_in_time() {
    let request = elect_leaders(1, Some(&[0]));
    let refused = EnvelopeResponse { error: ErrorCode::NotController, response: None };
    // A standby takes it, and refuses it or dies: it has written nothing.
    for dies in [true, false] {
        let mut requested = UncleanElections::default();
        requested.received(1, Rpc { connection: 5, correlation_id: 1 }, &request);
        assert!(requested.may_elect("t", 0) && !requested.may_elect("u", 0) && !requested.may_elect("t", 1));
        if dies {
            requested.down(1, None)
        } else {
            requested.answered(1, Rpc { connection: 5, correlation_id: 1 }, None, &refused)
        }
        assert!(!requested.may_elect("t", 0));
    }
    // An active one is deposed or dies: what it wrote in its epoch may be committed, until a later one is.
    for dies in [true, false] {
        let mut requested = UncleanElections::default();
        let claimed = Some(LeaderEpoch(4));
        requested.received(1, Rpc { connection: 5, correlation_id: 1 }, &request);
        requested.committed(LeaderEpoch(9));
        assert!(requested.may_elect("t", 0), "it may claim once more");
        if dies {
            requested.down(1, claimed)
        } else {
            requested.answered(1, Rpc { connection: 5, correlation_id: 1 }, claimed, &refused)
        }
        for (epoch, may) in [(3, true), (4, true), (5, false), (4, false)] {
            requested.committed(LeaderEpoch(epoch));
            assert_eq!(requested.may_elect("t", 0), may, "something of epoch {epoch} is committed");
        }
    }
    // A broker that heard nothing asks again, by another connection.
    let mut requested = UncleanElections::default();
    requested.received(1, Rpc { connection: 5, correlation_id: 1 }, &request);
    requested.received(1, Rpc { connection: 6, correlation_id: 1 }, &request);
    requested.answered(1, Rpc { connection: 6, correlation_id: 1 }, None, &elected(ErrorCode::None));
    assert!(requested.may_elect("t", 0), "the first is still under way");
    requested.answered(1, Rpc { connection: 5, correlation_id: 1 }, None, &elected(ErrorCode::None));
    assert!(!requested.may_elect("t", 0));
}

#[test]
fn only_whom_kafka_leaves_so_stays_without_a_leader() {
    let servers = [0, 1, 2].map(|server| {
        let mut model = ServerModel::new(broker(server), false);
        model.up = true;
        model
    });
    let missing = |with_elr: bool, change: PartitionChange, servers: &[ServerModel]| {
        let mut brokers = Brokers::with_partition(with_elr);
        brokers.change(PartitionChange { leader: NodeId::NONE, ..change });
        brokers.cluster_mut().missing(servers).map(|missing| missing.predicate)
    };
    let nobody = |known: &[usize]| PartitionChange { last_known_elr: elr(known), ..to_isr(&[], None) };
    let unled = Some("every partition led");
    assert_eq!(missing(true, to_isr(&[1], None), &servers), unled);
    assert_eq!(missing(true, nobody(&[0]), &servers), unled, "the last known leader is back");
    let accepted = missing(true, nobody(&[]), &servers);
    assert_ne!(accepted, unled, "nobody is known");
    assert_eq!(missing(true, nobody(&[0, 1]), &servers), accepted, "no single one is");
    assert_eq!(missing(false, nobody(&[0]), &servers), accepted, "it is off");
    let mut without = servers.clone();
    without[0].up = false;
    assert_eq!(missing(true, nobody(&[0]), &without), accepted, "it is gone");
    let lost = Some(Rc::from([crate::checks::metadata::partition::LOST; 3]));
    let offline = PartitionChange { directories: lost, ..nobody(&[0]) };
    assert_eq!(missing(true, offline, &servers), accepted, "its directory is");
}

#[test]
fn only_a_replica_with_other_epochs_may_stay_out_of_sync() {
    let servers = [0, 1, 2].map(|server| {
        let mut model = ServerModel::new(broker(server), false);
        model.up = true;
        model
    });
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    let mut is_waited_for = |server: usize, paths: Option<&[&str]>| {
        let cluster = brokers.cluster_mut();
        let paths = paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        cluster.replication.damaged(server, paths.as_deref());
        cluster.missing(&servers).map(|missing| missing.predicate) == Some("every replica in sync")
    };
    let (metadata, epochs) = ("t-0/partition.metadata", "t-0/leader-epoch-checkpoint");
    assert!(is_waited_for(2, Some(&[metadata])), "another file was altered");
    assert!(is_waited_for(1, Some(&[epochs])), "that of another replica was");
    assert!(is_waited_for(2, Some(&["t-1/leader-epoch-checkpoint"])), "that of another log was");
    assert!(!is_waited_for(2, Some(&[epochs])), "its leader refuses it");
    assert!(is_waited_for(2, None), "it has a new disk");
    assert!(!is_waited_for(0, Some(&[epochs])), "its leader lets it cut its log again and again");
    let mut verdict = Verdict::default();
    brokers.cluster_mut().finish(true, false, &mut verdict);
    assert_eq!(verdict.excused().map(|(excuse, _)| excuse.name()).collect::<Vec<_>>(), ["replica_epochs_altered"]);
}

/// A cluster whose partition was given to broker 2, which lacks a committed batch, and which has yet to act.
pub fn elected_uncleanly(acknowledged: bool) -> Brokers {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.commit([config("min.insync.replicas", "1"), config("unclean.leader.election.enable", "true")]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.high_watermark(0, 2);
    if acknowledged {
        brokers.acknowledge(0, offset);
    }
    brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
    brokers
}

pub fn leader(of: NodeId) -> PartitionChange {
    PartitionChange { leader: of, ..change() }
}

#[test]
fn what_an_unclean_election_loses_may_show_elections_later() {
    for acknowledged in [false, true] {
        let mut brokers = elected_uncleanly(acknowledged);
        brokers.fence(2, leader(NodeId::NONE));
        brokers.unfence_and_elect(2);
        brokers.lead(2, 3, 4, 1);
        assert_eq!(brokers.broke(), None);
        let excuse = if acknowledged { "acked_lost_by_unclean_election" } else { "committed_unacked_lost" };
        assert_eq!(brokers.excused(excuse), 1);
        // It has acted: from here on the promise is its log.
        let other = brokers.batch_of(1, 21);
        brokers.append(2, &other);
        brokers.high_watermark(2, 2);
        brokers.change(to_isr(&[2, 1], None));
        assert_eq!(brokers.broke(), Some("LeaderCandidateCompleteness"));
    }
}

/// A record is on both members of the ISR and not yet acknowledged. One is fenced, the other is all that is
/// left, and loses it; the first has not learned of all that.
#[test]
fn a_deposed_leader_may_serve_what_the_last_of_the_isr_has_lost() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    brokers.flush(1);
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.fence(0, to_isr(&[1], Some(1)));
    loses_and_leads(&mut brokers, 4, 1);
    brokers.acknowledge(0, offset);
    assert_eq!((brokers.broke(), brokers.excused("served_after_loss")), (None, 1));
    assert_eq!(brokers.checks.acked_records(), (1, 0), "it was never promised");
    let other = brokers.batch_of(1, 21);
    brokers.append(1, &other);
    brokers.high_watermark(1, 2);
    brokers.consume(1, 2, 2);
    assert_eq!(brokers.broke(), None);
}

/// Broker 1 leads, loses what it has not forced, registers anew and leads by this partition epoch.
fn loses_and_leads(brokers: &mut Brokers, partition_epoch: i32, isr: u8) {
    brokers.restart(1, Down::PowerLost);
    let registration = brokers.registration(1, 1);
    brokers.commit([MetadataRecord::PartitionChange(leader(NodeId::NONE)), registration]);
    brokers.unfence_and_elect(1);
    brokers.lead(1, 3, partition_epoch, isr);
}

fn has_fired(brokers: &Brokers) -> bool {
    brokers.checks.verdict.fired().any(|fired| fired.name == "AckedValueNotLost")
}

/// The same, but the one that lost it leads although another member of the ISR has it.
#[test]
fn what_others_of_the_isr_have_is_not_lost() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.flush(1);
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.replicate(0, 2);
    brokers.fence(0, to_isr(&[1, 2], Some(1)));
    // No controller would name it: that is reported as well.
    brokers.checks.verdict = Verdict::new(true);
    loses_and_leads(&mut brokers, 3, 2);
    brokers.acknowledge(0, offset);
    assert_eq!((has_fired(&brokers), brokers.excused("served_after_loss")), (false, 0));
    brokers.change(to_isr(&[1], None));
    assert!(has_fired(&brokers));
}

/// The leader of before all unclean elections has no excuse for a log that is not the committed one.
#[test]
fn a_clean_leader_that_parts_is_reported_while_an_unclean_one_has_yet_to_act() {
    let mut brokers = elected_uncleanly(false);
    // Its batch has the epoch of the other one: that is reported as well.
    brokers.checks.verdict = Verdict::new(true);
    brokers.truncate(0, 1);
    let other = brokers.batch_of(1, 21);
    let offset = brokers.produce(0, &other);
    brokers.acknowledge(0, offset);
    assert!(has_fired(&brokers));
}

/// Nothing is committed yet, and the only member of the ISR has not heard that another one was elected uncleanly.
#[test]
fn a_deposed_leader_may_show_what_an_unclean_election_never_committed() {
    let shown_by = |elected_uncleanly: bool| {
        let mut brokers = Brokers::at_work(false, &[]);
        brokers.commit([config("min.insync.replicas", "1"), config("unclean.leader.election.enable", "true")]);
        let isr: &[usize] = if elected_uncleanly { &[0] } else { &[0, 2] };
        brokers.change(to_isr(isr, None));
        brokers.goes_by(0, 1, 1, false);
        brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
        brokers.lead(2, 1, 2, 1);
        let others = brokers.batch(11);
        brokers.append(2, &others);
        brokers.high_watermark(2, 1);
        let own = brokers.batch_of(0, 21);
        brokers.append(0, &own);
        brokers.consume(0, 1, 1);
        brokers
    };
    let unclean = shown_by(true);
    assert_eq!((unclean.broke(), unclean.excused("served_after_loss")), (None, 1));
    assert_eq!(shown_by(false).broke(), Some("ConsistentRead"));
}

#[test]
fn a_process_that_registers_again_leads_as_before() {
    let mut brokers = Brokers::at_work(false, &[10]);
    let registered = brokers.cluster().metadata().image().brokers.get(&broker(1)).expect("registered").clone();
    brokers.publish(1);
    let MetadataRecord::RegisterBroker(mut again) = brokers.registration(1, 0) else { panic!("it is one") };
    (again.incarnation_id, again.broker_epoch) = (registered.incarnation_id, registered.broker_epoch);
    again.fenced = false;
    brokers.commit([MetadataRecord::RegisterBroker(again)]);
    assert!(brokers.cluster().metadata().is_registered(1, broker(1)), "it need not have heard of the second one");
    brokers.register(1);
    assert!(!brokers.cluster().metadata().is_registered(1, broker(1)));
}

/// A deposed leader's record is not committed. It is elected uncleanly and deposed likewise before it acts, and then
/// acknowledges the retry of that record in the epoch that it learns of.
#[test]
fn a_leader_that_begins_too_late_may_acknowledge_what_it_wrote_before() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.commit([config("min.insync.replicas", "1"), config("unclean.leader.election.enable", "true")]);
    brokers.change(to_isr(&[0], None));
    let own = brokers.batch_of(0, 21);
    let offset = brokers.append(0, &own);
    let uncleanly = |leader: usize| PartitionChange { leader_recovery_state: 1, ..to_isr(&[leader], Some(leader)) };
    brokers.change(uncleanly(2));
    brokers.lead(2, 1, 2, 1);
    let others = brokers.batch(11);
    brokers.append(2, &others);
    brokers.high_watermark(2, 2);
    brokers.change(uncleanly(0));
    brokers.change(uncleanly(2));
    // It has published all of that: that it leads is reported as well.
    brokers.checks.verdict = Verdict::new(true);
    brokers.lead(0, 2, 3, 1);
    brokers.ask(0, &own);
    brokers.acknowledge(0, offset);
    brokers.consume(0, 2, 2);
    let fired: Vec<&str> = brokers.checks.verdict.fired().map(|claim| claim.name).collect();
    assert_eq!((fired, brokers.excused("served_after_loss")), (vec!["DemotionObeyed"], 2));
}

#[test]
fn an_unclean_leader_that_is_deposed_and_alone_goes_on() {
    let acknowledges = |heir: usize| {
        let mut brokers = elected_uncleanly(true);
        brokers.fence(2, leader(NodeId::NONE));
        if heir != 2 {
            brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[heir], Some(heir)) });
        }
        brokers.lead(2, 1, 2, 1);
        let other = brokers.batch_of(1, 21);
        let offset = brokers.produce(2, &other);
        brokers.acknowledge(2, offset);
        brokers
    };
    let mut alone = acknowledges(2);
    assert_eq!((alone.broke(), alone.excused("acked_lost_by_unclean_election")), (None, 1));
    alone.unfence_and_elect(2);
    alone.lead(2, 3, 4, 1);
    assert_eq!(alone.broke(), None);
    assert_eq!(alone.checks.acked_records(), (3, 1), "what it took is promised");
    let other = acknowledges(0);
    assert_eq!((other.broke(), other.excused("served_after_loss")), (None, 1), "somebody else goes on");
    assert_eq!(other.checks.acked_records(), (2, 0));
}

/// Broker 1 is all that is left of the ISR, loses the record, and is fenced before it knows that it leads again. What it
/// acknowledges then stands.
#[test]
fn a_leader_that_lost_its_log_and_is_deposed_and_alone_goes_on() {
    let acknowledges = |power_lost: bool| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.commit([config("min.insync.replicas", "1")]);
        brokers.change(to_isr(&[0, 1], None));
        brokers.fence(0, to_isr(&[1], Some(1)));
        brokers.restart(1, if power_lost { Down::PowerLost } else { Down::Killed });
        let registration = brokers.registration(1, 1);
        brokers.commit([MetadataRecord::PartitionChange(leader(NodeId::NONE)), registration]);
        brokers.unfence_and_elect(1);
        brokers.fence(1, leader(NodeId::NONE));
        if !power_lost {
            brokers.truncate(1, 0);
        }
        brokers.lead(1, 3, 4, 1);
        let other = brokers.batch_of(1, 21);
        let offset = brokers.produce(1, &other);
        brokers.acknowledge(1, offset);
        brokers
    };
    let mut alone = acknowledges(true);
    assert_eq!((alone.broke(), alone.excused("acked_lost_with_min_isr_one")), (None, 1));
    alone.unfence_and_elect(1);
    alone.lead(1, 5, 6, 1);
    assert_eq!((alone.broke(), alone.checks.acked_records()), (None, (2, 1)));
    assert!(acknowledges(false).broke().is_some());
}
