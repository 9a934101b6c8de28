//! Monthly sales targets per department and main item group.

use super::calendar::{MONTH_COUNT, month_start};
use super::decimal::money;
use super::department::{DEPARTMENTS, Department};
use super::dice::Dice;
use super::item_group::ITEM_GROUPS;
use super::master::Master;
use super::table::{Shape, Source, Table, cell};

/// A target: what one department shall sell of one main group in one month, in yuan.
#[derive(Debug)]
pub(super) struct SalesTarget {
    /// The month, counted from January 2023.
    pub(super) month: u32,
    /// The department.
    pub(super) department: &'static Department,
    group: &'static str,
    /// The target, in fen.
    pub(super) amount_cents: i64,
}

/// All targets, by month; they grow with the company.
pub(super) fn sales_targets(master: &Master) -> Vec<SalesTarget> {
    let mut dice = Dice::new(master.seed, "target");
    let mut targets = Vec::new();
    for month in 0..MONTH_COUNT {
        for department in DEPARTMENTS.iter().filter(|entry| entry.target_percent > 0) {
            for group in ITEM_GROUPS.iter().filter(|group| group.parent == "all_items") {
                let share = group_percent(group.code) * department.target_percent;
                let growth = 100 + 10 * i64::from(month / 12);
                let hundreds = 82 * share * growth * dice.between(85, 115) / 1_000_000;
                targets.push(SalesTarget {
                    month,
                    department,
                    group: group.code,
                    amount_cents: hundreds * 10_000 * i64::from(master.scale.factor()),
                });
            }
        }
    }
    targets
}

fn group_percent(group: &str) -> i64 {
    match group {
        "pump" => 34,
        "valve" | "control" => 20,
        "sensor" => 14,
        "spare" => 8,
        _ => 4,
    }
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "sales_target",
    columns: &[
        ("target_month", "DATE"),
        ("department", "VARCHAR(20)"),
        ("item_group", "VARCHAR(40)"),
        ("target_amount", "DECIMAL(14,2)"),
    ],
    key_width: 3,
};

/// `erp/sales_target.csv`.
pub(super) fn table(targets: &[SalesTarget]) -> Table {
    Table::of(&SHAPE, targets, |target| {
        vec![
            cell(month_start(target.month)),
            cell(target.department.code),
            cell(target.group),
            cell(money(target.amount_cents)),
        ]
    })
}
