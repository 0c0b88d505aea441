//! Key schema, records, snapshot versions, group commit and the overlay of what is not durable yet, over any kv.
