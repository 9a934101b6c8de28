//! Every mistake a person can make gets one message that says what to do, exit code 1, and leaves
//! the last epoch as it was.

use std::io::Write;
use std::net::TcpListener;

use crate::support::Project;

/// Loads a good shop, spoils it, and checks that the next load fails with all of `words` and that
/// the warehouse still answers as before.
#[track_caller]
fn spoiled(spoil: impl FnOnce(&Project), words: &[&str]) {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let before = shop.contents();
    spoil(&shop);
    let message = shop.run(&["load"]).fails();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in:\n{message}");
    }
    shop.write("starling.yaml", "version: 1\nname: shop\nwarehouse: wh\n");
    assert_eq!(shop.contents(), before);
}

#[test]
fn a_missing_file() {
    spoiled(
        |shop| std::fs::remove_file(shop.path().join("data/sales.csv")).unwrap(),
        &["error[SD010]", "etl/sources.yaml:7:7", "no file matches", "sales.csv"],
    );
}

#[test]
fn a_wrong_delimiter() {
    spoiled(
        |shop| shop.edit("etl/sources.yaml", "{path: data}", "{path: data, delimiter: \";\"}"),
        &["no column `amount`", "set `delimiter:`"],
    );
}

#[test]
fn a_truncated_gzip() {
    spoiled(
        |shop| {
            let rows: String = (0..50_000)
                .map(|i| format!("{i},2024-01-{:02},C{},{}.5\n", i % 28 + 1, i % 3, i * 7919 % 997))
                .collect();
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(format!("id,day,customer,amount\n{rows}").as_bytes()).unwrap();
            let bytes = packed.finish().unwrap();
            let path = shop.path().join("data/sales.csv");
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        },
        &["sales.csv", "truncated gzip"],
    );
}

#[test]
fn a_column_that_vanished() {
    spoiled(
        |shop| shop.edit("data/sales.csv", "id,day,customer,amount", "id,day,buyer,amount"),
        &[
            "error[SD006]",
            "etl/sales.yaml",
            "unknown column `customer`",
            "there is: sale_no, amount, id, day, buyer",
        ],
    );
}

#[test]
fn all_typos_at_once() {
    spoiled(
        |shop| {
            shop.edit(
                "etl/customer.yaml",
                "dimension: customer\n",
                "dimension: customer\ntitel: x\n",
            );
            shop.edit("etl/sales.yaml", "grain: [sale_no]", "grain: [sale_num]");
            shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: amuont}");
        },
        &[
            "3 mistakes",
            "etl/customer.yaml:3:1",
            "did you mean `title`?",
            "etl/sales.yaml:3:9",
            "did you mean `sale_no`?",
            "cubes/sales.yaml:5:",
            "did you mean `amount`?",
            "^^^^^^",
        ],
    );
}

#[test]
fn yaml_that_is_none() {
    spoiled(
        |shop| shop.write("etl/sales.yaml", "fact: [sales\n"),
        &["error[SD001]", "etl/sales.yaml"],
    );
}

#[test]
fn a_load_that_is_not_the_same_each_time() {
    spoiled(
        |shop| shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, at: \"now()\","),
        &["error[SD012]", "`now` gives another result each time"],
    );
}

#[test]
fn a_cube_that_cannot_answer_is_not_published() {
    spoiled(
        |shop| shop.edit("cubes/sales.yaml", "{sum: amount}", "{sum: \"concat(amount, 'x')\"}"),
        &["`sales`", "`revenue`"],
    );
}

#[test]
fn a_meaning_that_depends_on_who_loads() {
    spoiled(
        |shop| shop.edit("etl/sales.yaml", "{expr: amount,", "{expr: \"amount * ${env:RATE:-2}\","),
        &["error[SD005]", "etl/sales.yaml:6:", "may stand only in `sources:`"],
    );
}

#[test]
fn members_of_two_sources_that_would_merge() {
    spoiled(
        |shop| {
            shop.edit(
                "etl/customer.yaml",
                "key: customer_no\n",
                "key: customer_no\nkey_scope: source\n",
            );
        },
        &[
            "error[SD011]",
            "`customer_no` is the same for records of two sources",
            "leave `key` out",
        ],
    );
}

#[test]
fn keys_that_cannot_match() {
    spoiled(
        |shop| shop.edit("etl/sales.yaml", "{on: customer}", "{on: [customer, id], source: crm}"),
        &["the key of `customer` has 1 columns, this has 2", "unknown source `crm`"],
    );
}

