//! Every type that a file can have, against every type that a model can have.

use std::fs::File;
use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::*;
use model::DataType as To;
use parquet::data_type as physical;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::super::{NoProgress, import};
use super::{Folder, column, from_files, model, table, without_folder};
use crate::{ColumnId, TableId, canonical_type};

/// What the model's column holds after reading the file's column `c`.
fn read(folder: &Folder, file: &str, to: To) -> Result<ArrayRef, String> {
    let table = from_files(table("T", vec![column("c", to)]), &[file]);
    let dataset = import(&model(vec![table]), &folder.0, &NoProgress)
        .map_err(|e| without_folder(&e.to_string(), &folder.0))?;
    let id = ColumnId {
        table: TableId(0),
        column: 0,
    };
    let codes: Vec<u32> = dataset.column(id).unwrap().iter_codes().collect();
    Ok(dataset.decode(id, &codes, None).unwrap())
}

fn written(array: ArrayRef, to: To) -> Result<ArrayRef, String> {
    let folder = Folder::new();
    folder.write("f.parquet", &[("c", array)]);
    read(&folder, "f.parquet", to)
}

#[track_caller]
fn check(array: impl Array + 'static, to: To, expected: impl Array + 'static) {
    let from = array.data_type().clone();
    let expected: ArrayRef = Arc::new(expected);
    assert_eq!(
        written(Arc::new(array), to).as_ref(),
        Ok(&expected),
        "{from} to {to:?}"
    );
}

#[track_caller]
fn refuse(array: impl Array + 'static, to: To, expected: &str) {
    let from = array.data_type().clone();
    let message =
        written(Arc::new(array), to).expect_err(&format!("{from} to {to:?} was accepted"));
    assert!(message.contains(expected), "{from} to {to:?}: {message}");
    assert!(
        message.contains("'T'[c]") && message.contains("f.parquet"),
        "{message}"
    );
}

fn fixed<const N: usize>(values: [Option<i64>; N]) -> Decimal64Array {
    Decimal64Array::from(values.to_vec())
        .with_precision_and_scale(18, 4)
        .unwrap()
}

fn micros<const N: usize>(values: [Option<i64>; N]) -> TimestampMicrosecondArray {
    TimestampMicrosecondArray::from(values.to_vec())
}

const DAY: i64 = 86_400_000_000;
const EPOCH: i64 = -25_569 * DAY;

#[test]
fn whole_numbers() {
    let expected = || Int64Array::from(vec![Some(1), None, Some(100)]);
    check(
        Int8Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        Int16Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        Int32Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        Int64Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        UInt8Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        UInt16Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        UInt32Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        UInt64Array::from(vec![Some(1), None, Some(100)]),
        To::Integer,
        expected(),
    );
    check(
        Float32Array::from(vec![Some(1.0), None, Some(100.0)]),
        To::Integer,
        expected(),
    );
    check(
        Float64Array::from(vec![Some(1.0), None, Some(100.0)]),
        To::Integer,
        expected(),
    );
    check(
        Int64Array::from(vec![i64::MIN, i64::MAX]),
        To::Integer,
        Int64Array::from(vec![i64::MIN, i64::MAX]),
    );
    check(
        UInt32Array::from(vec![u32::MAX]),
        To::Integer,
        Int64Array::from(vec![4_294_967_295]),
    );
    refuse(
        UInt64Array::from(vec![1 << 63]),
        To::Integer,
        "out of range",
    );
    refuse(
        Float64Array::from(vec![1.5]),
        To::Integer,
        "not a whole number",
    );
    refuse(
        Float64Array::from(vec![f64::NAN]),
        To::Integer,
        "not a number",
    );
    refuse(Float64Array::from(vec![1e300]), To::Integer, "out of range");
    refuse(
        Float64Array::from(vec![9_223_372_036_854_775_808.0]),
        To::Integer,
        "out of range",
    );
    for (array, text) in [
        (vec![200i128], None),
        (vec![250], Some("not a whole number")),
    ] {
        let array = Decimal128Array::from(array)
            .with_precision_and_scale(38, 2)
            .unwrap();
        match text {
            None => check(array, To::Integer, Int64Array::from(vec![2])),
            Some(text) => refuse(array, To::Integer, text),
        }
    }
}

#[test]
fn decimal_numbers() {
    let expected = || Float64Array::from(vec![Some(1.5), None]);
    check(
        Float64Array::from(vec![Some(1.5), None]),
        To::Double,
        expected(),
    );
    check(
        Float32Array::from(vec![Some(1.5), None]),
        To::Double,
        expected(),
    );
    check(
        Float32Array::from(vec![Some(1.5), None]).slice(0, 0),
        To::Double,
        expected().slice(0, 0),
    );
    let half: Float16Array = [Some(1.5f32), None]
        .into_iter()
        .map(|v| v.map(<Float16Type as ArrowPrimitiveType>::Native::from_f32))
        .collect();
    check(half, To::Double, expected());
    check(
        Int32Array::from(vec![Some(-3), None]),
        To::Double,
        Float64Array::from(vec![Some(-3.0), None]),
    );
    let decimal = Decimal256Array::from(vec![Some(i256::from_i128(15)), None]);
    check(
        decimal.with_precision_and_scale(76, 1).unwrap(),
        To::Double,
        expected(),
    );
    check(
        Decimal64Array::from(vec![1])
            .with_precision_and_scale(18, 1)
            .unwrap(),
        To::Double,
        Float64Array::from(vec![0.1]),
    );
    let double = written(
        Arc::new(Float64Array::from(vec![f64::NAN, -0.0, f64::INFINITY])),
        To::Double,
    )
    .unwrap();
    assert!(double.as_primitive::<Float64Type>().value(0).is_nan());
}

