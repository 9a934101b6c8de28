//! The epoch object: what one load published, whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::location::Location;
use crate::error::{Error, ErrorKind, Result, ResultExt};
use crate::source::Position;
use crate::translate::RowCounts;

/// What one load published. Its object in the store is the load's only commit point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counted from 1 without gaps.
    pub number: u64,
    /// Tells two attempts at the same number apart.
    pub run: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Every table of the warehouse at its version.
    pub tables: BTreeMap<String, PinnedTable>,
    /// How far each source table (`source.table`) had been read.
    pub positions: BTreeMap<String, Position>,
    /// What the load did, per target table it wrote.
    pub loads: Vec<TableLoad>,
    /// The declarations it was made with, by path: an old epoch answers with its own model.
    pub declarations: BTreeMap<String, String>,
}

/// One table of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTable {
    /// The Delta version.
    pub version: u64,
    /// The Delta version before this load's successful attempt; the change lies after it.
    pub base_version: u64,
    /// A hash of the compiled declaration and of everything the table was made from.
    pub fingerprint: String,
    /// How many rows it has.
    pub row_count: u64,
    /// For a dimension, the next surrogate key to give: none is given twice.
    pub next_key: Option<i64>,
}

/// What a load did to one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableLoad {
    /// The target table.
    pub table_name: String,
    /// Rows read from the sources that feed it.
    pub rows_in: u64,
    /// Rows that reached it.
    pub rows_loaded: u64,
    /// Rows in quarantine, by rule.
    pub quarantined: BTreeMap<String, u64>,
    /// Rows dropped by declared rules, by rule.
    pub dropped: BTreeMap<String, u64>,
    /// Loaded rows worth a remark, by remark.
    pub remarked: BTreeMap<String, u64>,
    /// What a person should know.
    pub notes: Vec<String>,
}

impl TableLoad {
    /// The record of a load of `table_name`.
    pub fn new(table_name: &str, counts: RowCounts, notes: Vec<String>) -> Self {
        Self {
            table_name: table_name.to_owned(),
            rows_in: counts.rows_in,
            rows_loaded: counts.loaded,
            quarantined: counts.quarantined,
            dropped: counts.dropped,
            remarked: counts.remarked,
            notes,
        }
    }

    /// All rows in quarantine.
    pub fn rows_quarantined(&self) -> u64 {
        self.quarantined.values().sum()
    }

    /// All dropped rows.
    pub fn rows_dropped(&self) -> u64 {
        self.dropped.values().sum()
    }
}

/// The object is `{"sha256":"<hex of the epoch's bytes>","epoch":<epoch>}`, valid JSON whose layout is
/// fixed so that the bytes can be checked before they are believed.
const HEAD: &str = "{\"sha256\":\"";
const MIDDLE: &str = "\",\"epoch\":";
const TAIL: &str = "}";

fn encode(epoch: &Epoch) -> Result<String> {
    let body = serde_json::to_string_pretty(epoch)
        .or_fail(ErrorKind::Internal, || "writing an epoch as JSON".into())?;
    Ok(format!("{HEAD}{}{MIDDLE}{body}{TAIL}", checksum(&body)))
}

fn decode(text: &str) -> Option<Epoch> {
    let (sum, rest) = text.strip_prefix(HEAD)?.split_once(MIDDLE)?;
    let body = rest.strip_suffix(TAIL)?;
    if checksum(body) != sum {
        return None;
    }
    serde_json::from_str(body).ok()
}

fn checksum(body: &str) -> String {
    Sha256::digest(body.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The highest number there is.
pub(super) async fn newest(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
) -> Result<Option<u64>> {
    if !location.folder().exists() {
        return Ok(None);
    }
    let objects: Vec<_> = store
        .list(Some(&location.epochs()?))
        .try_collect()
        .await
        .or_fail(ErrorKind::WarehouseUnavailable, || format!("listing epochs of `{location}`"))?;
    let number = |name: &str| name.strip_suffix(".json")?.parse::<u64>().ok();
    Ok(objects.iter().filter_map(|object| number(object.location.filename()?)).max())
}

pub(super) async fn exists(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    number: u64,
) -> Result<bool> {
    match store.head(&location.epoch(number)?).await {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => {
            let what = format!("looking for epoch {number} of `{location}`");
            Err(Error::new(ErrorKind::WarehouseUnavailable, what).because(error))
        }
    }
}

pub(super) async fn read(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    number: u64,
) -> Result<Epoch> {
    let path = location.epoch(number)?;
    let bytes = match store.get(&path).await {
        Ok(object) => object.bytes().await,
        Err(error) => Err(error),
    };
    let bytes = bytes.map_err(|error| match error {
        StoreError::NotFound { .. } => {
            Error::new(ErrorKind::NotFound, format!("the warehouse has no epoch {number}"))
        }
        other => {
            let what = format!("reading epoch {number} of `{location}`");
            Error::new(ErrorKind::WarehouseUnavailable, what).because(other)
        }
    })?;
    let epoch = std::str::from_utf8(&bytes).ok().and_then(decode);
    epoch.filter(|epoch| epoch.number == number).ok_or_else(|| {
        let what = format!(
            "the epoch object `/{path}` is corrupt: its bytes do not match its checksum; put a copy of \
             it back, or delete it to fall back to epoch {}",
            number.saturating_sub(1)
        );
        Error::new(ErrorKind::CorruptData, what)
    })
}

/// Publishes `epoch`: the commit point. When its number is taken, by another writer or by an
/// attempt of ours whose answer was lost, the run tells which.
pub(super) async fn create(
    store: &Arc<dyn ObjectStore>,
    location: &Location,
    epoch: &Epoch,
) -> Result<()> {
    let path = location.epoch(epoch.number)?;
    let payload = PutPayload::from(encode(epoch)?);
    let put = store.put_opts(&path, payload, PutOptions::from(PutMode::Create)).await;
    let Err(error) = put else { return Ok(()) };
    let written = read(store, location, epoch.number).await;
    match written {
        Ok(found) if found.run == epoch.run => Ok(()),
        Ok(_) => {
            let what = format!("another load published epoch {} first", epoch.number);
            Err(Error::new(ErrorKind::Conflict, what))
        }
        Err(_) => {
            let what = format!("publishing epoch {} of `{location}`", epoch.number);
            Err(Error::new(ErrorKind::WarehouseUnavailable, what).because(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_byte_is_noticed() {
        let epoch = Epoch {
            number: 7,
            run: "r".into(),
            created_at: DateTime::UNIX_EPOCH,
            tables: BTreeMap::new(),
            positions: BTreeMap::new(),
            loads: Vec::new(),
            declarations: BTreeMap::new(),
        };
        let text = encode(&epoch).unwrap();
        assert_eq!(decode(&text), Some(epoch));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok());
        assert_eq!(decode(&text.replace("\"number\": 7", "\"number\": 8")), None);
        assert_eq!(decode(&text[..text.len() - 2]), None);
    }
}
