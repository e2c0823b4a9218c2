//! Pages of codecs that the decoder unpacks without a bound: they are unpacked once to nowhere, to see that they keep to
//! what they claim.

use std::io::{self, Read};

use parquet::basic::Compression;

/// Whether pages of the codec have to be looked at. The decoder bounds the others by what their header claims.
pub(super) fn is_unbounded(codec: Compression) -> bool {
    matches!(
        codec,
        Compression::GZIP(_) | Compression::BROTLI(_) | Compression::LZ4
    )
}

/// Whether the packed bytes unpack to at most `most`. Bytes that do not unpack at all are left to the decoder to refuse.
pub(super) fn keeps_to(codec: Compression, packed: &[u8], most: u64) -> bool {
    match codec {
        Compression::GZIP(_) => count(flate2::bufread::MultiGzDecoder::new(packed), most),
        Compression::BROTLI(_) => count(brotli::Decompressor::new(packed, 4096), most),
        // The decoder tries the framing of Hadoop, then frames of LZ4's own, and only these grow without a bound.
        Compression::LZ4 => count(lz4_flex::frame::FrameDecoder::new(packed), most),
        _ => true,
    }
}

fn count(unpacked: impl Read, most: u64) -> bool {
    let mut bounded = unpacked.take(most.saturating_add(1));
    let mut sink = io::sink();
    match io::copy(&mut bounded, &mut sink) {
        Ok(bytes) => bytes <= most,
        Err(_) => true,
    }
}
