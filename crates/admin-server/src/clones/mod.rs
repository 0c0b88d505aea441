//! Writable clones of a zone: listed, shown, made and deleted.

pub(crate) mod answer;
pub(crate) mod order;

pub(crate) use self::answer::{list, show};
pub(crate) use self::order::{delete, put};
