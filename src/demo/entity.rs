//! The true companies behind ERP customers and CRM accounts.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::calendar::{day, day_between, earlier, first_day, last_day};
use super::dice::Dice;
use super::region::{COUNTIES, County, DOMESTIC_COUNT};
use super::scale::Scale;

/// A branch of business: codes and labels, what it is called in company names, what it buys.
#[derive(Debug)]
pub(super) struct Industry {
    /// The code used in the CRM.
    pub(super) code: &'static str,
    /// English label.
    pub(super) en: &'static str,
    /// Chinese label.
    pub(super) zh: &'static str,
    /// First letters of the item groups such companies prefer.
    pub(super) groups: [&'static str; 3],
    trade_en: &'static str,
    trade_zh: &'static str,
}

const fn industry(
    code: &'static str,
    labels: (&'static str, &'static str),
    trades: (&'static str, &'static str),
    groups: [&'static str; 3],
) -> Industry {
    let (en, zh) = labels;
    let (trade_en, trade_zh) = trades;
    Industry { code, en, zh, groups, trade_en, trade_zh }
}

/// All branches.
#[rustfmt::skip]
pub(super) static INDUSTRIES: [Industry; 10] = [
    industry("ind_01", ("Machinery", "机械制造"), ("Machinery", "机械"), ["pump_cent", "spare", "control"]),
    industry("ind_02", ("Chemicals", "化工"), ("Chemical", "化工"), ["pump_dia", "valve", "sensor_p"]),
    industry("ind_03", ("Water Supply", "水务"), ("Water", "水务"), ["pump_cent", "sensor_f", "valve_g"]),
    industry("ind_04", ("Pharmaceuticals", "医药"), ("Pharmaceutical", "制药"), ["pump_dia", "sensor", "valve_c"]),
    industry("ind_05", ("Food and Beverage", "食品饮料"), ("Food", "食品"), ["pump_dia", "valve_b", "spare_h"]),
    industry("ind_06", ("Power", "电力"), ("Power", "电力"), ["control", "valve_c", "service"]),
    industry("ind_07", ("Steel", "钢铁"), ("Steel", "钢铁"), ["pump_cent", "spare_b", "valve_g"]),
    industry("ind_08", ("Paper", "造纸"), ("Paper", "纸业"), ["pump_vac", "spare", "sensor_l"]),
    industry("ind_09", ("Semiconductors", "半导体"), ("Semiconductor", "半导体"), ["pump_vac", "sensor", "control"]),
    industry("ind_10", ("Construction", "建筑"), ("Construction", "建设"), ["valve_b", "spare_h", "service"]),
];

const STEMS: [(&str, &str); 30] = [
    ("Hengda", "恒达"),
    ("Xinyuan", "鑫源"),
    ("Huatai", "华泰"),
    ("Jinlong", "金龙"),
    ("Dongxing", "东兴"),
    ("Lida", "力达"),
    ("Ruifeng", "瑞丰"),
    ("Tianyu", "天宇"),
    ("Shengda", "盛达"),
    ("Mingyang", "明阳"),
    ("Guanghua", "光华"),
    ("Weiye", "伟业"),
    ("Yongxin", "永信"),
    ("Kaixuan", "凯旋"),
    ("Baolong", "宝隆"),
    ("Zhongtian", "中天"),
    ("Fuda", "富达"),
    ("Anhua", "安华"),
    ("Beichen", "北辰"),
    ("Chenguang", "晨光"),
    ("Delong", "德隆"),
    ("Haiyun", "海韵"),
    ("Jiahe", "嘉禾"),
    ("Kangtai", "康泰"),
    ("Longsheng", "隆盛"),
    ("Hongyun", "鸿运"),
    ("Qihang", "启航"),
    ("Yuantong", "远通"),
    ("Zhiyuan", "致远"),
    ("Boyuan", "博远"),
];

const FOREIGN_STEMS: [&str; 24] = [
    "Summit",
    "Blue River",
    "Northgate",
    "Ironwood",
    "Lakeside",
    "Redstone",
    "Harbor",
    "Pinecrest",
    "Bergmann",
    "Falkenau",
    "Steinbach",
    "Adler",
    "Sakura",
    "Fujimori",
    "Hoshino",
    "Kitazawa",
    "Merlion",
    "Straits",
    "Evergreen",
    "Clearwater",
    "Oakfield",
    "Silverline",
    "Westbrook",
    "Delta",
];

/// A company as it is, before any system wrote it down.
#[derive(Debug)]
pub(super) struct Entity {
    /// The true identity, never seen in a source.
    pub(super) id: String,
    /// Legal name in English.
    pub(super) name_en: String,
    /// Legal name in Chinese, for companies in China.
    pub(super) name_zh: Option<String>,
    /// Where it sits.
    pub(super) county: &'static County,
    /// Its branch.
    pub(super) industry: &'static Industry,
    /// Invented registration number.
    pub(super) tax_no: String,
    /// Area code and number.
    pub(super) phone: (String, String),
    /// Mail and web domain.
    pub(super) domain: String,
    /// How much it buys, against others.
    pub(super) weight: u64,
    /// First day of business with it.
    pub(super) since: NaiveDate,
    /// Last day, for the ones that left.
    pub(super) until: NaiveDate,
    /// Known to the ERP.
    pub(super) in_erp: bool,
    /// Known to the CRM.
    pub(super) in_crm: bool,
    /// Shares its name with another company and must not be merged with it.
    pub(super) has_namesake: bool,
}

impl Entity {
    /// Whether the company sits in China.
    pub(super) fn is_domestic(&self) -> bool {
        self.name_zh.is_some()
    }

    /// The legal name in the language of the country.
    pub(super) fn legal_name(&self) -> &str {
        self.name_zh.as_deref().unwrap_or(&self.name_en)
    }
}

/// All companies; every 40th shares its name with the one before, in another city.
pub(super) fn entities(seed: u64, scale: Scale) -> Vec<Entity> {
    let mut dice = Dice::new(seed, "entity");
    let mut taken = BTreeSet::new();
    let mut entities: Vec<Entity> = Vec::new();
    for serial in 1..=scale.members(250) {
        let mut next = entity(&mut dice, serial, &mut taken);
        if serial.is_multiple_of(40)
            && let Some(previous) = entities.last_mut()
        {
            make_namesakes(&mut dice, previous, &mut next);
        }
        entities.push(next);
    }
    entities
}

fn entity(dice: &mut Dice, serial: usize, taken: &mut BTreeSet<String>) -> Entity {
    let is_domestic = dice.chance(84);
    let county = match is_domestic {
        true => &COUNTIES[dice.index(DOMESTIC_COUNT)],
        false => &COUNTIES[DOMESTIC_COUNT + dice.index(COUNTIES.len() - DOMESTIC_COUNT)],
    };
    let industry = dice.pick(&INDUSTRIES);
    let (name_en, name_zh) = free_name(dice, county, industry, taken);
    let (in_erp, in_crm) = match dice.below(100) {
        0..45 => (true, true),
        45..78 => (true, false),
        _ => (false, true),
    };
    let (since, until) = lifetime(dice);
    Entity {
        id: format!("E{serial:05}"),
        domain: domain(&name_en, serial),
        name_en,
        name_zh,
        county,
        industry,
        tax_no: tax_no(dice, county),
        phone: phone(dice, county),
        weight: weight(dice),
        since,
        until,
        in_erp,
        in_crm,
        has_namesake: false,
    }
}

/// Few companies buy much and many buy little.
fn weight(dice: &mut Dice) -> u64 {
    match dice.below(20) {
        0 => 60 + dice.below(60),
        1..5 => 18 + dice.below(20),
        _ => 3 + dice.below(9),
    }
}

fn lifetime(dice: &mut Dice) -> (NaiveDate, NaiveDate) {
    let since = match dice.chance(65) {
        true => earlier(first_day(), dice.between(30, 1_500)),
        false => day_between(dice, first_day(), day(2025, 8, 31)),
    };
    let leaves = dice.chance(15);
    let until = if leaves { day_between(dice, day(2024, 2, 1), last_day()) } else { last_day() };
    (since, until.max(since))
}

fn free_name(
    dice: &mut Dice,
    county: &County,
    industry: &Industry,
    taken: &mut BTreeSet<String>,
) -> (String, Option<String>) {
    for attempt in 0.. {
        // After many collisions a number makes the name free; real groups do the same.
        let (suffix_en, suffix_zh) = match attempt {
            0..30 => (String::new(), String::new()),
            _ => (format!(" No. {attempt}"), format!("第{attempt}")),
        };
        let (name_en, name_zh) = name(dice, county, industry, (&suffix_en, &suffix_zh));
        // Names that differ in the legal form alone would look like one company.
        let words: Vec<&str> = name_en.split(' ').filter(|word| !word.ends_with('.')).collect();
        let bare = words.join(" ").trim_end_matches(" GmbH").to_owned();
        if taken.insert(bare) {
            return (name_en, name_zh);
        }
    }
    (String::new(), None)
}

fn name(
    dice: &mut Dice,
    county: &County,
    industry: &Industry,
    suffix: (&str, &str),
) -> (String, Option<String>) {
    let trade = industry.trade_en;
    if county.country().code == "CN" {
        let (stem_en, stem_zh) = dice.pick(&STEMS);
        let city_zh = county.city.zh.trim_end_matches('市');
        let en = format!("{} {stem_en} {trade}{} Co., Ltd.", county.city.en, suffix.0);
        let zh = format!("{city_zh}{stem_zh}{}{}有限公司", industry.trade_zh, suffix.1);
        return (en, Some(zh));
    }
    let form = match county.country().code {
        "DE" => "GmbH",
        "JP" => "K.K.",
        "SG" => "Pte. Ltd.",
        _ => "Inc.",
    };
    (format!("{} {trade}{} {form}", dice.word(&FOREIGN_STEMS), suffix.0), None)
}

fn domain(name_en: &str, serial: usize) -> String {
    let words: Vec<String> = name_en
        .split(' ')
        .take(3)
        .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect::<String>())
        .collect();
    format!("{}{serial}.example", words.join("-").to_lowercase())
}

/// Looks like a registration number; the check digits are not right, so it is nobody's.
fn tax_no(dice: &mut Dice, county: &County) -> String {
    const ALPHABET: [char; 20] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H',
        'J', 'K',
    ];
    let body: String = (0..8).map(|_| *dice.pick(&ALPHABET)).collect();
    match county.country().code {
        "CN" => format!("91{}MA{body}", county.code),
        code => format!("{code}{:09}", dice.below(1_000_000_000)),
    }
}

fn phone(dice: &mut Dice, county: &County) -> (String, String) {
    let area = match county.country().code {
        "CN" => county.code.chars().take(3).collect(),
        "US" => "555".to_owned(),
        _ => "30".to_owned(),
    };
    (area, format!("8{:07}", dice.below(10_000_000)))
}

/// Gives both one Chinese and English name without a city; everything else stays different.
fn make_namesakes(dice: &mut Dice, one: &mut Entity, other: &mut Entity) {
    if !one.is_domestic() || !other.is_domestic() || one.county.city.en == other.county.city.en {
        return;
    }
    let (stem_en, stem_zh) = dice.pick(&STEMS);
    let trade = other.industry;
    for entity in [one, other] {
        entity.name_en = format!("{stem_en} {} Co., Ltd.", trade.trade_en);
        entity.name_zh = Some(format!("{stem_zh}{}有限公司", trade.trade_zh));
        entity.has_namesake = true;
    }
}
