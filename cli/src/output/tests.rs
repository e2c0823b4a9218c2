//! Every format over one answer with a value of every type.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use peristyle::{Answer, AnswerColumn, AnswerTable, DataType, Statistics};

use super::*;

fn table() -> AnswerTable {
    let columns: Vec<(&str, DataType, ArrayRef)> = vec![
        (
            "T[Text]",
            DataType::Text,
            Arc::new(StringArray::from(vec![Some("a,\"b\""), Some(""), None])),
        ),
        (
            "T[Whole]",
            DataType::Integer,
            Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(7), None])),
        ),
        (
            "[Decimal]",
            DataType::Double,
            Arc::new(Float64Array::from(vec![
                Some(2.5),
                Some(f64::NEG_INFINITY),
                Some(f64::NAN),
            ])),
        ),
        (
            "[Fixed]",
            DataType::Fixed,
            Arc::new(
                Decimal128Array::from(vec![Some(-12_500), Some(1_098_092_742_030), None])
                    .with_precision_and_scale(19, 4)
                    .unwrap(),
            ),
        ),
        (
            "T[Date]",
            DataType::DateTime,
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(1_561_939_200_000_000),
                Some(1_561_939_200_500_000),
                None,
            ])),
        ),
        (
            "[Flag]",
            DataType::Boolean,
            Arc::new(BooleanArray::from(vec![Some(true), Some(false), None])),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .iter()
            .map(|(name, _, array)| (*name, Arc::clone(array), true)),
    );
    let described = columns.iter().map(|(name, data_type, _)| AnswerColumn {
        name: (*name).to_owned(),
        data_type: *data_type,
        format_string: None,
        values: None,
    });
    AnswerTable {
        columns: described.collect(),
        batch: batch.unwrap(),
    }
}

fn written(answer: &Answer, format: Format) -> Result<String, OutputError> {
    let mut out = Vec::new();
    write(answer, format, "en-US", &mut out)?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn answer(tables: Vec<AnswerTable>) -> Answer {
    Answer {
        tables,
        statistics: Statistics::default(),
        reads: Default::default(),
    }
}

#[test]
fn json_has_the_shape_of_execute_queries() {
    let expected = concat!(
        r#"{"results":[{"tables":[{"rows":["#,
        r#"{"T[Text]":"a,\"b\"","T[Whole]":-9223372036854775808,"[Decimal]":2.5,"[Fixed]":-1.25,"#,
        r#""T[Date]":"2019-07-01T00:00:00","[Flag]":true},"#,
        r#"{"T[Text]":"","T[Whole]":7,"[Decimal]":"-Infinity","[Fixed]":109809274.203,"#,
        r#""T[Date]":"2019-07-01T00:00:00.500","[Flag]":false},"#,
        r#"{"T[Text]":null,"T[Whole]":null,"[Decimal]":"NaN","[Fixed]":null,"T[Date]":null,"[Flag]":null}"#,
        "]}]}]}\n"
    );
    assert_eq!(
        written(&answer(vec![table()]), Format::Json).unwrap(),
        expected
    );
    assert_eq!(
        written(&answer(vec![]), Format::Json).unwrap(),
        "{\"results\":[{\"tables\":[]}]}\n"
    );
}

#[test]
fn csv_tells_blank_from_the_empty_text() {
    let expected = concat!(
        "T[Text],T[Whole],[Decimal],[Fixed],T[Date],[Flag]\n",
        "\"a,\"\"b\"\"\",-9223372036854775808,2.5,-1.25,2019-07-01T00:00:00,TRUE\n",
        "\"\",7,-Infinity,109809274.203,2019-07-01T00:00:00.500,FALSE\n",
        ",,NaN,,,\n"
    );
    assert_eq!(
        written(&answer(vec![table()]), Format::Csv).unwrap(),
        expected
    );
}

#[test]
fn csv_and_arrow_hold_one_table() {
    for format in [Format::Csv, Format::Arrow] {
        let result = written(&answer(vec![table(), table()]), format);
        assert!(
            matches!(result, Err(OutputError::OneTableOnly { tables: 2 })),
            "{format:?}"
        );
    }
}

#[test]
fn arrow_reads_back_as_the_same_batch() {
    let mut out = Vec::new();
    write(&answer(vec![table()]), Format::Arrow, "en-US", &mut out).unwrap();
    let mut reader = arrow::ipc::reader::StreamReader::try_new(out.as_slice(), None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), table().batch);
    assert!(reader.next().is_none());
}

#[test]
fn a_table_for_people_is_aligned_counted_and_harmless() {
    let mut one = table();
    let escape: ArrayRef = Arc::new(StringArray::from(vec![Some("\u{1b}[2J"), None, None]));
    let mut arrays = one.batch.columns().to_vec();
    arrays[0] = escape;
    one.batch = RecordBatch::try_new(one.batch.schema(), arrays).unwrap();
    let text = written(&answer(vec![one]), Format::Table).unwrap();
    assert!(
        text.contains("\\u{1b}[2J") && !text.contains('\u{1b}'),
        "{text}"
    );
    assert!(text.ends_with("3 rows\n"), "{text}");
    assert!(text.contains("┆                    7 ┆"), "{text}");
    assert!(text.contains(" 2019-07-01 "), "{text}");
}
