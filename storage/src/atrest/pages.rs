//! The pages of a column of codes, decrypted where they were read to. Parquet's library decrypts into memory of its own, page after page,
//! and decodes into more of it; that took longer than everything else about a load. What is read, and how it is authenticated, is the same:
//! Modular Encryption, every page bound to its file, row group, column and place.

use std::io::{self, Read};

use parquet::basic::{Compression, Type};
use parquet::file::column_crypto_metadata::ColumnCryptoMetaData;
use parquet::file::metadata::ColumnChunkMetaData;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, MAX_TAG_LEN, NONCE_LEN, Nonce, UnboundKey};

use super::compact::Fields;
use super::secret::SecretKey;

/// Why pages cannot be read. It says nothing of what is in them.
#[derive(Debug)]
pub(super) enum PageError {
    Io(io::Error),
    /// They are not what was written.
    Wrong,
}

/// What a page or its header is bound to besides the file.
const PAGE: u8 = 2;
const PAGE_HEADER: u8 = 4;

/// Numbers of Parquet's format.
const DATA_PAGE: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;

/// The end of a file: length of the footer and magic number.
const END: usize = 8;

/// The key of a file's pages, and what all of them are bound to.
pub(super) struct PageKey {
    key: LessSafeKey,
    file: Vec<u8>,
}

impl PageKey {
    /// `tail` ends where the file ends and holds the footer, which is known to be the one that was written. What pages are bound to goes on
    /// with random bytes that stand there in clear.
    pub(super) fn new(key: &SecretKey, bound_to: &[u8], tail: &[u8]) -> Option<PageKey> {
        let (rest, end) = tail.split_at_checked(tail.len().checked_sub(END)?)?;
        let length = u32::from_le_bytes(*end.first_chunk()?) as usize;
        let footer = rest.get(rest.len().checked_sub(length)?..)?;
        let about = Fields::read(footer)?;
        let of_gcm = about.fields(1)?.fields(1)?;
        // The prefix is never in the file: whoever reads has to know which file it is.
        if of_gcm.bytes(1).is_some() || of_gcm.flag(3) != Some(true) {
            return None;
        }
        let key = UnboundKey::new(&AES_256_GCM, key.bytes()).ok()?;
        Some(PageKey {
            key: LessSafeKey::new(key),
            file: [bound_to, of_gcm.bytes(2)?].concat(),
        })
    }

    /// Decrypts a nonce, ciphertext and tag in their place.
    fn open<'s>(&self, kind: u8, place: [u16; 3], sealed: &'s mut [u8]) -> Option<&'s [u8]> {
        let (nonce, text) = sealed.split_at_mut_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bound_to = Vec::with_capacity(self.file.len() + 7);
        bound_to.extend_from_slice(&self.file);
        bound_to.push(kind);
        bound_to.extend(place.iter().flat_map(|number| number.to_le_bytes()));
        let opened = self.key.open_in_place(nonce, Aad::from(bound_to), text);
        opened.ok().map(|text| &*text)
    }
}

/// A page of a column of codes.
pub(crate) struct Page<'b> {
    /// As DELTA_BINARY_PACKED has them.
    pub(crate) numbers: &'b [u8],
    pub(crate) count: usize,
}

/// The pages of one column in one row group.
pub(super) struct Pages<'k, R> {
    key: &'k PageKey,
    /// At the next page.
    reader: R,
    /// Bytes that are left.
    left: u64,
    group: u16,
    column: u16,
    page: u16,
    /// As long as the longest that was read, so that nothing is cleared which is read over.
    buffer: Vec<u8>,
    /// Bytes at its front that were read last.
    filled: usize,
}

