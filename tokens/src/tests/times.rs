//! Times: expiry, not-before, issue, skew and lifetime, in both forms.

use super::*;
use crate::TokenError::{Expired, LivesTooLong, NotYetValid};

/// What a verifier says of a token with these times, at `NOW`.
fn check(times: &[(&str, i64)], expected: Result<(), TokenError>) {
    let mut claims = claims();
    let members = claims.as_object_mut().unwrap();
    for name in ["iat", "nbf", "exp"] {
        members.remove(name);
    }
    for (name, offset) in times {
        members.insert((*name).to_owned(), json!(NOW as i64 + offset));
    }
    let answer = verifier().verify_at(&jwt(&claims), Scope::DatasetRead, at(NOW));
    assert_eq!(answer.map(drop), expected, "JWT {times:?}");
    for (name, offset) in times {
        let time = chrono::DateTime::from_timestamp(NOW as i64 + offset, 0).unwrap();
        claims[*name] = json!(time.to_rfc3339());
    }
    let token =
        crate::paseto::seal(claims.to_string().as_bytes(), &key(Algorithm::V4Local)).unwrap();
    let answer = verifier().verify_at(&token, Scope::DatasetRead, at(NOW));
    assert_eq!(answer.map(drop), expected, "v4.local {times:?}");
}

#[test]
fn times_are_honoured() {
    check(&[("exp", 600)], Ok(()));
    check(&[("exp", 1)], Ok(()));
    // Clocks may be off by half a minute.
    check(&[("exp", -29)], Ok(()));
    check(&[("exp", -30)], Err(Expired));
    check(&[("exp", -3_600)], Err(Expired));
    check(&[("exp", 600), ("nbf", 30)], Ok(()));
    check(&[("exp", 600), ("nbf", 31)], Err(NotYetValid));
    check(&[("exp", 600), ("iat", 30)], Ok(()));
    check(&[("exp", 600), ("iat", 31)], Err(NotYetValid));
    check(
        &[("exp", 10), ("nbf", 20)],
        Err(TokenError::claim("exp", "is not later than nbf")),
    );
}

#[test]
fn a_life_is_an_hour_at_most() {
    check(&[("iat", 0), ("exp", 3_600)], Ok(()));
    check(&[("iat", 0), ("exp", 3_601)], Err(LivesTooLong));
    check(&[("nbf", 0), ("exp", 3_601)], Err(LivesTooLong));
    check(&[("iat", -3_000), ("exp", 600)], Ok(()));
    check(&[("iat", -3_000), ("exp", 601)], Err(LivesTooLong));
    // Without a beginning it is counted from now.
    check(&[("exp", 3_601)], Err(LivesTooLong));
    check(&[("exp", 1_000_000_000)], Err(LivesTooLong));
    let long = verifier().longest_life(Duration::from_secs(7_200));
    let token = jwt(&claims_with("exp", json!(NOW + 7_200)));
    assert!(long.verify_at(&token, Scope::DatasetRead, at(NOW)).is_ok());
}

#[test]
fn skew_has_a_limit() {
    let generous = verifier().skew(Duration::from_secs(1_000_000));
    let token = jwt(&claims());
    let ask = |offset| {
        generous
            .verify_at(&token, Scope::DatasetRead, at(NOW + 600 + offset))
            .map(drop)
    };
    assert_eq!(ask(59), Ok(()));
    assert_eq!(ask(60), Err(Expired));
    let strict = verifier().skew(Duration::ZERO);
    let answer = strict.verify_at(&token, Scope::DatasetRead, at(NOW + 600));
    assert_eq!(answer.map(drop), Err(Expired));
}

#[test]
fn a_minter_makes_nothing_that_lives_longer() {
    let long = grant().lifetime(Duration::from_secs(3_601));
    let refused = minter(Algorithm::Hs256).mint(&long);
    assert!(matches!(
        refused,
        Err(crate::MintError::Refused(LivesTooLong))
    ));
}
