use std::collections::BTreeMap;

use serde_json::Value;

use super::{Levels, evaluator::Evaluator, operators};
use crate::spec::{
    ExpressionError, Template,
    expression::{Expression, Piece, pieces},
};

/// What an expression sees: the levels of one cell, and what the caller adds.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    pub(super) values: BTreeMap<String, Value>,
    pub(super) hosts: Option<Hosts>,
}

/// What `host(group, n)` knows: a system, and how many nodes each of its groups has.
#[derive(Debug, Clone)]
pub(super) struct Hosts {
    pub(super) system: String,
    pub(super) groups: BTreeMap<String, u32>,
}

impl Scope {
    /// The axes of a cell; quantities as numbers of base units.
    pub fn new(levels: &Levels) -> Self {
        let values = levels.iter().map(|(axis, level)| (axis.clone(), level.value())).collect();
        Self { values, hosts: None }
    }

    /// One more name: `measure`, `group`, `data`.
    #[must_use]
    pub fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// The function `host(group, n)`: host name of a node of this system, whose groups have so many.
    #[must_use]
    pub fn with_hosts(mut self, system: &str, groups: &BTreeMap<&str, u32>) -> Self {
        let groups = groups.iter().map(|(name, nodes)| ((*name).to_owned(), *nodes)).collect();
        self.hosts = Some(Hosts { system: system.to_owned(), groups });
        self
    }

    /// The template's value. A text that is one `{{ expression }}` keeps the type; whole decimals become whole numbers.
    pub fn evaluate(&self, template: &Template) -> Result<Value, ExpressionError> {
        match &template.0 {
            Value::String(text) => self.text(text),
            other => Ok(operators::whole_decimal(other)),
        }
    }

    /// A bare expression that must yield true or false.
    pub fn condition(&self, expression: &str) -> Result<bool, ExpressionError> {
        self.holds(&Expression::parse(expression, 0)?)
    }

    /// The same for an expression that is parsed already.
    pub(super) fn holds(&self, expression: &Expression<'_>) -> Result<bool, ExpressionError> {
        match Evaluator::new(self, expression).run()? {
            Value::Bool(value) => Ok(value),
            other => {
                let message = format!("the condition yields {}, not true or false", operators::a_kind(&other));
                let error = ExpressionError::new(message, expression.span(&expression.tree));
                Err(ExpressionError { not_boolean: true, ..error })
            }
        }
    }

