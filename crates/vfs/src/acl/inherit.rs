//! What is made in a directory inherits of its descriptor (MS-DTYP 2.5.3.4.1).

use super::{Ace, AceFlags, SecurityDescriptor, Trustee};
use crate::Principal;

impl SecurityDescriptor {
    /// The descriptor of what `owner` and `group` make in a directory that has this one; `None` when it hands nothing down.
    #[must_use]
    pub fn inherited(&self, (owner, group): (&Principal, &Principal), is_directory: bool) -> Option<Self> {
        let is_marked = self.control & Self::DACL_AUTO_INHERITED != 0;
        let mut dacl = Vec::new();
        for ace in self.dacl.iter().flatten() {
            hand_down(ace, (owner, group), (is_directory, is_marked), &mut dacl);
        }
        let control = Self::DACL_PRESENT | (self.control & Self::DACL_AUTO_INHERITED);
        (!dacl.is_empty()).then(|| Self { control, dacl: Some(dacl), ..Self::default() })
    }
}

fn hand_down(
    ace: &Ace,
    (owner, group): (&Principal, &Principal),
    (is_directory, is_marked): (bool, bool),
    to: &mut Vec<Ace>,
) {
    let flags = ace.flags;
    let goes_on = is_directory && !flags.no_propagate;
    let further = AceFlags { inherited: is_marked, inherit_only: false, ..flags };
    let here = AceFlags { inherited: is_marked, ..AceFlags::default() };
    let is_meant = if is_directory { flags.container_inherit } else { flags.object_inherit };
    if !is_meant {
        if goes_on && flags.object_inherit {
            to.push(Ace { flags: AceFlags { inherit_only: true, ..further }, ..ace.clone() });
        }
        return;
    }
    let trustee = match &ace.trustee {
        Trustee::CreatorOwner => Trustee::User(owner.clone()),
        Trustee::CreatorGroup => Trustee::Group(group.clone()),
        other => other.clone(),
    };
    let mask = ace.mask.map_generic();
    // An entry whose trustee or rights are spelt out for the child goes on below as it was.
    let is_replaced = trustee != ace.trustee || mask != ace.mask;
    let flags = if goes_on && !is_replaced { further } else { here };
    to.push(Ace { kind: ace.kind, flags, mask, trustee });
    if goes_on && is_replaced {
        to.push(Ace { flags: AceFlags { inherit_only: true, ..further }, ..ace.clone() });
    }
}
