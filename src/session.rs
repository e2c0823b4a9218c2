//! A session: what one identity may see, and how it asks.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use engine::{Answer, ErrorKind, Limits, Options, Stage, Value};
use security::{Asked, Control, Gate, Identity, StillValid, Stopped, View};

use crate::catalog::Catalog;
use crate::error::Error;
use crate::pool::Lost;
use crate::runtime::lost;
use crate::shared::{Holder, Shared};

/// An admission that takes longer is given up: its filters are at fault.
const ADMISSION_TIME: Duration = Duration::from_secs(300);

/// What one admitted identity may see. Shared between threads as it is, or by cheap clones.
///
/// A session ends some time after its admission (an hour, unless the database says otherwise), or when the credential that it
/// was admitted with expires or is revoked; queries after that are refused with [`Error::SessionEnded`], and those that run are
/// stopped. When the roles or the data of the database are replaced, the next query of the session is answered under the new ones: the
/// identity is admitted again, or refused.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    shared: Arc<Shared>,
    identity: Identity,
    /// The latest admission, and the gate that it was at. None: the next query asks for admission.
    admitted: Mutex<Option<Admitted>>,
    client: Arc<str>,
    ends: Instant,
    credential: Arc<dyn StillValid>,
    running: Arc<Running>,
    /// Keys of the answers that this session has been given.
    given: Mutex<HashSet<[u8; 32]>>,
}

#[derive(Clone)]
pub(crate) struct Admitted {
    gate: Arc<Gate>,
    pub(crate) view: Arc<View>,
    /// Statements that were planned over this view, which go with it.
    #[cfg(feature = "sql")]
    pub(crate) plans: Arc<sql::Plans>,
}

/// Beyond so many keys a session forgets which answers it was given.
const GIVEN: usize = 10_000;

impl Holder for Inner {
    fn let_go(&self) {
        let admitted = self.admitted().take();
        // Outside the lock: it may be the last that holds its generation.
        drop(admitted);
    }
}

impl Inner {
    fn admitted(&self) -> MutexGuard<'_, Option<Admitted>> {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the session may ask. Its credential may have been revoked since the last time.
    fn still_open(&self) -> Result<(), Error> {
        if Instant::now() >= self.ends || !self.credential.still_valid() {
            return Err(Error::SessionEnded);
        }
        Ok(())
    }

    /// The view of this identity under the generation and policy of this moment. Runs role filters where these have changed, so it
    /// belongs on a thread of the pool.
    fn view(&self, control: &Control) -> Result<Admitted, Error> {
        let gate = self.shared.gate()?;
        let known = self.admitted().clone();
        if let Some(known) = known.filter(|known| known.gate.number() == gate.number()) {
            return Ok(known);
        }
        let view = gate.admit_under(self.identity.clone(), control)?;
        let admitted = Admitted {
            gate,
            view,
            #[cfg(feature = "sql")]
            plans: Arc::new(sql::Plans::new(&self.shared.plans)),
        };
        *self.admitted() = Some(admitted.clone());
        // A change in the meantime has let go of what was held before this admission, so it has to be let go of now.
        if !matches!(self.shared.gate(), Ok(now) if now.number() == admitted.gate.number()) {
            self.let_go();
        }
        Ok(admitted)
    }

    /// Whether the session has been given this answer before.
    fn was_given(&self, key: [u8; 32]) -> bool {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if given.len() >= GIVEN {
            given.clear();
        }
        !given.insert(key)
    }

    /// The answer of a query, made or kept. What a session is told of hits follows from what it has asked itself: an answer that
    /// somebody else has asked for counts as made.
    fn answer(
        &self,
        admitted: &Admitted,
        dax: &str,
        options: &Options,
        control: &Control,
    ) -> Result<Answer, engine::Error> {
        let started = Instant::now();
        let parsed = engine::parse(dax)?;
        let (answers, view) = (&self.shared.answers, &admitted.view);
        let key = if answers.is_off() {
            None
        } else {
            admitted.gate.answer_key(view, &parsed, &besides(options))
        };
        let Some(key) = key else {
            return engine::query_parsed(
                view.scope(),
                &parsed,
                started.elapsed(),
                options,
                control,
            );
        };
        let before = self.was_given(key.digest);
        if let Some(known) = answers.get(&key.digest) {
            let mut answer = Answer::clone(&known);
            answer.statistics.cache_hits = u64::from(before);
            return Ok(answer);
        }
        let answer =
            engine::query_parsed(view.scope(), &parsed, started.elapsed(), options, control)?;
        if key.covers(answer.reads) {
            answers.keep(key.digest, &answer);
        }
        Ok(answer)
    }
}

