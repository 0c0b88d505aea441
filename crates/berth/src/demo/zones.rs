//! What the demo serves: its zones, their shares and their users, without any file.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use security::ntlm::NtHash;
use zones::{ConfigErrors, Password, Sources, StoredHash, ZoneDefinition, parse_with, system_resolver};

/// A zone of the demo.
#[derive(Clone, Copy, Debug)]
pub(super) struct DemoZone {
    pub(super) name: &'static str,
    pub(super) address: &'static str,
    pub(super) users: &'static [DemoUser],
    /// Shares by name, with the directory of each.
    pub(super) shares: &'static [(&'static str, &'static str)],
    /// What users may do at most over SMB.
    pub(super) rights: &'static str,
    /// Whether snapshots are taken each hour.
    pub(super) is_snapshotted: bool,
}

/// A user of the demo. Its password is as public as this text: the demo listens on loopback, and NFS asks for none.
#[derive(Clone, Copy, Debug)]
pub(super) struct DemoUser {
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) uid: u32,
}

/// The zone of this name.
pub(super) fn zone_named(zones: &[DemoZone], name: &str) -> Option<DemoZone> {
    zones.iter().copied().find(|zone| zone.name == name)
}

/// The definitions of these zones.
pub(super) fn definitions(zones: &[DemoZone]) -> Result<Vec<ZoneDefinition>, ConfigErrors> {
    zones.iter().map(DemoZone::definition).collect()
}

impl DemoZone {
    fn definition(&self) -> Result<ZoneDefinition, ConfigErrors> {
        let read = |file: &Path, _: u64| self.file(file);
        let sources = Sources { resolve: &system_resolver, read: &read, read_secret: &read };
        parse_with(Path::new(self.name), &self.text(), sources)
    }

    fn text(&self) -> String {
        let Self { name, address, rights, .. } = self;
        let mut text = format!(
            "name = \"{name}\"\nbase = \"/tenants/{name}\"\naddresses = [\"{address}\"]\n\
             users_file = \"{USERS}\"\npasswords_file = \"{PASSWORDS}\"\n\
             [[export]]\npaths = [\"/projects\"]\nmap_root = \"off\"\n"
        );
        for (share, path) in self.shares {
            // Writing to a text cannot fail.
            let _ = write!(
                text,
                "[[share]]\nname = \"{share}\"\npath = \"{path}\"\n\
                 permissions = [{{ trustee = \"everyone\", rights = \"{rights}\" }}]\n\
                 access_based_enumeration = {}\n",
                *share == HIDE_UNREAD
            );
        }
        if self.is_snapshotted {
            text +=
                "[[snapshot]]\npath = \"/projects\"\nevery = \"1h\"\nname = \"hourly-%Y-%m-%d_%H.%M\"\nkeep = \"2d\"\n";
        }
        text
    }

    /// The files that its text names.
    fn file(&self, file: &Path) -> io::Result<Vec<u8>> {
        let line: fn(&DemoUser) -> String = if file.ends_with(USERS) {
            |user| format!("{}:x:{uid}:{uid}\n", user.name, uid = user.uid)
        } else if file.ends_with(PASSWORDS) {
            |user| {
                let hash = Some(StoredHash(*NtHash::of_password(user.password).bytes()));
                Password { hash, is_disabled: false, changed: 0 }.line(user.name) + "\n"
            }
        } else {
            return Err(io::ErrorKind::NotFound.into());
        };
        Ok(self.users.iter().map(line).collect::<String>().into_bytes())
    }
}

/// What `berth demo` serves.
pub(super) const ZONES: [DemoZone; 2] = [
    DemoZone {
        name: "contoso",
        address: "127.0.0.1",
        users: &[DemoUser { name: "alice", password: "Contoso.Alice1", uid: 1042 }],
        shares: &[PROJECTS],
        rights: "full",
        is_snapshotted: false,
    },
    FABRIKAM,
];

/// What `berth demo --torture` serves: besides, what smbtorture and its suites want.
pub(super) const TORTURE_ZONES: [DemoZone; 2] = [
    DemoZone {
        name: "contoso",
        address: "127.0.0.1",
        users: &[
            DemoUser { name: "alice", password: "Contoso.Alice1", uid: 1042 },
            DemoUser { name: "peer", password: "Peer.Pw1", uid: 1101 },
            DemoUser { name: "peer2", password: "Peer.Pw1", uid: 1102 },
        ],
        shares: &[
            PROJECTS,
            ("torture", "/torture"),
            ("torture2", "/torture2"),
            ("torture3", "/torture3"),
            ("torture4", "/torture4"),
            (HIDE_UNREAD, "/torture"),
        ],
        rights: "full",
        is_snapshotted: false,
    },
    FABRIKAM,
];

/// Another tenant's user may have the same name: it is another user, and here it only reads.
const FABRIKAM: DemoZone = DemoZone {
    name: "fabrikam",
    address: "127.0.0.2",
    users: &[DemoUser { name: "alice", password: "Fabrikam.Alice1", uid: 2042 }],
    shares: &[PROJECTS],
    rights: "read",
    is_snapshotted: true,
};
/// The share of the suite whose listings leave out what may not be read.
const HIDE_UNREAD: &str = "hideunread";
const PROJECTS: (&str, &str) = ("projects", "/projects");
const USERS: &str = "users";
const PASSWORDS: &str = "passwords";
