//! Which state may follow which, what is durable first, what is kept (consensus.md §1.3, §9.6).

use proptest::prelude::*;

use raft::bugs::Bugs;
use raft::ids::{LeaderEpoch, NodeId, Offset, ReplicaKey};
use raft::io::{Effect, Now, Out, Role};
use raft::log::{ElectionState, MAX_BATCH_BYTES};
use raft::quorum::QuorumState;
use raft::quorum::accumulator::BatchAccumulator;
use raft::quorum::epoch_states::EpochState;
use raft::quorum::partition_state::PartitionState;
use raft::quorum::quorum_state::{QuorumTimeouts, Switches};
use raft::step::{Fatal, Step};

use super::harness::{Draws, directory, endpoints, spec};

const TIMEOUTS: QuorumTimeouts = QuorumTimeouts { election_ms: 1000, fetch_ms: 2000 };

/// Runs one thing on a quorum state; also says whether it wrote to disk.
fn on<T>(quorum: &mut QuorumState, act: impl FnOnce(&mut QuorumState, &mut Step<'_>) -> T) -> (T, bool) {
    let (mut out, mut entropy) = (Out::default(), Draws(7));
    let now = Now { mono_ns: 0, wall_ms: 1_000 };
    let result = act(quorum, &mut Step { now, entropy: &mut entropy, out: &mut out });
    (result, out.effects.iter().any(|effect| matches!(effect, Effect::Rename { .. })))
}

/// Replica 1 of three voters, or an observer; Unattached in epoch 0.
fn fresh(observer: bool) -> QuorumState {
    started(observer, None)
}

/// The same, started with what is stored.
fn started(observer: bool, stored: Option<ElectionState>) -> QuorumState {
    let config = spec(if observer { 9 } else { 1 }, 3, Bugs::NONE, Default::default()).config;
    let local = config.local_voter_node(directory(1).expect("an id"));
    let partition_state = PartitionState::new(config.static_voters(), Bugs::NONE, Default::default());
    let (mut out, mut entropy) = (Out::default(), Draws(7));
    let mut step = Step { now: Now { mono_ns: 0, wall_ms: 1_000 }, entropy: &mut entropy, out: &mut out };
    let quorum = QuorumState::initialize(
        local,
        partition_state,
        TIMEOUTS,
        Switches::default(),
        stored,
        LeaderEpoch(0),
        &mut step,
    );
    quorum.expect("it starts")
}

/// What may be requested of a state; epochs relative to its own.
#[derive(Clone, Copy, Debug)]
enum Ask {
    Unattached(i32),
    Follower { epoch: i32, leader: i32 },
    FollowerWithoutEndpoints,
    Prospective,
    Candidate,
    Leader,
    Resigned,
    Vote(i32),
    GrantedBy(i32),
    RejectedBy(i32),
}

fn ask(quorum: &mut QuorumState, ask: Ask) -> (Result<(), Fatal>, bool) {
    let epoch = |delta: i32| LeaderEpoch(quorum.epoch().0 + delta);
    match ask {
        Ask::Unattached(delta) => {
            let epoch = epoch(delta);
            on(quorum, |quorum, step| quorum.transition_to_unattached(epoch, None, step))
        }
        Ask::Follower { epoch: delta, leader } => {
            let epoch = epoch(delta);
            on(quorum, |quorum, step| quorum.transition_to_follower(epoch, NodeId(leader), endpoints(leader), step))
        }
        Ask::FollowerWithoutEndpoints => {
            let epoch = epoch(1);
            on(quorum, |quorum, step| quorum.transition_to_follower(epoch, NodeId(2), [].into(), step))
        }
        Ask::Prospective => on(quorum, |quorum, step| quorum.transition_to_prospective(step)),
        Ask::Candidate => on(quorum, |quorum, step| quorum.transition_to_candidate(step)),
        Ask::Leader => {
            let linger_ms = 25;
            let accumulator =
                BatchAccumulator::new(quorum.epoch(), Offset(5), linger_ms, MAX_BATCH_BYTES as u32, Bugs::NONE);
            on(quorum, |quorum, step| quorum.transition_to_leader(Offset(5), accumulator, step))
        }
        Ask::Resigned => on(quorum, |quorum, step| quorum.transition_to_resigned([].into(), step)),
        Ask::Vote(candidate) => {
            let key = ReplicaKey { id: NodeId(candidate), directory_id: directory(candidate) };
            on(quorum, |quorum, step| quorum.add_voted_state(key, step))
        }
        Ask::GrantedBy(voter) | Ask::RejectedBy(voter) => {
            let granted = matches!(ask, Ask::GrantedBy(_));
            let election = match quorum.state_mut() {
                EpochState::Prospective(state) => &mut state.election,
                EpochState::Candidate(state) => &mut state.election,
                _ => return (Ok(()), false),
            };
            (election.record(NodeId(voter), granted).map(|_| ()), false)
        }
    }
}

fn reach(path: &[Ask]) -> QuorumState {
    let mut quorum = fresh(false);
    for step in path {
        ask(&mut quorum, *step).0.unwrap_or_else(|fatal| panic!("{step:?} of {path:?}: {fatal}"));
    }
    quorum
}

const FOLLOW_2: Ask = Ask::Follower { epoch: 1, leader: 2 };
const TO_LEADER: [Ask; 4] = [Ask::Prospective, Ask::Candidate, Ask::GrantedBy(2), Ask::Leader];

/// Every role, by the shortest legal path.
fn every_role() -> [(Role, QuorumState); 6] {
    let resigned: Vec<Ask> = TO_LEADER.into_iter().chain([Ask::Resigned]).collect();
    [
        (Role::Unattached, reach(&[Ask::Unattached(1)])),
        (Role::Prospective, reach(&[Ask::Prospective])),
        (Role::Candidate, reach(&[Ask::Prospective, Ask::Candidate])),
        (Role::Leader, reach(&TO_LEADER)),
        (Role::Follower, reach(&[FOLLOW_2])),
        (Role::Resigned, reach(&resigned)),
    ]
}

#[test]
fn only_the_transitions_of_the_table_are_legal() {
    use Role::*;
    // The transition; the roles from which it is legal; whether it is durable.
    let table: [(Ask, &[Role], bool); 13] = [
        (Ask::Unattached(1), &[Unattached, Prospective, Candidate, Leader, Follower, Resigned], true),
        (Ask::Unattached(0), &[Prospective], true),
        (Ask::Unattached(-1), &[], false),
        (
            Ask::Follower { epoch: 1, leader: 3 },
            &[Unattached, Prospective, Candidate, Leader, Follower, Resigned],
            true,
        ),
        (Ask::Follower { epoch: 0, leader: 2 }, &[Unattached, Prospective, Candidate, Resigned], true),
        (Ask::Follower { epoch: 0, leader: 3 }, &[Unattached, Prospective, Candidate, Resigned], true),
        (Ask::Follower { epoch: -1, leader: 2 }, &[], false),
        (Ask::Follower { epoch: 1, leader: 1 }, &[], false),
        (Ask::FollowerWithoutEndpoints, &[], false),
        (Ask::Prospective, &[Unattached, Candidate, Follower, Resigned], false),
        (Ask::Candidate, &[Prospective], true),
        (Ask::Leader, &[], false),
        (Ask::Resigned, &[Leader], false),
    ];
    for (what, legal_from, durable) in table {
        for (role, mut quorum) in every_role() {
            assert_eq!(quorum.role(), role);
            let (before, (result, wrote)) = (quorum.epoch(), ask(&mut quorum, what));
            assert_eq!(result.is_ok(), legal_from.contains(&role), "{what:?} from {role:?}: {result:?}");
            assert_eq!(wrote, result.is_ok() && durable, "{what:?} from {role:?} on disk");
            if result.is_err() {
                assert_eq!((quorum.role(), quorum.epoch()), (role, before), "a refusal changes nothing");
            }
        }
    }
}

#[test]
fn an_observer_only_looks_and_follows() {
    for illegal in [Ask::Prospective, Ask::Candidate, Ask::Leader, Ask::Resigned] {
        assert!(ask(&mut fresh(true), illegal).0.is_err(), "{illegal:?} as observer");
    }
    let mut quorum = fresh(true);
    assert!(ask(&mut quorum, FOLLOW_2).0.is_ok());
    assert!(ask(&mut quorum, Ask::Unattached(1)).0.is_ok());
    let EpochState::Unattached(state) = quorum.state() else { panic!("it is {:?}", quorum.role()) };
    assert_eq!(state.election_timer.remaining_ms(), i64::MAX, "an observer never campaigns");
}

#[test]
fn a_vote_is_kept_within_its_epoch_and_only_there() {
    let mut quorum = reach(&[Ask::Unattached(1), Ask::Vote(3)]);
    for step in [Ask::Prospective, Ask::Unattached(0), Ask::Follower { epoch: 0, leader: 2 }, Ask::Prospective] {
        ask(&mut quorum, step).0.expect("a legal walk");
        assert_eq!(quorum.voted().map(|key| key.id), Some(NodeId(3)), "after {step:?}");
    }
    assert_eq!(quorum.leader_id(), Some(NodeId(2)), "a Prospective remembers its leader");
    ask(&mut quorum, Ask::Unattached(1)).0.expect("a higher epoch");
    assert_eq!((quorum.voted(), quorum.leader_id()), (None, None));
}

#[test]
fn a_vote_for_oneself_or_for_a_second_candidate_is_fatal() {
    assert!(ask(&mut reach(&[Ask::Unattached(1)]), Ask::Vote(1)).0.is_err());
    assert!(ask(&mut reach(&[Ask::Unattached(1), Ask::Vote(2)]), Ask::Vote(3)).0.is_err());
    assert!(ask(&mut reach(&[FOLLOW_2]), Ask::Vote(3)).0.is_err());
}

#[test]
fn an_election_counts_each_voter_once() {
    let mut quorum = reach(&[Ask::Prospective]);
    assert!(ask(&mut quorum, Ask::GrantedBy(9)).0.is_err(), "no voter");
    let EpochState::Prospective(state) = quorum.state() else { panic!("it is {:?}", quorum.role()) };
    assert!(!state.election.is_vote_granted() && !state.election.is_vote_rejected());
    for _ in 0..2 {
        ask(&mut quorum, Ask::RejectedBy(2)).0.expect("a voter");
    }
    let EpochState::Prospective(state) = quorum.state() else { panic!("it is {:?}", quorum.role()) };
    assert!(!state.election.is_vote_rejected(), "one rejection, received twice");
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        (-1..2).prop_map(Ask::Unattached),
        (-1..2, 1..4).prop_map(|(epoch, leader)| Ask::Follower { epoch, leader }),
        Just(Ask::Prospective),
        Just(Ask::Candidate),
        Just(Ask::Leader),
        Just(Ask::Resigned),
        (1..4).prop_map(Ask::Vote),
        (2..4).prop_map(Ask::GrantedBy),
        (2..4).prop_map(Ask::RejectedBy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    /// Whatever is requested in whatever order: the epoch never goes back, and within one epoch the
    /// vote is never changed, and a leader is never exchanged for another.
    #[test]
    fn any_walk_keeps_epoch_vote_and_leader(asks in prop::collection::vec(any_ask(), 1..40)) {
        let mut quorum = fresh(false);
        let mut voted = None;
        for what in asks {
            let before = quorum.epoch();
            // The rule by which leaders spread (T, consensus.md §3.2) keeps a Resigned from these.
            let stays = matches!(what, Ask::Prospective | Ask::Follower { epoch: 0, .. });
            if quorum.role() == Role::Resigned && stays {
                continue;
            }
            let _ = ask(&mut quorum, what);
            prop_assert!(quorum.epoch() >= before);
            if quorum.epoch() > before {
                voted = None;
            }
            let now = quorum.voted();
            // A leader and a resigned one have no vote to show; they voted for themselves.
            if let (Some(voted), Some(now)) = (voted, now) {
                prop_assert_eq!(voted, now);
            }
            voted = now.or(voted);
        }
    }
}

/// A bit flipped in `quorum-state` may name any leader.
#[test]
fn a_leader_that_is_no_voter_is_named_and_has_no_address() {
    let known = |leader: i32| {
        let quorum =
            started(false, Some(ElectionState { epoch: LeaderEpoch(3), leader_id: Some(NodeId(leader)), voted: None }));
        (quorum.leader_id(), quorum.known_leader())
    };
    assert_eq!(known(2), (Some(NodeId(2)), Some(NodeId(2))));
    assert_eq!(known(6), (Some(NodeId(6)), None));
}
