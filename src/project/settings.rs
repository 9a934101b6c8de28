//! starling.yaml: what holds for the whole project.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::{read_title, read_version, retail_spec};
use crate::declare::{Code, Diagnostic, Diagnostics, Fields, Node, Variables};
use crate::star::{CalendarRules, Title};

/// What holds for the whole project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What the project is called.
    pub name: String,
    /// For people.
    pub title: Option<Title>,
    /// A folder, relative to the project, or a URL.
    pub warehouse: String,
    /// The wall clock of the warehouse.
    pub time_zone: Tz,
    /// How years are counted.
    pub calendar: CalendarRules,
    /// The days the `date` dimension holds at least, and facts may lie in; else the data decides.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "starling".into(),
            title: None,
            warehouse: ".starling/warehouse".into(),
            time_zone: Tz::UTC,
            calendar: CalendarRules::default(),
            days: None,
        }
    }
}

pub(super) fn read(
    node: &Node,
    variables: &Variables,
    diagnostics: &mut Diagnostics,
) -> Option<Settings> {
    let mut fields = Fields::of(node, "starling.yaml", variables, diagnostics)?;
    read_version(&mut fields, diagnostics);
    let mut settings = Settings::default();
    if let Some(name) = fields.required_text("name", diagnostics) {
        settings.name = name.value;
    }
    settings.title = read_title(&mut fields, "title", diagnostics);
    if let Some(warehouse) = fields.text("warehouse", diagnostics) {
        settings.warehouse = warehouse.value;
    }
    if let Some(zone) = read_zone(&mut fields, diagnostics) {
        settings.time_zone = zone;
    }
    if let Some(month) = fields.int("fiscal_year_start", diagnostics) {
        match u32::try_from(month.value) {
            Ok(value @ 1..=12) => settings.calendar.fiscal_year_start = value,
            _ => {
                let message = "`fiscal_year_start` is a month, 1 to 12";
                diagnostics.push(Diagnostic::new(Code::WrongValue, month.span, message));
            }
        }
    }
    if let Some(node) = fields.node("calendar") {
        read_calendar(node, variables, &mut settings, diagnostics);
    }
    fields.finish(diagnostics);
    Some(settings)
}

/// The IANA name under `time_zone`.
pub(super) fn read_zone(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<Tz> {
    let zone = fields.text("time_zone", diagnostics)?;
    let parsed = zone.value.parse().ok();
    if parsed.is_none() {
        let message = format!("`{}` is not a time zone; write one like Asia/Shanghai", zone.value);
        diagnostics.push(Diagnostic::new(Code::WrongValue, zone.span, message));
    }
    parsed
}

/// The days of the calendar, a retail calendar beside it, or both.
fn read_calendar(
    node: &Node,
    variables: &Variables,
    settings: &mut Settings,
    diagnostics: &mut Diagnostics,
) {
    let Some(mut inner) = Fields::of(node, "`calendar`", variables, diagnostics) else { return };
    if let Some(retail) = inner.node("retail") {
        settings.calendar.retail = retail_spec::read(retail, variables, diagnostics);
    }
    let said = ["from", "to"].map(|key| inner.key_span(key).is_some());
    if said.contains(&true) || settings.calendar.retail.is_none() {
        settings.days = read_days(node, &mut inner, diagnostics);
    }
    inner.finish(diagnostics);
}

fn read_days(
    node: &Node,
    inner: &mut Fields<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<(NaiveDate, NaiveDate)> {
    let from = read_day(inner, "from", diagnostics);
    let to = read_day(inner, "to", diagnostics);
    let (from, to) = (from?, to?);
    if from > to {
        let message = "`from` is after `to`";
        diagnostics.push(Diagnostic::new(Code::WrongValue, node.span.clone(), message));
        return None;
    }
    Some((from, to))
}

fn read_day(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
) -> Option<NaiveDate> {
    let text = fields.required_text(key, diagnostics)?;
    let day = text.value.parse().ok();
    if day.is_none() {
        let message = format!("`{}` is not a day; write one like 2024-01-31", text.value);
        diagnostics.push(Diagnostic::new(Code::WrongValue, text.span, message));
    }
    day
}
