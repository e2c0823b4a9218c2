//! Tokens of every malformed kind, each with what is said of it.

use super::*;
use crate::TokenError::{
    Claim, Duplicate, Encoding, Expired, Header, Json, LivesTooLong, NotAToken, Signature, TooDeep,
    TooLong, UnknownKey, WrongAlgorithm,
};

fn claim(claim: &'static str, why: &'static str) -> TokenError {
    TokenError::claim(claim, why)
}

const NOT_SECONDS: &str = "is not a whole number of seconds";

#[test]
fn claims_of_the_wrong_type_or_value() {
    let check = |name: &str, value: Value, expected: TokenError| {
        let token = jwt(&claims_with(name, value.clone()));
        assert_eq!(refusal(&token), expected, "{name}: {value}");
    };
    // Times: CVE-2026-25537 is about wrong types that count as absent.
    for name in ["exp", "nbf", "iat"] {
        for value in [
            json!("1800000600"),
            json!(1_800_000_600.0),
            json!(1_800_000_600.5),
            json!(true),
            json!([1_800_000_600]),
            json!({ "value": 1_800_000_600 }),
            json!(u64::MAX),
            json!(1e300),
        ] {
            let name: &'static str = name;
            check(name, value, claim(name, NOT_SECONDS));
        }
        check(name, json!(-5), claim(name, "is before 1970"));
        check(name, json!(i64::MIN), claim(name, "is before 1970"));
    }
    check("exp", Value::Null, claim("exp", "is missing"));
    check("exp", json!(i64::MAX), LivesTooLong);
    check("exp", json!(0), Expired);

    check("aud", Value::Null, claim("aud", "is missing"));
    check("aud", json!([AUDIENCE]), claim("aud", "is not text"));
    check("aud", json!(""), claim("aud", "is empty"));
    for audience in [
        format!("{AUDIENCE}/"),
        AUDIENCE.to_uppercase(),
        AUDIENCE.replace("https", "http"),
        format!("{AUDIENCE}.evil.example"),
        AUDIENCE[..AUDIENCE.len() - 1].to_owned(),
        format!("{AUDIENCE} "),
    ] {
        check("aud", json!(audience), claim("aud", "names another"));
    }
    check("iss", Value::Null, claim("iss", "is missing"));
    check(
        "iss",
        json!("Contoso-portal"),
        claim("iss", "names another"),
    );
    check("iss", json!(7), claim("iss", "is not text"));
    check("ver", Value::Null, claim("ver", "is missing"));
    let unsupported = "has a value that is not supported";
    check("ver", json!("0.1.0"), claim("ver", unsupported));
    check("ver", json!(2), claim("ver", "is not text"));
    check("type", json!("provision"), claim("type", unsupported));
    check("type", Value::Null, claim("type", "is missing"));

    let neither = "is neither text nor a list of texts";
    for roles in [
        json!(7),
        json!(true),
        json!({ "0": "Germany" }),
        json!(["Germany", 7]),
        json!([["Germany"]]),
    ] {
        check("roles", roles, claim("roles", neither));
    }
    check("roles", json!([]), claim("roles", "is empty"));
    check("roles", json!(""), claim("roles", "is empty"));
    check("roles", json!("  "), claim("roles", "is empty"));
    check("roles", json!(["Germany", ""]), claim("roles", "is empty"));
    check(
        "roles",
        json!(["Germany", "Germany"]),
        claim("roles", "names a role twice"),
    );
    check(
        "roles",
        json!(["Germany\0"]),
        claim("roles", "has a control character"),
    );
    let many: Vec<String> = (0..65).map(|n| format!("role {n}")).collect();
    check("roles", json!(many), claim("roles", "has too many items"));

    check("scp", Value::Null, claim("scp", "is missing"));
    check("scp", json!(""), claim("scp", "is empty"));
    check("scp", json!(["Dataset.Read"]), claim("scp", "is not text"));
    for scopes in [
        "dataset.read",
        "Dataset.*",
        "*",
        "Dataset.Read,Report.Read",
        "Dataset.Read  Report.Read",
        "Dataset.Read ",
        "Dataset.Reads",
        "Dataset.Read Everything",
    ] {
        check(
            "scp",
            json!(scopes),
            claim("scp", "has a scope that does not exist"),
        );
    }
    check(
        "scp",
        json!("Workspace.Report.Create"),
        TokenError::Scope {
            needed: Scope::DatasetRead,
        },
    );

    for name in ["username", "customData", "jti", "wcn", "wid", "rid"] {
        let name: &'static str = name;
        check(name, json!(7), claim(name, "is not text"));
        check(name, json!(["x"]), claim(name, "is not text"));
        check(name, json!(""), claim(name, "is empty"));
        check(
            name,
            json!("a\u{0}b"),
            claim(name, "has a control character"),
        );
        check(name, json!("a\nb"), claim(name, "has a control character"));
    }
    // JSON's null is a value of the wrong type, and not an absent claim.
    for name in ["username", "roles", "exp", "jti"] {
        let mut text = claims_with(name, Value::Null).to_string();
        text.insert_str(1, &format!("\"{name}\":null,"));
        let token = signed(Algorithm::Hs256, HEADER, &text);
        assert!(matches!(refusal(&token), Claim { .. }), "{text}");
    }
}

