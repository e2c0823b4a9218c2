//! One column of one row group: decoded batch by batch, each packed before the next is read.

use model::Table;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::ImportError;
use super::budget::Budget;
use super::headers::{Pages, check_pages};
use super::open::{OpenFile, Wanted, Whereabouts, name_of, open_handle, refused};
use super::units;
use crate::Control;
use crate::column::BLOCK;
use crate::encode::Pieces;

/// Rows of a batch hold about this much at most, where a block of them would hold more.
const BATCH_BYTES: u64 = 32 << 20;

/// What a value takes in a decoded batch beside its own bytes.
const BYTES_A_VALUE: u64 = 16;

/// Which chunk is to be read.
pub(super) struct Chunk<'a> {
    pub table: &'a Table,
    pub file: &'a OpenFile,
    pub group: usize,
    /// The place of the column among those wanted.
    pub place: usize,
    pub wanted: &'a Wanted<'a>,
}

impl Chunk<'_> {
    /// Rows that the footer claims.
    fn claimed(&self) -> u64 {
        self.file
            .metadata
            .metadata()
            .row_group(self.group)
            .num_rows() as u64
    }

    /// The rows of the chunk, in pieces. `told` hears of every batch.
    pub fn read(
        &self,
        budget: &Budget,
        control: &Control,
        told: &dyn Fn(u64),
    ) -> Result<Pieces, ImportError> {
        control.check()?;
        let column = name_of(self.table, self.wanted);
        let at = Whereabouts {
            path: &self.file.path,
            row_group: Some(self.group),
            column: Some(&column),
        };
        let pages = at.guarded(|| self.check(at))?;
        let rows = batch_rows(&pages, self.claimed());
        let share = budget.take(pages.largest + rows as u64 * BYTES_A_VALUE + BATCH_BYTES);
        let pieces = at.guarded(|| self.decode(at, rows, control, told));
        drop(share);
        pieces
    }

    fn check(&self, at: Whereabouts<'_>) -> Result<Pages, ImportError> {
        let mut file = open_handle(self.table, &self.file.path)?;
        let group = self.file.metadata.metadata().row_group(self.group);
        let leaf = self.file.places[self.place].leaf;
        let chunk = group
            .columns()
            .get(leaf)
            .ok_or_else(|| at.damaged("the column is missing from its data"))?;
        let (start, length) = chunk.byte_range();
        check_pages(
            &mut file,
            start,
            length,
            self.claimed(),
            chunk.compression(),
        )
        .map_err(|e| at.damaged(e))
    }

    fn reader(
        &self,
        at: Whereabouts<'_>,
        rows: usize,
    ) -> Result<ParquetRecordBatchReader, ImportError> {
        let handle = open_handle(self.table, &self.file.path)?;
        let place = self.file.places[self.place];
        let chunk = self
            .file
            .metadata
            .metadata()
            .row_group(self.group)
            .column(place.leaf);
        // Without a dictionary in the file, numbering the texts of each batch would be done twice.
        let metadata = match chunk.dictionary_page_offset() {
            Some(_) => &self.file.numbered,
            None => &self.file.metadata,
        };
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone());
        let mask = ProjectionMask::roots(builder.parquet_schema(), [place.root]);
        builder
            .with_projection(mask)
            .with_row_groups(vec![self.group])
            .with_batch_size(rows)
            .build()
            .map_err(|e| at.damaged(e))
    }

    fn decode(
        &self,
        at: Whereabouts<'_>,
        batch_rows: usize,
        control: &Control,
        told: &dyn Fn(u64),
    ) -> Result<Pieces, ImportError> {
        let data_type = self.wanted.column.data_type;
        let mut pieces =
            Pieces::new(data_type).ok_or_else(|| at.damaged("its type has no values"))?;
        let claimed = self.claimed();
        let mut rows = 0u64;
        for batch in self.reader(at, batch_rows)? {
            control.check()?;
            let batch = batch.map_err(|e| at.damaged(e))?;
            rows += batch.num_rows() as u64;
            if rows > claimed || batch.num_columns() != 1 {
                break;
            }
            let array = batch.column(0);
            units::push(&mut pieces, array, data_type, &self.wanted.arrow_type).map_err(
                |refusal| {
                    let (path, found) = (&self.file.path, array.data_type());
                    refused(self.table, path, self.group, self.wanted, found, refusal)
                },
            )?;
            told(batch.num_rows() as u64);
        }
        if rows != claimed {
            return Err(at.damaged("its rows are not as many as the footer claims"));
        }
        Ok(pieces)
    }
}

/// A block of rows, or fewer where values are long.
fn batch_rows(pages: &Pages, rows: u64) -> usize {
    let bytes_a_row = pages.bytes / rows.max(1) + 1;
    (BATCH_BYTES / bytes_a_row).clamp(1, BLOCK as u64) as usize
}