#[test]
fn rows_that_a_reader_could_lose() {
    let shop = Project::shop();
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n1,2024-01-31,C1,1.50\n2,2024-01-31,C2,007\n\
         3,2024-01-31,C1,1e1\n4,2024-01-31,C1\n5,2024-01-31,\"C1,2.00\n6,2024-01-31,C1,2.00\n",
    );
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT sum(amount), count(*) FROM warehouse.sales"), ["11.50,2"]);
    assert_eq!(
        shop.sql("SELECT source_line, reason FROM system.quarantine ORDER BY 1"),
        [
            "3,\"not a decimal(10,2), which `amount` is read as\"",
            "5,\"3 fields, the header has 4\"",
            "6,\"3 fields, the header has 4\"",
        ]
    );
    assert_eq!(
        shop.sql("SELECT rows_in, rows_loaded, rows_quarantined FROM system.loads WHERE table_name = 'sales'"),
        ["5,2,3"]
    );
}

#[test]
fn numbers_that_leave_their_range() {
    let shop = Project::shop();
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n1,2024-01-31,C1,1\n4000000000000000000,2024-01-31,C2,1\n",
    );
    shop.edit(
        "etl/sales.yaml",
        "sale_no: id,",
        "sale_no: id, twice: \"id * 2\", thrice: \"id * 3 - id\",",
    );
    shop.run(&["load"]).ok();
    // Twice four quintillions fits 64 bits, three times does not.
    assert_eq!(shop.sql("SELECT sale_no FROM warehouse.sales"), ["1"]);
    let reasons = shop.sql("SELECT rule, column_name FROM system.quarantine");
    assert_eq!(reasons, ["expression,thrice"]);
    shop.edit("etl/sales.yaml", ", thrice: \"id * 3 - id\"", "");
    shop.edit(
        "cubes/sales.yaml",
        "average:",
        "ids: {sum: sale_no}\n  far: {expr: \"ids * 9\"}\n  inner: {sum: \"sale_no * 9\"}\n  average:",
    );
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT AGG(ids) FROM cubes.sales"), ["4000000000000000001"]);
    for measure in ["far", "inner"] {
        let message =
            shop.run(&["sql", &format!("SELECT AGG({measure}) FROM cubes.sales")]).fails();
        assert!(message.contains("36000000000000000"), "{message}");
    }
}

// The squares were computed with Python: 9999999999999999999² has 38 digits and 12345678901234567890²
// has 39, which still fits 128 bits.
#[test]
fn decimals_that_take_too_many_digits() {
    const SQUARE: &str = "99999999999999999980000000000000000001";
    let shop = Project::shop();
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n1,2024-01-31,C1,9999999999999999999\n\
         2,2024-01-31,C2,12345678901234567890\n",
    );
    shop.edit("etl/sources.yaml", "decimal(10,2)", "decimal(20,0)");
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, square: \"amount * amount\",");
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT sale_no, square FROM warehouse.sales"), [format!("1,{SQUARE}")]);
    let reasons = shop.sql("SELECT rule, column_name, reason FROM system.quarantine");
    assert!(reasons[0].starts_with("expression,square,"), "{reasons:?}");
    let shown =
        "`amount * amount` gives 152415787532388367501905199875019052100, which does not fit";
    assert!(reasons[0].contains(shown), "{reasons:?}");

    shop.edit("etl/sales.yaml", ", square: \"amount * amount\"", "");
    shop.edit(
        "cubes/sales.yaml",
        "average:",
        "greatest: {max: \"amount * amount\"}\n  squares: {sum: \"amount * amount\"}\n  \
         formula: {expr: \"revenue * revenue\"}\n  average:",
    );
    shop.run(&["load"]).ok();
    for measure in ["greatest", "squares", "formula"] {
        let query = |customer: &str| {
            format!("SELECT AGG({measure}) FROM cubes.sales WHERE customer_customer = '{customer}'")
        };
        assert_eq!(shop.sql(&query("Ada")), [SQUARE], "{measure}");
        let message = shop.run(&["sql", &query("Bob")]).fails();
        let shown = "152415787532388367501905199875019052100, which does not fit Decimal128(38, 0)";
        assert!(message.contains(shown), "{measure}: {message}");
    }
}

