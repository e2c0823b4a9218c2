//! `gcp-kms:` against exchanges as the REST reference of Cloud KMS shows them.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Value, json};
use storage::{KeyProvider, SecretKey, WrappedKey};

use super::server::{Asked, Exchange, Expected, Server, exchange};
use super::{context, denied, unavailable};
use crate::gcp::GcpKmsKey;
use crate::surroundings::Surroundings;

const NAME: &str = "projects/p/locations/europe-west3/keyRings/r/cryptoKeys/k";
const PLAIN: &str = "ERERERERERERERERERERERERERERERERERERERERERE=";
const BOUND: &str = "cGVyaXN0eWxlLzEvMDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcvMw==";
/// `wrapped by Google`, and the checksums of all three by another program.
const WRAPPED: &str = "d3JhcHBlZCBieSBHb29nbGU=";
const PLAIN_SUM: &str = "1687901582";
const BOUND_SUM: &str = "3504408208";
const WRAPPED_SUM: &str = "2576005750";

/// A pair that stands in the tests of tokens too, and opens nothing.
const RSA: &str = include_str!("../../../tokens/src/tests/keys/rsa.pem");
const RSA_PUBLIC: &[u8] = include_bytes!("../../../tokens/src/tests/keys/rsa.pub.pem");

fn wrapped() -> WrappedKey {
    WrappedKey {
        key_id: format!("gcp-kms:{NAME}"),
        bytes: b"wrapped by Google".to_vec(),
    }
}

fn gcp(server: &Server) -> GcpKmsKey {
    let host = server.origin.trim_start_matches("http://").to_owned();
    within(server, "", &[("GCE_METADATA_HOST", &host)])
}

fn within(server: &Server, more: &str, variables: &[(&str, &str)]) -> GcpKmsKey {
    let text = format!("{NAME}?endpoint={}{more}", server.origin);
    GcpKmsKey::within(&text, Surroundings::of(variables)).unwrap()
}

fn login() -> Exchange {
    let line = "GET /computeMetadata/v1/instance/service-accounts/default/token";
    let answer = json!({ "access_token": "granted", "expires_in": 3599, "token_type": "Bearer" });
    exchange(line, Expected::Nothing, 200, answer).header("metadata-flavor", "Google")
}

fn ask(operation: &str, body: Value, status: u16, answer: Value) -> Exchange {
    let line = format!("POST /v1/{NAME}:{operation}");
    exchange(&line, Expected::Json(body), status, answer).header("content-type", "application/json")
}

fn encrypt(answer: Value) -> Exchange {
    let body = json!({ "plaintext": PLAIN, "additionalAuthenticatedData": BOUND,
        "plaintextCrc32c": PLAIN_SUM, "additionalAuthenticatedDataCrc32c": BOUND_SUM });
    ask("encrypt", body, 200, answer).header("authorization", "Bearer granted")
}

fn encrypted() -> Value {
    json!({ "name": format!("{NAME}/cryptoKeyVersions/2"), "ciphertext": WRAPPED, "ciphertextCrc32c": WRAPPED_SUM,
        "verifiedPlaintextCrc32c": true, "verifiedAdditionalAuthenticatedDataCrc32c": true, "protectionLevel": "HSM" })
}

fn decrypt(status: u16, answer: Value) -> Exchange {
    let body = json!({ "ciphertext": WRAPPED, "additionalAuthenticatedData": BOUND,
        "ciphertextCrc32c": WRAPPED_SUM, "additionalAuthenticatedDataCrc32c": BOUND_SUM });
    ask("decrypt", body, status, answer)
}

fn decrypted() -> Value {
    json!({ "plaintext": PLAIN, "plaintextCrc32c": PLAIN_SUM, "usedPrimary": true, "protectionLevel": "HSM" })
}

