//! Kafka's `KafkaRaftClient`: all consensus state of one replica, changed on a single IO thread.
//!
//! A step is one iteration of that thread: handle at most one message, update the listeners, then poll the current
//! state until it would wait (consensus.md §0). Behind a write to the disk it goes on in a step of its own, which has
//! another time (`Place`). The files:
//!
//! * `poll`: the timers of each state
//! * `requests`: handling of Vote, BeginQuorumEpoch and EndQuorumEpoch requests
//! * `fetch`: handling of Fetch requests, which may be parked (`fetch_purgatory`)
//! * `fetch_snapshot`: FetchSnapshot requests, and the download of a snapshot
//! * `responses`: handling of responses, and the rule by which epochs propagate
//! * `transitions`: the side effects of each state transition
//! * `append`: the leader's log, the follower's log, and the high watermark
//! * `send`: sending of requests
//! * `voter_change`: what is common to changes of the voters; `add_voter`, `remove_voter`, `update_voter`: the three
//! * `listener`: deliveries to the state machine; `notify`: their conditions
//!
//! Simplifications, which change no observable behaviour: parked fetches expire on this thread, not on a separate one;
//! and the thread of an observer whose fetch timer has expired waits here, where Kafka's polls all the time without
//! effect until a request or a backoff ends (`RaftClient::observer_wait_ms`).

mod add_voter;
mod append;
mod described;
mod fetch;
mod fetch_purgatory;
mod fetch_snapshot;
mod listener;
mod notify;
mod poll;
mod remove_voter;
mod requests;
mod responses;
mod send;
mod transitions;
mod update_voter;
mod voter_change;

use std::collections::VecDeque;
use std::rc::Rc;

pub use listener::{ListenerContext, ListenerItem};
use smallvec::SmallVec;

use self::fetch_purgatory::FetchPurgatory;
use super::accumulator::CompletedBatch;
use super::network_channel::NetworkChannel;
use super::partition_state::PartitionState;
use super::quorum_state::{QuorumState, QuorumTimeouts, Switches};
use super::raft_metrics::RaftMetrics;
use super::request_manager::{RequestManager, bootstrap_server_id, bootstrap_servers};
use super::timer::Timer;
use crate::bugs::{Bug, Bugs};
use crate::config::ControllerConfig;
use crate::fixes::{Fix, Fixes};
use crate::ids::{LeaderEpoch, NodeId, Offset, OffsetAndEpoch, Uuid};
use crate::io::{DialogueEntry, DiskError, DurableFiles, Effect, Input, Post, Probe, ThreadName, Visitor};
use crate::log::{LogConfig, LogError, RaftLog, read_election_state};
use crate::snapshot::{RawSnapshotWriter, SnapshotWriter};
use crate::step::{Fatal, Step, throw};

/// Kafka's timeout of a graceful shutdown (`KafkaRaftClientDriver`).
const GRACEFUL_SHUTDOWN_MS: i64 = 5_000;
/// `KafkaRaftClient` gives it to `RaftMetadataLogCleanerManager`.
const LOG_CLEANER_MS: i64 = 60_000;
const NS_PER_MS: u64 = 1_000_000;

/// The parameters of a replica besides its disk.
#[derive(Clone, Debug)]
pub struct RaftSetup {
    pub config: Rc<ControllerConfig>,
    pub cluster_id: Rc<str>,
    pub directory_id: Uuid,
    pub bugs: Bugs,
    pub fixes: Fixes,
    /// Threads that are notified of commits and leaders.
    pub listeners: SmallVec<[ThreadName; 2]>,
}

/// A batch that waits for its commit, and when it was appended.
#[derive(Clone, Debug)]
struct Appended {
    completed: CompletedBatch,
    at_ms: i64,
}

/// A place in the IO thread's loop. Behind a write to the disk the thread goes on from there, and reads the clock again.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// At the end of `poll`: it updates the listeners.
    Listeners,
    /// At the begin of `poll`: it polls the state.
    Poll,
    /// Before it waits for a message: for that long, if there is none.
    Wait { ms: i64 },
}

