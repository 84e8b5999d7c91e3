//! Stories: regressions told as protocol logs. Each is the same run under any seed of the host,
//! and again when what it did is replayed without it.
#![cfg(madsim)]

use raft::ids::NodeId;
use raft::io::Role;
use scenarios::scenario::Scenario;
use scenarios::story::{AttemptOutcome, Cluster, Story, StoryError};
use sim::fault::Tail;

fn three_voters() -> Scenario {
    scenarios::catalog::find("controller-failover").expect("built in").scenario().expect("good")
}

/// Told twice hosted and once replayed bare, with all checks on: one run.
fn is_one_run<F>(name: &str, story: impl Fn(Cluster) -> F)
where
    F: Future<Output = Result<(), StoryError>> + 'static,
{
    for seed in 1..=5 {
        let told = |host_seed| Story::new(&three_voters(), seed).host_seed(host_seed).tell(&story).expect("it runs");
        let first = told(1);
        first.holds().unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
        let second = told(2);
        assert_eq!(second.report.digest, first.report.digest, "{name}, seed {seed}: another seed of the host");
        assert_eq!(second.report.events, first.report.events);
        assert_ne!(second.report.host_sentinel, first.report.host_sentinel, "two seeds of the host");
        let bare = Story::new(&three_voters(), seed).replay(&first.recording).expect("it runs");
        assert_eq!(bare.digest, first.report.digest, "{name}, seed {seed}: replayed on the bare loop");
        assert_eq!((bare.events, &bare.outcome), (first.report.events, &first.report.outcome));
    }
}

/// KIP-595, check quorum: a leader that no majority fetches from within the fetch timeout
/// resigns (consensus.md §3).
async fn a_leader_cut_off_from_its_voters_resigns(c: Cluster) -> Result<(), StoryError> {
    let old = c.active_controller().await?;
    let before = c.append(3).await?;
    let epoch = c.epoch(old)?;

    c.isolate(old).await?;
    let meanwhile = c.begin_append().await?;
    c.wait_ms(100).await?;
    let accepted = c.log_end(old)?;
    assert!(accepted > before[2], "the old leader takes the append into its log");
    assert_eq!(c.role(old)?, Role::Leader, "it has not noticed yet");

    c.wait_for_role(old, Role::Resigned).await?;
    assert_eq!(meanwhile.outcome().await?, AttemptOutcome::Unknown, "what it accepted is not acknowledged");
    let new = c.wait_for_leader_other_than(old).await?;
    assert!(c.epoch(new)? > epoch);
    let after = c.append(1).await?;

    c.heal().await?;
    c.wait_for_role(old, Role::Follower).await?;
    c.wait_for_high_watermark(old, after[0]).await?;
    assert_eq!(c.epoch(old)?, c.epoch(new)?);
    for offset in before.into_iter().chain(after) {
        assert!(c.replicas_with(offset).len() >= 2, "offset {offset} is on a majority");
    }
    Ok(())
}

#[test]
fn a_leader_cut_off_from_its_voters_resigns_and_what_it_accepted_meanwhile_is_not_acknowledged() {
    is_one_run("cut off", a_leader_cut_off_from_its_voters_resigns);
}

/// Durability points D5 to D9 of consensus.md §4: an acknowledgement means a durable majority.
async fn a_controller_loses_power_mid_append(c: Cluster) -> Result<(), StoryError> {
    let old = c.active_controller().await?;
    let mut acknowledged = c.append(3).await?;

    let cut_short = c.begin_append().await?;
    let end = c.log_end(old)?;
    c.until("the append in the leader's log", |c| Ok(c.log_end(old)? > end)).await?;
    c.power_loss(old, Tail::Torn, u64::MAX).await?;
    assert!(!c.is_up(old)?);
    let outcome = cut_short.outcome().await?;
    assert_ne!(outcome, AttemptOutcome::Refused, "it had been accepted");

    let new = c.wait_for_leader_other_than(old).await?;
    acknowledged.extend(c.append(3).await?);
    c.restart(old).await?;
    c.wait_until_up(old).await?;
    let last = acknowledged[acknowledged.len() - 1];
    c.wait_for_high_watermark(old, last).await?;
    assert_eq!(c.active_controller().await?, new, "who comes back disturbs nobody");

    if let AttemptOutcome::Acknowledged(offset) = outcome {
        acknowledged.push(offset);
    }
    for offset in acknowledged {
        let replicas = c.replicas_with(offset);
        assert!(replicas.len() >= 2, "offset {offset} is acknowledged, and durable on {replicas:?} alone");
    }
    Ok(())
}

#[test]
fn a_controller_that_loses_power_mid_append_comes_back_and_the_acknowledged_is_on_a_majority() {
    is_one_run("power loss", a_controller_loses_power_mid_append);
}

#[test]
fn a_story_that_asks_for_nonsense_or_waits_for_ever_gets_a_message() {
    let nobody = Story::new(&three_voters(), 1).tell(|c| async move { c.kill(NodeId(9), 1).await });
    let nobody = nobody.expect("it runs").holds().expect_err("there is no such controller");
    assert_eq!(nobody.to_string(), "no controller 9 in this cluster; there are 1, 2, 3");
    let waits = |c: Cluster| async move {
        let leader = c.active_controller().await?;
        c.wait_for_leader_other_than(leader).await.map(drop)
    };
    let told = Story::new(&three_voters(), 1).tell(waits).expect("it runs");
    let error = told.holds().expect_err("nothing disturbs the leader");
    assert!(error.to_string().contains("gave up waiting for a leader other than"), "{error}");
    let panics = Story::new(&three_voters(), 1).tell(|_| async { panic!("no leader in sight") });
    let error = panics.expect("it runs").holds().expect_err("it panics");
    assert_eq!(error.to_string(), "the story or its run panicked: no leader in sight");
}
