//! `starling docs` and `system.lineage`: what there is, and where it comes from.

use std::collections::BTreeSet;

use crate::support::{Project, binary, repository};

/// The shop with a lookup, two feeds, titles and an owner.
fn shop() -> Project {
    let shop = Project::shop();
    shop.write("data/web.csv", "id,placed,customer,price,pieces\n7,2024-05-01,C1,1.50,2\n");
    shop.edit(
        "etl/sources.yaml",
        "      sale:",
        "      web: {file: web.csv, types: {placed: date, price: \"decimal(10,2)\"}}\n      sale:",
    );
    shop.edit(
        "etl/sales.yaml",
        "sale_no: id,",
        "sale_no: \"concat('S', id)\", day: day, town: upper(buyer.city),",
    );
    shop.edit(
        "etl/sales.yaml",
        "  - table: shop.sale\n",
        "  - table: shop.sale\n    lookup: {buyer: {table: shop.customer, on: {no: trim(customer)}}}\n",
    );
    shop.edit(
        "etl/sales.yaml",
        "dimensions:",
        "  - table: shop.web\n    columns: {sale_no: \"concat('W', id)\", day: placed, town: \"'web'\", amount: \
         {expr: price * pieces, currency: EUR}}\n    drop: [{when: pieces = 0, because: nothing | sold}]\n\
         dimensions:",
    );
    shop.edit("etl/sales.yaml", "fact: sales\n", "fact: sales\ntitle: Sale lines\n");
    shop.edit(
        "cubes/sales.yaml",
        "cube: sales\n",
        "cube: sales\ntitle: {en: Sales, zh: 销售}\nowner: sales office\n",
    );
    shop.edit(
        "cubes/sales.yaml",
        "{sum: amount}",
        "{sum: amount, title: {en: Revenue, zh: 销售额}, format: currency, description: What was asked for}",
    );
    shop.edit(
        "cubes/sales.yaml",
        "{count: \"*\"}",
        "{count: \"*\", owner: controlling}\n  buyers: {distinct: customer}\n  roman: {sum: amount, where: \
         \"customer_city = 'Rome' AND town <> 'web'\"}",
    );
    shop
}

#[test]
fn a_measure_leads_to_its_source_columns() {
    let shop = shop();
    let text = shop.run(&["docs"]).ok();
    for words in [
        "# Data dictionary: shop\n",
        "| [`sales`](#cube-sales) | Sales | [`sales`](#fact-sales) | 5 | sales office |",
        "## Cube `sales`\n",
        "| `revenue` | Revenue | `sum(amount)` | currency | EUR | additive |",
        "#### Measure `revenue`\n\nRevenue\n\nWhat was asked for\n\n- **Formula**: `sum(amount)`\n",
        "- **Owner**: sales office\n",
        "- **Owner**: controlling\n",
        "| `sales.amount` | `shop.sale` | `amount, in EUR` | `shop.sale.amount` |",
        "| `sales.amount` | `shop.web` | `price * pieces, in EUR` | `shop.web.pieces`, `shop.web.price` |",
        "| rows of `sales` | `shop.web` | `*` |  |",
        "| `sales.customer_key` | `shop.web` | `customer` | `shop.web.customer` |",
        "| `customer.city` | `shop.customer` | `city` | `shop.customer.city` |",
        "`upper(buyer.city)`, `buyer is shop.customer on no = trim(customer)` | `shop.customer.city`, `shop.sale.customer` |",
        "| `sales.town` | `shop.web` | `'web'` |  |",
        "- **Built from**: `revenue`, `sales`\n",
        "| `date_month` | Month | `date` |",
        "| `customer_city` |  | `customer` | [`customer`](#dimension-customer) | `customer_city_key` |",
        "| `customer` | `by_city` | customer_city → customer_customer |",
        "## Dimension `date`\n\nDate\n\n- **Rows**: generated, one for each day\n",
        "## Dimension `customer`\n",
        "- **Key**: `customer_no`\n",
        "## Fact `sales`\n\nSale lines\n",
        "- **Grain**: `sale_no`\n",
        "| `shop.web` | dropped | `pieces = 0` | nothing \\| sold |",
    ] {
        assert!(text.contains(words), "`{words}` is not in:\n{text}");
    }
    assert_eq!(text, shop.run(&["docs"]).ok(), "the same declarations give the same text");
    let chinese = shop.run(&["docs", "--locale", "zh"]).ok();
    assert!(
        chinese.contains("| `revenue` | 销售额 |") && chinese.contains("Sale lines"),
        "{chinese}"
    );
}

/// Every link of a page leads to a page or heading that is there.
fn check_links(text: &str, known: &BTreeSet<String>) {
    for link in text.split("](").skip(1) {
        let target = link.split(')').next().unwrap();
        assert!(known.contains(target), "{target} is not there");
    }
}

