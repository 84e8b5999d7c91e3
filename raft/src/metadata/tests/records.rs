//! Records by chance.

use std::rc::Rc;

use proptest::prelude::*;

use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, Uuid};
use crate::metadata::MetadataRecord;
use crate::metadata::records::*;

fn text() -> impl Strategy<Value = Rc<str>> {
    "[a-zä.]{0,12}".prop_map(Rc::from)
}

fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn list<T: Clone + std::fmt::Debug + 'static>(item: impl Strategy<Value = T>) -> impl Strategy<Value = Rc<[T]>> {
    prop::collection::vec(item, 0..4).prop_map(Rc::from)
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<i32>().prop_map(NodeId)
}

fn maybe_nodes() -> impl Strategy<Value = Option<Rc<[NodeId]>>> {
    prop::option::of(list(node()))
}

fn epoch() -> impl Strategy<Value = BrokerEpoch> {
    any::<i64>().prop_map(BrokerEpoch)
}

prop_compose! {
    fn end_point()(name in text(), host in text(), port: u16, security_protocol: i16) -> BrokerEndpoint {
        BrokerEndpoint { name, host, port, security_protocol }
    }
}

prop_compose! {
    fn feature()(name in text(), min_supported_version: i16, max_supported_version: i16) -> BrokerFeature {
        BrokerFeature { name, min_supported_version, max_supported_version }
    }
}

prop_compose! {
    fn register_broker()(
        (broker_id, incarnation_id, broker_epoch) in (node(), uuid(), epoch()),
        (end_points, features, rack) in (list(end_point()), list(feature()), prop::option::of(text())),
        (is_migrating_zk_broker, fenced, in_controlled_shutdown) in any::<(bool, bool, bool)>(),
        (log_dirs, cordoned_log_dirs) in (list(uuid()), prop::option::of(list(uuid()))),
    ) -> MetadataRecord {
        MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id, is_migrating_zk_broker, incarnation_id, broker_epoch, end_points, features, rack, fenced,
            in_controlled_shutdown, log_dirs, cordoned_log_dirs,
        })
    }
}

prop_compose! {
    fn partition()(
        (partition_id, topic_id, leader, leader_recovery_state) in (any::<i32>(), uuid(), node(), any::<i8>()),
        (replicas, isr, removing_replicas, adding_replicas) in (list(node()), list(node()), list(node()), list(node())),
        (leader_epoch, partition_epoch) in any::<(i32, i32)>(),
        (directories, eligible_leader_replicas, last_known_elr) in (list(uuid()), maybe_nodes(), maybe_nodes()),
    ) -> MetadataRecord {
        MetadataRecord::Partition(Partition {
            partition_id, topic_id, replicas, isr, removing_replicas, adding_replicas, leader, leader_recovery_state,
            leader_epoch: LeaderEpoch(leader_epoch), partition_epoch: PartitionEpoch(partition_epoch), directories,
            eligible_leader_replicas, last_known_elr,
        })
    }
}

prop_compose! {
    fn partition_change()(
        (partition_id, topic_id, leader_recovery_state) in (any::<i32>(), uuid(), any::<i8>()),
        leader in prop_oneof![Just(NO_LEADER_CHANGE), node()],
        (isr, replicas, removing_replicas) in (maybe_nodes(), maybe_nodes(), maybe_nodes()),
        (adding_replicas, eligible_leader_replicas, last_known_elr) in (maybe_nodes(), maybe_nodes(), maybe_nodes()),
        directories in prop::option::of(list(uuid())),
    ) -> MetadataRecord {
        MetadataRecord::PartitionChange(PartitionChange {
            partition_id, topic_id, isr, leader, replicas, removing_replicas, adding_replicas, leader_recovery_state,
            eligible_leader_replicas, last_known_elr, directories,
        })
    }
}

prop_compose! {
    fn registration_change()(
        (broker_id, broker_epoch) in (node(), epoch()),
        (fenced, in_controlled_shutdown) in any::<(i8, i8)>(),
        (log_dirs, cordoned_log_dirs) in (list(uuid()), prop::option::of(list(uuid()))),
    ) -> MetadataRecord {
        MetadataRecord::BrokerRegistrationChange(BrokerRegistrationChange {
            broker_id, broker_epoch, fenced, in_controlled_shutdown, log_dirs, cordoned_log_dirs,
        })
    }
}

prop_compose! {
    fn register_controller()(
        (controller_id, incarnation_id, zk_migration_ready) in (node(), uuid(), any::<bool>()),
        (end_points, features) in (list(end_point()), list(feature())),
    ) -> MetadataRecord {
        MetadataRecord::RegisterController(RegisterController {
            controller_id, incarnation_id, zk_migration_ready, end_points, features,
        })
    }
}

prop_compose! {
    fn config()(resource_type: i8, resource_name in text(), name in text(), value in prop::option::of(text()))
        -> MetadataRecord {
        MetadataRecord::Config(Config { resource_type, resource_name, name, value })
    }
}

/// Any record of any type, sense or not.
pub fn any_record() -> impl Strategy<Value = MetadataRecord> {
    let unregister_broker =
        (node(), epoch()).prop_map(|(broker_id, broker_epoch)| UnregisterBroker { broker_id, broker_epoch }.into());
    let producer_ids = (node(), epoch(), any::<i64>()).prop_map(|(broker_id, broker_epoch, next)| {
        ProducerIds { broker_id, broker_epoch, next_producer_id: ProducerId(next) }.into()
    });
    let fence = (node(), epoch(), any::<bool>()).prop_map(|(id, epoch, fenced)| match fenced {
        true => FenceBroker { id, epoch }.into(),
        false => UnfenceBroker { id, epoch }.into(),
    });
    prop_oneof![
        4 => register_broker(),
        1 => unregister_broker,
        1 => fence,
        1 => (text(), uuid()).prop_map(|(name, topic_id)| Topic { name, topic_id }.into()),
        4 => partition(),
        1 => config(),
        4 => partition_change(),
        1 => uuid().prop_map(|topic_id| RemoveTopic { topic_id }.into()),
        1 => (text(), any::<i16>()).prop_map(|(name, feature_level)| FeatureLevel { name, feature_level }.into()),
        1 => producer_ids,
        4 => registration_change(),
        1 => Just(NoOp {}.into()),
        1 => any::<i8>().prop_map(|zk_migration_state| ZkMigrationState { zk_migration_state }.into()),
        1 => prop::option::of(text()).prop_map(|name| BeginTransaction { name }.into()),
        1 => Just(EndTransaction {}.into()),
        1 => prop::option::of(text()).prop_map(|reason| AbortTransaction { reason }.into()),
        2 => register_controller(),
        1 => text().prop_map(|topic_name| ClearElr { topic_name }.into()),
        1 => node().prop_map(|controller_id| UnregisterController { controller_id }.into()),
    ]
}