#[test]
fn claims_in_another_case_are_refused() {
    for (name, known) in [
        ("Roles", "roles"),
        ("EXP", "exp"),
        ("customdata", "customData"),
        ("userName", "username"),
    ] {
        let token = jwt(&claims_with(name, json!("x")));
        assert_eq!(refusal(&token), claim(known, "is written in another case"));
    }
    // What is no claim of ours does not matter.
    let token = jwt(&claims_with("department", json!({ "deep": ["enough"] })));
    assert!(
        verifier()
            .verify_at(&token, Scope::DatasetRead, at(NOW))
            .is_ok()
    );
}

#[test]
fn payloads_that_are_not_one_flat_object() {
    let sound = claims().to_string();
    let check = |payload: &str, expected: TokenError| {
        let token = signed(Algorithm::Hs256, HEADER, payload);
        assert_eq!(refusal(&token), expected, "{payload:.60}");
    };
    let json = || Json { part: "payload" };
    let twice = || Duplicate { part: "payload" };
    for text in ["null", "7", "\"text\"", "[]", "", "{", "{}}", "tru"] {
        check(text, json());
    }
    check("{}", claim("ver", "is missing"));
    check(&format!("{sound} x"), json());
    check(&format!("{sound}{sound}"), json());
    check(&format!("{sound}\0"), json());
    check(&format!("\u{feff}{sound}"), json());
    check(&sound.replacen('{', "{,", 1), json());
    check(&sound.replacen('}', ",}", 1), json());
    check(&sound.replace("\"Germany\"", "'Germany'"), json());
    check(&sound.replacen('{', "{/**/", 1), json());
    check(
        &sound.replacen('{', "{\"roles\":[\"Everyone\"],", 1),
        twice(),
    );
    check(&sound.replacen('}', ",\"exp\":1900000000}", 1), twice());
    // The same name, spelled with an escape.
    check(
        &sound.replacen('{', "{\"rol\\u0065s\":[\"Everyone\"],", 1),
        twice(),
    );
    check(&sound.replacen('{', "{\"x\":1,\"x\":1,", 1), twice());
    check(&sound.replacen("Germany", "Ger\\ud800many", 1), json());
    let deep = format!("{}{}", "[".repeat(3_000), "]".repeat(3_000));
    check(
        &sound.replacen('{', &format!("{{\"x\":{deep},"), 1),
        TooDeep,
    );
    check(&"{\"a\":".repeat(900), TooDeep);
    let many: String = (0..64).map(|n| format!("\"x{n}\":1,")).collect();
    check(&sound.replacen('{', &format!("{{{many}"), 1), json());
    // Brackets inside text are no nesting.
    let text = sound.replacen('{', &format!("{{\"x\":\"{}\",", "[{".repeat(50)), 1);
    let token = signed(Algorithm::Hs256, HEADER, &text);
    assert!(
        verifier()
            .verify_at(&token, Scope::DatasetRead, at(NOW))
            .is_ok()
    );
    let message = format!("{}.{}", part(HEADER), part([0xFF, 0xFE, b'{', b'}']));
    let signature = key(Algorithm::Hs256).sign(message.as_bytes()).unwrap();
    assert_eq!(refusal(&format!("{message}.{}", part(signature))), json());
}

