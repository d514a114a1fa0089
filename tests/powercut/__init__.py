"""Power cuts and disk errors at every single operation on the files of a database (docs/evidence/power-cuts.md)."""
