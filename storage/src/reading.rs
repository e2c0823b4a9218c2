//! Columns in use. A column of a dataset on disk may be given up when memory is short, so whoever works with it holds it.

use std::cell::OnceCell;
use std::ops::Deref;
use std::sync::Arc;

use crate::column::Column;
use crate::{ColumnId, Dataset, StorageError};

/// A column that stays for as long as this lives.
pub(crate) enum ColumnRef<'a> {
    InMemory(&'a Column),
    /// Read from disk; the memory may be given up once nobody holds it.
    Read(Arc<Column>),
}

impl Deref for ColumnRef<'_> {
    type Target = Column;

    fn deref(&self) -> &Column {
        match self {
            ColumnRef::InMemory(column) => column,
            ColumnRef::Read(column) => column,
        }
    }
}

/// The columns of one scan: each is fetched once, and stays until the scan is over.
pub(crate) struct Reading<'a> {
    data: &'a Dataset,
    first: Place,
}

/// A list that only grows, so that what stands in it can be lent while more is added.
type Place = OnceCell<Box<Kept>>;

struct Kept {
    id: ColumnId,
    column: Arc<Column>,
    next: Place,
}

impl<'a> Reading<'a> {
    pub(crate) fn of(data: &'a Dataset) -> Reading<'a> {
        Reading {
            data,
            first: Place::new(),
        }
    }

    pub(crate) fn data(&self) -> &'a Dataset {
        self.data
    }

    pub(crate) fn column(&self, id: ColumnId) -> Result<&Column, StorageError> {
        if let Some(kept) = self.find(id) {
            return Ok(kept);
        }
        match self.data.column(id)? {
            ColumnRef::InMemory(column) => Ok(column),
            ColumnRef::Read(column) => Ok(self.keep(id, column)),
        }
    }

    fn find(&self, id: ColumnId) -> Option<&Column> {
        let mut place = &self.first;
        while let Some(kept) = place.get() {
            if kept.id == id {
                return Some(&kept.column);
            }
            place = &kept.next;
        }
        None
    }

    fn keep(&self, id: ColumnId, column: Arc<Column>) -> &Column {
        let mut end = &self.first;
        while let Some(kept) = end.get() {
            end = &kept.next;
        }
        let next = Place::new();
        let kept = end.get_or_init(|| Box::new(Kept { id, column, next }));
        &kept.column
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataType;
    use crate::codes::Codes;
    use crate::dictionary::Domain;

    #[test]
    fn what_is_kept_stays_where_it_is() {
        let data = Dataset::new(&model::Model::default());
        let reading = Reading::of(&data);
        let column = |n: i64| {
            let domain = Domain::Whole(vec![0, n]);
            Arc::new(Column::new(
                DataType::Integer,
                Codes::U8(vec![1]),
                domain,
                1,
            ))
        };
        let id = |column| ColumnId {
            table: crate::TableId(0),
            column,
        };
        let first = reading.keep(id(0), column(7));
        let second = reading.keep(id(1), column(8));
        assert!(std::ptr::eq(reading.column(id(0)).unwrap(), first));
        assert!(std::ptr::eq(reading.column(id(1)).unwrap(), second));
        assert!(reading.column(id(2)).is_err());
    }
}
