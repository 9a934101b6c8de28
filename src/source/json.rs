//! JSON: a file is one object a line (NDJSON), or one array of objects; one split per file.
//!
//! Nested objects become columns `outer.inner`; arrays stay as their JSON text.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;

use serde_json::Value;

use super::cell;
use super::extent::Extent;
use super::files::{FileStamp, matching_files, position};
use super::json_object::{Member, Object, two_values};
use super::memory_batch::{BatchBuilder, Zones};
use super::text;
use super::{Batches, ColumnType, Position, RejectedRow, Source, SourceBatch, SourceColumn};
use super::{SourceTable, Split};
use crate::error::{Error, ErrorKind, Result, ResultExt};

const SAMPLE_OBJECTS: usize = 5000;

/// Which files hold one table, and declared types.
#[derive(Clone, Debug)]
pub struct JsonFormat {
    /// Relative to the source's folder; `*` and `**` as in a shell.
    pub pattern: String,
    /// Declared types; the other columns are inferred from a sample.
    pub types: BTreeMap<String, ColumnType>,
}

/// A folder of JSON files.
#[derive(Debug)]
pub struct JsonSource {
    folder: PathBuf,
    tables: BTreeMap<String, JsonFormat>,
    zones: Zones,
}

impl JsonSource {
    /// The files under `folder`, by table.
    pub fn new(folder: PathBuf, tables: BTreeMap<String, JsonFormat>, zones: Zones) -> Self {
        Self { folder, tables, zones }
    }

    fn files(&self, table: &str) -> Result<(&JsonFormat, Vec<FileStamp>)> {
        let format = self
            .tables
            .get(table)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no table `{table}`")))?;
        Ok((format, matching_files(&self.folder, &format.pattern)?))
    }
}

impl Source for JsonSource {
    fn discover(&self, table: &str) -> Result<SourceTable> {
        let (format, files) = self.files(table)?;
        let mut columns: Vec<SourceColumn> = Vec::new();
        let mut sampled = 0;
        for file in &files {
            let mut objects = Objects::open(file)?;
            while sampled < SAMPLE_OBJECTS {
                if !objects.advance()? {
                    break;
                }
                sampled += 1;
                let object = objects.object.trim_ascii();
                for (name, value) in flatten(object).unwrap_or_default() {
                    widen(&mut columns, name, &value);
                }
            }
        }
        for (name, column_type) in &format.types {
            match columns.iter_mut().find(|column| column.name == *name) {
                Some(column) => column.column_type = column_type.clone(),
                None => columns
                    .push(SourceColumn { name: name.clone(), column_type: column_type.clone() }),
            }
        }
        Ok(SourceTable { columns })
    }

    fn position(&self, table: &str) -> Result<Position> {
        position(&self.files(table)?.1)
    }

    fn splits(&self, table: &str, columns: &SourceTable) -> Result<Vec<Box<dyn Split>>> {
        let (_, files) = self.files(table)?;
        let split = |file| -> Box<dyn Split> {
            Box::new(JsonSplit { file, table: columns.clone(), zones: self.zones })
        };
        Ok(files.into_iter().map(split).collect())
    }
}

#[derive(Debug)]
struct JsonSplit {
    file: FileStamp,
    table: SourceTable,
    zones: Zones,
}

impl Split for JsonSplit {
    fn name(&self) -> &str {
        &self.file.name
    }

    fn extent(&self) -> Option<Extent> {
        Some(self.file.extent.clone())
    }

    fn open(self: Box<Self>) -> Result<Batches> {
        let objects = Objects::open(&self.file)?;
        let builder = BatchBuilder::new(&self.table, b'.', self.zones);
        let names = self.table.columns.into_iter().map(|column| column.name).collect();
        Ok(Box::new(JsonBatches { objects, names, builder, done: false }))
    }
}

struct JsonBatches {
    objects: Objects,
    names: Vec<String>,
    builder: BatchBuilder,
    done: bool,
}

