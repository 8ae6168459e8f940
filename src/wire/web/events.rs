//! Encodes server-sent events, which a browser's `EventSource` reads (WHATWG HTML, section 9.2).

/// A comment, which `EventSource` ignores. It shows proxies that the connection is in use.
pub const COMMENT: &[u8] = b":\n\n";

/// Appends an event with the JSON object as its data; `id` is what the client resumes from.
pub(super) fn put(object: &[u8], id: Option<u64>, out: &mut Vec<u8>) {
    if let Some(id) = id {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(object);
    out.extend_from_slice(b"\n\n");
}
