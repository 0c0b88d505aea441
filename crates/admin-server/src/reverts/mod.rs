//! Reverts of directories of a zone: begun, shown and given up.

mod begin;
mod shown;

pub(crate) use self::begin::{__path_begin, begin};
pub(crate) use self::shown::{__path_cancel, __path_list, __path_show, cancel, list, show};
