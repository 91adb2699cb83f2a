use minijinja::machinery::ast::{BinOpKind, Call, CallArg, CompareOpKind, Expr, UnaryOpKind};
use serde_json::{Map, Value};

use super::{Scope, functions, operators};
use crate::spec::{Advised, Quantity, expression::Expression, suggest};

pub(super) use crate::spec::ExpressionError;

/// MiniJinja's filters whose results are about as large as what they are given: not `indent`, `batch`, `slice`, `format`,
/// which make as much of a number as it says.
const FILTERS: [&str; 27] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "d",
    "default",
    "first",
    "float",
    "int",
    "join",
    "last",
    "length",
    "list",
    "lower",
    "max",
    "min",
    "replace",
    "reverse",
    "round",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "unique",
    "upper",
];

type Outcome<T = Value> = Result<T, ExpressionError>;

/// Computes MiniJinja's syntax trees, strictly: nothing undefined passes, and types that differ are not compared.
///
/// MiniJinja's own machine lets both through and keeps no place for them, so only its parser, filters and tests serve.
pub(super) struct Evaluator<'s> {
    scope: &'s Scope,
    expression: &'s Expression<'s>,
}

impl<'s> Evaluator<'s> {
    pub(super) fn new(scope: &'s Scope, expression: &'s Expression<'s>) -> Self {
        Self { scope, expression }
    }

    /// The value of the whole expression.
    pub(super) fn run(&self) -> Outcome {
        self.value(&self.expression.tree)
    }

    fn fail(&self, node: &Expr<'_>, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(message, self.expression.span(node))
    }

