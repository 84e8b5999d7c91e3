//! The world's guarantees, on toy processes. One binary, since each takes seconds to link.

mod aim;
mod dead_hosts;
mod disk_faults;
mod edges;
mod futures;
mod hosts;
mod parts;
mod puppet;
mod service;
mod toy;
mod world;
