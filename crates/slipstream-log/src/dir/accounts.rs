//! Names of users and groups, for messages.
//!
//! # Non-goals
//! Directory services: this reads /etc/passwd and /etc/group, so that a refusal starts no look-up
//! over the network. An account that is in neither is shown by its number.

use std::fs;

/// A user, as `daemon (1)`, or `1` where there is no name for it.
pub(crate) fn user(uid: u32) -> String {
    shown("/etc/passwd", uid)
}

/// A group, as `www-data (33)`, or `33` where there is no name for it.
pub(crate) fn group(gid: u32) -> String {
    shown("/etc/group", gid)
}

/// A user's name, if it has one.
pub(crate) fn user_name(uid: u32) -> Option<String> {
    named("/etc/passwd", uid)
}

/// A group's name, if it has one.
pub(crate) fn group_name(gid: u32) -> Option<String> {
    named("/etc/group", gid)
}

fn shown(file: &str, id: u32) -> String {
    named(file, id).map_or_else(|| id.to_string(), |name| format!("{name} ({id})"))
}

fn named(file: &str, id: u32) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    find(&String::from_utf8_lossy(&bytes), id)
}

/// The first name with this number. Both files have the name first and the number third.
fn find(text: &str, id: u32) -> Option<String> {
    let id = id.to_string();
    let line = text.lines().find(|line| line.split(':').nth(2) == Some(&*id))?;
    line.split(':').next().filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_the_first_name_that_stands_before_it() {
        let text = "root:x:0:0:root:/root:/bin/sh\n# 7\nbroken\nwww:x:33:7::/:\nweb:x:33:33::/:\n";
        assert_eq!(find(text, 33).as_deref(), Some("www"));
        assert_eq!(find(text, 0).as_deref(), Some("root"));
        assert_eq!(find(text, 7), None);
        assert_eq!(find(":x:7:\n", 7), None);
        assert_eq!(user(0), "root (0)");
        assert_eq!(user(u32::MAX - 7), (u32::MAX - 7).to_string());
    }
}
