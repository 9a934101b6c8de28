//! The tree of departments.

use super::table::{Shape, Source, Table, cell};

/// A department and how many people work directly in it.
#[derive(Debug)]
pub(super) struct Department {
    /// The key.
    pub(super) code: &'static str,
    en: &'static str,
    zh: &'static str,
    parent: &'static str,
    /// People employed in it.
    pub(super) head_count: usize,
    /// Share of the sales target, in percent; 0 for departments that do not sell.
    pub(super) target_percent: i64,
}

const fn department(
    code: &'static str,
    names: (&'static str, &'static str),
    parent: &'static str,
    head_count: usize,
    target_percent: i64,
) -> Department {
    Department { code, en: names.0, zh: names.1, parent, head_count, target_percent }
}

/// The whole tree, parents before children.
pub(super) static DEPARTMENTS: [Department; 15] = [
    department("D-ALL", ("Starling Fluid Technology", "星椋流体科技"), "", 0, 0),
    department("D-SALES", ("Sales", "销售中心"), "D-ALL", 1, 0),
    department("D-DOM", ("Domestic Sales", "国内销售部"), "D-SALES", 1, 0),
    department("D-NORTH", ("North China", "华北区"), "D-DOM", 4, 15),
    department("D-EAST", ("East China", "华东区"), "D-DOM", 6, 20),
    department("D-SOUTH", ("South China", "华南区"), "D-DOM", 4, 13),
    department("D-WEST", ("Central and West China", "中西部区"), "D-DOM", 4, 19),
    department("D-KEY", ("Key Accounts", "大客户部"), "D-SALES", 3, 14),
    department("D-INTL", ("International Sales", "国际销售部"), "D-SALES", 1, 0),
    department("D-AMER", ("Americas", "美洲区"), "D-INTL", 2, 12),
    department("D-EMEA", ("Europe", "欧洲区"), "D-INTL", 2, 5),
    department("D-APAC", ("Asia Pacific", "亚太区"), "D-INTL", 2, 2),
    department("D-SERV", ("Customer Service", "客户服务部"), "D-ALL", 4, 0),
    department("D-OPS", ("Warehouse and Logistics", "仓储物流部"), "D-ALL", 2, 0),
    department("D-FIN", ("Finance", "财务部"), "D-ALL", 2, 0),
];

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "department",
    columns: &[
        ("name", "VARCHAR(20)"),
        ("department_name", "VARCHAR(60)"),
        ("department_name_zh", "VARCHAR(60)"),
        ("parent_department", "VARCHAR(20)"),
        ("is_group", "INTEGER"),
    ],
    key_width: 1,
};

/// `erp/department.csv`.
pub(super) fn table() -> Table {
    Table::of(&SHAPE, &DEPARTMENTS, |department| {
        let is_group = DEPARTMENTS.iter().any(|child| child.parent == department.code);
        vec![
            cell(department.code),
            cell(department.en),
            cell(department.zh),
            Some(department.parent).filter(|parent| !parent.is_empty()).map(str::to_owned),
            cell(u8::from(is_group)),
        ]
    })
}
