//! The data logs of one broker as their bytes cross the border: which file belongs to which replica,
//! what is written, what is durable, and what a boot must find.
//!
//! A directory is `TOPIC-N`; whose it is says the topic id in its `partition.metadata`, which is
//! durable before the first record (KIP-516).

use crate::checks::audit::GhostMismatch;
use crate::checks::invariant::log_matching;
use crate::checks::invariant::topic_id::PersistBeforePromiseD7;
use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, Offset, TopicIdPartition};
use raft::io::DurableFiles;
use raft::log::Batch;

use super::data_disk::{DataDisk, Found, TOPIC_ID_FILE, high_watermarks, mismatch, number, segment, topic_id};
use super::partition::PartitionModel;
use super::{Replication, elections};
use crate::checks::loss::facts::Fact;
use crate::checks::server_model::how_down::HowDown;
use crate::checks::server_model::log::LogModel;

impl Replication {
    /// True if the file is a data log's segment.
    pub fn opened(&mut self, server: usize, handle: u32, path: &str, truncate: bool, verdict: &mut Verdict) -> bool {
        let Some((name, base)) = segment(path) else { return false };
        let disk = &mut self.disks[server];
        let place = disk.directory(name);
        disk.handles.insert(handle, (place, base));
        match disk.directories[place].partition {
            Some(partition) => self.change(server, partition, verdict, |log, ledger| log.open(base, truncate, ledger)),
            None => disk.directories[place].opened.push(base),
        }
        true
    }