/// What an answer depends on besides query, view and identity, as bytes that are equal only where it is.
fn besides(options: &Options) -> Vec<u8> {
    let mut bytes = format!("{:?}", options.limits).into_bytes();
    for (name, value) in &options.parameters {
        bytes.extend(format!(" {:?}={:?}", name.to_lowercase(), value).into_bytes());
        if let Value::Double(value) = value {
            bytes.extend(value.to_bits().to_le_bytes());
        }
    }
    bytes
}

/// What is asked, and how the audit finds the names in its text.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub name: &'static str,
    /// For languages other than DAX.
    pub in_dax: Option<fn(&View, &str) -> String>,
}

const QUERY: Kind = Kind {
    name: "query",
    in_dax: None,
};

pub(crate) const EXPORT: Kind = Kind {
    name: "export",
    in_dax: None,
};

const EXPLAIN: Kind = Kind {
    name: "explain",
    in_dax: None,
};

/// What a query takes besides its text.
#[derive(Clone, Debug)]
pub struct QueryOptions {
    /// Values of `@name`, names without the sign.
    pub parameters: Vec<(String, Value)>,
    pub limits: Limits,
    /// From the call on, waiting included. None: as long as it takes.
    pub time_limit: Option<Duration>,
}

impl Default for QueryOptions {
    fn default() -> Self {
        QueryOptions {
            parameters: Vec::new(),
            limits: Limits::default(),
            time_limit: Some(Duration::from_secs(300)),
        }
    }
}

impl QueryOptions {
    /// Gives `@name` a value.
    pub fn parameter(mut self, name: impl Into<String>, value: Value) -> Self {
        self.parameters.push((name.into(), value));
        self
    }

    /// Refuses results that would be larger.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Ends the query after this time; None for as long as it takes.
    pub fn time_limit(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.time_limit = limit.into();
        self
    }
}

/// Cancels the queries of a session, from any thread.
#[derive(Clone)]
pub struct CancelHandle {
    running: Arc<Running>,
}

impl CancelHandle {
    /// Stops what the session runs or has waiting now; later queries are not touched.
    pub fn cancel(&self) {
        for (_, control) in self.running.lock().controls.iter() {
            control.cancel();
        }
    }
}

/// The controls of the queries that run or wait.
#[derive(Default)]
struct Running {
    controls: Mutex<Controls>,
}

#[derive(Default)]
struct Controls {
    next: u64,
    controls: Vec<(u64, Control)>,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, control: &Control) -> Entered {
        let mut controls = self.lock();
        let number = controls.next;
        controls.next += 1;
        controls.controls.push((number, control.clone()));
        Entered {
            running: Arc::clone(self),
            number,
        }
    }
}

/// Takes the query off the list when it is over, however it ends.
struct Entered {
    running: Arc<Running>,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.running
            .lock()
            .controls
            .retain(|(number, _)| *number != self.number);
    }
}

impl Session {
    /// Admits the identity, or refuses it.
    pub(crate) fn open(
        shared: Arc<Shared>,
        identity: Identity,
        client: Arc<str>,
        length: Duration,
        credential: Arc<dyn StillValid>,
    ) -> Result<Session, Error> {
        let now = Instant::now();
        // A length beyond what the clock can count is as good as a day beyond any process.
        let ends = now
            .checked_add(length)
            .unwrap_or(now + Duration::from_secs(86_400));
        let session = Session {
            inner: Arc::new(Inner {
                shared,
                identity,
                admitted: Mutex::default(),
                client,
                ends,
                credential,
                running: Arc::default(),
                given: Mutex::default(),
            }),
        };
        let holder: Arc<dyn Holder> = session.inner.clone();
        session.inner.shared.hold(Arc::downgrade(&holder));
        session.admit()?;
        Ok(session)
    }

