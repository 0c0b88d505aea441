//! Attributes: what is shown, what may be set.

mod effective;
mod get;
mod set;

pub(crate) use effective::{effective, without_set_id};
pub(crate) use set::{apply, check_values, mode_of, owner_of_new};
