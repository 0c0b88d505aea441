//! The one integration-test binary: house rules, outside clients, crashes.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod nfs_clients;
#[cfg(test)]
mod tidy;
