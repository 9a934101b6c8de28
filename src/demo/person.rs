//! Names of invented people.

use super::dice::Dice;

const SURNAMES: [(&str, &str); 20] = [
    ("Li", "李"),
    ("Wang", "王"),
    ("Zhang", "张"),
    ("Liu", "刘"),
    ("Chen", "陈"),
    ("Yang", "杨"),
    ("Zhao", "赵"),
    ("Huang", "黄"),
    ("Zhou", "周"),
    ("Wu", "吴"),
    ("Xu", "徐"),
    ("Sun", "孙"),
    ("Hu", "胡"),
    ("Zhu", "朱"),
    ("Gao", "高"),
    ("Lin", "林"),
    ("He", "何"),
    ("Guo", "郭"),
    ("Ma", "马"),
    ("Luo", "罗"),
];

const GIVEN: [(&str, &str, char); 24] = [
    ("Wei", "伟", 'M'),
    ("Fang", "芳", 'F'),
    ("Na", "娜", 'F'),
    ("Min", "敏", 'F'),
    ("Jing", "静", 'F'),
    ("Qiang", "强", 'M'),
    ("Lei", "磊", 'M'),
    ("Jun", "军", 'M'),
    ("Yang", "洋", 'M'),
    ("Yan", "艳", 'F'),
    ("Jie", "杰", 'M'),
    ("Juan", "娟", 'F'),
    ("Tao", "涛", 'M'),
    ("Ming", "明", 'M'),
    ("Chao", "超", 'M'),
    ("Xiuying", "秀英", 'F'),
    ("Xia", "霞", 'F'),
    ("Ping", "平", 'F'),
    ("Gang", "刚", 'M'),
    ("Jianhua", "建华", 'M'),
    ("Xiaoyu", "晓雨", 'F'),
    ("Zihan", "子涵", 'F'),
    ("Haoran", "浩然", 'M'),
    ("Yichen", "一辰", 'M'),
];

const FOREIGN_GIVEN: [(&str, char); 16] = [
    ("James", 'M'),
    ("Emily", 'F'),
    ("Michael", 'M'),
    ("Sarah", 'F'),
    ("Lukas", 'M'),
    ("Anna", 'F'),
    ("Jonas", 'M'),
    ("Katharina", 'F'),
    ("Kenji", 'M'),
    ("Yuki", 'F'),
    ("Daniel", 'M'),
    ("Olivia", 'F'),
    ("Robert", 'M'),
    ("Sean", 'M'),
    ("Priya", 'F'),
    ("Marcus", 'M'),
];

const FOREIGN_SURNAMES: [&str; 16] = [
    "Miller",
    "O'Brien",
    "Johnson",
    "Garcia",
    "Schneider",
    "Weber",
    "Müller",
    "Hoffmann",
    "Tanaka",
    "Sato",
    "Suzuki",
    "Tan",
    "Lim",
    "Davis",
    "Nguyen",
    "Clark",
];

/// An invented person.
#[derive(Clone, Debug)]
pub(super) struct Person {
    /// First name in Latin letters.
    pub(super) first: &'static str,
    /// Last name in Latin letters.
    pub(super) last: &'static str,
    /// The name in Chinese characters, if there is one.
    pub(super) zh: Option<String>,
    /// `M` or `F`.
    pub(super) gender: char,
}

impl Person {
    /// Somebody from China, or from abroad.
    pub(super) fn new(dice: &mut Dice, is_domestic: bool) -> Self {
        if is_domestic {
            let (last, last_zh) = *dice.pick(&SURNAMES);
            let (first, first_zh, gender) = *dice.pick(&GIVEN);
            Self { first, last, zh: Some(format!("{last_zh}{first_zh}")), gender }
        } else {
            let (first, gender) = *dice.pick(&FOREIGN_GIVEN);
            Self { first, last: dice.word(&FOREIGN_SURNAMES), zh: None, gender }
        }
    }

    /// First and last name in Latin letters.
    pub(super) fn full_name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    /// The part of an e-mail address before the `@`, made unique by `serial`.
    pub(super) fn mailbox(&self, serial: usize) -> String {
        let ascii = |name: &str| -> String {
            let plain = name.to_lowercase().replace('ü', "ue");
            plain.chars().filter(char::is_ascii_alphabetic).collect()
        };
        format!("{}.{}{serial}", ascii(self.first), ascii(self.last))
    }
}
