"""How fast is ours beside what a good researcher would otherwise write? One file is one comparison."""
