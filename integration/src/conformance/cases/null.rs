//! NULL (RFC 1813 3.3.0).

use super::*;

pub(super) const CASES: &[Case] = cases!("null", "NULL": OK = success);

fn success(scene: &mut Scene<'_>) -> Answer<()> {
    scene.it.null()
}
