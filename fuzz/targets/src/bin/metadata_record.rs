//! Frames of metadata records: a parsed record is encoded in its newest version, and is parsed as equal in every
//! version that can represent it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raft::metadata::MetadataRecord;

fuzz_target!(|frame: &[u8]| {
    let Ok(record) = MetadataRecord::read(frame) else { return };
    let newest = record.max_version();
    assert!(record.frame(newest).is_ok(), "{record:?} cannot be said in version {newest}");
    for version in 0..=newest {
        if let Ok(written) = record.frame(version) {
            assert_eq!(MetadataRecord::read(&written).as_ref(), Ok(&record), "version {version}");
        }
    }
});
