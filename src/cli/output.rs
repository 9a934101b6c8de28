//! Rows to stdout.

use std::io::{ErrorKind as IoErrorKind, Write, stdout};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;

use super::args::Format;
use crate::error::{Error, ErrorKind, Result, ResultExt};

/// Prints everything `rows` yields; CSV and Arrow are printed as they come.
pub(super) async fn print(rows: SendableRecordBatchStream, format: Format) -> Result<()> {
    let schema = rows.schema();
    let written = match format {
        Format::Csv => csv(rows).await,
        Format::Arrow => arrow_stream(rows, &schema).await,
        Format::Table | Format::Json => {
            let batches: Vec<RecordBatch> = rows.try_collect().await?;
            whole(&schema, &batches, format)
        }
    };
    ignore_closed_pipe(written)
}

/// Prints one batch.
pub(super) fn print_batch(batch: &RecordBatch, format: Format) -> Result<()> {
    let schema = batch.schema();
    let batches = std::slice::from_ref(batch);
    let written = match format {
        Format::Csv => csv_batch(&mut arrow::csv::Writer::new(stdout().lock()), batch),
        Format::Arrow => {
            let mut writer = StreamWriter::try_new(stdout().lock(), &schema)?;
            writer.write(batch).and_then(|()| writer.finish()).map_err(Error::from)
        }
        Format::Table | Format::Json => whole(&schema, batches, format),
    };
    ignore_closed_pipe(written)
}

/// Prints a text and ends its line.
pub(super) fn print_text(text: &str) -> Result<()> {
    let written = writeln!(stdout(), "{text}");
    ignore_closed_pipe(written.or_fail(ErrorKind::Internal, || "writing to stdout".into()))
}

fn whole(schema: &SchemaRef, batches: &[RecordBatch], format: Format) -> Result<()> {
    let mut out = stdout().lock();
    let fail = || "writing to stdout".to_owned();
    if format == Format::Json {
        let mut writer = arrow::json::ArrayWriter::new(&mut out);
        for batch in batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        return writeln!(out).or_fail(ErrorKind::Internal, fail);
    }
    let empty = [RecordBatch::new_empty(SchemaRef::clone(schema))];
    let shown = if batches.is_empty() { &empty } else { batches };
    let options = FormatOptions::default().with_null("");
    let table = pretty_format_batches_with_options(shown, &options)?;
    writeln!(out, "{table}").or_fail(ErrorKind::Internal, fail)
}

async fn csv(mut rows: SendableRecordBatchStream) -> Result<()> {
    let empty = RecordBatch::new_empty(rows.schema());
    let mut writer = arrow::csv::Writer::new(stdout());
    // A query that fails at once must not leave a header; one without rows must.
    let first = rows.try_next().await?;
    csv_batch(&mut writer, first.as_ref().unwrap_or(&empty))?;
    while let Some(batch) = rows.try_next().await? {
        csv_batch(&mut writer, &batch)?;
    }
    Ok(())
}

fn csv_batch<W: Write>(writer: &mut arrow::csv::Writer<W>, batch: &RecordBatch) -> Result<()> {
    writer.write(batch).map_err(Error::from)
}

async fn arrow_stream(mut rows: SendableRecordBatchStream, schema: &SchemaRef) -> Result<()> {
    let mut writer = StreamWriter::try_new(stdout(), schema)?;
    while let Some(batch) = rows.try_next().await? {
        writer.write(&batch)?;
    }
    Ok(writer.finish()?)
}

/// `starling sql … | head` is not a failure.
pub(super) fn ignore_closed_pipe(written: Result<()>) -> Result<()> {
    let Err(error) = written else { return Ok(()) };
    // The CSV writer keeps only the text of what went wrong.
    if error.to_string().contains("Broken pipe") {
        return Ok(());
    }
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        let closed = inner
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == IoErrorKind::BrokenPipe);
        if closed {
            return Ok(());
        }
        cause = inner.source();
    }
    Err(error)
}
