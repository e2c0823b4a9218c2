//! Expressions over the columns of a row: typed once, then evaluated a strip at a time.

use std::borrow::Cow;

use super::compose::Composer;
use super::strip::Strip;
use super::sums::Lookup;
use crate::codes::Codes;
use crate::dictionary::Domain;
use crate::reading::Reading;
use crate::runs::RowCodes;
use crate::{ArithmeticOp, BLANK, DataType, Dataset, Expression, PathColumn, ScanError, TableId};

const FIXED_ONE: i64 = 10_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Number {
    Integer,
    Fixed,
    Double,
}

/// The type of an expression over rows of a table; None: not a number.
pub(super) fn data_type(
    data: &Dataset,
    table: TableId,
    expression: &Expression,
) -> Option<DataType> {
    let reading = Reading::of(data);
    let mut composer = Composer::new(&reading, table).ok()?;
    Some(match number(&mut composer, expression).ok()? {
        Number::Integer => DataType::Integer,
        Number::Fixed => DataType::Fixed,
        Number::Double => DataType::Double,
    })
}

fn number(composer: &mut Composer<'_>, expression: &Expression) -> Result<Number, ScanError> {
    Ok(match expression {
        Expression::Integer(_) => Number::Integer,
        Expression::Fixed(_) => Number::Fixed,
        Expression::Double(_) => Number::Double,
        Expression::Column(column) => column_number(composer, column)?,
        Expression::Arithmetic { op, left, right } => {
            result(*op, number(composer, left)?, number(composer, right)?)
        }
    })
}

fn column_number(composer: &mut Composer<'_>, column: &PathColumn) -> Result<Number, ScanError> {
    match composer.target(column)?.map(|c| c.data_type) {
        Some(DataType::Integer) => Ok(Number::Integer),
        Some(DataType::Fixed) => Ok(Number::Fixed),
        Some(DataType::Double) => Ok(Number::Double),
        other => Err(ScanError::Internal(match other {
            Some(other) => format!("a column of type {other:?} stands in arithmetic"),
            None => "a row number stands in arithmetic".to_owned(),
        })),
    }
}

/// The type of a result. A fixed decimal multiplied or divided by another number stays fixed; two of them make a decimal number.
fn result(op: ArithmeticOp, left: Number, right: Number) -> Number {
    use Number::{Double, Fixed, Integer};
    match (op, left, right) {
        (ArithmeticOp::Add | ArithmeticOp::Subtract, Double, _) => Double,
        (ArithmeticOp::Add | ArithmeticOp::Subtract, _, Double) => Double,
        (ArithmeticOp::Add | ArithmeticOp::Subtract | ArithmeticOp::Multiply, Integer, Integer) => {
            Integer
        }
        (ArithmeticOp::Add | ArithmeticOp::Subtract, _, _) => Fixed,
        (ArithmeticOp::Multiply, Fixed, Fixed) => Double,
        (ArithmeticOp::Multiply, Fixed, _) | (ArithmeticOp::Multiply, _, Fixed) => Fixed,
        (ArithmeticOp::Divide, Fixed, Integer | Double) => Fixed,
        (ArithmeticOp::Multiply | ArithmeticOp::Divide, _, _) => Double,
    }
}

/// An expression, ready to run.
pub(super) struct Compiled<'a> {
    pub(super) number: Number,
    node: Node<'a>,
}