impl JsonBatches {
    fn fill(&mut self) -> Result<Option<SourceBatch>> {
        while !self.done && !self.builder.is_full() {
            if !self.objects.advance()? {
                self.done = true;
                break;
            }
            let object = self.objects.object.trim_ascii();
            let row = || String::from_utf8_lossy(object).into_owned();
            let read = flatten(object).map_err(|reason| (None, reason));
            match read.and_then(|values| shaped(values, &self.names)) {
                Ok(mut values) => {
                    for (index, name) in self.names.iter().enumerate() {
                        match values.remove(name).unwrap_or(Cell::Null) {
                            Cell::Null => self.builder.cell(index, None),
                            Cell::Text(text) | Cell::Number(text) => {
                                self.builder.cell(index, Some(&text));
                            }
                            Cell::Inexact(text) => self.builder.inexact_cell(index, &text),
                        }
                    }
                    self.builder.end_row(self.objects.line, row);
                }
                Err((column, reason)) => {
                    let line = self.objects.line;
                    let row = serde_json::Value::from(row()).to_string();
                    let rejected = RejectedRow { line, column, value: None, reason, row };
                    self.builder.reject(rejected);
                }
            }
        }
        if self.builder.is_empty() { Ok(None) } else { self.builder.finish().map(Some) }
    }
}

impl Iterator for JsonBatches {
    type Item = Result<SourceBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.fill().transpose()
    }
}

/// A value of an object.
enum Cell {
    Null,
    Text(String),
    Number(String),
    /// A number with more digits than a double keeps.
    Inexact(String),
}

/// The objects of a file as bytes: lines of NDJSON, or the elements of one array.
struct Objects {
    input: Box<dyn BufRead + Send>,
    file: FileStamp,
    array: bool,
    object: Vec<u8>,
    /// Line of NDJSON, or number of the element.
    line: u64,
}

impl Objects {
    fn open(file: &FileStamp) -> Result<Self> {
        let mut input = text::open(&file.path, &file.extent)?;
        let fail = || text::unreadable(&file.path);
        let head = input.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?;
        let blank = head.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let array = head.get(blank) == Some(&b'[');
        if array {
            input.consume(blank + 1);
        }
        Ok(Self { input, file: file.clone(), array, object: Vec::new(), line: 0 })
    }

    /// Puts the next object into `object`, or says that there is none.
    fn advance(&mut self) -> Result<bool> {
        self.object.clear();
        if self.array { self.element() } else { self.text_line() }
    }

    fn text_line(&mut self) -> Result<bool> {
        loop {
            self.line += 1;
            let fail = || text::unreadable(&self.file.path);
            let count = self.input.read_until(b'\n', &mut self.object);
            if count.or_fail(ErrorKind::SourceUnavailable, fail)? == 0 {
                return Ok(false);
            }
            if !self.object.trim_ascii().is_empty() {
                return Ok(true);
            }
            self.object.clear();
        }
    }

