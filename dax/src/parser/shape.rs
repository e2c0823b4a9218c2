//! `WITH VISUAL SHAPE`: the axes along which a visual lays out the rows of a table that its query defines.

use super::cursor::Parser;
use crate::tokens::TokenKind;
use crate::tree::{Axis, AxisGroup, AxisOrder, ExprKind, Name, VisualShape};

impl Parser<'_> {
    /// None after an error.
    pub(super) fn visual_shape(&mut self) -> Option<VisualShape> {
        for word in ["WITH", "VISUAL", "SHAPE"] {
            if !self.eat_word(word) {
                self.expected("WITH VISUAL SHAPE");
                return None;
            }
        }
        let mut axes = Vec::new();
        while self.at_word("AXIS") {
            axes.push(self.axis()?);
        }
        if axes.is_empty() {
            self.expected("AXIS and the name of an axis");
            return None;
        }
        let densify = if self.eat_word("DENSIFY") {
            Some(self.densified()?)
        } else {
            None
        };
        Some(VisualShape { axes, densify })
    }

    /// `AXIS name GROUP [a], [b] TOTAL [t] ... ORDER BY [a], [b] DESC`
    fn axis(&mut self) -> Option<Axis> {
        self.advance();
        let name = self.plain_name("the name of the axis")?;
        let mut groups = Vec::new();
        while self.eat_word("GROUP") {
            let mut columns = vec![self.shape_column()?];
            while self.eat_comma() {
                columns.push(self.shape_column()?);
            }
            let total = if self.eat_word("TOTAL") {
                Some(self.shape_column()?)
            } else {
                None
            };
            groups.push(AxisGroup { columns, total });
        }
        if groups.is_empty() {
            self.expected("GROUP and the columns of the axis");
            return None;
        }
        let mut order = Vec::new();
        if self.at_words("ORDER", "BY") {
            self.advance();
            self.advance();
            order.push(self.axis_order()?);
            while self.eat_comma() {
                order.push(self.axis_order()?);
            }
        }
        Some(Axis {
            name,
            groups,
            order,
        })
    }

    fn axis_order(&mut self) -> Option<AxisOrder> {
        let column = self.shape_column()?;
        let descending = self.eat_word("DESC");
        if !descending {
            self.eat_word("ASC");
        }
        Some(AxisOrder { column, descending })
    }

    /// `[Year]`, with or without the table.
    fn shape_column(&mut self) -> Option<Name> {
        let named = matches!(self.kind(), TokenKind::Identifier | TokenKind::QuotedName);
        if named && self.peek_at(1).kind == TokenKind::Bracket {
            self.advance();
        }
        self.bracket_name("a column of the table, such as `[Year]`")
    }

    /// The name of the column that tells added rows.
    fn densified(&mut self) -> Option<Name> {
        let expr = self.expression().expr;
        match expr.kind {
            ExprKind::Text(text) => Some(Name {
                text,
                span: expr.span,
            }),
            _ => {
                self.expected("the name of a column, as text, after DENSIFY");
                None
            }
        }
    }
}
