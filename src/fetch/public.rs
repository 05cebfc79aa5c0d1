//! Addresses that a statement names: whether they may be on a private network.

/// Whether what somebody else wrote may lead to addresses of this host or of a private network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrivateHosts {
    /// It may not.
    Refuse,
    /// It may.
    Allow,
}
