//! Relationships: from the code of a key to the row that it finds.

use std::sync::{Arc, OnceLock, PoisonError};

use model::Cardinality;

use crate::column::Column;
use crate::column_values::is_number;
use crate::composed::Composed;
use crate::dictionary::Domain;
use crate::figures::KeyMapFigures;
use crate::hash::FastMap;
use crate::numbering::Numbering;
use crate::reading::ColumnRef;
use crate::{
    ABSENT, BLANK, ColumnId, DataType, Dataset, RelationshipId, Step, StorageError, TableId,
};

/// A relationship of the model, with its maps once they are built.
#[derive(Clone, Debug)]
pub(crate) struct Relationship {
    name: String,
    /// None: the model names a column that it does not have.
    from: Option<ColumnId>,
    to: Option<ColumnId>,
    from_cardinality: Cardinality,
    to_cardinality: Cardinality,
    by_day: bool,
    maps: Option<Maps>,
    /// The maps of a relationship that held when it was written to disk: built when they are first needed.
    later: Option<Arc<OnceLock<Maps>>>,
}

/// Rows by code of the key. What finds no row leads to the blank row, whose number is the count of rows.
#[derive(Clone, Debug, Default)]
struct Maps {
    forward: Option<Arc<[u32]>>,
    /// Only one-to-one relationships have it.
    reverse: Option<Arc<[u32]>>,
}

/// One step of a path, resolved: the codes of `column` index `rows`, which are rows of `target`.
pub(crate) struct Hop<'a> {
    pub(crate) column: ColumnId,
    pub(crate) rows: &'a Arc<[u32]>,
    pub(crate) target: TableId,
}

impl Relationship {
    pub(crate) fn new(
        r: &model::Relationship,
        from: Option<ColumnId>,
        to: Option<ColumnId>,
    ) -> Relationship {
        Relationship {
            name: if r.name.is_empty() {
                format!("{} to {}", r.from_table, r.to_table)
            } else {
                r.name.clone()
            },
            from,
            to,
            from_cardinality: r.from_cardinality,
            to_cardinality: r.to_cardinality,
            by_day: r.join_on_date_part,
            maps: None,
            later: None,
        }
    }

    /// Sizes of its maps; None: it has none.
    pub(crate) fn figures(&self) -> Option<KeyMapFigures> {
        let later = || self.later.as_ref().and_then(|later| later.get());
        let maps = self.maps.as_ref().or_else(later)?;
        let entries: usize = [&maps.forward, &maps.reverse]
            .into_iter()
            .flatten()
            .map(|map| map.len())
            .sum();
        (entries > 0).then(|| KeyMapFigures {
            relationship: self.name.clone(),
            entries: entries as u64,
            bytes: (entries * size_of::<u32>()) as u64,
        })
    }

