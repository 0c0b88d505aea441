//! The words and the contract: what a protocol may ask of the file system.
