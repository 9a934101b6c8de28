//! `starling validate`.

use super::{Place, say};
use crate::check;
use crate::error::Result;
use crate::load;
use crate::model::Model;

pub(super) fn run(place: &Place) -> Result<()> {
    let (model, mut diagnostics) = Model::inspect(&place.folder, &place.config.environment)?;
    let checks = check::read_project(&place.folder, &model, &mut diagnostics)?;
    load::check(&model, diagnostics)?;
    let star = &model.project.star;
    say(&format!(
        "ok: {} sources, {} dimensions, {} facts, {} cubes, {} checks",
        model.project.sources.len(),
        star.dimensions.len(),
        star.facts.len(),
        model.cubes.len(),
        checks.len()
    ));
    Ok(())
}