#[test]
fn the_least_whole_number_has_no_negative() {
    let shop = Project::shop();
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n-9223372036854775808,2024-01-31,C1,1\n\
         -9223372036854775807,2024-01-31,C2,1\n",
    );
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: id, negative: \"-id\",");
    shop.run(&["load"]).ok();
    let loaded = shop.sql("SELECT sale_no, negative FROM warehouse.sales");
    assert_eq!(loaded, ["-9223372036854775807,9223372036854775807"]);
    let reasons = shop.sql("SELECT rule, column_name FROM system.quarantine");
    assert_eq!(reasons, ["expression,negative"]);

    shop.edit("etl/sales.yaml", ", negative: \"-id\"", "");
    shop.edit(
        "cubes/sales.yaml",
        "average:",
        "least: {min: sale_no}\n  inner: {max: \"-sale_no\"}\n  formula: {expr: \"-least\"}\n  average:",
    );
    shop.run(&["load"]).ok();
    for measure in ["inner", "formula"] {
        let query = |customer: &str| {
            format!("SELECT AGG({measure}) FROM cubes.sales WHERE customer_customer = '{customer}'")
        };
        assert_eq!(shop.sql(&query("Bob")), ["9223372036854775807"], "{measure}");
        let message = shop.run(&["sql", &query("Ada")]).fails();
        assert!(message.contains("9223372036854775808"), "{measure}: {message}");
    }
}

// 6·10³⁷ less its negative, or twice, is 1.2·10³⁸: 39 digits, and less than 2¹²⁷.
#[test]
fn other_times_that_take_too_many_digits() {
    let shop = Project::shop();
    let amount = format!("6{}", "0".repeat(37));
    shop.write(
        "data/sales.csv",
        &format!(
            "id,day,customer,amount\n1,2023-01-31,C1,-{amount}\n2,2024-01-31,C1,{amount}\n\
             3,2023-01-31,C2,{amount}\n4,2024-01-31,C2,{amount}\n\
             5,2024-01-31,C3,{amount}\n6,2024-01-31,C3,{amount}\n"
        ),
    );
    shop.edit("etl/sources.yaml", "decimal(10,2)", "decimal(38,0)");
    shop.edit(
        "cubes/sales.yaml",
        "average:",
        "least: {sum: amount, over_time: min}\n  greatest: {sum: amount, over_time: max}\n  average:",
    );
    shop.run(&["load"]).ok();
    let query = |measure: &str, customer: &str| {
        format!(
            "SELECT AGG({measure}) FROM cubes.sales WHERE customer_customer = '{customer}' \
             AND date_year = '2024' GROUP BY date_year"
        )
    };
    for measure in ["least", "greatest"] {
        assert_eq!(shop.sql(&query(measure, "Bob")), [amount.as_str()], "{measure}");
        let message = shop.run(&["sql", &query(measure, "Cyd")]).fails();
        assert!(message.contains("does not fit Decimal128(38, 0)"), "{measure}: {message}");
    }
    assert_eq!(shop.sql(&query("revenue_yoy", "Bob")), ["0"]);
    let message = shop.run(&["sql", &query("revenue_yoy", "Ada")]).fails();
    let shown = format!("`a difference` gives 12{}, which does not fit", "0".repeat(37));
    assert!(message.contains(&shown), "{message}");
}

#[test]
fn fills_that_do_not_fit() {
    let shop = Project::shop();
    shop.write(
        "data/sales.csv",
        "id,day,customer,amount\n0,2024-01-31,C1,5\n2,2024-01-31,C2,\n\
         200000000,2024-01-31,C2,\n0,2024-01-31,C3,\n",
    );
    shop.edit("etl/sources.yaml", "decimal(10,2)", "decimal(38,30)");
    // The first row has a value, so that what would fill it does not matter.
    shop.edit("etl/sales.yaml", "dimensions:", "    fill: {amount: \"id * id / id\"}\ndimensions:");
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: _line,");
    shop.run(&["load"]).ok();
    let loaded = shop.sql("SELECT sale_no, CAST(amount AS BIGINT) FROM warehouse.sales ORDER BY 1");
    assert_eq!(loaded, ["2,5", "3,2"]);
    let faults =
        shop.sql("SELECT source_line, rule, column_name FROM system.quarantine ORDER BY 1");
    assert_eq!(faults, ["4,cast,amount", "5,expression,amount"]);
}

#[test]
fn every_mistake_of_every_kind_at_once() {
    let shop = Project::shop();
    shop.edit("etl/customer.yaml", "name: name,", "name: \"uper(name)\",");
    shop.edit("etl/sales.yaml", "sale_no: id,", "sale_no: \"sum(id)\",");
    shop.edit("cubes/sales.yaml", "fact: sales", "fact: sails");
    let message = shop.run(&["validate"]).fails();
    for words in
        ["3 mistakes", "`sum` needs many rows", "etl/customer.yaml:6:", "unknown fact `sails`"]
    {
        assert!(message.contains(words), "`{words}` is not in:\n{message}");
    }
}

