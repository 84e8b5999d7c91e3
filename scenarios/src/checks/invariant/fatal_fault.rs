//! `NoFatalFault`: processes end themselves for their disks only.
use crate::checks::prelude::*;

claim! {
    /// No replica ends itself for any reason but its disk. (Kafka throws where it finds a rule of the
    /// protocol violated, and no rule may be.)
    NoFatalFault, Safety of Quorum, "KRaft TLA+ (Vanlightly): NoIllegalState; a throw on Kafka's raft IO thread ends the process";
}
