//! The local providers, and what they refuse.

use std::fs;
use std::path::PathBuf;

use storage::{KeyProvider, SecretKey, WrappedKey};
use zeroize::Zeroizing;

use super::{context, denied};
use crate::{EnvironmentKey, FileKey, PassphraseKey, ProviderError, provider};

fn key_file(name: &str, bytes: &[u8], mode: u32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("peristyle-keys-{}-{name}", std::process::id()));
    fs::write(&path, bytes).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    path
}

/// What wraps must unwrap under the same context, and under nothing else.
fn check_round(with: &dyn KeyProvider) {
    let key = SecretKey::random().unwrap();
    let wrapped = with.wrap(&key, &context(3)).unwrap();
    assert_eq!(
        with.unwrap(&wrapped, &context(3)).unwrap().bytes(),
        key.bytes()
    );
    denied(with.unwrap(&wrapped, &context(4)));
    for place in [0, wrapped.bytes.len() / 2, wrapped.bytes.len() - 1] {
        let mut changed = wrapped.clone();
        changed.bytes[place] ^= 1;
        denied(with.unwrap(&changed, &context(3)));
    }
    let renamed = WrappedKey {
        key_id: "other".to_owned(),
        ..wrapped.clone()
    };
    denied(with.unwrap(&renamed, &context(3)));
    let cut = WrappedKey {
        bytes: wrapped.bytes[..wrapped.bytes.len() - 1].to_vec(),
        ..wrapped
    };
    denied(with.unwrap(&cut, &context(3)));
}

#[test]
fn a_key_file_wraps_and_unwraps() {
    let digits = key_file("digits", &[b'a'; 64], 0o600);
    check_round(&FileKey::new(&digits));
    let line = key_file("line", format!("{}\n", "A1".repeat(32)).as_bytes(), 0o400);
    check_round(&FileKey::new(&line));
    let bytes = key_file("bytes", &[0x5c; 32], 0o600);
    check_round(&FileKey::new(&bytes));
    // Hexadecimal digits and the bytes that they mean are one key.
    let key = SecretKey::random().unwrap();
    let same = key_file("same", &[0xaa; 32], 0o600);
    let wrapped = FileKey::new(&digits).wrap(&key, &context(1)).unwrap();
    let opened = FileKey::new(&same).unwrap(&wrapped, &context(1)).unwrap();
    assert_eq!(opened.bytes(), key.bytes());
    denied(FileKey::new(&bytes).unwrap(&wrapped, &context(1)));
    for path in [digits, line, bytes, same] {
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_file_that_is_no_key_is_refused() {
    let check = |name: &str, bytes: &[u8], mode: u32, expected: &str| {
        let path = key_file(name, bytes, mode);
        let why = denied(FileKey::new(&path).wrap(&SecretKey::random().unwrap(), &context(1)));
        assert!(why.contains(expected), "{name}: {why}");
        assert!(!why.contains("aaaa"), "{name} tells of its bytes: {why}");
        fs::remove_file(path).unwrap();
    };
    check("short", &[b'a'; 63], 0o600, "256 bits");
    check("long", &[b'a'; 65], 0o600, "256 bits");
    check("bytes-31", &[1; 31], 0o600, "256 bits");
    check("bytes-33", &[1; 33], 0o600, "256 bits");
    check("empty", &[], 0o600, "256 bits");
    check("no-digits", &[b'g'; 64], 0o600, "256 bits");
    check("very-long", &[b'a'; 4096], 0o600, "256 bits");
    if cfg!(unix) {
        check("group", &[b'a'; 64], 0o640, "chmod 600");
        check("world", &[b'a'; 64], 0o604, "chmod 600");
    }
    let gone = FileKey::new("/nowhere/at/all");
    let why = denied(gone.wrap(&SecretKey::random().unwrap(), &context(1)));
    assert!(why.contains("/nowhere/at/all"), "{why}");
}

#[test]
fn a_passphrase_wraps_and_unwraps() {
    let with = |text: &str| PassphraseKey::new(Zeroizing::new(text.to_owned()));
    check_round(&with("correct horse"));
    let key = SecretKey::random().unwrap();
    let wrapped = with("correct horse").wrap(&key, &context(1)).unwrap();
    let why = denied(with("correct horses").unwrap(&wrapped, &context(1)));
    assert_eq!(why, "this is not the passphrase");
    // Parameters that would take all memory are not tried.
    let mut greedy = wrapped;
    greedy.bytes[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    denied(with("correct horse").unwrap(&greedy, &context(1)));
    assert_eq!(format!("{:?}", with("x")), "PassphraseKey(not shown)");
}

#[test]
fn a_variable_that_is_missing_is_refused() {
    let gone = EnvironmentKey::new("PERISTYLE_TEST_NO_SUCH_VARIABLE");
    let why = denied(gone.wrap(&SecretKey::random().unwrap(), &context(1)));
    assert!(why.contains("PERISTYLE_TEST_NO_SUCH_VARIABLE"), "{why}");
    // PATH is a variable everywhere, and no key.
    let why = denied(EnvironmentKey::new("PATH").wrap(&SecretKey::random().unwrap(), &context(1)));
    assert!(why.contains("64 hexadecimal digits"), "{why}");
}

#[test]
fn providers_go_by_name() {
    let never = || Err("nobody is there".to_owned());
    let check = |name: &str, expected: Option<&str>| {
        let found = provider(name, &never).err().map(|error| error.to_string());
        match expected {
            None => assert_eq!(found, None, "{name}"),
            Some(part) => assert!(
                found.as_ref().is_some_and(|text| text.contains(part)),
                "{name}: {found:?}"
            ),
        }
    };
    check("file:/run/secrets/key", None);
    check("env:KEY", None);
    check("file:", Some("file:PATH"));
    check("env:", Some("env:NAME"));
    check("/run/secrets/key", Some("file:PATH, env:NAME, passphrase:"));
    check("passphrase:secret", Some("asked for"));
    check("passphrase:", Some("nobody is there"));
    assert_eq!(
        provider("valut:x", &never).err(),
        Some(ProviderError::Unknown {
            kind: "valut".to_owned()
        })
    );
    #[cfg(not(feature = "vault"))]
    check("vault:https://v/transit/k", Some("built without"));
    assert!(provider("passphrase:", &|| Ok(Zeroizing::new("x".to_owned()))).is_ok());
}
