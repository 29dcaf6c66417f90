use keyward_rules::grant::{ActionKind, Actor, Grant};

fn main() {
    let _ = Grant { actor: Actor::System("sweep"), action: ActionKind::IssueKey };
}
