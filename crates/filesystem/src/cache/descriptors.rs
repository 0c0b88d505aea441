//! Descriptors that inodes in memory point at, each there once however many do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use vfs::acl::SecurityDescriptor;

/// By hash; those that nobody points at go when there is much of them.
#[derive(Debug, Default)]
pub(crate) struct KnownDescriptors(Mutex<HashMap<[u8; 32], Weak<SecurityDescriptor>>>);

impl KnownDescriptors {
    /// The one with this hash, if something points at it.
    pub(crate) fn find(&self, hash: &[u8; 32]) -> Option<Arc<SecurityDescriptor>> {
        self.known().get(hash).and_then(Weak::upgrade)
    }

    /// The one that is shared by all who have this.
    pub(crate) fn share(&self, hash: [u8; 32], descriptor: Arc<SecurityDescriptor>) -> Arc<SecurityDescriptor> {
        let mut known = self.known();
        if let Some(shared) = known.get(&hash).and_then(Weak::upgrade) {
            return shared;
        }
        if known.len() == known.capacity() {
            known.retain(|_, descriptor| descriptor.strong_count() > 0);
        }
        known.insert(hash, Arc::downgrade(&descriptor));
        descriptor
    }

    fn known(&self) -> MutexGuard<'_, HashMap<[u8; 32], Weak<SecurityDescriptor>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_points_at_goes() {
        let known = KnownDescriptors::default();
        let kept = known.share([0xff; 32], Arc::default());
        assert!(Arc::ptr_eq(&kept, &known.share([0xff; 32], Arc::default())));
        for number in 0..10_000_u16 {
            let mut hash = [0; 32];
            hash[..2].copy_from_slice(&number.to_be_bytes());
            drop(known.share(hash, Arc::default()));
            assert!(known.find(&hash).is_none());
        }
        assert!(known.known().len() < 100, "they do not pile up");
        assert!(known.find(&[0xff; 32]).is_some());
    }
}
