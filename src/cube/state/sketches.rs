//! Sketches of many groups, each a column's value of bytes.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeBinaryBuilder};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::EmitTo;

use super::States;

/// In front of every stored sketch; a change to what the bytes mean changes it.
const VERSION: u8 = 1;

/// A summary of values in little room, in which order plays no part.
pub(super) trait Sketch: Default {
    /// What is added of a value.
    type Item: Copy;

    /// What is to be added of each of `values`; of NULL nothing.
    fn items(values: &ArrayRef) -> Result<Vec<Option<Self::Item>>>;

    /// Adds one value.
    fn add(&mut self, item: Self::Item);

    /// Adds the values of another sketch, of which these are the bytes.
    fn merge(&mut self, bytes: &[u8]) -> Result<()>;

    /// Appends the bytes behind the version: one for their form, then the rest.
    fn write(&self, bytes: &mut Vec<u8>);

    /// Whether nothing has been added.
    fn is_empty(&self) -> bool;

    /// The bytes in use beside the sketch itself, in constant time.
    fn heap_size(&self) -> usize;
}

/// The form and the rest of stored bytes of this version.
pub(super) fn body<'a>(bytes: &'a [u8], of: &str) -> Result<(u8, &'a [u8])> {
    match bytes {
        [VERSION, form, rest @ ..] => Ok((*form, rest)),
        [version, ..] if *version != VERSION => exec_err!(
            "a stored sketch of {of} has version {version} and this program reads version {VERSION}; \
             load anew"
        ),
        _ => damaged(of),
    }
}

pub(super) fn damaged<T>(of: &str) -> Result<T> {
    exec_err!("a stored sketch of {of} is damaged")
}

/// `sketch` as it is stored.
pub(super) fn bytes_of(sketch: &impl Sketch) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    sketch.write(&mut bytes);
    bytes
}

/// The sketch that is stored as `bytes`.
pub(super) fn sketch_of<S: Sketch>(bytes: &[u8]) -> Result<S> {
    let mut sketch = S::default();
    sketch.merge(bytes)?;
    Ok(sketch)
}

/// One sketch per group.
#[derive(Debug)]
pub(super) struct Sketches<S> {
    sketches: Vec<S>,
    heap_size: usize,
}

impl<S> Default for Sketches<S> {
    fn default() -> Self {
        Self { sketches: Vec::new(), heap_size: 0 }
    }
}

impl<S: Sketch> Sketches<S> {
    /// Changes the sketch of `group`, keeping count of its size.
    fn change<T>(&mut self, group: usize, change: impl FnOnce(&mut S) -> T) -> T {
        let sketch = &mut self.sketches[group];
        let before = sketch.heap_size();
        let result = change(sketch);
        self.heap_size = self.heap_size + sketch.heap_size() - before;
        result
    }
}

impl<S: Sketch + Debug + Send + Sync> States for Sketches<S> {
    fn resize(&mut self, count: usize) {
        self.sketches.resize_with(count, S::default);
    }

    fn update(&mut self, inputs: &[ArrayRef], groups: &[usize]) -> Result<()> {
        for (item, group) in S::items(&inputs[0])?.into_iter().zip(groups) {
            if let Some(item) = item {
                self.change(*group, |sketch| sketch.add(item));
            }
        }
        Ok(())
    }

    fn merge(&mut self, states: &ArrayRef, groups: &[usize]) -> Result<()> {
        let Some(states) = states.as_binary_opt::<i64>() else {
            return exec_err!("a sketch is stored as {}", states.data_type());
        };
        for (state, group) in states.iter().zip(groups) {
            if let Some(bytes) = state {
                self.change(*group, |sketch| sketch.merge(bytes))?;
            }
        }
        Ok(())
    }

    fn take(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let taken = emit_to.take_needed(&mut self.sketches);
        self.heap_size -= taken.iter().map(S::heap_size).sum::<usize>();
        let mut states = LargeBinaryBuilder::new();
        for sketch in &taken {
            states.append_option((!sketch.is_empty()).then(|| bytes_of(sketch)));
        }
        Ok(Arc::new(states.finish()))
    }

    fn size(&self) -> usize {
        self.sketches.capacity() * size_of::<S>() + self.heap_size
    }
}
