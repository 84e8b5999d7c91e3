//! The identity of this build.

/// Version of kraftsim.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit of this build, with `-dirty` if its sources differ from it; `None` if they were no repository.
pub const COMMIT: Option<&str> = option_env!("KRAFTSIM_COMMIT");

/// The first 12 digits of the commit.
pub fn show_commit(commit: Option<&str>) -> String {
    let Some(commit) = commit else { return "unknown".to_owned() };
    let (digits, dirty) = commit.split_once('-').map_or((commit, ""), |(digits, _)| (digits, "-dirty"));
    format!("{}{dirty}", digits.chars().take(12).collect::<String>())
}

/// The host of a run in this build.
pub fn host() -> &'static str {
    fuzz::hosts::HOSTS[0].name()
}
