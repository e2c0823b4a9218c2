//! The semantic model as plain data: what TMSL and TMDL can say, after reading.
//!
//! Names are kept as written and compared without case. Expressions are kept as text: this crate
//! parses them only to check them.

use std::collections::BTreeMap;

/// A semantic model. Order of objects is the order of the source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub name: String,
    pub description: String,
    pub compatibility_level: u32,
    /// For example `en-US`.
    pub culture: String,
    /// As written, for example `Latin1_General_CI_AI`. None: the default collation.
    pub collation: Option<String>,
    pub value_filter_behavior: ValueFilterBehavior,
    pub selection_expression_behavior: SelectionExpressionBehavior,
    pub discourage_implicit_measures: bool,
    pub tables: Vec<Table>,
    pub relationships: Vec<Relationship>,
    pub roles: Vec<Role>,
    pub expressions: Vec<NamedExpression>,
    pub functions: Vec<UserFunction>,
    pub perspectives: Vec<Perspective>,
    pub cultures: Vec<String>,
    pub annotations: BTreeMap<String, String>,
    /// Peristyle's own options, read from annotations named `Peristyle_...`.
    pub options: Options,
    /// Constructs that were read and kept but that nothing acts on yet, one line each, for `check`.
    pub unused: Vec<Unused>,
    /// Kinds of constructs that the source has and the model does not keep, such as `queryGroups`. Nobody may be told that there is
    /// none of them.
    pub let_go: std::collections::BTreeSet<&'static str>,
}

/// Options of this engine, written as annotations of the model so that other tools keep them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// `Peristyle_StrictOrphans = true`: a fact whose key finds no dimension row is hidden from every role that filters that
    /// dimension, whatever the filter says of the blank row.
    pub strict_orphans: bool,
    /// `Peristyle_ObjectSecurity = as_compatible`: calculated columns derived from hidden columns stay visible.
    pub as_compatible: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueFilterBehavior {
    #[default]
    Automatic,
    Independent,
    Coalesced,
}

/// What a calculation group without an expression for several items gives where several are selected, or none that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SelectionExpressionBehavior {
    /// As `NonVisual`.
    #[default]
    Automatic,
    /// The measure as it is.
    NonVisual,
    /// BLANK.
    Visual,
}

/// Something the source says that this version keeps but does not act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// Where: `table 'Sales' / column 'Amount'`.
    pub place: String,
    /// What: `alternateOf`.
    pub what: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub name: String,
    pub description: String,
    pub hidden: bool,
    pub private: bool,
    /// `Time` marks a date table.
    pub data_category: Option<String>,
    pub columns: Vec<Column>,
    pub measures: Vec<Measure>,
    pub hierarchies: Vec<Hierarchy>,
    pub partitions: Vec<Partition>,
    pub calculation_group: Option<CalculationGroup>,
    pub default_detail_rows: Option<String>,
    pub calendars: Vec<Calendar>,
    pub annotations: BTreeMap<String, String>,
    /// Where the object stands, for messages: a file, and a line where known.
    pub source: Source,
}

