//! Tests of timers of followers and candidates.

use raft::voter_set::VoterSet;

use super::*;
use crate::checks::invariant::timings::Disturbance;
use crate::checks::tests::voters;

const MS: u64 = 1_000_000;
const EPOCH: LeaderEpoch = LeaderEpoch(4);
const LEADER: NodeId = NodeId(1);

struct Follower {
    campaigns: Campaigns,
    model: ServerModel,
    ledger: Ledger,
    verdict: Verdict,
}

impl Follower {
    /// One of three voters, that follows from the start.
    fn new() -> Follower {
        Follower::of(&[1, 2, 3])
    }

    /// Node 2, in a quorum of these voters.
    fn of(ids: &[i32]) -> Follower {
        let campaigns = Campaigns::new(&voters(3));
        let ids: Vec<NodeId> = ids.iter().copied().map(NodeId).collect();
        let (model, ledger) = (ServerModel::new(NodeId(2), true), Ledger::new(VoterSet::of_ids(&ids)));
        let mut follower = Follower { campaigns, model, ledger, verdict: Verdict::default() };
        follower.role(0, Role::Follower);
        follower
    }

    fn role(&mut self, at_ms: u64, role: Role) {
        self.role_by_step(at_ms, at_ms, role);
    }

    /// Of a step that began so early.
    fn role_by_step(&mut self, began_ms: u64, at_ms: u64, role: Role) {
        self.campaigns.watched[1].step_ns = began_ms * MS;
        let of = (&self.model, &self.ledger);
        self.campaigns.role_changed(at_ms * MS, 1, (role, EPOCH, LEADER), of, &mut self.verdict);
    }

    fn inputs(&mut self, from_ms: u64, to_ms: u64) -> &mut Follower {
        for at_ms in (from_ms..to_ms).step_by(10) {
            self.campaigns.takes_input(at_ms * MS, 1, (&self.model, &self.ledger), &mut self.verdict);
        }
        self
    }

    fn broke(&self) -> Option<&str> {
        self.verdict.violation().map(|violation| violation.invariant.as_str())
    }
}

#[test]
fn a_leader_that_does_not_answer_is_left() {
    assert_eq!(Follower::new().inputs(0, 2_110).broke(), None);
    assert_eq!(Follower::new().inputs(0, 2_200).broke(), Some("SilentLeaderLeft"));
    let mut answered = Follower::new();
    answered.campaigns.fetch_answered(1_000 * MS, 1);
    assert_eq!(answered.inputs(1_000, 3_100).broke(), None);
    assert_eq!(answered.inputs(3_110, 3_200).broke(), Some("SilentLeaderLeft"));
    let mut left = Follower::new();
    left.role(2_000, Role::Prospective);
    assert_eq!(left.inputs(2_000, 9_000).broke(), None);
}

/// An observer starts no election, and a voter by its own log does.
#[test]
fn only_voters_are_judged() {
    assert_eq!(Follower::of(&[1, 3]).inputs(0, 9_000).broke(), None);
    assert_eq!(Follower::of(&[1, 2]).inputs(0, 9_000).broke(), Some("SilentLeaderLeft"));
    let mut ended = Follower::of(&[1, 3]);
    ended.campaigns.knows_end(0, 1, (LEADER, EPOCH), true, BatchId::START);
    assert_eq!(ended.inputs(0, 9_000).broke(), None);
}

#[test]
fn who_is_disturbed_has_a_whole_timeout_more() {
    let mut follower = Follower::new();
    follower.campaigns.watched[1].calm.disturbed(500 * MS, Disturbance { begins: true, ..Disturbance::default() });
    assert_eq!(follower.inputs(500, 4_000).broke(), None);
    follower.campaigns.watched[1].calm.disturbed(4_000 * MS, Disturbance { back_ms: 1_000, ..Disturbance::default() });
    assert_eq!(follower.inputs(4_000, 7_100).broke(), None);
    assert_eq!(follower.inputs(7_110, 7_200).broke(), Some("SilentLeaderLeft"));
}

