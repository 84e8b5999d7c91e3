//! What a check is: a claim, with where it comes from, and the judge of it.

use super::claim::Claim;
use super::event::{Crossing, Kinds};
use super::verdict::Verdict;
use super::{CheckConfig, Models};

/// A claim and its judge. Many are judged where the models change, or by the judge of another claim, and have no more
/// than the claim.
pub trait Check: Sized {
    /// What is claimed.
    const CLAIM: Claim;
    /// The kinds of events that [`Check::on`] looks at.
    const EVENTS: Kinds = Kinds::NONE;

    /// Before anything happened.
    fn new(config: &CheckConfig) -> Self;

    /// Something crossed a border, and the models know of it.
    #[inline]
    fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
        let _ = (crossing, models, verdict);
    }
}

/// Declares a check without a state: its claim, and the function that judges events of some kinds, if one does.
macro_rules! claim {
    ($($(#[doc = $doc:literal])+ $check:ident $(as $name:literal)?, $kind:ident of $scope:ident, $source:literal
        $(=> $judge:path, $events:expr)?;)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $check;

        impl $crate::checks::check::Check for $check {
            const CLAIM: $crate::checks::claim::Claim = $crate::checks::claim::Claim {
                name: $crate::checks::claim::first(&[$($name,)? stringify!($check)]),
                text: concat!($($doc),+).trim_ascii_start(),
                source: $source,
                kind: $crate::checks::claim::Kind::$kind,
                scope: $crate::checks::claim::Scope::$scope,
            };

            $(const EVENTS: $crate::checks::event::Kinds = $events;)?

            fn new(_: &$crate::checks::CheckConfig) -> $check {
                $check
            }

            $(#[inline]
            fn on(
                &mut self,
                crossing: &$crate::checks::event::Crossing<'_>,
                models: &$crate::checks::Models,
                verdict: &mut $crate::checks::verdict::Verdict,
            ) {
                $judge(crossing, models, verdict);
            })?
        }
    )+};
}

pub(crate) use claim;
