//! Tests of the readers of state files.

use raft::log::BatchBuilder;

use super::*;

#[test]
fn kafkas_files_are_read() {
    let line = br#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
    let expected = Election { epoch: LeaderEpoch(2), leader: Some(NodeId(1)), voted: None, voted_directory: None };
    assert_eq!(parse_quorum_state(line), Some(expected));
    assert_eq!(parse_quorum_state(b"torn{"), None);
    let line =
        br#"{"leaderId":-1,"leaderEpoch":2,"votedId":1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAQ","data_version":1}"#;
    let directory = Some(Uuid::METADATA_TOPIC_ID);
    let expected = Election { epoch: LeaderEpoch(2), leader: None, voted: Some(NodeId(1)), voted_directory: directory };
    assert_eq!(parse_quorum_state(line), Some(expected));
    let entries = parse_epoch_checkpoint(b"0\n2\n1 0\n4 17\n");
    assert_eq!(entries.last(), Some(&OffsetAndEpoch { epoch: LeaderEpoch(4), offset: Offset(17) }));
    assert_eq!(entries.len(), 2);
}

#[test]
fn what_kafka_reads_is_read() {
    let state = br#"{"clusterId":"","leaderId":1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[{"voterId":1}],"data_version":0}"#;
    assert!(is_quorum_state(state) && !is_quorum_state(&state[..40]) && !is_quorum_state(b""));
    for good in ["", "0", "0\n0\n", "0\n2\n1 0\n4 17\n"] {
        assert!(is_checkpoint(good.as_bytes(), is_epoch_entry), "{good:?}");
    }
    for bad in ["0\n1\n1\n", "0\n1\nq 0\n", "0\n1\n1 p\n", "0\n1\n-1 0\n", "0\n1\n1 -1\n", "0\n1\n2147483648 0\n"] {
        assert!(!is_checkpoint(bad.as_bytes(), is_epoch_entry), "{bad:?}");
    }
    assert!(is_checkpoint(b"0\n1\na 0 3\n", is_offset_entry));
    for bad in ["\0\0", "1\n0\n", "0\n1\n", "0\n1\na 0\n", "0\nx\n", "0\n0\n\n"] {
        assert!(!is_checkpoint(bad.as_bytes(), is_offset_entry), "{bad:?}");
    }
    assert!(!is_checkpoint(b"0\n1\n\xff 0 1\n", is_offset_entry));
    let read = reader_of("foo-0/partition.metadata").expect("known");
    assert!(read(b"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ") && !read(b"version: 0\ntopic_\0\0\0"));
    assert!(
        read(b"versinn: 1\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ") && !read(b"version: p\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ")
    );
}

#[test]
fn a_damaged_snapshot_is_refused() {
    let batches = [0, 1].map(|at| BatchBuilder::new(Offset(at), LeaderEpoch(1), 5).no_op().build());
    let bytes: Vec<u8> = batches.iter().flat_map(|batch| batch.bytes.iter().copied()).collect();
    assert!(is_snapshot(&bytes) && !is_snapshot(b""));
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        // The base offset and the epoch of a batch are not in its checksum.
        let is_free = matches!(at % batches[0].bytes.len(), 0..8 | 12..16);
        assert!(is_snapshot(&flipped) == is_free, "byte {at}");
        let mut cut = bytes.clone();
        cut[at..].fill(0);
        assert!(cut == bytes || !is_snapshot(&cut), "zeros from byte {at}");
    }
}
