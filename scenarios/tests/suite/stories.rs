//! Stories: regressions written as async tests. Each is the same run under any seed of the host,
//! and again when what it did is replayed without it.
#![cfg(madsim)]

use raft::ids::NodeId;
use raft::io::Role;
use raft::message::ErrorCode;
use scenarios::scenario::Scenario;
use scenarios::story::{AttemptOutcome, Cluster, OperationOutcome, Story, StoryError};
use sim::fault::Tail;

fn catalog(name: &str) -> Scenario {
    scenarios::catalog::find(name).expect("built in").scenario().expect("good")
}

fn three_voters() -> Scenario {
    catalog("controller-failover")
}

/// Controllers 1 to 3, brokers 101 to 103.
fn whole_cluster() -> Scenario {
    catalog("calm")
}

/// Run twice hosted and once replayed bare, with all checks on: one run.
fn is_one_run<F>(name: &str, scenario: &Scenario, story: impl Fn(Cluster) -> F)
where
    F: Future<Output = Result<(), StoryError>> + 'static,
{
    for seed in 1..=5 {
        let reported = |host_seed| Story::new(scenario, seed).host_seed(host_seed).tell(&story).expect("it runs");
        let first = reported(1);
        first.holds().unwrap_or_else(|error| panic!("{name}, seed {seed}: {error}"));
        let second = reported(2);
        assert_eq!(second.report.digest, first.report.digest, "{name}, seed {seed}: another seed of the host");
        assert_eq!(second.report.events, first.report.events);
        assert_ne!(second.report.host_sentinel, first.report.host_sentinel, "two seeds of the host");
        let bare = Story::new(scenario, seed).replay(&first.recording).expect("it runs");
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
    is_one_run("cut off", &three_voters(), a_leader_cut_off_from_its_voters_resigns);
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
    is_one_run("power loss", &three_voters(), a_controller_loses_power_mid_append);
}

/// KIP-101, KIP-679 and the rules of the ISR: what is acknowledged with `acks=all` is on every
/// member of the ISR, so whoever of them leads next has it (controller-broker.md §6).
async fn the_leader_of_a_partition_is_killed(c: Cluster) -> Result<(), StoryError> {
    c.create_topic("topic-0").await?;
    let mut acknowledged = c.produce("topic-0", 0, 5).await?;
    let old = c.leader_of("topic-0", 0).await?;
    let isr = c.isr_of("topic-0", 0)?;
    assert_eq!(isr.len(), 3);

    c.kill(old, u64::MAX).await?;
    let meanwhile = c.begin_produce("topic-0", 0, 2)?;
    c.wait_ms(1_000).await?;
    assert_eq!(c.partition("topic-0", 0)?.leader, old, "no heartbeat is missed yet that would fence it");
    assert_eq!(meanwhile.ended(), None, "and nobody else takes records");

    let new = c.wait_for_partition_leader_other_than(old, "topic-0", 0).await?;
    assert!(isr.contains(&new), "{new} leads, and was not in sync: {isr:?}");
    assert!(c.is_fenced(old)? && !c.isr_of("topic-0", 0)?.contains(&old));
    let OperationOutcome::Done(late) = meanwhile.outcome().await? else { panic!("retried until it is done") };
    acknowledged.extend(late);
    acknowledged.extend(c.produce("topic-0", 0, 3).await?);
    let last = acknowledged[9].offset;
    assert_eq!(c.consume("topic-0", 0, last).await?, acknowledged, "each once, in order");

    c.restart(old).await?;
    c.wait_for_isr_of_size(3, "topic-0", 0).await?;
    assert!(c.partition_log_end(old, "topic-0", 0)? > last, "in sync means that it has them, too");
    assert!(c.partition_high_watermark(new, "topic-0", 0)? > last);
    Ok(())
}

#[test]
fn the_leader_of_a_partition_is_killed_and_all_acknowledged_records_are_consumed() {
    is_one_run("dead leader", &whole_cluster(), the_leader_of_a_partition_is_killed);
}

/// KIP-500: brokers serve what they know from metadata; only changes of it need a controller.
async fn no_controller_is_active(c: Cluster) -> Result<(), StoryError> {
    c.create_topic("topic-0").await?;
    let mut acknowledged = c.produce("topic-0", 1, 3).await?;
    let active = c.active_controller().await?;

    for one in c.controllers() {
        c.isolate(*one).await?;
    }
    c.wait_for_role(active, Role::Resigned).await?;
    let requested = c.begin_create_topic("topic-1")?;
    acknowledged.extend(c.produce("topic-0", 1, 3).await?);
    let last = acknowledged[5].offset;
    assert_eq!(c.consume("topic-0", 1, last).await?, acknowledged);
    c.wait_ms(15_000).await?;
    for one in c.controllers() {
        assert_ne!(c.role(*one)?, Role::Leader);
    }
    assert_eq!(requested.ended(), None, "nobody can create a topic");
    assert!(c.partition("topic-1", 0).is_err());
    for one in c.brokers() {
        assert!(!c.is_fenced(*one)?, "nor fence a broker that nobody hears of");
    }

    c.heal().await?;
    let outcome = requested.outcome().await?;
    assert_ne!(outcome, OperationOutcome::Unknown(ErrorCode::RequestTimedOut), "within its timeout it was created");
    let first = c.produce("topic-1", 0, 1).await?;
    assert_eq!(c.consume("topic-1", 0, first[0].offset).await?, first);
    Ok(())
}

#[test]
fn without_an_active_controller_records_are_produced_and_consumed_and_topics_are_not_created() {
    is_one_run("no controller", &whole_cluster(), no_controller_is_active);
}

/// Controlled shutdown (controller-broker.md §5.3): leaders move before the process ends, not
/// when its session times out after 9 s.
async fn a_broker_is_terminated(c: Cluster) -> Result<(), StoryError> {
    c.create_topic("topic-0").await?;
    let sent = c.produce("topic-0", 0, 3).await?;
    let old = c.leader_of("topic-0", 0).await?;
    let requested_ms = c.now_ms();

    c.terminate(old, u64::MAX).await?;
    let new = c.wait_for_partition_leader_other_than(old, "topic-0", 0).await?;
    c.wait_until_down(old).await?;
    assert!(c.now_ms() - requested_ms < 5_000, "it took {} ms", c.now_ms() - requested_ms);
    let more = c.produce("topic-0", 0, 1).await?;
    assert_eq!(more[0].offset.0, sent[2].offset.0 + 1);

    c.restart(old).await?;
    c.wait_for_isr_of_size(3, "topic-0", 0).await?;
    assert_eq!(c.leader_of("topic-0", 0).await?, new, "who comes back follows");

    let all = c.brokers().to_vec();
    for one in &all {
        c.isolate(*one).await?;
    }
    c.terminate(new, u64::MAX).await?;
    c.wait_ms(1_000).await?;
    assert!(c.is_up(new)?, "nobody lets it go; when the story is over it comes back all the same");
    Ok(())
}

#[test]
fn a_broker_that_is_terminated_hands_its_partitions_over_before_it_ends() {
    is_one_run("controlled shutdown", &whole_cluster(), a_broker_is_terminated);
}

#[test]
fn a_story_that_asks_for_nonsense_or_waits_for_ever_gets_a_message() {
    let nobody = Story::new(&three_voters(), 1).tell(|c| async move { c.kill(NodeId(9), 1).await });
    let nobody = nobody.expect("it runs").holds().expect_err("there is no such controller");
    assert_eq!(nobody.to_string(), "no node 9 in this cluster; there are 1, 2, 3");
    let waits = |c: Cluster| async move {
        let leader = c.active_controller().await?;
        c.wait_for_leader_other_than(leader).await.map(drop)
    };
    let reported = Story::new(&three_voters(), 1).tell(waits).expect("it runs");
    let error = reported.holds().expect_err("nothing disturbs the leader");
    assert!(error.to_string().contains("gave up waiting for a leader other than"), "{error}");
    let panics = Story::new(&three_voters(), 1).tell(|_| async { panic!("no leader was elected") });
    let error = panics.expect("it runs").holds().expect_err("it panics");
    let text = error.to_string();
    assert!(
        text.starts_with("the story or its run panicked at ") && text.ends_with(": no leader was elected"),
        "{text}"
    );
}

#[test]
fn clients_of_a_whole_cluster_refuse_nonsense_too() {
    async fn all_kinds(c: Cluster) -> Result<(), StoryError> {
        let message = |refused: Result<(), StoryError>| refused.expect_err("refused").to_string();
        assert_eq!(
            message(c.create_topic("t").await),
            "topic \"t\": the clients of this scenario know no such name; allowed: topic-0, topic-1 ([clients] topics says how many)"
        );
        let missing = message(c.leader_of("topic-0", 0).await.map(drop));
        assert!(missing.starts_with("no partition topic-0-0 at "), "{missing}");
        let partition = message(c.produce("topic-0", 2, 1).await.map(drop));
        assert_eq!(partition, "partition 2 of topic-0; allowed: 0..1 ([clients] partitions)");
        let append = message(c.append(1).await.map(drop));
        assert!(append.starts_with("append: this scenario has no clients that append to the metadata log"), "{append}");
        assert_eq!(message(c.is_fenced(NodeId(1)).map(drop)), "no broker 1 in this cluster; there are 101, 102, 103");

        c.create_topic("topic-0").await?;
        let again = c.begin_create_topic("topic-0")?.outcome().await?;
        assert_eq!(again, OperationOutcome::Refused(ErrorCode::TopicAlreadyExists));
        assert_eq!(
            message(c.create_topic("topic-0").await),
            "CreateTopics of topic-0 was refused: TOPIC_ALREADY_EXISTS"
        );
        let last = c.produce("topic-0", 0, 1).await?[0].offset;
        c.consume("topic-0", 0, raft::ids::Offset(last.0 + 1)).await.map(drop)
    }
    let error = Story::new(&whole_cluster(), 1).tell(all_kinds).expect("it runs").holds().expect_err("waits in vain");
    assert!(error.to_string().contains("gave up waiting for a poll of topic-0-0 at offset 1"), "{error}");
    let topics = |c: Cluster| async move { c.create_topic("topic-0").await };
    let error = Story::new(&three_voters(), 1).tell(topics).expect("it runs").holds().expect_err("no brokers");
    assert!(error.to_string().contains("this cluster has no brokers"), "{error}");
}
