//! The bound tree: every name is a handle of the view, every table has a schema, every expression a type.

use std::rc::Rc;

use dax::Span;
use security::{Column, Measure, PathColumn, Relationship, Step, Table};

use crate::functions::Function;
use crate::value::{DataType, Value};

/// A row context: the occurrence of an iterator in the text.
pub type FrameId = u32;

/// A variable: the occurrence of its definition in the text.
pub type VarId = u32;

/// The columns of a table expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    pub fields: Vec<Field>,
    /// The rows are rows of this model table, and the first fields are all its columns: RELATED works, and as a filter the
    /// rows stand for the expanded table.
    pub base: Option<Table>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// None for `[Name]`.
    pub table: Option<String>,
    pub name: String,
    pub data_type: DataType,
    /// The model column whose values these are.
    pub lineage: Option<Column>,
    pub format_string: Option<String>,
}

impl Field {
    pub fn extension(name: &str, data_type: DataType) -> Self {
        let (table, name) = named_parts(name);
        Field {
            table,
            name,
            data_type,
            lineage: None,
            format_string: None,
        }
    }

    /// As DAX names it in results.
    pub fn full_name(&self) -> String {
        match &self.table {
            Some(table) => format!("{table}[{}]", self.name),
            None => format!("[{}]", self.name),
        }
    }
}

/// The table and the column that the name of a new column speaks of: `T[c]` and `'My table'[c]` are referred to as columns of a
/// table, which need not exist. Any other text, such as `Margin [%]`, is a name as it stands.
pub fn named_parts(text: &str) -> (Option<String>, String) {
    let word = |table: &str| {
        let mut letters = table.chars();
        letters
            .next()
            .is_some_and(|c| c.is_alphabetic() || c == '_')
            && letters.all(|c| c.is_alphanumeric() || c == '_')
    };
    let parts = text.strip_suffix(']').and_then(|text| {
        let (table, column) = match text.strip_prefix('\'') {
            Some(quoted) => {
                let (table, column) = quoted.split_once("'[")?;
                (table.replace("''", "'"), column)
            }
            None => {
                let (table, column) = text.split_once('[')?;
                (word(table).then(|| table.to_string())?, column)
            }
        };
        let plain = !table.is_empty() && !column.is_empty() && !column.contains(['[', ']']);
        plain.then(|| (table, column.to_string()))
    });
    match parts {
        Some((table, column)) => (Some(table), column),
        None => (None, text.to_string()),
    }
}

#[derive(Clone, Debug)]
pub struct Scalar {
    pub kind: ScalarKind,
    pub data_type: DataType,
    /// In the query's text; None for what stands in the model.
    pub span: Option<Span>,
}

