use std::io::Write;

use arrow::array::{Array, AsArray, Decimal128Array};
use arrow::datatypes::{Date32Type, Int64Type};
use flate2::{Compression, write::GzEncoder};

use super::*;

fn read(folder: &std::path::Path, format: CsvFormat) -> Result<Vec<SourceBatch>> {
    let tables = BTreeMap::from([("t".to_owned(), format)]);
    let source = CsvSource::new(folder.to_owned(), tables, None);
    let columns = source.discover("t")?;
    let mut batches = Vec::new();
    for split in source.splits("t", &columns)? {
        for batch in split.open()? {
            batches.push(batch?);
        }
    }
    Ok(batches)
}

#[test]
fn reads_types_nulls_and_positions() {
    let folder = tempfile::tempdir().unwrap();
    let text = "\u{feff}id;price;day;code\n1;2,50;2024-01-31;007\n\n2;;2024-02-01;\"a;\nb\"\n3;x;2024-02-01;c\n";
    std::fs::write(folder.path().join("a.csv"), text).unwrap();
    let mut format = CsvFormat::new("a.csv");
    format.delimiter = b';';
    format.point = b',';
    format.types.insert("price".into(), ColumnType::Decimal(10, 2));
    let batches = read(folder.path(), format).unwrap();
    let SourceBatch { rows, lines, rejected } = &batches[0];
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values().to_vec(), [1, 2]);
    let price: &Decimal128Array = rows.column(1).as_primitive();
    assert_eq!((price.value(0), price.is_null(1)), (250, true));
    assert_eq!(rows.column(2).as_primitive::<Date32Type>().value(0), 19753);
    assert_eq!(rows.column(3).as_string::<i32>().value(1), "a;\nb");
    assert_eq!(lines.len(), 2);
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].column.as_deref(), Some("price"));
    assert_eq!(rejected[0].value.as_deref(), Some("x"));
    assert!(rejected[0].row.contains("\"code\":\"c\""));
}

#[test]
fn lines_are_those_of_an_editor() {
    for (text, lines) in [
        ("a,b\r\n1,2\r\n\r\n3,4\r\n", [2, 4]),
        ("a,b\n\n\n1,\"2\n2\"\n3,4", [4, 6]),
        ("a,b\r1,2\r3,4\r", [2, 3]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), text).unwrap();
        let batches = read(folder.path(), CsvFormat::new("a.csv")).unwrap();
        assert_eq!(batches[0].lines, lines, "{text:?}");
    }
}

#[test]
fn sets_ragged_and_undecodable_rows_aside() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), b"a,b\n1,2\n1\n1,\xff\n3,4\n").unwrap();
    let batches = read(folder.path(), CsvFormat::new("*.csv")).unwrap();
    assert_eq!(batches[0].rows.num_rows(), 2);
    let reasons: Vec<&str> = batches[0].rejected.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["1 fields, the header has 2", "not valid UTF-8"]);
}

#[test]
fn a_truncated_gzip_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    let body: String = (0..20_000).map(|i| format!("{i},{}\n", i * 7919 % 1000)).collect();
    gzip.write_all(format!("a,b\n{body}").as_bytes()).unwrap();
    let bytes = gzip.finish().unwrap();
    std::fs::write(folder.path().join("a.csv.gz"), &bytes[..bytes.len() - 100]).unwrap();
    let error = read(folder.path(), CsvFormat::new("*.gz")).unwrap_err().to_string();
    assert!(error.contains("truncated gzip"), "{error}");
}

#[test]
fn a_wrong_delimiter_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "a;b\n1;2\n").unwrap();
    let mut format = CsvFormat::new("a.csv");
    format.types.insert("b".into(), ColumnType::Int64);
    let error = read(folder.path(), format).unwrap_err().to_string();
    assert!(error.contains("no column `b`") && error.contains("delimiter"), "{error}");
}

#[test]
fn other_encodings_decode() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, _, _) = encoding_rs::GBK.encode("名,数\n鼓楼区,1\n");
    std::fs::write(folder.path().join("a.csv"), &bytes).unwrap();
    let mut format = CsvFormat::new("a.csv");
    format.encoding = CsvFormat::encoding("gbk").unwrap();
    let batches = read(folder.path(), format).unwrap();
    assert_eq!(batches[0].rows.column(0).as_string::<i32>().value(0), "鼓楼区");
}