/// Where the pages of a column of codes lie: first byte and length. None: these are no codes as they are written.
pub(super) fn stretch(chunk: &ColumnChunkMetaData) -> Option<(u64, u64)> {
    let column = chunk.column_descr();
    let as_written = chunk.compression() == Compression::UNCOMPRESSED
        && chunk.dictionary_page_offset().is_none()
        && chunk.column_type() == Type::INT32
        && column.max_def_level() == 0
        && column.max_rep_level() == 0
        && matches!(
            chunk.crypto_metadata(),
            Some(ColumnCryptoMetaData::ENCRYPTION_WITH_FOOTER_KEY)
        );
    let start = u64::try_from(chunk.data_page_offset()).ok()?;
    let length = u64::try_from(chunk.compressed_size()).ok()?;
    as_written.then_some((start, length))
}

impl<'k, R: Read> Pages<'k, R> {
    /// `reader` stands at the first of them, which have so many bytes. None: there are not so many row groups and columns.
    pub(super) fn new(
        key: &'k PageKey,
        reader: R,
        length: u64,
        (group, column): (usize, usize),
    ) -> Option<Pages<'k, R>> {
        // Numbers of places are signed in the format.
        let place = |number: usize| u16::try_from(number).ok().filter(|n| *n <= i16::MAX as u16);
        Some(Pages {
            key,
            reader,
            left: length,
            group: place(group)?,
            column: place(column)?,
            page: 0,
            buffer: Vec::new(),
            filled: 0,
        })
    }

    /// The next page; None: that was all.
    pub(super) fn next(&mut self) -> Result<Option<Page<'_>>, PageError> {
        if self.left == 0 {
            return Ok(None);
        }
        let header = self.module(PAGE_HEADER)?;
        let (length, count) = about(header).ok_or(PageError::Wrong)?;
        let before = self.left;
        let key = self.key;
        let place = self.place();
        self.read()?;
        if before - self.left != length {
            return Err(PageError::Wrong);
        }
        self.page = match self.page.checked_add(1) {
            Some(next) if next <= i16::MAX as u16 => next,
            _ => return Err(PageError::Wrong),
        };
        let numbers = key.open(
            PAGE,
            place,
            self.buffer.get_mut(..self.filled).unwrap_or_default(),
        );
        Ok(Some(Page {
            numbers: numbers.ok_or(PageError::Wrong)?,
            count,
        }))
    }

    fn place(&self) -> [u16; 3] {
        [self.group, self.column, self.page]
    }

    fn module(&mut self, kind: u8) -> Result<&[u8], PageError> {
        self.read()?;
        let place = self.place();
        let sealed = self.buffer.get_mut(..self.filled).unwrap_or_default();
        let opened = self.key.open(kind, place, sealed);
        opened.ok_or(PageError::Wrong)
    }

    /// Reads what is sealed together: its length, then nonce, ciphertext and tag.
    fn read(&mut self) -> Result<(), PageError> {
        let mut length = [0; 4];
        self.reader.read_exact(&mut length).map_err(PageError::Io)?;
        let length = u32::from_le_bytes(length);
        let left = self.left.checked_sub(4 + u64::from(length));
        self.left = left.ok_or(PageError::Wrong)?;
        if (length as usize) < NONCE_LEN + MAX_TAG_LEN {
            return Err(PageError::Wrong);
        }
        self.filled = length as usize;
        if self.buffer.len() < self.filled {
            self.buffer.resize(self.filled, 0);
        }
        let buffer = self.buffer.get_mut(..self.filled).unwrap_or_default();
        self.reader.read_exact(buffer).map_err(PageError::Io)
    }
}

/// The length of a page in the file, and how many numbers it holds. None: it is not as pages of codes are written.
fn about(header: &[u8]) -> Option<(u64, usize)> {
    let header = Fields::read(header)?;
    let of_data = header.fields(5)?;
    let as_written =
        header.number(1) == Some(DATA_PAGE) && of_data.number(2) == Some(DELTA_BINARY_PACKED);
    let length = u64::try_from(header.number(3)?).ok()?;
    let count = usize::try_from(of_data.number(1)?).ok()?;
    as_written.then_some((length, count))
}
