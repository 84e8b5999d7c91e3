//! What each crossing of the border means to which check: messages, observations, clients, faults
//! (what concerns disks is in `border_disk`).

use crate::checks::audit::GhostMismatch;
use crate::checks::invariant::durability::StateMachineSafety;
use crate::checks::invariant::fatal_fault::NoFatalFault;
use crate::checks::linearizability::MonotonicReads;
use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch};
use raft::io::{DurableFiles, FatalFault, Observation, Role};
use raft::message::{ErrorCode, FetchResponse, ReadRecordsResponse, Request, Response};
use sim::fault::Fault;
use sim::process::CloseReason;
use sim::watch::Phase;

use super::audit::NodeView;
use super::cluster::ClusterChecks;
use super::committed::CommittedRecord;
use super::invariant::{durability, high_watermark, leaders};
use super::models::PendingVote;
use super::recovery::Missing;
use super::server_model::ServerModel;
use super::{Checks, audit};
use crate::actor::AttemptEvent;

/// Comparing a node with every byte of its disk is expensive, so one audit in so many does it.
const DISK_AUDIT_EVERY: u64 = 16;

impl Checks {
    /// Something crosses a server's border: the models are updated, and then each judge is called.
    #[inline]
    pub fn on(&mut self, crossing: Crossing<'_>) {
        let Crossing { at_ns: at, server, event } = crossing;
        self.verdict.now_ns = at;
        let Models { servers, committed, cluster, .. } = &mut self.models;
        let is_data = match cluster {
            Some(cluster) => cluster.on(&crossing, &servers[server], committed.end, &mut self.verdict),
            None => false,
        };
        if !is_data {
            self.of_quorum(server, event);
        }
        self.judges.on(&crossing, &self.models, &mut self.verdict);
        self.failovers.on(&crossing, &self.models);
        if let Event::Booted { .. } | Event::Wrote { .. } | Event::Observed { .. } = event
            && self.availability.judges()
            && let Some(electorates) = self.electorates.changed(server, &self.models)
        {
            self.availability.voters_changed(at, electorates, &self.models.servers, &mut self.verdict);
        }
        if let Event::Booted { .. } | Event::Down { .. } = event {
            let is_up = matches!(event, Event::Booted { .. });
            self.availability.runs(at, server, is_up, &self.models.servers, &mut self.verdict);
        }
        if let Event::ResponseSent { rpc, response: Response::Vote(_), .. } = event {
            self.models.pending_votes.retain(|requested| requested.server != server || requested.rpc != rpc);
        }
    }

    /// What an event means to the models of the quorum.
    #[inline]
    fn of_quorum(&mut self, server: usize, event: Event<'_>) {
        if let Event::RequestReceived { request, .. } = event
            && !request.meant_for().admits(self.models.servers[server].id)
        {
            self.verdict.met(Situation::ConnectedToAnotherServer);
        }
        match event {
            Event::Booted { incarnation, disk } => self.booted(server, incarnation, disk),
            Event::Down { how } => self.down(server, how),
            Event::Halted { reason, fault } => self.halted(server, reason, fault),
            Event::RequestReceived { rpc, request: Request::Vote(vote) } => {
                let (epoch, pre_vote) = (vote.replica_epoch, vote.pre_vote);
                let (candidate, directory_id) = (vote.replica_id, vote.replica_directory_id);
                let requested = PendingVote { server, rpc, epoch, candidate, directory_id, pre_vote };
                self.models.pending_votes.push(requested);
            }
            Event::RequestSent { request: Request::Vote(vote), .. } if !vote.pre_vote => {
                let vote = (vote.replica_epoch, server);
                if self.newest_vote_request.is_some_and(|(epoch, by)| epoch == vote.0 && by != server) {
                    self.verdict.met(Situation::SplitVote);
                }
                self.newest_vote_request = self.newest_vote_request.max(Some(vote));
            }
            Event::Connected { .. } => {
                let model = &mut self.models.servers[server];
                (model.has_connected, model.finds_no_server) = (true, false);
            }
            Event::ConnectionClosed { reason: CloseReason::Unresolved } => self.lookup_failed(server),
            Event::ConnectionClosed { reason: CloseReason::Unreachable } => {
                self.verdict.met(Situation::HostUnreachable)
            }
            Event::ResponseReceived { response: Response::Fetch(answer), .. } => {
                self.models.servers[server].downloads_snapshot = answer.snapshot_id.is_some();
            }
            Event::RequestSent { request: Request::FetchSnapshot(_), .. } => {
                self.models.servers[server].downloads_snapshot = true;
            }
            Event::ResponseSent { response: Response::Fetch(fetch), .. } => self.fetch_answered(server, fetch),
            Event::ResponseSent { rpc, to, response: Response::ReadRecords(read) } => {
                self.read_answered((server, to), rpc, read);
            }
            Event::Wrote { write } => self.wrote(server, write),
            Event::Synced { synced } => self.synced(server, synced),
            Event::DiskFailed => self.disk_failed(server),
            Event::FsyncFailed { file, before, left } => self.fsync_failed(server, (file, before), left),
            Event::DiskDamaged { left } => self.disk_damaged(server, left),
            Event::Observed { observation } => self.observed(server, observation),
            _ => {}
        }
    }

