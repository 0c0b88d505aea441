//! `FSCTL_VALIDATE_NEGOTIATE_INFO` (MS-SMB2 3.3.5.15.12): that nobody changed what was negotiated.

use smb_wire::ioctl::{ValidateNegotiateRequest, ValidateNegotiateResponse};
use smb_wire::negotiate::Dialect;
use vfs::Vfs;

use super::Asked;
use crate::answer::Answer;
use crate::connection::Terms;
use crate::dispatch::{Call, Refusal};

/// Tells what was negotiated. Where the client remembers another NEGOTIATE than the one that came in, or speaks a dialect
/// that proves this by itself, the connection is closed.
pub(super) fn validate<V: Vfs>(call: &Call<'_, V>, asked: &Asked<'_>) -> Result<Answer, Refusal> {
    let terms = call.terms;
    let request: ValidateNegotiateRequest<'_> = asked.input().map_err(|_| Refusal::Close)?;
    let is_what_came = request.client_guid == terms.client_guid
        && request.security_mode == terms.client_mode
        && request.capabilities == terms.client_capabilities
        && Terms::best_dialect(&request.dialects) == Some(terms.dialect);
    if terms.dialect == Dialect::SMB_3_1_1 || !is_what_came {
        tracing::warn!(client = %call.peer.client, "what a client negotiated is not what came in");
        return Err(Refusal::Close);
    }
    let told = ValidateNegotiateResponse {
        capabilities: terms.capabilities,
        server_guid: call.door.facts.server_guid,
        security_mode: terms.mode,
        dialect: terms.dialect,
    };
    asked.output(&told).map_err(|_| Refusal::Close)
}
