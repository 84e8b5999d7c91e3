//! Findings: each scenario fails without its fix, and holds with it.

use std::collections::BTreeSet;
use std::ops::Range;

use raft::fixes::{Fix, Fixes};
use scenarios::catalog;
use scenarios::report::RunOutcome;
use scenarios::run::{Request, drive, run};
use sim::drive::Ended;

/// Runs the seeds without the fix, collecting the violated checks, and again with it.
fn shows(name: &str, seeds: Range<u64>, at_least: u64) {
    let scenario = catalog::find(name).expect("built in").scenario().expect("good");
    let finding = scenario.finding.clone().expect("a finding");
    let mended = scenario.clone().with_fix(finding.fix);
    let mut broken = BTreeSet::new();
    let mut failing = 0;
    for seed in seeds.clone() {
        let request = Request { keep_going: true, ..Request::new(&scenario, seed) };
        let finished = drive(&request).expect("it runs");
        assert!(matches!(finished.ended, Ended::Stopped | Ended::End), "seed {seed}: {:?}", finished.ended);
        let checks = finished.run.watch.checks.as_ref().expect("checks are on");
        if let Some(first) = checks.violation() {
            failing += 1;
            assert!(finding.shows.contains(&first.invariant), "seed {seed} shows another: {first:?}");
            broken.extend(checks.fired().map(str::to_owned));
        }
        let outcome = run(&Request::new(&mended, seed)).expect("it runs").outcome;
        assert!(!matches!(outcome, RunOutcome::Violated(_)), "seed {seed} with {:?}: {outcome:?}", finding.fix);
    }
    assert!(failing >= at_least, "{failing} of seeds {seeds:?}");
    for shown in &finding.shows {
        assert!(broken.contains(shown), "{shown} breaks in none of seeds {seeds:?}, but {broken:?}");
    }
}

/// A finding, and the seeds of its scenario that show it.
pub struct Shown {
    pub scenario: &'static str,
    pub seeds: Range<u64>,
    /// At least so many of these runs fail.
    pub at_least: u64,
}

macro_rules! findings {
    ($($test:ident: $scenario:literal $from:literal..$to:literal >= $at_least:literal;)+) => {
        /// One for each fix.
        pub const FINDINGS: &[Shown] =
            &[$(Shown { scenario: $scenario, seeds: $from..$to, at_least: $at_least },)+];

        $(#[test]
        fn $test() {
            shows($scenario, $from..$to, $at_least);
        })+
    };
}