#[test]
fn a_key_is_wrapped_and_unwrapped() {
    let server = Server::play(vec![
        login(),
        encrypt(encrypted()),
        decrypt(200, decrypted()).header("authorization", "Bearer granted"),
    ]);
    let gcp = gcp(&server);
    let key = SecretKey::copied(&[0x11; 32]).unwrap();
    assert_eq!(gcp.wrap(&key, &context(3)).unwrap(), wrapped());
    let found = gcp.unwrap(&wrapped(), &context(3)).unwrap();
    assert_eq!(found.bytes(), key.bytes());
    server.end();
}

#[test]
fn damage_on_the_way_is_noticed() {
    let key = SecretKey::copied(&[0x11; 32]).unwrap();
    let change = |of: Value, field: &str, value: Value| {
        let mut changed = of;
        changed[field] = value;
        changed
    };
    for answer in [
        change(encrypted(), "ciphertextCrc32c", json!("1")),
        change(encrypted(), "verifiedPlaintextCrc32c", json!(false)),
        change(
            encrypted(),
            "verifiedAdditionalAuthenticatedDataCrc32c",
            json!(false),
        ),
        change(
            encrypted(),
            "name",
            json!("projects/p/locations/l/keyRings/r/cryptoKeys/other/cryptoKeyVersions/1"),
        ),
        change(encrypted(), "ciphertext", json!("")),
    ] {
        let server = Server::play(vec![login(), encrypt(answer)]);
        let why = unavailable(gcp(&server).wrap(&key, &context(3)));
        assert!(why.contains("checksum"), "{why}");
        server.end();
    }
    for answer in [
        change(decrypted(), "plaintextCrc32c", json!("1")),
        change(decrypted(), "plaintext", json!("AAAA")),
        change(decrypted(), "plaintext", json!("no base64!")),
    ] {
        let server = Server::play(vec![login(), decrypt(200, answer)]);
        let why = unavailable(gcp(&server).unwrap(&wrapped(), &context(3)));
        assert!(why.contains("checksum"), "{why}");
        server.end();
    }
    for answer in [json!("text"), json!({ "plaintext": PLAIN }), json!({})] {
        let server = Server::play(vec![login(), decrypt(200, answer)]);
        unavailable(gcp(&server).unwrap(&wrapped(), &context(3)));
        server.end();
    }
}

#[test]
fn a_no_is_denied_and_no_answer_is_unavailable() {
    let check = |status: u16, code: &str, expected: &str| {
        let answer = json!({ "error": { "code": status, "message": "granted", "status": code } });
        let server = Server::play(vec![login(), decrypt(status, answer)]);
        let why = denied(gcp(&server).unwrap(&wrapped(), &context(3)));
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains("granted"), "{why}");
        server.end();
    };
    check(403, "PERMISSION_DENIED", "may not decrypt");
    check(404, "NOT_FOUND", "no such key");
    check(400, "INVALID_ARGUMENT", "did not wrap this");
    check(400, "FAILED_PRECONDITION", "disabled or destroyed");
    check(401, "UNAUTHENTICATED", "does not take our token");
    check(409, "ABORTED", "status 409");
    for status in [429, 500, 503] {
        let mut exchanges = vec![login()];
        exchanges.extend((0..3).map(|_| decrypt(status, json!({ "error": {} }))));
        let server = Server::play(exchanges);
        unavailable(gcp(&server).unwrap(&wrapped(), &context(3)));
        server.end();
    }
    let refused = exchange(
        "GET /computeMetadata/v1/instance/service-accounts/default/token",
        Expected::Nothing,
        404,
        "",
    );
    let server = Server::play(vec![refused]);
    let why = denied(gcp(&server).unwrap(&wrapped(), &context(3)));
    assert!(why.contains("no service account"), "{why}");
    server.end();
}

#[test]
fn a_stale_token_is_replaced() {
    let server = Server::play(vec![
        login(),
        decrypt(200, decrypted()),
        decrypt(401, json!({})),
        login(),
        decrypt(200, decrypted()),
    ]);
    let gcp = gcp(&server);
    gcp.unwrap(&wrapped(), &context(3)).unwrap();
    gcp.unwrap(&wrapped(), &context(3)).unwrap();
    server.end();
}