#[test]
fn paths_with_dots() {
    let shop = Project::shop();
    let name = shop.path().file_name().unwrap().to_str().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(crate::support::binary());
        crate::support::Run::of(command.current_dir(shop.path()).args(arguments).output().unwrap())
    };
    let place = format!("../{name}");
    run(&["-C", &place, "load"]).ok();
    assert!(run(&["load"]).err.contains("nothing changed"));
    let out = run(&[
        "sql",
        "SELECT count(*) FROM warehouse.sales",
        "--warehouse",
        &format!("{place}/wh"),
    ]);
    assert!(out.ok().contains('4'));
}

#[test]
fn a_corrupt_epoch() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let before = shop.contents();
    shop.edit("data/sales.csv", "10.50", "11.50");
    shop.run(&["load"]).ok();
    let epoch = "wh/_starling/epochs/00000000000000000002.json";
    shop.edit(epoch, "\"number\": 2", "\"number\":  2");
    for command in [&["load"][..], &["sql", "SELECT 1"], &["serve", "--flight", "127.0.0.1:0"]] {
        let message = shop.run(command).fails();
        assert!(
            message.contains("corrupt") && message.contains("delete it to fall back"),
            "{message}"
        );
    }
    std::fs::remove_file(shop.path().join(epoch)).unwrap();
    assert_eq!(shop.contents(), before);
    shop.run(&["load"]).ok();
    assert_eq!(shop.sql("SELECT sum(amount) FROM warehouse.sales"), ["117.75"]);
}

#[test]
fn a_warehouse_that_cannot_be_written() {
    let shop = Project::shop();
    shop.write("taken", "a file where a folder should be");
    let place = shop.path().join("taken/wh");
    let message = shop.run(&["load", "--warehouse", place.to_str().unwrap()]).fails();
    assert!(message.contains("cannot write to the warehouse"), "{message}");
    let message = shop.run(&["load", "--warehouse", "ftp://somewhere/wh"]).fails();
    assert!(message.contains("give a folder or a file:// URL"), "{message}");
}

#[test]
fn a_port_in_use() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let message = shop.run(&["serve", "--flight", &address]).fails();
    assert!(message.contains("is in use") && message.contains("choose another port"), "{message}");
    let message = shop.run(&["serve", "--flight", "0.0.0.0:0"]).fails();
    assert!(message.contains("refused"), "{message}");
}

#[test]
fn nothing_loaded_yet_and_no_project() {
    let shop = Project::shop();
    let message = shop.run(&["sql", "SELECT 1"]).fails();
    assert!(message.contains("run `starling load` first"), "{message}");
    let nowhere = Project::empty();
    let message = nowhere.run(&["load"]).fails();
    assert!(message.contains("no `starling.yaml`") && message.contains("-C"), "{message}");
    assert_eq!(nowhere.run(&["lod"]).code, Some(2));
}

#[test]
fn a_second_loader() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let lock = std::fs::File::open(shop.path().join("wh/_starling/loader.lock")).unwrap();
    lock.lock().unwrap();
    shop.edit("data/sales.csv", "10.50", "11.50");
    let message = shop.run(&["load"]).fails();
    assert!(message.contains("another process is loading"), "{message}");
}

#[test]
fn sql_that_writes_or_reads_files() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    for sql in [
        "DROP TABLE warehouse.sales",
        "INSERT INTO warehouse.sales SELECT * FROM warehouse.sales",
        "COPY warehouse.sales TO 'x.csv'",
        "CREATE TABLE x AS SELECT 1",
        "SELECT * FROM 'data/sales.csv'",
        "SELECT 1; SELECT 2",
        "SELECT amuont FROM warehouse.sales",
    ] {
        let message = shop.run(&["sql", sql]).fails();
        assert!(!message.contains("Error during planning"), "{message}");
    }
}

/// What `validate` says, with what is wrong in `cubes/goals.yaml` and in the cube over it.
fn said_of_both(goals: (&str, &str), both: (&str, &str)) -> String {
    let shop = Project::shop_with_goals();
    shop.edit("cubes/goals.yaml", goals.0, goals.1);
    shop.edit("cubes/both.yaml", both.0, both.1);
    shop.run(&["validate"]).fails()
}

#[test]
fn a_mistake_of_a_cube_is_not_said_again_of_the_cube_over_it() {
    let same = ("cube: both", "cube: both");
    let wrong = [
        ("fact: goal", "fact: gaol"),
        ("{sum: amount}", "{sum: amuont}"),
        ("  goal: {sum: amount}", "  goal: {summ: amount}"),
        ("fact: goal", "fcat: goal"),
        ("measures:", "mesures:"),
        ("levels:\n", "dimensions: {dat: {}}\nlevels:\n"),
    ];
    for wrong in wrong {
        let error = said_of_both(wrong, same);
        assert!(error.contains("cubes/goals.yaml"), "{error}");
        assert!(!error.contains("cubes/both.yaml"), "{error}");
    }
}

