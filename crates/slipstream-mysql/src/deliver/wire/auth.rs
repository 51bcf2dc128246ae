//! Proofs of a password, which is not sent itself.

use openssl::pkey::PKey;
use openssl::rsa::Padding;
use openssl::sha::{Sha1, Sha256, sha1, sha256};

/// A way to prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    Native,
    CachingSha2,
}

impl Plugin {
    pub(super) const ALL: [Self; 2] = [Self::Native, Self::CachingSha2];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
        }
    }

    /// The proof for what the server drew by chance.
    pub(super) fn proof(self, password: &str, nonce: &[u8]) -> Vec<u8> {
        if password.is_empty() {
            return Vec::new();
        }
        let password = password.as_bytes();
        match self {
            Self::Native => {
                let once = sha1(password);
                let mut both = Sha1::new();
                both.update(nonce);
                both.update(&sha1(&once));
                xor(&once, &both.finish())
            }
            Self::CachingSha2 => {
                let once = sha256(password);
                let mut both = Sha256::new();
                both.update(&sha256(&once));
                both.update(nonce);
                xor(&once, &both.finish())
            }
        }
    }
}

/// The password for the holder of this key alone (a PEM of the server's): None when it is no key.
pub(super) fn sealed(password: &str, nonce: &[u8], pem: &[u8]) -> Option<Vec<u8>> {
    let key = PKey::public_key_from_pem(pem).ok()?.rsa().ok()?;
    let plain = [password.as_bytes(), &[0]].concat();
    let mask: Vec<u8> = nonce.iter().copied().cycle().take(plain.len()).collect();
    let mut sealed = vec![0; key.size() as usize];
    let length = key.public_encrypt(&xor(&plain, &mask), &mut sealed, Padding::PKCS1_OAEP).ok()?;
    sealed.truncate(length);
    Some(sealed)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}
