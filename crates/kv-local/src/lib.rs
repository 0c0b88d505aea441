//! The embedded metadata engine: our own log as the journal of an lsm-tree.
