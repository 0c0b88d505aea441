//! Access zones: which address, export and identity mapping belong together.
