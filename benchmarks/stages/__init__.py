"""What is measured, a file each: a function that returns rows of the table."""
