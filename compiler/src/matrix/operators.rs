use std::cmp::Ordering;

use minijinja::machinery::ast::{BinOpKind, CompareOpKind};
use serde_json::{Number, Value};

/// Largest value that an expression may make.
const MOST_BYTES: usize = 64 << 10;

/// Whether a value counts as true, as MiniJinja has it.
pub(super) fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
    }
}

/// The type of a value, with its article.
pub(super) fn a_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "none",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The comparison's answer; none where the types are not compared.
pub(super) fn compare(op: CompareOpKind, left: &Value, right: &Value) -> Option<bool> {
    let order = match (left, right) {
        (Value::Number(a), Value::Number(b)) => Some(number_order(a, b)?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    };
    match op {
        CompareOpKind::Eq | CompareOpKind::Ne => {
            let same_kind = std::mem::discriminant(left) == std::mem::discriminant(right);
            let equal = match order {
                Some(order) => order == Ordering::Equal,
                None if same_kind || left.is_null() || right.is_null() => left == right,
                None => return None,
            };
            Some(equal == matches!(op, CompareOpKind::Eq))
        }
        CompareOpKind::Lt => order.map(Ordering::is_lt),
        CompareOpKind::Lte => order.map(Ordering::is_le),
        CompareOpKind::Gt => order.map(Ordering::is_gt),
        CompareOpKind::Gte => order.map(Ordering::is_ge),
        CompareOpKind::In | CompareOpKind::NotIn => {
            let found = match (left, right) {
                (Value::String(part), Value::String(text)) => text.contains(part.as_str()),
                (Value::String(key), Value::Object(map)) => map.contains_key(key),
                _ => return None,
            };
            Some(found == matches!(op, CompareOpKind::In))
        }
    }
}

fn number_order(a: &Number, b: &Number) -> Option<Ordering> {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// The value, where it is not larger than any setting may be: an expression of one line could fill the memory.
pub(super) fn bounded(value: Value) -> Result<Value, String> {
    if size(&value) <= MOST_BYTES { Ok(value) } else { Err(format!("the value has more than {MOST_BYTES} bytes")) }
}

/// Bytes of a value's texts, and one for everything else.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 1,
        Value::Object(map) => map.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>() + 1,
        _ => 1,
    }
}

/// A calculation, or why it can't be done.
pub(super) fn arithmetic(op: BinOpKind, left: &Value, right: &Value) -> Result<Value, String> {
    if let BinOpKind::Concat = op {
        return bounded(Value::String(printed(left)? + &printed(right)?));
    }
    match (op, left, right) {
        (BinOpKind::Add, Value::String(a), Value::String(b)) => bounded(Value::String(format!("{a}{b}"))),
        (BinOpKind::Add, Value::Array(a), Value::Array(b)) => bounded(a.iter().chain(b).cloned().collect()),
        (_, Value::Number(a), Value::Number(b)) => {
            let exact = whole(a).zip(whole(b)).and_then(|(a, b)| whole_arithmetic(op, a, b));
            match exact {
                Some(value) => Ok(value),
                None => decimal_arithmetic(op, a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN)),
            }
        }
        _ => Err(format!("`{}` does not take {} and {}", symbol(op), a_kind(left), a_kind(right))),
    }
}

/// The exact result, where there is one that fits.
fn whole_arithmetic(op: BinOpKind, a: i128, b: i128) -> Option<Value> {
    let result = match op {
        BinOpKind::Add => a.checked_add(b)?,
        BinOpKind::Sub => a.checked_sub(b)?,
        BinOpKind::Mul => a.checked_mul(b)?,
        BinOpKind::Div if b != 0 && a % b == 0 => a / b,
        BinOpKind::FloorDiv if b != 0 => (a - floor_remainder(a, b)) / b,
        BinOpKind::Rem if b != 0 => floor_remainder(a, b),
        BinOpKind::Pow => a.checked_pow(u32::try_from(b).ok()?)?,
        _ => return None,
    };
    i64::try_from(result).map(Value::from).or_else(|_| u64::try_from(result).map(Value::from)).ok()
}

/// What a division leaves that rounds down, as MiniJinja's does: it has the sign of the divisor.
fn floor_remainder<T>(a: T, b: T) -> T
where
    T: Copy + Default + PartialOrd + std::ops::Rem<Output = T> + std::ops::Add<Output = T>,
{
    let (zero, remainder) = (T::default(), a % b);
    if remainder != zero && (remainder < zero) != (b < zero) { remainder + b } else { remainder }
}

fn decimal_arithmetic(op: BinOpKind, a: f64, b: f64) -> Result<Value, String> {
    let result = match op {
        BinOpKind::Add => a + b,
        BinOpKind::Sub => a - b,
        BinOpKind::Mul => a * b,
        BinOpKind::Div => a / b,
        BinOpKind::FloorDiv => ((a - floor_remainder(a, b)) / b).round(),
        BinOpKind::Rem => floor_remainder(a, b),
        BinOpKind::Pow => a.powf(b),
        _ => return Err("this operator takes no numbers".to_owned()),
    };
    match Number::from_f64(result) {
        Some(number) => Ok(whole_decimal(&Value::Number(number))),
        None if b == 0.0 => Err("a division by zero has no value".to_owned()),
        None => Err("the result is not a finite number".to_owned()),
    }
}

fn symbol(op: BinOpKind) -> &'static str {
    match op {
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        _ => "~",
    }
}

/// The same value, where a decimal without a fraction is a whole number.
pub(super) fn whole_decimal(value: &Value) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "only numbers that are whole and below 2^53 get here")]
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 => {
            Value::from(number as i64)
        }
        _ => value.clone(),
    }
}

/// How a value stands in a text, or why it can't. Numbers have no exponent, which readers of YAML differ about.
pub(crate) fn printed(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(_) => Ok(match whole_decimal(value) {
            Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
            whole => whole.to_string(),
        }),
        other => Err(format!("{} can't stand in a text", a_kind(other))),
    }
}