#[test]
fn fixed_decimals() {
    check(
        Int8Array::from(vec![Some(2), None]),
        To::Fixed,
        fixed([Some(20_000), None]),
    );
    check(
        UInt64Array::from(vec![Some(2), None]),
        To::Fixed,
        fixed([Some(20_000), None]),
    );
    refuse(
        Int64Array::from(vec![i64::MAX / 10_000 + 1]),
        To::Fixed,
        "out of range",
    );
    check(
        Decimal32Array::from(vec![Some(12_345), None])
            .with_precision_and_scale(9, 2)
            .unwrap(),
        To::Fixed,
        fixed([Some(1_234_500), None]),
    );
    check(
        Decimal64Array::from(vec![Some(12_345), None])
            .with_precision_and_scale(18, 4)
            .unwrap(),
        To::Fixed,
        fixed([Some(12_345), None]),
    );
    check(
        Decimal128Array::from(vec![Some(123_455), Some(-123_455), Some(123_454), None])
            .with_precision_and_scale(38, 5)
            .unwrap(),
        To::Fixed,
        fixed([Some(12_346), Some(-12_346), Some(12_345), None]),
    );
    let wide = i256::from_i128(10).checked_pow(40).unwrap();
    check(
        Decimal256Array::from(vec![Some(wide), None])
            .with_precision_and_scale(76, 40)
            .unwrap(),
        To::Fixed,
        fixed([Some(10_000), None]),
    );
    refuse(
        Decimal256Array::from(vec![wide])
            .with_precision_and_scale(76, 2)
            .unwrap(),
        To::Fixed,
        "out of range",
    );
    check(
        Float64Array::from(vec![Some(1.23456), Some(-0.00005), Some(0.1), None]),
        To::Fixed,
        fixed([Some(12_346), Some(-1), Some(1000), None]),
    );
    refuse(
        Float64Array::from(vec![f64::INFINITY]),
        To::Fixed,
        "not a number",
    );
    refuse(Float64Array::from(vec![1e15]), To::Fixed, "out of range");
}

#[test]
fn texts() {
    let expected = || StringArray::from(vec![Some("a "), None, Some(""), Some("é")]);
    check(expected(), To::Text, expected());
    check(
        LargeStringArray::from(vec![Some("a "), None, Some(""), Some("é")]),
        To::Text,
        expected(),
    );
    check(
        StringViewArray::from(vec![Some("a "), None, Some(""), Some("é")]),
        To::Text,
        expected(),
    );
    let dictionary: DictionaryArray<Int8Type> = vec![Some("a "), None, Some(""), Some("é")]
        .into_iter()
        .collect();
    check(dictionary, To::Text, expected());
    let dictionary: DictionaryArray<UInt32Type> = vec![Some("a "), None, Some(""), Some("é")]
        .into_iter()
        .collect();
    check(dictionary, To::Text, expected());
    for to in [
        To::Integer,
        To::Double,
        To::Fixed,
        To::DateTime,
        To::Boolean,
    ] {
        refuse(StringArray::from(vec!["1"]), to, "Utf8");
    }
    refuse(Int64Array::from(vec![1]), To::Text, "Int64");
    refuse(Date32Array::from(vec![1]), To::Text, "Date32");
    refuse(BooleanArray::from(vec![true]), To::Text, "Boolean");
    refuse(BinaryArray::from(vec![b"a".as_ref()]), To::Text, "Binary");
}

