"""Small changes to the rules, one at a time: a test must fail for each, or it must be said why none can."""
