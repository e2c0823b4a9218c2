//! Exact distinct counts of 1,000 and 1,000,000 values, in one group and in seven.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peristyle_benches::kernels::{Column, Kernels, ROWS, here, scan, value};
use storage::AggregateOp;

fn distinct(criterion: &mut Criterion) {
    let kernels = Kernels::new(&[Column::Seven, Column::Thousand, Column::Million]);
    let mut group = criterion.benchmark_group("distinct count");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(20);
    for (name, column) in [
        ("1,000 values", Column::Thousand),
        ("1,000,000 values", Column::Million),
    ] {
        for groups in [1, 7] {
            let mut scan = scan(AggregateOp::DistinctCount, Some(value(column)));
            if groups > 1 {
                scan.keys = vec![here(Column::Seven)];
            }
            group.bench_function(BenchmarkId::new(name, groups), |b| {
                b.iter(|| kernels.run(&scan));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, distinct);
criterion_main!(benches);
