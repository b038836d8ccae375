"""The commands behind `make`, and what they know of a graded notebook."""
