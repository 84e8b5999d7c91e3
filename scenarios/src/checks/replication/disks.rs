//! The data logs of one broker as their bytes cross the border: which file belongs to which replica,
//! what is written, what is durable, and what a boot must find.
//!
//! A directory is `TOPIC-N`; whose it is says the topic id in its `partition.metadata`, which is
//! durable before the first record (KIP-516).

use crate::checks::audit::GhostMismatch;
use crate::checks::invariant::topic_id::PersistBeforePromiseD7;
use crate::checks::invariant::{epochs, log_matching};
use crate::checks::prelude::*;
use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, Offset};
use raft::io::DurableFiles;
use raft::log::Batch;
use sim::process::File;
use sim::watch::{Down, Synced, Write};

use super::data_disk::{DataDisk, EPOCHS_FILE, HIGH_WATERMARKS, TOPIC_ID_FILE, high_watermarks, partition_of, segment};
use super::partition::PartitionModel;
use super::partitions::PartitionIndex;
use super::{Replication, elections};
use crate::checks::loss::facts::Fact;
use crate::checks::server_model::ledger::Ledger;
use crate::checks::server_model::log::LogModel;

claim! {
    /// A replica starts with a high watermark from `replication-offset-checkpoint` that is not above the highest it had.
    CheckpointedHighWatermark, Safety of Partition, "Kafka: ReplicaManager.checkpointHighWatermarks, Partition.createLog";
}

#[derive(Default)]
struct FoundLog {
    directory: Rc<str>,
    segments: Vec<(Offset, Rc<[u8]>)>,
}

impl Replication {
    /// A broker changes its disk. True if only a data log's segment is concerned.
    pub fn wrote(&mut self, server: usize, write: Write<'_>, verdict: &mut Verdict) -> bool {
        let disk = &mut self.brokers[server].disk;
        match write {
            Write::Open { file, path, truncate } => {
                let Some((name, base)) = segment(path) else { return false };
                let place = disk.directory(name);
                disk.handles.insert(file.0, (place, base));
                match disk.directories[place].partition {
                    Some(index) => self.change(server, index, verdict, |log, ledger| log.open(base, truncate, ledger)),
                    None => disk.directories[place].opened.push(base),
                }
            }
            Write::Append { file, bytes } | Write::ShortAppend { file, bytes } => {
                let Some((index, base)) = disk.of_handle(file.0) else { return false };
                let is_short = matches!(write, Write::ShortAppend { .. });
                self.appended(server, index, base, (bytes, is_short), verdict);
            }
            Write::Truncate { file, len } => {
                let Some((index, base)) = disk.of_handle(file.0) else { return false };
                if let Some(index) = index {
                    self.change(server, index, verdict, |log, ledger| log.truncate(base, len, ledger));
                }
            }
            Write::Unlink { path } => return self.unlinked(server, path, verdict),
            // See `renamed`.
            Write::Rename { .. } => return false,
        }
        true
    }

