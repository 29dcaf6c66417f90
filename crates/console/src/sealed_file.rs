//! A file that only its owner's words open: age with a passphrase (age-encryption.org/v1), in ASCII armour.

use std::io::Write as _;

use age::armor::{ArmoredWriter, Format};
use age::secrecy::SecretString;
use age::{Encryptor, Recipient, scrypt};

/// log2 of scrypt's cost: about a tenth of a second here, and as long for each guess of a thief.
const COST: u8 = 16;

/// Encrypts `text` under `words`; `None` only if the cryptography refuses.
pub fn seal(text: &str, words: &str) -> Option<Vec<u8>> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(words.to_owned()));
    recipient.set_work_factor(COST);
    let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn Recipient)).ok()?;
    let mut file = Vec::new();
    let armour = ArmoredWriter::wrap_output(&mut file, Format::AsciiArmor).ok()?;
    let mut writer = encryptor.wrap_output(armour).ok()?;
    writer.write_all(text.as_bytes()).ok()?;
    writer.finish().and_then(ArmoredWriter::finish).ok()?;
    Some(file)
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use age::Decryptor;
    use age::armor::ArmoredReader;
    use age::scrypt::Identity;
    use age::secrecy::SecretString;

    #[test]
    fn only_the_words_open_it() {
        let file = super::seal("OKX_SECRET='canary'\n", "amber kite fjord").unwrap();
        assert!(file.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----"));
        let open = |words: &str| {
            let decryptor = Decryptor::new(ArmoredReader::new(file.as_slice())).unwrap();
            let identity = Identity::new(SecretString::from(words.to_owned()));
            let mut text = String::new();
            decryptor.decrypt(std::iter::once(&identity as _)).ok()?.read_to_string(&mut text).ok()?;
            Some(text)
        };
        assert_eq!(open("amber kite fjord").as_deref(), Some("OKX_SECRET='canary'\n"));
        assert_eq!(open("amber kite fjors"), None);
    }
}
