"""What `make` runs before and beside the project itself."""
