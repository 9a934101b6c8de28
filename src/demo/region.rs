//! Counties, cities, provinces and countries: real places under official codes.
//!
//! Chinese codes follow GB/T 2260, American ones FIPS, German ones the AGS, Japanese ones JIS.
//! Several counties share a name (鼓楼区 lies in Nanjing, Xuzhou, Fuzhou and Kaifeng; there are
//! two Orange Counties), so a name is never a key.

use super::table::{Shape, Source, Table, cell};

/// A country.
#[derive(Debug)]
pub(super) struct Country {
    /// ISO 3166 code.
    pub(super) code: &'static str,
    /// English name.
    pub(super) en: &'static str,
    zh: &'static str,
}

/// A province or state.
#[derive(Debug)]
pub(super) struct Province {
    /// Official code.
    pub(super) code: &'static str,
    en: &'static str,
    zh: &'static str,
    /// The country it is part of.
    pub(super) country: &'static Country,
    /// The sales department that serves it.
    pub(super) department: &'static str,
}

/// A city.
#[derive(Debug)]
pub(super) struct City {
    code: &'static str,
    /// English name.
    pub(super) en: &'static str,
    /// Chinese name.
    pub(super) zh: &'static str,
    /// The province it lies in.
    pub(super) province: &'static Province,
}

/// A county or city district: the leaf every address points to.
#[derive(Debug)]
pub(super) struct County {
    /// Official code, the key.
    pub(super) code: &'static str,
    /// English name; not unique.
    pub(super) en: &'static str,
    zh: &'static str,
    /// The city it belongs to.
    pub(super) city: &'static City,
}

impl County {
    /// The country the county lies in.
    pub(super) fn country(&self) -> &'static Country {
        self.city.province.country
    }
}

const fn country(code: &'static str, en: &'static str, zh: &'static str) -> Country {
    Country { code, en, zh }
}

const fn province(
    code: &'static str,
    en: &'static str,
    zh: &'static str,
    country: &'static Country,
    department: &'static str,
) -> Province {
    Province { code, en, zh, country, department }
}

const fn city(
    code: &'static str,
    en: &'static str,
    zh: &'static str,
    province: &'static Province,
) -> City {
    City { code, en, zh, province }
}

const fn county(
    code: &'static str,
    en: &'static str,
    zh: &'static str,
    city: &'static City,
) -> County {
    County { code, en, zh, city }
}

static CN: Country = country("CN", "China", "中国");
static US: Country = country("US", "United States", "美国");
static DE: Country = country("DE", "Germany", "德国");
static JP: Country = country("JP", "Japan", "日本");
static SG: Country = country("SG", "Singapore", "新加坡");

static BEIJING: Province = province("110000", "Beijing", "北京市", &CN, "D-NORTH");
static TIANJIN: Province = province("120000", "Tianjin", "天津市", &CN, "D-NORTH");
static LIAONING: Province = province("210000", "Liaoning", "辽宁省", &CN, "D-NORTH");
static JILIN: Province = province("220000", "Jilin", "吉林省", &CN, "D-NORTH");
static SHANGHAI: Province = province("310000", "Shanghai", "上海市", &CN, "D-EAST");
static JIANGSU: Province = province("320000", "Jiangsu", "江苏省", &CN, "D-EAST");
static ZHEJIANG: Province = province("330000", "Zhejiang", "浙江省", &CN, "D-EAST");
static ANHUI: Province = province("340000", "Anhui", "安徽省", &CN, "D-EAST");
static FUJIAN: Province = province("350000", "Fujian", "福建省", &CN, "D-SOUTH");
static JIANGXI: Province = province("360000", "Jiangxi", "江西省", &CN, "D-SOUTH");
static SHANDONG: Province = province("370000", "Shandong", "山东省", &CN, "D-NORTH");
static HENAN: Province = province("410000", "Henan", "河南省", &CN, "D-WEST");
static HUBEI: Province = province("420000", "Hubei", "湖北省", &CN, "D-WEST");
static GUANGDONG: Province = province("440000", "Guangdong", "广东省", &CN, "D-SOUTH");
static CHONGQING: Province = province("500000", "Chongqing", "重庆市", &CN, "D-WEST");
static SICHUAN: Province = province("510000", "Sichuan", "四川省", &CN, "D-WEST");
static SHAANXI: Province = province("610000", "Shaanxi", "陕西省", &CN, "D-WEST");
static CALIFORNIA: Province = province("US-06", "California", "加利福尼亚州", &US, "D-AMER");
static FLORIDA: Province = province("US-12", "Florida", "佛罗里达州", &US, "D-AMER");
static TEXAS: Province = province("US-48", "Texas", "得克萨斯州", &US, "D-AMER");
static BADEN: Province = province("DE-08", "Baden-Württemberg", "巴登-符腾堡州", &DE, "D-EMEA");
static BAVARIA: Province = province("DE-09", "Bavaria", "巴伐利亚州", &DE, "D-EMEA");
static TOKYO: Province = province("JP-13", "Tokyo", "东京都", &JP, "D-APAC");
static OSAKA: Province = province("JP-27", "Osaka", "大阪府", &JP, "D-APAC");
static SINGAPORE: Province = province("SG-00", "Singapore", "新加坡", &SG, "D-APAC");

