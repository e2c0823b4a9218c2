//! Both forms and all algorithms: what goes in comes out.

use super::*;

#[test]
fn every_algorithm_carries_the_identity() {
    for algorithm in Algorithm::ALL {
        let minted = minter(algorithm).mint_at(&grant(), at(NOW)).unwrap();
        let accepted = verifier()
            .verify_at(&minted.token, Scope::DatasetRead, at(NOW + 10))
            .unwrap_or_else(|error| panic!("{}: {error}", algorithm.name()));
        let identity = accepted.identity();
        assert_eq!(identity.user_name(), Some("ana@contoso.example"));
        assert_eq!(identity.role_names(), ["Germany"]);
        assert_eq!(identity.user_custom_data(), Some("tenant 7"));
        assert_eq!(accepted.key_id(), algorithm.name());
        assert_eq!(accepted.token_id(), Some("t-1"));
        assert_eq!(accepted.ends(), at(NOW + 3600 + 30));
    }
}

#[test]
fn a_local_token_cannot_be_read_by_who_carries_it() {
    let minted = minter(Algorithm::V4Local)
        .mint_at(&grant(), at(NOW))
        .unwrap();
    let readable: Vec<u8> = minted
        .token
        .split('.')
        .flat_map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default())
        .collect();
    let readable = String::from_utf8_lossy(&readable).into_owned();
    for secret in ["ana", "Germany", "tenant", "Dataset"] {
        assert!(!readable.contains(secret), "{secret}");
        assert!(!minted.token.contains(secret), "{secret}");
    }
    assert!(readable.contains("v4.local"), "the key's id is readable");
}

#[test]
fn roles_are_one_text_or_a_list() {
    let check = |roles: Value, expected: &[&str]| {
        let token = jwt(&claims_with("roles", roles));
        let accepted = verifier()
            .verify_at(&token, Scope::DatasetRead, at(NOW))
            .unwrap();
        assert_eq!(accepted.identity().role_names(), expected);
    };
    check(json!("Germany"), &["Germany"]);
    check(json!("Two words, one role"), &["Two words, one role"]);
    check(json!(["Germany", "Bikes"]), &["Germany", "Bikes"]);
    check(Value::Null, &[]);
}

#[test]
fn scopes_allow_what_they_say_and_what_follows() {
    use Scope::*;
    let check = |scopes: &str, allowed: &[Scope]| {
        let token = jwt(&claims_with("scp", json!(scopes)));
        for scope in Scope::ALL {
            let answer = verifier().verify_at(&token, scope, at(NOW));
            assert_eq!(
                answer.is_ok(),
                allowed.contains(&scope),
                "{scopes}: {scope}: {:?}",
                answer.err()
            );
        }
    };
    check("Dataset.Read", &[DatasetRead]);
    check("Dataset.Write", &[DatasetWrite]);
    check(
        "Dataset.ReadWrite",
        &[DatasetRead, DatasetWrite, DatasetReadWrite],
    );
    check("Report.Read", &[ReportRead, DatasetRead]);
    check(
        "Report.ReadWrite",
        &[ReportReadWrite, ReportRead, DatasetRead],
    );
    check("Workspace.Report.Create", &[WorkspaceReportCreate]);
    check(
        "Workspace.Report.Copy Dataset.Write",
        &[WorkspaceReportCopy, DatasetWrite],
    );
}

#[test]
fn a_revoked_key_or_token_stops_its_sessions() {
    let now = SystemTime::now();
    let revoke: [fn(&Revocations); 2] = [
        |revocations| revocations.revoke_token("t-1"),
        |revocations| revocations.revoke_key("HS256"),
    ];
    for (revoke, expected) in revoke
        .into_iter()
        .zip([TokenError::TokenRevoked, TokenError::KeyRevoked])
    {
        let verifier = verifier();
        let token = minter(Algorithm::Hs256).mint(&grant()).unwrap().token;
        let other = minter(Algorithm::EdDsa)
            .mint(&grant().token_id("t-2"))
            .unwrap()
            .token;
        let accept = |token: &str| verifier.verify_at(token, Scope::DatasetRead, now);
        let credential = accept(&token).unwrap().credential();
        let untouched = accept(&other).unwrap().credential();
        assert!(credential.still_valid() && untouched.still_valid());
        revoke(verifier.revocations());
        assert!(!credential.still_valid());
        assert!(untouched.still_valid());
        assert_eq!(accept(&token).unwrap_err(), expected);
        assert!(accept(&other).is_ok());
    }
}

