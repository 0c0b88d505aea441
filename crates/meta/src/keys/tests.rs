use proptest::prelude::*;

use super::*;
use crate::records::sample::{self, Random};

fn at(number: u64) -> InodeId {
    InodeId { shard: ShardId(3), tree: TreeId(4), number: InodeNumber(number) }
}

#[test]
fn keys_stand_as_drawn() {
    let hex = |key: Key| key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let head = "0000000300000004";
    assert_eq!(hex(inode(at(5))), format!("{head}010000000000000005"));
    let cookie = cookie_of(0x1234, 0x5678);
    assert_eq!(hex(dentry(at(5), cookie)), format!("{head}020000000000000005000000000012345678"));
    assert_eq!(hex(region(at(5), 6)), format!("{head}0300000000000000050000000000000006"));
    assert_eq!(hex(usage(at(5))), format!("{head}040000000000000005"));
    let owner = Principal::Unix(7);
    assert_eq!(hex(owner_usage(at(5), OwnerKind::Group, &owner)), format!("{head}050000000000000005020100000007"));
    assert_eq!(hex(xattr(at(5), b"ab")), format!("{head}06000000000000000561620000"));
    assert_eq!(hex(stream(at(5), InodeNumber(6))), format!("{head}0c00000000000000050000000000000006"));
    assert_eq!(hex(version(&inode(at(5)), Epoch(9))), format!("{head}090100000000000000050000000000000009"));
    let expired = expiry(&inode(at(5)), Epoch(8), Epoch(9));
    assert_eq!(hex(expired), format!("{head}0a00000000000000090000000000000008010000000000000005"));
    assert_eq!(hex(superblock()), "ffffffff0000000040");
    assert_eq!(hex(segment(2)), "ffffffff00000000430000000000000002");
}

proptest! {
    #[test]
    fn every_key_is_taken_apart_again(seed: u64) {
        for (key, _) in sample::all(seed) {
            let parsed = key.parse();
            prop_assert!(parsed.is_ok(), "{:?}", key.as_bytes());
            prop_assert!(!key.to_string().is_empty());
            let mut longer = key.as_bytes().to_vec();
            longer.push(1);
            prop_assert!(Key::from_bytes(&longer).unwrap().parse().is_err(), "{} goes on", key);
        }
    }

    #[test]
    fn noise_is_no_key_but_no_panic(noise in proptest::collection::vec(any::<u8>(), 1..80)) {
        let key = Key::from_bytes(&noise).unwrap();
        let _parsed = key.parse();
        let _shown = key.to_string();
    }

    #[test]
    fn names_in_keys_keep_their_order(one in "[\\x01-\\x7f]{1,9}", other in "[\\x01-\\x7f]{1,9}") {
        let order = xattr(at(1), one.as_bytes()).cmp(&xattr(at(1), other.as_bytes()));
        prop_assert_eq!(order, one.as_bytes().cmp(other.as_bytes()));
    }

    #[test]
    fn versions_stand_in_the_order_of_their_keys(seed: u64) {
        let mut random = Random(seed);
        let mut keys: Vec<Key> = (0..20).map(|_| region(at(random.below(4)), random.below(5))).collect();
        keys.push(xattr(at(1), b"a"));
        keys.push(xattr(at(1), b"ab"));
        let mut versions: Vec<_> =
            keys.iter().map(|key| (key.clone(), random.below(9))).map(|(key, died)| (version(&key, Epoch(died)), key, died)).collect();
        versions.sort();
        prop_assert!(versions.is_sorted_by_key(|(_, key, died)| (key.clone(), *died)));
    }
}

#[test]
fn ranges_hold_what_belongs_to_them() {
    let last = cookie_of((1 << 47) - 1, u16::MAX);
    let all = dentry_range(at(5), Cookie::START);
    assert!(all.contains(dentry(at(5), Cookie(16)).as_bytes()));
    assert!(all.contains(dentry(at(5), last).as_bytes()));
    assert!(!all.contains(dentry(at(6), Cookie(16)).as_bytes()));
    let after = dentry_range(at(5), Cookie(16));
    assert!(!after.contains(dentry(at(5), Cookie(16)).as_bytes()));
    assert!(after.contains(dentry(at(5), Cookie(17)).as_bytes()));
    let bucket = dentry_bucket_range(at(5), 77);
    assert!(bucket.contains(dentry(at(5), cookie_of(77, 0)).as_bytes()));
    assert!(bucket.contains(dentry(at(5), cookie_of(77, u16::MAX)).as_bytes()));
    assert!(!bucket.contains(dentry(at(5), cookie_of(78, 0)).as_bytes()));
    let regions = region_range(at(5), 2, u64::MAX);
    assert!(!regions.contains(region(at(5), 1).as_bytes()));
    assert!(regions.contains(region(at(5), u64::MAX).as_bytes()));
    assert!(!region_range(at(5), 2, 3).contains(region(at(5), 3).as_bytes()));
    let ended = version_range(&inode(at(5)), Epoch(3));
    assert!(!ended.contains(version(&inode(at(5)), Epoch(3)).as_bytes()));
    assert!(ended.contains(version(&inode(at(5)), Epoch(4)).as_bytes()));
    let expiring = expiry_range(ShardId(3), TreeId(4), Epoch(3), Epoch(5));
    assert!(!expiring.contains(expiry(&inode(at(5)), Epoch(1), Epoch(3)).as_bytes()));
    assert!(expiring.contains(expiry(&inode(at(5)), Epoch(1), Epoch(4)).as_bytes()));
    assert!(expiring.contains(expiry(&inode(at(5)), Epoch(4), Epoch(5)).as_bytes()));
    assert!(!expiring.contains(expiry(&inode(at(5)), Epoch(1), Epoch(6)).as_bytes()));
    assert!(from_shard(ShardId(0)).contains(lease(ShardId(u32::MAX)).as_bytes()));
}

#[test]
fn names_fold_as_the_frozen_table_says() {
    let folded = |text: &str| String::from_utf8(fold(text.as_bytes()).into_owned()).unwrap();
    assert_eq!(folded("straße.txt"), "STRAßE.TXT");
    assert_eq!(folded("àéîõÿžđ"), "ÀÉÎÕŸŽĐ");
    assert_eq!(folded("жук ΑΩ αω"), "ЖУК ΑΩ ΑΩ");
    assert_eq!(folded("𐐨"), "𐐀");
    assert_eq!(fold(b"a\xffb").as_ref(), b"a\xffb", "no UTF-8 stays as it is");
}

/// The whole table in one number: it must never change.
#[test]
fn the_frozen_table_stays_as_it_is() {
    let mut sum = 0_u64;
    for character in (0..=0x0010_ffff).filter_map(char::from_u32) {
        let mut bytes = [0; 4];
        for byte in fold(character.encode_utf8(&mut bytes).as_bytes()).iter() {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    assert_eq!(sum, FOLD_SUM);
}

#[test]
fn the_table_has_the_simple_upper_case_of_every_character() {
    let simple = |character: char| {
        let mut upper = character.to_uppercase();
        upper.next().filter(|_| upper.next().is_none()).unwrap_or(character)
    };
    let mut changed = 0;
    for character in (0x80..=0x0010_ffff).filter_map(char::from_u32) {
        let text = character.to_string();
        let folded = fold(text.as_bytes());
        if folded != text.as_bytes() {
            changed += 1;
            assert_eq!(folded, simple(character).to_string().as_bytes(), "{character:?}");
        }
    }
    assert_eq!(changed, 1452);
}

const FOLD_SUM: u64 = 11_356_056_988_008_045_800;
