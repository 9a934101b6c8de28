//! Facts about the server and its SQL, one for each code of the format.
//!
//! Some drivers fail on a code without a value, so every code has one, and an empty list of codes
//! means all of them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arrow::array::RecordBatch;
use arrow_flight::error::FlightError;
use arrow_flight::sql::SqlInfo as Code;
use arrow_flight::sql::metadata::{SqlInfoData, SqlInfoDataBuilder};
use arrow_flight::sql::{
    SqlNullOrdering, SqlOuterJoinsSupportLevel, SqlSupportedCaseSensitivity,
    SqlSupportedTransaction, SqlSupportsConvert as Convert, SqlTransactionIsolationLevel,
};

use crate::error::{Error, Result};

static FACTS: LazyLock<Result<SqlInfoData, FlightError>> = LazyLock::new(|| {
    let mut facts = SqlInfoDataBuilder::new();
    server(&mut facts);
    names(&mut facts);
    functions(&mut facts);
    features(&mut facts);
    bitmasks(&mut facts);
    limits(&mut facts);
    transactions(&mut facts);
    facts.build()
});

/// The facts with `codes`, or all of them.
pub(super) fn facts(codes: &[u32]) -> Result<RecordBatch> {
    let facts = FACTS.as_ref().map_err(|error| Error::internal(error.to_string()))?;
    facts
        .record_batch(codes.iter().copied())
        .map_err(|error| Error::internal("choosing facts about the server").because(error))
}

fn server(facts: &mut SqlInfoDataBuilder) {
    facts.append(Code::FlightSqlServerName, "Starling");
    facts.append(Code::FlightSqlServerVersion, env!("CARGO_PKG_VERSION"));
    facts.append(Code::FlightSqlServerArrowVersion, arrow::ARROW_VERSION);
    facts.append(Code::FlightSqlServerReadOnly, true);
    facts.append(Code::FlightSqlServerSql, true);
    facts.append(Code::FlightSqlServerSubstrait, false);
    facts.append(Code::FlightSqlServerSubstraitMinVersion, "");
    facts.append(Code::FlightSqlServerSubstraitMaxVersion, "");
    facts.append(Code::FlightSqlServerTransaction, SqlSupportedTransaction::None as i32);
    facts.append(Code::FlightSqlServerCancel, true);
    facts.append(Code::FlightSqlServerBulkIngestion, false);
    facts.append(Code::FlightSqlServerIngestTransactionsSupported, false);
    facts.append(Code::FlightSqlServerStatementTimeout, 0_i32);
    facts.append(Code::FlightSqlServerTransactionTimeout, 0_i32);
}

fn names(facts: &mut SqlInfoDataBuilder) {
    let folded = SqlSupportedCaseSensitivity::SqlCaseSensitivityLowercase as i32;
    // No value of the enumeration means "compared as written".
    let quoted = SqlSupportedCaseSensitivity::SqlCaseSensitivityUnknown as i32;
    facts.append(Code::SqlIdentifierCase, folded);
    facts.append(Code::SqlQuotedIdentifierCase, quoted);
    facts.append(Code::SqlIdentifierQuoteChar, "\"");
    facts.append(Code::SqlSearchStringEscape, "\\");
    facts.append(Code::SqlExtraNameCharacters, "");
    facts.append(Code::SqlSchemaTerm, "schema");
    facts.append(Code::SqlProcedureTerm, "procedure");
    // Some drivers take an empty term for a server without catalogs.
    facts.append(Code::SqlCatalogTerm, "catalog");
    facts.append(Code::SqlCatalogAtStart, true);
    facts.append(Code::SqlNullOrdering, SqlNullOrdering::SqlNullsSortedHigh as i32);
    facts.append(Code::SqlKeywords, words(KEYWORDS));
}

fn functions(facts: &mut SqlInfoDataBuilder) {
    facts.append(Code::SqlNumericFunctions, words(NUMERIC_FUNCTIONS));
    facts.append(Code::SqlStringFunctions, words(STRING_FUNCTIONS));
    facts.append(Code::SqlSystemFunctions, words(SYSTEM_FUNCTIONS));
    facts.append(Code::SqlDatetimeFunctions, words(DATETIME_FUNCTIONS));
    facts.append(Code::SqlSupportsConvert, conversions());
}

