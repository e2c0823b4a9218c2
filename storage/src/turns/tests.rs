use std::sync::atomic::AtomicBool;

use super::*;
use crate::control::{Bounds, Control};

fn control(turns: &Arc<Turns>, client: &str) -> Control {
    Control::bounded(Bounds {
        turns: Some((Arc::clone(turns), Arc::from(client))),
        ..Bounds::default()
    })
}

/// Waits for something that other threads bring about.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn held_by(turns: &Turns, client: &str) -> usize {
    turns.with(|shares| shares.held_by(client))
}

fn lines(turns: &Turns) -> usize {
    turns.with(|shares| shares.counts().3)
}

/// Every turn has come back, and nobody waits.
fn nothing_is_left(turns: &Turns, cores: usize) {
    assert_eq!(turns.with(|shares| shares.counts()), (cores, 0, 0, 0));
    assert!(turns.with(|shares| shares.spare_is_whole()));
    assert!(!turns.is_pressing());
}

/// Looks until it is over, as a query does.
fn compute(control: &Control, over: &AtomicBool) {
    let _held = control.begin().unwrap();
    while !over.load(Ordering::Relaxed) {
        control.check().unwrap();
    }
}

#[test]
fn a_flood_gives_way_to_another_identity_and_all_turns_come_back() {
    let turns = Turns::new(2);
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let (turns, over) = (&turns, &over);
        for _ in 0..6 {
            scope.spawn(move || compute(&control(turns, "flood"), over));
        }
        until("the flood fills the cores", || held_by(turns, "flood") == 2);
        // Each of these would wait for the flood to end if its queries kept their cores.
        for _ in 0..20 {
            let control = control(turns, "other");
            let _held = control.begin().unwrap();
            for _ in 0..100 {
                control.check().unwrap();
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    nothing_is_left(&turns, 2);
}

#[test]
fn a_query_that_waits_can_be_cancelled_and_leaves_nothing_behind() {
    let turns = Turns::patient(1, 0, None);
    let first = control(&turns, "a");
    let held = first.begin().unwrap();
    let second = control(&turns, "b");
    thread::scope(|scope| {
        let waits = scope.spawn(|| second.begin().err());
        until("it waits", || lines(&turns) == 1);
        second.cancel();
        assert_eq!(waits.join().unwrap(), Some(Stopped::Cancelled));
    });
    assert_eq!(lines(&turns), 0);
    drop(held);
    nothing_is_left(&turns, 1);
}

#[test]
fn a_query_cancelled_while_its_turn_is_away_gives_back_nothing_twice() {
    let turns = Turns::patient(1, 0, None);
    let first = control(&turns, "a");
    let second = control(&turns, "b");
    thread::scope(|scope| {
        let one = scope.spawn(|| {
            let _held = first.begin().unwrap();
            loop {
                if let Err(stopped) = first.check() {
                    return stopped;
                }
            }
        });
        until("the first computes", || held_by(&turns, "a") == 1);
        // It gets the core at the next look, and keeps it: it does not look.
        let held = second.begin().unwrap();
        first.cancel();
        assert_eq!(one.join().unwrap(), Stopped::Cancelled);
        drop(held);
    });
    nothing_is_left(&turns, 1);
}

#[test]
fn threads_without_a_turn_of_their_own_do_not_pass_the_turn_on() {
    let turns = Turns::patient(1, 0, None);
    let first = control(&turns, "a");
    let held = first.begin().unwrap();
    let second = control(&turns, "b");
    thread::scope(|scope| {
        let waits = scope.spawn(|| second.begin().map(drop));
        until("it waits", || lines(&turns) == 1);
        let helper = scope.spawn(|| (0..1000).try_for_each(|_| first.check()));
        assert_eq!(helper.join().unwrap(), Ok(()));
        assert_eq!(held_by(&turns, "a"), 1);
        drop(held);
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
    nothing_is_left(&turns, 1);
}

/// A holder that does not look does not keep the core from another identity, and gives up its turn when it looks.
#[test]
fn who_is_next_does_not_wait_for_looks_that_do_not_come() {
    let turns = Turns::patient(1, 0, Some(PATIENCE));
    let first = control(&turns, "a");
    let held = first.begin().unwrap();
    let second = control(&turns, "b");
    // Without a look of the first this would wait forever.
    let other = second.begin().unwrap();
    assert_eq!(turns.with(|shares| shares.counts()), (0, 1, 2, 0));
    thread::scope(|scope| {
        let looks = scope.spawn(|| first.check());
        // Another thread holds no turn, so its look changes nothing.
        assert_eq!(looks.join().unwrap(), Ok(()));
        assert_eq!(held_by(&turns, "a"), 1);
        let turns = &turns;
        scope.spawn(move || {
            until("the first gave up its turn", || held_by(turns, "a") == 0);
            drop(other);
        });
        assert_eq!(first.check(), Ok(()));
    });
    drop(held);
    nothing_is_left(&turns, 1);
}

#[test]
fn help_waits_for_a_turn_and_ends_when_it_is_called_off() {
    let turns = Turns::patient(2, 0, None);
    let (query, other) = (control(&turns, "a"), control(&turns, "b"));
    let held = query.begin().unwrap();
    // A core is free: help gets it, and keeps it while nobody wants it.
    let (mut seat, dismissal) = query.seat().unwrap();
    assert!(seat.sit() && seat.keep());
    assert_eq!(held_by(&turns, "a"), 2);
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let _held = other.begin().unwrap();
            until("the help waits", || lines(&turns) == 1);
            assert_eq!((held_by(&turns, "a"), held_by(&turns, "b")), (1, 1));
            // While it computes, the help that waits is not needed any more.
            drop(dismissal);
            until("the help has ended", || lines(&turns) == 0);
        });
        until("another identity waits or computes", || lines(&turns) == 1);
        assert!(!seat.keep());
        drop(seat);
        waits.join().unwrap();
    });
    drop(held);
    nothing_is_left(&turns, 2);
}

#[test]
fn there_is_no_help_beside_queries_of_the_same_identity_that_wait() {
    let turns = Turns::patient(1, 0, None);
    let (first, second) = (control(&turns, "a"), control(&turns, "a"));
    let held = first.begin().unwrap();
    // The only core is that of the query itself.
    assert!(first.seat().is_none());
    thread::scope(|scope| {
        let waits = scope.spawn(|| second.begin().map(drop));
        until("it waits", || lines(&turns) == 1);
        assert!(first.seat().is_none());
        drop(held);
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
    nothing_is_left(&turns, 1);
}
