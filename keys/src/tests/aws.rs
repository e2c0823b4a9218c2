//! `aws-kms:` against exchanges as the API reference of AWS KMS and STS shows them.

use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};
use storage::{KeyProvider, SecretKey, WrappedKey};

use super::server::{Asked, Exchange, Expected, Server, exchange};
use super::{context, denied, unavailable};
use crate::aws::AwsKmsKey;
use crate::surroundings::Surroundings;

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const PLAIN: &str = "ERERERERERERERERERERERERERERERERERERERERERE=";
const BLOB: &[u8] = b"\x01\x02\x02\x00wrapped by AWS";
const BLOB_TEXT: &str = "AQICAHdyYXBwZWQgYnkgQVdT";

fn key() -> SecretKey {
    SecretKey::copied(&[0x11; 32]).unwrap()
}

fn wrapped() -> WrappedKey {
    WrappedKey {
        key_id: format!("aws-kms:{ARN}"),
        bytes: BLOB.to_vec(),
    }
}

fn within(server: &Server, variables: &[(&str, &str)]) -> AwsKmsKey {
    let text = format!("{ARN}?endpoint={}", server.origin);
    AwsKmsKey::within(&text, Surroundings::of(variables)).unwrap()
}

fn aws(server: &Server) -> AwsKmsKey {
    within(
        server,
        &[("AWS_ACCESS_KEY_ID", ID), ("AWS_SECRET_ACCESS_KEY", SECRET)],
    )
}

fn bound() -> Value {
    json!({ "peristyle-dataset": "07".repeat(16), "peristyle-generation": "3" })
}

fn ask(target: &str, body: Value, status: u16, answer: Value) -> Exchange {
    exchange("POST /", Expected::Json(body), status, answer)
        .header("x-amz-target", format!("TrentService.{target}"))
        .header("content-type", "application/x-amz-json-1.1")
}

fn decrypt(status: u16, answer: Value) -> Exchange {
    let body = json!({ "KeyId": ARN, "CiphertextBlob": BLOB_TEXT, "EncryptionContext": bound() });
    ask("Decrypt", body, status, answer)
}

