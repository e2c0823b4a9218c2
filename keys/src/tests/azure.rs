//! `azure-kv:` against exchanges as the REST reference of Azure Key Vault shows them.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use storage::{KeyProvider, SecretKey, WrappedKey};

use super::server::{Exchange, Expected, Server, exchange};
use super::{context, denied, unavailable};
use crate::azure::AzureKey;
use crate::surroundings::Surroundings;

const VERSION: &str = "0123456789abcdef0123456789abcdef";
const SECRET: &str = "client.secret";

/// What Azure would have made of the inner key; only Azure looks into it.
const WRAPPED: &str = "d3JhcHBlZCBieSBBenVyZSB3cmFwcGVkIGJ5IEF6dXJlIHdyYXBwZWQgYnkgQXp1cmU";

fn signature() -> String {
    "c2ln".repeat(86)
}

fn azure(server: &Server, rest: &str) -> AzureKey {
    let variables = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", SECRET),
        ("AZURE_AUTHORITY_HOST", server.origin.as_str()),
    ];
    within(server, rest, &variables)
}

fn within(server: &Server, rest: &str, variables: &[(&str, &str)]) -> AzureKey {
    AzureKey::within(
        &format!("{}{rest}", server.origin),
        Surroundings::of(variables),
    )
    .unwrap()
}

fn login() -> Exchange {
    let body = "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fvault.azure.net%2F.default&client_secret=client.secret";
    let answer = json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "granted" });
    exchange(
        "POST /tenant/oauth2/v2.0/token",
        Expected::Text(body.to_owned()),
        200,
        answer,
    )
    .no_header("authorization")
}

fn kid() -> String {
    format!("https://contoso.vault.azure.net/keys/k/{VERSION}")
}

fn ask(version: &str, operation: &str, body: Expected, status: u16, answer: Value) -> Exchange {
    let line = format!("POST /keys/k{version}/{operation}?api-version=7.4");
    exchange(&line, body, status, answer)
        .header("authorization", "Bearer granted")
        .header("content-type", "application/json")
}

/// Keeps the value of a question, when it is for this algorithm.
fn keeping(kept: &Arc<Mutex<String>>, algorithm: &'static str) -> Expected {
    let kept = Arc::clone(kept);
    Expected::Fits(Box::new(move |body| {
        let body: Value = serde_json::from_str(body).unwrap();
        *kept.lock().unwrap() = body["value"].as_str().unwrap().to_owned();
        body["alg"] == algorithm
    }))
}

/// A key as it was wrapped, and the inner key and the digest that Azure was sent.
fn wrapped_by(algorithm: &'static str) -> (WrappedKey, String, String) {
    let (inner, digest) = (
        Arc::new(Mutex::new(String::new())),
        Arc::new(Mutex::new(String::new())),
    );
    let version = format!("/{VERSION}");
    let done = |value: &str| json!({ "kid": kid(), "value": value });
    let mut exchanges = vec![
        login(),
        ask(
            "",
            "wrapkey",
            keeping(&inner, algorithm),
            200,
            done(WRAPPED),
        ),
    ];
    if algorithm == "RSA-OAEP-256" {
        exchanges.push(ask(
            &version,
            "sign",
            keeping(&digest, "PS256"),
            200,
            done(&signature()),
        ));
    }
    let server = Server::play(exchanges);
    let key = SecretKey::copied(&[0x11; 32]).unwrap();
    let azure = azure(&server, &format!("/keys/k?algorithm={algorithm}"));
    let wrapped = azure.wrap(&key, &context(3)).unwrap();
    server.end();
    assert_eq!(wrapped.key_id, format!("azure-kv:k/{VERSION}"));
    let (inner, digest) = (
        inner.lock().unwrap().clone(),
        digest.lock().unwrap().clone(),
    );
    (wrapped, inner, digest)
}

fn verify(digest: &str, answer: bool) -> Exchange {
    let body = json!({ "alg": "PS256", "digest": digest, "value": signature() });
    ask(
        &format!("/{VERSION}"),
        "verify",
        Expected::Json(body),
        200,
        json!({ "value": answer }),
    )
}

fn unwrap_key(algorithm: &str, status: u16, answer: Value) -> Exchange {
    let body = json!({ "alg": algorithm, "value": WRAPPED });
    ask(
        &format!("/{VERSION}"),
        "unwrapkey",
        Expected::Json(body),
        status,
        answer,
    )
}

#[test]
fn an_rsa_key_wraps_signs_verifies_and_unwraps() {
    let (wrapped, inner, digest) = wrapped_by("RSA-OAEP-256");
    let answer = json!({ "kid": kid(), "value": inner });
    let server = Server::play(vec![
        login(),
        verify(&digest, true),
        unwrap_key("RSA-OAEP-256", 200, answer),
    ]);
    let found = azure(&server, "/keys/k")
        .unwrap(&wrapped, &context(3))
        .unwrap();
    assert_eq!(found.bytes(), [0x11; 32]);
    server.end();
}

