//! The seal on what is kept: behind the text a newline, and the CRC-32 of the text in eight hex digits.
//!
//! It shows whether a text is what was written; whoever reads the text by other means drops the last line. No JSON text
//! ends in a line of that form, so that what was kept before there were seals is told from what has one.

/// Bytes of a seal.
const SEAL_BYTES: usize = 9;

/// What was kept, without its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Whether there was a seal, which holds.
    pub is_sealed: bool,
}

/// What is kept is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was changed after it was written: its checksum is {found:08x} where {sealed:08x} was kept with it")]
pub struct BrokenSeal {
    /// The checksum that was kept with it.
    pub sealed: u32,
    /// The checksum of what is there.
    pub found: u32,
}

/// Puts a seal on a JSON text.
pub fn seal(mut text: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&text);
    text.reserve_exact(SEAL_BYTES);
    text.push(b'\n');
    text.extend((0..8).rev().map(|place| b"0123456789abcdef"[(sum >> (4 * place)) as usize & 0xf]));
    text
}

/// Takes the seal off what was kept, if there is one.
pub fn unseal(kept: &[u8]) -> Result<Kept<'_>, BrokenSeal> {
    let Some((text, sealed)) = split(kept) else { return Ok(Kept { text: kept, is_sealed: false }) };
    let found = crc32fast::hash(text);
    if found == sealed { Ok(Kept { text, is_sealed: true }) } else { Err(BrokenSeal { sealed, found }) }
}

fn split(kept: &[u8]) -> Option<(&[u8], u32)> {
    let (text, seal) = kept.split_at_checked(kept.len().checked_sub(SEAL_BYTES)?)?;
    let digits = seal.strip_prefix(b"\n")?;
    let sum = digits.iter().try_fold(0, |sum: u32, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(sum << 4 | u32::from(value))
    })?;
    Some((text, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_is_the_checksum_that_zip_and_png_have() {
        assert_eq!(seal(b"123456789".to_vec()), b"123456789\ncbf43926");
        assert_eq!(unseal(b"123456789\ncbf43926"), Ok(Kept { text: b"123456789", is_sealed: true }));
    }

    #[test]
    fn a_text_without_a_seal_is_taken_as_it_is() {
        for text in [&b""[..], b"{}", br#"{"a":1}"#, b"{\"a\":[1,\n\"abcdef\"]}", b"\n12345678x"] {
            assert_eq!(unseal(text), Ok(Kept { text, is_sealed: false }));
        }
    }

    /// A flip within the line of the seal makes it no seal: what is left is no JSON, or a checksum that differs.
    #[test]
    fn every_flipped_bit_is_seen() {
        let text = br#"{"v":2,"at":17,"events":[{"TimerFired":{"task":3}}]}"#;
        let sealed = seal(text.to_vec());
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match unseal(&flipped) {
                Err(_) => {}
                Ok(kept) => {
                    assert!(!kept.is_sealed, "bit {bit}");
                    assert!(serde_json::from_slice::<serde_json::Value>(kept.text).is_err(), "bit {bit}");
                }
            }
        }
    }
}
