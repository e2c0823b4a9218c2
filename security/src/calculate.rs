//! The builder: computes calculated columns and tables over all rows, in the order in which they need each other, and relates
//! tables as soon as their key columns are there. What cannot be computed is put in error, with the relationships over it, and the rest
//! goes on; a strict builder stops there.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal64Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{Decimal64Type, Float64Type, Int64Type, TimestampMicrosecondType};
use model::{ColumnKind, DataType, Model};
use storage::{ColumnId, Control, Dataset, RelationshipId, TableId};

use crate::circles;
use crate::failed::Failed;
use crate::graph::{Graph, Hidden};
use crate::handed::{self, Handed, HandedOut, Notes};
use crate::objects::{Objects, at};
use crate::references::fold;
use crate::request::Calculated;
use crate::trees::{Node, Trees, ordinal, ordinals};
use crate::view::BuildView;
use crate::visibility::Visible;
use crate::{Cause, CloseError, EvaluateError, Evaluators, Identity, Scope, Table};

/// A dataset on its way to completeness.
pub(crate) struct Builder<'a> {
    pub model: &'a Model,
    pub trees: &'a Trees,
    pub graph: &'a Graph,
    pub evaluators: &'a Evaluators,
    pub control: &'a Control,
    pub data: Arc<Dataset>,
    pub handed: HandedOut,
    pub failed: Failed,
    /// What cannot be computed stops everything.
    pub strict: bool,
}

/// The data of a model with all that could be computed, and what is known of that.
pub(crate) struct Built {
    pub data: Arc<Dataset>,
    pub handed: HandedOut,
    pub failed: Failed,
}

