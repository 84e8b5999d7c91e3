//! What each crossing between a server and its disk means to which check: boots, writes, fsyncs,
//! and what faults do to durable bytes.

use crate::checks::audit::GhostMismatch;
use crate::checks::invariant::log_matching;
use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{Offset, Uuid};
use raft::io::DurableFiles;
use raft::log::{Batch, LEADER_EPOCH_CHECKPOINT, META_PROPERTIES, parse_meta_properties, read_meta_properties};
use sim::process::File;
use sim::watch::{Down, Synced, Write};

use super::Checks;
use super::invariant::{durability, high_watermark, leaders, promise, voter_sets};
use super::loss::quorum::{ForgottenEpochs, QuorumFact};
use super::server_model::ledger::{BatchId, Recorded};

impl Checks {
    pub(super) fn booted(&mut self, server: usize, incarnation: u32, disk: &dyn DurableFiles) {
        let voter = self.models.may_count(server);
        let model = &mut self.models.servers[server];
        let directory_id = model.directory_id;
        let found = model.booted(incarnation, disk, &mut self.models.ledger);
        model.log.recount_agreement(&self.models.committed.batches);
        if let Some(log) = found.forgot {
            let forgot = QuorumFact::Destroyed { server, directory_id, voter, epochs: None, log: Some(log) };
            self.models.committed.facts.push(forgot);
        }
        self.models.note_restored(server);
        // Whose file cannot be read ends itself, and remains who it was.
        if let Ok(properties) = read_meta_properties(disk) {
            self.identified(server, properties.map(|it| it.directory_id));
        }
        let model = &self.models.servers[server];
        if model.log.has_junk() {
            self.verdict.met(Situation::TornTail);
        }
        if let Some(mismatch) = found.mismatch {
            let id = model.id;
            self.verdict.fail(&GhostMismatch::CLAIM, || format!("node {id}: {mismatch}"));
        } else if let Some((other, found)) = found.conflict {
            self.conflict(server, other, found);
        }
        self.promise_stands();
    }

    /// A server has the directory id of its `meta.properties`. If it is no voter by that and was one by the id before, and a
    /// fault altered the file, that fault has destroyed what the voter held.
    fn identified(&mut self, server: usize, directory_id: Option<Uuid>) {
        let was_voter = self.models.may_count(server);
        let model = &mut self.models.servers[server];
        let former = std::mem::replace(&mut model.directory_id, directory_id);
        let altered = model.altered;
        let held = model.log.prefix(model.log.durable());
        self.models.refresh_quorum();
        if altered && was_voter && !self.models.may_count(server) && held != BatchId::START {
            let log = Some(held);
            let fact = QuorumFact::Destroyed { server, directory_id: former, voter: true, epochs: None, log };
            self.models.committed.facts.push(fact);
            self.cut_promise();
        }
    }

    pub(super) fn down(&mut self, server: usize, how: Down) {
        let model = &mut self.models.servers[server];
        if model.leads().is_some() {
            self.verdict.met(Situation::LeaderDied);
        }
        if how == Down::PowerLost && model.log.durable() < model.log.count() {
            self.verdict.met(Situation::PowerLossWithUnsyncedTail);
        }
        for phase in model.snapshot_phases() {
            self.verdict.met(phase.death());
        }
        model.down(how);
        self.models.pending_votes.retain(|pending| pending.server != server);
    }