/// One replica of the metadata log.
#[derive(Clone, Debug)]
pub struct RaftClient {
    setup: RaftSetup,
    quorum: QuorumState,
    log: RaftLog,
    requests: RequestManager,
    channel: NetworkChannel,
    parked: FetchPurgatory,
    /// Batches appended as leader and not committed yet: Kafka's append purgatory waits for them.
    appended: VecDeque<Appended>,
    metrics: RaftMetrics,
    drained: Vec<CompletedBatch>,
    /// [`crate::bugs::Bug::Kafka6082WriteWithoutEpoch`]: refused writes, appended in the next epoch that this node
    /// leads.
    late_writes: Vec<Box<[u8]>>,
    /// In the order of registration: the controller's, then the metadata loader's.
    listeners: SmallVec<[ListenerContext; 2]>,
    /// Kafka's `RaftMetadataLogCleanerManager`: it deletes old snapshots and the log before them.
    log_cleaner: Timer,
    shutdown: Option<Timer>,
    last_correlation_id: i32,
    armed_mono_ns: Option<u64>,
    /// Where [`Input::Continue`] finds the thread.
    place: Place,
    has_shut_down: bool,
}

impl RaftClient {
    /// Opens the log, reads `quorum-state`, determines the initial state and polls it once.
    pub fn open(setup: RaftSetup, files: &dyn DurableFiles, step: &mut Step<'_>) -> Result<RaftClient, Fatal> {
        let config = &setup.config;
        let log_config = LogConfig {
            segment_bytes: u64::try_from(config.segment_bytes).unwrap_or(0),
            segment_ms: config.segment_ms,
            bugs: setup.bugs,
            fixes: setup.fixes,
        };
        let log = RaftLog::open(files, log_config, step.now, step.out)?;
        let mut partition_state = PartitionState::new(config.static_voters(), setup.bugs, setup.fixes);
        partition_state.update_state(&log)?;
        let stored = match read_election_state(files) {
            Err(_) if setup.bugs.has(Bug::MalformedElectionIgnored) => None,
            stored => stored?,
        };
        let local = config.local_voter_node(setup.directory_id);
        let timeouts = QuorumTimeouts { election_ms: config.election_timeout_ms, fetch_ms: config.fetch_timeout_ms };
        let switches = Switches { bugs: setup.bugs, fixes: setup.fixes };
        let quorum = QuorumState::initialize(
            local,
            partition_state,
            timeouts,
            switches,
            stored,
            log.last_fetched_epoch(),
            step,
        )?;
        let bootstrap = match config.bootstrap_servers.len() {
            0 => bootstrap_servers(&config.voters),
            servers => (0..).map(bootstrap_server_id).take(servers).collect(),
        };
        let (backoff_ms, timeout_ms) = (i64::from(config.retry_backoff_ms), i64::from(config.request_timeout_ms));
        let mut client = RaftClient {
            requests: RequestManager::new(bootstrap, backoff_ms, timeout_ms),
            channel: NetworkChannel::new(config),
            quorum,
            log,
            parked: FetchPurgatory::default(),
            appended: VecDeque::new(),
            metrics: RaftMetrics::default(),
            drained: Vec::new(),
            late_writes: Vec::new(),
            listeners: SmallVec::new(),
            log_cleaner: Timer::new(step.now_ms(), LOG_CLEANER_MS),
            shutdown: None,
            last_correlation_id: 0,
            armed_mono_ns: None,
            place: Place::Poll,
            has_shut_down: false,
            setup,
        };
        client.start(step)?;
        match step.out.writes_to_disk() {
            true => client.continue_from(Place::Poll, step),
            false => client.run(Place::Poll, step)?,
        }
        Ok(client)
    }

