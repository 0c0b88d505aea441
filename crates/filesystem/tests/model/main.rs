//! The file system against the reference, on engines in memory.

#[cfg(test)]
mod changes;
#[cfg(test)]
mod clones;
#[cfg(test)]
mod confinement;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod house;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod random;
#[cfg(test)]
mod reverts;
#[cfg(test)]
mod snapshots;