impl Builder<'_> {
    /// Computes what there is to compute, and gives the finished data.
    pub fn finish(mut self) -> Result<Built, CloseError> {
        self.load_what_the_model_says()?;
        self.refuse_gaps()?;
        self.relate_what_can_be()?;
        let mut pending = self.pending();
        self.remember(&pending);
        while !pending.is_empty() {
            self.control.check()?;
            let next = self.next(&pending).ok_or_else(|| self.cycle(&pending))?;
            let computed = self.compute(next, &pending);
            pending.remove(&next);
            if let Err(error) = computed {
                self.put_in_error(next, error, &mut pending)?;
            }
            self.relate_what_can_be()?;
        }
        self.relate_the_rest()?;
        if let Some(data) = Arc::get_mut(&mut self.data) {
            data.set_derivations(&handed::write(&self.handed));
        }
        Ok(Built {
            data: self.data,
            handed: self.handed,
            failed: self.failed,
        })
    }

    /// From here on this is in error, and the columns of a table with it. Only for what is wrong with an expression, or with what it
    /// finds: files that cannot be read, or a key that was taken back, are no fault of the model. A circle stops everything: no order of its
    /// members is better than another.
    fn put_in_error(
        &mut self,
        node: Node,
        error: CloseError,
        pending: &mut BTreeSet<Node>,
    ) -> Result<(), CloseError> {
        let why: Arc<str> = match &error {
            CloseError::Syntax { message, .. } | CloseError::Calculation { message, .. } => {
                message.as_str().into()
            }
            _ => return Err(error),
        };
        if self.strict || self.data.check_open().is_err() {
            return Err(error);
        }
        self.failed.insert(node, why.clone());
        // What it would have read by the end nobody knows: it is hidden wherever anything is.
        let unknown = Handed {
            everything: true,
            ..Handed::default()
        };
        self.handed.insert(node, unknown);
        if let Node::Table(t) = node {
            for c in 0..self.graph.columns_of(t) {
                pending.remove(&Node::Column(t, c));
                self.failed.insert(Node::Column(t, c), why.clone());
            }
        }
        Ok(())
    }

    /// What is computed already was computed from what was written down then. Where nothing was, it may be anything.
    fn remember(&mut self, pending: &BTreeSet<Node>) {
        let known = self.data.derivations().and_then(handed::read);
        let known = known.unwrap_or_default();
        for (node, _) in self.trees.nodes() {
            if matches!(node, Node::Column(..) | Node::Table(_)) && !pending.contains(&node) {
                let unknown = || Handed {
                    everything: true,
                    ..Handed::default()
                };
                let handed = known.get(&node).cloned().unwrap_or_else(unknown);
                self.handed.insert(node, handed);
            }
        }
    }

    /// Tables whose rows are in the model itself: calculation groups, and tables that only hold measures.
    fn load_what_the_model_says(&mut self) -> Result<(), CloseError> {
        for (t, table) in ordinals(&self.model.tables) {
            if self.data.rows(TableId(t)).is_some() {
                continue;
            }
            if let Some(group) = &table.calculation_group {
                let names: ArrayRef = Arc::new(StringArray::from_iter_values(
                    group.items.iter().map(|item| item.name.as_str()),
                ));
                let position = |(i, item): (u32, &model::CalculationItem)| {
                    item.ordinal.unwrap_or(i64::from(i))
                };
                let order: ArrayRef = Arc::new(Int64Array::from_iter_values(
                    ordinals(&group.items).map(position),
                ));
                let values = |column: &model::Column| match column.data_type {
                    DataType::Integer => Some(order.clone()),
                    DataType::Text | DataType::Unknown => Some(names.clone()),
                    _ => None,
                };
                let stored = ordinals(&table.columns).filter(|(_, column)| is_stored(column));
                let columns = stored
                    .filter_map(|(c, column)| Some((c, vec![values(column)?])))
                    .collect();
                self.load(t, table, group.items.len(), columns)?;
            } else if table.calculated_expression().is_none()
                && !table.columns.iter().any(is_stored)
            {
                self.load(t, table, 0, Vec::new())?;
            }
        }
        Ok(())
    }

    fn load(
        &mut self,
        t: u32,
        table: &model::Table,
        rows: usize,
        columns: Vec<(u32, Vec<ArrayRef>)>,
    ) -> Result<(), CloseError> {
        let object = format!("table '{}'", table.name);
        let failed = |message: String| CloseError::Calculation {
            object: object.clone(),
            message,
        };
        let data = Arc::get_mut(&mut self.data).ok_or_else(|| failed(KEPT.to_owned()))?;
        data.load_table(TableId(t), rows, columns)
            .map_err(|error| failed(error.to_string()))
    }

    /// What is neither loaded nor computed will never be there.
    fn refuse_gaps(&self) -> Result<(), CloseError> {
        for (t, table) in ordinals(&self.model.tables) {
            if table.calculated_expression().is_some() && self.data.rows(TableId(t)).is_none() {
                continue;
            }
            let id = |column| ColumnId {
                table: TableId(t),
                column,
            };
            let gap = ordinals(&table.columns)
                .any(|(c, column)| is_stored(column) && !self.data.has_column(id(c)));
            if gap || self.data.rows(TableId(t)).is_none() {
                return Err(CloseError::NotLoaded {
                    table: table.name.clone(),
                });
            }
        }
        Ok(())
    }

    fn pending(&self) -> BTreeSet<Node> {
        let mut pending = BTreeSet::new();
        for (t, table) in ordinals(&self.model.tables) {
            if table.calculated_expression().is_some() && self.data.rows(TableId(t)).is_none() {
                pending.insert(Node::Table(t));
            }
            for (c, column) in ordinals(&table.columns) {
                let id = ColumnId {
                    table: TableId(t),
                    column: c,
                };
                if matches!(column.kind, ColumnKind::Calculated { .. }) && !self.data.has_column(id)
                {
                    pending.insert(Node::Column(t, c));
                }
            }
        }
        pending
    }

    /// The pending objects that must come before this one.
    fn before(&self, node: Node, pending: &BTreeSet<Node>) -> BTreeSet<Node> {
        circles::before(self.graph, node, pending)
    }

    /// The next object that needs no other pending one. Key columns of relationships come first, and among them those that look
    /// at no other table: what comes later may follow the relationships.
    fn next(&self, pending: &BTreeSet<Node>) -> Option<Node> {
        let keys = self.leading_to_keys(pending);
        let elsewhere = |node: Node| {
            let home = if let Node::Column(t, _) = node {
                t
            } else {
                u32::MAX
            };
            self.graph
                .reads(node)
                .iter()
                .any(|read| !matches!(read, Node::Table(t) | Node::Column(t, _) if *t == home))
        };
        pending
            .iter()
            .copied()
            .filter(|node| self.before(*node, pending).is_empty())
            .min_by_key(|node| (!keys.contains(node), elsewhere(*node), *node))
    }

    /// Pending key columns of relationships, and the pending objects that they need.
    fn leading_to_keys(&self, pending: &BTreeSet<Node>) -> BTreeSet<Node> {
        let mut leading = BTreeSet::new();
        let mut open = Vec::new();
        for relationship in &self.model.relationships {
            for (table, column) in [
                (&relationship.from_table, &relationship.from_column),
                (&relationship.to_table, &relationship.to_column),
            ] {
                let Some(table) = self.graph.table(table) else {
                    continue;
                };
                open.push(Node::Table(table));
                open.extend(
                    self.graph
                        .column(table, column)
                        .map(|column| Node::Column(table, column)),
                );
            }
        }
        while let Some(node) = open.pop() {
            if pending.contains(&node) && leading.insert(node) {
                open.extend(self.before(node, pending));
            }
        }
        leading
    }

    /// Names the objects of one circle among those pending, none of which is ready.
    fn cycle(&self, pending: &BTreeSet<Node>) -> CloseError {
        let walked = circles::walk(self.graph, pending);
        CloseError::Cycle {
            objects: walked.into_iter().map(|node| self.name(node)).collect(),
        }
    }

    /// Why an object could not be computed. One that reads itself found nothing there yet, whatever it met instead.
    fn of_itself(&self, node: Node, error: CloseError) -> CloseError {
        match error {
            CloseError::Calculation { .. } if self.graph.reads_itself(node) => CloseError::Cycle {
                objects: vec![self.name(node), self.name(node)],
            },
            other => other,
        }
    }

    fn name(&self, node: Node) -> String {
        let named = match node {
            Node::Table(t) => {
                at(&self.model.tables, t).map(|table| format!("table '{}'", table.name))
            }
            Node::Column(t, c) => at(&self.model.tables, t).and_then(|table| {
                at(&table.columns, c)
                    .map(|column| format!("column '{}'[{}]", table.name, column.name))
            }),
            _ => None,
        };
        named.unwrap_or_else(|| "an object".to_owned())
    }

    fn compute(&mut self, node: Node, pending: &BTreeSet<Node>) -> Result<(), CloseError> {
        let scope = self.scope_without(pending).noting();
        let computed = self.evaluate(node, &scope);
        let computed = computed.map_err(|error| self.of_itself(node, error));
        let handed = scope.notes().map(Notes::handed);
        // The unfinished data are nobody else's again.
        drop(scope);
        self.handed.insert(node, handed.unwrap_or_default());
        let computed = computed?;
        let name = self.name(node);
        let failed = |message: String| CloseError::Calculation {
            object: name.clone(),
            message,
        };
        match (node, computed) {
            (Node::Column(t, c), Computed::Column(values)) => {
                let declared = at(&self.model.tables, t).and_then(|table| at(&table.columns, c));
                let values = self.declared(
                    values,
                    declared.map_or(DataType::Unknown, |column| column.data_type),
                );
                let data = Arc::get_mut(&mut self.data).ok_or_else(|| failed(KEPT.to_owned()))?;
                let column = ColumnId {
                    table: TableId(t),
                    column: c,
                };
                data.add_column(column, values)
                    .map_err(|error| failed(error.to_string()))
            }
            (Node::Table(t), Computed::Table(columns)) => self.load_calculated(t, &columns),
            _ => Err(failed("it is not a calculated object".to_owned())),
        }
    }

    /// Lends a view of all that is there to the evaluator. What it gives back holds nothing of the view.
    fn evaluate(&self, node: Node, scope: &Scope) -> Result<Computed, CloseError> {
        let failed = |message: String| CloseError::Calculation {
            object: self.name(node),
            message,
        };
        let stopped = |error: EvaluateError| match self.control.check() {
            Err(stopped) => CloseError::Stopped(stopped),
            Ok(()) if error.cause == Cause::Files => CloseError::Unreadable {
                object: self.name(node),
                message: error.message,
            },
            // The text that ERROR is given may hold cells, which nobody is told of here.
            Ok(()) if error.cause == Cause::Evaluation && self.graph.may_call(node, "error") => {
                failed(RAISED.to_owned())
            }
            Ok(()) => failed(error.message),
        };
        let body = self
            .trees
            .main(node)
            .ok_or_else(|| failed("it has no expression".to_owned()))?;
        let Some(tree) = &body.tree else {
            return Err(CloseError::Syntax {
                place: self.name(node),
                message: body.error.clone(),
            });
        };
        let view = BuildView::new(scope);
        match node {
            Node::Column(t, _) => {
                let table = scope.objects.entry_of(TableId(t)).map(|ordinal| Table {
                    scope: scope.number,
                    ordinal,
                });
                let table = table.ok_or_else(|| failed("its table is not there".to_owned()))?;
                let computed =
                    (self.evaluators.calculated_column)(&view, table, tree, self.control);
                computed
                    .map(|(_, values)| Computed::Column(values))
                    .map_err(stopped)
            }
            Node::Table(_) => {
                let computed = (self.evaluators.calculated_table)(&view, tree, self.control);
                computed.map(Computed::Table).map_err(stopped)
            }
            _ => Err(failed("it is not a calculated object".to_owned())),
        }
    }

    /// All rows and objects, but what is not computed yet: that is not there, for expressions as for the rows of its table. Measures
    /// are there even so: it matters to nobody in which table they stand, and the expression of that very table may use them.
    fn scope_without(&self, pending: &BTreeSet<Node>) -> Scope {
        let houses = |node: &Node| match node {
            Node::Table(t) => {
                at(&self.model.tables, *t).is_some_and(|table| !table.measures.is_empty())
            }
            _ => false,
        };
        let absent = Hidden(
            pending
                .iter()
                .copied()
                .filter(|node| !houses(node))
                .chain(self.columns_of_tables(pending))
                .collect(),
        );
        let failed = Arc::new(self.failed.clone());
        let mut objects = Objects::of(self.model, self.trees, &absent, &failed, |id| {
            self.data.is_related(id)
        });
        for node in pending.iter().filter(|node| houses(node)) {
            if let Node::Table(t) = node
                && let Some(table) = at(&self.model.tables, *t)
            {
                objects.forget_name(&table.name);
            }
        }
        // Nothing is kept from the operator, who reads the errors.
        objects.complete = true;
        let visible = Visible::everything(ordinal(self.model.tables.len()));
        Scope::new(
            Arc::new(objects),
            Arc::new(visible),
            Some(self.data.clone()),
            Identity::anonymous(),
        )
    }

    fn columns_of_tables(&self, pending: &BTreeSet<Node>) -> Vec<Node> {
        let tables = pending.iter().filter_map(|node| {
            if let Node::Table(t) = node {
                Some(*t)
            } else {
                None
            }
        });
        tables
            .flat_map(|t| (0..self.graph.columns_of(t)).map(move |c| Node::Column(t, c)))
            .collect()
    }

    /// Values in the type that the model declares for their column: as numbers fit each other, else as DAX converts them.
    fn declared(&self, values: ArrayRef, declared: DataType) -> ArrayRef {
        let values = fit(values, declared);
        match storage::canonical_type(declared) {
            Some(wanted) if &wanted != values.data_type() => {
                (self.evaluators.convert)(&values, declared).unwrap_or(values)
            }
            _ => values,
        }
    }

    fn load_calculated(&mut self, t: u32, computed: &[Calculated]) -> Result<(), CloseError> {
        let model = self.model;
        let Some(table) = at(&model.tables, t) else {
            return Ok(());
        };
        let mut columns = Vec::new();
        for (c, column) in ordinals(&table.columns).filter(|(_, column)| is_stored(column)) {
            let source = match &column.kind {
                ColumnKind::CalculatedTable { source_column }
                | ColumnKind::Data { source_column } => source_column,
                ColumnKind::Calculated { .. } | ColumnKind::RowNumber => continue,
            };
            let found =
                find_result(computed, source).or_else(|| find_result(computed, &column.name));
            let Some(found) = found else {
                return Err(CloseError::Calculation {
                    object: format!("table '{}'", table.name),
                    message: format!(
                        "its expression gives no column '{source}', which column [{}] names",
                        column.name
                    ),
                });
            };
            columns.push((
                c,
                vec![self.declared(found.values.clone(), column.data_type)],
            ));
        }
        let rows = computed.first().map_or(0, |column| column.values.len());
        self.load(t, table, rows, columns)
    }

    fn is_ready(&self, relationship: &model::Relationship) -> bool {
        let has = |table: &str, column: &str| {
            let Some(table) = self.graph.table(table) else {
                return false;
            };
            let Some(column) = self.graph.column(table, column) else {
                return false;
            };
            self.data.has_column(ColumnId {
                table: TableId(table),
                column,
            })
        };
        has(&relationship.from_table, &relationship.from_column)
            && has(&relationship.to_table, &relationship.to_column)
    }

    fn relate_what_can_be(&mut self) -> Result<(), CloseError> {
        self.relate(|builder, relationship| builder.is_ready(relationship))
    }

    /// Whatever is not related by now gets the error that says why.
    fn relate_the_rest(&mut self) -> Result<(), CloseError> {
        self.relate(|_, _| true)
    }

    fn relate(
        &mut self,
        wanted: impl Fn(&Self, &model::Relationship) -> bool,
    ) -> Result<(), CloseError> {
        let model = self.model;
        for (r, relationship) in ordinals(&model.relationships) {
            if self.data.is_related(RelationshipId(r)) || !wanted(self, relationship) {
                continue;
            }
            // It is in error with its key, and whoever follows it is told so.
            if self.failed.key_of(model, relationship).is_some() {
                continue;
            }
            let failed = |message: String| CloseError::Relationship {
                relationship: format!(
                    "'{}'[{}] -> '{}'[{}]",
                    relationship.from_table,
                    relationship.from_column,
                    relationship.to_table,
                    relationship.to_column
                ),
                message,
            };
            let data = Arc::get_mut(&mut self.data).ok_or_else(|| failed(KEPT.to_owned()))?;
            data.relate(RelationshipId(r))
                .map_err(|error| failed(error.to_string()))?;
        }
        Ok(())
    }
}

