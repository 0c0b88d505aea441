#![expect(clippy::cast_possible_truncation, reason = "small numbers of tests")]

use proptest::prelude::*;

use super::sample::{self, Random, recode};
use super::*;
use crate::MetaError;
use crate::keys::KeyKind;

proptest! {
    #[test]
    fn every_record_comes_back(seed: u64) {
        for (key, value) in sample::all(seed) {
            prop_assert_eq!(recode(&key, &value), Ok(value), "{}", key);
        }
    }

    #[test]
    fn changed_bytes_never_panic(seed: u64, at: usize, to: u8, length: usize) {
        for (key, value) in sample::all(seed) {
            let mut bytes = value.to_vec();
            let at = at % bytes.len();
            bytes[at] = to;
            let changed = recode(&key, &bytes);
            if let Ok(again) = changed {
                prop_assert_eq!(again, bytes, "{} has two forms", key);
            }
            let cut = recode(&key, &value[..length % value.len()]);
            prop_assert!(matches!(cut, Err(MetaError::Damaged { .. })), "{} cut off", key);
        }
    }

    #[test]
    fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        for (key, _) in sample::all(1) {
            let mut bytes = vec![1];
            bytes.extend(&noise);
            let _decoded = recode(&key, &bytes);
        }
    }
}

/// What a batch has room for is reckoned with these bounds, before the records are encoded.
#[test]
fn no_shared_record_is_longer_than_it_says() {
    fn holds<R: Record + Shared>(key: &Key, value: &[u8]) {
        let bytes_max = R::decode_at(key, value).unwrap().bytes_max();
        assert!(value.len() <= bytes_max, "{key}: {} of {bytes_max} bytes", value.len());
    }
    let mut seen = 0;
    for (key, value) in (1..200).flat_map(sample::all) {
        match key.parse().unwrap().kind {
            KeyKind::Inode(_) => holds::<InodeRecord>(&key, &value),
            KeyKind::Usage(_) => holds::<UsageRecord>(&key, &value),
            KeyKind::OwnerUsage { .. } => holds::<OwnerUsageRecord>(&key, &value),
            _ => continue,
        }
        seen += 1;
    }
    for seed in 1..200 {
        let record = sample::inode_with_floors(seed);
        assert!(record.encode().len() <= record.bytes_max());
    }
    assert!(seen > 500);
}

#[test]
fn unknown_formats_and_bytes_behind_are_refused_by_key() {
    for (key, value) in sample::all(3) {
        let mut newer = value.to_vec();
        newer[0] = 9;
        let Err(MetaError::Damaged { key: named, problem }) = recode(&key, &newer) else { panic!("{key} was read") };
        assert_eq!(named, key);
        assert!(matches!(problem, RecordError::Format { found: 9, .. }), "{problem}");
        let mut longer = value.to_vec();
        longer.push(0);
        let Err(MetaError::Damaged { problem, .. }) = recode(&key, &longer) else { panic!("{key} was read") };
        assert!(matches!(problem, RecordError::Trailing(_)), "{key}: {problem}");
    }
}

#[test]
fn versioned_records_carry_their_birth_behind_the_format() {
    let usage = UsageRecord { born: Epoch(0x0102_0304_0506_0708), ..UsageRecord::default() };
    assert_eq!(usage.encode()[..9], [1, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(born_of(&usage.encode()), Ok(usage.born));
}

/// The bytes of every record as they were first written. When a format changes, a second fixture joins this one and
/// this one must still be read; it is never written anew.
#[test]
fn the_golden_store_is_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN).unwrap();
    let expected: Vec<_> = (1..=GOLDEN_SEEDS).flat_map(sample::all).collect();
    assert_eq!(golden.lines().count(), expected.len());
    for (line, (key, value)) in golden.lines().zip(expected) {
        let (golden_key, golden_value) = line.split_once(' ').unwrap();
        assert_eq!(golden_key, hex(key.as_bytes()), "{key}");
        if matches!(key.parse().unwrap().kind, KeyKind::Open(_) | KeyKind::Shared { .. } | KeyKind::Tree(_)) {
            // Of format 1, which nothing ever wrote.
            assert_eq!((&golden_value[..2], value[0]), ("01", 2));
            continue;
        }
        assert_eq!(golden_value, hex(&value), "{key}");
        recode(&key, &value).unwrap();
    }
}

/// Records that came later: inodes with floors, and what the journal keeps of a file.
fn later() -> Vec<Bytes> {
    let inodes = (1..=GOLDEN_SEEDS).map(|seed| sample::inode_with_floors(seed).encode());
    inodes.chain((1..=GOLDEN_SEEDS).map(|seed| sample::stable_write(seed).encode())).collect()
}

