//! Cleansing functions that SQL lacks: `nfkc(text)` and `collapse_spaces(text)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use unicode_normalization::UnicodeNormalization;

/// The functions, to be registered where feeds are planned.
pub fn functions() -> Vec<Arc<ScalarUDF>> {
    [
        TextFunction::new("nfkc", Cleansing::Nfkc),
        TextFunction::new("collapse_spaces", Cleansing::CollapseSpaces),
    ]
    .into_iter()
    .map(|function| Arc::new(ScalarUDF::from(function)))
    .collect()
}

/// Unicode compatibility composition: full-width letters become plain ones.
fn nfkc(text: &str) -> String {
    text.nfkc().collect()
}

/// Runs of white space become one blank; none at the ends.
fn collapse_spaces(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What is done to a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Cleansing {
    Nfkc,
    CollapseSpaces,
}

impl Cleansing {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Nfkc => nfkc(text),
            Self::CollapseSpaces => collapse_spaces(text),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct TextFunction {
    name: &'static str,
    cleansing: Cleansing,
    signature: Signature,
}

impl TextFunction {
    fn new(name: &'static str, cleansing: Cleansing) -> Self {
        Self { name, cleansing, signature: Signature::string(1, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for TextFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let texts = cast(&arrays[0], &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        let result: StringArray =
            texts.iter().map(|text| text.map(|text| self.cleansing.apply(text))).collect();
        Ok(ColumnarValue::Array(Arc::new(result) as ArrayRef))
    }
}

#[cfg(test)]
mod tests {
    use super::{collapse_spaces, nfkc};

    #[test]
    fn normalises() {
        assert_eq!(nfkc("ＡＢＣ　（上海）"), "ABC (上海)");
        assert_eq!(collapse_spaces("  a \u{3000} b\t"), "a b");
    }
}
