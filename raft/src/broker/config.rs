//! Broker properties, by Kafka's names.

use super::log::PartitionLogConfig;
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::NodeId;

/// Kafka's broker properties; times in ms, sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// `node.id`
    pub node_id: NodeId,
    /// `broker.heartbeat.interval.ms`
    pub heartbeat_interval_ms: i64,
    /// `initial.broker.registration.timeout.ms`
    pub initial_registration_timeout_ms: i64,
    /// `controlled.shutdown.enable`
    pub controlled_shutdown_enable: bool,
    /// `controller.socket.timeout.ms`
    pub controller_socket_timeout_ms: i64,
    /// `request.timeout.ms`, for requests between brokers.
    pub request_timeout_ms: i64,
    /// `replica.lag.time.max.ms`
    pub replica_lag_time_max_ms: i64,
    /// `replica.fetch.wait.max.ms`
    pub replica_fetch_wait_max_ms: i32,
    /// `replica.fetch.min.bytes`
    pub replica_fetch_min_bytes: i32,
    /// `replica.fetch.max.bytes`, per partition.
    pub replica_fetch_max_bytes: i32,
    /// `replica.fetch.response.max.bytes`
    pub replica_fetch_response_max_bytes: i32,
    /// `replica.fetch.backoff.ms`
    pub replica_fetch_backoff_ms: i64,
    /// `replica.high.watermark.checkpoint.interval.ms`
    pub high_watermark_checkpoint_interval_ms: i64,
    /// `log.flush.offset.checkpoint.interval.ms`
    pub recovery_point_checkpoint_interval_ms: i64,
    /// `log.flush.start.offset.checkpoint.interval.ms`
    pub log_start_checkpoint_interval_ms: i64,
    /// `log.initial.task.delay.ms`: before the first of these two checkpoints.
    pub initial_task_delay_ms: i64,
    /// `producer.id.expiration.ms`
    pub producer_id_expiration_ms: i64,
    /// `producer.id.expiration.check.interval.ms`
    pub producer_id_expiration_check_interval_ms: i64,
    /// `min.insync.replicas`, for topics whose metadata does not set it.
    pub min_insync_replicas: i32,
    /// `log.segment.bytes`, `log.roll.ms`, `message.max.bytes`.
    pub log: PartitionLogConfig,
    /// Bugs switched on; not a property.
    pub bugs: Bugs,
    /// Fixes switched on.
    pub fixes: Fixes,
}

impl BrokerConfig {
    /// Kafka's defaults.
    pub fn new(node_id: NodeId) -> BrokerConfig {
        BrokerConfig {
            node_id,
            heartbeat_interval_ms: 2_000,
            initial_registration_timeout_ms: 60_000,
            controlled_shutdown_enable: true,
            controller_socket_timeout_ms: 30_000,
            request_timeout_ms: 30_000,
            replica_lag_time_max_ms: 30_000,
            replica_fetch_wait_max_ms: 500,
            replica_fetch_min_bytes: 1,
            replica_fetch_max_bytes: 1 << 20,
            replica_fetch_response_max_bytes: 10 << 20,
            replica_fetch_backoff_ms: 1_000,
            high_watermark_checkpoint_interval_ms: 5_000,
            recovery_point_checkpoint_interval_ms: 60_000,
            log_start_checkpoint_interval_ms: 60_000,
            initial_task_delay_ms: 30_000,
            producer_id_expiration_ms: 86_400_000,
            producer_id_expiration_check_interval_ms: 600_000,
            min_insync_replicas: 1,
            log: PartitionLogConfig {
                segment_bytes: 1 << 30,
                segment_ms: 604_800_000,
                max_message_bytes: 1_048_588,
                bugs: Bugs::NONE,
                fixes: Fixes::NONE,
            },
            bugs: Bugs::NONE,
            fixes: Fixes::NONE,
        }
    }

    /// Sets these switches, also for the logs.
    #[must_use]
    pub fn with_switches(mut self, bugs: Bugs, fixes: Fixes) -> BrokerConfig {
        self.fixes = fixes;
        self.bugs = bugs;
        self.log.bugs = bugs;
        self.log.fixes = fixes;
        self
    }
}

/// A time of the configuration in ns; a negative one is 0.
pub(in crate::broker) fn ns(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000)
}
