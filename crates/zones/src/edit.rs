//! Changes of files of lines whose first field is a name: users, groups, passwords. Everything else in them stays as it is,
//! comments and order too.

/// The text with `line` in place of the one of `name`, or at the end where there is none; `None` takes it away.
#[must_use]
pub fn set_line(text: &str, name: &str, line: Option<&str>) -> String {
    let mut line = line;
    let mut changed = String::with_capacity(text.len() + 128);
    for old in text.lines() {
        let kept = if is_of(old, name) { line.take() } else { Some(old) };
        kept.into_iter().for_each(|kept| push(&mut changed, kept));
    }
    line.into_iter().for_each(|line| push(&mut changed, line));
    changed
}

/// A groups file without this member in any group.
#[must_use]
pub fn without_member(text: &str, member: &str) -> String {
    let mut changed = String::with_capacity(text.len());
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with('#');
        match line.rsplit_once(':').filter(|(_, members)| !is_comment && names(members).any(|name| name == member)) {
            Some((group, members)) => {
                let rest: Vec<_> = names(members).filter(|name| *name != member).collect();
                push(&mut changed, &format!("{group}:{}", rest.join(",")));
            }
            None => push(&mut changed, line),
        }
    }
    changed
}

fn names(members: &str) -> impl Iterator<Item = &str> {
    members.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn is_of(line: &str, name: &str) -> bool {
    line.split_once(':').is_some_and(|(first, _)| first == name)
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_set_and_everything_else_stays() {
        let text = "# a:b\nanna:x:1\n\n bob:x:2\nbob:x:3";
        assert_eq!(set_line(text, "bob", Some("bob:y")), "# a:b\nanna:x:1\n\n bob:x:2\nbob:y\n");
        assert_eq!(set_line(text, "eve", Some("eve:z")), format!("{text}\neve:z\n"));
        assert_eq!(set_line(text, "anna", None), "# a:b\n\n bob:x:2\nbob:x:3\n");
        assert_eq!(set_line("", "a", Some("a:1")), "a:1\n");
    }

    #[test]
    fn members_are_taken_out() {
        let text = "# staff:x:1:anna\nusers:x:100\nstaff:x:2000:anna, berta\nplans:x:2001: anna\nwheel:x:0:hanna\n";
        let expected = "# staff:x:1:anna\nusers:x:100\nstaff:x:2000:berta\nplans:x:2001:\nwheel:x:0:hanna\n";
        assert_eq!(without_member(text, "anna"), expected);
    }
}
