//! Who holds turns, who waits, and who is next: whoever has used the cores least lately. No threads in here, and time is told from
//! outside.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::waiter::Waiter;

/// Nanoseconds of cores.
pub(super) type Nanos = u64;

const MILLISECOND: Nanos = 1_000_000;

/// What one identity may be ahead of the others or behind them, at most. More than this is forgotten: who has long used little goes
/// first for so much and is an equal from then on, and who had idle cores to itself owes no more than so much for it.
pub(super) const CREDIT: Nanos = 250 * MILLISECOND;

/// A turn passes within a slice of time only to an identity that has used so much less. Otherwise two who share cores would
/// change at every look.
const MARGIN: Nanos = 4 * MILLISECOND;

/// An identity that holds no turn is passed over so many times for each identity that waits; then it is next, whatever it has used.
const PASSED_OVER: usize = 16;

/// Identities that have nothing under way and are remembered.
const REMEMBERED: usize = 1_024;

/// What is asked for: the turn that a query runs with, or one beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Query,
    Help,
}

/// What becomes of a turn at a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Keep,
    /// It goes to this identity.
    Pass(Arc<str>),
    /// There is one turn too many, and it is this.
    Yield,
}

#[derive(Debug)]
pub(super) struct Shares {
    free: usize,
    /// Turns for queries of identities that hold none, when no other is free. A core stands still while the thread that is next wakes up, and
    /// short queries wait as long as they compute: a few threads more than cores are there to take it.
    spare: usize,
    most_spare: usize,
    /// Turns beyond the number of cores that are held.
    over: usize,
    most_over: usize,
    /// The identities that hold turns or wait.
    active: HashMap<Arc<str>, Share>,
    /// What others had used when they were last active.
    gone: HashMap<Arc<str>, Nanos>,
    /// Until when what holders use is counted.
    now: Nanos,
    /// The least that any identity had used, of those active. It never falls.
    floor: Nanos,
    /// In the order in which equals are served. No line is empty.
    lines: VecDeque<Line>,
}

#[derive(Debug, Default)]
struct Share {
    used: Nanos,
    held: usize,
}

#[derive(Debug)]
struct Line {
    client: Arc<str>,
    queries: VecDeque<Arc<Waiter>>,
    helpers: VecDeque<Arc<Waiter>>,
    passed_over: usize,
}

impl Line {
    fn is_empty(&self) -> bool {
        self.queries.is_empty() && self.helpers.is_empty()
    }
}

impl Shares {
    pub fn new(cores: usize, spare: usize) -> Shares {
        Shares {
            free: cores,
            spare,
            most_spare: spare,
            over: 0,
            most_over: cores,
            active: HashMap::new(),
            gone: HashMap::new(),
            now: 0,
            floor: CREDIT,
            lines: VecDeque::new(),
        }
    }

    /// Waiters, and turns to be taken back: what makes a holder look closer.
    pub fn pressing(&self) -> usize {
        let several = || self.active.values().any(|share| share.held > 1);
        let spare = self.most_spare - self.spare;
        self.over + self.lines.len() + if several() { spare } else { 0 }
    }

    fn used(&self, client: &Arc<str>) -> Nanos {
        self.active.get(client).map_or(0, |share| share.used)
    }

    fn held(&self, client: &Arc<str>) -> usize {
        self.active.get(client).map_or(0, |share| share.held)
    }

    fn line(&self, client: &Arc<str>) -> Option<&Line> {
        self.lines.iter().find(|line| line.client == *client)
    }

    fn query_waits(&self, client: &Arc<str>) -> bool {
        self.line(client)
            .is_some_and(|line| !line.queries.is_empty())
    }

    /// The share of an identity that has something under way. Credit is what others have used meanwhile: alone nobody needs any.
    fn share(&mut self, client: &Arc<str>) -> &mut Share {
        let least = match self.active.is_empty() {
            true => self.floor,
            false => self.floor.saturating_sub(CREDIT),
        };
        let gone = &mut self.gone;
        self.active.entry(Arc::clone(client)).or_insert_with(|| {
            let before = gone.remove(client).unwrap_or(0);
            Share {
                used: before.max(least),
                held: 0,
            }
        })
    }

    /// Forgets an identity that has nothing under way any more, but for what it has used.
    fn settle(&mut self, client: &Arc<str>) {
        if self.held(client) > 0 || self.line(client).is_some() {
            return;
        }
        let Some(share) = self.active.remove(client) else {
            return;
        };
        if self.gone.len() >= REMEMBERED {
            let least = self.floor.saturating_sub(CREDIT);
            self.gone.retain(|_, used| *used > least);
            // Not at every end of a query again.
            if self.gone.len() > REMEMBERED / 2 {
                self.gone.clear();
            }
        }
        self.gone.insert(Arc::clone(client), share.used);
    }