    /// A fault destroyed durable bytes of a server; `left` is what is left of them.
    pub(super) fn disk_damaged(&mut self, server: usize, left: &dyn DurableFiles) {
        let voter = self.models.may_count(server);
        let model = &mut self.models.servers[server];
        let directory_id = model.directory_id;
        let others = model.small.spoil(left);
        let altered = (!left.paths().is_empty()).then_some(&others[..]);
        let misled = altered.is_none_or(|paths| paths.iter().any(|path| path == LEADER_EPOCH_CHECKPOINT));
        let (forgotten, log) = model.disk_damaged(left, altered, &mut self.models.ledger);
        if misled {
            self.models.committed.facts.push(QuorumFact::Misled { server, is_misled: altered.is_some() });
        }
        let by_same_voter = altered.is_some() || !self.models.ledger.has_directory_ids();
        let epochs = forgotten.map(|(first, last)| ForgottenEpochs { first, last, by_same_voter });
        self.models.committed.facts.push(QuorumFact::Destroyed { server, directory_id, voter, epochs, log });
        if let Some(cluster) = &mut self.models.cluster {
            cluster.replication.damaged(server, altered);
        }
        if voter && (epochs.is_some() || log.is_some()) {
            self.verdict.met(Situation::AmnesiacVoter);
        }
        self.cut_promise();
    }

    fn cut_promise(&mut self) {
        let Models { servers, committed, ledger, quorum, .. } = &mut self.models;
        durability::cut_promise(servers, committed, ledger, *quorum, &mut self.verdict);
    }

    /// A write or fsync of a server was refused: its process is about to end (consensus.md §4.9).
    pub(super) fn disk_failed(&mut self, server: usize) {
        self.models.servers[server].disk_failed = true;
        self.verdict.met(Situation::DiskFailed);
        for phase in self.models.servers[server].snapshot_phases() {
            self.verdict.met(phase.disk_failure());
        }
    }

    /// An fsync of a server's file has failed, now or before; `left` is what is durable.
    pub(super) fn fsync_failed(&mut self, server: usize, fsync: (File, bool), left: &dyn DurableFiles) {
        let is_of_log = self.models.servers[server].fsync_failed(fsync, left, &mut self.models.ledger);
        if is_of_log && !self.models.committed.facts.is_empty() {
            self.models.note_restored(server);
        }
    }

    pub(super) fn wrote(&mut self, server: usize, write: Write<'_>) {
        let model = &mut self.models.servers[server];
        let (agreed, epoch) = (model.log.agreed, model.written_election.unwrap_or_default().epoch);
        let durable = model.log.prefix(model.log.durable());
        if model.replaces_content(write, &self.models.ledger) {
            log_matching::broken(&mut self.verdict, || format!("node {} gives a segment another content", model.id));
        }
        if let Some((base, bytes)) = model.wrote(write, &self.models.ledger) {
            return self.appended(server, base, bytes, matches!(write, Write::ShortAppend { .. }));
        }
        if model.log.has_snapshots() {
            model.log.recount_agreement(&self.models.committed.batches);
        }
        match write {
            Write::Rename { from, to } => {
                if let Some(cluster) = &mut self.models.cluster {
                    let content = model.small.written(to);
                    cluster.replication.renamed(server, (from, to), content, &mut self.verdict);
                }
                if to == META_PROPERTIES {
                    let formatted = model.small.written(to).and_then(|text| parse_meta_properties(text).ok());
                    self.identified(server, formatted.map(|it| it.directory_id));
                }
                let model = &mut self.models.servers[server];
                let now = model.written_election.unwrap_or_default().epoch;
                leaders::monotonic_epoch(model, epoch, now, &mut self.verdict);
            }
            Write::Open { truncate: false, .. } | Write::Append { .. } | Write::ShortAppend { .. } => {}
            Write::Open { .. } | Write::Truncate { .. } | Write::Unlink { .. } => self.log_cut(server, agreed, durable),
        }
    }

