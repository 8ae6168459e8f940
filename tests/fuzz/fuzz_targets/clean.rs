//! Cleaned text holds nothing that acts, and cleaning it again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::protocol::{Body, clean};
use parlor_fuzz::is_forbidden;

fuzz_target!(|data: &[u8]| {
    let once = clean(data);
    assert!(!once.chars().any(is_forbidden), "{once:?}");
    assert!(once.len() <= 3 * data.len());
    assert_eq!(clean(once.as_bytes()), once);
    let text = String::from_utf8_lossy(data);
    if let Some(body) = Body::new(&text) {
        assert!(!body.as_str().chars().any(is_forbidden));
        assert_eq!(Body::new(body.as_str()).as_ref(), Some(&body));
    }
});