findings! {
    // Also a real loss: an acknowledged value is absent at the end.
    flush_recovered_log: "findings/flush-recovered-log" 0..120 >= 60;
    rewrite_recovered_log: "findings/rewrite-recovered-log" 0..24 >= 8;
    single_voter_flush_first: "findings/single-voter-flush-first" 0..20 >= 10;
    compare_log_of_repeated_vote: "findings/compare-log-of-repeated-vote" 0..96 >= 3;
    restart_as_follower_despite_own_vote: "findings/restart-as-follower-despite-own-vote" 96..116 >= 2;
    first_publish_after_caught_up: "findings/first-publish-after-caught-up" 40..60 >= 6;
    keep_proposal_of_same_epoch: "findings/keep-proposal-of-same-epoch" 44..50 >= 4;
    // A former process's request must arrive between the registration of the next one and its first heartbeat.
    session_since_registration: "findings/session-since-registration" 44..52 >= 1;
    // An orderly restart, and a power loss behind the first append, before the first checkpoint has forced the directory: 3 of
    // 1,500 seeds.
    force_marker_removal: "findings/force-marker-removal" 80..100 >= 1;
    stay_fenced_in_shutdown: "findings/stay-fenced-in-shutdown" 0..24 >= 2;
    keep_elr_of_empty_isr: "findings/keep-elr-of-empty-isr" 0..8 >= 2;
    // The client must lose all brokers but one that lags, right after it has read a record of a later leader: 4
    // of 1,000 seeds.
    keep_topic_ids_through_rebootstrap: "findings/keep-topic-ids-through-rebootstrap" 460..480 >= 1;
    // A raised `min.insync.replicas`, a member that leaves the ISR and an append must meet within 300 ms, and
    // then two brokers must be killed: 1 of 3,200 seeds (in `ci`, where it was found, 1 of 5,000).
    await_metadata_of_isr: "findings/await-metadata-of-isr" 2365..2385 >= 1;
    // A leader must learn of two elections at once, after one follower has fetched more than the other: 1 of 3,000 seeds.
    reset_replicas_of_missed_epoch: "findings/reset-replicas-of-missed-epoch" 1985..2005 >= 1;
    compare_epoch_of_position: "findings/compare-epoch-of-position" 30..42 >= 2;
    drop_segments_behind_gap: "findings/drop-segments-behind-gap" 0..24 >= 16;
    write_epochs_before_append: "findings/write-epochs-before-append" 0..24 >= 2;
    clear_index_of_elr: "findings/clear-index-of-elr" 5..15 >= 4;
    // Two records, and an election between them: 9 of 1,500 seeds show it.
    stable_offset_of_snapshot: "findings/stable-offset-of-snapshot" 325..335 >= 1;
    leave_silent_bootstrap_server: "findings/leave-silent-bootstrap-server" 0..12 >= 6;
    campaign_after_refusing_vote: "findings/campaign-after-refusing-vote" 0..8 >= 2;
    refuse_misrouted_connections: "findings/refuse-misrouted-connections" 21..37 >= 3;
    // As many offsets as were truncated must contain a change of the voters: 12 of 400 seeds.
    read_control_records_after_truncation: "findings/read-control-records-after-truncation" 47..53 >= 2;
    ignore_answer_of_removed_voter: "findings/ignore-answer-of-removed-voter" 9..14 >= 1;
    endpoints_in_end_quorum_epoch: "findings/endpoints-in-end-quorum-epoch" 24..30 >= 1;
    // The new process has to ask before another leader is elected: 12 of 200 seeds.
    ignore_leader_of_former_directory: "findings/ignore-leader-of-former-directory" 64..72 >= 3;
    // The record of the new voter has to reach one follower, and neither the new voter nor the others: 49 of 6,000 seeds.
    grant_pre_vote_after_fetch_timeout: "findings/grant-pre-vote-after-fetch-timeout" 149..159 >= 1;
    follow_leader_of_unattached: "findings/follow-leader-of-unattached" 11..16 >= 1;
    take_new_leader_endpoints: "findings/take-new-leader-endpoints" 0..6 >= 2;
    ignore_leader_without_endpoints: "findings/ignore-leader-without-endpoints" 0..24 >= 2;
    await_unwritten_voter_change: "findings/await-unwritten-voter-change" 0..8 >= 6;
    resign_after_expired_removal: "findings/resign-after-expired-removal" 5..7 >= 2;
    forget_high_watermark_of_former_topic: "findings/forget-high-watermark-of-former-topic" 24..34 >= 4;
    epoch_of_snapshot_at_log_end: "findings/epoch-of-snapshot-at-log-end" 0..16 >= 3;
    // The change has to be the first record behind a snapshot, and to be truncated: 13 of 300 seeds.
    keep_voters_of_snapshot_end: "findings/keep-voters-of-snapshot-end" 160..200 >= 4;
    // A topic must be deleted while a validation of it is under way: 12 of 200 seeds.
    retry_assigned_only: "findings/retry-assigned-only" 0..60 >= 2;
}

/// The scenario of the finding shows the removal of a voter; this seed the addition of one.
#[test]
fn campaign_after_refusing_vote_when_a_voter_is_added() {
    let mended = catalog::find("disk-replacement").expect("built in").scenario().expect("good");
    let mut faithful = mended.clone();
    let others = mended.fixes.iter().filter(|fix| *fix != Fix::CampaignAfterRefusingVote);
    faithful.fixes = others.fold(Fixes::NONE, Fixes::with);
    let violated = |scenario| match run(&Request::new(scenario, 0x3b44)).expect("it runs").outcome {
        RunOutcome::Violated(violation) => Some(violation.invariant),
        _ => None,
    };
    assert_eq!(violated(&faithful).as_deref(), Some("Recovery"));
    assert_eq!(violated(&mended), None);
}
