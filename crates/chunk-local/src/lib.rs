//! Blocks on local disks: append-only segments over uring.
