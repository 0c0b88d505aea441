//! File numbers of 32 bits, for exports whose clients take no more: every number of a reply is folded at its end, in one
//! place, so that attributes, READDIR and READDIRPLUS always agree. Inside, numbers have 64 bits.

use nfs_wire::nfs3::{
    AccessOk, CommitOk, Fattr3, FsinfoOk, FsstatOk, GetattrOk, LinkBody, LookupOk, NewObjectOk, PathconfOk, PostOpAttr,
    ReaddirOk, ReaddirplusOk, ReadlinkOk, RenameBody, Reply3, WccData, WriteOk,
};

/// What holds file numbers.
pub(super) trait HoldsFileIds {
    /// Folds them as [`zones::FileIds::Bits32`] says.
    fn fold(&mut self);
}

fn folded(number: u64) -> u64 {
    zones::FileIds::Bits32.shown(number)
}

impl HoldsFileIds for Fattr3 {
    fn fold(&mut self) {
        self.fileid = folded(self.fileid);
    }
}

impl HoldsFileIds for PostOpAttr {
    fn fold(&mut self) {
        if let Some(attributes) = self {
            attributes.fold();
        }
    }
}

impl HoldsFileIds for () {
    fn fold(&mut self) {}
}

impl<Resok: HoldsFileIds, Resfail: HoldsFileIds> HoldsFileIds for Reply3<Resok, Resfail> {
    fn fold(&mut self) {
        match self {
            Self::Ok(resok) => resok.fold(),
            Self::Failed(_, resfail) => resfail.fold(),
        }
    }
}

impl HoldsFileIds for ReaddirOk {
    fn fold(&mut self) {
        self.dir_attributes.fold();
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        entries.iter_mut().for_each(|entry| entry.fileid = folded(entry.fileid));
        self.entries = entries.into_iter().collect();
    }
}

impl HoldsFileIds for ReaddirplusOk {
    fn fold(&mut self) {
        self.dir_attributes.fold();
        let mut entries = std::mem::take(&mut self.entries).into_vec();
        for entry in &mut entries {
            entry.fileid = folded(entry.fileid);
            entry.name_attributes.fold();
        }
        self.entries = entries.into_iter().collect();
    }
}

macro_rules! fold_fields {
    ($($body:ty: $($field:ident),+;)+) => {
        $(impl HoldsFileIds for $body {
            fn fold(&mut self) {
                $(self.$field.fold();)+
            }
        })+
    };
}

fold_fields! {
    WccData: after;
    GetattrOk: obj_attributes;
    LookupOk: obj_attributes, dir_attributes;
    AccessOk: obj_attributes;
    ReadlinkOk: symlink_attributes;
    WriteOk: file_wcc;
    NewObjectOk: obj_attributes, dir_wcc;
    RenameBody: fromdir_wcc, todir_wcc;
    LinkBody: file_attributes, linkdir_wcc;
    FsstatOk: obj_attributes;
    FsinfoOk: obj_attributes;
    PathconfOk: obj_attributes;
    CommitOk: file_wcc;
}