/// What an evaluator gave.
enum Computed {
    Column(ArrayRef),
    Table(Vec<Calculated>),
}

const KEPT: &str = "the unfinished data is still in use elsewhere";

const RAISED: &str =
    "it fails in some row; it may call ERROR, whose text may hold values and is not shown";

/// Whether the column's values are loaded with its table, and not computed one by one.
fn is_stored(column: &model::Column) -> bool {
    match column.kind {
        ColumnKind::Data { .. } | ColumnKind::CalculatedTable { .. } => {
            // Binary columns cannot be queried and are not loaded.
            column.data_type != DataType::Binary
        }
        ColumnKind::Calculated { .. } | ColumnKind::RowNumber => false,
    }
}

/// `'Sales Order'[Amount]`, `Sales[Amount]`, `[Amount]` and `Amount` as a table (or nothing) and a column, folded.
fn split(name: &str) -> (String, String) {
    let name = name.trim();
    match name.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
        Some((table, column)) => (fold(table.trim().trim_matches('\'')), fold(column)),
        None => (String::new(), fold(name)),
    }
}

/// The column of a table expression's result that a model's source column means: of the same table if both say one, else the only
/// one of that name.
fn find_result<'c>(computed: &'c [Calculated], source: &str) -> Option<&'c Calculated> {
    let (table, column) = split(source);
    let exact = computed
        .iter()
        .find(|candidate| split(&candidate.name) == (table.clone(), column.clone()));
    exact.or_else(|| {
        let mut named = computed
            .iter()
            .filter(|candidate| split(&candidate.name).1 == column);
        let first = named.next()?;
        named.next().is_none().then_some(first)
    })
}

