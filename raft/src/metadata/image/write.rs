//! The records of an image, for a snapshot (`MetadataImage.write`).

use std::rc::Rc;

use super::{BrokerRegistration, ControllerRegistration, MetadataImage};
use crate::ids::{BrokerEpoch, NodeId};
use crate::metadata::records::{Config, FeatureLevel, ProducerIds, RegisterBroker, RegisterController, Topic};
use crate::metadata::{MetadataRecord, MetadataVersion};

impl MetadataImage {
    /// Passes every record of the image to `write`: first `metadata.version`, which decides how the rest is read, then the
    /// other features, brokers, controllers, topics with their partitions, configs and producer ids. Kafka's order within
    /// each part is that of a hash map; here it is by key.
    pub fn write(&self, write: &mut dyn FnMut(MetadataRecord)) {
        let version = self.features.metadata_version_or_minimum();
        let feature = |name: &Rc<str>, level| {
            MetadataRecord::FeatureLevel(FeatureLevel { name: Rc::clone(name), feature_level: level })
        };
        write(feature(&MetadataVersion::FEATURE_NAME.into(), version.0));
        for (name, level) in self.features.finalized() {
            write(feature(name, *level));
        }
        for broker in self.cluster.brokers().values() {
            write(MetadataRecord::RegisterBroker(broker.to_record(version)));
        }
        for controller in self.cluster.controllers().values() {
            write(MetadataRecord::RegisterController(controller.to_record()));
        }
        for topic in self.topics.topics_by_id().values() {
            write(MetadataRecord::Topic(Topic { name: Rc::clone(&topic.name), topic_id: topic.id }));
            for (number, partition) in topic.partitions.iter() {
                write(MetadataRecord::Partition(partition.to_record(topic.id, *number, version)));
            }
        }
        for (resource, values) in self.configs.resources() {
            for (name, value) in values.iter() {
                write(MetadataRecord::Config(Config {
                    resource_type: resource.resource_type as i8,
                    resource_name: Rc::clone(&resource.name),
                    name: Rc::clone(name),
                    value: Some(Rc::clone(value)),
                }));
            }
        }
        if let Some(next_producer_id) = self.next_producer_id {
            write(MetadataRecord::ProducerIds(ProducerIds {
                broker_id: NodeId::NONE,
                broker_epoch: BrokerEpoch::UNKNOWN,
                next_producer_id,
            }));
        }
    }
}

impl BrokerRegistration {
    /// The record of this registration, with the fields that `metadata.version` has (`BrokerRegistration.toRecord`).
    fn to_record(&self, version: MetadataVersion) -> RegisterBroker {
        let with_directories = version.is_directory_assignment_supported();
        RegisterBroker {
            broker_id: self.id,
            is_migrating_zk_broker: self.is_migrating_zk_broker,
            incarnation_id: self.incarnation_id,
            broker_epoch: self.epoch,
            end_points: Rc::clone(&self.end_points),
            features: Rc::clone(&self.features),
            rack: self.rack.clone(),
            fenced: self.fenced,
            in_controlled_shutdown: self.in_controlled_shutdown,
            log_dirs: if with_directories { Rc::clone(&self.log_dirs) } else { Rc::from([]) },
            cordoned_log_dirs: self.cordoned_log_dirs.clone().filter(|_| version.is_cordoned_log_dirs_supported()),
        }
    }
}

impl ControllerRegistration {
    /// The record of this registration (`ControllerRegistration.toRecord`).
    fn to_record(&self) -> RegisterController {
        RegisterController {
            controller_id: self.id,
            incarnation_id: self.incarnation_id,
            zk_migration_ready: self.zk_migration_ready,
            end_points: Rc::clone(&self.end_points),
            features: Rc::clone(&self.features),
        }
    }
}
