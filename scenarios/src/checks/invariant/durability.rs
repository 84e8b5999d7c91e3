//! What is committed lies durably on a majority, and leaders have it: `MajorityReachedHighWatermark`,
//! `LeaderCompleteness`, `StateMachineSafety`, `SingleActiveController` and
//! `CommittedRecordsDurable`, with amnesia.
//!
//! The promise on a committed record stands until faults that destroy durable bytes (a disk
//! replaced, rot) leave it on less than a majority of disks; a power loss alone never excuses.
//! When such a fault strikes, the promise is cut to what is safe through what a majority still
//! holds; a later commit that a majority of voters with their memory holds durably renews it. Where
//! the voters change, an older voter set may elect, too: a fault that cuts the log of one of its
//! members ends the promise although a majority of the committed voters keeps it.

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use raft::voter_set::{VoterNode, VoterSet};

use crate::checks::committed::{Committed, CommittedRecord, Quorum};
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::Ledger;

claim! {
    /// A leader, also of a partition, has every record committed in an earlier epoch.
    LeaderCompleteness, Safety of Quorum, "Raft §5.4, figure 3: Leader Completeness; KIP-966 TLA+ (Vanlightly): LeaderCompletenessProperty";
    /// No replica ever treats a different record at a committed offset as committed.
    StateMachineSafety, Safety of Quorum, "Raft §5.4.3, figure 3: State Machine Safety";
    /// One active controller per epoch; an older leader commits only records that the newer one has.
    SingleActiveController, Safety of Quorum, "KIP-631; KIP-595, two self-believed leaders";
    /// Everything below a leader's high watermark is durable on a majority of voters.
    MajorityReachedHighWatermark, Safety of Quorum, "RaftEventSimulationTest: MajorityReachedHighWatermark, read durably";
    /// A leader's high watermark covers a record of its own epoch, or is unknown.
    OwnEpochCommit, Safety of Server, "Raft §5.4.2, figure 8";
    /// A committed record stays on a majority of disks until a fault destroys durable bytes.
    CommittedRecordsDurable, Safety of Quorum, "KIP-595; KRaft TLA+ (Vanlightly): some replica holds each committed record";
}

/// Extends the committed log to a leader's high watermark. Gives the data records that an excuse
/// took away, and the index of the first new record.
pub fn commit(
    servers: &mut [ServerModel],
    leader: usize,
    shown: OffsetAndEpoch,
    committed: &mut Committed,
    ledger: &Ledger,
    quorum: Quorum,
    verdict: &mut Verdict,
) -> (Vec<CommittedRecord>, usize) {
    let OffsetAndEpoch { epoch, offset: high_watermark } = shown;
    let mut gone = Vec::new();
    let mut first_record = committed.records.len();
    if let Some(excuse) = committed.losses(ledger).may_commit_beside(epoch) {
        committed.commit_beside(&servers[leader], high_watermark, ledger);
        verdict.excuse(excuse, 1);
        return (gone, first_record);
    }
    let agreed = servers[leader].log.agreed;
    let is_shorter = high_watermark <= committed.end;
    if is_shorter && committed.agreed_end(&servers[leader], ledger) >= high_watermark {
        own_epoch(&servers[leader], shown, committed, ledger, verdict);
        return (gone, first_record);
    }
    if agreed < committed.count() {
        // A newer leader ends what an older one has committed meanwhile and nothing promises.
        let is_older = committed.newest_epoch().is_some_and(|newest| epoch < newest);
        if agreed < committed.promised || (is_shorter && is_older) {
            if !rests_on_amnesia(servers, leader, shown, (committed, ledger), quorum, verdict) {
                conflict(&servers[leader], shown, (committed, ledger), verdict);
            }
            return (gone, first_record);
        }
        gone = cut(servers, agreed, epoch, committed, ledger, verdict);
        first_record = committed.records.len();
    }
    while let Some(next) = servers[leader].log.get(committed.count())
        && ledger.end(next) <= high_watermark
    {
        committed.push(next, epoch, ledger);
        for server in servers.iter_mut() {
            server.log.advance_agreement(&committed.batches);
        }
    }
    own_epoch(&servers[leader], shown, committed, ledger, verdict);
    majority_reached(servers, leader, epoch, (committed, ledger), quorum, verdict);
    newer_leaders_have_it(servers, epoch, (committed, ledger), verdict);
    (gone, first_record)
}

