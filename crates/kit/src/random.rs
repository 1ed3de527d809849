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
