//! A sign of life on a terminal, of verbs that run one thing and may take seconds.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Time until the sign is shown first, and between its changes.
const EVERY: Duration = Duration::from_secs(2);

/// What takes so long, and for how long, on stderr; elsewhere than on a terminal nothing is shown. It is removed by
/// [`ProgressBar::finish_and_clear`].
pub fn waiting(what: String) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed} {wide_msg}").expect("a constant template");
    let sign = ProgressBar::new_spinner().with_style(style).with_message(what);
    sign.enable_steady_tick(EVERY);
    sign
}