/// The servers with the ids of voters, and the voters of which they are other replicas now: the voter's disk was replaced, and
/// what it had acknowledged may still arrive.
fn servers_of<'a>(
    voters: &'a VoterSet,
    servers: &'a [ServerModel],
) -> impl Iterator<Item = (usize, &'a ServerModel, Option<&'a VoterNode>)> {
    voters.nodes().iter().filter_map(|voter| {
        let (index, server) = servers.iter().enumerate().find(|(_, server)| server.id == voter.id)?;
        Some((index, server, (!voter.is_voter(server.key())).then_some(voter)))
    })
}

/// Without a batch of its own epoch, nothing that a leader counts on a majority is safe there.
#[track_caller]
fn own_epoch(
    leader: &ServerModel,
    shown: OffsetAndEpoch,
    committed: &Committed,
    ledger: &Ledger,
    verdict: &mut Verdict,
) {
    let count = if shown.offset == committed.end {
        committed.count()
    } else {
        committed.batches.partition_point(|id| ledger.end(*id) <= shown.offset)
    };
    let last = count.checked_sub(1).map(|at| ledger.get(committed.batches[at]).epoch);
    if last != Some(shown.epoch) {
        verdict.fail(&OwnEpochCommit::CLAIM, || {
            let last = last.map_or_else(
                || "its log has no batch below that".to_owned(),
                |epoch| format!("the last batch below that is of epoch {epoch}"),
            );
            format!("node {} has high watermark {} in epoch {}; {last}", leader.id, shown.offset, shown.epoch)
        });
    }
}

/// Does a leader commit with acknowledgements of voters that have lost what they acknowledged? An
/// older leader may, after such voters have elected a newer one that never had it; that ends the run.
#[cold]
fn rests_on_amnesia(
    servers: &[ServerModel],
    leader: usize,
    shown: OffsetAndEpoch,
    (committed, ledger): (&Committed, &Ledger),
    quorum: Quorum,
    verdict: &mut Verdict,
) -> bool {
    let losses = committed.losses(ledger);
    let log = &servers[leader].log;
    let count = log.count_below(shown.offset, ledger);
    let Some(last) = count.checked_sub(1).and_then(|at| log.get(at)) else { return false };
    let (mut solid, mut forgotten, mut left_epoch) = (0, 0, 0);
    let voters = servers[leader].voters(ledger);
    let quorum = quorum.of(voters);
    for (index, voter, former) in servers_of(voters, servers) {
        // It has acknowledged what was forced.
        let acknowledged = voter.log.forced() >= count && voter.log.get(count - 1) == Some(last);
        let holds = acknowledged && voter.log.durable() >= count;
        if let Some(former) = former {
            forgotten += usize::from(losses.had_destroyed(index, former.directory_id, last));
        } else if holds && losses.is_bound(index, shown.epoch) {
            solid += 1;
        } else if acknowledged || losses.has_forgotten(index, last) {
            forgotten += 1;
        } else if voter.durable_epoch() > shown.epoch {
            left_epoch += 1;
        }
    }
    let excuse = losses.may_be_counted(solid, forgotten, left_epoch, quorum.majority);
    if let Some(excuse) = excuse {
        // Two committed logs from here on: what follows cannot be judged.
        verdict.end_excused(excuse);
    }
    excuse.is_some()
}

#[cold]
#[track_caller]
fn conflict(
    leader: &ServerModel,
    OffsetAndEpoch { epoch, offset: high_watermark }: OffsetAndEpoch,
    (committed, ledger): (&Committed, &Ledger),
    verdict: &mut Verdict,
) {
    let older = committed.newest_epoch().is_some_and(|newest| epoch < newest);
    let invariant = if older { &SingleActiveController::CLAIM } else { &StateMachineSafety::CLAIM };
    verdict.fail(invariant, || {
        format!(
            "node {} commits up to {high_watermark} in epoch {epoch}; its log agrees with the first {} of {} committed batches; {}",
            leader.id,
            leader.log.agreed,
            committed.count(),
            lacking(leader, committed, ledger)
        )
    });
}