    /// Role filters are DAX: they are evaluated where DAX is, on a thread with a deep stack.
    fn admit(&self) -> Result<Admitted, Error> {
        let gate = self.inner.shared.gate()?;
        let known = self.inner.admitted().clone();
        if let Some(known) = known.filter(|known| known.gate.number() == gate.number()) {
            return Ok(known);
        }
        let runtime = &self.inner.shared.runtime;
        let control =
            runtime
                .bounded
                .control(&self.inner.client, Some(ADMISSION_TIME), &Limits::default());
        let (inner, own) = (Arc::clone(&self.inner), control.clone());
        runtime
            .pool
            .run(&self.inner.client, &control, move || inner.view(&own))
            .map_err(lost)?
    }

    /// Answers a query: one table per EVALUATE.
    pub fn query(&self, dax: &str) -> Result<Answer, Error> {
        self.query_with(dax, &QueryOptions::default())
    }

    /// Answers a query with parameters, limits or a time limit.
    pub fn query_with(&self, dax: &str, options: &QueryOptions) -> Result<Answer, Error> {
        let counted = |answer: &Answer| {
            let rows = answer.tables.iter().map(|table| table.batch.num_rows());
            (u64::try_from(rows.sum::<usize>()).ok(), "ok")
        };
        self.run(QUERY, dax, options, counted, Inner::answer)
    }

    /// The query as one stage of the engine sees it, as text. Nothing in it goes beyond what this session may see.
    pub fn explain(&self, stage: Stage, dax: &str) -> Result<String, Error> {
        self.explain_with(stage, dax, &QueryOptions::default())
    }

    /// The same, with parameters, limits or a time limit.
    pub fn explain_with(
        &self,
        stage: Stage,
        dax: &str,
        options: &QueryOptions,
    ) -> Result<String, Error> {
        let work = move |_: &Inner,
                         admitted: &Admitted,
                         dax: &str,
                         options: &Options,
                         control: &Control| {
            engine::explain(admitted.view.scope(), dax, stage, options, control)
        };
        self.run(EXPLAIN, dax, options, |_| (None, "ok"), work)
    }

    /// Whether the query can be understood: parsed and bound, not run.
    pub fn check(&self, dax: &str) -> Result<(), Error> {
        self.explain(Stage::Bound, dax).map(drop)
    }

    /// The names that this session may use, under the roles of this moment. None where it may not ask any more.
    pub fn catalog(&self) -> Catalog {
        match self.inner.still_open().and_then(|()| self.admit()) {
            Ok(admitted) => Catalog::of(admitted.view.scope()),
            Err(_) => Catalog::default(),
        }
    }

