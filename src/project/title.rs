//! `title: Customer` or `title: {en: Customer, zh: 客户}`.

use std::collections::BTreeMap;

use crate::declare::{Diagnostics, Fields, Value, text_of};
use crate::star::Title;

/// Reads the title or description under `key`; the first locale is the default.
pub(crate) fn read_title(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<Title> {
    let node = fields.node(key)?;
    let variables = fields.variables();
    let Value::Map(entries) = &node.value else {
        let text = text_of(node, key, variables, diagnostics)?;
        return Some(Title { default: text.value, locales: BTreeMap::new() });
    };
    let mut title = Title::default();
    for (locale, node) in entries {
        let text = text_of(node, key, variables, diagnostics)?;
        if title.locales.is_empty() {
            title.default.clone_from(&text.value);
        }
        title.locales.insert(locale.value.clone(), text.value);
    }
    Some(title)
}
