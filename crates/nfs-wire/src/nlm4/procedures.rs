//! The procedures by number.

use super::{CancelArgs, LockArgs, NotifyArgs, ShareArgs, ShareResult, StatusResult, TestArgs, TestResult, UnlockArgs};
use crate::rpc::{NLM_PROGRAM, procedures};

procedures! {
    /// Names of the NLM 4 procedures by number (RFC 1813 6.3); 16 to 19 do not exist.
    NLM_PROGRAM, 4, PROCEDURE_NAMES {
        /// NLMPROC4_NULL.
        Null = 0 "NULL"(()) -> ();
        /// NLMPROC4_TEST: could this lock be had.
        Test = 1 "TEST"(TestArgs) -> TestResult;
        /// NLMPROC4_LOCK.
        Lock = 2 "LOCK"(LockArgs) -> StatusResult;
        /// NLMPROC4_CANCEL: stop waiting.
        Cancel = 3 "CANCEL"(CancelArgs) -> StatusResult;
        /// NLMPROC4_UNLOCK.
        Unlock = 4 "UNLOCK"(UnlockArgs) -> StatusResult;
        /// NLMPROC4_GRANTED: server to client, the lock waited for is held now.
        Granted = 5 "GRANTED"(TestArgs) -> StatusResult;
        /// NLMPROC4_TEST_MSG.
        TestMsg = 6 "TEST_MSG"(TestArgs) -> ();
        /// NLMPROC4_LOCK_MSG.
        LockMsg = 7 "LOCK_MSG"(LockArgs) -> ();
        /// NLMPROC4_CANCEL_MSG.
        CancelMsg = 8 "CANCEL_MSG"(CancelArgs) -> ();
        /// NLMPROC4_UNLOCK_MSG.
        UnlockMsg = 9 "UNLOCK_MSG"(UnlockArgs) -> ();
        /// NLMPROC4_GRANTED_MSG.
        GrantedMsg = 10 "GRANTED_MSG"(TestArgs) -> ();
        /// NLMPROC4_TEST_RES: the answer to TEST_MSG.
        TestRes = 11 "TEST_RES"(TestResult) -> ();
        /// NLMPROC4_LOCK_RES: the answer to LOCK_MSG.
        LockRes = 12 "LOCK_RES"(StatusResult) -> ();
        /// NLMPROC4_CANCEL_RES: the answer to CANCEL_MSG.
        CancelRes = 13 "CANCEL_RES"(StatusResult) -> ();
        /// NLMPROC4_UNLOCK_RES: the answer to UNLOCK_MSG.
        UnlockRes = 14 "UNLOCK_RES"(StatusResult) -> ();
        /// NLMPROC4_GRANTED_RES: the answer to GRANTED_MSG.
        GrantedRes = 15 "GRANTED_RES"(StatusResult) -> ();
        /// NLMPROC4_SHARE.
        Share = 20 "SHARE"(ShareArgs) -> ShareResult;
        /// NLMPROC4_UNSHARE.
        Unshare = 21 "UNSHARE"(ShareArgs) -> ShareResult;
        /// NLMPROC4_NM_LOCK: LOCK of a client that is not monitored.
        NmLock = 22 "NM_LOCK"(LockArgs) -> StatusResult;
        /// NLMPROC4_FREE_ALL: all locks and shares of a host go.
        FreeAll = 23 "FREE_ALL"(NotifyArgs) -> ();
    }
}