#[test]
fn a_cube_over_a_wrong_one_still_tells_its_own_mistakes() {
    let wrong = [("fact: goal", "fact: gaol"), ("{sum: amount}", "{sum: amuont}")];
    let own = [
        ("revenue / goal", "revenue / goall", "did you mean `goal`?"),
        ("measures: goal,", "measures: gaol,", "did you mean `goal`?"),
        ("[revenue, average]", "[revenu, average]", "did you mean `revenue`?"),
        ("unrelated: empty", "unrelated: emtpy", "must be error, empty or repeat"),
        ("  goals: {", "  gaols: {", "unknown cube `gaols`"),
        ("revenue / goal", "reached + goal", "`reached` is computed from itself"),
    ];
    for wrong in wrong {
        for (was, is, said) in own {
            let error = said_of_both(wrong, (was, is));
            assert!(error.contains("cubes/goals.yaml"), "{error}");
            assert!(error.contains("cubes/both.yaml") && error.contains(said), "{said}:\n{error}");
        }
    }
}

#[test]
fn a_header_with_a_column_twice_is_said_once() {
    let shop = Project::shop();
    shop.edit("data/customers.csv", "no,name,city", "no,name,name");
    let error = shop.run(&["validate"]).fails();
    let said = "the header of `customers.csv` has the column `name` twice; rename one";
    assert_eq!(error.matches("twice").count(), 1, "{error}");
    assert!(error.contains(said) && error.contains("etl/sources.yaml:6:7"), "{error}");
}

#[test]
fn a_division_by_zero_names_the_measure() {
    let shop = Project::shop();
    shop.edit(
        "cubes/sales.yaml",
        "measures:\n",
        "measures:\n  each: {sum: amount / (amount - 2.00)}\n  \
         apart: {sum: \"amount / nullif(amount - 2.00, 0)\"}\n  rest: {max: amount % (sale_no - 4)}\n",
    );
    shop.run(&["load"]).ok();
    let error = shop.run(&["sql", "SELECT AGG(each) FROM cubes.sales"]).fails();
    let said = "`amount / (amount - 2.00)`, which `each` is of, divides by zero";
    assert!(error.contains(said) && error.contains("nullif"), "{error}");
    let error = shop.run(&["sql", "SELECT AGG(rest) FROM cubes.sales"]).fails();
    assert!(error.contains("which `rest` is of, divides by zero"), "{error}");
    assert_eq!(shop.sql("SELECT AGG(apart) > 0 FROM cubes.sales"), ["true"]);
    let explained =
        shop.run(&["sql", "EXPLAIN SELECT AGG(apart) FROM cubes.sales", "--format", "csv"]);
    let explained = explained.ok();
    assert!(explained.contains("sum((amount / nullif("), "{explained}");
}

#[test]
fn a_name_that_is_nearly_a_calculation() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    let error = shop.run(&["sql", "SELECT AGG(revenue_yoyy) FROM cubes.sales"]).fails();
    assert!(error.contains("`revenue` has no calculation `yoyy`"), "{error}");
    assert!(error.contains("did you mean `revenue_yoy`?"), "{error}");
    let error = shop.run(&["sql", "SELECT AGG(s.revenue_quantum_leap) FROM cubes.sales s"]).fails();
    assert!(error.contains("`revenue` has no calculation `quantum_leap`"), "{error}");
    assert!(error.contains("cubes.\"sales$calculations\"` lists the usual ones"), "{error}");
    let error = shop.run(&["sql", "SELECT AGG(DISTINCT revenue) FROM cubes.sales"]).fails();
    assert!(error.contains("AGG(DISTINCT revenue) has no meaning"), "{error}");
    assert!(error.contains("write AGG(revenue)"), "{error}");
}

#[test]
fn a_condition_on_measures_that_is_none() {
    let shop = Project::shop();
    shop.run(&["load"]).ok();
    for having in ["revenue", "(revenue)", "revenue + 1", "-revenue"] {
        let question = format!(
            r#"{{"cube": "sales", "rows": ["date.year"], "measures": ["revenue"], "having": ["{having}"]}}"#
        );
        shop.write("question.json", &question);
        let file = shop.path().join("question.json");
        let error = shop.run(&["query", "--json", file.to_str().unwrap()]).fails();
        let said = format!("`{having}` in `having` is no condition");
        assert!(error.contains(&said), "{error}");
        assert!(error.contains("as in `revenue > 0`"), "{error}");
    }
}
