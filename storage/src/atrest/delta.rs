//! Whole numbers as Parquet's encoding DELTA_BINARY_PACKED keeps them: distances to the number before, packed into as many bits as
//! the widest of 32 needs. They are unpacked straight into the codes of a column, in one pass; Parquet's library would make an array of 32 bits
//! a number first, and a second one of the right width.

use super::compact::Reader;
use crate::codes::Code;

/// Distances are packed in runs of so many.
const RUN: usize = 32;

/// The bytes of the widest run, and those that the last load reaches beyond it.
const REACH: usize = RUN * 4 + 8;

/// Unpacks all numbers of a page. None: it does not hold exactly so many, or one that is too large for a code.
pub(super) fn decode<C: Code>(page: &[u8], out: &mut [C]) -> Option<()> {
    let mut reader = Reader { rest: page };
    let block = usize::try_from(reader.unsigned()?).ok()?;
    let minis = usize::try_from(reader.unsigned()?).ok()?;
    let count = reader.unsigned()?;
    let mut sums = Sums {
        last: reader.signed()? as u32,
        seen: 0,
    };
    let runs = block.checked_div(minis)? / RUN;
    if runs == 0 || runs.checked_mul(RUN)?.checked_mul(minis)? != block || count != out.len() as u64
    {
        return None;
    }
    let Some((first, mut rest)) = out.split_first_mut() else {
        return Some(());
    };
    sums.seen = sums.last;
    *first = C::narrow(sums.last);
    while !rest.is_empty() {
        let least = reader.signed()? as u32;
        let widths = reader.take(minis)?;
        for width in widths
            .iter()
            .flat_map(|width| std::iter::repeat_n(*width, runs))
        {
            if rest.is_empty() {
                break;
            }
            rest = sums.run_of(&mut reader, width, least, rest)?;
        }
    }
    // Every number has left its bits there.
    let widest = u32::MAX >> (32 - 8 * size_of::<C>());
    (sums.seen <= widest).then_some(())
}

/// The number before, and the bits of all numbers so far.
struct Sums {
    last: u32,
    seen: u32,
}