    fn lookup_failed(&mut self, server: usize) {
        self.verdict.met(Situation::LookupFailed);
        let model = &mut self.models.servers[server];
        model.finds_no_server = !model.has_connected;
        let mut voters = self.models.servers.iter().filter(|server| server.voter);
        if self.models.servers[server].voter && voters.all(|voter| voter.finds_no_server) {
            self.verdict.met(Situation::BootedWithoutNames);
        }
    }

    /// A process ended itself. Only its disk may make it: or, where durable bytes were destroyed,
    /// a protocol rule that rests on them.
    fn halted(&mut self, server: usize, reason: &str, fault: Option<FatalFault>) {
        let model = &self.models.servers[server];
        let Some(fault) = fault.filter(|_| !model.disk_failed) else { return };
        if model.refuses.is_some() {
            self.verdict.met(Situation::DamagedFileRefused);
            return;
        }
        let quorum = self.models.quorum_losses();
        // A newer leader may lack what an older one has committed by the word of a voter that had lost it.
        let (committed, ledger) = (&self.models.committed, &self.models.ledger);
        let is_promised = |shown: OffsetAndEpoch| shown.offset <= committed.promised_end(ledger);
        let below = (model.log.get(model.log.agreed), model.high_watermark.is_none_or(is_promised));
        let at = (server, self.models.leader_of(server));
        // A broker reads the files of its data logs before it publishes for the first time.
        let has_published = |cluster: &ClusterChecks| cluster.metadata.published(server).is_some();
        let has_started = self.models.cluster.as_deref().map_or(model.role.is_some(), has_published);
        // Its log lacks the voter set by which it was a voter when it voted for itself.
        let voted_for_itself = model.written_election.is_some_and(|election| election.voted == Some(model.id));
        let lost_its_voter_set = voted_for_itself
            && !model.voters(ledger).is_voter(model.key())
            && quorum.lacks_what_it_held(server, model.directory_id);
        let altered_at_start = (model.altered || lost_its_voter_set) && !has_started;
        let (id, excuse) = (model.id, quorum.may_end_itself(fault, at, (model, altered_at_start), below));
        self.verdict.fail_unless(excuse, &NoFatalFault::CLAIM, || format!("node {id} ended itself: {reason}"));
    }

    fn fetch_answered(&mut self, server: usize, fetch: &FetchResponse) {
        let model = &self.models.servers[server];
        let is_leader = fetch.current_leader.leader_id == Some(model.id);
        let Some(offset) = fetch.high_watermark else { return };
        if is_leader && fetch.error == ErrorCode::None && fetch.top_error == ErrorCode::None {
            let shown = OffsetAndEpoch { epoch: fetch.current_leader.leader_epoch, offset };
            let before = model.answered_high_watermark;
            self.models.servers[server].answered_high_watermark =
                high_watermark::monotonic(model, before, shown, &mut self.verdict);
            self.leader_high_watermark(server, shown);
        }
    }

    fn read_answered(&mut self, (server, to): (usize, usize), rpc: Rpc, read: &ReadRecordsResponse) {
        if read.error != ErrorCode::None {
            return;
        }
        let model = &self.models.servers[server];
        let (id, before) = (model.id, model.shown_applied);
        if read.applied_end < before {
            self.verdict.fail(&MonotonicReads::CLAIM, || {
                format!("node {id} answers a read with {} applied, after {before}", read.applied_end)
            });
        }
        let is_ahead = read.applied_end > self.models.committed.agreed_end(model, &self.models.ledger);
        if let Some(client) = to.checked_sub(self.models.servers.len()).filter(|_| is_ahead) {
            self.white_box.astray(client, rpc.correlation_id as u32);
        }
        self.models.servers[server].shown_applied = before.max(read.applied_end);
        self.recovery.answered_read(server, read.applied_end);
    }

