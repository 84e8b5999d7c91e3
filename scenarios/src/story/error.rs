//! The error of a story.

/// Why a story failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoryError(pub String);

impl From<String> for StoryError {
    fn from(problem: String) -> StoryError {
        StoryError(problem)
    }
}
