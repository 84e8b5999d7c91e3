//! A broker on its threads: the exchange between the lifecycle manager, the request handler and the scheduler of one
//! process, and what it receives of the metadata loader (controller-broker.md §5.2–§5.5).
//!
//! Threads share this struct and notify each other by posts, so that effects which one thread has ordered after an
//! fsync are not visible to another earlier. Publications are in a queue that the loader fills and the request handler
//! empties, one for each post.

use std::collections::VecDeque;
use std::rc::Rc;

use super::checkpoint_tasks::CheckpointTasks;
use super::config::BrokerConfig;
use super::data_plane::DataPlane;
use super::dialogue::PartitionEntry;
use super::image_view::ImageView;
use super::lifecycle::{
    BrokerIdentity, BrokerLifecycleManager, BrokerServer, LifecycleEvent, PublishedMetadata, ServerAction,
};
use super::log::LogManager;
use super::observation::BrokerObservation;
use super::replica_manager::LocalChanges;
use crate::broker::view::ClusterView as _;
use crate::fixes::{Fix, Fixes};
use crate::ids::{NodeId, Offset};
use crate::io::{Effect, Input, Now, Observation, Post, ThreadName};
use crate::message::{Fields, Value};
use crate::metadata::loader::Publication;
use crate::quorum::RaftClient;
use crate::step::{Fatal, Step, throw};

/// A published image for the publishers, and the offset that heartbeats may report after it.
#[derive(Clone, Debug)]
struct Published {
    publication: Publication,
    last_applied: Offset,
}

/// The broker of a process.
#[derive(Clone, Debug)]
pub struct BrokerProcess {
    config: Rc<BrokerConfig>,
    is_controller: bool,
    /// Made by the loader, not yet applied.
    published: VecDeque<Published>,
    /// Applied, not yet reported to the lifecycle manager.
    applied: VecDeque<Offset>,
    /// The offset in heartbeats: the last published image, after all publishers ran.
    last_applied: Offset,
    is_started: bool,
    /// The controller has reported that this broker is caught up.
    has_caught_up: bool,
    fixes: Fixes,
    view: ImageView,
    lifecycle: BrokerLifecycleManager,
    server: BrokerServer,
    data_plane: DataPlane,
    checkpoint_tasks: CheckpointTasks,
    reported_state: u8,
}

impl BrokerProcess {
    /// Loads the state from disk; [`BrokerProcess::start`] must follow.
    pub fn new(
        config: &Rc<BrokerConfig>,
        identity: BrokerIdentity,
        logs: LogManager,
        is_controller: bool,
        fixes: Fixes,
    ) -> BrokerProcess {
        BrokerProcess {
            is_controller,
            published: VecDeque::new(),
            applied: VecDeque::new(),
            last_applied: Offset(-1),
            is_started: false,
            has_caught_up: false,
            fixes,
            view: ImageView::empty(config),
            lifecycle: BrokerLifecycleManager::new(config, identity),
            server: BrokerServer::new(config.controlled_shutdown_enable),
            data_plane: DataPlane::new(Rc::clone(config), logs),
            config: Rc::clone(config),
            checkpoint_tasks: CheckpointTasks::default(),
            reported_state: 0,
        }
    }

    /// Starts the lifecycle manager's thread by a post.
    pub fn start(step: &mut Step<'_>) {
        step.out.push(Effect::Post { thread: ThreadName::BrokerLifecycle, post: Post::Start });
    }

    /// The state, for instruments.
    pub fn described(&self, now: Now) -> Value {
        Value::of([
            ("lifecycle", self.lifecycle.described(now.mono_ns)),
            ("publishedOffset", self.last_applied.value()),
            ("publicationsQueued", Value::count(self.published.len())),
            ("replicas", self.data_plane.replicas().described()),
            ("fetchers", self.data_plane.fetchers().described()),
        ])
    }

    /// The request handler's state, for audits.
    pub fn data_plane(&self) -> &DataPlane {
        &self.data_plane
    }

    /// The image that it currently uses.
    pub fn view(&self) -> &ImageView {
        &self.view
    }

    /// What the next publication changes of the replicas here.
    pub fn next_local_changes(&self) -> LocalChanges {
        let Some(Published { publication, .. }) = self.published.front() else { return LocalChanges::default() };
        let mut view = self.view.clone();
        view.set(Rc::clone(&publication.image));
        self.data_plane.replicas().local_changes(&view.topics_delta(&publication.delta))
    }

    /// [`Fix::FirstPublishAfterCaughtUp`]: publishers may not receive the first image yet.
    pub fn holds_back_publishing(&self) -> bool {
        self.fixes.has(Fix::FirstPublishAfterCaughtUp) && !self.has_caught_up
    }