    fn appended(
        &mut self,
        server: usize,
        index: Option<PartitionIndex>,
        base: Offset,
        (bytes, is_short): (&Rc<[u8]>, bool),
        verdict: &mut Verdict,
    ) {
        let id = self.servers[server];
        let Some(index) = index else {
            return verdict.fail(&PersistBeforePromiseD7::CLAIM, || {
                format!("broker {id} appends to a partition's log before its topic id is written")
            });
        };
        let partition = &mut self.partitions[index];
        self.brokers[server].answers.judge(server, index, partition, verdict);
        let of = partition.id;
        let is_rotten = partition.losses().is_rotten(server);
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            let log = &mut partition.replicas[server].log;
            let header = Batch::peek_header(rest).ok().filter(|header| header.size_bytes <= rest.len());
            let Some(header) = header.filter(|_| !is_rotten) else {
                log.append_junk(base, rest.len());
                if is_short {
                    return;
                }
                match partition.losses().promises_nothing(server) {
                    Some(excuse) => verdict.excuse(excuse, 1),
                    None => log_matching::broken(verdict, || {
                        format!("partition {of}: broker {id} appends {} bytes that are no batch", rest.len())
                    }),
                }
                return;
            };
            let (recorded, fault) = log.append(base, &header, bytes, position, &mut partition.ledger);
            log.advance_agreement(&partition.committed);
            if let Some(fault) = fault {
                log_matching::broken(verdict, || format!("partition {of}: broker {id} {fault}"));
            } else if recorded.conflict.is_some() {
                log_matching::broken(verdict, || {
                    format!(
                        "partition {of}: broker {id} appends a batch of epoch {} that ends at {}; another replica has a different batch there, or the same batch behind a different prefix",
                        header.epoch,
                        header.last_offset.0 + 1
                    )
                });
            }
            position += header.size_bytes;
        }
    }

    /// A name is gone. True if it was a segment's.
    fn unlinked(&mut self, server: usize, path: &str, verdict: &mut Verdict) -> bool {
        let disk = &mut self.brokers[server].disk;
        if let Some((name, base)) = segment(path) {
            if let Some(partition) = disk.known(name).and_then(|directory| directory.partition) {
                self.change(server, partition, verdict, |log, ledger| log.unlink(base, ledger));
            }
            return true;
        }
        if let Some(directory) = path.strip_suffix(TOPIC_ID_FILE).and_then(|name| disk.known(name)) {
            directory.partition = None;
        }
        false
    }

    /// A name has moved; `content` is what the new name holds now.
    pub fn renamed(&mut self, server: usize, (from, to): (&str, &str), content: Option<&[u8]>, verdict: &mut Verdict) {
        self.unlinked(server, from, verdict);
        if to == HIGH_WATERMARKS {
            self.high_watermarks_altered(server, false);
        }
        let Some(name) = to.strip_suffix(TOPIC_ID_FILE) else { return };
        let Some(id) = content.and_then(|content| partition_of(name, content)) else { return };
        let partition = self.partitions.index_of(id);
        let disk = &mut self.brokers[server].disk;
        let place = disk.directory(name);
        let directory = &mut disk.directories[place];
        if directory.partition == Some(partition) {
            return;
        }
        directory.partition = Some(partition);
        let PartitionModel { ledger, replicas, .. } = &mut self.partitions[partition];
        let log = &mut replicas[server].log;
        std::mem::take(&mut directory.opened).into_iter().for_each(|base| log.open(base, true, ledger));
    }

    /// A log may have become shorter.
    fn change(
        &mut self,
        server: usize,
        index: PartitionIndex,
        verdict: &mut Verdict,
        change: impl FnOnce(&mut LogModel, &Ledger),
    ) {
        let partition = &mut self.partitions[index];
        let PartitionModel { ledger, replicas, .. } = partition;
        let replica = &mut replicas[server];
        let (agreed, count, had) = (replica.log.agreed, replica.log.count(), replica.log.whole());
        change(&mut replica.log, ledger);
        replica.high_watermark = replica.high_watermark.min(replica.log.end(ledger));
        let (has_junk, cut, left) = (replica.log.has_junk(), replica.log.count() < count, replica.log.whole());
        if !has_junk && partition.losses().is_rotten(server) {
            partition.facts.push(Fact::Whole { server });
        }
        if cut {
            partition.facts.push(Fact::Truncated { server, had, left });
            self.brokers[server].answers.judge(server, index, partition, verdict);
            verdict.met(Situation::ReplicaTruncated);
            elections::truncated(partition, server, agreed, verdict);
        }
    }

    /// True if only a data log's segment is concerned.
    pub fn synced(&mut self, server: usize, synced: Synced) -> bool {
        let disk = &self.brokers[server].disk;
        match synced {
            Synced::File(file) => {
                let Some((index, base)) = disk.of_handle(file.0) else { return false };
                if let Some(index) = index {
                    self.partitions[index].replicas[server].log.synced(base);
                }
                true
            }
            Synced::Directory => {
                for index in disk.directories.iter().filter_map(|directory| directory.partition) {
                    self.partitions[index].replicas[server].log.names_synced();
                }
                false
            }
        }
    }

    /// An fsync of a file has failed, now or `before`; `left` is what is durable.
    pub fn fsync_failed(&mut self, server: usize, (file, before): (File, bool), left: &dyn DurableFiles) {
        let Some((Some(index), _)) = self.brokers[server].disk.of_handle(file.0) else { return };
        let segments = self.find(left).remove(&index).unwrap_or_default().segments;
        let PartitionModel { ledger, replicas, .. } = &mut self.partitions[index];
        replicas[server].log.fsync_failed(before, &LogModel::read(segments, Vec::new(), ledger).log);
    }

    /// Of all replicas of a broker.
    fn high_watermarks_altered(&mut self, server: usize, are: bool) {
        for partition in self.partitions.iter_mut() {
            if partition.losses().may_start_above(server).is_some() != are {
                partition.facts.push(Fact::HighWatermarksAltered { server, are });
            }
        }
    }

    /// A fault has changed the files at these paths, or replaced the disk.
    pub fn damaged(&mut self, server: usize, altered: Option<&[String]>) {
        self.brokers[server].disk.damaged = true;
        // A new disk has none.
        let are_altered = altered.map(|paths| paths.iter().any(|path| path == HIGH_WATERMARKS));
        match are_altered {
            Some(true) => self.high_watermarks_altered(server, true),
            Some(false) => {}
            None => self.high_watermarks_altered(server, false),
        }
        let Some(paths) = altered else {
            let is_altered = |fact: &Fact| matches!(fact, Fact::EpochsAltered { server: of, .. } if *of == server);
            let of_it = self.partitions.iter_mut().filter(|partition| partition.facts.iter().any(is_altered));
            return of_it.for_each(|partition| partition.facts.push(Fact::EpochsAltered { server, are: false }));
        };
        let disk = &mut self.brokers[server].disk;
        disk.altered_ids = paths.iter().filter_map(|path| path.strip_suffix(TOPIC_ID_FILE).map(Rc::from)).collect();
        for name in paths.iter().filter_map(|path| path.strip_suffix(EPOCHS_FILE)) {
            if let Some(index) = disk.known(name).and_then(|directory| directory.partition) {
                self.partitions[index].facts.push(Fact::EpochsAltered { server, are: true });
            }
        }
    }

    /// All data logs on a disk, by the partition they belong to.
    fn find(&mut self, files: &dyn DurableFiles) -> BTreeMap<PartitionIndex, FoundLog> {
        let paths = files.paths();
        let mut found = BTreeMap::new();
        for path in &paths {
            let Some(name) = path.strip_suffix(TOPIC_ID_FILE) else { continue };
            let Some(id) = partition_of(name, &files.read(path).unwrap_or_default()) else { continue };
            found.insert(self.partitions.index_of(id), FoundLog { directory: name.into(), segments: Vec::new() });
        }
        for path in &paths {
            let Some((name, base)) = segment(path) else { continue };
            let owner = found.values_mut().find(|log| *log.directory == *name);
            if let (Some(log), Some(bytes)) = (owner, files.read(path)) {
                log.segments.push((base, bytes.into()));
            }
        }
        found
    }

    /// A broker boots and finds `files`. `registered`: by which epoch metadata knows it; `how`: its last process went down.
    pub fn booted(
        &mut self,
        server: usize,
        registered: BrokerEpoch,
        how: Option<Down>,
        files: &dyn DurableFiles,
        verdict: &mut Verdict,
    ) {
        let mut found = self.find(files);
        self.partitions.iter_mut().for_each(|partition| partition.replicas[server].high_watermark = Offset(0));
        for (name, high_watermark) in high_watermarks(files) {
            if let Some((index, _)) = found.iter().find(|(_, log)| *log.directory == *name) {
                self.partitions[*index].replicas[server].high_watermark = high_watermark;
            }
        }
        let altered_ids = std::mem::take(&mut self.brokers[server].disk.altered_ids);
        for (index, _) in found.iter().filter(|(_, log)| altered_ids.contains(&log.directory)) {
            self.partitions[*index].facts.push(Fact::HighWatermarksAltered { server, are: true });
        }
        let disk = &mut self.brokers[server].disk;
        let damaged = disk.damaged;
        *disk = DataDisk { damaged: damaged && how != Some(Down::PowerLost), ..DataDisk::default() };
        for (index, log) in &found {
            let place = disk.directory(&log.directory);
            disk.directories[place].partition = Some(*index);
        }
        for (index, model) in self.partitions.iter_mut().enumerate() {
            let FoundLog { directory, segments } = found.remove(&index).unwrap_or_default();
            let PartitionModel { ledger, replicas, .. } = model;
            let replica = &mut replicas[server];
            if segments.is_empty() && replica.log.is_empty() {
                continue;
            }
            let log = LogModel::read(segments, Vec::new(), ledger);
            let (had, conflict) = (replica.log.whole(), log.conflict);
            let left = replica.log.left_of(replica.log.count(), &log.log).map(|count| replica.log.prefix(count));
            let mismatch = replica.log.booted(log, how, damaged);
            replica.log.recount_agreement(&model.committed);
            let starts_with = replica.high_watermark.min(replica.log.end(ledger));
            let reached = replica.reached;
            replica.reaches(starts_with);
            replica.leads = None;
            let (has_junk, was_rotten) = (replica.log.has_junk(), model.losses().is_rotten(server));
            if has_junk && damaged && !was_rotten {
                model.facts.push(Fact::Rotten { server });
            } else if !has_junk && was_rotten {
                model.facts.push(Fact::Whole { server });
            }
            if let Some(left) = left {
                model.facts.push(Fact::Destroyed { server, had, left, registered });
                verdict.met(Situation::ReplicaLostTail);
            }
            let (id, of) = (self.servers[server], model.id);
            if starts_with > reached {
                verdict.fail_unless(model.losses().may_start_above(server), &CheckpointedHighWatermark::CLAIM, || {
                    format!(
                        "partition {of}: broker {id} starts with high watermark {starts_with} from its checkpoint; the highest that it had is {reached}"
                    )
                });
            }
            if let Some(mismatch) = mismatch {
                verdict.fail(&GhostMismatch::CLAIM, || format!("partition {of} on broker {id}: {mismatch}"));
            } else if conflict.is_some() {
                log_matching::broken(verdict, || {
                    format!(
                        "partition {of}: broker {id} finds a batch on its disk that differs from that of another replica"
                    )
                });
            }
            let checkpoint = files.read(&format!("{directory}{EPOCHS_FILE}")).unwrap_or_default();
            let log = &model.replicas[server].log;
            if let Some((entry, epoch)) = epochs::first_other(&checkpoint, log, &model.ledger)
                && !model.losses().has_altered_epochs(server)
            {
                epochs::has_other_epoch(format_args!("partition {of}: broker {id}"), entry, epoch, verdict);
            }
        }
    }

    pub fn differs_from_disk(&mut self, server: usize, files: &dyn DurableFiles) -> Option<String> {
        let mut found = self.find(files);
        self.partitions.iter_mut().enumerate().find_map(|(index, model)| {
            let segments = found.remove(&index).unwrap_or_default().segments;
            let written = &model.replicas[server].log;
            if segments.is_empty() && written.is_empty() {
                return None;
            }
            let differs = written.differs_from(&LogModel::read(segments, Vec::new(), &mut model.ledger))?;
            Some(format!("partition {}: {differs}", model.id))
        })
    }
}
