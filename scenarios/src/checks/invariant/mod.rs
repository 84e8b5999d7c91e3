//! What is claimed of the quorum, and of any server by itself; [`super::list`] has every claim.
//!
//! * [`leaders`]: at most one leader and one active controller per epoch, epochs that only grow
//! * [`votes`]: one vote per epoch, across crashes; [`pre_votes`]: who may request them
//! * [`high_watermark`]: it only grows, stays inside the log, and shows one history to all
//! * [`check_quorum`]: a leader that its majority has left does not stay, and [`kept`]: no other
//!   resigns for that; [`campaigns`]: nor a follower
//!   whose leader is silent, and [`early`]: only then; [`linger`]: what a leader has accepted it writes;
//!   [`timings`]: their clocks
//! * [`acknowledged`]: what a leader counts was acknowledged in its epoch
//! * [`durability`]: what is committed lies on a majority of disks, and leaders have it
//! * [`promise`]: nothing is promised before it is durable (D1 to D9); [`topic_id`]: D7
//! * [`snapshots`]: what replaces the log (D10 to D12)
//! * [`log_matching`]: equal epochs and offsets, equal logs
//! * [`voter_sets`]: changes of the voters; [`voter_sets::new_voters`]: who becomes one has caught up
//! * [`answered`]: every request is answered; [`voter_update`]: UpdateRaftVoter is accepted
//!   after ApiVersions
//! * [`fatal_fault`], [`refused`]: processes end themselves for their disks only, and start from no damaged file
//! * [`refused::other_clusters`]: servers of another cluster are refused
//!
//! What is claimed of a cluster with brokers is in [`super::metadata`] and [`super::replication`], and of clients in
//! [`super::clients`].

pub mod acknowledged;
pub mod answered;
pub mod campaigns;
pub mod check_quorum;
pub mod durability;
pub mod early;
pub mod epochs;
pub mod fatal_fault;
pub mod high_watermark;
pub mod holes;
pub mod kept;
pub mod leaders;
pub mod linger;
pub mod log_matching;
pub mod pre_votes;
pub mod promise;
pub mod refused;
pub mod snapshots;
pub mod timings;
pub mod topic_id;
pub mod voter_sets;
pub mod voter_update;
pub mod votes;