#[test]
fn a_symmetric_key_wraps_and_unwraps() {
    let (wrapped, inner, _) = wrapped_by("A256KW");
    let answer = || json!({ "kid": kid(), "value": inner });
    let server = Server::play(vec![
        login(),
        unwrap_key("A256KW", 200, answer()),
        // The token is kept. The context is not Azure's affair: the seal under the inner key does not open.
        unwrap_key("A256KW", 200, answer()),
    ]);
    let azure = azure(&server, "/keys/k?algorithm=A256KW");
    let found = azure.unwrap(&wrapped, &context(3)).unwrap();
    assert_eq!(found.bytes(), [0x11; 32]);
    let why = denied(azure.unwrap(&wrapped, &context(4)));
    assert!(why.contains("did not wrap this"), "{why}");
    server.end();
}

/// Whoever has the public key can wrap: what the private key has not signed is not even unwrapped.
#[test]
fn what_is_not_signed_is_denied() {
    let (wrapped, _, digest) = wrapped_by("RSA-OAEP-256");
    let server = Server::play(vec![login(), verify(&digest, false)]);
    let why = denied(azure(&server, "/keys/k").unwrap(&wrapped, &context(3)));
    assert!(why.contains("did not wrap this"), "{why}");
    server.end();
    // Everything that is believed is in the digest.
    let change = |field: &str, value: &str| {
        let mut inside: Value = serde_json::from_slice(&wrapped.bytes).unwrap();
        inside[field] = json!(value);
        WrappedKey {
            bytes: inside.to_string().into_bytes(),
            ..wrapped.clone()
        }
    };
    for (changed, generation) in [
        (wrapped.clone(), 4),
        (change("wrapped", "AAAA"), 3),
        (change("sealed", "AAAA"), 3),
    ] {
        let seen = Arc::new(Mutex::new(digest.clone()));
        let fits = {
            let (seen, digest) = (Arc::clone(&seen), digest.clone());
            Expected::Fits(Box::new(move |body: &str| {
                let body: Value = serde_json::from_str(body).unwrap();
                *seen.lock().unwrap() = body["digest"].as_str().unwrap().to_owned();
                body["digest"] != digest
            }))
        };
        let refused = ask(
            &format!("/{VERSION}"),
            "verify",
            fits,
            200,
            json!({ "value": false }),
        );
        let server = Server::play(vec![login(), refused]);
        denied(azure(&server, "/keys/k").unwrap(&changed, &context(generation)));
        server.end();
        assert_ne!(*seen.lock().unwrap(), digest);
    }
}

/// The algorithm is set by the name of the provider; what lies on disk does not change it, nor names a path.
#[test]
fn what_lies_on_disk_is_not_believed() {
    let (wrapped, _, _) = wrapped_by("A256KW");
    let server = Server::play(Vec::new());
    let azure = azure(&server, "/keys/k");
    let why = denied(azure.unwrap(&wrapped, &context(3)));
    assert!(why.contains("k with RSA-OAEP-256'"), "{why}");
    let (wrapped, _, _) = wrapped_by("RSA-OAEP-256");
    let text = String::from_utf8(wrapped.bytes.clone()).unwrap();
    for bytes in [
        text.replace(VERSION, "../../keys/other"),
        text.replace(VERSION, ""),
        text.replacen('{', "{\"more\":1,", 1),
        text.replace("\"sealed\"", "\"other\""),
        "{}".to_owned(),
        String::new(),
    ] {
        let changed = WrappedKey {
            bytes: bytes.into_bytes(),
            ..wrapped.clone()
        };
        denied(azure.unwrap(&changed, &context(3)));
    }
    server.end();
}

#[test]
fn a_no_is_denied_and_no_answer_is_unavailable() {
    let (wrapped, _, _) = wrapped_by("A256KW");
    let check = |status: u16, answer: Value, expected: &str| {
        let server = Server::play(vec![login(), unwrap_key("A256KW", status, answer)]);
        let why = denied(azure(&server, "/keys/k?algorithm=A256KW").unwrap(&wrapped, &context(3)));
        assert!(why.contains(expected), "{why}");
        assert!(!why.contains("granted") && !why.contains(SECRET), "{why}");
        server.end();
    };
    check(
        403,
        json!({ "error": { "code": "Forbidden", "message": "granted" } }),
        "no right to unwrapkey",
    );
    check(
        403,
        json!({ "error": { "code": "Forbidden", "innererror": { "code": "KeyDisabled" } } }),
        "disabled",
    );
    check(
        404,
        json!({ "error": { "code": "KeyNotFound" } }),
        "there is no key k",
    );
    check(
        400,
        json!({ "error": { "code": "BadParameter" } }),
        "status 400",
    );
    check(401, json!({}), "does not take our token");
    check(
        200,
        json!({ "kid": kid(), "value": "AAAA" }),
        "did not wrap this",
    );
    for status in [429, 500, 503] {
        let mut exchanges = vec![login()];
        exchanges.extend((0..3).map(|_| unwrap_key("A256KW", status, json!({}))));
        let server = Server::play(exchanges);
        unavailable(azure(&server, "/keys/k?algorithm=A256KW").unwrap(&wrapped, &context(3)));
        server.end();
    }
    let server = Server::play(vec![login(), unwrap_key("A256KW", 200, json!("text"))]);
    unavailable(azure(&server, "/keys/k?algorithm=A256KW").unwrap(&wrapped, &context(3)));
    server.end();
}

