//! Whether a group is this process's alone, so that a file which its group may read is read by nobody else. Kubernetes
//! hands out secrets like that: they are root's, and readable by the group that `fsGroup` names.

use std::io::ErrorKind;

use rustix::process::{getegid, geteuid, getgroups};

/// Who this process is, and who else the machine knows.
pub struct OwnGroups {
    /// The user's number.
    pub user: u32,
    /// The numbers of its groups.
    groups: Vec<u32>,
    /// The users and the groups that the machine knows, as in `/etc/passwd` and `/etc/group`; `None` when they cannot be
    /// read. A file that is not there names nobody.
    names: Option<(String, String)>,
}

impl OwnGroups {
    /// Asks the machine.
    pub fn look() -> Self {
        let mut groups: Vec<u32> =
            getgroups().unwrap_or_default().into_iter().map(|one| one.as_raw()).collect();
        groups.push(getegid().as_raw());
        let names = read("/etc/passwd").zip(read("/etc/group"));
        Self { user: geteuid().as_raw(), groups, names }
    }

    /// Whether this process is in the group, and nobody else is. Root's group is never one's own.
    pub fn are_alone_in(&self, group: u32) -> bool {
        let Some((users, groups)) = &self.names else { return false };
        let mut ours = Vec::new();
        for (name, user, first_group) in users.lines().filter_map(login) {
            if user == self.user {
                ours.push(name);
            } else if first_group == group {
                return false;
            }
        }
        let members = groups.lines().filter_map(|line| members(line, group)).flat_map(|all| all.split(','));
        let mut others = members.map(str::trim).filter(|name| !name.is_empty() && !ours.contains(name));
        group != 0 && self.groups.contains(&group) && others.next().is_none()
    }
}

fn read(file: &str) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => Some(text),
        Err(problem) if problem.kind() == ErrorKind::NotFound => Some(String::new()),
        Err(_) => None,
    }
}

/// Name, number and first group of a line of `/etc/passwd`.
fn login(line: &str) -> Option<(&str, u32, u32)> {
    let mut fields = line.split(':');
    let (name, user, group) = (fields.next()?, fields.nth(1)?, fields.next()?);
    Some((name, user.parse().ok()?, group.parse().ok()?))
}

/// The members that a line of `/etc/group` names, if it is about that group.
fn members(line: &str, group: u32) -> Option<&str> {
    let mut fields = line.split(':');
    let number = fields.nth(2)?;
    (number.parse() == Ok(group)).then(|| fields.next().unwrap_or_default())
}

#[cfg(test)]
impl OwnGroups {
    /// The user 990 in the groups 990 and 2000, on a machine with these files.
    pub fn of(users: &str, groups: &str) -> Self {
        Self { user: 990, groups: vec![990, 2000, 0], names: Some((users.to_owned(), groups.to_owned())) }
    }
}

#[cfg(test)]
mod tests {
    use super::OwnGroups;

    const USERS: &str =
        "root:x:0:0:root:/root:/bin/bash\nkeyward:x:990:990::/nonexistent:/usr/sbin/nologin\n";
    const GROUPS: &str = "root:x:0:\nkeyward:x:990:\n";

    #[test]
    fn a_group_is_ones_own_when_nobody_else_is_in_it() {
        let alone = |users: &str, groups: &str, group: u32| {
            OwnGroups::of(&format!("{USERS}{users}"), &format!("{GROUPS}{groups}")).are_alone_in(group)
        };
        for (users, groups, group) in [
            ("", "", 990),
            ("", "", 2000),
            ("", "secrets:x:2000:\n", 2000),
            ("", "secrets:x:2000:keyward\n", 2000),
            ("ann:x:1000:1000::/home/ann:/bin/bash\n", "ann:x:1000:\nsecrets:x:2001:ann\n", 2000),
            // Another name of the same user.
            ("other:x:990:990::/:/bin/false\n", "secrets:x:2000:other,keyward\n", 2000),
        ] {
            assert!(alone(users, groups, group), "{users}{groups}{group}");
        }
        for (users, groups, group) in [
            ("", "", 0),
            ("", "", 2001),
            ("ann:x:1000:2000::/home/ann:/bin/bash\n", "", 2000),
            ("", "secrets:x:2000:ann\n", 2000),
            ("", "secrets:x:2000:keyward,ann\n", 2000),
            ("", "secrets:x:2000:keyward\nalias:x:2000:ann\n", 2000),
            ("ann:x:1000:990::/home/ann:/bin/bash\n", "", 990),
        ] {
            assert!(!alone(users, groups, group), "{users}{groups}{group}");
        }
        assert!(OwnGroups::of("", "").are_alone_in(2000), "a container without these files names nobody");
        let unread = OwnGroups { names: None, ..OwnGroups::of("", "") };
        assert!(!unread.are_alone_in(2000));
    }
}
