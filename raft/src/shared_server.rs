//! What the roles of a process share besides raft (Kafka's `SharedServer`): the metadata loader, and the generator of
//! snapshots, each on its own thread.

use std::rc::Rc;

use crate::broker::process::BrokerProcess;
use crate::bugs::{Bug, Bugs};
use crate::config::ControllerConfig;
use crate::ids::{Offset, OffsetAndEpoch};
use crate::io::{DialogueEntry, Effect, Input, Observation, Post, ThreadName};
use crate::message::{Fields, Value};
use crate::metadata::loader::{ManifestType, Publication};
use crate::metadata::{MetadataImage, MetadataLoader, MetadataRecord, MetadataVersion};
use crate::quorum::RaftClient;
use crate::quorum::client::ListenerItem;
use crate::snapshot::{BOOTSTRAP_SNAPSHOT_ID, SnapshotGenerator};
use crate::step::{Fatal, Step, throw};

const NS_PER_MS: u64 = 1_000_000;

/// A snapshot, and the path of its file before it has its name.
#[derive(Clone, Debug)]
struct Written {
    id: OffsetAndEpoch,
    bytes: Rc<[u8]>,
    partial: Rc<str>,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct SharedServer {
    loader: MetadataLoader,
    generator: SnapshotGenerator,
    bugs: Bugs,
    /// The snapshot that is being forced, or has been and does not count yet.
    written: Option<Written>,
    /// The broker has its publishers (`BrokerServer.startup`), later than the generator.
    has_installed_broker: bool,
    publishing: Publishing,
    /// A broker shuts down, and raft with it as soon as no snapshot is being written (`SharedServer.stop`).
    is_stopping: bool,
}

/// The loader's thread calls the broker's publishers, and does nothing else until they return.
#[derive(Clone, Debug, Default)]
struct Publishing {
    /// Publications that the broker has not applied.
    count: usize,
    /// The delivery that they are of (its ordinal): its reader is closed behind them.
    delivery: Option<u64>,
    /// Events that wait for the thread.
    waiting: usize,
}

impl SharedServer {
    /// Whether a process needs it. One without a broker has nobody to publish metadata to but the generator, and with
    /// Kafka's defaults no run is long enough for a snapshot: its loader would change nothing.
    pub fn is_needed(config: &ControllerConfig, has_broker: bool) -> bool {
        has_broker || SharedServer::generates_snapshots(config)
    }

    /// Whether snapshots are more frequent than with Kafka's defaults.
    pub fn generates_snapshots(config: &ControllerConfig) -> bool {
        let defaults = ControllerConfig::new(config.node_id, Rc::clone(&config.voters));
        config.max_bytes_between_snapshots < defaults.max_bytes_between_snapshots
            || (1..defaults.max_snapshot_interval_ms).contains(&config.max_snapshot_interval_ms)
    }

    /// Of a process that starts now; [`SharedServer::start`] must follow. In one that is a controller, a record that cannot
    /// be loaded is fatal.
    pub fn new(config: &ControllerConfig, is_controller: bool, bugs: Bugs, now_ns: u64) -> SharedServer {
        let max_bytes = config.max_bytes_between_snapshots.unsigned_abs();
        let max_interval_ns = config.max_snapshot_interval_ms.unsigned_abs().saturating_mul(NS_PER_MS);
        SharedServer {
            loader: MetadataLoader::new(is_controller, bugs),
            generator: SnapshotGenerator::new((max_bytes, max_interval_ns), now_ns, bugs),
            bugs,
            written: None,
            has_installed_broker: false,
            publishing: Publishing::default(),
            is_stopping: false,
        }
    }

    /// Starts the loader by a post.
    pub fn start(step: &mut Step<'_>) {
        step.out.push(Effect::Post { thread: ThreadName::MetadataLoader, post: Post::Start });
    }

    /// The state, for instruments.
    pub fn described(&self) -> Value {
        Value::of([("loadedOffset", Offset(self.loader.next_offset().0 - 1).value())])
    }