static BEIJING_CITY: City = city("110100", "Beijing", "北京市", &BEIJING);
static TIANJIN_CITY: City = city("120100", "Tianjin", "天津市", &TIANJIN);
static SHENYANG: City = city("210100", "Shenyang", "沈阳市", &LIAONING);
static DALIAN: City = city("210200", "Dalian", "大连市", &LIAONING);
static CHANGCHUN: City = city("220100", "Changchun", "长春市", &JILIN);
static SHANGHAI_CITY: City = city("310100", "Shanghai", "上海市", &SHANGHAI);
static NANJING: City = city("320100", "Nanjing", "南京市", &JIANGSU);
static WUXI: City = city("320200", "Wuxi", "无锡市", &JIANGSU);
static XUZHOU: City = city("320300", "Xuzhou", "徐州市", &JIANGSU);
static SUZHOU: City = city("320500", "Suzhou", "苏州市", &JIANGSU);
static HANGZHOU: City = city("330100", "Hangzhou", "杭州市", &ZHEJIANG);
static NINGBO: City = city("330200", "Ningbo", "宁波市", &ZHEJIANG);
static HEFEI: City = city("340100", "Hefei", "合肥市", &ANHUI);
static FUZHOU: City = city("350100", "Fuzhou", "福州市", &FUJIAN);
static XIAMEN: City = city("350200", "Xiamen", "厦门市", &FUJIAN);
static NANCHANG: City = city("360100", "Nanchang", "南昌市", &JIANGXI);
static JINAN: City = city("370100", "Jinan", "济南市", &SHANDONG);
static QINGDAO: City = city("370200", "Qingdao", "青岛市", &SHANDONG);
static ZHENGZHOU: City = city("410100", "Zhengzhou", "郑州市", &HENAN);
static KAIFENG: City = city("410200", "Kaifeng", "开封市", &HENAN);
static WUHAN: City = city("420100", "Wuhan", "武汉市", &HUBEI);
static GUANGZHOU: City = city("440100", "Guangzhou", "广州市", &GUANGDONG);
static SHENZHEN: City = city("440300", "Shenzhen", "深圳市", &GUANGDONG);
static CHONGQING_CITY: City = city("500100", "Chongqing", "重庆市", &CHONGQING);
static CHENGDU: City = city("510100", "Chengdu", "成都市", &SICHUAN);
static XIAN: City = city("610100", "Xi'an", "西安市", &SHAANXI);
static SAN_JOSE: City = city("US-0668000", "San Jose", "圣何塞", &CALIFORNIA);
static IRVINE: City = city("US-0636770", "Irvine", "尔湾", &CALIFORNIA);
static ORLANDO: City = city("US-1253000", "Orlando", "奥兰多", &FLORIDA);
static HOUSTON: City = city("US-4835000", "Houston", "休斯敦", &TEXAS);
static STUTTGART: City = city("DE-08111000", "Stuttgart", "斯图加特", &BADEN);
static MUNICH: City = city("DE-09162000", "Munich", "慕尼黑", &BAVARIA);
static TOKYO_CITY: City = city("JP-13100", "Tokyo", "东京", &TOKYO);
static OSAKA_CITY: City = city("JP-27100", "Osaka", "大阪市", &OSAKA);
static SINGAPORE_CITY: City = city("SG-01", "Singapore", "新加坡", &SINGAPORE);

