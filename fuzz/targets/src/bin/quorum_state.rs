//! `quorum-state` and `meta.properties`: a parsed file is encoded and parsed as equal, and the checks' own reader
//! returns the same election. The first byte selects the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use raft::bugs::Bugs;
use raft::ids::NodeId;
use raft::io::{DurableFiles as _, Out};
use raft::log::{
    META_PROPERTIES, QUORUM_STATE, QuorumStateFormat, read_election_state, read_meta_properties, write_election_state,
    write_meta_properties,
};
use scenarios::checks::server_model::state_files::parse_quorum_state;
use targets::disk::Disk;

fuzz_target!(|bytes: &[u8]| {
    match bytes.split_first() {
        Some((0, content)) => election(content),
        Some((_, content)) => meta_properties(content),
        None => {}
    }
});

fn election(content: &[u8]) {
    let mut disk = Disk::default();
    disk.put(QUORUM_STATE, content);
    let model = parse_quorum_state(content);
    let Ok(state) = read_election_state(&disk) else { return };
    let mut state = state.expect("the file is there");
    let reported = |model: Option<scenarios::checks::server_model::state_files::Election>| {
        model.map(|e| (e.epoch, e.leader, e.voted))
    };
    let expected = (state.epoch, state.leader_id, state.voted.map(|voted| voted.id));
    // The node reads the first line only; the checks reject a file of several lines.
    assert!(model.is_none() || reported(model) == Some(expected), "{state:?} and {model:?}");

    let mut out = Out::default();
    let format = QuorumStateFormat::Version0 { voters: &[NodeId(1), NodeId(2)] };
    write_election_state(&state, format, Bugs::NONE, &mut out);
    disk.apply(&mut out);
    // Version 0 of the file has no field for it.
    state.voted = state.voted.map(|voted| raft::ids::ReplicaKey { directory_id: None, ..voted });
    assert_eq!(read_election_state(&disk), Ok(Some(state)));
    let written = disk.read(QUORUM_STATE).expect("it was written");
    assert_eq!(reported(parse_quorum_state(&written)), Some(expected));
}

fn meta_properties(content: &[u8]) {
    let mut disk = Disk::default();
    disk.put(META_PROPERTIES, content);
    let Ok(properties) = read_meta_properties(&disk) else { return };
    let properties = properties.expect("the file is there");
    let mut out = Out::default();
    write_meta_properties(&properties, Bugs::NONE, &mut out);
    disk.apply(&mut out);
    assert_eq!(read_meta_properties(&disk), Ok(Some(properties)));
}