    fn observed(&mut self, server: usize, observation: Observation) {
        match observation {
            Observation::RoleChanged { role, epoch, leader } => self.role_changed(server, role, epoch, leader),
            Observation::HighWatermark { offset, epoch, leading } => {
                let shown = OffsetAndEpoch { epoch, offset };
                let model = &self.models.servers[server];
                high_watermark::within_log(model, offset, &self.models.ledger, &mut self.verdict);
                let before = model.high_watermark;
                let remembered = high_watermark::monotonic(model, before, shown, &mut self.verdict);
                self.models.servers[server].high_watermark = remembered;
                if leading {
                    self.leader_high_watermark(server, shown);
                } else {
                    let model = &self.models.servers[server];
                    let (committed, ledger) = (&self.models.committed, &self.models.ledger);
                    high_watermark::follower_agrees(model, offset, committed, ledger, &mut self.verdict);
                }
            }
            Observation::LeadershipAnnounced { epoch } => self.models.servers[server].claimed = Some(epoch),
            Observation::Applied { end } => {
                let model = &self.models.servers[server];
                let agreed = self.models.committed.agreed_end(model, &self.models.ledger);
                if end <= agreed {
                    return;
                }
                let excuse = self.models.committed.may_be_applied(model, end, &self.models.ledger);
                let id = model.id;
                self.verdict.fail_unless(excuse, &StateMachineSafety::CLAIM, || {
                    format!("node {id} applies offsets below {end}, its log agrees with the committed up to {agreed}")
                });
            }
            Observation::Truncated { .. } => self.verdict.met(Situation::TruncatedLog),
            Observation::Probe(probe) => self.verdict.reached(probe),
            Observation::LeadershipRenounced { .. } | Observation::Published { .. } | Observation::Broker(_) => {}
            Observation::SnapshotGenerated { .. } => self.verdict.met(Situation::SnapshotGenerated),
            Observation::SnapshotInstalled { .. } => {
                let model = &mut self.models.servers[server];
                (model.downloads_snapshot, model.has_snapshot_to_load) = (false, true);
                self.verdict.met(Situation::SnapshotInstalled);
            }
            Observation::SnapshotLoaded { .. } => {
                self.models.servers[server].has_snapshot_to_load = false;
                self.verdict.met(Situation::SnapshotLoaded);
            }
        }
    }

    /// A replica says that its state has changed.
    fn role_changed(&mut self, server: usize, role: Role, epoch: LeaderEpoch, leader: NodeId) {
        let model = &self.models.servers[server];
        let before = model.role.map_or(LeaderEpoch(0), |(_, epoch, _)| epoch).max(model.durable_epoch());
        leaders::monotonic_epoch(model, before, epoch, &mut self.verdict);
        // A follower that follows again asks for the snapshot anew (`FollowerState.fetchingSnapshot`).
        self.models.servers[server].downloads_snapshot = false;
        if role == Role::Leader {
            for phase in self.models.servers.iter().flat_map(ServerModel::snapshot_phases) {
                self.verdict.met(phase.election());
            }
        }
        if matches!(role, Role::Leader | Role::Resigned) {
            // Leaders begin without a high watermark, and resigned ones drop theirs.
            self.models.servers[server].high_watermark = None;
        }
        self.models.servers[server].role = Some((role, epoch, leader));
        if role != Role::Leader {
            return;
        }
        let Models { servers, committed, ledger, .. } = &mut self.models;
        let gone = durability::became_leader(servers, server, epoch, committed, ledger, &mut self.verdict);
        self.records_destroyed(&gone);
        self.metadata_committed(server);
        if self.cut_links > 0 {
            self.verdict.met(Situation::ElectionDuringPartition);
        }
        if self.models.servers.iter().filter(|server| server.leads().is_some()).count() > 1 {
            self.verdict.met(Situation::TwoLeadersAtOnce);
        }
    }

