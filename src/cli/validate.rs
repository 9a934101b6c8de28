//! `starling validate`.

use super::{Place, say};
use crate::error::Result;
use crate::load;
use crate::model::Model;

pub(super) fn run(place: &Place) -> Result<()> {
    let (model, diagnostics) = Model::inspect(&place.folder, &place.config.environment)?;
    load::check(&model, diagnostics)?;
    let star = &model.project.star;
    say(&format!(
        "ok: {} sources, {} dimensions, {} facts, {} cubes",
        model.project.sources.len(),
        star.dimensions.len(),
        star.facts.len(),
        model.cubes.len()
    ));
    Ok(())
}
