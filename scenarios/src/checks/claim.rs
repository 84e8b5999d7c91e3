//! What is claimed of every run.

/// How a claim is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    /// Something happened that must not.
    Safety,
    /// Something did not happen within its bound.
    Liveness,
    /// The model, the node and its disk differ.
    Audit,
}

impl ClaimKind {
    pub fn name(self) -> &'static str {
        match self {
            ClaimKind::Safety => "safety",
            ClaimKind::Liveness => "liveness",
            ClaimKind::Audit => "audit",
        }
    }
}

/// What a claim is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One server keeps it by itself, whatever becomes of others and of what disks held: judged beyond tolerance, too.
    Server,
    /// All controllers.
    Quorum,
    /// What is committed in the metadata log.
    Metadata,
    /// The replicas of one partition.
    Partition,
    /// One client keeps it by itself: judged beyond tolerance, too.
    Client,
    /// What clients did, and what they were answered.
    History,
    /// The whole cluster.
    Cluster,
}

impl Scope {
    pub fn name(self) -> &'static str {
        match self {
            Scope::Server => "one server",
            Scope::Quorum => "quorum",
            Scope::Metadata => "metadata",
            Scope::Partition => "partition",
            Scope::Client => "one client",
            Scope::History => "history of clients",
            Scope::Cluster => "cluster",
        }
    }
}

/// What is claimed of every run.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    pub name: &'static str,
    /// In one or two sentences.
    pub text: &'static str,
    pub source: &'static str,
    pub kind: ClaimKind,
    pub scope: Scope,
}

impl PartialEq for Claim {
    fn eq(&self, other: &Claim) -> bool {
        self.name == other.name
    }
}

pub trait Claimed: Sized {
    const CLAIM: Claim;
}

pub const fn first(names: &[&'static str]) -> &'static str {
    names[0]
}

/// Declares claims, and the types that judge them.
macro_rules! claim {
    ($(
        $(#[doc = $doc:literal])+
        $claim:ident $(as $name:literal)? $(by $judge:ident)?, $kind:ident of $scope:ident, $source:literal;
    )+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $claim;

        impl $crate::checks::claim::Claimed for $claim {
            const CLAIM: $crate::checks::claim::Claim = $crate::checks::claim::Claim {
                name: $crate::checks::claim::first(&[$($name,)? stringify!($claim)]),
                text: concat!($($doc),+).trim_ascii_start(),
                source: $source,
                kind: $crate::checks::claim::ClaimKind::$kind,
                scope: $crate::checks::claim::Scope::$scope,
            };
        }

        $(impl $crate::checks::claim::Claimed for $judge {
            const CLAIM: $crate::checks::claim::Claim = <$claim as $crate::checks::claim::Claimed>::CLAIM;
        })?
    )+};
}

pub(crate) use claim;
