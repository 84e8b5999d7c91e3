//! The hosts of this build, which drive the world of a run. Both give the same digest.

use scenarios::run::Host;

/// The first one is the default.
pub const HOSTS: &[Host] = if cfg!(madsim) { &[Host::Madsim, Host::Bare] } else { &[Host::Bare] };
