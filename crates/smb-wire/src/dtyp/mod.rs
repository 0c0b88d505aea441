//! Data types of Windows (MS-DTYP) that stand in messages.

mod access_mask;
mod acl;
mod descriptor;
mod filetime;
mod guid;
mod sid;

pub use access_mask::AccessMask;
pub use acl::{Ace, AceBody, AceFlags, AceType, Acl};
pub use descriptor::{DescriptorControl, SecurityDescriptor};
pub use filetime::FileTime;
pub use guid::Guid;
pub use sid::{ParseSidError, Sid};
