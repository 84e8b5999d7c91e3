//! Kafka's `ReplicationControlManager` (controller-broker.md §4).
//!
//! * `view`: the state that an operation reads
//! * `create_topics`, `placement`: topic creation, and replica placement
//! * `topic_changes`: DeleteTopics and CreatePartitions
//! * `alter_partition`: ISR proposals of leaders
//! * `broker_events`: partition changes when brokers are fenced, unfenced or restarted
//! * `elections`: requested, preferred, unclean

mod alter_partition;
mod broker_events;
mod create_topics;
mod elections;
mod placement;
mod topic_changes;
mod view;

pub use alter_partition::alter_partition;
pub use broker_events::{
    broker_fenced, broker_unfenced, controlled_shutdown, directories_cordoned, directories_offline, directory_assigned,
    leaves, lost_uncleanly, unregistered,
};
pub use create_topics::create_topics;
pub use elections::{elect_leaders, elect_preferred, elect_unclean};
pub use placement::{StripedReplicaPlacer, UsableBroker};
pub use topic_changes::{create_partitions, delete_topics, resolve_topics};
pub use view::View;
