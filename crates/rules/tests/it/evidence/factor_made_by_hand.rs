use keyward_rules::grant::{Factor, FactorKind, TwoFactor};

fn main() {
    let account = keyward_rules::id::AccountId::from_u64(1).unwrap();
    let _ = Factor { account, kind: FactorKind::Totp, two_factor: TwoFactor::On };
}
