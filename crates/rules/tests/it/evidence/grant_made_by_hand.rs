use keyward_rules::grant::{Action, Actor, Grant};

fn main() {
    let _ = Grant { actor: Actor::System("sweep"), action: Action::IssueKey };
}