    /// Processes one input of the loader's thread.
    pub fn step_loader(
        &mut self,
        raft: &mut RaftClient,
        broker: Option<&mut BrokerProcess>,
        input: Input,
        step: &mut Step<'_>,
    ) -> Result<(), Fatal> {
        if self.publishing.count > 0 {
            match input {
                Input::Post(Post::Applied) => self.published(raft, step),
                Input::DiskError(error) => throw!("the disk failed: {error}"),
                _ => self.publishing.waiting += 1,
            }
            return Ok(());
        }
        let high_watermark = raft.quorum().high_watermark();
        let (publications, delivery) = match input {
            Input::Post(Post::Start) => {
                self.loader.install_publishers(step);
                return Ok(());
            }
            Input::Post(Post::ListenerEvent) => match raft.take_delivery(ThreadName::MetadataLoader) {
                Some(ListenerItem::Commit { records, ordinal }) => {
                    (self.loader.handle_commit(&records, high_watermark, step)?, Some(ordinal))
                }
                // `handleLoadBootstrap`: the loader ignores it.
                Some(ListenerItem::Snapshot { id: BOOTSTRAP_SNAPSHOT_ID, .. }) => return Ok(()),
                Some(ListenerItem::Snapshot { id, bytes }) => {
                    step.out.observe(Observation::SnapshotLoaded { end: id.offset });
                    let image = self.loader.handle_load_snapshot(id, &bytes, high_watermark, step)?;
                    (image.into_iter().collect(), None)
                }
                Some(ListenerItem::LeaderChange { leader, epoch }) => {
                    self.loader.handle_leader_change(leader, epoch);
                    return Ok(());
                }
                Some(ListenerItem::Appended { .. }) | None => return Ok(()),
            },
            Input::Timer => (self.loader.initialize_new_publishers(high_watermark, step).into_iter().collect(), None),
            Input::DiskError(error) => throw!("the disk failed: {error}"),
            _ => return Ok(()),
        };
        if self.loader.load_error_count() > 0 {
            self.generator.disable("metadata loading fault");
        }
        for publication in &publications {
            self.publish_to_generator(publication, step);
        }
        if let Some(broker) = broker {
            self.publish_to_broker(broker, publications, step);
        }
        self.publishing.delivery = delivery;
        if self.publishing.count == 0 {
            self.close_delivery(raft, step);
        }
        Ok(())
    }

    fn publish_to_broker(
        &mut self,
        broker: &mut BrokerProcess,
        mut publications: Vec<Publication>,
        step: &mut Step<'_>,
    ) {
        if !self.has_installed_broker && broker.holds_back_publishing() {
            publications.clear();
            if self.loader.has_installed_publishers() {
                self.loader.ask_again(step);
            }
        } else if !self.has_installed_broker && self.loader.has_installed_publishers() {
            self.has_installed_broker = true;
            publications = vec![self.loader.whole_image()];
        }
        self.publishing.count = publications.len();
        broker.receive(publications, self.loader.last_applied_offset(), step);
    }

    /// The broker has applied a publication.
    fn published(&mut self, raft: &mut RaftClient, step: &mut Step<'_>) {
        self.publishing.count -= 1;
        if self.publishing.count == 0 {
            self.close_delivery(raft, step);
            for _ in 0..std::mem::take(&mut self.publishing.waiting) {
                step.out.push(Effect::Post { thread: ThreadName::MetadataLoader, post: Post::ListenerEvent });
            }
        }
    }

    /// Raft reads on, from where the loader is.
    fn close_delivery(&mut self, raft: &mut RaftClient, step: &mut Step<'_>) {
        if let Some(ordinal) = self.publishing.delivery.take() {
            raft.close_delivery(ThreadName::MetadataLoader, ordinal, self.loader.next_offset(), step);
        }
    }

    fn publish_to_generator(&mut self, publication: &Publication, step: &mut Step<'_>) {
        let now_ns = step.now.mono_ns;
        match publication.manifest {
            ManifestType::Snapshot => self.generator.publish_snapshot(now_ns),
            ManifestType::LogDelta { bytes } => {
                if self.generator.publish_log_delta(&publication.image, bytes, now_ns) {
                    step.out.push(Effect::Post { thread: ThreadName::SnapshotGenerator, post: Post::WakeUp });
                }
            }
        }
    }

    /// Processes one input of the thread that writes snapshots. A fault there is logged, and ends only that snapshot
    /// (`SharedServer.metadataPublishingFaultHandler`).
    pub fn step_generator(&mut self, raft: &mut RaftClient, input: &Input, step: &mut Step<'_>) {
        match input {
            Input::Post(Post::WakeUp) => {
                if let Some(image) = self.generator.begin(step.now.mono_ns) {
                    self.emit(raft, &image, step);
                }
            }
            // Everything before it in the list is durable.
            Input::Post(Post::Applied) => {
                if let Some(Written { id, bytes, .. }) = self.written.take() {
                    step.out.record(|| DialogueEntry::SnapshotFrozen { id });
                    raft.on_snapshot_frozen(id, bytes);
                    step.out.observe(Observation::SnapshotGenerated { end: id.offset });
                }
            }
            Input::Post(Post::Stop) => self.stop(),
            Input::DiskError(_) => {
                if let Some(Written { id, partial, .. }) = self.written.take() {
                    step.out.record(|| DialogueEntry::SnapshotClosed { id });
                    step.out.push(Effect::Unlink { path: partial });
                }
            }
            _ => {}
        }
        if self.written.is_none() {
            self.generator.ended();
        }
        if self.generator.is_idle() {
            self.stop_now(step);
        }
    }

