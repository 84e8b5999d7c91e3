//! Dynamic configs, and the precedence of a topic's values (controller-broker.md §4.10).

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ids::NodeId;
use crate::metadata::records::Config;

/// The ISR size that an `acks=all` append needs.
pub const MIN_INSYNC_REPLICAS: &str = "min.insync.replicas";
/// Whether a replica outside of ISR and ELR may be elected.
pub const UNCLEAN_LEADER_ELECTION_ENABLE: &str = "unclean.leader.election.enable";

/// The types of resources that have configs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceType {
    /// 2
    Topic,
    /// 4; "" is the cluster-wide default.
    Broker,
}

impl ResourceType {
    /// The number on the wire.
    pub fn value(self) -> i8 {
        match self {
            ResourceType::Topic => 2,
            ResourceType::Broker => 4,
        }
    }

    /// `None` for resource types whose configs are not kept here.
    pub fn of(value: i8) -> Option<ResourceType> {
        [ResourceType::Topic, ResourceType::Broker].into_iter().find(|kind| kind.value() == value)
    }
}

/// Configs of one resource, by name.
pub type ResourceConfigs = BTreeMap<Rc<str>, Rc<str>>;

/// All dynamic configs. Unknown keys are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigState {
    resources: BTreeMap<(i8, Rc<str>), ResourceConfigs>,
}

impl ConfigState {
    /// The configs that are set on a resource, by name.
    pub fn of_resource(&self, kind: ResourceType, name: &str) -> Option<&ResourceConfigs> {
        self.resources.get(&(kind.value(), Rc::from(name)))
    }

    /// One value, as set on the resource itself.
    pub fn get(&self, kind: ResourceType, resource: &str, name: &str) -> Option<&Rc<str>> {
        self.of_resource(kind, resource)?.get(name)
    }

    /// Precedence: topic, dynamic broker (this controller's node), cluster default; `None` if only the static value
    /// applies.
    pub fn effective(&self, topic: &str, name: &str, node_id: NodeId) -> Option<&Rc<str>> {
        self.get(ResourceType::Topic, topic, name)
            .or_else(|| self.get(ResourceType::Broker, &node_id.to_string(), name))
            .or_else(|| self.get(ResourceType::Broker, "", name))
    }

    pub(super) fn replay(&mut self, record: &Config) {
        let key = (record.resource_type, Rc::clone(&record.resource_name));
        match &record.value {
            Some(value) => {
                let configs = self.resources.entry(key).or_default();
                configs.insert(Rc::clone(&record.name), Rc::clone(value));
            }
            None => {
                if let Some(configs) = self.resources.get_mut(&key) {
                    configs.remove(&record.name);
                    if configs.is_empty() {
                        self.resources.remove(&key);
                    }
                }
            }
        }
    }

    pub(super) fn remove_resource(&mut self, kind: ResourceType, name: &str) {
        self.resources.remove(&(kind.value(), Rc::from(name)));
    }
}