fn features(facts: &mut SqlInfoDataBuilder) {
    for (code, offered) in [
        (Code::SqlDdlCatalog, false),
        (Code::SqlDdlSchema, false),
        (Code::SqlDdlTable, false),
        (Code::SqlAllTablesAreSelectable, true),
        (Code::SqlSupportsColumnAliasing, true),
        (Code::SqlNullPlusNullIsNull, true),
        (Code::SqlSupportsTableCorrelationNames, true),
        (Code::SqlSupportsDifferentTableCorrelationNames, false),
        (Code::SqlSupportsExpressionsInOrderBy, true),
        (Code::SqlSupportsOrderByUnrelated, true),
        (Code::SqlSupportsLikeEscapeClause, true),
        (Code::SqlSupportsNonNullableColumns, true),
        (Code::SqlSupportsIntegrityEnhancementFacility, false),
        (Code::SqlSelectForUpdateSupported, false),
        (Code::SqlStoredProceduresSupported, false),
        (Code::SqlCorrelatedSubqueriesSupported, true),
        (Code::SqlMaxRowSizeIncludesBlobs, true),
        (Code::SqlBatchUpdatesSupported, false),
        (Code::SqlSavepointsSupported, false),
        (Code::SqlNamedParametersSupported, false),
        (Code::SqlLocatorsUpdateCopy, false),
        (Code::SqlStoredFunctionsUsingCallSyntaxSupported, false),
    ] {
        facts.append(code, offered);
    }
    let joins = SqlOuterJoinsSupportLevel::SqlFullOuterJoins as i32;
    facts.append(Code::SqlOuterJoinsSupportLevel, joins);
}

fn bitmasks(facts: &mut SqlInfoDataBuilder) {
    for (code, bits) in [
        (Code::SqlSupportedGroupBy, 0b11),
        (Code::SqlSupportedGrammar, 0b11),
        (Code::SqlAnsi92SupportedLevel, 0b1),
        (Code::SqlSchemasSupportedActions, 0),
        (Code::SqlCatalogsSupportedActions, 0),
        (Code::SqlSupportedPositionedCommands, 0),
        // In comparisons, EXISTS and IN.
        (Code::SqlSupportedSubqueries, 0b111),
        (Code::SqlSupportedUnions, 0b11),
        // Forward only, and for that read only.
        (Code::SqlSupportedResultSetTypes, 0b10),
        (Code::SqlSupportedConcurrenciesForResultSetUnspecified, 0),
        (Code::SqlSupportedConcurrenciesForResultSetForwardOnly, 0b10),
        (Code::SqlSupportedConcurrenciesForResultSetScrollSensitive, 0),
        (Code::SqlSupportedConcurrenciesForResultSetScrollInsensitive, 0),
    ] {
        facts.append(code, bits);
    }
}

fn limits(facts: &mut SqlInfoDataBuilder) {
    for code in [
        Code::SqlMaxBinaryLiteralLength,
        Code::SqlMaxCharLiteralLength,
        Code::SqlMaxColumnNameLength,
        Code::SqlMaxColumnsInGroupBy,
        Code::SqlMaxColumnsInIndex,
        Code::SqlMaxColumnsInOrderBy,
        Code::SqlMaxColumnsInSelect,
        Code::SqlMaxColumnsInTable,
        Code::SqlMaxConnections,
        Code::SqlMaxCursorNameLength,
        Code::SqlMaxIndexLength,
        Code::SqlDbSchemaNameLength,
        Code::SqlMaxProcedureNameLength,
        Code::SqlMaxCatalogNameLength,
        Code::SqlMaxRowSize,
        Code::SqlMaxStatementLength,
        Code::SqlMaxStatements,
        Code::SqlMaxTableNameLength,
        Code::SqlMaxTablesInSelect,
        Code::SqlMaxUsernameLength,
    ] {
        // Zero means without a limit, or an unknown one.
        facts.append(code, 0_i64);
    }
}

fn transactions(facts: &mut SqlInfoDataBuilder) {
    let none = SqlTransactionIsolationLevel::SqlTransactionNone as i32;
    facts.append(Code::SqlDefaultTransactionIsolation, none);
    facts.append(Code::SqlTransactionsSupported, false);
    facts.append(Code::SqlSupportedTransactionsIsolationLevels, 1_i32 << none);
    facts.append(Code::SqlDataDefinitionCausesTransactionCommit, false);
    facts.append(Code::SqlDataDefinitionsInTransactionsIgnored, false);
}

