//! A vector: the values of one expression over the contexts of a batch, with the errors of single contexts.

use std::rc::Rc;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, BooleanBuilder, Decimal64Array, Decimal64Builder, Float64Array,
    Float64Builder, Int64Array, Int64Builder, StringArray, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};

use crate::error::Failure;
use crate::value::{DataType, Value};

/// The typed values of a vector. Null is BLANK.
#[derive(Clone, Debug)]
pub enum Data {
    /// The same value in every context.
    Constant(Value, usize),
    Integer(Int64Array),
    /// Decimal64(18, 4): ten-thousandths.
    Fixed(Decimal64Array),
    Double(Float64Array),
    Boolean(BooleanArray),
    DateTime(TimestampMicrosecondArray),
    Text(StringArray),
    /// Values of several types.
    Variant(Arc<[Value]>),
}

/// Errors by context, ascending. An error belongs to its context: what asks for another context does not see it.
pub type Errors = Option<Rc<Vec<(u32, Failure)>>>;

#[derive(Clone, Debug)]
pub struct Vector {
    pub data: Data,
    pub errors: Errors,
}

impl Vector {
    pub fn constant(value: Value, len: usize) -> Self {
        Vector {
            data: Data::Constant(value, len),
            errors: None,
        }
    }

    pub fn blank(len: usize) -> Self {
        Vector::constant(Value::Blank, len)
    }

    pub fn len(&self) -> usize {
        match &self.data {
            Data::Constant(_, n) => *n,
            Data::Integer(a) => a.len(),
            Data::Fixed(a) => a.len(),
            Data::Double(a) => a.len(),
            Data::Boolean(a) => a.len(),
            Data::DateTime(a) => a.len(),
            Data::Text(a) => a.len(),
            Data::Variant(v) => v.len(),
        }
    }

    /// Bytes that the values take as texts, roughly: for limits.
    pub fn text_bytes(&self) -> usize {
        match &self.data {
            Data::Text(array) => array.values().len(),
            Data::Constant(Value::Text(text), n) => text.len().saturating_mul(*n),
            Data::Variant(values) => values
                .iter()
                .map(|v| {
                    if let Value::Text(text) = v {
                        text.len()
                    } else {
                        8
                    }
                })
                .sum(),
            other => {
                8 * Vector {
                    data: other.clone(),
                    errors: None,
                }
                .len()
            }
        }
    }

    /// Bytes of the texts that would stand at these positions, where each would be one of its own. Beyond the end there is none.
    pub fn text_bytes_at(&self, positions: &[u32]) -> usize {
        let Data::Text(array) = &self.data else {
            return 0;
        };
        let length = |p: u32| match p as usize {
            p if p < array.len() => array.value_length(p) as usize,
            _ => 0,
        };
        positions.iter().fold(0, |sum, p| sum + length(*p))
    }

