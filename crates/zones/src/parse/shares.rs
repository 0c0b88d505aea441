//! The `[[share]]` tables of a zone file.

use std::sync::Arc;

use toml::Spanned;

use super::Reader;
use super::exports::Surroundings;
use crate::settings::{PermissionSetting, ShareTable};
use crate::share::{CHANGE, FULL, Permission, READ, Share, ShareTrustee};

impl Reader<'_> {
    pub(super) fn shares(&mut self, around: &Surroundings<'_>, tables: &[ShareTable]) -> Vec<Arc<Share>> {
        let mut shares: Vec<Arc<Share>> = Vec::new();
        for (index, table) in tables.iter().enumerate() {
            let key = format!("share[{index}]");
            let name = table.name.get_ref();
            if let Some(reason) = name_fault(name) {
                self.findings.add(table.name.span(), format!("{key}.name"), reason);
            }
            if let Some(other) = shares.iter().find(|share| share.is_named(name)) {
                let reason = format!("\"{}\" is also the name of \"{}\"", name.escape_default(), other.path_text());
                self.findings.add(table.name.span(), format!("{key}.name"), reason);
            }
            let permissions = self.permissions(around, &key, table);
            let Some(components) = self.path(&format!("{key}.path"), &table.path) else { continue };
            shares.push(Arc::new(Share {
                id: Share::id_of(around.zone, name),
                name: name.clone(),
                components,
                description: table.description.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default(),
                read_only: table.read_only,
                guests: table.guests,
                browsable: table.browsable.unwrap_or(true),
                streams: table.streams.unwrap_or(true),
                must_encrypt: table.smb3_encryption_enabled,
                is_continuous: table.continuously_available,
                hides_unreadable: table.access_based_enumeration,
                permissions: permissions.into(),
            }));
        }
        shares
    }

    fn permissions(&mut self, around: &Surroundings<'_>, key: &str, table: &ShareTable) -> Vec<Permission> {
        let Some(written) = &table.permissions else {
            return vec![Permission { trustee: ShareTrustee::Everyone, allows: true, rights: FULL }];
        };
        if written.is_empty() {
            // Nobody would get in: that is what `permissions = []` says, and hardly what somebody means.
            self.findings.add(table.name.span(), format!("{key}.permissions"), "empty: nobody could do anything");
        }
        let mut permissions = Vec::new();
        for (index, line) in written.iter().enumerate() {
            match parse_permission(around, line.get_ref()) {
                Ok(permission) => permissions.push(permission),
                // Whose names are wrong in their own file are not called unknown here.
                Err(_) if self.is_named_file_wrong => {}
                Err(reason) => self.permission_fault(line, (&format!("{key}.permissions[{index}]"), reason)),
            }
        }
        permissions
    }

    fn permission_fault(&mut self, line: &Spanned<PermissionSetting>, (key, reason): (&str, String)) {
        self.findings.add(line.span(), key, reason);
    }
}

impl Share {
    fn path_text(&self) -> String {
        String::from_utf8_lossy(&self.path()).into_owned()
    }
}

fn parse_permission(around: &Surroundings<'_>, line: &PermissionSetting) -> Result<Permission, String> {
    let allows = match line.action.as_deref() {
        None | Some("allow") => true,
        Some("deny") => false,
        Some(other) => {
            return Err(format!("unknown action \"{}\": allowed are \"allow\" and \"deny\"", other.escape_default()));
        }
    };
    let rights = match line.rights.as_str() {
        "read" => READ,
        "change" => CHANGE,
        "full" => FULL,
        other => {
            let known = "allowed are \"read\", \"change\" and \"full\"";
            return Err(format!("unknown rights \"{}\": {known}", other.escape_default()));
        }
    };
    Ok(Permission { trustee: parse_trustee(around, &line.trustee)?, allows, rights })
}

fn parse_trustee(around: &Surroundings<'_>, text: &str) -> Result<ShareTrustee, String> {
    let accounts = around.accounts;
    let number = |text: &str| text.parse().ok().filter(|id| *id != u32::MAX);
    let found = match text.split_once(':') {
        None if text == "everyone" => Some(ShareTrustee::Everyone),
        Some(("user", name)) => accounts.uid(name).or_else(|| number(name)).map(ShareTrustee::User),
        Some(("group", name)) => accounts.gid(name).or_else(|| number(name)).map(ShareTrustee::Group),
        _ => None,
    };
    found.ok_or_else(|| {
        format!(
            "unknown trustee \"{}\": allowed are \"everyone\", \"user:NAME\" and \"group:NAME\" with names of \
             users_file and groups_file, or numeric ids",
            text.escape_default()
        )
    })
}

/// Why a share cannot be called so (MS-FSCC 2.1.6).
fn name_fault(name: &str) -> Option<String> {
    let units = name.encode_utf16().count();
    let is_legal = |c: char| !c.is_control() && !"\\/[]:|<>+=;,*?\"".contains(c);
    if units == 0 || units > NAME_UNITS_MAX || !name.chars().all(is_legal) || name.trim() != name {
        return Some(format!(
            "\"{}\" is no share name: 1 to {NAME_UNITS_MAX} characters without \\ / [ ] : | < > + = ; , * ? \" and \
             without spaces at its ends",
            name.escape_default()
        ));
    }
    let is_taken = ["ipc$", "pipe", "mailslot", "admin$", "print$"].contains(&name.to_lowercase().as_str());
    is_taken.then(|| format!("\"{}\" has a meaning of its own in SMB: choose another name", name.escape_default()))
}

/// Longest name of a share in UTF-16 units: what clients can show.
const NAME_UNITS_MAX: usize = 80;