    /// A leader shows a high watermark: what lies below is committed.
    fn leader_high_watermark(&mut self, server: usize, shown: OffsetAndEpoch) {
        let epoch = shown.epoch;
        let before = self.models.committed.end;
        let (gone, first_record) = durability::commit(
            &mut self.models.servers,
            server,
            shown,
            &mut self.models.committed,
            &self.models.ledger,
            self.models.quorum,
            &mut self.verdict,
        );
        self.models.refresh_quorum();
        self.records_destroyed(&gone);
        for record in &self.models.committed.records[first_record..] {
            self.white_box.committed(*record, &mut self.verdict);
        }
        self.metadata_committed(server);
        let newer = |server: &ServerModel| server.leads().is_some_and(|other| other > epoch);
        if self.models.committed.end > before && self.models.servers.iter().any(newer) {
            self.verdict.met(Situation::CommitByOlderLeader);
        }
    }

    /// The committed metadata log may have grown, or was cut: the models replay it record by record, and the judges look
    /// on.
    pub(super) fn metadata_committed(&mut self, server: usize) {
        let at_ns = self.verdict.now_ns;
        while let Some(Models { committed, ledger, cluster: Some(cluster), .. }) = Some(&mut self.models)
            && let Some(mut update) = cluster.metadata.next(committed, ledger, &mut self.verdict)
        {
            let batch = update.batch.clone();
            for (offset, record) in batch.iter().flat_map(|batch| batch.metadata_records()).flatten() {
                let epoch = batch.as_ref().map_or(LeaderEpoch(0), |batch| batch.epoch);
                let event = Event::RecordCommitted { offset, epoch, record };
                self.judges.on(&Crossing { at_ns, server, event }, &self.models, &mut self.verdict);
                if let Some(cluster) = &mut self.models.cluster {
                    cluster.metadata.replay(offset, record, &mut update, &mut self.verdict);
                }
            }
            if self.models.cluster.as_ref().is_some_and(|cluster| cluster.metadata().image().is_touched()) {
                let event = Event::BatchCommitted { update: &update };
                self.judges.on(&Crossing { at_ns, server, event }, &self.models, &mut self.verdict);
                self.failovers.on(&Crossing { at_ns, server, event }, &self.models);
            }
            let Some(cluster) = &mut self.models.cluster else { continue };
            cluster.was_requested(&update, &mut self.verdict);
            if cluster.metadata().image().is_touched() {
                cluster.replication.metadata_changed(&update, &cluster.metadata, &mut self.verdict);
            }
        }
    }

    pub(super) fn records_destroyed(&mut self, gone: &[CommittedRecord]) {
        for record in gone {
            self.white_box.destroyed(*record, self.models.quorum_losses(), &mut self.verdict);
        }
        if let Some((_, new_end)) = self.models.quorum_losses().last_cut()
            && !gone.is_empty()
        {
            self.white_box.cut(new_end);
        }
    }

    pub fn client(&mut self, at: u64, client: usize, event: AttemptEvent) {
        self.verdict.now_ns = at;
        let (committed, ledger) = (&mut self.models.committed, &self.models.ledger);
        self.white_box.client(client, event, (committed, ledger), &mut self.verdict);
        self.recovery.client(client, event);
        self.availability.client(at, client, event, &self.models.servers, &mut self.verdict);
    }

    /// A Kafka client did or learned something.
    pub fn attempt(&mut self, at: u64, client: usize, event: raft::client::AttemptEvent) {
        self.verdict.now_ns = at;
        self.failovers.attempt(at, client, event);
        if let Some(cluster) = &mut self.models.cluster {
            cluster.attempt(at, client, event, &mut self.verdict);
        }
    }

    pub fn client_sent(&mut self, client: usize, request: &Request) {
        if let (Some(cluster), Request::Admin(request)) = (&mut self.models.cluster, request) {
            cluster.histories.admin_sent(client, request);
        }
    }

    /// Compare a node with its border. `settled`: none of its effects is pending. With
    /// `every_byte`, and now and then without, its disk is compared too.
    pub fn audit(
        &mut self,
        at: u64,
        server: usize,
        (settled, every_byte): (bool, bool),
        node: &NodeView,
        disk: &dyn DurableFiles,
    ) {
        self.verdict.now_ns = at;
        // Every server gets its turn, however many there are.
        let round = self.audits / self.models.servers.len() as u64;
        self.audits += 1;
        let disk = (every_byte || round.is_multiple_of(DISK_AUDIT_EVERY)).then_some(disk);
        audit::audit(&self.models.servers[server], settled, node, disk, &mut self.models.ledger, &mut self.verdict);
        // What brokers show is held against committed metadata, which may be gone beyond tolerance.
        if let Some(cluster) = self.models.cluster.as_mut().filter(|_| !self.verdict.is_beyond_tolerance())
            && let Some(difference) = cluster.audit(server, settled, &node.partitions, disk, &mut self.verdict)
        {
            let id = self.models.servers[server].id;
            self.verdict.fail(&GhostMismatch::CLAIM, || format!("node {id}: {difference}"));
        }
        self.promise_stands();
    }

