//! Who gets how many turns, counted on cores and a clock that are only thought of.

use std::collections::HashMap;
use std::sync::Arc;

use super::shares::{CREDIT, Nanos, Part, Shares, Verdict};
use super::waiter::Waiter;

/// Each thread that holds a turn looks once a step.
const STEP: Nanos = 1_000_000;
const SLICE: Nanos = 4 * STEP;

struct Thread {
    client: Arc<str>,
    part: Part,
    waiter: Arc<Waiter>,
    since: Option<Nanos>,
    /// Steps until the work is done.
    left: usize,
}

struct Machine {
    cores: usize,
    shares: Shares,
    now: Nanos,
    threads: Vec<Thread>,
    /// Steps that each identity computed.
    computed: HashMap<Arc<str>, usize>,
}

const ENDLESS: usize = usize::MAX;

impl Machine {
    fn new(cores: usize, spare: usize) -> Machine {
        Machine {
            cores,
            shares: Shares::new(cores, spare),
            now: 0,
            threads: Vec::new(),
            computed: HashMap::new(),
        }
    }

    fn begin(&mut self, client: &str, part: Part, left: usize) {
        let client: Arc<str> = Arc::from(client);
        let waiter = Arc::default();
        let since = self.shares.take_idle(&client, part).then_some(self.now);
        if since.is_none() {
            self.shares.join(&client, part, &waiter);
            self.shares.grant_free();
        }
        self.threads.push(Thread {
            client,
            part,
            waiter,
            since,
            left,
        });
    }

    /// The holders compute for a step, and then look. Of more holders than cores each in turn stands still.
    fn step(&mut self) {
        for thread in &mut self.threads {
            if thread.since.is_none() && thread.waiter.is_granted() {
                thread.since = Some(self.now);
            }
        }
        self.now += STEP;
        self.shares.advance(self.now);
        let holders = self.threads.iter().filter(|t| t.since.is_some()).count();
        let first = (self.now / STEP) as usize * self.cores;
        let mut holder = 0;
        for thread in &mut self.threads {
            let Some(since) = thread.since else { continue };
            holder += 1;
            if (first + holder) % holders.max(self.cores) >= self.cores {
                continue;
            }
            *self.computed.entry(Arc::clone(&thread.client)).or_default() += 1;
            thread.left -= 1;
            if thread.left == 0 {
                self.shares.give_back(&thread.client);
                continue;
            }
            let fresh = self.now - since < SLICE;
            let verdict = self.shares.verdict(&thread.client, thread.part, fresh);
            if verdict == Verdict::Keep {
                thread.since = Some(if fresh { since } else { self.now });
                continue;
            }
            thread.since = None;
            thread.waiter.begin();
            self.shares
                .join(&thread.client, thread.part, &thread.waiter);
            match verdict {
                Verdict::Pass(next) => self.shares.pass(&thread.client, &next),
                _ => self.shares.take_back(&thread.client),
            }
        }
        self.threads.retain(|thread| thread.left > 0);
    }

    fn computed(&self, client: &str) -> usize {
        self.computed.get(client).copied().unwrap_or(0)
    }

    fn is_active(&self, client: &str) -> bool {
        self.threads.iter().any(|thread| &*thread.client == client)
    }
}

fn flood(machine: &mut Machine, client: &str, queries: usize) {
    (0..queries).for_each(|_| machine.begin(client, Part::Query, ENDLESS));
}

#[test]
fn identities_share_the_cores_equally_however_many_queries_they_have() {
    let check = |spare: usize, first: usize, second: usize| {
        let mut machine = Machine::new(2, spare);
        flood(&mut machine, "a", first);
        flood(&mut machine, "b", second);
        (0..10_000).for_each(|_| machine.step());
        let (a, b) = (machine.computed("a"), machine.computed("b"));
        assert_eq!(a + b, 20_000, "no core is idle");
        assert!(
            a.abs_diff(b) <= 600,
            "{first} and {second}, {spare} to spare: {a} and {b}"
        );
    };
    for spare in [0, 2] {
        check(spare, 8, 8);
        check(spare, 8, 2);
        check(spare, 30, 1);
    }
}

