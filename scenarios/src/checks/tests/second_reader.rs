//! Two readers of the same bytes: `raft::log`, and `kafka-protocol` or the checks' own reader of small files.

use proptest::prelude::*;
use raft::ids::{LeaderEpoch, NodeId, Offset, ProducerId};
use raft::log::{Batch, BatchBuilder, BatchProducer, ControlRecord, LeaderChange, QUORUM_STATE, read_election_state};
use raft::metadata::records::Topic;
use sim::process::Node;
use smallvec::smallvec;

use crate::actor::NodeDisk;
use crate::catalog;
use crate::checks::second_reader::differs;
use crate::checks::server_model::state_files::parse_quorum_state;
use crate::run::{Request, drive};

fn leader_change(leader: i32) -> ControlRecord {
    ControlRecord::LeaderChange(LeaderChange {
        leader_id: NodeId(leader),
        voters: smallvec![NodeId(1), NodeId(2), NodeId(3)],
        granting_voters: smallvec![NodeId(1), NodeId(leader)],
    })
}

fn at_seven() -> BatchBuilder {
    BatchBuilder::new(Offset(7), LeaderEpoch(3), 1_700_000_000_000)
}

fn topic(name: &str) -> Batch {
    let record: raft::metadata::MetadataRecord = Topic { name: name.into(), topic_id: raft::ids::Uuid([9; 16]) }.into();
    let batch = at_seven().record(&record.frame(0).expect("it has this version")).build();
    Batch::parse(&batch.bytes).expect("what was built").0
}

proptest! {
    #[test]
    fn batches_of_numbers_are_read_alike(
        base in 0..1_i64 << 40,
        epoch in 0..i32::MAX,
        timestamp_ms in any::<i64>(),
        values in prop::collection::vec(prop::option::of(any::<u64>()), 1..50),
        producer in prop::option::of((0..i64::MAX, 0..i16::MAX, 0..i32::MAX - 50)),
    ) {
        let mut builder = BatchBuilder::new(Offset(base), LeaderEpoch(epoch), timestamp_ms);
        if let Some((id, epoch, base_sequence)) = producer {
            builder.producer(BatchProducer { id: ProducerId(id), epoch, base_sequence });
        }
        for value in values {
            match value {
                Some(value) => builder.value(value),
                None => builder.no_op(),
            };
        }
        prop_assert_eq!(differs(&builder.build()), None);
    }
}

#[test]
fn what_a_node_reads_otherwise_is_found() {
    let number = |number| Batch::parse(&at_seven().value(number).build().bytes).expect("what was built").0;
    let elected = |leader| at_seven().control(leader_change(leader)).build();
    assert_eq!([differs(&number(1)), differs(&topic("a")), differs(&elected(2))], [None, None, None]);

    let misread = |mut batch: Batch, change: &dyn Fn(&mut Batch)| {
        // What was decoded first is kept.
        assert!(batch.metadata_records().is_ok());
        change(&mut batch);
        differs(&batch).expect("it is another")
    };
    let epoch = misread(number(1), &|batch| batch.epoch = LeaderEpoch(4));
    assert_eq!(epoch, "of its batch at offset 7, the leader epoch is 3 and not 4");
    let last = misread(number(1), &|batch| batch.last_offset = Offset(8));
    assert_eq!(last, "of its batch at offset 7, the last offset is 7 and not 8");
    let record = misread(topic("a"), &|batch| batch.bytes = topic("b").bytes);
    assert_eq!(record, "of its batch at offset 7, the metadata records are others");
    let cut = misread(number(1), &|batch| batch.bytes = batch.bytes[..40].into());
    assert!(cut.starts_with("its batch at offset 7 is refused: "), "{cut}");
}

/// All that a run of brokers, clients and faults leaves on its disks.
#[test]
fn disks_of_whole_runs_are_read_alike() {
    for name in ["ci", "power-loss"] {
        let scenario = catalog::find(name).expect("built in").scenario().expect("good");
        let finished = drive(&Request::new(&scenario, 0)).expect("it runs");
        let (mut batches, mut elections) = (0, 0);
        for server in 0..finished.prepared.servers.len() {
            let disk = finished.run.world.disk(Node(server as u16));
            for path in disk.paths().iter().filter(|path| path.ends_with(".log")) {
                let bytes = disk.read(path).expect("it is listed");
                let mut rest = &bytes[..];
                while let Ok((batch, size)) = Batch::parse(rest) {
                    assert_eq!(differs(&batch), None, "{name}, {path} of server {server}");
                    (rest, batches) = (&rest[size..], batches + 1);
                }
            }
            let read = read_election_state(&NodeDisk(disk)).expect("it can be read");
            if let (Some(read), Some(bytes)) = (read, disk.read_durable(QUORUM_STATE)) {
                let election = parse_quorum_state(&bytes).expect("it is one");
                assert_eq!(
                    (read.epoch, read.leader_id, read.voted.map(|voted| voted.id)),
                    (election.epoch, election.leader, election.voted)
                );
                elections += 1;
            }
        }
        assert!(batches > 100 && elections >= 3, "{name}: {batches} batches, {elections} elections");
    }
}
