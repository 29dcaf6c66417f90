use keyward_rules::grant::{ActionKind, Actor, Approved, Factor, Proof};

fn twice(actor: &Actor, approved: Approved, one: Factor, two: Factor) {
    let _ = actor.may(ActionKind::IssueKey, Proof::StepUp(approved, one));
    let _ = actor.may(ActionKind::IssueKey, Proof::StepUp(approved, two));
}

fn main() {}