/// One query with a thread that helps gets as much as a flood does.
#[test]
fn help_is_part_of_the_share() {
    for spare in [0, 2] {
        let mut machine = Machine::new(2, spare);
        flood(&mut machine, "flood", 8);
        (0..500).for_each(|_| machine.step());
        machine.begin("other", Part::Query, ENDLESS);
        machine.begin("other", Part::Help, ENDLESS);
        (0..10_000).for_each(|_| machine.step());
        let (flood, other) = (machine.computed("flood"), machine.computed("other"));
        assert!((9_000..12_000).contains(&other), "{other} beside {flood}");
    }
}

/// Who asks for a tenth of the machine gets it as if nobody else was there.
#[test]
fn who_uses_little_hardly_waits() {
    // Ten of its own, one until the flood looks, and one in which either of the two begins before the other; with turns to spare it does
    // not wait for that look, and shares a core until the flood has given up one of its turns.
    for (spare, most) in [(0, 13), (2, 16)] {
        let mut machine = Machine::new(2, spare);
        flood(&mut machine, "flood", 8);
        (0..500).for_each(|_| machine.step());
        for burst in 0..100 {
            machine.begin("other", Part::Query, 10);
            machine.begin("other", Part::Help, 10);
            let mut steps = 0;
            while machine.is_active("other") {
                machine.step();
                steps += 1;
            }
            assert!(steps <= most, "{steps} steps in burst {burst}");
            (0..90).for_each(|_| machine.step());
        }
    }
}

/// Newcomers without end, each of which has used nothing: who has used much gets his turns all the same.
#[test]
fn nobody_starves_beside_newcomers() {
    for (cores, newcomers, spare) in [(1, 1, 0), (2, 2, 0), (2, 6, 0), (4, 20, 0), (2, 6, 2)] {
        let mut machine = Machine::new(cores, spare);
        flood(&mut machine, "flood", 8);
        (0..1_000).for_each(|_| machine.step());
        let (mut longest, mut without) = (0, 0);
        for step in 0..20_000 {
            let others = machine.threads.len() - 8;
            for number in others..newcomers {
                machine.begin(&format!("{step} {number}"), Part::Query, 7);
            }
            let before = machine.computed("flood");
            machine.step();
            without = match machine.computed("flood") > before {
                true => 0,
                false => without + 1,
            };
            longest = longest.max(without);
        }
        // Passed over sixteen times for each line, of which each costs a slice at most; the lines are the newcomers and the flood.
        let most = 16 * (newcomers + 1) * 4;
        assert!(
            longest <= most,
            "{longest} steps beside {newcomers} newcomers"
        );
        assert!(machine.computed("flood") > 20_000 / most);
    }
}

/// The same where nobody computes for long enough to look: every turn goes on when a query ends, and a turn to spare goes by the same
/// order as the others.
#[test]
fn nobody_starves_beside_newcomers_with_short_queries() {
    for (newcomers, spare) in [(8, 0), (8, 2), (20, 4)] {
        let mut machine = Machine::new(2, spare);
        machine.begin("old", Part::Query, 600);
        (0..600).for_each(|_| machine.step());
        let (mut done, mut longest, mut without) = (0, 0, 0);
        for step in 0..4_000 {
            if !machine.is_active("old") {
                machine.begin("old", Part::Query, 1);
            }
            let others = machine.threads.iter().filter(|t| &*t.client != "old");
            for number in others.count()..newcomers {
                machine.begin(&format!("{step} {number}"), Part::Query, 1);
            }
            machine.step();
            without += 1;
            if !machine.is_active("old") {
                done += 1;
                without = 0;
            }
            longest = longest.max(without);
        }
        // Passed over sixteen times for each line, with two queries a step.
        let most = 16 * (newcomers + 1);
        assert!(
            longest <= most && done >= 4_000 / most,
            "{longest} steps for one of {done} queries beside {newcomers} newcomers, {spare} to spare"
        );
    }
}

