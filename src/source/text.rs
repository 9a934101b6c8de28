//! Bytes of a text file: unpacked, without byte order mark, and how they decode.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8};
use flate2::read::MultiGzDecoder;

use super::extent::Extent;
use crate::error::{Error, ErrorKind, Result, ResultExt};

const BUFFER: usize = 1 << 17;

/// Opens a text file, whose bytes are counted in `extent` as they are read; gzip is recognised by its
/// first bytes, a UTF-8 byte order mark is skipped.
pub(super) fn open(path: &Path, extent: &Extent) -> Result<Box<dyn BufRead + Send>> {
    let fail = || unreadable(path);
    let file = File::open(path).or_fail(ErrorKind::SourceUnavailable, fail)?;
    let mut raw = BufReader::with_capacity(BUFFER, extent.counting(file));
    let packed =
        raw.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?.starts_with(b"\x1f\x8b");
    let mut text: Box<dyn BufRead + Send> = if packed {
        Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(raw)))
    } else {
        Box::new(raw)
    };
    let head = text.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?;
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        let what = format!("`{}` is UTF-16; convert it to UTF-8", path.display());
        return Err(Error::new(ErrorKind::Unsupported, what));
    }
    if head.starts_with(b"\xef\xbb\xbf") {
        text.consume(3);
    }
    Ok(text)
}

/// What to say when `path` cannot be read to its end.
pub(super) fn unreadable(path: &Path) -> String {
    format!("cannot read `{}` to its end; is it missing, or a truncated gzip?", path.display())
}

/// The encoding called `name` in the WHATWG standard (`utf-8`, `windows-1252`, `gbk`, …) or `cp1252`.
pub(super) fn encoding(name: &str) -> Option<&'static Encoding> {
    let encoding = Encoding::for_label(name.as_bytes())?;
    encoding.is_ascii_compatible().then_some(encoding)
}

/// `bytes` as text, or `None` when they are not valid in `encoding`.
pub(super) fn decode<'a>(bytes: &'a [u8], encoding: &'static Encoding) -> Option<Cow<'a, str>> {
    if encoding == UTF_8 {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

/// The whole text of a small file.
pub(super) fn read_to_string(path: &Path) -> Result<String> {
    let mut text = String::new();
    open(path, &Extent::default())?
        .read_to_string(&mut text)
        .or_fail(ErrorKind::SourceUnavailable, || unreadable(path))?;
    Ok(text)
}
