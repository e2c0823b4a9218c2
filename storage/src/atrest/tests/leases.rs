//! The lease: renewed, denied, unreachable.

use std::sync::Mutex;
use std::thread::sleep;
use std::time::Duration;

use super::*;
use crate::StorageError;
use crate::atrest::{Lease, LeaseState, Leasing, open, rotate_key};

#[derive(Clone, Copy)]
enum Mood {
    Yes,
    No,
    Away,
}

/// A keeper of a key that changes its mind.
struct Moody {
    key: TestKey,
    mood: Mutex<Mood>,
}

impl Moody {
    fn new(byte: u8) -> Arc<Moody> {
        Arc::new(Moody {
            key: TestKey::new(byte),
            mood: Mutex::new(Mood::Yes),
        })
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

impl KeyProvider for Moody {
    fn wrap(&self, key: &SecretKey, context: &KeyContext) -> Result<WrappedKey, KeyRefusal> {
        self.key.wrap(key, context)
    }

    fn unwrap(&self, wrapped: &WrappedKey, context: &KeyContext) -> Result<SecretKey, KeyRefusal> {
        match *self.mood.lock().unwrap() {
            Mood::Yes => self.key.unwrap(wrapped, context),
            Mood::No => Err(KeyRefusal::Denied("taken back".to_owned())),
            Mood::Away => Err(KeyRefusal::Unavailable("no route".to_owned())),
        }
    }
}

const SHORT: Leasing = Leasing {
    lease: Duration::from_millis(200),
    grace: Duration::from_millis(900),
};

#[test]
fn a_denied_key_closes_the_dataset() {
    let key = Moody::new(1);
    let scratch = saved("denied", &key.key);
    let opened = open(scratch.path(), key.as_ref(), 0).unwrap();
    let lease = Lease::new(&opened, key.clone(), Leasing::default());
    opened.dataset.column(id(0, 0)).unwrap();
    assert!(matches!(lease.renew(), LeaseState::Held { .. }));
    key.is(Mood::No);
    let LeaseState::Closed { why } = lease.renew() else {
        panic!("still open");
    };
    assert!(why.contains("taken back"), "{why}");
    // Neither what is on disk nor what is in memory is given out, and a change of mind comes too late.
    key.is(Mood::Yes);
    assert!(matches!(lease.renew(), LeaseState::Closed { .. }));
    for column in 0..2 {
        match opened.dataset.column(id(0, column)).err() {
            Some(StorageError::Unreadable { why }) => assert!(why.contains("closed"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(opened.dataset.check_open().is_err());
    assert!(opened.dataset.extension().check_open().is_err());
    assert!(opened.files.key("any").is_err());
}

#[test]
fn an_unreachable_keeper_has_a_bounded_grace() {
    let key = Moody::new(1);
    let scratch = saved("away", &key.key);
    let opened = open(scratch.path(), key.as_ref(), 0).unwrap();
    let lease = Lease::new(&opened, key.clone(), SHORT);
    key.is(Mood::Away);
    assert!(matches!(lease.renew(), LeaseState::Unreachable { .. }));
    opened.dataset.check_open().unwrap();
    key.is(Mood::Yes);
    assert!(matches!(lease.renew(), LeaseState::Held { .. }));
    key.is(Mood::Away);
    sleep(SHORT.grace);
    assert!(matches!(lease.renew(), LeaseState::Closed { .. }));
    assert!(opened.dataset.check_open().is_err());
}

#[test]
fn a_keeper_that_never_answers_does_not_prolong_the_lease() {
    let key = Moody::new(1);
    let scratch = saved("never", &key.key);
    let opened = open(scratch.path(), key.as_ref(), 0).unwrap();
    let lease = Lease::new(&opened, key, SHORT);
    assert!(!lease.end_if_over());
    sleep(SHORT.grace);
    assert!(lease.end_if_over());
    assert!(opened.dataset.check_open().is_err());
}

/// After a rotation the new key file counts: the old key may be gone by then.
#[test]
fn a_lease_follows_a_rotated_key() {
    let (old, new) = (Moody::new(1), Moody::new(2));
    let scratch = saved("follows", &old.key);
    let opened = open(scratch.path(), old.as_ref(), 0).unwrap();
    rotate_key(scratch.path(), old.as_ref(), new.as_ref()).unwrap();
    let lease = Lease::new(&opened, new, SHORT);
    assert!(matches!(lease.renew(), LeaseState::Held { .. }));
    let lease = Lease::new(&opened, old, SHORT);
    assert!(matches!(lease.renew(), LeaseState::Closed { .. }));
}

/// Closing the current generation closes those that sessions still read.
#[test]
fn earlier_generations_are_closed_with_the_current_one() {
    let key = Moody::new(1);
    let scratch = saved("earlier", &key.key);
    let first = open(scratch.path(), key.as_ref(), 0).unwrap();
    let second = open(scratch.path(), key.as_ref(), 0).unwrap();
    let earlier = Lease::new(&first, key.clone(), SHORT);
    let lease = Lease::new(&second, key.clone(), SHORT);
    lease.supersede(&earlier);
    key.is(Mood::No);
    lease.renew();
    assert!(first.dataset.check_open().is_err());
    assert!(second.dataset.check_open().is_err());
}
