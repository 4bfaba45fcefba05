"""The shelf of figures: what people look at, one file each."""
