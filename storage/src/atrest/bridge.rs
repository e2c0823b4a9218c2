//! Between a column in memory and arrays on disk. What the rest of this folder knows of columns and dictionaries stands here.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch, StringArray,
};
use arrow::datatypes::{
    DataType as ArrowType, Float64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use model::DataType;
use roaring::RoaringBitmap;

use super::AtRestError;
use super::parquet_read::OpenFile;
use super::read_codes::ReadCodes;
use crate::canonical::{WholeValues, canonical_type};
use crate::codes::{Code, Codes, with_codes};
use crate::column::Column;
use crate::dictionary::{Domain, Offset, TextDomain, Variants};
use crate::grow::Tail;
use crate::numbering::Numbering;
use crate::texts::{PlainTexts, Texts};

/// The Arrow type of what the rows of a column hold: a file has a number for each row, of the least width that Arrow has.
pub(crate) fn code_type(column: &Column) -> ArrowType {
    match Codes::room(column.size(), 0) {
        Codes::U8(_) => ArrowType::UInt8,
        Codes::U16(_) => ArrowType::UInt16,
        Codes::U24(_) | Codes::U32(_) => ArrowType::UInt32,
    }
}

fn array<T: ArrowPrimitiveType>(numbers: Vec<T::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(numbers.into(), None))
}

/// What some rows hold.
pub(crate) fn codes_of(column: &Column, start: usize, len: usize) -> ArrayRef {
    fn read<C: Code>(column: &Column, rows: Range<usize>) -> Vec<C> {
        let mut numbers = Vec::with_capacity(rows.len());
        column.numbers.read(rows, &mut numbers, C::narrow);
        numbers
    }
    let rows = start..start + len;
    match Codes::room(column.size(), 0) {
        Codes::U8(_) => array::<UInt8Type>(read(column, rows)),
        Codes::U16(_) => array::<UInt16Type>(read(column, rows)),
        Codes::U24(_) | Codes::U32(_) => array::<UInt32Type>(read(column, rows)),
    }
}

/// What some of the new rows of a column hold.
pub(crate) fn codes_of_tail(tail: &Tail, start: usize, len: usize) -> ArrayRef {
    match tail.fresh_rows(start..start + len) {
        Codes::U8(numbers) => array::<UInt8Type>(numbers),
        Codes::U16(numbers) => array::<UInt16Type>(numbers),
        Codes::U24(numbers) => array::<UInt32Type>(numbers.iter().map(|n| n.wide()).collect()),
        Codes::U32(numbers) => array::<UInt32Type>(numbers),
    }
}

/// The values of codes from `start` on, BLANK as null: what stands in a dictionary file at these places.
pub(crate) fn values_of_codes(
    column: &Column,
    start: u32,
    len: u32,
) -> Result<ArrayRef, AtRestError> {
    let codes: Vec<u32> = (start..start + len).collect();
    column
        .decode(&codes, None)
        .map_err(|_| AtRestError::Unsupported {
            what: "a dictionary is more text than one batch can hold".to_owned(),
        })
}

/// The values of rows, each as its own row spells it.
pub(crate) fn values_of_rows(
    column: &Column,
    start: usize,
    len: usize,
) -> Result<ArrayRef, AtRestError> {
    let codes: Vec<u32> = (start..start + len)
        .map(|row| column.code_at(row))
        .collect();
    let values = column
        .decode(&codes, None)
        .map_err(|_| AtRestError::internal("codes beyond the dictionary of their column"))?;
    let Domain::Text(TextDomain {
        variants: Some(variants),
        ..
    }) = &*column.domain
    else {
        return Ok(values);
    };
    let texts = values.as_string::<i32>();
    let spelled = texts
        .iter()
        .zip(&codes)
        .zip(start..)
        .map(|((text, code), row)| variants.spelling(*code, row as u32).or(text));
    Ok(Arc::new(spelled.collect::<StringArray>()))
}

/// Further spellings of a text column: code and text, in order; and rows with the place of their spelling.
pub(crate) struct SpellingLists {
    pub(crate) codes: Vec<u32>,
    pub(crate) texts: Vec<String>,
    pub(crate) rows: Vec<u32>,
    pub(crate) places: Vec<u32>,
}

/// None: every text of the column is spelled in one way.
pub(crate) fn spellings_of(column: &Column) -> Option<SpellingLists> {
    let Domain::Text(text) = &*column.domain else {
        return None;
    };
    let variants = text.variants.as_ref()?;
    let all = variants
        .texts
        .iter()
        .flat_map(|(code, texts)| texts.iter().map(|text| (*code, text.to_string())));
    let (codes, texts) = all.unzip();
    Some(SpellingLists {
        codes,
        texts,
        rows: variants.rows.iter().collect(),
        places: variants.places.iter().collect(),
    })
}

/// How the values of a column are kept.
pub(crate) enum Kept {
    Text,
    Whole,
    Double,
    Offset {
        base: i64,
        step: i64,
        count: u32,
        /// Whether some of its codes do not occur.
        gaps: bool,
    },
}

