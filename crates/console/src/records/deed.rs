//! What was done, as the rest of a sentence that begins with who did it. `{}` is the place of what it was done to.

const DEEDS: &[(&str, &str)] = &[
    ("account.create", "created {}"),
    ("account.email", "asked for another e-mail address"),
    ("account.email.confirm", "changed the e-mail address"),
    ("account.factors.reset", "removed the second factor of {}"),
    ("account.freeze", "froze {}"),
    ("account.passkey.add", "added a passkey"),
    ("account.passkey.remove", "removed a passkey"),
    ("account.passkey.rename", "renamed a passkey"),
    ("account.password", "changed the password"),
    ("account.phrase", "changed the mail phrase"),
    ("account.recovery_codes", "created new recovery codes"),
    ("account.thaw", "unfroze {}"),
    ("account.totp.off", "turned off the authenticator"),
    ("account.totp.on", "set up the authenticator"),
    ("alert.raise", "sent a security alert about {}"),
    ("alert.remind", "sent a reminder about {}"),
    ("announcement.tell", "told users about maintenance"),
    ("app.demand", "demanded successors for the keys of {}"),
    ("app.demand.hold", "held the keys of {}, because their successors are overdue"),
    ("app.demand.withdraw", "withdrew the demand for successors of the keys of {}"),
    ("app.edit", "changed the profile of {}"),
    ("app.freeze", "froze all keys of {}"),
    ("app.ranges.approve", "approved ranges of {}"),
    ("app.ranges.enter", "entered ranges of {}"),
    ("app.ranges.narrow", "narrowed the ranges of {}"),
    ("app.ranges.prove", "checked that a range belongs to {}"),
    ("app.ranges.read", "read the ranges of {}"),
    ("app.ranges.reject", "rejected ranges of {}"),
    ("app.ranges.retire", "ended an overlap of the ranges of {}"),
    ("app.ranges.submit", "submitted ranges of {}"),
    ("app.ranges.withdraw", "withdrew ranges of {}"),
    ("app.register", "registered the app {}"),
    ("app.reject", "rejected {}"),
    ("app.submit", "submitted {} for review"),
    ("app.tell", "informed holders about {}"),
    ("app.thaw", "unfroze the keys of {}"),
    ("app.verify", "verified {}"),
    ("channel.add", "added the alert channel {}"),
    ("channel.change", "changed the alert channel {}"),
    ("channel.pause", "paused alert channels"),
    ("channel.remove", "removed the alert channel {}"),
    ("channel.send_again", "sent an alert message again to {}"),
    ("channel.test", "tested the alert channel {}"),
    ("identity_key.export", "exported the identity key"),
    ("key.close_sockets", "closed sockets of {}"),
    ("key.delete", "deleted {}"),
    ("key.delete_selected", "deleted selected API keys"),
    ("key.delete_unused", "deleted unused API keys"),
    ("key.disable", "disabled {}"),
    ("key.disable_all", "disabled all API keys"),
    ("key.disable_selected", "disabled selected API keys"),
    ("key.edit", "renamed or tagged {}"),
    ("key.enable", "enabled {}"),
    ("key.enable_selected", "enabled selected API keys"),
    ("key.end_cooling", "released API keys after the waiting time"),
    ("key.end_overlap", "ended the rotation overlap of {}"),
    ("key.end_overlaps", "ended the rotation overlap of {}"),
    ("key.freeze", "froze {}"),
    ("key.issue", "created the API key {}"),
    ("key.leaked", "reported {} as leaked"),
    ("key.lift_quarantine", "lifted the quarantine of {}"),
    ("key.loosen", "made the limits of {} less strict"),
    ("key.narrow", "limited {} to fewer addresses"),
    ("key.read_only", "limited {} to reading"),
    ("key.rotate", "rotated a key; its successor is {}"),
    ("key.stop_all", "stopped all API keys from trading"),
    ("key.stop_trading", "stopped {} from trading"),
    ("key.sweep", "ended API keys that were unused or past their date"),
    ("key.thaw", "unfroze {}"),
    ("key.tighten", "made the limits of {} stricter"),
    ("key.widen", "allowed {} from more addresses"),
    ("maintenance.announce", "announced maintenance"),
    ("master_key.rotate", "rotated the master key"),
    ("policy.loosen", "made the policy {} less strict"),
    ("policy.tighten", "made the policy {} stricter"),
    ("proposal.approve", "approved {}"),
    ("proposal.cancel", "cancelled {}"),
    ("proposal.make", "made {}"),
    ("review.finish", "reviewed {}"),
    ("review.remind", "reminded users of a review"),
    ("role.grant", "gave {} a role"),
    ("role.invite", "invited a second operator"),
    ("role.offer", "created a link to set up an operator"),
    ("role.revoke", "revoked the role of {}"),
    ("role.set_up", "became an operator"),
    ("sandbox.seed", "created sandbox data"),
    ("session.end", "ended sessions"),
    ("store.restore", "restored a backup"),
    ("sub_account.create", "created the sub-account {}"),
];

/// The deed of an action; `None` where its title says it, and for actions that this version does not know.
pub fn deed(action: &str) -> Option<&'static str> {
    DEEDS.iter().find(|(word, _)| *word == action).map(|(_, deed)| *deed)
}

#[cfg(test)]
mod tests {
    use super::DEEDS;
    use keyward_rules::grant::ActionKind;

    #[test]
    fn each_deed_is_of_one_action_and_has_one_place() {
        for (word, deed) in DEEDS {
            assert!(ActionKind::from_word(word).is_some(), "{word}");
            assert!(deed.matches("{}").count() < 2, "{deed}");
        }
        assert!(DEEDS.is_sorted_by(|one, other| one.0 < other.0), "each once, in order");
    }
}
