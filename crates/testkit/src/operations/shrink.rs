//! Making a failing sequence short.

use super::Operation;

/// Takes operations out as long as the rest still fails, larger parts first (delta debugging). `fails` must begin with
/// fresh houses each time.
pub async fn shrink(operations: Vec<Operation>, mut fails: impl AsyncFnMut(&[Operation]) -> bool) -> Vec<Operation> {
    let mut kept = operations;
    let mut part = kept.len().div_ceil(2);
    while part > 0 {
        let mut end = kept.len();
        while end > 0 {
            let start = end.saturating_sub(part);
            let rest: Vec<_> = kept.iter().take(start).chain(kept.iter().skip(end)).cloned().collect();
            if fails(&rest).await {
                kept = rest;
            }
            end = start;
        }
        part /= 2;
    }
    kept
}
