//! `IdempotentSequence`: the batches of each idempotent producer in a committed log follow on.

use std::collections::BTreeMap;

/// Where a v2 batch says who wrote it.
const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;
const RECORD_COUNT_AT: usize = 57;

/// Producers of one partition.
#[derive(Clone, Debug, Default)]
pub struct Sequences(BTreeMap<i64, Last>);

#[derive(Clone, Copy, Debug)]
struct Last {
    epoch: i16,
    sequence: i32,
}

impl Sequences {
    /// The next batch is committed; an error says what is wrong. A producer's first batch may have
    /// any sequence: a leader that does not know a producer takes it as it is (controller-broker.md §6.8).
    pub fn committed(&mut self, batch: &[u8]) -> Result<(), String> {
        let id = i64::from_be_bytes(field(batch, PRODUCER_ID_AT));
        if id < 0 {
            return Ok(());
        }
        let epoch = i16::from_be_bytes(field(batch, PRODUCER_EPOCH_AT));
        let base = i32::from_be_bytes(field(batch, BASE_SEQUENCE_AT));
        let count = i32::from_be_bytes(field(batch, RECORD_COUNT_AT));
        let before = self.0.insert(id, Last { epoch, sequence: wrapping(base, count - 1) });
        let Some(before) = before else { return Ok(()) };
        let expected = match epoch.cmp(&before.epoch) {
            std::cmp::Ordering::Less => {
                return Err(format!("producer {id} with epoch {epoch}, after {}", before.epoch));
            }
            std::cmp::Ordering::Equal => wrapping(before.sequence, 1),
            std::cmp::Ordering::Greater => 0,
        };
        if base == expected {
            Ok(())
        } else {
            Err(format!("producer {id} with epoch {epoch} and sequence {base}; expected is sequence {expected}"))
        }
    }
}

/// Sequences go on from 0 after 2^31 - 1.
fn wrapping(sequence: i32, by: i32) -> i32 {
    (i64::from(sequence) + i64::from(by)).rem_euclid(1 << 31) as i32
}

fn field<const N: usize>(batch: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0xff; N];
    if let Some(found) = batch.get(at..at + N) {
        bytes.copy_from_slice(found);
    }
    bytes
}
