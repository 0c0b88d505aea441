use super::*;
use crate::Credentials;

const OWNER: Principal = Principal::Unix(1);
const GROUP: Principal = Principal::Unix(2);

fn ace(kind: AceKind, trustee: Trustee, mask: u32) -> Ace {
    Ace { kind, flags: AceFlags::default(), mask: AccessMask(mask), trustee }
}

fn allow(trustee: Trustee, mask: u32) -> Ace {
    ace(AceKind::Allow, trustee, mask)
}

fn listed(dacl: Vec<Ace>) -> SecurityDescriptor {
    SecurityDescriptor { control: SecurityDescriptor::DACL_PRESENT, dacl: Some(dacl), ..SecurityDescriptor::default() }
}

fn user(uid: u32) -> Trustee {
    Trustee::User(Principal::Unix(uid))
}

/// `o`bject, `c`ontainer, `n`o propagation, `i`nherit only.
fn flags(letters: &str) -> AceFlags {
    let has = |letter| letters.contains(letter);
    AceFlags {
        object_inherit: has('o'),
        container_inherit: has('c'),
        no_propagate: has('n'),
        inherit_only: has('i'),
        inherited: false,
    }
}

#[test]
fn every_mode_survives_the_descriptor() {
    for mode in 0..=0o777 {
        let descriptor = SecurityDescriptor::from_mode(&OWNER, &GROUP, (mode, false));
        assert_eq!(descriptor.to_mode(&OWNER, &GROUP), mode, "mode {mode:o}");
    }
}

#[test]
fn the_first_entry_that_names_a_right_decides() {
    let rights = |dacl: Vec<Ace>, uid| listed(dacl).rights((&OWNER, &GROUP), &Credentials::unix(uid, 9, &[])).0;
    assert_eq!(rights(vec![ace(AceKind::Deny, user(7), 1), allow(Trustee::Everyone, 3)], 7), 2);
    assert_eq!(rights(vec![allow(Trustee::Everyone, 3), ace(AceKind::Deny, user(7), 1)], 7), 3);
    assert_eq!(rights(vec![allow(user(7), 0x8000_0000)], 7), 0x12_0089, "generic rights are spelt out");
    assert_eq!(rights(vec![], 1), 0x6_0000, "an owner reads and changes the list");
    assert_eq!(rights(vec![allow(Trustee::Owner, 0x2_0000)], 1), 0x2_0000, "unless it says what owners may");
    assert_eq!(rights(vec![], 7), 0);
    let only_below = Ace { flags: flags("ci"), ..allow(Trustee::Everyone, 1) };
    assert_eq!(rights(vec![only_below], 7), 0);
    let anyone = SecurityDescriptor { dacl: None, ..listed(vec![]) };
    assert_eq!(anyone.rights((&OWNER, &GROUP), &Credentials::unix(7, 7, &[])), AccessMask::ALL);
    let authenticated = Trustee::Sid(Arc::new(Sid { authority: 5, sub_authorities: [11].into_iter().collect() }));
    assert_eq!(rights(vec![allow(authenticated.clone(), 1)], 7), 1);
    assert_eq!(rights(vec![allow(authenticated, 1)], 65_534), 0, "nobody is no authenticated user");
}

#[test]
fn entries_are_handed_down_as_their_flags_say() {
    let below = |letters: &str, is_directory| {
        let parent = listed(vec![Ace { flags: flags(letters), ..allow(user(7), 1) }]);
        parent.inherited((&OWNER, &GROUP), is_directory).and_then(|child| child.dacl).map(|dacl| dacl[0].flags)
    };
    for (parent, file, directory) in [
        ("", None, None),
        ("o", Some(""), Some("oi")),
        ("c", None, Some("c")),
        ("oc", Some(""), Some("oc")),
        ("on", Some(""), None),
        ("cn", None, Some("")),
        ("ocn", Some(""), Some("")),
        ("i", None, None),
        ("io", Some(""), Some("io")),
        ("ic", None, Some("c")),
        ("ioc", Some(""), Some("oc")),
        ("icn", None, Some("")),
    ] {
        assert_eq!(below(parent, false), file.map(flags), "{parent} to a file");
        assert_eq!(below(parent, true), directory.map(flags), "{parent} to a directory");
    }
}

#[test]
fn creators_are_named_and_stay_below() {
    let parent = listed(vec![Ace { flags: flags("oci"), ..allow(Trustee::CreatorOwner, 2) }]);
    let file = parent.inherited((&OWNER, &GROUP), false).unwrap();
    assert_eq!(file.dacl.unwrap(), [allow(user(1), 2)]);
    let directory = parent.inherited((&OWNER, &GROUP), true).unwrap();
    let stays = Ace { flags: flags("oci"), ..allow(Trustee::CreatorOwner, 2) };
    assert_eq!(directory.dacl.unwrap(), [allow(user(1), 2), stays]);
}

#[test]
fn marked_parents_mark_what_they_hand_down() {
    let mut parent = listed(vec![Ace { flags: flags("c"), ..allow(user(7), 1) }]);
    parent.control |= SecurityDescriptor::DACL_AUTO_INHERITED | SecurityDescriptor::DACL_PROTECTED;
    let child = parent.inherited((&OWNER, &GROUP), true).unwrap();
    assert_eq!(child.control, SecurityDescriptor::DACL_PRESENT | SecurityDescriptor::DACL_AUTO_INHERITED);
    assert!(child.dacl.unwrap()[0].flags.inherited);
}

#[test]
fn a_mode_replaces_the_classes_and_cuts_the_others() {
    let whole = listed(vec![allow(user(1), 0x1f_01ff), allow(user(7), 0x1f_01ff), ace(AceKind::Deny, user(8), 2)]);
    for mode in 0..=0o777 {
        let changed = whole.with_mode((&OWNER, &GROUP), (mode, false)).unwrap();
        assert_eq!(changed.to_mode(&OWNER, &GROUP), mode, "{mode:o}");
        let named = changed.rights((&OWNER, &GROUP), &Credentials::unix(7, 9, &[])).to_mode_bits();
        let expected = (mode >> 3 & 7) | (mode & 7);
        assert_eq!(named, expected, "{mode:o}");
    }
    let plain = listed(vec![allow(user(1), 0x1f_01ff), allow(Trustee::Everyone, 1)]);
    assert_eq!(plain.with_mode((&OWNER, &GROUP), (0o640, false)), None, "the mode says it all");
    let handing = listed(vec![Ace { flags: flags("oc"), ..allow(Trustee::Everyone, 0x1f_01ff) }]);
    let changed = handing.with_mode((&OWNER, &GROUP), (0o700, true)).unwrap();
    assert_eq!(changed.rights((&OWNER, &GROUP), &Credentials::unix(7, 9, &[])).to_mode_bits(), 0);
    assert!(changed.inherited((&OWNER, &GROUP), false).is_some(), "what is handed down stays");
}
