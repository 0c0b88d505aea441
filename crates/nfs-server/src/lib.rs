//! NFSv3, MOUNT and portmap, onto vfs.