    /// It is so late now: those who hold turns have used them until here.
    pub fn advance(&mut self, now: Nanos) {
        let passed = now.saturating_sub(self.now);
        self.now = self.now.max(now);
        for share in self.active.values_mut() {
            let turns = Nanos::try_from(share.held).unwrap_or(Nanos::MAX);
            share.used = share.used.saturating_add(passed.saturating_mul(turns));
        }
        let least = self.active.values().map(|share| share.used).min();
        self.floor = self.floor.max(least.unwrap_or(0));
        let most = self.floor.saturating_add(CREDIT);
        for share in self.active.values_mut() {
            share.used = share.used.min(most);
        }
    }

    /// Takes a turn that nobody holds or waits for.
    pub fn take_idle(&mut self, client: &Arc<str>, part: Part) -> bool {
        if self.free > 0 && self.lines.is_empty() {
            self.free -= 1;
        } else if self.spare > 0 && part == Part::Query && self.held(client) == 0 {
            self.spare -= 1;
        } else {
            return false;
        }
        self.share(client).held += 1;
        true
    }

    pub fn join(&mut self, client: &Arc<str>, part: Part, waiter: &Arc<Waiter>) {
        self.share(client);
        let place = self.lines.iter().position(|line| line.client == *client);
        let place = place.unwrap_or_else(|| {
            self.lines.push_back(Line {
                client: Arc::clone(client),
                queries: VecDeque::new(),
                helpers: VecDeque::new(),
                passed_over: 0,
            });
            self.lines.len() - 1
        });
        if let Some(line) = self.lines.get_mut(place) {
            let waiters = match part {
                Part::Query => &mut line.queries,
                Part::Help => &mut line.helpers,
            };
            waiters.push_back(Arc::clone(waiter));
        }
    }

    /// Takes a waiter out of its line. False: it stands there no more.
    pub fn forget(&mut self, client: &Arc<str>, waiter: &Arc<Waiter>) -> bool {
        let Some(place) = self.lines.iter().position(|line| line.client == *client) else {
            return false;
        };
        let Some(line) = self.lines.get_mut(place) else {
            return false;
        };
        let before = line.queries.len() + line.helpers.len();
        line.queries.retain(|other| !Arc::ptr_eq(other, waiter));
        line.helpers.retain(|other| !Arc::ptr_eq(other, waiter));
        let left = line.queries.len() + line.helpers.len();
        if left == 0 {
            self.lines.remove(place);
            self.settle(client);
        }
        left < before
    }

    /// Gives a turn back for good, to whoever is next.
    pub fn give_back(&mut self, client: &Arc<str>) {
        self.let_go(client);
        if self.over > 0 {
            self.over -= 1;
        } else if self.spare < self.most_spare {
            self.spare += 1;
        } else {
            self.free += 1;
        }
        self.settle(client);
        self.grant_free();
    }

    /// Hands out the turns that are free.
    pub fn grant_free(&mut self) {
        while self.free > 0
            && let Some(client) = self.next()
        {
            self.free -= 1;
            self.grant(&client);
        }
        while self.spare > 0
            && let Some(client) = self.next_without()
        {
            self.spare -= 1;
            self.grant(&client);
        }
    }

    /// The same among the identities that hold no turn and whose queries wait.
    fn next_without(&self) -> Option<Arc<str>> {
        self.next_of(|line| !line.queries.is_empty() && self.held(&line.client) == 0)
    }

    /// The identity that is served next: one that was passed over too often, else, of those that have used the least, the first.
    fn next(&self) -> Option<Arc<str>> {
        self.next_of(|_| true)
    }

    fn next_of(&self, may: impl Fn(&Line) -> bool) -> Option<Arc<str>> {
        let may = &may;
        let lines = || self.lines.iter().filter(move |line| may(line));
        let overdue = lines()
            .filter(|line| self.is_overdue(line))
            .max_by_key(|line| line.passed_over);
        let least = || lines().min_by_key(|line| self.used(&line.client));
        let line = overdue.or_else(least)?;
        Some(Arc::clone(&line.client))
    }

    fn is_overdue(&self, line: &Line) -> bool {
        line.passed_over >= PASSED_OVER.saturating_mul(self.lines.len())
    }

    /// Others than this identity were passed over. Those that hold a turn do not starve, nor does help.
    fn pass_over(&mut self, client: &Arc<str>) {
        let active = &self.active;
        for line in &mut self.lines {
            let starves = !line.queries.is_empty()
                && active.get(&line.client).is_none_or(|share| share.held == 0);
            match starves && line.client != *client {
                true => line.passed_over += 1,
                false => line.passed_over = 0,
            }
        }
    }