    /// What the loader publishes to the publishers of the broker, and the offset of its last published image.
    pub fn receive(&mut self, publications: Vec<Publication>, last_applied: Offset, step: &mut Step<'_>) {
        if publications.is_empty() && self.published.is_empty() && self.applied.is_empty() {
            // There are no publishers yet, so there is nothing to wait for.
            self.last_applied = last_applied;
        }
        for publication in publications {
            let last_applied = last_applied.min(publication.image.offset());
            self.published.push_back(Published { publication, last_applied });
            step.out.push(Effect::Post { thread: ThreadName::RequestHandler, post: Post::Published });
        }
    }

    /// Processes one input of the lifecycle manager's thread.
    pub fn step_lifecycle(&mut self, raft: &RaftClient, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        let actions = match input {
            Input::Post(Post::Start) => {
                self.lifecycle.start(step);
                Vec::new()
            }
            Input::Post(Post::Applied) => {
                self.last_applied = self.applied.pop_front().unwrap_or(self.last_applied);
                self.data_plane.replicas_mut().publication_is_complete();
                if self.is_started {
                    Vec::new()
                } else {
                    self.is_started = true;
                    self.server.on_first_publish()
                }
            }
            Input::Post(Post::ShuttingDown) => self.server.terminate(step.now.mono_ns),
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            Input::Timer => self.server.on_timer(step.now.mono_ns),
            other => {
                self.lifecycle.step(other, step);
                Vec::new()
            }
        };
        self.act(actions, step);
        self.lifecycle.poll(raft.quorum().known_leader(), self.published(), step);
        for event in self.lifecycle.take_events() {
            if let LifecycleEvent::Registered { broker_epoch } = event {
                self.data_plane.replicas_mut().set_broker_epoch(broker_epoch);
            }
            self.has_caught_up |= event == LifecycleEvent::CaughtUp;
            let actions = self.server.on_lifecycle(event);
            self.act(actions, step);
        }
        // Work that was decided in this step may be due at once.
        self.lifecycle.poll(raft.quorum().known_leader(), self.published(), step);
        self.tell_state(step);
        let deadlines = [self.lifecycle.next_deadline_ns(step), self.server.next_deadline_ns()];
        step.out.push(match deadlines.into_iter().flatten().min() {
            Some(at_mono_ns) => Effect::ArmTimer { at_mono_ns },
            None => Effect::CancelTimer,
        });
        Ok(())
    }