#[derive(Clone, Debug)]
pub enum ScalarKind {
    Constant(Value),
    /// A column of the current row of a frame.
    Field {
        frame: FrameId,
        index: usize,
    },
    /// RELATED: a column at the end of a path that begins at the frame's base table.
    Related {
        frame: FrameId,
        column: PathColumn,
    },
    Variable(VarId),
    Let {
        variables: Rc<Vec<Variable>>,
        body: Box<Scalar>,
    },
    Call {
        function: &'static Function,
        arguments: Vec<Scalar>,
    },
    Binary {
        op: dax::BinaryOp,
        left: Box<Scalar>,
        right: Box<Scalar>,
    },
    Negate(Box<Scalar>),
    Not(Box<Scalar>),
    /// Rows tested against a table of as many columns.
    In {
        values: Vec<Scalar>,
        table: Box<TableExpr>,
    },
    /// Branches are evaluated only for the contexts that take them.
    If {
        condition: Box<Scalar>,
        then: Box<Scalar>,
        otherwise: Option<Box<Scalar>>,
    },
    Switch {
        subject: Box<Scalar>,
        cases: Vec<(Scalar, Scalar)>,
        otherwise: Option<Box<Scalar>>,
    },
    Coalesce(Vec<Scalar>),
    IfError {
        value: Box<Scalar>,
        otherwise: Box<Scalar>,
    },
    IsError(Box<Scalar>),
    Error(Box<Scalar>),
    /// An aggregate over the rows of a table; the body is evaluated in their row context.
    Reduce {
        op: Reduction,
        table: Box<TableExpr>,
        frame: FrameId,
        body: Option<Box<Scalar>>,
    },
    ConcatenateX {
        table: Box<TableExpr>,
        frame: FrameId,
        body: Box<Scalar>,
        delimiter: Option<Box<Scalar>>,
        order: Vec<Order>,
    },
    RankX(Box<RankX>),
    Statistic(Box<Statistic>),
    /// RANK and ROWNUMBER: the place of the current row.
    WindowPlace(Box<Window>),
    /// TOCSV and TOJSON.
    TableText(Box<TableText>),
    Calculate {
        body: Rc<Scalar>,
        filters: Rc<Vec<FilterArgument>>,
    },
    Measure {
        measure: MeasureRef,
        body: Rc<Scalar>,
    },
    /// `[_Name FormatString]`: the format string of a measure in the filter context.
    MeasureFormat {
        measure: MeasureRef,
        body: Rc<Scalar>,
    },
    SelectedMeasure,
    SelectedMeasureName,
    SelectedMeasureFormat,
    /// A table of one column and at most one row, as a value.
    TableValue(Box<TableExpr>),
    IsEmpty(Box<TableExpr>),
    /// Search columns of a table for values; the one value of the result column, or the alternative.
    Lookup {
        table: Table,
        result: Column,
        search: Vec<(Column, Scalar)>,
        otherwise: Option<Box<Scalar>>,
    },
    Contains {
        table: Box<TableExpr>,
        search: Vec<(usize, Scalar)>,
    },
    /// `ISFILTERED`, `ISCROSSFILTERED`, `HASONEFILTER`, `ISINSCOPE` of columns.
    Filtered {
        test: FilterTest,
        columns: Vec<Column>,
    },
    /// PATH over the id and parent columns of the frame's base table.
    Path {
        frame: FrameId,
        id: usize,
        parent: usize,
        table: Table,
    },
    /// ISONORAFTER / ISAFTER: (value, bound, descending).
    OnOrAfter {
        terms: Vec<(Scalar, Scalar, bool)>,
        or_on: bool,
    },
}

impl Scalar {
    /// An expression that fails with this message wherever it is evaluated.
    pub fn failing(message: &str) -> Scalar {
        let scalar = |kind| Scalar {
            kind,
            data_type: DataType::Text,
            span: None,
        };
        let text = scalar(ScalarKind::Constant(Value::text(message)));
        scalar(ScalarKind::Error(Box::new(text)))
    }
}

/// A measure of the model, or one that the query defines.
#[derive(Clone, Debug)]
pub struct MeasureRef {
    pub handle: Option<Measure>,
    pub name: Rc<str>,
    pub format: Option<Rc<str>>,
    /// The expression of a format string that is computed, where something in the query may ask for it.
    pub computed_format: Option<Rc<Scalar>>,
}

impl MeasureRef {
    /// What tells one measure from another; a computed format follows from it.
    fn identity(&self) -> (Option<Measure>, &str, Option<&str>) {
        (self.handle, &self.name, self.format.as_deref())
    }
}

