//! Attributes: what is shown, what may be set.

mod descriptor;
mod effective;
mod get;
mod set;
mod stream;
mod xattr;

pub(crate) use descriptor::{set_descriptor, set_first_descriptor};
pub(crate) use effective::{effective, without_set_id};
pub(crate) use set::{apply, check_values, mode_of, owner_of_new};
pub(crate) use stream::of_stream;