impl Sums {
    /// Unpacks the next run to the front of `out`, and gives what is left of it.
    fn run_of<'o, C: Code>(
        &mut self,
        reader: &mut Reader<'_>,
        width: u8,
        least: u32,
        out: &'o mut [C],
    ) -> Option<&'o mut [C]> {
        let after = reader.rest;
        let packed = reader.take(usize::from(width) * RUN / 8)?;
        let mut edge = [0; REACH];
        let packed = match after.first_chunk() {
            Some(packed) => packed,
            None => {
                edge.get_mut(..packed.len())?.copy_from_slice(packed);
                &edge
            }
        };
        if out.len() >= RUN {
            let (now, later) = out.split_first_chunk_mut::<RUN>()?;
            self.unpack(width, packed, least, now)?;
            return Some(later);
        }
        // What stands behind the last number of a page is anything.
        let mut whole = [0u32; RUN];
        let seen = self.seen;
        self.unpack(width, packed, least, &mut whole)?;
        self.seen = seen;
        for (out, number) in out.iter_mut().zip(whole) {
            self.seen |= number;
            *out = C::narrow(number);
        }
        Some(&mut [])
    }

    fn unpack<C: Code>(
        &mut self,
        width: u8,
        packed: &[u8; REACH],
        least: u32,
        out: &mut [C; RUN],
    ) -> Option<()> {
        macro_rules! by_width {
            ($($width:literal)*) => {
                match width {
                    $($width => self.unpack_as::<$width, C>(packed, least, out),)*
                    _ => return None,
                }
            };
        }
        by_width!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
        Some(())
    }

    /// The width is known when this is compiled, so nothing is decided inside the loop.
    fn unpack_as<const WIDTH: usize, C: Code>(
        &mut self,
        packed: &[u8; REACH],
        least: u32,
        out: &mut [C; RUN],
    ) {
        let (mut last, mut seen) = (self.last, self.seen);
        let mut place = |distance: u64, out: &mut C| {
            // One addition after the other waits for the number before, no more.
            last = last.wrapping_add(least.wrapping_add(distance as u32));
            // What a number of four bytes holds is all there.
            if size_of::<C>() < 4 {
                seen |= last;
            }
            *out = C::narrow(last);
        };
        // As many as lie in 57 bits, which is what a load has for certain behind the bits of the byte that it begins in.
        let together = match WIDTH {
            0..=3 => 16,
            4..=7 => 8,
            8..=14 => 4,
            15..=28 => 2,
            _ => 1,
        };
        let mask = (1u64 << WIDTH) - 1;
        for (part, out) in out.chunks_exact_mut(together).enumerate() {
            let bit = part * together * WIDTH;
            let mut word = [0; 8];
            word.copy_from_slice(&packed[bit / 8..bit / 8 + 8]);
            let mut word = u64::from_le_bytes(word) >> (bit % 8);
            for out in out {
                place(word & mask, out);
                word >>= WIDTH;
            }
        }
        self.last = last;
        self.seen = seen;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::Encoding;
    use parquet::column::page::PageReader;
    use parquet::file::properties::WriterProperties;
    use parquet::file::reader::{FileReader, SerializedFileReader};

    use super::*;
    use crate::codes::U24;

    /// The only page of numbers as Parquet's library writes them.
    fn page(numbers: &[u32]) -> Vec<u8> {
        let array: ArrayRef = Arc::new(UInt32Array::from(numbers.to_vec()));
        let schema = arrow::datatypes::Schema::new(vec![arrow::datatypes::Field::new(
            "n",
            arrow::datatypes::DataType::UInt32,
            false,
        )]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![array]).unwrap();
        let properties = WriterProperties::builder()
            .set_dictionary_enabled(false)
            .set_encoding(Encoding::DELTA_BINARY_PACKED)
            .build();
        let mut file = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).unwrap();
        let group = reader.get_row_group(0).unwrap();
        let mut pages: Box<dyn PageReader> = group.get_column_page_reader(0).unwrap();
        let page = pages.get_next_page().unwrap().unwrap();
        page.buffer().to_vec()
    }

    /// Numbers below a bound, which look like chance.
    fn numbers(count: usize, bound: u64) -> Vec<u32> {
        let mut state = 88172645463325252u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % bound) as u32
        };
        (0..count).map(next).collect()
    }

    #[track_caller]
    fn check<C: Code + Default>(numbers: &[u32]) {
        let page = page(numbers);
        let mut out = vec![C::default(); numbers.len()];
        decode(&page, &mut out).unwrap();
        let found: Vec<u32> = out.iter().map(|code| code.wide()).collect();
        assert_eq!(found, numbers);
        // Another number of numbers, and a page that is cut, are noticed.
        for other in [numbers.len() - 1, numbers.len() + 1] {
            assert!(decode(&page, &mut vec![C::default(); other]).is_none());
        }
        for length in [0, 1, page.len() / 2, page.len() - 1] {
            assert!(
                decode(&page[..length], &mut out).is_none(),
                "cut at {length}"
            );
        }
    }

    #[test]
    fn what_the_library_packs_is_unpacked() {
        for count in [2, 3, 32, 33, 34, 64, 128, 129, 130, 1000, 4096] {
            for bits in 1..=32 {
                let numbers = numbers(count, 1 << bits);
                check::<u32>(&numbers);
                if bits <= 24 {
                    check::<U24>(&numbers);
                }
                if bits <= 16 {
                    check::<u16>(&numbers);
                }
                if bits <= 8 {
                    check::<u8>(&numbers);
                }
            }
        }
        check::<u8>(&[7; 500]);
        check::<u32>(&(0..5000).map(|n| n * 3).collect::<Vec<u32>>());
        check::<u32>(&(0..5000).map(|n| u32::MAX - n * n).collect::<Vec<u32>>());
    }

    #[test]
    fn numbers_too_large_for_their_codes_are_noticed() {
        for (place, count) in [(0, 40), (1, 40), (39, 40), (34, 35), (100, 300)] {
            let mut numbers = numbers(count, 200);
            numbers[place] = 256;
            let page = self::page(&numbers);
            assert!(decode(&page, &mut vec![0u8; count]).is_none(), "{place}");
            assert!(decode(&page, &mut vec![0u16; count]).is_some(), "{place}");
            numbers[place] = 1 << 24;
            let page = self::page(&numbers);
            assert!(
                decode(&page, &mut vec![U24::default(); count]).is_none(),
                "{place}"
            );
        }
    }
}
