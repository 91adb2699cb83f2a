//! Expressions nobody should write, and what our evaluator and MiniJinja's own make of them.

use benchgrid::matrix::{ExpressionError, Level, Levels, Scope};
use benchgrid::spec::{Family, Quantity, Template};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value, json};

use crate::random::Random;

/// Those of the texts that are quantities.
const QUANTITIES: &[&str] = &["1GB", "100Mbit", "5ms"];

const NAMES: &[&str] =
    &["fileSize", "seeders", "system", "flag", "ratio", "link", "link.up", "link.name", "link.none", "nobody"];
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "10",
    "1.5",
    "0.1",
    "2.0",
    "1e3",
    "1e400",
    "100000000",
    "9007199254740993",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211455",
    "1_000",
];
const TEXTS: &[&str] =
    &["''", "'a'", "\"b\"", "'1GB'", "'100Mbit'", "'5ms'", "'é'", "'{{'", "'}}'", "'\\n'", "'8'", "'%s'"];
const BINARY: &[&str] =
    &["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"];
const FILTERS: &[&str] = &[
    "upper",
    "lower",
    "length",
    "abs",
    "int",
    "float",
    "round",
    "round(2)",
    "first",
    "last",
    "min",
    "max",
    "sum",
    "sort",
    "list",
    "string",
    "default(1)",
    "d('x')",
    "join(',')",
    "replace('a', 'aaaaaaaa')",
    "trim",
    "bool",
    "items",
    "reverse",
    "unique",
    "split(',')",
    "indent(1000000000)",
    "batch(1000000000, 0)",
    "slice(1000000000)",
    "format(1)",
    "tojson",
    "nothing",
    "title",
    "capitalize",
];
const TESTS: &[&str] = &[
    "defined",
    "undefined",
    "none",
    "odd",
    "even",
    "number",
    "string",
    "divisibleby(2)",
    "eq(1)",
    "in([1])",
    "nothing",
];

/// A random expression, nested at most so deep.
pub(crate) fn expression(random: &mut Random, depth: usize) -> String {
    if depth == 0 || random.once_in(5) {
        return match random.below(6) {
            0 | 1 => random.pick(NAMES).to_owned(),
            2 => random.pick(&["true", "false", "none", "[]", "{}"]).to_owned(),
            3 => random.pick(TEXTS).to_owned(),
            _ => random.pick(NUMBERS).to_owned(),
        };
    }
    let inner = |random: &mut Random| expression(random, depth - 1);
    match random.below(14) {
        0..=5 => format!("{} {} {}", inner(random), random.pick(BINARY), inner(random)),
        6 => format!("({})", inner(random)),
        7 => format!("{}{}", random.pick(&["-", "not ", "--"]), inner(random)),
        8 => format!("{}|{}", inner(random), random.pick(FILTERS)),
        9 => format!("{} is {}", inner(random), random.pick(TESTS)),
        10 => format!("{} if {} else {}", inner(random), inner(random), inner(random)),
        11 => format!("[{}, {}][{}]", inner(random), inner(random), inner(random)),
        12 => format!(
            "{}({})",
            random.pick(&["size", "rate", "duration", "percentage", "host", "range", "x"]),
            inner(random)
        ),
        _ => format!("{{'a': [{}], 'b': {}}}.a[0]", inner(random), inner(random)),
    }
}

fn link() -> Value {
    json!({"name": "fast", "up": 1_000_000})
}

/// The cell of every expression.
fn scope() -> Scope {
    let size = Quantity { family: Family::Size, base: 1_000_000_000 };
    Scope::new(&Levels::from([
        ("fileSize".to_owned(), Level::Quantity(size)),
        ("seeders".to_owned(), Level::Whole(9)),
        ("system".to_owned(), Level::Text("codex".to_owned())),
        ("flag".to_owned(), Level::Bool(true)),
        ("ratio".to_owned(), Level::Decimal(0.25)),
        ("link".to_owned(), Level::Object(link().as_object().unwrap().clone())),
    ]))
}

/// What our own evaluator makes of a text.
pub(crate) fn ours(expression: &str) -> Result<Value, ExpressionError> {
    scope().evaluate(&Template::text(&format!("{{{{ {expression} }}}}")))
}

/// What MiniJinja says.
#[derive(Debug)]
enum Answer {
    Value(Value),
    None,
    /// Ours goes on with decimals.
    Overflow,
}

/// What MiniJinja makes of it; the functions are ours.
fn theirs(expression: &str) -> Answer {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for family in [Family::Size, Family::Rate, Family::Duration] {
        let function = move |text: &str| {
            let missing = || minijinja::Error::from(minijinja::ErrorKind::InvalidOperation);
            Quantity::of(family, text)
                .map(|quantity| minijinja::Value::from(minijinja::value::Serde(quantity.value())))
                .ok_or_else(missing)
        };
        environment.add_function(family.name(), function);
    }
    let context = minijinja::context! {
        fileSize => 1_000_000_000, seeders => 9, system => "codex", flag => true, ratio => 0.25, link => minijinja::value::Serde(link()),
    };
    let value = match environment.compile_expression(expression).and_then(|compiled| compiled.eval(context)) {
        Ok(value) if value.is_undefined() => return Answer::None,
        Ok(value) => value,
        Err(error) if error.detail().is_some_and(|detail| detail.starts_with("unable to calculate")) => {
            return Answer::Overflow;
        }
        Err(_) => return Answer::None,
    };
    // whole numbers of more than 64 bits are decimals to us
    let large = || value.to_string().parse::<f64>().ok().map(Value::from);
    serde_json::to_value(&value).ok().or_else(large).map_or(Answer::None, Answer::Value)
}

/// Whether two results are one. As documented, ours has whole decimals as whole numbers, and `true` in texts for `True`.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            (a - b).abs() <= a.abs() * 1e-12
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (Value::String(a), Value::String(b)) => {
            let plain = |text: &str| text.replace(".0", "").replace("True", "true").replace("False", "false");
            plain(a) == plain(b)
        }
        _ => ours == theirs,
    }
}

/// Both evaluators on one expression; why they don't agree. Ours may refuse what theirs takes, never the reverse.
pub(crate) fn disagreement(expression: &str) -> Option<String> {
    let ours = ours(expression).ok()?;
    // Ours go on with decimals above 64 bits, which round; and what a text with `true` in it is compared to may differ.
    let rounds =
        expression.contains("**") || NUMBERS.iter().any(|number| number.len() > 15 && expression.contains(number));
    // Quantities in what an object's attributes hold are numbers to ours alone.
    let numbers = expression.contains(".a[0]") && QUANTITIES.iter().any(|quantity| expression.contains(quantity));
    if rounds || numbers || (expression.contains('~') && ours.is_boolean()) {
        return None;
    }
    match theirs(expression) {
        Answer::Value(theirs) if same(&ours, &theirs) => None,
        Answer::Overflow => None,
        theirs => Some(format!("`{expression}` is {ours}, and to MiniJinja {theirs:?}")),
    }
}
