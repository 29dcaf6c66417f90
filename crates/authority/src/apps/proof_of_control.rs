//! The setting of proof of control: whether a deployment asks brokers for it.

/// Whether brokers must show that the addresses are theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProofOfControl {
    /// Operators' approval is enough.
    #[default]
    NotAsked,
    /// Each range takes one fetch from within.
    Asked,
}
