//! `vault:` against exchanges as OpenBao 2.4 has them.

use serde_json::{Value, json};
use storage::{KeyProvider, SecretKey, WrappedKey};

use super::server::{Exchange, Expected, Reply, Server, exchange};
use super::{context, denied, unavailable};
use crate::surroundings::Surroundings;
use crate::vault::VaultKey;

const TOKEN: &str = "s.recordedtoken";
const WRAPPED: &str = "vault:v1:u5u2UwKP/uHcs7lIMZeWQpd1Sz4QvtCqbrONyPlGTg==";

/// Base64 of `peristyle/1/07070707070707070707070707070707/3`.
const BOUND: &str = "cGVyaXN0eWxlLzEvMDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcvMw==";
/// Base64 of `peristyle/another context`.
const OTHER: &str = "cGVyaXN0eWxlL2Fub3RoZXIgY29udGV4dA==";
/// Base64 of 32 times 0x11.
const PLAIN: &str = "ERERERERERERERERERERERERERERERERERERERERERE=";

fn key() -> SecretKey {
    SecretKey::copied(&[0x11; 32]).unwrap()
}

fn wrapped() -> WrappedKey {
    WrappedKey {
        key_id: "vault:transit/k".to_owned(),
        bytes: WRAPPED.as_bytes().to_vec(),
    }
}

fn vault(server: &Server, rest: &str) -> VaultKey {
    let surroundings = Surroundings::of(&[("VAULT_TOKEN", TOKEN), ("OTHER", "other")]);
    VaultKey::within(&format!("{}{rest}", server.origin), surroundings).unwrap()
}

fn ask(what: &str, body: Value, status: u16, answer: Value) -> Exchange {
    let line = format!("POST /v1/transit/{what}/k");
    exchange(&line, Expected::Json(body), status, answer)
        .header("x-vault-token", TOKEN)
        .header("x-vault-request", "true")
        .header("content-type", "application/json")
        .no_header("x-vault-namespace")
        .no_header("cookie")
}

fn encrypt(status: u16, answer: Value) -> Exchange {
    let body = json!({ "plaintext": PLAIN, "associated_data": BOUND });
    ask("encrypt", body, status, answer)
}

fn decrypt(bound: &str, status: u16, answer: Value) -> Exchange {
    let body = json!({ "ciphertext": WRAPPED, "associated_data": bound });
    ask("decrypt", body, status, answer)
}

fn encrypted() -> Value {
    json!({ "request_id": "4dbff7c6", "lease_id": "", "renewable": false, "lease_duration": 0,
        "data": { "ciphertext": WRAPPED, "key_version": 1 }, "wrap_info": null, "warnings": null, "auth": null })
}

fn decrypted(plain: &str) -> Value {
    json!({ "request_id": "ccdd9dbe", "data": { "plaintext": plain }, "warnings": null })
}

fn errors(text: &str) -> Value {
    json!({ "errors": [text] })
}

#[test]
fn a_key_is_wrapped_and_the_binding_tried() {
    let server = Server::play(vec![
        encrypt(200, encrypted()),
        decrypt(OTHER, 400, errors("cipher: message authentication failed")),
    ]);
    let found = vault(&server, "/transit/k")
        .wrap(&key(), &context(3))
        .unwrap();
    assert_eq!(found, wrapped());
    server.end();
}

/// Versions that ignore `associated_data` are not used.
#[test]
fn a_vault_that_binds_to_nothing_is_refused() {
    let server = Server::play(vec![
        encrypt(200, encrypted()),
        decrypt(OTHER, 200, decrypted(PLAIN)),
    ]);
    let why = denied(vault(&server, "/transit/k").wrap(&key(), &context(3)));
    assert!(why.contains("does not bind"), "{why}");
    server.end();
}

#[test]
fn a_key_is_unwrapped() {
    let server = Server::play(vec![decrypt(BOUND, 200, decrypted(PLAIN))]);
    let found = vault(&server, "/transit/k")
        .unwrap(&wrapped(), &context(3))
        .unwrap();
    assert_eq!(found.bytes(), key().bytes());
    server.end();
}

