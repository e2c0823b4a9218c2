//! Columns under way to a Parquet file.

use std::error::Error;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int16Array,
    Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// Named columns of equal length.
#[derive(Default)]
pub struct Sheet {
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Sheet {
    fn with(mut self, name: &'static str, array: ArrayRef) -> Sheet {
        self.columns.push((name, array));
        self
    }

    pub fn text(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<String>>,
    ) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<StringArray>()))
    }

    pub fn int16(self, name: &'static str, values: impl IntoIterator<Item = Option<i16>>) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Int16Array>()))
    }

    pub fn int32(self, name: &'static str, values: impl IntoIterator<Item = Option<i32>>) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Int32Array>()))
    }

    pub fn int64(self, name: &'static str, values: impl IntoIterator<Item = Option<i64>>) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Int64Array>()))
    }

    pub fn float32(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<f32>>,
    ) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Float32Array>()))
    }

    pub fn float64(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<f64>>,
    ) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Float64Array>()))
    }

    pub fn boolean(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<bool>>,
    ) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<BooleanArray>()))
    }

    /// Days since 1970.
    pub fn date(self, name: &'static str, values: impl IntoIterator<Item = Option<i32>>) -> Sheet {
        self.with(name, Arc::new(values.into_iter().collect::<Date32Array>()))
    }

    /// Microseconds since 1970, an instant.
    pub fn instant(
        self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<i64>>,
    ) -> Sheet {
        self.with(
            name,
            Arc::new(
                values
                    .into_iter()
                    .collect::<TimestampMicrosecondArray>()
                    .with_timezone("UTC"),
            ),
        )
    }

    /// Amounts in ten-thousandths, as `decimal(19, 4)`.
    pub fn money(self, name: &'static str, values: impl IntoIterator<Item = Option<i64>>) -> Sheet {
        self.decimal(name, 19, 4, values)
    }

    pub fn decimal(
        self,
        name: &'static str,
        precision: u8,
        scale: i8,
        values: impl IntoIterator<Item = Option<i64>>,
    ) -> Sheet {
        let array: Decimal128Array = values.into_iter().map(|v| v.map(i128::from)).collect();
        let array = array
            .with_precision_and_scale(precision, scale)
            .expect("the scale is within the precision");
        self.with(name, Arc::new(array))
    }

    fn batch(self) -> Result<RecordBatch, Box<dyn Error>> {
        let fields: Vec<Field> = self
            .columns
            .iter()
            .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
            .collect();
        let arrays = self.columns.into_iter().map(|(_, array)| array).collect();
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?)
    }
}

/// Writes sheets of one shape into a file, and says how many rows that made. `effort` is the level of compression.
pub fn write(
    path: &Path,
    sheets: impl IntoIterator<Item = Sheet>,
    group: usize,
    effort: i32,
) -> Result<usize, Box<dyn Error>> {
    let mut sheets = sheets.into_iter();
    let Some(first) = sheets.next() else {
        return Err("a table without a sheet".into());
    };
    let first = first.batch()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(effort)?))
        .set_max_row_group_row_count(Some(group))
        .build();
    let mut writer = ArrowWriter::try_new(File::create(path)?, first.schema(), Some(properties))?;
    let mut rows = first.num_rows();
    writer.write(&first)?;
    for sheet in sheets {
        let batch = sheet.batch()?;
        rows += batch.num_rows();
        writer.write(&batch)?;
    }
    writer.close()?;
    Ok(rows)
}
