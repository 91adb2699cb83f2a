use std::ops::Range;

use minijinja::machinery::{
    Span,
    ast::{CallArg, Expr},
};

/// A name that an expression uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The name; of an attribute, the one before the dot.
    pub name: &'a str,
    /// The attribute, where one is taken of a name.
    pub attribute: Option<&'a str>,
    /// Whether it is called.
    pub call: bool,
    /// Its bytes within the expression.
    pub span: Range<usize>,
}

/// Bytes of a node and everything in it.
///
/// MiniJinja's own spans of operators start at the token before them, those of names and constants are exact.
pub fn extent(node: &Expr<'_>) -> Range<usize> {
    let mut range = match node {
        Expr::BinOp(_) | Expr::Compare(_) | Expr::IfExpr(_) | Expr::Filter(_) | Expr::Test(_) => None,
        Expr::UnaryOp(_) if !children(node).is_empty() => None,
        other => Some(bytes(other.span())),
    };
    for child in children(node) {
        let inner = extent(child);
        range = Some(range.map_or(inner.clone(), |range| range.start.min(inner.start)..range.end.max(inner.end)));
    }
    let range = range.unwrap_or_else(|| bytes(node.span()));
    match node {
        Expr::Filter(_) | Expr::Test(_) => range.start..range.end.max(bytes(node.span()).end),
        _ => range,
    }
}

fn bytes(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// The nodes right below a node.
fn children<'t, 'a>(node: &'t Expr<'a>) -> Vec<&'t Expr<'a>> {
    let arguments = |args: &'t [CallArg<'a>]| {
        args.iter().map(|arg| match arg {
            CallArg::Pos(node) | CallArg::Kwarg(_, node) | CallArg::PosSplat(node) | CallArg::KwargSplat(node) => node,
        })
    };
    match node {
        Expr::Var(_) | Expr::Const(_) => Vec::new(),
        Expr::Slice(it) => {
            [Some(&it.expr), it.start.as_ref(), it.stop.as_ref(), it.step.as_ref()].into_iter().flatten().collect()
        }
        Expr::UnaryOp(it) => vec![&it.expr],
        Expr::BinOp(it) => vec![&it.left, &it.right],
        Expr::Compare(it) => std::iter::once(&it.expr).chain(it.ops.iter().map(|op| &op.expr)).collect(),
        Expr::IfExpr(it) => {
            [Some(&it.true_expr), Some(&it.test_expr), it.false_expr.as_ref()].into_iter().flatten().collect()
        }
        Expr::Filter(it) => it.expr.iter().chain(arguments(&it.args)).collect(),
        Expr::Test(it) => std::iter::once(&it.expr).chain(arguments(&it.args)).collect(),
        Expr::GetAttr(it) => vec![&it.expr],
        Expr::GetItem(it) => vec![&it.expr, &it.subscript_expr],
        Expr::Call(it) => std::iter::once(&it.expr).chain(arguments(&it.args)).collect(),
        Expr::List(it) => it.items.iter().collect(),
        Expr::Tuple(it) => it.items.iter().collect(),
        Expr::Map(it) => it.keys.iter().chain(&it.values).collect(),
    }
}

/// Whether a tree has more levels than these; without calling itself, since it may be deep.
pub(super) fn is_deeper(tree: &Expr<'_>, levels: usize) -> bool {
    let mut rest = vec![(tree, 1)];
    while let Some((node, level)) = rest.pop() {
        if level > levels {
            return true;
        }
        rest.extend(children(node).into_iter().map(|child| (child, level + 1)));
    }
    false
}

/// Every name an expression uses, in the order of the text.
pub fn references<'a>(node: &Expr<'a>) -> Vec<Reference<'a>> {
    let mut found = Vec::new();
    collect(node, &mut found);
    found.sort_by_key(|reference| reference.span.start);
    found
}

fn collect<'a>(node: &Expr<'a>, found: &mut Vec<Reference<'a>>) {
    let mut below = children(node);
    match node {
        Expr::Var(it) => {
            found.push(Reference { name: it.id, attribute: None, call: false, span: bytes(it.span()) });
        }
        Expr::GetAttr(it) => {
            if let Expr::Var(base) = &it.expr {
                let (name, attribute) = (base.id, Some(it.name));
                found.push(Reference { name, attribute, call: false, span: extent(node) });
                return;
            }
        }
        Expr::Call(it) => {
            if let Expr::Var(function) = &it.expr {
                found.push(Reference { name: function.id, attribute: None, call: true, span: bytes(function.span()) });
                below.remove(0);
            }
        }
        _ => {}
    }
    for child in below {
        collect(child, found);
    }
}
