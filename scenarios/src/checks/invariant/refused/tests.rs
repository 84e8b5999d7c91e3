//! Tests of refusals to start.

use std::rc::Rc;

use raft::io::{Effect, FileHandle};
use raft::message::{Response, VoteResponse};

use super::*;
use crate::checks::Checks;
use crate::checks::event::Rpc;
use crate::checks::server_model::state_files::first_refused;
use crate::checks::tests::test_disk::TestDisk;
use crate::checks::tests::voters;

/// A process that finds this `quorum-state` answers a request. Does it break the claim?
fn breaks(quorum_state: &[u8]) -> bool {
    let (mut disk, file) = (TestDisk::default(), FileHandle(1));
    let path = Rc::from("__cluster_metadata-0/quorum-state");
    disk.perform(&Effect::Open { file, path, truncate: true });
    disk.perform(&Effect::Append { file, bytes: quorum_state.into() });
    let mut models = Checks::new(voters(3)).models;
    models.servers[0].refuses = first_refused(&disk);
    let (mut refused, mut verdict) = (Refused::new(&voters(3)), Verdict::default());
    let rpc = Rpc { connection: 1, correlation_id: 1 };
    let response = Response::Vote(VoteResponse::default());
    let events =
        [Event::Booted { incarnation: 1, disk: &disk }, Event::ResponseSent { rpc, to: 1, response: &response }];
    for event in events {
        refused.on(&Crossing { at_ns: 0, server: 0, event }, &models, &mut verdict);
    }
    verdict.violation().is_some_and(|violation| violation.invariant == "DamagedFileRefused")
}

#[test]
fn who_cannot_read_its_quorum_state_says_nothing() {
    let whole = br#"{"clusterId":"","leaderId":-1,"leaderEpoch":2,"votedId":-1,"appliedOffset":0,"currentVoters":[],"data_version":0}"#;
    assert!(breaks(&whole[..20]) && !breaks(whole));
}

/// A segment, for a reader that gets EIO.
#[derive(Debug)]
struct Unreadable(Rc<str>);

impl raft::io::DurableFiles for Unreadable {
    fn paths(&self) -> Vec<Rc<str>> {
        vec![Rc::clone(&self.0)]
    }
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn is_unreadable(&self, _: &str) -> bool {
        true
    }
}

#[test]
fn a_segment_that_cannot_be_read_is_refused() {
    for directory in ["__cluster_metadata-0", "t-0"] {
        let path: Rc<str> = format!("{directory}/00000000000000000000.log").into();
        assert_eq!(first_refused(&Unreadable(path.clone())), Some(path.to_string()));
    }
    assert_eq!(first_refused(&Unreadable("t-0-stray/00000000000000000000.log".into())), None);
}
