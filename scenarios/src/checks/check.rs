//! What a check is: a claim, with where it comes from, and the judge of it.

use super::claim::Claimed;
use super::config::CheckConfig;
use super::event::{Crossing, Kinds};
use super::models::Models;
use super::verdict::Verdict;

/// A claim and its judge. Claims that the models themselves judge as they change, and a second claim of one judge, have
/// none.
pub trait Check: Claimed {
    /// The kinds of events that [`Check::on`] looks at. Requests and responses about partitions are of `Kinds::DATA`, and
    /// not of `REQUEST_SENT` and the others.
    const EVENTS: Kinds;

    fn new(config: &CheckConfig) -> Self;

    /// Something crossed a border, and the models know of it.
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict);
}

/// Declares a check without a state: its claim, and the function that judges events of some kinds.
macro_rules! check {
    ($($(#[doc = $doc:literal])+ $check:ident $(as $name:literal)?, $kind:ident of $scope:ident, $source:literal
        => $judge:path, $events:expr;)+) => {$(
        $crate::checks::claim::claim! {
            $(#[doc = $doc])+ $check $(as $name)?, $kind of $scope, $source;
        }

        impl $crate::checks::check::Check for $check {
            const EVENTS: $crate::checks::event::Kinds = $events;

            fn new(_: &$crate::checks::config::CheckConfig) -> $check {
                $check
            }

            #[inline]
            fn on(
                &mut self,
                crossing: &$crate::checks::event::Crossing<'_>,
                models: &$crate::checks::models::Models,
                verdict: &mut $crate::checks::verdict::Verdict,
            ) {
                $judge(crossing, models, verdict);
            }
        }
    )+};
}

pub(crate) use check;
