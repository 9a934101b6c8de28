//! Hashes of values that stay the same for ever: XXH64 of their bytes.
//!
//! They are stored in sketches, so a change here needs a new version there.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use twox_hash::XxHash64;

use super::dd_sketch::canonical;

/// The type values of `input` are hashed as; `None` when that is not settled.
pub(super) fn hashed_as(input: &DataType) -> Option<DataType> {
    Some(match input {
        DataType::Dictionary(_, value) => return hashed_as(value),
        DataType::UInt64 => DataType::Decimal128(20, 0),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => input.clone(),
        DataType::Null
        | DataType::Boolean
        | DataType::Date32
        | DataType::Date64
        | DataType::Timestamp(..) => DataType::Int64,
        whole if whole.is_integer() => DataType::Int64,
        fraction if fraction.is_floating() => DataType::Float64,
        _ => return None,
    })
}

/// The hash of every value; NULL has none.
pub(super) fn hashes(values: &ArrayRef) -> Result<Vec<Option<u64>>> {
    let Some(data_type) = hashed_as(values.data_type()) else {
        return exec_err!("values of type {} have no hash", values.data_type());
    };
    let values = if *values.data_type() == data_type { values } else { &cast(values, &data_type)? };
    let hash = |bytes: &[u8]| XxHash64::oneshot(0, bytes);
    Ok(match &data_type {
        DataType::Int64 => {
            let values = values.as_primitive::<Int64Type>().iter();
            values.map(|value| value.map(|value| hash(&value.to_le_bytes()))).collect()
        }
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>().iter();
            let bits = |value: f64| canonical(value).to_bits().to_le_bytes();
            values.map(|value| value.map(|value| hash(&bits(value)))).collect()
        }
        DataType::Decimal128(..) => {
            let values = values.as_primitive::<Decimal128Type>().iter();
            values.map(|value| value.map(|value| hash(&value.to_le_bytes()))).collect()
        }
        DataType::Utf8View => {
            let values = values.as_string_view().iter();
            values.map(|value| value.map(|value| hash(value.as_bytes()))).collect()
        }
        DataType::LargeUtf8 => {
            let values = values.as_string::<i64>().iter();
            values.map(|value| value.map(|value| hash(value.as_bytes()))).collect()
        }
        _ => {
            let values = values.as_string::<i32>().iter();
            values.map(|value| value.map(|value| hash(value.as_bytes()))).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, StringViewArray};

    use super::hashes;

    /// As published with the algorithm, for seed 0.
    #[test]
    fn are_those_of_xxh64() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some(""), Some("a"), None]));
        let expected = [Some(0xef46_db37_51d8_e999), Some(0xd24e_c4f1_a98c_6e5b), None];
        assert_eq!(hashes(&texts).unwrap(), expected);
    }

    #[test]
    fn do_not_depend_on_the_layout() {
        let layouts: [(ArrayRef, ArrayRef); 2] = [
            (
                Arc::new(StringArray::from(vec!["Ada Lovelace of London"])),
                Arc::new(StringViewArray::from(vec!["Ada Lovelace of London"])),
            ),
            (Arc::new(Int32Array::from(vec![7])), Arc::new(Int64Array::from(vec![7]))),
        ];
        for (left, right) in layouts {
            assert_eq!(hashes(&left).unwrap(), hashes(&right).unwrap());
        }
    }
}