    /// What it takes to look at one value, in rows of a scan: each character of a text is one more.
    pub fn steps(&self) -> usize {
        match &self.data {
            Data::Text(_) | Data::Constant(Value::Text(_), _) | Data::Variant(_) => {
                1 + self.text_bytes() / self.len().max(1)
            }
            _ => 1,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values; None when all are BLANK constants.
    pub fn data_type(&self) -> Option<DataType> {
        match &self.data {
            Data::Constant(value, _) => value.data_type(),
            Data::Integer(_) => Some(DataType::Integer),
            Data::Fixed(_) => Some(DataType::Fixed),
            Data::Double(_) => Some(DataType::Double),
            Data::Boolean(_) => Some(DataType::Boolean),
            Data::DateTime(_) => Some(DataType::DateTime),
            Data::Text(_) => Some(DataType::Text),
            Data::Variant(_) => Some(DataType::Variant),
        }
    }

    /// The value in context `i`; BLANK beyond the end. Errors are asked for with [`Vector::error`].
    pub fn get(&self, i: usize) -> Value {
        fn at<A: Array, T>(
            array: &A,
            i: usize,
            read: impl Fn(&A, usize) -> T,
            wrap: impl Fn(T) -> Value,
        ) -> Value {
            if i < array.len() && array.is_valid(i) {
                wrap(read(array, i))
            } else {
                Value::Blank
            }
        }
        match &self.data {
            Data::Constant(value, _) => value.clone(),
            Data::Integer(a) => at(a, i, |a, i| a.value(i), Value::Integer),
            Data::Fixed(a) => at(a, i, |a, i| a.value(i), Value::Fixed),
            Data::Double(a) => at(a, i, |a, i| a.value(i), Value::Double),
            Data::Boolean(a) => at(a, i, |a, i| a.value(i), Value::Boolean),
            Data::DateTime(a) => at(a, i, |a, i| a.value(i), Value::DateTime),
            Data::Text(a) => {
                if i < a.len() && a.is_valid(i) {
                    Value::text(a.value(i))
                } else {
                    Value::Blank
                }
            }
            Data::Variant(values) => values.get(i).cloned().unwrap_or(Value::Blank),
        }
    }

    pub fn error(&self, i: usize) -> Option<&Failure> {
        let errors = self.errors.as_ref()?;
        let at = errors
            .binary_search_by_key(&(i as u32), |(context, _)| *context)
            .ok()?;
        errors.get(at).map(|(_, failure)| failure)
    }

    /// The value, or the error of that context.
    pub fn at(&self, i: usize) -> Result<Value, Failure> {
        match self.error(i) {
            Some(failure) => Err(failure.clone()),
            None => Ok(self.get(i)),
        }
    }

    pub fn is_blank(&self, i: usize) -> bool {
        match &self.data {
            Data::Constant(value, _) => value.is_blank(),
            Data::Integer(a) => a.is_null(i),
            Data::Fixed(a) => a.is_null(i),
            Data::Double(a) => a.is_null(i),
            Data::Boolean(a) => a.is_null(i),
            Data::DateTime(a) => a.is_null(i),
            Data::Text(a) => a.is_null(i),
            Data::Variant(values) => values[i].is_blank(),
        }
    }

    /// Values by position: `positions[k]` becomes context k.
    pub fn take(&self, positions: &[u32]) -> Vector {
        let data = match &self.data {
            Data::Constant(value, _) => Data::Constant(value.clone(), positions.len()),
            Data::Integer(a) => Data::Integer(
                positions
                    .iter()
                    .map(|&p| get(a, p, |a, i| a.value(i)))
                    .collect(),
            ),
            Data::Fixed(a) => Data::Fixed(fixed_array(
                positions.iter().map(|&p| get(a, p, |a, i| a.value(i))),
            )),
            Data::Double(a) => Data::Double(
                positions
                    .iter()
                    .map(|&p| get(a, p, |a, i| a.value(i)))
                    .collect(),
            ),
            Data::Boolean(a) => Data::Boolean(
                positions
                    .iter()
                    .map(|&p| get(a, p, |a, i| a.value(i)))
                    .collect(),
            ),
            Data::DateTime(a) => Data::DateTime(
                positions
                    .iter()
                    .map(|&p| get(a, p, |a, i| a.value(i)))
                    .collect(),
            ),
            Data::Text(a) => Data::Text(
                positions
                    .iter()
                    .map(|&p| {
                        if a.is_valid(p as usize) {
                            Some(a.value(p as usize))
                        } else {
                            None
                        }
                    })
                    .collect(),
            ),
            Data::Variant(values) => Data::Variant(
                positions
                    .iter()
                    .map(|&p| values[p as usize].clone())
                    .collect(),
            ),
        };
        let errors = match &self.errors {
            None => None,
            Some(_) => errors_from(
                positions
                    .iter()
                    .enumerate()
                    .filter_map(|(k, &p)| self.error(p as usize).map(|f| (k as u32, f.clone())))
                    .collect(),
            ),
        };
        Vector { data, errors }
    }

    /// Builds a vector from one result per context; the type is that of the values, Variant when they differ.
    /// `hint` is the type when all are BLANK, or when values of different numeric types should become one.
    pub fn from_results(
        results: impl IntoIterator<Item = Result<Value, Failure>>,
        hint: DataType,
    ) -> Vector {
        let mut errors = Vec::new();
        let values: Vec<Value> = results
            .into_iter()
            .enumerate()
            .map(|(i, result)| {
                result.unwrap_or_else(|failure| {
                    errors.push((i as u32, failure));
                    Value::Blank
                })
            })
            .collect();
        Vector {
            data: Data::from_values(values, hint),
            errors: errors_from(errors),
        }
    }

    /// Numbers in the type that the expression was bound with, where that is the wider one: BLANK operands do not tell their type.
    pub fn in_type(self, data_type: DataType) -> Vector {
        let wider = matches!(
            (self.data_type(), data_type),
            (Some(DataType::Integer), DataType::Fixed | DataType::Double)
                | (Some(DataType::Fixed), DataType::Double)
        );
        if !wider {
            return self;
        }
        if let Data::Constant(value, n) = &self.data {
            let value = crate::convert::to_type(value, data_type).unwrap_or_else(|| value.clone());
            return Vector::constant(value, *n).with_errors(self.errors);
        }
        let values = (0..self.len()).map(|i| {
            let value = self.get(i);
            crate::convert::to_type(&value, data_type).unwrap_or(value)
        });
        Vector {
            data: Data::from_values(values.collect(), data_type),
            errors: self.errors,
        }
    }

    /// Numbers as dates, where arithmetic was bound as a date: a BLANK date takes part in it as 0 and does not tell its type.
    pub fn in_dates(self, data_type: DataType) -> Vector {
        let numbers = matches!(
            self.data_type(),
            Some(DataType::Integer | DataType::Fixed | DataType::Double | DataType::Variant)
        );
        if data_type != DataType::DateTime || !numbers {
            return self;
        }
        let date = |value: Value| match value {
            Value::Integer(_) | Value::Fixed(_) | Value::Double(_) => {
                crate::convert::to_type(&value, DataType::DateTime).unwrap_or(value)
            }
            other => other,
        };
        if let Data::Constant(value, n) = &self.data {
            return Vector::constant(date(value.clone()), *n).with_errors(self.errors);
        }
        let values = (0..self.len()).map(|i| date(self.get(i))).collect();
        Vector {
            data: Data::from_values(values, data_type),
            errors: self.errors,
        }
    }

    pub fn with_errors(mut self, errors: Errors) -> Vector {
        self.errors = merge_errors(&self.errors, &errors);
        self
    }

    /// An Arrow array of the canonical type (Utf8, Int64, Float64, Decimal64(18,4), Timestamp microseconds, Boolean).
    /// A Variant becomes text unless all its values are of one type.
    pub fn to_array(&self) -> ArrayRef {
        match &self.data {
            Data::Constant(value, n) => {
                let hint = value.data_type().unwrap_or(DataType::Text);
                let data = Data::typed(std::iter::repeat_n(value.clone(), *n), hint);
                Vector {
                    data: data.unwrap_or_else(|| Data::Text(StringArray::new_null(*n))),
                    errors: None,
                }
                .to_array()
            }
            Data::Integer(a) => Arc::new(a.clone()),
            Data::Fixed(a) => Arc::new(a.clone()),
            Data::Double(a) => Arc::new(a.clone()),
            Data::Boolean(a) => Arc::new(a.clone()),
            Data::DateTime(a) => Arc::new(a.clone()),
            Data::Text(a) => Arc::new(a.clone()),
            Data::Variant(values) => Arc::new(
                values
                    .iter()
                    .map(|v| {
                        if v.is_blank() {
                            None
                        } else {
                            Some(v.to_text())
                        }
                    })
                    .collect::<StringArray>(),
            ),
        }
    }

    /// The array of one canonical type; values of another type are null.
    pub fn typed_array(&self, data_type: DataType) -> ArrayRef {
        let values = (0..self.len()).map(|i| {
            let value = self.get(i);
            if value.data_type() == Some(data_type) {
                value
            } else {
                Value::Blank
            }
        });
        match Data::typed(values, data_type) {
            Some(data) => Vector { data, errors: None }.to_array(),
            None => self.to_array(),
        }
    }

    /// From an array of a canonical type; None for any other.
    pub fn from_array(array: &ArrayRef) -> Option<Vector> {
        let any = array.as_any();
        let data = if let Some(a) = any.downcast_ref::<Int64Array>() {
            Data::Integer(a.clone())
        } else if let Some(a) = any.downcast_ref::<Decimal64Array>() {
            Data::Fixed(a.clone())
        } else if let Some(a) = any.downcast_ref::<Float64Array>() {
            Data::Double(a.clone())
        } else if let Some(a) = any.downcast_ref::<BooleanArray>() {
            Data::Boolean(a.clone())
        } else if let Some(a) = any.downcast_ref::<TimestampMicrosecondArray>() {
            Data::DateTime(a.clone())
        } else {
            Data::Text(any.downcast_ref::<StringArray>()?.clone())
        };
        Some(Vector { data, errors: None })
    }

    /// Joins vectors end to end.
    pub fn concat(parts: &[Vector]) -> Vector {
        if let [only] = parts {
            return only.clone();
        }
        let hint = parts
            .iter()
            .find_map(Vector::data_type)
            .unwrap_or(DataType::Text);
        Vector::from_results(
            parts
                .iter()
                .flat_map(|part| (0..part.len()).map(move |i| part.at(i))),
            hint,
        )
    }
}

impl Data {
    /// Values of one type become that type's array; values of several types a Variant.
    pub fn from_values(values: Vec<Value>, hint: DataType) -> Data {
        let mut found: Option<DataType> = None;
        let mut mixed = false;
        for data_type in values.iter().filter_map(Value::data_type) {
            match found {
                None => found = Some(data_type),
                Some(known) if known != data_type => mixed = true,
                Some(_) => {}
            }
        }
        if mixed {
            // Whole numbers, fixed and decimal numbers that meet in a column of a numeric type take that type.
            if matches!(hint, DataType::Double | DataType::Fixed) {
                let converted: Option<Vec<Value>> = values
                    .iter()
                    .map(|v| crate::convert::to_type(v, hint))
                    .collect();
                if let Some(data) = converted.and_then(|v| Data::typed(v.into_iter(), hint)) {
                    return data;
                }
            }
            return Data::Variant(values.into());
        }
        let n = values.len();
        let data_type = found.unwrap_or(hint);
        Data::typed(values.into_iter(), data_type).unwrap_or(Data::Constant(Value::Blank, n))
    }

    /// None when a value is of another type, or the type has no array.
    pub fn typed(values: impl Iterator<Item = Value>, data_type: DataType) -> Option<Data> {
        macro_rules! build {
            ($builder:expr, $variant:ident, $wrap:path) => {{
                let mut builder = $builder;
                for value in values {
                    match value {
                        Value::Blank => builder.append_null(),
                        $wrap(v) => builder.append_value(v),
                        _ => return None,
                    }
                }
                Data::$variant(builder.finish())
            }};
        }
        Some(match data_type {
            DataType::Integer => build!(Int64Builder::new(), Integer, Value::Integer),
            DataType::Fixed => Data::Fixed(fixed_array_results(values)?),
            DataType::Double => build!(Float64Builder::new(), Double, Value::Double),
            DataType::Boolean => build!(BooleanBuilder::new(), Boolean, Value::Boolean),
            DataType::DateTime => build!(
                TimestampMicrosecondBuilder::new(),
                DateTime,
                Value::DateTime
            ),
            DataType::Text => build!(StringBuilder::new(), Text, Value::Text),
            _ => return None,
        })
    }
}

fn get<A: Array, T>(array: &A, position: u32, read: impl Fn(&A, usize) -> T) -> Option<T> {
    let i = position as usize;
    array.is_valid(i).then(|| read(array, i))
}

/// An array of fixed decimals from ten-thousandths.
pub fn fixed_array(values: impl Iterator<Item = Option<i64>>) -> Decimal64Array {
    let mut builder =
        Decimal64Builder::new().with_data_type(arrow::datatypes::DataType::Decimal64(18, 4));
    for value in values {
        builder.append_option(value);
    }
    builder.finish()
}

fn fixed_array_results(values: impl Iterator<Item = Value>) -> Option<Decimal64Array> {
    let mut out = Vec::new();
    for value in values {
        out.push(match value {
            Value::Blank => None,
            Value::Fixed(f) => Some(f),
            _ => return None,
        });
    }
    Some(fixed_array(out.into_iter()))
}

pub fn errors_from(list: Vec<(u32, Failure)>) -> Errors {
    if list.is_empty() {
        None
    } else {
        Some(Rc::new(list))
    }
}

/// The errors of both; where both have one, the first one's.
pub fn merge_errors(a: &Errors, b: &Errors) -> Errors {
    match (a, b) {
        (None, other) | (other, None) => other.clone(),
        (Some(a), Some(b)) => {
            let mut all: Vec<(u32, Failure)> = a.iter().chain(b.iter()).cloned().collect();
            all.sort_by_key(|(context, _)| *context);
            all.dedup_by_key(|(context, _)| *context);
            Some(Rc::new(all))
        }
    }
}
