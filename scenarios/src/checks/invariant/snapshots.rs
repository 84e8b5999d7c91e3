//! Snapshots of the metadata log: they are durable before they count, they hold what the log up to them gives, and they
//! cover what the log no longer has (consensus.md §4.9, D10 to D12, and §5).

use crate::checks::prelude::*;
use std::collections::BTreeMap;
use std::ops::Range;

use raft::bugs::Bugs;
use raft::ids::{Offset, OffsetAndEpoch};
use raft::io::Observation;
use raft::log::{Batch, ControlRecord};
use raft::message::Request;
use raft::snapshot::{Snapshot, SnapshotFile};
use raft::voter_set::VoterSet;
use sim::watch::Write;
use xxhash_rust::xxh3::Xxh3;

use crate::checks::metadata::image::ReferenceImage;
use crate::checks::server_model::ServerModel;

check! {
    /// D10: the bytes of a snapshot are durable before it has its name, and its name before it counts: before a follower
    /// deletes its log for it, or a leader names it to others.
    PersistBeforePromiseD10 as "PersistBeforePromise:D10", Safety of Server, "KAFKA-15312; FileRawSnapshotWriter.freeze: force, rename, force the directory"
        => is_frozen, Kinds::WROTE.and(Kinds::OBSERVED);
    /// D11: nothing of the metadata log is deleted that no snapshot contains whose bytes are durable.
    NoRecordBelowLogStartNeeded, Safety of Server, "KIP-630; KAFKA-14238: KafkaRaftLog.deleteBeforeSnapshot"
        => is_covered, Kinds::WROTE;
}

claim! {
    /// The image of a snapshot is the one that the committed log gives up to its end, and so are its voters (KIP-853).
    SnapshotEqualsReplay by Replayed, Safety of Metadata, "KIP-630; KAFKA-14618, KAFKA-17713";
    /// A metadata log that does not begin at 0 begins where one of its snapshots ends; since its process started, it may
    /// begin with its first segment, which a snapshot reaches (KAFKA-14240).
    SnapshotAtLogStart, Safety of Server, "RaftEventSimulationTest: SnapshotAtLogStart";
    /// D12: a process that finds a snapshot that is ahead of its log goes on behind the snapshot: it names no earlier end
    /// of its log in its Vote and Fetch requests.
    PersistBeforePromiseD12 as "PersistBeforePromise:D12" by InstalledSnapshots, Safety of Server, "KafkaRaftLog.createLog: truncateToLatestSnapshot, KAFKA-10761";
}

fn is_frozen(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let server = &models.servers[crossing.server];
    match crossing.event {
        Event::Wrote { write: Write::Rename { to, .. } }
            if is_snapshot(to).is_some() && !server.small.bytes_durable(to) =>
        {
            verdict.fail(&PersistBeforePromiseD10::CLAIM, || {
                format!("node {} gives a snapshot its name, {to}, and its bytes are not durable", server.id)
            });
        }
        Event::Observed {
            observation: Observation::SnapshotGenerated { end } | Observation::SnapshotInstalled { end },
        } if !server.log.has_durable_snapshot(end) => {
            verdict.fail(&PersistBeforePromiseD10::CLAIM, || {
                format!("node {} uses its snapshot up to offset {end}, which is not durable", server.id)
            });
        }
        _ => {}
    }
}

#[inline]
fn is_covered(crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
    let Event::Wrote { write: Write::Unlink { path } | Write::Rename { from: path, .. } } = crossing.event else {
        return;
    };
    let server = &models.servers[crossing.server];
    if let Some(from) = server.log.uncovered(&models.ledger) {
        verdict.fail(&NoRecordBelowLogStartNeeded::CLAIM, || {
            format!("node {} has removed {path}; its log begins at offset {from}, and no snapshot whose bytes are durable contains what is below", server.id)
        });
    }
}

/// The digest of a snapshot's image, and its voters if it has any.
type Contents = (u64, Option<VoterSet>);

/// Judges a snapshot when it gets its name.
#[derive(Clone, Debug, Default)]
pub struct Replayed {
    /// What was read so far, by a hash of the records: every node writes the same ones, with other timestamps.
    read: BTreeMap<u64, Contents>,
}

impl Check for Replayed {
    const EVENTS: Kinds = Kinds::WROTE;

    fn new(_: &CheckConfig) -> Replayed {
        Replayed::default()
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        if let Event::Wrote { write: Write::Rename { to, .. } } = crossing.event
            && let Some(id) = is_snapshot(to)
        {
            self.named(id, to, (&models.servers[crossing.server], models), verdict);
        }
    }
}

