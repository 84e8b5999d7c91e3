//! The loader: when publishers see what.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;
use smallvec::smallvec;

use super::history::{
    batch, choices, create, feature, history, no_change, nodes, partition, register, topic_id, topic_name,
};
use crate::bugs::{Bug, Bugs};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, TopicIdPartition};
use crate::io::{Effect, Entropy, Now, Out};
use crate::log::{BatchBuilder, ControlRecord, LeaderChange, Records};
use crate::metadata::loader::{ManifestType, MetadataLoader, Publication};
use crate::metadata::records::*;
use crate::metadata::{MetadataDelta, MetadataImage, MetadataRecord};
use crate::step::{Fatal, Step};

struct NoChance;

impl Entropy for NoChance {
    fn below(&mut self, _: u32) -> u32 {
        panic!("the loader draws nothing")
    }
}

/// A loader on its thread, with publishers from the start.
struct Harness {
    loader: MetadataLoader,
    timer_ns: Option<u64>,
    now_ns: u64,
    wall_ms: i64,
}

impl Harness {
    fn new(controller: bool, bugs: Bugs) -> Harness {
        let mut harness =
            Harness { loader: MetadataLoader::new(controller, bugs), timer_ns: None, now_ns: 1_000, wall_ms: 0 };
        harness.step(|loader, step| loader.install_publishers(step));
        harness
    }

