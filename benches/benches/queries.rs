//! The 13 queries of the Star Schema Benchmark at a tenth of scale 1, whole: text to Arrow batch. And admission.

use criterion::{Criterion, criterion_group, criterion_main};
use peristyle::{Database, Identity};
use peristyle_benches::models::{Scratch, SsbModel};
use peristyle_benches::ssb::{self, QUERIES, Sizes};

fn queries(criterion: &mut Criterion) {
    let folder = Scratch::new("queries").expect("a temporary folder");
    ssb::write(Sizes::at_scale(0.1), folder.path()).expect("the data");
    let model = SsbModel::default()
        .role("Everything", &[])
        .role(
            "Building",
            &[("customer", "customer[c_mktsegment] = \"BUILDING\"")],
        )
        .write(folder.path())
        .expect("the model");
    let database = Database::import(model, folder.path()).expect("a database");
    let identity = |role: &str| Identity::user("bench@example.com").role(role);
    for role in ["Everything", "Building"] {
        let session = database.session(identity(role)).expect("a session");
        let mut group = criterion.benchmark_group(format!("ssb, {role}"));
        group.sample_size(20);
        for query in QUERIES {
            group.bench_function(query.name, |b| {
                b.iter(|| session.query(query.dax).expect("an answer"));
            });
        }
        group.finish();
    }
    criterion.bench_function("admission", |b| {
        b.iter(|| database.session(identity("Building")).expect("a session"));
    });
}

criterion_group!(benches, queries);
criterion_main!(benches);