#[test]
fn one_file_or_one_page_each() {
    let shop = shop();
    let printed = shop.run(&["docs"]).ok();
    let path = |name: &str| shop.path().join(name).to_str().unwrap().to_owned();
    shop.run(&["docs", "--out", &path("dictionary.md")]).ok();
    assert_eq!(std::fs::read_to_string(path("dictionary.md")).unwrap(), printed);
    let headings = printed.lines().filter_map(|line| line.strip_prefix("## "));
    let anchors =
        headings.map(|h| format!("#{}", h.to_lowercase().replace('`', "").replace(' ', "-")));
    check_links(&printed, &anchors.collect());
    shop.run(&["docs", "--out", &path("pages")]).ok();
    let pages: BTreeSet<String> = std::fs::read_dir(path("pages"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(
        pages,
        [
            "cube-sales.md",
            "dimension-customer.md",
            "dimension-date.md",
            "fact-sales.md",
            "index.md"
        ]
        .map(str::to_owned)
        .into()
    );
    for page in &pages {
        let text = std::fs::read_to_string(shop.path().join("pages").join(page)).unwrap();
        check_links(&text, &pages);
    }
    shop.write("taken", "a file where a folder should be");
    let message = shop.run(&["docs", "--out", &path("taken/here")]).fails();
    assert!(message.contains("cannot write"), "{message}");
    shop.edit("cubes/sales.yaml", "{sum: amount,", "{sum: amuont,");
    assert!(shop.run(&["docs"]).fails().contains("did you mean `amount`?"));
}

#[test]
fn lineage_is_a_relation_too() {
    let shop = shop();
    shop.run(&["load"]).ok();
    assert_eq!(
        shop.sql(
            "SELECT DISTINCT source_table, source_column FROM system.lineage WHERE measure = 'average' \
             ORDER BY 1, 2"
        ),
        ["shop.sale,amount", "shop.sale,", "shop.web,pieces", "shop.web,price", "shop.web,"]
    );
    assert_eq!(
        shop.sql(
            "SELECT table_name, column_name, source_table, source_column, expression FROM \
             system.lineage WHERE measure = 'buyers' ORDER BY 3"
        ),
        [
            "sales,customer_key,shop.sale,customer,customer",
            "sales,customer_key,shop.web,customer,customer"
        ]
    );
}

#[test]
fn every_measure_of_the_demo_company_comes_from_somewhere() {
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(binary());
        let output = command.arg("-C").arg(repository()).args(arguments).output().unwrap();
        crate::support::Run::of(output).ok()
    };
    let text = run(&["docs"]);
    let measures: Vec<&str> = text.split("\n#### Measure `").skip(1).collect();
    assert!(measures.len() > 60, "{}", measures.len());
    for measure in measures {
        assert!(measure.contains("| Comes from | Fed by |"), "{measure}");
    }
    // A key found through a lookup leads to the table that was looked at.
    let margin = text.split("#### Measure `export_revenue`").nth(1).unwrap();
    let margin = margin.split("####").next().unwrap();
    assert!(margin.contains("`erp.region.country_code`"), "{margin}");
}

#[test]
fn a_cube_over_cubes_leads_to_the_facts_of_each() {
    let shop = Project::shop_with_goals();
    let text = shop.run(&["docs"]).ok();
    let both = text.split("## Cube `both`").nth(1).unwrap().split("\n## ").next().unwrap();
    for words in [
        "- **Fact**: [`sales`](#fact-sales), [`goal`](#fact-goal)\n",
        "- **Puts together**: [`sales`](#cube-sales), [`goals`](#cube-goals)\n",
        "| `goal.amount` | `shop.goal` | `amount, in EUR` | `shop.goal.amount` |",
        "| `town` |  |  | [`goal`](#fact-goal) |",
    ] {
        assert!(both.contains(words), "`{words}` is not in:\n{both}");
    }
    shop.run(&["load"]).ok();
    let lineage = |measure: &str| {
        shop.sql(&format!(
            "SELECT DISTINCT table_name, column_name FROM system.lineage WHERE cube = 'both' AND measure = \
             '{measure}' ORDER BY 1, 2"
        ))
    };
    assert_eq!(lineage("reached"), ["goal,amount", "sales,amount"]);
    // `sales` is not taken, and the average is computed from it all the same.
    assert_eq!(lineage("average"), ["sales,*", "sales,amount"]);
}

#[test]
fn what_depends_on_the_day_comes_from_the_day() {
    let shop = Project::shop();
    shop.edit(
        "cubes/sales.yaml",
        "measures:",
        "measures:\n  latest: {last: amount}\n  held: {sum: amount, over_time: average}",
    );
    shop.run(&["load"]).ok();
    for measure in ["latest", "held"] {
        let sql = format!(
            "SELECT column_name, source_column FROM system.lineage WHERE measure = '{measure}' ORDER BY 1"
        );
        assert_eq!(shop.sql(&sql), ["amount,amount", "date_key,day"]);
    }
}
