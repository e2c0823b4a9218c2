//! Looking rows up: IN, CONTAINS, LOOKUPVALUE, PATH, and the comparison of a row with a place in an order.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{BooleanArray, BooleanBufferBuilder};
use dax::BinaryOp;
use roaring::RoaringBitmap;
use security::{Codes, Column, Filter, PathColumn, Scan, Stopped, Table, Target};

use super::iterate::truths;
use super::sets::{KeyColumn, KeyValue, joint_numbers, key_of, segment_of, segment_range};
use super::watch::Watch;
use super::{Evaluator, Outcome, internal, operators, order};
use crate::batch::Batch;
use crate::bound::{FrameId, Scalar, ScalarKind, Schema, TableExpr, path_here};
use crate::context::ABSENT;
use crate::error::{Error, ErrorKind, Failure};
use crate::table::TableRows;
use crate::text;
use crate::value::{DataType, Value};
use crate::vector::{Data, Vector, errors_from};

/// What kind of values compare with one another: text, logical values, and numbers with dates.
fn comparison_class(data_type: DataType) -> Option<u8> {
    match data_type {
        DataType::Text => Some(0),
        DataType::Boolean => Some(1),
        DataType::Integer | DataType::Fixed | DataType::Double | DataType::DateTime => Some(2),
        DataType::Binary | DataType::Unknown | DataType::Variant => None,
    }
}

impl<'a> Evaluator<'a> {
    /// IN and CONTAINSROW: whether the values are a row of the table. BLANK is only BLANK.
    pub fn is_in(
        &self,
        values: &[Scalar],
        table: &TableExpr,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let search: Vec<(usize, &Scalar)> = values.iter().enumerate().collect();
        self.holds(&search, table, batch)
    }

    /// CONTAINS: whether a row of the table has these values in these columns.
    pub fn contains(
        &self,
        table: &TableExpr,
        search: &[(usize, Scalar)],
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let search: Vec<(usize, &Scalar)> = search
            .iter()
            .map(|(index, scalar)| (*index, scalar))
            .collect();
        self.holds(&search, table, batch)
    }

