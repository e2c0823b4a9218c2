"""Holds the tables of a folder of Parquet files in the memory of one engine, and answers a line of JSON with a line of JSON.

usage: peer.py ENGINE FOLDER THREADS TABLE,TABLE,...

{"op": "query", "sql": ...}           -> {"seconds": ..., "cpu": ..., "rows": [[...], ...]}
{"op": "batch", "clients": [[sql, ...], ...]} -> {"seconds": ..., "latencies": [...]}
{"op": "memory"}                      -> {"now": bytes, "peak": bytes}

Times are measured here, around the engine's own call until the answer is complete in memory; `cpu` is that of all threads.
"""
import decimal
import json
import os
import sys
import threading
import time

ENGINE, FOLDER, THREADS, TABLES = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4].split(",")
# Engines print to standard output at will; what is said to the other side has a channel of its own.
CHANNEL = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def path(table):
    return os.path.join(FOLDER, table + ".parquet")


class DuckDb:
    def __init__(self):
        import duckdb

        self.version = duckdb.__version__
        self.connection = duckdb.connect(config={"threads": THREADS})
        # Its progress is written over the reports otherwise.
        self.connection.execute("SET enable_progress_bar = false")
        for table in TABLES:
            self.connection.execute(f'CREATE TABLE "{table}" AS SELECT * FROM read_parquet(\'{path(table)}\')')

    def client(self):
        cursor = self.connection.cursor()
        cursor.execute("SET enable_progress_bar = false")
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            return lambda sql: cursor.execute(sql).fetchall()

        def run(sql):
            table = cursor.sql(sql).to_arrow_table()
            return lambda: list(zip(*(column.to_pylist() for column in table.columns)))

        return run


class DataFusion:
    def __init__(self):
        import datafusion
        import pyarrow.parquet

        self.version = datafusion.__version__
        self.context = datafusion.SessionContext(datafusion.SessionConfig().with_target_partitions(THREADS))
        for table in TABLES:
            batches = pyarrow.parquet.read_table(path(table)).to_batches(max_chunksize=8192)
            share = (len(batches) + THREADS - 1) // THREADS
            parts = [batches[i * share : (i + 1) * share] for i in range(THREADS)]
            self.context.register_record_batches(table, [p for p in parts if p])

    def client(self):
        def run(sql):
            batches = self.context.sql(sql).collect()
            return lambda: [tuple(row.values()) for batch in batches for row in batch.to_pylist()]

        return run


class Polars:
    def __init__(self):
        import polars

        self.version = polars.__version__
        frames = {}
        for table in TABLES:
            frame = polars.read_parquet(path(table))
            if table == "lineorder":
                # A sum of 32-bit numbers is one of 32 bits there, and overflows.
                summed = ["lo_revenue", "lo_supplycost", "lo_extendedprice", "lo_discount"]
                frame = frame.with_columns(polars.col(name).cast(polars.Int64) for name in summed)
            frames[table] = frame
        self.context = polars.SQLContext(frames)

    def client(self):
        def run(sql):
            frame = self.context.execute(sql).collect()
            return frame.rows

        return run


class ClickHouse:
    def __init__(self):
        import chdb
        from chdb import session

        self.version = chdb.__version__
        self.session = session.Session()
        for table in TABLES:
            self.session.query(
                f"CREATE TABLE {table} ENGINE = Memory AS SELECT * FROM file('{path(table)}', Parquet) "
                "SETTINGS schema_inference_make_columns_nullable = 0"
            )

    def client(self):
        def run(sql):
            text = self.session.query(f"{sql} SETTINGS max_threads = {THREADS}", "JSONCompact").bytes()

            def rows():
                reply = json.loads(text)
                numeric = ["Int" in column["type"] for column in reply["meta"]]
                return [[int(v) if n else v for v, n in zip(row, numeric)] for row in reply["data"]]

            return rows

        return run


def plain(value):
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, bytes):
        return value.decode()
    return value


def timed(client, sql):
    start, busy = time.perf_counter(), time.process_time()
    rows = client(sql)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    if callable(rows):
        rows = rows()
    return seconds, busy, [[plain(value) for value in row] for row in rows]


def batch(engine, clients):
    latencies, failures = [], []

    def work(queries):
        client = engine.client()
        try:
            for sql in queries:
                latencies.append(timed(client, sql)[0])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(queries,)) for queries in clients]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return {"seconds": time.perf_counter() - start, "latencies": latencies}


def memory():
    status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    kilobytes = lambda name: int(status[name].split()[0]) * 1024
    return {"now": kilobytes("VmRSS"), "peak": kilobytes("VmHWM")}


def say(reply):
    CHANNEL.write(json.dumps(reply) + "\n")
    CHANNEL.flush()


def main():
    engines = {"duckdb": DuckDb, "datafusion": DataFusion, "polars": Polars, "chdb": ClickHouse}
    try:
        start = time.perf_counter()
        engine = engines[ENGINE]()
        load = time.perf_counter() - start
        client = engine.client()
    except Exception as error:
        return say({"error": f"{type(error).__name__}: {error}"})
    say({"load": load, "version": engine.version})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["op"] == "query":
                seconds, busy, rows = timed(client, request["sql"])
                say({"seconds": seconds, "cpu": busy, "rows": rows})
            elif request["op"] == "batch":
                say(batch(engine, request["clients"]))
            else:
                say(memory())
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})


main()