#[test]
fn a_mount_with_slashes_a_namespace_and_other_tokens() {
    let file = std::env::temp_dir().join(format!("peristyle-token-{}", std::process::id()));
    std::fs::write(&file, "from.a.file\n").unwrap();
    let body = || Expected::Json(json!({ "ciphertext": WRAPPED, "associated_data": BOUND }));
    let line = "POST /v1/team/transit/decrypt/k";
    let server = Server::play(vec![
        exchange(line, body(), 200, decrypted(PLAIN))
            .header("x-vault-token", "from.a.file")
            .header("x-vault-namespace", "a/b"),
        exchange(line, body(), 200, decrypted(PLAIN)).header("x-vault-token", "other"),
    ]);
    let with_file = format!(
        "/team/transit/k?namespace=a%2Fb&token-file={}",
        file.display()
    );
    vault(&server, &with_file)
        .unwrap(&wrapped(), &context(3))
        .unwrap();
    vault(&server, "/team/transit/k?token-env=OTHER")
        .unwrap(&wrapped(), &context(3))
        .unwrap();
    // The file is read for each question.
    let kept = vault(&server, &with_file);
    std::fs::remove_file(&file).unwrap();
    let why = denied(kept.unwrap(&wrapped(), &context(3)));
    assert!(why.contains("cannot be read"), "{why}");
    let none = vault(&server, "/transit/k?token-env=NOT_THERE");
    let why = denied(none.unwrap(&wrapped(), &context(3)));
    assert!(why.contains("NOT_THERE"), "{why}");
    server.end();
}

#[test]
fn a_no_is_denied() {
    let check = |status: u16, text: &str, expected: &str| {
        let server = Server::play(vec![decrypt(BOUND, status, errors(text))]);
        let why = denied(vault(&server, "/transit/k").unwrap(&wrapped(), &context(3)));
        assert!(why.contains(expected), "{text}: {why}");
        assert!(!why.contains(TOKEN) && !why.contains(WRAPPED), "{why}");
        server.end();
    };
    check(
        403,
        "permission denied",
        "no right to update transit/decrypt/k",
    );
    check(401, "", "token is not valid");
    check(
        404,
        "no handler for route \"transit/decrypt/k\"",
        "nothing is mounted at transit/",
    );
    check(404, "namespace not found", "no such namespace");
    check(
        400,
        "encryption key not found",
        "it has no key vault:transit/k",
    );
    check(
        400,
        "cipher: message authentication failed",
        "did not wrap this",
    );
    check(
        400,
        "invalid ciphertext: version is too new",
        "does not have the version",
    );
    check(
        400,
        "ciphertext or signature version is disallowed by policy (too old)",
        "no longer decrypts",
    );
    check(
        400,
        "'[0].associated_data' provided for non-AEAD cipher suite rsa-2048",
        "use aes256-gcm96",
    );
    check(400, "missing 'context' for key derivation", "derived key");
    // Whatever quotes the question does not get it into our texts.
    check(
        400,
        &format!("your token {TOKEN} and {WRAPPED} and {PLAIN}"),
        "status 400",
    );
}

#[test]
fn no_answer_is_unavailable() {
    let check = |answer: fn() -> Exchange, expected: &str| {
        let server = Server::play((0..3).map(|_| answer()).collect());
        let why = unavailable(vault(&server, "/transit/k").unwrap(&wrapped(), &context(3)));
        assert!(why.contains(expected), "{why}");
        server.end();
    };
    check(
        || decrypt(BOUND, 503, errors("Vault is sealed")),
        "status 503",
    );
    check(|| decrypt(BOUND, 429, json!({})), "status 429");
    check(|| decrypt(BOUND, 412, json!({})), "status 412");
    check(|| decrypt(BOUND, 307, json!({})), "status 307");
    check(
        || decrypt(BOUND, 200, Value::Null).reply(Reply::Raw(b"\x00\x01".to_vec())),
        "not HTTP",
    );
    // A yes that is not Vault's.
    for answer in [
        json!("<html>"),
        json!({ "data": {} }),
        json!({ "data": { "plaintext": 5 } }),
    ] {
        let server = Server::play(vec![decrypt(BOUND, 200, answer)]);
        let why = unavailable(vault(&server, "/transit/k").unwrap(&wrapped(), &context(3)));
        assert!(why.contains("known to give"), "{why}");
        server.end();
    }
    for text in [
        "",
        "x",
        "vault:v1",
        "vault:v1:a b",
        "vault:vx:aa",
        "vault:v:aa",
    ] {
        let answer = json!({ "data": { "ciphertext": text } });
        let server = Server::play(vec![encrypt(200, answer)]);
        let why = unavailable(vault(&server, "/transit/k").wrap(&key(), &context(3)));
        assert!(why.contains("as Vault does"), "{why}");
        server.end();
    }
}

