//! Sums in 7, 1,000 and 1,000,000 groups, and in groups of two columns.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peristyle_benches::kernels::{Column, Kernels, ROWS, here, scan, value};
use storage::AggregateOp;

fn groups(criterion: &mut Criterion) {
    use Column::{Amount, Million, Percent, Seven, Thousand};

    let kernels = Kernels::new(&[Percent, Seven, Thousand, Million, Amount]);
    let mut group = criterion.benchmark_group("sum by");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.sample_size(20);
    for (name, keys) in [
        ("7 groups", vec![Seven]),
        ("1,000 groups", vec![Thousand]),
        ("1,000,000 groups", vec![Million]),
        ("7 by 1,000 groups", vec![Seven, Thousand]),
    ] {
        for percent in [10, 100] {
            let mut scan = scan(AggregateOp::Sum, Some(value(Amount)));
            scan.keys = keys.iter().map(|key| here(*key)).collect();
            if percent < 100 {
                scan.filters.push(kernels.first(Percent, percent));
            }
            group.bench_function(BenchmarkId::new(name, percent), |b| {
                b.iter(|| kernels.run(&scan));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, groups);
criterion_main!(benches);