fn majority_reached(
    servers: &[ServerModel],
    leader: usize,
    epoch: LeaderEpoch,
    (committed, ledger): (&mut Committed, &Ledger),
    quorum: Quorum,
    verdict: &mut Verdict,
) {
    let losses = committed.losses(ledger);
    let count = committed.count();
    let Some(last) = committed.batches.last().copied() else {
        return;
    };
    let (mut durable, mut solid, mut before_destruction) = (0, 0, 0);
    // A leader counts the voters of its own log, also those of a set that is not committed.
    let voters = servers[leader].voters(ledger).clone();
    let quorum = quorum.of(&voters);
    for (index, server, former) in servers_of(&voters, servers) {
        if let Some(former) = former {
            before_destruction += usize::from(losses.had_destroyed(index, former.directory_id, last));
        } else if server.durably_agreed() >= count {
            durable += 1;
            solid += usize::from(losses.is_bound(index, epoch));
        } else if server.log.agreed.min(server.log.forced()) >= count || losses.has_forgotten(index, last) {
            before_destruction += 1;
        }
    }
    let unbound = durable - solid;
    if solid >= quorum.majority || quorum.commits_before_flush {
        committed.promise_all(epoch, voters);
    } else if let Some(excuse) = losses.may_be_counted(solid, unbound + before_destruction, 0, quorum.majority) {
        verdict.excuse(excuse, 1);
        // The commit may be that of another voter set, in which what was destroyed leaves less than a majority.
        let held = committed.durable_on_majority_of(ledger.voters(last), servers);
        if held < committed.promised {
            committed.promised = committed.safe_prefix(held, ledger);
        }
    } else {
        committed.promise_all(epoch, voters);
        verdict.fail(&MajorityReachedHighWatermark::CLAIM, || {
            format!(
                "node {} moved its high watermark to {} in epoch {epoch}; the records below are durable on {durable} voters; a majority is {}",
                servers[leader].id, committed.end, quorum.majority
            )
        });
    }
}

/// A leader may still commit by a fetch in flight when a newer one is elected already; the newer
/// one then has what it commits (consensus.md §10, two self-believed leaders).
fn newer_leaders_have_it(
    servers: &[ServerModel],
    epoch: LeaderEpoch,
    (committed, ledger): (&Committed, &Ledger),
    verdict: &mut Verdict,
) {
    for (index, server) in servers.iter().enumerate() {
        if let Some(newer) = server.leads()
            && newer > epoch
            && server.log.agreed < committed.promised
        {
            let excuse = committed.losses(ledger).may_lead_without(index);
            if excuse.is_none()
                && let Some(excuse) = elected_by_older_set(servers, (index, newer), (committed, ledger))
            {
                verdict.end_excused(excuse);
                continue;
            }
            verdict.fail_unless(excuse, &LeaderCompleteness::CLAIM, || {
                let lacking = lacking(server, committed, ledger);
                format!(
                    "node {}, leader of epoch {newer}, lacks committed batches of epoch {epoch} up to {}; {lacking}",
                    server.id, committed.end
                )
            });
        }
    }
}

/// A replica becomes leader: it holds what earlier epochs committed, unless destroyed disks
/// excuse it. Gives the data records that an excuse took away.
pub fn became_leader(
    servers: &mut [ServerModel],
    leader: usize,
    epoch: LeaderEpoch,
    committed: &mut Committed,
    ledger: &Ledger,
    verdict: &mut Verdict,
) -> Vec<CommittedRecord> {
    let before = committed.committed_before(epoch);
    let agreed = servers[leader].log.agreed;
    if agreed < before.min(committed.promised) && committed.losses(ledger).may_lead_without(leader).is_none() {
        // From here on two majorities may elect and commit.
        if let Some(excuse) = elected_by_older_set(servers, (leader, epoch), (committed, ledger)) {
            verdict.end_excused(excuse);
            return Vec::new();
        }
        verdict.fail(&LeaderCompleteness::CLAIM, || {
            format!(
                "node {} leads epoch {epoch} with {agreed} of the {before} batches that were committed before; {}",
                servers[leader].id,
                lacking(&servers[leader], committed, ledger)
            )
        });
        return Vec::new();
    }
    if agreed < before { cut(servers, agreed, epoch, committed, ledger, verdict) } else { Vec::new() }
}