#[test]
fn headers_that_ask_for_something_else() {
    let payload = claims().to_string();
    let check = |header: &str, expected: TokenError| {
        let token = signed(Algorithm::Hs256, header, &payload);
        assert_eq!(refusal(&token), expected, "{header:.100}");
    };
    check(r#"{"kid":"HS256"}"#, Header("names no algorithm"));
    check(r#"{"alg":"HS256"}"#, Header("names no key"));
    for algorithm in [
        "none", "None", "NONE", "", "hs256", "HS512", "RS256", "v4.local",
    ] {
        check(
            &json!({ "alg": algorithm, "kid": "HS256" }).to_string(),
            WrongAlgorithm,
        );
    }
    let no_text = || Header("has a member that is not text");
    check(r#"{"alg":["HS256"],"kid":"HS256"}"#, no_text());
    check(r#"{"alg":null,"kid":"HS256"}"#, no_text());
    check(r#"{"alg":"HS256","kid":7}"#, no_text());
    for kid in [
        "",
        "hs256",
        "HS256 ",
        "HS256\0",
        "../HS256",
        "../../../../dev/null",
        "/etc/passwd",
        "HS256' OR '1'='1",
        "ＨＳ256",
        "http://evil.example/key",
    ] {
        check(
            &json!({ "alg": "HS256", "kid": kid }).to_string(),
            UnknownKey,
        );
    }
    check(
        r#"{"alg":"HS256","kid":"HS256","kid":"RS256"}"#,
        Duplicate { part: "header" },
    );
    check(
        r#"{"alg":"none","alg":"HS256","kid":"HS256"}"#,
        Duplicate { part: "header" },
    );
    check(
        r#"{"alg":"HS256","kid":"HS256","crit":["exp"]}"#,
        Header("has critical members, and none are supported"),
    );
    check(
        r#"{"alg":"HS256","kid":"HS256","typ":"dpop+jwt"}"#,
        Header("says that this is no JWT"),
    );
    for member in [
        "jku", "jwk", "x5u", "x5c", "zip", "enc", "b64", "cty", "ALG",
    ] {
        check(
            &json!({ "alg": "HS256", "kid": "HS256", member: "x" }).to_string(),
            Header("has members that are not supported"),
        );
    }
    check(
        &json!({ "alg": "HS256", "kid": "k".repeat(1_000) }).to_string(),
        TooLong { limit: 512 },
    );
    check("[]", Json { part: "header" });
    check(&"[".repeat(300), TooDeep);
}

#[test]
fn an_algorithm_belongs_to_its_key() {
    let payload = claims().to_string();
    // The classical confusion: the public key as the secret of an HMAC.
    for (algorithm, public) in [
        ("RS256", RSA_PUBLIC),
        ("ES256", EC_PUBLIC),
        ("EdDSA", ED_PUBLIC),
    ] {
        for named in ["HS256", algorithm] {
            let header = json!({ "alg": named, "kid": algorithm }).to_string();
            let message = format!("{}.{}", part(header), part(&payload));
            let key = jsonwebtoken::EncodingKey::from_secret(public);
            let signer = (jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.signer_factory)(
                &jsonwebtoken::Algorithm::HS256,
                &key,
            )
            .unwrap();
            let signature = signer.try_sign(message.as_bytes()).unwrap();
            let expected = if named == "HS256" {
                WrongAlgorithm
            } else {
                Signature
            };
            assert_eq!(refusal(&format!("{message}.{}", part(signature))), expected);
        }
    }
    // Every key with every other key's id.
    for signing in Algorithm::ALL
        .into_iter()
        .filter(|a| *a != Algorithm::V4Local)
    {
        for named in Algorithm::ALL.into_iter().filter(|named| *named != signing) {
            let header = json!({ "alg": signing.name(), "kid": named.name() }).to_string();
            assert_eq!(refusal(&signed(signing, &header, &payload)), WrongAlgorithm);
            let header = json!({ "alg": named.name(), "kid": named.name() }).to_string();
            let expected = if named == Algorithm::V4Local {
                WrongAlgorithm
            } else {
                Signature
            };
            assert_eq!(refusal(&signed(signing, &header, &payload)), expected);
        }
    }
    // An encrypted token that names a signing key.
    let secret = key(Algorithm::V4Local);
    let token = pasetors::version4::LocalToken::encrypt(
        secret.local().unwrap(),
        payload.as_bytes(),
        Some(br#"{"kid":"HS256"}"#),
        None,
    )
    .unwrap();
    assert_eq!(refusal(&token), WrongAlgorithm);
}

/// Signatures that are nothing, or nothing but zeros, which some verifiers of ECDSA took for sound.
#[test]
fn empty_and_zero_signatures() {
    for (algorithm, length) in [("HS256", 32), ("RS256", 256), ("ES256", 64), ("EdDSA", 64)] {
        let header = json!({ "alg": algorithm, "kid": algorithm }).to_string();
        let message = format!("{}.{}", part(header), part(claims().to_string()));
        for signature in [
            vec![],
            vec![0; length],
            vec![0xFF; length],
            vec![0; 1],
            vec![0; 512],
        ] {
            let token = format!("{message}.{}", part(&signature));
            assert_eq!(refusal(&token), Signature, "{algorithm}");
        }
    }
}

#[test]
fn texts_that_are_no_tokens() {
    let sound = jwt(&claims());
    let (message, signature) = sound.rsplit_once('.').unwrap();
    let check = |token: &str, expected: TokenError| {
        assert_eq!(refusal(token), expected, "{token:.80}");
    };
    for token in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c.d",
        "Bearer",
        "v4.local",
        "v4.local.",
    ] {
        assert!(
            matches!(refusal(token), NotAToken | Encoding | Json { .. }),
            "{token}"
        );
    }
    check(&"a".repeat(8 * 1024 + 1), TooLong { limit: 8 * 1024 });
    check(message, NotAToken);
    check(&format!("{message}."), Signature);
    check(&format!("{sound}."), NotAToken);
    check(&format!("{sound}.{signature}"), NotAToken);
    for stray in [" ", "\n", "=", "==", "\0", "é", "+", "/"] {
        check(&format!("{sound}{stray}"), Encoding);
        assert!(matches!(
            refusal(&format!("{stray}{sound}")),
            Encoding | Json { .. }
        ));
    }
    check(&format!("Bearer {sound}"), Encoding);
    let truncated = &sound[..sound.len() - 4];
    check(truncated, Signature);
    // `alg: none` in its usual dress.
    let none = format!(
        "{}.{}.",
        part(r#"{"alg":"none","typ":"JWT"}"#),
        part(claims().to_string())
    );
    check(&none, Header("names no key"));

    let local = minter(Algorithm::V4Local)
        .mint_at(&grant(), at(NOW))
        .unwrap()
        .token;
    let (sealed, footer) = local.rsplit_once('.').unwrap();
    check(sealed, NotAToken);
    check(&format!("{local}="), Encoding);
    check(&format!("{local}."), Encoding);
    check(&format!("{local}.x"), Encoding);
    for version in [
        "v1.local.",
        "v2.local.",
        "v3.local.",
        "v4.public.",
        "V4.local.",
    ] {
        let other = local.replacen("v4.local.", version, 1);
        assert!(matches!(refusal(&other), NotAToken | Encoding), "{version}");
    }
    let with_footer = |footer: &str| format!("{sealed}.{}", part(footer));
    check(&with_footer(r#"{"kid":"other"}"#), UnknownKey);
    check(&with_footer(r#"{"kid": "v4.local"}"#), Signature);
    check(&with_footer("{}"), Header("names no key"));
    check(&with_footer("k"), Json { part: "footer" });
    check(
        &with_footer(r#"{"kid":"v4.local","kid":"v4.local"}"#),
        Duplicate { part: "footer" },
    );
    check(
        &with_footer(r#"{"kid":"v4.local","wpk":"x"}"#),
        Header("has members that are not supported"),
    );
    check(
        &format!("{sealed}.{}", "A".repeat(400)),
        TooLong { limit: 256 },
    );
    check(&format!("v4.local.{}.{footer}", part([0u8; 63])), NotAToken);
    check(&format!("v4.local.{}.{footer}", part([0u8; 65])), Signature);
    check(&format!("v4.local..{footer}"), NotAToken);
}

#[test]
fn tokens_for_another_place_are_refused() {
    let check = |verifier: Verifier, claims: Value, expected: Result<(), TokenError>| {
        let answer = verifier.verify_at(&jwt(&claims), Scope::DatasetRead, at(NOW));
        assert_eq!(answer.map(drop), expected);
    };
    let ours = || {
        verifier()
            .only_workspace("w-1")
            .only_workspace_collection("c")
    };
    let mut right = claims_with("wid", json!("w-1"));
    right["wcn"] = json!("c");
    check(ours(), right.clone(), Ok(()));
    right["wid"] = json!("W-1");
    check(ours(), right, Err(claim("wid", "names another")));
    check(
        ours(),
        claims_with("wid", json!("w-1")),
        Err(claim("wcn", "names another")),
    );
    check(
        verifier().need_token_id(),
        claims_with("jti", Value::Null),
        Err(claim("jti", "is missing")),
    );
    check(verifier().need_token_id(), claims(), Ok(()));
}

#[test]
fn no_refusal_repeats_what_the_token_says() {
    let marker = "zebra-7";
    for name in [
        "aud", "iss", "ver", "type", "scp", "roles", "username", "exp",
    ] {
        let token = jwt(&claims_with(name, json!(format!("{marker}\n"))));
        let error = refusal(&token);
        assert!(!error.to_string().contains(marker), "{error}");
        assert!(!format!("{error:?}").contains(marker), "{error:?}");
    }
    let header = json!({ "alg": marker, "kid": marker }).to_string();
    let error = refusal(&signed(Algorithm::Hs256, &header, "{}"));
    assert!(!error.to_string().contains(marker), "{error}");
}
