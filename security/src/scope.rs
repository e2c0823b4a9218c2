//! A scope: what its holder can name and read. The engine knows models and data through this type alone.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use arrow::array::ArrayRef;
use model::DataType;
use roaring::RoaringBitmap;
use storage::{Control, Dataset, RowSet, TableId};

use crate::graph::reads_everything;
use crate::handed::Notes;
use crate::lower::{MAX_GROUPS, Use};
use crate::mask::{Crossing, MaskedPaths};
use crate::objects::{End, Objects, at};
use crate::references::fold;
use crate::request::{Expression, Groups, PathColumn, Scan, Target};
use crate::scans::{Scans, SeenBy};
use crate::seen::Seen;
use crate::trees::ordinal;
use crate::visibility::Visible;
use crate::{Codes, Column, Identity, Measure, ReadError, Relationship, Table};

static NUMBERS: AtomicU64 = AtomicU64::new(1);

static NO_TABLE: LazyLock<model::Table> = LazyLock::new(model::Table::default);
static NO_COLUMN: LazyLock<model::Column> = LazyLock::new(model::Column::default);
static NO_MEASURE: LazyLock<model::Measure> = LazyLock::new(model::Measure::default);

/// The objects that exist for somebody, and the rows that they may see. Made by the gate only.
///
/// ```compile_fail
/// let scope = peristyle_security::Scope::default();
/// ```
///
/// ```compile_fail
/// fn copy(scope: &peristyle_security::Scope) -> peristyle_security::Scope { scope.clone() }
/// ```
pub struct Scope {
    pub(crate) number: u64,
    pub(crate) objects: Arc<Objects>,
    pub(crate) visible: Arc<Visible>,
    data: Option<Arc<Dataset>>,
    identity: Identity,
    relationships: Vec<RelationshipInfo>,
    one_ends: HashSet<Column>,
    unique: Mutex<HashMap<TableId, bool>>,
    /// Codes that visible rows hold, of columns that were asked about.
    pub(crate) seen: Mutex<SeenCodes>,
    /// Answers of scans that are kept, and digests of what this scope sees. None: nothing is kept, for one because a query's own
    /// columns are in it.
    pub(crate) scans: Option<(Arc<Scans>, SeenBy)>,
    /// What a scope that is lent to a build hands out. None: nobody asks.
    notes: Option<Notes>,
    /// Lent to the filter of a role: whatever a relationship in error would bear upon is refused.
    for_filter: bool,
}

/// By column.
pub(crate) type SeenCodes = HashMap<storage::ColumnId, Arc<RoaringBitmap>>;

/// A relationship between two visible tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationshipInfo {
    pub handle: Relationship,
    pub from: Table,
    pub to: Table,
    /// None: the column is hidden. The relationship works all the same.
    pub from_column: Option<Column>,
    pub to_column: Option<Column>,
    pub from_many: bool,
    pub to_many: bool,
    pub active: bool,
    /// Queries' filters travel both ways over it.
    pub both_directions: bool,
    /// A row filter of this view travels over it, or would if it were active: USERELATIONSHIP and CROSSFILTER are refused.
    pub secured: bool,
    /// A key column of it could not be computed. Whoever follows it is refused, and its one side may hold a value twice.
    pub in_error: bool,
}

impl Scope {
    pub(crate) fn new(
        objects: Arc<Objects>,
        visible: Arc<Visible>,
        data: Option<Arc<Dataset>>,
        identity: Identity,
    ) -> Scope {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let mut scope = Scope {
            number,
            objects,
            visible,
            data,
            identity,
            relationships: Vec::new(),
            one_ends: HashSet::new(),
            unique: Mutex::default(),
            seen: Mutex::default(),
            scans: None,
            notes: None,
            for_filter: false,
        };
        scope.relationships = scope.describe_relationships();
        let one_ends = scope.relationships.iter().filter(|r| !r.to_many);
        scope.one_ends = one_ends.filter_map(|r| r.to_column).collect();
        scope
    }

