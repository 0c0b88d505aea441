//! Load generators and comparisons; see the README of this folder.
