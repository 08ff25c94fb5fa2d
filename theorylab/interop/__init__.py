"""Other libraries' results, in the conventions of this one."""