#[test]
fn dates_and_times() {
    check(
        Date32Array::from(vec![Some(1), None]),
        To::DateTime,
        micros([Some(DAY), None]),
    );
    check(
        Date64Array::from(vec![Some(86_400_000), None]),
        To::DateTime,
        micros([Some(DAY), None]),
    );
    check(
        TimestampSecondArray::from(vec![Some(-1), None]),
        To::DateTime,
        micros([Some(-1_000_000), None]),
    );
    check(
        TimestampMillisecondArray::from(vec![Some(-1), None]),
        To::DateTime,
        micros([Some(-1000), None]),
    );
    check(
        TimestampMicrosecondArray::from(vec![Some(-1), None]),
        To::DateTime,
        micros([Some(-1), None]),
    );
    check(
        TimestampNanosecondArray::from(vec![Some(-1), Some(1999)]),
        To::DateTime,
        micros([Some(-1), Some(1)]),
    );
    for zone in ["UTC", "+02:00", "Europe/Berlin"] {
        check(
            TimestampMicrosecondArray::from(vec![Some(7), None]).with_timezone(zone),
            To::DateTime,
            micros([Some(7), None]),
        );
        check(
            TimestampNanosecondArray::from(vec![Some(7000), None]).with_timezone(zone),
            To::DateTime,
            micros([Some(7), None]),
        );
    }
    check(
        Time32SecondArray::from(vec![Some(1), None]),
        To::DateTime,
        micros([Some(EPOCH + 1_000_000), None]),
    );
    check(
        Time32MillisecondArray::from(vec![Some(1), None]),
        To::DateTime,
        micros([Some(EPOCH + 1000), None]),
    );
    check(
        Time64MicrosecondArray::from(vec![Some(1), None]),
        To::DateTime,
        micros([Some(EPOCH + 1), None]),
    );
    check(
        Time64NanosecondArray::from(vec![Some(1500), None]),
        To::DateTime,
        micros([Some(EPOCH + 1), None]),
    );
    check(
        Date32Array::from(vec![-719_162, 2_932_896]),
        To::DateTime,
        micros([Some(-719_162 * DAY), Some(2_932_896 * DAY)]),
    );
    for out in [-719_163, 2_932_897, i32::MIN, i32::MAX] {
        refuse(
            Date32Array::from(vec![out]),
            To::DateTime,
            "years 1 to 9999",
        );
    }
    refuse(
        TimestampSecondArray::from(vec![i64::MAX]),
        To::DateTime,
        "years 1 to 9999",
    );
    refuse(
        TimestampMicrosecondArray::from(vec![i64::MAX]),
        To::DateTime,
        "years 1 to 9999",
    );
    refuse(Int64Array::from(vec![1]), To::DateTime, "Int64");
    refuse(Float64Array::from(vec![1.0]), To::DateTime, "Float64");
    refuse(
        DurationMicrosecondArray::from(vec![1]),
        To::DateTime,
        "Duration",
    );
    refuse(Date32Array::from(vec![1]), To::Integer, "Date32");
    refuse(
        TimestampMicrosecondArray::from(vec![1]),
        To::Double,
        "Timestamp",
    );
}

#[test]
fn booleans_and_nothing() {
    check(
        BooleanArray::from(vec![Some(true), None]),
        To::Boolean,
        BooleanArray::from(vec![Some(true), None]),
    );
    refuse(Int8Array::from(vec![1]), To::Boolean, "Int8");
    refuse(BooleanArray::from(vec![true]), To::Integer, "Boolean");
    for to in [
        To::Text,
        To::Integer,
        To::Double,
        To::Fixed,
        To::DateTime,
        To::Boolean,
    ] {
        let expected = new_null_array(&canonical_type(to).unwrap(), 3);
        assert_eq!(
            written(Arc::new(NullArray::new(3)), to),
            Ok(expected),
            "{to:?}"
        );
    }
}

#[test]
fn nested_columns_matter_only_when_read() {
    let list = || ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None]);
    refuse(list(), To::Integer, "List");
    let folder = Folder::new();
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    folder.write(
        "f.parquet",
        &[("nested", Arc::new(list())), ("c", Arc::clone(&numbers))],
    );
    assert_eq!(read(&folder, "f.parquet", To::Integer), Ok(numbers));
}

#[test]
fn types_are_settled_without_rows() {
    refuse(StringArray::from(Vec::<&str>::new()), To::Integer, "Utf8");
    check(
        Int16Array::from(Vec::<i16>::new()),
        To::Integer,
        Int64Array::from(Vec::<i64>::new()),
    );
}

/// A file with one column of a physical type that the Arrow writer does not write.
fn write_physical<T: physical::DataType>(folder: &Folder, message: &str, values: &[T::T]) {
    let schema = Arc::new(parse_message_type(message).unwrap());
    let file = File::create(folder.path("f.parquet")).unwrap();
    let mut writer =
        SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::default())).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<T>().write_batch(values, None, None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn timestamps_of_96_bits_reach_beyond_nanoseconds() {
    let folder = Folder::new();
    let mut first = physical::Int96::new();
    // Nanoseconds of the day, then the Julian day; 2,440,588 is 1970-01-01.
    first.set_data(1000, 0, 2_440_589);
    let mut last = physical::Int96::new();
    last.set_data(0, 0, 2_440_588 + 2_932_896);
    write_physical::<physical::Int96Type>(
        &folder,
        "message m { required int96 c; }",
        &[first, last],
    );
    let expected: ArrayRef = Arc::new(micros([Some(DAY + 1), Some(2_932_896 * DAY)]));
    assert_eq!(read(&folder, "f.parquet", To::DateTime), Ok(expected));
}

#[test]
fn enumerations_are_text() {
    let folder = Folder::new();
    let message = "message m { required binary c (ENUM); }";
    write_physical::<physical::ByteArrayType>(&folder, message, &["a".into(), "b".into()]);
    let expected: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
    assert_eq!(read(&folder, "f.parquet", To::Text), Ok(expected));
}
