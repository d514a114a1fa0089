"""Who hears of trouble, and of its absence."""
