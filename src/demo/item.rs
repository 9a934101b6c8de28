//! Items the company sells.

use chrono::NaiveDate;

use super::calendar::{day, day_between, earlier, first_day, last_day};
use super::decimal::{money, scaled};
use super::dice::Dice;
use super::item_group::{ItemGroup, Range, leaves};
use super::scale::Scale;
use super::table::{Cell, Shape, Source, Table, cell};

/// The warehouses; the first is where everything domestic leaves from.
pub(super) const WAREHOUSES: [&str; 3] = ["WH-SHA", "WH-CAN", "WH-LAX"];

const BRANDS: [&str; 5] = ["Starflow", "Aquila", "Rheinmark", "Nordval", "Kaido"];

/// One thing with a price.
#[derive(Debug)]
pub(super) struct Item {
    /// The key, in upper case.
    pub(super) code: String,
    name_en: String,
    name_zh: String,
    /// The leaf group.
    pub(super) group: &'static ItemGroup,
    /// What is typical of the group.
    pub(super) range: Range,
    brand: &'static str,
    /// List price of 2023, in fen.
    pub(super) list_price_cents: i64,
    /// What it costs the company, in fen.
    pub(super) cost_cents: i64,
    /// First day it is sold.
    pub(super) launch: NaiveDate,
    /// Last day it is sold, if it was given up.
    pub(super) end_of_life: Option<NaiveDate>,
    /// How many of [`WAREHOUSES`] hold it.
    pub(super) warehouse_count: usize,
}

impl Item {
    /// Whether it can be ordered on `date`.
    pub(super) fn is_sold_on(&self, date: NaiveDate) -> bool {
        self.launch <= date && self.end_of_life.is_none_or(|end| date <= end)
    }
}

/// The catalogue, group by group.
pub(super) fn items(seed: u64, scale: Scale) -> Vec<Item> {
    let mut dice = Dice::new(seed, "item");
    leaves()
        .flat_map(|(group, range)| {
            (1..=scale.catalogue(5)).map(move |serial| (group, range, serial))
        })
        .map(|(group, range, serial)| item(&mut dice, group, range, serial))
        .collect()
}

fn item(dice: &mut Dice, group: &'static ItemGroup, range: Range, serial: usize) -> Item {
    let price_yuan = dice.between(range.price_yuan.0, range.price_yuan.1);
    // Prices in a catalogue look like prices: steps of ten, ending in .00 or .50.
    let step_cents = if price_yuan > 1_000 { 1_000 } else { 50 };
    let list_price_cents = price_yuan * 100 / step_cents * step_cents;
    let model = 100 * serial + 10;
    let is_new = serial.is_multiple_of(4);
    let launch = match is_new {
        true => day_between(dice, day(2023, 9, 1), day(2025, 6, 30)),
        false => earlier(first_day(), dice.between(200, 2_500)),
    };
    let is_given_up = !is_new && dice.chance(10);
    Item {
        code: format!("{}-{model}", range.prefix),
        name_en: format!("{} {model}", range.noun_en),
        name_zh: format!("{} {model}型", range.noun_zh),
        group,
        range,
        brand: dice.word(&BRANDS),
        list_price_cents,
        cost_cents: scaled(list_price_cents, dice.between(52, 74), 100),
        launch,
        end_of_life: is_given_up.then(|| day_between(dice, day(2024, 3, 1), last_day())),
        warehouse_count: match (range.is_stock(), dice.below(10)) {
            (false, _) => 0,
            (true, 0..7) => 1,
            (true, 7..9) => 2,
            (true, _) => 3,
        },
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "item",
    columns: &[
        ("item_code", "VARCHAR(20)"),
        ("item_name", "VARCHAR(80)"),
        ("item_name_zh", "VARCHAR(80)"),
        ("item_group", "VARCHAR(40)"),
        ("brand", "VARCHAR(40)"),
        ("stock_uom", "VARCHAR(10)"),
        ("standard_rate", "DECIMAL(14,2)"),
        ("valuation_rate", "DECIMAL(14,2)"),
        ("is_stock_item", "INTEGER"),
        ("creation", "DATE"),
        ("end_of_life", "DATE"),
        ("disabled", "INTEGER"),
    ],
    key_width: 1,
};

/// `erp/item.csv`.
pub(super) fn table(items: &[Item]) -> Table {
    Table::of(&SHAPE, items, row)
}

fn row(item: &Item) -> Vec<Cell> {
    vec![
        cell(&item.code),
        cell(&item.name_en),
        cell(&item.name_zh),
        cell(item.group.code),
        cell(item.brand),
        cell(item.range.uom),
        cell(money(item.list_price_cents)),
        cell(money(item.cost_cents)),
        cell(u8::from(item.range.is_stock())),
        cell(item.launch),
        item.end_of_life.map(|date| date.to_string()),
        cell(u8::from(item.end_of_life.is_some())),
    ]
}
