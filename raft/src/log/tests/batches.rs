//! Batches byte by byte. The golden bytes were made by another implementation of the format.

use proptest::prelude::*;
use smallvec::smallvec;

use super::super::batch::{BATCH_HEADER_BYTES, Batch, BatchBuilder};
use super::super::batch_error::BatchError;
use super::super::control_record::{ControlRecord, LeaderChange};
use super::batch;
use crate::ids::{LeaderEpoch, NodeId, Offset};

const LEADER_CHANGE_BATCH: &str = "\
    00000000000000070000005e00000003021735ab2b0020000000000000018bcf\
    e568000000018bcfe56800ffffffffffffffffffffffffffff00000001580000\
    0008000000024400000000000104000000010000000002000000000300030000\
    00010000000002000000";
const DATA_BATCH: &str = "\
    0000000000000008000000510000000302171d53680000000000010000018bcf\
    e568010000018bcfe56801ffffffffffffffffffffffffffff00000002280000\
    00011c0114000100081122334455667788001400000201080114000000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn a_leader_change_batch_has_kafkas_bytes() {
    let change = ControlRecord::LeaderChange(LeaderChange {
        leader_id: NodeId(1),
        voters: smallvec![NodeId(1), NodeId(2), NodeId(3)],
        granting_voters: smallvec![NodeId(1), NodeId(2)],
    });
    let built = BatchBuilder::new(Offset(7), LeaderEpoch(3), 1_700_000_000_000).control(change.clone()).build();
    assert_eq!(built.bytes[..], bytes(LEADER_CHANGE_BATCH));

    let (parsed, size) = Batch::parse(&bytes(LEADER_CHANGE_BATCH)).expect("golden bytes");
    assert_eq!(size, parsed.len_bytes());
    assert_eq!((parsed.base_offset, parsed.last_offset, parsed.epoch), (Offset(7), Offset(7), LeaderEpoch(3)));
    assert!(parsed.control && parsed.is_intact());
    assert_eq!(parsed.control_records().as_deref(), Ok(&[change][..]));
    assert_eq!(parsed.values().count(), 0);
    assert_eq!(parsed.hash, built.hash);
}

#[test]
fn a_data_batch_has_kafkas_bytes() {
    let mut builder = BatchBuilder::new(Offset(8), LeaderEpoch(3), 1_700_000_000_001);
    builder.value(0x1122_3344_5566_7788).no_op();
    assert_eq!((builder.size(), builder.record_count(), builder.next_offset()), (93, 2, Offset(10)));
    assert_eq!(builder.build().bytes[..], bytes(DATA_BATCH));

    let (parsed, _) = Batch::parse(&bytes(DATA_BATCH)).expect("golden bytes");
    assert_eq!(parsed.values().collect::<Vec<_>>(), [(Offset(8), 0x1122_3344_5566_7788)]);
    assert_eq!(parsed.max_timestamp_ms(), 1_700_000_000_001);
    assert!(parsed.control_records().expect("none").is_empty());
}

#[test]
fn what_is_no_batch_is_refused() {
    let good = bytes(DATA_BATCH);
    let changed = |at: usize, byte: u8| {
        let mut bad = good.clone();
        bad[at] = byte;
        Batch::parse(&bad).expect_err("changed")
    };
    assert_eq!(changed(16, 1), BatchError::Magic(1));
    assert_eq!(changed(11, 0x30), BatchError::Length(0x30));
    assert_eq!(changed(8, 0xff), BatchError::Length(i32::from_be_bytes([0xff, 0, 0, 0x51])));
    assert_eq!(changed(11, 0x52), BatchError::Incomplete { needed: 94, found: 93 });
    assert!(matches!(changed(0, 0x80), BatchError::Offsets { .. }));
    assert!(matches!(changed(92, 1), BatchError::Crc { .. }));
}

#[test]
fn offsets_beyond_the_last_there_is_are_refused() {
    // Found by fuzzing. The checksum does not cover the first offset.
    let mut bad = bytes(DATA_BATCH);
    bad[..8].copy_from_slice(&(i64::MAX - 1).to_be_bytes());
    assert!(matches!(Batch::parse(&bad), Err(BatchError::Offsets { .. })), "no offset is left after it");
    bad[..8].copy_from_slice(&(i64::MAX - 2).to_be_bytes());
    assert_eq!(Batch::parse(&bad).expect("one is left").0.next_offset(), Offset(i64::MAX));

    // A record that says it is the 64th of two.
    let delta_at = bad.len() - 8;
    bad[delta_at] = 0x7e;
    let crc = crc32c::crc32c(&bad[21..]);
    bad[17..21].copy_from_slice(&crc.to_be_bytes());
    let (batch, _) = Batch::parse(&bad).expect("the header is good");
    assert_eq!(batch.values().count(), 1);
    let refused = batch.metadata_records().map(|records| records.len());
    assert_eq!(refused, Err(BatchError::MalformedRecord("its offset is above all")));
}

#[test]
fn a_torn_batch_taken_at_its_word_is_known_to_be_torn() {
    let whole = batch(40, 2, 3);
    for length in BATCH_HEADER_BYTES..whole.len_bytes() {
        let (torn, size) = Batch::parse_unchecked(&whole.bytes[..length]).expect("the header is there");
        assert_eq!((size, torn.last_offset, torn.is_intact()), (length, Offset(42), false));
        assert!(torn.values().count() < 3, "{length} of {} bytes", whole.len_bytes());
    }
    assert!(Batch::parse_unchecked(&whole.bytes).expect("whole").0.is_intact());
}

proptest! {
    #[test]
    fn what_is_built_is_read(
        base in 0..1_i64 << 40,
        epoch in 0..i32::MAX,
        timestamp_ms in any::<i64>(),
        values in prop::collection::vec(prop::option::of(any::<u64>()), 1..200),
        tail in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let mut builder = BatchBuilder::new(Offset(base), LeaderEpoch(epoch), timestamp_ms);
        for value in &values {
            match value {
                Some(value) => builder.value(*value),
                None => builder.no_op(),
            };
        }
        let built = builder.build();
        prop_assert_eq!(built.len_bytes(), builder.size() as usize);
        let (parsed, size) = Batch::parse(&[&built.bytes[..], &tail].concat()).expect("what was built");
        let header = Batch::peek_header(&built.bytes).expect("what was built");
        prop_assert_eq!((size, header.size_bytes), (built.len_bytes(), built.len_bytes()));
        prop_assert_eq!((parsed.base_offset, parsed.last_offset), (header.base_offset, header.last_offset));
        prop_assert_eq!((parsed.epoch, parsed.control), (LeaderEpoch(epoch), false));
        prop_assert_eq!(parsed.next_offset(), builder.next_offset());
        prop_assert_eq!(parsed.hash, built.hash);
        let numbered = values.iter().enumerate().filter_map(|(i, v)| Some((Offset(base + i as i64), (*v)?)));
        prop_assert_eq!(parsed.values().collect::<Vec<_>>(), numbered.collect::<Vec<_>>());
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), flip in any::<bool>()) {
        let mut bytes = bytes;
        if flip && bytes.len() > 24 {
            // A plausible header, so that the records are reached.
            bytes[..12].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 90]);
            bytes[16] = 2;
            bytes[23..].iter_mut().take(4).for_each(|byte| *byte = 0);
        }
        let _ = Batch::parse(&bytes);
        if let Ok((batch, _)) = Batch::parse_unchecked(&bytes) {
            let _ = (batch.values().count(), batch.control_records());
        }
    }
}
