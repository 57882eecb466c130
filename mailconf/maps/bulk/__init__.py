"""Many keys looked up together, the work divided between processes."""