impl PartialEq for MeasureRef {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for MeasureRef {}

impl std::hash::Hash for MeasureRef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

#[derive(Clone, Debug)]
pub struct Variable {
    pub id: VarId,
    pub name: String,
    pub body: VariableBody,
}

#[derive(Clone, Debug)]
pub enum VariableBody {
    Scalar(Scalar),
    Table(TableExpr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterTest {
    Filtered,
    CrossFiltered,
    OneFilter,
    InScope,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reduction {
    Rows,
    Sum,
    Average,
    Min,
    Max,
    /// MINX and MAXX of an expression of several types: text and logical values are left out.
    MinOfNumbers,
    MaxOfNumbers,
    /// Values that are not BLANK: COUNT and COUNTA.
    Count,
    CountBlank,
    DistinctCount,
    DistinctCountNoBlank,
    Product,
    Median,
    /// MEDIANX: rows without a value count, at the place of zero.
    MedianWithBlanks,
    StdevP,
    StdevS,
    VarP,
    VarS,
    GeoMean,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub expr: Scalar,
    pub descending: bool,
}

#[derive(Clone, Debug)]
pub struct RankX {
    pub table: TableExpr,
    pub frame: FrameId,
    pub body: Scalar,
    pub value: Option<Scalar>,
    pub ascending: bool,
    pub dense: bool,
}

/// A value from expressions over the rows of a table, and from arguments of the context.
#[derive(Clone, Debug)]
pub struct Statistic {
    pub function: StatisticFunction,
    pub table: TableExpr,
    pub frame: FrameId,
    /// Evaluated for each row.
    pub columns: Vec<Scalar>,
    pub arguments: Vec<Scalar>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatisticFunction {
    PercentileInclusive,
    PercentileExclusive,
    RankEq,
    Xirr,
    Xnpv,
    /// NETWORKDAYS with a table of holidays.
    WorkDays,
}

/// A window function: it finds the current rows in a table, and looks from there along an order.
#[derive(Clone, Debug)]
pub struct Window {
    pub function: WindowFunction,
    pub table: TableExpr,
    pub frame: FrameId,
    pub order: Vec<WindowOrder>,
    /// Evaluated for each row, as the order is.
    pub partition: Vec<Scalar>,
    /// What MATCHBY and PARTITIONBY say together; none without MATCHBY. No two rows may agree in all of it.
    pub matching: Vec<Scalar>,
    /// What tells the current row from others. Without any, all rows are current.
    pub current: Vec<CurrentColumn>,
}

#[derive(Clone, Debug)]
pub enum WindowFunction {
    Offset(Scalar),
    Index(Scalar),
    Range { from: WindowEnd, to: WindowEnd },
    Rank { dense: bool },
    RowNumber,
}

/// One end of WINDOW.
#[derive(Clone, Debug)]
pub struct WindowEnd {
    pub at: Scalar,
    /// Counted from the current row.
    pub relative: bool,
}

#[derive(Clone, Debug)]
pub struct WindowOrder {
    pub expr: Scalar,
    pub descending: bool,
    pub blanks: Blanks,
}

/// Where BLANK stands in an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Blanks {
    /// By value.
    #[default]
    Default,
    First,
    Last,
}

/// A column of the table that the current row is found by.
#[derive(Clone, Debug)]
pub struct CurrentColumn {
    pub of_row: Scalar,
    /// Of the model; None for one that the query computed.
    pub column: Option<Column>,
    /// The column in a row context outside; None: the values in the filter context are current.
    pub outer: Option<Scalar>,
}

/// LINEST over the rows of a table.
#[derive(Clone, Debug)]
pub struct Regression {
    pub table: TableExpr,
    pub frame: FrameId,
    /// The y, and then each x.
    pub columns: Vec<Scalar>,
    pub intercept: bool,
}

/// Some rows of a table, as many as are asked for.
#[derive(Clone, Debug)]
pub struct Sample {
    pub function: SampleFunction,
    pub count: Scalar,
    pub table: TableExpr,
    pub frame: FrameId,
    /// Where stretches of an axis are sampled, rows that are equal in these are one line.
    pub order: Vec<Order>,
    /// Of each row: x and y, or an axis and what is drawn along it.
    pub columns: Vec<Scalar>,
    /// Of the lines, in their order, only so many are kept.
    pub most_series: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleFunction {
    /// The first row, the last row, and rows evenly between.
    Even,
    /// Points spread over the plane.
    Cover,
    /// Least and greatest of each stretch of an axis.
    Extremes,
}

/// A table as text: its first rows.
#[derive(Clone, Debug)]
pub struct TableText {
    pub table: TableExpr,
    pub most_rows: Option<Scalar>,
    pub form: TextForm,
}

#[derive(Clone, Debug)]
pub enum TextForm {
    Json,
    Csv {
        delimiter: Option<Scalar>,
        headers: Option<Scalar>,
    },
}

/// An argument of CALCULATE after the first.
#[derive(Clone, Debug)]
pub enum FilterArgument {
    /// Rows of a table; `keep` intersects with what filters its columns already.
    Table {
        table: TableExpr,
        keep: bool,
    },
    /// A condition on columns of one table: FILTER(ALL(columns), condition).
    Predicate {
        columns: Vec<Column>,
        frame: FrameId,
        condition: Scalar,
        keep: bool,
    },
    Remove(Removal),
    AllSelected(Removal),
    /// Of a one-to-one relationship the way that filters take: from the column named last to the one named first.
    UseRelationship(Relationship, Option<CrossFilterMode>),
    CrossFilter(Relationship, CrossFilterMode),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Removal {
    Everything,
    /// A table, with what it expands to.
    Table(Table),
    Columns(Vec<Column>),
    /// Everything that filters a table, wherever it stands.
    Reaching(Table),
    /// A table as expanded, but for these columns, and for all that these tables expand to.
    TableExcept(Table, Vec<Column>, Vec<Table>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CrossFilterMode {
    None,
    OneWay,
    Both,
    OneWayLeftFiltersRight,
    OneWayRightFiltersLeft,
}

#[derive(Clone, Debug)]
pub struct TableExpr {
    pub kind: TableKind,
    pub schema: Rc<Schema>,
    pub span: Option<Span>,
}

#[derive(Clone, Debug)]
pub enum TableKind {
    /// The visible rows of a table in the filter context; `blank_row`: with the row of unmatched keys (VALUES(table)).
    Base {
        table: Table,
        blank_row: bool,
    },
    /// Distinct values of columns of one table in the filter context.
    Values {
        columns: Vec<Column>,
        blank_row: bool,
    },
    /// The same without the filter context: ALL, ALLNOBLANKROW.
    AllRows {
        table: Table,
        blank_row: bool,
    },
    AllValues {
        columns: Vec<Column>,
        blank_row: bool,
    },
    AllSelected {
        removal: Removal,
        table: Box<TableExpr>,
    },
    /// Direct filters on a column.
    Filters(Column),
    Filter {
        table: Box<TableExpr>,
        frame: FrameId,
        condition: Box<Scalar>,
    },
    Calculate {
        table: Rc<TableExpr>,
        filters: Rc<Vec<FilterArgument>>,
    },
    AddColumns {
        table: Box<TableExpr>,
        frame: FrameId,
        columns: Vec<Scalar>,
    },
    SelectColumns {
        table: Box<TableExpr>,
        frame: FrameId,
        columns: Vec<Scalar>,
    },
    Distinct(Box<TableExpr>),
    /// KEEPFILTERS: the same rows, which do not take the place of filters where an iterator turns them into filters.
    KeepFilters(Box<TableExpr>),
    Summarize(Box<Summarize>),
    SummarizeColumns(Box<SummarizeColumns>),
    GroupBy {
        table: Box<TableExpr>,
        groups: Vec<GroupColumn>,
        frame: FrameId,
        columns: Vec<Scalar>,
    },
    CrossJoin(Vec<TableExpr>),
    /// GENERATE; `all` keeps left rows without right rows.
    Generate {
        left: Box<TableExpr>,
        frame: FrameId,
        right: Box<TableExpr>,
        all: bool,
    },
    Union(Vec<TableExpr>),
    Intersect(Box<TableExpr>, Box<TableExpr>),
    Except(Box<TableExpr>, Box<TableExpr>),
    /// Pairs of fields that must be equal; the right fields that are not joined on are appended.
    NaturalJoin {
        left: Box<TableExpr>,
        right: Box<TableExpr>,
        on: Vec<(usize, usize)>,
        outer: bool,
    },
    TopN {
        count: Box<Scalar>,
        /// The number of rows that TOPNSKIP leaves out before those that it gives.
        skip: Option<Box<Scalar>>,
        table: Box<TableExpr>,
        frame: FrameId,
        order: Vec<Order>,
    },
    Row(Vec<Scalar>),
    Constructor(Vec<Vec<Scalar>>),
    Series {
        start: Box<Scalar>,
        end: Box<Scalar>,
        step: Option<Box<Scalar>>,
    },
    Calendar {
        start: Box<Scalar>,
        end: Box<Scalar>,
    },
    CalendarAuto {
        last_month: Option<Box<Scalar>>,
        columns: Vec<Column>,
    },
    TreatAs {
        table: Box<TableExpr>,
    },
    SubstituteWithIndex {
        table: Box<TableExpr>,
        index: Box<TableExpr>,
        on: Vec<(usize, usize)>,
        frame: FrameId,
        order: Vec<Order>,
    },
    Variable(VarId),
    Let {
        variables: Rc<Vec<Variable>>,
        body: Box<TableExpr>,
    },
    Dates(Box<Dates>),
    Moments(Box<Moments>),
    /// FIRSTNONBLANK, LASTNONBLANK over a column: the values in the filter context whose body is not BLANK.
    NonBlank {
        values: Box<TableExpr>,
        frame: FrameId,
        body: Box<Scalar>,
        last: bool,
    },
    /// OFFSET, INDEX and WINDOW.
    Window(Box<Window>),
    /// LINEST: one row.
    Regression(Box<Regression>),
    Sample(Box<Sample>),
    /// A table that follows from the view's names.
    Information(InformationTable),
    /// The other INFO functions, by name.
    Rowset(&'static str),
    /// What the text of a query names.
    QueryDependencies(Box<Scalar>),
    ColumnStatistics,
    /// IF over tables is not DAX; an empty table of the schema.
    Empty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InformationTable {
    Tables,
    Columns,
    Measures,
    Relationships,
}

/// A grouping column that a table offers: one of its fields, or a column related to its base table.
#[derive(Clone, Debug)]
pub enum GroupColumn {
    Field(usize),
    Related(PathColumn),
}

#[derive(Clone, Debug)]
pub struct Summarize {
    pub table: TableExpr,
    pub groups: Vec<GroupColumn>,
    /// ROLLUP: how many of the last groups are rolled up, one set of groups at a time; indexes into `groups`.
    pub rollup: Vec<Vec<usize>>,
    pub frame: FrameId,
    pub columns: Vec<SummarizeColumn>,
}

#[derive(Clone, Debug)]
pub enum SummarizeColumn {
    Expression(Scalar),
    /// ISSUBTOTAL of a grouping column.
    IsSubtotal(usize),
}

#[derive(Clone, Debug)]
pub struct SummarizeColumns {
    pub groups: Vec<Column>,
    /// One for each ROLLUPADDISSUBTOTAL. The grouping sets are all combinations of their levels.
    pub rollups: Vec<RollupSet>,
    pub filters: Vec<FilterArgument>,
    /// NONVISUAL: these choose the groups, and do not filter the expressions.
    pub group_filters: Vec<FilterArgument>,
    pub columns: Vec<NamedColumn>,
    pub frame: FrameId,
}

/// Groups that are rolled up one after another, the last first.
#[derive(Clone, Debug, Default)]
pub struct RollupSet {
    pub levels: Vec<Rollup>,
    /// Filters of the level at which all are rolled up.
    pub total_filters: Vec<FilterArgument>,
    /// NONVISUAL filters of that level.
    pub total_group_filters: Vec<FilterArgument>,
}

#[derive(Clone, Debug)]
pub struct Rollup {
    /// Indexes into the groups.
    pub groups: Vec<usize>,
    /// Filters of the level at which this is the last one shown.
    pub filters: Vec<FilterArgument>,
    /// NONVISUAL filters of that level.
    pub group_filters: Vec<FilterArgument>,
}

#[derive(Clone, Debug)]
pub struct NamedColumn {
    pub expr: Scalar,
    /// IGNORE: does not keep a row.
    pub ignore: bool,
}

/// A time intelligence table function over a date column.
#[derive(Clone, Debug)]
pub struct Dates {
    pub function: DatesFunction,
    /// The dates in the filter context (or of the table given): one column.
    pub dates: TableExpr,
    /// All dates of the column: what the result is drawn from.
    pub all: TableExpr,
    pub arguments: Vec<Scalar>,
    pub unit: DateUnit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateUnit {
    Day,
    Month,
    Quarter,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatesFunction {
    First,
    Last,
    StartOf,
    EndOf,
    /// From the start of the unit to the last date.
    ToDate,
    Between,
    InPeriod,
    Add,
    Parallel,
    SameLastYear,
    Previous,
    Next,
}

/// A time intelligence table function over a calendar of the model. A moment is the least span of time that the calendar tells apart:
/// a day, or a month in a calendar of months.
#[derive(Clone, Debug)]
pub struct Moments {
    pub function: MomentsFunction,
    /// What the filter context leaves of `all`.
    pub selected: TableExpr,
    /// The combinations of values that the calendar's columns have.
    pub all: TableExpr,
    /// The first columns of `all` are the result. The others only sort.
    pub given: usize,
    /// Columns of `all` that tell moments apart and put them in order, the outermost unit first.
    pub order: Vec<usize>,
    /// The same for periods of the unit that the function is about.
    pub period: Vec<usize>,
    /// The same for finer units, the coarsest first: whole months are shifted as months, and not day by day.
    pub finer: Vec<Vec<usize>>,
    /// The column of days in `all`.
    pub day: Option<usize>,
    pub arguments: Vec<Scalar>,
    pub extension: Extension,
    /// A moment that a shorter period does not have becomes its last one, and otherwise none.
    pub anchored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MomentsFunction {
    First,
    Last,
    StartOf,
    EndOf,
    /// The moment before the period.
    BeforeStart,
    ToDate,
    Between,
    InPeriod,
    Add,
    Parallel,
    Previous,
    Next,
}

/// What becomes of a selection up to the end of its period in a longer period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extension {
    Precise,
    /// It goes on to the end.
    #[default]
    Extending,
    /// Its last moment becomes the last one.
    EndAligned,
}

/// Steps without a relationship: the table itself.
pub fn path_here() -> std::sync::Arc<[Step]> {
    std::sync::Arc::from([])
}
