//! Home of the load generators and comparisons; see the README of this folder.
