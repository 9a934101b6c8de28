//! Divisions of decimals that say what divided by zero: the engine's own error names neither the measure
//! nor the expression.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, exec_err, internal_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, binary_expr,
};

/// The name of the function that looks at what divides.
pub(super) const DIVISOR: &str = "divisor";

/// `expr`, which `measure` declares as `sql`, with divisions of decimals that name both where they fail.
pub(super) fn named_divisions(
    expr: Expr,
    schema: &DFSchema,
    measure: &str,
    sql: &str,
) -> Result<Expr> {
    let named = expr.transform_up(|part| {
        let is_decimal = matches!(part.get_type(schema), Ok(DataType::Decimal128(..)));
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = part else {
            return Ok(Transformed::no(part));
        };
        let divides = matches!(op, Operator::Divide | Operator::Modulo);
        if !is_decimal || !divides || matches!(*right, Expr::Literal(..)) {
            let same = Expr::BinaryExpr(BinaryExpr { left, op, right });
            return Ok(Transformed::no(same));
        }
        let what = format!("`{sql}`, which `{measure}` is of,");
        let divisor = ScalarUDF::from(Divisor::new(what)).call(vec![*right, *left.clone()]);
        Ok(Transformed::yes(binary_expr(*left, op, divisor)))
    });
    named.data()
}

/// `divisor(by, dividend)`: `by`, or an error where it is zero and divides something.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Divisor {
    signature: Signature,
    what: String,
}

impl Divisor {
    fn new(what: String) -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable), what }
    }
}

impl ScalarUDFImpl for Divisor {
    fn name(&self) -> &'static str {
        DIVISOR
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [by, _] => Ok(by.clone()),
            _ => internal_err!("divisor takes what divides and what is divided"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [by, divided] = args.args.as_slice() else {
            return internal_err!("divisor takes what divides and what is divided");
        };
        let arrays = ColumnarValue::values_to_arrays(&[by.clone(), divided.clone()])?;
        if divides_by_zero(&arrays[0], &arrays[1]) {
            return exec_err!(
                "{} divides by zero; write nullif(…, 0) around what divides, to leave such rows out",
                self.what
            );
        }
        Ok(by.clone())
    }
}

/// Whether a value of `divided` stands beside a zero of `by`; zeros of doubles are none of decimals.
fn divides_by_zero(by: &ArrayRef, divided: &ArrayRef) -> bool {
    let divided = divided.logical_nulls();
    let is_divided = |row: usize| divided.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    let is_zero: Box<dyn Fn(usize) -> bool> = match by.data_type() {
        DataType::Decimal128(..) => {
            let by = by.as_primitive::<Decimal128Type>();
            Box::new(move |row| by.is_valid(row) && by.value(row) == 0)
        }
        DataType::Int64 => {
            let by = by.as_primitive::<arrow::datatypes::Int64Type>();
            Box::new(move |row| by.is_valid(row) && by.value(row) == 0)
        }
        _ => return false,
    };
    (0..by.len()).any(|row| is_zero(row) && is_divided(row))
}
