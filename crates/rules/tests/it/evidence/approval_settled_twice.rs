use keyward_rules::approval::ApprovalAnswer;

fn twice(approval: keyward_rules::decision::Approval<'_>, one: ApprovalAnswer) {
    let _ = approval.settle(one);
    let _ = approval.settle(one);
}

fn main() {}