    /// The same scope, which notes from now on what it hands out.
    pub(crate) fn noting(mut self) -> Scope {
        self.notes = Some(Notes::default());
        self
    }

    /// The same scope, lent to the filter of a role.
    pub(crate) fn for_filter(mut self) -> Scope {
        self.for_filter = true;
        self
    }

    /// What lists the columns of the model leaves out those in error: the filter of a role must not take that for an answer.
    pub fn lists_all(&self) -> Result<(), ReadError> {
        if self.for_filter && !self.objects.failed.is_empty() {
            let why = "a list of columns leaves out what is in error".to_owned();
            return Err(ReadError::InError(why));
        }
        Ok(())
    }

    pub(crate) fn notes(&self) -> Option<&Notes> {
        self.notes.as_ref()
    }

    /// Told by whoever binds a call: some functions look at objects that their call does not name, through the model itself.
    pub fn note_call(&self, function: &str) {
        if let Some(notes) = &self.notes
            && reads_everything(&fold(function))
        {
            notes.everything();
        }
    }

    fn describe_relationships(&self) -> Vec<RelationshipInfo> {
        let described = self
            .objects
            .relationships
            .iter()
            .enumerate()
            .map(|(position, entry)| RelationshipInfo {
                handle: Relationship {
                    scope: self.number,
                    ordinal: ordinal(position),
                },
                from: self.handle_of(entry.from).table(),
                to: self.handle_of(entry.to).table(),
                from_column: Some(self.handle_of(entry.from)).filter(|column| self.shows(*column)),
                to_column: Some(self.handle_of(entry.to)).filter(|column| self.shows(*column)),
                from_many: entry.from.many,
                to_many: entry.to.many,
                active: entry.active,
                both_directions: entry.both_directions,
                secured: self.is_secured(entry),
                in_error: entry.in_error,
            });
        described.collect()
    }

    fn handle_of(&self, end: End) -> Column {
        Column {
            scope: self.number,
            table: end.table,
            ordinal: end.column,
        }
    }

    fn shows(&self, column: Column) -> bool {
        self.lower_column(column, Use::Value).is_ok()
    }

    /// The model without what is hidden, and without roles.
    pub fn model(&self) -> &model::Model {
        &self.objects.model
    }

    /// Who asks.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// False for a scope that serves checks of a model alone: scans give [`ReadError::NoData`].
    pub fn has_data(&self) -> bool {
        self.data.is_some()
    }

