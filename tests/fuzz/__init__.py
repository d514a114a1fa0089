"""Everything that reads what others have written, given what nobody would write, by chance and by what it reaches."""
