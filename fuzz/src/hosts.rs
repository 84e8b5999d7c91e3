//! The hosts of this build, which drive the world of a run. Both give the same digest.

use scenarios::run::Host;

/// The first is the one it uses by default.
pub const HOSTS: &[Host] = if cfg!(madsim) { &[Host::Madsim, Host::Bare] } else { &[Host::Bare] };