    fn holds(
        &self,
        search: &[(usize, &Scalar)],
        table: &TableExpr,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let rows = self.table(table, batch)?;
        let rows = if rows.rows() == 0 {
            self.settled(rows, &table.schema)?
        } else {
            rows
        };
        if let &[(index, scalar)] = search
            && let Some(found) =
                self.coded_rows_found(&rows, &table.schema, index, scalar, batch)?
        {
            return Ok(found);
        }
        let (mut row_keys, mut value_keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let mut mismatch: Option<Vector> = None;
        for &(index, scalar) in search {
            let vector = self.scalar(scalar, batch)?;
            let (row_key, value_key) = match self.column_codes(&rows, &table.schema, index)? {
                Some(codes) => {
                    let keys = self.searched_codes(&codes, &vector)?;
                    if let (KeyColumn::Values(column), _) = &keys {
                        mismatch = mismatch.or_else(|| mismatched(&vector, column));
                    }
                    keys
                }
                None => {
                    let column = self.column_vector(&rows, &table.schema, index)?;
                    mismatch = mismatch.or_else(|| mismatched(&vector, &column));
                    (KeyColumn::Values(column), KeyColumn::Values(vector.clone()))
                }
            };
            row_keys.push(row_key);
            value_keys.push(value_key);
            values.push(vector);
        }
        let found = match mismatch {
            Some(failures) => failures,
            None => {
                let watch = self.watch();
                let counts = [rows.rows(), batch.len];
                let mut numbers = joint_numbers(&[&row_keys, &value_keys], &counts, &watch)?;
                let wanted = numbers.pop().unwrap_or_default();
                found_in_segments(&rows, &numbers.pop().unwrap_or_default(), &wanted, &watch)?
            }
        };
        let found = values.iter().fold(found, |found, vector| {
            found.with_errors(vector.errors.clone())
        });
        Ok(found.with_errors(rows.errors.clone()))
    }

    /// A column of many rows that is looked up in few values: these become codes of the column, and the rows are not decoded. None: it is
    /// something else.
    fn coded_rows_found(
        &self,
        rows: &TableRows,
        schema: &Schema,
        index: usize,
        scalar: &Scalar,
        batch: &Rc<Batch>,
    ) -> Outcome<Option<Vector>> {
        let ScalarKind::Field {
            frame,
            index: field,
        } = &scalar.kind
        else {
            return Ok(None);
        };
        if batch.len <= 4 * rows.rows().max(64) || rows.errors.is_some() {
            return Ok(None);
        }
        let Some(codes) = self.field_codes(batch, *frame, *field)? else {
            return Ok(None);
        };
        let Target::Column(column) = codes.of() else {
            return Ok(None);
        };
        let values = self.column_vector(rows, schema, index)?;
        if values.errors.is_some() || mismatched_types(&values, self.scope.column_type(column)) {
            return Ok(None);
        }
        let numbers = self.encode(column, &values)?;
        let watch = self.watch();
        let found = found_in_segments(rows, &numbers, codes.as_slice(), &watch);
        Ok(Some(found?))
    }

    /// Codes to look in, and the codes of the values to look for: the table's rows are not decoded.
    fn searched_codes(&self, codes: &Codes, values: &Vector) -> Outcome<(KeyColumn, KeyColumn)> {
        let Target::Column(column) = codes.of() else {
            return Err(internal("row numbers where values are"));
        };
        if values.len() > 4 * codes.len().max(64)
            || mismatched_types(values, self.scope.column_type(column))
        {
            return Ok((
                KeyColumn::Values(self.decode(codes)?),
                KeyColumn::Values(values.clone()),
            ));
        }
        Ok((
            KeyColumn::Numbers(codes.as_slice().to_vec()),
            KeyColumn::Numbers(self.encode(column, values)?),
        ))
    }

    /// LOOKUPVALUE: the one value of a column in the visible rows that have these values, whatever the filter context. One scan
    /// answers all contexts.
    pub fn lookup(
        &self,
        table: Table,
        result: Column,
        search: &[(Column, Scalar)],
        otherwise: Option<&Scalar>,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        // Like RELATED, it finds rows over relationships that let no filter through.
        let edges = self.edges(&batch.filters.relations.uncrossed());
        let paths = edges.paths(table, &[]);
        let mut columns = Vec::with_capacity(search.len());
        let mut wanted: Vec<Vec<u32>> = Vec::with_capacity(search.len());
        let mut errors = None;
        for (column, scalar) in search {
            let Some(path) = paths.get(&column.table()) else {
                let message = "a search column of LOOKUPVALUE is neither in the table of the result column nor related to it";
                return Err(Error::nowhere(ErrorKind::Argument, message));
            };
            columns.push(PathColumn {
                path: Arc::clone(path),
                target: Target::Column(*column),
            });
            let values = self.scalar(scalar, batch)?;
            wanted.push(self.encode(*column, &values)?);
            let sample = zero_like(self.scope.column_type(*column));
            let failures = (0..batch.len).filter_map(|i| {
                let value = values.get(i);
                operators::one(BinaryOp::Equal, &value, &sample)
                    .err()
                    .filter(|_| !value.is_blank())
                    .map(|failure| (i as u32, failure))
            });
            errors = crate::vector::merge_errors(&errors, &values.errors);
            errors = crate::vector::merge_errors(&errors, &errors_from(failures.collect()));
        }
        let tuple = |i: usize| -> Vec<u32> { wanted.iter().map(|codes| codes[i]).collect() };
        let tuples: HashSet<Vec<u32>> = (0..batch.len)
            .map(tuple)
            .filter(|tuple| !tuple.contains(&ABSENT))
            .collect();
        let answers = self.looked_up(table, result, columns, &tuples)?;
        let mut results: Vec<Result<Value, Failure>> = Vec::with_capacity(batch.len);
        let mut open = Vec::new();
        for i in 0..batch.len {
            let answer = answers.get(&tuple(i));
            if answer.is_none_or(Option::is_none) && otherwise.is_some() {
                open.push(i as u32);
            }
            results.push(match answer {
                Some(Some(value)) => Ok(value.clone()),
                Some(None) => Err(Failure::new(
                    "LOOKUPVALUE finds several values where one was expected",
                )),
                None => Ok(Value::Blank),
            });
        }
        if let Some(otherwise) = otherwise {
            let values = self.on(otherwise, batch, &open)?;
            for (k, &i) in open.iter().enumerate() {
                results[i as usize] = values.at(k);
            }
        }
        for (i, failure) in errors.iter().flat_map(|errors| errors.iter()) {
            results[*i as usize] = Err(failure.clone());
        }
        self.collect(results, self.scope.column_type(result))
    }

    /// The value of the result column for each tuple of codes; None where it has several.
    fn looked_up(
        &self,
        table: Table,
        result: Column,
        columns: Vec<PathColumn>,
        tuples: &HashSet<Vec<u32>>,
    ) -> Outcome<HashMap<Vec<u32>, Option<Value>>> {
        let mut answers = HashMap::new();
        if tuples.is_empty() {
            return Ok(answers);
        }
        let filter = match columns.as_slice() {
            [column] => Filter::In {
                column: column.clone(),
                set: Arc::new(tuples.iter().flatten().copied().collect()),
            },
            _ => {
                let mut sorted: Vec<&Vec<u32>> = tuples.iter().collect();
                sorted.sort_unstable();
                Filter::Tuples {
                    columns: columns.clone(),
                    codes: Arc::new(sorted.into_iter().flatten().copied().collect()),
                }
            }
        };
        let width = columns.len();
        let mut keys = columns;
        keys.push(PathColumn {
            path: path_here(),
            target: Target::Column(result),
        });
        let groups = self.scan(&Scan {
            table,
            filters: vec![filter],
            keys,
            aggregates: Vec::new(),
        })?;
        let values = self.decode(&groups.keys[width])?;
        for g in 0..groups.len {
            let tuple: Vec<u32> = groups.keys[..width]
                .iter()
                .map(|codes| codes.as_slice()[g])
                .collect();
            answers
                .entry(tuple)
                .and_modify(|answer| *answer = None)
                .or_insert_with(|| Some(values.get(g)));
        }
        Ok(answers)
    }

    /// PATH: the identifiers from the root down to the current row's, by the visible rows of its table.
    pub fn path(
        &self,
        batch: &Rc<Batch>,
        frame: FrameId,
        id: usize,
        parent: usize,
        table: Table,
    ) -> Outcome<Vector> {
        let (holder, _) = batch
            .find_frame(frame)
            .ok_or_else(|| internal("a row context is missing"))?;
        let schema = holder
            .frame
            .as_ref()
            .map(|frame| Rc::clone(&frame.schema))
            .ok_or_else(|| internal("a row context is missing"))?;
        let field = |index: usize| {
            schema
                .fields
                .get(index)
                .and_then(|field| field.lineage)
                .ok_or_else(|| internal("PATH over a column that is not the model's"))
        };
        let here = |column: Column| PathColumn {
            path: path_here(),
            target: Target::Column(column),
        };
        let keys = vec![here(field(id)?), here(field(parent)?)];
        let groups = self.scan(&Scan {
            table,
            filters: Vec::new(),
            keys,
            aggregates: Vec::new(),
        })?;
        let mut tree = Tree::new(
            &self.decode(&groups.keys[0])?,
            &self.decode(&groups.keys[1])?,
        );
        let current = Scalar {
            kind: ScalarKind::Field { frame, index: id },
            data_type: DataType::Text,
            span: None,
        };
        let current = self.scalar(&current, batch)?;
        // The paths of a long chain of parents are longer together than any of them: each counts when it is made.
        let watch = self.watch();
        let made = |bytes: usize| {
            self.charge_text(bytes)?;
            self.hold_more(bytes)?;
            Ok(watch.step(bytes)?)
        };
        let results = (0..batch.len).map(|i| match current.at(i) {
            Ok(Value::Blank) => Ok(Ok(Value::Blank)),
            Ok(value) => Ok(tree.path(&key_of(&value), &made)?.map(Value::Text)),
            Err(failure) => Ok(Err(failure)),
        });
        self.make(results, DataType::Text)
    }

    /// ISONORAFTER and ISAFTER: whether the values come after the bounds in the order; `or_on`: or are the bounds.
    pub fn on_or_after(
        &self,
        terms: &[(Scalar, Scalar, bool)],
        or_on: bool,
        batch: &Rc<Batch>,
    ) -> Outcome<Vector> {
        let terms: Vec<(Vector, Vector, bool)> = terms
            .iter()
            .map(|(value, bound, descending)| {
                Ok((
                    self.scalar(value, batch)?,
                    self.scalar(bound, batch)?,
                    *descending,
                ))
            })
            .collect::<Outcome<_>>()?;
        Ok(truths((0..batch.len).map(|i| {
            for (value, bound, descending) in &terms {
                match (order::total(&value.at(i)?, &bound.at(i)?), descending) {
                    (Ordering::Equal, _) => {}
                    (found, descending) => {
                        return Ok(found
                            == if *descending {
                                Ordering::Less
                            } else {
                                Ordering::Greater
                            });
                    }
                }
            }
            Ok(or_on)
        })))
    }
}

/// A value of a type, to try whether others compare with it.
fn zero_like(data_type: DataType) -> Value {
    match data_type {
        DataType::Text => Value::text(""),
        DataType::Boolean => Value::Boolean(false),
        DataType::Binary | DataType::Unknown | DataType::Variant => Value::Blank,
        _ => Value::Integer(0),
    }
}

fn mismatched_types(values: &Vector, data_type: DataType) -> bool {
    matches!((values.data_type().and_then(comparison_class), comparison_class(data_type)), (Some(a), Some(b)) if a != b)
}

/// The failures of comparing values of a type with a column of another that does not compare with it.
fn mismatched(values: &Vector, column: &Vector) -> Option<Vector> {
    let data_type = column.data_type()?;
    if column.is_empty() || !mismatched_types(values, data_type) {
        return None;
    }
    let sample = zero_like(data_type);
    let results = (0..values.len()).map(|i| match values.get(i) {
        Value::Blank => Ok(Value::Boolean(false)),
        value => operators::one(BinaryOp::StrictEqual, &value, &sample),
    });
    Some(Vector::from_results(results, DataType::Boolean))
}

/// Whether each context's segment holds its wanted number. A segment that several contexts share is made a set once.
fn found_in_segments(
    rows: &TableRows,
    numbers: &[u32],
    wanted: &[u32],
    watch: &Watch<'_>,
) -> Result<Vector, Stopped> {
    let shared = rows.segments.is_some();
    let mut sets: Vec<Option<Held>> = Vec::new();
    sets.resize_with(rows.offsets.len(), || None);
    let mut found = BooleanBufferBuilder::new(wanted.len());
    for (context, wanted) in wanted.iter().enumerate() {
        let segment = segment_of(rows, context);
        let range = segment_range(rows, segment);
        watch.step(1)?;
        found.append(if !shared || range.len() <= 4 {
            watch.step(range.len() / 8)?;
            numbers[range].contains(wanted)
        } else {
            let set = &mut sets[segment as usize];
            set.get_or_insert_with(|| Held::of(&numbers[range]))
                .contains(*wanted)
        });
    }
    Ok(Vector {
        data: Data::Boolean(BooleanArray::new(found.finish(), None)),
        errors: None,
    })
}

/// A set of numbers that is asked many times: a bit for each number where that takes little, because a filter of a role asks it of
/// every value that a column has.
enum Held {
    Bits(Vec<u64>),
    Sparse(RoaringBitmap),
}

impl Held {
    /// Words of bits for each number of the set, at most.
    const WORDS: usize = 4;