    /// Cancels queries of this session, from another thread.
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle {
            running: Arc::clone(&self.inner.running),
        }
    }

    /// When the session ends.
    pub fn ends(&self) -> Instant {
        self.inner.ends
    }

    /// Runs work on the pool: admission where roles or data have changed, the work itself, and its record, in which stand the rows
    /// and the outcome that `told` finds in what the work gave.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        kind: Kind,
        dax: &str,
        options: &QueryOptions,
        told: impl FnOnce(&T) -> (Option<u64>, &'static str) + Send + 'static,
        work: impl FnOnce(&Inner, &Admitted, &str, &Options, &Control) -> Result<T, engine::Error>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        if let Err(ended) = self.inner.still_open() {
            self.record_refusal(kind, dax, ended.code())?;
            return Err(ended);
        }
        let runtime = &self.inner.shared.runtime;
        let control =
            runtime
                .bounded
                .control(&self.inner.client, options.time_limit, &options.limits);
        let entered = self.inner.running.enter(&control);
        let (inner, own) = (Arc::clone(&self.inner), control.clone());
        let (asked, dax) = (dax, dax.to_owned());
        let options = Options {
            parameters: options.parameters.clone(),
            limits: options.limits.clone(),
        };
        // A running query ends with its session, and with the credential behind it.
        let wanted = || self.inner.still_open().is_ok();
        let client = &self.inner.client;
        let result = runtime.pool.run_while(wanted, client, &control, move || {
            let shared = &inner.shared;
            // It may have waited for longer than its credential was good.
            inner.still_open()?;
            let admitted = inner.view(&own)?;
            let _under_way = shared.begin(&admitted.gate, &own);
            let started = Instant::now();
            // A panic is an outcome too, and has its record.
            let work = AssertUnwindSafe(|| work(&inner, &admitted, &dax, &options, &own));
            let result = catch_unwind(work).unwrap_or_else(|_| Err(fault()));
            // An answer that was ready just when the session ended is not given either.
            let ended = |_| engine::Error::from(Stopped::Revoked);
            let result = inner.still_open().map_err(ended).and(result);
            let (rows, outcome) = match &result {
                Ok(answer) => told(answer),
                Err(error) => (None, error.kind.code()),
            };
            let asked = Asked {
                kind: kind.name,
                text: &dax,
                in_dax: kind.in_dax,
                began: true,
                rows,
                duration: started.elapsed(),
                outcome,
            };
            let recorded = admitted.gate.record(&admitted.view, asked);
            let touched = own.rows_scanned();
            let total = &shared.runtime.rows_scanned;
            total.fetch_add(touched, Ordering::Relaxed);
            // What is not recorded, though it has to be, was not answered.
            recorded.map_err(|_| Error::NotRecorded)?;
            result.map_err(Error::Query)
        });
        drop(entered);
        if let Err(lost) = &result {
            self.record_refusal(kind, asked, outcome_of(lost))?;
        }
        match result {
            Ok(answer) => answer,
            Err(Lost::Panicked) => Err(Error::Query(fault())),
            Err(Lost::Stopped(stopped)) => Err(Error::Query(stopped.into())),
            Err(full) => Err(lost(full)),
        }
    }
}

#[cfg(feature = "sql")]
impl Session {
    /// Runs work over what was admitted, through all that DAX passes: for other languages. What they answer is not kept.
    pub(crate) fn over_view<T: Send + 'static>(
        &self,
        kind: Kind,
        text: &str,
        options: &QueryOptions,
        told: impl FnOnce(&T) -> (Option<u64>, &'static str) + Send + 'static,
        work: impl FnOnce(&Admitted, &str, &Options, &Control) -> Result<T, engine::Error>
        + Send
        + 'static,
    ) -> Result<T, Error> {
        let over =
            move |_: &Inner,
                  admitted: &Admitted,
                  text: &str,
                  options: &Options,
                  control: &Control| { work(admitted, text, options, control) };
        self.run(kind, text, options, told, over)
    }
}

impl Session {
    /// The record of a query that never began.
    fn record_refusal(&self, kind: Kind, dax: &str, outcome: &str) -> Result<(), Error> {
        let Some(admitted) = self.inner.admitted().clone() else {
            return Ok(());
        };
        let asked = Asked {
            kind: kind.name,
            text: dax,
            in_dax: kind.in_dax,
            began: false,
            rows: None,
            duration: Duration::ZERO,
            outcome,
        };
        let recorded = admitted.gate.record(&admitted.view, asked);
        recorded.map_err(|_| Error::NotRecorded)
    }
}

fn outcome_of(lost: &Lost) -> &'static str {
    match lost {
        Lost::Full { .. } | Lost::ClientFull { .. } => "busy",
        Lost::Stopped(stopped) => engine::Error::from(*stopped).kind.code(),
        Lost::Panicked => ErrorKind::Internal.code(),
    }
}

fn fault() -> engine::Error {
    engine::Error::nowhere(
        ErrorKind::Internal,
        "internal error: the query was given up after a fault of the engine; other queries are not affected",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_shared_between_threads() {
        fn check<T: Send + Sync + Clone>() {}
        check::<Session>();
        check::<CancelHandle>();
        check::<crate::Database>();
    }

    #[test]
    fn a_handle_cancels_what_runs_and_nothing_later() {
        let running = Arc::new(Running::default());
        let (first, second) = (Control::new(None), Control::new(None));
        let entered = running.enter(&first);
        CancelHandle {
            running: Arc::clone(&running),
        }
        .cancel();
        drop(entered);
        let _later = running.enter(&second);
        assert!(first.check().is_err());
        assert!(second.check().is_ok());
        assert_eq!(running.lock().controls.len(), 1);
    }
}