/// Every county the company delivers to; China first.
pub(super) static COUNTIES: [County; 43] = [
    county("110105", "Chaoyang", "朝阳区", &BEIJING_CITY),
    county("110108", "Haidian", "海淀区", &BEIJING_CITY),
    county("120101", "Heping", "和平区", &TIANJIN_CITY),
    county("120104", "Nankai", "南开区", &TIANJIN_CITY),
    county("210102", "Heping", "和平区", &SHENYANG),
    county("210211", "Ganjingzi", "甘井子区", &DALIAN),
    county("220104", "Chaoyang", "朝阳区", &CHANGCHUN),
    county("310112", "Minhang", "闵行区", &SHANGHAI_CITY),
    county("310115", "Pudong New Area", "浦东新区", &SHANGHAI_CITY),
    county("320106", "Gulou", "鼓楼区", &NANJING),
    county("320115", "Jiangning", "江宁区", &NANJING),
    county("320211", "Binhu", "滨湖区", &WUXI),
    county("320302", "Gulou", "鼓楼区", &XUZHOU),
    county("320505", "Huqiu", "虎丘区", &SUZHOU),
    county("320506", "Wuzhong", "吴中区", &SUZHOU),
    county("330106", "Xihu", "西湖区", &HANGZHOU),
    county("330109", "Xiaoshan", "萧山区", &HANGZHOU),
    county("330212", "Yinzhou", "鄞州区", &NINGBO),
    county("340104", "Shushan", "蜀山区", &HEFEI),
    county("350102", "Gulou", "鼓楼区", &FUZHOU),
    county("350203", "Siming", "思明区", &XIAMEN),
    county("360103", "Xihu", "西湖区", &NANCHANG),
    county("370102", "Lixia", "历下区", &JINAN),
    county("370211", "Huangdao", "黄岛区", &QINGDAO),
    county("410105", "Jinshui", "金水区", &ZHENGZHOU),
    county("410204", "Gulou", "鼓楼区", &KAIFENG),
    county("420103", "Jianghan", "江汉区", &WUHAN),
    county("420111", "Hongshan", "洪山区", &WUHAN),
    county("440106", "Tianhe", "天河区", &GUANGZHOU),
    county("440304", "Futian", "福田区", &SHENZHEN),
    county("440305", "Nanshan", "南山区", &SHENZHEN),
    county("500112", "Yubei", "渝北区", &CHONGQING_CITY),
    county("510107", "Wuhou", "武侯区", &CHENGDU),
    county("610113", "Yanta", "雁塔区", &XIAN),
    county("US-06085", "Santa Clara County", "圣克拉拉县", &SAN_JOSE),
    county("US-06059", "Orange County", "橙县", &IRVINE),
    county("US-12095", "Orange County", "橙县", &ORLANDO),
    county("US-48201", "Harris County", "哈里斯县", &HOUSTON),
    county("DE-08111", "Stuttgart", "斯图加特", &STUTTGART),
    county("DE-09162", "Munich", "慕尼黑", &MUNICH),
    county("JP-13104", "Shinjuku", "新宿区", &TOKYO_CITY),
    county("JP-27127", "Kita", "北区", &OSAKA_CITY),
    county("SG-0101", "Jurong East", "裕廊东", &SINGAPORE_CITY),
];

/// How many of [`COUNTIES`] lie in China; they come first.
pub(super) const DOMESTIC_COUNT: usize = 34;

static SHAPE: Shape = Shape {
    source: Source::Erp,
    name: "region",
    columns: &[
        ("county_code", "VARCHAR(16)"),
        ("county_en", "VARCHAR(60)"),
        ("county_zh", "VARCHAR(60)"),
        ("city_code", "VARCHAR(16)"),
        ("city_en", "VARCHAR(60)"),
        ("city_zh", "VARCHAR(60)"),
        ("province_code", "VARCHAR(16)"),
        ("province_en", "VARCHAR(60)"),
        ("province_zh", "VARCHAR(60)"),
        ("country_code", "VARCHAR(2)"),
        ("country_en", "VARCHAR(60)"),
        ("country_zh", "VARCHAR(60)"),
    ],
    key_width: 1,
};

/// `erp/region.csv`: one flat row per county.
pub(super) fn table() -> Table {
    Table::of(&SHAPE, &COUNTIES, |county| {
        let city = county.city;
        let province = city.province;
        let country = province.country;
        [
            [county.code, county.en, county.zh],
            [city.code, city.en, city.zh],
            [province.code, province.en, province.zh],
            [country.code, country.en, country.zh],
        ]
        .concat()
        .into_iter()
        .map(cell)
        .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counties_abroad_come_last_and_codes_are_unique() {
        let domestic = COUNTIES.iter().take_while(|county| county.country().code == "CN").count();
        assert_eq!(domestic, DOMESTIC_COUNT);
        let codes: std::collections::BTreeSet<_> = COUNTIES.iter().map(|c| c.code).collect();
        assert_eq!(codes.len(), COUNTIES.len());
    }
}
