//! `.kafka_cleanshutdown`: states that all logs of the directory were flushed and closed, and holds the broker epoch of
//! that run (controller-broker.md §5.3).

use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::BrokerEpoch;
use crate::io::{DurableFiles, Effect, FileHandle, Out};
use crate::log::{Force, replace_file};

pub const CLEAN_SHUTDOWN_FILE: &str = ".kafka_cleanshutdown";
const HANDLE: FileHandle = FileHandle(11);

/// The broker epoch of the last run if it shut down cleanly, else `None`. An unreadable marker counts as clean, with an
/// unknown epoch, as in Kafka.
pub fn read_clean_shutdown(files: &dyn DurableFiles) -> Option<BrokerEpoch> {
    let bytes = files.read(CLEAN_SHUTDOWN_FILE)?;
    let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let epoch = value.as_ref().and_then(|value| value.get("brokerEpoch")?.as_i64());
    Some(epoch.map_or(BrokerEpoch::UNKNOWN, BrokerEpoch))
}

/// Writes the marker, after every log was flushed and closed.
pub(super) fn write(epoch: BrokerEpoch, bugs: Bugs, out: &mut Out) {
    let content = format!("{{\"version\":0,\"brokerEpoch\":{epoch}}}");
    replace_file(CLEAN_SHUTDOWN_FILE, HANDLE, content.as_bytes(), Force::durable(bugs), out);
}

/// Removes the marker when the next start begins to load the directory: a crash in recovery is unclean. Kafka does not
/// fsync the removal ([`Fix::ForceMarkerRemoval`]).
pub(super) fn delete(fixes: Fixes, out: &mut Out) {
    out.push(Effect::Unlink { path: CLEAN_SHUTDOWN_FILE.into() });
    if fixes.has(Fix::ForceMarkerRemoval) {
        out.push(Effect::FsyncDirectory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_disk::TestDisk;

    #[test]
    fn the_marker_names_the_epoch_of_the_run_that_ended() {
        let mut disk = TestDisk::default();
        assert_eq!(read_clean_shutdown(&disk), None);
        let mut out = Out::default();
        write(BrokerEpoch(42), Bugs::NONE, &mut out);
        disk.apply(&mut out);
        disk.lose_power();
        assert_eq!(disk.read(CLEAN_SHUTDOWN_FILE).as_deref(), Some(&b"{\"version\":0,\"brokerEpoch\":42}"[..]));
        assert_eq!(read_clean_shutdown(&disk), Some(BrokerEpoch(42)));
        disk.put(CLEAN_SHUTDOWN_FILE, b"");
        assert_eq!(read_clean_shutdown(&disk), Some(BrokerEpoch::UNKNOWN));
    }
}
