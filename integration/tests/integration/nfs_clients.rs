//! Crashes: what was acknowledged is there afterwards.