    /// One iteration of the IO thread.
    pub fn step(&mut self, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        let (now_ms, mut may_wait) = (step.now_ms(), true);
        // Another thread of Kafka's has done so before.
        self.expire_parked_fetches(step);
        match input {
            Input::Opened { token, connection } => self.channel.on_opened(now_ms, token, connection, step.out),
            Input::Closed { token, reason } => self.channel.on_closed(step.now, token, reason, step.entropy),
            Input::Response { token, correlation_id, response } => {
                self.channel.on_response(token, correlation_id, response);
            }
            Input::Request { connection, correlation_id, request } => {
                self.handle_request(connection, correlation_id, request, step)?;
                return self.run(Place::Listeners, step);
            }
            Input::Continue => return self.run(self.place, step),
            // It fires when no other input is waiting.
            Input::Timer => {
                self.armed_mono_ns = None;
                may_wait = false;
            }
            Input::Post(_) | Input::Exception => {}
            Input::Terminate => self.begin_shutdown(step),
            Input::DiskError(error) if self.ignores(error) => self.armed_mono_ns = None,
            Input::DiskError(error) => throw!("the disk failed: {error}"),
        }
        self.channel.poll(step.now, may_wait, step.entropy, step.out);
        if let Some(inbound) = self.channel.take_inbound() {
            self.handle_inbound(inbound, step)?;
        }
        self.run(Place::Listeners, step)
    }

    /// Processes one input of the scheduler's thread: work of the log that was posted to it, its end, and the deletion of
    /// expired snapshots.
    pub fn step_scheduler(&mut self, input: &Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        match input {
            Input::Post(Post::WakeUp) => {
                let begun = self.log.begin_background_work(step.out);
                let done = Effect::Post { thread: ThreadName::RaftScheduler, post: Post::Applied };
                step.out.effects.extend(begun.then_some(done));
                self.arm_deletion(step);
            }
            Input::Timer => {
                self.log.delete_expired_snapshots(step.now, step.out);
                self.arm_deletion(step);
            }
            Input::Post(Post::Applied) => self.log.finish_background_work(step.out),
            Input::DiskError(error) if !self.ignores(*error) => throw!("the disk failed: {error}"),
            _ => {}
        }
        Ok(())
    }

    fn arm_deletion(&self, step: &mut Step<'_>) {
        let due_ns = self.log.deletion_due_ns();
        step.out.effects.extend(due_ns.map(|at_mono_ns| Effect::ArmTimer { at_mono_ns }));
    }

    fn ignores(&self, error: DiskError) -> bool {
        self.setup.bugs.has(match error {
            DiskError::Io => Bug::FailedFsyncIgnored,
            DiskError::NoSpace => Bug::ShortWriteIgnored,
        })
    }

    /// The rest of the IO thread's loop after a message, or after its wait has ended without one. Kafka's `poll` begins
    /// with the state and ends with the message; here a step begins with the message. A state that has changed does not
    /// let the thread wait, and is polled again only after a message that is in its queue by then: what has arrived while
    /// a prospective wrote `quorum-state` is answered before it requests pre-votes itself.
    fn run(&mut self, from: Place, step: &mut Step<'_>) -> Result<(), Fatal> {
        let mut place = from;
        let wait_ms = loop {
            match place {
                Place::Listeners => {
                    self.poll_listeners(step)?;
                    place = Place::Poll;
                }
                Place::Poll => {
                    if self.poll_shutdown(step) {
                        return Ok(());
                    }
                    let ms = self.poll_current_state(step)?.min(self.poll_log_cleaner(step));
                    place = Place::Wait { ms };
                }
                Place::Wait { ms } => {
                    self.channel.poll(step.now, true, step.entropy, step.out);
                    // The queue may contain a message of this step, such as the failure of a request whose connection is
                    // in reconnect backoff.
                    match self.channel.take_inbound() {
                        Some(inbound) => self.handle_inbound(inbound, step)?,
                        // The thread begins before listeners are registered, and each registration wakes it up.
                        None if self.has_listeners_to_register() => {}
                        None => break ms,
                    }
                    place = Place::Listeners;
                    continue;
                }
            }
            if step.out.writes_to_disk() {
                self.continue_from(place, step);
                return Ok(());
            }
        };
        self.quorum.write_late(step);
        step.out.record(|| DialogueEntry::Waits { ms: wait_ms });
        self.arm_timer(wait_ms, step);
        Ok(())
    }

