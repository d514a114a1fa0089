"""Mistakes planted one at a time, to see that the tests find each (docs/evidence/planted-bugs.md)."""
