//! What a load tells about itself while it runs.

use std::fmt;

/// Receives events of a load; must not block.
pub trait Progress: fmt::Debug + Send + Sync {
    /// A table of so many splits starts.
    fn table_started(&self, table: &str, splits: usize);

    /// A split has been read to its end.
    fn split_done(&self, table: &str);

    /// So many more rows were read.
    fn rows_read(&self, table: &str, rows: u64);

    /// The table has been written.
    fn table_done(&self, table: &str);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn table_started(&self, _: &str, _: usize) {}

    fn split_done(&self, _: &str) {}

    fn rows_read(&self, _: &str, _: u64) {}

    fn table_done(&self, _: &str) {}
}