    /// True if the file is a data log's segment.
    pub fn appended(&mut self, server: usize, handle: u32, bytes: &Rc<[u8]>, verdict: &mut Verdict) -> bool {
        let Some((partition, base)) = self.disks[server].of_handle(handle) else { return false };
        let id = self.servers[server];
        let Some(partition) = partition else {
            verdict.fail(&PersistBeforePromiseD7::CLAIM, || {
                format!("broker {id} appends to a partition's log before its topic id is written")
            });
            return true;
        };
        self.obeys_present_leader(server, partition, verdict);
        let partition = &mut self.partitions[partition];
        let of = partition.id;
        let is_rotten = partition.losses().is_rotten(server);
        let mut position = 0;
        while position < bytes.len() {
            let rest = &bytes[position..];
            let replica = &mut partition.replicas[server];
            let header = Batch::peek_header(rest).ok().filter(|header| header.size_bytes <= rest.len());
            let Some(header) = header.filter(|_| !is_rotten) else {
                replica.log.append_junk(base, rest.len() as u64);
                match partition.losses().promises_nothing(server) {
                    Some(excuse) => verdict.excuse(excuse, 1),
                    None => log_matching::broken(verdict, || {
                        format!("partition {of}: broker {id} appends {} bytes that are no batch", rest.len())
                    }),
                }
                return true;
            };
            let (recorded, fault) = replica.log.append(base, &header, bytes, position, &mut partition.ledger);
            replica.advance(&partition.committed);
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
        true
    }

    /// True if the file is a data log's segment.
    pub fn truncated(&mut self, server: usize, handle: u32, len: u64, verdict: &mut Verdict) -> bool {
        let Some((partition, base)) = self.disks[server].of_handle(handle) else { return false };
        if let Some(partition) = partition {
            self.change(server, partition, verdict, |log, ledger| log.truncate(base, len, ledger));
        }
        true
    }

    /// A name is gone. True if it was a data log's segment.
    pub fn unlinked(&mut self, server: usize, path: &str, verdict: &mut Verdict) -> bool {
        if let Some((partition, base)) = self.disks[server].of_segment(path) {
            self.change(server, partition, verdict, |log, ledger| log.unlink(base, ledger));
            return true;
        }
        if let Some(name) = path.strip_suffix(TOPIC_ID_FILE) {
            self.unbind(server, name);
        }
        segment(path).is_some()
    }

    /// A name has moved; `content` is what the new name holds now.
    pub fn renamed(&mut self, server: usize, (from, to): (&str, &str), content: Option<&[u8]>, verdict: &mut Verdict) {
        if segment(from).is_some() {
            self.unlinked(server, from, verdict);
        } else if let Some(name) = from.strip_suffix(TOPIC_ID_FILE) {
            self.unbind(server, name);
        }
        let Some(name) = to.strip_suffix(TOPIC_ID_FILE) else { return };
        let (Some(number), Some(topic_id)) = (number(name), content.and_then(topic_id)) else { return };
        let partition = self.index_of(TopicIdPartition { topic_id, partition: number });
        let place = self.disks[server].directory(name);
        let directory = &mut self.disks[server].directories[place];
        if directory.partition == Some(partition) {
            return;
        }
        directory.partition = Some(partition);
        let opened = std::mem::take(&mut directory.opened);
        let PartitionModel { ledger, replicas, .. } = &mut self.partitions[partition];
        let log = &mut replicas[server].log;
        opened.into_iter().for_each(|base| log.open(base, true, ledger));
    }

    fn unbind(&mut self, server: usize, name: &str) {
        let disk = &mut self.disks[server];
        if let Some(place) = disk.by_name.get(name) {
            disk.directories[*place].partition = None;
        }
    }

    /// A log may have become shorter.
    fn change(
        &mut self,
        server: usize,
        partition: usize,
        verdict: &mut Verdict,
        change: impl FnOnce(&mut LogModel, &crate::checks::server_model::ledger::Ledger),
    ) {
        let PartitionModel { ledger, replicas, .. } = &mut self.partitions[partition];
        let replica = &mut replicas[server];
        let (agreed, count, had) = (replica.agreed, replica.log.count(), replica.log.prefix(replica.log.count()));
        change(&mut replica.log, ledger);
        replica.agreed = agreed.min(replica.log.count());
        let (has_junk, cut) = (replica.log.has_junk(), replica.log.count() < count);
        replica.high_watermark = replica.high_watermark.min(replica.log.end(ledger));
        if !has_junk && self.partitions[partition].losses().is_rotten(server) {
            self.partitions[partition].facts.push(Fact::Whole { server });
        }
        if cut {
            let partition = &mut self.partitions[partition];
            let left = partition.replicas[server].log.prefix(partition.replicas[server].log.count());
            partition.facts.push(Fact::Truncated { server, had, left });
        }
        if cut {
            self.obeys_present_leader(server, partition, verdict);
        }
        if cut {
            verdict.met(Situation::ReplicaTruncated);
            elections::truncated(&self.partitions[partition], server, agreed, verdict);
        }
    }

    /// True if the file is a data log's segment.
    pub fn file_synced(&mut self, server: usize, handle: u32) -> bool {
        let Some((partition, base)) = self.disks[server].of_handle(handle) else { return false };
        if let Some(partition) = partition {
            self.partitions[partition].replicas[server].log.synced(base);
        }
        true
    }

    /// All names are durable.
    pub fn directory_synced(&mut self, server: usize) {
        for directory in &self.disks[server].directories {
            if let Some(partition) = directory.partition {
                self.partitions[partition].replicas[server].log.names_synced();
            }
        }
    }

    /// All data logs on a disk, by the partition they belong to.
    fn find(&mut self, files: &dyn DurableFiles) -> (Vec<(Rc<str>, usize)>, Found) {
        let paths = files.paths();
        let mut directories = Vec::new();
        let mut found = Found::new();
        for path in &paths {
            let Some(name) = path.strip_suffix(TOPIC_ID_FILE) else { continue };
            let content = files.read(path).unwrap_or_default();
            let (Some(number), Some(topic_id)) = (number(name), topic_id(&content)) else { continue };
            let partition = self.index_of(TopicIdPartition { topic_id, partition: number });
            directories.push((Rc::from(name), partition));
            found.insert(partition, Vec::new());
        }
        for path in &paths {
            let Some((name, base)) = segment(path) else { continue };
            let owner = directories.iter().find(|(directory, _)| **directory == *name);
            let segments = owner.and_then(|(_, partition)| found.get_mut(partition));
            if let (Some(segments), Some(bytes)) = (segments, files.read(path)) {
                segments.push((base, bytes.into()));
            }
        }
        (directories, found)
    }

    /// A broker boots and finds `files`. `registered`: by which epoch metadata knows it.
    pub fn booted(
        &mut self,
        (server, life): (usize, u32),
        registered: BrokerEpoch,
        files: &dyn DurableFiles,
        verdict: &mut Verdict,
    ) {
        self.lives[server] = life;
        let (directories, mut found) = self.find(files);
        for partition in self.partitions.all_mut() {
            partition.replicas[server].high_watermark = Offset(0);
        }
        for (name, high_watermark) in high_watermarks(files) {
            if let Some((_, partition)) = directories.iter().find(|(directory, _)| **directory == name) {
                self.partitions[*partition].replicas[server].high_watermark = high_watermark;
            }
        }
        let disk = &mut self.disks[server];
        let (how, damaged) = (disk.down.take(), disk.damaged);
        disk.damaged &= how != Some(HowDown::PowerLost);
        disk.directories.clear();
        disk.by_name.clear();
        for (name, partition) in directories {
            let place = disk.directory(&name);
            disk.directories[place].partition = Some(partition);
        }
        for index in 0..self.partitions.all().len() {
            let segments = found.remove(&index).unwrap_or_default();
            if segments.is_empty() && self.partitions[index].replicas[server].log.is_empty() {
                continue;
            }
            let model = &mut self.partitions[index];
            let (log, notes) = LogModel::read_segments(segments, &mut model.ledger);
            let replica = &mut model.replicas[server];
            let mismatch = mismatch(&replica.log, &log, notes, how, damaged);
            let had = replica.log.prefix(replica.log.count());
            let left = replica.left(&log);
            if how != Some(HowDown::PageCacheKept) {
                replica.log = log;
                replica.log.all_durable();
            } else if damaged {
                let before = std::mem::replace(&mut replica.log, log);
                replica.log.keep_durability_of(&before);
            }
            replica.recount(&model.committed);
            replica.high_watermark = replica.high_watermark.min(replica.log.end(&model.ledger));
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
            if let Some(mismatch) = mismatch {
                verdict.fail(&GhostMismatch::CLAIM, || format!("partition {of} on broker {id}: {mismatch}"));
            } else if notes.conflict.is_some() {
                log_matching::broken(verdict, || {
                    format!(
                        "partition {of}: broker {id} finds a batch on its disk that differs from that of another replica"
                    )
                });
            }
        }
    }

    /// Compares what is on a disk with what was written.
    pub fn differs_from_disk(&mut self, server: usize, files: &dyn DurableFiles) -> Option<String> {
        let (_, mut found) = self.find(files);
        for index in 0..self.partitions.all().len() {
            let segments = found.remove(&index).unwrap_or_default();
            let model = &mut self.partitions[index];
            if segments.is_empty() && model.replicas[server].log.is_empty() {
                continue;
            }
            let (log, notes) = LogModel::read_segments(segments, &mut model.ledger);
            let written = &model.replicas[server].log;
            if notes.unknown_batches > 0 || !written.same_bytes(&log) {
                let (of, written) = (model.id, written.count());
                return Some(format!("partition {of}: {written} batches were written, {} are on disk", log.count()));
            }
        }
        None
    }

    /// Of which server?
    pub fn disk_mut(&mut self, server: usize) -> &mut DataDisk {
        &mut self.disks[server]
    }
}
