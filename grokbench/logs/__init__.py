"""Strangers' training logs as they are: files to tables, tables to series, series to detections.

What was taken for what is said, and what cannot be told is refused in one line that names the option to set.
"""