#[test]
fn what_is_no_key_is_denied() {
    for plain in ["", "AAAA", "not base64!", &PLAIN.replace('E', "=")] {
        let server = Server::play(vec![decrypt(BOUND, 200, decrypted(plain))]);
        let why = denied(vault(&server, "/transit/k").unwrap(&wrapped(), &context(3)));
        assert!(why.contains("no key of ours"), "{why}");
        server.end();
    }
}

/// Bytes that come from another provider, or from nobody, are not sent anywhere.
#[test]
fn what_vault_did_not_wrap_is_not_sent() {
    let server = Server::play(Vec::new());
    let check = |key_id: &str, bytes: &[u8]| {
        let wrapped = WrappedKey {
            key_id: key_id.to_owned(),
            bytes: bytes.to_vec(),
        };
        let why = denied(vault(&server, "/transit/k").unwrap(&wrapped, &context(3)));
        assert!(why.contains("this is key 'vault:transit/k'"), "{why}");
        assert!(!why.contains('\u{1b}'), "{why}");
    };
    check("file", WRAPPED.as_bytes());
    check("\u{1b}[2J", WRAPPED.as_bytes());
    check("vault:transit/k", b"");
    check("vault:transit/k", &[0xff; 60]);
    check("vault:transit/k", b"vault:v1:\"}");
    check(
        "vault:transit/k",
        format!("vault:v1:{}", "A".repeat(5000)).as_bytes(),
    );
    server.end();
}

#[test]
fn names_are_read_strictly() {
    let check = |text: &str, expected: Result<(), &str>| {
        let found = VaultKey::parse(text).map(drop).map_err(|e| e.to_string());
        match expected {
            Ok(()) => assert_eq!(found, Ok(()), "{text}"),
            Err(part) => {
                let why = found.unwrap_err();
                assert!(why.contains(part), "{text}: {why}");
                assert!(!why.contains("hunter2"), "{why}");
            }
        }
    };
    check("https://vault.example.com:8200/transit/key", Ok(()));
    check(
        "https://vault.example.com/a/b/c/key?namespace=n&token-file=%2Frun%2Ftoken",
        Ok(()),
    );
    check("", Err("https://"));
    check("vault.example.com/transit/key", Err("https://"));
    check(
        "http://vault.example.com/transit/key",
        Err("except on 127.0.0.1"),
    );
    check(
        "https://me:hunter2@vault.example.com/transit/key",
        Err("its address"),
    );
    check("https://vault.example.com", Err("mount and the key"));
    check("https://vault.example.com/key", Err("mount and the key"));
    check(
        "https://vault.example.com/transit/",
        Err("mount and the key"),
    );
    check("https://vault.example.com//key", Err("mount and the key"));
    check(
        "https://vault.example.com/transit/../key",
        Err("mount and the key"),
    );
    check(
        "https://vault.example.com/transit/k%2Fy",
        Err("mount and the key"),
    );
    check(
        "https://vault.example.com/transit/key?token=hunter2",
        Err("no option 'token'"),
    );
    check(
        "https://vault.example.com/transit/key?token-file=a&token-env=b",
        Err("not in both"),
    );
    check(
        "https://vault.example.com/transit/key?namespace=a&namespace=b",
        Err("twice"),
    );
    check(
        "https://vault.example.com/transit/key?ca=%2Fnowhere",
        Err("cannot be read"),
    );
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let surroundings = Surroundings::of(&[("VAULT_TOKEN", TOKEN)]);
    let vault = VaultKey::within("https://v/transit/k", surroundings).unwrap();
    assert!(!format!("{vault:?}").contains(TOKEN));
}
