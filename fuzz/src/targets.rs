//! The targets of all packages, which their own smoke tests share.

#[path = "../../crates/nfs-wire/tests/wire/mutation.rs"]
mod nfs_mutation;
#[path = "../../crates/nfs-wire/tests/wire/targets.rs"]
mod nfs_targets;
#[path = "../../crates/security/tests/security/mutation.rs"]
mod security_mutation;
#[path = "../../crates/security/tests/security/targets.rs"]
mod security_targets;
#[path = "../../crates/smb-wire/tests/wire/mutation.rs"]
mod smb_mutation;
#[path = "../../crates/smb-wire/tests/wire/targets.rs"]
mod smb_targets;

pub(crate) use nfs_mutation::Random;

/// One decoder with its rules, and with the changes that matter to what it decodes.
pub(crate) struct Target {
    /// `PACKAGE/MESSAGE`.
    pub(crate) name: String,
    /// Panics if a rule is broken.
    pub(crate) run: Box<dyn Fn(&[u8]) + Send + Sync>,
    /// One change, chosen by a number, to bytes; the last argument is another message.
    pub(crate) mutate: fn(u64, &mut Vec<u8>, &[u8]),
}

pub(crate) fn all() -> Vec<Target> {
    let nfs = nfs_targets::all().into_iter().map(|target| Target {
        name: format!("nfs-wire/{}", target.name),
        run: Box::new(move |input| target.run(input)),
        mutate: |seed, bytes, other| nfs_mutation::mutate(&mut nfs_mutation::Random::new(seed), bytes, other),
    });
    let smb = smb_targets::all().into_iter().map(|target| Target {
        name: format!("smb-wire/{}", target.name),
        run: Box::new(move |input| target.run(input)),
        mutate: |seed, bytes, other| smb_mutation::mutate(&mut smb_mutation::Random::new(seed), bytes, other),
    });
    let security = security_targets::all().into_iter().map(|target| Target {
        name: format!("security/{}", target.name),
        run: Box::new(move |input| target.run(input)),
        mutate: |seed, bytes, other| security_mutation::mutate(&mut security_mutation::Random::new(seed), bytes, other),
    });
    nfs.chain(smb).chain(security).collect()
}