/// Cores that nobody else wanted are not held against who used them.
#[test]
fn who_had_idle_cores_to_himself_owes_no_more_than_the_credit() {
    let mut machine = Machine::new(4, 4);
    flood(&mut machine, "wide", 8);
    flood(&mut machine, "narrow", 1);
    (0..60_000).for_each(|_| machine.step());
    assert!(machine.computed("wide") >= 170_000);
    // Now the other wants all cores too, and gets them until it has caught up.
    flood(&mut machine, "narrow", 8);
    let before = machine.computed("wide");
    let credit = (CREDIT / STEP) as usize;
    (0..credit).for_each(|_| machine.step());
    let wide = machine.computed("wide") - before;
    assert!(wide >= credit, "{wide} of {} steps", 4 * credit);
}

/// A turn to spare is for the first query of an identity, and comes back before any other does.
#[test]
fn turns_to_spare_are_for_those_who_hold_none() {
    let mut shares = Shares::new(1, 1);
    let (a, b): (Arc<str>, Arc<str>) = (Arc::from("a"), Arc::from("b"));
    assert!(shares.take_idle(&a, Part::Query));
    assert!(!shares.take_idle(&a, Part::Query), "it holds one");
    assert!(!shares.take_idle(&b, Part::Help), "help is no query");
    assert!(shares.take_idle(&b, Part::Query));
    assert!(!shares.spare_is_whole());
    let waiter = Arc::<Waiter>::default();
    shares.join(&Arc::from("c"), Part::Query, &waiter);
    shares.give_back(&a);
    assert!(waiter.is_granted(), "the turn to spare goes to the next");
    shares.give_back(&b);
    assert!(shares.spare_is_whole());
    shares.give_back(&Arc::from("c"));
    assert_eq!(shares.counts(), (1, 0, 0, 0));
}

/// Who holds several gives one up for whoever took a turn to spare, if it has used more.
#[test]
fn turns_to_spare_are_made_up_for() {
    let mut shares = Shares::new(2, 2);
    let (a, b): (Arc<str>, Arc<str>) = (Arc::from("a"), Arc::from("b"));
    (0..2).for_each(|_| assert!(shares.take_idle(&a, Part::Query)));
    shares.advance(SLICE);
    assert!(shares.take_idle(&b, Part::Query));
    assert_eq!(shares.verdict(&b, Part::Query, true), Verdict::Keep);
    assert_eq!(shares.verdict(&a, Part::Query, true), Verdict::Yield);
    shares.join(&a, Part::Query, &Arc::default());
    shares.take_back(&a);
    assert!(shares.spare_is_whole());
    assert_eq!((shares.held_by("a"), shares.held_by("b")), (1, 1));
    assert_eq!(shares.verdict(&a, Part::Query, true), Verdict::Keep);
}

#[test]
fn turns_beyond_the_cores_are_taken_back_from_whoever_used_the_most() {
    let mut shares = Shares::new(1, 0);
    let (a, b): (Arc<str>, Arc<str>) = (Arc::from("a"), Arc::from("b"));
    assert!(shares.take_idle(&a, Part::Query));
    let waiter = Arc::default();
    shares.join(&b, Part::Query, &waiter);
    shares.advance(SLICE);
    assert!(shares.insist(&b, &waiter));
    assert_eq!(shares.counts(), (0, 1, 2, 0));
    // One beyond the only core is enough.
    let third = Arc::default();
    shares.join(&Arc::from("c"), Part::Query, &third);
    assert!(!shares.insist(&Arc::from("c"), &third));
    assert_eq!(shares.verdict(&b, Part::Query, true), Verdict::Keep);
    assert_eq!(shares.verdict(&a, Part::Query, true), Verdict::Yield);
    shares.join(&a, Part::Query, &Arc::default());
    shares.take_back(&a);
    assert_eq!((shares.held_by("a"), shares.held_by("b")), (0, 1));
    shares.give_back(&b);
    assert_eq!(shares.held_by("c"), 1, "it has used least");
}

#[test]
fn identities_that_are_gone_are_forgotten_some_time() {
    let mut shares = Shares::new(1, 0);
    for number in 0..10_000_u64 {
        let client: Arc<str> = Arc::from(number.to_string());
        assert!(shares.take_idle(&client, Part::Query));
        shares.advance(number * STEP);
        shares.give_back(&client);
        assert!(shares.remembered() <= 1_024);
    }
    assert_eq!(shares.counts(), (1, 0, 0, 0));
}
