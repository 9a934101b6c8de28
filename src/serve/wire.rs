//! The shape of results on the wire.
//!
//! Drivers compare the schema they were announced with the schema of the stream, types and
//! nullability included, and reject the result when they differ. Plans differ there from what they
//! produce, so one function decides the schema, and batches are converted to it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Fields, Schema, SchemaRef,
};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, IpcMessage, SchemaAsIpc};
use futures::{Stream, StreamExt, TryStreamExt};
use prost::bytes::Bytes;
use tonic::Status;

use super::status::status;
use crate::error::{Error, Result};

/// The key of the schema metadata that says which epoch answered.
pub(super) const EPOCH_KEY: &str = "starling.epoch";

/// What a message should not exceed: half of the smallest default limit of clients.
const BATCH_BYTES: usize = 2 << 20;

/// What a message must not exceed: the default limit of the most common driver.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// The schema in which results of `schema` are announced and sent.
///
/// View types become plain ones, dictionaries their values, and every field is nullable.
pub(super) fn schema(schema: &Schema, epoch: u64) -> SchemaRef {
    let fields: Fields = schema.fields().iter().map(nullable).collect();
    let mut metadata = schema.metadata().clone();
    metadata.insert(EPOCH_KEY.to_owned(), epoch.to_string());
    Arc::new(Schema::new_with_metadata(fields, metadata))
}

/// The type in which values of `data_type` are sent: one that every driver reads.
pub(super) fn data_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => self::data_type(value),
        DataType::RunEndEncoded(_, values) => self::data_type(values.data_type()),
        DataType::Float16 => DataType::Float32,
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Decimal256(precision, scale) if *precision <= DECIMAL128_MAX_PRECISION => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item) => DataType::List(nullable(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(nullable(item), *size),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nullable).collect()),
        DataType::Map(entries, sorted) => DataType::Map(map_entries(entries), *sorted),
        other => other.clone(),
    }
}

fn nullable(field: &FieldRef) -> FieldRef {
    Arc::new(
        Field::new(field.name(), data_type(field.data_type()), true)
            .with_metadata(field.metadata().clone()),
    )
}

/// Entries and keys of a map cannot be NULL; the format says so.
fn map_entries(entries: &FieldRef) -> FieldRef {
    let DataType::Struct(fields) = entries.data_type() else { return Arc::clone(entries) };
    let fields: Fields = fields
        .iter()
        .enumerate()
        .map(|(i, field)| Arc::new(nullable(field).as_ref().clone().with_nullable(i > 0)))
        .collect();
    Arc::new(Field::new(entries.name(), DataType::Struct(fields), false))
}

/// `batch` with the columns of `schema`, which [`schema`] made of the batch's own.
fn convert(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.num_columns() != schema.fields().len() {
        return Err(Error::internal(format!(
            "{} columns were announced, {} computed",
            schema.fields().len(),
            batch.num_columns()
        )));
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let columns: Vec<ArrayRef> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast_with_options(column, field.data_type(), &options))
        .collect::<Result<_, _>>()?;
    let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)?)
}

/// Halves `batch` until no part has more than `bytes_max`, or one row.
///
/// Parts are measured, not estimated from the average row: long texts come in clusters.
fn split(batch: RecordBatch, bytes_max: usize, parts: &mut Vec<RecordBatch>) {
    let rows = batch.num_rows();
    if rows > 1 && size(&batch) > bytes_max {
        let half = rows / 2;
        split(batch.slice(0, half), bytes_max, parts);
        split(batch.slice(half, rows - half), bytes_max, parts);
    } else {
        parts.push(batch);
    }
}

fn size(batch: &RecordBatch) -> usize {
    let column_size = |column: &ArrayRef| {
        let data = column.to_data();
        data.get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(column_size).sum()
}

/// The messages of `batches`, converted to `schema`.
pub(super) fn encode(
    schema: SchemaRef,
    batches: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
) -> impl Stream<Item = Result<FlightData, Status>> + Send + 'static {
    let announced = Arc::clone(&schema);
    let parts = batches
        .and_then(move |batch| std::future::ready(convert(&batch, &announced)))
        .map_ok(|batch| {
            let mut parts = Vec::new();
            split(batch, BATCH_BYTES, &mut parts);
            futures::stream::iter(parts.into_iter().map(Ok))
        })
        .try_flatten()
        .map_err(|error| FlightError::Tonic(Box::new(status(&error))));
    FlightDataEncoderBuilder::new()
        .with_schema(schema)
        // The parts are small already, and the encoder measures whole buffers, not slices of them.
        .with_max_flight_data_size(usize::MAX)
        .build(parts)
        .map(|message| check_size(message?))
}

fn check_size(message: FlightData) -> Result<FlightData, Status> {
    let bytes = message.data_body.len() + message.data_header.len();
    if bytes <= MESSAGE_BYTES_MAX {
        return Ok(message);
    }
    Err(Status::resource_exhausted(format!(
        "one row of the result takes {} MiB, more than the {} MiB a client accepts; select fewer \
         or shorter columns",
        bytes >> 20,
        MESSAGE_BYTES_MAX >> 20
    )))
}

