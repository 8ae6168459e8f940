//! What text is made of once it is in the house: nothing that acts, and cleaning it again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parlor::protocol::{Body, Nick, RoomName, clean};
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
    if let Ok(nick) = Nick::parse(&text) {
        assert!(!nick.as_str().chars().any(|c| is_forbidden(c) || c.is_whitespace()));
        assert_eq!(Nick::parse(nick.as_str()).as_ref(), Ok(&nick));
    }
    if let Ok(room) = RoomName::parse(&text) {
        assert!(!room.as_str().chars().any(|c| is_forbidden(c) || c.is_whitespace()));
        assert_eq!(RoomName::parse(room.as_str()).as_ref(), Ok(&room));
    }
});
