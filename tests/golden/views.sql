-- The demo company's files, cleaned by hand in DuckDB: an oracle that shares no code with what it checks.
-- `crm_*` are the tables of the CRM and `raw_survey` the survey, all values as text.

CREATE MACRO filled(x) AS CASE WHEN trim(x) IN ('', 'N/A', 'NULL') THEN NULL ELSE trim(x) END;
CREATE MACRO money(x) AS try_cast(filled(x) AS DECIMAL(18,2));
CREATE MACRO amount(x) AS try_cast(filled(x) AS DECIMAL(18,3));
CREATE MACRO day(x) AS try_cast(filled(x) AS DATE);
CREATE MACRO moment(x) AS try_cast(filled(x) AS TIMESTAMP);
CREATE MACRO currency(x) AS
    CASE upper(translate(filled(x), 'ＣＮＹＵＳＤ', 'CNYUSD')) WHEN 'RMB' THEN 'CNY'
    ELSE upper(translate(filled(x), 'ＣＮＹＵＳＤ', 'CNYUSD')) END;
CREATE MACRO known(x) AS coalesce(x, '(unknown)');
-- Filled, but not what it should be.
CREATE MACRO is_bad(text, parsed) AS filled(text) IS NOT NULL AND parsed IS NULL;
-- Means rounded half away from zero, to 6 and 7 digits.
CREATE MACRO mean6(total, n) AS
    CAST(sign(total) * ((2 * CAST(abs(total) * 1000000 AS HUGEINT) + n) // (2 * n)) AS DECIMAL(30,0)) * 0.000001;
CREATE MACRO mean7(total, n) AS
    CAST(sign(total) * ((2 * CAST(abs(total) * 10000000 AS HUGEINT) + n) // (2 * n)) AS DECIMAL(30,0)) * 0.0000001;
-- The calendar.
CREATE MACRO year_of(d) AS strftime(d, '%Y');
CREATE MACRO half_of(d) AS strftime(d, '%Y') || '-H' || CASE WHEN month(d) <= 6 THEN 1 ELSE 2 END;
CREATE MACRO quarter_of(d) AS strftime(d, '%Y') || '-Q' || quarter(d);
CREATE MACRO month_of(d) AS strftime(d, '%Y-%m');
CREATE MACRO week_of(d) AS strftime(d, '%G-W%V');
CREATE MACRO fiscal_year_of(d) AS 'FY' || (year(d) + CASE WHEN month(d) >= 4 THEN 1 ELSE 0 END);
CREATE MACRO fiscal_quarter_of(d) AS fiscal_year_of(d) || '-Q' || ((month(d) + 8) % 12 // 3 + 1);


-- The extracts as texts, equal rows once.
CREATE TABLE raw_region AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/region.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_item_group AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/item_group.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_item AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/item.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_department AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/department.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_employee AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/employee.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_customer AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/customer.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_order AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_order.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_order_item AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_order_item.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_invoice AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_invoice.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_invoice_item AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_invoice_item.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_return AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_return.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_payment AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/payment.csv', all_varchar = true, header = true, delim = ';', quote = '"');
CREATE TABLE raw_stock_balance AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/stock_balance.csv', all_varchar = true, header = true, delim = ',', quote = '"');
CREATE TABLE raw_sales_target AS SELECT DISTINCT * FROM read_csv('$FIXTURES/erp/sales_target.csv', all_varchar = true, header = true, delim = ',', quote = '"');

CREATE TABLE regions AS
SELECT filled(county_code) AS county_code, filled(city_code) AS city_code, filled(province_code) AS province_code,
    filled(country_code) AS country_code, filled(country_en) AS country, filled(country_zh) AS country_zh,
    filled(province_en) AS province, filled(city_en) AS city,
    -- Counties that share a name are told apart by their cities.
    filled(county_en) || CASE WHEN count(*) OVER (PARTITION BY filled(county_en)) > 1
        THEN ' (' || filled(city_en) || ')' ELSE '' END AS county,
    filled(county_zh) || CASE WHEN count(*) OVER (PARTITION BY filled(county_zh)) > 1
        THEN ' (' || filled(city_zh) || ')' ELSE '' END AS county_zh
FROM raw_region;

CREATE TABLE items AS
SELECT upper(filled(i.item_code)) AS item_code, filled(i.item_name) AS item, filled(i.brand) AS brand,
    filled(i.stock_uom) AS unit, g.name AS group_code, g.item_group_name AS item_group,
    c.name AS category_code, c.item_group_name AS category
FROM raw_item i
LEFT JOIN raw_item_group g ON g.name = lower(filled(i.item_group))
LEFT JOIN raw_item_group c ON c.name = g.parent_item_group;

CREATE TABLE departments AS
WITH RECURSIVE path AS (
    SELECT name, department_name, [department_name] AS names FROM raw_department WHERE filled(parent_department) IS NULL
    UNION ALL
    SELECT d.name, d.department_name, list_append(p.names, d.department_name)
    FROM raw_department d JOIN path p ON p.name = filled(d.parent_department)
)
SELECT name AS department_code, department_name AS department,
    names[least(2, len(names))] AS division, names[least(3, len(names))] AS branch
FROM path;

CREATE TABLE employees AS
SELECT filled(e.name) AS employee_no, filled(e.employee_name) AS employee, upper(filled(e.department)) AS department_code
FROM raw_employee e;

-- Each member of a tree with each one above it, itself included.
CREATE TABLE departments_above AS
WITH RECURSIVE way AS (
    SELECT name AS below, name AS above, department_name AS caption FROM raw_department
    UNION ALL
    SELECT w.below, p.name, p.department_name
    FROM way w JOIN raw_department d ON d.name = w.above JOIN raw_department p ON p.name = filled(d.parent_department)
)
FROM way UNION ALL SELECT '(unknown)', '(unknown)', '(unknown)';
CREATE TABLE managers_above AS
WITH RECURSIVE way AS (
    SELECT filled(name) AS below, filled(name) AS above FROM raw_employee
    UNION ALL
    SELECT w.below, filled(e.reports_to)
    FROM way w JOIN raw_employee e ON filled(e.name) = w.above
    WHERE filled(e.reports_to) IN (SELECT filled(name) FROM raw_employee)
)
FROM way UNION ALL SELECT '(unknown)', '(unknown)';

CREATE TABLE customers AS
SELECT filled(c.name) AS number, lower(filled(c.customer_group)) AS group_code, r.country_code, r.country
FROM raw_customer c LEFT JOIN regions r ON r.county_code = filled(c.county_code);

CREATE TABLE invoices AS
SELECT filled(name) AS invoice_no, filled(customer) AS customer, day(posting_date) AS invoiced, day(due_date) AS due,
    filled(sales_person) AS seller, filled(billing_county_code) AS billing, filled(shipping_county_code) AS shipping,
    currency(currency) AS currency, CAST(filled(conversion_rate) AS DECIMAL(10,4)) AS rate, docstatus,
    money(base_net_total) AS base_net, money(total_taxes_and_charges) AS taxes, money(grand_total) AS total
FROM raw_sales_invoice
WHERE NOT is_bad(posting_date, day(posting_date)) AND NOT is_bad(due_date, day(due_date));

-- Sales: every line with all that it can be grouped by.
CREATE TABLE sales AS
SELECT v.invoice_no, CAST(l.idx AS INTEGER) AS line_no, v.invoiced, v.due, v.currency, v.rate,
    amount(l.qty) AS quantity, money(l.net_amount) AS net, money(l.base_net_amount) AS base,
    money(l.discount_percentage) AS discount, amount(l.qty) * money(l.incoming_rate) AS cost,
    filled(l.warehouse) AS warehouse,
    c.number AS customer, known(c.group_code) AS customer_group, known(c.country) AS customer_country,
    i.item_code, known(i.item) AS item, known(i.brand) AS brand, known(i.group_code) AS group_code,
    known(i.item_group) AS item_group, known(i.category_code) AS category_code, known(i.category) AS category,
    e.employee_no, known(e.employee) AS employee, known(d.department_code) AS department_code,
    known(d.department) AS department, known(d.division) AS division, known(d.branch) AS branch,
    known(b.country_code) AS billing_country_code, known(b.country) AS billing_country,
    known(b.province) AS billing_province, known(b.city) AS billing_city, known(b.county_code) AS billing_county_code,
    known(b.county) AS billing_county, known(b.county_zh) AS billing_county_zh,
    known(s.country_code) AS shipping_country_code, known(s.country) AS shipping_country,
    known(s.province) AS shipping_province, known(s.county_code) AS shipping_county_code
FROM raw_sales_invoice_item l
JOIN invoices v ON v.invoice_no = filled(l.parent) AND v.docstatus = '1'
LEFT JOIN customers c ON c.number = v.customer
LEFT JOIN items i ON i.item_code = upper(filled(l.item_code))
LEFT JOIN employees e ON e.employee_no = v.seller
LEFT JOIN departments d ON d.department_code = e.department_code
LEFT JOIN regions b ON b.county_code = v.billing
LEFT JOIN regions s ON s.county_code = v.shipping
WHERE amount(l.qty) IS NOT NULL AND money(l.base_net_amount) IS NOT NULL;

CREATE TABLE order_lines AS
SELECT filled(o.name) AS order_no, day(o.transaction_date) AS ordered, day(o.delivery_date) AS delivery,
    amount(l.qty) AS quantity, money(l.base_net_amount) AS base, known(i.category) AS category,
    known(c.country) AS customer_country, known(d.department) AS department
FROM raw_sales_order_item l
JOIN raw_sales_order o ON filled(o.name) = filled(l.parent) AND o.docstatus = '1' AND day(o.transaction_date) IS NOT NULL
LEFT JOIN items i ON i.item_code = upper(filled(l.item_code))
LEFT JOIN customers c ON c.number = filled(o.customer)
LEFT JOIN employees e ON e.employee_no = filled(o.sales_person)
LEFT JOIN departments d ON d.department_code = e.department_code
WHERE amount(l.qty) IS NOT NULL;

-- Decimals are written with a comma here.
CREATE TABLE payments AS
SELECT filled(p.name) AS payment_no, filled(reference_name) AS invoice_no, day(posting_date) AS paid_on,
    filled(mode_of_payment) AS mode, currency(p.currency) AS currency,
    CAST(replace(exchange_rate, ',', '.') AS DECIMAL(10,4)) AS rate, money(replace(paid_amount, ',', '.')) AS paid,
    money(replace(base_paid_amount, ',', '.')) AS base, c.number AS customer, known(c.country) AS customer_country,
    v.invoice_no IS NOT NULL AS has_invoice, v.due, known(strftime(v.due, '%Y-%m')) AS due_month,
    known(e.employee) AS employee, known(d.department) AS department, paid_on - v.invoiced AS days_to_pay,
    paid * coalesce(v.rate, CAST(replace(exchange_rate, ',', '.') AS DECIMAL(10,4))) AS settled
FROM raw_payment p
LEFT JOIN customers c ON c.number = filled(p.party)
LEFT JOIN invoices v ON v.invoice_no = filled(p.reference_name)
LEFT JOIN employees e ON e.employee_no = v.seller
LEFT JOIN departments d ON d.department_code = e.department_code
WHERE p.docstatus = '1' AND day(posting_date) IS NOT NULL AND money(replace(paid_amount, ',', '.')) IS NOT NULL;

-- Invoices as a whole, with their taxes.
CREATE TABLE bills AS
SELECT v.*, total * rate AS base_total, taxes * rate AS base_taxes, known(c.country) AS customer_country,
    known(c.group_code) AS customer_group, c.number AS known_customer, known(e.employee) AS employee,
    known(d.department) AS department, known(b.country) AS billing_country
FROM invoices v
LEFT JOIN customers c ON c.number = v.customer
LEFT JOIN employees e ON e.employee_no = v.seller
LEFT JOIN departments d ON d.department_code = e.department_code
LEFT JOIN regions b ON b.county_code = v.billing
WHERE v.docstatus = '1';

CREATE TABLE returns AS
SELECT filled(r.name) AS return_no, filled(return_against) AS invoice_no, day(posting_date) AS returned_on,
    lower(filled(reason)) AS reason, amount(qty) AS quantity, money(base_net_amount) AS base, i.item_code,
    known(i.category) AS category, known(c.country) AS customer_country
FROM raw_sales_return r
LEFT JOIN items i ON i.item_code = upper(filled(r.item_code))
LEFT JOIN customers c ON c.number = filled(r.customer)
WHERE day(posting_date) IS NOT NULL AND amount(qty) IS NOT NULL;

CREATE TABLE balances AS
SELECT day(posting_date) AS month_end, filled(warehouse) AS warehouse, i.item_code, known(i.category) AS category,
    known(i.item_group) AS item_group, amount(in_qty) AS received, amount(out_qty) AS issued, amount(bal_qty) AS balance,
    money(bal_val) AS value
FROM raw_stock_balance b
LEFT JOIN items i ON i.item_code = upper(filled(b.item_code))
WHERE day(posting_date) IS NOT NULL AND amount(bal_qty) IS NOT NULL;

CREATE TABLE targets AS
SELECT day(target_month) AS month, known(d.department_code) AS department_code, known(d.department) AS department,
    known(d.branch) AS branch, known(g.name) AS group_code, known(g.item_group_name) AS item_group,
    money(target_amount) AS target
FROM raw_sales_target t
LEFT JOIN departments d ON d.department_code = upper(filled(t.department))
LEFT JOIN raw_item_group g ON g.name = lower(filled(t.item_group))
WHERE money(target_amount) IS NOT NULL;

CREATE TABLE accounts AS
SELECT a.id AS account, i.code AS industry_code, i.name AS industry, upper(filled(a.account_tier)) AS tier,
    filled(a.billing_county_code) AS county_code, t.name AS territory,
    -- World; China and International; their parts.
    CASE WHEN t.parent_id IS NULL OR t.parent_id = 'ter-all' THEN t.name ELSE top.name END AS area
FROM crm_account a
LEFT JOIN crm_industry i ON i.code = lower(filled(a.industry))
LEFT JOIN crm_territory t ON t.id = a.territory_id
LEFT JOIN crm_territory top ON top.id = t.parent_id
WHERE a.deleted = '0';

CREATE TABLE users AS
SELECT u.id, e.employee_no, e.employee, known(d.department) AS department
FROM crm_user u JOIN employees e ON e.employee_no = u.employee_code
LEFT JOIN departments d ON d.department_code = e.department_code;

CREATE TABLE opportunities AS
SELECT o.id AS opportunity_no, CAST(moment(o.date_entered) AS DATE) AS entered, day(o.expected_close_date) AS expected,
    CASE lower(filled(o.sales_stage)) WHEN 'won' THEN 'closed_won' ELSE lower(filled(o.sales_stage)) END AS stage,
    filled(o.lead_source) AS lead_source, money(o.base_amount) AS base, CAST(o.probability AS INTEGER) AS probability,
    a.account, known(a.industry_code) AS industry_code, known(a.industry) AS industry, known(a.tier) AS tier,
    known(a.territory) AS territory, known(a.area) AS area, known(r.country) AS country,
    known(u.employee_no) AS employee_no, known(u.department) AS department,
    filled(o.erp_sales_order) AS order_no,
    CASE WHEN o.campaign_id IS NULL THEN '(not applicable)' ELSE known(c.name) END AS campaign,
    CASE WHEN o.campaign_id IS NULL THEN '(not applicable)' ELSE known(c.campaign_type) END AS campaign_kind
FROM crm_opportunity o
LEFT JOIN accounts a ON a.account = filled(o.account_id)
LEFT JOIN regions r ON r.county_code = a.county_code
LEFT JOIN users u ON u.id = o.assigned_user_id
LEFT JOIN crm_campaign c ON c.id = o.campaign_id
WHERE o.deleted = '0' AND NOT is_bad(o.amount, money(o.amount))
    AND NOT is_bad(o.expected_close_date, day(o.expected_close_date));

-- Moves of the opportunities above; how long one was in a stage is told by its move before, where that can be read.
CREATE TABLE moves AS
WITH readable AS (
    SELECT id, filled(opportunity_id) AS opportunity_no, lower(filled(from_stage)) AS from_stage,
        lower(filled(to_stage)) AS to_stage, moment(changed_at) AS at, changed_by
    FROM crm_opportunity_stage_history WHERE moment(changed_at) IS NOT NULL
)
SELECT m.opportunity_no, coalesce(m.from_stage, '(new)') AS from_stage, m.to_stage, CAST(m.at AS DATE) AS moved, o.entered,
    date_diff('second', p.at, m.at) // 86400 AS days, o.industry, o.tier, o.campaign, o.campaign_kind,
    known(u.employee) AS employee
FROM readable m
JOIN opportunities o ON o.opportunity_no = m.opportunity_no
LEFT JOIN readable p ON p.opportunity_no = m.opportunity_no AND p.to_stage = m.from_stage
LEFT JOIN users u ON u.id = m.changed_by;

CREATE TABLE cases AS
SELECT s.id AS case_no, moment(s.date_entered) AS entered, filled(s.type) AS kind, upper(filled(s.priority)) AS priority,
    filled(s.status) AS status, date_diff('second', moment(s.date_entered), moment(s.first_responded_on)) // 60 AS response,
    date_diff('second', moment(s.date_entered), moment(s.date_closed)) // 60 AS resolution,
    a.account, known(a.tier) AS tier,
    CASE WHEN filled(s.product_code) IS NULL THEN '(not applicable)' ELSE known(i.category) END AS category
FROM crm_service_case s
LEFT JOIN accounts a ON a.account = filled(s.account_id)
LEFT JOIN items i ON i.item_code = upper(filled(s.product_code))
WHERE moment(s.date_entered) IS NOT NULL;

-- The survey tool writes UTC; the company's clock is eight hours ahead, without summer time.
CREATE TABLE surveys AS
SELECT DISTINCT survey_id, lower(filled(channel)) AS channel, CAST(overall AS INTEGER) AS overall,
    CAST(speed AS INTEGER) AS speed, CAST(quality AS INTEGER) AS quality,
    CAST(moment(replace(submitted_at, 'Z', '')) + INTERVAL 8 HOUR AS DATE) AS submitted
FROM raw_survey
WHERE try_cast(overall AS INTEGER) IS NOT NULL AND moment(replace(submitted_at, 'Z', '')) IS NOT NULL;

CREATE TABLE responses AS
SELECT r.id AS response_no, lower(filled(r.response_type)) AS response, CAST(moment(r.response_date) AS DATE) AS responded,
    known(c.name) AS campaign, known(c.campaign_type) AS campaign_kind, p.id AS contact, a.account,
    known(p.title) AS job_title
FROM crm_campaign_response r
LEFT JOIN crm_campaign c ON c.id = r.campaign_id
LEFT JOIN crm_contact p ON p.id = filled(r.contact_id) AND p.deleted = '0'
LEFT JOIN accounts a ON a.account = filled(p.account_id)
WHERE moment(r.response_date) IS NOT NULL;

-- What a dollar is in yuan, and since when.
CREATE TABLE dollars AS
SELECT DISTINCT day(date) AS since, CAST(exchange_rate AS DECIMAL(10,4)) AS yuan
FROM read_csv('$FIXTURES/erp/exchange_rate.csv', all_varchar = true, header = true, delim = ',', quote = '"')
WHERE currency(from_currency) = 'USD' AND currency(to_currency) = 'CNY';
-- Lines of invoices in dollars of their day, and in those of the end of 2024.
CREATE TABLE sales_in_dollars AS
SELECT *, CASE currency WHEN 'USD' THEN net::DOUBLE ELSE
        net::DOUBLE / (SELECT arg_max(yuan, since) FROM dollars WHERE since <= invoiced) END AS usd,
    CASE currency WHEN 'USD' THEN net::DOUBLE ELSE
        net::DOUBLE / (SELECT arg_max(yuan, since) FROM dollars WHERE since <= '2024-12-31') END AS constant_usd
FROM sales;