#[test]
fn keys_overlap_when_they_are_rotated() {
    let old = || {
        Key::hs256("old", b"the secret of the old key, long enough")
            .unwrap()
            .in_force(None, Some(at(NOW + 1_000)))
            .unwrap()
    };
    let new = || {
        Key::v4_local("new", LOCAL)
            .unwrap()
            .in_force(Some(at(NOW)), None)
            .unwrap()
    };
    let verifier = Verifier::new([old(), new()], AUDIENCE, ISSUER, Arc::default()).unwrap();
    let mint = |key: Key, time: u64| Minter::new(key, AUDIENCE, ISSUER).mint_at(&grant(), at(time));
    let check = |token: &str, time: u64, expected: Result<(), TokenError>| {
        let answer = verifier.verify_at(token, Scope::DatasetRead, at(time));
        assert_eq!(answer.map(drop), expected, "at {time}");
    };
    let (from_old, from_new) = (
        mint(old(), NOW + 500).unwrap().token,
        mint(new(), NOW + 500).unwrap().token,
    );
    check(&from_old, NOW + 500, Ok(()));
    check(&from_new, NOW + 500, Ok(()));
    check(&from_old, NOW + 1_000, Err(TokenError::KeyOutOfTime));
    check(&from_new, NOW + 1_000, Ok(()));
    // A key that is not yet in force vouches for nothing, and an old one makes nothing new.
    check(&from_new, NOW - 1, Err(TokenError::KeyOutOfTime));
    assert!(mint(old(), NOW + 1_000).is_err());
    // A session does not outlive the key of its token.
    let accepted = verifier
        .verify_at(&from_old, Scope::DatasetRead, at(NOW + 500))
        .unwrap();
    assert_eq!(accepted.ends(), at(NOW + 1_000));
}

#[test]
fn keys_that_are_no_good_are_refused() {
    use crate::KeyError;
    let check = |key: Result<Key, KeyError>, expected: KeyError| {
        assert_eq!(key.map(drop), Err(expected));
    };
    check(Key::hs256("k", &[7; 31]), KeyError::TooShort { least: 32 });
    check(Key::hs256("k", RSA_PUBLIC), KeyError::NotASecret);
    check(
        Key::v4_local("k", &[7; 31]),
        KeyError::Length { exactly: 32 },
    );
    check(
        Key::v4_local("k", &[7; 33]),
        KeyError::Length { exactly: 32 },
    );
    for id in ["", "a/b", "../k", "a b", "k\0", "ключ", &"k".repeat(65)] {
        check(Key::hs256(id, SECRET), KeyError::Id);
    }
    let small = include_bytes!("keys/rsa1024.pub.pem");
    let other_curve = include_bytes!("keys/p384.pub.pem");
    check(Key::rs256("k", Some(small), None), KeyError::Pem);
    check(Key::es256("k", Some(other_curve), None), KeyError::Pem);
    check(Key::es256("k", Some(RSA_PUBLIC), None), KeyError::Pem);
    check(Key::rs256("k", Some(EC_PUBLIC), None), KeyError::Pem);
    check(Key::eddsa("k", Some(EC_PUBLIC), None), KeyError::Pem);
    check(Key::rs256("k", Some(RSA), None), KeyError::Pem);
    check(Key::rs256("k", None, Some(EC)), KeyError::Pem);
    check(Key::eddsa("k", Some(b"no pem"), None), KeyError::Pem);
    let none = Key::rs256("k", None, None);
    assert!(matches!(none, Err(KeyError::Incomplete(_))));
    let backwards = Key::hs256("k", SECRET)
        .unwrap()
        .in_force(Some(at(NOW)), Some(at(NOW)));
    check(backwards, KeyError::Interval);
    let twice = Verifier::new(
        [
            Key::hs256("k", SECRET).unwrap(),
            Key::v4_local("k", LOCAL).unwrap(),
        ],
        AUDIENCE,
        ISSUER,
        Arc::default(),
    );
    assert_eq!(twice.map(drop).unwrap_err(), KeyError::SameId);
    assert!(Verifier::new([], AUDIENCE, ISSUER, Arc::default()).is_err());
    for (audience, issuer) in [("", ISSUER), (AUDIENCE, "")] {
        let keys = [Key::hs256("k", SECRET).unwrap()];
        assert!(Verifier::new(keys, audience, issuer, Arc::default()).is_err());
    }
}

#[test]
fn a_public_key_alone_verifies_and_signs_nothing() {
    let public = || Key::rs256("RS256", Some(RSA_PUBLIC), None).unwrap();
    let verifier = Verifier::new([public()], AUDIENCE, ISSUER, Arc::default()).unwrap();
    let token = minter(Algorithm::Rs256)
        .mint_at(&grant(), at(NOW))
        .unwrap()
        .token;
    assert!(
        verifier
            .verify_at(&token, Scope::DatasetRead, at(NOW))
            .is_ok()
    );
    let refused = Minter::new(public(), AUDIENCE, ISSUER).mint(&grant());
    assert!(matches!(refused, Err(crate::MintError::CannotSign)));
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let key = key(Algorithm::Hs256);
    let accepted = verifier()
        .verify_at(&jwt(&claims()), Scope::DatasetRead, at(NOW))
        .unwrap();
    let shown = format!("{key:?} {:?} {accepted:?}", verifier());
    for secret in ["thirty", "nobody else", "ana@", "PRIVATE"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
