//! Random damage to sound tokens of every form: whatever is not the token itself, byte for byte, is refused, and nothing panics.
//!
//! `PERISTYLE_TOKEN_MUTATIONS` says how many mutants to try for each form, and `PERISTYLE_TOKEN_SEED` where to begin.

use super::*;

/// A small generator: the same seed gives the same mutants on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

const ALPHABET: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= {}\"\0\xC3";

/// One small change to bytes.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice, donor: &[u8]) {
    let at = dice.below(bytes.len());
    match dice.below(8) {
        0 if !bytes.is_empty() => bytes[at] = ALPHABET[dice.below(ALPHABET.len())],
        1 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        2 => bytes.insert(at, ALPHABET[dice.below(ALPHABET.len())]),
        3 if !bytes.is_empty() => drop(bytes.remove(at)),
        4 => bytes.truncate(at),
        5 => {
            let end = (at + dice.below(40)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
        }
        6 if !donor.is_empty() => {
            let from = dice.below(donor.len());
            let end = (from + dice.below(60)).min(donor.len());
            let until = (at + dice.below(60)).min(bytes.len());
            bytes.splice(at..until, donor[from..end].to_vec());
        }
        _ => {
            let other = dice.below(bytes.len());
            if !bytes.is_empty() {
                bytes.swap(at, other);
            }
        }
    }
}

/// Damage below the encoding: one part is decoded, damaged, and encoded again.
fn damage_inside(token: &str, dice: &mut Dice, donor: &[u8]) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let chosen = dice.below(parts.len());
    if let Ok(mut bytes) = URL_SAFE_NO_PAD.decode(&parts[chosen]) {
        damage(&mut bytes, dice, donor);
        parts[chosen] = part(bytes);
    }
    parts.join(".")
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn a_damaged_token_is_refused() {
    let mutants = number("PERISTYLE_TOKEN_MUTATIONS", 1_500);
    let seed = number("PERISTYLE_TOKEN_SEED", 5);
    let verifier = verifier();
    let tokens: Vec<String> = Algorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let minted = minter(algorithm).mint_at(&grant(), at(NOW));
            minted.unwrap().token
        })
        .collect();
    for (form, token) in tokens.iter().enumerate() {
        assert!(
            verifier
                .verify_at(token, Scope::DatasetRead, at(NOW))
                .is_ok()
        );
        for number in 0..mutants {
            let mut dice = Dice(
                seed.wrapping_add(number)
                    .wrapping_mul(31)
                    .wrapping_add(form as u64),
            );
            let donor = &tokens[dice.below(tokens.len())];
            let mut mutant = token.clone();
            for _ in 0..=dice.below(3) {
                if dice.below(2) == 0 {
                    mutant = damage_inside(&mutant, &mut dice, b"\"roles\":[\"Everyone\"],}{");
                } else {
                    let mut bytes = mutant.into_bytes();
                    damage(&mut bytes, &mut dice, donor.as_bytes());
                    mutant = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
            if tokens.contains(&mutant) {
                continue;
            }
            let answer = verifier.verify_at(&mutant, Scope::DatasetRead, at(NOW));
            assert!(
                answer.is_err(),
                "form {form}, seed {seed}, mutant {number}: {mutant}"
            );
        }
    }
}

/// Behind the signature the reader of claims stands alone: random payloads, rightly signed.
#[test]
fn a_damaged_payload_never_gains_a_role() {
    let mutants = number("PERISTYLE_TOKEN_MUTATIONS", 1_500);
    let seed = number("PERISTYLE_TOKEN_SEED", 5);
    let verifier = verifier();
    let sound = claims().to_string();
    let key = key(Algorithm::Hs256);
    let mut accepted = 0;
    for number in 0..mutants {
        let mut dice = Dice(seed.wrapping_add(number).wrapping_mul(17));
        let mut payload = sound.clone().into_bytes();
        damage(&mut payload, &mut dice, sound.as_bytes());
        let message = format!("{}.{}", part(HEADER), part(&payload));
        let token = format!("{message}.{}", part(key.sign(message.as_bytes()).unwrap()));
        let Ok(answer) = verifier.verify_at(&token, Scope::DatasetRead, at(NOW)) else {
            continue;
        };
        accepted += 1;
        // Any reader of JSON must agree on what an accepted payload says.
        let read: Value = serde_json::from_slice(&payload).expect("what is accepted is JSON");
        let roles = match &read["roles"] {
            Value::String(role) => vec![role.clone()],
            Value::Array(roles) => roles
                .iter()
                .map(|r| r.as_str().unwrap().to_owned())
                .collect(),
            Value::Null => Vec::new(),
            other => panic!("{other}"),
        };
        assert_eq!(answer.identity().role_names(), roles);
        assert_eq!(answer.identity().user_name(), read["username"].as_str());
        assert_eq!(read["aud"], AUDIENCE);
        assert!(read["exp"].as_i64().unwrap() > NOW as i64 - 30);
    }
    assert!(
        accepted > 0,
        "no mutant was accepted: the test tests nothing"
    );
}
