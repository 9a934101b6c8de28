//! Delimited text: one split per file, in order of file name.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::path::PathBuf;
use std::sync::Arc;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use encoding_rs::{Encoding, UTF_8};

use super::csv_infer::infer;
use super::csv_quotes::Quotes;
use super::extent::Extent;
use super::files::{FileStamp, matching_files, position};
use super::memory_batch::{BatchBuilder, Zones};
use super::text;
use super::{Batches, ColumnType, Position, RejectedRow, Source, SourceBatch, SourceColumn};
use super::{SourceTable, Split};
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// How the files of one table are written.
#[derive(Clone, Debug)]
pub struct CsvFormat {
    /// Which files, relative to the source's folder; `*` and `**` as in a shell.
    pub pattern: String,
    /// Between fields.
    pub delimiter: u8,
    /// The decimal sign of numbers.
    pub point: u8,
    /// Texts that mean NULL.
    pub nulls: Vec<String>,
    /// How bytes become text.
    pub encoding: &'static Encoding,
    /// Declared types; the other columns are inferred from a sample.
    pub types: BTreeMap<String, ColumnType>,
}

impl CsvFormat {
    /// UTF-8, comma, point, and the empty field as NULL.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            delimiter: b',',
            point: b'.',
            nulls: vec![String::new()],
            encoding: UTF_8,
            types: BTreeMap::new(),
        }
    }

    /// The encoding called `name`, if it is one that keeps ASCII as it is.
    pub fn encoding(name: &str) -> Option<&'static Encoding> {
        text::encoding(name)
    }
}

/// A folder of delimited text files.
#[derive(Debug)]
pub struct CsvSource {
    folder: PathBuf,
    tables: BTreeMap<String, Arc<CsvFormat>>,
    zones: Zones,
}

impl CsvSource {
    /// The files under `folder`, by table.
    pub fn new(folder: PathBuf, tables: BTreeMap<String, CsvFormat>, zones: Zones) -> Self {
        let tables = tables.into_iter().map(|(name, format)| (name, Arc::new(format))).collect();
        Self { folder, tables, zones }
    }

    fn files(&self, table: &str) -> Result<(&Arc<CsvFormat>, Vec<FileStamp>)> {
        let format = self
            .tables
            .get(table)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table `{table}`")))?;
        Ok((format, matching_files(&self.folder, &format.pattern)?))
    }
}

impl Source for CsvSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        let (format, files) = self.files(table)?;
        let header = Records::open(&files[0], format)?.header;
        if let Some(name) = format.types.keys().find(|name| !header.contains(name)) {
            return Err(missing_column(name, &files[0].name, &header, format));
        }
        check_names(&header, &files[0].name)?;
        let inferred = infer(&files, format, &header)?;
        let column = |(name, inferred): (&String, ColumnType)| SourceColumn {
            column_type: format.types.get(name).cloned().unwrap_or(inferred),
            name: name.clone(),
        };
        Ok(SourceTable { columns: header.iter().zip(inferred).map(column).collect() })
    }

    fn position(&self, table: &str) -> Result<Position> {
        position(&self.files(table)?.1)
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        let (format, files) = self.files(table)?;
        let split = |file| -> Box<dyn Split> {
            Box::new(CsvSplit {
                file,
                format: Arc::clone(format),
                table: columns.clone(),
                zones: self.zones,
            })
        };
        Ok(files.into_iter().map(split).collect())
    }
}

#[derive(Debug)]
struct CsvSplit {
    file: FileStamp,
    format: Arc<CsvFormat>,
    table: SourceTable,
    zones: Zones,
}

impl Split for CsvSplit {
    fn name(&self) -> &str {
        &self.file.name
    }

    fn extent(&self) -> Option<Extent> {
        Some(self.file.extent.clone())
    }