#[test]
fn later_golden_records_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_LATER).unwrap();
    assert!(golden.lines().eq(later().iter().map(|value| hex(value))));
    for seed in 1..=GOLDEN_SEEDS {
        let (inode, write) = (sample::inode_with_floors(seed), sample::stable_write(seed));
        assert_eq!(InodeRecord::decode(&inode.encode()), Ok(inode));
        assert_eq!(StableWrite::decode(&write.encode()), Ok(write));
    }
}

/// Records that came later still: inodes with streams, and these.
fn latest() -> Vec<Bytes> {
    let inodes = (1..=GOLDEN_SEEDS).map(|seed| sample::inode_with_streams(seed).encode());
    inodes.chain((1..=GOLDEN_SEEDS).map(|seed| sample::stream(seed).encode())).collect()
}

#[test]
fn the_latest_golden_records_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_LATEST).unwrap();
    assert!(golden.lines().eq(latest().iter().map(|value| hex(value))));
    for seed in 1..=GOLDEN_SEEDS {
        let (inode, stream) = (sample::inode_with_streams(seed), sample::stream(seed));
        assert_eq!(InodeRecord::decode(&inode.encode()), Ok(inode));
        assert_eq!(StreamRecord::decode(&stream.encode()), Ok(stream));
    }
}

/// And opens that survive a restart.
fn opens() -> Vec<Bytes> {
    (1..=GOLDEN_SEEDS).map(|seed| sample::kept_open(seed).encode()).collect()
}

#[test]
fn golden_opens_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_OPENS).unwrap();
    assert!(golden.lines().eq(opens().iter().map(|value| hex(value))));
    for seed in 1..=GOLDEN_SEEDS {
        let open = sample::kept_open(seed);
        assert_eq!(OpenRecord::decode(&open.encode()), Ok(open));
    }
}

#[test]
fn a_quota_has_the_lowest_format_that_can_say_it() {
    for seed in 1..=GOLDEN_SEEDS {
        let quota = sample::quota_shown(seed);
        assert_eq!((QuotaRecord::decode(&quota.encode()), quota.encode()[0]), (Ok(quota), 2));
        let plain = QuotaRecord { basis: vfs::QuotaBasis::Application, container: false, inodes_since: None, ..quota };
        assert_eq!((QuotaRecord::decode(&plain.encode()), plain.encode()[0]), (Ok(plain), 1));
        let mut needless = plain.encode().to_vec();
        needless[0] = 2;
        needless.extend([1, 0, 0]);
        assert_eq!(QuotaRecord::decode(&needless), Err(RecordError::Invalid("basis of a quota")));
    }
}

/// And quotas of the second format.
fn quotas() -> Vec<Bytes> {
    (1..=GOLDEN_SEEDS).map(|seed| sample::quota_shown(seed).encode()).collect()
}

#[test]
fn golden_quotas_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_QUOTAS).unwrap();
    assert!(golden.lines().eq(quotas().iter().map(|value| hex(value))));
    for seed in 1..=GOLDEN_SEEDS {
        let quota = sample::quota_shown(seed);
        assert_eq!(QuotaRecord::decode(&quota.encode()), Ok(quota));
    }
}

/// And blocks that are shared.
fn shared() -> Vec<Bytes> {
    (1..=GOLDEN_SEEDS).map(|seed| sample::shared(seed).encode()).collect()
}

#[test]
fn golden_shared_blocks_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_SHARED).unwrap();
    assert!(golden.lines().eq(shared().iter().map(|value| hex(value))));
    for seed in 1..=GOLDEN_SEEDS {
        let record = sample::shared(seed);
        assert_eq!(SharedRecord::decode(&record.encode()), Ok(record));
    }
}

/// And how far owners are counted, with the quotas of those who have no limits of their own.
fn owners() -> Vec<Bytes> {
    (1..=GOLDEN_SEEDS).map(sample::owners).flat_map(|(owners, quota)| [owners.encode(), quota.encode()]).collect()
}

#[test]
fn golden_owners_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_OWNERS).unwrap();
    assert!(golden.lines().eq(owners().iter().map(|value| hex(value))));
    for (owners, quota) in (1..=GOLDEN_SEEDS).map(sample::owners) {
        assert_eq!(OwnersRecord::decode(&owners.encode()), Ok(owners));
        assert_eq!(QuotaRecord::decode(&quota.encode()), Ok(quota));
    }
}