/// `schema` as the encapsulated message in which FlightInfo and prepared statements carry it.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let IpcMessage(bytes) = SchemaAsIpc::new(schema, &IpcWriteOptions::default()).try_into()?;
    Ok(bytes)
}

/// Adds `entries` to the metadata of `field`; what is there already stays.
pub(super) fn with_metadata(field: Field, entries: HashMap<String, String>) -> Field {
    let mut metadata = entries;
    metadata.extend(field.metadata().clone());
    field.with_metadata(metadata)
}

#[cfg(test)]
mod tests {
    use arrow::array::{
        BinaryViewArray, DictionaryArray, Int32Array, Int64Array, ListArray, StringArray,
        StringViewArray, StructArray,
    };
    use arrow::datatypes::{Int8Type, Int32Type};
    use arrow_flight::decode::FlightRecordBatchStream;

    use super::*;

    fn odd_batch() -> RecordBatch {
        let words: DictionaryArray<Int8Type> =
            vec![Some("a"), None, Some("a")].into_iter().collect();
        let lists = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        let inner = Field::new("view", DataType::Utf8View, false);
        let nested = StructArray::from(vec![(
            Arc::new(inner),
            Arc::new(StringViewArray::from(vec!["x", "y", "z"])) as ArrayRef,
        )]);
        let columns: Vec<(&str, ArrayRef, bool)> = vec![
            ("key", Arc::new(Int64Array::from(vec![1, 2, 3])), false),
            ("view", Arc::new(StringViewArray::from(vec![Some("a"), None, Some("b")])), true),
            ("bytes", Arc::new(BinaryViewArray::from(vec![b"a".as_ref(), b"b", b"c"])), false),
            ("word", Arc::new(words), true),
            ("list", Arc::new(lists), true),
            ("nested", Arc::new(nested), false),
        ];
        RecordBatch::try_from_iter_with_nullable(columns).unwrap()
    }

    async fn sent(batch: RecordBatch) -> (SchemaRef, Vec<RecordBatch>) {
        let announced = schema(&batch.schema(), 7);
        let messages = encode(Arc::clone(&announced), futures::stream::iter([Ok(batch)]));
        let decoded = FlightRecordBatchStream::new_from_flight_data(messages.map_err(Into::into));
        (announced, decoded.try_collect().await.unwrap())
    }

    #[tokio::test]
    async fn the_stream_has_the_announced_schema() {
        let (announced, batches) = sent(odd_batch()).await;
        assert_eq!(batches[0].schema(), announced);
        assert!(announced.fields().iter().all(|field| field.is_nullable()));
        assert_eq!(announced.metadata()[EPOCH_KEY], "7");
        assert_eq!(announced.field(1).data_type(), &DataType::Utf8);
        assert_eq!(announced.field(2).data_type(), &DataType::Binary);
        assert_eq!(announced.field(3).data_type(), &DataType::Utf8);
        let round_trip = schema(&announced, 7);
        assert_eq!(round_trip, announced, "the wire schema is its own wire schema");
    }

    #[tokio::test]
    async fn announced_bytes_decode_to_the_announced_schema() {
        let announced = schema(&odd_batch().schema(), 1);
        let decoded = Schema::try_from(IpcMessage(schema_bytes(&announced).unwrap())).unwrap();
        assert_eq!(decoded, *announced);
    }

    #[tokio::test]
    async fn long_texts_in_a_cluster_are_split() {
        let texts: Vec<String> =
            (0..4_000).map(|i| if i < 40 { "x".repeat(400_000) } else { "y".into() }).collect();
        let batch =
            RecordBatch::try_from_iter([("t", Arc::new(StringArray::from(texts)) as ArrayRef)])
                .unwrap();
        let (_, batches) = sent(batch).await;
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 4_000);
        assert!(batches.iter().all(|batch| size(batch) <= BATCH_BYTES));
        assert!(batches.len() < 40);
    }

    #[tokio::test]
    async fn a_giant_row_is_refused_with_a_sentence() {
        let text = StringArray::from(vec!["x".repeat(MESSAGE_BYTES_MAX)]);
        let batch = RecordBatch::try_from_iter([("t", Arc::new(text) as ArrayRef)]).unwrap();
        let announced = schema(&batch.schema(), 1);
        let messages: Vec<_> =
            encode(announced, futures::stream::iter([Ok(batch)])).collect().await;
        let refused = messages.last().unwrap().as_ref().unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    }

    #[test]
    fn a_batch_without_columns_keeps_its_rows() {
        let rows = RecordBatchOptions::new().with_row_count(Some(3));
        let empty = Arc::new(Schema::empty());
        let batch = RecordBatch::try_new_with_options(empty, vec![], &rows).unwrap();
        let converted = convert(&batch, &schema(&batch.schema(), 1)).unwrap();
        assert_eq!(converted.num_rows(), 3);
        let narrow =
            RecordBatch::try_from_iter([("a", Arc::new(Int32Array::from(vec![1])) as ArrayRef)]);
        assert!(convert(&batch, &schema(&narrow.unwrap().schema(), 1)).is_err());
    }
}