/// Values in the type that the model declares for the column, where they have one in it; anything else as it is, for storage to
/// judge.
fn fit(values: ArrayRef, declared: DataType) -> ArrayRef {
    use arrow::datatypes::DataType as Arrow;
    let found = values.data_type().clone();
    // Without a value, what the expression would give is not known.
    if values.null_count() == values.len()
        && let Some(wanted) = storage::canonical_type(declared)
    {
        return new_null_array(&wanted, values.len());
    }
    if let Some(converted) = converted(&values, declared) {
        return converted;
    }
    let doubles = |values: &ArrayRef| -> Option<Float64Array> {
        match &found {
            Arrow::Float64 => Some(values.as_primitive::<Float64Type>().clone()),
            Arrow::Int64 => Some(
                values
                    .as_primitive::<Int64Type>()
                    .unary(|value| value as f64),
            ),
            Arrow::Decimal64(..) => Some(
                values
                    .as_primitive::<Decimal64Type>()
                    .unary(|value| value as f64 / 10_000.0),
            ),
            _ => None,
        }
    };
    let whole = |value: f64| (value.abs() < 9.2e18).then_some(value.round() as i64);
    let fixed = |array: Decimal64Array| -> Option<ArrayRef> {
        let wanted = storage::canonical_type(DataType::Fixed)?;
        Some(Arc::new(array.with_data_type(wanted)))
    };
    let fitted: Option<ArrayRef> = match (declared, &found) {
        (DataType::Double, Arrow::Int64 | Arrow::Decimal64(..)) => {
            doubles(&values).map(|values| Arc::new(values) as ArrayRef)
        }
        (DataType::Fixed, Arrow::Int64) => {
            let scaled: Result<Decimal64Array, _> = values
                .as_primitive::<Int64Type>()
                .try_unary(|value| value.checked_mul(10_000).ok_or(()));
            scaled.ok().and_then(fixed)
        }
        (DataType::Fixed, Arrow::Float64) => doubles(&values)
            .and_then(|v| v.try_unary(|v| whole(v * 10_000.0).ok_or(())).ok())
            .and_then(fixed),
        (DataType::Integer, Arrow::Float64 | Arrow::Decimal64(..)) => {
            let rounded: Option<Int64Array> =
                doubles(&values).and_then(|v| v.try_unary(|v| whole(v).ok_or(())).ok());
            rounded.map(|values| Arc::new(values) as ArrayRef)
        }
        _ => None,
    };
    fitted.unwrap_or(values)
}