    fn of(numbers: &[u32]) -> Held {
        let words = numbers
            .iter()
            .max()
            .map_or(0, |most| *most as usize / 64 + 1);
        if words > numbers.len().saturating_mul(Held::WORDS) {
            return Held::Sparse(numbers.iter().copied().collect());
        }
        let mut bits = vec![0u64; words];
        for number in numbers {
            if let Some(word) = bits.get_mut(*number as usize / 64) {
                *word |= 1 << (number % 64);
            }
        }
        Held::Bits(bits)
    }

    fn contains(&self, number: u32) -> bool {
        match self {
            Held::Bits(bits) => bits
                .get(number as usize / 64)
                .is_some_and(|word| word >> (number % 64) & 1 == 1),
            Held::Sparse(set) => set.contains(number),
        }
    }
}

/// The parent of each identifier.
struct Tree {
    nodes: HashMap<KeyValue, u32>,
    /// Text and parent of each node; several different parents are a failure.
    list: Vec<(Arc<str>, Result<KeyValue, Failure>)>,
    paths: HashMap<u32, Result<Arc<str>, Failure>>,
}

impl Tree {
    fn new(ids: &Vector, parents: &Vector) -> Tree {
        let mut tree = Tree {
            nodes: HashMap::new(),
            list: Vec::new(),
            paths: HashMap::new(),
        };
        for row in 0..ids.len() {
            let id = ids.get(row);
            if id.is_blank() {
                continue;
            }
            let parent = key_of(&parents.get(row));
            let next = tree.list.len() as u32;
            match tree.nodes.entry(key_of(&id)) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(next);
                    tree.list.push((id.to_text(), Ok(parent)));
                }
                std::collections::hash_map::Entry::Occupied(entry) => {
                    let known = &mut tree.list[*entry.get() as usize].1;
                    if known.as_ref().is_ok_and(|known| *known != parent) {
                        *known = Err(Failure::new(
                            "PATH: an identifier stands in several rows with different parents",
                        ));
                    }
                }
            }
        }
        tree
    }

    /// The path of a node. Paths found on the way are kept, so every node is climbed from once; the bytes of each are told.
    fn path(
        &mut self,
        id: &KeyValue,
        made: &dyn Fn(usize) -> Outcome<()>,
    ) -> Outcome<Result<Arc<str>, Failure>> {
        let missing = || Failure::new("PATH: an identifier is not among the rows of the table");
        let mut climbed: Vec<u32> = Vec::new();
        let mut seen: HashSet<u32> = HashSet::new();
        let Some(mut here) = self.nodes.get(id).copied() else {
            return Ok(Err(missing()));
        };
        let mut above: Result<Option<Arc<str>>, Failure> = loop {
            if let Some(known) = self.paths.get(&here) {
                break known.clone().map(Some);
            }
            if !seen.insert(here) {
                break Err(Failure::new("PATH: an identifier is among its own parents"));
            }
            climbed.push(here);
            match &self.list[here as usize].1 {
                Err(failure) => break Err(failure.clone()),
                Ok(KeyValue::Blank) => break Ok(None),
                Ok(parent) => match self.nodes.get(parent) {
                    Some(next) => here = *next,
                    None => {
                        break Err(Failure::new(
                            "PATH: a parent is not among the identifiers of the table",
                        ));
                    }
                },
            }
        };
        while let Some(node) = climbed.pop() {
            let identifier = &self.list[node as usize].0;
            above = match above {
                Err(failure) => Err(failure),
                Ok(_) if identifier.contains('|') => {
                    Err(Failure::new("PATH: an identifier holds a vertical bar"))
                }
                Ok(None) => Ok(Some(Arc::clone(identifier))),
                Ok(Some(path)) => {
                    text::joined([&*path, &**identifier], "|").map(|path| Some(path.to_text()))
                }
            };
            if let Ok(Some(path)) = &above {
                made(path.len())?;
            }
            let path = above.clone().map(|path| path.unwrap_or_default());
            self.paths.insert(node, path);
        }
        Ok(above.map(|path| path.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Option<&str>]) -> Vector {
        let values = values
            .iter()
            .map(|value| Ok(value.map_or(Value::Blank, Value::text)));
        Vector::from_results(values, DataType::Text)
    }

    #[test]
    fn paths_lead_from_the_root() {
        let check = |rows: &[(&str, Option<&str>)], id: &str, expected: Option<&str>| {
            let ids = column(&rows.iter().map(|(id, _)| Some(*id)).collect::<Vec<_>>());
            let parents = column(&rows.iter().map(|(_, parent)| *parent).collect::<Vec<_>>());
            let mut tree = Tree::new(&ids, &parents);
            let mut path = || {
                tree.path(&key_of(&Value::text(id)), &|_| Ok(()))
                    .unwrap()
                    .ok()
            };
            assert_eq!(path().as_deref(), expected, "{rows:?} {id}");
            // A second time the answer comes from what was kept.
            assert_eq!(path().as_deref(), expected, "{rows:?} {id}");
        };
        let people = [
            ("ana", None),
            ("bo", Some("Ana")),
            ("cy", Some("bo")),
            ("di", Some("nobody")),
        ];
        check(&people, "ana", Some("ana"));
        check(&people, "CY", Some("ana|bo|cy"));
        check(&people, "di", None);
        check(&people, "eve", None);
        check(&[("a", Some("b")), ("b", Some("a"))], "a", None);
        check(&[("a", Some("a"))], "a", None);
        check(
            &[("a", None), ("b", Some("a")), ("b", Some("a"))],
            "b",
            Some("a|b"),
        );
        check(&[("a", None), ("b", Some("a")), ("b", None)], "b", None);
        check(&[("a|b", None)], "a|b", None);
    }

    #[test]
    fn a_shared_segment_is_searched_like_any_other() {
        let numbers = [4, 9, 2, 7, 5, 1];
        let shared = TableRows::shared(3, 6, None, Vec::new());
        let own = TableRows {
            offsets: vec![0, 2, 2, 6],
            segments: None,
            base: None,
            under: None,
            columns: Vec::new(),
            errors: None,
        };
        let check = |rows: &TableRows, wanted: [u32; 3], expected: [bool; 3]| {
            let found = found_in_segments(
                rows,
                &numbers,
                &wanted,
                &Watch::new(&security::Control::new(None)),
            )
            .unwrap();
            assert_eq!(
                (0..3).map(|i| found.get(i)).collect::<Vec<_>>(),
                expected.map(Value::Boolean),
                "{wanted:?}"
            );
        };
        check(&shared, [5, 3, 9], [true, false, true]);
        check(&own, [9, 9, 9], [true, false, false]);
        check(&own, [2, 2, 2], [false, false, true]);
    }

    #[test]
    fn sets_hold_their_numbers_however_these_lie() {
        fn check(numbers: &[u32], as_bits: bool) {
            let held = Held::of(numbers);
            assert_eq!(matches!(held, Held::Bits(_)), as_bits, "{numbers:?}");
            let near = numbers
                .iter()
                .flat_map(|n| [n.saturating_sub(1), *n, n.saturating_add(1)]);
            for number in near.chain([0, 63, 64, ABSENT]) {
                assert_eq!(held.contains(number), numbers.contains(&number), "{number}");
            }
        }
        check(&[], true);
        check(&[0], true);
        check(&[255], true);
        check(&[256], false);
        check(&[3, 64, 700, 511], true);
        check(&[7, ABSENT], false);
    }
}