    /// The thread reads the clock in each poll, and before it waits (`KafkaRaftClient.poll`): what follows a write to the
    /// disk happens when that is done.
    fn continue_from(&mut self, place: Place, step: &mut Step<'_>) {
        self.place = place;
        if let Place::Wait { ms } = place {
            step.out.record(|| DialogueEntry::Waits { ms });
        }
        step.out.push(Effect::Continue);
    }

    fn has_listeners_to_register(&self) -> bool {
        self.listeners.len() < self.setup.listeners.len()
    }

    fn poll_log_cleaner(&mut self, step: &mut Step<'_>) -> i64 {
        self.log_cleaner.update(step.now_ms());
        if self.log_cleaner.is_expired() {
            let retention = (self.setup.config.retention_max_bytes, self.setup.config.retention_ms);
            // An error is only logged (`RaftMetadataLogCleanerManager.maybeClean`), such as that of a snapshot above the high
            // watermark, which is not known yet after a restart.
            if self.log.maybe_clean(retention, step.now, step.out).unwrap_or(false) {
                step.out.probe(Probe::LogStartMoved);
            }
            self.log_cleaner.reset(LOG_CLEANER_MS);
        }
        self.log_cleaner.remaining_ms()
    }

    /// Raft ends first: the controller answers until then, and its socket server is closed after it
    /// (`ControllerServer.shutdown`, `SharedServer.ensureNotRaftLeader`).
    fn begin_shutdown(&mut self, step: &mut Step<'_>) {
        step.out.record(|| DialogueEntry::ShutDown);
        self.shutdown.get_or_insert_with(|| Timer::new(step.now_ms(), GRACEFUL_SHUTDOWN_MS));
    }

    /// consensus.md §1.7; `true` when the process has to end.
    fn poll_shutdown(&mut self, step: &mut Step<'_>) -> bool {
        let Some(timer) = &mut self.shutdown else { return false };
        timer.update(step.now_ms());
        let timed_out = timer.is_expired();
        if !timed_out && !self.quorum.is_observer() && !self.quorum.is_only_voter() && !self.quorum.has_remote_leader()
        {
            return false;
        }
        self.log.flush_at_close(step.out);
        let reason = if timed_out { "shut down; no new leader was heard of in time" } else { "shut down" };
        step.out.push(Effect::Halt { reason: reason.into(), fault: None });
        self.has_shut_down = true;
        true
    }

    /// Arms the timer for the earliest deadline: of the state, of parked fetches, and of the network.
    fn arm_timer(&mut self, wait_ms: i64, step: &mut Step<'_>) {
        let state_at = u64::try_from(wait_ms).ok().filter(|_| wait_ms != i64::MAX);
        let state_at = state_at.map(|ms| step.now.mono_ns.saturating_add(ms.saturating_mul(NS_PER_MS)));
        let channel_at = self.channel.next_deadline_ns(step.now);
        let at = [state_at, channel_at, self.parked.next_deadline_mono_ns()].into_iter().flatten().min();
        match (at, self.armed_mono_ns) {
            (None, None) => {}
            (None, Some(_)) => step.out.push(Effect::CancelTimer),
            // The wall clock has a resolution of 1 ms: smaller differences do not move the timer.
            (Some(at), Some(armed)) if armed >= at && armed - at < NS_PER_MS => return,
            (Some(at), _) => step.out.push(Effect::ArmTimer { at_mono_ns: at }),
        }
        self.armed_mono_ns = at;
    }
}

/// The interface for other threads of the node.
impl RaftClient {
    pub fn bugs(&self) -> Bugs {
        self.setup.bugs
    }

    pub fn quorum(&self) -> &QuorumState {
        &self.quorum
    }

    pub fn log(&self) -> &RaftLog {
        &self.log
    }

    /// Whether a requested shutdown has finished.
    pub fn has_shut_down(&self) -> bool {
        self.has_shut_down
    }

    /// The oldest announced delivery that the listening thread has not taken yet.
    pub fn take_delivery(&mut self, thread: ThreadName) -> Option<ListenerItem> {
        self.listener_of(thread)?.take()
    }

