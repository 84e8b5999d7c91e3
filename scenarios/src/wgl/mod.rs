//! A black-box judge of linearizability: the search of Wing and Gong as Lowe improved it ("Testing for
//! linearizability", 2017), one object at a time, for linearizability is local (Herlihy and Wing, 1990).
//!
//! It sees calls, answers and their order, and nothing of the system. Its modules:
//! * [`operation`]: what a history is; [`verdict`]: what is said of one
//! * [`model`]: what an object is; [`register`], [`kv`] and [`interned`] are objects
//! * `search`: one object; `seen`: the configurations that it has been in
//! * [`objects`]: all objects of a history, in turns
//!
//! [`check`] says whether, [`explain`] why not.
//!
//! An operation without an answer may have taken effect at any time after its call, or never. The same
//! history gets the same verdict in any process: steps are counted, time is not read.

pub mod interned;
pub mod kv;
pub mod model;
pub mod objects;
pub mod operation;
pub mod register;
mod search;
mod seen;
#[cfg(test)]
mod tests;
pub mod verdict;

pub use model::{Model, StateId};
pub use objects::{Objects, check, explain};
pub use operation::{Operation, Order};
pub use verdict::{HistoryVerdict, Judgement, Witness};
