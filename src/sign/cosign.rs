//! cosign's encrypted private keys: JSON with scrypt and `NaCl`'s secretbox (go-securesystemslib, `encrypted`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{AeadInPlace as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, Tag, XSalsa20Poly1305};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::Passphrase;
use crate::provenance::{Limits, parse_json};

/// Why a key is not opened.
pub(super) enum Refusal {
    /// It is not encrypted as cosign does.
    Unusual(String),
    /// The passphrase does not fit.
    Closed,
}

#[derive(Deserialize)]
struct Wire {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Deserialize)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Opens the JSON of such a key; gives PKCS#8.
pub(super) fn decrypt(json: &[u8], passphrase: &Passphrase) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let unusual = |why: &str| Refusal::Unusual(why.to_owned());
    let value =
        parse_json(json, Limits { bytes: 64 * 1024, depth: 8 }).map_err(|_| unusual("expected JSON"))?;
    let wire: Wire =
        serde_json::from_value(value).map_err(|_| unusual("expected `kdf`, `cipher` and `ciphertext`"))?;
    if wire.kdf.name != "scrypt" || wire.cipher.name != "nacl/secretbox" {
        return Err(Refusal::Unusual(format!(
            "expected scrypt and nacl/secretbox, found {:.20} and {:.20}",
            wire.kdf.name, wire.cipher.name
        )));
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| unusual("expected base64"));
    let Params { n, r, p } = wire.kdf.params;
    // 128 · N · r bytes of memory: 1 GiB is more than any writer asks for.
    let cheap =
        n.is_power_of_two() && (2..=1 << 20).contains(&n) && (1..=8).contains(&r) && (1..=16).contains(&p);
    let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(0);
    let params = scrypt::Params::new(log_n, r, p, 32).ok().filter(|_| cheap);
    let params =
        params.ok_or_else(|| unusual("expected scrypt with N up to 2^20, r up to 8 and p up to 16"))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(passphrase.as_bytes(), &decode(&wire.kdf.salt)?, &params, key.as_mut_slice())
        .map_err(|_| Refusal::Closed)?;
    let nonce = decode(&wire.cipher.nonce)?;
    if nonce.len() != XSalsa20Poly1305::NONCE_SIZE {
        return Err(unusual("expected a nonce of 24 bytes"));
    }
    let text = Zeroizing::new(decode(&wire.ciphertext)?);
    // secretbox puts the tag first.
    let (tag, rest) = text.split_at_checked(XSalsa20Poly1305::TAG_SIZE).ok_or(Refusal::Closed)?;
    let mut plain = Zeroizing::new(rest.to_vec());
    XSalsa20Poly1305::new(Key::from_slice(key.as_slice()))
        .decrypt_in_place_detached(Nonce::from_slice(&nonce), b"", &mut plain, Tag::from_slice(tag))
        .map_err(|_| Refusal::Closed)?;
    Ok(plain)
}