    /// A listener has read a delivery up to `end`: the IO thread is woken if there may be more.
    pub fn close_delivery(&mut self, thread: ThreadName, ordinal: u64, end: Offset, step: &mut Step<'_>) {
        step.out.record(|| DialogueEntry::Read { listener: thread, ordinal, end });
        if self.listener_of(thread).is_some_and(|listener| listener.on_close(ordinal, end)) {
            step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::WakeUp });
        }
    }

    fn listener_of(&mut self, thread: ThreadName) -> Option<&mut ListenerContext> {
        self.listeners.iter_mut().find(|listener| listener.thread() == thread)
    }

    /// The leader's accumulator, if this replica leads; for the state machine's thread.
    pub fn accumulator_mut(&mut self) -> Option<&mut super::accumulator::BatchAccumulator> {
        self.quorum.leader_mut().map(|leader| &mut leader.accumulator)
    }

    /// A write that was refused because its epoch has ended. With [`crate::bugs::Bug::Kafka6082WriteWithoutEpoch`] it
    /// waits until this node leads again.
    pub fn refused_write(&mut self, frames: Vec<Box<[u8]>>) {
        if self.setup.bugs.has(crate::bugs::Bug::Kafka6082WriteWithoutEpoch) {
            self.late_writes.extend(frames);
        }
    }

    /// Kafka's `resign(epoch)`: ignored if the epoch has ended; performed at the next poll, for which it wakes the thread.
    pub fn resign(&mut self, epoch: LeaderEpoch, step: &mut Step<'_>) {
        step.out.record(|| DialogueEntry::Resigned { epoch });
        if epoch == self.quorum.epoch()
            && let Some(leader) = self.quorum.leader_mut()
        {
            leader.resign_requested = true;
            step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::WakeUp });
        }
    }

    /// Begins a snapshot of the log up to `id` (`createSnapshot`), for the thread that generates snapshots; `None` if the log
    /// has it, or no longer needs it. An id that the log does not have is an error.
    pub fn create_snapshot(
        &mut self,
        id: OffsetAndEpoch,
        last_contained_log_timestamp_ms: i64,
        step: &mut Step<'_>,
    ) -> Result<Option<(SnapshotWriter, RawSnapshotWriter)>, LogError> {
        let Some(file) = self.log.create_new_snapshot(id, step.out)? else { return Ok(None) };
        let (last, state) = (Offset(id.offset.0 - 1), self.quorum.partition_state());
        let quorum = (state.kraft_version_at(last), state.voter_set_at(last).cloned());
        let writer = SnapshotWriter::new(id, quorum, last_contained_log_timestamp_ms, step.now_ms());
        Ok(Some((writer, file)))
    }

    /// The batches of a snapshot, of these sizes, are built in the buffers of this replica.
    pub fn build_snapshot(&mut self, bytes: &[usize]) {
        self.quorum.memory_mut().build_snapshot(bytes);
    }

    /// The snapshot has its name, durably: it counts from now on (`onSnapshotFrozen`).
    pub fn on_snapshot_frozen(&mut self, id: OffsetAndEpoch, bytes: Rc<[u8]>) {
        self.log.on_snapshot_frozen(id, bytes);
        let keeps_voters = self.setup.fixes.has(Fix::KeepVotersOfSnapshotEnd);
        let end = if keeps_voters { Offset(id.offset.0 - 1) } else { id.offset };
        self.quorum.partition_state_mut().truncate_old_entries(end);
    }

    /// For audits and the state hash.
    pub fn visit(&self, visitor: &mut dyn Visitor) {
        let quorum = &self.quorum;
        let leader = quorum.leader_id().unwrap_or(NodeId::NONE);
        let voted = quorum.voted().map_or(NodeId::NONE, |voted| voted.id);
        visitor.election(quorum.epoch(), leader, voted, quorum.role());
        let mut end = self.log.end_offset();
        if self.setup.bugs.has(crate::bugs::Bug::AuditLies) {
            end.0 += 1;
        }
        visitor.log(self.log.start_offset(), end, quorum.high_watermark());
        visitor.batches(&self.log.batches());
        visitor.last_fetched_epoch(self.log.last_fetched_epoch());
        visitor.snapshots(self.log.earliest_snapshot_id(), self.log.latest_snapshot_id());
    }
}