    fn act(&mut self, actions: Vec<ServerAction>, step: &mut Step<'_>) {
        let tell = |post, step: &mut Step<'_>| {
            step.out.push(Effect::Post { thread: ThreadName::RequestHandler, post });
        };
        for action in actions {
            match action {
                ServerAction::SetReadyToUnfence => self.lifecycle.set_ready_to_unfence(step),
                ServerAction::EnableRequestProcessing => tell(Post::Start, step),
                ServerAction::BeginControlledShutdown => {
                    self.lifecycle.begin_controlled_shutdown(step);
                    tell(Post::ShuttingDown, step);
                }
                // The scheduler stops first: the last checkpoint of high watermarks is the request handler's.
                ServerAction::Stop => {
                    self.lifecycle.close(step);
                    step.out.push(Effect::Post { thread: ThreadName::Scheduler, post: Post::Stop });
                }
                // A controller in the same process shuts down meanwhile (`KafkaRaftServer.shutdown`).
                ServerAction::Leave if self.is_controller => {
                    step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::Stop });
                }
                ServerAction::Leave => {
                    let reason = "SIGTERM before the broker had started".into();
                    step.out.push(Effect::Halt { reason, fault: None });
                }
            }
        }
    }

    fn published(&self) -> PublishedMetadata {
        let version = self.view.image().features().metadata_version_or_minimum();
        PublishedMetadata { offset: self.last_applied, version }
    }

    fn tell_state(&mut self, step: &mut Step<'_>) {
        let state = self.lifecycle.state() as u8;
        if state != self.reported_state {
            self.reported_state = state;
            let epoch = self.lifecycle.broker_epoch();
            step.out.observe(Observation::Broker(BrokerObservation::Lifecycle { state, epoch }));
        }
    }

    /// Processes one input of the request handler's thread.
    pub fn step_requests(&mut self, raft: &RaftClient, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        let leader = raft.quorum().known_leader();
        match input {
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            // `BrokerServer.shutdown` removes the metadata publishers.
            Input::Post(Post::Published) if self.data_plane.is_stopped() => {
                self.published.pop_front();
                step.out.push(Effect::Post { thread: ThreadName::MetadataLoader, post: Post::Applied });
            }
            Input::Post(_) if self.data_plane.is_stopped() => {}
            Input::Post(Post::Published) => self.publish(leader, step),
            Input::Post(Post::Start) => {
                self.data_plane.enable_request_processing(step);
                self.data_plane.poll(leader, &self.view, step);
            }
            Input::Post(Post::ShuttingDown) => self.data_plane.replicas_mut().begin_controlled_shutdown(),
            Input::Post(Post::Stop) => {
                self.data_plane.stop(step);
                self.data_plane.replicas_mut().shut_down(step.out);
                // A controller in the same process ends raft first (`SharedServer.ensureNotRaftLeader`).
                let thread = if self.is_controller { ThreadName::RaftIo } else { ThreadName::SnapshotGenerator };
                step.out.push(Effect::Post { thread, post: Post::Stop });
            }
            Input::Post(Post::WakeUp) => self.collect_checkpoints(step),
            input => self.data_plane.step(input, leader, &self.view, step),
        }
        self.data_plane.replicas_mut().tell(step);
        if self.data_plane.replicas().has_background_work() {
            step.out.push(Effect::Post { thread: ThreadName::Scheduler, post: Post::WakeUp });
        }
        Ok(())
    }

    /// Clients see the image before replicas have their roles from it (§5.5).
    fn publish(&mut self, leader: Option<NodeId>, step: &mut Step<'_>) {
        let Some(Published { publication, last_applied }) = self.published.pop_front() else { return };
        let Publication { delta, image, .. } = publication;
        let is_first = self.view.image().offset() < Offset(0);
        let (offset, digest) = (image.offset(), image.digest());
        self.view.set(image);
        step.out.observe(Observation::Published { offset, digest });
        step.out.record(|| PartitionEntry::Published { brokers: self.view.brokers() }.into());
        if is_first {
            let view = &self.view;
            self.data_plane.replicas_mut().start_up(|partition| view.is_assigned(partition), step);
        }
        let topics = self.view.topics_delta(&delta);
        self.data_plane.replicas_mut().begin_publication();
        self.data_plane.publish(&topics, &self.view, step);
        for (topic_id, min_insync_replicas) in self.view.changed_min_insync_replicas(&delta) {
            self.data_plane.replicas_mut().update_min_insync_replicas(topic_id, min_insync_replicas, step.out);
        }
        self.data_plane.poll(leader, &self.view, step);
        if is_first {
            self.checkpoint_tasks.start(&self.config, step.now.mono_ns);
            self.collect_checkpoints(step);
        }
        self.applied.push_back(last_applied);
        step.out.push(Effect::Post { thread: ThreadName::BrokerLifecycle, post: Post::Applied });
        step.out.push(Effect::Post { thread: ThreadName::MetadataLoader, post: Post::Applied });
    }

    /// Processes one input of the scheduler's thread: its timer, when a checkpoint is due, and what the request handler has
    /// for it then, and whenever logs have work.
    pub fn step_scheduler(&mut self, input: Input, step: &mut Step<'_>) -> Result<(), Fatal> {
        match input {
            Input::Timer => step.out.push(Effect::Post { thread: ThreadName::RequestHandler, post: Post::WakeUp }),
            Input::Post(Post::WakeUp) => {
                let begun = self.data_plane.replicas_mut().begin_background_work(step.out);
                let done = Effect::Post { thread: ThreadName::Scheduler, post: Post::Applied };
                step.out.effects.extend(begun.then_some(done));
                let next_ns = self.checkpoint_tasks.next_ns();
                step.out.effects.extend(next_ns.map(|at_mono_ns| Effect::ArmTimer { at_mono_ns }));
            }
            Input::Post(Post::Stop) => {
                self.checkpoint_tasks.stop();
                step.out.push(Effect::CancelTimer);
                step.out.push(Effect::Post { thread: ThreadName::RequestHandler, post: Post::Stop });
            }
            // Everything before it in the list is durable.
            Input::Post(Post::Applied) => self.data_plane.replicas_mut().finish_background_work(step.out),
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            _ => {}
        }
        Ok(())
    }

    /// The scheduler's thread writes them, and arms its timer.
    fn collect_checkpoints(&mut self, step: &mut Step<'_>) {
        while let Some(which) = self.checkpoint_tasks.take_due(step.now.mono_ns) {
            self.data_plane.replicas_mut().collect_checkpoint(which);
        }
        step.out.push(Effect::Post { thread: ThreadName::Scheduler, post: Post::WakeUp });
    }
}
