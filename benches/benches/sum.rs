//! Sums of whole numbers, of decimal numbers and of a product, over all rows and behind a filter.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peristyle_benches::kernels::{Column, Kernels, ROWS, scan, value};
use storage::{AggregateOp, ArithmeticOp, Expression};

fn sums(criterion: &mut Criterion) {
    let kernels = Kernels::new(&[Column::Percent, Column::Amount, Column::Price]);
    let product = Expression::Arithmetic {
        op: ArithmeticOp::Multiply,
        left: Box::new(value(Column::Amount)),
        right: Box::new(value(Column::Percent)),
    };
    let mut group = criterion.benchmark_group("sum");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, argument) in [
        ("whole numbers", value(Column::Amount)),
        ("decimal numbers", value(Column::Price)),
        ("a product", product),
    ] {
        for percent in [1, 10, 50, 90, 100] {
            let mut scan = scan(AggregateOp::Sum, Some(argument.clone()));
            if percent < 100 {
                scan.filters.push(kernels.first(Column::Percent, percent));
            }
            group.bench_function(BenchmarkId::new(name, percent), |b| {
                b.iter(|| kernels.run(&scan));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, sums);
criterion_main!(benches);