/// Between numbers, dates and text: dates are days since the end of 1899, and text that is no number converts to none.
fn converted(values: &ArrayRef, declared: DataType) -> Option<ArrayRef> {
    use arrow::datatypes::DataType as Arrow;
    const DAY: f64 = 86_400_000_000.0;
    const DAYS_TO_1970: f64 = 25_569.0;
    let microseconds = |days: f64| {
        let found = ((days - DAYS_TO_1970) * DAY).round();
        (found.abs() < 9.0e18).then_some(found as i64).ok_or(())
    };
    let number = |text: &str| {
        let read = text.trim().parse::<f64>().ok();
        read.filter(|number| number.is_finite()).ok_or(())
    };
    Some(match (declared, values.data_type()) {
        (DataType::DateTime, Arrow::Int64) => {
            let days = values.as_primitive::<Int64Type>();
            let dates: Result<TimestampMicrosecondArray, ()> =
                days.try_unary(|day| microseconds(day as f64));
            Arc::new(dates.ok()?)
        }
        (DataType::DateTime, Arrow::Float64) => {
            let days = values.as_primitive::<Float64Type>();
            let dates: Result<TimestampMicrosecondArray, ()> = days.try_unary(microseconds);
            Arc::new(dates.ok()?)
        }
        (DataType::Integer | DataType::Double | DataType::Fixed, Arrow::Timestamp(..)) => {
            let dates = values.as_primitive::<TimestampMicrosecondType>();
            // Added up as whole microseconds, so that times of day near day zero keep their digits.
            let epoch = (DAYS_TO_1970 * DAY) as i64;
            let days: Float64Array =
                dates.unary(|date: i64| date.saturating_add(epoch) as f64 / DAY);
            fit(Arc::new(days), declared)
        }
        (DataType::Integer | DataType::Double | DataType::Fixed, Arrow::Utf8) => {
            let numbers: Result<Float64Array, ()> = values
                .as_string::<i32>()
                .iter()
                .map(|text| text.map(number).transpose())
                .collect();
            fit(Arc::new(numbers.ok()?), declared)
        }
        (DataType::Text, Arrow::Boolean) => {
            let word =
                |value: Option<bool>| value.map(|value| if value { "TRUE" } else { "FALSE" });
            let words: StringArray = values.as_boolean().iter().map(word).collect();
            Arc::new(words)
        }
        (DataType::Text, Arrow::Int64) => {
            let numbers = values.as_primitive::<Int64Type>().iter();
            let texts: StringArray = numbers.map(|n| n.map(|n| n.to_string())).collect();
            Arc::new(texts)
        }
        (DataType::Text, Arrow::Float64) => {
            let numbers = values.as_primitive::<Float64Type>().iter();
            let texts: StringArray = numbers.map(|n| n.map(|n| n.to_string())).collect();
            Arc::new(texts)
        }
        _ => return None,
    })
}
