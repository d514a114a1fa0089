"""coopflow turns predictions about families into the right steps, at the right time, on record."""

__version__ = "0.1.0"  # a constant: asking the installed package would cost a tick as much as all the rest