pub(crate) fn kept(column: &Column) -> Kept {
    match &*column.domain {
        Domain::Text(_) => Kept::Text,
        Domain::Whole(_) => Kept::Whole,
        Domain::Double(_) => Kept::Double,
        Domain::Offset(offset) => Kept::Offset {
            base: offset.base,
            step: offset.step,
            count: offset.count,
            gaps: offset.present.is_some(),
        },
    }
}

/// A bit for each code that occurs, of a column of offsets with gaps.
pub(crate) fn presence_of(column: &Column) -> Option<&[u64]> {
    match &*column.domain {
        Domain::Offset(offset) => offset.present.as_deref(),
        _ => None,
    }
}

/// A numbering: for each number its code, each code once.
pub(crate) fn read_numbering(file: &OpenFile, size: u32) -> Result<Numbering, AtRestError> {
    let mut codes: Vec<u32> = Vec::with_capacity(size as usize);
    each_batch(file, &[0], |batch| {
        let found = numbers(batch, 0);
        let found = found.ok_or_else(|| AtRestError::damaged(file.path(), "it holds no codes"))?;
        codes.extend_from_slice(found.values());
        Ok(())
    })?;
    Numbering::of_codes(codes, size)
        .ok_or_else(|| AtRestError::damaged(file.path(), "it does not number its codes"))
}

/// Does jobs on as many threads as there are cores. The first error ends it.
pub(crate) fn in_parallel<J: Send>(
    jobs: Vec<J>,
    work: impl Fn(J) -> Result<(), AtRestError> + Sync,
) -> Result<(), AtRestError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    if jobs.len() <= 1 || threads <= 1 {
        return jobs.into_iter().try_for_each(work);
    }
    let threads = threads.min(jobs.len());
    let queue = Mutex::new((jobs.into_iter(), None));
    let worker = || {
        loop {
            let next = match &mut *queue.lock().unwrap_or_else(PoisonError::into_inner) {
                (_, Some(_)) => None,
                (jobs, None) => jobs.next(),
            };
            let Some(job) = next else { return };
            if let Err(error) = work(job) {
                let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.1.get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(worker);
        }
        worker();
    });
    let (_, error) = queue.into_inner().unwrap_or_else(PoisonError::into_inner);
    error.map_or(Ok(()), Err)
}

/// All batches of a file, in order.
fn each_batch(
    file: &OpenFile,
    columns: &[usize],
    mut take: impl FnMut(&RecordBatch) -> Result<(), AtRestError>,
) -> Result<(), AtRestError> {
    (0..file.row_groups().len()).try_for_each(|group| file.read(columns, group, &mut take))
}

/// Hands over the values of a dictionary file but the BLANK that leads them, after looking at types and counts.
fn each_values(
    file: &OpenFile,
    data_type: DataType,
    size: u32,
    mut take: impl FnMut(&ArrayRef) -> Result<(), AtRestError>,
) -> Result<(), AtRestError> {
    let wrong = |why| AtRestError::damaged(file.path(), why);
    let mut seen = 0usize;
    each_batch(file, &[0], |batch| {
        let values = batch.column(0);
        if Some(values.data_type()) != canonical_type(data_type).as_ref() {
            return Err(wrong("its values are of another type than was written"));
        }
        let skipped = usize::from(seen == 0);
        seen += values.len();
        let blanks = values.null_count();
        if blanks != skipped || (skipped == 1 && !values.is_null(0)) {
            return Err(wrong("its first value alone must be BLANK"));
        }
        take(&values.slice(skipped, values.len() - skipped))
    })?;
    if seen == size as usize {
        Ok(())
    } else {
        Err(wrong("it has another number of values than was written"))
    }
}

pub(crate) fn read_texts(file: &OpenFile, size: u32) -> Result<Texts, AtRestError> {
    let mut texts = PlainTexts::new();
    each_values(file, DataType::Text, size, |values| {
        values
            .as_string::<i32>()
            .iter()
            .flatten()
            .for_each(|text| texts.push(text));
        Ok(())
    })?;
    Ok(Texts::new(texts))
}

pub(crate) fn read_whole(
    file: &OpenFile,
    data_type: DataType,
    size: u32,
) -> Result<Domain, AtRestError> {
    let mut whole = vec![0i64];
    each_values(file, data_type, size, |values| {
        let values = WholeValues::of(values)
            .ok_or_else(|| AtRestError::damaged(file.path(), "its values are not numbers"))?;
        whole.extend_from_slice(values.values());
        Ok(())
    })?;
    Ok(Domain::Whole(whole))
}

pub(crate) fn read_doubles(file: &OpenFile, size: u32) -> Result<Domain, AtRestError> {
    let mut doubles = vec![0f64];
    each_values(file, DataType::Double, size, |values| {
        doubles.extend_from_slice(values.as_primitive::<Float64Type>().values());
        Ok(())
    })?;
    Ok(Domain::Double(doubles))
}