/// A place in the model's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    pub file: String,
    pub line: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum DataType {
    /// Text. The default where the source leaves the type to inference.
    #[default]
    Text,
    /// Whole number, i64.
    Integer,
    /// Decimal number, f64.
    Double,
    /// Fixed decimal number: i64 with four decimal places.
    Fixed,
    DateTime,
    Boolean,
    Binary,
    /// The type of a calculated column or measure before it is inferred.
    Unknown,
    Variant,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Column {
    pub name: String,
    pub description: String,
    pub data_type: DataType,
    pub kind: ColumnKind,
    pub hidden: bool,
    pub key: bool,
    pub unique: bool,
    pub nullable: bool,
    pub format_string: Option<String>,
    pub data_category: Option<String>,
    pub display_folder: Option<String>,
    pub summarize_by: Option<String>,
    /// Name of the column of the same table that orders this one.
    pub sort_by: Option<String>,
    /// Names of columns of the same table that go with this one when it is grouped by (`relatedColumnDetails`).
    pub group_by: Vec<String>,
    pub variations: Vec<Variation>,
    pub annotations: BTreeMap<String, String>,
    /// The value of the extended property `ParameterMetadata`, which marks the key column of a field parameter.
    pub field_parameter: bool,
    pub source: Source,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ColumnKind {
    /// Read from the partition's source under this name.
    Data { source_column: String },
    /// Computed at import, row by row.
    Calculated { expression: String },
    /// A column of a calculated table (or of a calculation group): `source_column` names the column of the table
    /// expression's result, with or without brackets.
    CalculatedTable { source_column: String },
    /// The engine's own row number column; kept so that nothing is lost, never queried.
    RowNumber,
}

impl Default for ColumnKind {
    fn default() -> Self {
        ColumnKind::Data {
            source_column: String::new(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variation {
    pub name: String,
    pub is_default: bool,
    /// Name of a relationship.
    pub relationship: Option<String>,
    /// Table and hierarchy.
    pub default_hierarchy: Option<(String, String)>,
    /// Table and column.
    pub default_column: Option<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measure {
    pub name: String,
    pub description: String,
    pub expression: String,
    pub format_string: Option<String>,
    /// A DAX expression that gives the format string.
    pub format_expression: Option<String>,
    pub detail_rows: Option<String>,
    pub data_type: DataType,
    pub hidden: bool,
    pub display_folder: Option<String>,
    pub annotations: BTreeMap<String, String>,
    /// KPI expressions (target, status, trend): each becomes a hidden measure `_Name Goal` and so on.
    pub kpi: Option<Kpi>,
    pub source: Source,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kpi {
    pub target: Option<String>,
    pub status: Option<String>,
    pub trend: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hierarchy {
    pub name: String,
    pub description: String,
    pub hidden: bool,
    pub display_folder: Option<String>,
    pub levels: Vec<Level>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Level {
    pub name: String,
    pub ordinal: u32,
    /// Name of a column of the same table.
    pub column: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    pub name: String,
    pub mode: Option<String>,
    pub kind: PartitionKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum PartitionKind {
    /// Power Query: the text is kept; `file` is the Parquet file that it names in `File.Contents("...")`, if it does.
    M {
        expression: String,
        file: Option<String>,
    },
    /// A DAX table expression.
    Calculated {
        expression: String,
    },
    CalculationGroup,
    /// An entity, a query, a policy range: kept by name; data comes from `<Table>.parquet`.
    Other {
        kind: String,
        text: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalculationGroup {
    pub precedence: i64,
    pub items: Vec<CalculationItem>,
    /// The expression used when no item, or several items, are selected, with its format string expression.
    pub no_selection: Option<SelectionExpression>,
    pub multiple_selection: Option<SelectionExpression>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SelectionExpression {
    pub expression: String,
    pub format_expression: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalculationItem {
    pub name: String,
    pub description: String,
    pub expression: String,
    pub format_expression: Option<String>,
    pub ordinal: Option<i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calendar {
    pub name: String,
    /// Time unit as written (`year`, `month`, `date`, ...), primary column, associated columns.
    pub groups: Vec<CalendarGroup>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalendarGroup {
    /// None: columns that relate to time but belong to no unit.
    pub unit: Option<String>,
    pub primary: Option<String>,
    pub associated: Vec<String>,
}

/// Filters travel from the `to` end to the `from` end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relationship {
    pub name: String,
    pub from_table: String,
    pub from_column: String,
    pub to_table: String,
    pub to_column: String,
    pub from_cardinality: Cardinality,
    pub to_cardinality: Cardinality,
    pub active: bool,
    pub cross_filter: CrossFilter,
    pub security_filter: SecurityFilter,
    pub rely_on_referential_integrity: bool,
    /// `datePartOnly`: the join compares the day alone.
    pub join_on_date_part: bool,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// The default of the `to` end.
    One,
    /// The default of the `from` end.
    #[default]
    Many,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CrossFilter {
    #[default]
    OneDirection,
    BothDirections,
    /// The engine chooses: read as one direction.
    Automatic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SecurityFilter {
    #[default]
    OneDirection,
    BothDirections,
    None,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Role {
    pub name: String,
    pub description: String,
    pub permission: ModelPermission,
    pub tables: Vec<TablePermission>,
    /// Names of members, kept and never acted on: the caller names the roles.
    pub members: Vec<String>,
    pub source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ModelPermission {
    #[default]
    None,
    Read,
    ReadRefresh,
    Refresh,
    Administrator,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TablePermission {
    pub table: String,
    /// A DAX expression that is true for the rows that the role may see. Empty or absent text is None.
    pub filter: Option<String>,
    pub metadata: MetadataPermission,
    pub columns: Vec<ColumnPermission>,
    pub source: Source,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnPermission {
    pub column: String,
    pub metadata: MetadataPermission,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MetadataPermission {
    #[default]
    Default,
    None,
    Read,
}

/// A shared M expression or parameter: kept, never evaluated.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamedExpression {
    pub name: String,
    pub text: String,
}

/// A DAX user-defined function: `(a, b : SCALAR) => a + b`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserFunction {
    pub name: String,
    pub description: String,
    pub expression: String,
    pub hidden: bool,
    pub source: Source,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Perspective {
    pub name: String,
    /// Table name and the names of its columns, measures and hierarchies in the perspective; `None` means all.
    pub tables: Vec<(String, Option<Vec<String>>)>,
}

/// Two names are the same name when they differ only in case.
pub fn same_name(a: &str, b: &str) -> bool {
    a == b
        || (a
            .chars()
            .flat_map(char::to_lowercase)
            .eq(b.chars().flat_map(char::to_lowercase)))
}