    fn refused(&self, reason: &str) -> StorageError {
        StorageError::Relationship {
            relationship: self.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl Dataset {
    /// Builds the maps of a relationship, once both its columns are there. A column on the one side must neither repeat a
    /// value nor hold BLANK.
    pub fn relate(&mut self, relationship: RelationshipId) -> Result<(), StorageError> {
        let maps = self.maps(self.relationship(relationship)?)?;
        self.number(relationship, &maps)?;
        self.relationships[relationship.0 as usize].maps = Some(maps);
        Ok(())
    }

    /// Numbers the foreign key of a many-to-one relationship by the hierarchy of the table that it leads to. A key that is
    /// numbered already, by another relationship, stays as it is, and so does one that another dataset shares.
    fn number(&mut self, relationship: RelationshipId, maps: &Maps) -> Result<(), StorageError> {
        let r = self.relationship(relationship)?;
        let (Some(from), Some(to), Some(rows)) = (r.from, r.to, &maps.forward) else {
            return Ok(());
        };
        // A key that lies on disk has the numbering that was written with it.
        if self.slot(from)?.data.is_none() {
            return Ok(());
        }
        let numbering = {
            let key = self.column(from)?;
            if maps.reverse.is_some() || key.numbering.is_some() {
                return Ok(());
            }
            let columns = self.hierarchy_columns(to.table)?;
            let columns: Vec<&Column> = columns.iter().map(|column| &**column).collect();
            Numbering::of_key(&key, rows, &columns)
        };
        let Some(numbering) = numbering else {
            return Ok(());
        };
        let slot = &mut self.table_mut(from.table)?.columns[from.column as usize];
        if let Some(key) = slot.data.as_mut().and_then(Arc::get_mut) {
            key.number(numbering);
            // What was composed stands by the numbers that the key had.
            *self
                .composed
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner) = Composed::default();
        }
        Ok(())
    }

    /// The columns of a table that a hierarchy may be made of. Those on disk are read only if they may be.
    fn hierarchy_columns(&self, table: TableId) -> Result<Vec<ColumnRef<'_>>, StorageError> {
        let known = self.table(table)?;
        let rows = known.rows.unwrap_or(0);
        let ids = (0u32..).zip(&known.columns);
        let wanted = ids.filter(|(_, slot)| match (&slot.data, &slot.stored) {
            (Some(_), _) => true,
            (None, Some(stored)) => Numbering::may_use(stored.distinct, rows),
            (None, None) => false,
        });
        wanted
            .map(|(column, _)| self.column(ColumnId { table, column }))
            .collect()
    }

    /// Whether the relationship was built. A many-to-many relationship then still has no map from row to row:
    /// `translate` carries it.
    pub fn is_related(&self, relationship: RelationshipId) -> bool {
        self.relationship(relationship)
            .is_ok_and(|r| r.maps.is_some() || r.later.is_some())
    }

    /// Counts a relationship as built that was built before over the same data. Its maps come with its first use, so that no
    /// column is read before it is needed.
    pub(crate) fn relate_later(
        &mut self,
        relationship: RelationshipId,
    ) -> Result<(), StorageError> {
        let unknown = StorageError::UnknownRelationship {
            relationship: relationship.0,
        };
        let known = self.relationships.get_mut(relationship.0 as usize);
        known.ok_or(unknown)?.later = Some(Arc::default());
        Ok(())
    }

    /// Counts a relationship as built if it was in the generation before, and cannot have ceased to hold because rows were added to some
    /// tables: keys of the one side are those of before. Who is not counted is built, and tried, with all others.
    pub(crate) fn relate_as_before(
        &mut self,
        relationship: RelationshipId,
        has_more: impl Fn(TableId) -> bool,
    ) -> Result<(), StorageError> {
        let r = self.relationship(relationship)?;
        let (Some(from), Some(to)) = (r.from, r.to) else {
            return Ok(());
        };
        let is_stored = |id: ColumnId| {
            let slot = self.slot(id);
            slot.is_ok_and(|slot| slot.data.is_none() && slot.stored.is_some())
        };
        let is_one = |cardinality| cardinality == Cardinality::One;
        let may_fail = (is_one(r.to_cardinality) && has_more(to.table))
            || (is_one(r.from_cardinality) && has_more(from.table));
        if is_stored(from) && is_stored(to) && !may_fail {
            self.relate_later(relationship)?;
        }
        Ok(())
    }

    fn maps_of<'a>(&'a self, r: &'a Relationship) -> Result<Option<&'a Maps>, StorageError> {
        let Some(later) = &r.later else {
            return Ok(r.maps.as_ref());
        };
        if let Some(maps) = later.get() {
            return Ok(Some(maps));
        }
        let maps = self.maps(r)?;
        Ok(Some(later.get_or_init(|| maps)))
    }

    pub(crate) fn hop(&self, step: Step) -> Result<Hop<'_>, StorageError> {
        let r = self.relationship(step.relationship)?;
        let not_related = || StorageError::NotRelated {
            relationship: r.name.clone(),
        };
        let (Some(from), Some(to), Some(maps)) = (r.from, r.to, self.maps_of(r)?) else {
            return Err(not_related());
        };
        let (column, rows, target) = if step.reverse {
            (to, &maps.reverse, from.table)
        } else {
            (from, &maps.forward, to.table)
        };
        Ok(Hop {
            column,
            rows: rows.as_ref().ok_or_else(not_related)?,
            target,
        })
    }