#[test]
fn shared_blocks_have_one_form() {
    let mut record = SharedRecord::default();
    assert!(std::panic::catch_unwind(|| record.encode()).is_err(), "a record of nothing goes");
    record.set(9 << 24 | 3, 2);
    record.set(9 << 24 | 66, 2);
    assert_eq!(record.encode()[..], [2, 0, 0, 0, 0, 0, 0, 0, 0b1100, 0, 0, 0, 1, 0, 2]);
    assert_eq!((record.of(3), record.of(2), record.of(4)), (2, 2, 0));
    for wrong in [[0, 0, 0, 2, 0, 2, 0, 2].as_slice(), &[0, 0, 0, 2, 0, 0, 0, 2], &[0, 0, 0, 0], &[0, 0, 0, 1, 0, 0]] {
        let bytes = [&record.encode()[..9], wrong].concat();
        assert_eq!(SharedRecord::decode(&bytes), Err(RecordError::Invalid("counts of shared blocks")), "{wrong:?}");
    }
    record.set(2, 1);
    assert_eq!(record.encode()[9..], [0, 0, 0, 2, 0, 1, 0, 2]);
    assert_eq!(SharedRecord::decode(&record.encode()), Ok(record));
}

#[test]
fn an_inode_without_streams_has_no_third_format() {
    let with = sample::inode_with_streams(2);
    let mut needless = with.encode().to_vec();
    needless.splice(needless.len() - 4.., [0; 4]);
    assert_eq!(InodeRecord::decode(&needless), Err(RecordError::Invalid("streams")));
}

/// An inode has one form: the second format is there for floors only.
#[test]
fn an_inode_without_floors_has_the_first_format() {
    let with = sample::inode_with_floors(1);
    let without = InodeRecord { journal_floor: 0, attributes_floor: 0, ..with.clone() };
    assert_eq!((with.encode()[0], without.encode()[0]), (2, 1));
    assert_eq!(InodeRecord::decode(&without.encode()), Ok(without.clone()));
    let mut needless = without.encode().to_vec();
    needless[0] = 2;
    needless.extend([0; 16]);
    assert_eq!(InodeRecord::decode(&needless), Err(RecordError::Invalid("floors")));
}

/// And what the journal keeps where snapshots were taken.
fn dated() -> Vec<StableWrite> {
    (1..=GOLDEN_SEEDS).map(|seed| StableWrite { epoch: Epoch(seed * 1000), ..sample::stable_write(seed) }).collect()
}

#[test]
fn golden_writes_of_later_epochs_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_DATED).unwrap();
    let dated = dated();
    assert!(golden.lines().eq(dated.iter().map(|write| hex(&write.encode()))));
    for write in dated {
        let bytes = write.encode();
        assert_eq!((StableWrite::decode(&bytes), bytes[0]), (Ok(write.clone()), 2));
        let first = StableWrite { epoch: Epoch(1), ..write };
        assert_eq!((StableWrite::decode(&first.encode()), first.encode()[0]), (Ok(first.clone()), 1));
        let mut needless = first.encode().to_vec();
        needless[0] = 2;
        needless.extend(1_u64.to_be_bytes());
        assert_eq!(StableWrite::decode(&needless), Err(RecordError::Invalid("epoch of a stable write")));
    }
}

#[test]
#[ignore = "writes the golden fixture of a new format"]
fn write_golden() {
    let lines: String = reverts().iter().map(|intent| format!("{}\n", hex(&intent.encode()))).collect();
    assert!(!std::path::Path::new(GOLDEN_REVERTS).exists(), "a golden file is never written anew");
    std::fs::write(GOLDEN_REVERTS, lines).unwrap();
}

/// And what is to be reverted.
fn reverts() -> Vec<IntentRecord> {
    (1..=GOLDEN_SEEDS).map(sample::revert).collect()
}

#[test]
fn golden_reverts_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_REVERTS).unwrap();
    assert!(golden.lines().eq(reverts().iter().map(|intent| hex(&intent.encode()))));
    for intent in reverts() {
        assert_eq!(IntentRecord::decode(&intent.encode()), Ok(intent));
    }
}

/// And clones.
fn trees() -> Vec<TreeRecord> {
    (1..=GOLDEN_SEEDS).map(sample::tree).collect()
}

#[test]
fn golden_clones_are_read_for_ever() {
    let golden = std::fs::read_to_string(GOLDEN_TREES).unwrap();
    assert!(golden.lines().eq(trees().iter().map(|tree| hex(&tree.encode()))));
    for tree in trees() {
        let bytes = tree.encode();
        assert_eq!((TreeRecord::decode(&bytes), bytes[0]), (Ok(tree), 2));
    }
}

#[test]
fn a_record_that_breaks_its_rules_is_not_written() {
    let limits = vfs::QuotaLimits { hard: Some(1), soft: Some(2), advisory: None };
    let quota = QuotaRecord { inodes: limits, ..QuotaRecord::default() };
    assert!(std::panic::catch_unwind(|| quota.encode()).is_err());
}