enum Node<'a> {
    /// Whole numbers by `first + code * step`.
    Offset {
        codes: &'a RowCodes,
        first: i64,
        step: i64,
        count: u32,
        blank: Blank,
    },
    /// Whole numbers by code of the lane.
    Whole {
        codes: &'a RowCodes,
        values: Cow<'a, [i64]>,
        blank: Blank,
    },
    /// Decimal numbers by code of the lane.
    Double {
        codes: &'a RowCodes,
        values: Cow<'a, [f64]>,
        blank: Blank,
    },
    WholeLiteral(i64),
    DoubleLiteral(f64),
    /// An integer as a fixed decimal.
    ToFixed(Box<Node<'a>>),
    /// A whole number, divided, as a decimal number.
    ToDouble(Box<Node<'a>>, f64),
    Binary {
        kernel: Kernel,
        left: Box<Node<'a>>,
        right: Box<Node<'a>>,
        /// The bounds of both sides show that nothing can overflow.
        fits: bool,
    },
}

/// Which codes of a lane lead to BLANK.
enum Blank {
    Never,
    CodeZero,
    Table(Vec<bool>),
}

/// The operations, the types of both sides being settled.
#[derive(Clone, Copy)]
enum Kernel {
    AddWhole,
    SubtractWhole,
    MultiplyWhole,
    AddDouble,
    SubtractDouble,
    MultiplyDouble,
    DivideDouble,
    /// Fixed by decimal number, rounded to four places.
    MultiplyFixedDouble,
    DivideFixedDouble,
    /// Fixed by integer, rounded to four places.
    DivideFixedInteger,
}

/// Values of the rows of a strip. What stands at BLANK is zero, because BLANK is zero to a sum.
pub(super) struct Vector {
    pub(super) numbers: Numbers,
    /// None: no row is BLANK.
    pub(super) blank: Option<Vec<bool>>,
}

pub(super) enum Numbers {
    /// Integers, or ten-thousandths.
    Whole(Vec<i64>),
    Double(Vec<f64>),
}

impl<'a> Compiled<'a> {
    pub(super) fn new(
        composer: &mut Composer<'a>,
        expression: &Expression,
    ) -> Result<Compiled<'a>, ScanError> {
        let (number, node) = compile(composer, expression)?;
        Ok(Compiled { number, node })
    }

    /// The codes of a column of the table itself that holds whole numbers at even distances, its base and step, and whether
    /// BLANK is among them. None: the expression is something else.
    pub(super) fn even(&self) -> Option<(&'a RowCodes, i64, i64, bool)> {
        match &self.node {
            Node::Offset {
                codes, first, step, ..
            } => {
                let base = first.wrapping_add(*step);
                Some((codes, base, *step, self.may_be_blank()))
            }
            _ => None,
        }
    }

    /// The codes of a column of the table itself whose values stand in a list, and how to sum it up by them. None: the expression is something else, or too large for this.
    pub(super) fn lookup(&self) -> Option<(&'a Codes, Lookup)> {
        let Node::Whole {
            codes: RowCodes::Each(codes),
            values: Cow::Borrowed(values),
            blank,
        } = &self.node
        else {
            return None;
        };
        let may_be_blank = match blank {
            Blank::Never => false,
            Blank::CodeZero => true,
            Blank::Table(_) => return None,
        };
        Some((codes, Lookup::new(codes, values, may_be_blank)?))
    }

    /// The least and the greatest value that a row can have, zero among them, where that is known and fits.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        self.node.bounds()
    }

    /// About the largest size of a decimal number that a row can have.
    pub(super) fn largest(&self) -> f64 {
        self.node.largest()
    }

    /// False: no row's value is BLANK.
    pub(super) fn may_be_blank(&self) -> bool {
        self.node.may_be_blank()
    }

    pub(super) fn evaluate(&self, strip: &Strip<'_>) -> Result<Vector, ScanError> {
        self.node.evaluate(strip)
    }
}

fn compile<'a>(
    composer: &mut Composer<'a>,
    expression: &Expression,
) -> Result<(Number, Node<'a>), ScanError> {
    Ok(match expression {
        Expression::Integer(value) => (Number::Integer, Node::WholeLiteral(*value)),
        Expression::Fixed(value) => (Number::Fixed, Node::WholeLiteral(*value)),
        Expression::Double(value) => (Number::Double, Node::DoubleLiteral(*value)),
        Expression::Column(column) => (column_number(composer, column)?, read(composer, column)?),
        Expression::Arithmetic { op, left, right } => {
            let (left, right) = (compile(composer, left)?, compile(composer, right)?);
            (result(*op, left.0, right.0), arithmetic(*op, left, right))
        }
    })
}

