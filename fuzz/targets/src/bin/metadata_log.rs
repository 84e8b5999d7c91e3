//! A metadata log with one corrupted file: it is rejected or recovered, and a recovered state is found again by the
//! next start. The first byte selects the file and options; the rest is its content.
#![no_main]

use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use raft::bugs::{Bug, Bugs};
use raft::io::{DurableFiles as _, Effect, Now, Out};
use raft::log::{LEADER_EPOCH_CHECKPOINT, LogConfig, QUORUM_STATE, RaftLog};
use scenarios::checks::server_model::state_files::parse_epoch_checkpoint;
use targets::checksum;
use targets::disk::{Disk, LOG, of_controller};

thread_local! {
    static HEALTHY: Disk = of_controller();
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, content)) = bytes.split_first() else { return };
    let mut disk = HEALTHY.with(Disk::clone);
    let mut paths = disk.paths();
    paths.retain(|path| path.starts_with("__cluster_metadata-0/") && &**path != QUORUM_STATE);
    let path: &Rc<str> = &paths[usize::from((which >> 1) & 0x3f) % paths.len()];
    let repaired =
        if path.ends_with(".log") && which & 1 == 0 { checksum::of_segment(content) } else { content.to_vec() };
    disk.put(path, &repaired);
    // Without the checkpoint, epochs are those of the batches.
    if which & 0x80 != 0 {
        disk.put(LEADER_EPOCH_CHECKPOINT, b"");
    }
    parse_epoch_checkpoint(content);
    let epochs = parse_epoch_checkpoint(&disk.read(LEADER_EPOCH_CHECKPOINT).unwrap_or_default());

    // A recovery that trusts batches without their checksum, as with one of the bugs, may find anything.
    let trusting = LogConfig { bugs: Bugs::NONE.with(Bug::NoChecksumOnRecovery), ..LOG };
    if let Ok(log) = RaftLog::open(&disk, trusting, Now::default(), &mut Out::default()) {
        for batch in &log.batches().0 {
            let _ = (batch.values().count(), batch.control_records(), batch.metadata_records().is_ok());
        }
    }

    let mut out = Out::default();
    let Ok(log) = RaftLog::open(&disk, LOG, Now::default(), &mut out) else { return };
    disk.apply(&mut out);
    let again = RaftLog::open(&disk, LOG, Now::default(), &mut out).expect("what was recovered");
    assert_eq!(log.batches(), again.batches());
    assert_eq!((log.start_offset(), log.end_offset()), (again.start_offset(), again.end_offset()));
    // A checkpoint has no checksum, and may remain after its log is lost. One that names an epoch at an offset beyond
    // the log's end keeps older epochs of batches out at the first start: entries are added first, then truncated at
    // the end (consensus.md §4.2).
    let outlived = epochs.iter().any(|entry| entry.offset >= log.end_offset());
    if &**path != LEADER_EPOCH_CHECKPOINT && !outlived {
        assert_eq!(log.last_fetched_epoch(), again.last_fetched_epoch());
    }
    let repeats = |effect: &Effect| matches!(effect, Effect::Truncate { .. } | Effect::Unlink { .. });
    assert!(!out.effects.iter().any(repeats), "recovered twice: {:?}", out.effects);
});