    fn text(&self, text: &str) -> Result<Value, ExpressionError> {
        let pieces = pieces(text)?;
        if let [Piece::Expression(only)] = pieces.as_slice() {
            return Ok(operators::whole_decimal(&Evaluator::new(self, only).run()?));
        }
        let mut rendered = String::new();
        for piece in &pieces {
            match piece {
                Piece::Text(plain) => rendered.push_str(plain),
                Piece::Expression(expression) => {
                    let value = Evaluator::new(self, expression).run()?;
                    let shown = operators::printed(&value)
                        .map_err(|message| ExpressionError::new(message, expression.span(&expression.tree)))?;
                    rendered.push_str(&shown);
                }
            }
        }
        Ok(Value::String(rendered))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::matrix::Level;

    fn scope() -> Scope {
        let link = json!({"name": "fast", "up": "1Gbit", "sizes": ["1GB", "small"]});
        let levels = Levels::from([
            ("fileSize".to_owned(), Level::Quantity("1GB".parse().unwrap())),
            ("seeders".to_owned(), Level::Whole(9)),
            ("system".to_owned(), Level::Text("codex".to_owned())),
            ("link".to_owned(), Level::Object(link.as_object().unwrap().clone())),
        ]);
        Scope::new(&levels)
            .with("measure", json!({"fileSize": 10, "repetitions": 2}))
            .with_hosts("codex", &[("bootstrap", 1)].into())
    }

    fn evaluate(text: &str) -> Result<Value, ExpressionError> {
        scope().evaluate(&Template::text(text))
    }

    #[test]
    fn values_keep_their_types_and_print_as_decided() {
        for (text, value) in [
            ("plain", json!("plain")),
            ("{% raw %} {# x #}", json!("{% raw %} {# x #}")),
            ("{{ seeders }}", json!(9)),
            ("{{ seeders / 3 }}", json!(3)),
            ("{{ seeders / 2 }}", json!(4.5)),
            ("{{ fileSize }}", json!(1_000_000_000)),
            ("size={{ fileSize }}", json!("size=1000000000")),
            ("{{ true }}", json!(true)),
            ("is {{ seeders > 8 }}", json!("is true")),
            ("{{ measure.fileSize * measure.repetitions * 1.3 }}", json!(26)),
            ("n={{ seeders * 1.0 }}", json!("n=9")),
            ("n={{ 0.5 / 1000000 }}", json!("n=0.0000005")),
            ("{{ host('bootstrap', 0) }}:8080", json!("codex-bootstrap-0.codex-bootstrap:8080")),
            ("{{ link }}", json!({"name": "fast", "up": "1Gbit", "sizes": ["1GB", "small"]})),
            ("{{ link.sizes }}", json!([1_000_000_000, "small"])),
            ("{{ link.sizes[0] == fileSize }}", json!(true)),
            ("{{ link.up }}", json!(1_000_000_000)),
            ("{{ link.down | default('x') }}", json!("x")),
            ("{{ link.down is defined }}", json!(false)),
            ("{{ \"{{\" }}", json!("{{")),
            ("{{ 5 if system == 'codex' else 6 }}", json!(5)),
            ("{{ duration('5ms') }}", json!(0.005)),
            ("{{ [1, 2] }}", json!([1, 2])),
            ("{{ system | upper }}", json!("CODEX")),
            ("{{ [7 // -2, 7 % -2, -7 // 2, -7 % 2] }}", json!([-4, -1, -4, 1])),
            ("{{ 2.0 // 0.1 }}", json!(19)),
            ("{{ -7.5 // 2 }}", json!(-4)),
        ] {
            assert_eq!(evaluate(text).unwrap(), value, "{text}");
        }
    }

    #[test]
    fn one_line_does_not_fill_the_memory() {
        let grown = "'aaaaaaaaaa'".to_owned() + &" | replace('a', 'aaaaaaaaaa')".repeat(20);
        let filters = ["indent(1000000000)", "batch(1000000000, 0)", "slice(1000000000)", "format(1)"];
        for text in filters.map(|filter| format!("'%1000000000d' | {filter}")).into_iter().chain([grown]) {
            let error = evaluate(&format!("{{{{ {text} }}}}")).unwrap_err();
            assert!(error.message.starts_with("unknown filter") || error.message.contains("bytes"), "{text}: {error}");
        }
    }

    #[test]
    fn conditions_are_strict_and_say_where() {
        let scope = scope();
        for (text, value) in [
            ("fileSize >= size(\"1GB\")", true),
            ("1 < seeders < 5", false),
            ("system in ['codex', 'x'] and not seeders == 8", true),
            ("link.up == rate('1000Mbit')", true),
            ("seeders not in [1, 2]", true),
        ] {
            assert_eq!(scope.condition(text), Ok(value), "{text}");
        }
        for (text, blamed, fix) in [
            ("fileSize >= \"1GB\"", "\"1GB\"", Some("size(\"1GB\")")),
            ("(fileSize) >= '1GB'", "'1GB'", Some("size('1GB')")),
            ("\"1GB\" < fileSize", "\"1GB\"", Some("size(\"1GB\")")),
            ("seeders > \"8\"", "\"8\"", Some("8")),
            ("fileSize == '1GB'", "'1GB'", Some("size('1GB')")),
            ("fileSize in [size('1GB'), '2GB']", "'2GB'", Some("size('2GB')")),
            ("1 == 1 and link.bandwidth > 5", "link.bandwidth", None),
            ("link.upp > 5", "link.upp", Some("link.up")),
            ("seeder > 5", "seeder", Some("seeders")),
            ("system > 5", "5", None),
            ("seeders + 1", "seeders + 1", None),
            ("foo(1)", "foo(1)", None),
            ("seeders / 0 > 1", "seeders / 0", None),
            ("size('1Gbit') > 1", "size('1Gbit')", None),
        ] {
            let error = scope.condition(text).unwrap_err();
            assert_eq!((&text[error.span.clone()], error.fix.as_deref()), (blamed, fix), "{text}: {error:?}");
        }
        assert!(Scope::default().condition("host('a', 0) == ''").is_err());
        for (text, said) in [
            ("{{ host('bootstrp', 0) }}", "`codex` has no group `bootstrp`; it has `bootstrap`"),
            ("{{ host('bootstrap', 1) }}", "has no node 1: it has 1, counted from 0"),
        ] {
            let error = evaluate(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
        for text in ["18446744073709551616", "1e999", "[] | first", "[] | max", "[] | default(1e999)"] {
            assert!(evaluate(&format!("{{{{ {text} }}}}")).is_err(), "{text}");
        }
        assert!(evaluate("a {{ link }}").is_err());
    }
}