    /// Whole batches, nearly always one, are appended to a segment; of a short write the last one is not whole.
    fn appended(&mut self, server: usize, base: Offset, bytes: &Rc<[u8]>, is_short: bool) {
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            let header = Batch::peek_header(rest).ok().filter(|header| header.size_bytes <= rest.len());
            let Some(header) = header else {
                let model = &mut self.models.servers[server];
                model.log.append_junk(base, rest.len());
                if is_short {
                    return;
                }
                let id = model.id;
                log_matching::broken(&mut self.verdict, || {
                    format!("node {id} appends {} bytes that are no batch", rest.len())
                });
                return;
            };
            let model = &mut self.models.servers[server];
            let as_leader = promise::writes_batch(model, &header, rest, &self.models.ledger, &mut self.verdict);
            model.leader_append_pending |= as_leader;
            if as_leader && !header.control {
                leaders::writes_records(model, header.epoch, &mut self.verdict);
                self.judges.Linger.writes_records(self.verdict.now_ns, server, model.id, &mut self.verdict);
            }
            let (recorded, fault) = model.log.append(base, &header, bytes, position, &mut self.models.ledger);
            model.log.advance_agreement(&self.models.committed.batches);
            if as_leader && header.control {
                let committed = (&self.models.committed, &self.models.ledger);
                voter_sets::one_change_at_a_time(
                    &self.models.servers[server],
                    recorded.id,
                    committed,
                    &mut self.verdict,
                );
                self.judges.NewVoters.writes_voters(server, recorded.id, &self.models, &mut self.verdict);
            }
            let model = &mut self.models.servers[server];
            if let Some(fault) = fault {
                let id = model.id;
                log_matching::broken(&mut self.verdict, || format!("node {id} {fault}"));
            } else if let Recorded { id, conflict: Some(other), .. } = recorded {
                self.conflict(server, other, id);
            } else if recorded.is_new && as_leader && self.models.committed.end > header.base_offset {
                self.verdict.met(Situation::Divergence);
            }
            position += header.size_bytes;
        }
    }

    /// Two batches, or one behind two prefixes, at the same epoch and end offset.
    #[cold]
    #[track_caller]
    fn conflict(&mut self, server: usize, other: BatchId, found: BatchId) {
        let batch = self.models.ledger.get(found);
        if let Some(excuse) = self.models.quorum_losses().may_be_written_again(batch.epoch) {
            return self.verdict.end_excused(excuse);
        }
        let (id, same_bytes) = (self.models.servers[server].id, self.models.ledger.get(other).bytes() == batch.bytes());
        log_matching::broken(&mut self.verdict, || {
            let what = if same_bytes { "the same batch behind another prefix" } else { "another batch" };
            format!(
                "node {id} holds a batch of epoch {} that ends at {}; elsewhere {what} does",
                batch.epoch, batch.end
            )
        });
    }

    /// A log may have become shorter; before, it agreed so far with the committed one, and held `durable` on its disk.
    fn log_cut(&mut self, server: usize, agreed: usize, durable: BatchId) {
        let model = &self.models.servers[server];
        // `NoRecordBelowLogStartNeeded` judges that.
        if model.log.uncovered(&self.models.ledger).is_some() {
            return;
        }
        let (is_behind, is_shorter) = (model.log.agreed < agreed, model.log.prefix(model.log.durable()) != durable);
        // What it had acknowledged may count even if it is committed only later.
        if is_shorter && self.models.quorum_losses().may_cut(server, self.models.leader_of(server)) {
            let (voter, directory_id) = (self.models.may_count(server), model.directory_id);
            let fact = QuorumFact::Destroyed { server, directory_id, voter, epochs: None, log: Some(durable) };
            self.models.committed.facts.push(fact);
            self.cut_promise();
        }
        if is_behind {
            self.promise_stands();
        }
        let model = &self.models.servers[server];
        if model.high_watermark.is_some() {
            high_watermark::cut_below(model, &self.models.ledger, &mut self.verdict);
        }
    }

    #[track_caller]
    pub(super) fn promise_stands(&mut self) {
        durability::promise_stands(
            &self.models.servers,
            &self.models.committed,
            &self.models.ledger,
            self.models.quorum,
            &mut self.verdict,
        );
    }

    pub(super) fn synced(&mut self, server: usize, synced: Synced) {
        let model = &mut self.models.servers[server];
        model.synced(synced, &self.models.ledger);
        if model.log.has_snapshots() {
            model.log.recount_agreement(&self.models.committed.batches);
        }
        if model.leader_append_pending {
            model.leader_append_pending = model.log.forced() < model.log.count();
        }
        if !self.models.committed.facts.is_empty() {
            self.models.note_restored(server);
        }
    }
}