    /// Links are cut (or, with a negative number, mended).
    pub fn links_cut(&mut self, change: i32) {
        self.cut_links = self.cut_links.saturating_add_signed(change);
        if change > 0 {
            for phase in self.models.servers.iter().flat_map(ServerModel::snapshot_phases) {
                self.verdict.met(phase.cut());
            }
        }
    }

    /// A fault begins, ends, or is skipped.
    pub fn fault(&mut self, at: u64, fault: &Fault, phase: Phase) {
        self.verdict.now_ns = at;
        self.availability.fault(at, fault, phase, &self.models.servers, &mut self.verdict);
    }

    pub fn healed(&mut self, at: u64) {
        self.verdict.now_ns = at;
        self.availability.healed(at, &self.models.servers, &mut self.verdict);
        self.recovery.healed(at);
        self.white_box.healed(at);
        self.failovers.healed(at);
        if let Some(cluster) = &mut self.models.cluster {
            cluster.healed(self.models.committed.end, &mut self.verdict);
        }
    }

    /// Do all recovery predicates hold?
    pub fn recovered(&mut self) -> bool {
        // Fresh clients are done last, and asking them is cheap.
        let recovered = self.recovery.recovered(&self.models.servers, &mut self.models.committed, &self.models.ledger)
            && self.models.cluster.as_mut().is_none_or(|cluster| cluster.fresh_missing().is_none())
            && self.missing_in_cluster().is_none();
        self.has_recovered |= recovered;
        recovered
    }

    fn missing_in_cluster(&mut self) -> Option<Missing> {
        let cluster = self.models.cluster.as_mut()?;
        cluster.missing(&self.models.servers)
    }

    pub fn recovery_overdue(&mut self, at: u64) {
        self.verdict.now_ns = at;
        let missing = self.recovery.missing(&self.models.servers, &mut self.models.committed, &self.models.ledger);
        let mut missing = missing.or_else(|| self.missing_in_cluster());
        self.is_overdue = true;
        let (servers, losses) = (&self.models.servers, self.models.committed.losses(&self.models.ledger));
        let newest = servers.iter().filter_map(ServerModel::leads).max().unwrap_or_default();
        let of_quorum = missing.as_ref().and_then(|missing| losses.may_not_recover(&missing.servers, newest, servers));
        if let Some(excuse) = of_quorum {
            return self.verdict.end_excused(excuse);
        }
        // Of several partitions each has its own excuse, or has none.
        let mut given_up = None;
        while let Some(excuse) = missing.as_ref().and_then(|missing| self.models.cluster.as_mut()?.gives_up(missing)) {
            given_up = Some(excuse);
            missing = self.missing_in_cluster();
        }
        match given_up.filter(|_| missing.is_none()) {
            Some(excuse) => self.verdict.end_excused(excuse),
            None => self.recovery.overdue(missing, &self.models.servers, &mut self.verdict),
        }
    }

    pub fn finish(&mut self, at: u64) {
        self.verdict.now_ns = at;
        let end_of = |count: usize| match count.checked_sub(1) {
            Some(last) => self.models.ledger.end(self.models.committed.batches[last]),
            None => Offset(0),
        };
        let durable_end = end_of(self.models.committed.durable_on_majority(&self.models.servers, self.models.quorum));
        // A single voter's last commits may be on their way to its disk.
        let promised_end =
            if self.models.quorum.commits_before_flush { durable_end } else { end_of(self.models.committed.promised) };
        let committed = (&self.models.committed, &self.models.ledger);
        self.white_box.finish(committed, durable_end, promised_end, &mut self.verdict);
        if let Some(cluster) = &mut self.models.cluster {
            cluster.finish(self.has_recovered, self.is_overdue, &mut self.verdict);
        }
        self.failovers.finish(at);
        self.failovers.done.append(&mut self.availability.done);
        self.promise_stands();
    }
}
