//! Turns a token exchange into an identity: AUTH_NONE and AUTH_SYS; token machines without I/O.
