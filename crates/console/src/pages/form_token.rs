//! The token that a form carries, so that no other site can send it: of one session, and masked anew for each page.
//!
//! Pages are compressed, and a text that stands in all of them could be guessed by their lengths. So a page shows a random mask
//! and the token under it.

use keyward_rules::person::CodeTag;
use subtle::ConstantTimeEq as _;

const BYTES: usize = 16;

/// What the forms of a session prove.
#[derive(Clone, Copy)]
pub struct FormToken([u8; BYTES]);

impl FormToken {
    /// The token of a session, from the tag of its secret.
    pub fn of(tag: &CodeTag) -> Self {
        let mut token = [0; BYTES];
        token.iter_mut().zip(tag.as_bytes()).for_each(|(byte, of_tag)| *byte = *of_tag);
        Self(token)
    }

    /// The token under `mask`, as 64 hexadecimal digits: the mask, and the token beneath it.
    pub fn masked(&self, mask: [u8; BYTES]) -> String {
        let beneath = self.0.iter().zip(mask).map(|(byte, masks)| byte ^ masks);
        mask.iter().copied().chain(beneath).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether a text is this token under whichever mask.
    pub fn fits(&self, text: &str) -> bool {
        let Some((mask, beneath)) = text.split_at_checked(2 * BYTES) else { return false };
        let (Some(mask), Some(beneath)) = (bytes(mask), bytes(beneath)) else { return false };
        let mut shown = [0; BYTES];
        shown
            .iter_mut()
            .zip(mask.iter().zip(beneath))
            .for_each(|(byte, (masks, under))| *byte = masks ^ under);
        shown.ct_eq(&self.0).into()
    }
}

/// The bytes of 32 hexadecimal digits in lower case.
fn bytes(text: &str) -> Option<[u8; BYTES]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * BYTES || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut out = [0; BYTES];
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::FormToken;
    use keyward_rules::person::CodeTag;

    #[test]
    fn a_token_fits_under_every_mask_and_no_other_text_does() {
        let token = FormToken::of(&CodeTag::from_bytes([7; 32]));
        let other = FormToken::of(&CodeTag::from_bytes([8; 32]));
        for mask in [[0; 16], [0xff; 16], [0x5a; 16]] {
            let text = token.masked(mask);
            assert!(text.len() == 64 && token.fits(&text) && !other.fits(&text), "{text}");
        }
        let good = token.masked([0xab; 16]);
        assert_ne!(good, token.masked([0xac; 16]));
        let bad = [
            String::new(),
            good[..62].to_owned(),
            format!("{good}00"),
            good.to_uppercase(),
            good.replacen('a', "b", 1),
            good.replacen('a', "+", 1),
            "0".repeat(64),
            "é".repeat(32),
            "g".repeat(64),
            good.chars().rev().collect(),
            format!(" {}", &good[1..]),
        ];
        for text in bad {
            assert!(!token.fits(&text), "{text}");
        }
    }
}