/// Was a leader without committed batches elected by an older voter set than the committed one, and by the vote of a replica that
/// has forgotten them?
#[cold]
fn elected_by_older_set(
    servers: &[ServerModel],
    (leader, epoch): (usize, LeaderEpoch),
    (committed, ledger): (&Committed, &Ledger),
) -> Option<Excuse> {
    let (leader, last) = (&servers[leader], *committed.batches.last()?);
    let (agreed, voters) = (leader.log.agreed, leader.voters(ledger));
    if voters == ledger.voters(last) || *voters == committed.promised_voters {
        return None;
    }
    let losses = committed.losses(ledger);
    let (mut forgotten, mut holders) = (0, 0);
    for (index, server) in servers.iter().enumerate() {
        if voters.is_voter(server.key()) && server.has_durable_vote(epoch, leader.key()) {
            let holds = server.log.agreed > agreed;
            holders += usize::from(holds);
            forgotten += usize::from(!holds && losses.has_forgotten(index, committed.batches[agreed]));
        }
    }
    losses.may_be_elected_without(forgotten, holders)
}

/// Where the log of a server, which has not all that is committed, leaves the committed log.
#[cold]
fn lacking(server: &ServerModel, committed: &Committed, ledger: &Ledger) -> String {
    let agreed = server.log.agreed;
    ledger.lacking(committed.batches[agreed], server.log.get(agreed))
}

#[cold]
fn cut(
    servers: &mut [ServerModel],
    count: usize,
    epoch: LeaderEpoch,
    committed: &mut Committed,
    ledger: &Ledger,
    verdict: &mut Verdict,
) -> Vec<CommittedRecord> {
    let last = committed.batches[count];
    let lost = (committed.count() - count) as u64;
    let gone = committed.cut(verdict.now_ns, count, epoch, ledger);
    verdict.excuse(committed.losses(ledger).may_be_missing(last).expect("it was cut"), lost);
    for server in servers {
        server.log.agreed = server.log.agreed.min(count);
    }
    gone
}

/// A fault destroyed durable bytes: the promise is cut to what a majority still holds.
pub fn cut_promise(
    servers: &[ServerModel],
    committed: &mut Committed,
    ledger: &Ledger,
    quorum: Quorum,
    verdict: &mut Verdict,
) {
    let held = committed.durable_on_majority(servers, quorum);
    if held < committed.promised
        && let Some(excuse) = committed.losses(ledger).may_lose_majority()
    {
        committed.promised = committed.safe_prefix(held, ledger);
        verdict.excuse(excuse, 1);
    }
}

/// What is promised is durable on a majority, and whole on some disk. Asked when a log got
/// shorter, at audits and at the end.
#[track_caller]
pub fn promise_stands(
    servers: &[ServerModel],
    committed: &Committed,
    ledger: &Ledger,
    quorum: Quorum,
    verdict: &mut Verdict,
) {
    let promised = committed.promised;
    if promised == 0 {
        return;
    }
    // A single voter's last commits may be on their way to its disk.
    let in_flight = quorum.commits_before_flush && servers.iter().all(|server| !server.voter || server.up);
    let holders = servers.iter().filter(|s| s.voter && s.durably_agreed() >= promised).count();
    let held_by_some = servers.iter().any(|server| server.log.agreed >= promised);
    // Any majority of the set before or behind a change has a voter in common with this one.
    let by_promised = || {
        let voters = &committed.promised_voters;
        let holds = |s: &&ServerModel| voters.is_voter(s.key()) && s.durably_agreed() >= promised;
        servers.iter().filter(holds).count() >= voters.majority()
    };
    if (holders < quorum.majority && !in_flight && !by_promised()) || !held_by_some {
        verdict.fail(&CommittedRecordsDurable::CLAIM, || {
            let last = promised.checked_sub(1).map_or(Offset(0), |last| ledger.end(committed.batches[last]));
            format!(
                "offsets below {last} were committed; {holders} voters have them on disk; a majority is {}",
                quorum.majority
            )
        });
    }
}
