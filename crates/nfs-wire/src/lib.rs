//! XDR, ONC RPC, portmap, MOUNT and NFSv3 as types: encode and decode, bytes only.
