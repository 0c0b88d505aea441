//! `Command` of the header.

use crate::codec::codes;

codes! {
    /// `Command` (MS-SMB2 2.2.1).
    pub struct Command(u16) {
        NEGOTIATE = 0 "SMB2 NEGOTIATE",
        SESSION_SETUP = 1 "SMB2 SESSION_SETUP",
        LOGOFF = 2 "SMB2 LOGOFF",
        TREE_CONNECT = 3 "SMB2 TREE_CONNECT",
        TREE_DISCONNECT = 4 "SMB2 TREE_DISCONNECT",
        CREATE = 5 "SMB2 CREATE",
        CLOSE = 6 "SMB2 CLOSE",
        FLUSH = 7 "SMB2 FLUSH",
        READ = 8 "SMB2 READ",
        WRITE = 9 "SMB2 WRITE",
        LOCK = 10 "SMB2 LOCK",
        IOCTL = 11 "SMB2 IOCTL",
        CANCEL = 12 "SMB2 CANCEL",
        ECHO = 13 "SMB2 ECHO",
        QUERY_DIRECTORY = 14 "SMB2 QUERY_DIRECTORY",
        CHANGE_NOTIFY = 15 "SMB2 CHANGE_NOTIFY",
        QUERY_INFO = 16 "SMB2 QUERY_INFO",
        SET_INFO = 17 "SMB2 SET_INFO",
        OPLOCK_BREAK = 18 "SMB2 OPLOCK_BREAK",
        SERVER_TO_CLIENT_NOTIFICATION = 19 "SMB2 SERVER_TO_CLIENT_NOTIFICATION",
    }
}