    fn step<T>(&mut self, act: impl FnOnce(&mut MetadataLoader, &mut Step<'_>) -> T) -> T {
        let mut out = Out::default();
        let now = Now { mono_ns: self.now_ns, wall_ms: self.wall_ms };
        let result = act(&mut self.loader, &mut Step { now, entropy: &mut NoChance, out: &mut out });
        for effect in &out.effects {
            let Effect::ArmTimer { at_mono_ns } = effect else { panic!("{effect:?}") };
            self.timer_ns = Some(*at_mono_ns);
        }
        result
    }

    /// The timer, if it was armed.
    fn fire(&mut self, high_watermark: Option<i64>) -> Option<Publication> {
        self.now_ns = self.timer_ns.take()?;
        self.step(|loader, step| loader.initialize_new_publishers(high_watermark.map(Offset), step))
    }

    fn commit(
        &mut self,
        batches: &[(i64, &[MetadataRecord])],
        high_watermark: Option<i64>,
    ) -> Result<Vec<Publication>, Fatal> {
        let records = Records(batches.iter().map(|(base, records)| batch(*base, records)).collect());
        self.step(|loader, step| loader.handle_commit(&records, high_watermark.map(Offset), step))
    }

    /// All at once, everything being committed then.
    fn load(&mut self, base: i64, records: &[MetadataRecord]) -> Vec<Publication> {
        let end = base + i64::try_from(records.len()).expect("few");
        self.commit(&[(base, records)], Some(end)).expect("no fault")
    }

    /// A harness whose publishers have the image of `records`.
    fn caught_up(controller: bool, records: &[MetadataRecord]) -> Harness {
        let mut harness = Harness::new(controller, Bugs::NONE);
        assert!(harness.load(0, records).is_empty());
        let first = harness.fire(Some(0)).expect("it has caught up");
        assert_eq!(first.manifest, ManifestType::Snapshot);
        harness
    }
}

fn begin() -> MetadataRecord {
    BeginTransaction { name: None }.into()
}

fn abort() -> MetadataRecord {
    AbortTransaction { reason: None }.into()
}

fn topics(image: &MetadataImage) -> Vec<&str> {
    image.topics().ids_by_name().keys().map(|name| &**name).collect()
}

#[test]
fn nothing_is_published_before_all_that_was_committed_is_loaded() {
    let mut harness = Harness::new(false, Bugs::NONE);
    assert!(harness.fire(Some(2)).is_none(), "no record yet");
    assert_eq!(harness.timer_ns, Some(harness.now_ns + 100_000_000));
    let change = LeaderChange { leader_id: NodeId(1), voters: smallvec![NodeId(1)], granting_voters: smallvec![] };
    let election = BatchBuilder::new(Offset(0), LeaderEpoch(1), 0).control(ControlRecord::LeaderChange(change)).build();
    let records = Records(smallvec![election]);
    let published = harness.step(|loader, step| loader.handle_commit(&records, Some(Offset(1)), step));
    assert!(published.expect("no fault").is_empty());
    assert!(harness.fire(Some(1)).is_none(), "an election is no record");
    assert!(harness.commit(&[(1, &[create(0, 0)])], None).expect("no fault").is_empty());
    assert!(harness.fire(None).is_none(), "who knows how much more there is");
    assert!(harness.fire(Some(4)).is_none() && !harness.loader.has_caught_up());
    assert_eq!((harness.loader.last_applied_offset(), harness.loader.next_offset()), (Offset(-1), Offset(2)));
    assert!(!harness.loader.handle_leader_change(Some(NodeId(1)), LeaderEpoch(1)));

    // The commit that reaches the high watermark counts as applied; publishers get it at once, but
    // as a snapshot.
    assert!(harness.commit(&[(2, &[create(1, 0)]), (3, &[create(2, 0)])], Some(4)).expect("no fault").is_empty());
    assert_eq!((harness.loader.last_applied_offset(), harness.timer_ns), (Offset(3), Some(harness.now_ns)));
    let first = harness.fire(Some(9)).expect("once through, always through");
    assert_eq!((first.manifest, first.image.offset()), (ManifestType::Snapshot, Offset(3)));
    assert_eq!((first.delta.base().offset(), first.delta.changes().topics.len()), (Offset(-1), 3));
    assert!(harness.loader.handle_leader_change(Some(NodeId(2)), LeaderEpoch(2)));
    assert!(harness.fire(Some(9)).is_none() && harness.timer_ns.is_none());

    let next = harness.commit(&[(4, &[create(3, 0)])], Some(99)).expect("no fault");
    assert!(matches!(next[0].manifest, ManifestType::LogDelta { bytes: 1.. }));
    assert_eq!((next.len(), next[0].image.offset()), (1, Offset(4)));
    assert!(Rc::ptr_eq(next[0].delta.base(), &first.image));
}

#[test]
fn a_gate_that_opens_on_a_retry_does_not_move_what_was_applied() {
    let mut harness = Harness::new(false, Bugs::NONE);
    assert!(harness.commit(&[(0, &[create(0, 0)])], None).expect("no fault").is_empty());
    assert!(harness.fire(Some(1)).is_some());
    assert_eq!(harness.loader.last_applied_offset(), Offset(-1));
    harness.load(1, &[NoOp {}.into()]);
    assert_eq!(harness.loader.last_applied_offset(), Offset(1));
}

#[test]
fn a_transaction_is_seen_whole_or_not_at_all() {
    let mut harness = Harness::caught_up(false, &[create(0, 0)]);
    // What comes before Begin is published by itself, in the middle of a batch.
    let published = harness.load(1, &[create(1, 0), begin(), create(2, 0)]);
    assert_eq!(published.len(), 1);
    assert_eq!(topics(&published[0].image), ["topic0", "topic1"]);
    let provenance = published[0].image.provenance();
    assert_eq!((provenance.last_contained_offset, provenance.is_offset_batch_aligned), (Offset(1), false));
    assert!(harness.load(4, &[create(3, 0)]).is_empty());
    assert_eq!((harness.loader.last_applied_offset(), harness.loader.next_offset()), (Offset(1), Offset(5)));
    let ended = harness.load(5, &[EndTransaction {}.into()]);
    assert_eq!((ended.len(), topics(&ended[0].image).len(), ended[0].image.offset()), (1, 4, Offset(5)));
    assert!(ended[0].image.provenance().is_offset_batch_aligned);
}

/// The finding `DropAbortedTransaction`: released `MetadataBatchLoader` does the same.
#[test]
fn an_aborted_transaction_leaves_nothing_unless_more_follows_in_the_delivery() {
    let remove = |topic| MetadataRecord::from(RemoveTopic { topic_id: topic_id(topic, 0) });
    let three = || Harness::caught_up(false, &[create(0, 0), create(1, 0), create(2, 0)]);

    let mut harness = three();
    let aborted = harness.load(3, &[begin(), remove(0), abort()]);
    assert_eq!(aborted.len(), 1);
    assert!(aborted[0].delta.changes().is_empty() && aborted[0].image.offset() == Offset(5));
    let later = harness.load(6, &[create(3, 0)]);
    assert_eq!(topics(&later[0].image), ["topic0", "topic1", "topic2", "topic3"]);

    for more in [create(3, 0), begin()] {
        let mut harness = three();
        let published = harness.load(3, &[begin(), remove(0), abort(), more]);
        assert_eq!(published.len(), 1);
        assert_eq!(topics(&published[0].image)[..2], ["topic1", "topic2"], "topic0 is removed");
    }
}

#[test]
fn a_fault_stops_a_controller_and_a_broker_goes_on_without_the_record() {
    let faults: [MetadataRecord; 4] =
        [create(0, 1), abort(), EndTransaction {}.into(), no_change(topic_id(9, 9), 0).into()];
    for fault in faults {
        let records = [fault, create(1, 0)];
        let mut controller = Harness::caught_up(true, &[create(0, 0)]);
        let fatal = controller.commit(&[(1, &records)], Some(3)).expect_err("fatal");
        assert!(fatal.message.starts_with("Error loading metadata log record from offset 1: "), "{fatal}");
        let mut broker = Harness::caught_up(false, &[create(0, 0)]);
        let published = broker.load(1, &records);
        assert_eq!(topics(&published[0].image), ["topic0", "topic1"]);
        assert_eq!((broker.loader.load_error_count(), broker.loader.last_applied_offset()), (1, Offset(2)));
    }
    let stranger = BatchBuilder::new(Offset(1), LeaderEpoch(1), 0).record(&[1, 6, 0, 0]).build();
    let records = Records(smallvec![stranger]);
    let load = |harness: &mut Harness| harness.step(|loader, step| loader.handle_commit(&records, None, step));
    assert!(load(&mut Harness::caught_up(true, &[create(0, 0)])).is_err());
    let mut broker = Harness::caught_up(false, &[create(0, 0)]);
    assert_eq!(load(&mut broker).expect("it goes on")[0].image.offset(), Offset(1));
}

#[test]
fn a_broker_learns_what_to_do_about_its_replicas() {
    let id = |topic, partition| TopicIdPartition { topic_id: topic_id(topic, 0), partition };
    let replicas = |topic: u8, number, ids: &[i32]| {
        MetadataRecord::from(partition(topic_id(topic, 0), number, nodes(ids.iter().copied())))
    };
    let start = [create(0, 0), replicas(0, 0, &[1, 2]), replicas(0, 1, &[2, 1]), create(1, 0), replicas(1, 0, &[1])];
    let mut harness = Harness::caught_up(false, &start);
    let elect = PartitionChange { leader: NodeId(1), ..no_change(topic_id(0, 0), 1) };
    let shrink = PartitionChange { isr: Some(nodes([1])), ..no_change(topic_id(0, 0), 0) };
    let records =
        [elect.into(), shrink.into(), RemoveTopic { topic_id: topic_id(1, 0) }.into(), replicas(0, 2, &[2, 3])];
    let published = harness.load(5, &records);
    let local = published[0].delta.local_changes(NodeId(1));
    assert_eq!(local.deletes, BTreeSet::from([id(1, 0)]));
    assert_eq!(local.leaders.keys().copied().collect::<Vec<_>>(), [id(0, 0), id(0, 1)]);
    assert_eq!((local.elected_leaders, local.followers.len()), (BTreeSet::from([id(0, 1)]), 0));
    let other = published[0].delta.local_changes(NodeId(2));
    assert_eq!((other.leaders.into_keys().collect::<Vec<_>>(), other.deletes.len()), (vec![id(0, 2)], 0));
    assert_eq!(other.followers.into_keys().collect::<Vec<_>>(), [id(0, 0), id(0, 1)]);

    let leave = PartitionChange { replicas: Some(nodes([2])), leader: NodeId(2), ..no_change(topic_id(0, 0), 0) };
    let published = harness.load(9, &[leave.into()]);
    assert_eq!(published[0].delta.local_changes(NodeId(1)).deletes, BTreeSet::from([id(0, 0)]));
}

/// `TopicsDelta.replay` of a TopicRecord begins with an empty `TopicImage`.
#[test]
fn a_snapshot_names_all_replicas_of_its_topics_anew() {
    let id = |topic, partition| TopicIdPartition { topic_id: topic_id(topic, 0), partition };
    let replicas = |topic: u8, number, ids: &[i32]| {
        MetadataRecord::from(partition(topic_id(topic, 0), number, nodes(ids.iter().copied())))
    };
    let start = [create(0, 0), replicas(0, 0, &[1, 2]), create(1, 0), replicas(1, 0, &[1])];
    let mut harness = Harness::caught_up(false, &start);
    let before = Rc::clone(&harness.load(4, &[NoOp {}.into()])[0].image);
    let mut next = MetadataDelta::new(Rc::clone(&before));
    next.replay(&RemoveTopic { topic_id: topic_id(1, 0) }.into()).expect("it exists");
    let next = MetadataImage::clone(&next.apply(*before.provenance()));
    let local = MetadataDelta::to_snapshot(before, next).local_changes(NodeId(1));
    assert_eq!(local.deletes, BTreeSet::from([id(1, 0)]));
    assert_eq!(local.leaders.into_keys().collect::<Vec<_>>(), [id(0, 0)]);
    assert_eq!(local.elected_leaders, BTreeSet::from([id(0, 0)]));
}

proptest! {
    #[test]
    fn any_cut_into_batches_and_deliveries_gives_the_same_images(
        choices in choices(),
        cuts in prop::collection::vec((1..8_usize, any::<bool>()), 200),
    ) {
        let (history, visible) = history(&choices);
        let mut harness = Harness::new(true, Bugs::NONE);
        let mut last: Option<Publication> = None;
        let mut held: BTreeMap<TopicIdPartition, bool> = BTreeMap::new();
        let (mut start, mut delivery) = (0, Vec::new());
        for (size, ends) in cuts {
            let mut end = history.len().min(start + size);
            // What follows an abort in a delivery would bring back what was aborted.
            let abort = history[start..end].iter().position(|it| matches!(it, MetadataRecord::AbortTransaction(_)));
            end = abort.map_or(end, |at| start + at + 1);
            let ends = ends || abort.is_some();
            if start < end {
                delivery.push((i64::try_from(start).expect("few"), &history[start..end]));
                start = end;
            }
            if !ends && start < history.len() {
                continue;
            }
            let end = i64::try_from(start).expect("few");
            let published = harness.commit(&delivery, Some(end)).expect("it made sense before");
            delivery.clear();
            for publication in published.into_iter().chain(harness.fire(Some(end))) {
                let offset = publication.image.offset();
                let expected = usize::try_from(offset.0).ok().map_or_else(Default::default, |at| visible[at].clone());
                prop_assert_eq!(&*publication.image, &expected);
                prop_assert_eq!(publication.image.digest(), expected.digest());
                if let (Some(last), ManifestType::LogDelta { .. }) = (&last, publication.manifest) {
                    prop_assert!(Rc::ptr_eq(publication.delta.base(), &last.image));
                }
                // A broker that only ever learns of changes holds what the image says.
                let local = publication.delta.local_changes(NodeId(1));
                held.retain(|id, _| !local.deletes.contains(id));
                held.extend(local.leaders.into_keys().map(|id| (id, true)));
                held.extend(local.followers.into_keys().map(|id| (id, false)));
                let all = publication.image.topics().partitions().filter(|(_, state)| state.has_replica(NodeId(1)));
                prop_assert_eq!(&held, &all.map(|(id, state)| (id, state.leader == NodeId(1))).collect());
                last = Some(publication);
            }
        }
        if let Some(image) = visible.last() {
            prop_assert_eq!(&**harness.loader.image(), image);
        }
    }
}

#[test]
fn a_loader_that_loses_a_batch_has_another_image_than_one_that_reads_all() {
    let digest = |bugs: Bugs, together: bool| {
        let mut harness = Harness::new(false, bugs);
        harness.load(0, &[feature("metadata.version", 33)]);
        let (first, second) = ([create(0, 0)], [create(1, 1)]);
        let deliveries: &[&[(i64, &[MetadataRecord])]] =
            if together { &[&[(1, &first), (2, &second)]] } else { &[&[(1, &first)], &[(2, &second)]] };
        for delivery in deliveries {
            harness.commit(delivery, Some(3)).expect("no fault");
        }
        assert_eq!(harness.loader.image().offset(), Offset(2));
        harness.loader.image().digest()
    };
    let loses = Bugs::NONE.with(Bug::LoaderSkipsBatch);
    assert_eq!(digest(Bugs::NONE, true), digest(Bugs::NONE, false));
    assert_ne!(digest(loses, true), digest(loses, false));
}

/// Each of these mistakes of replay makes another image of the same records, and none without its occasion.
#[test]
fn a_mistake_of_replay_makes_another_image() {
    let gone = |generation| RemoveTopic { topic_id: topic_id(0, generation) }.into();
    let unfenced = MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
        broker_id: NodeId(1),
        broker_epoch: BrokerEpoch(1),
        fenced: -1,
        in_controlled_shutdown: 0,
        log_dirs: Rc::default(),
        cordoned_log_dirs: None,
    });
    let clear = ClearElr { topic_name: topic_name(0) }.into();
    let cases: [(Bug, &[MetadataRecord], &[MetadataRecord]); 4] = [
        (Bug::Kafka19383ClearElrRestoresTopic, &[create(0, 0)], &[gone(0), create(0, 1), clear]),
        (Bug::Kafka19497DeletedTopicStaysCreated, &[], &[create(0, 0), gone(0)]),
        (Bug::Kafka15799FullUpdateKeepsDeleted, &[create(0, 0), gone(0)], &[]),
        (Bug::ReplayByLocalClock, &[register(1, 1, true)], &[unfenced]),
    ];
    for (bug, before, delta) in cases {
        let digest = |bugs: Bugs, wall_ms: i64, together: bool| {
            let mut harness = Harness { wall_ms, ..Harness::new(false, bugs) };
            let mut end = 0;
            let mut load = |records: &[MetadataRecord]| {
                harness.load(end, records);
                end += i64::try_from(records.len()).expect("few");
            };
            load(&[&[feature("metadata.version", 33)][..], before].concat());
            delta.chunks(if together { delta.len().max(1) } else { 1 }).for_each(load);
            harness.loader.image().digest()
        };
        let (right, wrong) = (Bugs::NONE, Bugs::NONE.with(bug));
        // Records are as old as the epoch.
        let late = 60_000;
        assert_eq!(digest(right, late, true), digest(right, 0, false), "{}", bug.name());
        assert_ne!(digest(wrong, late, true), digest(right, late, true), "{}", bug.name());
        if delta.len() > 1 {
            assert_eq!(
                digest(wrong, late, false),
                digest(right, late, false),
                "{} in deltas of one record",
                bug.name()
            );
        }
    }
}
