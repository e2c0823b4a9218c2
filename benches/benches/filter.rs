//! Filters that keep 1, 10, 50 and 90 percent of the rows: a range of codes, codes to look up, runs that skip blocks, and
//! row sets.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use peristyle_benches::kernels::{Column, Kernels, ROWS, scan};
use storage::AggregateOp;

fn filters(criterion: &mut Criterion) {
    let kernels = Kernels::new(&[Column::Percent, Column::Sorted]);
    let mut group = criterion.benchmark_group("count rows");
    group.throughput(Throughput::Elements(ROWS as u64));
    for percent in [1, 10, 50, 90] {
        let mut run = |name: &str, filter: storage::Filter| {
            let mut scan = scan(AggregateOp::Rows, None);
            scan.filters.push(filter);
            group.bench_function(BenchmarkId::new(name, percent), |b| {
                b.iter(|| kernels.run(&scan));
            });
        };
        run("range of codes", kernels.first(Column::Percent, percent));
        if percent <= 50 {
            run(
                "scattered codes",
                kernels.every(Column::Percent, percent, 2),
            );
        }
        let runs = ROWS as u32 / 1000 * percent / 100;
        run("sorted column", kernels.first(Column::Sorted, runs));
    }
    for every in [100, 10, 2] {
        let mut scan = scan(AggregateOp::Rows, None);
        scan.visibility = kernels.visible(every);
        group.bench_function(BenchmarkId::new("row set", 100 / every), |b| {
            b.iter(|| kernels.run(&scan));
        });
    }
    group.finish();
}

criterion_group!(benches, filters);
criterion_main!(benches);