/// Further spellings, from the file of texts and the file of rows.
pub(crate) fn read_spellings(
    texts: &OpenFile,
    rows: &OpenFile,
    size: u32,
    count: u32,
) -> Result<Variants, AtRestError> {
    let mut spelled: Vec<(u32, Vec<Box<str>>)> = Vec::new();
    each_batch(texts, &[0, 1], |batch| {
        let wrong = || AtRestError::damaged(texts.path(), "it does not hold spellings");
        let codes = numbers(batch, 0).ok_or_else(wrong)?;
        let spellings = batch
            .columns()
            .get(1)
            .and_then(|c| c.as_string_opt::<i32>());
        for (code, text) in codes.values().iter().zip(spellings.ok_or_else(wrong)?) {
            let text: Box<str> = text.ok_or_else(wrong)?.into();
            match spelled.last_mut() {
                Some((last, more)) if last == code => more.push(text),
                Some((last, _)) if *last > *code => return Err(wrong()),
                _ if *code == 0 || *code >= size => return Err(wrong()),
                _ => spelled.push((*code, vec![text])),
            }
        }
        Ok(())
    })?;
    let most = spelled
        .iter()
        .map(|(_, more)| more.len())
        .max()
        .unwrap_or(0) as u32;
    let mut bitmap = RoaringBitmap::new();
    let mut places: Vec<u32> = Vec::new();
    each_batch(rows, &[0, 1], |batch| {
        let wrong = || AtRestError::damaged(rows.path(), "it does not hold rows of spellings");
        let (row, place) = (numbers(batch, 0), numbers(batch, 1));
        let (row, place) = (row.ok_or_else(wrong)?, place.ok_or_else(wrong)?);
        for (row, place) in row.values().iter().zip(place.values()) {
            let fits = *row < count && *place > 0 && *place <= most;
            if !fits || bitmap.try_push(*row).is_err() {
                return Err(wrong());
            }
            places.push(*place);
        }
        Ok(())
    })?;
    bitmap.optimize();
    Ok(Variants {
        texts: spelled,
        rows: bitmap,
        places: Codes::pack(most + 1, places.into_iter()),
    })
}

fn numbers(batch: &RecordBatch, column: usize) -> Option<&PrimitiveArray<UInt32Type>> {
    batch
        .columns()
        .get(column)?
        .as_primitive_opt::<UInt32Type>()
}

/// Words of a bit for each code up to `count`.
fn words(count: u32) -> usize {
    count as usize / 64 + 1
}

/// Which codes of a column of offsets occur, from their file.
pub(crate) fn read_presence(
    file: &OpenFile,
    count: u32,
    distinct: u32,
) -> Result<Vec<u64>, AtRestError> {
    let wrong = || AtRestError::damaged(file.path(), "it does not say which codes occur");
    let mut present: Vec<u64> = Vec::with_capacity(words(count));
    each_batch(file, &[0], |batch| {
        let found = batch.column(0).as_primitive_opt::<UInt64Type>();
        present.extend_from_slice(found.ok_or_else(wrong)?.values());
        Ok(())
    })?;
    let occur: u64 = present.iter().map(|w| u64::from(w.count_ones())).sum();
    let beyond = present.last().map_or(0, |last| last >> (count % 64) >> 1);
    let blank = present.first().map_or(1, |first| first & 1);
    if present.len() == words(count) && occur == u64::from(distinct) && beyond == 0 && blank == 0 {
        Ok(present)
    } else {
        Err(wrong())
    }
}

/// The same from the codes themselves.
pub(crate) fn find_presence(
    count: u32,
    (codes, numbering): (&Codes, Option<&Numbering>),
) -> Vec<u64> {
    let code_of = |number: u32| numbering.map_or(number, |n| n.code(number));
    let mut present = vec![0u64; words(count)];
    with_codes!(codes, codes => for code in codes {
        let code = code_of(code.wide()) as usize;
        if let Some(word) = present.get_mut(code / 64) {
            *word |= 1 << (code % 64);
        }
    });
    present[0] &= !1;
    present
}

/// The domain of offsets.
pub(crate) fn offset_domain(base: i64, step: i64, count: u32, present: Option<Vec<u64>>) -> Domain {
    Domain::Offset(Offset {
        base,
        step,
        count,
        present,
    })
}

pub(crate) fn text_domain(first: Texts, variants: Option<Variants>) -> Domain {
    Domain::Text(TextDomain { first, variants })
}

/// The column of codes and a domain, if every code means something.
pub(crate) fn assembled(
    data_type: DataType,
    read: ReadCodes,
    numbering: Option<Arc<Numbering>>,
    domain: Arc<Domain>,
    distinct: u32,
) -> Option<Column> {
    let size = domain.size();
    let means_something = read.zones.iter().all(|(_, most)| *most < size);
    means_something.then(|| {
        Column::of_parts(
            data_type,
            (read.rows, numbering),
            domain,
            (read.blanks, distinct),
            read.zones,
        )
    })
}
