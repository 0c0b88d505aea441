//! Whatever a file holds, it is parsed or refused.

use proptest::prelude::*;

use super::{PLAIN, parse_beside, parse_text};

proptest! {
    #[test]
    fn any_text(text in ".{0,400}") {
        let _ = parse_text(&text);
    }

    #[test]
    fn any_values(key in "[a-z_]{1,20}", text in "[^\"\\\\\\p{C}]{0,60}", number in any::<i64>()) {
        for value in [format!("\"{text}\""), number.to_string(), format!("[\"{text}\"]"), "{ user = -1 }".to_owned()] {
            let _ = parse_text(&format!("{PLAIN}[[export]]\npaths = [\"/{text}\"]\n{key} = {value}\n"));
        }
    }

    /// A refusal always says where and why.
    #[test]
    fn any_client(text in "[^\"\\\\\\p{C}]{0,60}") {
        let parsed = parse_text(&format!("{PLAIN}[[export]]\npaths = [\"/a\"]\nroot_clients = [\"{text}\"]\n"));
        if let Err(errors) = parsed {
            for error in errors.0 {
                prop_assert_eq!(error.line, Some(6));
                prop_assert_eq!(error.key.as_str(), "export[0].root_clients[0]");
                prop_assert!(!error.reason.is_empty());
            }
        }
    }

    #[test]
    fn any_mount_path(path in prop::collection::vec(any::<u8>(), 0..80)) {
        let zone = super::zone("[[export]]\npaths = [\"/\"]\nall_dirs = true\n");
        if let Ok(target) = zone.export_for_path(&path, super::ip("10.0.0.1")) {
            prop_assert!(target.below.iter().all(|name| !matches!(name.as_bytes(), b"" | b"." | b"..")));
        }
    }

    #[test]
    fn any_named_files(users in FILE, groups in FILE, netgroups in FILE) {
        let text = format!(
            "{PLAIN}users_file = \"users\"\ngroups_file = \"groups\"\nnetgroup_file = \"netgroup\"\n\
             [[export]]\npaths = [\"/a\"]\nclients = [\"@a\"]\n"
        );
        let files = [("users", users.as_str()), ("groups", groups.as_str()), ("netgroup", netgroups.as_str())];
        if let Err(errors) = parse_beside(&text, &files) {
            for error in errors.0 {
                prop_assert!(!error.reason.is_empty() && !error.key.is_empty());
            }
        }
    }
}

/// Lines of the letters that mean something in these files, and of all others now and then.
const FILE: &str = "([ab:,()#\\\\0-9 +-]{0,20}|.{0,20}|a (\\(b,,\\) )?[ab]|a:x:[0-9]{1,11}:[ab0-9,]{0,5})(\n([ab:,()#\\\\0-9 -]{0,20}|b:x:1:1|b a b)){0,5}";
