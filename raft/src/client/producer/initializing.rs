//! The state of the request for a producer id.

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Initializing {
    /// Correlation id and attempt of the request in flight.
    pub in_flight: Option<(i32, u32)>,
    pub failures: u32,
    pub not_before_ms: i64,
}