    pub fn tables(&self) -> impl Iterator<Item = Table> + '_ {
        (0..ordinal(self.objects.tables.len())).map(|ordinal| Table {
            scope: self.number,
            ordinal,
        })
    }

    /// The table of this name, without case.
    pub fn find_table(&self, name: &str) -> Option<Table> {
        self.objects.find_table(name).map(|ordinal| Table {
            scope: self.number,
            ordinal,
        })
    }

    /// What the model says of a table. A handle of another scope gives a table without a name or columns.
    pub fn table(&self, table: Table) -> &model::Table {
        if table.scope != self.number {
            return &NO_TABLE;
        }
        at(&self.objects.model.tables, table.ordinal).unwrap_or(&NO_TABLE)
    }

    /// The visible columns of a table.
    pub fn columns(&self, table: Table) -> Vec<Column> {
        let count = if table.scope == self.number {
            at(&self.objects.tables, table.ordinal)
        } else {
            None
        };
        let count = count.map_or(0, |entry| entry.visible);
        (0..count)
            .map(|ordinal| Column {
                scope: self.number,
                table: table.ordinal,
                ordinal,
            })
            .collect()
    }

    /// Whether the table belongs to a query, and not to the model.
    pub fn is_added_table(&self, table: Table) -> bool {
        table.scope == self.number
            && at(&self.objects.tables, table.ordinal).is_some_and(|entry| entry.added)
    }

    /// Whether the column belongs to a query, and not to the model.
    pub fn is_added_column(&self, column: Column) -> bool {
        column.scope == self.number
            && at(&self.objects.tables, column.table)
                .is_some_and(|entry| (entry.own..entry.visible).contains(&column.ordinal))
    }

    /// The column of this name in a table, without case.
    pub fn find_column(&self, table: Table, name: &str) -> Option<Column> {
        if table.scope != self.number {
            return None;
        }
        let ordinal = self.objects.find_column(table.ordinal, name)?;
        Some(Column {
            scope: self.number,
            table: table.ordinal,
            ordinal,
        })
    }

    /// What the model says of a column. A handle of another scope, or a hidden key column, gives a column without a name.
    pub fn column(&self, column: Column) -> &model::Column {
        if !self.shows(column) {
            return &NO_COLUMN;
        }
        at(&self.table(column.table()).columns, column.ordinal).unwrap_or(&NO_COLUMN)
    }

    /// The type of the loaded values; in a scope without data, the declared type.
    pub fn column_type(&self, column: Column) -> DataType {
        let loaded = self
            .data
            .as_ref()
            .zip(self.lower_column(column, Use::Code).ok())
            .and_then(|(data, id)| data.column_type(id));
        loaded.unwrap_or_else(|| {
            if self.shows(column) {
                self.column(column).data_type
            } else {
                DataType::Unknown
            }
        })
    }

    /// The measure of this name, without case.
    pub fn find_measure(&self, name: &str) -> Option<Measure> {
        self.objects.find_measure(name).map(|ordinal| Measure {
            scope: self.number,
            ordinal,
        })
    }

    pub fn measures(&self) -> Vec<Measure> {
        (0..ordinal(self.objects.measures.len()))
            .map(|ordinal| Measure {
                scope: self.number,
                ordinal,
            })
            .collect()
    }

    /// What the model says of a measure. A handle of another scope gives a measure without a name.
    pub fn measure(&self, measure: Measure) -> &model::Measure {
        let entry = self.measure_entry(measure);
        let found = entry.and_then(|entry| {
            at(
                &at(&self.objects.model.tables, entry.table)?.measures,
                entry.ordinal,
            )
        });
        found.unwrap_or(&NO_MEASURE)
    }

    /// The home table of a measure.
    pub fn measure_table(&self, measure: Measure) -> Table {
        // A foreign handle gives a table that no scope has.
        let home = self
            .measure_entry(measure)
            .map_or(u32::MAX, |entry| entry.table);
        Table {
            scope: self.number,
            ordinal: home,
        }
    }

    /// The parsed expression of a measure. None: it does not parse.
    pub fn measure_tree(&self, measure: Measure) -> Option<&dax::Expr> {
        self.measure_entry(measure)?.tree.as_deref()
    }

    fn measure_entry(&self, measure: Measure) -> Option<&crate::objects::MeasureEntry> {
        if measure.scope != self.number {
            return None;
        }
        at(&self.objects.measures, measure.ordinal)
    }

    /// The relationships between visible tables, those over hidden columns too.
    pub fn relationships(&self) -> &[RelationshipInfo] {
        &self.relationships
    }

    /// What this scope knows of a relationship. None: the handle is another scope's.
    pub fn relationship(&self, relationship: Relationship) -> Option<&RelationshipInfo> {
        let known = at(&self.relationships, relationship.ordinal);
        known.filter(|info| info.handle == relationship)
    }

    /// Whether the column is the one end of a relationship, active or not.
    pub fn is_one_end(&self, column: Column) -> bool {
        self.one_ends.contains(&column)
    }

    /// The key column of a relationship, as a target of scans. When the column is hidden it serves to group and to filter, and
    /// has no name and no values.
    pub fn key_column(
        &self,
        relationship: Relationship,
        from_end: bool,
    ) -> Result<Target, ReadError> {
        let entry = self.lower_relationship(relationship)?;
        Ok(Target::Column(self.handle_of(if from_end {
            entry.from
        } else {
            entry.to
        })))
    }

    pub(crate) fn data(&self) -> Result<&Dataset, ReadError> {
        self.data.as_deref().ok_or(ReadError::NoData)
    }

    /// An error once the dataset is closed.
    pub(crate) fn check_open(&self) -> Result<(), ReadError> {
        Ok(self.data()?.check_open()?)
    }

    /// An error of storage. Its message may name what this scope hides, so it is told only where nothing is hidden.
    pub(crate) fn tell(&self, error: impl Into<ReadError>) -> ReadError {
        match error.into() {
            ReadError::Internal(_) if !(self.objects.complete && self.visible.is_everything()) => {
                ReadError::Internal("the data could not be read as the plan asks".to_owned())
            }
            error => error,
        }
    }

    /// One pass over the visible rows of a table.
    pub fn scan(&self, scan: &Scan, control: &Control) -> Result<Groups, ReadError> {
        let lowered = self.lower_scan(scan, control)?;
        let groups = match &self.scans {
            Some((scans, who)) => scans.answer(&lowered, who, self.data()?, control),
            None => self.data()?.scan(&lowered, control).map(Arc::new),
        };
        let groups = groups.map_err(|error| self.tell(error))?;
        self.raise(scan, Arc::unwrap_or_clone(groups))
    }

    /// The function of the model of this name, without case, if it exists here and parses.
    pub fn find_function(&self, name: &str) -> Option<&Arc<dax::Function>> {
        self.objects.find_function(name)
    }

    /// The tree of an expression of a calculation group, by its text. None: it does not parse, or is none.
    pub fn group_expression(&self, text: &str) -> Option<&dax::Expr> {
        self.objects.expressions.get(text).map(Arc::as_ref)
    }

    /// The visible rows of the scanned table that pass the filters. Keys and aggregates are ignored.
    pub fn scan_rows(&self, scan: &Scan, control: &Control) -> Result<Codes, ReadError> {
        let lowered = self.lower_scan(scan, control)?;
        let rows = self
            .data()?
            .scan_rows(&lowered, control)
            .map_err(|error| self.tell(error))?;
        // Whoever asked counts them from now on; here they are refused where there is no room for them.
        drop(control.charge(std::mem::size_of_val(rows.as_slice()))?);
        Ok(self.mint(Target::Row(scan.table), rows))
    }

    /// Codes of a column, or rows, at the end of a path from the given rows.
    pub fn fetch(
        &self,
        rows: &Codes,
        column: &PathColumn,
        control: &Control,
    ) -> Result<Codes, ReadError> {
        let Target::Row(table) = rows.of else {
            return Err(ReadError::Foreign);
        };
        if rows.scope != self.number {
            return Err(ReadError::Foreign);
        }
        let table = self.lower_table(table)?;
        let mut masked = MaskedPaths::new();
        let lowered = self.lower_path_column(column, table, Use::Code, &mut masked)?;
        let masks = self.masks(masked, control)?;
        let codes = self
            .data()?
            .fetch(table, &rows.codes, &lowered, &masks)
            .map_err(|error| self.tell(error))?;
        Ok(self.mint(column.target, codes))
    }

    /// The values of codes, spelled as a visible row spells them. Row numbers have no values.
    pub fn decode(&self, codes: &Codes, control: &Control) -> Result<ArrayRef, ReadError> {
        let Target::Column(column) = codes.of else {
            return Err(ReadError::Foreign);
        };
        if codes.scope != self.number {
            return Err(ReadError::Foreign);
        }
        let id = self.hand_out(column, Use::Value)?;
        let data = self.data()?;
        let spellings = self
            .visible
            .spellings(data, id, control)
            .map_err(|error| self.tell(error))?;
        data.decode(id, &codes.codes, spellings.as_deref())
            .map_err(|error| self.tell(error))
    }

    /// Codes of values of the column's canonical type, for filters; `ABSENT` of values that no visible row has.
    pub fn encode(
        &self,
        column: Column,
        values: &ArrayRef,
        control: &Control,
    ) -> Result<Vec<u32>, ReadError> {
        let id = self.hand_out(column, Use::Value)?;
        let seen = self.seen(id, control)?;
        let mut codes = self
            .data()?
            .encode(id, values)
            .map_err(|error| self.tell(error))?;
        // BLANK is no value of hidden rows alone: it is also what unmatched rows lead to.
        let hidden = |code: &&mut u32| **code != storage::BLANK && !seen.has(**code);
        for code in codes.iter_mut().filter(hidden) {
            *code = storage::ABSENT;
        }
        Ok(codes)
    }

    /// For each value the first code at or above it, and the first code above it, for range filters.
    pub fn bounds(
        &self,
        column: Column,
        values: &ArrayRef,
        control: &Control,
    ) -> Result<Vec<(u32, u32)>, ReadError> {
        let id = self.hand_out(column, Use::Value)?;
        let seen = self.seen(id, control)?;
        let bounds = self
            .data()?
            .bounds(id, values)
            .map_err(|error| self.tell(error))?;
        let visible = bounds.into_iter();
        Ok(visible
            .map(|(low, high)| (seen.next(low), seen.next(high)))
            .collect())
    }

    /// One past the last code of a column: the open end of a range filter. It is an end for filters and says nothing of which values
    /// visible rows hold.
    pub fn code_end(&self, column: Column, control: &Control) -> Result<u32, ReadError> {
        let id = self.hand_out(column, Use::Value)?;
        Ok(self.seen(id, control)?.end(self.data()?.domain(id)))
    }

    /// For each code of the relationship's `to` column, the code of the equal value in its `from` column; `reverse`: the other
    /// way. Codes of values that are only on one side, as far as visible rows hold them, become `storage::ABSENT`.
    pub fn translate(
        &self,
        relationship: Relationship,
        reverse: bool,
        control: &Control,
    ) -> Result<Arc<[u32]>, ReadError> {
        let entry = self.lower_relationship(relationship)?;
        let (source, target) = if reverse {
            (entry.from, entry.to)
        } else {
            (entry.to, entry.from)
        };
        let codes = self
            .data()?
            .translate(source.id, target.id)
            .map_err(|error| self.tell(error))?;
        let seen = self.seen(target.id, control)?;
        if matches!(seen, Seen::All) {
            return Ok(codes);
        }
        // A value that hidden rows alone hold is not there: else a plan would show that it is.
        let visible = |code: u32| code == storage::BLANK || seen.has(code);
        Ok(codes
            .iter()
            .map(|code| {
                if visible(*code) {
                    *code
                } else {
                    storage::ABSENT
                }
            })
            .collect())
    }

    /// Whether no two visible rows of a table agree in all their visible columns.
    pub fn rows_unique(&self, table: Table, control: &Control) -> Result<bool, ReadError> {
        let id = self.lower_table(table)?;
        if let Some(notes) = &self.notes {
            notes.compared(id);
        }
        if let Some(known) = self
            .unique
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
        {
            return Ok(*known);
        }
        let unique = self.find_unique(table, id, control)?;
        self.unique
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, unique);
        Ok(unique)
    }

    fn find_unique(&self, table: Table, id: TableId, control: &Control) -> Result<bool, ReadError> {
        let data = self.data()?;
        if !self.hides_columns_of(table, id) {
            let classes = data.row_classes(id).map_err(|error| self.tell(error))?;
            let Some(classes) = classes else {
                return Ok(true);
            };
            let class = |row: u32| at(&classes, row).copied().unwrap_or(u32::MAX);
            let mut seen = RoaringBitmap::new();
            let visible = self
                .visible
                .rows(data, id, control)
                .map_err(|error| self.tell(error))?;
            return Ok(match &*visible {
                // Classes are only made when two rows share one.
                RowSet::All => false,
                RowSet::None => true,
                RowSet::Some(rows) => rows.iter().all(|row| seen.insert(class(row))),
            });
        }
        // Rows that differ in hidden columns alone are equal here: group by what is visible, and count.
        let here = |column| PathColumn {
            path: Arc::from([]),
            target: Target::Column(column),
        };
        // A column in error has no values that could tell rows apart.
        let keys = self.columns(table).into_iter();
        let keys = keys.filter(|column| self.in_error(Target::Column(*column)).is_none());
        let keys: Vec<PathColumn> = keys.map(here).collect();
        let rows = |keys| Scan {
            table,
            filters: Vec::new(),
            keys,
            aggregates: Vec::new(),
        };
        let total = self.scan_rows(&rows(Vec::new()), control)?.len();
        match self.scan(&rows(keys), &control.aside()) {
            Ok(groups) => Ok(total <= 1 || groups.len == total),
            Err(ReadError::TooManyGroups { .. }) if total > MAX_GROUPS => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the data of the table has columns that the scope does not show.
    fn hides_columns_of(&self, table: Table, id: TableId) -> bool {
        let Some(data) = &self.data else { return false };
        let Some(entry) = at(&self.objects.tables, table.ordinal) else {
            return true;
        };
        let shown = entry
            .columns
            .iter()
            .take(usize::try_from(entry.visible).unwrap_or(0));
        let loaded = |column: &u32| {
            data.has_column(storage::ColumnId {
                table: id,
                column: *column,
            })
        };
        self.loaded_columns(data, id) != shown.filter(|column| loaded(column)).count()
    }

    fn loaded_columns(&self, data: &Dataset, table: TableId) -> usize {
        // Ordinals of columns have no gaps: past the last one there is no type.
        (0..u32::MAX)
            .map(|column| storage::ColumnId { table, column })
            .take_while(|id| data.column_type(*id).is_some())
            .filter(|id| data.has_column(*id))
            .count()
    }

    /// The blank row of a table, if a visible row of the other side of one of these relationships belongs to it.
    pub fn blank_row(
        &self,
        table: Table,
        over: &[Relationship],
        control: &Control,
    ) -> Result<Option<Codes>, ReadError> {
        let id = self.lower_table(table)?;
        let data = self.data()?;
        let blank = data.rows(id).ok_or(ReadError::NoData)?;
        for relationship in over {
            let entry = self.entry_of_relationship(*relationship)?;
            if entry.in_error {
                if self.for_filter {
                    return Err(self.relationship_in_error(entry));
                }
                // No row leads anywhere over it.
                continue;
            }
            if entry.to.many {
                // Many-to-many relationships have no blank row.
                continue;
            }
            let reverse = entry.to.id.table != id;
            let start = if reverse { entry.to } else { entry.from };
            let end = if reverse { entry.from } else { entry.to };
            if end.id.table != id || end.many {
                return Err(ReadError::Internal(
                    "a blank row over a relationship that does not lead there".to_owned(),
                ));
            }
            let step = self.storage_step(entry.id, reverse);
            // Over an inactive relationship a visible row may lead to a hidden one, which counts as deleted.
            let masked = (self.crossing(entry, reverse) != Crossing::Open).then_some(id);
            let find = || self.finds_blank(data, start.id.table, step, blank, masked, control);
            if self.visible.blank(step, find)? {
                return Ok(Some(self.mint(Target::Row(table), vec![blank])));
            }
        }
        Ok(None)
    }

    /// The blank row of a table that the blank row of another one, as `blank_row` gave it, leads to.
    pub fn blank_row_behind(
        &self,
        before: &Codes,
        over: Relationship,
        table: Table,
    ) -> Result<Codes, ReadError> {
        let id = self.lower_table(table)?;
        let entry = self.lower_relationship(over)?;
        let (start, end) = if entry.to.id.table == id {
            (entry.from, entry.to)
        } else {
            (entry.to, entry.from)
        };
        let Target::Row(from) = before.of else {
            return Err(ReadError::Foreign);
        };
        if before.scope != self.number {
            return Err(ReadError::Foreign);
        }
        let data = self.data()?;
        let blank_before = data.rows(start.id.table).ok_or(ReadError::NoData)?;
        let leads = end.id.table == id
            && !end.many
            && self.lower_table(from)? == start.id.table
            && *before.codes == [blank_before];
        if !leads {
            return Err(ReadError::Internal(
                "a blank row behind a row that does not lead there".to_owned(),
            ));
        }
        let blank = data.rows(id).ok_or(ReadError::NoData)?;
        Ok(self.mint(Target::Row(table), vec![blank]))
    }

    fn finds_blank(
        &self,
        data: &Dataset,
        table: TableId,
        step: storage::Step,
        blank: u32,
        masked: Option<TableId>,
        control: &Control,
    ) -> Result<bool, ReadError> {
        let path = storage::Path(Arc::from([step]));
        let masked: MaskedPaths = masked.map(|end| (path.clone(), end)).into_iter().collect();
        let column = storage::PathColumn {
            path,
            target: storage::Target::Row,
        };
        let scan = storage::Scan {
            table,
            visibility: self
                .visible
                .of(table, control)
                .map_err(|error| self.tell(error))?,
            masks: self.masks(masked, control)?,
            filters: vec![storage::Filter::In {
                column,
                set: Arc::new(RoaringBitmap::from_iter([blank])),
            }],
            keys: Vec::new(),
            aggregates: Vec::new(),
            max_groups: MAX_GROUPS,
        };
        let rows = data
            .scan_rows(&scan, control)
            .map_err(|error| self.tell(error))?;
        Ok(!rows.is_empty())
    }

    /// The type of an expression inside a scan of the table. None for foreign handles, for types that do not compute, and
    /// without data.
    pub fn expression_type(&self, table: Table, expression: &Expression) -> Option<DataType> {
        let id = self.lower_table(table).ok()?;
        let lowered = self
            .lower_expression(expression, id, &mut MaskedPaths::new())
            .ok()?;
        self.data.as_ref()?.expression_type(id, &lowered)
    }

    /// An error but for the lent view of all rows.
    fn check_all_visible(&self, table: TableId) -> Result<(), ReadError> {
        if self.visible.is_all(table) {
            return Ok(());
        }
        Err(ReadError::Internal(
            "all rows were asked for where not all are visible".to_owned(),
        ))
    }

    pub(crate) fn count_rows(&self, table: Table) -> Result<usize, ReadError> {
        let id = self.lower_table(table)?;
        self.check_all_visible(id)?;
        let rows = self.data()?.rows(id).ok_or(ReadError::NoData)?;
        usize::try_from(rows)
            .ok()
            .and_then(|rows| rows.checked_add(1))
            .ok_or(ReadError::NoData)
    }

    /// The codes of a column that rows have, after that of BLANK. For the lent view of all rows alone.
    pub(crate) fn every_code(&self, column: Column, control: &Control) -> Result<Codes, ReadError> {
        let id = self.hand_out(column, Use::Value)?;
        self.check_all_visible(id.table)?;
        let scan = storage::Scan {
            table: id.table,
            visibility: storage::Visibility::All,
            masks: Vec::new(),
            filters: Vec::new(),
            keys: vec![storage::PathColumn {
                path: storage::Path::here(),
                target: storage::Target::Column(id.column),
            }],
            aggregates: Vec::new(),
            max_groups: usize::MAX,
        };
        let groups = self
            .data()?
            .scan(&scan, control)
            .map_err(|error| self.tell(error))?;
        let found = groups.keys.into_iter().flatten();
        let found = found.filter(|code| *code != storage::BLANK);
        let codes = std::iter::once(storage::BLANK).chain(found).collect();
        Ok(self.mint(Target::Column(column), codes))
    }

    /// All rows of a table and its blank row. For the lent view of all rows alone.
    pub(crate) fn every_row(&self, table: Table) -> Result<Codes, ReadError> {
        let id = self.lower_table(table)?;
        self.check_all_visible(id)?;
        let rows = self.data()?.rows(id).ok_or(ReadError::NoData)?;
        Ok(self.mint(Target::Row(table), (0..=rows).collect()))
    }
}