impl Replayed {
    fn named(
        &mut self,
        id: OffsetAndEpoch,
        path: &str,
        (server, models): (&ServerModel, &Models),
        verdict: &mut Verdict,
    ) {
        let last = Offset(id.offset.0 - 1);
        if id.offset > models.committed.agreed_end(server, &models.ledger) {
            let excuse = models.committed.may_be_applied(server, id.offset, &models.ledger);
            verdict.fail_unless(excuse, &SnapshotEqualsReplay::CLAIM, || {
                let (node, agreed) = (server.id, models.committed.agreed_end(server, &models.ledger));
                format!(
                    "node {node} has a snapshot up to offset {last}, and its log agrees with the committed up to {agreed}"
                )
            });
            return;
        }
        let prefix = models.ledger.find(id).filter(|prefix| models.ledger.holds(server.log.whole(), *prefix));
        let is_replayed = |digest| models.cluster.as_ref().is_none_or(|it| digest == it.metadata().digest_at(last));
        let bytes = server.small.written(path).unwrap_or_default();
        let differs = match (prefix, self.contents(id, bytes)) {
            (None, _) => "no batch of its log ends there in that epoch".to_owned(),
            (_, Err(error)) => error,
            (_, Ok((digest, _))) if !is_replayed(digest) => {
                "its image differs from the one that the committed records give".to_owned()
            }
            (Some(prefix), Ok((_, voters))) if voters.as_ref() != models.ledger.recorded_voters(prefix) => {
                "its voters differ from those of the log up to there".to_owned()
            }
            _ => return,
        };
        verdict.fail(&SnapshotEqualsReplay::CLAIM, || {
            format!("node {} has a snapshot up to offset {last}, epoch {}: {differs}", server.id, id.epoch)
        });
    }

    fn contents(&mut self, id: OffsetAndEpoch, bytes: &[u8]) -> Result<Contents, String> {
        let hash = hash_of_records(bytes);
        if let Some(known) = hash.and_then(|hash| self.read.get(&hash)) {
            return Ok(known.clone());
        }
        let contents = read(id, bytes)?;
        self.read.extend(hash.map(|hash| (hash, contents.clone())));
        Ok(contents)
    }
}

fn read(id: OffsetAndEpoch, bytes: &[u8]) -> Result<Contents, String> {
    let snapshot = Snapshot::read(id, bytes, Bugs::NONE).map_err(|error| error.to_string())?;
    let (mut voters, mut last) = (None, None);
    for record in snapshot.control_records() {
        if let ControlRecord::KRaftVoters(set) = &record {
            voters = Some(set.clone());
        }
        last = Some(record);
    }
    if last != Some(ControlRecord::SnapshotFooter) {
        return Err("it does not end with a footer".to_owned());
    }
    let mut image = ReferenceImage::default();
    image.begin_batch();
    for (_, record) in snapshot.metadata_records() {
        image.replay(record).map_err(|error| format!("its {} does not replay: {error}", record.name()))?;
    }
    Ok((image.digest(), voters))
}

/// A hash of everything but the timestamps and CRCs in the headers of the batches; `None` if a batch cannot be read.
fn hash_of_records(mut bytes: &[u8]) -> Option<u64> {
    const CRC: Range<usize> = 17..21;
    const TIMESTAMPS: Range<usize> = 27..43;
    let mut hasher = Xxh3::new();
    while !bytes.is_empty() {
        let (batch, behind) = bytes.split_at(Batch::check(bytes).ok()?.size_bytes);
        hasher.update(&batch[..CRC.start]);
        hasher.update(&batch[CRC.end..TIMESTAMPS.start]);
        hasher.update(&batch[TIMESTAMPS.end..]);
        bytes = behind;
    }
    Some(hasher.digest())
}

fn is_snapshot(path: &str) -> Option<OffsetAndEpoch> {
    match SnapshotFile::parse(path)? {
        SnapshotFile::Complete(id) => Some(id),
        SnapshotFile::Partial(_) | SnapshotFile::Deleted(_) => None,
    }
}

/// Where a log begins that a node shows in an audit.
pub fn starts_at_snapshot(server: &ServerModel, start: Offset, verdict: &mut Verdict) {
    if start > Offset(0) && !server.log.may_start(start) {
        verdict.fail(&SnapshotAtLogStart::CLAIM, || {
            format!(
                "the log of node {} begins at offset {start}, where neither a snapshot ends nor a segment begins",
                server.id
            )
        });
    }
}

/// Of each server: the end of the latest snapshot that its process has found and named no end of its log since.
#[derive(Clone, Debug)]
pub struct InstalledSnapshots {
    found: Vec<Option<Offset>>,
}

impl Check for InstalledSnapshots {
    const EVENTS: Kinds = Kinds::BOOTED.and(Kinds::REQUEST_SENT);

    fn new(config: &CheckConfig) -> InstalledSnapshots {
        InstalledSnapshots { found: vec![None; config.servers.len()] }
    }

    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let server = &models.servers[crossing.server];
        let end = match crossing.event {
            Event::Booted { .. } => {
                self.found[crossing.server] = server.log.latest_snapshot_end();
                return;
            }
            Event::RequestSent { request: Request::Vote(vote), .. } => vote.last_offset,
            Event::RequestSent { request: Request::Fetch(fetch), .. } => fetch.fetch_offset,
            _ => return,
        };
        let Some(found) = self.found[crossing.server].take().filter(|found| *found > end) else { return };
        verdict.fail(&PersistBeforePromiseD12::CLAIM, || {
            format!(
                "node {} has started with a snapshot up to offset {found}, and says that its log ends at {end}",
                server.id
            )
        });
    }
}
