//! What nearly every check needs: `use crate::checks::prelude::*`.

pub(crate) use super::check::{Check, check};
pub(crate) use super::claim::{Claim, Claimed, claim};
pub(crate) use super::config::CheckConfig;
pub(crate) use super::event::{Crossing, Event, Kinds, Rpc};
pub(crate) use super::loss::excuses::Excuse;
pub(crate) use super::models::Models;
pub(crate) use super::verdict::{Verdict, or_none, seconds};
pub(crate) use crate::coverage::Situation;
