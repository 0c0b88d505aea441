//! Opens, share reservations, byte-range locks and leases of one inode.