fn check_token(asked: &Asked) {
    let token = asked
        .header("authorization")
        .unwrap()
        .strip_prefix("Bearer ")
        .unwrap();
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_audience(&["https://cloudkms.googleapis.com/"]);
    validation.set_issuer(&["reader@p.iam.gserviceaccount.com"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let key = DecodingKey::from_rsa_pem(RSA_PUBLIC).unwrap();
    let decoded = decode::<Value>(token, &key, &validation).unwrap();
    assert_eq!(decoded.header.kid.as_deref(), Some("kid1"));
    assert_eq!(decoded.claims["sub"], "reader@p.iam.gserviceaccount.com");
    let length = decoded.claims["exp"].as_u64().unwrap() - decoded.claims["iat"].as_u64().unwrap();
    assert_eq!(length, 3600);
}

#[test]
fn a_service_account_signs_its_own_token() {
    let file = std::env::temp_dir().join(format!("peristyle-account-{}", std::process::id()));
    let account = |kind: &str, key: &str| {
        json!({ "type": kind, "project_id": "p", "private_key_id": "kid1", "private_key": key,
            "client_email": "reader@p.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token" })
    };
    std::fs::write(&file, account("service_account", RSA).to_string()).unwrap();
    let path = file.to_str().unwrap();
    let server = Server::play(vec![decrypt(200, decrypted()), decrypt(200, decrypted())]);
    let by_variable = within(&server, "", &[("GOOGLE_APPLICATION_CREDENTIALS", path)]);
    by_variable.unwrap(&wrapped(), &context(3)).unwrap();
    let by_option = within(&server, &format!("&credentials={path}"), &[]);
    by_option.unwrap(&wrapped(), &context(3)).unwrap();
    for (text, expected) in [
        (account("external_account", RSA).to_string(), "other kinds"),
        (
            account("service_account", "no key").to_string(),
            "cannot be used",
        ),
        ("{}".to_owned(), "does not hold"),
        ("secret".to_owned(), "does not hold"),
        (String::new(), "empty"),
    ] {
        std::fs::write(&file, text).unwrap();
        let why = denied(by_option.unwrap(&wrapped(), &context(3)));
        assert!(why.contains(expected) && !why.contains("secret"), "{why}");
    }
    std::fs::remove_file(&file).unwrap();
    let why = denied(by_option.unwrap(&wrapped(), &context(3)));
    assert!(why.contains("cannot be read"), "{why}");
    for asked in server.end() {
        check_token(&asked);
    }
}

#[test]
fn names_are_read_strictly() {
    let check = |text: &str, expected: Option<&str>| {
        let found = GcpKmsKey::within(text, Surroundings::of(&[])).map(drop);
        match expected {
            None => assert_eq!(found, Ok(()), "{text}"),
            Some(part) => {
                let why = found.unwrap_err();
                assert!(why.contains(part), "{text}: {why}");
            }
        }
    };
    check(NAME, None);
    check(
        "projects/example.com:p/locations/l/keyRings/r/cryptoKeys/k",
        None,
    );
    check("", Some("the name of a key"));
    check(
        &format!("{NAME}/cryptoKeyVersions/1"),
        Some("without a version"),
    );
    check(
        "projects/p/locations/l/keyRings/r/cryptoKeys/",
        Some("the name of a key"),
    );
    check(
        "projects/../locations/l/keyRings/r/cryptoKeys/k",
        Some("the name of a key"),
    );
    check(
        "projects/p/locations/l/keyRings/r/cryptoKeys/k:decrypt",
        Some("the name of a key"),
    );
    check(
        &format!("{NAME}?endpoint=http%3A%2F%2Fexample.com"),
        Some("https://"),
    );
    check(&format!("{NAME}?token=x"), Some("no option 'token'"));
}
