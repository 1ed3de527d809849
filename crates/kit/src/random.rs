//! The one source of randomness for tokens and keys.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// Random bytes from the operating system.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    SysRng.try_fill_bytes(&mut out).expect("the operating system gives random bytes");
    out
}

/// 256 random bits, hexadecimal: session tokens, idempotency keys.
pub fn token() -> String {
    hex::encode(bytes::<32>())
}

/// Letters and digits without look-alikes (no 0 O o 1 l I).
const READABLE: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";

/// A password that a person can type from a letter: sixteen characters without look-alikes, of several classes (D18).
pub fn password() -> String {
    loop {
        // Bytes beyond the largest multiple are dropped: every character is as likely as any other.
        let word: String = bytes::<64>()
            .into_iter()
            .filter(|b| usize::from(*b) < 256 / READABLE.len() * READABLE.len())
            .map(|b| char::from(READABLE[usize::from(b) % READABLE.len()]))
            .take(16)
            .collect();
        let mixed = word.contains(|c: char| c.is_ascii_digit()) && word.contains(|c: char| c.is_ascii_alphabetic());
        if word.len() == 16 && mixed {
            return word;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_from_letters_can_be_typed_and_are_accepted() {
        for _ in 0..200 {
            let word = password();
            assert_eq!(word.len(), 16);
            assert!(!word.contains(['0', 'O', 'o', '1', 'l', 'I']), "{word}");
            assert_eq!(domain::text::password(&word, "somebody"), Ok(()), "{word}");
        }
        assert_ne!(password(), password());
    }
}
