//! Scans against a literal evaluator that looks at one row at a time.