    /// Copies bytes up to the comma or bracket that ends the element, minding strings and nesting.
    fn element(&mut self) -> Result<bool> {
        let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
        loop {
            let fail = || text::unreadable(&self.file.path);
            let input = self.input.fill_buf().or_fail(ErrorKind::SourceUnavailable, fail)?;
            if input.is_empty() {
                let what = format!("the array in `{}` has no end", self.file.name);
                return Err(Error::new(ErrorKind::SourceUnavailable, what));
            }
            let mut used = 0;
            let mut ended = None;
            for &byte in input {
                used += 1;
                if quoted {
                    quoted = escaped || byte != b'"';
                    escaped = !escaped && byte == b'\\';
                } else if depth == 0 && matches!(byte, b',' | b']') {
                    ended = Some(byte);
                    break;
                } else {
                    match byte {
                        b'"' => quoted = true,
                        b'{' | b'[' => depth += 1,
                        // One too many makes the element invalid, which is found when it is parsed.
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                self.object.push(byte);
            }
            self.input.consume(used);
            let Some(byte) = ended else { continue };
            if byte == b']' {
                self.array = false;
                if self.object.trim_ascii().is_empty() {
                    return Ok(false);
                }
            }
            self.line += 1;
            return Ok(true);
        }
    }
}

/// The values of an object by flattened name.
fn flatten(object: &[u8]) -> Result<BTreeMap<String, Cell>, String> {
    let object: Object =
        serde_json::from_slice(object).map_err(|error| format!("not a JSON object: {error}"))?;
    let mut values = BTreeMap::new();
    for (name, member) in object.members("")? {
        flatten_member(name, member, &mut values)?;
    }
    Ok(values)
}

fn flatten_member(
    name: String,
    member: Member,
    values: &mut BTreeMap<String, Cell>,
) -> Result<(), String> {
    let cell = match member {
        Member::Object(object) => {
            for (inner, member) in object.members(&name)? {
                flatten_member(format!("{name}.{inner}"), member, values)?;
            }
            return Ok(());
        }
        Member::Array(_) => Cell::Text(member.json(&name)?.to_string()),
        Member::Plain(value) => match value {
            Value::Null => Cell::Null,
            Value::String(text) => Cell::Text(text),
            Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
                Some(double) => fraction(double),
                None => Cell::Number(number.to_string()),
            },
            other => Cell::Text(other.to_string()),
        },
    };
    match values.insert(name.clone(), cell) {
        None => Ok(()),
        Some(_) => Err(two_values(&name)),
    }
}

/// `values`, unless one of the columns `names` is an object where a value is read, or the other way
/// round: it would pass for a value that is missing.
fn shaped(
    values: BTreeMap<String, Cell>,
    names: &[String],
) -> Result<BTreeMap<String, Cell>, (Option<String>, String)> {
    for name in names.iter().filter(|name| !values.contains_key(*name)) {
        let inside = format!("{name}.");
        let next = values.range(inside.clone()..).next();
        if next.is_some_and(|(other, _)| other.starts_with(&inside)) {
            let reason = format!("an object, which `{name}` is not read as");
            return Err((Some(name.clone()), reason));
        }
        let outer = name.match_indices('.').map(|(at, _)| &name[..at]);
        for outer in outer {
            if values.get(outer).is_some_and(|value| !matches!(value, Cell::Null)) {
                let reason = format!("no object at `{outer}`, in which `{name}` is");
                return Err((Some(name.clone()), reason));
            }
        }
    }
    Ok(values)
}

/// JSON numbers arrive as doubles, which keep 15 decimal digits; with more, the text that was
/// written is not known any more.
fn fraction(double: f64) -> Cell {
    let text = double.to_string();
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    if digits > 15 { Cell::Inexact(text) } else { Cell::Number(text) }
}

/// Adds what `value` shows about the type of column `name`.
fn widen(columns: &mut Vec<SourceColumn>, name: String, value: &Cell) {
    let index = columns.iter().position(|column| column.name == name);
    let seen = match value {
        Cell::Null => return,
        Cell::Text(text) => shape_of_text(text),
        Cell::Number(text) => shape_of_number(text),
        Cell::Inexact(_) => ColumnType::Double,
    };
    match index {
        None => columns.push(SourceColumn { name, column_type: seen }),
        Some(index) => {
            let known = &mut columns[index].column_type;
            *known = common(known.clone(), seen);
        }
    }
}

/// What values of both types can be read as.
fn common(a: ColumnType, b: ColumnType) -> ColumnType {
    use ColumnType::{Decimal, Double, Int64, Text};
    match (a, b) {
        (a, b) if a == b => a,
        (Int64, Decimal(p, s)) | (Decimal(p, s), Int64) => Decimal(p, s),
        (Double, Int64 | Decimal(..)) | (Int64 | Decimal(..), Double) => Double,
        _ => Text,
    }
}

/// A text stays one, be it all digits: codes are written so.
fn shape_of_text(value: &str) -> ColumnType {
    if matches!(value, "true" | "false") {
        ColumnType::Bool
    } else if cell::date(value, None).is_some() {
        ColumnType::Date(None)
    } else if cell::timestamp(value, None).is_some() {
        ColumnType::Timestamp(None)
    } else {
        ColumnType::Text
    }
}

fn shape_of_number(value: &str) -> ColumnType {
    if value.parse::<i64>().is_ok() {
        ColumnType::Int64
    } else if cell::decimal(value, 28, 6, b'.').is_some() {
        ColumnType::Decimal(28, 6)
    } else {
        ColumnType::Double
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;

    use super::*;

    fn read(content: &str) -> (Vec<SourceBatch>, SourceTable) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), content).unwrap();
        let format = JsonFormat { pattern: "a.json".into(), types: BTreeMap::new() };
        let tables = BTreeMap::from([("t".to_owned(), format)]);
        let source = JsonSource::new(folder.path().to_owned(), tables, None);
        let columns = source.discover("t").unwrap();
        let splits = source.splits("t", &columns).unwrap();
        let batches = splits.into_iter().flat_map(|s| s.open().unwrap()).map(Result::unwrap);
        (batches.collect(), columns)
    }

    #[test]
    fn lines_and_arrays_give_the_same_rows() {
        let one = r#"{"id": 1, "who": {"name": "a,]\"b"}, "score": 4.5, "tags": [1, 2]}"#;
        let two = r#"{"id": 2, "who": {"name": null}, "score": 5}"#;
        let (lines, columns) = read(&format!("{one}\n\n{two}\n"));
        let (array, _) = read(&format!("[{one},\n {two}]"));
        assert_eq!(lines[0].rows, array[0].rows);
        assert_eq!(lines[0].lines, [1, 3]);
        let names: Vec<&str> = columns.columns.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["id", "score", "tags", "who.name"]);
        assert_eq!(columns.columns[1].column_type, ColumnType::Decimal(28, 6));
    }

    #[test]
    fn a_name_that_comes_twice_is_no_answer() {
        let rejected = |object: &str| {
            let (batches, _) = read(&format!("{{\"a\": 1}}\n{object}\n"));
            assert_eq!(batches[0].rows.num_rows(), 1);
            batches[0].rejected[0].reason.clone()
        };
        assert_eq!(rejected(r#"{"a": 1, "a": 1}"#), "two values for `a`");
        assert_eq!(rejected(r#"{"who": {"a": 1, "b": 2, "a": 3}}"#), "two values for `who.a`");
        assert_eq!(rejected(r#"{"who": {"a": 1}, "who": {"b": 2}}"#), "two values for `who`");
        assert_eq!(rejected(r#"{"x": {"y": {"z": null, "z": 1}}}"#), "two values for `x.y.z`");
        assert_eq!(rejected(r#"{"x": [1, [{"y": 1, "y": 2}]]}"#), "two values for `x.y`");
        assert_eq!(rejected(r#"{"x.y": 1, "x": {"y": 2}}"#), "two values for `x.y`");
    }

    #[test]
    fn another_shape_is_no_missing_value() {
        let content = concat!(
            "{\"id\":1,\"price\":5,\"who\":{\"no\":1}}\n",
            "{\"id\":2,\"price\":{\"amount\":5},\"who\":{\"no\":2}}\n",
            "{\"id\":3,\"price\":5,\"who\":3}\n",
            "{\"id\":4,\"price\":5,\"who\":[{\"no\":4}]}\n",
            "{\"id\":5,\"who\":null}\n",
        );
        let rows: Vec<&str> = content.lines().collect();
        let names = ["id", "price", "who.no"].map(str::to_owned);
        let reason = |row: &str| {
            let values = super::flatten(row.as_bytes()).map_err(|reason| (None, reason));
            values.and_then(|values| super::shaped(values, &names)).err().and_then(|(at, _)| at)
        };
        let found: Vec<Option<String>> = rows.iter().map(|row| reason(row)).collect();
        let at = |name: &str| Some(name.to_owned());
        assert_eq!(found, [None, at("price"), at("who.no"), at("who.no"), None]);
    }

    #[test]
    fn arrays_stay_as_their_text() {
        let (batches, _) =
            read(r#"{"a": [1, -2, 2.50, 1e2, "x\"y", null, true, {"b": [], "a": {}}]}"#);
        let texts = batches[0].rows.column(0).as_string::<i32>();
        assert_eq!(texts.value(0), r#"[1,-2,2.5,100.0,"x\"y",null,true,{"a":{},"b":[]}]"#);
    }

    #[test]
    fn broken_lines_are_set_aside() {
        let (batches, _) = read("{\"a\": 1}\n{\"a\": \n{\"a\": 2}\n");
        assert_eq!(batches[0].rows.num_rows(), 2);
        assert_eq!(batches[0].rejected[0].line, 2);
    }
}
