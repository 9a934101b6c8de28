//! `starling plan`: what a load of the declarations as they are would change.

use serde_json::{Value, json};

use super::args::{PlanOptions, ReportFormat};
use super::{Place, write_out};
use crate::error::Result;
use crate::load::TableChange;
use crate::plan::{Change, CubeChange, Difference, Kind, PartChange, Plan, plan};

pub(super) async fn run(place: &Place, options: &PlanOptions) -> Result<()> {
    let model = place.model()?;
    let epoch = place.warehouse()?.latest_epoch().await?;
    let plan = plan(&model, epoch.as_deref(), &place.config.environment)?;
    match options.format {
        ReportFormat::Text => write_out(&text(&plan)),
        ReportFormat::Json => write_out(&format!("{:#}\n", json_of(&plan))),
    }
}

fn text(plan: &Plan) -> String {
    let Some(next) = plan.publishes else {
        let epoch = plan.epoch.unwrap_or_default();
        return format!("nothing changes: a load would publish nothing after epoch {epoch}\n");
    };
    let mut text = format!("a load would publish epoch {next}\n\ntables\n");
    let width = plan.tables.iter().map(|table| table.table.len()).max().unwrap_or_default();
    for table in &plan.tables {
        let line = format!("  {:<10} {:<width$}", table.change.as_str(), table.table);
        let because = table.reasons.join(", ");
        text.push_str(format!("{line}  {because}").trim_end());
        text.push('\n');
    }
    text.push_str("\ncubes\n");
    if plan.cubes.is_empty() {
        text.push_str("  nothing changes\n");
    }
    plan.cubes.iter().for_each(|cube| cube_text(&mut text, cube));
    text
}

fn cube_text(text: &mut String, cube: &CubeChange) {
    text.push_str(&format!("  {} {}\n", cube.change.as_str(), cube.cube));
    for part in &cube.parts {
        text.push_str(&format!("    {}\n", headline(part)));
        // What is new or gone says what it is; what it is made of can be read elsewhere.
        let all = !matches!(part.change, Change::Added | Change::Removed);
        let shown = part.differences.iter().filter(|d| all || d.what == "definition");
        for Difference { what, was, is } in shown {
            match (was, is) {
                (Some(was), Some(is)) => {
                    text.push_str(&format!(
                        "      {what}\n        was  {was}\n        is   {is}\n"
                    ));
                }
                (Some(was), None) => text.push_str(&format!("      {what}\n        was  {was}\n")),
                (None, Some(is)) => text.push_str(&format!("      {what}\n        is   {is}\n")),
                (None, None) => {}
            }
        }
    }
}

fn headline(part: &PartChange) -> String {
    let (kind, name) = (part.kind.as_str(), &part.name);
    match (&part.change, part.kind) {
        (Change::Renamed { from }, _) => format!("renamed {kind} {from} to {name}"),
        (Change::Meaning, Kind::Rows) => format!("other rows of {name} count, in every measure"),
        (change, _) => format!("{} {kind} {name}", change.as_str()),
    }
}

fn json_of(plan: &Plan) -> Value {
    let tables = plan.tables.iter().map(|table| {
        json!({
            "table": table.table,
            "change": table.change.as_str(),
            "reasons": table.reasons,
        })
    });
    let cubes = plan.cubes.iter().map(|cube| {
        let parts: Vec<Value> = cube.parts.iter().map(part_json).collect();
        json!({ "cube": cube.cube, "change": cube.change.as_str(), "parts": parts })
    });
    let changed = plan.tables.iter().filter(|table| table.change != TableChange::Unchanged);
    json!({
        "epoch": plan.epoch,
        "publishes": plan.publishes,
        "tables_changed": changed.count(),
        "tables": tables.collect::<Vec<_>>(),
        "cubes": cubes.collect::<Vec<_>>(),
    })
}

fn part_json(part: &PartChange) -> Value {
    let differences = part.differences.iter();
    let differences = differences.map(|d| json!({ "what": d.what, "was": d.was, "is": d.is }));
    let mut value = json!({
        "kind": part.kind.as_str(),
        "name": part.name,
        "change": part.change.as_str(),
        "differences": differences.collect::<Vec<_>>(),
    });
    if let Change::Renamed { from } = &part.change {
        value["from"] = json!(from);
    }
    value
}
