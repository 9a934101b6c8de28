//! Sales territories and the list of industries: the small tables of the CRM.

use super::entity::{INDUSTRIES, Industry};
use super::table::{Shape, Source, Table, cell};

/// Key, English and Chinese name, and the territory above.
type Territory = (&'static str, &'static str, &'static str, Option<&'static str>);

const TERRITORIES: [Territory; 10] = [
    ("ter-all", "World", "全球", None),
    ("ter-dom", "China", "中国", Some("ter-all")),
    ("ter-north", "North China", "华北", Some("ter-dom")),
    ("ter-east", "East China", "华东", Some("ter-dom")),
    ("ter-south", "South China", "华南", Some("ter-dom")),
    ("ter-west", "Central and West China", "中西部", Some("ter-dom")),
    ("ter-intl", "International", "海外", Some("ter-all")),
    ("ter-amer", "Americas", "美洲", Some("ter-intl")),
    ("ter-emea", "Europe", "欧洲", Some("ter-intl")),
    ("ter-apac", "Asia Pacific", "亚太", Some("ter-intl")),
];

/// The territory that a sales department works.
pub(super) fn territory_of(department: &str) -> String {
    department.replace("D-", "ter-").to_lowercase()
}

static SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "territory",
    columns: &[
        ("id", "VARCHAR(36)"),
        ("name", "VARCHAR(60)"),
        ("name_zh", "VARCHAR(60)"),
        ("parent_id", "VARCHAR(36)"),
    ],
    key_width: 1,
};

static INDUSTRY_SHAPE: Shape = Shape {
    source: Source::Crm,
    name: "industry",
    columns: &[("code", "VARCHAR(10)"), ("name", "VARCHAR(60)"), ("name_zh", "VARCHAR(60)")],
    key_width: 1,
};

/// Table `territory`.
pub(super) fn table() -> Table {
    Table::of(&SHAPE, &TERRITORIES, |&(id, name, name_zh, parent)| {
        vec![cell(id), cell(name), cell(name_zh), parent.map(str::to_owned)]
    })
}

/// Table `industry`.
pub(super) fn industry_table() -> Table {
    Table::of(&INDUSTRY_SHAPE, &INDUSTRIES, |industry: &Industry| {
        vec![cell(industry.code), cell(industry.en), cell(industry.zh)]
    })
}