fn read<'a>(composer: &mut Composer<'a>, column: &PathColumn) -> Result<Node<'a>, ScanError> {
    let source = composer.source(column)?;
    let (Some(lane), Some(target)) = (source.lane, composer.target(column)?) else {
        return Err(ScanError::Internal(
            "a row number stands in arithmetic".to_owned(),
        ));
    };
    let lane = composer.lane(lane)?;
    let codes = &lane.numbers;
    let Some(reached) = source.reached.dense() else {
        let blank = if lane.blanks > 0 {
            Blank::CodeZero
        } else {
            Blank::Never
        };
        return Ok(match &*lane.domain {
            Domain::Offset(o) => Node::Offset {
                codes,
                first: o.base.wrapping_sub(o.step),
                step: o.step,
                count: o.count,
                blank,
            },
            Domain::Whole(values) => Node::Whole {
                codes,
                values: Cow::Borrowed(values),
                blank,
            },
            Domain::Double(values) => Node::Double {
                codes,
                values: Cow::Borrowed(values),
                blank,
            },
            Domain::Text(_) => {
                return Err(ScanError::Internal("text stands in arithmetic".to_owned()));
            }
        });
    };
    let held = lane.held();
    let leads_to_blank = |(number, reached): (u32, &u32)| *reached == BLANK && held.get(number);
    let blank = if (0u32..).zip(reached.iter()).any(leads_to_blank) {
        Blank::Table(reached.iter().map(|code| *code == BLANK).collect())
    } else {
        Blank::Never
    };
    Ok(match &*target.domain {
        Domain::Double(values) => {
            let values: Vec<f64> = reached.iter().map(|code| values[*code as usize]).collect();
            Node::Double {
                codes,
                values: values.into(),
                blank,
            }
        }
        whole => {
            let values: Vec<i64> = reached
                .iter()
                .map(|code| whole.whole_value(*code).unwrap_or(0))
                .collect();
            Node::Whole {
                codes,
                values: values.into(),
                blank,
            }
        }
    })
}

fn arithmetic<'a>(
    op: ArithmeticOp,
    left: (Number, Node<'a>),
    right: (Number, Node<'a>),
) -> Node<'a> {
    use ArithmeticOp::{Add, Divide, Multiply, Subtract};
    let number = result(op, left.0, right.0);
    let binary = |kernel: Kernel, left: Node<'a>, right: Node<'a>| Node::Binary {
        kernel,
        fits: kernel.bounds(left.bounds(), right.bounds()).is_some(),
        left: Box::new(left),
        right: Box::new(right),
    };
    match (op, number) {
        (Add | Subtract, Number::Integer | Number::Fixed) => {
            let kernel = if op == Add {
                Kernel::AddWhole
            } else {
                Kernel::SubtractWhole
            };
            binary(kernel, to_whole(left, number), to_whole(right, number))
        }
        (Multiply, Number::Fixed) if right.0 == Number::Double => {
            binary(Kernel::MultiplyFixedDouble, left.1, right.1)
        }
        (Multiply, Number::Fixed) if left.0 == Number::Double => {
            binary(Kernel::MultiplyFixedDouble, right.1, left.1)
        }
        // Ten-thousandths times an integer are ten-thousandths: nothing to round.
        (Multiply, Number::Integer | Number::Fixed) => {
            binary(Kernel::MultiplyWhole, left.1, right.1)
        }
        (Divide, Number::Fixed) if right.0 == Number::Double => {
            binary(Kernel::DivideFixedDouble, left.1, right.1)
        }
        (Divide, Number::Fixed | Number::Integer) => {
            binary(Kernel::DivideFixedInteger, left.1, right.1)
        }
        (_, Number::Double) => {
            let kernel = match op {
                Add => Kernel::AddDouble,
                Subtract => Kernel::SubtractDouble,
                Multiply => Kernel::MultiplyDouble,
                Divide => Kernel::DivideDouble,
            };
            binary(kernel, to_double(left), to_double(right))
        }
    }
}

