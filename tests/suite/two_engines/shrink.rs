//! A smaller query that shows the same difference: arguments dropped, calls replaced by what stands in them.

use dax::{Expr, ExprKind, Name, format_query, parse_expression, parse_query};

/// Names and expressions of the model's measures, which may stand in a query in the place of their names.
pub type Measures = Vec<(String, String)>;

/// How much there is to read, measures included.
fn weight(text: &str, measures: &Measures) -> usize {
    let own = text.split_whitespace().map(str::len).sum::<usize>();
    let called = measures.iter().map(|(name, body)| {
        text.matches(&format!("[{name}]")).count() * (30 + weight(body, &Vec::new()) + name.len())
    });
    own + called.sum::<usize>()
}

/// Tries ever smaller texts while `differs` holds of them.
pub fn shrink(dax: &str, measures: &Measures, mut differs: impl FnMut(&str) -> bool) -> String {
    let mut best = dax.to_owned();
    let mut tries = 0;
    'smaller: loop {
        let query = parse_query(&best).tree;
        let Some(evaluate) = query.evaluates.first() else {
            return best;
        };
        for candidate in smaller(&evaluate.table, measures) {
            let mut query = query.clone();
            query.evaluates[0].table = candidate;
            let text = format_query(&query);
            if weight(&text, measures) >= weight(&best, measures) {
                continue;
            }
            tries += 1;
            if tries > MOST_TRIES {
                return best;
            }
            if differs(&text) {
                best = text;
                continue 'smaller;
            }
        }
        return best;
    }
}

/// Each is a query to both engines.
const MOST_TRIES: usize = 800;

/// The expression with one place of it made simpler, all ways, the largest steps first.
fn smaller(expr: &Expr, measures: &Measures) -> Vec<Expr> {
    let mut out: Vec<Expr> = children(expr).into_iter().cloned().collect();
    if let ExprKind::Call { name, args } = &expr.kind {
        for skip in 0..args.len() {
            let mut fewer = args.clone();
            fewer.remove(skip);
            out.push(Expr {
                kind: ExprKind::Call {
                    name: name.clone(),
                    args: fewer.clone(),
                },
                span: expr.span,
            });
            if skip < fewer.len() {
                fewer.remove(skip);
                out.push(Expr {
                    kind: ExprKind::Call {
                        name: name.clone(),
                        args: fewer,
                    },
                    span: expr.span,
                });
            }
        }
    }
    if let ExprKind::Bracket(name) = &expr.kind
        && let Some((_, body)) = measures.iter().find(|(known, _)| *known == name.text)
    {
        let calculate = Name {
            text: "CALCULATE".to_owned(),
            span: expr.span,
        };
        out.push(Expr {
            kind: ExprKind::Call {
                name: calculate,
                args: vec![parse_expression(body).tree],
            },
            span: expr.span,
        });
    }
    if let ExprKind::Table(rows) = &expr.kind {
        for skip in 0..rows.len().min(if rows.len() > 1 { rows.len() } else { 0 }) {
            let mut fewer = rows.clone();
            fewer.remove(skip);
            out.push(Expr {
                kind: ExprKind::Table(fewer),
                span: expr.span,
            });
        }
    }
    for (at, child) in children(expr).into_iter().enumerate() {
        for simpler in smaller(child, measures) {
            let mut whole = expr.clone();
            if let Some(place) = children_mut(&mut whole).into_iter().nth(at) {
                *place = simpler;
            }
            out.push(whole);
        }
    }
    out
}

fn children(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Call { args, .. } => args.iter().collect(),
        ExprKind::Unary { operand, .. } => vec![operand],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Table(rows) | ExprKind::Row(rows) => rows.iter().collect(),
        ExprKind::Let { vars, body } => vars
            .iter()
            .map(|(_, value)| value)
            .chain([&**body])
            .collect(),
        _ => Vec::new(),
    }
}

fn children_mut(expr: &mut Expr) -> Vec<&mut Expr> {
    match &mut expr.kind {
        ExprKind::Call { args, .. } => args.iter_mut().collect(),
        ExprKind::Unary { operand, .. } => vec![operand],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Table(rows) | ExprKind::Row(rows) => rows.iter_mut().collect(),
        ExprKind::Let { vars, body } => vars
            .iter_mut()
            .map(|(_, value)| value)
            .chain([&mut **body])
            .collect(),
        _ => Vec::new(),
    }
}
