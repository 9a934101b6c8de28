//! The tree of item groups and what is typical of each leaf.

use super::table::{Shape, Source, Table, cell};

/// A node of the tree; leaves say what their items are like.
#[derive(Debug)]
pub(super) struct ItemGroup {
    /// The key, in lower case.
    pub(super) code: &'static str,
    en: &'static str,
    zh: &'static str,
    /// The key of the node above; empty for the root.
    pub(super) parent: &'static str,
    /// Present on leaves.
    pub(super) range: Option<Range>,
}

/// What the items of a leaf group are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    /// First letters of item codes.
    pub(super) prefix: &'static str,
    /// Singular English name of an item.
    pub(super) noun_en: &'static str,
    /// Chinese name of an item.
    pub(super) noun_zh: &'static str,
    /// Unit of measure.
    pub(super) uom: &'static str,
    /// Lowest and highest list price, in yuan.
    pub(super) price_yuan: (i64, i64),
    /// Lowest and highest usual quantity.
    pub(super) qty: (i64, i64),
    /// How often customers ask for this group.
    pub(super) demand: u64,
}

impl Range {
    /// Whether items lie in a warehouse at all.
    pub(super) fn is_stock(&self) -> bool {
        self.uom != "Hour"
    }
}

const fn node(
    code: &'static str,
    en: &'static str,
    zh: &'static str,
    parent: &'static str,
) -> ItemGroup {
    ItemGroup { code, en, zh, parent, range: None }
}

const fn leaf(node: ItemGroup, range: Range) -> ItemGroup {
    ItemGroup { range: Some(range), ..node }
}

const fn range(
    prefix: &'static str,
    nouns: (&'static str, &'static str),
    uom: &'static str,
    price_yuan: (i64, i64),
    qty: (i64, i64),
    demand: u64,
) -> Range {
    Range { prefix, noun_en: nouns.0, noun_zh: nouns.1, uom, price_yuan, qty, demand }
}

/// The whole tree, parents before children.
#[rustfmt::skip]
pub(super) static ITEM_GROUPS: [ItemGroup; 22] = [
    node("all_items", "All Items", "全部物料", ""),
    node("pump", "Pumps", "泵", "all_items"),
    leaf(node("pump_centrifugal", "Centrifugal Pumps", "离心泵", "pump"),
        range("PCF", ("Centrifugal Pump", "离心泵"), "Nos", (2_800, 9_600), (1, 8), 10)),
    leaf(node("pump_diaphragm", "Diaphragm Pumps", "隔膜泵", "pump"),
        range("PDM", ("Diaphragm Pump", "隔膜泵"), "Nos", (1_900, 6_400), (1, 8), 7)),
    leaf(node("pump_vacuum", "Vacuum Pumps", "真空泵", "pump"),
        range("PVC", ("Vacuum Pump", "真空泵"), "Nos", (4_500, 16_000), (1, 5), 4)),
    node("valve", "Valves", "阀门", "all_items"),
    leaf(node("valve_ball", "Ball Valves", "球阀", "valve"),
        range("VBL", ("Ball Valve", "球阀"), "Nos", (120, 880), (4, 60), 12)),
    leaf(node("valve_gate", "Gate Valves", "闸阀", "valve"),
        range("VGT", ("Gate Valve", "闸阀"), "Nos", (180, 1_300), (4, 40), 8)),
    leaf(node("valve_control", "Control Valves", "调节阀", "valve"),
        range("VCT", ("Control Valve", "调节阀"), "Nos", (900, 5_200), (1, 12), 7)),
    node("sensor", "Sensors", "传感器", "all_items"),
    leaf(node("sensor_pressure", "Pressure Sensors", "压力传感器", "sensor"),
        range("SPR", ("Pressure Sensor", "压力传感器"), "Nos", (260, 1_400), (2, 30), 9)),
    leaf(node("sensor_flow", "Flow Meters", "流量计", "sensor"),
        range("SFL", ("Flow Meter", "流量计"), "Nos", (680, 3_900), (1, 15), 7)),
    leaf(node("sensor_level", "Level Sensors", "液位传感器", "sensor"),
        range("SLV", ("Level Sensor", "液位传感器"), "Nos", (320, 1_800), (1, 20), 5)),
    node("control", "Controls", "控制设备", "all_items"),
    leaf(node("control_plc", "Controllers", "控制器", "control"),
        range("CPL", ("Pump Controller", "水泵控制器"), "Nos", (1_500, 7_800), (1, 6), 5)),
    leaf(node("control_drive", "Frequency Drives", "变频器", "control"),
        range("CFD", ("Frequency Drive", "变频器"), "Nos", (1_800, 9_500), (1, 6), 6)),
    node("spare", "Spare Parts", "备件", "all_items"),
    leaf(node("spare_seal", "Seals", "密封件", "spare"),
        range("XSL", ("Shaft Seal", "轴封"), "Nos", (18, 240), (10, 200), 14)),
    leaf(node("spare_bearing", "Bearings", "轴承", "spare"),
        range("XBR", ("Bearing", "轴承"), "Nos", (35, 420), (6, 120), 11)),
    leaf(node("spare_hose", "Hoses", "软管", "spare"),
        range("XHS", ("Pressure Hose", "高压软管"), "Meter", (28, 160), (5, 150), 8)),
    node("service", "Services", "服务", "all_items"),
    leaf(node("service_maintenance", "Maintenance", "维护服务", "service"),
        range("SVM", ("Maintenance Visit", "维护服务"), "Hour", (380, 650), (2, 24), 6)),
];

/// The leaves, in tree order.
pub(super) fn leaves() -> impl Iterator<Item = (&'static ItemGroup, Range)> {
    ITEM_GROUPS.iter().filter_map(|group| group.range.map(|range| (group, range)))
}

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "item_group",
    columns: &[
        ("name", "VARCHAR(40)"),
        ("item_group_name", "VARCHAR(60)"),
        ("item_group_name_zh", "VARCHAR(60)"),
        ("parent_item_group", "VARCHAR(40)"),
        ("is_group", "INTEGER"),
    ],
    key_width: 1,
};

/// `erp/item_group.csv`.
pub(super) fn table() -> Table {
    Table::of(&SHAPE, &ITEM_GROUPS, |group| {
        vec![
            cell(group.code),
            cell(group.en),
            cell(group.zh),
            Some(group.parent).filter(|parent| !parent.is_empty()).map(str::to_owned),
            cell(u8::from(group.range.is_none())),
        ]
    })
}
