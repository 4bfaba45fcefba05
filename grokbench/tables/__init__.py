"""What people read: one table is one file, its columns and its rows."""