fn decrypted() -> Value {
    json!({ "KeyId": ARN, "Plaintext": PLAIN, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Signature Version 4 as its documentation describes it, step by step.
fn check_signature(asked: &Asked, id: &str, secret: &str) {
    let authorization = asked.header("authorization").unwrap();
    let rest = authorization
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .unwrap();
    let (credential, rest) = rest.split_once(", SignedHeaders=").unwrap();
    let (names, signature) = rest.split_once(", Signature=").unwrap();
    let time = asked.header("x-amz-date").unwrap();
    let scope = format!("{}/eu-central-1/kms/aws4_request", &time[..8]);
    assert_eq!(credential, format!("{id}/{scope}"));
    for needed in ["content-type", "host", "x-amz-date", "x-amz-target"] {
        assert!(
            names.split(';').any(|name| name == needed),
            "{names} lacks {needed}"
        );
    }
    let headers: String = names
        .split(';')
        .map(|name| format!("{name}:{}\n", asked.header(name).unwrap()))
        .collect();
    let body = hex(digest(&SHA256, asked.body.as_bytes()).as_ref());
    let canonical = format!("POST\n/\n\n{headers}\n{names}\n{body}");
    let canonical = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{canonical}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [&time[..8], "eu-central-1", "kms", "aws4_request", &text] {
        let with = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key = hmac::sign(&with, part.as_bytes()).as_ref().to_vec();
    }
    assert_eq!(signature, hex(&key));
}

#[test]
fn a_key_is_wrapped_and_unwrapped() {
    let body = json!({ "KeyId": ARN, "Plaintext": PLAIN, "EncryptionContext": bound() });
    let encrypted = json!({ "KeyId": ARN, "CiphertextBlob": BLOB_TEXT, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" });
    let server = Server::play(vec![
        ask("Encrypt", body, 200, encrypted).no_header("x-amz-security-token"),
        decrypt(200, decrypted()),
    ]);
    let aws = aws(&server);
    assert_eq!(aws.wrap(&key(), &context(3)).unwrap(), wrapped());
    let found = aws.unwrap(&wrapped(), &context(3)).unwrap();
    assert_eq!(found.bytes(), key().bytes());
    for asked in server.end() {
        check_signature(&asked, ID, SECRET);
    }
}

#[test]
fn a_no_is_denied() {
    let check = |kind: &str, expected: &str| {
        let text = format!("{SECRET} {PLAIN}");
        let answer = json!({ "__type": kind, "message": text });
        let server = Server::play(vec![decrypt(400, answer)]);
        let why = denied(aws(&server).unwrap(&wrapped(), &context(3)));
        assert!(why.contains(expected), "{kind}: {why}");
        assert!(!why.contains(SECRET) && !why.contains(PLAIN), "{why}");
        server.end();
    };
    check("AccessDeniedException", "may not encrypt or decrypt");
    check("NotFoundException", "there is no key");
    check("DisabledException", "disabled");
    check("KMSInvalidStateException", "deleted");
    check("InvalidCiphertextException", "did not wrap this");
    check(
        "com.amazonaws.kms#IncorrectKeyException",
        "did not wrap this",
    );
    check("InvalidKeyUsageException", "not a symmetric key");
    check("ExpiredTokenException", "expired");
    check("UnrecognizedClientException", "not valid");
    check("SomethingNew", "status 400");
}

#[test]
fn not_now_is_unavailable() {
    let check = |status: u16, answer: Value| {
        let server = Server::play((0..3).map(|_| decrypt(status, answer.clone())).collect());
        unavailable(aws(&server).unwrap(&wrapped(), &context(3)));
        server.end();
    };
    check(400, json!({ "__type": "ThrottlingException" }));
    check(
        400,
        json!({ "__type": "com.amazonaws.kms#LimitExceededException" }),
    );
    check(500, json!({ "__type": "KMSInternalException" }));
    check(503, json!("<html>"));
    // Throttled once is not throttled.
    let server = Server::play(vec![
        decrypt(400, json!({ "__type": "ThrottlingException" })),
        decrypt(200, decrypted()),
    ]);
    aws(&server).unwrap(&wrapped(), &context(3)).unwrap();
    server.end();
    for answer in [json!("text"), json!({}), json!({ "Plaintext": 5 })] {
        let server = Server::play(vec![decrypt(200, answer)]);
        unavailable(aws(&server).unwrap(&wrapped(), &context(3)));
        server.end();
    }
}

/// A token of another identity provider becomes credentials, which are kept; a service that no longer takes them gets fresh ones.
#[test]
fn a_web_identity_is_kept_until_it_is_stale() {
    let file = std::env::temp_dir().join(format!("peristyle-web-{}", std::process::id()));
    std::fs::write(&file, "e30.token&more\n").unwrap();
    let end = chrono::Utc::now() + chrono::Duration::hours(1);
    let granted = |id: &str| {
        let end = end.to_rfc3339();
        let xml = format!(
            "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\
             <Credentials><SessionToken>session</SessionToken><SecretAccessKey>{SECRET}</SecretAccessKey>\
             <Expiration>{end}</Expiration><AccessKeyId>{id}</AccessKeyId></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        );
        let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A111122223333%3Arole%2FReader\
                    &RoleSessionName=peristyle&WebIdentityToken=e30.token%26more";
        exchange("POST /", Expected::Text(body.to_owned()), 200, xml)
            .header("content-type", "application/x-www-form-urlencoded")
            .no_header("authorization")
    };
    let with_token = |exchange: Exchange| exchange.header("x-amz-security-token", "session");
    let server = Server::play(vec![
        granted("AKID1"),
        with_token(decrypt(200, decrypted())),
        with_token(decrypt(200, decrypted())),
        with_token(decrypt(400, json!({ "__type": "ExpiredTokenException" }))),
        granted("AKID2"),
        with_token(decrypt(200, decrypted())),
    ]);
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/Reader"),
        ("AWS_ENDPOINT_URL_STS", server.origin.as_str()),
    ];
    let aws = within(&server, &variables);
    for _ in 0..3 {
        aws.unwrap(&wrapped(), &context(3)).unwrap();
    }
    let asked = server.end();
    check_signature(&asked[1], "AKID1", SECRET);
    check_signature(&asked[5], "AKID2", SECRET);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_profile_is_read() {
    let file = std::env::temp_dir().join(format!("peristyle-profile-{}", std::process::id()));
    let text = format!(
        "# comment\n[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = {SECRET}\n\n\
         [ team ]\naws_access_key_id=AKTEAM\naws_secret_access_key={SECRET}\naws_session_token=s/t\n[role]\nrole_arn = x\n"
    );
    std::fs::write(&file, text).unwrap();
    let at = ("AWS_SHARED_CREDENTIALS_FILE", file.to_str().unwrap());
    let server = Server::play(vec![
        decrypt(200, decrypted()).no_header("x-amz-security-token"),
        decrypt(200, decrypted()).header("x-amz-security-token", "s/t"),
    ]);
    within(&server, &[at])
        .unwrap(&wrapped(), &context(3))
        .unwrap();
    let team = within(&server, &[at, ("AWS_PROFILE", "team")]);
    team.unwrap(&wrapped(), &context(3)).unwrap();
    for profile in ["role", "nobody"] {
        let with = within(&server, &[at, ("AWS_PROFILE", profile)]);
        let why = denied(with.unwrap(&wrapped(), &context(3)));
        assert!(why.contains(profile) && !why.contains(SECRET), "{why}");
    }
    let asked = server.end();
    check_signature(&asked[0], "AKDEFAULT", SECRET);
    check_signature(&asked[1], "AKTEAM", SECRET);
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn a_machine_and_a_container_have_credentials() {
    let end = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339();
    let given = json!({ "Code": "Success", "AccessKeyId": "AKM", "SecretAccessKey": SECRET, "Token": "t", "Expiration": end });
    let roles = "/latest/meta-data/iam/security-credentials/";
    let server = Server::play(vec![
        exchange("PUT /latest/api/token", Expected::Nothing, 200, "imds")
            .header("x-aws-ec2-metadata-token-ttl-seconds", "60"),
        exchange(&format!("GET {roles}"), Expected::Nothing, 200, "reader\n")
            .header("x-aws-ec2-metadata-token", "imds"),
        exchange(
            &format!("GET {roles}reader"),
            Expected::Nothing,
            200,
            &given,
        )
        .header("x-aws-ec2-metadata-token", "imds"),
        decrypt(200, decrypted()).header("x-amz-security-token", "t"),
        decrypt(200, decrypted()),
    ]);
    let machine = within(
        &server,
        &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.origin)],
    );
    machine.unwrap(&wrapped(), &context(3)).unwrap();
    machine.unwrap(&wrapped(), &context(3)).unwrap();
    server.end();
    let server = Server::play(vec![
        exchange("GET /v2/credentials/1", Expected::Nothing, 200, &given)
            .header("authorization", "secret"),
        decrypt(200, decrypted()),
        exchange("GET /v2/credentials/1", Expected::Nothing, 403, ""),
    ]);
    let url = format!("{}/v2/credentials/1", server.origin);
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "secret"),
    ];
    within(&server, &variables)
        .unwrap(&wrapped(), &context(3))
        .unwrap();
    let why = denied(within(&server, &variables).unwrap(&wrapped(), &context(3)));
    assert!(why.contains("container") && why.contains("403"), "{why}");
    let away = [("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://10.0.0.1/x")];
    let why = denied(within(&server, &away).unwrap(&wrapped(), &context(3)));
    assert!(why.contains("https://"), "{why}");
    let nowhere = [("AWS_EC2_METADATA_DISABLED", "true")];
    let why = denied(within(&server, &nowhere).unwrap(&wrapped(), &context(3)));
    assert!(why.contains("there are no AWS credentials"), "{why}");
    server.end();
}

#[test]
fn what_aws_did_not_wrap_is_not_sent() {
    let server = Server::play(Vec::new());
    for (key_id, bytes) in [("vault:transit/k", BLOB), ("aws-kms:x", b"")] {
        let wrapped = WrappedKey {
            key_id: key_id.to_owned(),
            bytes: bytes.to_vec(),
        };
        let why = denied(aws(&server).unwrap(&wrapped, &context(3)));
        assert!(why.contains("it was written with key"), "{why}");
    }
    server.end();
}

#[test]
fn names_are_read_strictly() {
    let check = |text: &str, expected: Option<&str>| {
        let none = Surroundings::of(&[]);
        let found = AwsKmsKey::within(text, none).map(drop);
        match expected {
            None => assert_eq!(found, Ok(()), "{text}"),
            Some(part) => {
                let why = found.unwrap_err();
                assert!(why.contains(part), "{text}: {why}");
            }
        }
    };
    check(ARN, None);
    check("arn:aws:kms:eu-central-1:111122223333:alias/team/key", None);
    check("alias/key?region=eu-central-1", None);
    check(
        "1234abcd-12ab-34cd-56ef-1234567890ab?region=cn-north-1",
        None,
    );
    check(
        &format!("{ARN}?endpoint=https%3A%2F%2Fvpce-1.kms.eu-central-1.vpce.amazonaws.com"),
        None,
    );
    check("", Some("ARN"));
    check("alias/key", Some("no region"));
    check("alias/key?region=EU", Some("a region is written"));
    check(
        "alias/key?region=a.evil.example%2F",
        Some("a region is written"),
    );
    check("alias/key?region=us-iso-east-1", Some("endpoint="));
    check("alias/key one?region=eu-central-1", Some("ARN"));
    check("a:b?region=eu-central-1", Some("colons"));
    check(
        "arn:aws:s3:eu-central-1:111122223333:key/x",
        Some("the ARN is not"),
    );
    check(
        "arn:aws:kms:eu-central-1:1111:key/x",
        Some("the ARN is not"),
    );
    check(
        "arn:aws:kms:eu-central-1:111122223333:key/",
        Some("the ARN is not"),
    );
    check(&format!("{ARN}?region=us-east-1"), Some("another region"));
    check(
        &format!("{ARN}?endpoint=http%3A%2F%2Fkms.example.com"),
        Some("https://"),
    );
    check(&format!("{ARN}?secret=x"), Some("no option 'secret'"));
}

#[test]
fn nothing_secret_shows_in_debug_output() {
    let server = Server::play(vec![decrypt(200, decrypted())]);
    let aws = aws(&server);
    aws.unwrap(&wrapped(), &context(3)).unwrap();
    server.end();
    let shown = format!("{aws:?}");
    assert!(!shown.contains(SECRET) && !shown.contains(ID), "{shown}");
}
