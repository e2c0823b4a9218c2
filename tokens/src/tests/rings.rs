//! Key files.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::{KeyRing, RingError, new_ring};

/// A folder of its own for each test.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("peristyle-ring-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn write(path: &Path, text: impl AsRef<[u8]>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_new_ring_mints_and_verifies() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("new");
    for algorithm in [Algorithm::Hs256, Algorithm::V4Local] {
        let file = folder.join(algorithm.name());
        new_ring(&file, "k-1", algorithm, AUDIENCE, ISSUER).unwrap();
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let again = new_ring(&file, "k-1", algorithm, AUDIENCE, ISSUER);
        assert!(matches!(again, Err(RingError::Read { .. })));
        let minter = KeyRing::read(&file).unwrap().minter(None).unwrap();
        let minted = minter.mint(&grant()).unwrap();
        let verifier = KeyRing::read(&file).unwrap().verifier().unwrap();
        let accepted = verifier.verify(&minted.token, Scope::DatasetRead).unwrap();
        assert_eq!(accepted.key_id(), "k-1");
    }
    let pair = new_ring(&folder.join("x"), "k", Algorithm::Rs256, AUDIENCE, ISSUER);
    assert!(matches!(pair, Err(RingError::Entry { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_ring_holds_several_keys_and_revocations() {
    let folder = folder("several");
    write(&folder.join("rsa.pem"), RSA, 0o600);
    write(&folder.join("rsa.pub.pem"), RSA_PUBLIC, 0o644);
    let ring = json!({
        "audience": AUDIENCE,
        "issuer": ISSUER,
        "keys": [
            { "id": "a", "algorithm": "HS256", "secret": part(SECRET), "not_after": "2100-01-01T00:00:00Z" },
            { "id": "b", "algorithm": "RS256", "public_key_file": "rsa.pub.pem", "private_key_file": "rsa.pem" },
            { "id": "c", "algorithm": "v4.local", "secret": part(LOCAL), "not_before": "2100-01-01T00:00:00Z" },
            { "id": "d", "algorithm": "HS256", "secret": part(LOCAL) },
        ],
        "revoked_keys": ["d"],
        "revoked_tokens": ["t-9"],
    });
    let file = folder.join("keys.json");
    write(&file, ring.to_string(), 0o600);
    let read = || KeyRing::read(&file).unwrap();
    assert!(matches!(read().minter(None), Err(RingError::Entry { .. })));
    assert!(matches!(
        read().minter(Some("z")),
        Err(RingError::NoSuchKey { .. })
    ));
    assert!(matches!(
        read().minter(Some("d")),
        Err(RingError::Entry { .. })
    ));
    assert!(
        read().minter(Some("c")).unwrap().mint(&grant()).is_err(),
        "not in force yet"
    );
    let verifier = read().verifier().unwrap();
    for id in ["a", "b"] {
        let minter = read().minter(Some(id)).unwrap();
        let token = minter.mint(&grant()).unwrap().token;
        assert!(verifier.verify(&token, Scope::DatasetRead).is_ok(), "{id}");
        let revoked = minter.mint(&grant().token_id("t-9")).unwrap().token;
        let answer = verifier.verify(&revoked, Scope::DatasetRead);
        assert_eq!(answer.map(drop), Err(TokenError::TokenRevoked));
    }
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn key_files_that_others_may_read_are_refused() {
    let folder = folder("modes");
    let file = folder.join("keys.json");
    new_ring(&file, "k", Algorithm::Hs256, AUDIENCE, ISSUER).unwrap();
    let text = fs::read(&file).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o660, 0o610] {
        write(&file, &text, mode);
        let refused = KeyRing::read(&file);
        assert!(
            matches!(refused, Err(RingError::Permissions { .. })),
            "{mode:o}"
        );
    }
    for mode in [0o600, 0o400] {
        write(&file, &text, mode);
        assert!(KeyRing::read(&file).is_ok(), "{mode:o}");
    }
    // The private key beside it is held to the same.
    write(&folder.join("ec.pem"), EC, 0o644);
    let ring = json!({ "audience": "a", "issuer": "i", "keys": [
        { "id": "e", "algorithm": "ES256", "private_key_file": "ec.pem" },
    ]});
    write(&file, ring.to_string(), 0o600);
    let refused = KeyRing::read(&file);
    assert!(matches!(refused, Err(RingError::Permissions { .. })));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn key_files_of_another_form_are_refused_without_their_secrets() {
    let folder = folder("forms");
    let file = folder.join("keys.json");
    let secret = part(SECRET);
    let check = |text: String| {
        write(&file, text, 0o600);
        let error = match KeyRing::read(&file).and_then(KeyRing::verifier) {
            Ok(_) => panic!("the ring is read"),
            Err(error) => error,
        };
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&secret[..12]), "{shown}");
        shown
    };
    let with = |key: Value| json!({ "audience": "a", "issuer": "i", "keys": [key] }).to_string();
    check(String::new());
    check("[]".to_owned());
    check(json!({ "audience": "a", "issuer": "i", "keys": [] }).to_string());
    check(json!({ "issuer": "i", "keys": [] }).to_string());
    check(with(
        json!({ "id": "k", "algorithm": "HS256", "secret": &secret, "use": "sig" }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "HS256", "secret": [&secret] }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "HS512", "secret": &secret }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "none", "secret": &secret }),
    ));
    check(with(json!({ "id": "k", "algorithm": "HS256" })));
    check(with(
        json!({ "id": "k", "algorithm": "HS256", "secret": &secret[..20] }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "HS256", "secret": format!("{secret}=") }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "v4.local", "secret": &secret }),
    ));
    check(with(
        json!({ "id": "k/../x", "algorithm": "HS256", "secret": &secret }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "RS256", "secret": &secret }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "RS256", "public_key_file": "absent.pem" }),
    ));
    check(with(
        json!({ "id": "k", "algorithm": "HS256", "secret": &secret, "not_after": 7 }),
    ));
    assert!(KeyRing::read(&folder).is_err(), "a folder is no key file");
    fs::remove_dir_all(folder).unwrap();
}
