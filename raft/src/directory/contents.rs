//! The metadata image that a directory holds: the newest snapshot, and the log from there to its end. As in the metadata
//! shell, records at the end that may not be committed yet are in it.

use std::rc::Rc;

use super::batches::{BatchFile, FoundBatch};
use super::damage::Damage;
use super::found_record::Meaning;
use super::log_directory::{LogDirectory, snapshot_id};
use crate::ids::{LeaderEpoch, Offset};
use crate::metadata::image::{MetadataChanges, MetadataProvenance};
use crate::metadata::{MetadataImage, MetadataRecord};

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Contents {
    pub image: MetadataImage,
    /// Offset of the last record; -1 if there is none.
    pub offset: Offset,
    /// Epoch of that record; -1 if there is none.
    pub epoch: LeaderEpoch,
    /// Records whose type no simulated image has a place for, such as access control entries.
    pub without_place: u64,
    /// The log ends within a metadata transaction, whose records are left out.
    pub in_transaction: bool,
}

impl Contents {
    /// The image of a directory with a metadata partition, of the records below `end`, or of all. What cannot be replayed is
    /// reported as damage.
    pub fn of(directory: &LogDirectory, end: Option<Offset>, damage: &mut Vec<Damage>) -> Option<Contents> {
        let log = directory.metadata()?;
        let mut replay = Replay { end: end.unwrap_or(Offset(i64::MAX)), ..Replay::default() };
        let id_of = |file: &BatchFile| snapshot_id(file.path.rsplit('/').next().unwrap_or_default());
        // The one at offset 0 is for the first leader, which appends its records (`Snapshots.BOOTSTRAP_SNAPSHOT_ID`).
        let snapshots = directory.snapshots.iter().filter_map(|file| Some((id_of(file)?, file)));
        let newest = snapshots.filter(|(id, _)| id.offset > Offset(0)).max_by_key(|(id, _)| id.offset);
        if let Some((id, file)) = newest {
            // Its records have offsets of its own.
            let end = std::mem::replace(&mut replay.end, Offset(i64::MAX));
            replay.file(file, Offset(0), damage);
            replay.end = end;
            (replay.offset, replay.epoch) = (Offset(id.offset.0 - 1), id.epoch);
            replay.provenance.last_contained_offset = replay.offset;
            replay.provenance.last_contained_epoch = id.epoch;
        }
        let from = Offset(replay.offset.0 + 1);
        log.segments.iter().for_each(|segment| replay.file(segment, from, damage));
        let in_transaction = replay.before.is_some();
        Some(Contents {
            image: replay.before.unwrap_or(replay.image).at(replay.provenance),
            offset: replay.offset,
            epoch: replay.epoch,
            without_place: replay.without_place,
            in_transaction,
        })
    }
}

struct Replay {
    image: MetadataImage,
    /// The image before the open transaction.
    before: Option<MetadataImage>,
    offset: Offset,
    epoch: LeaderEpoch,
    without_place: u64,
    /// Of the last batch that is in the image.
    provenance: MetadataProvenance,
    /// Records from there on are left out.
    end: Offset,
}

impl Default for Replay {
    fn default() -> Replay {
        let image = MetadataImage::default();
        Replay {
            image,
            before: None,
            offset: Offset(-1),
            epoch: LeaderEpoch(-1),
            without_place: 0,
            provenance: MetadataProvenance::EMPTY,
            end: Offset(i64::MAX),
        }
    }
}

impl Replay {
    /// Records below `from` are in the snapshot.
    fn file(&mut self, file: &BatchFile, from: Offset, damage: &mut Vec<Damage>) {
        let until = self.end;
        for batch in file.batches.iter().filter(|batch| batch.last_offset >= from && batch.last_offset < until) {
            if let Err((offset, problem)) = self.batch(batch, from) {
                let problem = format!("the record at offset {offset}: {problem}");
                damage.push(Damage { file: Rc::clone(&file.path), position: Some(batch.position), problem });
            }
            (self.offset, self.epoch) = (batch.last_offset, batch.epoch);
            // The metadata shell reads control batches by itself (`SnapshotFileReader.handleControlBatch`).
            if self.before.is_none() && !batch.is_control {
                self.provenance = MetadataProvenance {
                    last_contained_offset: batch.last_offset,
                    last_contained_epoch: batch.epoch,
                    last_contained_log_time_ms: batch.max_timestamp_ms,
                    is_offset_batch_aligned: true,
                };
            }
        }
    }

    fn batch(&mut self, batch: &FoundBatch, from: Offset) -> Result<(), (Offset, String)> {
        for record in batch.records.iter().filter(|record| record.offset >= from) {
            let Meaning::Metadata { record: decoded, .. } = &record.meaning else { continue };
            let Some(decoded) = decoded else {
                self.without_place += 1;
                continue;
            };
            match &**decoded {
                MetadataRecord::BeginTransaction(_) => self.before = Some(self.image.clone()),
                MetadataRecord::EndTransaction(_) => self.before = None,
                MetadataRecord::AbortTransaction(_) => {
                    if let Some(before) = self.before.take() {
                        self.image = before;
                    }
                }
                decoded => self
                    .image
                    .replay(decoded, &mut MetadataChanges::default())
                    .map_err(|error| (record.offset, error.to_string()))?,
            }
        }
        Ok(())
    }
}
