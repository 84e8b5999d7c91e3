//! A broker's disk with one corrupted file: it is rejected or recovered, and a recovered state is found again by the
//! next start. The first byte selects the file and options; the rest is its content.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use raft::broker::log::{LogManager, PartitionLog, read_clean_shutdown};
use raft::ids::Uuid;
use raft::io::{DurableFiles as _, Out};
use raft::log::LogError;
use targets::checksum;
use targets::disk::{Disk, PARTITION_LOG, TOPIC, TOPIC_ID, of_broker};

thread_local! {
    static HEALTHY: Disk = of_broker();
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, content)) = bytes.split_first() else { return };
    let mut disk = HEALTHY.with(Disk::clone);
    let paths = disk.paths();
    let path: &Rc<str> = &paths[usize::from((which >> 1) & 0x3f) % paths.len()];
    let repaired =
        if path.ends_with(".log") && which & 1 == 0 { checksum::of_segment(content) } else { content.to_vec() };
    disk.put(path, &repaired);
    // Without the checkpoint, epochs are those of the batches.
    if which & 0x80 != 0 {
        disk.put("t-0/leader-epoch-checkpoint", b"");
    }

    // After a clean shutdown files are trusted; the marker is removed, so the second start trusts none.
    let clean = read_clean_shutdown(&disk).is_some();
    let Ok(trusted) = start(&mut disk) else { return };
    assert!(read_clean_shutdown(&disk).is_none());
    let scanned = start(&mut disk).expect("what was recovered");
    assert!(clean || trusted.batches() == scanned.batches());
    let again = start(&mut disk).expect("what was recovered");
    assert_eq!(scanned.batches(), again.batches());
    assert_eq!(
        (scanned.start_offset(), scanned.end_offset(), scanned.high_watermark(), scanned.latest_epoch()),
        (again.start_offset(), again.end_offset(), again.high_watermark(), again.latest_epoch())
    );
});

/// Loads the disk, performs recovery, and opens the partition.
fn start(disk: &mut Disk) -> Result<PartitionLog, LogError> {
    let mut manager = LogManager::load(disk, PARTITION_LOG)?;
    let mut out = Out::default();
    manager.start(|_| true, &mut out);
    let log = manager.open(TOPIC, topic_id(disk), 0, &mut out);
    disk.apply(&mut out);
    Ok(log)
}

/// As recorded in its file, so that the log is accepted and not replaced.
fn topic_id(disk: &Disk) -> Uuid {
    let text = disk.read("t-0/partition.metadata").unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    text.lines().nth(1).and_then(|line| Uuid::parse(line.strip_prefix("topic_id:")?.trim())).unwrap_or(TOPIC_ID)
}
