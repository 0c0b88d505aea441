//! Data types of Windows (MS-DTYP) that stand in messages.

mod access_mask;
mod filetime;
mod guid;

pub use access_mask::AccessMask;
pub use filetime::FileTime;
pub use guid::Guid;