    fn maps(&self, r: &Relationship) -> Result<Maps, StorageError> {
        let (Some(from), Some(to)) = (r.from, r.to) else {
            return Err(r.refused("it names a column that the model does not have"));
        };
        let (from_column, to_column) = (self.column(from)?, self.column(to)?);
        self.check_types(r, &from_column, &to_column)?;
        match (r.from_cardinality, r.to_cardinality) {
            (Cardinality::Many, Cardinality::Many) if r.by_day => {
                Err(r.refused("a many-to-many relationship cannot join on the date part alone"))
            }
            (Cardinality::Many, Cardinality::Many) => Ok(Maps::default()),
            (Cardinality::One, Cardinality::Many) => Err(r.refused(
                "it goes from the one side to the many side; swap its ends, so that 'from' is the many side",
            )),
            (Cardinality::Many, Cardinality::One) => {
                Ok(Maps { forward: Some(self.rows_by_key(r, from, to)?), reverse: None })
            }
            (Cardinality::One, Cardinality::One) => Ok(Maps {
                forward: Some(self.rows_by_key(r, from, to)?),
                reverse: Some(self.rows_by_key(r, to, from)?),
            }),
        }
    }

    fn check_types(
        &self,
        r: &Relationship,
        from: &Column,
        to: &Column,
    ) -> Result<(), StorageError> {
        // Models relate the text of a number to the number; such values are compared by their text. They also relate a number such
        // as 20240131 to a date, of which no value finds another.
        let met =
            |a, b| is_number(a) && (is_number(b) || b == DataType::Text || b == DataType::DateTime);
        let (a, b) = (from.data_type, to.data_type);
        if a != b && !met(a, b) && !met(b, a) {
            return Err(r.refused(&format!(
                "its columns are of types {:?} and {:?}, which have no values in common",
                from.data_type, to.data_type
            )));
        }
        if r.by_day && [a, b] != [DataType::DateTime; 2] {
            return Err(r.refused("only dates can be joined on the date part alone"));
        }
        Ok(())
    }

    /// For each code of `keys` the row of the unique column `unique` that holds the same value.
    fn rows_by_key(
        &self,
        r: &Relationship,
        keys: ColumnId,
        unique: ColumnId,
    ) -> Result<Arc<[u32]>, StorageError> {
        let (key_column, unique_column) = (self.column(keys)?, self.column(unique)?);
        let place = || {
            (
                r.name.clone(),
                self.tables[unique.table.0 as usize].name.clone(),
            )
        };
        let column_name = self.slot(unique)?.name.clone();
        let blank_row = unique_column.len() as u32;
        let mut row_of = vec![blank_row; unique_column.size() as usize];
        for (row, code) in unique_column.iter_codes().enumerate() {
            let (relationship, table) = if code == BLANK || row_of[code as usize] != blank_row {
                place()
            } else {
                row_of[code as usize] = row as u32;
                continue;
            };
            return Err(if code == BLANK {
                StorageError::BlankKey {
                    relationship,
                    table,
                    column: column_name,
                }
            } else {
                StorageError::Duplicate {
                    relationship,
                    table,
                    column: column_name,
                }
            });
        }
        if r.by_day {
            let mut by_day: FastMap<i64, u32> = FastMap::default();
            for code in (1..unique_column.size()).filter(|c| unique_column.holds(*c)) {
                if by_day
                    .insert(day(&unique_column.domain, code), row_of[code as usize])
                    .is_some()
                {
                    let (relationship, table) = place();
                    return Err(StorageError::Duplicate {
                        relationship,
                        table,
                        column: column_name,
                    });
                }
            }
            let found = |code: u32| by_day.get(&day(&key_column.domain, code)).copied();
            let rows = (0..key_column.size()).map(|c| {
                if c == BLANK {
                    blank_row
                } else {
                    found(c).unwrap_or(blank_row)
                }
            });
            return Ok(rows.collect());
        }
        let translated = self.translate(keys, unique)?;
        Ok(translated
            .iter()
            .map(|code| match *code {
                BLANK | ABSENT => blank_row,
                code => row_of[code as usize],
            })
            .collect())
    }
}

fn day(dates: &Domain, code: u32) -> i64 {
    const MICROSECONDS: i64 = 86_400_000_000;
    dates
        .whole_value(code)
        .unwrap_or(0)
        .div_euclid(MICROSECONDS)
}
