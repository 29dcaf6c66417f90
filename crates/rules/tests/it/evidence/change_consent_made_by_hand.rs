use keyward_rules::approval::{ApprovalHash, ChangeConsent};
use keyward_rules::id::{ApprovalId, RequestId};

fn forge(id: ApprovalId, hash: ApprovalHash) {
    let _ = ChangeConsent { id, request: RequestId(1), action: "key.issue".into(), hash };
}

fn main() {}
