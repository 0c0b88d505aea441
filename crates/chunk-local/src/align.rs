//! Payloads as direct I/O wants them: memory and lengths in whole blocks.

use bytes::Bytes;
use pages::{BLOCK_SIZE, Payload, Pool};

/// The same bytes in slices that start and end at multiples of a block. Slices that do already are shared; the others
/// are copied once into pooled memory.
pub(crate) fn align(payload: Payload, pool: &Pool) -> Payload {
    if payload.slices().iter().all(is_aligned) {
        return payload;
    }
    let (mut aligned, mut loose) = (Payload::new(), Payload::new());
    for slice in payload.slices() {
        if is_aligned(slice) && loose.len().is_multiple_of(BLOCK_SIZE) {
            copy(&mut aligned, &std::mem::take(&mut loose), pool);
            aligned.push(slice.clone());
        } else {
            loose.push(slice.clone());
        }
    }
    copy(&mut aligned, &loose, pool);
    aligned
}

fn is_aligned(slice: &Bytes) -> bool {
    slice.as_ptr().addr().is_multiple_of(BLOCK_SIZE) && slice.len().is_multiple_of(BLOCK_SIZE)
}

fn copy(aligned: &mut Payload, loose: &Payload, pool: &Pool) {
    for from in (0..loose.len()).step_by(COPY_BYTES_MAX) {
        let part = loose.slice(from, COPY_BYTES_MAX);
        let mut buffer = pool.allocate_or_map(part.len());
        part.copy_to(&mut buffer);
        aligned.push(buffer.freeze());
    }
}

const COPY_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use pages::PageBuf;
    use proptest::prelude::*;

    use super::*;

    fn piece(aligned: bool, length: usize, mark: u8) -> Bytes {
        let mut buffer = PageBuf::unpooled(length + 16);
        buffer.fill(mark);
        buffer.freeze().slice(if aligned { 0..length } else { 16..length + 16 })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn bytes_stay_and_slices_become_aligned(
            parts in proptest::collection::vec((any::<bool>(), 1_usize..12_000, any::<u8>()), 0..8),
            whole in any::<bool>(),
        ) {
            let length = |length: usize| if whole { length.next_multiple_of(BLOCK_SIZE) } else { length };
            let mut payload: Payload =
                parts.iter().map(|(aligned, bytes, mark)| piece(*aligned, length(*bytes), *mark)).collect();
            let rest = payload.len().next_multiple_of(BLOCK_SIZE) - payload.len();
            payload.push(piece(true, rest, 3));
            let aligned = align(payload.clone(), &Pool::new(pages::PoolSettings::default()));
            prop_assert!(aligned.slices().iter().all(is_aligned));
            prop_assert_eq!(aligned, payload);
        }
    }

    #[test]
    fn aligned_slices_are_shared() {
        let block = piece(true, BLOCK_SIZE, 1);
        let payload: Payload = [piece(false, 2 * BLOCK_SIZE, 2), block.clone()].into_iter().collect();
        let aligned = align(payload, &Pool::new(pages::PoolSettings::default()));
        assert_eq!(aligned.slices()[1].as_ptr(), block.as_ptr());
    }
}
