//! The file system: namespace, files, extents, caches, space; implements vfs.
