//! A filter by a piece of text: finding the values that hold it, and the rows that have them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use peristyle_benches::kernels::{Column, Kernels, ROWS, scan};
use storage::AggregateOp;

fn texts(criterion: &mut Criterion) {
    let kernels = Kernels::new(&[Column::Text]);
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Elements(ROWS as u64));
    for (name, piece) in [("rare", "things 42"), ("in one of ten", "7 of")] {
        group.bench_function(format!("find values, {name}"), |b| {
            b.iter(|| kernels.texts_with(piece));
        });
        let mut scan = scan(AggregateOp::Rows, None);
        scan.filters.push(kernels.texts_with(piece));
        group.bench_function(format!("count rows, {name}"), |b| {
            b.iter(|| kernels.run(&scan));
        });
    }
    group.finish();
}

criterion_group!(benches, texts);
criterion_main!(benches);
