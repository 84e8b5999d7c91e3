//! Record batches: a parsed batch keeps its bytes, agrees with its header, and is encoded to equal bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raft::ids::{LeaderEpoch, Offset};
use raft::log::{Batch, BatchBuilder};

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    check(&targets::checksum::as_one_batch(bytes));
});

fn check(bytes: &[u8]) {
    let header = Batch::peek_header(bytes);
    let _ = Batch::values_at(bytes).map(Iterator::count);
    let Ok((batch, size)) = Batch::parse(bytes) else {
        assert!(Batch::check(bytes).is_err());
        return;
    };
    let header = header.expect("the header of what was read");
    assert_eq!(batch.bytes[..], bytes[..size]);
    assert_eq!(
        (batch.base_offset, batch.last_offset, batch.epoch),
        (header.base_offset, header.last_offset, header.epoch)
    );
    assert!(batch.is_intact() && batch.offset_count() > 0);
    let shared = Batch::parse_shared(&batch.bytes).expect("what was read before");
    assert_eq!(shared.hash, batch.hash);

    let values: Vec<_> = batch.values().collect();
    let metadata: Option<Vec<_>> =
        batch.metadata_records().ok().map(|records| records.map(|(offset, record)| (offset, record.clone())).collect());
    assert!(!batch.control || values.is_empty());
    let _ = (batch.next_offset(), batch.max_timestamp_ms(), batch.producer());

    // A leader assigns its own offset and epoch: all other content is unchanged.
    let moved = batch.assigned(Offset(7), LeaderEpoch(9));
    let (again, _) = Batch::parse(&moved.bytes).expect("the checksum covers neither");
    assert_eq!(
        (again.base_offset, again.epoch, again.offset_count()),
        (Offset(7), LeaderEpoch(9), batch.offset_count())
    );
    assert_eq!(again.values().count(), values.len());
    assert_eq!(again.metadata_records().is_ok(), metadata.is_some());

    if let Ok(records) = batch.control_records() {
        let mut builder = BatchBuilder::new(Offset(0), LeaderEpoch(0), 0);
        records.iter().for_each(|record| {
            builder.control(record.clone());
        });
        if builder.record_count() > 0 {
            assert_eq!(builder.build().control_records(), Ok(records));
        }
    }
}
