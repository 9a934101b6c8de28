//! What fields of a cube's relation say of themselves, for tools: their metadata.

use std::collections::HashMap;

use super::calculation::Calculation;
use super::measure::Measure;
use super::model::FlatColumn;
use crate::star::Title;

/// Of a column before the measures.
pub(super) fn of_level(column: &FlatColumn) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    metadata.insert("starling.role".to_owned(), column.kind.role().to_owned());
    if let Some(level) = &column.level {
        metadata.insert("starling.level".to_owned(), level.clone());
    }
    add_title(&mut metadata, "title", column.title.as_ref());
    metadata
}

/// Of a measure.
pub(super) fn of_measure(measure: &Measure) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    metadata.insert("starling.role".to_owned(), "measure".to_owned());
    metadata.insert("starling.additivity".to_owned(), measure.additivity.as_str().to_owned());
    if let Some(currency) = &measure.currency {
        metadata.insert("starling.currency".to_owned(), currency.clone());
    }
    if let Some(format) = &measure.format {
        metadata.insert("format".to_owned(), format.clone());
    }
    add_title(&mut metadata, "title", measure.title.as_ref());
    add_title(&mut metadata, "description", measure.description.as_ref());
    metadata
}

/// Of a calculation of `measure`.
pub(super) fn of_calculation(
    measure: &Measure,
    calculation: &Calculation,
) -> HashMap<String, String> {
    let mut metadata = HashMap::new();
    metadata.insert("starling.role".to_owned(), "measure".to_owned());
    metadata.insert("starling.additivity".to_owned(), "non_additive".to_owned());
    metadata.insert("starling.calculation".to_owned(), calculation.name.clone().into_owned());
    metadata.insert("starling.measure".to_owned(), measure.name.clone());
    if calculation.keeps_unit() {
        if let Some(currency) = &measure.currency {
            metadata.insert("starling.currency".to_owned(), currency.clone());
        }
        if let Some(format) = &measure.format {
            metadata.insert("format".to_owned(), format.clone());
        }
    }
    metadata.insert("title".to_owned(), calculation.title_of(measure));
    metadata
}

fn add_title(metadata: &mut HashMap<String, String>, key: &str, title: Option<&Title>) {
    let Some(title) = title else { return };
    metadata.insert(key.to_owned(), title.default.clone());
    for (locale, text) in &title.locales {
        metadata.insert(format!("{key}.{locale}"), text.clone());
    }
}