    fn open(self: Box<Self>) -> Result<Batches> {
        let records = Records::open(&self.file, &self.format)?;
        // What a further file has more is not read, whatever it is called.
        let is_read =
            |name: &&String| self.table.columns.iter().any(|column| column.name == **name);
        check_names(records.header.iter().filter(is_read), &self.file.name)?;
        let place = |column: &SourceColumn| {
            records.header.iter().position(|name| *name == column.name).ok_or_else(|| {
                missing_column(&column.name, &self.file.name, &records.header, &self.format)
            })
        };
        let places = self.table.columns.iter().map(place).collect::<Result<Vec<usize>>>()?;
        let builder = BatchBuilder::new(&self.table, self.format.point, self.zones);
        let numeric =
            self.table.columns.iter().map(|c| c.column_type != ColumnType::Text).collect();
        Ok(Box::new(CsvBatches { records, places, numeric, builder, done: false }))
    }
}

/// Columns are found by their names.
fn check_names<'n>(names: impl IntoIterator<Item = &'n String>, file: &str) -> Result<()> {
    let mut seen = BTreeSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        None => Ok(()),
        Some(twice) => {
            let what = format!("the header of `{file}` has the column `{twice}` twice; rename one");
            Err(Error::new(ErrorKind::SourceUnavailable, what))
        }
    }
}

fn missing_column(name: &str, file: &str, header: &[String], format: &CsvFormat) -> Error {
    let mut what = format!("`{file}` has no column `{name}`; it has: {}", header.join(", "));
    if header.len() == 1 {
        let delimiter = char::from(format.delimiter);
        what.push_str(&format!(
            " (one column only: is the delimiter really `{delimiter}`? set `delimiter:`)"
        ));
    }
    Error::new(ErrorKind::SourceUnavailable, what)
}

struct CsvBatches {
    records: Records,
    /// For each column of the table, its field in this file.
    places: Vec<usize>,
    /// Whether surrounding blanks of the field mean nothing.
    numeric: Vec<bool>,
    builder: BatchBuilder,
    done: bool,
}

impl CsvBatches {
    fn fill(&mut self) -> Result<Option<SourceBatch>> {
        while !self.done && !self.builder.is_full() {
            if !self.records.advance()? {
                self.done = true;
                break;
            }
            self.row();
        }
        if self.builder.is_empty() { Ok(None) } else { self.builder.finish().map(Some) }
    }

    fn row(&mut self) {
        let Self { records, places, numeric, builder, .. } = self;
        let format = Arc::clone(&records.format);
        if records.field_count != records.header.len() {
            let (found, wanted) = (records.field_count, records.header.len());
            builder.reject(records.rejected(format!("{found} fields, the header has {wanted}")));
            return;
        }
        if records.quotes.is_misplaced {
            builder.reject(records.rejected("text after a closing quote".into()));
            return;
        }
        if records.unclosed_quote {
            builder.reject(records.rejected("a quote that is never closed".into()));
            return;
        }
        if !records.decodes() {
            builder.reject(records.rejected(format!("not valid {}", format.encoding.name())));
            return;
        }
        for (index, place) in places.iter().enumerate() {
            let Some(text) = text::decode(records.field(*place), format.encoding) else { return };
            let text = if numeric[index] { text.trim() } else { &text };
            let null = format.nulls.iter().any(|null| null == text);
            builder.cell(index, (!null).then_some(text));
        }
        builder.end_row(records.line, || records.json());
    }
}

impl Iterator for CsvBatches {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill().transpose()
    }
}

/// The records of one file, read into buffers that are used again for the next one.
pub(super) struct Records {
    input: Box<dyn BufRead + Send>,
    parser: Reader,
    file: FileStamp,
    format: Arc<CsvFormat>,
    /// The names in the first record.
    pub(super) header: Vec<String>,
    output: Vec<u8>,
    ends: Vec<usize>,
    field_count: usize,
    /// Of the current record's first byte.
    pub(super) line: u64,
    /// Whether the file ended within quotes: the record is all that followed the open one.
    unclosed_quote: bool,
    /// Where the current record is with respect to quotes.
    quotes: Quotes,
    /// Line ends read so far; `\r\n` is one.
    lines_passed: u64,
    /// Whether the last byte read was `\r`.
    after_return: bool,
}

/// How many lines end in `bytes`, and whether its last byte is `\r`.
fn line_ends(bytes: &[u8], mut after_return: bool) -> (u64, bool) {
    let mut lines = 0;
    for byte in bytes {
        lines += u64::from(*byte == b'\r' || (*byte == b'\n' && !after_return));
        after_return = *byte == b'\r';
    }
    (lines, after_return)
}