    fn value(&self, node: &Expr<'_>) -> Outcome {
        match node {
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) => self.lookup(node)?.map_err(|missing| *missing),
            Expr::Const(it) => json(&it.value).ok_or_else(|| self.fail(node, "the number is too large")),
            Expr::UnaryOp(it) => {
                let value = self.value(&it.expr)?;
                match it.op {
                    UnaryOpKind::Not => Ok(Value::Bool(!operators::truth(&value))),
                    UnaryOpKind::Neg => operators::arithmetic(BinOpKind::Sub, &Value::from(0), &value)
                        .map_err(|message| self.fail(node, message)),
                }
            }
            Expr::BinOp(it) => self.binary(node, it.op, &it.left, &it.right),
            Expr::Compare(it) => self.chain(it),
            Expr::IfExpr(it) => {
                if operators::truth(&self.value(&it.test_expr)?) {
                    self.value(&it.true_expr)
                } else if let Some(other) = &it.false_expr {
                    self.value(other)
                } else {
                    Err(self.fail(node, "`if` without `else` has no value here"))
                }
            }
            Expr::Filter(it) => self.filter(node, it.name, it.expr.as_ref(), &it.args),
            Expr::Test(it) => self.test(node, it.name, &it.expr, &it.args),
            Expr::Call(it) => self.call(node, it),
            Expr::List(it) => it.items.iter().map(|item| self.value(item)).collect(),
            Expr::Tuple(it) => it.items.iter().map(|item| self.value(item)).collect(),
            Expr::Map(it) => {
                let mut map = Map::new();
                for (key, value) in it.keys.iter().zip(&it.values) {
                    let Value::String(key) = self.value(key)? else {
                        return Err(self.fail(key, "a key must be text"));
                    };
                    map.insert(key, self.value(value)?);
                }
                Ok(Value::Object(map))
            }
            Expr::Slice(_) => Err(self.fail(node, "slices are not supported")),
        }
    }

    /// A name, attribute or item; the inner error says that it is not there, which `is defined` and `default` accept.
    fn lookup(&self, node: &Expr<'_>) -> Outcome<Result<Value, Box<ExpressionError>>> {
        let missing = |message: String| Ok(Err(Box::new(self.fail(node, message))));
        match node {
            Expr::Var(it) => match self.scope.values.get(it.id) {
                Some(value) => Ok(Ok(value.clone())),
                None => Ok(Err(Box::new(self.unknown(node, it.id)))),
            },
            Expr::GetAttr(it) => match self.value(&it.expr)? {
                Value::Object(map) => match map.get(it.name) {
                    Some(value) => Ok(Ok(typed(value))),
                    None => Ok(Err(Box::new(self.no_attribute(node, &it.expr, it.name, &map)))),
                },
                other => missing(format!(
                    "`{}` is {} and has no `{}`",
                    self.expression.text(&it.expr),
                    operators::a_kind(&other),
                    it.name
                )),
            },
            Expr::GetItem(it) => match (self.value(&it.expr)?, self.value(&it.subscript_expr)?) {
                (Value::Object(map), Value::String(key)) => match map.get(&key) {
                    Some(value) => Ok(Ok(typed(value))),
                    None => missing(format!("there is no `{key}`")),
                },
                (Value::Array(items), Value::Number(index)) => {
                    match index.as_u64().and_then(|index| items.get(usize::try_from(index).ok()?)) {
                        Some(value) => Ok(Ok(value.clone())),
                        None => missing(format!("there is no item {index}")),
                    }
                }
                (base, _) => Err(self.fail(node, format!("{} has no items", operators::a_kind(&base)))),
            },
            other => self.value(other).map(Ok),
        }
    }

    fn unknown(&self, node: &Expr<'_>, name: &str) -> ExpressionError {
        let error = self.fail(node, format!("unknown name `{name}`"));
        error.meant(suggest(name, self.scope.values.keys().map(String::as_str)))
    }

    fn no_attribute(&self, node: &Expr<'_>, base: &Expr<'_>, name: &str, map: &Map<String, Value>) -> ExpressionError {
        let base = self.expression.text(base);
        let error = self.fail(node, format!("`{base}` has no `{name}`"));
        if let Some(near) = suggest(name, map.keys().map(String::as_str)) {
            return error.meant(Some(format!("{base}.{near}")));
        }
        let known: Vec<_> = map.keys().map(|key| format!("`{key}`")).collect();
        error.help(format!("it has {}", known.join(", ")))
    }

    fn binary(&self, node: &Expr<'_>, op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) -> Outcome {
        let first = self.value(left)?;
        let op = match op {
            BinOpKind::ScAnd if operators::truth(&first) => return self.value(right),
            BinOpKind::ScOr if !operators::truth(&first) => return self.value(right),
            BinOpKind::ScAnd | BinOpKind::ScOr => return Ok(first),
            BinOpKind::Eq => CompareOpKind::Eq,
            BinOpKind::Ne => CompareOpKind::Ne,
            BinOpKind::Lt => CompareOpKind::Lt,
            BinOpKind::Lte => CompareOpKind::Lte,
            BinOpKind::Gt => CompareOpKind::Gt,
            BinOpKind::Gte => CompareOpKind::Gte,
            BinOpKind::In => CompareOpKind::In,
            other => {
                let second = self.value(right)?;
                return operators::arithmetic(other, &first, &second).map_err(|message| self.fail(node, message));
            }
        };
        self.compare((left, &first), op, right, &self.value(right)?).map(Value::Bool)
    }

    fn chain(&self, chain: &minijinja::machinery::ast::Compare<'_>) -> Outcome {
        let (mut node, mut left) = (&chain.expr, self.value(&chain.expr)?);
        for op in &chain.ops {
            let right = self.value(&op.expr)?;
            if !self.compare((node, &left), op.op, &op.expr, &right)? {
                return Ok(Value::Bool(false));
            }
            (node, left) = (&op.expr, right);
        }
        Ok(Value::Bool(true))
    }

    fn compare(&self, left: (&Expr<'_>, &Value), op: CompareOpKind, right: &Expr<'_>, second: &Value) -> Outcome<bool> {
        if let (CompareOpKind::In | CompareOpKind::NotIn, Value::Array(items)) = (op, second) {
            let nodes: Vec<&Expr<'_>> = match right {
                Expr::List(it) => it.items.iter().collect(),
                Expr::Tuple(it) => it.items.iter().collect(),
                _ => Vec::new(),
            };
            let mut found = false;
            for (index, item) in items.iter().enumerate() {
                let node = nodes.get(index).copied().unwrap_or(right);
                found |= self.compare(left, CompareOpKind::Eq, node, item)?;
            }
            return Ok(found == matches!(op, CompareOpKind::In));
        }
        operators::compare(op, left.1, second).ok_or_else(|| self.different(left, right, second))
    }

    /// Two types that are not compared, with the fix where one side is a quantity or a number in quotes.
    fn different(&self, left: (&Expr<'_>, &Value), right: &Expr<'_>, second: &Value) -> ExpressionError {
        let (node, first) = left;
        let kinds = (operators::a_kind(first), operators::a_kind(second));
        let message =
            format!("`{}` is {}, which is not compared with {}", self.expression.text(node), kinds.0, kinds.1);
        for (kind, text, blamed) in [(first, second, right), (second, first, node)] {
            let (Value::Number(_), Value::String(written), Expr::Const(_)) = (kind, text, blamed) else { continue };
            let error = self.fail(blamed, message.clone());
            if let Ok(quantity) = written.parse::<Quantity>() {
                let call = format!("{}({})", quantity.family.name(), self.expression.text(blamed));
                return error.help(format!("a quantity is a number of base units here: write `{call}`")).fix(call);
            }
            if written.parse::<f64>().is_ok() {
                return error.help(format!("write the number without quotes: `{written}`")).fix(written.clone());
            }
        }
        self.fail(right, message)
    }

    fn arguments(&self, node: &Expr<'_>, args: &[CallArg<'_>]) -> Outcome<Vec<Value>> {
        args.iter()
            .map(|arg| match arg {
                CallArg::Pos(node) => self.value(node),
                _ => Err(self.fail(node, "named arguments are not supported")),
            })
            .collect()
    }

    fn call(&self, node: &Expr<'_>, call: &Call<'_>) -> Outcome {
        let Expr::Var(function) = &call.expr else {
            return Err(self.fail(node, "only functions can be called"));
        };
        let args = self.arguments(node, &call.args)?;
        functions::call(function.id, &args, self.scope.hosts.as_deref()).map_err(|message| self.fail(node, message))
    }

    fn filter(&self, node: &Expr<'_>, name: &str, of: Option<&Expr<'_>>, args: &[CallArg<'_>]) -> Outcome {
        let Some(of) = of else { return Err(self.fail(node, "a filter needs a value")) };
        if !FILTERS.contains(&name) {
            return Err(self.unknown_filter(node, name));
        }
        let args = self.arguments(node, args)?;
        let first = match self.lookup(of)? {
            Ok(value) => jinja(&value),
            Err(_) if matches!(name, "default" | "d") => minijinja::Value::UNDEFINED,
            Err(missing) => return Err(*missing),
        };
        let values: Vec<_> = std::iter::once(first).chain(args.iter().map(jinja)).collect();
        let environment = minijinja::Environment::new();
        let value = environment
            .empty_state()
            .apply_filter(name, &values)
            .map_err(|error| self.fail(node, format!("filter `{name}`: {}", detail(&error))))?;
        let value = json(&value).ok_or_else(|| self.fail(node, format!("filter `{name}`: there is no value")))?;
        operators::bounded(value).map_err(|message| self.fail(node, message))
    }

    fn unknown_filter(&self, node: &Expr<'_>, name: &str) -> ExpressionError {
        let error = self.fail(node, format!("unknown filter `{name}`"));
        match suggest(name, FILTERS) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error.help(format!("the filters are {}", FILTERS.join(", "))),
        }
    }

    fn test(&self, node: &Expr<'_>, name: &str, of: &Expr<'_>, args: &[CallArg<'_>]) -> Outcome {
        let first = match self.lookup(of)? {
            Ok(value) => jinja(&value),
            Err(_) if matches!(name, "defined" | "undefined") => minijinja::Value::UNDEFINED,
            Err(missing) => return Err(*missing),
        };
        let args = self.arguments(node, args)?;
        let values: Vec<_> = std::iter::once(first).chain(args.iter().map(jinja)).collect();
        let environment = minijinja::Environment::new();
        let result = environment.empty_state().perform_test(name, &values);
        result.map(Value::Bool).map_err(|error| self.fail(node, format!("test `{name}`: {}", detail(&error))))
    }
}

fn detail(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn jinja(value: &Value) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(value))
}

/// None for what JSON does not have: nothing at all, infinity, numbers of more than 64 bits.
fn json(value: &minijinja::Value) -> Option<Value> {
    let json = if value.is_undefined() { None } else { serde_json::to_value(value).ok() };
    json.filter(|json| !json.is_null() || value.is_none())
}

/// An attribute of an object level: a quantity is a number of base units, as everywhere in expressions.
fn typed(value: &Value) -> Value {
    match value {
        Value::String(text) => text.parse::<Quantity>().map_or_else(|_| value.clone(), Quantity::value),
        other => other.clone(),
    }
}