    /// A snapshot that is being written gets its name first (`KafkaEventQueue.close`).
    fn stop(&mut self) {
        self.generator.disable("we are shutting down");
        self.is_stopping = true;
    }

    fn stop_now(&mut self, step: &mut Step<'_>) {
        if std::mem::take(&mut self.is_stopping) {
            step.out.push(Effect::Post { thread: ThreadName::RaftIo, post: Post::Stop });
        }
    }

    /// `SnapshotEmitter.maybeEmit`
    fn emit(&mut self, raft: &mut RaftClient, image: &MetadataImage, step: &mut Step<'_>) {
        let provenance = image.provenance();
        let id = OffsetAndEpoch {
            offset: Offset(provenance.last_contained_offset.0 + 1),
            epoch: provenance.last_contained_epoch,
        };
        // M04, KAFKA-14618: the wrong code does not add 1.
        let id = match self.bugs.has(Bug::Kafka14618SnapshotIdInclusive) {
            true => OffsetAndEpoch { offset: provenance.last_contained_offset, ..id },
            false => id,
        };
        let log_timestamp_ms = provenance.last_contained_log_time_ms;
        let (mut writer, mut file) = match raft.create_snapshot(id, log_timestamp_ms, step) {
            Ok(Some(created)) => created,
            not_created => {
                let result = not_created.map(|_| None).map_err(|error| error.to_string());
                step.out.record(|| DialogueEntry::SnapshotCreated { id, log_timestamp_ms, result });
                return;
            }
        };
        let (version, now_ms) = (image.features().metadata_version_or_minimum(), step.now_ms());
        let forgets = self.bugs.has(Bug::SnapshotForgetsFencing);
        let (mut is_written, mut sizes) = (true, Vec::new());
        image.write(&mut |record| {
            match frame_of(record, version, forgets) {
                Some(frame) => writer.append(&frame, now_ms),
                None => is_written = false,
            }
            for batch in writer.drain() {
                sizes.push(batch.len_bytes());
                file.append(Rc::clone(&batch.bytes), step.out);
            }
        });
        if !is_written {
            let result = Ok(Some(Rc::from([])));
            step.out.record(|| DialogueEntry::SnapshotCreated { id, log_timestamp_ms, result });
            step.out.record(|| DialogueEntry::SnapshotClosed { id });
            file.close(step.out);
            return;
        }
        for batch in writer.freeze(now_ms) {
            sizes.push(batch.len_bytes());
            file.append(Rc::clone(&batch.bytes), step.out);
        }
        raft.build_snapshot(&sizes);
        let partial = Rc::clone(file.path());
        let (id, bytes) = file.freeze(step.out);
        let result = Ok(Some(Rc::clone(&bytes)));
        step.out.record(|| DialogueEntry::SnapshotCreated { id, log_timestamp_ms, result });
        self.written = Some(Written { id, bytes, partial });
        step.out.push(Effect::Post { thread: ThreadName::SnapshotGenerator, post: Post::Applied });
    }
}

/// A record of a snapshot as bytes; `None` if this metadata version cannot write one of its fields. G22: the wrong code
/// `forgets` one.
fn frame_of(mut record: MetadataRecord, version: MetadataVersion, forgets: bool) -> Option<Rc<[u8]>> {
    if let MetadataRecord::RegisterBroker(broker) = &mut record
        && forgets
    {
        broker.fenced = false;
    }
    record.frame(record.version_for(version)).ok().map(|frame| frame.to_vec().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bugs::Bugs;
    use crate::ids::NodeId;
    use crate::io::{Entropy, Now, Out};
    use crate::metadata::image::MetadataProvenance;

    struct NoChance;

    impl Entropy for NoChance {
        fn below(&mut self, _: u32) -> u32 {
            panic!("nothing is drawn")
        }
    }

    /// One that waits for the thread is written, too.
    #[test]
    fn raft_ends_behind_a_snapshot() {
        let mut config = ControllerConfig::new(NodeId(1), Rc::from([]));
        config.max_bytes_between_snapshots = 1;
        let mut shared = SharedServer::new(&config, false, Bugs::NONE, 0);
        let aligned = MetadataProvenance { is_offset_batch_aligned: true, ..MetadataProvenance::EMPTY };
        let image = MetadataImage::default().at(aligned);
        assert!(shared.generator.publish_log_delta(&image, 1, 0));
        let mut out = Out::default();
        let now = Now { mono_ns: 0, wall_ms: 0 };
        let mut step = Step { now, entropy: &mut NoChance, out: &mut out };
        shared.stop();
        assert!(shared.generator.begin(0).is_some() && !shared.generator.is_idle());
        shared.generator.ended();
        shared.stop_now(&mut step);
        assert!(matches!(&step.out.effects[..], [Effect::Post { thread: ThreadName::RaftIo, post: Post::Stop }]));
        assert!(!shared.generator.publish_log_delta(&image, 1, 0), "it is disabled");
    }
}
