//! What a load tells about itself while it runs.

use std::fmt;

/// Receives events of a load; must not block.
pub trait Progress: fmt::Debug + Send + Sync {
    /// A source table is going to be read for `table`; of so many bytes, where that is known.
    fn table_started(&self, table: &str, bytes: Option<u64>);

    /// So much more was read; the bytes of those that are not known are 0.
    fn read(&self, table: &str, rows: u64, bytes: u64);

    /// The table has been written.
    fn table_done(&self, table: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn table_started(&self, _: &str, _: Option<u64>) {}

    fn read(&self, _: &str, _: u64, _: u64) {}

    fn table_done(&self, _: &str) {}
}
