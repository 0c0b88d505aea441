//! The one integration-test binary: house rules, conformance, outside clients, locks, logons, crashes, zones, large stores, benches.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod both_doors;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod clones;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod ipv6;
#[cfg(test)]
mod large;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod logons;
#[cfg(test)]
mod nfs_clients;
#[cfg(test)]
mod quotas;
#[cfg(test)]
mod records;
#[cfg(test)]
mod replay;
#[cfg(test)]
mod reverts;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod smb_clients;
#[cfg(test)]
mod smb_crash;
#[cfg(test)]
mod smb_durable;
#[cfg(test)]
mod smb_kernel;
#[cfg(test)]
mod smb_pipes;
#[cfg(test)]
mod smb_python;
#[cfg(test)]
mod smb_rs;
#[cfg(test)]
mod smb_session;
#[cfg(test)]
mod smb_watches;
#[cfg(test)]
mod snapshots;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod zones;
