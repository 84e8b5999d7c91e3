//! The controller on a real replica: records become batches of the log, and come back.

use std::collections::VecDeque;
use std::rc::Rc;

use super::harness::{Draws, NODE, cluster, registration, settings};
use crate::bugs::Bugs;
use crate::config::{ControllerConfig, Voter};
use crate::controller::QuorumController;
use crate::controller::metadata_log::ReplicaLog;
use crate::fixes::Fixes;
use crate::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use crate::io::{Connection, Effect, Input, Now, Out, ThreadName};
use crate::message::{ClusterRequest, Endpoint};
use crate::metadata::MetadataRecord;
use crate::quorum::RaftClient;
use crate::quorum::client::RaftSetup;
use crate::step::Step;
use crate::test_disk::TestDisk;

/// The one voter of a quorum.
struct Process {
    raft: RaftClient,
    controller: QuorumController,
    disk: TestDisk,
    now: Now,
    draws: Draws,
    posts: VecDeque<(ThreadName, Input)>,
    timers: [Option<u64>; 2],
    answered: usize,
}

impl Process {
    fn boot(mut disk: TestDisk) -> Process {
        let endpoint = Endpoint { name: Rc::from("CONTROLLER"), host: Rc::from("c"), port: 9093 };
        let config = ControllerConfig::new(NODE, Rc::from([Voter { id: NODE, endpoint }]));
        let setup = RaftSetup {
            config: Rc::new(config),
            cluster_id: Rc::from("cluster"),
            directory_id: Uuid([9; 16]),
            bugs: Bugs::NONE,
            fixes: Fixes::NONE,
            listeners: smallvec::smallvec![ThreadName::ControllerEventQueue],
        };
        let (now, mut draws, mut out) = (Now { mono_ns: 0, wall_ms: 0 }, Draws(3), Out::default());
        let mut step = Step { now, entropy: &mut draws, out: &mut out };
        let raft = RaftClient::open(setup, &disk, &mut step).expect("it starts");
        let controller = QuorumController::new(settings());
        let (posts, timers) = (VecDeque::new(), [None, None]);
        out.effects.iter().for_each(|effect| disk.apply_one(effect));
        let mut process = Process { raft, controller, disk, now, draws, posts, timers, answered: 0 };
        process.take(ThreadName::RaftIo, out);
        process
    }

    fn take(&mut self, thread: ThreadName, out: Out) {
        for effect in out.effects {
            match effect {
                Effect::Post { thread, post } => self.posts.push_back((thread, Input::Post(post))),
                Effect::ArmTimer { at_mono_ns } => self.timers[thread as usize] = Some(at_mono_ns),
                Effect::Continue => self.posts.push_front((thread, Input::Continue)),
                Effect::CancelTimer => self.timers[thread as usize] = None,
                Effect::SendResponse { .. } => self.answered += 1,
                _ => {}
            }
        }
    }

    fn step(&mut self, thread: ThreadName, input: Input) {
        let mut out = Out::default();
        let mut step = Step { now: self.now, entropy: &mut self.draws, out: &mut out };
        match thread {
            ThreadName::RaftIo => self.raft.step(input, &mut step),
            ThreadName::ControllerEventQueue => {
                self.controller.step(&mut ReplicaLog::new(&mut self.raft), input, &mut step)
            }
            ThreadName::RaftScheduler => self.raft.step_scheduler(&input, &mut step),
            other => panic!("{other:?} has nothing to do here"),
        }
        .expect("no fault");
        out.effects.iter().for_each(|effect| self.disk.apply_one(effect));
        self.take(thread, out);
    }

    fn run_ms(&mut self, ms: u64) {
        let end_ns = self.now.mono_ns + ms * 1_000_000;
        loop {
            if let Some((thread, input)) = self.posts.pop_front() {
                self.step(thread, input);
                continue;
            }
            let threads = [ThreadName::RaftIo, ThreadName::ControllerEventQueue];
            let due = threads.iter().filter_map(|thread| Some((self.timers[*thread as usize]?, *thread))).min();
            let Some((at_ns, thread)) = due.filter(|(at_ns, _)| *at_ns <= end_ns) else { break };
            let mono_ns = at_ns.max(self.now.mono_ns);
            self.now = Now { mono_ns, wall_ms: (mono_ns / 1_000_000) as i64 };
            self.timers[thread as usize] = None;
            self.step(thread, Input::Timer);
        }
        self.now = Now { mono_ns: end_ns, wall_ms: (end_ns / 1_000_000) as i64 };
    }

    fn register(&mut self, broker: i32) {
        let request = cluster(ClusterRequest::BrokerRegistration(registration(broker, 1, BrokerEpoch::UNKNOWN)));
        let mut out = Out::default();
        let mut step = Step { now: self.now, entropy: &mut self.draws, out: &mut out };
        self.controller.receive(Connection(1), broker, request, &mut step);
        self.take(ThreadName::RaftIo, out);
    }
}

#[test]
fn what_is_committed_is_there_after_a_restart_and_epochs_go_on() {
    let mut process = Process::boot(TestDisk::default());
    process.run_ms(3_000);
    let epoch = process.controller.claimed().expect("it leads alone");
    process.register(1);
    process.run_ms(1);
    assert_eq!(process.answered, 0, "the append lingers for 25 ms");
    process.run_ms(100);
    assert_eq!(process.answered, 1);
    let first = process.controller.stable().cluster.broker(NodeId(1)).expect("registered").epoch;

    let mut process = Process::boot(process.disk);
    process.run_ms(3_000);
    assert!(process.controller.claimed().expect("it leads again") > epoch);
    process.register(2);
    process.run_ms(100);
    let stable = process.controller.stable();
    assert_eq!(stable.cluster.broker(NodeId(1)).map(|broker| broker.epoch), Some(first));
    assert!(stable.cluster.broker(NodeId(2)).expect("registered").epoch > first);
    let log = process.raft.log();
    let batches = log.read(Offset(0), log.end_offset(), u32::MAX);
    let records = batches.0.iter().flat_map(|batch| batch.metadata_records().expect("written here"));
    let begun = records.filter(|(_, record)| matches!(record, MetadataRecord::BeginTransaction(_))).count();
    assert_eq!(begun, 1, "only the first controller writes what was formatted");
}

/// `KafkaRaftClient` calls no listener's `beginShutdown`, and `ControllerServer.shutdown` waits for raft first: the
/// controller does not fail what waits for a commit.
#[test]
fn a_shutdown_begins_with_raft_and_fails_no_waiting_request() {
    let mut process = Process::boot(TestDisk::default());
    process.run_ms(3_000);
    process.register(1);
    process.run_ms(1);
    process.step(ThreadName::RaftIo, Input::Terminate);
    assert!(process.raft.has_shut_down() && process.posts.is_empty(), "{:?}", process.posts);
    assert_eq!(process.answered, 0);
}