#[test]
fn a_node_that_is_requested_to_campaign_does_so() {
    let mut first = Follower::new();
    first.campaigns.knows_end(0, 1, (LEADER, EPOCH), true, BatchId::START);
    assert_eq!(first.inputs(0, 100).broke(), None);
    assert_eq!(first.inputs(110, 150).broke(), Some("EndQuorumEpochObeyed"));
    let mut second = Follower::new();
    second.campaigns.knows_end(0, 1, (LEADER, EPOCH), false, BatchId::START);
    assert_eq!(second.inputs(0, 1_100).broke(), None);
    assert_eq!(second.inputs(1_110, 1_150).broke(), Some("EndQuorumEpochObeyed"));
    // A fetch timeout of a second and a backoff of three: a forgotten request is answered in between.
    let timings = QuorumTimings { fetch_timeout_ms: 1_000, election_backoff_max_ms: 3_000, ..QuorumTimings::DEFAULT };
    let mut forgotten = Follower::new();
    forgotten.campaigns = Campaigns::new(&CheckConfig { timings: vec![timings; 3], ..voters(3) });
    forgotten.role(0, Role::Follower);
    forgotten.campaigns.knows_end(0, 1, (LEADER, EPOCH), false, BatchId::START);
    forgotten.campaigns.fetch_answered(10 * MS, 1);
    forgotten.campaigns.fetch_answered(20 * MS, 1);
    assert_eq!(forgotten.inputs(20, 3_100).broke(), None);
    assert_eq!(forgotten.inputs(3_110, 3_200).broke(), Some("SilentLeaderLeft"));
    let mut late = Follower::new();
    late.role(0, Role::Unattached);
    late.campaigns.knows_end(0, 1, (LEADER, EPOCH), false, BatchId::START);
    late.role(1, Role::Follower);
    assert_eq!(late.inputs(1, 1_100).broke(), None);
    assert_eq!(late.inputs(1_111, 1_150).broke(), Some("EndQuorumEpochObeyed"));
    let mut asks = Follower::new();
    asks.role(0, Role::Prospective);
    asks.campaigns.knows_end(1_000 * MS, 1, (LEADER, EPOCH), true, BatchId::START);
    asks.role(1_000, Role::Follower);
    assert_eq!(asks.inputs(1_000, 2_000).broke(), None, "its election timeout was over");
    let mut of_another = Follower::new();
    of_another.campaigns.knows_end(0, 1, (NodeId(3), EPOCH), true, BatchId::START);
    of_another.campaigns.knows_end(0, 1, (LEADER, LeaderEpoch(3)), true, BatchId::START);
    assert_eq!(of_another.inputs(0, 1_000).broke(), None);
}

#[test]
fn a_pre_vote_is_carried_through() {
    let after = |at_ms: u64, also: &dyn Fn(&mut Campaigns)| {
        let mut follower = Follower::new();
        follower.role(2_000, Role::Prospective);
        also(&mut follower.campaigns);
        follower.role(at_ms, Role::Follower);
        follower.broke().map(str::to_owned)
    };
    let broken = Some("PreVoteCarriedThrough".to_owned());
    assert_eq!(after(2_100, &|_| ()), broken);
    let twice = |campaigns: &mut Campaigns| {
        campaigns.refused(2, 1);
        campaigns.refused(2, 1);
    };
    assert_eq!(after(2_100, &twice), broken, "one voter's word is not enough");
    let both = |campaigns: &mut Campaigns| {
        campaigns.refused(2, 1);
        campaigns.refused(0, 1);
    };
    assert_eq!(after(2_100, &both), None);
    assert_eq!(after(3_000, &|_| ()), None, "its election timeout is over");
    // It said so only after a slow fsync.
    let slow = |began_ms: u64| {
        let mut follower = Follower::new();
        follower.role_by_step(began_ms, 2_000, Role::Prospective);
        follower.role(2_800, Role::Follower);
        follower.broke().map(str::to_owned)
    };
    assert_eq!((slow(1_900), slow(1_901)), (None, broken.clone()));
    // A refusal is under way while it votes for another.
    let votes = |refused: &[usize]| {
        let mut follower = Follower::new();
        follower.role(2_000, Role::Prospective);
        refused.iter().for_each(|voter| follower.campaigns.refused(*voter, 1));
        follower.role(2_050, Role::Prospective);
        follower.role(2_100, Role::Follower);
        follower.broke().map(str::to_owned)
    };
    assert_eq!((votes(&[0, 2]), votes(&[2])), (None, broken.clone()));
    assert_eq!(after(2_100, &|campaigns| campaigns.called(1, LEADER, EPOCH)), None);
    assert_eq!(
        after(2_100, &|campaigns| campaigns.watched[1].calm.disturbed(2_050 * MS, Disturbance::default())),
        None
    );
}