#[test]
fn counters_do_not_leave_their_range() {
    let usage = UsageRecord { inodes: 3, ..UsageRecord::default() };
    let less = Charge { inodes: -3, ..Charge::default() };
    assert_eq!(usage.plus(&less).unwrap().inodes, 0);
    assert_eq!(usage.plus(&less.plus(&less)), None);
    assert!(less.plus(&less.negated()).is_zero());
}

/// A region as 64 single blocks: placement, CRC, birth.
type Model = [Option<(u64, u32, u64)>; 64];

proptest! {
    #[test]
    fn a_region_behaves_like_64_blocks(seed: u64, steps in 1_usize..60) {
        let mut random = Random(seed);
        let mut model: Model = [None; 64];
        let mut region = RegionRecord::empty(Epoch(1), 0);
        for _ in 0..steps {
            let first = random.below(64) as u8;
            let blocks = 1 + random.below(64 - u64::from(first)) as u8;
            let covered = usize::from(first)..usize::from(first + blocks);
            let mut expected: Vec<_> = model[covered.clone()].iter().flatten().map(|block| (block.0, block.2)).collect();
            let released = match random.below(4) {
                0 => {
                    model[covered].fill(None);
                    region.punch(first, blocks)
                }
                1 => {
                    expected = model[usize::from(first)..].iter().flatten().map(|block| (block.0, block.2)).collect();
                    model[usize::from(first)..].fill(None);
                    region.cut_from(first)
                }
                _ => {
                    let placement = (random.below(1 << 20) << 24) | (random.below(1000) * 64);
                    let birth = random.below(3);
                    let crcs: Vec<u32> = (0..blocks).map(|_| random.word() as u32).collect();
                    for (offset, crc) in (0..).zip(&crcs) {
                        model[usize::from(first) + offset as usize] = Some((placement + offset, *crc, birth));
                    }
                    region.replace(Extent::plain(first, blocks, Epoch(birth), placement), &crcs)
                }
            };
            let found: Vec<_> = released
                .iter()
                .flat_map(|run| (0..u64::from(run.blocks)).map(|offset| (run.placement + offset, run.birth.0)))
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(released.iter().map(|run| run.stored_bytes).sum::<u64>() % 4096, 0);
            let shown: Model = std::array::from_fn(|block| {
                region.find(block as u8).map(|located| (located.placement, located.crc, located.birth.0))
            });
            prop_assert_eq!(shown, model);
            let count = model.iter().flatten().count();
            prop_assert_eq!(region.blocks() as usize, count);
            prop_assert_eq!(region.stored_bytes(), 4096 * count as u64);
            prop_assert_eq!(RegionRecord::decode(&region.encode()), Ok(region.clone()));
        }
    }
}

#[test]
fn a_compressed_extent_is_released_with_its_last_part() {
    let mut region = RegionRecord::empty(Epoch(1), 0);
    let coding = Coding::Compressed { skip: 0 };
    let extent = Extent { stored_bytes: 9000, coding, ..Extent::plain(0, 10, Epoch(1), 7 << 24) };
    region.replace(extent, &[0; 10]);
    assert!(region.punch(3, 2).is_empty(), "two parts are left");
    assert_eq!(region.stored_bytes(), 9000);
    assert_eq!(region.find(5).map(|located| located.coding), Some(Coding::Compressed { skip: 5 }));
    assert!(region.cut_from(5).is_empty());
    let released = region.punch(0, 64);
    assert_eq!(
        released.as_slice(),
        [Released { placement: 7 << 24, blocks: 3, birth: Epoch(1), pool: 0, stored_bytes: 9000 }]
    );
    assert!(region.is_empty());
}

#[test]
fn overlapping_extents_are_refused() {
    let extents = [Extent::plain(0, 2, Epoch(1), 0), Extent::plain(1, 1, Epoch(1), 64)];
    let region = RegionRecord { extents: extents.into_iter().collect(), crcs: vec![0; 3], ..RegionRecord::default() };
    assert!(std::panic::catch_unwind(|| region.encode()).is_err());
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-1.hex");
const GOLDEN_LATER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-2.hex");
const GOLDEN_LATEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-3.hex");
const GOLDEN_OPENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-4.hex");
const GOLDEN_QUOTAS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-5.hex");
const GOLDEN_SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-6.hex");
const GOLDEN_OWNERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-7.hex");
const GOLDEN_DATED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-8.hex");
const GOLDEN_TREES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-9.hex");
const GOLDEN_REVERTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/records-10.hex");
const GOLDEN_SEEDS: u64 = 8;