    /// Gives a turn to the one who has waited longest of an identity; the identity then goes to the end.
    fn grant(&mut self, client: &Arc<str>) {
        self.pass_over(client);
        let Some(place) = self.lines.iter().position(|line| line.client == *client) else {
            return;
        };
        let Some(mut line) = self.lines.remove(place) else {
            return;
        };
        let waiter = line.queries.pop_front();
        let waiter = waiter.or_else(|| line.helpers.pop_front());
        if !line.is_empty() {
            self.lines.push_back(line);
        }
        if let Some(waiter) = waiter {
            self.share(client).held += 1;
            waiter.grant();
        }
    }

    fn let_go(&mut self, client: &Arc<str>) {
        if let Some(share) = self.active.get_mut(client) {
            share.held = share.held.saturating_sub(1);
        }
    }

    /// What a holder does with its turn at a look. `fresh`: its slice of time is not over.
    pub fn verdict(&mut self, client: &Arc<str>, part: Part, fresh: bool) -> Verdict {
        let mine = self.used(client);
        let one_too_many = self.over > 0 && self.most_used() <= mine;
        if one_too_many || self.spare < self.most_spare && self.has_more_than_others(client) {
            return Verdict::Yield;
        }
        let Some(next) = self.next() else {
            return Verdict::Keep;
        };
        let due = if self.query_waits(client) && part == Part::Help {
            // Queries go before help.
            true
        } else if next == *client {
            // Queries of one identity take turns too, but their help does not.
            !fresh && part == Part::Query && self.query_waits(client)
        } else {
            let overdue = self.line(&next).is_some_and(|line| self.is_overdue(line));
            let other = self.used(&next);
            other.saturating_add(MARGIN) < mine || !fresh && (other < mine || overdue)
        };
        if due {
            return Verdict::Pass(next);
        }
        if !fresh {
            self.pass_over(client);
        }
        Verdict::Keep
    }

    /// Whether it holds more turns than another identity that has used less: both are worth the same.
    fn has_more_than_others(&self, client: &Arc<str>) -> bool {
        let (held, used) = (self.held(client), self.used(client));
        let mut others = self.active.values().filter(|share| share.held > 0);
        others.any(|share| share.held < held && share.used < used)
    }

    /// The most that any holder of a turn has used.
    fn most_used(&self) -> Nanos {
        let holders = self.active.values().filter(|share| share.held > 0);
        holders.map(|share| share.used).max().unwrap_or(0)
    }

    /// Passes a turn from one to the next.
    pub fn pass(&mut self, client: &Arc<str>, next: &Arc<str>) {
        self.let_go(client);
        self.grant(next);
        self.grant_free();
    }

    /// Takes back the turn that is one too many.
    pub fn take_back(&mut self, client: &Arc<str>) {
        self.let_go(client);
        match self.over {
            0 => self.spare = self.most_spare.min(self.spare + 1),
            _ => self.over -= 1,
        }
        self.grant_free();
    }

    /// Gives one who waits in vain a turn beyond the number of cores: the holders have not looked for long, and the operating system
    /// shares the cores better than that. Only an identity that is next gets it, and only beside holders that have used more.
    pub fn insist(&mut self, client: &Arc<str>, waiter: &Arc<Waiter>) -> bool {
        let used = match self.held(client) {
            0 => self.used(client),
            _ => self.used(client).saturating_add(MARGIN),
        };
        let may = self.over < self.most_over
            && used < self.most_used()
            && self.next().is_some_and(|next| next == *client);
        if !may {
            return false;
        }
        // Counted as held first, or the identity would be forgotten when its line ends.
        self.share(client).held += 1;
        if !self.forget(client, waiter) {
            self.let_go(client);
            return false;
        }
        self.over += 1;
        self.pass_over(client);
        true
    }

    /// Whether a turn for help may come: one is free, or others hold some, and no query of the identity itself waits.
    pub fn may_help(&self, client: &Arc<str>) -> bool {
        let others = || {
            let mut shares = self.active.iter();
            shares.any(|(other, share)| other != client && share.held > 0)
        };
        !self.query_waits(client) && (self.free > 0 || others())
    }
}

#[cfg(test)]
impl Shares {
    pub fn held_by(&self, client: &str) -> usize {
        self.active.get(client).map_or(0, |share| share.held)
    }

    pub fn remembered(&self) -> usize {
        self.gone.len()
    }

    pub fn spare_is_whole(&self) -> bool {
        self.spare == self.most_spare
    }

    /// Turns that nobody holds, those beyond the cores, identities that are active and lines.
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let (active, lines) = (self.active.len(), self.lines.len());
        (self.free, self.over, active, lines)
    }
}
