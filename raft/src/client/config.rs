//! Client properties with the defaults of Kafka's Java clients (controller-broker.md §6.10).

use std::rc::Rc;

use crate::backoff::ExponentialBackoff;
use crate::bugs::Bugs;
use crate::fixes::Fixes;
use crate::ids::NodeId;

/// Properties of all clients.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// `bootstrap.servers`, as broker ids.
    pub bootstrap: Rc<[NodeId]>,
    /// All topics that the client may use; [`TopicPartition::topic`](super::TopicPartition::topic) is an index into it.
    pub topics: Rc<[Rc<str>]>,
    /// `request.timeout.ms`
    pub request_timeout_ms: i64,
    /// `retry.backoff.ms`
    pub retry_backoff_ms: i64,
    /// `retry.backoff.max.ms`
    pub retry_backoff_max_ms: i64,
    /// `reconnect.backoff.ms`
    pub reconnect_backoff_ms: i64,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max_ms: i64,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: i64,
    /// `socket.connection.setup.timeout.max.ms`
    pub connection_setup_timeout_max_ms: i64,
    /// `metadata.max.age.ms`
    pub metadata_max_age_ms: i64,
    /// `metadata.recovery.strategy` is `rebootstrap` (and not `none`).
    pub metadata_recovery_rebootstrap: bool,
    /// `metadata.recovery.rebootstrap.trigger.ms`
    pub metadata_recovery_rebootstrap_trigger_ms: i64,
    /// Bugs switched on; not a property.
    pub bugs: Bugs,
    /// Fixes that real clients do not have; not a property.
    pub fixes: Fixes,
}

impl ClientConfig {
    /// Kafka's defaults. `bootstrap` must not be empty.
    pub fn new(bootstrap: Rc<[NodeId]>, topics: Rc<[Rc<str>]>) -> ClientConfig {
        ClientConfig {
            bootstrap,
            topics,
            request_timeout_ms: 30_000,
            retry_backoff_ms: 100,
            retry_backoff_max_ms: 1_000,
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1_000,
            connection_setup_timeout_ms: 10_000,
            connection_setup_timeout_max_ms: 30_000,
            metadata_max_age_ms: 300_000,
            metadata_recovery_rebootstrap: true,
            metadata_recovery_rebootstrap_trigger_ms: 300_000,
            bugs: Bugs::NONE,
            fixes: Fixes::NONE,
        }
    }

    pub(super) fn retry_backoff(&self) -> ExponentialBackoff {
        ExponentialBackoff { initial_ms: self.retry_backoff_ms, max_ms: self.retry_backoff_max_ms }
    }
}

/// Why `new KafkaProducer` throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProducerConfigError {
    /// `delivery.timeout.ms` is too short.
    #[error("delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms")]
    DeliveryTimeout,
    /// Idempotence requires acks=all, retries and at most 5 in flight.
    #[error("to use the idempotent producer, {0}")]
    Idempotence(&'static str),
    /// Not 0, 1 or -1.
    #[error("acks is {0}")]
    Acks(i16),
}

/// Producer properties.
#[derive(Clone, Debug)]
pub struct ProducerConfig {
    pub client: ClientConfig,
    /// `acks`: 0, 1 or -1 (all).
    pub acks: i16,
    /// `enable.idempotence`
    pub enable_idempotence: bool,
    /// `retries`
    pub retries: u32,
    /// `delivery.timeout.ms`
    pub delivery_timeout_ms: i64,
    /// `linger.ms`
    pub linger_ms: i64,
    /// `batch.size`, bytes
    pub batch_size: u32,
    /// `max.in.flight.requests.per.connection`
    pub max_in_flight: usize,
    /// `max.block.ms`
    pub max_block_ms: i64,
    /// `max.request.size`, bytes
    pub max_request_size: u32,
}

impl ProducerConfig {
    /// Kafka's defaults.
    pub fn new(client: ClientConfig) -> ProducerConfig {
        ProducerConfig {
            client,
            acks: -1,
            enable_idempotence: true,
            retries: i32::MAX.unsigned_abs(),
            delivery_timeout_ms: 120_000,
            linger_ms: 5,
            batch_size: 16_384,
            max_in_flight: 5,
            max_block_ms: 60_000,
            max_request_size: 1 << 20,
        }
    }

    /// Returns the errors with which Kafka refuses properties.
    pub fn check(&self) -> Result<(), ProducerConfigError> {
        if !matches!(self.acks, -1..=1) {
            return Err(ProducerConfigError::Acks(self.acks));
        }
        if self.delivery_timeout_ms < self.linger_ms.saturating_add(self.client.request_timeout_ms) {
            return Err(ProducerConfigError::DeliveryTimeout);
        }
        if !self.enable_idempotence {
            return Ok(());
        }
        let needs = if self.acks != -1 {
            "acks must be all"
        } else if self.retries == 0 {
            "retries must be positive"
        } else if self.max_in_flight > 5 {
            "max.in.flight.requests.per.connection must be at most 5"
        } else {
            return Ok(());
        };
        Err(ProducerConfigError::Idempotence(needs))
    }
}

/// `auto.offset.reset`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OffsetResetStrategy {
    /// The log's start.
    Earliest,
    /// The high watermark.
    Latest,
    /// `poll` throws.
    None,
}

/// Consumer properties.
#[derive(Clone, Debug)]
pub struct ConsumerConfig {
    pub client: ClientConfig,
    /// `auto.offset.reset`
    pub auto_offset_reset: OffsetResetStrategy,
    /// `fetch.min.bytes`
    pub fetch_min_bytes: i32,
    /// `fetch.max.wait.ms`
    pub fetch_max_wait_ms: i32,
    /// `fetch.max.bytes`
    pub fetch_max_bytes: i32,
    /// `max.partition.fetch.bytes`
    pub max_partition_fetch_bytes: i32,
}

impl ConsumerConfig {
    /// Kafka's defaults.
    pub fn new(client: ClientConfig) -> ConsumerConfig {
        ConsumerConfig {
            client,
            auto_offset_reset: OffsetResetStrategy::Latest,
            fetch_min_bytes: 1,
            fetch_max_wait_ms: 500,
            fetch_max_bytes: 50 << 20,
            max_partition_fetch_bytes: 1 << 20,
        }
    }
}

/// Admin client properties.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    pub client: ClientConfig,
    /// `default.api.timeout.ms`
    pub default_api_timeout_ms: i64,
    /// `retries`
    pub retries: u32,
}

impl AdminConfig {
    /// Kafka's defaults.
    pub fn new(client: ClientConfig) -> AdminConfig {
        AdminConfig { client, default_api_timeout_ms: 60_000, retries: i32::MAX.unsigned_abs() }
    }
}
