//! How far getting a producer id is.

/// See the module's documentation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Initializing {
    /// Correlation id and attempt of the request without an answer.
    pub in_flight: Option<(i32, u32)>,
    pub failures: u32,
    pub not_before_ms: i64,
}
