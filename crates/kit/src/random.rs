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

/// Capitals and digits without look-alikes.
const PLAIN: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// A code that a person copies by hand: groups of four characters, `ABCD-2345-…`.
pub fn code(groups: usize) -> String {
    let mut characters = std::iter::repeat_with(bytes::<32>)
        .flatten()
        .filter(|b| usize::from(*b) < 256 / PLAIN.len() * PLAIN.len())
        .map(|b| char::from(PLAIN[usize::from(b) % PLAIN.len()]));
    let groups: Vec<String> = (0..groups).map(|_| characters.by_ref().take(4).collect()).collect();
    groups.join("-")
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

    #[test]
    fn codes_are_copied_by_hand() {
        let word = code(3);
        assert_eq!(word.len(), 14, "{word}");
        assert!(word.split('-').all(|g| g.len() == 4 && g.bytes().all(|b| PLAIN.contains(&b))), "{word}");
        assert_ne!(code(3), code(3));
    }
}
