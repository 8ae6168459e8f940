//! Percent codes (RFC 3986, section 2.1), as paths and forms have them.

/// Decodes a text. In forms a `+` is a blank. `None` where a `%` is not followed by two hexadecimal digits.
pub(super) fn decoded(text: &[u8], plus_is_blank: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        bytes.push(match byte {
            b'%' => {
                let (digits, behind) = rest.split_at_checked(2)?;
                rest = behind;
                let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
                u8::try_from(16 * digit(0)? + digit(1)?).ok()?
            }
            b'+' if plus_is_blank => b' ',
            byte => *byte,
        });
    }
    Some(bytes)
}