/// A token that is no longer taken is replaced once.
#[test]
fn a_stale_token_is_replaced() {
    let (wrapped, inner, _) = wrapped_by("A256KW");
    let answer = || json!({ "kid": kid(), "value": inner });
    let server = Server::play(vec![
        login(),
        unwrap_key("A256KW", 200, answer()),
        unwrap_key("A256KW", 401, json!({})),
        login(),
        unwrap_key("A256KW", 200, answer()),
    ]);
    let azure = azure(&server, "/keys/k?algorithm=A256KW");
    azure.unwrap(&wrapped, &context(3)).unwrap();
    azure.unwrap(&wrapped, &context(3)).unwrap();
    server.end();
}

#[test]
fn a_machine_and_a_workload_have_identities() {
    let (wrapped, inner, _) = wrapped_by("A256KW");
    let answer = || json!({ "kid": kid(), "value": inner });
    // The expiry comes as text here.
    let granted =
        json!({ "access_token": "granted", "expires_in": "86399", "token_type": "Bearer" });
    let line =
        "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fvault.azure.net&client_id=me";
    let server = Server::play(vec![
        exchange(line, Expected::Nothing, 200, &granted).header("x-identity-header", "header"),
        unwrap_key("A256KW", 200, answer()),
    ]);
    let endpoint = format!("{}/msi/token", server.origin);
    let variables = [
        ("IDENTITY_ENDPOINT", endpoint.as_str()),
        ("IDENTITY_HEADER", "header"),
    ];
    let rest = "/keys/k?algorithm=A256KW&client-id=me";
    within(&server, rest, &variables)
        .unwrap(&wrapped, &context(3))
        .unwrap();
    server.end();

    let file = std::env::temp_dir().join(format!("peristyle-federated-{}", std::process::id()));
    std::fs::write(&file, "e30.workload").unwrap();
    let body = "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fvault.azure.net%2F.default\
                &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=e30.workload";
    let line = "POST /tenant/oauth2/v2.0/token";
    let refused = json!({ "error": "invalid_client", "error_description": "e30.workload" });
    let server = Server::play(vec![
        exchange(line, Expected::Text(body.to_owned()), 200, &granted),
        unwrap_key("A256KW", 200, answer()),
        exchange(line, Expected::Text(body.to_owned()), 401, refused),
    ]);
    let variables = [
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", server.origin.as_str()),
    ];
    let rest = "/keys/k?algorithm=A256KW";
    within(&server, rest, &variables)
        .unwrap(&wrapped, &context(3))
        .unwrap();
    let why = denied(within(&server, rest, &variables).unwrap(&wrapped, &context(3)));
    assert!(why.contains("401") && !why.contains("e30"), "{why}");
    let why = denied(within(&server, rest, &variables[2..]).unwrap(&wrapped, &context(3)));
    assert!(why.contains("AZURE_TENANT_ID"), "{why}");
    server.end();
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn names_are_read_strictly() {
    let check = |text: &str, expected: Option<&str>| {
        let found = AzureKey::within(text, Surroundings::of(&[])).map(drop);
        match expected {
            None => assert_eq!(found, Ok(()), "{text}"),
            Some(part) => {
                let why = found.unwrap_err();
                assert!(why.contains(part), "{text}: {why}");
            }
        }
    };
    check("https://contoso.vault.azure.net/keys/k", None);
    check(
        "https://Contoso.vault.usgovcloudapi.net/keys/k?algorithm=RSA-OAEP-256",
        None,
    );
    check(
        "https://hsm.managedhsm.azure.net/keys/k?algorithm=A256KW&client-id=0123",
        None,
    );
    check("https://vault.azure.net/keys/k", Some("its host"));
    check(
        "https://contoso.vault.azure.net.evil.example/keys/k",
        Some("its host"),
    );
    check("https://evil.example/keys/k", Some("its host"));
    check("https://a.b.vault.azure.net/keys/k", Some("its host"));
    check("https://evilvault.azure.net/keys/k", Some("its host"));
    check("http://contoso.vault.azure.net/keys/k", Some("https://"));
    check("https://contoso.vault.azure.net/", Some("/keys/NAME"));
    check(
        "https://contoso.vault.azure.net/keys/k/0123",
        Some("without a version"),
    );
    check(
        "https://contoso.vault.azure.net/secrets/k",
        Some("/keys/NAME"),
    );
    check(
        "https://contoso.vault.azure.net/keys/k?algorithm=RSA1_5",
        Some("RSA-OAEP-256 or A256KW"),
    );
    check(
        "https://contoso.vault.azure.net/keys/k?client-id=a%26b",
        Some("client-id"),
    );
    check(
        "https://contoso.vault.azure.net/keys/k?secret=x",
        Some("no option 'secret'"),
    );
}