impl Records {
    /// Opens `file` and reads its header.
    pub(super) fn open(file: &FileStamp, format: &Arc<CsvFormat>) -> Result<Self> {
        let mut records = Self {
            input: text::open(&file.path, &file.extent)?,
            parser: ReaderBuilder::new().delimiter(format.delimiter).build(),
            file: file.clone(),
            format: Arc::clone(format),
            header: Vec::new(),
            output: vec![0; 1 << 12],
            ends: vec![0; 64],
            field_count: 0,
            line: 1,
            unclosed_quote: false,
            quotes: Quotes::default(),
            lines_passed: 0,
            after_return: false,
        };
        if !records.advance()? {
            let what = format!("`{}` is empty; a header line is expected", file.name);
            return Err(Error::new(ErrorKind::SourceUnavailable, what));
        }
        let header = (0..records.field_count)
            .map(|index| text::decode(records.field(index), format.encoding))
            .map(|name| name.map(|name| name.trim().to_owned()))
            .collect::<Option<Vec<_>>>();
        records.header = header.ok_or_else(|| {
            let what = format!(
                "the header of `{}` is not valid {}; set `encoding:`",
                file.name,
                format.encoding.name()
            );
            Error::new(ErrorKind::SourceUnavailable, what)
        })?;
        Ok(records)
    }

    /// Reads the next record, or says that there is none.
    pub(super) fn advance(&mut self) -> Result<bool> {
        let (mut written, mut ended) = (0, 0);
        let (mut quotes, mut at_end) = (0_usize, false);
        self.quotes = Quotes::default();
        self.skip_empty_lines()?;
        self.line = self.lines_passed + 1;
        loop {
            let fail = || text::unreadable(&self.file.path);
            let input = self.input.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?;
            let (result, used, out, ends) = self.parser.read_record(
                input,
                &mut self.output[written..],
                &mut self.ends[ended..],
            );
            at_end |= input.is_empty();
            quotes += input[..used].iter().filter(|byte| **byte == b'"').count();
            if quotes > 0 {
                self.quotes.pass(&input[..used], self.format.delimiter);
            }
            let (lines, after_return) = line_ends(&input[..used], self.after_return);
            self.lines_passed += lines;
            self.after_return = after_return;
            self.input.consume(used);
            written += out;
            ended += ends;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.output.resize(self.output.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => {
                    self.field_count = ended;
                    self.unclosed_quote = at_end && quotes % 2 == 1;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// Passes what is left of the last line's end, and lines without any byte.
    fn skip_empty_lines(&mut self) -> Result<()> {
        loop {
            let fail = || text::unreadable(&self.file.path);
            let input = self.input.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?;
            let empty = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if empty == 0 {
                return Ok(());
            }
            let (lines, after_return) = line_ends(&input[..empty], self.after_return);
            self.lines_passed += lines;
            self.after_return = after_return;
            self.input.consume(empty);
        }
    }

    /// The bytes of a field of the current record.
    pub(super) fn field(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.output[start..self.ends[index]]
    }

    /// How many fields the current record has.
    pub(super) fn field_count(&self) -> usize {
        self.field_count
    }

    /// Whether every field is text by itself; a character split over two fields is none.
    fn decodes(&self) -> bool {
        (0..self.field_count)
            .all(|index| text::decode(self.field(index), self.format.encoding).is_some())
    }

    fn rejected(&self, reason: String) -> RejectedRow {
        RejectedRow { line: self.line, column: None, value: None, reason, row: self.json() }
    }

    /// The record as a JSON object; undecodable bytes show as U+FFFD.
    fn json(&self) -> String {
        let text = |index| String::from_utf8_lossy(self.field(index)).into_owned();
        let name = |index: usize| {
            self.header.get(index).cloned().unwrap_or_else(|| format!("field {}", index + 1))
        };
        let object: serde_json::Map<String, serde_json::Value> =
            (0..self.field_count).map(|index| (name(index), text(index).into())).collect();
        serde_json::Value::Object(object).to_string()
    }
}

#[cfg(test)]
mod tests;
