//! Changed ranges: whoever takes them over into the older state has the younger.

use testkit::Random;
use testkit::operations::BORDERS;
use vfs::{
    Admin, ChangeKind, ChangedEntry, ChangedPart, ChangedRange, ChangedRangesReply, ChangedRangesRequest, FileIo,
    FileType, InodeId, InodeNumber, OpContext, ReadRequest, Via,
};

use super::any;
use super::oracle::Copies;
use crate::house::House;

/// Of all files that were told to differ, and of some that were not.
pub(super) async fn prove(
    house: &House,
    (from, to): (InodeId, InodeId),
    (copies, entries): (&Copies, &[ChangedEntry]),
    random: &mut Random,
) {
    let is_file = |entry: &&ChangedEntry| entry.file_type == FileType::Regular && entry.kind == ChangeKind::Changed;
    for entry in entries.iter().filter(is_file) {
        let ranges = prove_file(house, (from.sibling(entry.inode), to.sibling(entry.inode)), random).await;
        let is_told = entry.parts.contains(&ChangedPart::Data);
        assert!(is_told || ranges.is_empty(), "{entry:?} has {ranges:?}");
    }
    let files = copies.before.values().filter(|node| node.attributes.file_type == FileType::Regular);
    let same: Vec<_> = files
        .filter(|node| copies.after.values().any(|other| other == *node))
        .map(|node| node.attributes.inode.number)
        .filter(|number| !entries.iter().any(|entry| entry.inode == *number))
        .filter(|number| has_one_name(copies, *number))
        .collect();
    if let Some(number) = same.get(any(random, same.len())) {
        let ranges = prove_file(house, (from.sibling(*number), to.sibling(*number)), random).await;
        assert!(ranges.is_empty(), "{number:?} has {ranges:?}");
    }
}

/// What has several may be at home elsewhere, and no snapshot shows it then.
fn has_one_name(copies: &Copies, number: InodeNumber) -> bool {
    [&copies.before, &copies.after].iter().all(|copy| {
        copy.values().filter(|node| node.attributes.inode.number == number).all(|node| node.attributes.links == 1)
    })
}

async fn prove_file(house: &House, (from, to): (InodeId, InodeId), random: &mut Random) -> Vec<ChangedRange> {
    let limit = [1, 2, 1000][any(random, 3)];
    let (mut ranges, mut offset) = (Vec::new(), 0);
    let ChangedRangesReply { size_before, size_after, .. } = loop {
        let request = ChangedRangesRequest { from, to: Some(to.tree), offset, limit };
        let page = house.changed_ranges(&OpContext::internal(from), request).await.unwrap();
        assert!(page.ranges.len() <= limit);
        ranges.extend(page.ranges.iter().copied());
        match page.next {
            Some(next) => {
                assert!(next > offset || next == offset && offset == 0, "it goes on");
                offset = next;
            }
            None => break page,
        }
    };
    let ends = ranges.iter().map(|range| range.offset + range.length);
    assert!(ends.clone().all(|end| end <= size_after), "{ranges:?} reach behind {size_after}");
    assert!(ends.zip(ranges.iter().skip(1)).all(|(end, next)| end <= next.offset), "{ranges:?} are in order");
    for border in BORDERS {
        let start = border.saturating_sub(MARGIN_BYTES);
        let mut taken = window(house, from, (start, size_before)).await;
        let expected = window(house, to, (start, size_after)).await;
        cut(&mut taken, start, size_after);
        for range in &ranges {
            take_over((&mut taken, &expected), start, *range);
        }
        assert!(taken == expected, "{from:?} to {to:?} around {start}: {ranges:?}");
    }
    ranges
}

/// The bytes of a window; behind the end of the file they are zero.
async fn window(house: &House, inode: InodeId, (offset, size): (u64, u64)) -> Vec<u8> {
    let request = ReadRequest { inode, via: Via::Anonymous, offset, length: WINDOW_BYTES };
    let mut bytes = match offset < size {
        true => house.read(&OpContext::internal(inode), request).await.unwrap().data.to_bytes().to_vec(),
        false => Vec::new(),
    };
    bytes.resize(WINDOW_BYTES as usize, 0);
    bytes
}

fn cut(bytes: &mut [u8], start: u64, size: u64) {
    let left = usize::try_from(size.saturating_sub(start)).unwrap();
    bytes.iter_mut().skip(left).for_each(|byte| *byte = 0);
}

fn take_over((taken, from): (&mut [u8], &[u8]), start: u64, range: ChangedRange) {
    let end = start + u64::from(WINDOW_BYTES);
    let bounds = [range.offset, range.offset + range.length].map(|bound| bound.clamp(start, end) - start);
    let [first, end] = bounds.map(|bound| usize::try_from(bound).unwrap());
    if range.is_hole {
        assert!(from[first..end].iter().all(|byte| *byte == 0), "{range:?} is no hole");
    }
    taken[first..end].copy_from_slice(&from[first..end]);
}

const MARGIN_BYTES: u64 = 16 * 1024;
const WINDOW_BYTES: u32 = 32 * 1024;