fn words(list: &str) -> Vec<String> {
    list.split_whitespace().map(str::to_owned).collect()
}

/// What CAST converts: numbers and text into each other, text and dates into each other.
fn conversions() -> BTreeMap<i32, Vec<i32>> {
    let numbers = [
        Convert::SqlConvertBigint,
        Convert::SqlConvertBit,
        Convert::SqlConvertDecimal,
        Convert::SqlConvertFloat,
        Convert::SqlConvertInteger,
        Convert::SqlConvertNumeric,
        Convert::SqlConvertReal,
        Convert::SqlConvertSmallint,
        Convert::SqlConvertTinyint,
    ];
    let texts = [Convert::SqlConvertChar, Convert::SqlConvertVarchar];
    let times = [Convert::SqlConvertDate, Convert::SqlConvertTime, Convert::SqlConvertTimestamp];
    let codes = |lists: &[&[Convert]]| -> Vec<i32> {
        lists.iter().copied().flatten().map(|convert| *convert as i32).collect()
    };
    let mut conversions = BTreeMap::new();
    for from in numbers {
        conversions.insert(from as i32, codes(&[&numbers, &texts]));
    }
    for from in texts {
        conversions.insert(from as i32, codes(&[&numbers, &texts, &times]));
    }
    for from in times {
        conversions.insert(from as i32, codes(&[&texts, &times]));
    }
    conversions
}

/// Words that need quotes as names, beyond those every SQL reserves.
const KEYWORDS: &str = "AGG AGGREGATE ANTI ANY ARRAY CROSS CUBE CURRENT DESCRIBE DISTRIBUTE \
    EXCEPT EXPLAIN FETCH FILTER FULL GROUPING INTERSECT INTERVAL LATERAL LIMIT MEASURE NATURAL \
    OFFSET OVER PARTITION PREWHERE QUALIFY RANGE RETURNING ROLLUP ROWS SEMI SETS SHOW TABLESAMPLE \
    TRY_CAST UNNEST UNPIVOT USING WINDOW WITHIN";
const NUMERIC_FUNCTIONS: &str = "abs acos acosh asin asinh atan atan2 atanh cbrt ceil cos cosh \
    cot degrees exp factorial floor gcd isnan iszero lcm ln log log10 log2 nanvl pi pow power \
    radians random round signum sin sinh sqrt tan tanh trunc";
const STRING_FUNCTIONS: &str = "ascii bit_length btrim char_length character_length chr concat \
    concat_ws contains ends_with find_in_set initcap left length levenshtein lower lpad ltrim \
    octet_length overlay position regexp_count regexp_like regexp_match regexp_replace repeat \
    replace reverse right rpad rtrim split_part starts_with strpos substr substr_index substring \
    to_hex translate trim upper uuid";
const SYSTEM_FUNCTIONS: &str = "arrow_cast arrow_typeof coalesce greatest least md5 nullif nvl \
    nvl2 sha224 sha256 sha384 sha512 version";
const DATETIME_FUNCTIONS: &str = "current_date current_time current_timestamp date_bin date_part \
    date_trunc datepart datetrunc extract from_unixtime make_date now to_char to_date \
    to_local_time to_timestamp to_timestamp_micros to_timestamp_millis to_timestamp_nanos \
    to_timestamp_seconds to_unixtime today";

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::{Int32Type, UInt32Type};

    use super::*;

    fn codes(batch: &RecordBatch) -> Vec<u32> {
        batch.column(0).as_primitive::<UInt32Type>().values().to_vec()
    }

    #[test]
    fn an_empty_list_means_every_code_of_the_format() {
        let expected: Vec<u32> = (0..=11).chain(100..=101).chain(500..=576).collect();
        assert_eq!(codes(&facts(&[]).unwrap()), expected);
    }

    #[test]
    fn the_transaction_code_is_an_int32() {
        let batch = facts(&[8]).unwrap();
        let values = batch.column(1).as_union();
        assert_eq!(values.type_id(0), 3);
        assert_eq!(values.value(0).as_primitive::<Int32Type>().value(0), 0);
    }

    #[test]
    fn codes_are_chosen_and_unknown_ones_left_out() {
        assert_eq!(codes(&facts(&[504, 0, 9999]).unwrap()), [0, 504]);
    }
}