fn to_whole(side: (Number, Node<'_>), number: Number) -> Node<'_> {
    if side.0 == number {
        side.1
    } else {
        Node::ToFixed(Box::new(side.1))
    }
}

fn to_double(side: (Number, Node<'_>)) -> Node<'_> {
    match side.0 {
        Number::Double => side.1,
        Number::Integer => Node::ToDouble(Box::new(side.1), 1.0),
        Number::Fixed => Node::ToDouble(Box::new(side.1), FIXED_ONE as f64),
    }
}

impl Blank {
    fn read(&self, codes: &RowCodes, strip: &Strip<'_>) -> Option<Vec<bool>> {
        let mut blank = Vec::new();
        match self {
            Blank::Never => return None,
            Blank::CodeZero => strip.gather(codes, &mut blank, |code| code == BLANK),
            Blank::Table(table) => strip.gather(codes, &mut blank, |code| table[code as usize]),
        }
        Some(blank)
    }
}

impl Node<'_> {
    /// The least and the greatest value, zero among them because that is what stands at BLANK. None: not known, or a decimal number.
    fn bounds(&self) -> Option<(i64, i64)> {
        let around = |a: i64, b: i64| (a.min(b).min(0), a.max(b).max(0));
        match self {
            Node::Offset {
                first, step, count, ..
            } => {
                let last = i64::from(*count).checked_mul(*step)?.checked_add(*first)?;
                Some(around(first.checked_add(*step)?, last))
            }
            Node::Whole { values, .. } => {
                let (least, most) = (values.iter().min()?, values.iter().max()?);
                Some(around(*least, *most))
            }
            Node::WholeLiteral(value) => Some(around(*value, *value)),
            Node::ToFixed(node) => {
                let (least, most) = node.bounds()?;
                Some((least.checked_mul(FIXED_ONE)?, most.checked_mul(FIXED_ONE)?))
            }
            Node::Binary {
                kernel,
                left,
                right,
                ..
            } => kernel.bounds(left.bounds(), right.bounds()),
            Node::Double { .. } | Node::DoubleLiteral(_) | Node::ToDouble(..) => None,
        }
    }

    /// A guess at the largest size of a value: only the speed of a sum depends on it.
    fn largest(&self) -> f64 {
        match self {
            Node::Double { values, .. } => {
                let sizes = values.iter().map(|v| v.abs()).filter(|v| v.is_finite());
                sizes.fold(0.0, f64::max)
            }
            Node::DoubleLiteral(value) => value.abs(),
            Node::ToDouble(node, divisor) => node.largest() / divisor,
            Node::Binary {
                kernel,
                left,
                right,
                ..
            } => match kernel {
                Kernel::AddWhole
                | Kernel::SubtractWhole
                | Kernel::AddDouble
                | Kernel::SubtractDouble => left.largest() + right.largest(),
                Kernel::MultiplyWhole | Kernel::MultiplyDouble | Kernel::MultiplyFixedDouble => {
                    left.largest() * right.largest()
                }
                _ => left.largest(),
            },
            whole => whole
                .bounds()
                .map_or(1e15, |(a, b)| (a as f64).abs().max(b as f64)),
        }
    }

    fn may_be_blank(&self) -> bool {
        match self {
            Node::Offset { blank, .. } | Node::Whole { blank, .. } | Node::Double { blank, .. } => {
                !matches!(blank, Blank::Never)
            }
            Node::WholeLiteral(_) | Node::DoubleLiteral(_) => false,
            Node::ToFixed(node) | Node::ToDouble(node, _) => node.may_be_blank(),
            Node::Binary { left, right, .. } => left.may_be_blank() || right.may_be_blank(),
        }
    }

    fn evaluate(&self, strip: &Strip<'_>) -> Result<Vector, ScanError> {
        match self {
            Node::Offset {
                codes,
                first,
                step,
                blank,
                ..
            } => {
                let mut values = Vec::with_capacity(strip.count());
                let value = |code: u32| first.wrapping_add(i64::from(code).wrapping_mul(*step));
                match blank {
                    Blank::Never => strip.gather(codes, &mut values, value),
                    _ => strip.gather(
                        codes,
                        &mut values,
                        |c| if c == BLANK { 0 } else { value(c) },
                    ),
                }
                Ok(Vector {
                    numbers: Numbers::Whole(values),
                    blank: blank.read(codes, strip),
                })
            }
            Node::Whole {
                codes,
                values,
                blank,
            } => {
                let mut read = Vec::with_capacity(strip.count());
                strip.gather(codes, &mut read, |code| values[code as usize]);
                Ok(Vector {
                    numbers: Numbers::Whole(read),
                    blank: blank.read(codes, strip),
                })
            }
            Node::Double {
                codes,
                values,
                blank,
            } => {
                let mut read = Vec::with_capacity(strip.count());
                strip.gather(codes, &mut read, |code| values[code as usize]);
                Ok(Vector {
                    numbers: Numbers::Double(read),
                    blank: blank.read(codes, strip),
                })
            }
            Node::WholeLiteral(value) => Ok(Vector {
                numbers: Numbers::Whole(vec![*value; strip.count()]),
                blank: None,
            }),
            Node::DoubleLiteral(value) => Ok(Vector {
                numbers: Numbers::Double(vec![*value; strip.count()]),
                blank: None,
            }),
            Node::ToFixed(node) => {
                let mut vector = node.evaluate(strip)?;
                if let Numbers::Whole(values) = &mut vector.numbers {
                    whole_each(values.iter_mut(), |v| v.overflowing_mul(FIXED_ONE))?;
                }
                Ok(vector)
            }
            Node::ToDouble(node, divisor) => {
                let Vector { numbers, blank } = node.evaluate(strip)?;
                let numbers = match numbers {
                    Numbers::Whole(values) => {
                        Numbers::Double(values.iter().map(|v| *v as f64 / divisor).collect())
                    }
                    doubles => doubles,
                };
                Ok(Vector { numbers, blank })
            }
            Node::Binary {
                kernel,
                left,
                right,
                fits,
            } => {
                let (left, right) = (left.evaluate(strip)?, right.evaluate(strip)?);
                kernel.apply(left, right, *fits)
            }
        }
    }
}

/// Overflow is looked at once a strip, so that the loop has no branch.
fn whole_each<'v>(
    values: impl Iterator<Item = &'v mut i64>,
    mut change: impl FnMut(i64) -> (i64, bool),
) -> Result<(), ScanError> {
    let mut overflow = false;
    for value in values {
        let (changed, over) = change(*value);
        *value = changed;
        overflow |= over;
    }
    if overflow {
        Err(ScanError::Overflow)
    } else {
        Ok(())
    }
}

impl Kernel {
    fn apply(self, left: Vector, right: Vector, fits: bool) -> Result<Vector, ScanError> {
        let blank = self.blank(left.blank, right.blank);
        let numbers = match (left.numbers, right.numbers) {
            (Numbers::Whole(mut l), Numbers::Whole(r)) if fits => {
                self.fitting(&mut l, &r);
                Numbers::Whole(l)
            }
            (Numbers::Whole(mut l), Numbers::Whole(r)) => {
                self.whole(&mut l, &r, blank.as_deref())?;
                Numbers::Whole(l)
            }
            (Numbers::Double(mut l), Numbers::Double(r)) => {
                self.double(&mut l, &r);
                if let Some(blank) = &blank {
                    l.iter_mut()
                        .zip(blank)
                        .for_each(|(l, blank)| *l = if *blank { 0.0 } else { *l });
                }
                Numbers::Double(l)
            }
            (Numbers::Whole(mut l), Numbers::Double(r)) => {
                self.fixed_double(&mut l, &r, blank.as_deref())?;
                Numbers::Whole(l)
            }
            _ => {
                return Err(ScanError::Internal(
                    "an operation on numbers of the wrong types".to_owned(),
                ));
            }
        };
        Ok(Vector { numbers, blank })
    }

    /// A sum is BLANK when both sides are, a product when one is, a quotient when the dividend is.
    fn blank(self, left: Option<Vec<bool>>, right: Option<Vec<bool>>) -> Option<Vec<bool>> {
        match self {
            Kernel::AddWhole
            | Kernel::SubtractWhole
            | Kernel::AddDouble
            | Kernel::SubtractDouble => {
                let (mut left, right) = (left?, right?);
                left.iter_mut().zip(right).for_each(|(l, r)| *l &= r);
                Some(left)
            }
            Kernel::MultiplyWhole | Kernel::MultiplyDouble | Kernel::MultiplyFixedDouble => {
                match (left, right) {
                    (Some(mut left), Some(right)) => {
                        left.iter_mut().zip(right).for_each(|(l, r)| *l |= r);
                        Some(left)
                    }
                    (left, right) => left.or(right),
                }
            }
            Kernel::DivideDouble | Kernel::DivideFixedDouble | Kernel::DivideFixedInteger => left,
        }
    }

    /// The bounds of a result, where it is a whole number and those of both sides are known.
    fn bounds(self, left: Option<(i64, i64)>, right: Option<(i64, i64)>) -> Option<(i64, i64)> {
        let ((a, b), (c, d)) = (left?, right?);
        match self {
            Kernel::AddWhole => Some((a.checked_add(c)?, b.checked_add(d)?)),
            Kernel::SubtractWhole => Some((a.checked_sub(d)?, b.checked_sub(c)?)),
            Kernel::MultiplyWhole => {
                let corners = [(a, c), (a, d), (b, c), (b, d)].map(|(l, r)| l.checked_mul(r));
                let [w, x, y, z] = [corners[0]?, corners[1]?, corners[2]?, corners[3]?];
                Some((w.min(x).min(y).min(z), w.max(x).max(y).max(z)))
            }
            _ => None,
        }
    }

    /// Where nothing can overflow.
    fn fitting(self, left: &mut [i64], right: &[i64]) {
        let pairs = left.iter_mut().zip(right);
        match self {
            Kernel::AddWhole => pairs.for_each(|(l, r)| *l = l.wrapping_add(*r)),
            Kernel::SubtractWhole => pairs.for_each(|(l, r)| *l = l.wrapping_sub(*r)),
            _ => pairs.for_each(|(l, r)| *l = l.wrapping_mul(*r)),
        }
    }

    fn whole(
        self,
        left: &mut [i64],
        right: &[i64],
        blank: Option<&[bool]>,
    ) -> Result<(), ScanError> {
        let mut rights = right.iter().copied();
        let mut next = || rights.next().unwrap_or(0);
        match self {
            Kernel::AddWhole => whole_each(left.iter_mut(), |l| l.overflowing_add(next())),
            Kernel::SubtractWhole => whole_each(left.iter_mut(), |l| l.overflowing_sub(next())),
            Kernel::MultiplyWhole => whole_each(left.iter_mut(), |l| l.overflowing_mul(next())),
            _ => {
                for (place, (l, r)) in left.iter_mut().zip(right).enumerate() {
                    if !blank.is_some_and(|b| b[place]) {
                        *l = divide_rounding(*l, *r).ok_or(ScanError::Overflow)?;
                    }
                }
                Ok(())
            }
        }
    }

    fn double(self, left: &mut [f64], right: &[f64]) {
        let pairs = left.iter_mut().zip(right);
        match self {
            Kernel::AddDouble => pairs.for_each(|(l, r)| *l += r),
            Kernel::SubtractDouble => pairs.for_each(|(l, r)| *l -= r),
            Kernel::MultiplyDouble => pairs.for_each(|(l, r)| *l *= r),
            _ => pairs.for_each(|(l, r)| *l /= r),
        }
    }

    fn fixed_double(
        self,
        left: &mut [i64],
        right: &[f64],
        blank: Option<&[bool]>,
    ) -> Result<(), ScanError> {
        let multiply = matches!(self, Kernel::MultiplyFixedDouble);
        let mut overflow = false;
        for (place, (l, r)) in left.iter_mut().zip(right).enumerate() {
            let exact = if multiply {
                *l as f64 * r
            } else {
                *l as f64 / r
            };
            let rounded = exact.round();
            // A fixed decimal has no infinity: what is not a number in range is out of range.
            let fits = rounded.abs() < i64::MAX as f64;
            let is_blank = blank.is_some_and(|b| b[place]);
            overflow |= !fits && !is_blank;
            *l = if fits && !is_blank { rounded as i64 } else { 0 };
        }
        if overflow {
            Err(ScanError::Overflow)
        } else {
            Ok(())
        }
    }
}

/// Half away from zero. None: division by zero, which a fixed decimal cannot express, or overflow.
fn divide_rounding(left: i64, right: i64) -> Option<i64> {
    let (quotient, rest) = (left.checked_div(right)?, left.checked_rem(right)?);
    if rest.unsigned_abs() >= right.unsigned_abs() - rest.unsigned_abs() {
        quotient.checked_add(if (left < 0) == (right < 0) { 1 } else { -1 })
    } else {
        Some(quotient)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_decimals_divide_half_away_from_zero() {
        fn check(left: i64, right: i64, expected: Option<i64>) {
            assert_eq!(divide_rounding(left, right), expected, "{left} / {right}");
        }
        check(5, 2, Some(3));
        check(-5, 2, Some(-3));
        check(5, -2, Some(-3));
        check(4, 3, Some(1));
        check(-1, 3, Some(0));
        check(0, 7, Some(0));
        check(1, 0, None);
        check(i64::MIN, -1, None);
        check(1, i64::MIN, Some(0));
    }

    #[test]
    fn types_follow_the_tables() {
        use ArithmeticOp::{Add, Divide, Multiply, Subtract};
        use Number::{Double, Fixed, Integer};
        fn check(left: Number, op: ArithmeticOp, right: Number, expected: Number) {
            assert_eq!(
                result(op, left, right),
                expected,
                "{left:?} {op:?} {right:?}"
            );
        }
        check(Integer, Add, Integer, Integer);
        check(Integer, Add, Fixed, Fixed);
        check(Fixed, Subtract, Double, Double);
        check(Integer, Multiply, Integer, Integer);
        check(Fixed, Multiply, Fixed, Double);
        check(Fixed, Multiply, Integer, Fixed);
        check(Double, Multiply, Fixed, Fixed);
        check(Double, Multiply, Integer, Double);
        check(Integer, Divide, Integer, Double);
        check(Fixed, Divide, Fixed, Double);
        check(Fixed, Divide, Integer, Fixed);
        check(Fixed, Divide, Double, Fixed);
        check(Integer, Divide, Fixed, Double);
    }
}
