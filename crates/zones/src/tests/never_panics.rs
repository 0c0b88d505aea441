//! Whatever a file holds, it is parsed or refused.

use proptest::prelude::*;

use super::{PLAIN, parse_text};

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
}
